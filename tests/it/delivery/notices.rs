//! Notices to support contacts: an alarm if one is not delivered, and who answers one is no customer.

use serde_json::{Value, json};

use super::{SUPPORT, cases, got, ours, owner, pause, resolve, says, until};
use crate::support::app::{Db, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::{News, batch, status_webhook};

const CUSTOMER: &str = "447700952101";
const OTHER: &str = "447700952102";
/// `wa_id` of the support contact.
const STAFF: &str = "15550009999";

/// Starts a desk that has sent a notice to its support contact.
async fn desk(db: Db) -> TestApp {
    let app = Setup::on(db).start().await;
    says(&app, CUSTOMER, "1", "I want a human.").await;
    app.settle().await;
    assert_eq!(got(&app, SUPPORT).len(), 1);
    app
}

/// Returns the alarms about notices.
async fn alarms(app: &TestApp) -> Vec<Value> {
    let events = app.get("/events?alerts=true").await;
    let lost = events.as_array().unwrap().iter().filter(|event| event["kind"] == "notice_lost");
    lost.cloned().collect()
}

on_both! {
    async fn a_notice_outside_the_window_is_an_alarm(db) {
        let app = desk(db).await;
        assert_eq!(alarms(&app).await.len(), 0);
        let yesterday = frontdesk::domain::time::now_ms() - 25 * 3_600_000;
        let written = format!(
            "update conversations set last_inbound_at = {yesterday} where notice_at is not null"
        );
        assert_eq!(app.change(&written).await, 1);
        says(&app, OTHER, "1", "I want a human.").await;
        app.settle().await;
        until("the alarm is stored", async || alarms(&app).await.len() == 1).await;
        let alarm = alarms(&app).await.remove(0);
        assert!(alarm["alert"].as_str().unwrap().contains("24-hour window"), "{alarm}");
        assert!(alarm["number_id"].is_string(), "{alarm}");
        let thread = app.conversation_with(STAFF).await["id"].clone();
        assert_eq!(alarm["payload"]["conversation_id"], thread);
        assert!(!alarm.to_string().contains(STAFF), "{alarm}");
        assert_eq!((got(&app, SUPPORT).len(), cases(&app).await.len()), (1, 2));
        app.stop().await;
    }

    async fn a_notice_that_whatsapp_refuses_or_cannot_deliver_is_an_alarm(db) {
        let app = desk(db).await;
        let closed = Failure::Status(400, Graph::error(131_047, "Re-engagement message"), None);
        app.whatsapp.fail_next_to(SUPPORT, 1, &closed);
        says(&app, OTHER, "1", "I want a human.").await;
        app.settle().await;
        until("the alarm is stored", async || alarms(&app).await.len() == 1).await;
        // WhatsApp took the first one, and says later that it cannot deliver it.
        let sent = app.whatsapp.sent().into_iter().find(|sent| sent.to == SUPPORT).unwrap();
        let news = News {
            id: &sent.id,
            status: "failed",
            recipient: STAFF,
            reference: sent.reference.as_deref(),
            error: Some((131_026, "Message undeliverable")),
        };
        let status = || status_webhook(&sent.number, news);
        for body in [batch(&[status(), status()]), status()] {
            assert_eq!(app.deliver(&body).await, 200);
        }
        app.settle().await;
        let all = alarms(&app).await;
        assert_eq!(all.len(), 2, "once each: {all:?}");
        assert!(all[0]["alert"].as_str().unwrap().contains("Message undeliverable"), "{all:?}");
        assert_eq!(cases(&app).await.len(), 2);
        app.stop().await;
    }

    async fn a_notice_of_unknown_outcome_is_an_alarm(db) {
        for then in ["drop", "ask"] {
            let unknown = format!("[numbers.main]\nunknown = {{ after_ms = 300, then = \"{then}\" }}");
            let app = Setup::on(db).with(&unknown).start().await;
            app.whatsapp.fail_next_to(SUPPORT, 1, &Failure::AcceptThenDrop);
            says(&app, CUSTOMER, "1", "I want a human.").await;
            app.settle().await;
            until("the alarm is stored", async || alarms(&app).await.len() == 1).await;
            pause(500).await;
            assert_eq!((alarms(&app).await.len(), cases(&app).await.len()), (1, 1), "{then}");
            app.stop().await;
        }
    }

    async fn a_lost_hand_off_sentence_is_no_alarm_although_its_customer_once_got_a_notice(db) {
        let app = desk(db).await;
        let long_ago = frontdesk::domain::time::now_ms() - 25 * 3_600_000;
        let noticed = format!("update conversations set notice_at = {long_ago} where notice_at is not null");
        assert_eq!(app.change(&noticed).await, 1);
        let refused = Failure::Status(400, Graph::error(131_026, "Message undeliverable"), None);
        app.whatsapp.fail_next_to(SUPPORT, 1, &refused);
        says(&app, STAFF, "1", "I want a human.").await;
        app.settle().await;
        pause(300).await;
        assert_eq!((alarms(&app).await.len(), cases(&app).await.len()), (0, 2));
        app.stop().await;
    }

    async fn an_outage_is_one_notice_and_a_case_for_each_customer(db) {
        let app = Setup::on(db).start().await;
        app.model.fail_next(99, &Failure::Status(400, json!({"error": {"message": "Unknown"}}), None));
        for customer in [CUSTOMER, OTHER] {
            says(&app, customer, "1", "Do you sell submarines?").await;
            app.settle().await;
        }
        until("both have a case", async || cases(&app).await.len() == 2).await;
        pause(500).await;
        app.settle().await;
        assert_eq!(got(&app, SUPPORT).len(), 1);
        let repeated = "update escalations set created_at = created_at - 601000 where told = 1";
        assert_eq!(app.change(repeated).await, 1);
        says(&app, "447700952103", "1", "Do you sell submarines?").await;
        app.settle().await;
        until("it is said again", async || got(&app, SUPPORT).len() == 2).await;
        app.stop().await;
    }

    async fn who_answers_a_notice_is_no_customer(db) {
        let app = desk(db).await;
        let conversation = app.conversation_with(STAFF).await;
        assert_eq!((&conversation["staff"], &conversation["contact_name"]), (&true.into(), &Value::Null));
        assert_eq!(app.conversation_with(CUSTOMER).await["staff"], false);
        for (id, text) in [("1", "I take it."), ("2", "When do you close on Saturday?")] {
            says(&app, STAFF, id, text).await;
        }
        app.settle().await;
        pause(300).await;
        assert_eq!((got(&app, SUPPORT).len(), app.model.chat_count()), (1, 0));
        let conversation = app.conversation_with(STAFF).await;
        assert_eq!((owner(&app, STAFF).await.as_str(), &conversation["unread"]), ("bot", &2.into()));
        assert_eq!(conversation["staff"], true);
        for message in app.thread(STAFF).await.iter().filter(|message| message["direction"] == "in") {
            assert_eq!(message["note"], "from a support contact who got a notice", "{message}");
        }
        assert_eq!(cases(&app).await.len(), 1);
        // The notice is long ago: the contact asks as a customer.
        let long_ago = frontdesk::domain::time::now_ms() - 25 * 3_600_000;
        let noticed = format!("update conversations set notice_at = {long_ago} where notice_at is not null");
        assert_eq!(app.change(&noticed).await, 1);
        assert_eq!(app.conversation_with(STAFF).await["staff"], false);
        says(&app, STAFF, "3", "When do you close on Saturday?").await;
        app.settle().await;
        assert_eq!((got(&app, SUPPORT).len(), ours(&app, STAFF).await.len()), (2, 2));
        app.stop().await;
    }

    async fn a_customer_who_is_the_support_contact_stays_a_customer(db) {
        let app = Setup::on(db).start().await;
        says(&app, STAFF, "1", "I want a human.").await;
        app.settle().await;
        assert_eq!(got(&app, SUPPORT).len(), 2, "the sentence, and the notice");
        resolve(&app, STAFF).await;
        says(&app, STAFF, "2", "When do you close on Saturday?").await;
        app.settle().await;
        assert_eq!((got(&app, SUPPORT).len(), app.model.chat_count()), (3, 1));
        app.stop().await;
    }
}
