//! Knowledge gaps: masks personal data in unanswered questions, groups similar ones, and tries open
//! ones again after the knowledge changed. Sends nothing; customers see nothing of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock};

use frontdesk_language::{Lang, terms};
use regex::Regex;

use super::bot::Bot;
use super::budget::BudgetTier;
use super::curated::phrase::Phrase;
use super::curated::similarity::PhrasingSet;
use super::engine::Engine;
use super::file_source::NoFiles;
use super::run::TurnContext;
use crate::domain::time::now_ms;
use crate::domain::{AgentId, Content, GapId, GapState, Outcome, ReplyKind, Turn, WaitingMessage};
use crate::provider::Abilities;
use crate::store::gaps::{ExampleRow, GapFilter, GapRow, GroupedQuestion};
use crate::store::{Result, Store};

/// Minimum similarity of two questions in one group, 0 to 1. Errors only cost a reviewer a look.
const ALIKE: f32 = 0.65;
/// Maximum groups with which a question is compared, the newest first.
const MAX_GROUPS: i64 = 2000;
/// Questions that are grouped, or tried again, per batch.
const BATCH: i64 = 200;
/// Maximum length of a stored question, in characters.
const MAX_LEN: usize = 500;

/// Masks phone numbers, mail addresses, card and account numbers, link paths; at most 500
/// characters.
pub fn mask_personal_data(text: &str) -> String {
    static MAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+").ok()
    });
    static LINK: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)\bhttps?://([^\s/?#]+)[^\s]*").ok());
    static ACCOUNT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\b[A-Z]{2}\p{Nd}{2}(?:[ ]?[A-Z0-9]{2,4}){3,8}\b").ok());
    static NUMBER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\+?\(?\p{Nd}(?:[ \u{a0}().\-/]{0,2}\p{Nd}){6,}").ok());
    let mut text: String = text.trim().chars().take(MAX_LEN * 4).collect();
    let masks =
        [(&MAIL, "[mail]"), (&LINK, "$1/…"), (&ACCOUNT, "[account]"), (&NUMBER, "[number]")];
    for (pattern, mask) in masks {
        if let Some(pattern) = &**pattern {
            text = pattern.replace_all(&text, mask).into_owned();
        }
    }
    text.chars().take(MAX_LEN).collect()
}

/// Whether something in a question was masked.
fn is_masked(question: &str) -> bool {
    ["[mail]", "[account]", "[number]", "/…"].iter().any(|mask| question.contains(mask))
}

/// Returns up to five phrasings for a group's question, without masked ones.
pub fn phrasings(gap: &GapRow, examples: &[ExampleRow]) -> Vec<String> {
    let asked = std::iter::once(&gap.question).chain(examples.iter().map(|one| &one.question));
    let mut kept: Vec<String> = Vec::new();
    for question in asked.filter(|question| !is_masked(question)) {
        let alike = |known: &String| known.to_lowercase() == question.to_lowercase();
        if kept.len() < 5 && !kept.iter().any(alike) {
            kept.push(question.clone());
        }
    }
    kept
}

/// Puts new questions into groups; returns how many.
pub async fn group(store: &Store) -> Result<usize> {
    let mut done = 0;
    loop {
        let new = store.ungrouped(BATCH).await?;
        let Some(last) = new.last().map(|row| row.id.clone()) else { return Ok(done) };
        let mut by_agent: HashMap<AgentId, Groups> = HashMap::new();
        let mut grouped = Vec::with_capacity(new.len());
        for question in new {
            let groups = match by_agent.entry(question.agent_id.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let agent = Some(question.agent_id.clone());
                    let wanted = GapFilter { agent, ..GapFilter::default() };
                    new.insert(Groups::of(store.gaps(&wanted, MAX_GROUPS).await?))
                }
            };
            let gap = groups.place(&question.question);
            grouped.push(GroupedQuestion { question, gap });
        }
        done += grouped.len();
        store.put_into_gaps(grouped).await?;
        // Questions that remain cannot be grouped: stop instead of looping forever.
        if store.ungrouped(1).await?.first().is_some_and(|row| row.id == last) {
            return Ok(done);
        }
    }
}

/// The groups of an agent.
#[derive(Default)]
struct Groups {
    ids: Vec<GapId>,
    set: PhrasingSet,
}

impl Groups {
    fn of(mut known: Vec<GapRow>) -> Self {
        let mut groups = Self::default();
        known.reverse();
        for gap in known {
            groups.add(gap.id, &gap.question);
        }
        groups
    }

    /// Returns the group of a question: the most similar one above the threshold, or a new one.
    fn place(&mut self, question: &str) -> GapId {
        let phrase = Phrase::read(question, self.set.languages());
        let near = self.set.near(&phrase, None);
        let near = near.iter().find(|near| near.differs.is_none());
        let found = near.filter(|near| near.score() >= ALIKE);
        let id = found.and_then(|near| self.ids.get(near.answer)).cloned();
        id.unwrap_or_else(|| {
            let id = GapId::generate();
            self.add(id.clone(), question);
            id
        })
    }

    fn add(&mut self, id: GapId, question: &str) {
        let mut languages: Vec<Lang> = terms::language(question).into_iter().collect();
        languages.push(Lang::Eng);
        languages.dedup();
        for language in &languages {
            self.set.add_language(*language);
        }
        self.set.push(vec![Phrase::read(question, &languages)], None);
        self.ids.push(id);
    }
}

/// Tries open questions again without a model and marks those that are answered now. Returns how
/// many were tried and the answered ones. `bot` returns the agent of a group.
pub async fn recheck(
    store: &Store,
    engine: &Engine,
    bot: impl Fn(&AgentId) -> Option<Arc<Bot>>,
) -> Result<(usize, Vec<GapRow>)> {
    let mut wanted = GapFilter { state: Some(GapState::Open), ..GapFilter::default() };
    let (mut asked, mut answered) = (0, Vec::new());
    loop {
        let page = store.gaps(&wanted, BATCH).await?;
        let Some(last) = page.last() else { return Ok((asked, answered)) };
        wanted.before = Some((last.last_at, last.id.to_string()));
        for gap in page {
            let Some(bot) = bot(&gap.agent_id) else { continue };
            asked += 1;
            if finds_answer(engine, &bot, &gap.question).await {
                store.mark_gap(&gap.id, GapState::Answered).await?;
                answered.push(gap);
            }
        }
    }
}

async fn finds_answer(engine: &Engine, bot: &Bot, question: &str) -> bool {
    let body = question.to_owned();
    let turn = Turn {
        conversation: None,
        agent: bot.agent.clone(),
        contact: None,
        messages: vec![WaitingMessage::of(Content::Text { body })],
        history: Vec::new(),
        now: now_ms(),
    };
    let (files, abilities) = (&NoFiles, &Abilities::WHATSAPP);
    let context = TurnContext { files, hear: None, tier: BudgetTier::Words, abilities };
    let outcome = engine.answer(bot, &turn, context).await.outcome;
    matches!(outcome, Outcome::Reply(reply) if reply.sort == ReplyKind::Answer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn personal_data_is_taken_out_of_a_question() {
        for (said, kept) in [
            ("Call me at +44 7700 900-123 please", "Call me at [number] please"),
            ("my mail is ana.b+1@shop.example.com, ok?", "my mail is [mail], ok?"),
            ("Card 4111 1111 1111 1111 declined", "Card [number] declined"),
            ("IBAN DE89 3704 0044 0532 0130 00 ?", "IBAN [account] ?"),
            ("https://acme.example/reset?token=abc does not open", "acme.example/… does not open"),
            ("Do you open at 9 or 10:30 on 24.12.?", "Do you open at 9 or 10:30 on 24.12.?"),
            ("Is the 2024 model 49,00 €?", "Is the 2024 model 49,00 €?"),
        ] {
            assert_eq!(mask_personal_data(said), kept);
        }
    }

    #[test]
    fn questions_of_one_sense_are_one_group_and_others_are_not() {
        let mut groups = Groups::default();
        let first = groups.place("Do you repair bicycle lamps?");
        assert_eq!(groups.place("Hello! do you repair bicycle lamps please"), first);
        assert_eq!(groups.place("can you repair a bicycle lamp"), first);
        assert_ne!(groups.place("Do you sell bicycle lamps?"), first);
        let sunday = groups.place("Are you open on Sunday?");
        assert_ne!(groups.place("Are you open on Monday?"), sunday);
        assert_eq!(groups.place("¿Reparan lámparas?"), groups.place("reparan lamparas"));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_masked_and_grouped_without_panic(texts in prop::collection::vec("\\PC{0,60}", 0..6)) {
            let mut groups = Groups::default();
            for text in &texts {
                let kept = mask_personal_data(text);
                prop_assert!(kept.chars().count() <= MAX_LEN);
                groups.place(&kept);
            }
        }

        #[test]
        fn no_long_number_survives(before in "[a-z ]{0,10}", number in "[0-9]{7,16}", after in "[a-z ]{0,10}") {
            let kept = mask_personal_data(&format!("{before}{number}{after}"));
            prop_assert!(!kept.contains(&number), "{}", kept);
        }
    }
}
