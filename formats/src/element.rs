//! Element types of stored arrays, and the bulk conversion of their bytes.

use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{InputError, Result};

/// Element type as stored in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display)]
#[non_exhaustive]
pub enum ElementType {
    /// IEEE binary16.
    #[strum(to_string = "float16")]
    F16,
    /// bfloat16.
    #[strum(to_string = "bfloat16")]
    BF16,
    /// IEEE binary32.
    #[strum(to_string = "float32")]
    F32,
    /// IEEE binary64.
    #[strum(to_string = "float64")]
    F64,
    /// Signed, 8 bits.
    #[strum(to_string = "int8")]
    I8,
    /// Signed, 16 bits.
    #[strum(to_string = "int16")]
    I16,
    /// Signed, 32 bits.
    #[strum(to_string = "int32")]
    I32,
    /// Signed, 64 bits.
    #[strum(to_string = "int64")]
    I64,
    /// Unsigned, 8 bits.
    #[strum(to_string = "uint8")]
    U8,
    /// Unsigned, 16 bits.
    #[strum(to_string = "uint16")]
    U16,
    /// Unsigned, 32 bits.
    #[strum(to_string = "uint32")]
    U32,
    /// Unsigned, 64 bits.
    #[strum(to_string = "uint64")]
    U64,
    /// One byte, 0 or 1.
    #[strum(to_string = "bool")]
    Bool,
    /// Decimal digits in a text file, read as f64.
    #[strum(to_string = "decimal text")]
    Decimal,
}

impl ElementType {
    /// Bytes of one element; `None` for text.
    pub fn size(self) -> Option<usize> {
        match self {
            Self::I8 | Self::U8 | Self::Bool => Some(1),
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => Some(2),
            Self::F32 | Self::I32 | Self::U32 => Some(4),
            Self::F64 | Self::I64 | Self::U64 => Some(8),
            Self::Decimal => None,
        }
    }

    /// Tells whether it is one of the integer types (`bool` is not).
    pub fn is_integer(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64 | Self::U8 | Self::U16 | Self::U32 | Self::U64)
    }

    /// Tells whether it is one of the binary floating-point types.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }
}

/// Byte order of stored elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

/// The number of elements of a shape whose bytes are exactly `available`, or `None`.
///
/// This is what stands between a header and an allocation: a shape is believed only when the bytes
/// are there.
pub(crate) fn elements_in(shape: &[usize], element_size: usize, available: usize) -> Option<usize> {
    let elements = shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent))?;
    (elements.checked_mul(element_size)? == available).then_some(elements)
}

/// An empty vector with room for `elements`, or an error that names the array.
pub(crate) fn reserve<T>(file: &Path, array: &str, elements: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(elements).map_err(|_| InputError::OutOfMemory {
        file: file.to_path_buf(),
        place: format!("array {array}"),
        bytes: (elements as u64).saturating_mul(size_of::<T>() as u64),
    })?;
    Ok(values)
}

macro_rules! fixed_width {
    ($bytes:expr, $order:expr, $type:ty, $convert:expr, $out:expr) => {{
        let (elements, _) = $bytes.as_chunks::<{ size_of::<$type>() }>();
        match $order {
            ByteOrder::Little => $out.extend(elements.iter().map(|e| $convert(<$type>::from_le_bytes(*e)))),
            ByteOrder::Big => $out.extend(elements.iter().map(|e| $convert(<$type>::from_be_bytes(*e)))),
        }
    }};
}

/// float32 values of float32, float16 or bfloat16 bytes (both widen without rounding) appended to
/// `out`; `false` for any other element type.
pub(crate) fn extend_f32(bytes: &[u8], element: ElementType, order: ByteOrder, out: &mut Vec<f32>) -> bool {
    match element {
        ElementType::F32 => fixed_width!(bytes, order, f32, |x: f32| x, out),
        ElementType::BF16 => fixed_width!(bytes, order, u16, |x: u16| f32::from_bits(u32::from(x) << 16), out),
        ElementType::F16 => {
            // In blocks, so that the conversion instructions of the processor work on whole vectors.
            const BLOCK: usize = 4096;
            let mut block = [f16::ZERO; BLOCK];
            let (elements, _) = bytes.as_chunks::<2>();
            for part in elements.chunks(BLOCK) {
                for (half, stored) in block.iter_mut().zip(part) {
                    *half = f16::from_bits(match order {
                        ByteOrder::Little => u16::from_le_bytes(*stored),
                        ByteOrder::Big => u16::from_be_bytes(*stored),
                    });
                }
                let start = out.len();
                out.resize(start.saturating_add(part.len()), 0.0);
                if let (Some(block), Some(out)) = (block.get(..part.len()), out.get_mut(start..)) {
                    block.convert_to_f32_slice(out);
                }
            }
        }
        _ => return false,
    }
    true
}

/// float64 values of float64 bytes appended to `out`.
pub(crate) fn extend_f64(bytes: &[u8], order: ByteOrder, out: &mut Vec<f64>) {
    fixed_width!(bytes, order, f64, |x: f64| x, out);
}

/// Gives integer bytes of any width to `take`, one value at a time; `false` for any other element
/// type.
pub(crate) fn for_each_integer<E>(
    bytes: &[u8],
    element: ElementType,
    order: ByteOrder,
    mut take: impl FnMut(i128) -> Result<(), E>,
) -> Result<bool, E> {
    macro_rules! each {
        ($type:ty) => {{
            let (elements, _) = bytes.as_chunks::<{ size_of::<$type>() }>();
            elements.iter().try_for_each(|stored| {
                take(i128::from(match order {
                    ByteOrder::Little => <$type>::from_le_bytes(*stored),
                    ByteOrder::Big => <$type>::from_be_bytes(*stored),
                }))
            })?
        }};
    }
    match element {
        ElementType::I8 => each!(i8),
        ElementType::I16 => each!(i16),
        ElementType::I32 => each!(i32),
        ElementType::I64 => each!(i64),
        ElementType::U8 => each!(u8),
        ElementType::U16 => each!(u16),
        ElementType::U32 => each!(u32),
        ElementType::U64 => each!(u64),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Position of the first value that is NaN or infinite.
pub(crate) fn first_non_finite<T: Copy + Into<f64>>(values: &[T], is_finite: impl Fn(T) -> bool) -> Option<usize> {
    // Blocks without an early exit vectorise; only a block that fails is searched.
    const BLOCK: usize = 1024;
    values
        .chunks(BLOCK)
        .position(|block| !block.iter().fold(true, |finite, &value| finite & is_finite(value)))
        .and_then(|block| {
            let start = block.saturating_mul(BLOCK);
            values
                .get(start..)?
                .iter()
                .position(|&value| !is_finite(value))
                .map(|position| start.saturating_add(position))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_half_types_widen_exactly_in_both_byte_orders() {
        // 1.5, the largest float16, the smallest positive subnormal: all exact in float32.
        let values = [1.5_f32, 65504.0, 5.960_464_5e-8];
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|&x| match order {
                    ByteOrder::Little => f16::from_f32(x).to_le_bytes(),
                    ByteOrder::Big => f16::from_f32(x).to_be_bytes(),
                })
                .collect();
            let mut out = Vec::new();
            assert!(extend_f32(&bytes, ElementType::F16, order, &mut out));
            assert_eq!(out, values);
        }
        let mut out = Vec::new();
        assert!(extend_f32(&[0xc0, 0x3f, 0x80, 0xff], ElementType::BF16, ByteOrder::Little, &mut out));
        assert_eq!(out, [1.5, f32::NEG_INFINITY]);
        assert!(!extend_f32(&[0; 8], ElementType::I64, ByteOrder::Little, &mut out));
    }

    #[test]
    fn half_blocks_join_without_gaps() {
        let bytes: Vec<u8> = (0..10_000u16).flat_map(|i| f16::from_f32(f32::from(i % 2048)).to_le_bytes()).collect();
        let mut out = Vec::new();
        assert!(extend_f32(&bytes, ElementType::F16, ByteOrder::Little, &mut out));
        assert_eq!(out.len(), 10_000);
        assert!(out.iter().enumerate().all(|(i, &x)| x == (i % 2048) as f32));
    }

    #[test]
    fn a_shape_is_believed_only_with_its_bytes() {
        assert_eq!(elements_in(&[3, 4], 4, 48), Some(12));
        assert_eq!(elements_in(&[], 8, 8), Some(1));
        assert_eq!(elements_in(&[3, 4], 4, 47), None);
        assert_eq!(elements_in(&[usize::MAX, 2], 4, 48), None);
        assert_eq!(elements_in(&[usize::MAX / 2], 8, 48), None);
    }

    #[test]
    fn the_first_non_finite_value_is_found_in_any_block() {
        let mut values = vec![0.0_f32; 5000];
        assert_eq!(first_non_finite(&values, f32::is_finite), None);
        values[4999] = f32::NAN;
        assert_eq!(first_non_finite(&values, f32::is_finite), Some(4999));
        values[1024] = f32::INFINITY;
        assert_eq!(first_non_finite(&values, f32::is_finite), Some(1024));
    }

    #[test]
    fn integers_keep_their_sign_and_width() {
        let integers = |bytes: &[u8], element, order| {
            let mut out = Vec::new();
            let known = for_each_integer(bytes, element, order, |integer| {
                out.push(integer);
                if integer == 13 { Err("thirteen") } else { Ok(()) }
            });
            known.map(|known| known.then_some(out))
        };
        assert_eq!(integers(&[0xff, 1], ElementType::I8, ByteOrder::Little), Ok(Some(vec![-1, 1])));
        assert_eq!(integers(&[0xff], ElementType::U8, ByteOrder::Little), Ok(Some(vec![255])));
        assert_eq!(integers(&[0, 1], ElementType::U16, ByteOrder::Big), Ok(Some(vec![1])));
        let largest = Ok(Some(vec![i128::from(u64::MAX)]));
        assert_eq!(integers(&[0xff; 8], ElementType::U64, ByteOrder::Little), largest);
        assert_eq!(integers(&[0; 8], ElementType::F64, ByteOrder::Little), Ok(None));
        assert_eq!(integers(&[0], ElementType::Bool, ByteOrder::Little), Ok(None));
        assert_eq!(integers(&[13, 1], ElementType::U8, ByteOrder::Little), Err("thirteen"));
    }
}
