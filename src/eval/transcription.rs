//! Word error rate of transcripts. Pure, except for reading the list of recordings. Knows no
//! transcriber.

use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A recording with its reference transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Path of the recording.
    pub file: PathBuf,
    /// The list's language code, such as `en`; `None` for a recording without speech.
    pub language: Option<String>,
    /// The reference transcript.
    pub said: String,
    /// Kind of recording, as the list names it: `human`, `synthetic` ...
    pub kind: String,
}

/// Reads a list of recordings: CSV with the columns `file` (relative to the list's folder), `lang`
/// (an ISO 639-1 code, `-` for none), `transcript` and optionally `kind`.
pub fn clips(list: &Path) -> Result<Vec<Clip>, String> {
    let place = list.display();
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(list)
        .map_err(|error| format!("{place}: {error}"))?;
    let header = reader.headers().map_err(|error| format!("{place}: {error}"))?.clone();
    let column = |name: &str| header.iter().position(|one| one.trim().eq_ignore_ascii_case(name));
    let (Some(file), Some(language), Some(said)) =
        (column("file"), column("lang"), column("transcript"))
    else {
        return Err(format!(
            "{place}: the first line must name the columns `file`, `lang` and `transcript`"
        ));
    };
    let kind = column("kind");
    let folder = list.parent().unwrap_or(Path::new(""));
    let mut clips = Vec::new();
    for (number, row) in (2..).zip(reader.records()) {
        let row = row.map_err(|error| format!("{place}:{number}: {error}"))?;
        let cell = |at: usize| row.get(at).unwrap_or_default().trim().to_owned();
        if cell(file).is_empty() {
            return Err(format!("{place}:{number}: there is no file"));
        }
        let language = Some(cell(language)).filter(|code| !matches!(code.as_str(), "" | "-"));
        let kind = kind.map(cell).unwrap_or_default();
        clips.push(Clip { file: folder.join(cell(file)), language, said: cell(said), kind });
    }
    if clips.is_empty() {
        return Err(format!("{place}: there is no recording in it"));
    }
    Ok(clips)
}

/// Transcription errors, counted in words, or in characters for the languages of [`IN_LETTERS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Errors {
    /// Words in the reference.
    pub words: usize,
    /// Substitutions.
    pub changed: usize,
    /// Deletions: words not transcribed.
    pub missing: usize,
    /// Insertions: words that nobody said.
    pub added: usize,
}

impl Errors {
    /// Counts the minimum edits between reference and transcript. Case and punctuation are ignored.
    pub fn of(said: &str, heard: &str, language: Option<&str>) -> Self {
        let (said, heard) = (words(said, language), words(heard, language));
        let first = |added| Self { added, ..Self::default() };
        let mut row: Vec<Self> = (0..=heard.len()).map(first).collect();
        for (at, word) in (1..).zip(&said) {
            let mut next = vec![Self { missing: at, ..Self::default() }];
            for ((pair, above), other) in row.windows(2).zip(row.iter().skip(1)).zip(&heard) {
                let left = next.last().copied().unwrap_or_default();
                let corner = pair.first().copied().unwrap_or_default();
                let changed =
                    Self { changed: corner.changed + usize::from(word != other), ..corner };
                let missing = Self { missing: above.missing + 1, ..*above };
                let added = Self { added: left.added + 1, ..left };
                let least = [changed, missing, added].into_iter().min_by_key(Self::wrong);
                next.push(least.unwrap_or(changed));
            }
            row = next;
        }
        Self { words: said.len(), ..row.last().copied().unwrap_or_default() }
    }

    /// The total number of errors.
    pub fn wrong(&self) -> usize {
        self.changed + self.missing + self.added
    }

    /// Word error rate; may exceed 1. `None` when the reference is empty.
    #[expect(clippy::cast_precision_loss, reason = "a share of few words")]
    pub fn rate(&self) -> Option<f64> {
        (self.words > 0).then(|| self.wrong() as f64 / self.words as f64)
    }
}

impl std::ops::AddAssign for Errors {
    fn add_assign(&mut self, other: Self) {
        self.words += other.words;
        self.changed += other.changed;
        self.missing += other.missing;
        self.added += other.added;
    }
}

/// Languages whose errors are counted in characters, because words are not separated, or not
/// consistently.
pub const IN_LETTERS: [&str; 4] = ["ja", "ko", "th", "zh"];

/// Normalises a text and splits it into units to compare.
fn words(text: &str, language: Option<&str>) -> Vec<String> {
    let plain = |c: char| match c {
        '’' => '\'',
        c if c.is_alphanumeric() || c == '\'' || is_combining_mark(c) => c,
        _ => ' ',
    };
    let bare: String = text.to_lowercase().nfkc().map(plain).collect();
    if language.is_some_and(|code| IN_LETTERS.contains(&code)) {
        return bare.chars().filter(|c| !matches!(c, ' ' | '\'')).map(String::from).collect();
    }
    let words = bare.split(' ').map(|word| word.trim_matches('\''));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        said: &str,
        heard: &str,
        language: &str,
        (changed, missing, added): (usize, usize, usize),
    ) {
        let errors = Errors::of(said, heard, Some(language));
        assert_eq!((errors.changed, errors.missing, errors.added), (changed, missing, added));
    }

    #[test]
    fn changed_missing_and_added_words_are_told_apart() {
        check("when do you open", "when do you open", "en", (0, 0, 0));
        check("when do you open", "when do we open", "en", (1, 0, 0));
        check("when do you open", "when you open", "en", (0, 1, 0));
        check("when do you open", "when do you all open", "en", (0, 0, 1));
        check("when do you open", "", "en", (0, 4, 0));
        check("", "thanks for watching", "en", (0, 0, 3));
        check("a b c d e f", "b x d e f g", "en", (1, 1, 1));
        let errors = Errors::of("one two three four", "one too three", Some("en"));
        assert_eq!((errors.words, errors.wrong(), errors.rate()), (4, 2, Some(0.5)));
        assert_eq!(Errors::of("", "you", None).rate(), None);
    }

    #[test]
    fn case_marks_and_ways_to_write_a_letter_count_for_nothing() {
        check("When do you open?", " when, do you OPEN ", "en", (0, 0, 0));
        check("It’s 'open'", "it's open", "en", (0, 0, 0));
        check("Straße: caf\u{e9}", "straße cafe\u{301}", "de", (0, 0, 0));
        check("हिन्दी में", "हिन्दी मे", "hi", (1, 0, 0));
        check("eaux et forêts", "eaux et forets", "fr", (1, 0, 0));
    }

    #[test]
    fn where_words_are_not_set_apart_letters_are_counted() {
        check("客観的実在。", "客観的実際", "ja", (1, 0, 0));
        check("길 한 옆으로", "길한 옆으로", "ko", (0, 0, 0));
        assert_eq!(Errors::of("客観的実在", "", Some("zh")).words, 5);
        assert_eq!(Errors::of("客観的実在", "", Some("en")).words, 1);
    }

    #[test]
    fn a_list_names_its_recordings_from_its_own_folder_and_what_is_wrong_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list.csv");
        let read = |text: &str| {
            std::fs::write(&list, text).unwrap();
            clips(&list)
        };
        let all = read("lang,file,transcript\nen,a.wav,\"Yes, please\"\n-,b/c.ogg,\n").unwrap();
        let wanted = |file: &str, language: Option<&str>, said: &str| Clip {
            file: folder.path().join(file),
            language: language.map(str::to_owned),
            said: said.into(),
            kind: String::new(),
        };
        assert_eq!(all, [wanted("a.wav", Some("en"), "Yes, please"), wanted("b/c.ogg", None, "")]);
        let kinds = read("file,lang,transcript,kind\na.wav,en,x,human\n").unwrap();
        assert_eq!(kinds.first().map(|clip| clip.kind.as_str()), Some("human"));
        assert!(read("file,text\na,b\n").unwrap_err().contains("`transcript`"));
        assert!(read("file,lang,transcript\n").unwrap_err().contains("no recording"));
        assert!(read("file,lang,transcript\n,en,x\n").unwrap_err().contains("list.csv:2"));
        assert!(clips(&folder.path().join("none.csv")).unwrap_err().contains("none.csv"));
    }
}
