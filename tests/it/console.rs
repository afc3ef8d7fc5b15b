//! Serving the console's files: paths, encodings, caching, and the content security policy.

use flate2::read::GzDecoder;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::app::{Db, Setup, TestApp};

const PAGE: &str = "<!doctype html><meta property=\"csp-nonce\" nonce=\"__NONCE__\"><style nonce=\"__NONCE__\"></style><title>the console</title>";
const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const SCRIPT: &str = "assets/index-Bq3x_9.js";

/// Starts a desk with a built console.
async fn built() -> TestApp {
    let files = [
        ("console/index.html", PAGE),
        ("console/assets/index-Bq3x_9.js", "plain script"),
        ("console/assets/index-Bq3x_9.js.br", "script in brotli"),
        ("console/assets/index-Bq3x_9.js.gz", "script in gzip"),
        ("console/assets/index-Cc.css", "plain style"),
        ("console/favicon.svg", "<svg/>"),
        ("console/manifest.webmanifest", "{}"),
        ("console/.hidden", "hidden"),
    ];
    let setup = Setup::on(Db::Sqlite).extractive();
    files.into_iter().fold(setup, |setup, (path, text)| setup.file(path, text)).start().await
}

impl TestApp {
    async fn browse(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.http.get(format!("{}{path}", self.url));
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap()
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_path_gives_the_page_and_nothing_of_ours_does() {
    let app = built().await;
    for path in [
        "/",
        "/sandbox",
        "/inbox/conv_01J",
        "/sign-in",
        "/conversations/conv_01J",
        "/agents/a.b",
        "/apiary",
        "/index.html",
        "/a/%ff",
        "/.hidden",
    ] {
        let page = app.browse(path, &[("accept", HTML)]).await;
        assert_eq!(
            (page.status(), header(&page, "content-type")),
            (StatusCode::OK, "text/html; charset=utf-8"),
            "{path}"
        );
        assert!(page.text().await.unwrap().contains("the console"), "{path}");
    }
    for path in [
        "/api",
        "/api/v2/x",
        "/api/v1/nothing",
        "/v1",
        "/v1/nothing",
        "/webhooks",
        "/webhooks/a/b/c",
        "/metrics/x",
        "/healthz/x",
        "/readyz/x",
        "/assets/gone-1.js",
        "/assets",
        "/assets/",
    ] {
        let refused = app.browse(path, &[("accept", HTML)]).await;
        assert_eq!(
            (refused.status(), header(&refused, "content-type")),
            (StatusCode::NOT_FOUND, "application/problem+json"),
            "{path}"
        );
        assert_eq!(header(&refused, "x-content-type-options"), "nosniff", "{path}");
    }
    // A request that does not accept HTML gets no page.
    for path in ["/sandbox", "/favicon.ico", "/nothing.js"] {
        let refused = app.browse(path, &[("accept", "image/avif,*/*;q=0.8")]).await;
        assert_eq!(header(&refused, "content-type"), "application/problem+json", "{path}");
    }
    let posted =
        app.http.post(format!("{}/sandbox", app.url)).header("accept", HTML).send().await.unwrap();
    assert_eq!(posted.status(), 404);
    let head =
        app.http.head(format!("{}/inbox", app.url)).header("accept", HTML).send().await.unwrap();
    assert_eq!((head.status(), head.text().await.unwrap()), (StatusCode::OK, String::new()));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_may_run_nothing_but_our_own_files_and_has_a_new_nonce_each_time() {
    let app = built().await;
    let mut nonces = Vec::new();
    for path in ["/", "/", "/inbox"] {
        let page = app.browse(path, &[("accept", HTML)]).await;
        assert_eq!(header(&page, "cache-control"), "no-cache");
        assert_eq!(header(&page, "etag"), "", "an old page would have an old nonce");
        let policy = header(&page, "content-security-policy").to_owned();
        let (_, rest) = policy.split_once("'nonce-").unwrap();
        let nonce = rest.split_once('\'').unwrap().0.to_owned();
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            )
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(header(&page, name), value);
        }
        assert!(header(&page, "permissions-policy").contains("microphone=(self)"));
        let text = page.text().await.unwrap();
        assert_eq!(
            (text.matches(&format!("nonce=\"{nonce}\"")).count(), text.contains("__NONCE__")),
            (2, false),
            "{text}"
        );
        assert!(nonce.len() >= 22);
        nonces.push(nonce);
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_packed_as_the_browser_takes_them_and_are_kept() {
    let app = built().await;
    let path = format!("/{SCRIPT}");
    for (takes, encoding, text) in [
        ("gzip, deflate, br, zstd", "br", "script in brotli"),
        ("gzip, deflate", "gzip", "script in gzip"),
        ("br;q=0, GZIP;q=0.5", "gzip", "script in gzip"),
        ("br;q=0.000", "", "plain script"),
        ("identity", "", "plain script"),
        ("", "", "plain script"),
    ] {
        let file = app.browse(&path, &[("accept-encoding", takes)]).await;
        assert_eq!(
            (file.status(), header(&file, "content-encoding")),
            (StatusCode::OK, encoding),
            "{takes}"
        );
        assert_eq!(header(&file, "content-type"), "text/javascript; charset=utf-8");
        assert_eq!(header(&file, "cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(header(&file, "vary"), "accept-encoding");
        assert_eq!(header(&file, "x-content-type-options"), "nosniff");
        let tag = header(&file, "etag").to_owned();
        assert_eq!(file.text().await.unwrap(), text, "{takes}");
        let again = app
            .browse(
                &path,
                &[("accept-encoding", takes), ("if-none-match", &format!("\"x\", W/{tag}"))],
            )
            .await;
        assert_eq!(
            (again.status(), header(&again, "etag")),
            (StatusCode::NOT_MODIFIED, tag.as_str())
        );
        assert_eq!(again.text().await.unwrap(), "");
        let other =
            app.browse(&path, &[("accept-encoding", takes), ("if-none-match", "\"x\"")]).await;
        assert_eq!(other.status(), 200);
    }
    for (path, kind, kept) in [
        ("/assets/index-Cc.css", "text/css; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache"),
    ] {
        let file = app.browse(path, &[("accept-encoding", "br")]).await;
        assert_eq!(
            (header(&file, "content-type"), header(&file, "cache-control")),
            (kind, kept),
            "{path}"
        );
        assert_eq!((header(&file, "vary"), header(&file, "content-encoding")), ("", ""), "{path}");
    }
    let twin = app.browse(&format!("{path}.br"), &[]).await;
    assert_eq!(twin.status(), 404);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_comes_packed_with_its_own_nonce() {
    let app = built().await;
    for (takes, encoding) in [("gzip, deflate, br", "gzip"), ("gzip;q=0", ""), ("", "")] {
        let page = app.browse("/inbox", &[("accept", HTML), ("accept-encoding", takes)]).await;
        assert_eq!(header(&page, "content-encoding"), encoding, "{takes}");
        assert_eq!(header(&page, "vary"), "accept-encoding");
        let policy = header(&page, "content-security-policy").to_owned();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        let bytes = page.bytes().await.unwrap();
        let text = match encoding {
            "gzip" => std::io::read_to_string(GzDecoder::new(&*bytes)).unwrap(),
            _ => String::from_utf8(bytes.to_vec()).unwrap(),
        };
        assert!(text.contains(&format!("nonce=\"{nonce}\"")), "{takes}: {text}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_folder() {
    let app = built().await;
    let address = app.url.strip_prefix("http://").unwrap();
    for path in [
        "/../desk.db",
        "/assets/../../desk.db",
        "/..%2fdesk.db",
        "/%2e%2e/desk.db",
        "//etc/passwd",
        "/assets//../../desk.db",
        "/.hidden",
        "/assets/..\\..\\desk.db",
        "/./index.html",
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).unwrap();
        assert!(["404", "400"].contains(&status), "{path}: {answer}");
        assert!(!answer.contains("SQLite") && !answer.contains("root:"), "{path}: {answer}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_build_every_page_says_how_to_make_one() {
    let app = TestApp::start().await;
    for path in ["/", "/inbox", "/conversations/conv_01J"] {
        let page = app.browse(path, &[("accept", HTML)]).await;
        assert_eq!(page.status(), 200);
        let policy = header(&page, "content-security-policy").to_owned();
        let text = page.text().await.unwrap();
        for word in ["make run", "npm ci", "npm run build", "frontdesk inbox"] {
            assert!(text.contains(word), "{text}");
        }
        let nonce = text.split_once("nonce=\"").unwrap().1.split_once('"').unwrap().0;
        assert!(policy.contains(&format!("'nonce-{nonce}'")), "{policy}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_what_is_switched_on() {
    let plain = Setup::on(Db::Sqlite).extractive().start().await;
    let status = plain.get("/status").await;
    assert_eq!(
        status["model"],
        serde_json::json!({
            "kind": "extractive", "name": "extractive", "is_model": false,
            "origin": "configured", "url": null, "asked": [],
        })
    );
    assert_eq!(
        (&status["embedder"], &status["speech"], &status["speech_by"]),
        (&Value::Null, &Value::Bool(false), &Value::Null)
    );
    assert_eq!((&status["demo"], &status["database"]), (&Value::Bool(false), &"SQLite".into()));
    assert_eq!(
        (&status["version"], &status["base_url"]),
        (&env!("CARGO_PKG_VERSION").into(), &"https://desk.example.com".into())
    );
    plain.stop().await;
    let full = TestApp::start().await;
    let status = full.get("/status").await;
    assert_eq!(
        (&status["model"]["kind"], &status["model"]["is_model"]),
        (&"openai".into(), &Value::Bool(true))
    );
    assert!(
        status["embedder"].is_string()
            && status["speech"] == true
            && status["speech_by"].is_string(),
        "{status}"
    );
    full.stop().await;
}
