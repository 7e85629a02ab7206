//! The bytes of a pickle, and the arguments of its instructions.

use std::borrow::Cow;
use std::path::Path;

use super::LEGACY_MAGIC;
use super::globals::Global;
use super::value::Value;
use crate::quoting::quoted;
use crate::weights::WeightsError;
use crate::{InputError, Result};

/// A position in a pickle, with errors that name the instruction at hand.
#[derive(Debug)]
pub(super) struct Operands<'a> {
    pub(super) file: &'a Path,
    pub(super) part: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) position: usize,
    /// Where the current instruction starts.
    pub(super) instruction: usize,
}

impl<'a> Operands<'a> {
    pub(super) fn place(&self) -> String {
        format!("{}, byte {}", self.part, self.instruction)
    }

    pub(super) fn damaged(&self, problem: impl Into<String>) -> InputError {
        InputError::Damaged { file: self.file.to_path_buf(), place: self.place(), problem: problem.into() }
    }

    pub(super) fn refuse(&self, problem: impl Into<String>) -> InputError {
        let (file, place, problem) = (self.file.to_path_buf(), self.place(), problem.into());
        WeightsError::RefusedPickle { file, place, problem }.into()
    }

    fn truncated(&self, needed: u64, available: u64) -> InputError {
        InputError::Truncated { file: self.file.to_path_buf(), place: self.place(), needed, available }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let rest = self.rest();
        let field = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let field = field.ok_or_else(|| self.truncated(length, rest.len() as u64))?;
        self.position = self.position.saturating_add(field.len());
        Ok(field)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    pub(super) fn number(&mut self, length: u64) -> Result<u64> {
        Ok(self.take(length)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// Checks that the frame that the pickle announces is there.
    pub(super) fn frame(&mut self) -> Result<()> {
        let length = self.number(8)?;
        let available = self.rest().len() as u64;
        if length > available { Err(self.truncated(length, available)) } else { Ok(()) }
    }

    /// A field whose own length is in the first `length_bytes`.
    pub(super) fn counted(&mut self, length_bytes: u64) -> Result<&'a [u8]> {
        let length = self.number(length_bytes)?;
        self.take(length)
    }

    /// A counted UTF-8 text.
    pub(super) fn text(&mut self, length_bytes: u64) -> Result<&'a str> {
        let text = self.counted(length_bytes)?;
        std::str::from_utf8(text).map_err(|_| self.damaged("a text is not UTF-8"))
    }

    /// The bytes up to the end of the line.
    pub(super) fn line(&mut self) -> Result<&'a [u8]> {
        let rest = self.rest();
        let length = rest.iter().position(|&byte| byte == b'\n');
        let length = length.ok_or_else(|| self.truncated((rest.len() as u64).saturating_add(1), rest.len() as u64))?;
        self.position = self.position.saturating_add(length.saturating_add(1));
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// A line that names a module, class or function.
    pub(super) fn name(&mut self) -> Result<Cow<'a, str>> {
        // A name that is not UTF-8 stays recognisably wrong, so it cannot be on a list.
        Ok(String::from_utf8_lossy(self.line()?))
    }

    /// A line of decimal digits, as Python writes them; what `int` would take beside them is
    /// refused.
    fn digits(&self, line: &[u8]) -> Option<i64> {
        let digits = line.strip_prefix(b"-").unwrap_or(line);
        let plain = digits == b"0" && !line.starts_with(b"-") || !matches!(digits.first(), None | Some(b'0'));
        let text = std::str::from_utf8(line).ok().filter(|_| plain && digits.iter().all(u8::is_ascii_digit))?;
        text.parse().ok()
    }

    fn no_number(&self, line: &[u8], what: &str) -> InputError {
        self.damaged(format!("{} is no {what}", quoted(&String::from_utf8_lossy(line))))
    }

    /// INT: a decimal line, or the truth values 00 and 01.
    pub(super) fn int(&mut self) -> Result<Value> {
        match self.line()? {
            b"00" => Ok(Value::Bool(false)),
            b"01" => Ok(Value::Bool(true)),
            line => self.decimal(line),
        }
    }

    /// LONG: a decimal line that may end in L.
    pub(super) fn long_line(&mut self) -> Result<Value> {
        let line = self.line()?;
        self.decimal(line.strip_suffix(b"L").unwrap_or(line))
    }

    fn decimal(&self, line: &[u8]) -> Result<Value> {
        if let Some(integer) = self.digits(line) {
            return Ok(Value::Integer(integer));
        }
        let digits = line.strip_prefix(b"-").unwrap_or(line);
        if digits.len() > 18 && !digits.starts_with(b"0") && digits.iter().all(u8::is_ascii_digit) {
            return Ok(if line == LEGACY_MAGIC.to_string().as_bytes() {
                Value::Magic
            } else {
                Value::Inert(Global::LONG)
            });
        }
        Err(self.no_number(line, "integer as Python writes it"))
    }

    /// A line that is an index of the memo.
    pub(super) fn index(&mut self) -> Result<u32> {
        let line = self.line()?;
        let index = self.digits(line).and_then(|index| u32::try_from(index).ok());
        index.ok_or_else(|| self.no_number(line, "memo index"))
    }

    /// FLOAT: a line.
    pub(super) fn float_line(&mut self) -> Result<Value> {
        let line = self.line()?;
        let number = std::str::from_utf8(line).ok().and_then(|text| text.parse().ok());
        number.map(Value::Float).ok_or_else(|| self.no_number(line, "number"))
    }

    /// BINFLOAT: 8 bytes, big-endian.
    pub(super) fn float(&mut self) -> Result<Value> {
        let bits = self.take(8)?.iter().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
        Ok(Value::Float(f64::from_bits(bits)))
    }

    /// LONG1 and LONG4: two's complement, little-endian.
    pub(super) fn long(&mut self, length_bytes: u64) -> Result<Value> {
        let digits = self.counted(length_bytes)?;
        let negative = digits.last().is_some_and(|byte| byte & 0x80 != 0);
        let fill = if negative { 0xff } else { 0 };
        let mut bytes = [fill; 16];
        // Longer ones are more than 64 bits unless the rest only repeats the sign.
        let (short, more) = digits.split_at_checked(bytes.len()).unwrap_or((digits, &[]));
        bytes.iter_mut().zip(short).for_each(|(byte, digit)| *byte = *digit);
        let number = i128::from_le_bytes(bytes);
        let whole = more.is_empty() || more.iter().all(|&byte| byte == fill) && (number < 0) == negative;
        Ok(match i64::try_from(number) {
            Ok(integer) if whole => Value::Integer(integer),
            _ if whole && number == LEGACY_MAGIC => Value::Magic,
            _ => Value::Inert(Global::LONG),
        })
    }

    /// UNICODE: a line in Python's raw-unicode-escape, Latin-1 with \uXXXX and \UXXXXXXXX.
    pub(super) fn escaped_text(&mut self) -> Result<String> {
        let mut rest = self.line()?.iter();
        let mut text = String::new();
        while let Some(&byte) = rest.next() {
            text.push(byte.into());
            if byte != b'\\' {
                continue;
            }
            let digits = match rest.next() {
                Some(b'u') => 4,
                Some(b'U') => 8,
                Some(&other) => {
                    text.push(other.into());
                    continue;
                }
                None => continue,
            };
            text.pop();
            let code = rest.as_slice().get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
            let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let character = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
            text.push(character.ok_or_else(|| self.damaged("an escape in a text names no character"))?);
            rest = rest.as_slice().get(digits..).unwrap_or_default().iter();
        }
        Ok(text)
    }

    /// STRING of Python 2: a line in quotes, UTF-8 as torch.load reads it; none with escapes.
    pub(super) fn quoted_text(&mut self) -> Result<&'a str> {
        let line = self.line()?;
        let inner = match line {
            [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => Some(inner),
            _ => None,
        };
        inner
            .filter(|inner| !inner.contains(&b'\\'))
            .and_then(|inner| std::str::from_utf8(inner).ok())
            .ok_or_else(|| self.refuse("instruction STRING with a text that is not plain"))
    }
}
