//! Protocol buffers as they lie in the file: numbered fields, each a number, four or eight bytes,
//! or a run of bytes.

/// Where and why the bytes are no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte of the file.
    pub(super) at: usize,
    pub(super) problem: &'static str,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    Fixed,
    Bytes(&'a [u8]),
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    pub(super) value: Value<'a>,
    /// Byte of the file where the value ends.
    pub(super) end: usize,
}

/// The fields of a message, in their order; it ends after a [`Fault`].
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Byte of the file where the message begins.
    base: usize,
}

impl<'a> Fields<'a> {
    /// The fields in `bytes`, which end at byte `end` of the file.
    pub(super) fn ending_at(bytes: &'a [u8], end: usize) -> Self {
        Self { bytes, at: 0, base: end.saturating_sub(bytes.len()) }
    }

    fn fault(&self, problem: &'static str) -> Fault {
        Fault { at: self.base.saturating_add(self.at), problem }
    }

    fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else { return Err(self.fault("a number is cut short")) };
            self.at = self.at.saturating_add(1);
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.fault("a number of more than 64 bits"))
    }

    fn run(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let run = end.and_then(|end| self.bytes.get(self.at..end));
        let run = run.ok_or_else(|| self.fault("a field announces more bytes than are there"))?;
        self.at = self.at.saturating_add(run.len());
        Ok(run)
    }

    fn field(&mut self) -> Result<Field<'a>, Fault> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => self.run(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.number()?;
                Value::Bytes(self.run(length)?)
            }
            5 => self.run(4).map(|_| Value::Fixed)?,
            _ => return Err(self.fault("a kind of field that ONNX does not have")),
        };
        Ok(Field { number: tag >> 3, value, end: self.base.saturating_add(self.at) })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.at = self.bytes.len();
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u64, Value<'_>)>, Fault> {
        Fields::ending_at(bytes, bytes.len()).map(|field| field.map(|field| (field.number, field.value))).collect()
    }

    #[test]
    fn fields_are_numbered_values() {
        // Field 1 = 150 as in the format's own documentation, field 2 = "testing", field 3 = four bytes.
        let bytes = [&[0x08, 0x96, 0x01, 0x12, 7][..], b"testing", &[0x1d, 0, 0, 0, 0]].concat();
        let expected = vec![(1, Value::Number(150)), (2, Value::Bytes(b"testing")), (3, Value::Fixed)];
        assert_eq!(all(&bytes), Ok(expected));
    }

    #[test]
    fn what_is_cut_short_or_of_another_kind_is_told_with_its_byte() {
        for (bytes, at) in [(&[0x08][..], 1), (&[0x12, 3, b'a'], 2), (&[0x1d, 0], 1), (&[0x0b], 1)] {
            assert_eq!(all(bytes).unwrap_err().at, at, "{bytes:?}");
        }
        assert_eq!(all(&[0xff; 11]).unwrap_err().problem, "a number of more than 64 bits");
        assert_eq!(Fields::ending_at(&[0x12, 9], 40).next().unwrap().unwrap_err().at, 40);
    }
}
