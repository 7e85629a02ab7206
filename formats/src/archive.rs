//! ZIP archives (.npz, torch.save), read so strictly that two programs cannot see two different
//! contents.
//!
//! Accepted is what numpy, Python's zipfile, torch and the usual tools write: one directory at the
//! very end of the file without a comment, members in place before it, local headers that agree
//! with the directory, no name twice, no overlap and no gap, no encryption, stored or deflated.
//! Names are what every reader takes them for: without control bytes (Python cuts at NUL) and
//! backslashes, none equal to another but for case (torch ignores it), none renamed by an extra
//! field (unzip follows it). Everything else is refused: an archive that one reader takes for this
//! and another for that has no innocent author.
//!
//! Format: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.4 (ZIP64 included).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::budget::Budget;
use super::pieces::Pieces;
use super::quoting::quoted;
use super::zip64::read_zip64;
use super::{InputError, Result};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const DIRECTORY_ENTRY: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_LENGTH: usize = 22;
const END_64: u32 = 0x0606_4b50;
const END_64_LENGTH: usize = 56;
const END_64_LOCATOR: u32 = 0x0706_4b50;
const END_64_LOCATOR_LENGTH: usize = 20;
const ENTRY_LENGTH: usize = 46;

/// With what follows it.
const LONGEST_DESCRIPTOR: usize = 4 + 4 + 2 * 8 + 2;
const DESCRIPTOR: u32 = 0x0807_4b50;

/// How a member is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
}

/// One member of an archive.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    method: Method,
    crc32: u32,
    /// Bytes when unpacked, as the directory says.
    pub(crate) size: u64,
    /// Whether a record of checksum and sizes follows the data.
    described: bool,
    data: Range<usize>,
}

impl Member {
    /// Where the bytes of a member lie that is stored as it is, and their checksum.
    pub(crate) fn stored_at(&self) -> Option<(Range<usize>, u32)> {
        (self.method == Method::Stored).then(|| (self.data.clone(), self.crc32))
    }
}

/// The members of an archive, in the order of its directory.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    file: &'a Path,
    bytes: Pieces<'a>,
    members: Vec<Member>,
    by_name: HashMap<String, usize>,
}

/// Little-endian fields at a position of the file, with errors that name the byte.
struct Fields<'a> {
    file: &'a Path,
    bytes: Pieces<'a>,
    position: usize,
    /// Where the fields end.
    end: usize,
    what: &'static str,
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<Cow<'a, [u8]>> {
        let available = self.end.saturating_sub(self.position);
        let end = self.position.saturating_add(length.min(available));
        let Some(field) = self.bytes.get(self.position..end).filter(|field| field.len() == length) else {
            return Err(InputError::Truncated {
                file: self.file.to_path_buf(),
                place: format!("{} (byte {})", self.what, self.position),
                needed: length as u64,
                available: available as u64,
            });
        };
        self.position = self.position.saturating_add(length);
        Ok(field)
    }

    fn number(&mut self, length: usize) -> Result<u64> {
        Ok(self.take(length)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn u16(&mut self) -> Result<u16> {
        // Two bytes always fit.
        Ok(self.number(2)? as u16)
    }

    fn u32(&mut self) -> Result<u32> {
        // Four bytes always fit.
        Ok(self.number(4)? as u32)
    }

    fn u64(&mut self) -> Result<u64> {
        self.number(8)
    }
}

/// The extent of the directory.
struct Directory {
    start: usize,
    end: usize,
    entries: u64,
}

impl<'a> Archive<'a> {
    /// Reads the directory of the archive `bytes`, which `file` holds.
    pub(crate) fn open(file: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        Self::open_pieces(file, Pieces::Memory(bytes))
    }

    /// As [`Self::open`], of bytes that need not be in memory.
    pub(crate) fn open_pieces(file: &'a Path, bytes: Pieces<'a>) -> Result<Self> {
        let directory = find_directory(file, bytes)?;
        let (position, end) = (directory.start, directory.end);
        let mut fields = Fields { file, bytes, position, end, what: "directory" };
        let mut members = Vec::new();
        let mut by_name = HashMap::new();
        let mut folded = HashSet::new();
        let mut places: Vec<Range<usize>> = Vec::new();
        for _ in 0..directory.entries {
            let (member, local_start) = read_entry(file, bytes, directory.start, &mut fields)?;
            if by_name.insert(member.name.clone(), members.len()).is_some() {
                let name = format!("member {}", quoted(&member.name));
                return Err(InputError::Duplicate { file: file.to_path_buf(), name });
            }
            if !folded.insert(member.name.to_lowercase()) {
                let name = format!("member {} (but for case)", quoted(&member.name));
                return Err(InputError::Duplicate { file: file.to_path_buf(), name });
            }
            places.push(local_start..member.data.end.saturating_add(descriptor_length(bytes, &member)));
            members.push(member);
        }
        if fields.position != directory.end {
            return Err(damaged(
                file,
                format!("directory (byte {})", fields.position),
                format!("{} bytes belong to no entry", directory.end.saturating_sub(fields.position)),
            ));
        }
        places.sort_unstable_by_key(|place| place.start);
        let mut end = 0;
        for place in places.into_iter().chain(std::iter::once(directory.start..directory.start)) {
            if place.start < end {
                return Err(damaged(file, format!("byte {}", place.start), "two members overlap".to_owned()));
            }
            if place.start > end {
                let problem = format!("{} bytes belong to no member", place.start.saturating_sub(end));
                return Err(damaged(file, format!("byte {end}"), problem));
            }
            end = place.end;
        }
        Ok(Self { file, bytes, members, by_name })
    }

    /// The members, in the order of the directory.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of that name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.by_name.get(name).and_then(|&index| self.members.get(index))
    }

    /// The content of a member: borrowed if stored, unpacked if deflated, its checksum verified.
    ///
    /// What is unpacked is charged to `budget` first.
    ///
    /// `zero_is_unchecked`: take a checksum of 0 in the directory for "none", as torch writes it
    /// with `compute_crc32=False`.
    pub(crate) fn read(&self, member: &Member, zero_is_unchecked: bool, budget: &mut Budget) -> Result<Cow<'a, [u8]>> {
        let stored = self.bytes.get(member.data.clone()).ok_or_else(|| {
            damaged(self.file, format!("member {}", quoted(&member.name)), "it cannot be read".to_owned())
        })?;
        let content = match member.method {
            Method::Stored => stored,
            Method::Deflated => Cow::Owned(self.inflate(member, &stored, budget)?),
        };
        if !(zero_is_unchecked && member.crc32 == 0) {
            let mut crc = Crc::new();
            crc.update(&content);
            if crc.sum() != member.crc32 {
                return Err(InputError::Checksum {
                    file: self.file.to_path_buf(),
                    member: quoted(&member.name),
                    found: crc.sum(),
                    expected: member.crc32,
                });
            }
        }
        Ok(content)
    }

    fn inflate(&self, member: &Member, stored: &[u8], budget: &mut Budget) -> Result<Vec<u8>> {
        let place = || format!("member {}", quoted(&member.name));
        let compressed = stored.len() as u64;
        budget.spend(member.size).map_err(|exceeded| InputError::Expansion {
            file: self.file.to_path_buf(),
            member: quoted(&member.name),
            compressed,
            size: member.size,
            limit: exceeded.limit,
        })?;
        // Deflate cannot exceed 1032 : 1, so this much is reserved only where it can be filled.
        let capacity = member.size.min(compressed.saturating_mul(1032)).saturating_add(1);
        let mut content = super::element::reserve(self.file, &quoted(&member.name), capacity as usize)?;
        let mut decoder = DeflateDecoder::new(stored);
        decoder
            .by_ref()
            .take(member.size.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|error| damaged(self.file, place(), format!("the compressed data do not unpack ({error})")))?;
        let unpacked = content.len() as u64;
        if unpacked != member.size || decoder.total_in() != compressed {
            let problem = format!("the directory announces {} bytes, the data unpack to others", member.size);
            return Err(damaged(self.file, place(), problem));
        }
        Ok(content)
    }
}

/// The length of the record behind a member's data: with or without its mark, with sizes of 4 or 8
/// bytes; 0 if there is none that agrees.
fn descriptor_length(bytes: Pieces<'_>, member: &Member) -> usize {
    if !member.described {
        return 0;
    }
    let end = member.data.end.saturating_add(LONGEST_DESCRIPTOR).min(bytes.len());
    let rest = bytes.get(member.data.end..end).unwrap_or_default();
    let mark = if rest.starts_with(&DESCRIPTOR.to_le_bytes()) { 4 } else { 0 };
    let number = |at: usize, length: usize| {
        let field = rest.get(at..at.saturating_add(length))?;
        Some(field.iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte)))
    };
    let agrees = |size: usize| {
        let fields = (
            number(mark, 4),
            number(mark.saturating_add(4), size),
            number(mark.saturating_add(4).saturating_add(size), size),
        );
        fields == (Some(member.crc32.into()), Some(member.data.len() as u64), Some(member.size))
    };
    // Where the long form agrees the short one does not, but for a member of no bytes: then what follows decides.
    let next = |size: usize| {
        rest.get(mark.saturating_add(4).saturating_add(size.saturating_mul(2))..)
            .is_some_and(|rest| rest.starts_with(b"PK"))
    };
    [4, 8]
        .into_iter()
        .find(|&size| agrees(size) && next(size))
        .map_or(0, |size| mark.saturating_add(4).saturating_add(size.saturating_mul(2)))
}

fn damaged(file: &Path, place: String, problem: String) -> InputError {
    InputError::Damaged { file: file.to_path_buf(), place, problem }
}

/// Finds the directory from the end of the file.
fn find_directory(file: &Path, bytes: Pieces<'_>) -> Result<Directory> {
    let no_end = || {
        damaged(
            file,
            format!("byte {}", bytes.len().saturating_sub(END_LENGTH)),
            "no end-of-directory record (the file is cut short, or carries an archive comment or an appendix)"
                .to_owned(),
        )
    };
    let end_start = bytes.len().checked_sub(END_LENGTH).ok_or_else(no_end)?;
    let fields = |position: usize, what| Fields { file, bytes, position, end: bytes.len(), what };
    let mut end = fields(end_start, "end-of-directory record");
    if end.u32()? != END {
        return Err(no_end());
    }
    let disks = (end.u16()?, end.u16()?);
    let entries_here = u64::from(end.u16()?);
    let entries = u64::from(end.u16()?);
    let size = u64::from(end.u32()?);
    let start = u64::from(end.u32()?);
    let comment = end.u16()?;
    if disks != (0, 0) || entries_here != entries || comment != 0 {
        return Err(no_end());
    }

    let locator_start = end_start.checked_sub(END_64_LOCATOR_LENGTH);
    let mut locator = fields(locator_start.unwrap_or(bytes.len()), "ZIP64 end-of-directory locator");
    let zip64 = locator_start.is_some() && locator.u32()? == END_64_LOCATOR;
    if !zip64 {
        // A directory that needs ZIP64 has fields of all ones; they then fail the check of the extent.
        return directory_between(file, start, size, end_start, entries);
    }

    let bad = |problem: &str| {
        damaged(file, format!("ZIP64 end-of-directory record (before byte {end_start})"), problem.to_owned())
    };
    let disk = locator.u32()?;
    let record_start = usize::try_from(locator.u64()?).map_err(|_| bad("impossible position"))?;
    let disks = locator.u32()?;
    let mut record = fields(record_start, "ZIP64 end-of-directory record");
    if disk != 0 || disks != 1 || record.u32()? != END_64 {
        return Err(bad("not where its locator says"));
    }
    let record_size = record.u64()?;
    if record_size != (END_64_LENGTH - 12) as u64
        || record_start.checked_add(END_64_LENGTH + END_64_LOCATOR_LENGTH) != Some(end_start)
    {
        return Err(bad("not of the fixed length in front of its locator"));
    }
    record.take(4)?; // versions
    let disks = (record.u32()?, record.u32()?);
    let entries_here = record.u64()?;
    let entries_64 = record.u64()?;
    let size_64 = record.u64()?;
    let start_64 = record.u64()?;
    let agrees = |short: u64, all_ones: u64, long: u64| short == all_ones || short == long;
    if disks != (0, 0)
        || entries_here != entries_64
        || !agrees(entries, 0xffff, entries_64)
        || !agrees(size, 0xffff_ffff, size_64)
        || !agrees(start, 0xffff_ffff, start_64)
    {
        return Err(bad("it contradicts the end-of-directory record"));
    }
    directory_between(file, start_64, size_64, record_start, entries_64)
}

fn directory_between(file: &Path, start: u64, size: u64, end: usize, entries: u64) -> Result<Directory> {
    // Directly in front of the end record: bytes between them, or before the first member, shift every position.
    if start.checked_add(size) != Some(end as u64) || entries.saturating_mul(ENTRY_LENGTH as u64) > size {
        return Err(damaged(
            file,
            format!("end-of-directory record (byte {end})"),
            format!("a directory of {entries} entries and {size} bytes at byte {start} does not end there"),
        ));
    }
    // `start` is at most `end`, which is a position in memory.
    Ok(Directory { start: start as usize, end, entries })
}

/// Reads one directory entry and checks the local header it points to; gives the member and where
/// its header starts.
fn read_entry(
    file: &Path,
    bytes: Pieces<'_>,
    directory_start: usize,
    entry: &mut Fields<'_>,
) -> Result<(Member, usize)> {
    let place = format!("directory entry (byte {})", entry.position);
    let bad = |problem: &str| damaged(file, place.clone(), problem.to_owned());
    if entry.u32()? != DIRECTORY_ENTRY {
        return Err(bad("no directory entry here"));
    }
    entry.take(2)?; // version of the program that wrote it
    let needed = entry.u16()? & 0xff;
    let flags = entry.u16()?;
    let method = entry.u16()?;
    entry.take(4)?; // time and date
    let crc32 = entry.u32()?;
    let mut compressed = u64::from(entry.u32()?);
    let mut size = u64::from(entry.u32()?);
    let name_length = usize::from(entry.u16()?);
    let extra_length = usize::from(entry.u16()?);
    let comment_length = usize::from(entry.u16()?);
    let disk = entry.u16()?;
    entry.take(6)?; // attributes
    let mut local_start = u64::from(entry.u32()?);
    let raw_name = entry.take(name_length)?;
    let extra = entry.take(extra_length)?;
    entry.take(comment_length)?;

    let name = std::str::from_utf8(&raw_name).map_err(|_| bad("the name is not UTF-8"))?.to_owned();
    if name.is_empty() || disk != 0 {
        return Err(bad("an entry without a name, or on another disk"));
    }
    if name.contains(|character: char| character.is_control() || character == '\\') {
        return Err(bad("a name with a control byte or a backslash, which programs read in different ways"));
    }
    read_zip64(&extra, [&mut size, &mut compressed, &mut local_start])
        .ok_or_else(|| bad("an extra field that is malformed or renames the member"))?;

    let unsupported =
        |problem: String| InputError::UnsupportedMember { file: file.to_path_buf(), member: quoted(&name), problem };
    if flags & ENCRYPTED != 0 {
        return Err(unsupported("it is encrypted".to_owned()));
    }
    if needed > NEWEST || flags & PATCHED != 0 {
        return Err(unsupported("it needs a newer program, as it says; Python does not read it either".to_owned()));
    }
    let method = match method {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => return Err(unsupported(format!("compression method {other} (only stored and deflate are read)"))),
    };
    if method == Method::Stored && compressed != size {
        return Err(bad("a stored member of two different sizes"));
    }

    let local_start = usize::try_from(local_start).map_err(|_| bad("impossible position"))?;
    let announced = Announced { raw_name: &raw_name, method, crc32, compressed, size };
    let (data_start, described) = read_local(file, bytes, directory_start, local_start, &announced, &place)?;
    let data_end = usize::try_from(compressed).ok().and_then(|length| data_start.checked_add(length));
    let Some(data_end) = data_end.filter(|&end| end <= directory_start) else {
        return Err(InputError::Truncated {
            file: file.to_path_buf(),
            place: format!("member {}", quoted(&name)),
            needed: compressed,
            available: directory_start.saturating_sub(data_start) as u64,
        });
    };
    Ok((Member { name, method, crc32, size, described, data: data_start..data_end }, local_start))
}

const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// The newest version of the format, 6.3, in tenths.
const NEWEST: u16 = 63;
/// Bit of the flags: the member is a patch of another file.
const PATCHED: u16 = 1 << 5;

/// What the directory says of a member.
struct Announced<'a> {
    raw_name: &'a [u8],
    method: Method,
    crc32: u32,
    compressed: u64,
    size: u64,
}

/// Checks a local header against the directory; gives where the data start and whether a record
/// follows them.
fn read_local(
    file: &Path,
    bytes: Pieces<'_>,
    directory_start: usize,
    local_start: usize,
    announced: &Announced<'_>,
    place: &str,
) -> Result<(usize, bool)> {
    let bad = |problem: &str| damaged(file, place.to_owned(), problem.to_owned());
    let mut local = Fields { file, bytes, position: local_start, end: directory_start, what: "local header" };
    if local.u32()? != LOCAL_HEADER {
        return Err(bad("it points to no local header"));
    }
    local.take(2)?; // version
    let flags = local.u16()?;
    let method = local.u16()?;
    local.take(4)?; // time and date
    let crc32 = local.u32()?;
    let mut compressed = u64::from(local.u32()?);
    let mut size = u64::from(local.u32()?);
    let name_length = usize::from(local.u16()?);
    let extra_length = usize::from(local.u16()?);
    let name = local.take(name_length)?;
    let extra = local.take(extra_length)?;
    let mut no_position = 0;
    read_zip64(&extra, [&mut size, &mut compressed, &mut no_position])
        .ok_or_else(|| bad("an extra field in the local header that is malformed or renames the member"))?;
    // With bit 3 the local header leaves sizes and checksum to a record behind the data.
    const SIZES_FOLLOW: u16 = 1 << 3;
    let described = flags & SIZES_FOLLOW != 0;
    let agree = described || (crc32, compressed, size) == (announced.crc32, announced.compressed, announced.size);
    if *name != *announced.raw_name || method != method_number(announced.method) || flags & ENCRYPTED != 0 || !agree {
        return Err(bad("it and the local header describe two different members"));
    }
    Ok((local.position, described))
}

fn method_number(method: Method) -> u16 {
    match method {
        Method::Stored => 0,
        Method::Deflated => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn archive(compressed: bool) -> Vec<u8> {
        testing::archive(&[("first", &[7; 1000]), ("second", &(0..=255).collect::<Vec<u8>>())], compressed)
    }

    fn budget() -> Budget {
        Budget::of(1000)
    }

    fn file() -> &'static Path {
        Path::new("a.zip")
    }

    #[test]
    fn stored_and_deflated_members_are_read() {
        for compressed in [false, true] {
            let bytes = archive(compressed);
            let archive = Archive::open(file(), &bytes).unwrap();
            let names: Vec<&str> = archive.members().iter().map(|member| member.name.as_str()).collect();
            assert_eq!(names, ["first", "second"]);
            assert_eq!(*archive.read(archive.member("first").unwrap(), false, &mut budget()).unwrap(), [7; 1000]);
            let second = archive.member("second").unwrap();
            assert_eq!(*archive.read(second, false, &mut budget()).unwrap(), (0..=255).collect::<Vec<u8>>());
        }
    }

    /// The start of numpy's archives: Python's `ZipFile.open("x", "w", force_zip64=True)` puts the
    /// sizes of the local header into a ZIP64 field.
    fn zip64_local_header() -> Vec<u8> {
        [
            &LOCAL_HEADER.to_le_bytes()[..],
            &[0x2d, 0, 0, 0, 0, 0, 0, 0, 0x21, 0], // version, flags, method, time, date
            &0x3524_41c2_u32.to_le_bytes(),        // CRC-32 of "abc"
            &[0xff; 8],
            &[1, 0, 20, 0],
            b"x",
            &[1, 0, 16, 0],
            &3_u64.to_le_bytes(),
            &3_u64.to_le_bytes(),
            b"abc",
        ]
        .concat()
    }

    fn entry(sizes: [u32; 2], extra: &[u8]) -> Vec<u8> {
        [
            &DIRECTORY_ENTRY.to_le_bytes()[..],
            &[0x2d, 3, 0x2d, 0, 0, 0, 0, 0, 0, 0, 0x21, 0],
            &0x3524_41c2_u32.to_le_bytes(),
            &sizes[0].to_le_bytes(),
            &sizes[1].to_le_bytes(),
            &[1, 0],
            &(extra.len() as u16).to_le_bytes(),
            &[0; 14], // comment length, disk, attributes, position
            b"x",
            extra,
        ]
        .concat()
    }

    fn end_64(entries: u64, size: u64, start: u64) -> Vec<u8> {
        [
            &END_64.to_le_bytes()[..],
            &44_u64.to_le_bytes(),
            &[0x2d, 0, 0x2d, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &entries.to_le_bytes(),
            &entries.to_le_bytes(),
            &size.to_le_bytes(),
            &start.to_le_bytes(),
            &END_64_LOCATOR.to_le_bytes(),
            &[0; 4],
            &(start + size).to_le_bytes(),
            &1_u32.to_le_bytes(),
        ]
        .concat()
    }

    fn end(entries: u16, size: u32, start: u32) -> Vec<u8> {
        [
            &END.to_le_bytes()[..],
            &[0; 4],
            &entries.to_le_bytes(),
            &entries.to_le_bytes(),
            &size.to_le_bytes(),
            &start.to_le_bytes(),
            &[0; 2],
        ]
        .concat()
    }

    #[test]
    fn zip64_fields_are_read_wherever_they_stand() {
        let local = zip64_local_header();
        let start = local.len();
        let sizes: Vec<u8> = [&[1, 0, 16, 0][..], &3_u64.to_le_bytes(), &3_u64.to_le_bytes()].concat();
        for (what, entry) in [("local only", entry([3, 3], &[])), ("everywhere", entry([u32::MAX; 2], &sizes))] {
            let size = entry.len();
            for (what_end, end) in [
                ("short", end(1, size as u32, start as u32)),
                ("ZIP64", [end_64(1, size as u64, start as u64), end(1, size as u32, start as u32)].concat()),
                ("ZIP64 only", [end_64(1, size as u64, start as u64), end(u16::MAX, u32::MAX, u32::MAX)].concat()),
            ] {
                let bytes = [&local[..], &entry, &end].concat();
                let archive =
                    Archive::open(file(), &bytes).unwrap_or_else(|error| panic!("{what}, {what_end}: {error}"));
                assert_eq!(*archive.read(archive.member("x").unwrap(), false, &mut budget()).unwrap(), *b"abc");
            }
            for (what_end, end) in [
                ("other count", [end_64(1, size as u64, start as u64), end(2, size as u32, start as u32)].concat()),
                ("other start", [end_64(1, size as u64, start as u64), end(1, size as u32, 5)].concat()),
                (
                    "record elsewhere",
                    [&[0; 9][..], &end_64(1, size as u64, start as u64), &end(1, size as u32, start as u32)].concat(),
                ),
                ("too many entries", end(9, size as u32, start as u32)),
            ] {
                let bytes = [&local[..], &entry, &end].concat();
                assert!(matches!(Archive::open(file(), &bytes), Err(InputError::Damaged { .. })), "{what}, {what_end}");
            }
        }
        let twice = [&sizes[..], &sizes].concat();
        let missing = &[1, 0, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0];
        for extra in [&twice[..], missing, &[1, 0, 16, 0], &[1]] {
            let entry = entry([u32::MAX; 2], extra);
            let bytes = [&local[..], &entry, &end(1, entry.len() as u32, start as u32)].concat();
            assert!(matches!(Archive::open(file(), &bytes), Err(InputError::Damaged { .. })), "{extra:?}");
        }
    }

    #[test]
    fn every_truncation_is_an_error_and_no_flipped_bit_passes_unseen() {
        for compressed in [false, true] {
            let bytes = archive(compressed);
            for length in 0..bytes.len() {
                assert!(Archive::open(file(), &bytes[..length]).is_err(), "cut at {length}");
            }
            for position in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[position] ^= 0x10;
                let Ok(archive) = Archive::open(file(), &flipped) else { continue };
                let contents: Result<Vec<_>, _> =
                    archive.members().iter().map(|member| archive.read(member, false, &mut budget())).collect();
                // What still opens has the same contents: dates, versions and attributes carry no meaning here.
                if let Ok(contents) = contents {
                    assert_eq!((&*contents[0], contents[1].len()), (&[7_u8; 1000][..], 256), "byte {position}");
                }
            }
        }
    }

    #[test]
    fn members_that_need_a_newer_program_are_refused() {
        let bytes = archive(false);
        let entry = bytes.windows(4).position(|word| word == DIRECTORY_ENTRY.to_le_bytes()).unwrap();
        for (at, byte, is_read) in [(6, NEWEST as u8, true), (6, NEWEST as u8 + 1, false), (8, PATCHED as u8, false)] {
            let mut bent = bytes.clone();
            bent[entry + at] = byte;
            let opened = Archive::open(file(), &bent).and_then(|archive| {
                let read = archive.members().iter().map(|member| archive.read(member, false, &mut budget()).map(drop));
                read.collect::<Result<(), _>>()
            });
            assert_eq!(opened.is_ok(), is_read, "{at} {byte}: {opened:?}");
        }
    }

    #[test]
    fn hidden_and_shifted_archives_are_refused() {
        let bytes = archive(false);
        let mut with_comment = bytes.clone();
        let end = bytes.len();
        with_comment[end - 2] = 4;
        with_comment.extend(b"note");
        let appended = [&bytes[..], b"x"].concat();
        let prefixed = [b"MZ", &bytes[..]].concat();
        for (name, bytes) in [("comment", with_comment), ("appendix", appended), ("prefix", prefixed)] {
            let error = Archive::open(file(), &bytes).unwrap_err();
            assert!(matches!(error, InputError::Damaged { .. }), "{name}: {error}");
            assert!(error.to_string().contains("byte "), "{name}: {error}");
        }
    }

    #[test]
    fn a_name_twice_is_refused() {
        let mut bytes = testing::archive(&[("aaaa", b"aaaa"), ("bbbb", b"bbbb")], true);
        // Names only: the content "bbbb" of the member has to keep its checksum.
        let positions: Vec<usize> = (0..bytes.len() - 3).filter(|&at| &bytes[at..at + 4] == b"bbbb").collect();
        for &at in [positions[0], *positions.last().unwrap()].iter() {
            bytes[at..at + 4].copy_from_slice(b"aaaa");
        }
        let error = Archive::open(file(), &bytes).unwrap_err();
        assert!(matches!(&error, InputError::Duplicate { name, .. } if name.contains("aaaa")), "{error}");
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let bytes = testing::archive(&[("zeros", &vec![0; 257 << 20])], true);
        let archive = Archive::open(file(), &bytes).unwrap();
        let error = archive.read(&archive.members()[0], false, &mut budget()).unwrap_err();
        assert!(matches!(error, InputError::Expansion { size: 269_484_032, .. }), "{error}");
    }

    #[test]
    fn a_directory_that_lies_about_a_size_is_refused() {
        let bytes = archive(true);
        let entry = bytes.windows(4).position(|window| window == DIRECTORY_ENTRY.to_le_bytes()).unwrap();
        for (size, position) in [(entry + 24, 22), (entry + 24, 22)] {
            for change in [1_u8, 255] {
                let mut bytes = bytes.clone();
                bytes[size] = bytes[size].wrapping_add(change);
                bytes[position] = bytes[position].wrapping_add(change);
                let archive = Archive::open(file(), &bytes).unwrap();
                let error = archive.read(&archive.members()[0], false, &mut budget()).unwrap_err();
                assert!(matches!(error, InputError::Damaged { .. }), "{error}");
                assert!(error.to_string().contains("\"first\""), "{error}");
            }
        }
    }
}
