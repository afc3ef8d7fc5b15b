//! What Meta reports about accounts, numbers and templates: an alert with what to do, and the state
//! of the numbers that it is about, until it is over.

use frontdesk::domain::time::{DAY_MS, now_ms};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::{MAIN, Setup, TestApp, on_both};
use crate::support::hooks::{ACCOUNT, text_webhook};

/// Delivers a change of an account.
async fn reports(app: &TestApp, account: &str, (field, value): (&str, &Value)) {
    let change = json!({"field": field, "value": value});
    let entry = json!({"id": account, "time": 1_745_612_159, "changes": [change]});
    let body = json!({"object": "whatsapp_business_account", "entry": [entry]}).to_string();
    assert_eq!(app.deliver(body.as_bytes()).await, StatusCode::OK, "{body}");
}

const TEMPLATE: &str =
    "[numbers.main]\ntemplate = { name = \"come_back\", language = \"en_US\", with_text = true }";

async fn main_number(app: &TestApp) -> Value {
    let numbers = app.get("/numbers").await;
    let mut numbers = numbers.as_array().unwrap().iter();
    numbers.find(|one| one["external_id"] == MAIN).unwrap().clone()
}

async fn newest_alert(app: &TestApp) -> Value {
    app.get("/events?alerts=true").await[0].clone()
}

on_both! {
    async fn a_report_sets_state_and_reason_until_it_is_over(db) {
        let app = Setup::on(db).with(TEMPLATE).start().await;
        let ban = |state: Value| json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": state}});
        let template = |event: &str| json!({"event": event, "message_template_name": "come_back",
            "message_template_language": "en_US"});
        let quality = |before: &str, now: &str| json!({"previous_quality_score": before, "new_quality_score": now,
            "message_template_name": "come_back", "message_template_language": "en_US"});
        let number = |event: &str| json!({"event": event, "display_phone_number": "15550783881", "current_limit": "TIER_1K"});
        let account = |event: &str| json!({"event": event});
        for (field, bad, good, code, reason) in [
            ("account_update", ban(json!(["SCHEDULE_FOR_DISABLE", "DISABLE"])), ban(json!(["REINSTATE"])), "account_banned", "banned"),
            ("account_update", ban(json!("DISABLE")), ban(json!("REINSTATE")), "account_banned", "banned"),
            ("account_update", ban(json!(["SCHEDULE_FOR_DISABLE"])), ban(json!("REINSTATE")), "account_ban_planned", "will ban"),
            ("account_update", account("ACCOUNT_OFFBOARDED"), account("ACCOUNT_RECONNECTED"), "account_disconnected", "disconnected"),
            ("phone_number_quality_update", number("FLAGGED"), number("UNFLAGGED"), "quality_low", "quality fell"),
            ("message_template_status_update", template("PAUSED"), template("UNPAUSED"), "template_unusable", "come_back: PAUSED"),
            ("message_template_quality_update", quality("GREEN", "YELLOW"), quality("YELLOW", "GREEN"), "template_quality_low", "GREEN to YELLOW"),
        ] {
            assert_eq!(main_number(&app).await["state"], "ready", "{field}");
            reports(&app, ACCOUNT, (field, &bad)).await;
            let now = main_number(&app).await;
            assert_eq!((&now["state"], &now["warnings"][0]["code"]), (&json!("at_risk"), &json!(code)), "{bad}: {now}");
            assert!(now["state_reason"].as_str().unwrap().contains(reason), "{bad}: {now}");
            let alert = newest_alert(&app).await;
            assert_eq!(alert["code"], code, "{alert}");
            assert!(!alert["todo"].as_str().unwrap().is_empty(), "{alert}");
            // What is said twice is one warning.
            reports(&app, ACCOUNT, (field, &bad)).await;
            assert_eq!(main_number(&app).await["warnings"].as_array().unwrap().len(), 1);
            reports(&app, ACCOUNT, (field, &good)).await;
            let now = main_number(&app).await;
            assert_eq!((&now["state"], &now["state_reason"]), (&json!("ready"), &Value::Null), "{good}: {now}");
        }
        app.stop().await;
    }

    async fn a_restriction_has_an_end_and_other_warnings_stay_beside_it(db) {
        let app = Setup::on(db).start().await;
        let restriction = json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": [
            {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": 4_102_444_000_i64}]});
        reports(&app, ACCOUNT, ("account_update", &restriction)).await;
        let flagged = json!({"event": "FLAGGED", "display_phone_number": "15550783881"});
        reports(&app, ACCOUNT, ("phone_number_quality_update", &flagged)).await;
        let now = main_number(&app).await;
        assert_eq!(now["warnings"].as_array().unwrap().len(), 2, "{now}");
        assert_eq!(now["warnings"][0]["until"], 4_102_444_000_000_i64, "{now}");
        assert_eq!(now["warnings"][0]["detail"], "RESTRICTED_BIZ_INITIATED_MESSAGING");
        assert!(app.change("update number_warnings set until = 1 where until is not null").await > 0);
        let now = main_number(&app).await;
        assert_eq!((now["warnings"].as_array().unwrap().len(), &now["warnings"][0]["code"]), (1, &json!("quality_low")), "{now}");
        app.stop().await;
    }

    async fn a_template_puts_only_a_number_at_risk_that_falls_back_on_it(db) {
        let app = Setup::on(db).with(TEMPLATE).start().await;
        let paused = json!({"event": "PAUSED", "message_template_name": "summer_sale", "message_template_language": "en_US"});
        reports(&app, ACCOUNT, ("message_template_status_update", &paused)).await;
        assert_eq!(newest_alert(&app).await["code"], "template_unusable");
        assert_eq!(main_number(&app).await["state"], "ready");
        app.stop().await;
    }

    async fn a_warning_of_another_account_ends_once_the_number_s_own_is_known(db) {
        let app = Setup::on(db).start().await;
        let banned = json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}});
        reports(&app, "999999999999999", ("account_update", &banned)).await;
        assert_eq!(main_number(&app).await["state"], "at_risk", "it may be this number's");
        app.deliver(&text_webhook(MAIN, "447700961001", "wamid.1", "When do you open?")).await;
        app.settle().await;
        assert_eq!(main_number(&app).await["state"], "ready");
        app.stop().await;
    }

    async fn a_restriction_without_an_end_ends_all_the_same(db) {
        let app = Setup::on(db).start().await;
        let restriction = json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": [
            {"restriction_type": "RESTRICTED_ADD_PHONE_NUMBER_ACTION"}]});
        reports(&app, ACCOUNT, ("account_update", &restriction)).await;
        let now = main_number(&app).await;
        let in_days = (now["warnings"][0]["until"].as_i64().unwrap() - now_ms()) / DAY_MS;
        assert!((28..=30).contains(&in_days), "{now}");
        app.stop().await;
    }

    async fn a_report_about_another_account_or_number_is_an_alert_alone(db) {
        let app = Setup::on(db).start().await;
        // A message tells which account and phone the number has.
        app.deliver(&text_webhook(MAIN, "447700961001", "wamid.1", "When do you open?")).await;
        app.settle().await;
        let banned = json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}});
        reports(&app, "999999999999999", ("account_update", &banned)).await;
        assert_eq!(main_number(&app).await["state"], "ready");
        assert_eq!(newest_alert(&app).await["code"], "account_banned");
        let flagged = json!({"event": "FLAGGED", "display_phone_number": "15550000000"});
        reports(&app, ACCOUNT, ("phone_number_quality_update", &flagged)).await;
        assert_eq!(main_number(&app).await["state"], "ready");
        reports(&app, ACCOUNT, ("account_update", &banned)).await;
        assert_eq!(main_number(&app).await["state"], "stopped");
        app.stop().await;
    }
}
