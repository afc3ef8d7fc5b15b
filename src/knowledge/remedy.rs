//! Maps the reasons why a document could not be learned to what to do about them: the only place
//! that does so.

use frontdesk_doctext::extract::{FORMATS, MAX_BYTES, SHEETS, Unreadable};

use crate::domain::FailureCode;
use crate::reader;
use crate::store::collection_limits::Full;
use crate::store::crawl_leases::MAX_TRIES;
use crate::store::knowledge::Failure;

/// Failure for a file that the extractor cannot read.
pub(super) fn of(unreadable: &Unreadable) -> Failure {
    let split = "Split it into several files.";
    let (code, remedy) = match unreadable {
        Unreadable::Format { .. } => (
            FailureCode::Format,
            format!("Save it in a format that can be learned: {}.", FORMATS.join(", ")),
        ),
        Unreadable::Empty => (FailureCode::Empty, "Write something into it, or remove it.".to_owned()),
        Unreadable::NoText(_) => (FailureCode::NoText, "Save the text itself in it.".to_owned()),
        Unreadable::TooLarge(_)
        | Unreadable::TooManyRows(_)
        | Unreadable::TooMuchText(_)
        | Unreadable::TooMany { .. } => (FailureCode::TooLarge, split.to_owned()),
        Unreadable::Bomb { what, .. } if SHEETS.contains(what) => (
            FailureCode::TooLarge,
            "Remove what the sheets do not need, or split it into several files.".to_owned(),
        ),
        Unreadable::Bomb { .. } => (
            FailureCode::TooLarge,
            "Save it without pictures and attachments, or split it into several files.".to_owned(),
        ),
        Unreadable::TooSlow { .. } => (FailureCode::TooSlow, split.to_owned()),
        Unreadable::Disguised { remedy, .. } => (FailureCode::Disguised, sentence(remedy)),
        Unreadable::TooDeep(_) | Unreadable::BrokenPage => {
            (FailureCode::Damaged, "Save the page's text as .md or .txt.".to_owned())
        }
        Unreadable::Encrypted(_) => (FailureCode::Encrypted, "Save it without a password.".to_owned()),
        Unreadable::Scanned(_) => (
            FailureCode::Scanned,
            "Run text recognition (OCR) over it, or save its text as .docx or .txt.".to_owned(),
        ),
        Unreadable::Unmapped => (
            FailureCode::Unmapped,
            "Print it to PDF again from the program that wrote it, or run text recognition (OCR) over it."
                .to_owned(),
        ),
        Unreadable::Damaged(_) => {
            (FailureCode::Damaged, "Save it again in the program that wrote it.".to_owned())
        }
        Unreadable::Syntax { line, .. } => (FailureCode::Syntax, format!("Correct it in line {line}.")),
        Unreadable::Packed(_) => {
            (FailureCode::Damaged, "Print it to PDF again from the program that wrote it.".to_owned())
        }
    };
    Failure { error: unreadable.to_string(), remedy: Some(remedy), code }
}

/// Whether a failure is not retried automatically: the same file would fail again, at a high cost.
pub(super) fn is_final(code: FailureCode) -> bool {
    matches!(code, FailureCode::TooSlow | FailureCode::Memory | FailureCode::Damaged)
}

/// Failure for a file that cannot be read within the limits.
pub(super) fn of_reader(failure: &reader::Failure) -> Failure {
    let (code, remedy) = match failure {
        reader::Failure::TooSlow { .. } => (FailureCode::TooSlow, "split it into several files"),
        reader::Failure::Memory { .. } => (
            FailureCode::Memory,
            "save it without pictures and attachments, or split it into several files",
        ),
        reader::Failure::Broken | reader::Failure::Unavailable(_) | reader::Failure::Lost(_) => {
            return damaged();
        }
    };
    let error = format!("{failure}: {remedy}");
    Failure { error, remedy: Some(sentence(remedy)), code }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let text: String = first.chain(letters).collect();
    if text.ends_with('.') { text } else { format!("{text}.") }
}

/// Failure for a file above the upload limit; both sizes in bytes.
pub fn too_large(bytes: u64, most: usize) -> Failure {
    let most = u64::try_from(most).unwrap_or(u64::MAX).min(MAX_BYTES);
    let megabytes = |bytes: u64| bytes.div_ceil(1024 * 1024);
    let (has, most) = (megabytes(bytes), megabytes(most));
    Failure {
        error: format!(
            "the file has more than {most} MB ({has} MB or more were sent), and that is the most"
        ),
        remedy: Some(
            "Split it into several files; `max_upload_bytes` under [knowledge] is the limit."
                .into(),
        ),
        code: FailureCode::TooLarge,
    }
}

/// Failure for a collection that is full.
pub(super) fn full(full: Full) -> Failure {
    let (has, key) = match full {
        Full::Documents(most) => (format!("{most} documents"), "max_documents"),
        Full::Chunks(most) => (format!("{most} chunks"), "max_chunks"),
        Full::UploadBytes(most) => {
            (format!("{} MB of uploaded files", most / (1024 * 1024)), "max_kept_bytes")
        }
    };
    Failure {
        error: format!("the collection is full: it may have {has}"),
        remedy: Some(format!(
            "Remove documents that nobody needs, or use another collection; `{key}` under [knowledge] is the limit."
        )),
        code: FailureCode::Full,
    }
}

/// A failure and its remedy as one text.
pub(super) fn in_words(failure: &Failure) -> String {
    let remedy = failure.remedy.as_deref().unwrap_or_default();
    format!("{}. {remedy}", failure.error).trim_end().to_owned()
}

/// Failure for a file that broke its reader.
pub(super) fn damaged() -> Failure {
    Failure {
        error: "the file is damaged: reading it broke off".into(),
        remedy: Some(
            "Save it again in the program that wrote it, or save its text as .txt.".into(),
        ),
        code: FailureCode::Damaged,
    }
}

/// Failure for a file that cannot be fetched, or that no process could read.
pub(super) fn unread(error: String) -> Failure {
    Failure { error, remedy: None, code: FailureCode::Unread }
}

/// Failure for a file whose every try ended with its process.
pub(super) fn lost() -> Failure {
    Failure {
        error: "the process that learned it ended each time before it was done".into(),
        remedy: Some("Split it into smaller files; the server's log says more.".into()),
        code: FailureCode::Lost,
    }
}

/// Failure for a file that was interrupted at each of `tries` tries, apparently through no fault of
/// its own; `why` is the last reason.
pub(super) fn cut_off(tries: i64, why: &str) -> Failure {
    Failure {
        error: format!("it was tried {tries} times; the last time {why}"),
        remedy: Some("Learn it again when the machine has more time and memory to spare.".into()),
        code: FailureCode::Lost,
    }
}

/// Failure for a web page whose every try ended with its process.
pub(super) fn lost_page(tries: i64) -> Failure {
    let until = if tries > MAX_TRIES { "somebody has the site read again" } else { "it changes" };
    Failure {
        error: format!(
            "the process that read it ended {tries} times before it was done, so it is left out until {until}"
        ),
        remedy: Some(
            "Have the site read again to try it once more; the server's log says more.".into(),
        ),
        code: FailureCode::Lost,
    }
}

/// Failure for a file that was read but could not be embedded; `why` is the embedder's reason.
pub(super) fn not_embedded(why: String) -> Failure {
    Failure {
        error: why,
        remedy: Some("Try again; if that does not help, `frontdesk doctor` checks [embed].".into()),
        code: FailureCode::Model,
    }
}

/// Failure for a path that a document from another origin has already.
pub(super) fn path_taken(path: &str) -> Failure {
    Failure {
        error: format!("`{path}` is a document of the collection's folder or of a website already"),
        remedy: Some(
            "Give the file another name, or change the document where it comes from.".into(),
        ),
        code: FailureCode::Taken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_remedy_is_a_sentence() {
        for unreadable in [
            Unreadable::Empty,
            Unreadable::Encrypted("PDF"),
            Unreadable::Disguised {
                what: "a PDF",
                ending: "txt".into(),
                remedy: "name it .pdf".into(),
            },
            Unreadable::Syntax { line: 3, why: "x".into() },
        ] {
            let failure = of(&unreadable);
            let remedy = failure.remedy.expect("a remedy");
            assert!(remedy.ends_with('.') && remedy.starts_with(char::is_uppercase), "{remedy}");
        }
        assert_eq!(of(&Unreadable::Scanned(3)).code, FailureCode::Scanned);
        for (what, remedy) in
            [("PDF", "without pictures"), (SHEETS[0], "the sheets"), (SHEETS[1], "the sheets")]
        {
            let bomb = of(&Unreadable::Bomb { what, most: "more than 4 MB".into() });
            assert!(bomb.remedy.is_some_and(|said| said.contains(remedy)), "{what}");
        }
        let failure = of_reader(&reader::Failure::Memory { mb: 400 });
        assert!(failure.error.starts_with("it needs more than 400 MB"), "{failure:?}");
        assert!(is_final(failure.code) && !is_final(FailureCode::Empty));
    }

    #[test]
    fn the_console_knows_every_word() {
        let console = include_str!("../../console/src/locales/en/knowledge.json");
        for code in FailureCode::ALL {
            for key in [format!("\"{code}\""), format!("\"{code}What\"")] {
                assert!(console.contains(&key), "the console lacks {key}");
            }
        }
    }
}
