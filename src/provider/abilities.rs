//! What providers can send, and within which limits. Pure.

use sha2::{Digest, Sha256};

use crate::domain::file::playable_type;
use crate::domain::label::one_line;
use crate::domain::{Blob, Media, MediaKind};

mod interactive;
mod products;

pub use interactive::{ChoiceAbility, InteractiveLimits, UnfitContent};
pub use products::ProductAbility;

/// What a provider can send, as its adapter declares it.
#[derive(Debug)]
pub struct Abilities {
    /// Maximum length of a caption, in characters.
    pub max_caption: usize,
    /// Files, in the order in which a file's kind is chosen.
    pub files: &'static [FileAbility],
    /// Choices to tap; `None` sends them as numbered text.
    pub choices: Option<ChoiceAbility>,
    /// A button that opens a web page; `None` sends its address as text.
    pub link: Option<InteractiveLimits>,
    /// Products of a catalogue.
    pub products: Option<ProductAbility>,
    /// A button that opens a form (a WhatsApp Flow).
    pub flow: Option<InteractiveLimits>,
    /// Whether it sends locations.
    pub location: bool,
    /// Whether it sends address cards.
    pub contacts: bool,
    /// Whether it sends reactions.
    pub reactions: bool,
}

/// A kind of file that a provider can send.
#[derive(Debug)]
pub struct FileAbility {
    /// The kind.
    pub kind: MediaKind,
    /// Its MIME types.
    pub types: &'static [&'static str],
    /// Maximum size, in bytes.
    pub max_bytes: usize,
}

const MEGABYTE: usize = 1024 * 1024;

/// Maximum length of a file's name, in characters.
const MAX_NAME_LEN: usize = 200;

/// Why a provider cannot send a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitFile {
    /// It has no bytes.
    #[error("The file is empty.")]
    Empty,
    /// The caption is too long.
    #[error(
        "The text beside a file has {length} characters, and WhatsApp takes {most}: write it as a message of its own."
    )]
    Caption {
        /// Its length, in characters.
        length: usize,
        /// Maximum length, in characters.
        most: usize,
    },
    /// Sound has no caption.
    #[error("WhatsApp shows no text beside sound: write it as a message of its own.")]
    SoundCaption,
    /// It sends no file of this type. Holds what it sends.
    #[error("WhatsApp takes no such file. It takes {0}.")]
    Type(String),
    /// It is too large.
    #[error("The file has {}, and WhatsApp takes {} of this type.", megabytes(*.size), megabytes(*.most))]
    Size {
        /// The file's size, in bytes.
        size: usize,
        /// Maximum size, in bytes.
        most: usize,
    },
}

/// MIME types of documents by the extension of their file name, which nothing in their bytes says.
const DOCUMENTS: [(&str, &str); 11] = [
    ("pdf", "application/pdf"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("txt", "text/plain"),
    ("csv", "text/plain"),
    ("md", "text/plain"),
    ("log", "text/plain"),
];

/// The MIME type of a picture, sound or video, by its first bytes. Stricter than for display: OGG has
/// to hold Opus, and HEIC, AVIF and `QuickTime` share the container of MP4.
fn sendable_type(bytes: &[u8]) -> Option<&'static str> {
    let has = |mark: &[u8]| bytes[..bytes.len().min(100)].windows(mark.len()).any(|at| at == mark);
    let brand = || bytes.get(8..12).unwrap_or_default();
    playable_type(bytes).filter(|mime_type| match *mime_type {
        "audio/ogg" => has(b"OpusHead"),
        "video/mp4" => {
            let known: [&[u8]; 6] = [b"iso", b"mp4", b"avc1", b"M4V", b"MSNV", b"dash"];
            known.iter().any(|known| brand().starts_with(known))
        }
        _ => true,
    })
}

/// The MIME type of a document, by the extension of its name.
fn document_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    let known = DOCUMENTS.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known));
    known.map(|(_, mime_type)| *mime_type)
}

impl FileAbility {
    const IMAGE: Self = Self {
        kind: MediaKind::Image,
        types: &["image/jpeg", "image/png"],
        max_bytes: 5 * MEGABYTE,
    };
    const VIDEO: Self = Self {
        kind: MediaKind::Video,
        types: &["video/mp4", "video/3gpp"],
        max_bytes: 16 * MEGABYTE,
    };
    /// WhatsApp takes OGG with Opus alone, as voice notes have it.
    const VOICE: Self =
        Self { kind: MediaKind::Voice, types: &["audio/ogg"], max_bytes: 16 * MEGABYTE };
    const AUDIO: Self = Self {
        kind: MediaKind::Audio,
        types: &["audio/aac", "audio/mp4", "audio/mpeg", "audio/amr"],
        max_bytes: 16 * MEGABYTE,
    };

    const fn document(max_bytes: usize) -> Self {
        let types = &[
            "application/pdf",
            "application/msword",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.ms-excel",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.ms-powerpoint",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "text/plain",
            "image/jpeg",
            "image/png",
            "video/mp4",
            "video/3gpp",
        ];
        Self { kind: MediaKind::Document, types, max_bytes }
    }
}

impl Abilities {
    /// WhatsApp's own limits:
    /// <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media>.
    pub const WHATSAPP: Self = Self {
        max_caption: 1024,
        files: &[
            FileAbility::IMAGE,
            FileAbility::VIDEO,
            FileAbility::VOICE,
            FileAbility::AUDIO,
            FileAbility::document(100 * MEGABYTE),
        ],
        choices: Some(ChoiceAbility::WHATSAPP),
        link: Some(InteractiveLimits::WHATSAPP),
        products: Some(ProductAbility::WHATSAPP),
        flow: Some(InteractiveLimits::FLOW),
        location: true,
        contacts: true,
        reactions: true,
    };

    /// Of a device that is linked to the phone: what businesses send through Meta's API alone, such as
    /// buttons, is often not shown. A file is in memory as a whole while it is sent.
    pub const LINKED_DEVICE: Self = Self {
        files: &[
            FileAbility::IMAGE,
            FileAbility::VIDEO,
            FileAbility::VOICE,
            FileAbility::AUDIO,
            FileAbility::document(50 * MEGABYTE),
        ],
        choices: None,
        link: None,
        products: None,
        flow: None,
        ..Self::WHATSAPP
    };

    /// Whether a document of this name can be sent, as far as its extension says.
    pub fn takes_document(&self, name: &str) -> bool {
        document_type(name)
            .is_some_and(|mime_type| self.files.iter().any(|one| one.types.contains(&mime_type)))
    }

    /// Describes a file that is to be sent, with its bytes. Its type is that of its first bytes, of a
    /// document that of its name's extension. `name` may be a path.
    pub fn media(&self, name: &str, bytes: Vec<u8>, caption: &str) -> Result<Media, UnfitFile> {
        if bytes.is_empty() {
            return Err(UnfitFile::Empty);
        }
        let name = file_name(name);
        let is_playable = playable_type(&bytes).is_some();
        let mime_type = if is_playable { sendable_type(&bytes) } else { document_type(&name) };
        let mime_type = mime_type.ok_or_else(|| UnfitFile::Type(self.names()))?;
        let kind = self.kind_of(mime_type, bytes.len())?;
        let caption = Some(caption.trim()).filter(|caption| !caption.is_empty());
        if caption.is_some() && matches!(kind, MediaKind::Voice | MediaKind::Audio) {
            return Err(UnfitFile::SoundCaption);
        }
        let (length, most) =
            (caption.map_or(0, |caption| caption.chars().count()), self.max_caption);
        if length > most {
            return Err(UnfitFile::Caption { length, most });
        }
        Ok(Media {
            kind,
            mime_type: Some(mime_type.to_owned()),
            sha256: Some(hex::encode(Sha256::digest(&bytes))),
            caption: caption.map(|caption| caption.replace('\0', "\u{fffd}")),
            file_name: Some(name),
            bytes: Some(Blob(bytes.into())),
            ..Media::default()
        })
    }

    /// The kind as which a file of this MIME type and size is sent: a picture that is too large for
    /// one is sent as a document.
    fn kind_of(&self, mime_type: &str, size: usize) -> Result<MediaKind, UnfitFile> {
        let fitting = || self.files.iter().filter(|one| one.types.contains(&mime_type));
        if let Some(fit) = fitting().find(|one| size <= one.max_bytes) {
            return Ok(fit.kind);
        }
        match fitting().map(|one| one.max_bytes).max() {
            Some(most) => Err(UnfitFile::Size { size, most }),
            None => Err(UnfitFile::Type(self.names())),
        }
    }

    fn names(&self) -> String {
        let documents = DOCUMENTS
            .iter()
            .filter(|(_, mime_type)| self.files.iter().any(|one| one.types.contains(mime_type)));
        let documents: Vec<_> = documents.map(|(extension, _)| *extension).collect();
        format!(
            "JPEG and PNG pictures, MP4 and 3GP videos, sound (OGG with Opus, MP3, M4A, AAC, AMR) and documents ({})",
            documents.join(", ")
        )
    }
}

/// The last part of a path, as one line; its end is kept, with the extension.
fn file_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = one_line(name, name.len());
    let excess = name.chars().count().saturating_sub(MAX_NAME_LEN);
    let name: String = name.chars().skip(excess).collect();
    if name.is_empty() { "file".to_owned() } else { name }
}

/// A size for people, such as `16.0 MB`.
pub fn megabytes(bytes: usize) -> String {
    format!("{}.{} MB", bytes / MEGABYTE, bytes % MEGABYTE * 10 / MEGABYTE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProviderKind;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    fn media(name: &str, bytes: &[u8], caption: &str) -> Result<Media, UnfitFile> {
        Abilities::WHATSAPP.media(name, bytes.to_vec(), caption)
    }

    fn sized(start: &[u8], size: usize) -> Vec<u8> {
        let mut bytes = start.to_vec();
        bytes.resize(size, 0);
        bytes
    }

    /// The row of a provider in the README's table.
    fn row(provider: ProviderKind) -> String {
        let Abilities {
            files, choices, link, products, flow, location, contacts, reactions, ..
        } = Abilities::of(provider);
        let file = |one: &FileAbility| format!("{} {}", one.kind, megabytes(one.max_bytes));
        let yes = |able: &bool| if *able { "yes" } else { "no" }.to_owned();
        let text = || "as text".to_owned();
        let buttons = choices
            .map(|one| format!("{} of {} characters", one.max_buttons, one.buttons.max_label));
        let list =
            choices.map(|one| format!("{} of {} characters", one.max_rows, one.max_row_title));
        let cells = [
            format!("`{provider}`"),
            files.iter().map(file).collect::<Vec<_>>().join(", "),
            buttons.unwrap_or_else(text),
            list.unwrap_or_else(text),
            link.map_or_else(text, |limits| format!("{} characters", limits.max_label)),
            products.map_or_else(
                || "no".to_owned(),
                |one| format!("{} in {} sections", one.max_products, one.max_sections),
            ),
            yes(&flow.is_some()),
            yes(location),
            yes(contacts),
            yes(reactions),
        ];
        format!("| {} |", cells.join(" | "))
    }

    #[test]
    fn the_table_of_the_readme_is_made_of_the_declarations() {
        let readme = include_str!("../../README.md");
        for provider in ProviderKind::ALL {
            let row = row(*provider);
            assert!(readme.contains(&row), "the README should hold:\n{row}");
        }
    }

    #[test]
    fn a_file_is_sent_as_what_it_is() {
        for (name, bytes, kind, mime_type) in [
            ("a.pdf", PNG, MediaKind::Image, "image/png"),
            ("menu.PDF", b"%PDF-1.7".as_slice(), MediaKind::Document, "application/pdf"),
            ("prices.csv", b"a,b", MediaKind::Document, "text/plain"),
            ("note", b"OggS....OpusHead", MediaKind::Voice, "audio/ogg"),
            ("song.mp3", b"ID3", MediaKind::Audio, "audio/mpeg"),
            ("film", b"\0\0\0\x20ftypisom", MediaKind::Video, "video/mp4"),
        ] {
            let media = media(name, bytes, "").unwrap();
            assert_eq!((media.kind, media.mime_type.as_deref()), (kind, Some(mime_type)), "{name}");
        }
        for (name, bytes) in [
            ("a.html", b"<html>".as_slice()),
            ("a.svg", b"<svg>"),
            ("a.gif", b"GIF89a"),
            ("png", b"x"),
            ("a.webm", b"\x1a\x45\xdf\xa3"),
            ("heic.pdf", b"\0\0\0\x20ftypheic"),
            ("a.mov", b"\0\0\0\x20ftypqt  "),
            ("a.ogg", b"OggS....vorbis"),
        ] {
            let refused = media(name, bytes, "").unwrap_err();
            assert!(refused.to_string().contains("pdf, doc"), "{name}: {refused}");
        }
        assert_eq!(media("a.pdf", b"", ""), Err(UnfitFile::Empty));
    }

    #[test]
    fn a_large_picture_is_a_document_and_a_large_document_is_refused() {
        let kind = |size| media("a.png", &sized(PNG, size), "").map(|media| media.kind);
        assert_eq!(kind(5 * MEGABYTE), Ok(MediaKind::Image));
        assert_eq!(kind(5 * MEGABYTE + 1), Ok(MediaKind::Document));
        let sound = media("a.mp3", &sized(b"ID3", 17 * MEGABYTE + MEGABYTE / 2), "").unwrap_err();
        assert_eq!(
            sound.to_string(),
            "The file has 17.5 MB, and WhatsApp takes 16.0 MB of this type."
        );
    }

    #[test]
    fn captions_and_names_fit_whatsapp() {
        let longest = "é".repeat(1024);
        assert_eq!(media("a.png", PNG, &longest).unwrap().caption, Some(longest.clone()));
        assert!(matches!(
            media("a.png", PNG, &format!("{longest}é")),
            Err(UnfitFile::Caption { length: 1025, .. })
        ));
        assert_eq!(media("a.ogg", b"OggS....OpusHead", "hi"), Err(UnfitFile::SoundCaption));
        let name = |path: &str| media(path, PNG, "").unwrap().file_name.unwrap();
        assert_eq!(name("C:\\x\\..\\me\u{202e}nu\r\n.png"), "menu .png");
        assert_eq!(name("../../\0"), "file");
        assert!(name(&format!("{}.png", "x".repeat(500))).ends_with("x.png"));
        assert_eq!(name(&format!("{}.png", "x".repeat(500))).chars().count(), MAX_NAME_LEN);
    }
}
