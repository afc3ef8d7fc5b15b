//! A page that ends the process reading it is tried three times, then left out until it changes or
//! somebody requests it; the rest of its site is learned. A source that ends processes before any
//! page is read waits longer each time.

use frontdesk::store::sources::CrawlOutcome;
#[cfg(target_os = "linux")]
use reqwest::multipart::{Form, Part};
use tempfile::TempDir;

use super::*;
#[cfg(target_os = "linux")]
use crate::reader::{children, until};
use crate::support::app::{Db, change, write_home_files};
use crate::support::graph::Graph;
use crate::support::openai::OpenAi;
use crate::support::process::Process;

/// A desk's folder and the site that it crawls.
struct Place {
    home: TempDir,
    store: String,
    site: Site,
    http: reqwest::Client,
    _outside: (Graph, OpenAi),
}

impl Place {
    async fn new(db: Db) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_home_files(home.path());
        let outside = (Graph::start().await, OpenAi::start().await);
        let store = db.url().await;
        let setup = Setup::on(db).extractive();
        let settings = setup.settings(home.path(), &store, &outside.0, &outside.1) + LOCAL + "\n";
        std::fs::write(home.path().join("desk.toml"), settings).unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        let site = Site::start().await;
        site.put("/", html("Start", "Lamps of all kinds.", &["/bad", "/a", "/b"]));
        site.put("/bad", html("Bad", "The bad page says this.", &[]));
        site.put("/a", html("A", "Page a says this.", &[]));
        site.put("/b", html("B", "Page b says this.", &[]));
        Self { home, store, site, http: reqwest::Client::new(), _outside: outside }
    }

    /// Makes the site due at once and ends the dead process's lease.
    async fn due(&self) {
        let sql = "update sources set lease_until = 0, due_at = 1";
        assert_eq!(change(self.home.path(), &self.store, sql).await, 1);
    }

    async fn post(&self, desk: &Process, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}/api/v1{path}", desk.url)).bearer_auth(KEY);
        let response = request.json(body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap_or_default()
    }

    async fn get(&self, desk: &Process, path: &str) -> Value {
        let request = self.http.get(format!("{}/api/v1{path}", desk.url)).bearer_auth(KEY);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Returns the source once it was crawled after a time.
    async fn read_after(&self, desk: &Process, moment: i64) -> Value {
        let began = Instant::now();
        loop {
            let source = self.get(desk, "/collections/web/sources").await[0].clone();
            if source["crawled_at"].as_i64().is_some_and(|at| at > moment) {
                return source;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "it is not read: {source}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns path, state and code of each document of the site.
    async fn documents(&self, desk: &Process) -> Vec<(String, String, Value)> {
        let listed = self.get(desk, "/collections/web/documents?limit=50").await;
        let one = |document: &Value| {
            let text = |key: &str| document[key].as_str().unwrap().to_owned();
            (text("path").replace(&self.site.url, ""), text("state"), document["code"].clone())
        };
        let mut all: Vec<_> = listed["items"].as_array().unwrap().iter().map(one).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }
}

/// Crawls a source as on schedule, without a request.
async fn by_itself(app: &TestApp, source: &SourceRow) -> Summary {
    let row = stored(app, source).await;
    let read = app.desk.library.refresh_source(row, &SilentProgress).await.unwrap();
    read.expect("nobody else reads it").1
}

/// Returns the minutes until a source is due.
async fn wait_minutes(app: &TestApp, source: &SourceRow) -> i64 {
    let due_at = stored(app, source).await.due_at.unwrap();
    (due_at - frontdesk::domain::time::now_ms() + 30_000) / 60_000
}

#[cfg(target_os = "linux")]
fn signal(id: u32, name: &str) {
    drop(std::process::Command::new("kill").args([name, &id.to_string()]).status());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_being_read_until_a_process_has_read_it() {
    let place = Place::new(Db::Sqlite).await;
    let desk = Process::start(place.home.path()).await;
    let id = desk.child.id().unwrap();
    let learned = async || {
        let learning = place.get(&desk, "/collections/acme/documents?state=learning").await;
        learning["items"].as_array().unwrap().is_empty()
    };
    let pasted = json!({"title": "Parking", "text": "Customers park behind the shop."});
    place.post(&desk, "/collections/acme/documents", &pasted).await;
    until("a process has nothing to do", async || !children(id).is_empty() && learned().await)
        .await;
    // The reader gets the page but does not continue.
    let readers = children(id);
    for reader in &readers {
        signal(*reader, "-STOP");
    }
    place
        .post(&desk, "/collections/web/sources", &json!({"url": place.site.url, "depth": 1}))
        .await;
    let start = format!("{}/", place.site.url);
    let being_read = format!("update sources set url = url where reading = '{start}'");
    let is_read = async || change(place.home.path(), &place.store, &being_read).await == 1;
    until("the start is begun", async || is_read().await).await;
    // Learning another document does not change which page of the site is being read.
    let part = Part::bytes(b"Parking is free.".to_vec()).file_name("free.txt");
    let url = format!("{}/api/v1/collections/acme/documents", desk.url);
    let sent = place.http.post(url).bearer_auth(KEY).multipart(Form::new().part("file", part));
    assert!(sent.send().await.unwrap().status().is_success());
    until("a plain text is learned", async || learned().await).await;
    assert!(is_read().await, "another page is taken for the one that is read");
    desk.kill().await;
    for reader in readers {
        signal(reader, "-KILL");
    }
    place.due().await;
    // The next process to take the source knows which page it was.
    assert!(dies_at(&place, 0, false).await);
    let blamed =
        format!("update source_pages set tries = tries where tries = 1 and url = '{start}'");
    assert_eq!(change(place.home.path(), &place.store, &blamed).await, 1);
}

/// Starts a desk that ends itself when it reads this page, counted from 0. Returns true once it
/// did.
async fn dies_at(place: &Place, page: usize, add: bool) -> bool {
    let before = if page == 0 { String::new() } else { format!("{page}*off->") };
    let point = format!("web.reading={before}1*return");
    let mut desk = Process::begin_with(place.home.path(), &[("FAILPOINTS", &point)]);
    if add {
        desk.wait_ready().await;
        place
            .post(&desk, "/collections/web/sources", &json!({"url": place.site.url, "depth": 1}))
            .await;
    }
    let ended = tokio::time::timeout(Duration::from_secs(30), desk.child.wait()).await;
    ended.is_ok_and(|status| !status.unwrap().success())
}

on_both! {
    async fn a_page_that_ends_the_process_three_times_is_left_out_and_the_rest_is_learned(db) {
        let place = Place::new(db).await;
        // The start page is read first, then the bad page.
        assert!(dies_at(&place, 1, true).await);
        place.due().await;
        assert!(dies_at(&place, 1, false).await);
        place.due().await;
        // Pages read before a suspect page are stored first, so they are not read again.
        assert!(dies_at(&place, 0, false).await);
        place.due().await;
        // The two good pages are read; a third read would end this desk.
        let lives = [("FAILPOINTS", "web.reading=2*off->1*return")];
        let desk = Process::begin_with(place.home.path(), &lives);
        desk.wait_ready().await;
        let source = place.read_after(&desk, 0).await;
        assert_eq!(source["state"], "partial", "{source}");
        let failed = source["failed"].as_array().unwrap();
        assert!(failed.len() == 1 && failed[0]["url"].as_str().unwrap().ends_with("/bad"), "{source}");
        assert!(failed[0]["reason"].as_str().unwrap().contains("ended 3 times"), "{source}");
        let ready = |path: &str| (path.to_owned(), "ready".to_owned(), Value::Null);
        let lost = ("/bad".to_owned(), "failed".to_owned(), json!("lost"));
        assert_eq!(place.documents(&desk).await, [ready("/"), ready("/a"), ready("/b"), lost.clone()]);
        let health = place.http.get(format!("{}/healthz", desk.url)).send().await.unwrap();
        assert!(health.status().is_success());
        // On schedule it stays left out; on request it is tried again.
        place.due().await;
        let again = place.read_after(&desk, source["crawled_at"].as_i64().unwrap()).await;
        assert_eq!(place.documents(&desk).await.last(), Some(&lost));
        assert!(desk.stop().await);
        let desk = Process::start(place.home.path()).await;
        let id = again["id"].as_str().unwrap();
        place.post(&desk, &format!("/collections/web/sources/{id}/refresh"), &json!({})).await;
        let source = place.read_after(&desk, again["crawled_at"].as_i64().unwrap()).await;
        assert_eq!(source["state"], "ready", "{source}");
        assert_eq!(place.documents(&desk).await.last(), Some(&ready("/bad")));
        desk.kill().await;
    }

    async fn a_page_that_was_left_out_is_read_when_it_changes(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let (source, _) = learned(&app, &site.url).await;
        // As if three processes had ended while they read the current version of the page.
        let sql = "update source_pages set tries = 3, etag = null, state = 'failed',
                       stamp = (select hash from documents where documents.path = source_pages.path)
                   where url like '%/hours'";
        assert_eq!(app.change(sql).await, 1);
        let summary = by_itself(&app, &source).await;
        assert_eq!(numbers(&summary), (0, 3, 0, 1), "{summary:?}");
        assert!(summary.failed[0].1.contains("left out until it changes"), "{summary:?}");
        assert!(finds(&app, "When do you open?", "nine in the morning").await, "its old text stays");
        assert_eq!(numbers(&refreshed(&app, &source).await), (0, 4, 0, 0), "somebody asks");
        assert_eq!(app.change(sql).await, 1);
        site.put("/hours", html("Hours", "We open at ten.", &["/", "/holidays"]));
        assert_eq!(numbers(&by_itself(&app, &source).await), (1, 3, 0, 0));
        assert!(finds(&app, "When do you open?", "We open at ten").await);
        app.stop().await;
    }

    async fn a_page_that_is_another_one_at_each_fetch_is_left_out_and_its_site_waits(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let source = added(&app, &SourceRequest { every_minutes: Some(60), ..wanted(&site.url) }).await;
        refreshed(&app, &source).await;
        let (store, id) = (&app.desk.store, SourceId::stored(source.id.clone()));
        let (start, hours) = (format!("{}/", site.url), format!("{}/hours", site.url));
        let mut waits = Vec::new();
        for stamp in ["one", "two", "three", "four"] {
            // Each process reads the start page and ends at the next page.
            assert!(store.take_source(&id, -1).await.unwrap());
            store.begin_page(&id, (&start, "start")).await.unwrap();
            store.end_page(&id).await.unwrap();
            store.begin_page(&id, (&hours, stamp)).await.unwrap();
            waits.push(wait_minutes(&app, &source).await);
        }
        assert_eq!(waits, [60, 2, 8, 32]);
        // The version that ended the last process is a different one, too.
        let summary = by_itself(&app, &source).await;
        assert_eq!(numbers(&summary), (0, 3, 0, 1), "{summary:?}");
        assert!(summary.failed[0].1.contains("until somebody has the site read"), "{summary:?}");
        site.put("/hours", html("Hours", "We open at ten.", &["/", "/holidays"]));
        assert_eq!(numbers(&by_itself(&app, &source).await), (0, 3, 0, 1), "it changed once more");
        assert_eq!(numbers(&refreshed(&app, &source).await), (1, 3, 0, 0), "somebody asks");
        app.stop().await;
    }

    async fn a_page_that_broke_its_reader_is_read_again_when_somebody_asks(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let (source, _) = learned(&app, &site.url).await;
        let sql = "update documents set state = 'failed', code = 'damaged' where path like '%/hours'";
        assert_eq!(app.change(sql).await, 1);
        assert_eq!(numbers(&by_itself(&app, &source).await), (0, 3, 0, 1), "it is as it was");
        assert_eq!(numbers(&refreshed(&app, &source).await), (1, 3, 0, 0));
        assert_eq!(app.change(sql).await, 1);
        let id = SourceId::stored(source.id.clone());
        assert!(app.desk.store.schedule_source_now(&id).await.unwrap());
        let began = Instant::now();
        while paths(&app, &site).await.len() < 4 {
            assert!(began.elapsed() < Duration::from_secs(20), "it is not read again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app.stop().await;
    }

    async fn a_stop_takes_back_only_the_try_that_it_interrupts(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let source = added(&app, &SourceRequest { every_minutes: Some(60), ..wanted(&site.url) }).await;
        let (store, id) = (&app.desk.store, SourceId::stored(source.id.clone()));
        for _ in 0..2 {
            // Taken by a process that ends at once.
            assert!(store.take_source(&id, -1).await.unwrap());
        }
        let counted = "update sources set url = url where tries = 2";
        assert!(store.take_source(&id, 60_000).await.unwrap());
        store.release_sources().await.unwrap();
        assert_eq!(app.change(counted).await, 1, "two processes ended");
        assert!(store.take_source(&id, 60_000).await.unwrap());
        store.release_source(&id).await.unwrap();
        store.release_source(&id).await.unwrap();
        store.release_sources().await.unwrap();
        assert_eq!(app.change(counted).await, 1);
        app.stop().await;
    }

    async fn a_read_that_is_asked_for_during_a_read_follows_it(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let source = added(&app, &SourceRequest { every_minutes: Some(60), ..wanted(&site.url) }).await;
        let (store, id) = (&app.desk.store, SourceId::stored(source.id.clone()));
        assert!(store.take_source(&id, 60_000).await.unwrap());
        let SourceRow { kind, failed, due_at, .. } = stored(&app, &source).await;
        assert!(store.schedule_source_now(&id).await.unwrap());
        let crawled = CrawlOutcome { state: SourceState::Ready, error: None, kind, failed, due_at };
        store.end_crawl(&id, crawled).await.unwrap();
        // Without the request it would be an hour until the next read.
        let read = async {
            while stored(&app, &source).await.pages == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("the source is read");
        let SourceRow { due_at, crawled_at, .. } = stored(&app, &source).await;
        assert_eq!(due_at.unwrap() - crawled_at.unwrap(), 3_600_000);
        app.stop().await;
    }

    async fn a_source_that_ends_processes_before_a_page_is_read_waits_longer_each_time(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let source = added(&app, &SourceRequest { every_minutes: Some(60), ..wanted(&site.url) }).await;
        let (store, id) = (&app.desk.store, SourceId::stored(source.id.clone()));
        let mut waits = Vec::new();
        for _ in 0..5 {
            // Taken by a process that ends at once: its lease has expired before it starts.
            assert!(store.take_source(&id, -1).await.unwrap());
            waits.push(wait_minutes(&app, &source).await);
        }
        assert_eq!(waits, [60, 2, 8, 32, 128]);
        let row = stored(&app, &source).await;
        assert_eq!(row.state, SourceState::Failed);
        assert!(row.error.unwrap().contains("ended 4 times"));
        // On request the site is crawled at once and the count starts again.
        assert!(store.schedule_source_now(&id).await.unwrap());
        let began = Instant::now();
        while stored(&app, &source).await.state != SourceState::Ready {
            assert!(began.elapsed() < Duration::from_secs(20), "nobody reads it");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app.stop().await;
    }
}
