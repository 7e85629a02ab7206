//! An array as a file holds it: shape and bytes, or the numbers and texts of a text file; and what
//! it means.

use std::borrow::Cow;
use std::path::Path;

use crate::budget::Budget;
use crate::element::{ByteOrder, elements_in, extend_f32, extend_f64, for_each_integer};
use crate::quoting::{extents, quoted};
use crate::region::Region;
use crate::{ElementType, InputError, Result};

/// Bytes charged for a text beside its own.
const TEXT: u64 = 48;

/// What one element of binary data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number.
    Number(ElementType),
    /// A text of so many characters of four bytes, filled up with NUL.
    Unicode(usize),
    /// A text of so many bytes, filled up with NUL.
    Bytes(usize),
}

impl Kind {
    /// What NumPy calls by a letter and a size, as in `f4`; `None` for what is neither a number nor
    /// a text.
    pub(crate) fn of_numpy(name: &str) -> Option<Self> {
        let number = match name {
            "f2" => ElementType::F16,
            // Two bytes without a meaning of their own: how bfloat16, which NumPy does not know, is saved.
            "V2" => ElementType::BF16,
            "f4" => ElementType::F32,
            "f8" => ElementType::F64,
            "i1" => ElementType::I8,
            "i2" => ElementType::I16,
            "i4" => ElementType::I32,
            "i8" => ElementType::I64,
            "u1" => ElementType::U8,
            "u2" => ElementType::U16,
            "u4" => ElementType::U32,
            "u8" => ElementType::U64,
            "b1" => ElementType::Bool,
            text => {
                let (letter, size) = text.split_at_checked(1)?;
                let size = size.parse().ok().filter(|&size: &usize| size < 1 << 20)?;
                return match letter {
                    "U" => Some(Self::Unicode(size)),
                    "S" => Some(Self::Bytes(size)),
                    _ => None,
                };
            }
        };
        Some(Self::Number(number))
    }

    /// Bytes of an element.
    pub(crate) fn size(self) -> usize {
        match self {
            // Every number of a binary file has a size.
            Self::Number(element) => element.size().unwrap_or(1),
            Self::Unicode(characters) => characters.saturating_mul(4),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The elements of an array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data<'a> {
    /// As bytes, from `start` to the end of `content`.
    Binary { kind: Kind, order: ByteOrder, content: Cow<'a, [u8]>, start: usize },
    /// Numbers of a text file, row by row.
    Decimals(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
    /// Numbers in row-major order that stay in their file.
    Outside { element: ElementType, order: ByteOrder, region: Region },
}

impl Data<'_> {
    /// Bytes that copying the elements costs.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Binary { content, start, .. } => content.len().saturating_sub(*start),
            Self::Decimals(values) => values.len().saturating_mul(8),
            Self::Texts(texts) => texts.len().saturating_mul(32),
            Self::Outside { .. } => 0,
        }
    }
}

/// The row and column of the element at a position of a matrix in memory.
pub(crate) fn place_of(position: usize, (rows, columns): (usize, usize), column_major: bool) -> (usize, usize) {
    let length = if column_major { rows } else { columns };
    let line = position.checked_div(length).unwrap_or_default();
    let at = position.checked_rem(length).unwrap_or_default();
    if column_major { (at, line) } else { (line, at) }
}

/// An array whose elements are as many as its shape says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array<'a> {
    pub(crate) shape: Vec<usize>,
    pub(crate) column_major: bool,
    pub(crate) data: Data<'a>,
}

impl<'a> Array<'a> {
    /// A binary array, if the bytes are those of its shape.
    pub(crate) fn binary(
        kind: Kind,
        order: ByteOrder,
        shape: Vec<usize>,
        column_major: bool,
        content: Cow<'a, [u8]>,
        start: usize,
    ) -> Option<Self> {
        // Texts of no bytes: their number is believed as far as any file's is.
        let fits = match kind.size() {
            0 => shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent))? <= content.len(),
            size => elements_in(&shape, size, content.len().checked_sub(start)?).is_some(),
        };
        fits.then_some(Self { shape, column_major, data: Data::Binary { kind, order, content, start } })
    }

    /// A list of numbers.
    pub(crate) fn decimals(shape: Vec<usize>, values: Vec<f64>) -> Self {
        Self { shape, column_major: false, data: Data::Decimals(values) }
    }

    /// The type of its numbers; `None` for texts.
    pub(crate) fn element(&self) -> Option<ElementType> {
        match &self.data {
            Data::Binary { kind: Kind::Number(element), .. } | Data::Outside { element, .. } => Some(*element),
            Data::Decimals(_) => Some(ElementType::Decimal),
            Data::Binary { .. } | Data::Texts(_) => None,
        }
    }

    /// Bytes that stay in the file.
    pub(crate) fn outside_bytes(&self) -> u64 {
        match &self.data {
            Data::Outside { region, .. } => region.end.saturating_sub(region.start),
            _ => 0,
        }
    }

    /// What its elements are called in messages.
    pub(crate) fn type_name(&self) -> String {
        self.element().map_or_else(|| "text".to_owned(), |element| element.to_string())
    }

    /// Shape and type, as in `[200, 10] float32`.
    pub(crate) fn described(&self) -> String {
        format!("{} {}", extents(&self.shape), self.type_name())
    }

    /// Whether its numbers can be scores: of a floating-point type or decimal.
    pub(crate) fn may_be_scores(&self) -> bool {
        self.element().is_some_and(|element| element.is_float() || element == ElementType::Decimal)
    }

    /// Whether its elements are whole numbers or texts, as far as the type alone says.
    pub(crate) fn is_discrete(&self) -> bool {
        self.element().is_none_or(ElementType::is_integer)
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        // The shape was seen to fit the elements.
        self.shape.iter().product()
    }

    /// The array without axes of extent 1 beyond the first `kept` axes, however many it has.
    pub(crate) fn squeezed(mut self, kept: usize) -> Self {
        while self.shape.len() > kept {
            let Some(axis) = self.shape.iter().rposition(|&extent| extent == 1) else { break };
            self.shape.remove(axis);
        }
        self
    }

    /// Its rows at these places, of an array in row-major order; one that stays in its file is
    /// given back.
    pub(crate) fn with_rows(self, places: &[usize]) -> Self {
        let width: usize = self.shape.iter().skip(1).product();
        let data = match self.data {
            Data::Decimals(values) => Data::Decimals(rows_of(&values, width, places)),
            Data::Texts(texts) => Data::Texts(rows_of(&texts, width, places)),
            Data::Binary { kind, order, content, start } => {
                let bytes = content.get(start..).unwrap_or_default();
                let content = Cow::Owned(rows_of(bytes, width.saturating_mul(kind.size()), places));
                Data::Binary { kind, order, content, start: 0 }
            }
            outside @ Data::Outside { .. } => outside,
        };
        Self { data, ..self }
    }

    /// The shape that [`Self::squeezed`] gives.
    pub(crate) fn squeezed_shape(&self, kept: usize) -> Vec<usize> {
        Array::decimals(self.shape.clone(), Vec::new()).squeezed(kept).shape
    }

    /// The bytes of a binary array.
    pub(crate) fn bytes(&self) -> Option<(Kind, ByteOrder, &[u8])> {
        match &self.data {
            Data::Binary { kind, order, content, start } => {
                Some((*kind, *order, content.get(*start..).unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// Gives the numbers to `take`, one at a time, as integers where the type is one; `false` for
    /// texts and truth values.
    pub(crate) fn for_each_number<E>(
        &self,
        mut take: impl FnMut(Result<i128, f64>) -> Result<(), E>,
    ) -> Result<bool, E> {
        // In blocks, so that the floating-point copy stays small.
        const BLOCK: usize = 1 << 15;
        let (element, order, bytes) = match &self.data {
            Data::Decimals(values) => return values.iter().try_for_each(|&value| take(Err(value))).map(|()| true),
            Data::Binary { kind: Kind::Number(element), order, content, start } => {
                (*element, *order, content.get(*start..).unwrap_or_default())
            }
            _ => return Ok(false),
        };
        if for_each_integer(bytes, element, order, |integer| take(Ok(integer)))? {
            return Ok(true);
        }
        for block in bytes.chunks(BLOCK) {
            let mut doubles = Vec::new();
            if element == ElementType::F64 {
                extend_f64(block, order, &mut doubles);
            } else {
                let mut singles = Vec::new();
                if !extend_f32(block, element, order, &mut singles) {
                    return Ok(false);
                }
                doubles.extend(singles.into_iter().map(f64::from));
            }
            doubles.into_iter().try_for_each(|value| take(Err(value)))?;
        }
        Ok(true)
    }

    /// Its texts; `None` for numbers.
    pub(crate) fn texts(&self, file: &Path, name: &str, budget: &mut Budget) -> Result<Option<Vec<String>>> {
        let (kind, order, bytes) = match &self.data {
            Data::Texts(texts) => return Ok(Some(texts.clone())),
            Data::Binary { kind: Kind::Number(_), .. } | Data::Decimals(_) | Data::Outside { .. } => return Ok(None),
            Data::Binary { kind, order, content, start } => (*kind, *order, content.get(*start..).unwrap_or_default()),
        };
        let cost = TEXT.saturating_add(kind.size() as u64).saturating_mul(self.len() as u64);
        budget.spend(cost).map_err(|exceeded| exceeded.of(file, format!("array {}", quoted(name))))?;
        if kind.size() == 0 {
            return Ok(Some(vec![String::new(); self.len()]));
        }
        let text = |bytes: &[u8]| match kind {
            Kind::Unicode(_) => {
                let (characters, _) = bytes.as_chunks::<4>();
                let code = |bytes: &[u8; 4]| match order {
                    ByteOrder::Little => u32::from_le_bytes(*bytes),
                    ByteOrder::Big => u32::from_be_bytes(*bytes),
                };
                characters
                    .iter()
                    .map(code)
                    .take_while(|&code| code != 0)
                    .map(char::from_u32)
                    .collect::<Option<String>>()
            }
            _ => {
                let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
                String::from_utf8(text.to_vec()).ok()
            }
        };
        let texts: Option<Vec<String>> = bytes.chunks(kind.size()).map(text).collect();
        texts.map(Some).ok_or_else(|| {
            InputError::damaged(file, format!("array {}", quoted(name)), "a text of characters that are none")
        })
    }
}

/// Rows of `width` elements at these places.
fn rows_of<T: Clone>(elements: &[T], width: usize, places: &[usize]) -> Vec<T> {
    let mut rows = Vec::with_capacity(elements.len());
    for place in places {
        let start = place.saturating_mul(width);
        rows.extend_from_slice(elements.get(start..start.saturating_add(width)).unwrap_or_default());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_numpy_are_told_by_letter_and_size() {
        assert_eq!(Kind::of_numpy("V2"), Some(Kind::Number(ElementType::BF16)));
        assert_eq!(Kind::of_numpy("U7").map(Kind::size), Some(28));
        for none in ["V4", "O", "M8", "c8", "", "U", "U99999999", "é"] {
            assert_eq!(Kind::of_numpy(none), None, "{none}");
        }
    }

    #[test]
    fn texts_end_at_their_first_nul() {
        let file = Path::new("a");
        let unicode: Vec<u8> = "ab\0\u{e9}\0\0".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        let array = Array::binary(Kind::Unicode(3), ByteOrder::Big, vec![2], false, unicode.into(), 0).unwrap();
        assert_eq!(array.texts(file, "a", &mut Budget::of(9)).unwrap().unwrap(), ["ab", "\u{e9}"]);
        let array = Array::binary(Kind::Bytes(2), ByteOrder::Little, vec![2], false, b"a\0bc"[..].into(), 0).unwrap();
        assert_eq!(array.texts(file, "a", &mut Budget::of(9)).unwrap().unwrap(), ["a", "bc"]);
        assert_eq!(Array::binary(Kind::Bytes(2), ByteOrder::Little, vec![3], false, b"a\0bc"[..].into(), 0), None);
    }

    #[test]
    fn axes_of_one_element_go_from_the_end() {
        let squeezed = |shape: &[usize], kept| Array::decimals(shape.to_vec(), Vec::new()).squeezed(kept).shape;
        assert_eq!(squeezed(&[1, 5, 3], 2), [5, 3]);
        assert_eq!(squeezed(&[1, 3, 1, 1], 2), [1, 3]);
        assert_eq!(squeezed(&[2, 5, 3], 2), [2, 5, 3]);
        assert_eq!(squeezed(&[5, 1], 1), [5]);
    }
}
