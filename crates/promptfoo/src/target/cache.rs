//! The cache of paid answers: a folder with one file for each answer, named by the hash of the
//! request. An unreadable file is a miss. If the folder is not writable, the run costs more but
//! does not fail.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Default maximum size, in bytes.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// The size is checked after every `most / POLL_EVERY` bytes written.
const POLL_EVERY: u64 = 16;

/// A folder of cached answers. Safe for many threads and processes: files are written atomically.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    most: u64,
    written: AtomicU64,
    count: AtomicU64,
}

impl Cache {
    /// A cache in a folder, which is created on the first write.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::of_size(folder, MAX_BYTES)
    }

    /// A cache of at most `most` bytes; the oldest answers are removed first.
    pub fn of_size(folder: impl Into<PathBuf>, most: u64) -> Self {
        let (written, count) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { folder: folder.into(), most, written, count }
    }

    pub(super) fn key(asked: &impl Serialize) -> String {
        let text = serde_json::to_vec(asked).unwrap_or_default();
        hex::encode(Sha256::digest(&text))
    }

    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.path(key)).ok()?).ok()
    }

    pub(super) fn put(&self, key: &str, answer: &impl Serialize) {
        let Ok(text) = serde_json::to_vec(answer) else { return };
        match self.write(key, &text) {
            Ok(()) => self.make_room(text.len() as u64),
            Err(error) => {
                tracing::debug!(folder = %self.folder.display(), %error, "an answer is not kept");
            }
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(key.get(..2).unwrap_or("00")).join(format!("{key}.json"))
    }

    /// Writes to a temporary file and renames it, so that nobody reads a partial answer.
    fn write(&self, key: &str, text: &[u8]) -> std::io::Result<()> {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let beside = path.with_extension(format!("{}-{number}.part", std::process::id()));
        let mut file = fs::File::create(&beside)?;
        let moved = file.write_all(text).and_then(|()| fs::rename(&beside, &path));
        if moved.is_err() {
            let _ = fs::remove_file(&beside);
        }
        moved
    }

    fn make_room(&self, bytes: u64) {
        let written = self.written.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if written >= self.most / POLL_EVERY {
            self.written.store(0, Ordering::Relaxed);
            self.remove_oldest();
        }
    }

    fn remove_oldest(&self) {
        let mut files = files(&self.folder);
        let mut size: u64 = files.iter().map(|(_, size, _)| size).sum();
        files.sort();
        for (_, bytes, path) in files {
            if size <= self.most {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                size = size.saturating_sub(bytes);
            }
        }
    }
}

/// All files in the subfolders of a folder: modification time, size and path.
fn files(folder: &Path) -> Vec<(SystemTime, u64, PathBuf)> {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let files = list(folder).flat_map(|entry| list(&entry.path()).collect::<Vec<_>>());
    let seen = files.filter_map(|entry| {
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((about.modified().ok()?, about.len(), entry.path()))
    });
    seen.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_answer_is_kept_and_a_broken_file_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("new"));
        let key = Cache::key(&json!(["a", 1]));
        assert_eq!(cache.get::<Value>(&key), None);
        cache.put(&key, &json!({"output": "yes"}));
        assert_eq!(cache.get::<Value>(&key), Some(json!({"output": "yes"})));
        fs::write(cache.path(&key), b"{\"outp").unwrap();
        assert_eq!(cache.get::<Value>(&key), None);
    }

    #[test]
    fn the_oldest_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::of_size(folder.path(), 1000);
        let keys: Vec<String> = (0..8).map(|n| Cache::key(&n)).collect();
        for (n, key) in keys.iter().enumerate() {
            cache.put(key, &"x".repeat(300));
            let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 + n as u64);
            let file = fs::File::options().write(true).open(cache.path(key));
            if let Ok(file) = file {
                file.set_modified(then).unwrap();
            }
        }
        cache.remove_oldest();
        let left: u64 = files(folder.path()).iter().map(|(_, size, _)| size).sum();
        assert!(left <= 1000, "{left}");
        assert_eq!(cache.get::<String>(&keys[0]), None);
        assert!(cache.get::<String>(&keys[7]).is_some());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_failure() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cache = Cache::new(file.path());
        cache.put("00aa", &1);
        assert_eq!(cache.get::<u8>("00aa"), None);
    }
}
