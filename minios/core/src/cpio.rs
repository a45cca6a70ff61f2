// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a cpio archive in the format newc: the ramdisk of a domain.
//!
//! The archive is foreign bytes: where it stops making sense, the list of its files ends.
#[cfg(test)]
mod tests;

/// Bytes of a member's header.
const HEADER: usize = 110;
/// What a header begins with: without and with checksums.
const MAGICS: [&[u8]; 2] = [b"070701", b"070702"];
/// Name of the last member.
const TRAILER: &str = "TRAILER!!!";
/// Numbers of eight hexadecimal digits behind the magic: mode, size of the file and of the name.
const MODE: usize = 1;
const FILE_SIZE: usize = 6;
const NAME_SIZE: usize = 11;
/// File type bits of a mode, and their value for a regular file.
const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// A regular file of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// Its path, without `/` or `./` at the beginning.
    pub name: &'a str,
    /// Its contents.
    pub bytes: &'a [u8],
}

/// The regular files of an archive, in order.
///
/// ```
/// assert_eq!(minios_core::cpio::files(b"").count(), 0);
/// ```
pub fn files(archive: &[u8]) -> impl Iterator<Item = File<'_>> {
    let mut at = 0;
    let members = core::iter::from_fn(move || {
        let (member, next) = member(archive, at)?;
        at = next;
        (member.1.name != TRAILER).then_some(member)
    });
    members.filter(|(mode, _)| mode & TYPE_MASK == REGULAR).map(|(_, file)| file)
}

/// The member at an offset with its mode, and the offset behind it.
fn member(archive: &[u8], at: usize) -> Option<((u32, File<'_>), usize)> {
    let header = archive.get(at..at.checked_add(HEADER)?)?;
    if !MAGICS.contains(&&header[..6]) {
        return None;
    }
    let name_size = usize::try_from(number(header, NAME_SIZE)?).ok()?;
    let file_size = usize::try_from(number(header, FILE_SIZE)?).ok()?;
    let name_at = at + HEADER;
    let name_end = name_at.checked_add(name_size)?;
    let file_at = name_end.checked_next_multiple_of(4)?;
    let file_end = file_at.checked_add(file_size)?;
    let name = archive.get(name_at..name_end)?.strip_suffix(&[0])?;
    let name = core::str::from_utf8(name).ok()?;
    let name = name.trim_start_matches("./").trim_start_matches('/');
    let file = File { name, bytes: archive.get(file_at..file_end)? };
    Some(((number(header, MODE)?, file), file_end.checked_next_multiple_of(4)?))
}

/// One of the header's numbers.
fn number(header: &[u8], index: usize) -> Option<u32> {
    let at = 6 + index * 8;
    let digits = core::str::from_utf8(header.get(at..at + 8)?).ok()?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}
