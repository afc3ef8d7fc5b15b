//! The demo shop without a model: the questions of `eval/suites/demo-questions.jsonl` over the
//! documents in `knowledge/`.

use std::path::Path;

use frontdesk::app::App;
use frontdesk::config::Config;
use frontdesk::domain::{Content, Outcome, ReplyKind, Turn, WaitingMessage};
use frontdesk::knowledge::SilentProgress;
use frontdesk::pipeline::{BudgetTier, NoFiles, TurnContext, TurnResult};
use frontdesk::provider::Abilities;
use serde_json::Value;

use crate::support::openai::{OpenAi, last_message};
use crate::support::process::{run, says};

/// A question with the document that answers it, if there is one.
#[derive(Debug)]
struct Case {
    question: String,
    document: Option<String>,
    answer_contains: Vec<String>,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("eval/suites/demo-questions.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| case(&serde_json::from_str(line).unwrap())).collect()
}

/// Parses a case of the suite.
fn case(written: &Value) -> Case {
    let asserted = |kind: &str| {
        let all = written["assert"].as_array().unwrap().iter();
        all.filter(|one| one["type"] == kind).map(|one| one["value"].clone()).collect::<Vec<_>>()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Case {
        question: text(&written["vars"]["message"]),
        document: asserted("retrieved").first().map(|value| text(&value["document"])),
        answer_contains: asserted("contains").iter().map(text).collect(),
    }
}

async fn ask(app: &App, question: &str) -> TurnResult {
    let bot = app.desk.bots.all().remove(0);
    let turn = Turn {
        conversation: None,
        agent: bot.agent.clone(),
        contact: None,
        messages: vec![WaitingMessage::of(Content::Text { body: question.into() })],
        history: Vec::new(),
        now: frontdesk::domain::time::now_ms(),
    };
    let (files, abilities) = (&NoFiles, &Abilities::WHATSAPP);
    let around = TurnContext { files, hear: None, tier: BudgetTier::Full, abilities };
    app.desk.engine.answer(&bot, &turn, around).await
}

/// The demo shop's answer to a case.
struct Asked {
    case: Case,
    rank: Option<usize>,
    confidence: f32,
    text: String,
    sort: Option<ReplyKind>,
}

async fn ask_all() -> Vec<Asked> {
    let home = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).display();
    let config = Config::from_toml(&format!(
        "[store]\npath = \"{0}/demo.db\"\n[llm]\nkind = \"extractive\"\n[embed]\nkind = \"off\"\n[files]\nprompts = \"{root}/prompts\"\nknowledge = \"{root}/knowledge\"\n",
        home.path().display()
    ));
    let app = App::assemble(config.unwrap()).await.unwrap();
    let learned = app.learn(&SilentProgress).await.unwrap();
    assert!(learned.learned >= 40 && learned.failed.is_empty(), "{learned:?}");
    let mut asked = Vec::new();
    for case in cases() {
        let answered = ask(&app, &case.question).await;
        let seen = answered.trace.retrieve.unwrap_or_default();
        let right = |source: &str| case.document.as_deref() == Some(source);
        let rank = seen.passages.iter().position(|passage| right(&passage.chunk.source));
        let (text, sort) = match answered.outcome {
            Outcome::Reply(reply) => (reply.text, Some(reply.sort)),
            other => (format!("{other:?}"), None),
        };
        asked.push(Asked { case, rank, confidence: seen.confidence, text, sort });
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_finds_its_documents_and_says_when_it_does_not_know() {
    let (mut found, mut right, mut refused, mut answerable, mut unanswerable) = (0, 0, 0, 0, 0);
    for asked in ask_all().await {
        let verdict = if asked.case.document.is_some() {
            answerable += 1;
            found += usize::from(asked.rank.is_some_and(|rank| rank < 3));
            let all = asked.case.answer_contains.iter().all(|fact| asked.text.contains(fact));
            right += usize::from(all);
            if all { "right" } else { "wrong" }
        } else {
            unanswerable += 1;
            let no = asked.sort == Some(ReplyKind::NoAnswer);
            refused += usize::from(no);
            if no { "refused" } else { "ANSWERED" }
        };
        let text = asked.text.replace('\n', " ⏎ ");
        println!(
            "{verdict:<8} rank {:?} confidence {:.2}  {}\n         {text}",
            asked.rank, asked.confidence, asked.case.question
        );
    }
    println!(
        "document among the first three: {found}/{answerable}; answer holds the fact: {right}/{answerable}; refused: {refused}/{unanswerable}"
    );
    assert_eq!((answerable, unanswerable), (30, 10));
    assert!(found >= 27, "{found} of 30");
    assert_eq!(refused, 10);
}

#[tokio::test]
async fn the_demos_suite_is_no_worse_than_its_accepted_scores() {
    let home = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let toml = format!(
        "[store]\npath = \"{}/desk.db\"\n[embed]\nkind = \"off\"\n[files]\nprompts = \"{1}/prompts\"\nknowledge = \"{1}/knowledge\"\n",
        home.path().display(),
        root.display()
    );
    std::fs::write(home.path().join("frontdesk.toml"), toml).unwrap();
    let file = |path: &str| root.join(path).display().to_string();
    let (suite, baseline) = (file("eval/suites/demo.yaml"), file("eval/baseline.json"));
    let asked = ["eval", &suite, "--baseline", &baseline, "--rule", "no case worse"];
    let told = run(home.path(), &asked, &[]).await;
    says(&told, true, &["0 errors, 0 skipped"]);
    let messages = run(home.path(), &["eval", &file("eval/suites/messages.yaml")], &[]).await;
    says(&messages, true, &["14 passed, 0 failed, 0 errors, 0 skipped"]);
    let strict = [&asked[..4], &["--rule", "score >= 0.999"]].concat();
    says(&run(home.path(), &strict, &[]).await, false, &["The rule does not hold"]);
}

/// Answers what it is shown, as a model that sees would.
fn scripted(request: &Value) -> String {
    let picture = request.to_string().contains("data:image/jpeg;base64,").then_some("a picture");
    let shown = format!("{}{}", last_message(request), picture.unwrap_or_default());
    let answers = [
        ("aturdays?", "We close at 17:00 on Saturdays [1]."),
        ("a picture", "I see red and blue."),
        ("of Rival Cycles", "That is a paper of Rival Cycles."),
        ("Old Harbour", "Thank you, I know where that is."),
        ("Ana", "Thank you, I have the card."),
        ("2026-12-01", "Thank you, I have the form."),
    ];
    let known = answers.iter().find(|(words, _)| shown.contains(words));
    known.map_or("I do not know what this is.", |(_, answer)| answer).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_sees_gets_all_that_the_suite_of_messages_sends() {
    let home = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = OpenAi::start().await;
    model.answer_with(scripted);
    let toml = format!(
        "[store]\npath = \"{}/desk.db\"\n[embed]\nkind = \"off\"\n[files]\nprompts = \"{1}/prompts\"\nknowledge = \"{1}/knowledge\"\n\
         [llm]\nkind = \"openai\"\nbase_url = \"{2}\"\napi_key = \"sk-test\"\nmodel = \"fake\"\nvision = true\n[retrieve]\nrewrite_ms = 0\n",
        home.path().display(),
        root.display(),
        model.url
    );
    std::fs::write(home.path().join("frontdesk.toml"), toml).unwrap();
    let suite = root.join("eval/suites/messages.yaml").display().to_string();
    let told = run(home.path(), &["eval", &suite], &[]).await;
    says(&told, true, &["14 passed, 0 failed, 0 errors, 0 skipped"]);
    let asked: Vec<_> = model.requests().iter().map(ToString::to_string).collect();
    for shown in [
        "data:image/jpeg;base64,",
        "Offer 4711 of Rival Cycles",
        "Invoice 4712 of Rival Cycles",
        "We close at 18:00 on weekdays.",
        "What time do you close on weekdays?",
        "Old Harbour",
        "Ana",
        "2026-12-01",
        "bell",
    ] {
        assert!(asked.iter().any(|request| request.contains(shown)), "{shown}: {asked:#?}");
    }
    assert!(!asked.iter().any(|request| request.contains("I do not know what this is")));
}
