//! Learning from the web: a site is crawled within the limits and its own rules, unchanged pages
//! cost nothing, missing pages are removed, and no site can harm the desk or what was learned
//! before.

use std::time::{Duration, Instant};

use frontdesk::app::App;
use frontdesk::domain::{DocumentState, SourceId, SourceKind, SourceState};
use frontdesk::knowledge::web::{SourceReader, SourceRequest};
use frontdesk::knowledge::{SilentProgress, SourceFolder, Summary};
use frontdesk::store::sources::SourceRow;
use serde_json::{Value, json};

use crate::support::app::{KEY, Setup, TestApp, on_both};
use crate::support::site::{Page, Site, html};

mod killed;
mod tries;
mod trouble;

/// Settings for a local test site, without delays between requests.
const LOCAL: &str = "[knowledge.web]\nallow_private = true\npause_ms = 0\ntimeout_ms = 1500";

fn wanted(url: &str) -> SourceRequest {
    SourceRequest { url: url.to_owned(), ..SourceRequest::default() }
}

async fn added(app: &TestApp, wanted: &SourceRequest) -> SourceRow {
    app.desk.library.add_source("web", wanted, SourceReader::Caller).await.unwrap()
}

async fn refreshed(app: &TestApp, source: &SourceRow) -> Summary {
    app.desk.library.refresh(&SourceId::stored(source.id.clone()), &SilentProgress).await.unwrap()
}

/// Adds a site and crawls it.
async fn learned(app: &TestApp, url: &str) -> (SourceRow, Summary) {
    let source = added(app, &wanted(url)).await;
    let summary = refreshed(app, &source).await;
    (source, summary)
}

async fn stored(app: &TestApp, source: &SourceRow) -> SourceRow {
    app.desk.store.source(&SourceId::stored(source.id.clone())).await.unwrap().unwrap()
}

/// Returns the paths of the ready documents in the collection, without the site's URL.
async fn paths(app: &TestApp, site: &Site) -> Vec<String> {
    let collection = app.desk.store.collection("web").await.unwrap();
    let all = app.desk.store.documents(&collection, 0).await.unwrap();
    let ready = all.into_iter().filter(|document| document.state == DocumentState::Ready);
    let mut paths: Vec<_> = ready.map(|document| document.path.replace(&site.url, "")).collect();
    paths.sort();
    paths
}

async fn finds(app: &TestApp, question: &str, text: &str) -> bool {
    let query = json!({"question": question, "collections": ["web"], "limit": 50});
    let (status, results) = app.call("/knowledge/search", &query).await;
    assert_eq!(status, 200, "{results}");
    let passages = results["passages"].as_array().unwrap();
    passages.iter().any(|passage| passage["text"].as_str().unwrap().contains(text))
}

fn numbers(summary: &Summary) -> (usize, usize, usize, usize) {
    (summary.learned, summary.unchanged, summary.removed, summary.failed.len())
}

/// Starts a small shop: a start page and three pages, one of them two links away.
async fn shop() -> Site {
    let site = Site::start().await;
    site.put("/", html("Acme", "Lamps of all kinds are sold here.", &["/hours", "/returns#top"]));
    site.put("/hours", html("Hours", "We open at nine in the morning.", &["/", "/holidays"]));
    site.put("/returns", html("Returns", "Lamps are taken back within thirty days.", &["/"]));
    site.put("/holidays", html("Holidays", "On New Year the shop is closed.", &["/hours"]));
    site
}

on_both! {
    async fn a_site_is_learned_and_only_what_changed_is_learned_again(db) {
        let app = Setup::on(db).with(LOCAL).start().await;
        let site = shop().await;
        let (source, first) = learned(&app, &site.url).await;
        assert_eq!(numbers(&first), (4, 0, 0, 0), "{first:?}");
        assert_eq!(paths(&app, &site).await, ["/", "/holidays", "/hours", "/returns"]);
        assert!(finds(&app, "When do you open?", "nine in the morning").await);
        let row = stored(&app, &source).await;
        assert_eq!((row.state, row.kind, row.pages, row.failed), (SourceState::Ready, SourceKind::Site, 4, 0));
        let asked = site.requests();
        assert!(asked.iter().all(|one| one.agent.starts_with("frontdesk/")), "{asked:?}");
        assert_eq!(asked.len(), 5, "robots.txt and each page once: {asked:?}");

        let embedded = app.model.embedded().len();
        site.sent();
        assert_eq!(numbers(&refreshed(&app, &source).await), (0, 4, 0, 0));
        let asked = site.asked();
        assert!(asked.iter().all(|(path, status)| *status == 304 || path == "/robots.txt"), "{asked:?}");
        assert_eq!((asked.len(), site.sent()), (5, 0), "a body came although nothing changed");

        site.put("/holidays", html("Holidays", "On New Year the shop is open until noon.", &["/hours"]));
        assert_eq!(numbers(&refreshed(&app, &source).await), (1, 3, 0, 0));
        assert_eq!(app.model.embedded().len(), embedded + 1, "what did not change was embedded again");
        assert!(finds(&app, "New Year", "open until noon").await);
        assert!(!finds(&app, "New Year", "the shop is closed").await);
        app.stop().await;
    }

    async fn a_page_that_is_gone_goes_and_one_that_fails_stays(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let (source, _) = learned(&app, &site.url).await;

        // A page that fails keeps its text, and so do the pages that it links to if they can be
        // read.
        site.put("/hours", Page::Status(500));
        site.put("/holidays", html("Holidays", "At Easter the shop is closed.", &[]));
        let summary = refreshed(&app, &source).await;
        assert_eq!(numbers(&summary), (1, 2, 0, 1), "{summary:?}");
        assert!(summary.failed[0].0.ends_with("/hours") && summary.failed[0].1.contains("500"), "{summary:?}");
        assert!(finds(&app, "When do you open?", "nine in the morning").await);
        assert!(finds(&app, "Easter", "At Easter").await);
        let row = stored(&app, &source).await;
        assert_eq!((row.state, row.failed), (SourceState::Partial, 1));
        assert!(row.error.unwrap().contains("/hours"));

        // A missing page is removed even while another page fails.
        site.remove("/returns");
        assert_eq!(numbers(&refreshed(&app, &source).await), (0, 2, 1, 1));
        assert_eq!(paths(&app, &site).await, ["/", "/holidays", "/hours"]);
        assert!(!finds(&app, "Are lamps taken back?", "thirty days").await);

        // A page that is no longer linked is removed as well.
        site.put("/hours", html("Hours", "We open at ten.", &["/"]));
        assert_eq!(numbers(&refreshed(&app, &source).await), (1, 1, 1, 0));
        assert_eq!(paths(&app, &site).await, ["/", "/hours"]);
        assert_eq!(stored(&app, &source).await.state, SourceState::Ready);

        // A page that returns is learned again.
        site.put("/returns", html("Returns", "Lamps are taken back within ten days.", &[]));
        assert_eq!(numbers(&refreshed(&app, &source).await), (1, 2, 0, 0));
        assert!(finds(&app, "Are lamps taken back?", "ten days").await);
        app.stop().await;
    }

    async fn a_site_that_cannot_be_reached_changes_nothing(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let (source, _) = learned(&app, &site.url).await;
        for (path, page) in [
            ("/", Page::Status(503)),
            ("/", Page::Status(404)),
            ("/", Page::To("https://parked.example/".into())),
            ("/robots.txt", Page::Status(500)),
            ("/robots.txt", Page::Text("text/plain", b"User-agent: *\nDisallow: /".to_vec())),
        ] {
            site.put(path, page.clone());
            let summary = refreshed(&app, &source).await;
            assert_eq!((summary.removed, summary.failed.len()), (0, 1), "{page:?}: {summary:?}");
            assert_eq!(paths(&app, &site).await.len(), 4, "{page:?}");
            assert_eq!(stored(&app, &source).await.state, SourceState::Failed);
            site.put("/", html("Acme", "Lamps of all kinds are sold here.", &["/hours", "/returns"]));
        }
        let gone = format!("{}/", site.url);
        drop(site);
        let summary = refreshed(&app, &source).await;
        assert_eq!((summary.removed, summary.failed.len()), (0, 1));
        assert!(summary.failed[0].0 == gone, "{summary:?}");
        assert_eq!(stored(&app, &source).await.pages, 4);
        app.stop().await;
    }

    async fn a_folder_and_a_site_in_one_collection_leave_each_other_alone(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let folder = app.home.path().join("web");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("parking.md"), "# Parking\n\nCustomers park behind the shop.\n").unwrap();
        std::fs::write(folder.join("answers.yaml"), "- ask: Do you sell bulbs?\n  answer: We do.\n").unwrap();
        let source_folder = || SourceFolder::find(&folder, None).unwrap().remove(0);
        app.desk.library.learn(source_folder(), &SilentProgress).await.unwrap();
        let (source, _) = learned(&app, &site.url).await;
        let again = app.desk.library.learn(source_folder(), &SilentProgress).await.unwrap();
        assert_eq!((again.unchanged, again.removed), (2, 0), "the folder removed the site");
        assert_eq!(numbers(&refreshed(&app, &source).await), (0, 4, 0, 0), "the site removed the folder");
        assert_eq!(paths(&app, &site).await.len(), 5);
        std::fs::remove_file(folder.join("parking.md")).unwrap();
        std::fs::write(folder.join("bikes.md"), "# Bikes\n\nBikes stand in the yard.\n").unwrap();
        assert_eq!(app.desk.library.learn(source_folder(), &SilentProgress).await.unwrap().removed, 1);
        assert_eq!(paths(&app, &site).await.len(), 5);

        let other = Site::start().await;
        other.put("/", html("Other", "The other shop sells chairs.", &[]));
        learned(&app, &other.url).await;
        assert_eq!(paths(&app, &site).await.len(), 6);
        assert!(app.desk.library.remove_source(&SourceId::stored(source.id.clone())).await.unwrap());
        assert_eq!(paths(&app, &other).await, ["/", "bikes.md"]);
        assert!(!finds(&app, "When do you open?", "nine in the morning").await);
        assert!(finds(&app, "chairs", "sells chairs").await);
        // Only a file of the folder holds curated answers.
        let odd = Site::start().await;
        odd.put("/answers.yaml", html("Answers", "Answers to what is asked about tables.", &[]));
        let (_, summary) = learned(&app, &format!("{}/answers.yaml", odd.url)).await;
        assert_eq!(numbers(&summary), (1, 0, 0, 0), "{summary:?}");
        app.stop().await;
    }

    async fn a_source_is_added_read_on_schedule_and_removed_through_the_api(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let site = shop().await;
        let new = json!({"url": site.url, "depth": 1, "every_minutes": 60});
        let (status, source) = app.call("/collections/web/sources", &new).await;
        assert_eq!(status, 201, "{source}");
        assert_eq!((&source["kind"], &source["depth"], &source["pages"]), (&json!("site"), &json!(1), &json!(200)));
        let read = read_since(&app, 0).await;
        assert_eq!((&read["state"], &read["documents"]), (&json!("ready"), &json!(3)), "one link deep: {read}");
        let (at, due) = (read["crawled_at"].as_i64().unwrap(), read["due_at"].as_i64().unwrap());
        assert_eq!(due - at, 3_600_000);

        site.put("/hours", html("Hours", "We open at eleven.", &[]));
        app.change("update sources set due_at = 1").await;
        let read = read_since(&app, at).await;
        assert!(finds(&app, "When do you open?", "eleven").await);

        let path = format!("/collections/web/sources/{}", source["id"].as_str().unwrap());
        site.put("/hours", html("Hours", "We open at twelve.", &[]));
        let (status, _) = app.call(&format!("{path}/refresh"), &Value::Null).await;
        assert_eq!(status, 202);
        read_since(&app, read["crawled_at"].as_i64().unwrap()).await;
        assert!(finds(&app, "When do you open?", "twelve").await);

        for (new, word) in [
            (json!({"url": "ftp://example.com/"}), "http://"),
            (json!({"url": "https://bob:secret@example.com/"}), "password"),
            (json!({"url": "http://169.254.169.254/"}), "Private addresses"),
            (json!({"url": site.url, "pages": 0}), "1 to 10000"),
            (json!({"url": site.url, "depth": 21}), "20"),
            (json!({"url": site.url, "every_minutes": 1}), "5 minutes"),
        ] {
            let (status, problem) = app.call("/collections/web/sources", &new).await;
            assert_eq!(status, 422, "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
        }
        let delete = |path: String| app.http.delete(format!("{}/api/v1{path}", app.url)).bearer_auth(KEY).send();
        assert_eq!(delete(path.replace("/web/", "/acme/")).await.unwrap().status(), 404);
        assert_eq!(delete(path.clone()).await.unwrap().status(), 204);
        assert_eq!(delete(path).await.unwrap().status(), 404);
        assert!(app.get("/collections/web/sources").await.as_array().unwrap().is_empty());
        assert!(paths(&app, &site).await.is_empty());
        assert!(!finds(&app, "When do you open?", "twelve").await);
        app.stop().await;
    }

    async fn of_several_processes_one_reads_a_source(db) {
        let app = Setup::on(db).extractive().with(LOCAL).start().await;
        let other = App::assemble(app.config.clone()).await.unwrap();
        let site = shop().await;
        let source = added(&app, &wanted(&site.url)).await;
        let id = SourceId::stored(source.id.clone());
        assert!(other.desk.store.take_source(&id, 60_000).await.unwrap());
        let busy = app.desk.library.refresh(&id, &SilentProgress).await.unwrap_err().to_string();
        assert!(busy.contains("another process"), "{busy}");
        assert!(!app.desk.store.keep_source(&id, 60_000).await.unwrap());
        assert!(site.asked().is_empty());
        other.desk.store.leave().await.unwrap();
        let both = tokio::join!(
            app.desk.library.refresh(&id, &SilentProgress),
            other.desk.library.refresh(&id, &SilentProgress),
        );
        assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|ok| **ok).count(), 1, "{both:?}");
        assert_eq!(site.asked().len(), 5);
        app.stop().await;
    }
}

/// Returns the only source once a desk has crawled it after a time.
async fn read_since(app: &TestApp, moment: i64) -> Value {
    let started = Instant::now();
    loop {
        let source = app.get("/collections/web/sources").await[0].clone();
        if source["crawled_at"].as_i64().is_some_and(|at| at > moment) {
            return source;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "nobody read {source}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_read_by_its_own_rules_and_not_beyond_itself() {
    let app = Setup::on(crate::support::app::Db::Sqlite).extractive().with(LOCAL).start().await;
    let (site, other) = (Site::start().await, Site::start().await);
    other.put("/", html("Other", "Somebody else's page.", &[]));
    let rules = "User-agent: *\nDisallow: /\n\nUser-agent: frontdesk\nDisallow: /private\nAllow: /private/open\n";
    site.put("/robots.txt", Page::Text("text/plain", rules.into()));
    let outside = format!("{}/", other.url);
    let links = [
        "/a?utm_source=start",
        "/a#part",
        "/a",
        "/private/x",
        "/private/open",
        "/logo.png",
        "/hidden",
        "/blind",
        "/print",
        "/old",
        "mailto:me@a.com",
        outside.as_str(),
        "/leaves",
        "//evil.example/x",
        "/notes.txt",
        "/prices.csv",
        "/data.bin",
    ];
    site.put("/", html("Start", "Welcome to the start.", &links));
    site.put("/a", html("A", "The page of A.", &[]));
    site.put("/private/x", html("X", "Nobody may read this.", &[]));
    site.put("/private/open", html("Open", "Everybody may read this.", &[]));
    let hidden = "<meta name=robots content=noindex><p>Not to be learned.</p><a href=/found>on</a>";
    site.put("/hidden", Page::Text("text/html", hidden.into()));
    site.put("/found", html("Found", "Found behind the hidden page.", &[]));
    let blind = vec![("content-type", "text/html".into()), ("x-robots-tag", "nofollow".into())];
    site.put("/blind", Page::Headed(blind, b"<p>Do not follow.</p><a href=/never>on</a>".to_vec()));
    site.put("/never", html("Never", "Never to be found.", &[]));
    let print = "<link rel=canonical href=/a><p>The page of A, to be printed.</p>";
    site.put("/print", Page::Text("text/html", print.into()));
    site.put("/old", Page::To("/new".into()));
    site.put("/new", html("New", "The new page.", &[]));
    site.put("/leaves", Page::To(outside.clone()));
    site.put("/notes.txt", Page::Text("text/plain", b"Notes in plain text.".to_vec()));
    site.put("/prices.csv", Page::Text("text/csv", b"lamp,price\nQuay,9.00\n".to_vec()));
    site.put("/data.bin", Page::Text("application/octet-stream", vec![0; 100]));
    let (source, summary) = learned(&app, &site.url).await;
    let failed: Vec<_> =
        summary.failed.iter().map(|(url, why)| (url.replace(&site.url, ""), why)).collect();
    assert!(
        failed.len() == 1 && failed[0].0 == "/leaves" && failed[0].1.contains(&other.url),
        "{failed:?}"
    );
    let expected =
        ["/", "/a", "/blind", "/found", "/new", "/notes.txt", "/prices.csv", "/private/open"];
    assert_eq!(paths(&app, &site).await, expected);
    let asked = site.asked();
    for never in ["/private/x", "/logo.png", "/never"] {
        assert!(!asked.iter().any(|(path, _)| path == never), "{never} in {asked:?}");
    }
    assert_eq!(asked.iter().filter(|(path, _)| path.starts_with("/a")).count(), 1, "{asked:?}");
    assert!(other.asked().is_empty());
    // A second crawl transfers no bodies, except pages without a version and redirects.
    assert_eq!(numbers(&refreshed(&app, &source).await), (0, 8, 0, 1));
    assert_eq!(paths(&app, &site).await, expected);
    let asked = site.asked();
    let bodies: Vec<_> =
        asked.iter().filter(|(_, status)| *status == 200).map(|(path, _)| path.as_str()).collect();
    assert_eq!(bodies, ["/robots.txt", "/blind"], "{asked:?}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn depth_and_pages_are_limits_and_a_calendar_has_no_end() {
    let app = Setup::on(crate::support::app::Db::Sqlite).extractive().with(LOCAL).start().await;
    let site = Site::start().await;
    for day in 0..100 {
        let next = format!("/day/{}", day + 1);
        let links: Vec<String> = (0..30).map(|n| format!("/day/{}?view={n}", day + 1)).collect();
        let links: Vec<&str> = links.iter().map(String::as_str).chain([next.as_str()]).collect();
        site.put(
            &format!("/day/{day}"),
            html("Day", &format!("What happens on day {day}."), &links),
        );
    }
    let start = format!("{}/day/0", site.url);
    let of = |depth, pages| SourceRequest { depth, pages, ..wanted(&start) };
    let source = added(&app, &of(Some(0), None)).await;
    assert_eq!(refreshed(&app, &source).await.learned, 1, "depth 0 is the page alone");
    assert_eq!(stored(&app, &source).await.kind, SourceKind::Page);
    let source = added(&app, &of(Some(2), None)).await;
    refreshed(&app, &source).await;
    assert_eq!(paths(&app, &site).await, ["/day/0", "/day/1", "/day/2"]);
    site.asked();
    let source = added(&app, &of(Some(20), Some(40))).await;
    let summary = refreshed(&app, &source).await;
    assert_eq!(site.asked().len(), 41, "robots.txt and the pages");
    assert!(
        summary.warnings.iter().any(|(_, warning)| warning.contains("40 pages")),
        "{summary:?}"
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sitemap_lists_the_pages_and_may_go_round_in_a_circle() {
    let app = Setup::on(crate::support::app::Db::Sqlite).extractive().with(LOCAL).start().await;
    let site = Site::start().await;
    let url = site.url.clone();
    let list = |root: &str, entry: &str, paths: &[&str]| {
        let entries: Vec<_> =
            paths.iter().map(|path| format!("<{entry}><loc>{url}{path}</loc></{entry}>")).collect();
        let entries = entries.concat();
        format!("<?xml version=\"1.0\"?><{root}>{entries}</{root}>").into_bytes()
    };
    let index =
        |paths: &[&str]| Page::Text("application/xml", list("sitemapindex", "sitemap", paths));
    site.put(
        "/sitemap.xml",
        index(&["/sitemap.xml", "/other.xml", "/packed.xml.gz", "/broken.xml"]),
    );
    site.put("/other.xml", index(&["/sitemap.xml", "/pages.xml", "/other.xml"]));
    site.put(
        "/pages.xml",
        Page::Text("text/xml", list("urlset", "url", &["/one", "/two", "/gone"])),
    );
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &list("urlset", "url", &["/three", "/one#x"])).unwrap();
    site.put("/packed.xml.gz", Page::Text("application/gzip", packed.finish().unwrap()));
    site.put("/broken.xml", Page::Text("text/xml", b"<urlset><url><loc>nowhere".to_vec()));
    site.put("/one", html("One", "The first page.", &["/unlisted"]));
    site.put("/two", html("Two", "The second page.", &[]));
    site.put("/three", html("Three", "The third page.", &[]));
    site.put("/unlisted", html("Unlisted", "Not in the sitemap.", &[]));
    let (source, summary) = learned(&app, &format!("{}/sitemap.xml", site.url)).await;
    assert_eq!(paths(&app, &site).await, ["/one", "/three", "/two"], "{summary:?}");
    assert!(summary.failed.iter().all(|(path, _)| path.ends_with("/broken.xml")), "{summary:?}");
    assert_eq!(stored(&app, &source).await.kind, SourceKind::Sitemap);
    let asked = site.asked();
    for path in ["/sitemap.xml", "/other.xml", "/pages.xml", "/packed.xml.gz", "/one", "/gone"] {
        assert_eq!(
            asked.iter().filter(|(asked, _)| asked == path).count(),
            1,
            "{path} in {asked:?}"
        );
    }
    // Pages that are no longer listed are removed.
    site.put("/sitemap.xml", index(&["/pages.xml"]));
    assert_eq!(numbers(&refreshed(&app, &source).await), (0, 2, 1, 0));
    assert_eq!(paths(&app, &site).await, ["/one", "/two"]);
    // If a list cannot be read, nothing is removed.
    site.put("/pages.xml", Page::Status(500));
    assert_eq!(numbers(&refreshed(&app, &source).await), (0, 0, 0, 1));
    assert_eq!(paths(&app, &site).await, ["/one", "/two"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_name_each_other_as_the_real_one_are_learned_all_the_same() {
    let app = Setup::on(crate::support::app::Db::Sqlite).extractive().with(LOCAL).start().await;
    let site = Site::start().await;
    let calls = |own: &str, text: &str| {
        Page::Text(
            "text/html",
            format!("<link rel=canonical href={own}><p>{text}</p>").into_bytes(),
        )
    };
    site.put(
        "/",
        html("Start", "Welcome to the start.", &["/x", "/y", "/lost", "/home", "/b?p=1", "/b?p=2"]),
    );
    site.put("/x", calls("/y", "The page of X."));
    site.put("/y", calls("/x", "The page of Y."));
    site.put("/lost", calls("/nowhere", "Its own address is not there."));
    site.put("/home", calls("/", "A page that calls itself the front page."));
    site.put("/b?p=1", calls("/b", "The page of B."));
    site.put("/b?p=2", calls("/b", "The page of B."));
    site.put("/b", calls("/b", "The page of B."));
    let (source, summary) = learned(&app, &site.url).await;
    assert_eq!(paths(&app, &site).await, ["/", "/b", "/home", "/lost", "/x"], "{summary:?}");
    assert_eq!(summary.failed, []);
    let again = refreshed(&app, &source).await;
    assert_eq!((again.learned, again.removed, again.failed.len()), (0, 0, 0), "{again:?}");
    assert_eq!(paths(&app, &site).await, ["/", "/b", "/home", "/lost", "/x"]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_read_anew_when_they_would_be_cut_in_another_way() {
    let app = Setup::on(crate::support::app::Db::Sqlite).extractive().with(LOCAL).start().await;
    let site = shop().await;
    let dated = vec![
        ("content-type", "text/html".to_owned()),
        ("last-modified", "Sat, 01 Nov 2025 10:00:00 GMT".to_owned()),
    ];
    site.put("/returns", Page::Headed(dated, b"<p>Lamps are taken back.</p>".to_vec()));
    let (source, _) = learned(&app, &site.url).await;
    assert_eq!(numbers(&refreshed(&app, &source).await), (0, 4, 0, 0));
    assert!(site.asked().contains(&("/returns".into(), 304)));
    let mut config = app.config.clone();
    config.knowledge.chunk.max_tokens = 64;
    let other = App::assemble(config).await.unwrap();
    let id = SourceId::stored(source.id.clone());
    let summary = other.desk.library.refresh(&id, &SilentProgress).await.unwrap();
    assert_eq!(numbers(&summary), (4, 0, 0, 0), "{summary:?}");
    app.stop().await;
}
