//! The models that run in this process: which ones are known, where they lie, how they come there. Must not run any; it
//! knows of their files only whether they are there and whole, and what `config.json` says they are for.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

mod catalog;
mod fetch;
mod log_progress;

pub use catalog::{CATALOG, CatalogModel, Part, Use};
pub use fetch::Watch;
pub(crate) use log_progress::LogProgress;

/// Where models are kept and fetched from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder; each model is a folder in it, or one file.
    folder: PathBuf,
    /// The hub. Empty: `https://huggingface.co`.
    hub_url: String,
}

/// A model in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledModel {
    /// Its name, the folder's or the file's.
    pub name: String,
    /// What it is for.
    pub purpose: Use,
    /// Its folder; of a model that is one file, the file.
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

    /// The models that are there, known ones first in the order of [`CATALOG`], then by name.
    pub fn list(&self) -> Vec<InstalledModel> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<InstalledModel> = names.filter_map(|name| self.found(&name)).collect();
        let place = |name: &str| CATALOG.iter().position(|known| known.name == name);
        found.sort_by_key(|one| (place(&one.name).unwrap_or(usize::MAX), one.name.clone()));
        found
    }

    /// The model of this name, when its files are there.
    pub fn found(&self, name: &str) -> Option<InstalledModel> {
        let (purpose, path) = purpose(&self.path(name).ok()?)?;
        Some(InstalledModel { name: name.to_owned(), purpose, size: size(&path), path })
    }

    /// Copies a model's folder, or its one file, here under a name, and gives the place. Errors say what is missing.
    pub fn import(&self, from: &Path, name: &str) -> Result<PathBuf, String> {
        let to = self.path(name)?;
        if to.exists() {
            return Err(format!(
                "there is a model {name} already: `frontdesk models remove {name}` first"
            ));
        }
        let (purpose, from) = purpose(from).ok_or_else(|| {
            let files = Use::Embed.files().join(", ");
            format!(
                "{} is no model: it must have {files}; or be a file of whisper.cpp, such as ggml-base.bin",
                from.display()
            )
        })?;
        let part_way = self.folder.join(format!(".import-{name}"));
        let copied = copy(&from, &part_way, purpose).and_then(|()| whole(&part_way, &to));
        if copied.is_err() {
            drop(std::fs::remove_dir_all(&part_way));
        }
        copied.map(|()| to)
    }

    /// Removes a model; whether it was there.
    pub fn remove(&self, name: &str) -> Result<bool, String> {
        let path = self.path(name)?;
        let failed = |error| format!("{} cannot be removed: {error}", path.display());
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false if path.is_file() => std::fs::remove_file(&path),
            false => return Ok(false),
        };
        removed.map(|()| true).map_err(failed)
    }
}

/// What a folder or a file is good for, and the model in it: the folder, or its one file. `None` where it is no model.
pub fn purpose(path: &Path) -> Option<(Use, PathBuf)> {
    let all = |names: &[&str]| names.iter().all(|name| path.join(name).is_file());
    if all(Use::Embed.files()) {
        return Some((of_folder(path), path.to_owned()));
    }
    if path.is_file() {
        return Some((of_file(path)?, path.to_owned()));
    }
    let files = std::fs::read_dir(path).ok()?.flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.filter(|path| path.is_file()).collect();
    files.sort();
    files.into_iter().find_map(|file| Some((of_file(&file)?, file)))
}

/// What a file in whisper.cpp's format is good for, by its first words: after the mark comes the number of tokens, some
/// 50,000, or the length of the name of a model that finds speech.
fn of_file(path: &Path) -> Option<Use> {
    const LONGEST_NAME: u32 = 100;
    const FEWEST_TOKENS: u32 = 10_000;
    let mut begin = [0; 8];
    File::open(path).ok()?.read_exact(&mut begin).ok()?;
    let [a, b, c, d, number @ ..] = begin;
    match u32::from_le_bytes(number) {
        _ if [a, b, c, d] != *b"lmgg" => None,
        1..=LONGEST_NAME => Some(Use::Voices),
        FEWEST_TOKENS.. => Some(Use::Listen),
        _ => None,
    }
}

/// What a folder with the files of a model is good for: a model with a head that scores was saved under its name, and every
/// other is taken for embeddings.
fn of_folder(folder: &Path) -> Use {
    let config = std::fs::read(folder.join("config.json")).ok();
    let config: Option<Config> = config.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let scores = |name: &String| name.ends_with("ForSequenceClassification");
    let scores = config.is_some_and(|config| config.architectures.iter().any(scores));
    if scores { Use::Rerank } else { Use::Embed }
}

/// What `config.json` says of the class that the model was saved from.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architectures: Vec<String>,
}

/// Copies what belongs to a model, and nothing else that lies beside it.
fn copy(from: &Path, to: &Path, purpose: Use) -> Result<(), String> {
    let one = |from: &Path, to: &Path| {
        let folder = to.parent().unwrap_or(Path::new("."));
        let copied = std::fs::create_dir_all(folder).and_then(|()| std::fs::copy(from, to));
        copied.map(drop).map_err(|error| format!("{} cannot be copied: {error}", from.display()))
    };
    if from.is_file() {
        return one(from, &to.join(from.file_name().unwrap_or("model.bin".as_ref())));
    }
    for name in purpose.files().iter().chain(purpose.more()) {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_file() {
            one(&from, &to)?;
        }
    }
    Ok(())
}

/// Gives a folder that is whole its name.
fn whole(part_way: &Path, to: &Path) -> Result<(), String> {
    let failed = |error| format!("{} cannot be renamed: {error}", part_way.display());
    std::fs::rename(part_way, to).map_err(failed)
}

/// Bytes of a file, or of a folder's files and of those in its folders.
fn size(folder: &Path) -> u64 {
    if folder.is_file() {
        return folder.metadata().map_or(0, |data| data.len());
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let one = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(one).sum()
}
