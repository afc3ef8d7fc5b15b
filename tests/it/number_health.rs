//! What Meta says of a number changes its state: its quality, its messaging limit, and a restriction
//! that stops its queue until it is over. Only events of its own account do, in the order of Meta's
//! time.

use frontdesk::domain::time::{DAY_MS, now_ms};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::delivery::{says, until};
use crate::support::app::{KEY, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::{ACCOUNT, sign};

const CUSTOMER: &str = "447700980301";
const OTHER: &str = "[numbers.other]\nprovider = \"meta\"\nagent = \"acme\"\nphone_number_id = \"998877665544332\"\n\
                     access_token = \"x\"\napp_secret = \"another-secret\"\nverify_token = \"other\"\n";

/// A webhook about an account that Meta wrote at this time, in seconds.
fn hook(account: &str, (field, value): (&str, &Value), at: i64) -> Vec<u8> {
    let change = json!({"field": field, "value": value});
    let entry = json!({"id": account, "time": at, "changes": [change]});
    json!({"object": "whatsapp_business_account", "entry": [entry]}).to_string().into_bytes()
}

fn seconds(offset: i64) -> i64 {
    now_ms() / 1000 + offset
}

/// Meta reports something about the number's account, some seconds from now.
async fn reports(app: &TestApp, (field, value): (&str, &Value), offset: i64) {
    let body = hook(ACCOUNT, (field, value), seconds(offset));
    assert_eq!(app.deliver(&body).await, StatusCode::OK);
}

fn quality(event: &str, limit: &str) -> Value {
    json!({"event": event, "display_phone_number": "15550783881", "current_limit": limit})
}

fn restriction(kinds: &[&str], until: i64) -> Value {
    let one = |kind: &&str| json!({"restriction_type": kind, "expiration": until});
    json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": kinds.iter().map(one).collect::<Vec<_>>()})
}

fn ban(state: &str) -> Value {
    json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": [state]}})
}

const ANSWERING: &str = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING";
const STARTING: &str = "RESTRICTED_BIZ_INITIATED_MESSAGING";

async fn number(app: &TestApp) -> Value {
    let numbers = app.get("/numbers").await;
    let mut numbers = numbers.as_array().unwrap().iter();
    numbers.find(|one| one["external_id"] == MAIN).unwrap().clone()
}

async fn health(app: &TestApp) -> Value {
    number(app).await["health"].clone()
}

/// A desk whose number has sent one answer, which told its account and its phone.
async fn known(setup: Setup) -> TestApp {
    let app = setup.start().await;
    says(&app, CUSTOMER, "first", "When do you open?").await;
    app.settle().await;
    assert_eq!(app.whatsapp.sent_count(), 1);
    app
}

on_both! {
    async fn quality_and_limit_follow_meta_in_the_order_of_its_time(db) {
        let app = known(Setup::on(db)).await;
        let nothing = json!({"quality": null, "messaging_limit": null, "restriction": null, "restricted_until": null});
        assert_eq!(health(&app).await, nothing);
        reports(&app, ("phone_number_quality_update", &quality("FLAGGED", "TIER_1K")), -60).await;
        let now = health(&app).await;
        assert_eq!((&now["quality"], &now["messaging_limit"]), (&json!("low"), &json!({"kind": "customers", "customers": 1000})));
        // Meta repeats itself, and what is late changes nothing.
        reports(&app, ("phone_number_quality_update", &quality("UNFLAGGED", "TIER_250")), -120).await;
        let now = number(&app).await;
        assert_eq!((&now["health"]["quality"], &now["health"]["messaging_limit"]["customers"]), (&json!("low"), &json!(1000)));
        assert_eq!((&now["state"], &now["warnings"][0]["code"]), (&json!("at_risk"), &json!("quality_low")));
        reports(&app, ("phone_number_quality_update", &quality("UNFLAGGED", "TIER_UNLIMITED")), -30).await;
        let now = number(&app).await;
        assert_eq!((&now["state"], &now["health"]["quality"], &now["health"]["messaging_limit"]), (&json!("ready"), &Value::Null, &json!({"kind": "unlimited"})));
        // A time in the future outdates nothing that follows.
        reports(&app, ("business_capability_update", &json!({"max_daily_conversations_per_business": 10_000})), 900_000).await;
        reports(&app, ("business_capability_update", &json!({"max_daily_conversations_per_business": "TIER_2K"})), 0).await;
        assert_eq!(health(&app).await["messaging_limit"]["customers"], 10_000, "a second is the same moment");
        reports(&app, ("business_capability_update", &json!({"max_daily_conversations_per_business": "TIER_2K"})), 5).await;
        let now = number(&app).await;
        assert_eq!(now["health"]["messaging_limit"]["customers"], 2000);
        assert_eq!((&now["state"], &now["warnings"][0]["code"], &now["warnings"][0]["detail"]), (&json!("at_risk"), &json!("limit_lowered"), &json!("2000")), "{now}");
        reports(&app, ("business_capability_update", &json!({"max_daily_conversations_per_business": "TIER_100K"})), 9).await;
        assert_eq!(number(&app).await["state"], "ready");
        // All of it stands in the number's history, and of no other's.
        let id = number(&app).await["id"].as_str().unwrap().to_owned();
        let history = app.get(&format!("/events?number={id}")).await;
        let codes: Vec<_> = history.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["limit_raised", "limit_lowered", "limit_lowered", "quality_recovered", "quality_recovered", "quality_low"], "{history}");
        app.stop().await;
    }

    async fn a_restriction_stops_the_queue_until_meta_lifts_it(db) {
        let app = known(Setup::on(db)).await;
        let end = seconds(3600);
        for (bad, good, until_ms) in [
            (ban("DISABLE"), ban("REINSTATE"), Value::Null),
            (restriction(&[STARTING, ANSWERING], end), restriction(&[], 0), json!(end * 1000)),
        ] {
            let before = app.whatsapp.sent_count();
            reports(&app, ("account_update", &bad), -20).await;
            let now = number(&app).await;
            assert_eq!((&now["state"], &now["state_code"]), (&json!("stopped"), &json!({"kind": "forbidden", "until": until_ms})), "{now}");
            assert!(now["state_reason"].as_str().unwrap().contains("forbids"), "{now}");
            assert_eq!(now["health"]["restriction"], "sending");
            let id = format!("held-{before}");
            says(&app, CUSTOMER, &id, "Are you there?").await;
            until("the answer waits", async || app.thread(CUSTOMER).await.iter().any(|one| one["state"] == "queued")).await;
            assert_eq!(app.whatsapp.tried().len() as u64, before);
            reports(&app, ("account_update", &good), -10).await;
            assert_eq!(number(&app).await["state"], "ready");
            app.settle().await;
            assert_eq!(app.whatsapp.sent_count(), before + 1, "what waited went out, once");
        }
        app.stop().await;
    }

    async fn a_restriction_ends_with_its_time_and_answers_go_on_where_only_writing_first_is_forbidden(db) {
        let app = known(Setup::on(db)).await;
        reports(&app, ("account_update", &restriction(&[STARTING], seconds(3600))), -20).await;
        let now = number(&app).await;
        assert_eq!((&now["state"], &now["health"]["restriction"]), (&json!("at_risk"), &json!("starting")), "{now}");
        says(&app, CUSTOMER, "second", "Are you there?").await;
        app.settle().await;
        assert_eq!(app.whatsapp.sent_count(), 2);
        reports(&app, ("account_update", &restriction(&[ANSWERING], seconds(3600))), -10).await;
        says(&app, CUSTOMER, "third", "Are you there?").await;
        until("the answer waits", async || app.thread(CUSTOMER).await.iter().any(|one| one["state"] == "queued")).await;
        assert_eq!(app.whatsapp.sent_count(), 2);
        assert!(app.change("update number_health set until = 1 where until is not null").await > 0);
        app.settle().await;
        assert_eq!(app.whatsapp.sent_count(), 3);
        assert_eq!(health(&app).await["restriction"], Value::Null);
        // Without an end it ends all the same; one that is over forbids nothing.
        reports(&app, ("account_update", &json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": [{"restriction_type": ANSWERING}]})), -5).await;
        let days = (health(&app).await["restricted_until"].as_i64().unwrap() - now_ms()) / DAY_MS;
        assert!((28..=30).contains(&days), "{days}");
        reports(&app, ("account_update", &restriction(&[ANSWERING], seconds(-3600))), -4).await;
        assert_eq!(health(&app).await["restriction"], Value::Null);
        app.stop().await;
    }

    async fn a_test_message_that_goes_out_ends_a_restriction(db) {
        let app = known(Setup::on(db)).await;
        reports(&app, ("account_update", &ban("DISABLE")), -20).await;
        says(&app, CUSTOMER, "held", "Are you there?").await;
        until("the answer waits", async || app.thread(CUSTOMER).await.iter().any(|one| one["state"] == "queued")).await;
        let path = format!("/numbers/{}/test", number(&app).await["id"].as_str().unwrap());
        let (status, tried) = app.call(&path, &json!({"to": "447700980399", "template": true})).await;
        assert_eq!((status.as_u16(), &tried["ok"]), (200, &json!(true)), "{tried}");
        app.settle().await;
        assert_eq!(app.whatsapp.sent_count(), 3, "the test message, and what waited");
        assert_eq!(number(&app).await["state"], "ready");
        app.stop().await;
    }

    async fn another_account_or_app_changes_nothing(db) {
        let app = known(Setup::on(db).with(OTHER)).await;
        let flagged = quality("FLAGGED", "TIER_250");
        let stranger = json!({"event": "FLAGGED", "display_phone_number": "15550000000", "current_limit": "TIER_250"});
        let banned = ban("DISABLE");
        let untouched = health(&app).await;
        for (account, secret, (field, value)) in [
            ("999999999999999", None, ("account_update", &banned)),
            ("999999999999999", None, ("phone_number_quality_update", &flagged)),
            (ACCOUNT, None, ("phone_number_quality_update", &stranger)),
            (ACCOUNT, Some("another-secret"), ("account_update", &banned)),
            (ACCOUNT, Some("another-secret"), ("phone_number_quality_update", &flagged)),
        ] {
            let body = hook(account, (field, value), seconds(-5));
            let taken = match secret {
                Some(secret) => app.post("/webhooks/meta", &body, Some(&sign(secret, &body))).await,
                None => app.deliver(&body).await,
            };
            assert_eq!(taken, StatusCode::OK);
            assert_eq!(health(&app).await, untouched, "{account} {value}");
            assert_ne!(number(&app).await["state"], "stopped");
        }
        assert_eq!(app.post("/webhooks/meta", &hook(ACCOUNT, ("account_update", &banned), seconds(0)), Some("sha256=00")).await, StatusCode::UNAUTHORIZED);
        assert_eq!(health(&app).await, untouched);
        let request = app.http.get(format!("{}/api/v1/events?number=num_nobody", app.url)).bearer_auth(KEY);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_FOUND);
        app.stop().await;
    }
}
