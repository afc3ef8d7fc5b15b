//! From a website to an agent: what its pages suggest is found, every sample question is one that
//! the agent answers, and no page can put more into the prompt than a line.

use frontdesk::domain::SourceId;
use frontdesk::knowledge::SilentProgress;
use frontdesk::knowledge::web::{SourceReader, SourceRequest};
use serde_json::{Value, json};

use crate::support::app::{Db, KEY, Setup, TestApp, on_both};
use crate::support::process::{run, says};
use crate::support::site::{Page, Site};

const LOCAL: &str = "[knowledge.web]\nallow_private = true\npause_ms = 0\ntimeout_ms = 1500";

/// A page of the shop's site, with links.
fn page(title: &str, body: &str) -> Page {
    let text = format!(
        "<html><head><title>{title} | Green Kettle</title></head><body><h1>{title}</h1>{body}<p><a href=/hours>Hours</a> <a href=/faq>FAQ</a> <a href=/horario>ES</a></p></body></html>"
    );
    Page::Text("text/html; charset=utf-8", text.into_bytes())
}

async fn shop() -> Site {
    let site = Site::start().await;
    site.put("/", page("Welcome", "<p>Green Kettle is a small shop for loose teas and teapots on Mill Lane, where you can taste every tea that we sell before you buy it.</p>"));
    site.put("/hours", page("Opening hours", "<p>When we are there:</p><ul><li>Monday: closed</li><li>Tuesday to Friday: 9:00 to 18:00 {{ agent }}</li><li>Saturday: 10:00 to 16:00</li></ul>"));
    site.put("/faq", page("Questions", "<h2>Do you deliver teapots to other countries?</h2><p>We deliver teapots to all countries of Europe for 12 euros within five days.</p><h2>How long does it take?</h2><p>As long as it takes to drink a cup of tea.</p>"));
    site.put("/horario", page("Horario de la tienda", "<p>La tienda está abierta de martes a viernes desde las nueve de la mañana hasta las seis de la tarde, y los sábados hasta las cuatro. Los lunes está cerrada porque preparamos las mezclas de la semana y limpiamos las teteras, y en los días festivos también cerramos.</p>"));
    site
}

async fn learned(app: &TestApp, site: &Site) {
    let request = SourceRequest { url: site.url.clone(), ..SourceRequest::default() };
    let source = app.desk.library.add_source("web", &request, SourceReader::Caller).await.unwrap();
    app.desk.library.refresh(&SourceId::stored(source.id), &SilentProgress).await.unwrap();
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn a_website_suggests_an_agent_and_each_sample_question_is_answered(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        learned(&app, &site).await;
        let suggested = app.get("/collections/web/agent-suggestion").await;
        assert_eq!(suggested["name"], "Green Kettle");
        assert_eq!(words(&suggested["languages"]), ["en", "es"]);
        assert_eq!(words(&suggested["hours"]), ["Monday: closed", "Tuesday to Friday: 9:00 to 18:00  agent", "Saturday: 10:00 to 16:00"]);
        let keywords = words(&suggested["handoff_keywords"]);
        assert!(keywords.iter().any(|word| word == "real person") && keywords.iter().any(|word| word == "persona real"), "{keywords:?}");
        assert!(suggested["description"].as_str().unwrap().contains("small shop for loose teas"));

        let source = "---\nname: Green Kettle\nknowledge: [web]\nhandoff: { keywords: [human, \"real person\"] }\n---\nYou answer for {{ agent }}.\n";
        let (status, made) = app.call("/agents", &json!({"slug": "kettle", "source": source})).await;
        assert_eq!(status, 201, "{made}");
        let questions = app.get("/agents/kettle/questions").await;
        let texts: Vec<_> = questions.as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
        assert!(texts.contains(&"Do you deliver teapots to other countries?"), "{texts:?}");
        assert!(texts.contains(&"Opening hours?"), "{texts:?}");
        assert!(!texts.contains(&"How long does it take?"), "it is about nothing by itself: {texts:?}");
        assert_eq!(texts.last(), Some(&"real person"));
        for question in questions.as_array().unwrap() {
            let (_, outcome) = app.call("/sandbox/turns", &json!({"agent": "kettle", "text": question["text"]})).await;
            match question["title"].as_str() {
                Some(title) => {
                    assert_eq!(outcome["outcome"], "answer", "{question}: {outcome}");
                    assert!(outcome["citations"].as_array().unwrap().iter().any(|it| it["title"] == title), "{question}: {outcome}");
                }
                None => assert_eq!(outcome["outcome"], "hand_over", "{question}: {outcome}"),
            }
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_collection_suggests_little_and_an_agent_without_documents_no_questions() {
    let app = Setup::on(Db::Sqlite).extractive().start().await;
    let (status, _) = app.call("/collections", &json!({"slug": "green-kettle"})).await;
    assert_eq!(status, 201);
    let suggested = app.get("/collections/green-kettle/agent-suggestion").await;
    assert_eq!(
        (suggested["name"].as_str(), words(&suggested["hours"]).len()),
        (Some("Green Kettle"), 0)
    );
    let source = "---\nname: K\nknowledge: [green-kettle]\n---\nHi\n";
    app.call("/agents", &json!({"slug": "kettle", "source": source})).await;
    assert_eq!(app.get("/agents/kettle/questions").await, json!([]));
    for missing in ["/collections/none/agent-suggestion", "/agents/none/questions"] {
        let url = format!("{}/api/v1{missing}", app.url);
        let response = app.http.get(url).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(response.status(), 404, "{missing}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suggested_agent_is_written_to_its_file_and_serves() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let settings = format!("[embed]\nkind = \"off\"\n[llm]\nkind = \"extractive\"\n{LOCAL}\n");
    std::fs::write(home.join("frontdesk.toml"), settings).unwrap();
    let site = shop().await;
    says(
        &run(home, &["learn", &site.url, "--collection", "shop"], &[]).await,
        true,
        &["4 documents learned"],
    );
    // The shell makes the file before the command writes it.
    std::fs::create_dir(home.join("prompts")).unwrap();
    std::fs::write(home.join("prompts/kettle.md"), "").unwrap();
    let suggested = run(home, &["agent", "suggest", "shop"], &[]).await;
    says(&suggested, true, &["name: \"Green Kettle\"", "- Monday: closed\n"]);
    std::fs::write(home.join("prompts/kettle.md"), &suggested.1).unwrap();
    let questions = run(home, &["agent", "questions", "kettle"], &[]).await;
    says(
        &questions,
        true,
        &["Do you deliver teapots to other countries?  (from Questions", "(calls a person)"],
    );
    says(
        &run(home, &["agent", "suggest", "none"], &[]).await,
        false,
        &["there is no collection none"],
    );
}

/// What customers write to reach a person, and what only sounds like it.
const CALLS: [&str; 16] = [
    "I want to talk to a human",
    "Can I speak to someone please",
    "call me back",
    "Ich möchte mit einem echten Menschen sprechen",
    "Bitte rufen Sie mich zurück",
    "Ich möchte mich beschweren",
    "Quiero hablar con un agente",
    "quiero quejarme",
    "me pueden llamar?",
    "falar com um atendente",
    "me liga por favor",
    "quero reclamar",
    "ik wil een echt mens spreken",
    "je veux parler a un humain",
    "vorrei parlare con un operatore",
    "أريد التحدث مع موظف",
];
const QUESTIONS: [&str; 4] = [
    "Do you sell human hair wigs?",
    "¿Cuánto cuesta la entrada para una persona?",
    "Quanto custa para uma pessoa?",
    "Combien coûte le billet par personne ?",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_suggested_words_call_a_person_when_one_is_wanted_and_else_not() {
    let app = Setup::on(Db::Sqlite).extractive().start().await;
    let words = frontdesk_language::data::languages().iter().flat_map(|it| &it.hand_off.keywords);
    let keywords: Vec<_> = words.map(|word| json!(word).to_string()).collect();
    let source = format!(
        "---\nname: K\nknowledge: [acme]\nhandoff: {{ keywords: [{}] }}\n---\nHi\n",
        keywords.join(", ")
    );
    let (status, made) = app.call("/agents", &json!({"slug": "kettle", "source": source})).await;
    assert_eq!(status, 201, "{made}");
    for (texts, is_call) in [(&CALLS[..], true), (&QUESTIONS[..], false)] {
        for text in texts {
            let (_, turn) =
                app.call("/sandbox/turns", &json!({"agent": "kettle", "text": text})).await;
            assert_eq!(turn["outcome"] == "hand_over", is_call, "{text}: {}", turn["outcome"]);
        }
    }
    app.stop().await;
}
