//! A throw-away Postgres from the installed binaries. It stops when the test process ends in any
//! way, and leaves nothing behind. Must not touch any other server of this machine.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Connection, Executor};

/// Starts the server, prints `ready`, and stops the server at the end of standard input: the kernel
/// closes that pipe when the test process is gone. `$1` is the folder of the binaries, `$2` our
/// folder, `$3` the server's options.
const SUPERVISOR: &str = r#"
log="$2/log"
"$1/initdb" -D "$2/data" -U frontdesk -A trust -E UTF8 --locale=C --no-sync >"$log" 2>&1 </dev/null &&
"$1/pg_ctl" -D "$2/data" -w -t 60 -l "$log" -o "$3" start >>"$log" 2>&1 </dev/null &&
echo ready || { echo failed; cat "$log"; }
exec 1>&- 2>&-
cat >/dev/null
"$1/pg_ctl" -D "$2/data" -m immediate -w stop </dev/null
rm -rf "$2"
"#;

/// No durability: the data never has to survive a crash.
const FAST: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off";

pub(crate) struct Postgres {
    folder: PathBuf,
    databases: AtomicU64,
    supervisor: Child,
}

impl Postgres {
    /// Returns the server of this test process and starts it on first use; `None` (and a note on
    /// the terminal) when Postgres is not installed.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(FAST)).as_ref()
    }

    /// Starts a server that syncs its writes as in production, for measuring; it stops when
    /// dropped.
    pub(crate) fn durable() -> Option<Self> {
        Self::start("-c fsync=on -c synchronous_commit=on")
    }

    /// Restarts the server as after a crash: every connection breaks. Returns when it accepts
    /// connections.
    pub(crate) async fn restart(&self) {
        let mut command = tokio::process::Command::new(binaries().unwrap().join("pg_ctl"));
        command.arg("-D").arg(self.folder.join("data")).arg("-l").arg(self.folder.join("log"));
        command.args(["-m", "immediate", "-w", "-t", "60", "restart"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0).current_dir("/");
        if let Some((uid, gid)) = user() {
            command.uid(uid).gid(gid);
        }
        assert!(command.status().await.unwrap().success(), "Postgres did not start again");
    }

    fn start(durability: &str) -> Option<Self> {
        let Some(binaries) = binaries() else {
            println!("skipped: no Postgres binaries");
            return None;
        };
        let user = user();
        let folder = folder(user);
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections=300 {durability}",
            folder.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR, "postgres-supervisor"]);
        command.arg(&binaries).arg(&folder).arg(options);
        // Its own process group, so that Ctrl-C does not reach the server: the end of the tests
        // stops it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).current_dir("/");
        if let Some((uid, gid)) = user {
            command.uid(uid).gid(gid);
        }
        let mut supervisor = command.spawn().unwrap();
        let mut told = String::new();
        let mut output = BufReader::new(supervisor.stdout.take().unwrap());
        output.read_line(&mut told).unwrap();
        if told.trim() != "ready" {
            std::io::copy(&mut output, &mut std::io::stderr()).unwrap();
            panic!("Postgres at {} did not start", binaries.display());
        }
        Some(Self { folder, databases: AtomicU64::new(0), supervisor })
    }

    /// Creates an empty database and returns its URL.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        let mut postgres = sqlx::PgConnection::connect(&self.url("postgres")).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("create database {name}"));
        postgres.execute(sqlx::raw_sql(create)).await.unwrap();
        postgres.close().await.unwrap();
        self.url(&name)
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://frontdesk@localhost/{database}?host={}", self.folder.display())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

/// Returns the folder with `initdb`, `pg_ctl` and `postgres`, of the newest version.
fn binaries() -> Option<PathBuf> {
    let whole = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file())
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).trim().into());
    let known = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr/pgsql"];
    let known = known.iter().flat_map(|parent| versions(Path::new(parent)));
    std::env::split_paths(&path).chain(told).chain(known).find(whole)
}

/// Returns the `bin` folders of the versions of Postgres in a folder, newest first.
fn versions(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let number = |folder: &Path| -> u32 {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.rsplit('@').next().and_then(|version| version.parse().ok()).unwrap_or(0)
    };
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(number(folder)));
    folders.into_iter().map(|folder| folder.join("bin")).collect()
}

/// Returns an unprivileged user to run as, because Postgres refuses to run as root.
fn user() -> Option<(u32, u32)> {
    let id = |flag: &str, name: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    let own = Command::new("id").arg("-u").output().unwrap();
    if own.stdout.trim_ascii() != b"0" {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|name| Some((id("-u", name)?, id("-g", name)?)))
}

/// Creates a folder for the data and the socket. Not in `TMPDIR`: a socket's path is limited to
/// about 100 characters.
fn folder(user: Option<(u32, u32)>) -> PathBuf {
    let random = getrandom::u64().unwrap();
    let folder = PathBuf::from(format!("/tmp/frontdesk-pg-{random:016x}"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    if let Some((uid, gid)) = user {
        chown(&folder, Some(uid), Some(gid)).unwrap();
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_test_gets_a_database_of_its_own() {
        let Some(postgres) = Postgres::shared() else { return };
        let (one, other) = tokio::join!(postgres.database(), postgres.database());
        assert_ne!(one, other);
        let mut connection = sqlx::PgConnection::connect(&one).await.unwrap();
        connection.execute("create table t (x int)").await.unwrap();
        let mut elsewhere = sqlx::PgConnection::connect(&other).await.unwrap();
        assert!(elsewhere.execute("select x from t").await.is_err());
    }

    #[tokio::test]
    async fn a_server_leaves_nothing_behind() {
        let Some(postgres) = Postgres::durable() else { return };
        let folder = postgres.folder.clone();
        assert!(folder.join("data").exists());
        drop(postgres);
        assert!(!folder.exists());
    }
}
