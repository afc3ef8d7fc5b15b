//! What an agent of a collection could be, taken from the documents' structure without a model: its
//! name, the languages, the opening hours and the hand-off words. A person reviews it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use frontdesk_language::data;
use frontdesk_language::terms::{language, two_letters};
use frontdesk_language::weekdays::weekdays;
use regex::Regex;

use super::Desk;
use crate::domain::{CollectionId, DocumentState};
use crate::store;
use crate::store::knowledge::{ChunkRow, CollectionRow, DocumentRow};

pub mod questions;

/// Maximum documents, and passages of each, that are read.
const MAX_DOCUMENTS: usize = 60;
const MAX_PASSAGES: i64 = 20;
/// Minimum share of the text in a language that the customers are taken to write, too.
const LANGUAGE_SHARE: f32 = 0.1;
const MAX_LANGUAGES: usize = 5;
/// Maximum lines of opening hours, and the longest of them in characters.
const MAX_HOURS: usize = 10;
const LONGEST_HOURS: usize = 90;
/// Maximum length of the description, in characters: what the API takes.
const MAX_DESCRIPTION: usize = 4000;
/// Minimum length of what an address and a name share, in bytes.
const SHORTEST_LABEL: usize = 4;
/// Maximum length of a name, in characters.
const LONGEST_NAME: usize = 60;

/// Prompt of an agent that is made on the command line; `HOURS` stands for the opening hours.
const PROMPT: &str = include_str!("../../prompts/authors/suggested.md");

/// What stands between a page's own title and the name of its site.
static TITLE_SEPARATOR: LazyLock<Regex> = LazyLock::new(|| fixed(r"\s+[|–—·•»:-]\s+|:\s+"));
/// A time of day, such as `9:00`, `18.30`, `9h`, `9 am` or `9 – 17`.
static TIME: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?i)\d{1,2}(?:[:.h]\d{2}|\s*(?:[ap]\.?m\b|h\b|uhr\b)|\s*[-–—]\s*\d)"));

/// An agent to review, as its documents suggest it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentSuggestion {
    /// The business's name.
    pub name: String,
    /// ISO 639-1 codes of the documents' languages, the most frequent first.
    pub languages: Vec<String>,
    /// The lines that give the opening hours; empty if none are found.
    pub hours: Vec<String>,
    /// Words by which customers of these languages call a person.
    pub handoff_keywords: Vec<String>,
    /// The beginning of the documents, from which a model can write a prompt. At most 4,000
    /// characters.
    pub description: String,
}

/// A document with its first passages.
struct ReadDocument {
    row: DocumentRow,
    chunks: Vec<ChunkRow>,
}

impl Desk {
    /// Reads what an agent of a collection could be. `site`: the address that the collection was
    /// learned from, if there is one.
    pub async fn suggest_agent(
        &self,
        collection: &CollectionRow,
        site: Option<&str>,
    ) -> store::Result<AgentSuggestion> {
        let read = self.read_documents(&CollectionId::stored(collection.id.clone())).await?;
        let languages = languages(&read);
        Ok(AgentSuggestion {
            name: name(&read, site, &collection.slug),
            hours: hours(&read),
            handoff_keywords: handoff_keywords(&languages),
            description: description(&read),
            languages,
        })
    }

    /// Returns the learned documents of a collection, those with the shortest paths first: a site's
    /// main pages.
    async fn read_documents(&self, id: &CollectionId) -> store::Result<Vec<ReadDocument>> {
        let mut rows = self.store.documents(id, 0).await?;
        rows.retain(|row| row.state == DocumentState::Ready);
        rows.sort_by_cached_key(|row| (row.path.len(), row.path.clone()));
        let mut read = Vec::new();
        for row in rows.into_iter().take(MAX_DOCUMENTS) {
            let chunks = self.store.first_chunks(&row.id, MAX_PASSAGES).await?;
            read.push(ReadDocument { row, chunks });
        }
        Ok(read)
    }
}

impl AgentSuggestion {
    /// Returns a prompt file of it that answers from a collection.
    pub fn prompt_file(&self, collection: &str) -> String {
        let list = |words: &[String]| {
            let quoted: Vec<_> = words.iter().map(|word| quoted(word)).collect();
            quoted.join(", ")
        };
        let mut header = vec![
            format!("name: {}", quoted(&self.name)),
            format!("knowledge: [{}]", quoted(collection)),
        ];
        if !self.languages.is_empty() {
            header.push(format!("languages: [{}]", list(&self.languages)));
        }
        if !self.handoff_keywords.is_empty() {
            header.push(format!("handoff:\n  keywords: [{}]", list(&self.handoff_keywords)));
        }
        let hours: Vec<_> = self.hours.iter().map(|line| format!("- {line}\n")).collect();
        let hours = match hours.concat() {
            none if none.is_empty() => none,
            lines => format!("\nOpening hours:\n{lines}"),
        };
        format!("---\n{}\n---\n{}", header.join("\n"), PROMPT.replace("HOURS\n", &hours))
    }
}

/// A text as a YAML string in double quotes.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// The part of the titles that is the site's name: of those that half of the titles have, one that
/// its address names, too; else one that its address names; else the address.
fn name(read: &[ReadDocument], site: Option<&str>, slug: &str) -> String {
    let label = site.and_then(host_label).unwrap_or_else(|| slug.to_owned());
    let mut counts = BTreeMap::<&str, usize>::new();
    for document in read.iter().filter(|document| document.row.source_id.is_some()) {
        for part in TITLE_SEPARATOR.split(&document.row.title) {
            *counts.entry(part.trim()).or_default() += 1;
        }
    }
    let parts = counts.into_iter().filter(|(part, count)| {
        let is_named = is_alike(part, &label);
        let is_shared = *count > 1 && *count * 2 >= read.len();
        (2..=LONGEST_NAME).contains(&part.chars().count()) && (is_named || is_shared)
    });
    // Of several with one count the shortest: "Acme" rather than "Welcome to Acme".
    let best = parts.max_by_key(|(part, count)| {
        let is_shared = *count > 1 && *count * 2 >= read.len();
        (is_shared, is_alike(part, &label), *count, usize::MAX - part.len())
    });
    best.map_or_else(|| capitalised(&label), |(part, _)| part.to_owned())
}

/// Whether a name holds the letters of an address's label, or the other way round. Short ones are in
/// nearly any word.
fn is_alike(name: &str, label: &str) -> bool {
    let plain = |text: &str| {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let (name, label) = (plain(name), plain(label));
    let holds = |long: &str, short: &str| short.len() >= SHORTEST_LABEL && long.contains(short);
    name == label || holds(&name, &label) || holds(&label, &name)
}

/// The part of an address that names the site, before its top-level domain: `green-kettle` of
/// `https://shop.green-kettle.co.uk`. `None` for a number.
fn host_label(url: &str) -> Option<String> {
    let host = url.split("://").nth(1)?.split(['/', ':', '?', '#']).next()?;
    let parts: Vec<_> = host.split('.').collect();
    let is_number = parts.iter().all(|part| part.chars().all(|c| c.is_ascii_digit()));
    if is_number || host.starts_with('[') || host.contains("xn--") {
        return None;
    }
    let (_, rest) = parts.split_last()?;
    // A second short part is of the top-level domain: `co.uk`, `com.br`.
    let named = match rest {
        [.., named, short] if short.len() <= 3 && *named != "www" => named,
        [.., named] => named,
        [] => parts.first()?,
    };
    Some((*named).to_owned())
}

/// `green-kettle` as `Green Kettle`.
fn capitalised(label: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_uppercase().chain(letters).collect::<String>()
        })
    };
    label.split(['-', '_', ' ']).map(word).collect::<Vec<_>>().join(" ")
}

fn languages(read: &[ReadDocument]) -> Vec<String> {
    let mut sizes = BTreeMap::<&str, usize>::new();
    for body in read.iter().flat_map(|document| &document.chunks).map(|chunk| &chunk.body) {
        if let Some(code) = language(body).and_then(two_letters) {
            *sizes.entry(code).or_default() += body.len();
        }
    }
    let all: usize = sizes.values().sum();
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let mut found: Vec<_> =
        sizes.into_iter().filter(|(_, size)| *size as f32 >= all as f32 * LANGUAGE_SHARE).collect();
    found.sort_by_key(|(_, size)| usize::MAX - size);
    found.into_iter().take(MAX_LANGUAGES).map(|(code, _)| code.to_owned()).collect()
}

/// The lines with weekdays of the passage that names the most weekdays beside times.
fn hours(read: &[ReadDocument]) -> Vec<String> {
    let mut best = (0, Vec::new());
    for chunk in read.iter().flat_map(|document| &document.chunks) {
        let lines: Vec<_> = chunk.body.lines().filter_map(hours_line).collect();
        let days: BTreeSet<_> = lines
            .iter()
            .filter(|line| TIME.is_match(line))
            .flat_map(|line| weekdays(line).days())
            .collect();
        if days.len() > best.0 {
            best = (days.len(), lines);
        }
    }
    best.1.truncate(MAX_HOURS);
    best.1
}

/// A short line that names a weekday and is no question, without the marks of a list or table,
/// without braces, which the prompt's template language would read, and without marks that turn
/// the direction of a text.
fn hours_line(line: &str) -> Option<String> {
    let cells = line.split('|').map(str::trim).filter(|cell| !cell.is_empty());
    let text = cells.collect::<Vec<_>>().join(" ");
    let text = text.trim_start_matches(['-', '*', '#', '+', ' ']).replace("**", "");
    let is_plain = |c: &char| {
        !matches!(c, '{' | '}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
            && !c.is_control()
    };
    let text: String = text.chars().filter(is_plain).collect();
    let text = text.trim().to_owned();
    let fits = text.chars().count() <= LONGEST_HOURS && !text.ends_with(['?', '؟', '？']);
    (fits && !weekdays(&text).is_empty()).then_some(text)
}

/// The words of these languages for calling a person; English ones without a language.
fn handoff_keywords(languages: &[String]) -> Vec<String> {
    let known = |codes: &[String]| -> Vec<String> {
        let found = codes.iter().filter_map(|code| data::of(code));
        found.flat_map(|language| language.hand_off.keywords.clone()).collect()
    };
    let words = known(languages);
    if words.is_empty() { known(&["en".to_owned()]) } else { words }
}

/// The first passage of each document, as far as there is room.
fn description(read: &[ReadDocument]) -> String {
    let mut out = String::new();
    let mut left = MAX_DESCRIPTION;
    for document in read {
        let Some(chunk) = document.chunks.first() else { continue };
        let piece = format!("# {}\n\n{}\n\n", document.row.title, chunk.body);
        out.extend(piece.chars().take(left));
        left = left.saturating_sub(piece.chars().count());
    }
    out.trim_end().to_owned()
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|_| unreachable!("a fixed pattern"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DocumentId, SourceId};

    fn document(title: &str, bodies: &[&str]) -> ReadDocument {
        let row = DocumentRow {
            id: DocumentId::stored("doc_1".into()),
            collection_id: CollectionId::stored("col_1".into()),
            path: "/".into(),
            title: title.into(),
            hash: String::new(),
            state: DocumentState::Ready,
            error: None,
            code: None,
            chunks: 1,
            revision: 1,
            source_id: Some(SourceId::stored("src_1".into())),
            uploaded: 0,
        };
        let chunk = |body: &&str| ChunkRow {
            id: "chk_1".into(),
            heading: String::new(),
            body: (*body).into(),
            tokens: 1,
            place: String::new(),
            vector: None,
        };
        ReadDocument { row, chunks: bodies.iter().map(chunk).collect() }
    }

    #[test]
    fn the_name_is_what_the_address_names_or_the_titles_share() {
        let named = |titles: &[&str], site: &str| {
            let read: Vec<_> = titles.iter().map(|title| document(title, &[])).collect();
            name(&read, Some(site), "web")
        };
        let titles =
            ["Home | Green Kettle Café", "Menu | Green Kettle Café", "Contact | Green Kettle Café"];
        assert_eq!(named(&titles, "https://www.green-kettle.co.uk/"), "Green Kettle Café");
        assert_eq!(named(&titles, "http://127.0.0.1:80/"), "Green Kettle Café");
        assert_eq!(named(&["Green Kettle - fine teas"], "https://greenkettle.com"), "Green Kettle");
        let subdomain = ["Shop | Green Kettle", "Teas | Green Kettle", "Pots | Green Kettle"];
        assert_eq!(named(&subdomain, "https://shop.acme.com/"), "Green Kettle");
        assert_eq!(named(&["Men", "Menu"], "https://en.m.acme.com/"), "Acme");
        assert_eq!(named(&["Men"], "https://[::1]/"), "Web");
        assert_eq!(named(&["Welcome", "Menu"], "https://green-kettle.com"), "Green Kettle");
        assert_eq!(named(&[], "http://127.0.0.1"), "Web");
    }

    #[test]
    fn the_hours_are_the_lines_of_the_passage_that_names_most_days() {
        let news = "On Friday at 19:00 the choir sings.";
        let table = "Opening hours\n\n| Day | Time |\n|---|---|\n| Monday | closed |\n| Tuesday to Friday | 9:00 – 18:00 |\n| **Saturday** | 10 am to {{ 2 }} pm |\n\nWe are glad to see you.";
        let read = [document("News", &[news]), document("Hours", &[table])];
        let lines = ["Monday closed", "Tuesday to Friday 9:00 – 18:00", "Saturday 10 am to  2  pm"];
        assert_eq!(hours(&read), lines);
        let prose = "Do you deliver on Fridays?\n\nParcels go out from Sunday to Thursday, and on Saturdays if they were packed on Thursday before 14:00.";
        assert_eq!(hours(&[document("News", &["We sing on Fridays.", prose])]), [""; 0]);
        let spanish = document(
            "Horario",
            &[
                "- Lunes a viernes: de 10:00 a 20:00\n- Sábado: de 10:00 a 14:00\n- Domingo: cerrado",
            ],
        );
        assert_eq!(hours(&[spanish]).len(), 3);
    }

    #[test]
    fn a_suggestion_is_a_valid_prompt_file_whatever_the_site_says() {
        let hostile = AgentSuggestion {
            name: "A \"b\": [c]\n---\nmodel: x".into(),
            languages: vec!["en".into(), "ar".into()],
            hours: vec!["Monday 9:00".into()],
            handoff_keywords: handoff_keywords(&["ar".into(), "xx".into()]),
            description: String::new(),
        };
        let file = crate::prompts::parse("shop.md", &hostile.prompt_file("web")).unwrap();
        assert_eq!(
            (file.knowledge.as_slice(), file.slug.as_str()),
            (&["web".to_owned()][..], "shop")
        );
        assert!(hostile.prompt_file("web").contains("- Monday 9:00\n"));
        assert!(handoff_keywords(&["xx".into()]).contains(&"real person".to_owned()));
    }
}
