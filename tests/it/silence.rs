//! Customers who stay silent after the bot's answer: asked once, their conversation closed later, and
//! nothing of that where anything happened since, or is not allowed.

use frontdesk::domain::ConversationId;
use frontdesk::domain::time::{DAY_MS, now_ms};
use frontdesk::store::staff_messages::Window;
use futures::future::join_all;
use serde_json::json;

use crate::delivery::{cases, got, owner, says, until};
use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::hooks::message_webhook;

const CUSTOMER: &str = "447700990101";
const ASKED: &str = "Did that help?";
const CLOSED: &str = "We close this chat. Write whenever you like.";

const PROMPT: &str = "---
name: Acme Lamps
knowledge: [acme]
handoff: { keywords: [human] }
greeting: Hello from Acme!
grounding: { check: note }
follow_up:
  after_minutes: 240
  text: { default: Did that help?, es: ¿Le ha servido? }
  close_minutes: 1200
  close_text: We close this chat. Write whenever you like.
---
You answer customers of {{ agent }}.
";

async fn start(db: Db) -> TestApp {
    started(Setup::on(db)).await
}

async fn started(setup: Setup) -> TestApp {
    let app = setup.file("prompts/acme.md", PROMPT).start().await;
    app.model.answer_with(|_| "We close at 18:00 [1].".into());
    app
}

/// A customer asks and is answered. Returns what he got.
async fn answered(app: &TestApp, customer: &str, id: &str, text: &str) -> Vec<String> {
    let before = got(app, customer).len();
    says(app, customer, id, text).await;
    until("he is answered", async || got(app, customer).len() > before).await;
    app.settle().await;
    got(app, customer)
}

/// The time of what comes next is there. Returns how many wait for it.
async fn comes(app: &TestApp) -> u64 {
    app.change("update follow_ups set due_at = 1").await
}

/// Waits until nothing is due any more.
async fn is_over(app: &TestApp) {
    until("nothing is due", async || {
        app.change("update follow_ups set due_at = due_at").await == 0
    })
    .await;
    app.settle().await;
}

async fn id_of(app: &TestApp, customer: &str) -> String {
    app.conversation_with(customer).await["id"].as_str().unwrap().to_owned()
}

on_both! {
    async fn a_silent_customer_is_asked_once_and_the_conversation_is_closed_and_opens_again(db) {
        let app = start(db).await;
        answered(&app, CUSTOMER, "1", "When do you close on weekdays?").await;
        let due = format!("update follow_ups set due_at = due_at where due_at between {0} + 14000000 and {0} + 14400000", now_ms());
        assert_eq!(app.change(&due).await, 1, "in four hours");
        assert_eq!(comes(&app).await, 1);
        until("he is asked", async || got(&app, CUSTOMER).len() == 2).await;
        app.settle().await;
        let thread = app.thread(CUSTOMER).await;
        let asked = &thread[2];
        assert_eq!((&asked["author"], &asked["text"]), (&json!("follow_up"), &json!(ASKED)));
        let conversation = app.conversation_with(CUSTOMER).await;
        assert_eq!((&conversation["owner"], &conversation["waiting"]), (&json!("bot"), &json!(false)));
        assert_eq!(conversation["last_author"], "follow_up");
        let later = format!("update follow_ups set due_at = due_at where due_at > {} and ask_text is null", now_ms());
        assert_eq!(app.change(&later).await, 1, "closing is due later");

        assert_eq!(comes(&app).await, 1);
        until("it is closed", async || owner(&app, CUSTOMER).await == "nobody").await;
        is_over(&app).await;
        until("he is told", async || got(&app, CUSTOMER).len() == 3).await;
        assert_eq!(got(&app, CUSTOMER)[1..], [ASKED, CLOSED]);
        assert!(cases(&app).await.is_empty());

        // The next message opens it again, the model reads what was said, and a new silence begins.
        answered(&app, CUSTOMER, "2", "And on Saturday?").await;
        assert_eq!(owner(&app, CUSTOMER).await, "bot");
        let request = app.model.requests().pop().unwrap().to_string();
        assert!(request.contains(ASKED), "{request}");
        assert_eq!(comes(&app).await, 1);
        until("he is asked again", async || got(&app, CUSTOMER).len() == 5).await;
        let told = app.get("/overview").await;
        assert_eq!(told["total"]["by_bot"], 2, "the figures count answers: {told}");
        app.stop().await;
    }

    async fn a_customer_is_asked_in_his_language(db) {
        let app = start(db).await;
        answered(&app, CUSTOMER, "1", "¿A qué hora cierran ustedes los días laborables?").await;
        comes(&app).await;
        until("he is asked", async || got(&app, CUSTOMER).len() == 2).await;
        assert_eq!(got(&app, CUSTOMER)[1], "¿Le ha servido?");
        app.stop().await;
    }

    async fn nobody_is_asked_after_a_hand_off_thanks_an_opt_out_a_person_or_a_reaction(db) {
        let app = start(db).await;
        let customers: Vec<String> = (0..7).map(|n| format!("44770099020{n}")).collect();
        for customer in &customers {
            answered(&app, customer, "1", "When do you close on weekdays?").await;
        }
        let [handed, thanks, stop, person, taken, reaction, case] = &customers[..] else { panic!() };
        answered(&app, handed, "2", "I want a human.").await;
        answered(&app, thanks, "2", "Thank you!").await;
        says(&app, stop, "2", "STOP").await;
        let path = format!("/conversations/{}", id_of(&app, person).await);
        let url = format!("{}/api/v1{path}/messages", app.url);
        let request = app.http.post(url).bearer_auth(KEY).header("idempotency-key", "k");
        assert_eq!(request.json(&json!({"text": "I am here."})).send().await.unwrap().status(), 201);
        app.call(&format!("{path}/resolve"), &json!({})).await;
        let path = format!("/conversations/{}", id_of(&app, taken).await);
        app.call(&format!("{path}/take"), &json!({})).await;
        let thumb = json!({"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": "👍"}});
        app.deliver(&message_webhook(MAIN, reaction, "wamid.reaction", &thumb)).await;
        let open = format!("update conversations set open_cases = 1 where id = '{}'", id_of(&app, case).await);
        assert_eq!(app.change(&open).await, 1);
        app.settle().await;
        let before: Vec<_> = customers.iter().map(|one| got(&app, one).len()).collect();
        assert_eq!(before, [2, 2, 1, 2, 1, 1, 1]);

        // Who said thanks is not asked; the conversation is closed without a word.
        assert_eq!(comes(&app).await, 7);
        is_over(&app).await;
        let after: Vec<_> = customers.iter().map(|one| got(&app, one).len()).collect();
        assert_eq!(after, before, "{:?}", app.received());
        let mut owners = Vec::new();
        for customer in &customers {
            owners.push(owner(&app, customer).await);
        }
        assert_eq!(owners, ["person", "nobody", "bot", "bot", "person", "bot", "bot"]);
        app.stop().await;
    }

    async fn outside_the_window_nothing_is_said_and_the_conversation_is_closed(db) {
        let template = "[numbers.main]\ntemplate = { name = \"hello\", language = \"en\" }";
        let app = started(Setup::on(db).with(template)).await;
        answered(&app, CUSTOMER, "1", "When do you close on weekdays?").await;
        let long_ago = now_ms() - DAY_MS - 1;
        app.change(&format!("update conversations set last_inbound_at = {long_ago}")).await;
        comes(&app).await;
        until("closing is next", async || app.change("update follow_ups set due_at = 1 where ask_text is null").await == 1).await;
        is_over(&app).await;
        assert_eq!((owner(&app, CUSTOMER).await.as_str(), got(&app, CUSTOMER).len()), ("nobody", 1));
        assert!(cases(&app).await.is_empty());
        app.stop().await;
    }

    async fn a_customer_who_writes_while_the_question_waits_to_be_sent_is_not_asked(db) {
        let app = start(db).await;
        answered(&app, CUSTOMER, "1", "When do you close on weekdays?").await;
        let busy = Graph::error(131_000, "Something went wrong");
        app.whatsapp.fail_next(1, &Failure::Status(500, busy, Some(1)));
        comes(&app).await;
        until("it was tried", async || app.whatsapp.tried().len() == 2).await;
        answered(&app, CUSTOMER, "2", "And on Saturday?").await;
        let thread = app.thread(CUSTOMER).await;
        let asked = thread.iter().find(|one| one["author"] == "follow_up").unwrap();
        assert_eq!((&asked["state"], &asked["note"]), (&json!("failed"), &json!("the customer has written")));
        assert!(!got(&app, CUSTOMER).contains(&ASKED.to_owned()), "{:?}", got(&app, CUSTOMER));
        assert!(cases(&app).await.is_empty());
        app.stop().await;
    }

    async fn who_practises_is_not_written_to_later(db) {
        let secrets = format!("[secrets]\nkey = \"{}\"", "5e".repeat(32));
        let app = started(Setup::on(db).with(&secrets)).await;
        let fields = json!({"id": "practice", "secret": "a-secret-of-mine"});
        let number = json!({"slug": "practice", "provider": "sandbox", "agent": "acme", "fields": fields});
        let (_, added) = app.call("/numbers", &number).await;
        let path = format!("/numbers/{}/test", added["id"].as_str().unwrap());
        let said = json!({"to": "+44 7700 990102", "text": "When do you close on weekdays?", "incoming": true});
        let (status, tried) = app.call(&path, &said).await;
        assert_eq!((status.as_u16(), &tried["ok"]), (200, &json!(true)), "{tried}");
        app.settle().await;
        assert!(app.thread("447700990102").await.iter().any(|one| one["direction"] == "out"));
        assert_eq!(comes(&app).await, 0);
        app.stop().await;
    }

    async fn several_processes_ask_once(db) {
        let app = start(db).await;
        answered(&app, CUSTOMER, "1", "When do you close on weekdays?").await;
        let id = ConversationId::stored(id_of(&app, CUSTOMER).await);
        comes(&app).await;
        let each = (0..8).map(|_| app.desk.store.follow_up(&id, Window::Always));
        let done: Vec<_> = join_all(each).await.into_iter().map(Result::unwrap).collect();
        assert!(done.iter().filter(|one| one.said).count() <= 1, "the worker may have been faster: {done:?}");
        until("he is asked", async || got(&app, CUSTOMER).len() >= 2).await;
        app.settle().await;
        assert_eq!(got(&app, CUSTOMER)[1..], [ASKED]);
        app.stop().await;
    }

    async fn the_setting_of_the_answer_counts_and_without_it_nothing_is_written(db) {
        let app = Setup::on(db).start().await;
        app.model.answer_with(|_| "We close at 18:00 [1].".into());
        answered(&app, CUSTOMER, "1", "When do you close on weekdays?").await;
        assert_eq!(comes(&app).await, 0);
        app.stop().await;
        let app = start(db).await;
        answered(&app, CUSTOMER, "1", "When do you close on weekdays?").await;
        let off = PROMPT.replace("after_minutes: 240", "after_minutes: 0").replace("Did that", "DID THAT");
        let (status, told) = app.call("/agents/acme/publish", &json!({"source": off})).await;
        assert!(status.is_success(), "{told}");
        comes(&app).await;
        until("he is asked", async || got(&app, CUSTOMER).len() == 2).await;
        assert_eq!(got(&app, CUSTOMER)[1], ASKED);
        app.stop().await;
    }
}
