//! Opens zip archives with limits on entries and unpacked bytes, whatever the archive declares.
//! Does not interpret the content.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::{Unreadable, encoding};

/// Maximum entries.
const MAX_ENTRIES: usize = 10_000;
/// Maximum unpacked size of all entries together, in bytes.
const MAX_UNPACKED: u64 = 200 * 1024 * 1024;
/// Maximum size of a part that is read into memory, in bytes.
const MAX_PART: u64 = 32 * 1024 * 1024;
/// Maximum size of all parts read into memory together, in bytes.
const MAX_READ: u64 = 64 * 1024 * 1024;
/// The part with all the text of an OpenDocument file: its limit is that of all parts together.
const WHOLE: &str = "content.xml";

/// An archive in memory.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    what: &'static str,
    /// Bytes unpacked so far.
    unpacked: u64,
}

impl<'a> Archive<'a> {
    /// Opens an archive, unless it declares too much content. `what` names the format in errors.
    pub(super) fn open(bytes: &'a [u8], what: &'static str) -> Result<Self, Unreadable> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged(what))?;
        let mut archive = Self { zip, what, unpacked: 0 };
        if archive.zip.len() > MAX_ENTRIES {
            return Err(archive.bomb(format!("more than {MAX_ENTRIES} files")));
        }
        let mut declared = 0_u64;
        for index in 0..archive.zip.len() {
            let entry = archive.zip.by_index_raw(index).map_err(|_| Unreadable::Damaged(what))?;
            if entry.encrypted() {
                return Err(Unreadable::Encrypted(what));
            }
            declared = declared.saturating_add(entry.size());
        }
        if declared > MAX_UNPACKED {
            return Err(archive.too_much(MAX_UNPACKED));
        }
        Ok(archive)
    }

    /// Whether there is an entry with this name, or in this folder if the name ends with `/`.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.zip.file_names().any(|entry| {
            entry.is_ok_and(|entry| {
                entry.strip_prefix(name).is_some_and(|rest| rest.is_empty() || name.ends_with('/'))
            })
        })
    }

    /// Unpacks a part; `None` if it does not exist.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let entry = match self.zip.by_name(name) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(_) => return Err(Unreadable::Damaged(self.what)),
        };
        let part = if name == WHOLE { MAX_READ } else { MAX_PART };
        let most = part.min(MAX_READ.saturating_sub(self.unpacked));
        // The declared size is not trusted; it only avoids growing the buffer.
        let declared = entry.size();
        let mut bytes = Vec::new();
        if declared > most {
            drop(entry);
        } else {
            bytes.reserve_exact(usize::try_from(declared).unwrap_or(0));
            let read = entry.take(most + 1).read_to_end(&mut bytes);
            read.map_err(|_| Unreadable::Damaged(self.what))?;
        }
        let size = declared.max(bytes.len() as u64);
        let bound = if self.unpacked.saturating_add(size) > MAX_READ { MAX_READ } else { part };
        // A part refused without being read does not use up the limit.
        self.unpacked = self.unpacked.saturating_add(bytes.len() as u64);
        if size > most { Err(self.too_much(bound)) } else { Ok(Some(bytes)) }
    }

    /// Unpacks a text part in any encoding; `None` if it does not exist.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Unreadable> {
        let Some(bytes) = self.bytes(name)? else { return Ok(None) };
        encoding::decode(&bytes, false).map(Some).ok_or(Unreadable::Damaged(self.what))
    }

    /// Unpacks everything once and discards it, so that a third-party reader cannot unpack more
    /// later. `most_of` returns the maximum size of a part, in bytes, by its name.
    pub(super) fn measure(mut self, most_of: fn(&str) -> u64) -> Result<(), Unreadable> {
        let mut left = MAX_UNPACKED;
        for index in 0..self.zip.len() {
            let entry = self.zip.by_index(index).map_err(|_| Unreadable::Damaged(self.what))?;
            let most = entry.name().map_or(0, |name| most_of(&name));
            let copied = std::io::copy(&mut entry.take(left + 1), &mut std::io::sink());
            let size = copied.map_err(|_| Unreadable::Damaged(self.what))?;
            if size > most {
                return Err(self.too_much(most));
            }
            let Some(rest) = left.checked_sub(size) else {
                return Err(self.too_much(MAX_UNPACKED));
            };
            left = rest;
        }
        Ok(())
    }

    fn too_much(&self, most: u64) -> Unreadable {
        self.bomb(format!("more than {} MB", most / 1024 / 1024))
    }

    fn bomb(&self, most: String) -> Unreadable {
        Unreadable::Bomb { what: self.what, most }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_text_of_an_open_document_may_be_larger_than_another_part() {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in ["other.xml", WHOLE] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(&vec![b' '; 40 << 20]).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        let part = |name: &str| Archive::open(&bytes, "sheet").unwrap().bytes(name);
        assert!(matches!(part("other.xml"), Err(Unreadable::Bomb { .. })));
        assert_eq!(part(WHOLE).unwrap().map(|bytes| bytes.len()), Some(40 << 20));
        let mut both = Archive::open(&bytes, "sheet").unwrap();
        assert!(both.bytes("other.xml").is_err());
        assert!(both.bytes(WHOLE).is_ok(), "what was not read takes no room");
    }
}
