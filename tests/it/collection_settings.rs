//! Settings of a collection over the API: the same as in its `collection.toml`, which takes
//! precedence.

use frontdesk::domain::CollectionId;
use frontdesk::knowledge::{SilentProgress, SourceFolder, Summary};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{KEY, Setup, TestApp, on_both};

const SETTINGS: &str = "/collections/acme/settings";

/// Learns a file or folder under `knowledge`.
async fn learn(app: &TestApp, path: &str) -> Summary {
    let path = app.home.path().join("knowledge").join(path);
    let mut source_folders = SourceFolder::find(&path, None).unwrap();
    assert_eq!(source_folders.len(), 1);
    app.desk.library.learn(source_folders.remove(0), &SilentProgress).await.unwrap()
}

async fn ask(
    app: &TestApp,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (StatusCode, Value) {
    let request = app.http.request(method, format!("{}/api/v1{path}", app.url)).bearer_auth(KEY);
    let request = if let Some(body) = body { request.json(body) } else { request };
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap_or_default())
}

async fn put(app: &TestApp, body: &Value) -> (StatusCode, Value) {
    ask(app, Method::PUT, SETTINGS, Some(body)).await
}

on_both! {
    async fn settings_are_set_over_the_api_and_the_file_wins(db) {
        let app = Setup::on(db).start().await;
        assert_eq!(learn(&app, "acme").await.unchanged, 2);
        let nobody = json!({"from": "default", "chunk": null, "search": {"dense": null, "ngram": null}});
        assert_eq!(app.get(SETTINGS).await, nobody);
        let cut = json!({"max_tokens": 100, "overlap_tokens": 40, "join_below_tokens": 0});
        let wanted = json!({"chunk": {"max_tokens": 100, "join_below_tokens": 0}, "search": {"ngram": 0.5}});
        let ours = json!({"from": "api", "chunk": cut, "search": {"dense": null, "ngram": 0.5}});
        assert_eq!(put(&app, &wanted).await, (StatusCode::OK, ours.clone()));
        assert_eq!(app.get(SETTINGS).await, ours);
        assert_eq!(put(&app, &ours).await, (StatusCode::OK, ours.clone()), "what is shown may be sent back");

        let all = app.get("/collections").await;
        let acme = all.as_array().unwrap().iter().find(|one| one["slug"] == "acme").unwrap();
        let acme = CollectionId::stored(acme["id"].as_str().unwrap().to_owned());
        let ngram = || app.desk.engine.live().tunings.of(std::slice::from_ref(&acme)).ngram;
        assert_eq!(ngram(), Some(0.5), "passages are ranked so at once");
        let again = learn(&app, "acme").await;
        assert_eq!((again.learned, again.unchanged), (2, 0), "documents are cut so when they are learned again");
        assert_eq!(learn(&app, "acme").await.unchanged, 2);
        assert_eq!(learn(&app, "acme/hours.md").await.unchanged, 1, "one file is cut as its collection is");
        assert_eq!(app.get(SETTINGS).await, ours, "a folder without a file says nothing");

        let file = app.home.path().join("knowledge/acme/collection.toml");
        std::fs::write(&file, "[search]\ndense = 0.4\n").unwrap();
        assert_eq!(learn(&app, "acme").await.learned, 2);
        let theirs = json!({"from": "file", "chunk": null, "search": {"dense": 0.4, "ngram": null}});
        assert_eq!(app.get(SETTINGS).await, theirs);
        let (status, refused) = put(&app, &wanted).await;
        assert_eq!(status, 409);
        assert!(refused["detail"].as_str().unwrap().contains("collection.toml"), "{refused}");
        assert_eq!((app.get(SETTINGS).await, ngram()), (theirs, None));

        std::fs::remove_file(&file).unwrap();
        learn(&app, "acme").await;
        assert_eq!(app.get(SETTINGS).await, nobody);
        assert_eq!(put(&app, &wanted).await.0, 200);
        assert_eq!(put(&app, &json!({})).await, (StatusCode::OK, nobody), "nothing is said any more");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_as_of_the_file_and_changes_nothing() {
    let app = TestApp::start().await;
    let good = json!({"search": {"dense": 0.3}});
    let (_, before) = put(&app, &good).await;
    for (wrong, word) in [
        (json!({"search": {"dence": 1}}), "unknown field: found `dence`"),
        (json!({"search": {"dense": 1.5}}), "`search.dense` is 1.5; it may be 0 to 1"),
        (json!({"chunk": {"max_tokens": "many"}}), "chunk.max_tokens"),
        (json!([1]), "invalid type"),
    ] {
        let (status, told) = put(&app, &wrong).await;
        assert_eq!(status, 422, "{wrong}");
        assert!(told["detail"].as_str().unwrap().contains(word), "{wrong}: {told}");
    }
    assert_eq!(app.get(SETTINGS).await, before);
    for method in [Method::GET, Method::PUT] {
        let (status, _) = ask(&app, method, "/collections/nobody/settings", Some(&good)).await;
        assert_eq!(status, 404);
    }
    app.stop().await;
}
