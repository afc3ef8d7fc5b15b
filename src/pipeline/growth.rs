//! Test support: run time by text length. Eight times the text must not take much more than eight
//! times as long. Timed, so ignored: `cargo test --lib growth -- --ignored --nocapture`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk_tokens::Vocabulary;

use super::clean::{Speakable, clean};
use super::language::Languages;
use super::outbound::format::for_whatsapp;
use super::outbound::split::split;
use super::reply::contact_details::{DetailCache, DetailCheck, Origins, StreamFilter};
use super::reply::{ground, leak};
use super::retrieve::query;
use super::{escalate, framing, inbound};
use crate::domain::{
    ChatMessage, Content, Handoff, HandoffRule, Line, Prompt, Question, Role, Speaker, Texts,
};

/// Length of the shorter text, in bytes.
const SHORT: usize = 16 * 1024;
/// Length ratio of the two texts.
const TIMES: usize = 8;
/// Maximum ratio of the run times.
const MAX_FACTOR: f64 = 16.0;
/// Run times below this are not checked.
const MIN_CHECKED_TIME: Duration = Duration::from_millis(40);

type Reader = (&'static str, fn(&str));

fn prompt(text: &str) -> Prompt {
    let message = |role, content: &str| ChatMessage { role, content: content.to_owned() };
    Prompt {
        model: "m".into(),
        temperature: 0.0,
        max_output_tokens: 1,
        messages: vec![message(Role::System, "Be kind."), message(Role::User, text)],
        question: text.to_owned(),
        passages: Arc::from([]),
        confidence: 1.0,
        min_confidence: 0.0,
        weekday: None,
        tokens: 0,
        pictures: Vec::new(),
    }
}

fn streamed(text: &str) {
    let origins = Origins { passages: &[], business: vec![text], customer: vec![] };
    let cache = DetailCache::default();
    let vetting = DetailCheck::new(origins, &cache);
    let (mut speakable, mut withheld) = (Speakable::default(), StreamFilter::new(&vetting));
    let letters: Vec<char> = text.chars().collect();
    for piece in letters.chunks(3) {
        let said = speakable.push(&piece.iter().collect::<String>());
        black_box(withheld.push(&said));
    }
    black_box(speakable.finish());
    black_box(withheld.finish());
}

const READERS: &[Reader] = &[
    ("quiet gap", |text| {
        black_box(inbound::gap::gap_ms(&Content::Text { body: text.to_owned() }, 700));
    }),
    ("fold", |text| {
        black_box(frontdesk_language::fold::fold(text));
    }),
    ("hand-off rules", |text| {
        let rules = vec![
            HandoffRule::Keyword("speak to a person now please".into()),
            HandoffRule::Keyword("aaaaaaaaaaaaaaab".into()),
            HandoffRule::Pattern(r"(?i)(order|a+)+\s*#?(\d+)+x$".into()),
        ];
        let handoff = Handoff { rules, ..Handoff::default() };
        black_box(escalate::Rules::compile(&handoff).unwrap().decide(text));
    }),
    ("language and leaning", |text| {
        let question = Question::written(text);
        let history = [Line::new(Speaker::Customer, text)];
        black_box(query::read(&question, &history, &history, &Languages::default()));
    }),
    ("sentences", |text| {
        black_box(frontdesk_language::sentences(text));
    }),
    ("words", |text| {
        black_box(frontdesk_language::terms::words(text));
    }),
    ("tokens", |text| {
        black_box(Vocabulary::O200k.count(text));
    }),
    ("cleaning", |text| {
        black_box(clean(text, 5));
    }),
    ("cleaning while it is written", streamed),
    ("cleaning behind a mark while it is written", |text| {
        streamed(&format!("We open at 9 [1]{text}"));
    }),
    ("cleaning of reasoning while it is written", |text| streamed(&format!("<think>{text}"))),
    ("cleaning of one piece", |text| {
        let mut speakable = Speakable::default();
        black_box(speakable.push(text));
        black_box(speakable.finish());
    }),
    ("neutralising a passage", |text| {
        black_box(framing::neutralised(text));
    }),
    ("leak", |text| {
        black_box(leak::is_leak(text, &prompt(text), &[text]));
    }),
    ("grounding", |text| {
        let (reply, passages) = (&text[..text.floor_char_boundary(2000)], [text.to_owned()]);
        let check = ground::Check::read(&ground::Material {
            reply,
            marks: &[],
            passages: &passages,
            known: &[],
            asked: &[],
        });
        black_box(check.score());
    }),
    ("grounding on one long sentence", |text| {
        let passages = [text.replace(['.', '!', '?', ';', '|', '\n', '。', '？'], " ")];
        let words: Vec<&str> = text[..text.floor_char_boundary(2000)].split(' ').collect();
        let claims: Vec<String> = words.chunks(4).map(|words| words.join(" ")).collect();
        let reply = claims.join(". Not ");
        let check = ground::Check::read(&ground::Material {
            reply: &reply,
            marks: &[],
            passages: &passages,
            known: &[],
            asked: &passages,
        });
        black_box(check.score());
    }),
    ("a reply that does not know", |text| {
        black_box(ground::is_unknown(text));
    }),
    ("offer of a person", |text| {
        let yes = Question::written("yes");
        let (rules, texts) = (escalate::Rules::default(), Texts::default());
        black_box(escalate::escalate(&rules, (&[Line::new(Speaker::Bot, text)], &texts), &yes));
    }),
    ("contact details", |text| {
        let origins = Origins { passages: &[], business: vec![text], customer: vec![] };
        black_box(DetailCheck::new(origins, &DetailCache::default()).vet(text));
    }),
    ("format and split", |text| {
        black_box(split(&for_whatsapp(text), 4096));
    }),
    ("masking", |text| {
        black_box(super::gaps::mask_personal_data(text));
    }),
];

/// Units that are repeated up to the text's length.
const UNITS: &[&str] = &[
    "a",
    "a ",
    " ",
    "\n",
    "\n\n",
    "a. ",
    "(",
    "[1]",
    "[1] ",
    "[",
    "`",
    "```\n",
    "<",
    "<think>",
    "</think>",
    "{\"",
    "{\"a\":",
    "*",
    "_a",
    "**a** ",
    "- a\n",
    "> ",
    "| a | b |\n",
    "1",
    "1 ",
    "a@",
    "a.",
    "a.com ",
    "https://a.com/",
    "@",
    "é",
    "漢",
    "漢 ",
    "字。",
    "ا",
    "🙂",
    "e\u{301}",
    "\u{200b}",
    "?",
    "???",
    "\"",
    "a\u{a0}",
    "…",
    "#",
    "[a](",
    "\\",
    "&amp;",
    "0x0a",
    "A1-",
    "Aa",
    "SYSTEM: ",
    "and ",
    "why? ",
    "<|im_start|>",
    "<|channel|>final<|message|>",
    "<think></think>",
    "\t",
    "Sources:\n[1] a\n",
    "how much is it? ",
    "'",
    "’s ",
    "«",
    "「a",
    ": 1. a ",
    "9–5. ",
];

#[test]
#[ignore = "it is timed"]
fn time_grows_with_the_text_and_not_with_its_square() {
    let mut worst: Vec<(f64, String)> = Vec::new();
    for (name, read) in READERS {
        read("warm up, please: 1 [1] a.com?");
        for unit in UNITS {
            let text = |bytes: usize| unit.repeat(bytes / unit.len());
            let long = time(*read, &text(SHORT * TIMES));
            if long < MIN_CHECKED_TIME {
                continue;
            }
            let short = time(*read, &text(SHORT));
            let ratio = long.as_secs_f64() / short.as_secs_f64();
            let said = format!("{name}, {unit:?}: {short:?} to {long:?}, {ratio:.1} times");
            println!("{said}");
            worst.push((ratio, said));
        }
    }
    worst.retain(|(ratio, _)| *ratio > MAX_FACTOR);
    assert!(
        worst.is_empty(),
        "{}",
        worst.iter().map(|(_, said)| said.as_str()).collect::<Vec<_>>().join("\n")
    );
}

/// Returns the shorter time of two runs.
fn time(read: fn(&str), text: &str) -> Duration {
    let once = || {
        let started = Instant::now();
        read(text);
        started.elapsed()
    };
    once().min(once())
}
