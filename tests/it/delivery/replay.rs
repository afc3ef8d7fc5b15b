//! Replay of webhooks from the terminal, and their retention.

use super::{Place, TIMEOUT, pause, says, until};
use crate::support::app::{MAIN, SENDER_LIMITS_OFF, Setup, number, on_both};
use crate::support::hooks::text_webhook;

const THIRD: &str = "303030303030303";
const CUSTOMER: &str = "447700951101";

fn third(place: &Place) -> String {
    number("third", "bolt", THIRD, &place.whatsapp.url)
}

/// Returns the webhook ids that a command printed.
fn ids(printed: &str) -> Vec<String> {
    let words = printed.split_whitespace().filter(|word| word.starts_with("hook_"));
    words.map(str::to_owned).collect()
}

/// Returns a place with a question to an unconfigured number and one to a configured number.
async fn lost() -> Place {
    let place = Place::new().await;
    let process = place.start().await;
    place.deliver(&process, text_webhook(MAIN, CUSTOMER, "wamid.known", "When do you open?")).await;
    assert!(place.whatsapp.wait_sent(1, TIMEOUT).await);
    place
        .deliver(&process, text_webhook(THIRD, CUSTOMER, "wamid.lost", "Are you open at night?"))
        .await;
    pause(300).await;
    let alerts = place.get(&process, "/events?alerts=true").await;
    assert!(alerts.to_string().contains(THIRD), "{alerts}");
    assert_eq!(place.whatsapp.sent_count(), 1);
    assert!(process.stop().await);
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_for_a_number_that_is_configured_later_is_answered_by_the_running_desk_once() {
    let place = lost().await;
    place.configure("", &third(&place));
    let process = place.start().await;
    let (well, printed) = place.run(&["webhook", "replay", "--dry-run"]).await;
    assert!(
        well && printed.contains("2 webhooks with 2 items") && printed.contains("dry run"),
        "{printed}"
    );
    pause(600).await;
    assert_eq!(place.whatsapp.sent_count(), 1, "a dry run took something in");
    let (well, printed) = place.run(&["webhook", "replay"]).await;
    assert!(well && printed.contains("1 messages were new"), "{printed}");
    assert!(place.whatsapp.wait_sent(2, TIMEOUT).await);
    for _ in 0..2 {
        let (well, printed) = place.run(&["webhook", "replay"]).await;
        assert!(well && printed.contains("0 messages were new"), "{printed}");
        assert!(printed.contains("2 had been taken in before"), "{printed}");
    }
    pause(1000).await;
    let sent = place.whatsapp.sent();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!(sent[1].number, THIRD);
    assert_eq!(place.model.requests().len(), 2);
    assert!(process.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_running_desk_the_next_one_answers_what_was_taken_in_again() {
    let place = lost().await;
    place.configure("", &third(&place));
    let (well, printed) = place.run(&["webhook", "list"]).await;
    assert!(well && printed.matches("message").count() == 2, "{printed}");
    let webhooks = ids(&printed);
    assert_eq!(webhooks.len(), 2);
    let (well, body) = place.run(&["webhook", "show", &webhooks[1]]).await;
    assert!(well && body.trim_end().starts_with('{') && body.contains("wamid.lost"), "{body}");
    let (well, printed) = place.run(&["webhook", "replay", &webhooks[1]]).await;
    assert!(well && printed.contains("1 webhooks with 1 items"), "{printed}");
    assert!(printed.contains("frontdesk serve"), "{printed}");
    let process = place.start().await;
    assert!(place.whatsapp.wait_sent(2, TIMEOUT).await);
    pause(600).await;
    assert_eq!(place.whatsapp.sent_count(), 2);
    assert!(process.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_old_for_an_answer_is_taken_in_and_not_answered() {
    let place = lost().await;
    place.configure("", &third(&place));
    pause(1100).await;
    let (well, printed) = place.run(&["webhook", "replay", "--answer", "0m"]).await;
    assert!(well && printed.contains("1 messages were new"), "{printed}");
    let process = place.start().await;
    pause(1000).await;
    assert_eq!(place.whatsapp.sent_count(), 1);
    assert!(process.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_is_not_there_is_named() {
    let place = Place::new().await;
    let nobody = "hook_01J0000000000000000000000X";
    for args in [&["webhook", "show", nobody][..], &["webhook", "replay", nobody]] {
        let (well, printed) = place.run(args).await;
        assert!(!well && printed.contains(nobody) && printed.contains("webhook list"), "{printed}");
    }
    for wrong in ["wamid.1", "hook_", "", "conv_01J0000000000000000000000X"] {
        let (well, printed) = place.run(&["webhook", "show", wrong]).await;
        assert!(
            !well && !printed.is_empty() && !printed.contains("panicked"),
            "{wrong}: {printed}"
        );
    }
    let (well, printed) = place.run(&["webhook", "list"]).await;
    assert!(well && printed.contains("No webhook"), "{printed}");
    let (well, printed) = place.run(&["webhook", "replay"]).await;
    assert!(well && printed.contains("0 webhooks"), "{printed}");
}

on_both! {
    async fn webhooks_that_were_kept_for_long_enough_are_forgotten_and_newer_ones_are_not(db) {
        let setup = Setup::on(db);
        let app = setup.with(SENDER_LIMITS_OFF).start().await;
        for n in 0..4 {
            says(&app, CUSTOMER, &n.to_string(), "When do you open?").await;
            app.settle().await;
        }
        let days_ago = |days: i64| frontdesk::domain::time::now_ms() - days * 86_400_000;
        let old = format!("update webhooks set created_at = {} where id in (select id from webhooks order by id limit 3)", days_ago(3));
        assert_eq!(app.change(&old).await, 3);
        let before = days_ago(2);
        for n in 0.. {
            let gone = app.desk.store.forget_webhooks(before, 2).await.unwrap();
            assert!(gone <= 2, "at most 2 were asked for");
            if gone == 0 {
                break;
            }
            assert!(n < 4, "it does not end");
        }
        assert_eq!(app.desk.store.webhooks().await.unwrap(), 1);
        assert_eq!(app.thread(CUSTOMER).await.len(), 8, "messages are not forgotten");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_that_starts_forgets_old_bodies_and_says_so_when_they_are_asked_for() {
    let place = lost().await;
    let file = format!("sqlite://{}", place.home.path().join("desk.db").display());
    let old = frontdesk::domain::time::now_ms() - 40 * 86_400_000;
    super::change(&file, &format!("update webhooks set created_at = {old}")).await;
    let process = place.start().await;
    let rows = async || place.run(&["webhook", "list", "--since", "60d"]).await.1;
    until("they are forgotten", async || ids(&rows().await).len() == 1).await;
    let listed = rows().await;
    assert!(listed.contains("kept for long enough"), "{listed}");
    let (well, printed) = place.run(&["webhook", "show", &ids(&listed)[0]]).await;
    assert!(!well && printed.contains("keep_webhooks_days"), "{printed}");
    let (well, printed) = place.run(&["webhook", "replay", "--since", "60d"]).await;
    assert!(well && printed.contains("1 bodies were kept for long enough"), "{printed}");
    let alerts = place.get(&process, "/events?alerts=true").await;
    assert!(alerts.to_string().contains(THIRD), "{alerts}");
    assert!(process.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_help_names_ids_as_they_are() {
    let place = Place::new().await;
    for command in ["show", "replay"] {
        let (well, help) = place.run(&["webhook", command, "--help"]).await;
        assert!(well && help.contains("hook_") && !help.contains("web_"), "{help}");
    }
}
