//! Follow-up questions and questions in another language than the documents: what they find with
//! and without a model, and that a self-contained question is not changed.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use frontdesk::app::App;
use frontdesk::config::Config;
use frontdesk::domain::trace::{RetrieveTrace, SearchOrigin};
use frontdesk::domain::{
    AgentId, Chunk, ChunkId, CollectionId, Content, DocumentId, Line, Speaker, Turn, WaitingMessage,
};
use frontdesk::index::Entry;
use frontdesk::knowledge::SilentProgress;
use frontdesk::pipeline::{Bot, BudgetTier, NoFiles, TurnContext, TurnResult};
use frontdesk::prompts;
use frontdesk::provider::Abilities;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::app::{Db, MAIN, Setup, TestApp};
use crate::support::fake::Failure;
use crate::support::hooks::text_webhook;
use crate::support::openai::{last_message, question};

/// Returns a history: each customer message with an empty answer.
fn history(before: &[&str]) -> Vec<Line> {
    let line = |speaker, text: &str| Line::new(speaker, text);
    let both = |text: &&str| [line(Speaker::Customer, text), line(Speaker::Bot, "Certainly.")];
    before.iter().flat_map(both).collect()
}

async fn ask(app: &App, bot: &Bot, (before, question): (&[&str], &str)) -> TurnResult {
    ask_after(app, bot, (history(before), question)).await
}

async fn ask_after(app: &App, bot: &Bot, (history, question): (Vec<Line>, &str)) -> TurnResult {
    let content = Content::Text { body: question.into() };
    let turn = Turn {
        conversation: None,
        agent: bot.agent.clone(),
        contact: None,
        messages: vec![WaitingMessage::of(content)],
        history,
        now: frontdesk::domain::time::now_ms(),
    };
    let (files, abilities) = (&NoFiles, &Abilities::WHATSAPP);
    let around = TurnContext { files, hear: None, tier: BudgetTier::Full, abilities };
    app.desk.engine.answer(bot, &turn, around).await
}

fn seen(answered: &TurnResult) -> RetrieveTrace {
    answered.trace.retrieve.clone().unwrap_or_default()
}

/// Starts the demo shop without a model.
async fn demo() -> (App, TempDir) {
    let home = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).display();
    let config = Config::from_toml(&format!(
        "[store]\npath = \"{0}/demo.db\"\n[llm]\nkind = \"extractive\"\n[files]\nprompts = \"{root}/prompts\"\nknowledge = \"{root}/knowledge\"\n",
        home.path().display()
    ));
    let app = App::assemble(config.unwrap()).await.unwrap();
    app.learn(&SilentProgress).await.unwrap();
    (app, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_ups_find_the_document_that_the_conversation_is_about() {
    let (app, _home) = demo().await;
    let bot = app.desk.bots.all().remove(0);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("eval/demo-follow-ups.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut with, mut without, mut first, mut kept) = (0, 0, 0, 0);
    for case in &cases {
        let before: Vec<&str> =
            case["before"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let question = case["question"].as_str().unwrap();
        let rank = |answered: &TurnResult| {
            let right = |source: &str| case["document"] == source;
            seen(answered).passages.iter().position(|passage| right(&passage.chunk.source))
        };
        let asked = ask(&app, &bot, (&before, question)).await;
        let (found, alone) = (rank(&asked), rank(&ask(&app, &bot, (&[], question)).await));
        with += usize::from(found.is_some_and(|rank| rank < 3));
        kept += usize::from(found.is_some());
        first += usize::from(found == Some(0));
        without += usize::from(alone.is_some_and(|rank| rank < 3));
        let reply = reply(&asked).replace('\n', " ⏎ ");
        let texts = seen(&asked).searched.len();
        println!(
            "{found:?} (alone {alone:?}) {texts} texts, confidence {:.2}: {before:?} {question}\n      {reply}",
            seen(&asked).confidence
        );
    }
    let all = cases.len();
    println!(
        "among the first three: {with}/{all}, first {first}/{all}, shown {kept}/{all}; without what was said before: {without}/{all}"
    );
    assert!(with >= 21, "{with} of {all}");
    assert!(kept >= 25, "{kept} of {all}");
    assert!(without * 10 < all * 7, "these questions stand alone: {without} of {all}");
}

fn reply(answered: &TurnResult) -> &str {
    match &answered.outcome {
        frontdesk::domain::Outcome::Reply(reply) => &reply.text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certain_answer_what_may_be_meant_is_offered_and_chosen_by_its_number() {
    let (app, _home) = demo().await;
    let bot = app.desk.bots.all().remove(0);
    for (question, choice, fact) in [
        (
            "do you buy old bikes? mine just gathers dust in the garage",
            "Only credit",
            "taken off the new bike",
        ),
        ("¿hacéis envíos a Portugal?", "Otros países", "No enviamos"),
    ] {
        let asked = ask(&app, &bot, (&[], question)).await;
        let offered = reply(&asked).to_owned();
        assert_eq!(asked.outcome.kind().as_str(), "no_answer", "{offered}");
        let line = offered.lines().find(|line| line.contains(choice));
        let line = line.unwrap_or_else(|| panic!("{choice} is not offered: {offered}"));
        let (number, _) = line.split_once(". ").unwrap();
        let said = vec![Line::new(Speaker::Customer, question), Line::new(Speaker::Bot, &offered)];
        let answered = ask_after(&app, &bot, (said, number)).await;
        assert_eq!(answered.outcome.kind().as_str(), "answer", "{}", reply(&answered));
        assert!(reply(&answered).contains(fact), "{number}: {}", reply(&answered));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_about_what_the_documents_do_not_have_is_not_answered() {
    let (app, _home) = demo().await;
    let bot = app.desk.bots.all().remove(0);
    for (before, question) in [
        ("Do you repair punctures?", "and washing machines?"),
        ("how much is a puncture repair?", "and what about laptop screens?"),
        ("E-bike rental price for a week please", "And surfboards?"),
        ("what time do you open on saturdays?", "can you give me mortgage advice?"),
        ("Do you sell gift cards?", "what will the weather be like tomorrow"),
    ] {
        let answered = ask(&app, &bot, (&[before], question)).await;
        let word = answered.outcome.kind();
        println!("{word} {:.2} {question}", seen(&answered).confidence);
        assert_eq!(word.as_str(), "no_answer", "{before} {question}: {:?}", answered.outcome);
    }
}

/// A shared data set in the index of an application.
struct Set {
    questions: Vec<(String, String)>,
    right: HashMap<String, HashSet<String>>,
    collection: CollectionId,
}

impl Set {
    async fn load(app: &App, name: &str) -> Option<Self> {
        let near = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
        let shared = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from);
        let folder = shared.join("data/retrieval").join(name);
        let read = |file| std::fs::read_to_string(folder.join(file)).ok();
        let lines = |text: String| -> Vec<Value> {
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let text = |value: &Value, key| value[key].as_str().unwrap_or_default().to_owned();
        let questions = lines(read("queries.jsonl")?);
        let questions = questions.iter().map(|q| (text(q, "_id"), text(q, "text"))).collect();
        let mut right: HashMap<String, HashSet<String>> = HashMap::new();
        for line in read("qrels/test.tsv")?.lines().skip(1) {
            let mut fields = line.split('\t').map(str::to_owned);
            if let (Some(question), Some(text)) = (fields.next(), fields.next()) {
                right.entry(question).or_default().insert(text);
            }
        }
        let collection = CollectionId::stored(format!("col_{name}"));
        for one in lines(read("corpus.jsonl")?) {
            let id = text(&one, "_id");
            let document = DocumentId::stored(id.clone());
            let chunk = Chunk {
                id: ChunkId::stored(id.clone()),
                document: document.clone(),
                collection: collection.clone(),
                source: id,
                title: text(&one, "title"),
                heading: String::new(),
                body: text(&one, "text"),
                tokens: 0,
                place: String::new(),
            };
            let entries = vec![Entry { chunk: Arc::new(chunk), vector: None }];
            app.desk.engine.live().index.replace(&collection, &document, 0, entries).await.unwrap();
        }
        Some(Self { questions, right, collection })
    }

    /// Returns the normalized discounted cumulative gain (nDCG) at 10.
    fn gain(&self, question: &str, found: &RetrieveTrace) -> f64 {
        let discount = |rank: u32| 1.0 / (f64::from(rank) + 2.0).log2();
        let Some(right) = self.right.get(question) else { return 0.0 };
        let found = (0..10).zip(found.passages.iter());
        let found = found.filter(|(_, passage)| right.contains(&passage.chunk.source));
        let gained: f64 = found.map(|(rank, _)| discount(rank)).sum();
        gained / (0..10).zip(right).map(|(rank, _)| discount(rank)).sum::<f64>()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_changes_the_topic_finds_what_it_would_have_found_alone() {
    let (app, _home) = demo().await;
    for (name, every) in [("stackfaq-threads", 7), ("covidfaq", 5)] {
        let Some(set) = Set::load(&app, name).await else {
            println!("skipped: no shared data");
            return;
        };
        let file = prompts::parse("a.md", "---\nname: A\npassages: 10\n---\nBe kind.\n").unwrap();
        let bot =
            file.bot(AgentId::stored("agt_a".into()), None, vec![set.collection.clone()]).unwrap();
        let (mut alone, mut after, mut leaning, mut asked) = (0.0, 0.0, 0, 0);
        for (place, (id, text)) in set.questions.iter().enumerate().step_by(every) {
            // A question from another part of the file, on another subject.
            let (_, before) =
                &set.questions[(place + set.questions.len() / 2) % set.questions.len()];
            let now = seen(&ask(&app, &bot, (&[before], text)).await);
            let gain = set.gain(id, &now);
            let own = set.gain(id, &seen(&ask(&app, &bot, (&[], text)).await));
            if (gain - own).abs() > 0.2 {
                println!("{own:.2} → {gain:.2}  {before} | {text}");
            }
            leaning += usize::from(now.searched.len() > 1);
            (alone, after, asked) = (alone + own, after + gain, asked + 1);
        }
        let percent = |sum: f64| 100.0 * sum / f64::from(asked);
        let (alone, after) = (percent(alone), percent(after));
        println!(
            "{name}: nDCG@10 alone {alone:.2}, after an unrelated question {after:.2}; {leaning} of {asked} were searched with it"
        );
        assert!(after > alone - 0.5, "{name}: {alone:.2} fell to {after:.2}");
    }
}

fn is_rewriting(request: &Value) -> bool {
    request["messages"][0]["content"]
        .as_str()
        .is_some_and(|text| text.starts_with("You prepare a search"))
}

/// Makes the model answer every rewrite request with this JSON and every other prompt with a fixed
/// answer.
fn rewrites_as(app: &TestApp, json: Value) {
    app.model.answer_with(move |request| {
        if is_rewriting(request) { json.to_string() } else { "We close at 13:00 [1].".into() }
    });
}

/// Returns the number of rewrite requests and of all requests to the model.
fn asked(app: &TestApp) -> (usize, usize) {
    let requests = app.model.requests();
    (requests.iter().filter(|request| is_rewriting(request)).count(), requests.len())
}

/// Runs one turn in the sandbox after the customer's earlier messages.
async fn sandbox(app: &TestApp, before: &[&str], text: &str) -> Value {
    let history: Vec<Value> = before
        .iter()
        .flat_map(|said| {
            [
                json!({"speaker": "customer", "text": said}),
                json!({"speaker": "bot", "text": "Yes."}),
            ]
        })
        .collect();
    let body = json!({"agent": "acme", "text": text, "history": history});
    let (status, answer) = app.call("/sandbox/turns", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn how(turn: &Value) -> Vec<String> {
    let searched = turn["trace"]["retrieve"]["searched"].as_array().unwrap();
    searched.iter().map(|one| one["how"].as_str().unwrap().to_owned()).collect()
}

/// Enables query rewriting, which other tests disable because they count the model's calls.
const MAY_ASK: &str = "[retrieve]\nrewrite_ms = 3000";
const HOURS: &str = "When do you close on weekdays?";

#[tokio::test(flavor = "multi_thread")]
async fn a_model_makes_a_follow_up_complete_and_its_words_are_searched_and_never_sent() {
    let app = Setup::on(Db::Sqlite).with(MAY_ASK).start().await;
    rewrites_as(&app, json!({"question": "When do you close on Saturday?"}));
    let turn = sandbox(&app, &[HOURS], "and then?").await;
    assert_eq!(asked(&app), (1, 2));
    assert_eq!(how(&turn), ["asked", "rewritten"]);
    let seen = &turn["trace"]["retrieve"];
    assert_eq!(seen["passages"][0]["chunk"]["source"], "hours.md");
    assert!(seen["rewrite"]["raw"].as_str().unwrap().contains("Saturday"), "a replay has it");
    let (part, all) = (&seen["rewrite"]["usage"], &turn["trace"]["usage"]);
    assert!(part["input_tokens"].as_u64() > Some(0), "{part}");
    assert!(all["input_tokens"].as_u64() > part["input_tokens"].as_u64(), "{all}");
    assert_eq!(turn["bubbles"][0], "We close at 13:00.\n\n📄 _Opening hours_");
    let last = app.model.requests().pop().unwrap();
    assert_eq!(question(&last), "and then?", "the answer is to what the customer wrote");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_question_costs_no_second_call() {
    let app = Setup::on(Db::Sqlite).with(MAY_ASK).start().await;
    rewrites_as(&app, json!({"question": "nonsense"}));
    for (before, text) in [
        (vec![], "and on Sundays?"),
        (vec![HOURS], "Can I return an unused lamp without the receipt?"),
        (vec![HOURS], "thanks!"),
    ] {
        let turn = sandbox(&app, &before, text).await;
        assert_eq!(how(&turn), ["asked"], "{text}");
    }
    assert_eq!(asked(&app).0, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_or_talks_nonsense_leaves_the_rule_and_the_customer_is_answered() {
    let app = Setup::on(Db::Sqlite).with("[retrieve]\nrewrite_ms = 400\n").start().await;
    app.model.answer_with(|request| {
        if is_rewriting(request) { "{}".into() } else { "We close at 13:00 [1].".into() }
    });
    let refused = || app.model.fail_next(1, &Failure::Status(401, json!({}), None));
    let stalled = || app.model.fail_next(1, &Failure::Stall(Duration::from_secs(20)));
    let nothing = || ();
    let troubles: [(&dyn Fn(), &str); 3] =
        [(&nothing, "no question"), (&refused, "api_key"), (&stalled, "no answer within 400 ms")];
    for (trouble, why) in troubles {
        trouble();
        let turn = sandbox(&app, &[HOURS], "and on Saturday?").await;
        assert_eq!(how(&turn), ["asked", "context", "before"], "{why}");
        let seen = &turn["trace"]["retrieve"];
        let told = seen["rewrite"]["error"].as_str().unwrap();
        assert!(told.contains(why), "{told}");
        assert_eq!(seen["passages"][0]["chunk"]["source"], "hours.md");
        assert_eq!(turn["outcome"], "answer", "{turn}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_in_another_language_is_searched_in_the_documents_language_as_well() {
    let hours = "# Opening hours\n\nWe open the shop from Monday to Friday at nine in the morning and we close it at six in the evening.\n\n## Weekend\n\nOn Saturday the shop closes at one in the afternoon, and on Sunday it is closed for the whole day.\n";
    let app =
        Setup::on(Db::Sqlite).with(MAY_ASK).file("knowledge/acme/hours.md", hours).start().await;
    let written = json!({"question": "¿A qué hora cierran los sábados?", "translation": "What time does the shop close on Saturday?"});
    rewrites_as(&app, written);
    let turn = sandbox(&app, &[], "¿A qué hora cierran los sábados?").await;
    assert_eq!(how(&turn), ["asked", "translated"]);
    let seen = &turn["trace"]["retrieve"];
    assert_eq!(seen["language"], "es");
    let first = seen["passages"][0]["chunk"]["body"].as_str().unwrap();
    assert!(first.contains("On Saturday the shop closes"), "{seen}");
    let english = sandbox(&app, &[], "When does the shop close on Saturday?").await;
    assert_eq!(how(&english), ["asked"]);
    assert_eq!(asked(&app), (1, 3));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_can_do_without() {
    let agent = "---\nname: Acme\nknowledge: [acme]\nsearch: { follow_up: false, translate: false }\n---\nBe kind.\n";
    let app = Setup::on(Db::Sqlite).with(MAY_ASK).file("prompts/acme.md", agent).start().await;
    let turn = sandbox(&app, &[HOURS], "and on Saturday?").await;
    assert_eq!(how(&turn), ["asked"]);
    assert_eq!(asked(&app), (0, 1));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_turn_may_cost_nothing_no_model_is_asked_for_other_words() {
    let limits =
        "[llm.prices.\"gpt-4o-mini\"]\ninput = 1000.0\noutput = 1000.0\n[budget]\nturn = 0.00001\n";
    let app = Setup::on(Db::Sqlite).with(&format!("{limits}{MAY_ASK}")).start().await;
    let turn = sandbox(&app, &[HOURS], "and on Saturday?").await;
    assert_eq!(how(&turn), ["asked", "context", "before"], "the rule costs nothing");
    assert_eq!(asked(&app), (0, 0));
    assert!(turn["trace"]["retrieve"]["rewrite"].is_null());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_put_in_other_words_once() {
    let app = Setup::on(Db::Sqlite).with("[worker]\ngap_ms = 300").with(MAY_ASK).start().await;
    rewrites_as(&app, json!({"question": "When do you close on Saturday?"}));
    let customer = "447700910077";
    app.deliver(&text_webhook(MAIN, customer, "wamid.f1", HOURS)).await;
    app.settle().await;
    for (id, text) in [("wamid.f2", "ok"), ("wamid.f3", "and"), ("wamid.f4", "on Saturday?")] {
        app.deliver(&text_webhook(MAIN, customer, id, text)).await;
    }
    app.settle().await;
    assert_eq!(asked(&app).0, 1, "{:?}", app.model.requests());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_has_to_do_with_the_question_no_passage_is_shown_and_no_other_words_are_sought()
 {
    let agent = "---\nname: Acme\n---\nBe kind.\n";
    let app = Setup::on(Db::Sqlite).with(MAY_ASK).file("prompts/acme.md", agent).start().await;
    let turn = sandbox(&app, &[HOURS], "and then?").await;
    assert_eq!(turn["trace"]["retrieve"]["confidence"], 0.0, "{turn}");
    assert_eq!(asked(&app), (0, 1));
    let last = app.model.requests().pop().unwrap();
    assert!(last_message(&last).starts_with("No passage of the business's documents"), "{last}");
    app.stop().await;
}

#[test]
fn each_way_of_making_a_text_has_a_word() {
    let words = [
        SearchOrigin::Asked,
        SearchOrigin::Context,
        SearchOrigin::Before,
        SearchOrigin::Rewritten,
        SearchOrigin::Translated,
    ];
    assert!(words.iter().all(|how| json!(how) == how.as_str()));
}
