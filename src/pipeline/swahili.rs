//! Tests: what a language's data file is enough for, from greeting to opt-out, for Swahili.

use std::collections::HashSet;

use frontdesk_language::terms;

use super::curated::facets::{QuestionFacets, courtesies};
use super::escalate::Rules;
use super::inbound::consent::{self, Consent};
use super::inbound::gap::gap_ms;
use super::language::Languages;
use super::retrieve::query::{self, ContextDependence};
use crate::domain::{Content, Handoff, HandoffRule, Line, Question, Speaker};
use crate::llm::asks_nothing;

fn folded(text: &str) -> Vec<String> {
    terms::words(text).iter().map(|word| terms::fold(word)).collect()
}

fn differs(question: &str, phrasing: &str) -> Option<&'static str> {
    let told = |text: &str| {
        let words = folded(text);
        QuestionFacets::of(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    told(question).differs(&told(phrasing))
}

/// Analyzes a question that is asked after another.
fn read(before: &str, question: &str, language: Option<&str>) -> query::QueryAnalysis {
    let question = Question {
        language: language.map(ToOwned::to_owned),
        spoken: language.is_some(),
        ..Question::written(question)
    };
    query::read(&question, &[Line::new(Speaker::Customer, before)], &[], &Languages::default())
}

#[test]
fn after_a_greeting_the_question_follows_and_after_thanks_none() {
    let gap = |text: &str| gap_ms(&Content::Text { body: text.to_owned() }, 700);
    for greeting in ["Habari", "Hujambo ndugu", "Habari za asubuhi", "Shikamoo 👋", "mambo vipi"]
    {
        assert_eq!(gap(greeting), 1750, "{greeting:?}");
        assert!(asks_nothing(greeting), "{greeting:?}");
    }
    for thanks in ["Asante sana!", "Asanteni", "Asante kwa msaada wako 🙏", "Kwaheri"] {
        assert_eq!(gap(thanks), 700, "{thanks:?}");
        assert!(asks_nothing(thanks), "{thanks:?}");
    }
    for question in ["Habari, mnafungua saa ngapi?", "Asante, na bei ni gani?"] {
        assert!(!asks_nothing(question), "{question:?}");
    }
    assert_eq!(courtesies(&folded("Habari mnafungua lini tafadhali")), HashSet::from([0, 3]));
}

#[test]
fn an_opt_out_is_heard_and_a_sentence_is_none() {
    let swahili = ["sw".to_owned()];
    for languages in [&swahili[..], &[]] {
        for message in ["Jiondoe", "SITAKI UJUMBE TENA.", "usinitumie ujumbe!"] {
            assert_eq!(consent::read(message, languages), Some(Consent::OptOut), "{message:?}");
        }
        assert_eq!(consent::read("Jiunge tena", languages), Some(Consent::OptIn));
        assert_eq!(consent::read("Sitaki ujumbe wa kesho, nataka wa leo", languages), None);
        assert_eq!(consent::read("acha", languages), None, "Hindi for \"fine\"");
    }
    assert_eq!(consent::read("Jiondoe", &["en".to_owned()]), None);
}

#[test]
fn a_hand_off_word_is_heard() {
    let rules = vec![HandoffRule::Keyword("kuongea na mtu".into())];
    let rules = Rules::compile(&Handoff { rules, ..Handoff::default() }).unwrap();
    assert!(rules.decide("Samahani, naomba KUONGEA na\u{a0}mtu, tafadhali").is_some());
    assert!(rules.decide("naomba kuongea na mtumishi").is_none());
}

#[test]
fn questions_that_say_no_or_name_another_day_are_others() {
    assert_eq!(
        differs("siwezi kurudisha bidhaa", "naweza kurudisha bidhaa"),
        Some("one says no, the other does not")
    );
    assert_eq!(
        differs("mnafungua jumapili", "mnafungua jumatatu"),
        Some("another day or time is asked about")
    );
    assert_eq!(differs("siku tatu", "siku 3"), None);
    assert_eq!(differs("mnafungua lini", "mnafunga lini"), Some("the opposite is asked about"));
    assert!(differs("duka liko wapi", "duka ni la nani").is_some());
}

#[test]
fn a_question_that_goes_on_from_the_last_one_leans_on_it() {
    let before = "Mnafungua saa ngapi Jumamosi?";
    let written = read(before, "Na Jumapili mnafungua saa ngapi?", None);
    assert_eq!(
        (written.language.as_deref(), written.dependence),
        (Some("sw"), ContextDependence::Dependent)
    );
    assert_eq!(written.context.as_deref(), Some(before));
    for spoken in ["na Jumapili?", "vipi kuhusu Jumapili?", "hiyo ni bei gani?"] {
        assert_eq!(
            read(before, spoken, Some("sw")).dependence,
            ContextDependence::Dependent,
            "{spoken:?}"
        );
    }
    let whole = read(before, "Bei ya baiskeli kwa watoto wadogo ni shilingi ngapi?", None);
    assert_eq!(
        (whole.language.as_deref(), whole.dependence),
        (Some("sw"), ContextDependence::Standalone)
    );
}
