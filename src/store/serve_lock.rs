//! The lock of the one process that may serve a SQLite file. Two would take each other's turns and
//! leave sends of unknown outcome. Commands that only read or learn need no lock, and Postgres is
//! made to be shared.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::Settings;

/// Held while this process serves; the system releases it however the process ends.
#[derive(Debug)]
pub struct ServeLock {
    _file: Option<File>,
}

/// Why a process may not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeLockError {
    /// Another process serves the same file.
    #[error(
        "another desk serves {} already{holder}: stop it first, or give this one a database of its own ([store] path, or \
         FRONTDESK__STORE__PATH). Several processes on one database need Postgres",
        .database.display()
    )]
    Held {
        /// The SQLite file.
        database: PathBuf,
        /// ` (process 123)`, if that is known.
        holder: String,
    },
    /// The lock file cannot be made.
    #[error("cannot make the lock file {}: {error}", .path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
}

impl ServeLock {
    /// Takes the lock of a configured database, without waiting.
    pub fn take(settings: &Settings) -> Result<Self, ServeLockError> {
        if !settings.url.expose_secret().is_empty() {
            return Ok(Self { _file: None });
        }
        let path = lock_path(&settings.path);
        let file = open(&path).map_err(|error| ServeLockError::File { path, error })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: Some(sign(file)) }),
            Err(TryLockError::WouldBlock) => {
                let database = settings.path.clone();
                Err(ServeLockError::Held { database, holder: holder(file) })
            }
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "this file system has no locks: nothing keeps a second desk from serving this database");
                Ok(Self { _file: None })
            }
        }
    }
}

/// Returns the path of the lock file: beside the database itself, also if it is reached by a link.
fn lock_path(database: &Path) -> PathBuf {
    let database = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    database.with_file_name(name)
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    // Not truncated before it is locked: it names the process that holds it.
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Writes the id of this process into the locked file, for the error of another one.
fn sign(mut file: File) -> File {
    let signed = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    if let Err(error) = signed {
        tracing::debug!(%error, "the lock file does not name this process");
    }
    file
}

fn holder(mut file: File) -> String {
    let mut text = String::new();
    // Some systems do not let a locked file be read.
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match text.trim().parse::<u32>() {
        Ok(process) if read.is_ok() => format!(" (process {process})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, path: PathBuf) -> Settings {
        Settings { url: url.into(), path, connections: 1, wait_ms: 1000 }
    }

    #[test]
    fn one_process_serves_a_file_and_the_next_one_is_told_which() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data/desk.db");
        let held = ServeLock::take(&settings("", path.clone())).unwrap();
        let refused = ServeLock::take(&settings("", path.clone())).unwrap_err().to_string();
        for words in ["desk.db", &format!("process {}", std::process::id()), "Postgres"] {
            assert!(refused.contains(words), "no `{words}` in {refused}");
        }
        assert!(ServeLock::take(&settings("", home.path().join("other.db"))).is_ok());
        assert!(ServeLock::take(&settings("postgres://desk@db/desk", path.clone())).is_ok());
        drop(held);
        assert!(ServeLock::take(&settings("", path)).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_file_is_the_same_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("desk.db");
        std::fs::write(&path, "").unwrap();
        let link = home.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let _held = ServeLock::take(&settings("", path)).unwrap();
        assert!(ServeLock::take(&settings("", link)).is_err());
    }
}
