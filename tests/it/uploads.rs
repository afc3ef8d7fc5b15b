//! Documents uploaded over the API: stored, learned while the desk serves, used in answers,
//! retried, removed; and uploads that are refused with instructions.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::app::App;
use frontdesk::desk::Desk;
use frontdesk::domain::{DocumentState, DocumentStatus, FailureCode};
use frontdesk::knowledge::{SilentProgress, SourceFolder};
use frontdesk::store::uploads::NewUpload;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::app::{Db, KEY, Setup, TestApp, change, on_both, write_home_files};
use crate::support::fake::Failure;
use crate::support::graph::Graph;
use crate::support::openai::OpenAi;
use crate::support::process::{BINARY, Process};

const PATH: &str = "/collections/acme/documents";

fn sample(name: &str) -> Vec<u8> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crates/doctext/tests/samples").join(name);
    std::fs::read(path).unwrap()
}

fn form(files: &[(&str, &[u8])]) -> Form {
    files.iter().fold(Form::new(), |form, (name, bytes)| {
        form.part("file", Part::bytes(bytes.to_vec()).file_name((*name).to_owned()))
    })
}

async fn upload(url: &str, path: &str, files: &[(&str, &[u8])]) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("{url}/api/v1{path}")).bearer_auth(KEY);
    let response = request.multipart(form(files)).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn ask(url: &str, method: Method, path: &str) -> (u16, Value) {
    let request = reqwest::Client::new().request(method, format!("{url}/api/v1{path}"));
    let response = request.bearer_auth(KEY).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// Waits until a document is in a state.
async fn until(url: &str, id: &str, state: &str) -> Value {
    let began = Instant::now();
    loop {
        let (_, shown) = ask(url, Method::GET, &format!("/documents/{id}")).await;
        if shown["state"] == state {
            return shown;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it is not {state}: {shown}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Returns the paths of the documents found for a question.
async fn found(url: &str, question: &str) -> Vec<String> {
    let query = json!({"question": question, "collections": ["acme"], "limit": 50});
    let request = reqwest::Client::new().post(format!("{url}/api/v1/knowledge/search"));
    let results: Value =
        request.bearer_auth(KEY).json(&query).send().await.unwrap().json().await.unwrap();
    let passages = results["passages"].as_array().unwrap();
    passages.iter().map(|passage| passage["source"].as_str().unwrap().to_owned()).collect()
}

async fn collection(app: &TestApp, slug: &str) -> Value {
    let all = app.get("/collections").await;
    all.as_array().unwrap().iter().find(|one| one["slug"] == slug).cloned().unwrap_or_default()
}

fn id(document: &Value) -> String {
    document["id"].as_str().unwrap().to_owned()
}

const PARKING: &[u8] = b"# Parking\n\nCustomers park behind the shop, on the yellow places.\n";

on_both! {
    async fn a_file_is_learned_found_answered_from_and_removed(db) {
        let app = Setup::on(db).start().await;
        let (status, taken) = upload(&app.url, PATH, &[("parking.md", PARKING)]).await;
        assert_eq!(status, 202, "{taken}");
        assert_eq!((&taken[0]["from"], &taken[0]["size"]), (&json!("upload"), &json!(PARKING.len())));
        let id = id(&taken[0]);
        let shown = until(&app.url, &id, "ready").await;
        assert_eq!((&shown["title"], &shown["error"], &shown["progress"]), (&json!("Parking"), &Value::Null, &Value::Null));
        assert!(found(&app.url, "Where can I park?").await.contains(&"parking.md".into()));
        let (status, told) = app.call("/sandbox/turns", &json!({"agent": "acme", "text": "Where can customers park?"})).await;
        assert_eq!(status, 200, "{told}");
        assert!(told["trace"]["prompt"]["messages"].to_string().contains("yellow places"), "{told}");

        let shown = collection(&app, "acme").await;
        assert_eq!((&shown["documents"], &shown["ready"], &shown["learning"], &shown["origin"]), (&json!(3), &json!(3), &json!(0), &json!("folder")));
        assert_eq!(shown["agents"], json!(["acme"]));
        let page = app.get(&format!("{PATH}?from=upload&state=ready&q=PARK")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
        assert_eq!(app.get(&format!("{PATH}?q=p%25rk")).await["items"], json!([]));
        let first = app.get(&format!("{PATH}?limit=1")).await;
        assert_eq!(first["items"][0]["path"], "parking.md", "what changed last is first");
        let next = first["next"].as_str().unwrap();
        assert_eq!(app.get(&format!("{PATH}?limit=5&cursor={next}")).await["items"].as_array().unwrap().len(), 2);

        let (status, _) = ask(&app.url, Method::DELETE, &format!("/documents/{id}")).await;
        assert_eq!(status, 204);
        assert!(!found(&app.url, "Where can I park?").await.contains(&"parking.md".into()), "the index follows at once");
        assert_eq!(ask(&app.url, Method::GET, &format!("/documents/{id}")).await.0, 404);
        assert_eq!(collection(&app, "acme").await["documents"], 2);
        app.stop().await;
    }

    async fn a_pasted_text_is_learned_and_the_same_name_replaces_it(db) {
        let app = Setup::on(db).start().await;
        let (status, taken) = app.call(PATH, &json!({"title": "Gift cards", "text": "A gift card is valid for three years."})).await;
        assert_eq!((status.as_u16(), &taken[0]["path"]), (202, &json!("Gift cards.md")), "{taken}");
        let id = id(&taken[0]);
        until(&app.url, &id, "ready").await;
        assert!(found(&app.url, "How long is a gift card valid?").await.contains(&"Gift cards.md".into()));
        let (_, again) = app.call(PATH, &json!({"title": "Gift cards", "text": "A gift card is valid for seven years."})).await;
        assert_eq!(again[0]["id"], json!(id), "one document, that answers as it was until then");
        until(&app.url, &id, "ready").await;
        let chunks = app.get(&format!("/documents/{id}/chunks")).await.to_string();
        assert!(chunks.contains("seven") && !chunks.contains("three"), "{chunks}");
        for wrong in [json!({"title": "", "text": "x"}), json!({"title": "x", "text": " "}), json!({"title": "x"})] {
            assert_eq!(app.call(PATH, &wrong).await.0, 422, "{wrong}");
        }
        app.stop().await;
    }

    async fn bad_files_say_what_to_do_and_stop_no_others(db) {
        let app = Setup::on(db).with("[knowledge]\nmax_upload_bytes = 200000").start().await;
        let (encrypted, scanned, damaged) = (sample("encrypted-qpdf.pdf"), sample("scanned-reportlab.pdf"), sample("damaged.pdf"));
        let large = vec![b'x'; 200_001];
        let files: [(&str, &[u8]); 8] = [
            ("locked.pdf", &encrypted), ("scan.pdf", &scanned), ("broken.pdf", &damaged), ("tool.exe", b"MZ"),
            ("nothing.txt", b""), ("huge.txt", &large), ("parking.md", PARKING), ("hours.md", b"# Other hours\n\nNever.\n"),
        ];
        let (status, taken) = upload(&app.url, PATH, &files).await;
        assert_eq!((status, taken.as_array().unwrap().len()), (202, 8), "{taken}");
        for (at, code, error, remedy) in [
            (0, "encrypted", "password", "Save it without a password."), (1, "scanned", "pictures", "OCR"),
            (2, "damaged", "damaged", "Save it again"), (3, "format", "endings", "pdf"), (4, "empty", "empty", "Write something"),
            (5, "too_large", "1 MB", "Split it"),
        ] {
            let shown = until(&app.url, &id(&taken[at]), "failed").await;
            let said = |key: &str| shown[key].as_str().unwrap_or_default().to_owned();
            assert_eq!(said("code"), code, "{shown}");
            assert!(said("error").contains(error) && said("remedy").contains(remedy), "{shown}");
            assert!(!said("error").contains(remedy), "it is not said twice: {shown}");
        }
        until(&app.url, &id(&taken[6]), "ready").await;
        assert_eq!((&taken[7]["id"], &taken[7]["code"]), (&json!(""), &json!("taken")), "{taken}");
        let (status, refused) = upload(&app.url, PATH, &[("hours.md", b"# Other")]).await;
        assert_eq!(status, 409, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains("another name"), "{refused}");
        assert!(found(&app.url, "When do you open?").await.contains(&"hours.md".into()), "the folder's document is as it was");
        let shown = collection(&app, "acme").await;
        assert_eq!((&shown["failures"], &shown["ready"]), (&json!(6), &json!(3)), "{shown}");
        assert_eq!(ask(&app.url, Method::POST, &format!("/documents/{}/retry", id(&taken[5]))).await.0, 409, "its bytes are not here");
        app.stop().await;
    }

    async fn a_failure_that_passes_is_retried(db) {
        let app = Setup::on(db).start().await;
        app.model.fail_next_at("/v1/embeddings", 4, &Failure::Status(400, json!({"error": {"message": "no such model"}}), None));
        let (_, taken) = upload(&app.url, PATH, &[("parking.md", PARKING)]).await;
        let id = id(&taken[0]);
        let shown = until(&app.url, &id, "failed").await;
        assert_eq!(shown["code"], "model", "{shown}");
        let began = Instant::now();
        loop {
            let (status, _) = ask(&app.url, Method::POST, &format!("/documents/{id}/retry")).await;
            assert_eq!(status, 202);
            let mut shown = Value::Null;
            while shown["state"] != "ready" && shown["state"] != "failed" {
                tokio::time::sleep(Duration::from_millis(10)).await;
                shown = app.get(&format!("/documents/{id}")).await;
            }
            if shown["state"] == "ready" {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{shown}");
        }
        assert!(found(&app.url, "Where can I park?").await.contains(&"parking.md".into()));
        app.stop().await;
    }

    async fn an_upload_is_downloaded_as_it_came_and_found_by_its_text(db) {
        let app = Setup::on(db).extractive().start().await;
        let (name, bytes) = ("الأسعار \"2026\".html", &b"<h1>Prices</h1><p>A Thistle kettle costs 12% more.</p><script>alert(1)</script>"[..]);
        let (status, added) = upload(&app.url, PATH, &[(name, bytes)]).await;
        assert_eq!(status, 202, "{added}");
        let id = added[0]["id"].as_str().unwrap();
        until(&app.url, id, "ready").await;
        let fetch = async |id: &str| {
            let request = app.http.get(format!("{}/api/v1/documents/{id}/original", app.url));
            request.bearer_auth(KEY).send().await.unwrap()
        };
        let response = fetch(id).await;
        let headers = response.headers().clone();
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/octet-stream");
        assert!(header("content-security-policy").contains("sandbox"));
        let disposition = header("content-disposition");
        assert!(disposition.starts_with("attachment; filename=\"") && disposition.contains("filename*=UTF-8''%D8%A7"), "{disposition}");
        assert!(disposition.ends_with("%222026%22.html"), "{disposition}");
        assert_eq!(response.bytes().await.unwrap(), bytes);

        let found = async |q: &str| app.get(&format!("{PATH}?q={q}")).await["items"].as_array().unwrap().len();
        assert_eq!((found("thistle%20KETTLE").await, found("12%25%20more").await), (1, 1));
        assert_eq!((found("12%20more").await, found("1__").await), (0, 0), "no character stands for another");

        let others = app.get(&format!("{PATH}?from=folder")).await;
        let folder = others["items"][0]["id"].as_str().unwrap();
        let path = app.home.path().join("knowledge/acme").join(others["items"][0]["path"].as_str().unwrap());
        let file = fetch(folder).await;
        assert_eq!(file.status(), 200);
        assert!(file.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert_eq!(file.bytes().await.unwrap(), std::fs::read(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let gone = fetch(folder).await;
        assert_eq!(gone.status(), 404);
        assert!(gone.text().await.unwrap().contains("is not kept here"));
        assert_eq!(ask(&app.url, Method::DELETE, &format!("/documents/{id}")).await.0, 204);
        assert_eq!(fetch(id).await.status(), 404);
        app.stop().await;
    }

    async fn learning_a_folder_leaves_uploads_alone(db) {
        let app = Setup::on(db).start().await;
        let (_, taken) = upload(&app.url, PATH, &[("parking.md", PARKING)]).await;
        until(&app.url, &id(&taken[0]), "ready").await;
        let folder = app.home.path().join("knowledge/acme");
        let source_folder = || SourceFolder::find(&folder, None).unwrap().remove(0);
        assert!(!app.desk.library.differs(source_folder()).await.unwrap(), "an upload is no change of the folder");
        let summary = app.desk.library.learn(source_folder(), &SilentProgress).await.unwrap();
        assert_eq!((summary.removed, summary.unchanged), (0, 2));
        // A file of the same name does not replace it and fails with a reason.
        std::fs::write(folder.join("parking.md"), "# Parking\n\nNowhere.\n").unwrap();
        let summary = app.desk.library.learn(source_folder(), &SilentProgress).await.unwrap();
        assert!(summary.failed[0].1.contains("was uploaded"), "{summary:?}");
        let chunks = app.get(&format!("/documents/{}/chunks", id(&taken[0]))).await.to_string();
        assert!(chunks.contains("yellow places"), "{chunks}");
        // Documents from other sources must be removed there.
        let page = app.get(&format!("{PATH}?from=folder&q=returns")).await;
        for (method, path) in [(Method::DELETE, ""), (Method::POST, "/retry")] {
            let (status, why) = ask(&app.url, method, &format!("/documents/{}{path}", id(&page["items"][0]))).await;
            assert_eq!(status, 409);
            assert!(why["detail"].as_str().unwrap().contains("folder"), "{why}");
        }
        app.stop().await;
    }

    async fn what_a_desk_was_learning_when_it_stopped_is_learned_by_the_next(db) {
        let app = Setup::on(db).start().await;
        app.model.fail_next_at("/v1/embeddings", 50, &Failure::Stall(Duration::from_secs(20)));
        let (_, taken) = upload(&app.url, PATH, &[("parking.md", PARKING)]).await;
        let id = id(&taken[0]);
        let began = Instant::now();
        while app.get(&format!("/documents/{id}")).await["progress"]["stage"] != "embedding" {
            assert!(began.elapsed() < Duration::from_secs(10), "no progress is shown");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(collection(&app, "acme").await["learning"], 1);
        let mut config = app.config.clone();
        // The next desk has no embedder, so that the endpoint's failures do not affect it.
        config.embed = frontdesk::config::Config::from_toml("[embed]\nkind = \"off\"").unwrap().embed;
        let _home = app.stop_and_keep().await;
        let next = App::assemble(config).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            next.serve(listener, async move { drop(stopped.await) }).await.unwrap();
        });
        until(&url, &id, "ready").await;
        assert!(found(&url, "Where can customers park?").await.contains(&"parking.md".into()));
        drop(stop);
        served.await.unwrap();
    }

    async fn what_nothing_can_read_waits_and_says_why_in_the_end(db) {
        let app = Setup::on(db).start().await;
        let mut config = app.config.clone();
        config.embed = frontdesk::config::Config::from_toml("[embed]\nkind = \"off\"").unwrap().embed;
        config.reader.program = None;
        let _home = app.stop_and_keep().await;
        let without = App::assemble(config.clone()).await.unwrap().desk;
        let collection = without.store.collection("acme").await.unwrap();
        let (bytes, mime_type) = (sample("terms-reportlab.pdf"), "application/pdf".to_owned());
        let size = bytes.len() as u64;
        let new = NewUpload { collection: collection.clone(), path: "terms.pdf".into(), mime_type, size, content: Ok(bytes) };
        let id = without.library.upload(new).await.unwrap().unwrap();
        // More often than a file may end its process.
        for _ in 0..5 {
            let why = without.library.learn_uploaded().await.unwrap_err().to_string();
            assert!(why.contains("program to start"), "{why}");
        }
        assert_eq!(without.store.due_upload().await.unwrap().unwrap().tries, 0);
        // It does not wait forever: in the end it fails with the reason.
        let mut more = 0;
        while without.library.learn_uploaded().await.is_err() {
            more += 1;
            assert!(more < 36 * without.library.readers(), "it waits for ever");
        }
        let shown = without.store.shown_document(&id).await.unwrap().unwrap();
        assert_eq!((shown.state, shown.code), (DocumentStatus::Failed, Some(FailureCode::Unread)));
        assert!(shown.error.unwrap().contains("program to start"));
        // The next start learns it.
        config.reader.program = Some(BINARY.into());
        let with = App::assemble(config).await.unwrap().desk;
        assert_eq!(with.library.renew_uploads().await.unwrap(), 1);
        assert_eq!(with.library.learn_uploaded().await.unwrap().unwrap().path, "terms.pdf");
        let all = with.store.documents(&collection, 0).await.unwrap();
        assert!(all.iter().any(|one| one.path == "terms.pdf" && one.state == DocumentState::Ready), "{all:?}");
    }

    async fn collections_are_made_filled_and_removed(db) {
        let app = Setup::on(db).start().await;
        let (status, made) = app.call("/collections", &json!({"slug": "winter"})).await;
        assert_eq!((status.as_u16(), &made["origin"], &made["documents"]), (201, &json!("console"), &json!(0)), "{made}");
        assert_eq!(app.call("/collections", &json!({"slug": "winter"})).await.0, 409);
        for wrong in ["", "Winter", "a/b", "-x", "winter@draft"] {
            assert_eq!(app.call("/collections", &json!({"slug": wrong})).await.0, 422, "{wrong}");
        }
        let (_, taken) = upload(&app.url, "/collections/winter/documents", &[("snow.md", b"# Snow\n\nSledges are rented for 5 coins.\n")]).await;
        until(&app.url, &id(&taken[0]), "ready").await;
        for (name, words) in [("acme", "acme"), ("bolt", "bolt")] {
            let (status, why) = ask(&app.url, Method::DELETE, &format!("/collections/{name}")).await;
            assert_eq!(status, 409);
            assert!(why["detail"].as_str().unwrap().contains(words), "{why}");
        }
        assert_eq!(ask(&app.url, Method::DELETE, "/collections/winter").await.0, 204);
        assert_eq!(collection(&app, "winter").await, Value::Null);
        let everywhere = json!({"question": "What do sledges cost?", "limit": 50});
        let (_, results) = app.call("/knowledge/search", &everywhere).await;
        assert!(!results.to_string().contains("snow.md"), "{results}");
        assert_eq!(app.call("/collections", &json!({"slug": "winter"})).await.0, 201);
        assert_eq!(app.get("/collections/winter/documents").await["items"], json!([]), "it comes back empty");
        assert_eq!(ask(&app.url, Method::DELETE, "/collections/nobody").await.0, 404);
        app.stop().await;
    }

    async fn uploads_are_cut_anew_when_the_settings_change(db) {
        let app = Setup::on(db).start().await;
        app.call("/collections", &json!({"slug": "notes"})).await;
        let text = (0..60).map(|n| format!("## Part {n}\n\nSentence number {n} says something about the lamp.\n\n")).collect::<Vec<String>>().concat();
        let (_, taken) = upload(&app.url, "/collections/notes/documents", &[("long.md", text.as_bytes())]).await;
        let id = id(&taken[0]);
        let before = until(&app.url, &id, "ready").await["chunks"].as_i64().unwrap();
        let settings = json!({"chunk": {"max_tokens": 400, "overlap_tokens": 0, "join_below_tokens": 300}});
        let request = app.http.put(format!("{}/api/v1/collections/notes/settings", app.url)).bearer_auth(KEY);
        let answer = request.json(&settings).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        let began = Instant::now();
        while app.get(&format!("/documents/{id}")).await["chunks"].as_i64().unwrap() >= before {
            assert!(began.elapsed() < Duration::from_secs(10), "it is cut as before");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app.stop().await;
    }

    async fn a_gate_in_front_of_documents_is_not_slipped_past(db) {
        let app = Setup::on(db).start().await;
        let (_, taken) = upload(&app.url, PATH, &[("parking.md", PARKING)]).await;
        let document = id(&taken[0]);
        until(&app.url, &document, "ready").await;
        let gated = "---\nname: Acme\nknowledge: [acme]\ngate: {suite: none.yaml, knowledge: true}\n---\nHi.\n";
        let (status, said) = app.call("/agents/acme/publish", &json!({"source": gated, "force": true})).await;
        assert_eq!(status, 200, "{said}");
        assert_eq!(collection(&app, "acme").await["guards"], json!(["acme"]));
        let (status, why) = upload(&app.url, PATH, &[("more.md", b"# More\n\nx\n")]).await;
        assert_eq!(status, 409);
        assert!(why["detail"].as_str().unwrap().contains("frontdesk apply"), "{why}");
        assert_eq!(ask(&app.url, Method::DELETE, &format!("/documents/{document}")).await.0, 409);
        assert_eq!(ask(&app.url, Method::POST, &format!("/documents/{document}/retry")).await.0, 409);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_was_learning_is_learned_after_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
    let settings = Setup::on(Db::Sqlite).settings(home.path(), "", &whatsapp, &model);
    std::fs::write(home.path().join("desk.toml"), settings).unwrap();
    drop(rustls::crypto::ring::default_provider().install_default());
    let first = Process::start(home.path()).await;
    model.fail_next_at("/v1/embeddings", 1, &Failure::Stall(Duration::from_mins(1)));
    let (status, taken) = upload(&first.url, PATH, &[("parking.md", PARKING)]).await;
    assert_eq!(status, 202, "{taken}");
    let id = id(&taken[0]);
    let began = Instant::now();
    while ask(&first.url, Method::GET, &format!("/documents/{id}")).await.1["progress"]["stage"]
        != "embedding"
    {
        assert!(began.elapsed() < Duration::from_secs(20), "it is not being embedded");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.kill().await;
    let second = Process::start(home.path()).await;
    until(&second.url, &id, "ready").await;
    assert!(found(&second.url, "Where can customers park?").await.contains(&"parking.md".into()));
    assert!(second.stop().await);
}

/// Assembles a desk that learns only on request, with its fake model.
async fn told(setup: Setup, home: &Path) -> (Arc<Desk>, OpenAi) {
    write_home_files(home);
    let (whatsapp, model) = (Graph::start().await, OpenAi::start().await);
    let settings = setup.settings(home, "", &whatsapp, &model);
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut config = frontdesk::config::Config::from_toml(&settings).unwrap();
    config.reader.program = Some(BINARY.into());
    (App::assemble(config).await.unwrap().desk, model)
}

/// Uploads a small text to a desk.
async fn give(desk: &Desk, path: &str) {
    let collection = desk.store.collection("acme").await.unwrap();
    let (path, mime_type) = (path.to_owned(), "text/plain".to_owned());
    let content = Ok(format!("What {path} says.").into_bytes());
    let new = NewUpload { collection, path, mime_type, size: 20, content };
    desk.library.upload(new).await.unwrap().unwrap();
}

/// Marks this file as being learned when a process died; it is the next to be learned.
async fn suspect(home: &Path, path: &str) {
    let sql = format!(
        "update uploads set tries = 1, updated_at = 0
         where document_id = (select id from documents where path = '{path}')"
    );
    assert_eq!(change(home, "", &sql).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_learned_when_a_process_died_is_read_alone() {
    let home = tempfile::tempdir().unwrap();
    let (desk, _model) = told(Setup::on(Db::Sqlite).extractive(), home.path()).await;
    // The suspect needs a new worker process: if read in parallel, the other would be done long
    // before.
    give(&desk, "other.txt").await;
    give(&desk, "suspect.md").await;
    suspect(home.path(), "suspect.md").await;
    let learn = async || desk.library.learn_uploaded().await.unwrap().unwrap();
    tokio::join!(learn(), learn());
    let collection = desk.store.collection("acme").await.unwrap();
    // The revision shows the order of storing.
    let learned = desk.store.documents(&collection, 0).await.unwrap();
    let order: Vec<&str> = learned.iter().map(|document| document.path.as_str()).collect();
    assert_eq!(order, ["suspect.md", "other.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_takes_back_only_the_try_that_it_interrupts() {
    let home = tempfile::tempdir().unwrap();
    let (desk, _model) = told(Setup::on(Db::Sqlite).extractive(), home.path()).await;
    give(&desk, "a.txt").await;
    let due = async || desk.store.due_upload().await.unwrap().unwrap();
    let take = async || desk.store.take_upload(&due().await, 60_000).await.unwrap();
    let row = due().await;
    assert!(take().await);
    desk.store.release_upload(&row, true).await.unwrap();
    assert_eq!(due().await.tries, 1);
    desk.store.release_uploads().await.unwrap();
    assert_eq!(due().await.tries, 1, "it was released before the stop");
    assert!(take().await);
    desk.store.release_uploads().await.unwrap();
    assert_eq!(due().await.tries, 1, "the stop is no try, the one before is");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_learned_when_a_process_died_is_embedded_beside_others() {
    let home = tempfile::tempdir().unwrap();
    let (desk, model) = told(Setup::on(Db::Sqlite), home.path()).await;
    let learn = async || desk.library.learn_uploaded().await.unwrap().unwrap().path;
    give(&desk, "other.txt").await;
    assert_eq!(learn().await, "other.txt");
    give(&desk, "other.txt").await;
    give(&desk, "suspect.txt").await;
    suspect(home.path(), "suspect.txt").await;
    // The other is embedded already. The suspect waits for its embeddings.
    model.fail_next_at("/v1/embeddings", 9, &Failure::Stall(Duration::from_mins(5)));
    let first = tokio::select! {
        path = learn() => path,
        path = learn() => path,
    };
    assert_eq!(first, "other.txt");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_no_uploads_are_refused() {
    let app = TestApp::start().await;
    let send = async |form: Form| {
        let request = app.http.post(format!("{}/api/v1{PATH}", app.url)).bearer_auth(KEY);
        request.multipart(form).send().await.unwrap().status().as_u16()
    };
    assert_eq!(send(Form::new()).await, 400);
    assert_eq!(send(Form::new().text("note", "x")).await, 400);
    let many: Vec<(String, Vec<u8>)> =
        (0..51).map(|n| (format!("{n}.md"), b"# x\n\ny".to_vec())).collect();
    let many: Vec<(&str, &[u8])> =
        many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    assert_eq!(send(form(&many)).await, 422);
    // A field whose head never ends, and one with an extremely long name.
    for (body, says) in [
        (
            format!(
                "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}",
                "a".repeat(5_000_000)
            ),
            "1 MB",
        ),
        (
            format!(
                "--x\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n1\r\n--x--\r\n",
                "a".repeat(500_000)
            ),
            "is no file",
        ),
    ] {
        let request =
            app.http.post(format!("{}/api/v1{PATH}", app.url)).bearer_auth(KEY).body(body);
        let refused =
            request.header("content-type", "multipart/form-data; boundary=x").send().await.unwrap();
        assert_eq!(refused.status(), 400);
        let said = refused.text().await.unwrap();
        assert!(said.contains(says) && said.len() < 1000, "{}", said.len());
    }
    assert_eq!(upload(&app.url, "/collections/nobody/documents", &[("a.md", b"x")]).await.0, 404);
    let request =
        app.http.post(format!("{}/api/v1{PATH}", app.url)).multipart(form(&[("a.md", b"x")]));
    assert_eq!(request.send().await.unwrap().status(), 401);
    for query in ["state=lost", "from=moon", "cursor=x"] {
        let (status, _) = ask(&app.url, Method::GET, &format!("{PATH}?{query}")).await;
        assert_eq!(status, 400, "{query}");
    }
    app.stop().await;
}
