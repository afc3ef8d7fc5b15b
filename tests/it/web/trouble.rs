//! Misbehaving sites: each failure affects only its page and costs bounded time and memory.

use frontdesk::store::sources::NewSource;
use reqwest::StatusCode;

use super::*;
use crate::support::app::Db;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_that_pages_own() {
    let app = Setup::on(Db::Sqlite).extractive().with(LOCAL).start().await;
    let site = Site::start().await;
    let links = [
        "/drip",
        "/huge",
        "/loop",
        "/chain",
        "/metadata",
        "/private",
        "/file",
        "/pdf",
        "/png",
        "/broken",
        "/deep",
        "/empty",
        "/error",
        "/last",
        "/unasked",
    ];
    site.put("/", html("Start", "Welcome to the start.", &links));
    site.put("/drip", Page::Drip);
    site.put("/huge", Page::Huge(100 * 1024 * 1024));
    site.put("/loop", Page::To("/loop2".into()));
    site.put("/loop2", Page::To("/loop".into()));
    site.put("/chain", Page::To("/chain?1".into()));
    for n in 1..20 {
        site.put(&format!("/chain?{n}"), Page::To(format!("/chain?{}", n + 1)));
    }
    site.put("/metadata", Page::To("http://169.254.169.254/latest/meta-data/".into()));
    site.put("/private", Page::To("http://10.0.0.1/".into()));
    site.put("/file", Page::To("file:///etc/passwd".into()));
    site.put("/pdf", Page::Text("text/html", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3 lies".to_vec()));
    site.put("/png", Page::Text("text/html", b"\x89PNG\r\n\x1a\n\0\0\0\0".to_vec()));
    let broken =
        "<p>Broken, and read all the same.<table><tr><a href=/behind <b>x</i></td></html><div <<>";
    site.put("/broken", Page::Text("text/html", broken.into()));
    site.put("/deep", Page::Text("text/html", "<div>".repeat(100_000).into_bytes()));
    site.put("/empty", Page::Text("text/html", Vec::new()));
    site.put("/error", Page::Status(500));
    site.put("/unasked", Page::Status(304));
    site.put("/last", html("Last", "The last page is read.", &[]));
    let started = Instant::now();
    let (source, summary) = learned(&app, &site.url).await;
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert!(site.sent() < 40 * 1024 * 1024, "the huge page was read to its end");
    let mut left: Vec<_> =
        summary.failed.iter().map(|(url, why)| (url.replace(&site.url, ""), why)).collect();
    for (path, word) in [
        ("/drip", "within 1.5 seconds"),
        ("/huge", "more than 5120 KB"),
        ("/loop", "in a circle"),
        ("/chain", "more than 5 times"),
        ("/metadata", "another site, http://169.254.169.254"),
        ("/private", "another site, http://10.0.0.1"),
        ("/file", "another site"),
        ("/pdf", "PDF"),
        ("/png", "PNG"),
        ("/deep", "deep"),
        ("/empty", "empty"),
        ("/error", "500"),
        ("/unasked", "304"),
    ] {
        let at = left.iter().position(|(failed, why)| failed == path && why.contains(word));
        left.remove(at.unwrap_or_else(|| panic!("no `{word}` of {path} in {left:?}")));
    }
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(paths(&app, &site).await, ["/", "/broken", "/last"]);
    assert_eq!(stored(&app, &source).await.state, SourceState::Partial);
    let shown = app.get("/collections/web/sources").await;
    let pages = shown[0]["failed"].as_array().unwrap();
    assert_eq!(pages.len(), 13, "{shown}");
    let code = |path: &str| {
        let page = pages.iter().find(|page| page["url"].as_str().unwrap().ends_with(path));
        page.unwrap()["reason_code"].clone()
    };
    assert_eq!(code("/error"), json!({"kind": "status", "status": 500}));
    assert_eq!(code("/file")["kind"], "elsewhere");
    assert_eq!(code("/drip"), json!({"kind": "too_slow", "seconds": 1.5}));
    assert_eq!(code("/pdf")["kind"], "unlearned", "{shown}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_the_code_of_its_last_failure() {
    let app = Setup::on(Db::Sqlite).extractive().with(LOCAL).start().await;
    let site = Site::start().await;
    site.put("/", html("Start", "Welcome to the start.", &["/menu"]));
    site.put("/menu", Page::Text("text/html", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3 lies".to_vec()));
    let (source, _) = learned(&app, &site.url).await;
    let failed = async || app.get("/collections/web/sources").await[0]["failed"][0].clone();
    let before = failed().await;
    assert_eq!(before["reason_code"]["kind"], "unlearned", "{before}");
    let packed = vec![("content-type", "text/html".into()), ("content-encoding", "br".into())];
    site.put("/menu", Page::Headed(packed, b"The menu.".to_vec()));
    refreshed(&app, &source).await;
    let after = failed().await;
    assert_eq!(after["reason_code"], Value::Null, "{after}");
    assert_ne!(after["reason"], before["reason"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_this_machine_is_refused_unless_the_settings_permit_it() {
    let app =
        Setup::on(Db::Sqlite).extractive().with("[knowledge.web]\npause_ms = 0").start().await;
    let site = shop().await;
    let by_name = site.url.replace("127.0.0.1", "localhost");
    for url in [&site.url, &by_name, "http://169.254.169.254/"] {
        let (status, said) = app.call("/collections/new/sources", &json!({"url": url})).await;
        assert_eq!(
            (status, &said["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("private_website")),
            "{url}: {said}"
        );
        assert_eq!(said["detail"], "Private addresses can't be added.", "{url}");
    }
    let slugs = app.get("/collections").await;
    assert!(!slugs.as_array().unwrap().iter().any(|one| one["slug"] == "new"), "{slugs}");
    // One that was permitted when it was added, or whose name meant another address then.
    let collection = app.desk.store.collection("web").await.unwrap();
    let (url, kind) = (by_name, SourceKind::Page);
    let new = NewSource {
        collection,
        url,
        kind,
        settings: r#"{"depth": 0, "pages": 1}"#.into(),
        every_minutes: None,
        due_at: None,
    };
    let id = app.desk.store.add_source(new).await.unwrap();
    let source = app.desk.store.source(&id).await.unwrap().unwrap();
    let summary = refreshed(&app, &source).await;
    assert_eq!(summary.learned, 0);
    assert_eq!(summary.failed[0].1, "Private addresses can't be added.", "{summary:?}");
    assert_eq!(stored(&app, &source).await.state, SourceState::Failed);
    let shown = app.get("/collections/web/sources").await;
    assert_eq!(shown[0]["error_code"], json!({"kind": "private"}), "{shown}");
    assert!(site.asked().is_empty(), "it was connected to");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_trouble_is_left_alone() {
    let app = Setup::on(Db::Sqlite).extractive().with(LOCAL).start().await;
    let site = Site::start().await;
    let links: Vec<String> = (0..50).map(|n| format!("/{n}")).collect();
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    site.put("/", html("Start", "Welcome to the start.", &links));
    for path in &links {
        site.put(path, html("Page", &format!("The text of page {path}."), &[]));
    }
    let (source, summary) = learned(&app, &site.url).await;
    assert_eq!(summary.learned, 51);
    for path in &links {
        site.put(path, Page::Status(502));
    }
    site.asked();
    let summary = refreshed(&app, &source).await;
    assert!(site.asked().len() < 15, "it was asked on and on");
    assert_eq!(summary.removed, 0);
    assert_eq!(stored(&app, &source).await.state, SourceState::Failed);
    assert_eq!(paths(&app, &site).await.len(), 51);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_suddenly_leads_nowhere_is_kept_until_somebody_asks_for_it() {
    let app = Setup::on(Db::Sqlite).extractive().with(LOCAL).start().await;
    let site = Site::start().await;
    let links: Vec<String> = (0..9).map(|n| format!("/{n}")).collect();
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    site.put("/", html("Start", "Welcome to the start.", &links));
    for path in &links {
        site.put(path, html("Page", &format!("The text of page {path}."), &[]));
    }
    let (source, _) = learned(&app, &site.url).await;
    site.put("/", html("Sorry", "This site is being mended.", &[]));
    for _ in 0..2 {
        let summary = refreshed(&app, &source).await;
        assert_eq!((summary.removed, summary.failed.len()), (0, 1), "{summary:?}");
        assert!(summary.failed[0].1.contains("1 of its 10 pages"), "{summary:?}");
        assert_eq!(paths(&app, &site).await.len(), 10);
    }
    let (_, asked) = learned(&app, &site.url).await;
    assert_eq!((asked.removed, asked.failed.len()), (9, 0), "{asked:?}");
    assert_eq!(paths(&app, &site).await, ["/"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_text_could_not_be_stored_is_asked_for_again() {
    let app = Setup::on(Db::Sqlite).with(LOCAL).start().await;
    let site = shop().await;
    let source = added(&app, &wanted(&site.url)).await;
    let refusal =
        crate::support::fake::Failure::Status(500, json!({"error": {"message": "no"}}), None);
    // The first attempt and its only retry.
    app.model.fail_next_at("/v1/embeddings", 2, &refusal);
    let summary = refreshed(&app, &source).await;
    assert_eq!((summary.learned, summary.failed.len()), (0, 4), "{summary:?}");
    assert!(paths(&app, &site).await.is_empty());
    let summary = refreshed(&app, &source).await;
    assert_eq!(numbers(&summary), (4, 0, 0, 0), "{summary:?}");
    assert_eq!(paths(&app, &site).await.len(), 4);
    app.stop().await;
}
