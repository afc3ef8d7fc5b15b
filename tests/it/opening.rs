//! Databases that cannot be opened: the real binary says why, in terms of its settings. And what a
//! command leaves behind in the files of one that can.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use crate::support::app::write_home_files;
use crate::support::postgres::Postgres;
use crate::support::process::{Process, free_port, run, says};

/// Runs a command that has to open the database.
async fn open(home: &Path, variables: &[(&str, &str)]) -> (bool, String) {
    run(home, &["search", "When do you open?"], variables).await
}

#[tokio::test]
async fn a_postgres_that_does_not_answer_is_named_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let port = free_port();
    let url = format!("postgres://desk:hush@127.0.0.1:{port}/desk");
    let wait = ("FRONTDESK__STORE__WAIT_MS", "1000");
    let ran = open(home.path(), &[("DATABASE_URL", &url), wait]).await;
    let place = format!("Postgres at 127.0.0.1:{port} within 1000 ms");
    says(&ran, false, &[&place, "refused"]);
    assert!(!ran.1.contains("hush") && !ran.1.contains("pool timed out"), "{}", ran.1);
}

#[tokio::test]
async fn a_url_of_another_database_is_refused_with_the_right_one() {
    let home = tempfile::tempdir().unwrap();
    for url in ["mysql://desk:hush@db/desk", "sqlite://data/desk.db?hush", "data/hush.db"] {
        let ran = open(home.path(), &[("DATABASE_URL", url)]).await;
        says(&ran, false, &["DATABASE_URL", "postgres://", "[store] path"]);
        assert!(!ran.1.contains("hush"), "{}", ran.1);
    }
    std::fs::write(home.path().join("notes.txt"), "These are my notes. ".repeat(100)).unwrap();
    let ran = open(home.path(), &[("FRONTDESK__STORE__PATH", "notes.txt")]).await;
    says(&ran, false, &["notes.txt", "not a database"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_freezes_in_a_transaction_does_not_hold_its_locks() {
    let Some(postgres) = Postgres::shared() else { return };
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    std::fs::write(home.path().join("desk.toml"), "[embed]\nkind = \"off\"\n").unwrap();
    let url = postgres.database().await;
    let environment = [("DATABASE_URL", url.as_str()), ("FAILPOINTS", "store.commit=1*pause")];
    let frozen = Process::begin_with(home.path(), &environment);
    let mut database = PgConnection::connect(&url).await.unwrap();
    let idle = "select count(*) from pg_stat_activity
                where datname = current_database() and state = 'idle in transaction'";
    for (wanted, why) in [(1, "it is in no transaction"), (0, "its transaction is not ended")] {
        let began = Instant::now();
        while sqlx::query_scalar::<_, i64>(idle).fetch_one(&mut database).await.unwrap() != wanted {
            assert!(began.elapsed() < Duration::from_mins(1), "{why}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    frozen.kill().await;
}

#[tokio::test]
async fn after_a_command_the_database_file_alone_is_whole() {
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    assert!(run(home.path(), &["learn", "knowledge"], &[]).await.0);
    let file = home.path().join("data/frontdesk.db");
    let left = std::fs::metadata(home.path().join("data/frontdesk.db-wal"));
    assert_eq!(left.map_or(0, |wal| wal.len()), 0, "changes are left in the log");
    let copy = home.path().join("copy.db");
    std::fs::copy(file, &copy).unwrap();
    let file = format!("sqlite://{}", copy.display());
    let mut database = SqliteConnection::connect(&file).await.unwrap();
    let learned = "select count(*) from documents where state = 'ready'";
    let learned: i64 = sqlx::query_scalar(learned).fetch_one(&mut database).await.unwrap();
    assert!(learned > 0);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_told_as_such() {
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    assert!(run(home.path(), &["learn", "knowledge"], &[]).await.0);
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                 select 9000, description, success, checksum, 0 from _sqlx_migrations where version = 1";
    let file = format!("sqlite://{}", home.path().join("data/frontdesk.db").display());
    let mut database = SqliteConnection::connect(&file).await.unwrap();
    database.execute(newer).await.unwrap();
    database.close().await.unwrap();
    let told = ["newer frontdesk", "migration 9000", env!("CARGO_PKG_VERSION")];
    says(&open(home.path(), &[]).await, false, &told);

    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    let shared = [("DATABASE_URL", url.as_str())];
    assert!(run(home.path(), &["learn", "knowledge"], &shared).await.0);
    let mut database = PgConnection::connect(&url).await.unwrap();
    database.execute(newer).await.unwrap();
    says(&open(home.path(), &shared).await, false, &told);
}
