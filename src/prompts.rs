//! Prompt files: a YAML header, then the system prompt. Parses and checks them; stores nothing.
//!
//! ```text
//! ---
//! name: Acme support
//! model: gpt-4o-mini
//! knowledge: [acme]
//! handoff: { keywords: [human], notify: ["+15551230000"] }
//! ---
//! You answer customers of {{ agent }}.
//! ```

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{
    Agent, AgentId, CollectionId, Consult, Grounding, Location, MediaAccess, Sentence, Texts,
    VersionId,
};
use crate::pipeline::Bot;

pub mod author;
mod bounds;
mod keys;
mod offers;
mod sections;

pub use bounds::MAX_API_CHARS;
use bounds::is_language;
use keys::line_of;
pub use keys::reference;
use sections::{FollowUpHeader, HandoffHeader, OptOutHeader, SearchHeader, VoiceHeader, Words};

/// A parsed prompt file.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptFile {
    /// The agent's slug: the file's name without its extension, in lower case, with `-` for other
    /// characters than letters and digits.
    pub slug: String,
    /// The names of the agent's collections.
    pub knowledge: Vec<String>,
    /// The gate that a new version has to pass before it goes live; `None` if there is none.
    pub gate: Option<Gate>,
    header: Header,
    prompt: String,
}

/// What a new version has to pass before it goes live.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The suite: a file in the folder of suites, as a path relative to the working directory.
    pub suite: String,
    /// The rule, such as `no case worse` or `score >= baseline - 0.02`.
    #[serde(default = "no_case_worse")]
    pub rule: String,
    /// A file with accepted scores to compare with (.json or .jsonl), in the folder of suites or
    /// beside it. Without it, the live version runs the suite, too.
    #[serde(default)]
    pub baseline: Option<String>,
    /// Whether changed documents have to pass, too.
    #[serde(default)]
    pub knowledge: bool,
}

fn no_case_worse() -> String {
    "no case worse".into()
}

/// An error in a prompt file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct PromptFileError {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and how to correct it.
    pub reason: String,
}

/// Parses and checks a prompt file.
pub fn parse(file: &str, source: &str) -> Result<PromptFile, PromptFileError> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let wrong =
        |line: usize, reason: String| PromptFileError { file: file.to_owned(), line, reason };
    if source.len() > bounds::FILE {
        return Err(wrong(1, format!("the file is larger than {} bytes", bounds::FILE)));
    }
    let (yaml, prompt, first_line) = divide(source).map_err(|(line, why)| wrong(line, why))?;
    let header: Header = serde_saphyr::from_str(yaml).map_err(|error| {
        if let Some((key, why)) = keys::mistake(yaml) {
            return wrong(line_of(yaml, &key), why);
        }
        let line = error.location().map_or(1, |at| usize::try_from(at.line()).unwrap_or(1));
        wrong(line + 1, one_line(&error.to_string()))
    })?;
    header.check().map_err(|(key, why)| wrong(line_of(yaml, key), why))?;
    let slug = slug_of(file);
    if slug.is_empty() {
        return Err(wrong(
            1,
            "the file name must hold letters or digits: it names the agent".into(),
        ));
    }
    let (knowledge, gate) = (header.knowledge.clone().unwrap_or_default(), header.gate.clone());
    let read = PromptFile { slug, knowledge, gate, header, prompt: prompt.to_owned() };
    // Built once, so that an invalid pattern or template is reported now, with its line in the
    // file.
    read.bot(AgentId::stored(String::new()), None, Vec::new()).map_err(|why| {
        let whole = why.starts_with("the template");
        let otherwise = || if whole { first_line } else { line_of(yaml, "handoff.patterns") };
        let line = template_line(&why).map_or_else(otherwise, |line| line + first_line - 1);
        wrong(line, why)
    })?;
    Ok(read)
}

/// Returns the gate in a prompt file's header. Also works for a file that is no longer valid under
/// narrower limits.
pub fn gate(source: &str) -> Option<Gate> {
    #[derive(Deserialize)]
    struct GateHeader {
        gate: Option<Gate>,
    }
    let (yaml, ..) = divide(source.strip_prefix('\u{feff}').unwrap_or(source)).ok()?;
    serde_saphyr::from_str::<GateHeader>(yaml).ok()?.gate
}

/// Returns the SHA-256 of a prompt file's content, which identifies it.
pub fn hash(source: &str) -> String {
    hex::encode(Sha256::digest(source.as_bytes()))
}

impl PromptFile {
    /// Whether it names collections, but none: `knowledge: []`.
    pub fn has_empty_knowledge(&self) -> bool {
        self.header.knowledge.as_ref().is_some_and(Vec::is_empty)
    }

    /// Checks that it names collections that exist. The error has the line.
    pub fn check_knowledge(
        &self,
        (file, source): (&str, &str),
        known: &BTreeSet<String>,
    ) -> Result<(), PromptFileError> {
        let Some(named) = &self.header.knowledge else { return Ok(()) };
        let missing: Vec<&str> =
            named.iter().filter(|it| !known.contains(*it)).map(String::as_str).collect();
        let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none" } else { &known };
        let reason = match &*missing {
            [] if named.is_empty() => format!(
                "knowledge is empty, so the bot has nothing to answer from: name collections (there are: {known}), or remove the key"
            ),
            [] => return Ok(()),
            missing => format!(
                "knowledge names {}, and there is neither such a folder nor such a collection (there are: {known}): correct it, or make the folder",
                missing.join(", ")
            ),
        };
        let yaml = divide(source.strip_prefix('\u{feff}').unwrap_or(source));
        let line = yaml.map_or(1, |(yaml, ..)| line_of(yaml, "knowledge"));
        Err(PromptFileError { file: file.to_owned(), line, reason })
    }

    /// Builds the agent of this file.
    pub fn bot(
        &self,
        id: AgentId,
        version: Option<VersionId>,
        knowledge: Vec<CollectionId>,
    ) -> Result<Bot, String> {
        let header = self.header.clone();
        let did_you_mean = header.did_you_mean();
        let agent = Agent {
            id,
            version,
            slug: self.slug.clone(),
            name: header.name,
            model: header.model,
            temperature: header.temperature,
            max_output_tokens: header.max_output_tokens,
            knowledge,
            passages: header.passages,
            search: header.search.into(),
            min_confidence: header.min_confidence,
            curated: header.curated,
            sources: header.sources,
            choices: header.choices,
            files: header.files,
            locations: header.locations,
            history: header.history,
            time_zone: header.time_zone,
            languages: header.languages,
            opt_out: header.opt_out.into(),
            voice: header.voice.into(),
            media: header.media,
            handoff: header.handoff.into(),
            follow_up: header.follow_up.into(),
            grounding: header.grounding,
            texts: Texts {
                no_answer: header.no_answer.into(),
                did_you_mean,
                list: header.choices_list.into(),
                failure: header.failure.into(),
                greeting: header.greeting.into(),
                unreadable: header.unreadable.into(),
            },
            prompt: self.prompt.clone(),
        };
        Bot::new(agent)
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Header {
    name: String,
    model: String,
    temperature: f32,
    max_output_tokens: u32,
    knowledge: Option<Vec<String>>,
    passages: usize,
    search: SearchHeader,
    gate: Option<Gate>,
    min_confidence: Option<f32>,
    curated: Consult,
    sources: bool,
    choices: bool,
    choices_list: Words,
    files: bool,
    locations: Vec<Location>,
    history: usize,
    time_zone: String,
    languages: Vec<String>,
    opt_out: OptOutHeader,
    voice: VoiceHeader,
    media: MediaAccess,
    handoff: HandoffHeader,
    follow_up: FollowUpHeader,
    #[serde(deserialize_with = "sections::grounding")]
    grounding: Grounding,
    no_answer: Words,
    did_you_mean: Words,
    failure: Words,
    greeting: Words,
    unreadable: Words,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            name: String::new(),
            model: String::new(),
            temperature: 0.2,
            max_output_tokens: 600,
            knowledge: None,
            passages: 5,
            search: SearchHeader::default(),
            gate: None,
            min_confidence: None,
            curated: Consult::default(),
            sources: true,
            choices: false,
            choices_list: Words::of(|language| language.sentences.list.as_deref()),
            files: false,
            locations: Vec::new(),
            history: 12,
            time_zone: "UTC".into(),
            languages: Vec::new(),
            opt_out: OptOutHeader::default(),
            voice: VoiceHeader::default(),
            media: MediaAccess::default(),
            handoff: HandoffHeader::default(),
            follow_up: FollowUpHeader::default(),
            grounding: Grounding::default(),
            no_answer: Words::of(|language| language.sentences.no_answer.as_deref()),
            did_you_mean: Words::of(|language| language.sentences.did_you_mean.as_deref()),
            failure: Words::of(|language| language.sentences.failure.as_deref()),
            greeting: Words::of(|language| language.sentences.greeting.as_deref()),
            unreadable: Words::of(|language| language.sentences.unreadable.as_deref()),
        }
    }
}

impl Header {
    /// The text above choices. It does not mix languages with the agent's own `no_answer`: without a
    /// text of its own, customers of other languages than the built-in ones get no choices.
    fn did_you_mean(&self) -> Sentence {
        let (mut text, usual) = (Sentence::from(self.did_you_mean.clone()), Self::default());
        if self.no_answer != usual.no_answer && self.did_you_mean == usual.did_you_mean {
            text.default.clear();
        }
        text
    }

    /// Returns the first invalid key and the reason.
    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.name.trim().is_empty() {
            return Err(("name", "`name` is missing: what people read as the bot's name".into()));
        }
        self.bounded()?;
        let welcome = [("opt_out.welcome", &*self.opt_out.welcome)];
        let mut sentences = self.sentences().chain(welcome);
        if let Some((key, _)) = sentences.find(|(_, text)| text.trim().is_empty()) {
            let why = "the customer would get silence; leave it out for the default";
            return Err((key, format!("`{key}` is empty: {why}")));
        }
        self.follow_up.check()?;
        self.check_locations()?;
        self.check_marks()?;
        for (key, words) in self.fixed_texts().into_iter().chain(self.follow_up.sentences()) {
            if let Some(bad) = words.languages().find(|code| !is_language(code)) {
                let takes = "it takes ISO 639-1 codes such as en, es or pt, and `default`";
                return Err((key, format!("{key} has a text for `{bad}`, {takes}")));
            }
        }
        if self.time_zone.parse::<chrono_tz::Tz>().is_err() {
            let zone = &self.time_zone;
            return Err((
                "time_zone",
                format!("time_zone is `{zone}`, it takes an IANA name such as Europe/Madrid"),
            ));
        }
        if let Some(bad) = self.languages.iter().find(|code| !is_language(code)) {
            return Err((
                "languages",
                format!("languages has `{bad}`, it takes ISO 639-1 codes such as en, es or pt-BR"),
            ));
        }
        self.check_phones()
    }

    /// Returns the texts that customers get without a model, each with its key.
    fn fixed_texts(&self) -> [(&'static str, &Words); 7] {
        [
            ("no_answer", &self.no_answer),
            ("did_you_mean", &self.did_you_mean),
            ("choices_list", &self.choices_list),
            ("failure", &self.failure),
            ("greeting", &self.greeting),
            ("unreadable", &self.unreadable),
            ("handoff.reply", &self.handoff.reply),
        ]
    }

    /// Returns the texts that may be written by language, in all languages.
    fn sentences(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = self.fixed_texts().into_iter().chain(self.voice.sentences());
        let all = all.chain(self.follow_up.sentences());
        all.flat_map(|(key, words)| words.all().map(move |text| (key, text)))
    }
}

/// Splits a file into the header, the prompt, and the line on which the prompt begins.
fn divide(source: &str) -> Result<(&str, &str, usize), (usize, String)> {
    let mut lines = source.split_inclusive('\n');
    let start = lines.next().unwrap_or_default();
    if start.trim_end() != "---" {
        return Err((1, "the file must begin with a line `---`, then the header".into()));
    }
    let mut length = start.len();
    for (index, line) in lines.enumerate() {
        if line.trim_end() == "---" {
            let prompt = source.get(length + line.len()..).unwrap_or_default();
            if prompt.trim().is_empty() {
                return Err((index + 2, "there is no system prompt below the header".into()));
            }
            return Ok((source.get(start.len()..length).unwrap_or_default(), prompt, index + 3));
        }
        length += line.len();
    }
    Err((1, "the header is not closed: put a line `---` below it".into()))
}

/// Returns the line within the prompt that a template error names.
fn template_line(why: &str) -> Option<usize> {
    let rest = why.strip_prefix("line ")?;
    rest.split(' ').next()?.parse().ok()
}

fn slug_of(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = name.strip_suffix(".md").unwrap_or(name).to_lowercase();
    let kept = stem.chars().map(|c| if c.is_alphanumeric() { c } else { '-' });
    kept.collect::<String>().trim_matches('-').to_owned()
}

/// Returns the first line of a YAML error without its line number, which is counted from below the
/// `---`.
fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    let placed =
        line.starts_with("error: line ").then(|| line.split_once(": ")?.1.split_once(": "));
    placed.flatten().map_or(line, |(_, reason)| reason).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::GroundingCheck;

    fn wrong(source: &str) -> PromptFileError {
        parse("prompts/acme.md", source).expect_err("this file is wrong")
    }

    #[test]
    fn a_whole_file_becomes_an_agent() {
        let source = "---\nname: Acme\nmodel: gpt-4o\nknowledge: [acme, faq]\nvoice: { language: es }\n\
            handoff: { keywords: [human], patterns: ['(?i)order \\d+'], notify: ['+1 555 123-0000'] }\n---\nHello {{ agent }}.\n";
        let file = parse("prompts/Acme Shop.md", source).expect("a good file");
        assert_eq!((file.slug.as_str(), file.knowledge.len()), ("acme-shop", 2));
        let bot = file.bot(AgentId::generate(), None, Vec::new()).expect("ready");
        assert_eq!(bot.agent.voice.language.as_deref(), Some("es"));
        assert_eq!(bot.agent.handoff.rules.len(), 2);
        assert!((bot.agent.temperature - 0.2).abs() < f32::EPSILON);
    }

    #[test]
    fn a_bad_header_is_refused_with_file_line_and_reason() {
        let typo = wrong("---\nname: A\ntemprature: 1\n---\nHi\n");
        assert_eq!((typo.file.as_str(), typo.line), ("prompts/acme.md", 3));
        assert!(typo.reason.starts_with("unknown field `temprature`"), "{}", typo.reason);
        assert!(typo.reason.contains("temperature"), "{}", typo.reason);
        assert_eq!(wrong("---\nname: A\ntemperature: 9\n---\nHi\n").line, 3);
        assert_eq!(
            wrong("---\nmodel: x\n---\nHi\n").reason.split(':').next(),
            Some("`name` is missing")
        );
        assert!(wrong("---\nname: A\nHi\n").reason.contains("not closed"));
        assert!(wrong("Hi\n").reason.contains("begin with"));
        assert!(wrong("---\nname: A\n---\n \n").reason.contains("no system prompt"));
        assert_eq!(wrong("---\nname: A\nhandoff:\n  notify: [bob]\n---\nHi\n").line, 4);
        assert_eq!(wrong("---\nname: A\nfailure: ' '\n---\nHi\n").line, 3);
        assert_eq!(wrong("---\nname: A\ntime_zone: Mars\n---\nHi\n").line, 3);
        assert_eq!(wrong("---\nname: [\n---\nHi\n").file, "prompts/acme.md");
    }

    #[test]
    fn every_mistake_in_a_header_names_its_key() {
        for (line, why) in [
            ("temperature: hot", "temperature is \"hot\", it takes a number from 0 to 2"),
            ("grounding: strict", "grounding is \"strict\", it takes one of off, note"),
            ("voice:\n  video: 7", "voice.video is 7, it takes true or false"),
            ("time_zone: Mars", "time_zone is `Mars`, it takes an IANA name"),
            ("languages: [english]", "languages has `english`, it takes ISO 639-1 codes"),
            ("handoff: { notify: [bob] }", "handoff.notify has `bob`, it takes phone numbers"),
            ("handoff: { reply: ' ' }", "`handoff.reply` is empty"),
            ("no_answer: { default: No, spanish: No }", "no_answer has a text for `spanish`"),
        ] {
            let told = wrong(&format!("---\nname: A\n{line}\n---\nHi\n"));
            assert!(told.reason.starts_with(why), "{told}");
            assert_eq!(told.line, if line.starts_with("voice") { 4 } else { 3 }, "{told}");
        }
        assert_eq!(wrong("---\nname: A\n---\nHi\nthere {{ nobody }}\n").line, 5);
    }

    #[test]
    fn grounding_takes_its_short_form() {
        let grounding = |line: &str| {
            let file = parse("a.md", &format!("---\nname: A\n{line}\n---\nHi\n")).expect(line);
            file.header.grounding
        };
        let with = |check| Grounding { check, ..Grounding::default() };
        assert_eq!(grounding("grounding: off"), with(GroundingCheck::Off));
        assert_eq!(grounding("grounding: \"off\""), with(GroundingCheck::Off));
        assert_eq!(grounding("grounding: remove"), with(GroundingCheck::Remove));
        assert_eq!(grounding("grounding: { check: off }"), with(GroundingCheck::Off));
        assert_eq!(grounding("model: x"), Grounding::default());
    }

    #[test]
    fn fixed_texts_are_in_the_languages_of_the_console_unless_written_otherwise() {
        let texts = |line: &str| {
            let file = parse("a.md", &format!("---\nname: A\n{line}\n---\nHi\n")).expect(line);
            file.bot(AgentId::generate(), None, Vec::new()).expect("ready").agent.texts.clone()
        };
        let told = texts("model: x").no_answer;
        assert!(told.to(Some("pt-BR")).starts_with("Não encontro"), "{told:?}");
        assert!(told.to(Some("fi")).starts_with("I do not find") && told.to(None) == told.default);
        let told = texts("no_answer: { default: No., es: Nada. }").no_answer;
        assert_eq!((told.to(Some("es")), told.to(Some("pt"))), ("Nada.", "No."));
        assert_eq!(texts("no_answer: No.").no_answer.to(Some("es")), "No.");
        let norwegian = texts("failure: { default: Sorry., no: Beklager. }").failure;
        assert_eq!(norwegian.to(Some("no")), "Beklager.");
    }

    #[test]
    fn what_is_beyond_its_bounds_is_refused_with_them() {
        let with = |line: &str| format!("---\nname: A\n{line}\n---\nHi\n");
        let many = |key: &str, count: usize| format!("{key}: [{}]", vec!["en"; count].join(", "));
        for (line, reason) in [
            ("passages: 51", "passages is 51, it goes from 1 to 50"),
            (
                "history: 18446744073709551615",
                "history is 9223372036854775807, it goes from 0 to 200",
            ),
            ("max_output_tokens: 0", "max_output_tokens is 0, it goes from 1 to 200000"),
            ("max_output_tokens: 4294967295", "max_output_tokens is 4294967295, it goes"),
            ("temperature: 2.01", "temperature is 2.01, it goes from 0 to 2"),
            ("temperature: .nan", "temperature is NaN, it goes from 0 to 2"),
            ("min_confidence: 1.5", "min_confidence is 1.5, it goes from 0 to 1"),
            ("curated: { threshold: -1 }", "curated.threshold is -1, it goes from 0 to 1"),
            ("grounding: { hold_below: 2 }", "grounding.hold_below is 2, it goes from 0 to 1"),
            (
                "handoff: { return_minutes: -1 }",
                "handoff.return_minutes is -1, it goes from 0 to 525600",
            ),
            (
                "handoff: { return_minutes: 9223372036854775807 }",
                "handoff.return_minutes is 9223372036854775807, it goes",
            ),
            (
                "follow_up: { after_minutes: 1381, text: Hi }",
                "follow_up.after_minutes is 1381, it goes from 0 to 1380",
            ),
            ("follow_up: { after_minutes: 60 }", "follow_up.after_minutes needs follow_up.text"),
            (
                "follow_up: { after_minutes: 60, text: Hi, close_minutes: 60 }",
                "follow_up.close_minutes is 60, it must be more than",
            ),
            ("follow_up: { after_minutes: 60, text: ' ' }", "`follow_up.text` is empty"),
            (
                "follow_up: { close_text: { default: Bye, spanish: Adios } }",
                "follow_up.close_text has a text for `spanish`",
            ),
            (&many("languages", 51), "languages has 51 entries, it may have 50"),
            (
                &format!("handoff: {{ keywords: [{}] }}", "k".repeat(201)),
                "`kkkkkkkkkkkkkkkkkkkk…` of handoff.keywords is too long",
            ),
            (
                &format!("failure: {}", "x".repeat(4097)),
                "failure has 4097 characters, it may have 4096",
            ),
            (
                &format!("voice: {{ failure_reply: {{ default: a, es: {} }} }}", "x".repeat(4097)),
                "voice.failure_reply has 4097",
            ),
        ] {
            let wrong = wrong(&with(line));
            assert!(wrong.reason.starts_with(reason), "{line:.60}: {}", wrong.reason);
            assert_eq!(wrong.line, 3, "{line:.60}");
        }
        for line in [
            "passages: 50",
            "history: 0",
            "temperature: 2",
            "handoff: { return_minutes: 525600 }",
            "follow_up: { close_minutes: 1 }",
            "follow_up: { after_minutes: 1, text: Hi, close_minutes: 2 }",
        ] {
            assert!(parse("prompts/acme.md", &with(line)).is_ok(), "{line}");
        }
        let huge = format!("---\nname: A\n---\n{}\n", "x".repeat(1024 * 1024));
        assert!(wrong(&huge).reason.contains("larger than 1048576 bytes"));
    }

    #[test]
    fn a_bad_pattern_or_template_is_refused_with_its_line() {
        let pattern = wrong("---\nname: A\nhandoff:\n  patterns: ['(']\n---\nHi\n");
        assert_eq!(pattern.line, 4);
        assert!(pattern.reason.starts_with("handoff.patterns has `(`"), "{pattern}");
        let template = wrong("---\nname: A\n---\nHi\nthere {{ nobody }}\n");
        assert_eq!(template.line, 5, "{}", template.reason);
    }
}
