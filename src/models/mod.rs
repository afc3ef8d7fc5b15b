//! The models that run in this process: which ones are known, where they lie, how they come there. Must not run any; it
//! knows of their files only whether they are there and whole.

use std::path::{Path, PathBuf};

use serde::Deserialize;

mod known;

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

/// What the files of a folder are good for; `None` where they are no model.
pub fn purpose(folder: &Path) -> Option<Use> {
    let all = |names: &[&str]| names.iter().all(|name| folder.join(name).is_file());
    all(Use::Embed.files()).then_some(Use::Embed)
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
