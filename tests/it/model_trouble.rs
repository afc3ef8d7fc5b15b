//! Failures of the model, the embeddings and the transcription: the customer always gets one reply,
//! and the trace gives the reason.

use std::time::{Duration, Instant};

use frontdesk_tokens::Vocabulary;
use serde_json::{Value, json};

use crate::support::app::{Db, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::hooks::{Note, text_webhook, voice_webhook};
use crate::support::openai;
use crate::support::process::free_port;

const CUSTOMER: &str = "447700910001";
const QUESTION: &str = "When do you close on Saturday?";
/// A question to which the documents have no answer.
const UNANSWERED: &str = "Do you sell submarines?";
/// The support contact of the agent.
const SUPPORT: &str = "+15550009999";
const FAILURE: &str = "Something broke, please try again.";
const VOICE_FAILURE: &str = "I could not hear that, please write.";
/// A delay longer than any test waits.
const NEVER: Duration = Duration::from_mins(1);

/// The reply to a customer, and its reason.
struct Told {
    bubbles: Vec<String>,
    outcome: String,
    trace: Value,
}

impl Told {
    /// Collects the messages of the only turn. Two replies would need two turns.
    async fn by(app: &TestApp) -> Self {
        app.settle().await;
        let bubbles = got(app, CUSTOMER);
        let thread = app.thread(CUSTOMER).await;
        let turns: Vec<&str> = thread.iter().filter_map(|m| m["turn_id"].as_str()).collect();
        assert!(!turns.is_empty(), "no turn: {thread:?}");
        assert!(turns.iter().all(|turn| *turn == turns[0]), "more than one turn: {thread:?}");
        let mut turn = app.get(&format!("/turns/{}", turns[0])).await;
        let outcome = turn["outcome"].as_str().unwrap().to_owned();
        Self { bubbles, outcome, trace: turn["trace"].take() }
    }

    fn reply(&self) -> &str {
        assert_eq!(self.bubbles.len(), 1, "{:?}", self.bubbles);
        &self.bubbles[0]
    }

    /// Returns a field of the reply's trace as text.
    fn words(&self, of: &str) -> String {
        self.trace["reply"][of].to_string()
    }

    #[track_caller]
    fn is_the_failure_sentence(&self, because: &str) {
        assert_eq!((self.reply(), self.outcome.as_str()), (FAILURE, "failure"));
        let said = format!("{} {}", self.words("errors"), self.words("repairs"));
        assert!(said.contains(because), "the trace does not say `{because}`: {said}");
    }
}

/// Returns what somebody received.
fn got(app: &TestApp, whom: &str) -> Vec<String> {
    let to_him = app.received().into_iter().filter(|(to, _)| to.ends_with(whom));
    to_him.map(|(_, text)| text).collect()
}

async fn says(app: &TestApp, id: &str, text: &str) {
    assert_eq!(app.deliver(&text_webhook(MAIN, CUSTOMER, id, text)).await, 200);
    app.settle().await;
}

async fn ask(app: &TestApp, question: &str) -> Told {
    says(app, "wamid.trouble", question).await;
    Told::by(app).await
}

async fn speak(app: &TestApp) -> Told {
    let note = Note { media_id: "note", bytes: b"spoken" };
    assert_eq!(app.deliver(&voice_webhook(MAIN, CUSTOMER, "wamid.voice", note)).await, 200);
    Told::by(app).await
}

/// Asks a model that gives this answer.
async fn answered(question: &str, words: &str) -> Told {
    let app = TestApp::start().await;
    let words = words.to_owned();
    app.model.answer_with(move |_| words.clone());
    let told = ask(&app, question).await;
    app.stop().await;
    told
}

/// Asks a model that fails `times` times.
async fn failing(question: &str, times: usize, failure: &Failure) -> Told {
    let app = Setup::on(Db::Sqlite).with("[llm]\nattempt_ms = 300\n").start().await;
    app.model.answer_with(|_| "We close at 13:00.".into());
    app.model.fail_next(times, failure);
    let told = ask(&app, question).await;
    app.stop().await;
    told
}

#[tokio::test]
async fn texts_that_no_model_writes_are_in_the_customers_language() {
    let agent = "---\nname: Acme\nknowledge: [acme]\nmin_confidence: 1\nhandoff: { keywords: [humano] }\n---\nBe kind.\n";
    let app = Setup::on(Db::Sqlite).file("prompts/acme.md", agent).start().await;
    let told = [
        ("81", "Do you also sell yellow submarines?", "I do not find that in our information"),
        (
            "82",
            "Hola, ¿ustedes también venden submarinos amarillos?",
            "No encuentro eso en nuestra",
        ),
        ("82", "Entonces quiero hablar con un humano, por favor", "Le paso con un compañero"),
        ("83", "Olá, vocês não têm também submarinos amarelos?", "Não encontro isso nas nossas"),
        ("84", "هل تبيعون غواصات صفراء للأطفال؟", "لا أجد ذلك في معلوماتنا"),
    ];
    for (place, (customer, text, told)) in told.into_iter().enumerate() {
        let (from, id) = (format!("4477009100{customer}"), format!("wamid.{place}"));
        assert_eq!(app.deliver(&text_webhook(MAIN, &from, &id, text)).await, 200);
        app.settle().await;
        let sent = app.received().into_iter().rfind(|(to, _)| to.ends_with(&from));
        assert!(sent.as_ref().is_some_and(|(_, said)| said.starts_with(told)), "{text}: {sent:?}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_never_answers_costs_the_customer_only_the_time_out() {
    let app =
        Setup::on(Db::Sqlite).with("[llm]\nattempt_ms = 300\ntimeout_ms = 1200\n").start().await;
    app.model.fail_next(9, &Failure::Stall(NEVER));
    let started = Instant::now();
    let told = ask(&app, UNANSWERED).await;
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    told.is_the_failure_sentence("no answer within 300 ms");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_busy_is_asked_again_when_it_says() {
    let busy = json!({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}});
    let started = Instant::now();
    let told = failing(QUESTION, 1, &Failure::Status(429, busy, Some(1))).await;
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!((told.reply(), told.outcome.as_str()), ("We close at 13:00.", "answer"));
    assert!(told.words("errors").contains("429"), "{}", told.words("errors"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_always_breaks_is_given_up() {
    let broken = Failure::Status(500, json!({"error": "oops"}), None);
    let told = failing(UNANSWERED, 99, &broken).await;
    told.is_the_failure_sentence("500");
    assert_eq!(told.trace["reply"]["errors"].as_array().unwrap().len(), 2, "one retry is set");
}

/// Returns a failure that is not retried.
fn refusal() -> Failure {
    Failure::Status(400, json!({"error": {"message": "Unknown parameter"}}), None)
}

on_both! {
    async fn a_model_that_fails_calls_a_person_once_and_the_bot_answers_what_is_asked_later(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "We close at 13:00.".into());
        app.model.fail_next(2, &refusal());
        let cases = async || app.get("/escalations?open=true").await["items"].as_array().unwrap().clone();
        for n in 1..=2 {
            says(&app, &format!("wamid.{n}"), UNANSWERED).await;
            assert_eq!(got(&app, CUSTOMER), vec![FAILURE; n]);
            let open = cases().await;
            assert_eq!(open.len(), 1, "{n}: {open:?}");
            assert_eq!(open[0]["question"], UNANSWERED);
            assert!(open[0]["reason"].as_str().unwrap().contains("the bot failed"), "{open:?}");
            assert!(open[0]["turn_id"].is_string(), "the trace says why: {open:?}");
            let told = got(&app, SUPPORT);
            assert_eq!(told.len(), 1, "{n}: {told:?}");
            assert!(told[0].contains(UNANSWERED), "{told:?}");
        }
        assert_eq!(app.conversation_with(CUSTOMER).await["owner"], "bot");
        says(&app, "wamid.3", QUESTION).await;
        assert_eq!(got(&app, CUSTOMER)[2], "We close at 13:00.");
        assert_eq!(cases().await.len(), 1, "a person still sees to it");
        app.stop().await;
    }

    async fn while_the_model_fails_the_documents_answer_where_they_can(db) {
        let app = Setup::on(db).start().await;
        app.model.fail_next(99, &refusal());
        let told = ask(&app, "On Saturday, we close at what time?").await;
        assert!(told.reply().contains("13:00"), "{}", told.reply());
        assert_eq!((told.outcome.as_str(), told.words("model")), ("answer", "\"extractive\"".into()));
        assert!(told.words("errors").contains("400"), "{}", told.trace);
        assert!(told.words("stand_in").contains("the model failed"), "{}", told.trace);
        assert!(got(&app, SUPPORT).is_empty(), "the customer was answered");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_the_place_of_an_answer_is_no_answer() {
    let page = "<html><body><h1>502 Bad Gateway</h1>nginx</body></html>";
    let told = failing(UNANSWERED, 99, &Failure::Status(502, page.into(), None)).await;
    told.is_the_failure_sentence("502");
    let told = failing(UNANSWERED, 99, &Failure::Status(200, page.into(), None)).await;
    told.is_the_failure_sentence("is not JSON: check base_url");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_tried_again() {
    let told = failing(QUESTION, 1, &Failure::AcceptThenDrop).await;
    assert_eq!(told.outcome, "answer");
    assert!(told.words("errors").contains("connection broke"), "{}", told.words("errors"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_there_is_named() {
    let gone = format!("[llm]\nbase_url = \"http://127.0.0.1:{}/v1\"\n", free_port());
    let app = Setup::on(Db::Sqlite).with(&gone).start().await;
    ask(&app, UNANSWERED).await.is_the_failure_sentence("cannot connect: check base_url");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_not_asked_again_and_not_shown() {
    let app = TestApp::start().await;
    app.model.require_key("another");
    let told = ask(&app, UNANSWERED).await;
    told.is_the_failure_sentence("check api_key");
    assert!(!told.trace.to_string().contains("sk-test"), "the key is in the trace");
    assert_eq!(app.model.requests().len(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_nothing_for_the_customer_is_a_failure_and_not_silence() {
    for (words, because) in [
        ("", "an empty answer"),
        ("   \n ", "an empty answer"),
        ("<think>They want our hours, which I do not know.</think>", "held nothing"),
        ("{\"intent\": \"hours\", \"confidence\": 0.7}", "JSON"),
        (
            "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nValueError: x",
            "it was a stack trace",
        ),
        ("[9]", "[9]"),
    ] {
        answered(UNANSWERED, words).await.is_the_failure_sentence(because);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_meant_for_the_customer_is_taken_out_and_the_rest_is_sent() {
    let good = "We close at 13:00.\n\n📄 _Opening hours_";
    for (words, repaired) in [
        ("<think>Saturday, passage one.</think>We close at 13:00 [1].", true),
        ("{\"answer\": \"We close at 13:00 [1].\", \"confidence\": 0.9}", true),
        ("```json\n{\"reply\": \"We close at 13:00 [1].\"}\n```", true),
        ("We close at 13:00 [1][9].", true),
        ("We close at 13:00 [1].", false),
    ] {
        let told = answered(QUESTION, words).await;
        assert_eq!((told.reply(), told.outcome.as_str()), (good, "answer"), "{words}");
        let repairs = told.trace["reply"]["repairs"].as_array().unwrap().clone();
        assert_eq!(!repairs.is_empty(), repaired, "{words}: {repairs:?}");
        assert_eq!(told.trace["reply"]["raw"], words, "the trace keeps what the model wrote");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citation_of_what_was_not_retrieved_names_no_document() {
    let told = answered(QUESTION, "We close at 13:00 [9].").await;
    assert_eq!(told.reply(), "We close at 13:00.");
    assert!(told.words("repairs").contains("[9], which was not retrieved"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_fifty_thousand_characters_becomes_a_few_messages() {
    let long = "We close at 13:00, 👍 on every Saturday. ".repeat(1250);
    let told = answered(QUESTION, &long).await;
    assert_eq!(told.outcome, "answer");
    assert!((2..=5).contains(&told.bubbles.len()), "{} messages", told.bubbles.len());
    for bubble in &told.bubbles {
        let units = bubble.encode_utf16().count();
        assert!(units <= 4096, "a message of {units} units");
    }
    assert!(told.words("repairs").contains("shortened from"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fallback_model_answers_when_the_first_does_not() {
    let app = Setup::on(Db::Sqlite).with("[llm]\nfallback_model = \"backup\"\n").start().await;
    app.model.answer_with(|request| format!("From {}.", request["model"].as_str().unwrap()));
    app.model.fail_next(2, &Failure::Status(503, json!({}), None));
    let told = ask(&app, QUESTION).await;
    assert_eq!((told.reply(), &told.trace["reply"]["model"]), ("From backup.", &json!("backup")));
    let errors = told.trace["reply"]["errors"].as_array().unwrap().clone();
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().all(|error| error.as_str().unwrap().starts_with("gpt-4o-mini: 503")));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_embeddings_words_alone_find_the_passage() {
    let app = TestApp::start().await;
    app.model.fail_next_at("/v1/embeddings", 2, &Failure::Status(500, json!({}), None));
    let told = ask(&app, QUESTION).await;
    assert_eq!(told.outcome, "answer");
    let retrieve = &told.trace["retrieve"];
    assert_eq!(retrieve["embedder"], Value::Null);
    assert!(retrieve["error"].as_str().unwrap().contains("500"), "{}", retrieve["error"]);
    assert_eq!(retrieve["passages"][0]["chunk"]["source"], "hours.md");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_note_that_cannot_be_transcribed_gets_the_agents_sentence() {
    let app = Setup::on(Db::Sqlite).with("[speech]\nretries = 0\n").start().await;
    app.whatsapp.put_media("note", b"spoken", "audio/ogg");
    let broken = Failure::Status(500, json!({}), None);
    app.model.fail_next_at("/v1/audio/transcriptions", 9, &broken);
    let told = speak(&app).await;
    assert_eq!((told.reply(), told.outcome.as_str()), (VOICE_FAILURE, "voice_failure"));
    let why = told.trace["transcribe"]["notes"][0]["error"].as_str().unwrap();
    assert!(why.contains("500"), "{why}");
    assert_eq!(app.model.chat_count(), 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_note_that_says_nothing_gets_the_agents_sentence() {
    let app = TestApp::start().await;
    app.whatsapp.put_media("note", b"spoken", "audio/ogg");
    app.model.put_transcript(b"spoken", "  ", "english");
    let told = speak(&app).await;
    assert_eq!(told.reply(), VOICE_FAILURE);
    assert_eq!(told.trace["transcribe"]["notes"][0]["error"], "nothing was said");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_note_that_cannot_be_fetched_gets_the_agents_sentence() {
    let app = TestApp::start().await;
    let told = speak(&app).await;
    assert_eq!((told.reply(), told.outcome.as_str()), (VOICE_FAILURE, "voice_failure"));
    let why = told.trace["transcribe"]["notes"][0]["error"].as_str().unwrap();
    assert!(why.contains("does not exist"), "{why}");
    app.stop().await;

    let app = TestApp::start().await;
    app.whatsapp.put_media("note", b"spoken", "audio/ogg");
    app.whatsapp.fail_next_media(99, &Failure::Status(500, json!("<html>oops</html>"), None));
    let told = speak(&app).await;
    assert_eq!(told.reply(), VOICE_FAILURE);
    let why = told.trace["transcribe"]["notes"][0]["error"].as_str().unwrap();
    assert!(!why.is_empty() && !why.contains("/media/"), "the address of a file is a key: {why}");
    app.stop().await;
}

/// Counts the tokens of a chat's messages as OpenAI does.
fn tokens(request: &Value) -> u64 {
    let vocabulary = Vocabulary::of(request["model"].as_str().unwrap());
    let messages = request["messages"].as_array().unwrap();
    let content = |message: &Value| vocabulary.count(message["content"].as_str().unwrap());
    messages.iter().map(|message| u64::from(content(message)) + 4).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_conversation_fits_into_a_small_window_and_the_question_stays_whole() {
    const WINDOW: u64 = 2000;
    let app = Setup::on(Db::Sqlite).with(&format!("[llm]\nwindow = {WINDOW}\n")).start().await;
    let story = "My lamp flickers whenever the kettle is on, and it never did before. ".repeat(12);
    app.model.answer_with(move |_| "Please bring it to the shop, we look at it. ".repeat(15));
    for turn in 0..6 {
        let (id, text) = (format!("wamid.{turn}"), format!("Part {turn}. {story}"));
        app.deliver(&text_webhook(MAIN, CUSTOMER, &id, &text)).await;
        app.settle().await;
    }
    let question = format!("{story} Now at last: {QUESTION}");
    app.deliver(&text_webhook(MAIN, CUSTOMER, "wamid.last", &question)).await;
    app.settle().await;

    let requests = app.model.requests();
    assert_eq!(requests.len(), 7);
    for request in &requests {
        let (used, answer) = (tokens(request), request["max_tokens"].as_u64().unwrap());
        assert!(used + answer <= WINDOW, "{used} + {answer} tokens");
    }
    let messages = requests[6]["messages"].as_array().unwrap();
    assert_eq!(openai::question(&requests[6]), question);
    assert_eq!(messages[0]["role"], "system");
    assert!(openai::last_message(&requests[6]).contains("On Saturday we close at 13:00"));
    assert!(messages.len() > 2, "some of the history has room");
    let last = app.thread(CUSTOMER).await.pop().unwrap();
    let turn = app.get(&format!("/turns/{}", last["turn_id"].as_str().unwrap())).await;
    let composed = &turn["trace"]["prompt"];
    assert!(composed["dropped_history"].as_u64().unwrap() > 0, "{composed}");
    assert!(composed["tokens"].as_u64() <= composed["budget"].as_u64(), "{composed}");
    app.stop().await;
}
