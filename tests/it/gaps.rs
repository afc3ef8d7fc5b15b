//! Knowledge gaps from outside: a question that a live turn could not answer is stored once,
//! without personal data, grouped, and later answered, dismissed, or found to be answered.

use frontdesk::domain::{GapId, GapState};
use frontdesk::knowledge::{SilentProgress, SourceFolder};
use frontdesk::pipeline::gaps::recheck;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{KEY, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::{message_webhook, text_webhook};

async fn asks(app: &TestApp, n: usize, text: &str) {
    let (who, id) = (format!("4477009300{n:02}"), format!("wamid.gap{n}"));
    app.deliver(&text_webhook(MAIN, &who, &id, text)).await;
    app.settle().await;
}

async fn gaps(app: &TestApp, query: &str) -> Vec<Value> {
    app.get(&format!("/gaps{query}")).await["items"].as_array().unwrap().clone()
}

fn id(gap: &Value) -> &str {
    gap["id"].as_str().unwrap()
}

async fn status(app: &TestApp, method: Method, path: &str) -> StatusCode {
    let request = app.http.request(method, format!("{}/api/v1{path}", app.url));
    request.bearer_auth(KEY).json(&json!({"answer": "x"})).send().await.unwrap().status()
}

on_both! {
    async fn unanswered_questions_are_grouped_and_answered(db) {
        let app = Setup::on(db).extractive().start().await;
        asks(&app, 1, "When do you open?").await;
        asks(&app, 2, "Do you rent submarines?").await;
        asks(&app, 3, "Hello, do you rent submarines?").await;
        asks(&app, 4, "do you rent a submarine").await;
        asks(&app, 5, "Is there a zeppelin museum nearby? Mail me at ana@example.com or +44 7700 900123").await;
        let (_, tried) = app.call("/sandbox/turns", &json!({"agent": "acme", "text": "Is the moon made of cheese?"})).await;
        assert_eq!(tried["outcome"], "no_answer");
        let all = gaps(&app, "").await;
        assert!(all.iter().all(|gap| gap["state"] == "open"), "{all:?}");
        let texts: Vec<&str> = all.iter().map(|gap| gap["question"].as_str().unwrap()).collect();
        assert!(!texts.iter().any(|text| text.contains("moon") || text.contains("open?")), "{texts:?}");
        let rent = all.iter().find(|gap| gap["question"] == "Do you rent submarines?").unwrap();
        assert_eq!(rent["asked"], 3, "{all:?}");
        let shown = app.get(&format!("/gaps/{}", id(rent))).await;
        assert_eq!(shown["examples"].as_array().unwrap().len(), 3, "{shown}");
        for example in shown["examples"].as_array().unwrap() {
            let conversation = example["conversation_id"].as_str().unwrap();
            assert_eq!(app.get(&format!("/conversations/{conversation}")).await["id"], conversation);
        }
        let masked = texts.iter().find(|text| text.contains("Mail me")).unwrap();
        assert_eq!(*masked, "Is there a zeppelin museum nearby? Mail me at [mail] or [number]");

        let (status, made) = app.call(&format!("/gaps/{}/answer", id(rent)), &json!({"answer": "Only yellow ones."})).await;
        assert_eq!(status, 200, "{made}");
        assert_eq!(made["phrasings"].as_array().unwrap().len(), 3, "{made}");
        let answered = app.get(&format!("/gaps/{}", id(rent))).await;
        assert_eq!((&answered["gap"]["state"], &answered["gap"]["answer_id"]), (&json!("answered"), &made["id"]));
        asks(&app, 6, "do you rent submarines").await;
        assert_eq!(app.received().last().unwrap().1, "Only yellow ones.");
        assert_eq!(gaps(&app, "?state=open").await.len(), 1);
        assert_eq!(gaps(&app, "?state=answered&agent=acme").await.len(), 1);
        assert!(gaps(&app, "?agent=bolt").await.is_empty());
        app.stop().await;
    }

    async fn below_min_confidence_no_model_is_asked_and_the_question_is_a_gap(db) {
        let prompt = "---\nname: Acme Lamps\nknowledge: [acme]\nmin_confidence: 1\nno_answer: Sorry.\n---\nBe kind.\n";
        let app = Setup::on(db).file("prompts/acme.md", prompt).start().await;
        app.model.answer_with(|_| "Yes, we rent yellow submarines.".into());
        asks(&app, 1, "Do you rent submarines?").await;
        assert_eq!((app.model.chat_count(), app.received().pop().unwrap().1.as_str()), (0, "Sorry."));
        let all = gaps(&app, "").await;
        assert_eq!((all.len(), &all[0]["question"]), (1, &json!("Do you rent submarines?")), "{all:?}");
        app.stop().await;
    }

    async fn gaps_are_seen_by_their_own_workspace_alone(db) {
        let app = Setup::on(db).extractive().start().await;
        asks(&app, 1, "Do you rent submarines?").await;
        let other = app.desk.store.workspace("other").await.unwrap();
        assert!(other.ungrouped(10).await.unwrap().is_empty());
        let gap = gaps(&app, "").await.remove(0);
        let gap = GapId::parse(id(&gap)).unwrap();
        assert!(other.gap(&gap).await.unwrap().is_none());
        assert!(other.gaps(&frontdesk::store::gaps::GapFilter::default(), 10).await.unwrap().is_empty());
        assert!(other.examples(&gap).await.unwrap().is_empty());
        assert!(!other.mark_gap(&gap, GapState::Dismissed).await.unwrap());
        assert_eq!(gaps(&app, "?state=open").await.len(), 1);
        app.stop().await;
    }

    async fn a_dismissed_gap_stays_dismissed_and_an_answered_one_opens_again(db) {
        let app = Setup::on(db).extractive().start().await;
        asks(&app, 1, "Do you rent submarines?").await;
        let gap = gaps(&app, "").await.remove(0);
        let (status, dismissed) = app.call(&format!("/gaps/{}/dismiss", id(&gap)), &json!({})).await;
        assert_eq!((status.as_u16(), &dismissed["state"]), (200, &json!("dismissed")));
        asks(&app, 2, "do you rent submarines").await;
        let after = gaps(&app, "").await;
        assert_eq!((after.len(), &after[0]["state"], &after[0]["asked"]), (1, &json!("dismissed"), &json!(2)));
        let known = GapId::parse(id(&gap)).unwrap();
        app.desk.store.mark_gap(&known, GapState::Answered).await.unwrap();
        asks(&app, 3, "do you rent submarines").await;
        assert_eq!(gaps(&app, "?state=open").await[0]["asked"], 3);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_does_not_know_is_a_gap_and_what_it_answers_is_none() {
    let app = Setup::on(crate::support::app::Db::Sqlite).start().await;
    let said = "I'm sorry, I could not find anything about submarines. Shall I ask a colleague?";
    app.model.answer_with(move |_| said.into());
    asks(&app, 1, "Do you rent submarines?").await;
    assert_eq!(app.received().last().unwrap().1, said, "in the model's own words");
    let open = gaps(&app, "?state=open").await;
    assert_eq!((open.len(), &open[0]["question"]), (1, &json!("Do you rent submarines?")));
    app.model.answer_with(|_| "You can return an unused lamp within 30 days [1].".into());
    asks(&app, 2, "Can I return a lamp?").await;
    app.model.answer_with(|_| "I could not find anything about canoes [1].".into());
    asks(&app, 4, "Do you rent canoes?").await;
    assert_eq!(app.received().last().unwrap().1, "I could not find anything about canoes.");
    assert_eq!(gaps(&app, "").await.len(), 2, "a mark on what is not known is no source");
    app.model.answer_with(|_| "No, we do not open on Sundays.".into());
    asks(&app, 3, "Are you open on Sundays?").await;
    assert_eq!(gaps(&app, "").await.len(), 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_says_the_agents_own_sentence_does_not_know() {
    let agent = "---\nname: Acme Lamps\nknowledge: [acme]\ngrounding: off\n\
        no_answer: { default: \"That is beyond our little shop.\", es: \"Eso escapa a nuestra tienda.\" }\n---\nBe kind.\n";
    let setup = Setup::on(crate::support::app::Db::Sqlite).file("prompts/acme.md", agent);
    let app = setup.start().await;
    for (n, (said, gaps_then)) in [
        ("That is beyond our little shop [1].", 1),
        ("*That is beyond our little shop!* Anything else?", 2),
        ("Eso escapa a nuestra tienda", 3),
        ("That is beyond our little shop, but lamps go back within 30 days [1].", 3),
        ("You can return an unused lamp within 30 days [1].", 3),
    ]
    .into_iter()
    .enumerate()
    {
        app.model.answer_with(move |_| said.into());
        let thing = ["submarines", "zeppelins", "canoes", "kayaks", "bicycles"][n];
        asks(&app, n, &format!("Do you rent {thing}?")).await;
        assert_eq!(gaps(&app, "").await.len(), gaps_then, "{said}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_closed_when_documents_answer_it() {
    let app = Setup::on(crate::support::app::Db::Sqlite).extractive().start().await;
    asks(&app, 1, "Do you rent submarines?").await;
    asks(&app, 2, "Is there a zeppelin museum nearby?").await;
    assert_eq!(gaps(&app, "?state=open").await.len(), 2);
    let bot = |id: &frontdesk::domain::AgentId| app.desk.bots.get(id);
    let (asked, answered) = recheck(&app.desk.store, &app.desk.engine, bot).await.unwrap();
    assert_eq!((asked, answered.len()), (2, 0), "{answered:?}");
    let folder = app.home.path().join("knowledge/acme");
    std::fs::write(
        folder.join("rent.md"),
        "# Submarines\n\nWe rent submarines for 90 euros a day.\n",
    )
    .unwrap();
    let source_folder = SourceFolder::find(&folder, None).unwrap().remove(0);
    app.desk.library.learn(source_folder, &SilentProgress).await.unwrap();
    let (asked, answered) = recheck(&app.desk.store, &app.desk.engine, bot).await.unwrap();
    assert_eq!((asked, answered.len()), (2, 1), "{answered:?}");
    assert_eq!(
        gaps(&app, "?state=open").await[0]["question"],
        "Is there a zeppelin museum nearby?"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_open_gaps_are_tried_again_however_many_there_are() {
    let app = Setup::on(crate::support::app::Db::Sqlite).extractive().start().await;
    asks(&app, 1, "Do you rent submarines?").await;
    assert_eq!(gaps(&app, "").await.len(), 1);
    // Newer ones of an agent that is not asked again.
    let others = "with recursive t(n) as (select 1 union all select n + 1 from t where n < 2050)
        insert into gaps (id, workspace_id, agent_id, question, state, asked, first_at, last_at)
        select 'gap_' || printf('%026d', n), g.workspace_id, a.id, 'Number ' || n, 'open', 1, g.last_at + 1, g.last_at + 1
        from t, (select * from gaps limit 1) g, (select id from agents where slug = 'bolt') a";
    assert_eq!(app.change(others).await, 2050);
    let acme = |id: &frontdesk::domain::AgentId| {
        app.desk.bots.get(id).filter(|bot| bot.agent.slug == "acme")
    };
    let (asked, _) = recheck(&app.desk.store, &app.desk.engine, acme).await.unwrap();
    assert_eq!(asked, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caption_and_a_courtesy_are_no_gaps() {
    let with_threshold = "---\nname: Acme Lamps\nknowledge: [acme]\nmin_confidence: 1\nno_answer: Sorry.\n---\nBe kind.\n";
    for setup in [
        Setup::on(crate::support::app::Db::Sqlite).extractive(),
        Setup::on(crate::support::app::Db::Sqlite).file("prompts/acme.md", with_threshold),
    ] {
        let app = setup.start().await;
        app.model.answer_with(|_| "You are welcome! [[no answer]]".into());
        for (n, text) in ["please", "Thanks!", "ok, thank you"].into_iter().enumerate() {
            asks(&app, n, text).await;
        }
        assert!(!app.received().iter().any(|(_, text)| text == "Sorry."), "{:?}", app.received());
        let image =
            json!({"id": "77", "mime_type": "image/png", "caption": "My submarine in the bath"});
        let content = json!({"type": "image", "image": image});
        app.deliver(&message_webhook(MAIN, "447700930077", "wamid.gap77", &content)).await;
        app.settle().await;
        assert!(gaps(&app, "").await.is_empty(), "{:?}", gaps(&app, "").await);
        let said = app.received().pop().map(|(_, text)| text).unwrap_or_default();
        assert!(said.contains("write your question"), "of a picture: {said}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_gaps_are_not_found_and_bad_input_is_refused() {
    let app = TestApp::start().await;
    for path in ["/gaps/gap_01J", "/gaps/nonsense"] {
        assert_eq!(status(&app, Method::GET, path).await, 404);
        assert_eq!(status(&app, Method::POST, &format!("{path}/dismiss")).await, 404);
        assert_eq!(status(&app, Method::POST, &format!("{path}/answer")).await, 404);
    }
    assert_eq!(status(&app, Method::GET, "/gaps?state=lost").await, 400);
    assert_eq!(status(&app, Method::GET, "/gaps?agent=nobody").await, 404);
    assert_eq!(status(&app, Method::GET, "/gaps?cursor=zz").await, 400);
    app.stop().await;
}
