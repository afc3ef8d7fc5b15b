//! The admin key of the API: configured, or generated at the first start. A generated key is in the
//! file `admin.key` beside the database; the processes of a shared database have one in common,
//! which is in the database, too, encrypted.

use std::fs::OpenOptions;
use std::io::{self, Error, ErrorKind, Write};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::settings::Settings;
use crate::secrets::Secrets;
use crate::store::Store;

/// Minimum length of a configured admin key, in characters.
const SHORTEST_KEY: usize = 24;
/// Name of the file.
const FILE: &str = "admin.key";
/// What the key in the database is bound to.
const BOUND: &[&str] = &["admin_key"];

impl Settings {
    /// Returns the configured admin key, or the one stored in the folder `data`, for a client of a
    /// desk that runs already. Never generates one: no desk would know it.
    pub fn known_admin_key(&self, data: &Path) -> io::Result<String> {
        if let Some(key) = self.configured_key()? {
            return Ok(key);
        }
        let file = data.join(FILE);
        read(&file)?.ok_or_else(|| {
            let why = format!(
                "there is no admin key here: set [http] admin_key to the desk's, or copy its file admin.key to {}",
                file.display()
            );
            Error::new(ErrorKind::NotFound, why)
        })
    }

    /// Returns the configured admin key, or the one stored in the folder `data`, which is generated
    /// if it is missing. With a `shared` database the processes use one key, if they have a key for
    /// secrets. Refuses a configured key that is too short.
    pub async fn admin_key(
        &self,
        data: &Path,
        shared: Option<(&Store, &Secrets)>,
    ) -> io::Result<String> {
        if let Some(key) = self.configured_key()? {
            return Ok(key);
        }
        let file = data.join(FILE);
        let own = read(&file)?;
        let key = match shared {
            Some(shared) => shared_key(shared, own.as_deref()).await?,
            None => None,
        };
        match (key, own) {
            (Some(key), Some(own)) if key == own => Ok(key),
            (Some(key), own) => {
                replace(&file, &key)?;
                let file = file.display();
                if own.is_some() {
                    tracing::warn!(
                        "{file} held another admin key, which is not valid any more: it now holds the one that all processes share"
                    );
                } else {
                    tracing::info!("{file} holds the admin key that all processes share");
                }
                Ok(key)
            }
            (None, Some(own)) => Ok(own),
            (None, None) => keep(&file, &fresh()?),
        }
    }

    fn configured_key(&self) -> io::Result<Option<String>> {
        let configured = self.admin_key.expose_secret();
        if configured.is_empty() {
            return Ok(None);
        }
        if configured.chars().count() < SHORTEST_KEY {
            return Err(Error::other(format!(
                "[http] admin_key is shorter than {SHORTEST_KEY} characters, and could be guessed: `openssl rand -hex 24` makes one; \
                 or leave it empty, and one is made and kept beside the database"
            )));
        }
        Ok(Some(configured.to_owned()))
    }
}

/// Returns the key in the database. If there is none, puts this process's own there, or a new one.
/// `None` if it cannot be encrypted or decrypted here: then each process has its own.
async fn shared_key(
    (store, secrets): (&Store, &Secrets),
    own: Option<&str>,
) -> io::Result<Option<String>> {
    let sealed = if let Some(sealed) = store.admin_key().await.map_err(Error::other)? {
        sealed
    } else {
        let key = own.map_or_else(fresh, |own| Ok(own.to_owned()))?;
        match secrets.seal(key.as_bytes(), BOUND) {
            Ok(sealed) => store.keep_admin_key(sealed).await.map_err(Error::other)?,
            Err(error) => {
                tracing::info!(%error, "each process has an admin key of its own: with [secrets] key they share one");
                return Ok(None);
            }
        }
    };
    match secrets.open(&sealed, BOUND) {
        Ok(key) => String::from_utf8(key).map(Some).map_err(Error::other),
        Err(error) => {
            tracing::warn!(%error, "the admin key in the database cannot be read: this process has its own");
            Ok(None)
        }
    }
}

/// Returns the key in a file; `None` if there is none. A file that cannot be read is an error: a
/// new key in its place would lock out everybody who has the old one.
fn read(file: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(key) => Ok(Some(key.trim().to_owned()).filter(|key| !key.is_empty())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(named(file, "read", &error)),
    }
}

fn fresh() -> io::Result<String> {
    let mut random = [0_u8; 24];
    getrandom::fill(&mut random).map_err(|error| Error::other(error.to_string()))?;
    Ok(format!("fd_{}", hex::encode(random)))
}

/// Stores a key in a file that has none, and returns the one that is there: another process may be
/// quicker.
fn keep(file: &Path, key: &str) -> io::Result<String> {
    let written = write(file, key)?;
    let linked = std::fs::hard_link(&written, file);
    let removed = std::fs::remove_file(&written);
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match read(file)? {
            Some(key) => Ok(key),
            // An empty file.
            None => replace(file, key).map(|()| key.to_owned()),
        },
        // A file system without hard links.
        Err(_) => replace(file, key).map(|()| key.to_owned()),
        Ok(()) => removed.map(|()| key.to_owned()),
    }
}

/// Stores a key in a file, whatever is there.
fn replace(file: &Path, key: &str) -> io::Result<()> {
    let written = write(file, key)?;
    std::fs::rename(&written, file).map_err(|error| named(file, "written", &error))
}

/// Writes a key to a new file beside this one, which only its owner can read.
fn write(file: &Path, key: &str) -> io::Result<PathBuf> {
    let fresh = file.with_extension(format!("{}.new", std::process::id()));
    let write = || {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut written = options.open(&fresh)?;
        written.write_all(key.as_bytes())?;
        written.sync_all()
    };
    write().map_err(|error| named(file, "written", &error))?;
    Ok(fresh)
}

fn named(file: &Path, what: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("{} cannot be {what}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_once_and_one_that_cannot_be_read_is_never_replaced() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("data").join(FILE);
        assert_eq!(read(&file).unwrap(), None);
        assert_eq!(keep(&file, "first").unwrap(), "first");
        assert_eq!(keep(&file, "second").unwrap(), "first", "another process was quicker");
        assert_eq!(read(&file).unwrap().as_deref(), Some("first"));
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(keep(&file, "third").unwrap(), "third", "an empty file holds no key");
        replace(&file, "shared").unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some("shared"));
        std::fs::write(&file, b"\xff\xfe").unwrap();
        let error = read(&file).unwrap_err().to_string();
        assert!(error.contains("admin.key cannot be read"), "{error}");
        let left = std::fs::read_dir(home.path().join("data")).unwrap().count();
        assert_eq!(left, 1, "only the key's file is left");
    }
}
