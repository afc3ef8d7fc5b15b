//! Edited and deleted messages: what the bot reads of them and answers, what the inbox shows, and
//! which changes hold, over real HTTP.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk::domain::intake::IntakePolicy;
use frontdesk::domain::time::now_ms;
use frontdesk::domain::{
    Account, AgentId, Author, Content, ConversationId, Event, Inbound, Item, MessageId,
    MessageKind, MessageState, NumberId, Party, ProviderKind, WebhookId,
};
use frontdesk::store::Store;
use frontdesk::store::figures::Span;
use frontdesk::store::finish::{CommitOutcome, FinishedTurn};
use frontdesk::store::inbox::{Arrival, Offer, TakeIn, TakenIn};
use frontdesk::store::listing::Which;
use frontdesk::store::turns::{Claim, ConversationSnapshot};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::delivery::until;
use crate::replay::all_the_same;
use crate::support::app::{Db, MAIN, SECOND, Setup, TestApp, on_both};
use crate::support::hooks::{batch, echo_of, echo_webhook, message_webhook, text_webhook};
use crate::support::openai::{last_message, question};
use crate::support::store::{MINUTE, OwnStore, POLICY, connect, finished, publish};

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

/// How many stored messages hold these words, whatever shows them.
async fn held(app: &TestApp, words: &str) -> u64 {
    let sql = "update messages set updated_at = updated_at where content like '%WORDS%' or body like '%WORDS%'
               or original like '%WORDS%' or transcript like '%WORDS%'";
    app.change(&sql.replace("WORDS", words)).await
}

/// Waits until the model was asked so many times.
async fn asked(app: &TestApp, times: u64) {
    until("the model is asked", async || app.model.chat_count() >= times).await;
}

/// The texts of the thread with the customer, with their authors, sorted: an answer may be of the
/// same second as its question.
async fn shown(app: &TestApp) -> Vec<(String, String)> {
    authors_and_texts(&app.thread(ADA).await)
}

fn authors_and_texts(thread: &[Value]) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let thread = thread.iter();
    let mut shown: Vec<_> = thread.map(|one| (word(&one["author"]), word(&one["text"]))).collect();
    shown.sort();
    shown
}

/// The provider's ids of the bot's messages, in their order.
async fn bots(app: &TestApp) -> Vec<String> {
    let thread = app.thread(ADA).await.into_iter().filter(|one| one["author"] == "bot");
    thread.map(|one| one["provider_id"].as_str().unwrap().to_owned()).collect()
}

fn text_of(body: &str) -> Content {
    Content::Text { body: body.into() }
}

/// A store with a number, and the turns that were begun there.
struct Ground {
    store: Store,
    agent: AgentId,
    number: NumberId,
    turns: Mutex<Vec<FinishedTurn>>,
    claim: Mutex<Option<Claim>>,
    _home: TempDir,
}

impl Ground {
    async fn on(db: Db) -> Self {
        let OwnStore { store, home, .. } = OwnStore::on(db).await;
        let agent = publish(&store).await;
        let number = connect(&store, ("main", "main"), &agent).await;
        let (turns, claim) = (Mutex::default(), Mutex::default());
        Self { store, agent, number, turns, claim, _home: home }
    }

    /// Takes in a message of the customer.
    async fn take(&self, id: &str, content: Content, policy: &IntakePolicy) {
        self.take_in(None, (id, content), policy).await;
    }

    async fn take_in(
        &self,
        again: Option<WebhookId>,
        (id, content): (&str, Content),
        policy: &IntakePolicy,
    ) -> TakenIn {
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
        let (number, policy) = (Some(self.number.clone()), policy.clone());
        let items = vec![Arrival { number, item, policy, authenticated: true }];
        let (body, candidates, turns) = (b"{}".to_vec(), Vec::new(), Offer::default());
        let provider = ProviderKind::Meta;
        self.store
            .take_in(TakeIn { provider, body, items, candidates, again, turns })
            .await
            .unwrap()
    }

    /// Begins the turn of this claim, or goes on with that of the last one. Returns what it reads.
    async fn turn(&self, claim: Option<Claim>) -> ConversationSnapshot {
        let mut last = self.claim.lock().await;
        if let Some(claim) = claim {
            self.turns
                .lock()
                .await
                .push(finished(&self.store, &self.agent, &claim, &["answer"]).await);
            *last = Some(claim);
        }
        self.store.read_snapshot(last.as_ref().unwrap(), 50, 0).await.unwrap()
    }
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
        assert_eq!(all_the_same(&app).await, 1);
        app.stop().await;
    }

    async fn who_goes_on_editing_is_answered_once_and_soon(db) {
        let app = Setup::on(db).start().await;
        app.model.hold();
        says(&app, "wamid.1", "Can I return lamp 0?").await;
        asked(&app, 1).await;
        for n in 1..=20 {
            sends(&app, &format!("wamid.e{n}"), &edit("wamid.1", &text(&format!("Can I return lamp {n}?")))).await;
            // Two edits end their turn, and the third the first attempt of the next one.
            asked(&app, (n + 1).min(4)).await;
        }
        app.model.release();
        app.settle().await;
        assert_eq!(app.model.chat_count(), 4);
        assert_eq!(app.received().len(), 1, "{:?}", app.received());
        assert!(app.received()[0].1.contains("Can I return lamp 3?"), "{:?}", app.received());
        let edited = app.thread(ADA).await[0].clone();
        assert_eq!((&edited["text"], &edited["state"]), (&json!("Can I return lamp 20?"), &json!("answered")));
        says(&app, "wamid.2", "How long does it take?").await;
        app.settle().await;
        let request = app.model.requests().pop().unwrap().to_string();
        assert!(request.contains("Can I return lamp 20?"), "{request}");
        assert_eq!(app.received().len(), 2);
        app.stop().await;
    }

    async fn an_edit_restarts_the_quiet_gap_and_ends_two_turns(db) {
        let ground = Ground::on(db).await;
        let policy = IntakePolicy { gap_ms: 500, max_burst_ms: 60_000, ..POLICY };
        ground.take("wamid.1", text_of("a"), &policy).await;
        let mut quiet_at = 0;
        for n in 0..6 {
            let claim = ground.store.claim_turns(10, MINUTE).await.unwrap().pop();
            let ended = n <= 2;
            assert_eq!(claim.is_some(), ended, "{n}");
            let before = ground.turn(claim).await;
            let now = before.quiet_at.unwrap();
            assert!(now >= quiet_at + i64::from(n > 0), "{n}: {quiet_at} {now}");
            quiet_at = now;
            tokio::time::sleep(Duration::from_millis(2)).await;
            let edited = Content::Edited { original: "wamid.1".into(), content: Some(text_of(&format!("b{n}")).into()) };
            ground.take(&format!("wamid.e{n}"), edited, &policy).await;
        }
        let mut turns = ground.turns.lock().await;
        assert_eq!(turns.len(), 3);
        let mut outcomes = Vec::new();
        for turn in turns.drain(..) {
            outcomes.push(ground.store.commit_turn(turn).await.unwrap());
        }
        assert_eq!(outcomes, [CommitOutcome::Overtaken, CommitOutcome::Overtaken, CommitOutcome::Yes(None)]);
        // What comes after the answer is another matter.
        ground.take("wamid.2", text_of("c"), &policy).await;
        assert_eq!(ground.store.claim_turns(10, MINUTE).await.unwrap().len(), 1);
        let edited = Content::Edited { original: "wamid.2".into(), content: Some(text_of("d").into()) };
        ground.take("wamid.e", edited, &policy).await;
        assert_eq!(ground.store.claim_turns(10, MINUTE).await.unwrap().len(), 1);
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
        assert_eq!(all_the_same(&app).await, 2);
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
        assert_eq!(all_the_same(&app).await, 1);
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
        assert_eq!(held(&app, "zebra").await, 0, "nothing keeps it");
        let found = app.get("/conversations?q=zebra").await;
        assert_eq!(found["items"].as_array().unwrap().len(), 0);
        assert_eq!(all_the_same(&app).await, 2);
        app.stop().await;
    }

    async fn a_turn_that_has_a_deleted_message_in_its_history_is_ended(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "Noted.".into());
        says(&app, "wamid.1", "My account is zebra-4711.").await;
        app.settle().await;
        let own = bots(&app).await.remove(0);
        for (round, deleted) in ["wamid.1", own.as_str()].into_iter().enumerate() {
            let before = app.model.chat_count();
            app.model.hold();
            says(&app, &format!("wamid.q{round}"), "What is it?").await;
            asked(&app, before + 1).await;
            if round == 0 {
                sends(&app, "wamid.r", &revoke(deleted)).await;
            } else {
                let echo = echo_of(MAIN, ADA, "wamid.er", &revoke(deleted));
                assert_eq!(app.deliver(&echo).await, 200);
            }
            asked(&app, before + 2).await;
            app.model.release();
            app.settle().await;
            let request = app.model.requests().pop().unwrap().to_string();
            assert!(!request.contains("zebra"), "{request}");
            assert_eq!(app.received().len(), 2 + round, "once");
        }
        app.stop().await;
    }

    async fn the_case_of_a_burst_forgets_what_was_deleted_of_it(db) {
        let app = Setup::on(db).start().await;
        let burst = batch(&[
            text_webhook(MAIN, ADA, "wamid.1", "My card is zebra-4711"),
            text_webhook(MAIN, ADA, "wamid.2", "I want a human"),
        ]);
        assert_eq!(app.deliver(&burst).await, 200);
        app.settle().await;
        let question = async || app.get("/escalations").await["items"][0]["question"].to_string();
        assert!(question().await.contains("zebra"), "{}", question().await);
        sends(&app, "wamid.r", &revoke("wamid.1")).await;
        assert!(!question().await.contains("zebra"), "{}", question().await);
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
        let id = app.conversation_with(ADA).await["id"].as_str().unwrap().to_owned();
        let new = text("I give everything away");
        let hooks = [
            // Another customer, another number, an unknown message, the bot's and a person's words.
            message_webhook(MAIN, BEN, "wamid.x1", &edit("wamid.ada", &new)),
            message_webhook(SECOND, ADA, "wamid.x2", &revoke("wamid.ada")),
            message_webhook(MAIN, ADA, "wamid.x3", &edit("wamid.nobody", &new)),
            message_webhook(MAIN, ADA, "wamid.x4", &edit(&bot, &new)),
            message_webhook(MAIN, ADA, "wamid.x5", &revoke("wamid.person")),
            // A person, of the customer's.
            echo_of(MAIN, ADA, "wamid.x6", &edit("wamid.ada", &new)),
            echo_of(MAIN, ADA, "wamid.x7", &revoke("wamid.ada")),
            // What is no text.
            message_webhook(MAIN, ADA, "wamid.x8", &edit("wamid.ada", &json!({"type": "unsupported"}))),
        ];
        for hook in hooks {
            assert_eq!(app.deliver(&hook).await, 200);
        }
        app.settle().await;
        let thread = app.get(&format!("/conversations/{id}/messages")).await;
        let thread = authors_and_texts(thread["items"].as_array().unwrap());
        assert!(before.iter().all(|one| thread.contains(one)), "nothing changed: {thread:?}");
        assert_eq!(thread.len(), 3 + 6, "each is stored as it is");
        let open = "update messages set note = note where changed_id is null and changes in ('wamid.ada', 'wamid.person')";
        assert_eq!(app.change(open).await, 2, "the other customer's and the other number's: the rest is not looked at again");
        let conversation = app.get(&format!("/conversations/{id}")).await;
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

    async fn a_person_corrects_the_bot_in_the_app_and_the_bot_keeps_the_conversation(db) {
        let app = Setup::on(db).start().await;
        let request = || app.model.requests().pop().unwrap().to_string();
        app.model.answer_with(|_| "It costs 10 zebras.".into());
        says(&app, "wamid.1", "What does the lamp cost?").await;
        app.settle().await;
        let bot = bots(&app).await.remove(0);
        assert_eq!(app.deliver(&echo_of(MAIN, ADA, "wamid.e", &edit(&bot, &text("It costs 99 giraffes.")))).await, 200);
        says(&app, "wamid.2", "And the bed?").await;
        app.settle().await;
        assert!(request().contains("99 giraffes") && !request().contains("zebra"), "{}", request());
        let bot = bots(&app).await.remove(1);
        assert_eq!(app.deliver(&echo_of(MAIN, ADA, "wamid.r", &revoke(&bot))).await, 200);
        says(&app, "wamid.3", "And the shelf?").await;
        app.settle().await;
        assert!(request().contains("99 giraffes") && !request().contains("zebra"), "{}", request());
        assert_eq!(app.conversation_with(ADA).await["owner"], "bot");
        assert_eq!(app.received().len(), 3);
        // Nor does the change of a message that is not known.
        assert_eq!(app.deliver(&echo_of(MAIN, ADA, "wamid.r2", &revoke("wamid.nobody"))).await, 200);
        assert_eq!(app.conversation_with(ADA).await["owner"], "bot");
        app.stop().await;
    }

    async fn of_an_answer_in_parts_each_part_is_changed_alone(db) {
        let app = Setup::on(db).start().await;
        let part = |animal: &str| format!("The {animal} lamp is ready. ").repeat(110);
        let whole = format!("{}\n\n{}", part("zebra"), part("giraffe"));
        app.model.answer_with(move |_| whole.clone());
        says(&app, "wamid.1", "Which lamps are ready?").await;
        app.settle().await;
        let parts = bots(&app).await;
        assert_eq!(parts.len(), 2, "{parts:?}");
        assert_eq!(app.deliver(&echo_of(MAIN, ADA, "wamid.e", &edit(&parts[0], &text("Only the lion lamp is.")))).await, 200);
        says(&app, "wamid.2", "Which one?").await;
        app.settle().await;
        let request = app.model.requests().pop().unwrap().to_string();
        assert!(request.contains("lion") && request.contains("giraffe") && !request.contains("zebra"), "{request}");
        app.stop().await;
    }

    async fn stop_counts_whenever_the_edit_comes(db) {
        let app = Setup::on(db).start().await;
        says(&app, "wamid.0", "Do you sell lamps?").await;
        app.settle().await;
        // Before its message, which may never come.
        sends(&app, "wamid.e", &edit("wamid.1", &text("STOP"))).await;
        app.settle().await;
        assert_eq!(app.conversation_with(ADA).await["opted_out"], true);
        says(&app, "wamid.1", "When do you open?").await;
        app.settle().await;
        assert_eq!((app.received().len(), app.model.chat_count()), (1, 1));
        // Nor is it a question for one who wants messages again.
        says(&app, "wamid.start", "START").await;
        sends(&app, "wamid.e2", &edit("wamid.2", &text("STOP"))).await;
        says(&app, "wamid.start2", "START").await;
        says(&app, "wamid.2", "When do you open?").await;
        app.settle().await;
        assert_eq!(app.conversation_with(ADA).await["opted_out"], false);
        assert_eq!(app.model.chat_count(), 1, "{:?}", app.received());
        app.stop().await;
    }

    async fn who_deletes_the_only_question_waits_for_nobody(db) {
        let app = Setup::on(db).start().await;
        says(&app, "wamid.0", "When do you open?").await;
        app.settle().await;
        says(&app, "wamid.1", "I want a human because of my zebra").await;
        app.settle().await;
        assert_eq!(app.deliver(&message_webhook(MAIN, ADA, "wamid.2", &text("Hello?"))).await, 200);
        app.settle().await;
        let shown = async || {
            let one = app.conversation_with(ADA).await;
            (one["waiting"].as_bool().unwrap(), one["unread"].as_i64().unwrap())
        };
        assert_eq!(shown().await, (true, 3));
        sends(&app, "wamid.r2", &revoke("wamid.2")).await;
        assert_eq!(shown().await, (true, 2), "the first one is still there");
        for _ in 0..2 {
            sends(&app, "wamid.r1", &revoke("wamid.1")).await;
        }
        assert_eq!(shown().await, (false, 1));
        let case = app.get("/escalations").await["items"][0].clone();
        assert_eq!((&case["question"], &case["state"]), (&json!(""), &json!("open")));
        assert!(!json!(app.thread(ADA).await).to_string().contains("zebra"));
        // A deletion that overtakes its message, and both in one webhook.
        sends(&app, "wamid.r3", &revoke("wamid.3")).await;
        says(&app, "wamid.3", "Hello?").await;
        let both = batch(&[
            text_webhook(MAIN, ADA, "wamid.4", "Hello?"),
            message_webhook(MAIN, ADA, "wamid.r4", &revoke("wamid.4")),
        ]);
        assert_eq!(app.deliver(&both).await, 200);
        assert_eq!(shown().await, (false, 1));
        says(&app, "wamid.5", "Is anybody there?").await;
        assert_eq!(shown().await, (true, 2));
        let id = app.conversation_with(ADA).await["id"].as_str().unwrap().to_owned();
        assert_eq!(app.call(&format!("/conversations/{id}/seen"), &json!({})).await.0, 204);
        sends(&app, "wamid.r5", &revoke("wamid.5")).await;
        assert_eq!(shown().await, (false, 0), "it was seen");
        app.stop().await;
    }

    async fn changes_are_not_counted_as_messages(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "Noted.".into());
        says(&app, "wamid.1", "I bought a lamp.").await;
        app.settle().await;
        let bot = bots(&app).await.remove(0);
        let whole = [Span { from: 0, to: i64::MAX }];
        let counts = async || {
            let mut all = app.desk.store.figures(&whole).await.unwrap().messages;
            all.retain(|one| one.count != 0);
            all.iter().map(|one| (one.author, one.count)).collect::<Vec<_>>()
        };
        let before = counts().await;
        sends(&app, "wamid.e", &edit("wamid.1", &text("I bought a bed."))).await;
        sends(&app, "wamid.x", &edit("wamid.1", &json!({"type": "unsupported"}))).await;
        sends(&app, "wamid.r", &revoke("wamid.1")).await;
        assert_eq!(app.deliver(&echo_of(MAIN, ADA, "wamid.re", &revoke(&bot))).await, 200);
        assert_eq!(counts().await, before);
        assert_eq!(before, [(Author::Customer, 1), (Author::Bot, 1)]);
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
        assert_eq!(all_the_same(&app).await, 1);
        app.stop().await;
    }

    async fn a_webhook_that_is_read_again_brings_nothing_back(db) {
        let ground = Ground::on(db).await;
        let words = || text_of("My zebra password");
        ground.take("wamid.1", words(), &POLICY).await;
        ground.take("wamid.r", Content::Revoked { original: "wamid.1".into() }, &POLICY).await;
        let again = Some(WebhookId::generate());
        assert_eq!(ground.take_in(again, ("wamid.1", words()), &POLICY).await.mended, 0);
        let store = &ground.store;
        assert!(store.claim_turns(10, MINUTE).await.unwrap().is_empty());
        let id = store.conversations(&Which::default(), None, 10).await.unwrap().remove(0).id;
        let thread = store.thread(&ConversationId::stored(id), None, 10).await.unwrap();
        assert_eq!(thread.len(), 1, "{thread:?}");
        assert_eq!((thread[0].kind, thread[0].state), (MessageKind::Revoked, MessageState::Stored));
        assert_eq!(thread[0].body, None);
        assert_eq!(thread[0].original, None);
    }
}
