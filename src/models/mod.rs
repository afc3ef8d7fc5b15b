//! The models that run in this process: which ones are known, where they lie, how they come there. Must not run any; it
//! knows of their files only whether they are there and whole, and what `config.json` says they are for.

use std::path::{Path, PathBuf};

use serde::Deserialize;

mod fetch;
mod known;

pub use fetch::Watch;
pub use known::{KNOWN, Known, Part, Use};

/// Where models are kept and fetched from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder; each model is a folder in it.
    folder: PathBuf,
    /// The hub. Empty: `https://huggingface.co`.
    hub_url: String,
}

/// A model in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name, the folder's.
    pub name: String,
    /// What it is for.
    pub purpose: Use,
    /// Where it is.
    pub path: PathBuf,
    /// Bytes of its files.
    pub size: u64,
}

impl Settings {
    /// The folder of the models.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder that a model of this name has, or would have. Errors when the name is none.
    pub fn path(&self, name: &str) -> Result<PathBuf, String> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(fine) || name.len() > 100 {
            return Err(format!(
                "`{name}` is no name of a model: letters, digits, dots and dashes; `frontdesk models list` shows them"
            ));
        }
        Ok(self.folder.join(name))
    }

    /// The models that are there, known ones first in the order of [`KNOWN`], then by name.
    pub fn list(&self) -> Vec<Found> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<Found> = names.filter_map(|name| self.found(&name)).collect();
        let place = |name: &str| KNOWN.iter().position(|known| known.name == name);
        found.sort_by_key(|one| (place(&one.name).unwrap_or(usize::MAX), one.name.clone()));
        found
    }

    /// The model of this name, when its files are there.
    pub fn found(&self, name: &str) -> Option<Found> {
        let path = self.path(name).ok()?;
        let purpose = purpose(&path)?;
        Some(Found { name: name.to_owned(), purpose, size: size(&path), path })
    }

    /// Copies a model's folder here under a name, and gives the place. Errors say what is missing.
    pub fn import(&self, from: &Path, name: &str) -> Result<PathBuf, String> {
        let to = self.path(name)?;
        if to.exists() {
            return Err(format!(
                "there is a model {name} already: `frontdesk models remove {name}` first"
            ));
        }
        let purpose = purpose(from).ok_or_else(|| {
            let files = Use::Embed.files().join(", ");
            format!("{} is no model: it must have {files}", from.display())
        })?;
        let part_way = self.folder.join(format!(".import-{name}"));
        let copied = copy(from, &part_way, purpose).and_then(|()| whole(&part_way, &to));
        if copied.is_err() {
            drop(std::fs::remove_dir_all(&part_way));
        }
        copied.map(|()| to)
    }

    /// Removes a model; whether it was there.
    pub fn remove(&self, name: &str) -> Result<bool, String> {
        let path = self.path(name)?;
        if !path.is_dir() {
            return Ok(false);
        }
        let failed = |error| format!("{} cannot be removed: {error}", path.display());
        std::fs::remove_dir_all(&path).map(|()| true).map_err(failed)
    }
}

/// What the files of a folder are good for; `None` where they are no model. Both uses have the same files: a model with
/// a head that scores was saved under its name, and every other is taken for embeddings.
pub fn purpose(folder: &Path) -> Option<Use> {
    let all = |names: &[&str]| names.iter().all(|name| folder.join(name).is_file());
    let scores = || {
        let config = std::fs::read(folder.join("config.json")).ok()?;
        let config: Config = serde_json::from_slice(&config).ok()?;
        let scores = |name: &String| name.ends_with("ForSequenceClassification");
        Some(config.architectures.iter().any(scores))
    };
    all(Use::Embed.files()).then(|| if scores() == Some(true) { Use::Rerank } else { Use::Embed })
}

/// What `config.json` says of the class that the model was saved from.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architectures: Vec<String>,
}

/// Copies what belongs to a model, and nothing else that lies beside it.
fn copy(from: &Path, to: &Path, purpose: Use) -> Result<(), String> {
    for name in purpose.files().iter().chain(purpose.more()) {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_file() {
            let folder = to.parent().unwrap_or(Path::new("."));
            let copied = std::fs::create_dir_all(folder).and_then(|()| std::fs::copy(&from, &to));
            copied.map_err(|error| format!("{} cannot be copied: {error}", from.display()))?;
        }
    }
    Ok(())
}

/// Gives a folder that is whole its name.
fn whole(part_way: &Path, to: &Path) -> Result<(), String> {
    let failed = |error| format!("{} cannot be renamed: {error}", part_way.display());
    std::fs::rename(part_way, to).map_err(failed)
}

/// Bytes of a folder's files, and of those in its folders.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let one = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(one).sum()
}
