//! A locked, unavailable or full database: webhooks get 503 with `Retry-After`, only stored ones
//! are acknowledged, and the service recovers with the database.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use frontdesk::store::listing::Which;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::support::app::{Db, MAIN, SECRET, Setup, TestApp};
use crate::support::hooks::{sign, text_webhook};
use crate::support::postgres::Postgres;

fn question(n: usize) -> Vec<u8> {
    text_webhook(MAIN, &format!("44778000{n:04}"), &format!("wamid.{n}"), "When do you open?")
}

/// Posts a webhook. Returns the status and whether the response has a `Retry-After`.
async fn knock(app: &TestApp, body: &[u8]) -> (StatusCode, bool) {
    let request = app.http.post(format!("{}/webhooks/meta", app.url)).body(body.to_vec());
    let request = request.header("x-hub-signature-256", sign(SECRET, body));
    let response = request.send().await.unwrap();
    let wait = response.headers().get("retry-after");
    (response.status(), wait.is_some_and(|wait| wait.to_str().unwrap().parse::<u32>().is_ok()))
}

/// Posts a webhook as the provider does: repeatedly until it is acknowledged.
async fn insist(app: &TestApp, body: &[u8]) {
    let started = Instant::now();
    loop {
        let (status, wait) = knock(app, body).await;
        if status == 200 {
            return;
        }
        assert!(status == 503 && wait, "{status}");
        assert!(started.elapsed() < Duration::from_secs(15), "the service does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Polls until the desk reports that it is not ready, for this reason. A readiness result is cached
/// for a second.
async fn is_unready(app: &TestApp, why: &str) {
    let started = Instant::now();
    loop {
        let ready = app.http.get(format!("{}/readyz", app.url)).send().await.unwrap();
        if ready.status() == 503 {
            assert!(ready.headers().contains_key("retry-after"));
            let said = ready.text().await.unwrap();
            assert!(said.contains(why), "{said}");
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(15), "it says that it is ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the desk is ready.
async fn is_ready(app: &TestApp) {
    let started = Instant::now();
    while app.http.get(format!("{}/readyz", app.url)).send().await.unwrap().status() != 200 {
        assert!(started.elapsed() < Duration::from_secs(15), "it is not ready again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn answers(app: &TestApp, n: usize) -> usize {
    app.settle().await;
    app.received().iter().filter(|(to, _)| *to == format!("+44778000{n:04}")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_sqlite_file_is_waited_for_and_then_refused() {
    let app = TestApp::start().await;
    insist(&app, &question(1)).await;
    assert_eq!(answers(&app, 1).await, 1);
    let file = app.home.path().join("desk.db");
    let mut other =
        SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    other.execute("begin exclusive").await.unwrap();
    for _ in 0..2 {
        assert_eq!(knock(&app, &question(2)).await, (StatusCode::SERVICE_UNAVAILABLE, true));
    }
    is_unready(&app, "locked").await;
    assert!(
        app.http.get(format!("{}/healthz", app.url)).send().await.unwrap().status().is_success()
    );
    assert_eq!(app.desk.store.webhooks().await.unwrap(), 1);
    other.execute("rollback").await.unwrap();
    insist(&app, &question(2)).await;
    assert_eq!(answers(&app, 2).await, 1);
    assert_eq!(app.desk.store.webhooks().await.unwrap(), 2);

    // A lock shorter than the desk's wait time is invisible outside.
    other.execute("begin exclusive").await.unwrap();
    let body = question(3);
    let (answer, ()) = tokio::join!(knock(&app, &body), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.execute("rollback").await.unwrap();
    });
    assert_eq!(answer.0, 200);
    assert_eq!(answers(&app, 3).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_goes_and_comes_back_costs_no_acknowledged_message() {
    let Some(postgres) = Postgres::shared() else { return };
    let app = Setup::on(Db::Postgres).start().await;
    insist(&app, &question(1)).await;
    assert_eq!(answers(&app, 1).await, 1);
    let mut chief = PgConnection::connect(&postgres.url("postgres")).await.unwrap();
    let name = database_of(&app);
    for round in 0..2 {
        admit(&mut chief, &name, false).await;
        let lost = question(10 + round);
        for _ in 0..3 {
            assert_eq!(knock(&app, &lost).await, (StatusCode::SERVICE_UNAVAILABLE, true));
        }
        is_unready(&app, "does not answer").await;
        admit(&mut chief, &name, true).await;
        insist(&app, &lost).await;
        is_ready(&app).await;
        assert_eq!(answers(&app, 10 + round).await, 1);
    }
    // Only the connections break, as in a failover: new ones work at once.
    cut_off(&mut chief, &name).await;
    for n in 20..30 {
        insist(&app, &question(n)).await;
    }
    for n in 20..30 {
        assert_eq!(answers(&app, n).await, 1);
    }
    assert_eq!(app.desk.store.webhooks().await.unwrap(), 13);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_takes_no_changes_is_not_ready() {
    let Some(postgres) = Postgres::shared() else { return };
    let app = Setup::on(Db::Postgres).extractive().start().await;
    is_ready(&app).await;
    let mut chief = PgConnection::connect(&postgres.url("postgres")).await.unwrap();
    let name = database_of(&app);
    let only_reads = async |chief: &mut PgConnection, whether: &str| {
        let sql = format!("alter database {name} set default_transaction_read_only = {whether}");
        chief.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
        cut_off(chief, &name).await;
    };
    only_reads(&mut chief, "on").await;
    is_unready(&app, "read-only").await;
    assert_eq!(knock(&app, &question(1)).await, (StatusCode::SERVICE_UNAVAILABLE, true));
    only_reads(&mut chief, "off").await;
    insist(&app, &question(1)).await;
    is_ready(&app).await;
    assert_eq!(app.desk.store.webhooks().await.unwrap(), 1, "what is tried is not kept");
    app.stop().await;
}

fn database_of(app: &TestApp) -> String {
    let url = app.config.store.url.expose_secret();
    url.split(['/', '?']).find(|part| part.starts_with("test_")).unwrap().to_owned()
}

async fn admit(chief: &mut PgConnection, name: &str, whether: bool) {
    let sql = format!("alter database {name} with allow_connections {whether}");
    chief.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    if !whether {
        cut_off(chief, name).await;
    }
}

async fn cut_off(chief: &mut PgConnection, name: &str) {
    let sql =
        format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    chief.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
}

/// A disk of a few megabytes, unmounted on drop.
struct Disk(PathBuf);

impl Disk {
    /// Returns `None` (and prints a note) where disks cannot be mounted.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let option = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(at);
        if !mount.output().is_ok_and(|done| done.status.success()) {
            println!("skipped: cannot mount a small disk");
            return None;
        }
        Some(Self(at.to_owned()))
    }

    fn grow(&self, size: &str) {
        let option = format!("remount,size={size}");
        let done = Command::new("mount").args(["-o", &option]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazy unmount: the application may still have files open when a test fails.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_refused_and_what_was_acknowledged_is_there() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&home.path().join("disk"), "5m") else { return };
    let path = disk.0.join("desk.db");
    let store = format!("[store]\nwait_ms = 1000\npath = \"{}\"", path.display());
    // A turn or a send that can be neither recorded nor released waits for its lease to expire.
    let leases = "[worker]\nlease_ms = 2000\nsend_lease_ms = 2000";
    let app = Setup::on(Db::Sqlite).with(&format!("{store}\n{leases}")).start().await;
    let (mut acknowledged, mut refused) = (0, Vec::new());
    for n in 0..4000 {
        match knock(&app, &question(n)).await {
            (StatusCode::OK, _) => acknowledged += 1,
            (StatusCode::SERVICE_UNAVAILABLE, true) => refused.push(n),
            (status, _) => panic!("{n}: {status}"),
        }
        if refused.len() == 20 {
            break;
        }
    }
    assert_eq!(refused.len(), 20, "the disk did not fill up");
    assert!(acknowledged > 10, "{acknowledged}");
    assert_eq!(app.desk.store.webhooks().await.unwrap(), acknowledged);
    let conversations =
        app.desk.store.conversations(&Which::default(), None, 10_000).await.unwrap().len();
    assert_eq!(i64::try_from(conversations).unwrap(), acknowledged);
    is_unready(&app, "disk is full").await;
    disk.grow("40m");
    for n in &refused {
        insist(&app, &question(*n)).await;
    }
    is_ready(&app).await;
    app.settle().await;
    assert_eq!(app.desk.store.webhooks().await.unwrap(), acknowledged + 20);
    let mut whom: Vec<_> = app.received().into_iter().map(|(to, _)| to).collect();
    let all = whom.len();
    whom.sort();
    whom.dedup();
    assert_eq!((i64::try_from(whom.len()).unwrap(), all), (acknowledged + 20, whom.len()));
    app.stop().await;
}
