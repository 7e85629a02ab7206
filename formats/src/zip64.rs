//! The extra fields of a member of an archive, which hold what is too large for the others.

/// The extra field by which Info-ZIP renames a member.
const UNICODE_PATH: u16 = 0x7075;

/// Replaces the fields that are all ones by those of the ZIP64 extra field, in their fixed order.
///
/// `None` if the extra field is malformed, is there twice, lacks a value that is needed, or renames
/// the member.
pub(crate) fn read_zip64(mut extra: &[u8], fields: [&mut u64; 3]) -> Option<()> {
    const ZIP64: u16 = 1;
    let mut long: Option<&[u8]> = None;
    while !extra.is_empty() {
        let ([a, b, c, d], rest) = extra.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes([*c, *d]));
        let (value, rest) = rest.split_at_checked(length)?;
        let id = u16::from_le_bytes([*a, *b]);
        if id == UNICODE_PATH || id == ZIP64 && long.replace(value).is_some() {
            return None;
        }
        extra = rest;
    }
    for field in fields {
        if *field == 0xffff_ffff {
            let (value, rest) = long?.split_first_chunk()?;
            *field = u64::from_le_bytes(*value);
            long = Some(rest);
        }
    }
    Some(())
}
