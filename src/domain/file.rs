//! Files of messages: whether one is stored here, and what it is by its first bytes. Pure.

use std::fmt;
use std::sync::Arc;

use frontdesk_words::words;

/// The bytes of a file, shared. `Debug` prints only their count.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(pub Arc<[u8]>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

words! {
    /// Whether the file of a message is stored here.
    pub enum FileState {
        /// It is still to be fetched from WhatsApp.
        Waiting = "waiting",
        /// It is stored.
        Stored = "stored",
        /// WhatsApp no longer has it.
        Gone = "gone",
        /// WhatsApp did not give it, or gave something else than was sent.
        Refused = "refused",
        /// It is larger than the desk stores.
        TooLarge = "too_large",
        /// It was deleted: by age, to make room, or with its message.
        Removed = "removed",
    }
}

/// Why a file is not stored, for good: what its message shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFile {
    /// Any state but [`FileState::Waiting`] and [`FileState::Stored`].
    pub state: FileState,
    /// The reason, in the provider's words.
    pub reason: String,
}

/// The media type of a picture, sound or video that browsers show or play, by its first bytes:
/// <https://mimesniff.spec.whatwg.org>. `None` for anything else: what a sender calls a picture may
/// be a page with a script. SVG has no such bytes and is none of them.
pub fn playable_type(bytes: &[u8]) -> Option<&'static str> {
    let at = |place: usize, mark: &[u8]| bytes.get(place..place + mark.len()) == Some(mark);
    let starts: [(&[u8], &'static str); 9] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"OggS", "audio/ogg"),
        (b"ID3", "audio/mpeg"),
        (b"#!AMR", "audio/amr"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"fLaC", "audio/flac"),
    ];
    if let Some((_, name)) = starts.iter().find(|(mark, _)| at(0, mark)) {
        return Some(name);
    }
    if at(0, b"RIFF") {
        return match bytes.get(8..12) {
            Some(b"WEBP") => Some("image/webp"),
            Some(b"WAVE") => Some("audio/wav"),
            _ => None,
        };
    }
    if at(4, b"ftyp") {
        return Some(match bytes.get(8..11) {
            Some(b"M4A" | b"M4B") => "audio/mp4",
            Some(b"3gp" | b"3g2") => "video/3gpp",
            _ => "video/mp4",
        });
    }
    match bytes {
        // ADTS begins with twelve bits and layer 0, MP3 with eleven and layer 3.
        [0xff, second, ..] if second & 0xf6 == 0xf0 => Some("audio/aac"),
        [0xff, second, ..] if second & 0xe6 == 0xe2 => Some("audio/mpeg"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        for (bytes, name) in [
            (b"\x89PNG\r\n\x1a\n".as_slice(), "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (b"RIFF....WAVEfmt ", "audio/wav"),
            (b"OggS", "audio/ogg"),
            (b"\0\0\0\x20ftypisom", "video/mp4"),
            (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
            (b"\0\0\0\x20ftyp3gp4", "video/3gpp"),
            (b"\xff\xf1\x50\x80", "audio/aac"),
            (b"\xff\xfb\x90\x00", "audio/mpeg"),
        ] {
            assert_eq!(playable_type(bytes), Some(name), "{bytes:?}");
        }
    }

    #[test]
    fn what_could_run_or_is_cut_off_is_nothing_that_is_shown() {
        for bytes in [
            b"<script>alert(1)</script>".as_slice(),
            b"<svg onload='alert(1)'/>",
            b"<html>",
            b"%PDF-1.7",
            b"RIFF....AVI ",
            b"RIFF",
            b"\xff\xfe<\0h\0t\0m\0l\0",
            b"\xff",
            b"MZ",
            b"",
        ] {
            assert_eq!(playable_type(bytes), None, "{bytes:?}");
        }
    }
}
