//! Several real processes on one Postgres: each question is answered once and in order, whichever
//! replica receives it and whatever happens to the replica that answers it, or to the database.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use frontdesk::store::replicas::HoldName;
use frontdesk::store::{Settings, Store};
use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::support::app::{Db, KEY, MAIN, SECRET, Setup, write_home_files};
use crate::support::graph::Graph;
use crate::support::hooks::{message_webhook, sign, text_webhook};
use crate::support::openai::{OpenAi, question};
use crate::support::postgres::Postgres;
use crate::support::process::Process;

/// Time limit for replicas to finish their work.
const TIMEOUT: Duration = Duration::from_secs(40);
/// How long to wait for a duplicate reply.
const A_WHILE: Duration = Duration::from_secs(3);
const FOR_EVER: Duration = Duration::from_mins(10);
const CUSTOMER: &str = "447700950001";

/// What replicas share: configuration, database, and fake services.
struct Place {
    home: TempDir,
    whatsapp: Graph,
    model: OpenAi,
    http: reqwest::Client,
}

impl Place {
    /// `worker` are lines for the section of that name.
    async fn new(url: &str, worker: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_home_files(home.path());
        let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
        model.answer_with(|request| format!("We close at 18:00, {} [1].", asked(request)));
        let settings = Setup::on(Db::Postgres).settings(home.path(), url, &whatsapp, &model);
        let settings = settings.replace("[worker]\n", &format!("[worker]\n{worker}\n"));
        let settings = settings.replace("timeout_ms = 4000", "timeout_ms = 600000");
        std::fs::write(home.path().join("desk.toml"), settings).unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        Self { home, whatsapp, model, http: reqwest::Client::new() }
    }

    async fn shared(worker: &str) -> Option<Self> {
        let url = Postgres::shared()?.database().await;
        Some(Self::new(&url, worker).await)
    }

    async fn start(&self) -> Process {
        Process::start(self.home.path()).await
    }

    /// Delivers a question. Returns the status, if there is a response.
    async fn deliver(&self, to: &Process, customer: &str, question: usize) -> Option<StatusCode> {
        let mark = mark(customer, question);
        let words = format!("When do you close on weekdays? {mark}");
        let body = text_webhook(MAIN, customer, &format!("wamid.{mark}"), &words);
        let signature = sign(SECRET, &body);
        let request = self.http.post(format!("{}/webhooks/meta", to.url));
        let request = request.header("x-hub-signature-256", signature).body(body);
        request.send().await.ok().map(|response| response.status())
    }

    /// Delivers a question until it is acknowledged, as Meta does. Returns how often the desk was
    /// unavailable.
    async fn deliver_until_taken(&self, to: &[Process], customer: &str, question: usize) -> usize {
        let (started, mut refused) = (Instant::now(), 0);
        loop {
            match self.deliver(&to[any(to.len())], customer, question).await {
                Some(StatusCode::OK) => return refused,
                Some(StatusCode::SERVICE_UNAVAILABLE) => refused += 1,
                other => panic!("a webhook was answered with {other:?}"),
            }
            assert!(started.elapsed() < TIMEOUT, "the desk does not take in messages again");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Delivers a question that must be accepted, and waits until the model is asked.
    async fn ask(&self, to: &Process, question: usize) {
        let before = self.model.chat_count();
        assert_eq!(self.deliver(to, CUSTOMER, question).await, Some(StatusCode::OK));
        let started = Instant::now();
        while self.model.chat_count() == before {
            assert!(started.elapsed() < TIMEOUT, "no model was asked");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Returns the marks of the answered questions by customer, in the order of the answers.
    fn answered(&self) -> BTreeMap<String, Vec<String>> {
        let mut answered = BTreeMap::<String, Vec<String>>::new();
        for sent in self.whatsapp.sent() {
            let customer = sent.to.trim_start_matches('+').to_owned();
            answered.entry(customer).or_default().extend(marks(&sent.text));
        }
        answered
    }

    /// Returns our messages in all conversations, from the database.
    async fn outgoing(&self, from: &Process) -> Vec<Value> {
        let mut all = Vec::new();
        for conversation in items(&self.get(from, "/conversations?limit=200").await) {
            let id = conversation["id"].as_str().unwrap();
            let messages = self.get(from, &format!("/conversations/{id}/messages?limit=200")).await;
            all.extend(items(&messages).into_iter().filter(|one| one["direction"] == "out"));
        }
        all
    }

    async fn get(&self, from: &Process, path: &str) -> Value {
        let request = self.http.get(format!("{}/api/v1{path}", from.url)).bearer_auth(KEY);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Waits until this many messages of ours are in a state.
    async fn wait_for(&self, from: &Process, (count, state): (usize, &str)) {
        let started = Instant::now();
        loop {
            let all = self.outgoing(from).await;
            if all.iter().filter(|one| one["state"] == state).count() == count {
                return;
            }
            assert!(started.elapsed() < TIMEOUT, "not {count} {state}: {all:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for the first message that WhatsApp accepts. Returns the time.
    async fn first_reply(&self) -> Duration {
        let started = Instant::now();
        assert!(self.whatsapp.wait_sent(1, TIMEOUT).await, "the customer was not answered");
        started.elapsed()
    }

    /// Asserts that WhatsApp accepted exactly one message, now and a while later, and that the desk
    /// has only one.
    async fn assert_answered_once(&self, by: &Process) {
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(self.whatsapp.sent_count(), 1, "{:?}", self.whatsapp.sent());
        assert_eq!(self.outgoing(by).await.len(), 1);
    }
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap_or_else(|| panic!("{page}")).clone()
}

/// Returns a word that is unique to a question.
fn mark(customer: &str, question: usize) -> String {
    format!("Q{customer}x{question}")
}

fn marks(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.starts_with("Q4477")).map(str::to_owned).collect()
}

/// Returns the marks of the questions in a request to the model.
fn asked(request: &Value) -> String {
    marks(question(request)).join(" ")
}

/// Returns a random index.
fn any(count: usize) -> usize {
    usize::try_from(getrandom::u64().unwrap() % count as u64).unwrap()
}

const SOON: &str = "lease_ms = 1500\nsend_lease_ms = 3000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_answer_every_question_once_and_in_order() {
    let Some(place) = Place::shared("").await else { return };
    place.model.delay(Duration::from_millis(20));
    let replicas = [place.start().await, place.start().await, place.start().await];
    let customers: Vec<_> = (0..50).map(|n| format!("4477009510{n:02}")).collect();
    join_all(customers.iter().map(async |customer| {
        for question in 0..4 {
            place.deliver_until_taken(&replicas, customer, question).await;
            tokio::time::sleep(Duration::from_millis(any(150) as u64)).await;
        }
    }))
    .await;
    let whole = |marks: &Vec<String>| marks.len() >= 4;
    let started = Instant::now();
    while place.answered().values().filter(|marks| whole(marks)).count() < customers.len() {
        assert!(started.elapsed() < TIMEOUT, "{:?}", place.answered());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(A_WHILE).await;
    for (customer, answered) in place.answered() {
        let expected: Vec<_> = (0..4).map(|question| mark(&customer, question)).collect();
        assert_eq!(answered, expected);
    }
    for replica in replicas {
        assert!(replica.stop().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replicas_turn_is_run_by_another_when_its_lease_ends_and_not_before() {
    let Some(place) = Place::shared(SOON).await else { return };
    place.model.delay(FOR_EVER);
    let first = place.start().await;
    place.ask(&first, 0).await;
    let second = place.start().await;
    place.model.delay(Duration::ZERO);
    // Longer than a lease: its holder renews it while alive.
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(place.model.chat_count(), 1, "a turn under way was taken from its holder");
    first.kill().await;
    let waited = place.first_reply().await;
    // The lease was renewed every 500 ms.
    assert!(waited > Duration::from_millis(900), "another replica answered after {waited:?}");
    println!("another replica answered {waited:?} after the kill");
    assert!(waited < Duration::from_secs(10), "another replica answered after {waited:?}");
    place.assert_answered_once(&second).await;
    assert!(second.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_frozen_past_its_lease_commits_nothing() {
    let Some(place) = Place::shared(SOON).await else { return };
    place.model.delay(Duration::from_secs(8));
    let first = place.start().await;
    place.ask(&first, 0).await;
    let asked_at = Instant::now();
    first.freeze().await;
    place.model.delay(Duration::ZERO);
    let second = place.start().await;
    place.first_reply().await;
    // The frozen replica finds its model's answer when it resumes.
    tokio::time::sleep(Duration::from_secs(9).saturating_sub(asked_at.elapsed())).await;
    assert_eq!(place.model.chat_count(), 2);
    first.thaw().await;
    place.assert_answered_once(&second).await;
    // It continues to work as a full replica.
    place.ask(&first, 1).await;
    assert!(place.whatsapp.wait_sent(2, TIMEOUT).await);
    assert!(first.stop().await && second.stop().await);
    let marks = [mark(CUSTOMER, 0), mark(CUSTOMER, 1)];
    assert_eq!(place.answered()[CUSTOMER], marks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_frozen_replica_was_sending_is_not_sent_by_another() {
    let Some(place) = Place::shared(SOON).await else { return };
    let first = place.start().await;
    place.whatsapp.delay_response(Duration::from_millis(500));
    place.ask(&first, 0).await;
    place.first_reply().await;
    first.freeze().await;
    let second = place.start().await;
    place.wait_for(&second, (1, "unknown")).await;
    first.thaw().await;
    // Its late record settles the message.
    place.wait_for(&second, (1, "sent")).await;
    place.assert_answered_once(&second).await;
    assert!(first.stop().await && second.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_replica_hands_its_turn_over_at_once() {
    let worker = "grace_ms = 300\nlease_ms = 60000";
    let Some(place) = Place::shared(worker).await else { return };
    place.model.delay(FOR_EVER);
    let first = place.start().await;
    place.ask(&first, 0).await;
    let second = place.start().await;
    place.model.delay(Duration::ZERO);
    let told = Instant::now();
    let (stopped, _) = tokio::join!(first.stop(), place.first_reply());
    assert!(stopped);
    println!("another replica answered {:?} after SIGTERM", told.elapsed());
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    place.assert_answered_once(&second).await;
    assert!(second.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_the_next_start_runs_the_turn_that_was_handed_over() {
    let place = Place::new("", "grace_ms = 300\nlease_ms = 60000").await;
    place.model.delay(FOR_EVER);
    let first = place.start().await;
    place.ask(&first, 0).await;
    let told = Instant::now();
    assert!(first.stop().await);
    assert!(told.elapsed() < Duration::from_secs(10), "it stopped after {:?}", told.elapsed());
    assert_eq!(place.whatsapp.sent_count(), 0);
    place.model.delay(Duration::ZERO);
    let next = place.start().await;
    place.first_reply().await;
    place.assert_answered_once(&next).await;
    assert!(next.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_at_another_replica_is_answered_together_with_the_one_a_model_is_answering() {
    let Some(place) = Place::shared("").await else { return };
    place.model.delay(FOR_EVER);
    let first = place.start().await;
    place.ask(&first, 0).await;
    let second = place.start().await;
    place.model.delay(Duration::ZERO);
    let told = Instant::now();
    place.ask(&second, 1).await;
    place.first_reply().await;
    println!("both were answered {:?} after the second", told.elapsed());
    place.assert_answered_once(&second).await;
    assert_eq!(place.answered()[CUSTOMER], [mark(CUSTOMER, 0), mark(CUSTOMER, 1)]);
    assert_eq!(place.model.chat_count(), 2);
    assert!(first.stop().await && second.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_or_a_deletion_at_another_replica_ends_the_turn_that_read_the_old_words() {
    let Some(place) = Place::shared("").await else { return };
    let (first, second) = (place.start().await, place.start().await);
    let change = async |id: &str, content: &Value| {
        let body = message_webhook(MAIN, CUSTOMER, id, content);
        let request = place.http.post(format!("{}/webhooks/meta", second.url));
        let request = request.header("x-hub-signature-256", sign(SECRET, &body)).body(body);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    };
    let original = |question: usize| format!("wamid.{}", mark(CUSTOMER, question));
    place.model.hold();
    place.ask(&first, 0).await;
    let words = format!("When do you open? {}", mark(CUSTOMER, 1));
    let new = json!({"type": "text", "text": {"body": words}});
    let edit = json!({"original_message_id": original(0), "message": new});
    change("wamid.e", &json!({"type": "edit", "edit": edit})).await;
    place.model.release();
    place.first_reply().await;
    place.assert_answered_once(&second).await;
    assert_eq!(place.answered()[CUSTOMER], [mark(CUSTOMER, 1)], "not the old words");
    place.model.hold();
    place.ask(&first, 2).await;
    let revoked = json!({"original_message_id": original(2)});
    change("wamid.r", &json!({"type": "revoke", "revoke": revoked})).await;
    place.model.release();
    place.assert_answered_once(&second).await;
    assert!(first.stop().await && second.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_one_replica_is_told_live_by_the_others() {
    let Some(place) = Place::shared("").await else { return };
    let (one, other) = (place.start().await, place.start().await);
    let live = place.http.get(format!("{}/api/v1/live", other.url)).bearer_auth(KEY);
    let mut live = live.send().await.unwrap();
    assert_eq!(live.status(), StatusCode::OK);
    assert_eq!(place.deliver(&one, CUSTOMER, 1).await, Some(StatusCode::OK));
    // The message is stored, answered and sent: a client that reads upon each event sees the last
    // state.
    let (mut told, mut seen) = (String::new(), 0);
    let id = loop {
        let piece = tokio::time::timeout(TIMEOUT, live.chunk()).await.expect("nothing is told");
        told.push_str(&String::from_utf8_lossy(&piece.unwrap().expect("the stream goes on")));
        let events = told.matches("event: conversation").count();
        if std::mem::replace(&mut seen, events) == events {
            continue;
        }
        let conversations = items(&place.get(&other, "/conversations").await);
        let id = conversations[0]["id"].as_str().unwrap().to_owned();
        let path = format!("/conversations/{id}/messages");
        if items(&place.get(&other, &path).await).iter().any(|one| one["state"] == "sent") {
            break id;
        }
    };
    assert!(told.contains(&format!("data: {{\"id\":\"{id}\"}}")), "{told}");
    let unasked = place.http.get(format!("{}/api/v1/live", other.url)).send().await.unwrap();
    assert_eq!(unasked.status(), StatusCode::UNAUTHORIZED);
    // An open stream does not keep a desk from stopping.
    assert!(one.stop().await && other.stop().await);
    drop(live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_postgres_crashes_under_load_nothing_is_lost_or_said_twice_and_the_desk_goes_on() {
    let Some(postgres) = Postgres::durable() else { return };
    let place = Place::new(&postgres.database().await, SOON).await;
    place.model.delay(Duration::from_millis(100));
    place.whatsapp.delay(Duration::from_millis(30));
    let replicas = [place.start().await, place.start().await];
    let customers: Vec<_> = (0..20).map(|n| format!("4477009520{n:02}")).collect();
    let load = join_all(customers.iter().map(async |customer| {
        let mut refused = 0;
        for question in 0..6 {
            refused += place.deliver_until_taken(&replicas, customer, question).await;
            tokio::time::sleep(Duration::from_millis(400 + any(400) as u64)).await;
        }
        refused
    }));
    let crashes = async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(1200)).await;
            postgres.restart().await;
        }
    };
    let (refused, ()) = tokio::join!(load, crashes);
    let refused: usize = refused.into_iter().sum();
    println!("{refused} webhooks were refused meanwhile");
    assert!(refused > 0, "the crash met no load");

    let outgoing = place.all_settled(&replicas[0], &customers).await;
    let mut answered = place.answered();
    let mut unknown = HashSet::new();
    for message in outgoing.iter().filter(|one| one["state"] == "unknown") {
        unknown.extend(marks(message["text"].as_str().unwrap_or_else(|| panic!("{message}"))));
    }
    println!("of {} answers nobody knows whether they went out", unknown.len());
    for customer in &customers {
        let got = answered.remove(customer).unwrap_or_default();
        let all = (0..6).map(|question| mark(customer, question));
        let expected: Vec<_> =
            all.filter(|one| got.contains(one) || !unknown.contains(one)).collect();
        assert_eq!(got, expected, "{customer} misses an answer, or has one twice");
    }
    for replica in replicas {
        assert!(replica.stop().await);
    }
}

impl Place {
    /// Waits until every question is answered and every answer is settled. Returns our messages.
    async fn all_settled(&self, from: &Process, customers: &[String]) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let all = self.outgoing(from).await;
            let open =
                all.iter().any(|one| ["queued", "sending"].iter().any(|s| one["state"] == *s));
            let text = |one: &Value| marks(one["text"].as_str().unwrap_or_default()).len();
            let written: usize = all.iter().map(text).sum();
            if !open && written >= customers.len() * 6 {
                tokio::time::sleep(A_WHILE).await;
                return self.outgoing(from).await;
            }
            assert!(started.elapsed() < TIMEOUT, "unfinished, {written}: {all:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_at_a_time_holds_a_schedule() {
    let Some(postgres) = Postgres::shared() else { return };
    let home = tempfile::tempdir().unwrap();
    let (url, path) = (postgres.database().await.into(), home.path().join("unused.db"));
    let settings = Settings { url, path, connections: 4, wait_ms: 20_000 };
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(Store::open(&settings).await.unwrap());
    }
    let hold = async |lease_ms: i64| -> Vec<usize> {
        let all = join_all(stores.iter().map(|store| store.hold(HoldName::Gaps, lease_ms))).await;
        let held = all.into_iter().enumerate();
        held.filter_map(|(n, held)| held.unwrap().then_some(n)).collect()
    };
    let holder = hold(60_000).await;
    assert_eq!(holder.len(), 1, "who holds it: {holder:?}");
    for _ in 0..20 {
        assert_eq!(hold(60_000).await, holder, "it was taken from its holder");
    }
    let others = (0..3).filter(|n| *n != holder[0]).collect::<Vec<_>>();
    assert!(
        stores[others[0]].hold(HoldName::Housekeeping, 60_000).await.unwrap(),
        "another one is free"
    );
    stores[others[0]].leave().await.unwrap();
    assert_eq!(hold(60_000).await, holder, "who goes leaves what another holds");
    stores[holder[0]].leave().await.unwrap();
    assert!(stores[others[1]].hold(HoldName::Gaps, 60_000).await.unwrap(), "it is free at once");
    assert!(!stores[others[0]].hold(HoldName::Gaps, 60_000).await.unwrap());
    // The hold of a dead process expires.
    assert!(stores[others[1]].hold(HoldName::Gaps, -1000).await.unwrap());
    assert!(stores[others[0]].hold(HoldName::Gaps, 60_000).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_with_different_prompt_files_do_not_take_turns_with_their_versions() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    let (one, other) = (Place::new(&url, "").await, Place::new(&url, "").await);
    let file = |place: &Place| place.home.path().join("prompts/acme.md");
    let first = std::fs::read_to_string(file(&one)).unwrap();
    std::fs::write(file(&other), format!("{first}Be brief.\n")).unwrap();
    let live = async |place: &Place, version: i64| {
        let process = place.start().await;
        let agent = place.get(&process, "/agents/acme").await;
        assert_eq!(agent["version"], version, "{agent}");
        assert!(process.stop().await);
    };
    live(&one, 1).await;
    live(&other, 2).await;
    live(&one, 2).await;
    live(&other, 2).await;
    let log = std::fs::read_to_string(one.home.path().join("desk.log")).unwrap();
    assert!(log.contains("version 1, and version 2 answers"), "{log}");
    // A changed file is a new version, wherever it is.
    std::fs::write(file(&one), format!("{first}Be kind.\n")).unwrap();
    live(&one, 3).await;
    live(&other, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_an_admin_key_that_is_encrypted_in_the_database() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    let (one, other) = (Place::new(&url, "").await, Place::new(&url, "").await);
    let secrets = format!("[secrets]\nkey = \"{}\"\n", "ab".repeat(32));
    for place in [&one, &other] {
        let config = place.home.path().join("desk.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace(&format!("admin_key = \"{KEY}\"\n"), "");
        std::fs::write(config, format!("{secrets}{text}")).unwrap();
    }
    // As an earlier version left it.
    std::fs::write(other.home.path().join("admin.key"), "fd_of-the-other-replica-alone").unwrap();
    let (first, second) = (one.start().await, other.start().await);
    let key = |place: &Place| {
        std::fs::read_to_string(place.home.path().join("admin.key")).unwrap().trim().to_owned()
    };
    assert_eq!(key(&one), key(&other));
    for process in [&first, &second] {
        let request = one.http.get(format!("{}/api/v1/agents", process.url));
        let response = request.bearer_auth(key(&one)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    let mut database = PgConnection::connect(&url).await.unwrap();
    let sealed: String =
        sqlx::query_scalar("select sealed from admin_keys").fetch_one(&mut database).await.unwrap();
    assert!(!sealed.contains(&key(&one)), "the key is readable in the database");
    assert!(first.stop().await && second.stop().await);
}
