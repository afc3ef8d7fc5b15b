//! Questions that an agent answers, made from its documents: each was asked, without a model, and
//! answered from the document that it is about.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use frontdesk_language::data;
use frontdesk_language::terms::{language, two_letters, words};
use frontdesk_language::weekdays::weekdays;
use regex::Regex;

use super::{ReadDocument, fixed};
use crate::desk::Desk;
use crate::domain::time::now_ms;
use crate::domain::{Content, HandoffRule, Outcome, ReplyKind, Turn, WaitingMessage};
use crate::pipeline::gaps::mask_personal_data;
use crate::pipeline::{Bot, BudgetTier, NoFiles, TurnContext};
use crate::provider::Abilities;
use crate::store;

/// Number of questions that are returned, and the most that are tried.
const WANTED: usize = 4;
const MAX_TRIED: usize = 12;
/// Length of a question and of a heading that becomes one, in characters.
const QUESTION: std::ops::RangeInclusive<usize> = 10..=90;
const HEADING: std::ops::RangeInclusive<usize> = 4..=40;
const MAX_HEADING_WORDS: usize = 5;
/// The rank of a passage with neither a weekday nor a number: nobody asks "Welcome?".
const NO_FACT: u8 = 2;

/// The label before a question in a table's row: `question:`.
static LABEL: LazyLock<Regex> = LazyLock::new(|| fixed(r"^(?:[#*>\-\s]|\d+[.)]\s|\w{1,12}:\s)*"));

/// A question that an agent answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleQuestion {
    /// What a customer would write.
    pub text: String,
    /// Title of the document that answers it; `None` if it calls a person.
    pub title: Option<String>,
}

/// A question to try, with the document that it is about.
struct Candidate {
    text: String,
    path: String,
    title: String,
}

impl Desk {
    /// Returns up to four questions that the agent answers from its documents, each from another
    /// one, and last a hand-off word. No model is asked; an embedder may be.
    pub async fn sample_questions(&self, bot: &Bot) -> store::Result<Vec<SampleQuestion>> {
        let mut read = Vec::new();
        for collection in &bot.agent.knowledge {
            read.extend(self.read_documents(collection).await?);
        }
        let mut found = Vec::new();
        let mut used = BTreeSet::new();
        let mut tried = 0;
        for candidate in candidates(&read) {
            if found.len() == WANTED || tried == MAX_TRIED {
                break;
            }
            if used.contains(&candidate.path) {
                continue;
            }
            tried += 1;
            if self.answers(bot, &candidate).await {
                used.insert(candidate.path);
                found.push(SampleQuestion { text: candidate.text, title: Some(candidate.title) });
            }
        }
        let keywords = bot.agent.handoff.rules.iter().filter_map(|rule| match rule {
            HandoffRule::Keyword(word) => Some(word),
            HandoffRule::Pattern(_) => None,
        });
        // A phrase reads more like a message than a single word.
        let phrase = keywords.min_by_key(|word| !word.contains(' '));
        found.extend(phrase.map(|text| SampleQuestion { text: text.clone(), title: None }));
        Ok(found)
    }

    /// Whether the bot answers a question from its document.
    async fn answers(&self, bot: &Bot, candidate: &Candidate) -> bool {
        let turn = Turn {
            conversation: None,
            agent: bot.agent.clone(),
            contact: None,
            messages: vec![WaitingMessage::of(Content::Text { body: candidate.text.clone() })],
            history: Vec::new(),
            now: now_ms(),
        };
        let (files, abilities) = (&NoFiles, &Abilities::WHATSAPP);
        let context = TurnContext { files, hear: None, tier: BudgetTier::Words, abilities };
        let Outcome::Reply(reply) = self.engine.answer(bot, &turn, context).await.outcome else {
            return false;
        };
        reply.sort == ReplyKind::Answer
            && reply.citations.iter().any(|citation| citation.source == candidate.path)
    }
}

/// The questions that documents hold, then their headings as questions; of both, first what has
/// times and numbers, which is what customers ask for.
fn candidates(read: &[ReadDocument]) -> Vec<Candidate> {
    let (mut asked, mut headed) = (Vec::new(), Vec::new());
    for ReadDocument { row, chunks } in read {
        let made =
            |text: String| Candidate { text, path: row.path.clone(), title: row.title.clone() };
        let rank_of = |body: &str| {
            let has_numbers = body.chars().any(|c| c.is_ascii_digit());
            u8::from(weekdays(body).is_empty()) + u8::from(!has_numbers)
        };
        for chunk in chunks {
            let rank = rank_of(&chunk.body);
            let heading = chunk.heading.rsplit(" > ").next().unwrap_or_default();
            let lines = std::iter::once(heading).chain(chunk.body.lines());
            let code = language(&chunk.body).and_then(two_letters).unwrap_or("en");
            let stands_alone = |text: &String| !points_back(text, code);
            let questions = lines.filter_map(question).filter(stands_alone).take(1);
            asked.extend(questions.map(|text| (rank, made(text))));
            let top = chunk.heading.split(" > ").next().unwrap_or_default();
            let head = if top.is_empty() { &row.title } else { top };
            let is_fact = rank < NO_FACT;
            headed
                .extend(as_question(head, code).filter(|_| is_fact).map(|text| (rank, made(text))));
        }
    }
    asked.sort_by_key(|(rank, _)| *rank);
    headed.sort_by_key(|(rank, _)| *rank);
    let mut seen = BTreeSet::new();
    let all = asked.into_iter().chain(headed).map(|(_, candidate)| candidate);
    all.filter(|candidate| seen.insert(candidate.text.to_lowercase())).collect()
}

/// The question that a line is.
fn question(line: &str) -> Option<String> {
    let text = LABEL.replace(line.trim(), "").trim_matches(['*', '_', '"', ' ']).to_owned();
    let is_question = text.ends_with(['?', '؟', '？']) && QUESTION.contains(&text.chars().count());
    // A page's own question may hold somebody's phone number.
    (is_question && mask_personal_data(&text) == text).then_some(text)
}

/// Whether a question is understood only below its heading: "How long does it take?".
fn points_back(text: &str, code: &str) -> bool {
    let pointers = data::of(code).map(|language| &language.follow_up.pointers);
    pointers.is_some_and(|pointers| words(text).iter().any(|word| pointers.contains(word)))
}

/// A heading as a customer would ask for it, in a language: "Opening hours?".
fn as_question(heading: &str, code: &str) -> Option<String> {
    let text = LABEL.replace(heading.trim(), "").trim().to_owned();
    let is_short = HEADING.contains(&text.chars().count())
        && text.split_whitespace().count() <= MAX_HEADING_WORDS
        && !text.ends_with(['?', '!', '.', ':', '؟', '？']);
    let written = || match code {
        "es" => format!("¿{text}?"),
        "ar" | "fa" | "ur" => format!("{text}؟"),
        "ja" | "zh" => format!("{text}？"),
        _ => format!("{text}?"),
    };
    is_short.then(written)
}
