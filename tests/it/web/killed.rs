//! A process killed while it crawls a site: nothing is half learned or wrongly marked as learned,
//! and the next process continues.

use std::collections::HashSet;
use std::process::Stdio;

use frontdesk::domain::PageState;
use tokio::process::Command;

use super::*;
use crate::support::app::Db;
use crate::support::process::BINARY;

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_that_is_killed_is_taken_up_and_loses_nothing() {
    let app = Setup::on(Db::Sqlite).with(LOCAL).start().await;
    let home = app.home.path();
    let settings = Setup::on(Db::Sqlite).settings(home, "", &app.whatsapp, &app.model);
    let settings = format!("{settings}{}\n", LOCAL.replace("pause_ms = 0", "pause_ms = 3"));
    std::fs::write(home.join("frontdesk.toml"), settings).unwrap();
    let site = Site::start().await;
    let pages: Vec<String> = (0..150).map(|n| format!("/{n}")).collect();
    let links: Vec<&str> = pages.iter().map(String::as_str).collect();
    site.put("/", html("Start", "Welcome to the start.", &links));
    for path in &pages {
        site.put(path, html("Page", &format!("The text of page {path}."), &[]));
    }
    let source = added(&app, &wanted(&site.url)).await;
    let id = SourceId::stored(source.id.clone());
    for requests in [3, 60, 98, 105, 140] {
        let mut learning = Command::new(BINARY)
            .args(["learn", &site.url, "--collection", "web"])
            .current_dir(home)
            .env_clear()
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (started, mut asked) = (Instant::now(), 0);
        while asked < requests && learning.try_wait().unwrap().is_none() {
            asked += site.asked().len();
            assert!(started.elapsed() < Duration::from_mins(1), "it asks for nothing");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        learning.kill().await.unwrap();
        let ready: HashSet<String> = paths(&app, &site).await.into_iter().collect();
        let known = app.desk.store.source_pages(&id).await.unwrap();
        // The page at which a process was killed is stored as failed and is tried again.
        for page in known.into_iter().filter(|page| page.state == PageState::Ready) {
            let path = page.path.replace(&site.url, "");
            assert!(ready.contains(&path), "{path} is taken for learned, and is not");
        }
        // Skips the minute until the dead process's lease expires.
        app.change("update sources set lease_until = 0").await;
    }
    assert!(paths(&app, &site).await.len() > 90, "the kills came before anything was learned");
    let summary = refreshed(&app, &source).await;
    assert_eq!(
        (summary.learned + summary.unchanged, summary.failed.len()),
        (151, 0),
        "{summary:?}"
    );
    assert!(summary.unchanged > 90, "it began anew: {summary:?}");
    assert_eq!(paths(&app, &site).await.len(), 151);
    assert!(finds(&app, "page /149", "The text of page /149.").await);
    app.stop().await;
}
