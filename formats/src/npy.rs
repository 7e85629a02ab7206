//! The .npy format: one array, a text header in front of its bytes.
//!
//! `\x93NUMPY`, version (1.0, 2.0 or 3.0), length of the header (2 bytes little-endian in version
//! 1.0, else 4), a Python dictionary literal with exactly the keys `descr`, `fortran_order`,
//! `shape`, then the elements. Format: numpy.lib.format, NEP 1.

use std::borrow::Cow;
use std::path::Path;

use crate::array::{Array, Kind};
use crate::element::ByteOrder;
use crate::quoting::quoted;
use crate::{ElementType, InputError, Result};

/// The first bytes of every .npy file.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

/// What a type of several fields is called.
const STRUCTURED: &str = "a structured type";

/// What a .npy file or member holds.
#[derive(Debug)]
pub(crate) enum Npy<'a> {
    /// An array of numbers or texts.
    Array(Array<'a>),
    /// An array of Python objects: a pickle behind the header, from this byte on.
    Pickle(Cow<'a, [u8]>, usize),
}

/// Parses the content of one .npy file or member.
///
/// `array` is the name used in messages.
pub(crate) fn parse<'a>(file: &Path, array: &str, content: Cow<'a, [u8]>) -> Result<Npy<'a>> {
    let damaged =
        |byte: usize, problem: String| InputError::damaged(file, format!("array {array}, byte {byte}"), problem);
    let truncated = |needed: usize| {
        InputError::truncated(file, format!("array {array}, header"), needed as u64, content.len() as u64)
    };

    if !content.starts_with(MAGIC) {
        return Err(damaged(0, "no .npy array (it does not start with \\x93NUMPY)".to_owned()));
    }
    let (header_start, header_length) = match content.get(6..8) {
        Some([1, 0]) => {
            let length = content.get(8..).and_then(<[u8]>::first_chunk).ok_or_else(|| truncated(10))?;
            (10_usize, usize::from(u16::from_le_bytes(*length)))
        }
        Some([2 | 3, 0]) => {
            let length = content.get(8..).and_then(<[u8]>::first_chunk).ok_or_else(|| truncated(12))?;
            (12, u32::from_le_bytes(*length) as usize)
        }
        Some([major, minor]) => return Err(damaged(6, format!("unknown .npy version {major}.{minor}"))),
        _ => return Err(truncated(8)),
    };
    let data_start = header_start.saturating_add(header_length);
    let text = content.get(header_start..data_start).ok_or_else(|| truncated(data_start))?;
    let header = Header::parse(text)
        .map_err(|error| damaged(header_start.saturating_add(error.position), error.problem.to_owned()))?;
    if header.descr == "|O" {
        return Ok(Npy::Pickle(content, data_start));
    }
    let (kind, order) = kind_of(&header.descr).ok_or_else(|| InputError::ElementType {
        file: file.to_path_buf(),
        array: array.to_owned(),
        found: quoted(&header.descr),
        expected: match header.descr.as_str() {
            STRUCTURED => "plain arrays, as numpy.savez(FILE, **{name: a[name] for name in a.dtype.names}) saves them",
            _ => "a float16, float32 or float64 array for logits, an integer array for labels",
        },
    })?;
    let available = content.len().saturating_sub(data_start);
    let shape = header.shape.clone();
    let read = Array::binary(kind, order, header.shape, header.fortran_order, content, data_start);
    read.map(Npy::Array).ok_or_else(|| InputError::SizeMismatch {
        file: file.to_path_buf(),
        array: array.to_owned(),
        shape,
        element: quoted(&header.descr),
        available: available as u64,
    })
}

/// Numbers in row-major order that follow a header: type, byte order, shape, and the byte where
/// they begin. `None` for anything else, which [`parse`] tells.
pub(crate) fn numbers(begin: &[u8]) -> Option<(ElementType, ByteOrder, Vec<usize>, usize)> {
    let (start, length) = match begin.strip_prefix(MAGIC)? {
        [1, 0, a, b, ..] => (10_usize, usize::from(u16::from_le_bytes([*a, *b]))),
        [2 | 3, 0, length @ ..] => (12, u32::from_le_bytes(*length.first_chunk()?) as usize),
        _ => return None,
    };
    let header = Header::parse(begin.get(start..length.checked_add(start)?)?).ok()?;
    match kind_of(&header.descr)? {
        (Kind::Number(element), order) if !header.fortran_order => {
            Some((element, order, header.shape, start.saturating_add(length)))
        }
        _ => None,
    }
}

/// Type and byte order of a `descr` such as `<f4`; `None` for every type that is neither a number
/// nor a text.
fn kind_of(descr: &str) -> Option<(Kind, ByteOrder)> {
    let (order, name) = descr.split_at_checked(1)?;
    let kind = Kind::of_numpy(name)?;
    let order = match order {
        "<" => ByteOrder::Little,
        ">" => ByteOrder::Big,
        // Bytes have no order; two bytes without a meaning are those of this machine.
        "|" if kind.size() == 1 || matches!(kind, Kind::Bytes(_)) || name == "V2" => ByteOrder::Little,
        _ => return None,
    };
    Some((kind, order))
}

/// The three entries of a header.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

#[derive(Debug)]
struct HeaderError {
    /// Byte within the header.
    position: usize,
    problem: &'static str,
}

impl Header {
    fn parse(text: &[u8]) -> Result<Self, HeaderError> {
        let mut scanner = Literal { text, position: 0 };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        scanner.expect(b'{', "the header is no Python dictionary")?;
        while !scanner.accept(b'}') {
            let position = scanner.position;
            let key = scanner.string()?;
            scanner.expect(b':', "a key without a value")?;
            let repeated = match key.as_str() {
                "descr" => descr.replace(scanner.descr()?).is_some(),
                "fortran_order" => fortran_order.replace(scanner.boolean()?).is_some(),
                "shape" => shape.replace(scanner.shape()?).is_some(),
                _ => return Err(HeaderError { position, problem: "a key other than descr, fortran_order, shape" }),
            };
            if repeated {
                return Err(HeaderError { position, problem: "a key is there twice" });
            }
            if !scanner.accept(b',') {
                scanner.expect(b'}', "the dictionary does not end")?;
                break;
            }
        }
        scanner.skip_space();
        if scanner.position != text.len() {
            return Err(HeaderError { position: scanner.position, problem: "text after the header's dictionary" });
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Self { descr, fortran_order, shape }),
            _ => Err(HeaderError { position: 0, problem: "one of descr, fortran_order, shape is missing" }),
        }
    }
}

/// A scanner of the few Python literals that a header holds.
struct Literal<'a> {
    text: &'a [u8],
    position: usize,
}

impl<'a> Literal<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while self.text.get(self.position).is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.position = self.position.saturating_add(1);
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.text.get(self.position) == Some(&byte);
        self.position = self.position.saturating_add(usize::from(found));
        found
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), HeaderError> {
        if self.accept(byte) { Ok(()) } else { Err(self.error(problem)) }
    }

    fn error(&self, problem: &'static str) -> HeaderError {
        HeaderError { position: self.position, problem }
    }

    fn string(&mut self) -> Result<String, HeaderError> {
        self.skip_space();
        let quote = match self.text.get(self.position) {
            Some(&quote @ (b'\'' | b'"')) => quote,
            _ => return Err(self.error("a quoted text is missing")),
        };
        let start = self.position.saturating_add(1);
        let rest = self.text.get(start..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == quote).ok_or_else(|| self.error("a text does not end"))?;
        let text = std::str::from_utf8(rest.get(..length).unwrap_or_default())
            .map_err(|_| self.error("a text is not UTF-8"))?;
        self.position = start.saturating_add(length).saturating_add(1);
        Ok(text.to_owned())
    }

    /// A type: a text, or the list of a structured type, which no reader here accepts.
    fn descr(&mut self) -> Result<String, HeaderError> {
        self.skip_space();
        if self.text.get(self.position) != Some(&b'[') {
            return self.string();
        }
        let mut depth = 0_usize;
        for (offset, byte) in self.rest().iter().enumerate() {
            match byte {
                b'[' => depth = depth.saturating_add(1),
                b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                self.position = self.position.saturating_add(offset.saturating_add(1));
                return Ok(STRUCTURED.to_owned());
            }
        }
        Err(self.error("a list does not end"))
    }

    fn boolean(&mut self) -> Result<bool, HeaderError> {
        self.skip_space();
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if self.rest().starts_with(word) {
                self.position = self.position.saturating_add(word.len());
                return Ok(value);
            }
        }
        Err(self.error("fortran_order is neither True nor False"))
    }

    fn shape(&mut self) -> Result<Vec<usize>, HeaderError> {
        self.expect(b'(', "shape is no tuple")?;
        let mut shape = Vec::new();
        while !self.accept(b')') {
            shape.push(self.extent()?);
            if !self.accept(b',') {
                self.expect(b')', "the shape does not end")?;
                break;
            }
        }
        Ok(shape)
    }

    fn extent(&mut self) -> Result<usize, HeaderError> {
        self.skip_space();
        let rest = self.rest();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let extent = rest
            .get(..length)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| self.error("an extent of the shape is no non-negative integer of 64 bits"))?;
        self.position = self.position.saturating_add(length);
        // Python 2 wrote long integers with this suffix.
        if self.text.get(self.position) == Some(&b'L') {
            self.position = self.position.saturating_add(1);
        }
        Ok(extent)
    }
}
