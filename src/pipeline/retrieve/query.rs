//! Part of stage 4: query analysis. Decides whether a question depends on the conversation, and
//! adds that context. Pure: searches nothing and calls no model.
//!
//! Short is not incomplete: `gift cards?` names its topic. A question depends on the conversation
//! if it refers back (`and on Sundays?`, `how much is that?`) or says nothing by itself (`why?`).

use frontdesk_language::{QuestionWords, question_words};

use crate::domain::{Line, Question, Speaker, Texts};
use crate::pipeline::choices::number;
use crate::pipeline::language::{Languages, customers, language};

mod phrases;

use phrases::Phrases;

/// Content words from which on a question is complete, whatever it begins with.
const COMPLETE_MIN_CONTENT_WORDS: usize = 6;
/// Maximum content words of a question that is incomplete if a word refers back.
const FEW: usize = 3;
/// Maximum words of a question with one content word that may be a fragment: `Sundays?`.
const BRIEF: usize = 2;
/// Maximum characters taken from an earlier message.
const MAX_LEN: usize = 300;

/// How much a question depends on what was said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ContextDependence {
    /// Not at all.
    Standalone,
    /// Possibly.
    Possible,
    /// Certainly.
    Dependent,
}

/// A question's language, and its context in the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryAnalysis {
    /// ISO 639-1 code of its language; `None` if unknown.
    pub language: Option<String>,
    /// How much it depends on what was said before.
    pub dependence: ContextDependence,
    /// The earlier question that it depends on; `None` if it stands alone.
    pub context: Option<String>,
    /// Whether it has a content word.
    pub says_something: bool,
}

/// Analyzes a question in its conversation. `referred`: what the customer quotes, which may be its
/// topic, but not in his language.
pub(crate) fn read(
    question: &Question,
    history: &[Line],
    referred: &[Line],
    known: &Languages,
) -> QueryAnalysis {
    let language = language(question, history, known);
    let told = question_words(&question.text, language.as_deref());
    let before = earlier(history, referred, known);
    // A repeated question is no follow-up.
    let again = customers(history).next().is_some_and(|last| last.trim() == question.text.trim());
    let dependence = match before {
        Some(_) if !again => context_dependence(&question.text, language.as_deref(), &told),
        _ => ContextDependence::Standalone,
    };
    let context = before.filter(|_| dependence > ContextDependence::Standalone);
    QueryAnalysis { says_something: told.content > 0, language, dependence, context }
}

/// Returns the question that a number asks: the line with it among the choices that the bot's last
/// message offers. `None` if the question is no number, or somebody has written since.
pub(crate) fn chosen(question: &Question, history: &[Line], texts: &Texts) -> Option<Question> {
    let chosen = number(&question.text)?;
    let bot = history.last().filter(|line| line.speaker == Speaker::Bot)?;
    let item = |line: &str| {
        let (before, after) = line.trim().split_once(". ")?;
        (number(before)? == chosen).then(|| after.trim().to_owned())
    };
    let (_, choices) = texts.split_choices(&bot.text);
    let text = choices.lines().filter_map(item).find(|text| !text.is_empty())?;
    Some(Question { text, ..question.clone() })
}

/// Joins a question and its context into one text to search for.
pub(crate) fn with_context(question: &str, context: &str) -> String {
    format!("{context}\n{question}")
}

fn context_dependence(
    question: &str,
    language: Option<&str>,
    told: &QuestionWords,
) -> ContextDependence {
    let QuestionWords { words, content, polite } = told;
    let asks = question.contains(['?', '？', '؟', ';']);
    if words.is_empty() || *content >= COMPLETE_MIN_CONTENT_WORDS {
        return ContextDependence::Standalone;
    }
    if *content == 0 {
        // Thanks and greetings depend on nothing.
        let courtesy = *polite && (!asks || words.len() == 1);
        return if courtesy { ContextDependence::Standalone } else { ContextDependence::Dependent };
    }
    let phrases = language.and_then(Phrases::of);
    let takes_up = phrases.is_some_and(|known| {
        known.open(words, question) || known.point(words, question) || known.remain(words)
    });
    match (takes_up, *content) {
        (true, ..=FEW) => ContextDependence::Dependent,
        (true, _) => ContextDependence::Possible,
        (false, 1) if words.len() <= BRIEF => ContextDependence::Possible,
        _ => ContextDependence::Standalone,
    }
}

/// Returns what the customer quotes or wrote last, with content, with the message that it depends
/// on.
fn earlier(history: &[Line], referred: &[Line], known: &Languages) -> Option<String> {
    let quoted = referred.iter().rev().map(|line| line.text.as_str());
    let mut said = quoted.chain(customers(history)).filter(|text| {
        let language = known.of_question(text);
        question_words(text, language).content > 0
    });
    let last = said.next()?;
    let language = known.of_question(last);
    let leans = context_dependence(last, language, &question_words(last, language))
        == ContextDependence::Dependent;
    let texts: Vec<String> = match said.next().filter(|_| leans) {
        Some(before) => vec![cut(before), cut(last)],
        None => vec![cut(last)],
    };
    Some(texts.join("\n"))
}

fn cut(text: &str) -> String {
    text.trim().chars().take(MAX_LEN).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Sentence;

    fn asked(text: &str, language: Option<&str>) -> Question {
        Question { language: language.map(Into::into), ..Question::written(text) }
    }

    fn said(speaker: Speaker, text: &str) -> Line {
        Line::new(speaker, text)
    }

    fn after(before: &str, question: &str) -> QueryAnalysis {
        read(
            &asked(question, None),
            &[said(Speaker::Customer, before), said(Speaker::Bot, "Yes.")],
            &[],
            &Languages::default(),
        )
    }

    #[test]
    fn what_the_customer_quotes_is_the_topic_and_not_his_language() {
        let history = [said(Speaker::Customer, "¿A qué hora abre la tienda los sábados?")];
        let quoted = [said(Speaker::Bot, "We rent out tents in summer for twenty euros.")];
        let reading = read(&asked("iPhone 12", None), &history, &quoted, &Languages::default());
        assert_eq!(reading.language.as_deref(), Some("es"));
        let reading =
            read(&asked("and on Sundays?", None), &history, &quoted, &Languages::default());
        let context = reading.context.unwrap_or_default();
        assert!(context.ends_with("We rent out tents in summer for twenty euros."), "{context}");
    }

    #[test]
    fn a_number_chooses_from_the_list_that_the_bot_has_just_sent() {
        let mean = |text: &str| Sentence { default: text.into(), ..Sentence::default() };
        let texts = Texts { did_you_mean: mean("Did you mean:"), ..Texts::default() };
        let list =
            "Not found. 1. Call us.\n\nDid you mean:\n1. Rental prices\n2. Deposit: How much";
        let listed = [said(Speaker::Customer, "rent?"), said(Speaker::Bot, list)];
        for (number, choice) in [
            ("1", Some("Rental prices")),
            (" 2. ", Some("Deposit: How much")),
            ("2\u{FE0F}\u{20E3}", Some("Deposit: How much")),
            ("٢", Some("Deposit: How much")),
            ("3", None),
            ("", None),
            ("100", None),
            ("1 bike", None),
        ] {
            let chosen = chosen(&asked(number, None), &listed, &texts);
            assert_eq!(chosen.as_ref().map(|one| one.text.as_str()), choice, "{number}");
        }
        let later = [&listed[..], &[said(Speaker::Customer, "hm")]].concat();
        let one = asked("1", None);
        assert_eq!(chosen(&one, &later, &texts), None, "he wrote something else since");
        assert_eq!(chosen(&one, &[said(Speaker::Person, list)], &texts), None, "a person wrote it");
        assert_eq!(chosen(&one, &[], &texts), None);
        let of_a_model = [said(Speaker::Bot, "Which one?\n1. Standard\n2. Express")];
        assert_eq!(chosen(&one, &of_a_model, &texts), None, "a model reads its own lists");
    }

    #[test]
    fn a_question_that_takes_up_the_last_one_leans_on_it() {
        for (before, question) in [
            ("When do you open on weekdays?", "and on Sundays?"),
            ("When do you open on weekdays?", "What about Sundays?"),
            ("Do you rent e-bikes?", "how much does it cost?"),
            ("When do you open on weekdays?", "ok\nand\non Saturday?"),
            ("Do you rent e-bikes?", "why?"),
            ("Do you rent e-bikes?", "how much is that per week"),
            ("¿A qué hora abren los sábados?", "¿Y los domingos?"),
            ("¿Cuánto cuesta el envío?", "y a las islas?"),
            ("Wann haben Sie samstags geöffnet?", "Und am Sonntag?"),
            ("Quels sont vos horaires le samedi ?", "Et le dimanche ?"),
            ("Qual é o horário no sábado?", "E no domingo?"),
            ("Во сколько вы открываетесь в субботу?", "А в воскресенье?"),
            ("متى تفتحون يوم السبت؟", "وماذا عن الأحد؟"),
            ("周六几点开门？", "那周日呢？"),
        ] {
            let reading = after(before, question);
            assert_eq!(reading.dependence, ContextDependence::Dependent, "{question}: {reading:?}");
            assert_eq!(reading.context.as_deref(), Some(before));
        }
    }

    #[test]
    fn a_question_that_names_what_it_is_about_is_complete() {
        for question in [
            "Do you repair electric scooters as well, or only bicycles and e-bikes?",
            "How long do you hold a click and collect order?",
            "Is it possible to return shoes that were worn?",
            "¿Cuántos días tengo para devolver una bicicleta nueva?",
            "gift cards",
            "opening hours christmas",
            "Thanks!",
            "ok thank you",
            "hello",
            "👍",
            "",
        ] {
            let reading = after("When do you open on Saturdays?", question);
            assert_eq!(
                (reading.dependence, reading.context),
                (ContextDependence::Standalone, None),
                "{question}"
            );
        }
        assert_eq!(after("When do you open?", "refunds?").dependence, ContextDependence::Possible);
        assert_eq!(
            after("Do you sell lamps?", "When do you open?").dependence,
            ContextDependence::Standalone
        );
        assert_eq!(
            after("and on Sundays?", "and on Sundays?").dependence,
            ContextDependence::Standalone,
            "again"
        );
        let first = read(&asked("and on Sundays?", None), &[], &[], &Languages::default());
        assert_eq!(first.dependence, ContextDependence::Standalone, "there is nothing to lean on");
        let greeted = [said(Speaker::Customer, "hello!"), said(Speaker::Bot, "Hi!")];
        assert_eq!(
            read(&asked("and on Sundays?", None), &greeted, &[], &Languages::default()).dependence,
            ContextDependence::Standalone
        );
    }

    #[test]
    fn a_second_follow_up_takes_the_question_before_the_first_along() {
        let history = [
            said(Speaker::Customer, "Do you deliver to Dunmere?"),
            said(Speaker::Bot, "Yes."),
            said(Speaker::Customer, "how much is it?"),
            said(Speaker::Bot, "€12."),
        ];
        let reading =
            read(&asked("and to the islands?", None), &history, &[], &Languages::default());
        let context = reading.context.unwrap_or_default();
        assert!(context.contains("Dunmere") && context.contains("how much"), "{context}");
        assert!(!context.contains("€12"), "what the bot said is not taken along");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(before in "\\PC{0,40}", text in "\\PC{0,40}|(?s).{0,40}") {
            after(&before, &text);
        }
    }
}
