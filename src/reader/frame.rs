//! Wire format between the main process and a worker process: tasks one way, frames back. All
//! numbers are little-endian.

use std::io::{self, Read, Write};

/// Kind of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Extract the text of a document.
    Document,
    /// Decode audio to samples.
    Sound,
    /// Read the headers of an audio file.
    Probe,
    /// Prepare a picture for a model that sees.
    Picture,
    /// Test the sandbox.
    Check,
}

const KINDS: [Kind; 5] = [Kind::Document, Kind::Sound, Kind::Probe, Kind::Picture, Kind::Check];

/// Precedes a task's head and body: kind, time limit in seconds, and their lengths in bytes.
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) seconds: u32,
    pub(super) head: u32,
    pub(super) body: u64,
}

impl Header {
    const LENGTH: usize = 17;

    pub(super) fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or_default();
        bytes[0] = u8::try_from(kind).unwrap_or(u8::MAX);
        bytes[1..5].copy_from_slice(&self.seconds.to_le_bytes());
        bytes[5..9].copy_from_slice(&self.head.to_le_bytes());
        bytes[9..].copy_from_slice(&self.body.to_le_bytes());
        bytes
    }

    /// Reads the next task's header; `None` at the end of the pipe.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut kind = [0];
        if from.read(&mut kind)? == 0 {
            return Ok(None);
        }
        let (mut seconds, mut head, mut body) = ([0; 4], [0; 4], [0; 8]);
        from.read_exact(&mut seconds)?;
        from.read_exact(&mut head)?;
        from.read_exact(&mut body)?;
        let unknown = || io::Error::new(io::ErrorKind::InvalidData, "there is no such task");
        Ok(Some(Self {
            kind: *KINDS.get(usize::from(kind[0])).ok_or_else(unknown)?,
            seconds: u32::from_le_bytes(seconds),
            head: u32::from_le_bytes(head),
            body: u64::from_le_bytes(body),
        }))
    }
}

/// Type of a frame from a worker process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// The process is ready. The payload says why system calls are not filtered; empty if they are.
    Ready,
    /// Samples, 4 bytes each.
    Samples,
    /// The answer; ends a task.
    Answer,
    /// The task panicked; ends it, too.
    Broken,
}

const TAGS: [Tag; 4] = [Tag::Ready, Tag::Samples, Tag::Answer, Tag::Broken];

impl Tag {
    /// Parses a frame's tag and payload length from its first five bytes.
    pub(super) fn read(bytes: [u8; 5]) -> Option<(Self, usize)> {
        let [tag, length @ ..] = bytes;
        let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
        Some((*TAGS.get(usize::from(tag))?, length))
    }

    pub(super) fn write(self, to: &mut impl Write, payload: &[u8]) -> io::Result<()> {
        let tag = TAGS.iter().position(|tag| *tag == self).unwrap_or_default();
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "the frame is too long");
        let length = u32::try_from(payload.len()).map_err(too_long)?;
        let mut start = [u8::try_from(tag).unwrap_or(u8::MAX), 0, 0, 0, 0];
        start[1..].copy_from_slice(&length.to_le_bytes());
        to.write_all(&start)?;
        to.write_all(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for kind in KINDS {
            let bytes = Header { kind, seconds: 7, head: 70_000, body: 1 << 40 }.to_bytes();
            let read = Header::read(&mut &bytes[..]).unwrap().unwrap();
            let all = (read.kind, read.seconds, read.head, read.body);
            assert_eq!(all, (kind, 7, 70_000, 1 << 40));
            assert!(Header::read(&mut &bytes[..9]).is_err(), "half a header is an error");
        }
        assert!(Header::read(&mut &b""[..]).unwrap().is_none());
        for tag in TAGS {
            let mut bytes = Vec::new();
            tag.write(&mut bytes, b"abc").unwrap();
            let (start, rest) = bytes.split_at(5);
            assert_eq!(Tag::read(start.try_into().unwrap()), Some((tag, 3)));
            assert_eq!(rest, b"abc");
        }
    }

    #[test]
    fn nonsense_is_no_frame() {
        assert_eq!(Tag::read([9, 0, 0, 0, 0]), None);
        assert!(Header::read(&mut &[9; 17][..]).is_err());
    }
}
