//! Edited and deleted messages: what the bot reads of them and answers, what the inbox shows, and
//! which changes hold, over real HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk::domain::ConversationId;
use frontdesk::domain::time::now_ms;
use frontdesk::domain::{
    Account, Content, Event, Inbound, Item, MessageId, MessageKind, MessageState, Party,
    ProviderKind, WebhookId,
};
use frontdesk::eval::replay::{ReplayOutcome, Turns, replay_turn};
use frontdesk::store::inbox::{Arrival, Offer, TakeIn};
use frontdesk::store::listing::Which;
use frontdesk::store::turn_recordings::TurnRecordingFilter;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::delivery::until;
use crate::support::app::{MAIN, SECOND, Setup, TestApp, on_both};
use crate::support::hooks::{batch, echo_of, echo_webhook, message_webhook, text_webhook};
use crate::support::openai::{last_message, question};
use crate::support::store::{MINUTE, OwnStore, POLICY, connect, publish};

const ADA: &str = "447700900701";
const BEN: &str = "447700900702";

fn text(words: &str) -> Value {
    json!({"type": "text", "text": {"body": words}})
}

fn edit(original: &str, new: &Value) -> Value {
    json!({"type": "edit", "edit": {"original_message_id": original, "message": new}})
}

fn revoke(original: &str) -> Value {
    json!({"type": "revoke", "revoke": {"original_message_id": original}})
}

/// The content with the provider's time: seconds from now.
fn at(mut content: Value, seconds: i64) -> Value {
    content["timestamp"] = (now_ms() / 1000 + seconds).to_string().into();
    content
}

async fn sends(app: &TestApp, id: &str, content: &Value) {
    assert_eq!(app.deliver(&message_webhook(MAIN, ADA, id, content)).await, 200);
}

async fn says(app: &TestApp, id: &str, words: &str) {
    sends(app, id, &text(words)).await;
}

/// Waits until the model was asked so many times.
async fn asked(app: &TestApp, times: u64) {
    until("the model is asked", async || app.model.chat_count() >= times).await;
}

/// The texts of the thread with the customer, with their authors, sorted: an answer may be of the
/// same second as its question.
async fn shown(app: &TestApp) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let thread = app.thread(ADA).await.into_iter();
    let mut shown: Vec<_> = thread.map(|one| (word(&one["author"]), word(&one["text"]))).collect();
    shown.sort();
    shown
}

async fn replay_all(app: &TestApp) -> usize {
    let mut turns = Turns::of(&app.desk.store, TurnRecordingFilter::default());
    let mut replayed = 0;
    while let Some(page) = turns.next().await.unwrap() {
        for turn in page {
            let turn = turn.map_err(|(id, why)| format!("{id}: {why}")).unwrap();
            assert_eq!(replay_turn(&app.desk.engine, &turn).await, ReplayOutcome::Same);
            replayed += 1;
        }
    }
    replayed
}

on_both! {
    async fn an_edit_before_the_answer_changes_the_question_as_often_as_it_comes(db) {
        let app = Setup::on(db).start().await;
        app.model.hold();
        says(&app, "wamid.1", "When do you open on Saturday?").await;
        asked(&app, 1).await;
        // The second edit comes when the turn gives up no answer any more for a newer message.
        for (n, words) in [(2, "Can I return a shelf?"), (3, "Can I return a lamp?")] {
            sends(&app, &format!("wamid.e{n}"), &edit("wamid.1", &text(words))).await;
            asked(&app, n).await;
        }
        app.model.release();
        app.settle().await;
        let asked: Vec<_> = app.model.requests().iter().map(|one| question(one).to_owned()).collect();
        assert_eq!(asked.last().unwrap(), "Can I return a lamp?");
        assert_eq!(app.received().len(), 1, "{:?}", app.received());
        assert!(app.received()[0].1.contains("Can I return a lamp?"), "{:?}", app.received());
        let thread = app.thread(ADA).await;
        assert_eq!(thread.len(), 2, "{thread:?}");
        let edited = &thread[0];
        assert_eq!((&edited["text"], &edited["state"]), (&json!("Can I return a lamp?"), &json!("answered")));
        assert_eq!(edited["original_text"], "When do you open on Saturday?");
        assert!(edited["edited_at"].as_i64().is_some() && edited["deleted_at"].is_null(), "{edited}");
        let conversation = app.conversation_with(ADA).await;
        assert_eq!((&conversation["unread"], &conversation["last_author"]), (&json!(1), &json!("bot")));
        assert_eq!(replay_all(&app).await, 1);
        app.stop().await;
    }

    async fn an_edit_after_the_answer_is_known_and_not_answered_again(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "Noted.".into());
        says(&app, "wamid.1", "I bought a zebra lamp.").await;
        app.settle().await;
        let before = app.conversation_with(ADA).await;
        for _ in 0..2 {
            sends(&app, "wamid.e", &edit("wamid.1", &text("I bought a giraffe lamp."))).await;
        }
        app.settle().await;
        assert_eq!((app.model.chat_count(), app.received().len()), (1, 1));
        let after = app.conversation_with(ADA).await;
        for kept in ["unread", "last_message_at", "last_inbound_at", "last_text", "last_kind", "waiting"] {
            assert_eq!(after[kept], before[kept], "{kept}");
        }
        let said = |author: &str, words: &str| (author.to_owned(), words.to_owned());
        let both = [said("bot", "Noted."), said("customer", "I bought a giraffe lamp.")];
        assert_eq!(shown(&app).await, both, "the edit is no message of its own");

        let mut quoting = text("Can I return it?");
        quoting["context"] = json!({"id": "wamid.1"});
        sends(&app, "wamid.2", &quoting).await;
        app.settle().await;
        let request = app.model.requests().pop().unwrap().to_string();
        assert!(!request.contains("zebra"), "{request}");
        assert_eq!(request.matches("giraffe").count(), 2, "in the history and in the quote: {request}");
        assert_eq!(app.received().len(), 2);
        assert_eq!(replay_all(&app).await, 2);
        app.stop().await;
    }

    async fn what_is_deleted_before_the_answer_is_not_answered(db) {
        let app = Setup::on(db).with("[llm]\nvision = true").start().await;
        let png: &[u8] = include_bytes!("../fixtures/pictures/red-blue.png");
        app.whatsapp.put_media("p1", png, "image/png");
        let picture = json!({"id": "p1", "mime_type": "image/png", "caption": "My passport",
            "sha256": STANDARD.encode(Sha256::digest(png))});
        app.model.hold();
        sends(&app, "wamid.1", &json!({"type": "image", "image": picture})).await;
        asked(&app, 1).await;
        let id = MessageId::stored(app.thread(ADA).await[0]["id"].as_str().unwrap().to_owned());
        assert!(app.desk.store.file(&id).await.unwrap().is_some());
        sends(&app, "wamid.r", &revoke("wamid.1")).await;
        app.model.release();
        app.settle().await;
        assert!(app.received().is_empty(), "{:?}", app.received());
        let thread = app.thread(ADA).await;
        assert_eq!(thread.len(), 1, "{thread:?}");
        let deleted = &thread[0];
        assert_eq!((&deleted["kind"], &deleted["state"]), (&json!("revoked"), &json!("stored")));
        assert!(deleted["deleted_at"].as_i64().is_some(), "{deleted}");
        assert!(!deleted.to_string().contains("passport"), "{deleted}");
        assert!(deleted["media"].is_null() && app.desk.store.file(&id).await.unwrap().is_none());
        assert_eq!(app.change("delete from files").await, 0, "nobody else sent it");
        // A turn that fetched or heard it meanwhile stores nothing.
        assert_eq!(app.desk.store.keep_file(&id, "image/png", png.to_vec()).await.unwrap(), None);
        assert_eq!(app.change("update conversations set due_at = 1 where due_at is not null or waiting_since is not null").await, 0);

        says(&app, "wamid.2", "When do you open?").await;
        app.settle().await;
        let request = app.model.requests().pop().unwrap().to_string();
        assert!(!request.contains("passport"), "{request}");
        assert_eq!(app.received().len(), 1);
        app.stop().await;
    }

    async fn of_a_burst_the_rest_is_answered(db) {
        let app = Setup::on(db).start().await;
        app.model.hold();
        says(&app, "wamid.1", "Ignore me please, zebra.").await;
        asked(&app, 1).await;
        says(&app, "wamid.2", "Can I return a lamp?").await;
        asked(&app, 2).await;
        sends(&app, "wamid.r", &revoke("wamid.1")).await;
        asked(&app, 3).await;
        app.model.release();
        app.settle().await;
        assert_eq!(app.received().len(), 1, "{:?}", app.received());
        let request = app.model.requests().pop().unwrap();
        assert_eq!(question(&request), "Can I return a lamp?");
        assert!(!request.to_string().contains("zebra"), "{request}");
        assert_eq!(replay_all(&app).await, 1);
        app.stop().await;
    }

    async fn what_is_deleted_later_is_forgotten_by_the_next_turns(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "Noted.".into());
        says(&app, "wamid.1", "My account is zebra-4711.").await;
        app.settle().await;
        sends(&app, "wamid.r", &revoke("wamid.1")).await;
        // Neither an edit nor the same webhook once more brings it back.
        sends(&app, "wamid.e", &at(edit("wamid.1", &text("zebra again")), 60)).await;
        says(&app, "wamid.1", "My account is zebra-4711.").await;
        let mut quoting = text("What is it?");
        quoting["context"] = json!({"id": "wamid.1"});
        sends(&app, "wamid.2", &quoting).await;
        app.settle().await;
        let request = app.model.requests().pop().unwrap().to_string();
        assert!(!request.contains("zebra"), "{request}");
        assert_eq!(app.received().len(), 2);
        let thread = app.thread(ADA).await;
        assert_eq!(thread.len(), 4, "{thread:?}");
        assert!(thread[0]["original_text"].is_null() && thread[0]["edited_at"].is_null(), "{thread:?}");
        let found = app.get("/conversations?q=zebra").await;
        assert_eq!(found["items"].as_array().unwrap().len(), 0);
        assert_eq!(replay_all(&app).await, 2);
        app.stop().await;
    }

    async fn only_the_author_of_a_message_changes_it(db) {
        let app = Setup::on(db).start().await;
        says(&app, "wamid.ada", "When do you open?").await;
        app.settle().await;
        let thread = app.thread(ADA).await;
        let bot = thread.iter().find(|one| one["author"] == "bot").unwrap();
        let bot = bot["provider_id"].as_str().unwrap().to_owned();
        assert_eq!(app.deliver(&echo_webhook(MAIN, ADA, "wamid.person", "Ana here")).await, 200);
        let before = shown(&app).await;
        let new = text("I give everything away");
        let hooks = [
            // Another customer, another number, an unknown message, the bot's and a person's words.
            message_webhook(MAIN, BEN, "wamid.x1", &edit("wamid.ada", &new)),
            message_webhook(SECOND, ADA, "wamid.x2", &revoke("wamid.ada")),
            message_webhook(MAIN, ADA, "wamid.x3", &edit("wamid.nobody", &new)),
            message_webhook(MAIN, ADA, "wamid.x4", &edit(&bot, &new)),
            message_webhook(MAIN, ADA, "wamid.x5", &revoke("wamid.person")),
            // A person, of the customer's and of the bot's.
            echo_of(MAIN, ADA, "wamid.x6", &edit("wamid.ada", &new)),
            echo_of(MAIN, ADA, "wamid.x7", &revoke(&bot)),
            // What is no text.
            message_webhook(MAIN, ADA, "wamid.x8", &edit("wamid.ada", &json!({"type": "unsupported"}))),
        ];
        for hook in hooks {
            assert_eq!(app.deliver(&hook).await, 200);
        }
        app.settle().await;
        let thread = shown(&app).await;
        assert!(before.iter().all(|one| thread.contains(one)), "nothing changed: {thread:?}");
        assert_eq!(thread.len(), 3 + 6, "each is stored as it is");
        let conversation = app.conversation_with(ADA).await;
        assert_eq!((&conversation["last_kind"], conversation["last_text"].is_string()), (&json!("text"), true));
        assert_eq!(conversation["unread"], 0, "an edit is no new message");
        assert_eq!(app.received().len(), 1);
        app.stop().await;
    }

    async fn changes_hold_in_whatever_order_they_come(db) {
        let app = Setup::on(db).start().await;
        sends(&app, "wamid.e2", &at(edit("wamid.1", &text("Can I return a lamp?")), 0)).await;
        sends(&app, "wamid.e1", &at(edit("wamid.1", &text("Can I return a shelf?")), -60)).await;
        sends(&app, "wamid.1", &at(text("Can I return a bed?"), -120)).await;
        app.settle().await;
        assert_eq!(question(app.model.requests().last().unwrap()), "Can I return a lamp?");
        sends(&app, "wamid.e0", &at(edit("wamid.1", &text("Can I return a chair?")), -90)).await;
        let thread = app.thread(ADA).await;
        assert_eq!((thread.len(), &thread[0]["text"]), (2, &json!("Can I return a lamp?")));
        assert_eq!(thread[0]["original_text"], "Can I return a bed?");

        // A deletion comes first, alone and in one webhook with its message.
        sends(&app, "wamid.r2", &revoke("wamid.2")).await;
        says(&app, "wamid.2", "My zebra password").await;
        let both = batch(&[
            message_webhook(MAIN, ADA, "wamid.r3", &revoke("wamid.3")),
            text_webhook(MAIN, ADA, "wamid.3", "My zebra password"),
        ]);
        assert_eq!(app.deliver(&both).await, 200);
        app.settle().await;
        assert_eq!(app.received().len(), 1, "{:?}", app.received());
        let thread = app.thread(ADA).await;
        let deleted = |one: &&Value| one["deleted_at"].is_i64() && one["text"].is_null();
        assert_eq!((thread.len(), thread.iter().filter(deleted).count()), (4, 2), "{thread:?}");
        // In one webhook in their order.
        let both = batch(&[
            text_webhook(MAIN, ADA, "wamid.4", "My zebra password"),
            message_webhook(MAIN, ADA, "wamid.e4", &edit("wamid.4", &text("Do you sell beds?"))),
        ]);
        assert_eq!(app.deliver(&both).await, 200);
        app.settle().await;
        let request = app.model.requests().pop().unwrap();
        assert_eq!(question(&request), "Do you sell beds?");
        assert!(!request.to_string().contains("zebra"), "{request}");
        assert_eq!(app.received().len(), 2);
        app.stop().await;
    }

    async fn a_person_changes_what_they_wrote_in_the_app(db) {
        let app = Setup::on(db).start().await;
        assert_eq!(app.deliver(&echo_webhook(MAIN, ADA, "wamid.p1", "Your zebra lamp is ready.")).await, 200);
        assert_eq!(app.deliver(&echo_webhook(MAIN, ADA, "wamid.p2", "My phone is 4711.")).await, 200);
        let id = app.conversation_with(ADA).await["id"].as_str().unwrap().to_owned();
        assert_eq!(app.call(&format!("/conversations/{id}/resolve"), &json!({})).await.0, 200);
        let edited = edit("wamid.p1", &text("Your giraffe lamp is ready."));
        assert_eq!(app.deliver(&echo_of(MAIN, ADA, "wamid.e", &edited)).await, 200);
        assert_eq!(app.deliver(&echo_of(MAIN, ADA, "wamid.r", &revoke("wamid.p2"))).await, 200);
        let conversation = app.conversation_with(ADA).await;
        assert_eq!(conversation["owner"], "bot", "nothing new was written");
        let thread = app.thread(ADA).await;
        assert_eq!(thread.len(), 2, "{thread:?}");
        assert_eq!(thread[0]["original_text"], "Your zebra lamp is ready.");
        assert_eq!((&thread[1]["kind"], &thread[1]["author"]), (&json!("revoked"), &json!("person")));
        says(&app, "wamid.1", "Which one?").await;
        app.settle().await;
        let request = app.model.requests().pop().unwrap().to_string();
        assert!(request.contains("giraffe") && !request.contains("zebra") && !request.contains("4711"), "{request}");
        assert_eq!(app.received().len(), 1);
        app.stop().await;
    }

    async fn rules_read_the_new_words_and_stop_is_stop(db) {
        let app = Setup::on(db).start().await;
        app.model.hold();
        says(&app, "wamid.1", "When do you open?").await;
        asked(&app, 1).await;
        sends(&app, "wamid.e1", &edit("wamid.1", &text("I want a human"))).await;
        app.model.release();
        app.settle().await;
        let case = app.get("/escalations").await["items"][0].clone();
        assert_eq!(case["question"], "I want a human");
        let id = app.conversation_with(ADA).await["id"].as_str().unwrap().to_owned();
        assert_eq!(app.call(&format!("/conversations/{id}/resolve"), &json!({})).await.0, 200);
        app.model.hold();
        says(&app, "wamid.2", "Do you sell beds?").await;
        asked(&app, 2).await;
        sends(&app, "wamid.e2", &edit("wamid.2", &text("STOP"))).await;
        app.model.release();
        app.settle().await;
        assert_eq!(app.conversation_with(ADA).await["opted_out"], true);
        let authors: Vec<_> = shown(&app).await.into_iter().map(|(author, _)| author).collect();
        assert_eq!(authors, ["customer", "customer", "notice"], "STOP is no question");
        app.stop().await;
    }

    async fn a_new_caption_leaves_the_file(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "Noted.".into());
        let offer: &[u8] = b"# Offer\n\nOffer 4,711 of Rival Lamps.\n";
        app.whatsapp.put_media("d1", offer, "text/markdown");
        let file = json!({"id": "d1", "mime_type": "text/markdown", "filename": "offer.md",
            "sha256": STANDARD.encode(Sha256::digest(offer)), "caption": "Zebra?"});
        app.model.hold();
        sends(&app, "wamid.1", &json!({"type": "document", "document": file})).await;
        asked(&app, 1).await;
        let new = json!({"type": "document", "document": {"caption": "Can you match this offer?"}});
        sends(&app, "wamid.e", &edit("wamid.1", &new)).await;
        asked(&app, 2).await;
        app.model.release();
        app.settle().await;
        let request = app.model.requests().pop().unwrap();
        let asked = last_message(&request);
        assert!(asked.contains("offer.md") && asked.contains("Offer 4,711 of Rival Lamps."), "{asked}");
        assert!(asked.ends_with("Can you match this offer?") && !asked.contains("Zebra"), "{asked}");
        let message = app.thread(ADA).await[0].clone();
        assert_eq!((&message["media"]["name"], &message["media"]["state"]), (&json!("offer.md"), &json!("stored")));
        assert_eq!(message["original_text"], "Zebra?");
        assert_eq!(replay_all(&app).await, 1);
        app.stop().await;
    }

    async fn a_webhook_that_is_read_again_brings_nothing_back(db) {
        let OwnStore { store, home: _home, .. } = OwnStore::on(db).await;
        let agent = publish(&store).await;
        let number = connect(&store, ("main", "main"), &agent).await;
        let take = async |id: &str, content: Content, again: Option<WebhookId>| {
            let message = Inbound {
                provider_id: id.into(),
                from: Party { wa_id: Some(ADA.into()), ..Party::default() },
                sent_at: now_ms(),
                content,
                reply_to: None,
                referral: None,
                group: None,
                imported: false,
                faults: Vec::new(),
            };
            let (account, event) = (Account::default(), Event::Message(Box::new(message)));
            let item = Item { number: Some("main".into()), account, event };
            let arrival = Arrival { number: Some(number.clone()), item, policy: POLICY, authenticated: true };
            let (body, candidates, turns) = (b"{}".to_vec(), Vec::new(), Offer::default());
            let webhook = TakeIn { provider: ProviderKind::Meta, body, items: vec![arrival], candidates, again, turns };
            store.take_in(webhook).await.unwrap()
        };
        let words = || Content::Text { body: "My zebra password".into() };
        take("wamid.1", words(), None).await;
        take("wamid.r", Content::Revoked { original: "wamid.1".into() }, None).await;
        let again = Some(WebhookId::generate());
        assert_eq!(take("wamid.1", words(), again).await.mended, 0);
        assert!(store.claim_turns(10, MINUTE).await.unwrap().is_empty());
        let id = store.conversations(&Which::default(), None, 10).await.unwrap().remove(0).id;
        let thread = store.thread(&ConversationId::stored(id), None, 10).await.unwrap();
        assert_eq!(thread.len(), 1, "{thread:?}");
        assert_eq!((thread[0].kind, thread[0].state), (MessageKind::Revoked, MessageState::Stored));
        assert_eq!(thread[0].body, None);
        assert!(thread[0].original.as_deref().is_some_and(|first| first.contains("zebra")), "kept until retention");
    }
}
