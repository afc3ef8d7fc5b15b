//! Conversations that the business begins, and campaigns: who agreed is written to once, at the pace,
//! whatever ends the process or stops the campaign; who opted out never is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use frontdesk::domain::time::now_ms;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::charges::priced;
use crate::delivery::{owner, says, until};
use crate::support::app::{Db, KEY, SECRET, Setup, TestApp, on_both, write_home_files};
use crate::support::fake::Failure;
use crate::support::graph::{Graph, SentMessage};
use crate::support::hooks::sign;
use crate::support::openai::OpenAi;
use crate::support::postgres::Postgres;
use crate::support::process::{Process, run, says as prints};

const CUSTOMER: &str = "447700980201";
const ACCOUNT: &str = "102290129340398";

fn templates() -> Value {
    json!([
        {"id": "1", "name": "ready", "language": "en_US", "status": "APPROVED", "category": "UTILITY",
            "components": [{"type": "BODY", "text": "Dear {{1}}, order {{2}} is ready."}]},
        {"id": "2", "name": "hello", "language": "en", "status": "APPROVED", "category": "MARKETING",
            "components": [{"type": "BODY", "text": "Hello from Acme"}]},
    ])
}

/// A desk whose number knows its templates. Returns the number's id.
async fn desk(setup: Setup) -> (TestApp, String) {
    let app = setup.start().await;
    app.whatsapp.set_templates(ACCOUNT, &templates());
    says(&app, "447700980200", "first", "When do you open?").await;
    app.settle().await;
    let numbers = app.get("/numbers").await;
    let main = numbers.as_array().unwrap().iter().find(|one| one["slug"] == "main").unwrap();
    let id = main["id"].as_str().unwrap().to_owned();
    let (status, read) = app.call(&format!("/numbers/{id}/templates/sync"), &json!({})).await;
    assert_eq!(status, 200, "{read}");
    (app, id)
}

async fn starts(app: &TestApp, key: &str, body: &Value) -> (u16, Value) {
    posts(app, "/conversations", key, body).await
}

async fn posts(app: &TestApp, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let request = app.http.post(format!("{}/api/v1{path}", app.url)).bearer_auth(KEY);
    let response = request.header("idempotency-key", key).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

fn hello(number: &str) -> Value {
    json!({"number_id": number, "phone": format!("+{CUSTOMER}"), "name": "Ana", "template": {"name": "hello", "language": "en"}})
}

/// A campaign of the template `ready`. Returns its path.
async fn campaign(app: &TestApp, number: &str, pace: Option<i64>) -> String {
    let values = json!([{"part": "body", "name": "1", "value": "{{name}}"}, {"part": "body", "name": "2", "value": "{{Order}}"}]);
    let request = json!({"name": "Ready", "number_id": number, "opt_in": "Order form", "pace": pace,
        "template": {"name": "ready", "language": "en_US", "values": values}});
    let (status, made) = app.call("/campaigns", &request).await;
    assert_eq!((status.as_u16(), &made["state"]), (201, &json!("draft")), "{made}");
    format!("/campaigns/{}", made["id"].as_str().unwrap())
}

fn phone(n: usize) -> String {
    format!("44770091{n:04}")
}

fn list(range: std::ops::Range<usize>) -> String {
    let row = |n: usize| format!("+{},Customer {n},A-{n}\n", phone(n));
    format!("phone,name,order\n{}", range.map(row).collect::<String>())
}

async fn adds(app: &TestApp, path: &str, csv: &str) -> Value {
    let (status, added) = app.call(&format!("{path}/recipients"), &json!({"csv": csv})).await;
    assert_eq!(status, 200, "{added}");
    added
}

async fn begins(app: &TestApp, path: &str) {
    let (status, body) = app.call(&format!("{path}/start"), &json!({})).await;
    assert_eq!(status, 200, "{body}");
}

async fn state(app: &TestApp, path: &str) -> String {
    app.get(path).await["state"].as_str().unwrap().to_owned()
}

/// Waits until the campaign is in a state, and everything queued is sent.
async fn reaches(app: &TestApp, path: &str, wanted: &str) {
    until(wanted, async || state(app, path).await == wanted).await;
    app.settle().await;
}

/// The texts of the template that each customer got.
fn received(graph: &Graph) -> BTreeMap<String, Vec<String>> {
    let mut by_customer: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let templates = graph.sent().into_iter().filter(|sent: &SentMessage| sent.template.is_some());
    for sent in templates {
        let parameters = sent.components[0]["parameters"].as_array().cloned().unwrap_or_default();
        let values: Vec<_> =
            parameters.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect();
        by_customer
            .entry(sent.to.trim_start_matches('+').to_owned())
            .or_default()
            .push(values.join("|"));
    }
    by_customer
}

fn each_once(graph: &Graph, range: std::ops::Range<usize>) {
    let all = received(graph);
    let wanted: BTreeSet<_> = range.clone().map(phone).collect();
    assert_eq!(all.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    for n in range {
        assert_eq!(all[&phone(n)], [format!("Customer {n}|A-{n}")], "{n}");
    }
}

on_both! {
    async fn a_conversation_begins_with_a_template_to_who_agreed(db) {
        let (app, number) = desk(Setup::on(db)).await;
        let (status, refused) = starts(&app, "k1", &hello(&number)).await;
        assert_eq!((status, &refused["code"]), (422, &json!("opt_in_required")), "{refused}");
        let mut agreed = hello(&number);
        agreed["opt_in"] = json!("Order form, 2026-11-02");
        let (status, begun) = starts(&app, "k1", &agreed).await;
        assert_eq!(status, 201, "{begun}");
        let conversation = &begun["conversation"];
        assert_eq!((&conversation["owner"], &conversation["contact_name"], &conversation["opt_in_source"]), (&json!("bot"), &json!("Ana"), &json!("Order form, 2026-11-02")));
        assert_eq!((&begun["message"]["text"], &begun["message"]["author"]), (&json!("Hello from Acme"), &json!("person")));
        assert_eq!(starts(&app, "k1", &agreed).await.0, 200, "the same request again");
        app.settle().await;
        assert_eq!(received(&app.whatsapp)[CUSTOMER].len(), 1);
        // WhatsApp takes no free text before the customer writes.
        let id = conversation["id"].as_str().unwrap();
        let (status, closed) = posts(&app, &format!("/conversations/{id}/messages"), "k2", &json!({"text": "Hi"})).await;
        assert_eq!((status, &closed["code"]), (409, &json!("window_closed")));
        // It is on record now that they agreed.
        assert_eq!(starts(&app, "k3", &hello(&number)).await.0, 201);
        says(&app, CUSTOMER, "reply", "When do you open?").await;
        app.settle().await;
        let answer = app.thread(CUSTOMER).await.pop().unwrap();
        assert_eq!((&answer["author"], &answer["state"]), (&json!("bot"), &json!("sent")), "the bot answers the reply");
        assert_eq!(posts(&app, &format!("/conversations/{id}/messages"), "k4", &json!({"text": "Hi"})).await.0, 201, "the window is open");
        let mut taken = hello(&number);
        taken["take_over"] = json!(true);
        assert_eq!(starts(&app, "k5", &taken).await.0, 201);
        assert_eq!(owner(&app, CUSTOMER).await, "person");
        app.stop().await;
    }

    async fn who_opted_out_is_not_written_to_first_and_wrong_requests_say_why(db) {
        let (app, number) = desk(Setup::on(db)).await;
        says(&app, CUSTOMER, "out", "STOP").await;
        app.settle().await;
        let mut agreed = hello(&number);
        agreed["opt_in"] = json!("Order form");
        let (status, refused) = starts(&app, "k1", &agreed).await;
        assert_eq!((status, &refused["code"]), (409, &json!("opted_out")), "{refused}");
        for (field, value, status, code) in [
            ("phone", json!("07700 900123"), 422, json!("wrong_phone")),
            ("template", json!({"name": "none", "language": "en"}), 422, json!("template_unknown")),
            ("number_id", json!("num_01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404, json!("not_found")),
            ("text", json!("Hello"), 422, Value::Null),
        ] {
            let mut wrong = agreed.clone();
            wrong[field] = value;
            if field == "text" {
                wrong["template"] = Value::Null;
            }
            let (got, problem) = starts(&app, "k2", &wrong).await;
            assert_eq!((got, &problem["code"]), (status, &code), "{field}: {problem}");
        }
        app.settle().await;
        assert!(received(&app.whatsapp).is_empty());
        app.stop().await;
    }

    async fn a_campaign_reaches_each_recipient_once_and_says_what_became_of_it(db) {
        let (app, number) = desk(Setup::on(db).with("[message_prices]\nutility = 0.01")).await;
        let path = campaign(&app, &number, None).await;
        let (status, empty) = app.call(&format!("{path}/start"), &json!({})).await;
        assert_eq!((status.as_u16(), &empty["code"]), (409, &json!("no_recipients")));
        says(&app, &phone(7), "out", "STOP").await;
        app.settle().await;
        let csv = format!("{}07700 900123,Nobody,A-0\n+{},,A-1\n", list(0..50), phone(60));
        let added = adds(&app, &path, &csv).await;
        assert_eq!((&added["added"], &added["repeated"], &added["rejected"]), (&json!(50), &json!(0), &json!(2)), "{added}");
        assert_eq!(added["rows"][0]["line"], 52);
        let again = adds(&app, &path, &list(40..50)).await;
        assert_eq!((&again["added"], &again["repeated"]), (&json!(0), &json!(10)));
        let (status, tested) = posts(&app, &format!("{path}/test"), "t1", &json!({"phone": "+15550007777"})).await;
        assert_eq!((status, &tested["message"]["text"]), (201, &json!("Dear Customer 0, order A-0 is ready.")), "{tested}");
        for n in [3, 4] {
            app.whatsapp.fail_next_to(&format!("+{}", phone(n)), 1, &Failure::Status(400, Graph::error(131_026, "Message undeliverable"), None));
        }
        begins(&app, &path).await;
        reaches(&app, &path, "finished").await;
        let mut all = received(&app.whatsapp);
        assert_eq!(all.remove("15550007777").unwrap(), ["Customer 0|A-0"]);
        let wanted: BTreeSet<_> = (0..50).filter(|n| ![3, 4, 7].contains(n)).map(phone).collect();
        assert_eq!(all.keys().cloned().collect::<BTreeSet<_>>(), wanted);
        assert!(all.values().all(|texts| texts.len() == 1), "{all:?}");
        says(&app, &phone(1), "answer", "When do you open?").await;
        says(&app, &phone(2), "out2", "STOP").await;
        app.settle().await;
        for sent in app.whatsapp.sent().iter().take(8) {
            app.deliver(&sent.status_webhook("delivered")).await;
        }
        for sent in app.whatsapp.sent().iter().filter(|sent| [phone(5), phone(6)].iter().any(|to| sent.to.ends_with(to))) {
            priced(&app, &sent.id, "read", ("utility", true)).await;
        }
        let results = app.get(&format!("{path}/results")).await;
        for (field, count) in [("waiting", 0), ("skipped_opted_out", 1), ("queued", 0), ("failed", 2), ("answered", 2), ("opted_out", 1)] {
            assert_eq!(results[field], json!(count), "{field}: {results}");
        }
        assert!(results["delivered"].as_i64().unwrap() > 0, "{results}");
        let arrived = ["sent", "delivered", "read"].map(|field| results[field].as_i64().unwrap());
        assert_eq!(arrived.iter().sum::<i64>(), 47, "{results}");
        assert_eq!(results["failures"][0]["count"], 2);
        let cost = json!({"category": "utility", "billable": true, "count": 2, "cost_micros": 20_000});
        assert!(results["charges"].as_array().unwrap().contains(&cost), "{results}");
        // A customer's answer is the bot's; without one the conversation is nobody's.
        assert_eq!(owner(&app, &phone(1)).await, "bot");
        assert_eq!(owner(&app, &phone(5)).await, "nobody");
        let reached = app.conversation_with(&phone(5)).await;
        assert_eq!((&reached["opt_in_source"], &reached["last_author"]), (&json!("Order form"), &json!("campaign")));
        let listed = app.get(&format!("{path}/recipients?limit=4")).await;
        assert_eq!(listed["items"][3]["message_state"], "failed", "{listed}");
        assert!(app.call(&format!("{path}/start"), &json!({})).await.0 == 409, "it is finished");
        app.stop().await;
    }

    async fn a_stopped_campaign_sends_nothing_more_and_goes_on_where_it_was(db) {
        let (app, number) = desk(Setup::on(db).with("[numbers.main]\nrate = 5.0\n")).await;
        let path = campaign(&app, &number, Some(1200)).await;
        adds(&app, &path, &list(0..30)).await;
        begins(&app, &path).await;
        until("some are sent", async || received(&app.whatsapp).len() > 3).await;
        let (status, stopped) = app.call(&format!("{path}/stop"), &json!({})).await;
        assert_eq!((status.as_u16(), &stopped["state"], &stopped["reason"]), (200, &json!("stopped"), &json!("person")));
        app.settle().await;
        let sent = received(&app.whatsapp).len();
        assert!(sent < 30, "{sent}");
        let results = app.get(&format!("{path}/results")).await;
        assert_eq!((results["waiting"].as_u64().unwrap() + sent as u64, &results["queued"]), (30, &json!(0)), "{results}");
        assert_eq!(stopped["queued"], json!(sent));
        begins(&app, &path).await;
        reaches(&app, &path, "finished").await;
        each_once(&app.whatsapp, 0..30);
        app.stop().await;
    }

    async fn a_campaign_stops_when_whatsapp_takes_its_template_no_more(db) {
        let (app, number) = desk(Setup::on(db).with("[numbers.main]\nrate = 5.0\n")).await;
        let path = campaign(&app, &number, Some(600)).await;
        adds(&app, &path, &list(0..30)).await;
        begins(&app, &path).await;
        until("it runs", async || !received(&app.whatsapp).is_empty()).await;
        let value = json!({"event": "PAUSED", "message_template_id": 1, "message_template_name": "ready", "message_template_language": "en_US"});
        let change = json!({"field": "message_template_status_update", "value": value});
        let hook = json!({"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": [change]}]});
        app.deliver(hook.to_string().as_bytes()).await;
        reaches(&app, &path, "stopped").await;
        assert_eq!(app.get(&path).await["reason"], "template_unusable");
        let sent = received(&app.whatsapp).len();
        assert!(sent < 30);
        let (status, refused) = app.call(&format!("{path}/start"), &json!({})).await;
        assert_eq!((status.as_u16(), &refused["code"]), (409, &json!("template_unusable")));
        app.stop().await;
    }

    async fn a_scheduled_campaign_begins_at_its_time(db) {
        let (app, number) = desk(Setup::on(db)).await;
        let path = campaign(&app, &number, None).await;
        adds(&app, &path, &list(0..3)).await;
        let at = now_ms() + 3_600_000;
        let (_, planned) = app.call(&format!("{path}/start"), &json!({"at": at})).await;
        assert_eq!((&planned["state"], &planned["starts_at"]), (&json!("scheduled"), &json!(at)));
        assert_eq!(app.call(&format!("{path}/recipients"), &json!({"csv": list(3..4)})).await.0, 409, "it is fixed");
        assert!(received(&app.whatsapp).is_empty());
        app.change(&format!("update campaigns set due_at = {}", now_ms())).await;
        reaches(&app, &path, "finished").await;
        each_once(&app.whatsapp, 0..3);
        app.stop().await;
    }

    async fn a_slow_campaign_keeps_its_process(db) {
        let (app, number) = desk(Setup::on(db)).await;
        let path = campaign(&app, &number, Some(1)).await;
        adds(&app, &path, &list(0..2)).await;
        begins(&app, &path).await;
        until("the first is sent", async || received(&app.whatsapp).len() == 1).await;
        let then = now_ms() + 6_000;
        until("the claim is prolonged", async || {
            let kept = format!("update campaigns set queued = queued where lease_until > {then} and lease_token = 1");
            app.change(&kept).await == 1
        })
        .await;
        app.stop().await;
    }

    async fn a_campaign_waits_where_the_number_s_limit_for_a_day_is_reached(db) {
        let (app, number) = desk(Setup::on(db)).await;
        let value = json!({"display_phone_number": "15550783881", "event": "ONBOARDING", "current_limit": "TIER_5"});
        let change = json!({"field": "phone_number_quality_update", "value": value});
        let hook = json!({"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "time": now_ms() / 1000, "changes": [change]}]});
        app.deliver(hook.to_string().as_bytes()).await;
        until("the limit is known", async || app.get(&format!("/numbers/{number}")).await.to_string().contains("\"customers\":5")).await;
        let path = campaign(&app, &number, None).await;
        adds(&app, &path, &list(0..8)).await;
        begins(&app, &path).await;
        until("it waits", async || app.get(&path).await["hold"] == "daily_limit").await;
        app.settle().await;
        assert_eq!(received(&app.whatsapp).len(), 5);
        // A day later.
        app.change("update campaign_recipients set queued_at = queued_at - 86400000 where queued_at is not null").await;
        app.change("update campaigns set due_at = 1").await;
        reaches(&app, &path, "finished").await;
        each_once(&app.whatsapp, 0..8);
        app.stop().await;
    }

    async fn a_number_with_two_spellings_is_one_customer(db) {
        let (app, number) = desk(Setup::on(db)).await;
        // WhatsApp has it without the ninth digit.
        says(&app, "551187654321", "out", "STOP").await;
        app.settle().await;
        let path = campaign(&app, &number, None).await;
        let csv = "phone,name,order\n+55 11 98765-4321,Ana,A-1\n+55 21 98765-4322,Bia,A-2\n+55 21 8765-4322,Bia,A-2\n";
        assert_eq!(adds(&app, &path, csv).await["added"], 3);
        begins(&app, &path).await;
        reaches(&app, &path, "finished").await;
        let got = received(&app.whatsapp);
        // Both spellings reach her; she is written to once.
        assert_eq!(got.keys().collect::<Vec<_>>(), ["552187654322"], "{got:?}");
        assert_eq!(got["552187654322"].len(), 1);
        let results = app.get(&format!("{path}/results")).await;
        assert_eq!((&results["skipped_opted_out"], &results["skipped_repeated"]), (&json!(1), &json!(1)));
        // Whom a campaign wrote to opts out under the spelling that WhatsApp uses.
        says(&app, "552187654322", "out2", "STOP").await;
        app.settle().await;
        assert_eq!(app.get(&format!("{path}/results")).await["opted_out"], 1);
        let mut agreed = hello(&number);
        (agreed["phone"], agreed["opt_in"]) = (json!("+55 11 98765 4321"), json!("Form"));
        assert_eq!(starts(&app, "k1", &agreed).await.1["code"], "opted_out");
        app.stop().await;
    }

    async fn a_campaign_whose_messages_all_fail_stops(db) {
        let (app, number) = desk(Setup::on(db)).await;
        let path = campaign(&app, &number, Some(900)).await;
        adds(&app, &path, &list(0..200)).await;
        app.whatsapp.fail_next(200, &Failure::Status(400, Graph::error(131_042, "Business eligibility payment issue"), None));
        begins(&app, &path).await;
        reaches(&app, &path, "stopped").await;
        assert_eq!(app.get(&path).await["reason"], "all_failed");
        let results = app.get(&format!("{path}/results")).await;
        assert!(results["waiting"].as_i64().unwrap() > 50 && results["failed"].as_i64().unwrap() >= 20, "{results}");
        app.stop().await;
    }

    async fn the_last_messages_of_a_campaign_can_be_stopped(db) {
        let (app, number) = desk(Setup::on(db).with("[numbers.main]\nrate = 0.2\n")).await;
        let path = campaign(&app, &number, None).await;
        adds(&app, &path, &list(0..1)).await;
        app.whatsapp.fail_next(1, &Failure::Status(429, Graph::error(130_429, "Rate limit hit"), Some(600)));
        begins(&app, &path).await;
        until("it is queued", async || state(&app, &path).await == "finished").await;
        until("WhatsApp asks for a pause", async || app.whatsapp.tried().iter().any(|sent| sent.template.is_some())).await;
        until("it waits again", async || app.call(&format!("{path}/stop"), &json!({})).await.0 == 200).await;
        assert_eq!((state(&app, &path).await.as_str(), &app.get(&format!("{path}/results")).await["waiting"]), ("stopped", &json!(1)));
        assert_eq!(app.call(&format!("{path}/stop"), &json!({})).await.0, 409);
        app.stop().await;
    }

    async fn contacts_of_the_number_are_chosen_by_when_they_wrote(db) {
        let (app, number) = desk(Setup::on(db)).await;
        for (n, text) in ["Hello", "Hi", "STOP"].into_iter().enumerate() {
            says(&app, &phone(n), &format!("m{n}"), text).await;
        }
        app.settle().await;
        app.change(&format!("update conversations set last_inbound_at = 1000 where contact_id in (select id from contacts where wa_id = '{}')", phone(0))).await;
        let request = json!({"name": "News", "number_id": number, "opt_in": "Shop", "template": {"name": "hello", "language": "en"}});
        let path = format!("/campaigns/{}", app.call("/campaigns", &request).await.1["id"].as_str().unwrap());
        let filter = json!({"contacts": {"wrote_after": 2000}});
        let needs_list = campaign(&app, &number, None).await;
        assert_eq!(app.call(&format!("{needs_list}/recipients"), &filter).await.0, 422, "contacts have no order");
        let (status, added) = app.call(&format!("{path}/recipients"), &filter).await;
        // The customer of the first message, and the second of these: the third opted out.
        assert_eq!((status.as_u16(), &added["added"]), (200, &json!(2)), "{added}");
        assert_eq!(app.call(&format!("{path}/recipients"), &filter).await.1["added"], 0);
        let of = async |prefix: &str| {
            let path = app.call("/campaigns", &request).await.1["id"].as_str().unwrap().to_owned();
            app.call(&format!("/campaigns/{path}/recipients"), &json!({"contacts": {"phone_prefix": prefix}})).await
        };
        let known = of("").await.1["added"].clone();
        assert!(known.as_i64().unwrap() > 1, "{known}");
        assert_eq!((of(" +44").await.1["added"].clone(), of("55").await.1["added"].clone()), (known, json!(0)));
        assert_eq!(of("4%").await.0, 422);
        // Who agreed and never wrote is one, too.
        let mut agreed = hello(&number);
        agreed["opt_in"] = json!("Form");
        assert_eq!(starts(&app, "k1", &agreed).await.0, 201);
        let agreed = json!({"contacts": {"opted_in": true}});
        let news = app.call("/campaigns", &request).await.1["id"].as_str().unwrap().to_owned();
        assert_eq!(app.call(&format!("/campaigns/{news}/recipients"), &agreed).await.1["added"], 1);
        begins(&app, &path).await;
        reaches(&app, &path, "finished").await;
        let reached: BTreeSet<_> = received(&app.whatsapp).into_keys().collect();
        assert_eq!(reached, BTreeSet::from([phone(1), CUSTOMER.to_owned(), "447700980200".to_owned()]));
        app.stop().await;
    }

    async fn a_message_of_unknown_outcome_opens_no_case(db) {
        let (app, number) = desk(Setup::on(db).with("[numbers.main]\nunknown = { after_ms = 0 }\n")).await;
        let path = campaign(&app, &number, None).await;
        adds(&app, &path, &list(0..2)).await;
        app.whatsapp.fail_next_to(&format!("+{}", phone(1)), 1, &Failure::AcceptThenDrop);
        begins(&app, &path).await;
        until("it is given up", async || app.get(&format!("{path}/results")).await["failed"] == 1).await;
        let cases = app.get("/escalations").await;
        assert_eq!(cases["items"], json!([]), "{cases}");
        app.stop().await;
    }
}

/// What processes share: configuration, database, and fake services.
struct Place {
    home: TempDir,
    whatsapp: Graph,
    _model: OpenAi,
    http: reqwest::Client,
    /// How many of the sent messages were reported.
    reported: AtomicUsize,
}

impl Place {
    async fn new(db: Db, url: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_home_files(home.path());
        let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
        whatsapp.set_templates(ACCOUNT, &templates());
        let settings = Setup::on(db).settings(home.path(), url, &whatsapp, &model);
        // What was sent is reported before that.
        let more = "account_id = \"102290129340398\"\nunknown = { after_ms = 3000, then = \"resend\", times = 20 }\n";
        let settings = settings.replacen("[numbers.main]\n", &format!("[numbers.main]\n{more}"), 1);
        std::fs::write(home.path().join("desk.toml"), settings).unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        Self {
            home,
            whatsapp,
            _model: model,
            http: reqwest::Client::new(),
            reported: AtomicUsize::new(0),
        }
    }

    async fn call(&self, process: &Process, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}/api/v1{path}", process.url)).bearer_auth(KEY);
        let response = request.json(body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    async fn get(&self, process: &Process, path: &str) -> Value {
        let request = self.http.get(format!("{}/api/v1{path}", process.url)).bearer_auth(KEY);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Starts a campaign to so many customers. Returns its path.
    async fn campaign(&self, process: &Process, recipients: usize) -> String {
        let numbers = self.get(process, "/numbers").await;
        let main = numbers.as_array().unwrap().iter().find(|one| one["slug"] == "main").unwrap();
        let number = main["id"].as_str().unwrap();
        self.call(process, &format!("/numbers/{number}/templates/sync"), &json!({})).await;
        let values = json!([{"part": "body", "name": "1", "value": "{{name}}"}, {"part": "body", "name": "2", "value": "{{order}}"}]);
        let template = json!({"name": "ready", "language": "en_US", "values": values});
        let request =
            json!({"name": "Ready", "number_id": number, "opt_in": "Form", "template": template});
        let made = self.call(process, "/campaigns", &request).await;
        let path = format!("/campaigns/{}", made["id"].as_str().unwrap());
        self.call(process, &format!("{path}/recipients"), &json!({"csv": list(0..recipients)}))
            .await;
        self.call(process, &format!("{path}/start"), &json!({})).await;
        path
    }

    /// Reports to a process what WhatsApp took so far.
    async fn report(&self, process: &Process) {
        let from = self.reported.load(Ordering::Relaxed);
        for sent in self.whatsapp.sent_after(from) {
            let body = sent.status_webhook("sent");
            let request = self.http.post(format!("{}/webhooks/meta", process.url));
            let request = request.header("x-hub-signature-256", sign(SECRET, &body)).body(body);
            assert_eq!(request.send().await.unwrap().status(), 200);
            self.reported.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until every message of the campaign is sent.
    async fn all_sent(&self, process: &Process, path: &str, recipients: usize) {
        until("all are sent", async || {
            self.report(process).await;
            let results = self.get(process, &format!("{path}/results")).await;
            results["sent"] == json!(recipients)
        })
        .await;
    }
}

#[tokio::test]
async fn a_campaign_whose_process_is_killed_misses_nobody_and_writes_to_nobody_twice() {
    let place = Place::new(Db::Sqlite, "").await;
    let mut process = Process::start(place.home.path()).await;
    let path = place.campaign(&process, 120).await;
    for kills in 1..=5 {
        until("some more are sent", async || place.whatsapp.sent_count() >= kills * 18).await;
        process.kill().await;
        process = Process::start(place.home.path()).await;
        place.report(&process).await;
    }
    place.all_sent(&process, &path, 120).await;
    each_once(&place.whatsapp, 0..120);
    process.stop().await;
}

#[tokio::test]
async fn of_two_replicas_one_feeds_a_campaign_and_the_other_goes_on_when_it_is_killed() {
    let Some(postgres) = Postgres::shared() else { return };
    let place = Place::new(Db::Postgres, &postgres.database().await).await;
    let one = Process::start(place.home.path()).await;
    let other = Process::start(place.home.path()).await;
    let path = place.campaign(&one, 150).await;
    until("some are sent", async || place.whatsapp.sent_count() >= 40).await;
    one.kill().await;
    place.report(&other).await;
    place.all_sent(&other, &path, 150).await;
    each_once(&place.whatsapp, 0..150);
    other.stop().await;
}

#[tokio::test]
async fn an_operator_makes_and_starts_a_campaign_in_the_terminal() {
    let (app, _) = desk(Setup::on(Db::Sqlite)).await;
    let home = app.home.path();
    let settings = Setup::on(Db::Sqlite).settings(home, "", &app.whatsapp, &app.model);
    std::fs::write(home.join("desk.toml"), settings).unwrap();
    std::fs::write(home.join("list.csv"), list(0..3)).unwrap();
    let create = [
        "campaign",
        "create",
        "Ready",
        "--list",
        "list.csv",
        "--template",
        "ready",
        "--opt-in",
        "Order form",
        "--value",
        "body.1={{name}}",
        "--value",
        "body.2={{order}}",
        "--number",
        "main",
        "--config",
        "desk.toml",
    ];
    let made = run(home, &create, &[]).await;
    prints(&made, true, &["3 customers added", "frontdesk campaign start cmp_"]);
    let id = made
        .1
        .split_whitespace()
        .find(|word| word.starts_with("cmp_"))
        .unwrap()
        .trim_end_matches(':')
        .to_owned();
    prints(
        &run(home, &["campaign", "start", &id, "--config", "desk.toml"], &[]).await,
        true,
        &["begins at"],
    );
    reaches(&app, &format!("/campaigns/{id}"), "finished").await;
    each_once(&app.whatsapp, 0..3);
    prints(
        &run(home, &["campaign", "show", &id, "--config", "desk.toml"], &[]).await,
        true,
        &["finished", "sent: 3"],
    );

    // The three are contacts now.
    let made = run(home, &[&create[..3], &["--contacts"], &create[5..]].concat(), &[]).await;
    prints(&made, false, &["the values name `order`", "give a list"]);
    let base = ["campaign", "create", "Hello", "--template", "hello", "--opt-in", "Order form"];
    let of = ["--number", "main", "--config", "desk.toml"];
    for (filter, count) in [("+44", 3), ("+55", 0)] {
        let chosen = ["--contacts", "--opted-in", "--phone-prefix", filter];
        let made = run(home, &[&base[..], &chosen, &of].concat(), &[]).await;
        prints(&made, true, &[&format!("{count} customers added")]);
    }
    let wrong = ["--contacts", "--phone-prefix", "UK"];
    let made = run(home, &[&base[..], &wrong, &of].concat(), &[]).await;
    prints(&made, false, &["no beginning of a phone number"]);
    let neither = run(home, &[&base[..], &of].concat(), &[]).await;
    prints(&neither, false, &["--list", "--contacts"]);
    let begin = [
        "inbox",
        "start",
        "+44 7700 980201",
        "--template",
        "hello",
        "--number",
        "main",
        "--config",
        "desk.toml",
    ];
    prints(&run(home, &begin, &[]).await, false, &["--opt-in"]);
    prints(
        &run(home, &[&begin[..], &["--opt-in", "Shop"]].concat(), &[]).await,
        true,
        &["is in the outbox"],
    );
    until("it is sent", async || received(&app.whatsapp).contains_key(CUSTOMER)).await;
    app.stop().await;
}
