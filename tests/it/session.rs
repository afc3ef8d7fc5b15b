//! Signing in to the console: a link works once, a cookie counts like the key, and only the
//! console's own pages can write with it.

use frontdesk::http::sign_in_link;
use futures::future::join_all;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::app::Setup;
use crate::support::app::{Db, KEY, TestApp, on_both};
use crate::support::process::{Process, run, says};

pub(crate) struct Browser {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

/// Returns the token of a new link.
pub(crate) async fn link(app: &TestApp) -> String {
    let link = sign_in_link(&app.desk.store, &app.desk.base_url).await.unwrap();
    let token = link.strip_prefix("https://desk.example.com/sign-in#").unwrap();
    assert_eq!(token.len(), 43, "256 bits");
    token.to_owned()
}

async fn try_link(app: &TestApp, token: &str) -> Response {
    let request = app.http.post(format!("{}/api/v1/session", app.url));
    request.json(&json!({"token": token})).send().await.unwrap()
}

fn set_cookie(response: &Response) -> Option<String> {
    response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned())
}

impl Browser {
    pub(crate) async fn of(app: &TestApp) -> Self {
        let response = try_link(app, &link(app).await).await;
        assert_eq!(response.status(), 200);
        let cookie = set_cookie(&response).unwrap();
        for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=2592000", "; Secure"]
        {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        let body: Value = response.json().await.unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { cookie, csrf: body["csrf"].as_str().unwrap().to_owned() }
    }

    /// Builds a request with only the cookie.
    pub(crate) fn request(&self, app: &TestApp, method: Method, path: &str) -> RequestBuilder {
        app.http.request(method, format!("{}/api/v1{path}", app.url)).header("cookie", &self.cookie)
    }

    async fn get(&self, app: &TestApp, path: &str) -> Response {
        self.request(app, Method::GET, path).send().await.unwrap()
    }

    /// Returns the value of the cookie.
    fn secret(&self) -> &str {
        self.cookie.split_once('=').unwrap().1
    }
}

async fn start(db: Db) -> TestApp {
    Setup::on(db).extractive().start().await
}

on_both! {
    async fn the_admin_key_signs_in_again_and_again(db) {
        let app = start(db).await;
        for _ in 0..2 {
            let response = try_link(&app, KEY).await;
            assert_eq!(response.status(), 200);
            let cookie = set_cookie(&response).unwrap();
            let csrf: Value = response.json().await.unwrap();
            let csrf = csrf["csrf"].as_str().unwrap().to_owned();
            let browser = Browser { cookie: cookie.split(';').next().unwrap().to_owned(), csrf };
            assert_eq!(browser.get(&app, "/agents").await.status(), 200);
        }
        assert_eq!(try_link(&app, &format!("{KEY}x")).await.status(), 401);
        Browser::of(&app).await;
        let log = app.get("/audit?action=session.started&outcome=done").await;
        let by: Vec<_> = log["items"].as_array().unwrap().iter().map(|entry| (entry["actor"].clone(), entry["detail"]["by"].clone())).collect();
        let both = |by: &str| (json!(by), json!(by));
        assert_eq!(by, [both("sign-in link"), both("admin key"), both("admin key")]);
        app.stop().await;
    }

    async fn a_link_signs_in_once_and_the_cookie_counts_as_the_key_does(db) {
        let app = start(db).await;
        let nobody = app.http.get(format!("{}/api/v1/agents", app.url)).send().await.unwrap();
        assert_eq!(nobody.status(), 401);
        let token = link(&app).await;
        let response = try_link(&app, &token).await;
        assert_eq!(response.status(), 200);
        for bad in [token.as_str(), "", "wrong", &"x".repeat(43), &"x".repeat(3000)] {
            let refused = try_link(&app, bad).await;
            assert_eq!((refused.status(), set_cookie(&refused)), (StatusCode::UNAUTHORIZED, None));
            let problem: Value = refused.json().await.unwrap();
            assert!(problem["detail"].as_str().unwrap().contains("frontdesk sign-in"), "{problem}");
        }
        assert_eq!(try_link(&app, &"x".repeat(5000)).await.status(), 413);
        let browser = Browser::of(&app).await;
        let shown: Value = browser.get(&app, "/session").await.json().await.unwrap();
        assert_eq!(shown["csrf"], browser.csrf.as_str());
        let days = (shown["expires_at"].as_i64().unwrap() - frontdesk::domain::time::now_ms()) / 86_400_000;
        assert!((29..=30).contains(&days), "{shown}");
        assert_eq!(browser.get(&app, "/agents").await.status(), 200);
        let other = Browser { cookie: format!("a=b; {}; c=d", browser.cookie), csrf: String::new() };
        assert_eq!(other.get(&app, "/agents").await.status(), 200);
        let name = "__Host-frontdesk";
        assert!(browser.cookie.starts_with(name), "{}", browser.cookie);
        for cookie in [&format!("{name}="), &format!("{name}=x"), &format!("{name}={}x", browser.secret()), &format!("{name}={token}"), &format!("frontdesk={}", browser.secret())] {
            let stranger = Browser { cookie: cookie.to_owned(), csrf: String::new() };
            assert_eq!(stranger.get(&app, "/agents").await.status(), 401, "{cookie}");
        }
        // A key takes precedence: a valid cookie does not compensate for a wrong key.
        let with = |key: &str| browser.request(&app, Method::GET, "/session").bearer_auth(key);
        assert_eq!(with(KEY).send().await.unwrap().status(), 404);
        assert_eq!(with("wrong").send().await.unwrap().status(), 401);
        app.stop().await;
    }

    async fn of_many_who_use_a_link_at_once_one_signs_in(db) {
        let app = start(db).await;
        let token = link(&app).await;
        let tried = join_all((0..24).map(|_| try_link(&app, &token))).await;
        let good = tried.iter().filter(|response| response.status() == 200).count();
        assert_eq!(good, 1);
        assert!(tried.iter().all(|response| [200, 401].contains(&response.status().as_u16())));
        app.stop().await;
    }

    async fn what_is_too_old_is_over_and_what_is_used_lives_on(db) {
        let app = start(db).await;
        let token = link(&app).await;
        app.change("update sign_in_links set expires_at = created_at").await;
        assert_eq!(try_link(&app, &token).await.status(), 401);

        let browser = Browser::of(&app).await;
        let first = browser.get(&app, "/agents").await;
        assert_eq!((first.status(), set_cookie(&first)), (StatusCode::OK, None), "it is as good as new");
        app.change("update sessions set expires_at = expires_at - 7200000").await;
        let used = browser.get(&app, "/agents").await;
        assert!(set_cookie(&used).unwrap().starts_with(&format!("{};", browser.cookie)), "{used:?}");
        let again = browser.get(&app, "/session").await;
        assert_eq!(set_cookie(&again), None, "once an hour is enough");
        let until = again.json::<Value>().await.unwrap()["expires_at"].as_i64().unwrap();
        assert!(until > frontdesk::domain::time::now_ms() + 30 * 86_400_000 - 60_000);
        app.change("update sessions set expires_at = created_at - 1").await;
        assert_eq!(browser.get(&app, "/agents").await.status(), 401);

        let kept = Browser::of(&app).await;
        app.desk.store.forget_sessions().await.unwrap();
        assert_eq!(app.change("update sign_in_links set used_at = used_at").await, 2, "used ones stay for their day");
        assert_eq!(app.change("update sessions set expires_at = expires_at").await, 1);
        assert_eq!(kept.get(&app, "/agents").await.status(), 200);
        app.stop().await;
    }

    async fn only_the_consoles_own_pages_write_with_the_cookie(db) {
        let app = start(db).await;
        let browser = Browser::of(&app).await;
        let post = || {
            let request = browser.request(&app, Method::POST, "/sandbox/turns");
            request.json(&json!({"agent": "acme", "text": "When do you open?"}))
        };
        let status = async |request: RequestBuilder| request.send().await.unwrap().status().as_u16();
        assert_eq!(status(post()).await, 403);
        assert_eq!(status(post().header("x-csrf-token", "")).await, 403);
        let other = Browser::of(&app).await;
        assert_eq!(status(post().header("x-csrf-token", &other.csrf)).await, 403);
        assert_eq!(status(post().header("x-csrf-token", browser.secret())).await, 403);
        let good = || post().header("x-csrf-token", &browser.csrf);
        assert_eq!(status(good()).await, 200);
        for site in ["cross-site", "same-site", "?"] {
            assert_eq!(status(good().header("sec-fetch-site", site)).await, 403, "{site}");
        }
        assert_eq!(status(good().header("sec-fetch-site", "same-origin")).await, 200);
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "https://desk.example.com.evil.example"] {
            assert_eq!(status(good().header("origin", origin)).await, 403, "{origin}");
        }
        for origin in [app.url.as_str(), "https://desk.example.com"] {
            assert_eq!(status(good().header("origin", origin)).await, 200, "{origin}");
        }
        // Another site cannot sign anybody in.
        let token = link(&app).await;
        let foreign = app.http.post(format!("{}/api/v1/session", app.url)).header("origin", "https://evil.example");
        assert_eq!(foreign.json(&json!({"token": token})).send().await.unwrap().status(), 403);
        assert_eq!(try_link(&app, &token).await.status(), 200, "which has not used the link up");
        app.stop().await;
    }

    async fn who_signs_out_is_out_and_hears_nothing_more(db) {
        let app = start(db).await;
        let (browser, other) = (Browser::of(&app).await, Browser::of(&app).await);
        let mut live = browser.get(&app, "/live").await;
        let hello = live.chunk().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&hello).contains("event: hello"));
        let end = || browser.request(&app, Method::DELETE, "/session");
        assert_eq!(end().send().await.unwrap().status(), 403);
        let ended = end().header("x-csrf-token", &browser.csrf).send().await.unwrap();
        assert_eq!(ended.status(), 204);
        assert!(set_cookie(&ended).unwrap().starts_with("__Host-frontdesk=; "));
        assert!(set_cookie(&ended).unwrap().contains("Max-Age=0"));
        while live.chunk().await.unwrap().is_some() {}
        assert_eq!(browser.get(&app, "/session").await.status(), 401);
        assert_eq!(browser.get(&app, "/agents").await.status(), 401);
        assert_eq!(other.get(&app, "/agents").await.status(), 200);
        app.stop().await;
    }

    async fn a_session_ends_for_good_however_much_it_is_used(db) {
        let app = start(db).await;
        let browser = Browser::of(&app).await;
        let day = 86_400_000_i64;
        let until = async || browser.get(&app, "/session").await.json::<Value>().await.unwrap()["expires_at"].as_i64().unwrap();
        app.change(&format!("update sessions set created_at = created_at - {}", 80 * day)).await;
        app.change(&format!("update sessions set expires_at = expires_at - {}", 25 * day)).await;
        let now = frontdesk::domain::time::now_ms();
        assert!((4 * day..=5 * day).contains(&(until().await - now)), "as it was");
        let used = browser.get(&app, "/agents").await;
        assert_eq!(used.status(), 200);
        assert!((9 * day..=10 * day).contains(&(until().await - now)), "to its last day, and no longer");
        let again = browser.get(&app, "/agents").await;
        assert_eq!(set_cookie(&again), None, "it is not written again with every request");
        app.change(&format!("update sessions set created_at = created_at - {}", 10 * day)).await;
        assert_eq!(browser.get(&app, "/agents").await.status(), 401);
        app.desk.store.forget_sessions().await.unwrap();
        assert_eq!(app.change("update sessions set expires_at = expires_at").await, 0);
        app.stop().await;
    }

    async fn signing_out_everywhere_ends_every_session_stream_and_link(db) {
        let app = start(db).await;
        let (browser, other, token) = (Browser::of(&app).await, Browser::of(&app).await, link(&app).await);
        let theirs = app.desk.store.workspace("other").await.unwrap();
        theirs.add_sign_in_link(sha256("theirs")).await.unwrap();
        assert!(theirs.sign_in(sha256("theirs"), sha256("their session")).await.unwrap().is_some());
        let mut live = other.get(&app, "/live").await;
        assert!(live.chunk().await.unwrap().is_some());
        let end = || browser.request(&app, Method::DELETE, "/sessions");
        assert_eq!(end().send().await.unwrap().status(), 403);
        let ended = end().header("x-csrf-token", &browser.csrf).send().await.unwrap();
        assert_eq!(ended.status(), 200);
        assert!(set_cookie(&ended).unwrap().contains("Max-Age=0"));
        assert_eq!(ended.json::<Value>().await.unwrap(), json!({"sessions": 2, "links": 1}));
        while live.chunk().await.unwrap().is_some() {}
        for browser in [&browser, &other] {
            assert_eq!(browser.get(&app, "/agents").await.status(), 401);
        }
        assert_eq!(try_link(&app, &token).await.status(), 401);
        assert!(theirs.session(&sha256("their session")).await.unwrap().is_some(), "another workspace's");
        assert_eq!(app.http.get(format!("{}/api/v1/agents", app.url)).bearer_auth(KEY).send().await.unwrap().status(), 200);
        app.stop().await;
    }

    async fn who_signs_out_hears_nothing_more_of_a_run(db) {
        let app = start(db).await;
        let browser = Browser::of(&app).await;
        // A run that never ends: its process is gone.
        let run = app.desk.store.queue_run("acme.yaml", "{}".into()).await.unwrap();
        let mut events = browser.get(&app, &format!("/evals/runs/{}/events", run.as_str())).await;
        assert_eq!(events.status(), 200);
        let out = browser.request(&app, Method::DELETE, "/session").header("x-csrf-token", &browser.csrf);
        assert_eq!(out.send().await.unwrap().status(), 204);
        let ends = async { while events.chunk().await.unwrap().is_some() {} };
        tokio::time::timeout(std::time::Duration::from_secs(10), ends).await.expect("the stream ends");
        app.stop().await;
    }

    async fn nothing_in_the_database_signs_anybody_in(db) {
        let app = start(db).await;
        let token = link(&app).await;
        let browser = Browser::of(&app).await;
        let known = |table: &str, word: &str| format!("update {table} set hash = hash where hash = '{word}'");
        for word in [token.as_str(), browser.secret(), browser.csrf.as_str()] {
            for table in ["sign_in_links", "sessions"] {
                assert_eq!(app.change(&known(table, word)).await, 0, "{table} holds a secret");
            }
        }
        // Another workspace of the database does not have these sessions.
        let (other, hash) = (app.desk.store.workspace("other").await.unwrap(), sha256(browser.secret()));
        assert!(app.desk.store.session(&hash).await.unwrap().is_some());
        assert_eq!(other.session(&hash).await.unwrap(), None);
        assert_eq!(other.sign_in(sha256(&token), "x".into()).await.unwrap(), None);
        assert!(!other.end_session(hash.clone()).await.unwrap());
        other.prolong_session(hash).await.unwrap();
        other.forget_sessions().await.unwrap();
        assert_eq!(browser.get(&app, "/agents").await.status(), 200);
        assert_eq!(try_link(&app, &token).await.status(), 200);
        app.stop().await;
    }
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(text))
}

/// Returns a folder with the settings of a desk on a free port.
fn furnished() -> (tempfile::TempDir, u16) {
    let home = tempfile::tempdir().unwrap();
    let port = crate::support::process::free_port();
    let toml =
        format!("[http]\nport = {port}\n[embed]\nkind = \"off\"\n[speech]\nkind = \"off\"\n");
    std::fs::write(home.path().join("desk.toml"), toml).unwrap();
    (home, port)
}

fn token_of(link: &str, port: u16) -> String {
    let (_, rest) = link.split_once(&format!("http://127.0.0.1:{port}/sign-in#")).expect(link);
    rest.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_without_a_terminal_keeps_its_link_in_a_file_and_the_command_prints_another() {
    let (home, port) = furnished();
    let file = home.path().join("data/sign-in.link");
    std::fs::create_dir(home.path().join("data")).unwrap();
    // The previous content and permissions of the file do not matter.
    std::fs::write(&file, "an older one").unwrap();
    let out = std::fs::File::create(home.path().join("out")).unwrap();
    let mut desk = Process::begin_printing(home.path(), port, out);
    let http = reqwest::Client::new();
    assert_eq!(desk.wait_ready_or_exit(&http).await, None);
    let kept = std::fs::read_to_string(&file).unwrap();
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap()) & 0o777,
        0o600
    );
    let (good, another) = run(home.path(), &["--config", "desk.toml", "sign-in"], &[]).await;
    assert!(good, "{another}");
    let tokens = [token_of(&kept, port), token_of(&another, port)];
    assert_ne!(tokens[0], tokens[1]);
    for token in tokens.iter().rev() {
        assert!(file.exists(), "it is not used yet");
        let body = json!({"token": token});
        let response =
            http.post(format!("{}/api/v1/session", desk.url)).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let cookie = set_cookie(&response).unwrap();
        // Another desk on this machine has a cookie with another name.
        assert!(cookie.starts_with(&format!("frontdesk_{port}=")), "{cookie}");
        assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    }
    assert!(!file.exists(), "a used link is of no use to anybody");
    assert!(desk.stop().await);
    let printed = std::fs::read_to_string(home.path().join("out")).unwrap();
    let log = std::fs::read_to_string(home.path().join("desk.log")).unwrap();
    assert!(printed.contains("sign-in.link"), "where the link is: {printed}");
    let key = std::fs::read_to_string(home.path().join("data/admin.key")).unwrap();
    for secret in tokens.iter().map(String::as_str).chain([key.trim(), "sign-in#"]) {
        assert!(!printed.contains(secret) && !log.contains(secret), "{printed}{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_signs_everybody_out_of_a_running_desk() {
    let (home, port) = furnished();
    let out = std::fs::File::create(home.path().join("out")).unwrap();
    let mut desk = Process::begin_printing(home.path(), port, out);
    let http = reqwest::Client::new();
    assert_eq!(desk.wait_ready_or_exit(&http).await, None);
    let token =
        token_of(&std::fs::read_to_string(home.path().join("data/sign-in.link")).unwrap(), port);
    let body = json!({"token": token});
    let signed =
        http.post(format!("{}/api/v1/session", desk.url)).json(&body).send().await.unwrap();
    let cookie = set_cookie(&signed).unwrap().split(';').next().unwrap().to_owned();
    let (_, another) = run(home.path(), &["--config", "desk.toml", "sign-in"], &[]).await;
    let live = http.get(format!("{}/api/v1/live", desk.url)).header("cookie", &cookie);
    let mut live = live.send().await.unwrap();
    assert!(live.chunk().await.unwrap().is_some());
    let (good, said) = run(home.path(), &["--config", "desk.toml", "sign-out"], &[]).await;
    assert!(!good && said.contains("--all"), "{said}");
    let (good, said) = run(home.path(), &["--config", "desk.toml", "sign-out", "--all"], &[]).await;
    assert!(good && said.contains("1 browsers are signed out, and 1 links"), "{said}");
    let ends = async { while live.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), ends).await.expect("the stream ends");
    let after = http.get(format!("{}/api/v1/agents", desk.url)).header("cookie", &cookie);
    assert_eq!(after.send().await.unwrap().status(), 401);
    let body = json!({"token": token_of(&another, port)});
    let late = http.post(format!("{}/api/v1/session", desk.url)).json(&body).send().await.unwrap();
    assert_eq!(late.status(), 401, "an unused link is useless");
    assert!(desk.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_could_be_guessed_is_refused_with_how_to_make_one() {
    let (home, _) = furnished();
    for command in ["serve", "doctor"] {
        let key = ("FRONTDESK__HTTP__ADMIN_KEY", "12345678901234567890123");
        let ran = run(home.path(), &["--config", "desk.toml", command], &[key]).await;
        says(&ran, false, &["admin_key", "24 characters", "openssl rand -hex 24"]);
        assert!(!ran.1.contains(key.1), "{}", ran.1);
    }
}
