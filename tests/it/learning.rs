//! Learning documents on a running desk: changed ones are replaced, missing ones are removed,
//! unreadable ones do not affect others.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use frontdesk::app::App;
use frontdesk::knowledge::{SilentProgress, SourceFolder, Summary};
use serde_json::{Value, json};

use crate::support::app::{KEY, Setup, TestApp, on_both};
use crate::support::fake::Failure;

fn folder(app: &TestApp, collection: &str) -> PathBuf {
    app.home.path().join("knowledge").join(collection)
}

fn write(app: &TestApp, path: &str, content: impl AsRef<[u8]>) {
    let path = app.home.path().join("knowledge").join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

async fn learn(app: &TestApp, collection: &str) -> Summary {
    let mut source_folders = SourceFolder::find(&folder(app, collection), None).unwrap();
    assert_eq!(source_folders.len(), 1);
    app.desk.library.learn(source_folders.remove(0), &SilentProgress).await.unwrap()
}

/// Returns the source and text of each passage found for a question in a collection, best first.
async fn found(app: &TestApp, collection: &str, question: &str) -> Vec<(String, String)> {
    let query = json!({"question": question, "collections": [collection], "limit": 50});
    let (status, results) = app.call("/knowledge/search", &query).await;
    assert_eq!(status, 200, "{results}");
    let text = |passage: &Value, key: &str| passage[key].as_str().unwrap().to_owned();
    let passages = results["passages"].as_array().unwrap();
    passages.iter().map(|passage| (text(passage, "source"), text(passage, "text"))).collect()
}

async fn collection(app: &TestApp, slug: &str) -> Value {
    let all = app.get("/collections").await;
    all.as_array().unwrap().iter().find(|one| one["slug"] == slug).unwrap().clone()
}

on_both! {
    async fn what_changed_is_replaced_and_what_is_gone_is_removed(db) {
        let app = Setup::on(db).start().await;
        let embedded = app.model.embedded().len();
        let again = learn(&app, "acme").await;
        assert_eq!((again.learned, again.unchanged, again.removed), (0, 2, 0));
        assert_eq!(app.model.embedded().len(), embedded, "what did not change was embedded again");

        write(&app, "acme/hours.md", "# Opening hours\n\nWe open at 10:30 and close at 20:15.\n");
        let changed = learn(&app, "acme").await;
        assert_eq!((changed.learned, changed.unchanged), (1, 1));
        assert_eq!(app.model.embedded().len(), embedded + 1);
        let passages = found(&app, "acme", "When do you open and close?").await;
        assert!(passages.iter().any(|(_, text)| text.contains("20:15")), "{passages:?}");
        assert!(!passages.iter().any(|(_, text)| text.contains("18:00")), "{passages:?}");

        std::fs::remove_file(folder(&app, "acme").join("returns.md")).unwrap();
        let shrunk = learn(&app, "acme").await;
        assert_eq!((shrunk.unchanged, shrunk.removed), (1, 1));
        let passages = found(&app, "acme", "Can I return a lamp with the receipt?").await;
        assert!(!passages.iter().any(|(source, _)| source == "returns.md"), "{passages:?}");
        let again = learn(&app, "acme").await;
        assert_eq!((again.unchanged, again.removed), (1, 0), "it was removed twice");

        write(&app, "acme/returns.md", "# Returns\n\nYou can return a lamp within 14 days.\n");
        assert_eq!(learn(&app, "acme").await.learned, 1);
        let passages = found(&app, "acme", "Can I return a lamp?").await;
        assert!(passages.iter().any(|(_, text)| text.contains("14 days")), "{passages:?}");
        assert_eq!(collection(&app, "acme").await["ready"], 2);
        app.stop().await;
    }

    async fn a_running_desk_notices_what_another_process_learns(db) {
        let app = Setup::on(db).start().await;
        let other = App::assemble(app.config.clone()).await.unwrap();
        write(&app, "acme/parking.md", "# Parking\n\nCustomers park behind the shop for free.\n");
        std::fs::remove_file(folder(&app, "acme").join("hours.md")).unwrap();
        let source_folder = SourceFolder::find(&folder(&app, "acme"), None).unwrap().remove(0);
        let summary = other.desk.library.learn(source_folder, &SilentProgress).await.unwrap();
        assert_eq!((summary.learned, summary.unchanged, summary.removed), (1, 1, 1));
        let started = Instant::now();
        loop {
            let sources: Vec<_> =
                found(&app, "acme", "Where can I park? When do you open?").await.into_iter().map(|p| p.0).collect();
            if sources.contains(&"parking.md".into()) && !sources.contains(&"hours.md".into()) {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(5), "not noticed: {sources:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_replaced_is_never_missing_and_never_mixed() {
    let app = TestApp::start().await;
    let version = |n: usize| {
        format!("# Lights\n\nThe price of edition {n}.\n\n# Shades\n\nThe size of edition {n}.\n")
    };
    write(&app, "shop/lights.md", version(0));
    learn(&app, "shop").await;
    let searching = {
        let (url, http) = (format!("{}/api/v1/knowledge/search", app.url), app.http.clone());
        tokio::spawn(async move {
            let mut seen = Vec::new();
            loop {
                let query = json!({"question": "edition", "collections": ["shop"]});
                let request = http.post(&url).bearer_auth(KEY).json(&query);
                let results: Value = request.send().await.unwrap().json().await.unwrap();
                let passages = results["passages"].as_array().unwrap().clone();
                let mut editions: Vec<String> = passages
                    .iter()
                    .flat_map(|passage| passage["text"].as_str().unwrap().split("edition ").skip(1))
                    .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect())
                    .collect();
                editions.dedup();
                assert_eq!(editions.len(), 1, "{passages:?}");
                let edition = editions.remove(0);
                seen.push(edition.clone());
                if edition == "20" {
                    return seen;
                }
            }
        })
    };
    for n in 1..=20 {
        write(&app, "shop/lights.md", version(n));
        assert_eq!(learn(&app, "shop").await.learned, 1);
    }
    let mut seen = searching.await.unwrap();
    seen.dedup();
    let order: Vec<u32> = seen.iter().map(|edition| edition.parse().unwrap()).collect();
    assert!(order.is_sorted() && order.len() > 1, "an old edition came back: {order:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_fails_with_its_reason_and_its_neighbours_are_learned() {
    let app = TestApp::start().await;
    write(&app, "mixed/a-scan.md", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj".as_slice());
    write(&app, "mixed/b-empty.txt", "  \n\n");
    write(&app, "mixed/c-binary.txt", [0_u8, 159, 146, 150, 0, 1, 2, 3].as_slice());
    write(&app, "mixed/d-deep.html", "<div>".repeat(50_000));
    write(&app, "mixed/e-good.md", "# Lamps\n\nThe Quay lamp is blue.\n");
    write(&app, "mixed/photo.png", b"\x89PNG".as_slice());
    let summary = learn(&app, "mixed").await;
    assert_eq!(summary.learned, 1, "{summary:?}");
    let failed: Vec<&str> = summary.failed.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(failed, ["a-scan.md", "b-empty.txt", "c-binary.txt", "d-deep.html"]);
    assert!(summary.failed[0].1.contains("a PDF named .md"), "{:?}", summary.failed);
    assert!(summary.failed[1].1.contains("empty"), "{:?}", summary.failed);
    let passages = found(&app, "mixed", "Which colour is the Quay lamp?").await;
    assert_eq!(passages[0].0, "e-good.md");
    let shown = collection(&app, "mixed").await;
    assert_eq!(shown["ready"], 1);
    assert_eq!(shown["failed"].as_array().unwrap().len(), 4, "{shown}");
    assert_eq!(shown["failed"][0]["reason"], summary.failed[0].1);

    write(&app, "mixed/b-empty.txt", "The Wave lamp is green.\n");
    let mended = learn(&app, "mixed").await;
    assert_eq!((mended.learned, mended.unchanged, mended.failed.len()), (1, 1, 3));
    write(&app, "mixed/e-good.md", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj".as_slice());
    assert_eq!(learn(&app, "mixed").await.failed.len(), 4);
    let passages = found(&app, "mixed", "Which colour is the Quay lamp?").await;
    assert!(!passages.iter().any(|(source, _)| source == "e-good.md"), "{passages:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_table_is_a_passage_with_the_names_of_its_columns() {
    let app = TestApp::start().await;
    let rows = "Product;Price;In stock\nQuay lamp;49,00 €;yes\nWave lamp;\"1.299,00 €\";no\n";
    write(&app, "prices/lamps.csv", rows);
    assert_eq!(learn(&app, "prices").await.learned, 1);
    let passages = found(&app, "prices", "What does the Wave lamp cost?").await;
    let wave = &passages[0].1;
    for words in ["Product", "Wave lamp", "Price", "1.299,00 €", "In stock", "no"] {
        assert!(wave.contains(words), "no `{words}` in {wave}");
    }
    assert!(!wave.contains("49,00"), "two rows are one passage: {wave}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_learned_without_its_navigation() {
    let app = TestApp::start().await;
    let page = "<!doctype html><html><head><title>Repairs</title><style>.a{color:red}</style></head><body>
        <nav><ul><li><a href=/>Home</a></li><li><a href=/jobs>Careers at Acme</a></li></ul></nav>
        <main><h1>Repairs</h1><p>A repair takes <b>three</b> days.</p></main>
        <script>track('visitor')</script><footer><a href=/imprint>Imprint</a></footer></body></html>";
    write(&app, "pages/repairs.html", page);
    assert_eq!(learn(&app, "pages").await.learned, 1);
    let passages =
        found(&app, "pages", "How long does a repair take? Careers, imprint, visitor?").await;
    assert!(passages[0].1.contains("three") && passages[0].1.contains("days"), "{passages:?}");
    for noise in ["Careers", "track(", "color:red", "Imprint"] {
        assert!(!passages.iter().any(|(_, text)| text.contains(noise)), "{noise}: {passages:?}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_chunks_are_embedded_in_three_requests() {
    let app = TestApp::start().await;
    let sizes = |from: usize| -> Vec<usize> {
        let embedded = app.model.embedded();
        embedded[from..].iter().map(|one| one["input"].as_array().unwrap().len()).collect()
    };
    let before = app.model.embedded().len();
    let rows: Vec<_> = (0..200).map(|n| format!("Lamp number {n},{n} euros\n")).collect();
    write(&app, "table/lamps.csv", format!("Product,Price\n{}", rows.concat()));
    assert_eq!(learn(&app, "table").await.chunks, 200);
    assert_eq!(sizes(before), [96, 96, 8]);
    let before = app.model.embedded().len();
    for n in 0..200 {
        write(
            &app,
            &format!("many/{n:03}.md"),
            format!("# Lamp {n}\n\nLamp {n} costs {n} euros.\n"),
        );
    }
    assert_eq!(learn(&app, "many").await.chunks, 200);
    assert_eq!(sizes(before), [96, 96, 8]);
    let passages = found(&app, "many", "What does lamp 137 cost?").await;
    assert_eq!(passages[0].0, "137.md");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_embeddings_fail_the_old_version_stays_and_the_summary_says_so() {
    let app = TestApp::start().await;
    write(&app, "acme/hours.md", "# Opening hours\n\nWe open at 10:30 and close at 20:15.\n");
    write(&app, "acme/new.md", "# Gift wrapping\n\nWe wrap gifts for free.\n");
    let broken = Failure::Status(500, json!({"error": "no cards left"}), None);
    app.model.fail_next_at("/v1/embeddings", 2, &broken);
    let summary = learn(&app, "acme").await;
    assert_eq!((summary.learned, summary.unchanged), (0, 1), "{summary:?}");
    let failed: Vec<&str> = summary.failed.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(failed, ["hours.md", "new.md"]);
    assert!(summary.failed[0].1.contains("500"), "{summary:?}");
    let passages = found(&app, "acme", "When do you close?").await;
    assert!(passages.iter().any(|(_, text)| text.contains("18:00")), "{passages:?}");
    assert!(!passages.iter().any(|(_, text)| text.contains("20:15")), "{passages:?}");

    let again = learn(&app, "acme").await;
    assert_eq!((again.learned, again.failed.len()), (2, 0));
    let passages = found(&app, "acme", "When do you close?").await;
    assert!(passages.iter().any(|(_, text)| text.contains("20:15")), "{passages:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_prompt_file_stops_the_desk_and_says_where() {
    let app = TestApp::start().await;
    let file = app.home.path().join("prompts/acme.md");
    for (source, line, word) in [
        ("---\nname: Acme\ntemprature: 1\n---\nHi\n", 3, "temprature"),
        ("---\nname: Acme\nhandoff:\n  notify: [bob]\n---\nHi\n", 4, "phone number"),
        ("---\nname: Acme\n---\nHi\n\n{% if %}\n", 6, ""),
        ("Hello\n", 1, "---"),
    ] {
        std::fs::write(&file, source).unwrap();
        let refused = App::assemble(app.config.clone()).await.map(drop);
        let error = format!("{:#}", refused.unwrap_err());
        assert!(error.contains(&format!("acme.md:{line}: ")) && error.contains(word), "{error}");
    }
    assert!(app.get("/agents/acme").await["source"].as_str().unwrap().contains("Acme Lamps"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_and_how_it_was_cut_can_be_looked_at() {
    let app = TestApp::start().await;
    write(&app, "acme/broken.txt", "");
    learn(&app, "acme").await;
    let page = app.get("/collections/acme/documents").await;
    let mut documents = page["items"].as_array().unwrap().clone();
    documents.sort_by_key(|one| one["path"].as_str().unwrap().to_owned());
    let paths: Vec<&str> = documents.iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["broken.txt", "hours.md", "returns.md"]);
    assert!(documents[0]["error"].as_str().unwrap().contains("empty"), "{page}");
    assert_eq!((&documents[0]["code"], &documents[0]["from"]), (&json!("empty"), &json!("folder")));
    let id = documents[2]["id"].as_str().unwrap();
    let chunks = app.get(&format!("/documents/{id}/chunks")).await;
    let texts: Vec<&str> =
        chunks.as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert!(texts.iter().any(|text| text.contains("30 days")), "{texts:?}");
    assert_eq!((&chunks[0]["embedded"], &chunks[0]["place"]), (&json!(true), &json!("")));
    for path in ["/documents/doc_01J/chunks", "/collections/nobody/documents"] {
        let request = app.http.get(format!("{}/api/v1{path}", app.url));
        let answer = request.bearer_auth(KEY).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    app.stop().await;
}
