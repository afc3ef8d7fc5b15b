//! Opens a database and brings its tables up to date; says why it cannot in terms of the settings.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use frontdesk_sqlite::{Connection, Options};
use secrecy::ExposeSecret;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, Executor, PgPool};

use super::writer::{Checkpointer, Writer};
use super::{Db, Error, Result, Settings};

/// Ends a transaction of a process that is frozen in it, so that its row locks do not stop the
/// others: no transaction waits for anything but the database.
const SESSION: &str = "set idle_in_transaction_session_timeout = '10s'";
/// Time limit for the connection that finds out why there is none.
const LAST_TRY: Duration = Duration::from_secs(2);
/// How long a checkpoint waits for others, and a desk that runs for the checkpoint.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(200);
/// Maximum characters of a wrong scheme that are shown; the rest of a URL holds a password.
const MAX_SCHEME_CHARS: usize = 20;

pub(super) async fn sqlite(settings: &Settings) -> Result<Db> {
    let path = &settings.path;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::Unavailable(format!("cannot make the folder {}: {error}", folder.display()))
        })?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_millis(settings.wait_ms))
        .pragma("temp_store", "memory")
        .pragma("cache_size", "-16384");
    let mut first = options.connect().await.map_err(|error| unopened(path, &error))?;
    let migrator = sqlx::migrate!("migrations/sqlite");
    migrator.run(&mut first).await.map_err(|error| outdated(&error, &migrator))?;
    // Opened before the first is closed, which would be a checkpoint.
    let writer_options = writer_options(settings);
    let writer = Connection::open(path, &writer_options)?;
    first.close().await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(settings.connections.max(1))
        .acquire_timeout(Duration::from_millis(settings.wait_ms.max(1000)))
        .test_before_acquire(false)
        .connect_with(options.read_only(true))
        .await?;
    Ok(Db::Sqlite {
        writer: Writer::start(writer, Checkpointer::new(path.clone(), writer_options))?,
        readers,
    })
}

fn writer_options(settings: &Settings) -> Options {
    Options {
        busy_timeout: Duration::from_millis(settings.wait_ms),
        pragmas: vec![
            ("journal_mode", "wal"),
            ("synchronous", "full"),
            ("foreign_keys", "on"),
            ("temp_store", "memory"),
            ("cache_size", "-16384"),
        ],
    }
}

pub(super) async fn postgres(settings: &Settings, replica: &str) -> Result<Db> {
    let url = settings.url.expose_secret();
    check_scheme(url)?;
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| Error::Unusable(format!("[store] url cannot be read: {error}")))?
        .application_name(&format!("frontdesk {replica}"))
        .statement_cache_capacity(1024);
    let pool = match connect(settings, options.clone()).await {
        Err(sqlx::Error::PoolTimedOut) => {
            // The pool hides the reason, which one connection shows. If it succeeds, the database
            // has come up meanwhile.
            let tried = tokio::time::timeout(LAST_TRY, options.connect()).await;
            if let Some(why) = refusal(tried.map(|tried| tried.map(drop))) {
                return Err(Error::Unavailable(format!(
                    "no connection to {} within {} ms: {why}",
                    place(&options),
                    settings.wait_ms.max(1000)
                )));
            }
            connect(settings, options).await?
        }
        Err(error) => {
            return Err(Error::Unavailable(format!(
                "no connection to {}: {error}",
                place(&options)
            )));
        }
        Ok(pool) => pool,
    };
    let migrator = sqlx::migrate!("migrations/postgres");
    migrator.run(&pool).await.map_err(|error| outdated(&error, &migrator))?;
    Ok(Db::Postgres(pool))
}

async fn connect(settings: &Settings, options: PgConnectOptions) -> sqlx::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(settings.connections.max(2))
        .acquire_timeout(Duration::from_millis(settings.wait_ms.max(1000)))
        .test_before_acquire(false)
        .after_connect(|conn, _| Box::pin(async move { conn.execute(SESSION).await.map(drop) }))
        .connect_with(options)
        .await
}

/// Writes the log of a SQLite file back into it and empties the log, unless it is in use.
pub(super) async fn checkpoint(settings: &Settings) -> Result<()> {
    if !settings.url.expose_secret().is_empty() || !settings.path.is_file() {
        return Ok(());
    }
    let options =
        SqliteConnectOptions::new().filename(&settings.path).busy_timeout(CHECKPOINT_WAIT);
    let mut conn = options.connect().await?;
    conn.execute("pragma wal_checkpoint(truncate)").await?;
    conn.close().await?;
    Ok(())
}

/// Refuses a URL of another kind of database.
fn check_scheme(url: &str) -> Result<()> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let found = match scheme.as_deref() {
        Some("postgres" | "postgresql") => return Ok(()),
        Some(other) => {
            let other: String = other.chars().take(MAX_SCHEME_CHARS).collect();
            format!("begins with `{other}://`")
        }
        None => "has no scheme".to_owned(),
    };
    Err(Error::Unusable(format!(
        "[store] url (or DATABASE_URL) {found}: it must begin with `postgres://`. A SQLite file is [store] path, and url is left empty"
    )))
}

/// Returns why a single connection failed; `None` if it did not.
fn refusal(
    tried: std::result::Result<sqlx::Result<()>, tokio::time::error::Elapsed>,
) -> Option<String> {
    match tried {
        Ok(Ok(())) => None,
        Ok(Err(sqlx::Error::Io(error))) => Some(error.to_string()),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer".into()),
    }
}

/// Returns host and port, or the folder of the socket, without user and password.
fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => format!("Postgres at {}", socket.display()),
        None => format!("Postgres at {}:{}", options.get_host(), options.get_port()),
    }
}

fn unopened(path: &Path, error: &sqlx::Error) -> Error {
    Error::Unavailable(format!("the database file {} cannot be opened: {error}", path.display()))
}

/// Says what a failed migration means for the operator.
fn outdated(error: &MigrateError, ours: &Migrator) -> Error {
    let newest = ours.iter().map(|migration| migration.version).max().unwrap_or(0);
    match error {
        MigrateError::VersionMissing(theirs) if *theirs > newest => Error::Unusable(format!(
            "the database belongs to a newer frontdesk: it has migration {theirs}, and this version ({}) knows them up to {newest}. Start \
             the newer version, or restore the copy that was made before the upgrade",
            env!("CARGO_PKG_VERSION")
        )),
        MigrateError::VersionMissing(theirs) | MigrateError::VersionMismatch(theirs) => {
            Error::Unusable(format!(
                "the database was made by another build of frontdesk: its migration {theirs} is not the one of this version ({})",
                env!("CARGO_PKG_VERSION")
            ))
        }
        error => Error::Unavailable(format!("the tables cannot be brought up to date: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_another_database_is_refused_without_its_password() {
        for url in ["postgres://desk@db/desk", "postgresql://desk@db/desk", "Postgres://db/desk"] {
            assert!(check_scheme(url).is_ok(), "{url}");
        }
        for (url, words) in [
            ("mysql://desk:hush@db/desk", "begins with `mysql://`"),
            ("sqlite://desk.db?hush", "begins with `sqlite://`"),
            ("data/hush.db", "has no scheme"),
        ] {
            let error = check_scheme(url).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("[store] path"), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_newer_database_is_told_from_one_of_another_build() {
        let ours = sqlx::migrate!("migrations/sqlite");
        let newer = outdated(&MigrateError::VersionMissing(9999), &ours).to_string();
        assert!(newer.contains("newer frontdesk") && newer.contains("9999"), "{newer}");
        let other = outdated(&MigrateError::VersionMismatch(1), &ours).to_string();
        assert!(other.contains("another build"), "{other}");
    }
}
