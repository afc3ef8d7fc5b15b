//! Local models: which ones exist, where they are stored, how they are downloaded or imported; and
//! the setting of a model that somebody chose (`setting.rs`). Must not run any. Reads of their files
//! only whether they are complete, and the use that `config.json` or the file header implies.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

mod catalog;
mod fetch;
mod log_progress;
mod setting;

pub use catalog::{CATALOG, CatalogModel, Part, Use};
pub use fetch::Watch;
pub(crate) use log_progress::LogProgress;
pub use setting::{AddressRefusal, ModelSetting, address};

/// Where models are stored and downloaded from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Models folder; each model is a folder or a file in it.
    folder: PathBuf,
    /// Hub URL; empty: `https://huggingface.co`.
    hub_url: String,
}

/// An installed model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledModel {
    /// Name of its folder or file.
    pub name: String,
    /// What it is for.
    pub purpose: Use,
    /// Its folder, or its file for a model of one file.
    pub path: PathBuf,
    /// Total size of its files, in bytes.
    pub size: u64,
}

impl Settings {
    /// Models folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path for a model of this name, installed or not. Errors when the name is not
    /// valid.
    pub fn path(&self, name: &str) -> Result<PathBuf, String> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(fine) || name.len() > 100 {
            return Err(format!(
                "`{name}` is no name of a model: letters, digits, dots and dashes; `frontdesk models list` shows them"
            ));
        }
        Ok(self.folder.join(name))
    }

    /// Lists installed models: those of [`CATALOG`] first, in its order, then the others by name.
    pub fn list(&self) -> Vec<InstalledModel> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<InstalledModel> = names.filter_map(|name| self.found(&name)).collect();
        let place = |name: &str| CATALOG.iter().position(|known| known.name == name);
        found.sort_by_key(|one| (place(&one.name).unwrap_or(usize::MAX), one.name.clone()));
        found
    }

    /// Returns the model of this name if it is installed.
    pub fn found(&self, name: &str) -> Option<InstalledModel> {
        let (purpose, path) = purpose(&self.path(name).ok()?)?;
        Some(InstalledModel { name: name.to_owned(), purpose, size: size(&path), path })
    }

    /// Returns the folder of the model that a section of the configuration names by `path` or
    /// `name`, else of the first installed one for this purpose; or what is missing with the command
    /// that fixes it (inner error). The outer error means a wrong name.
    pub fn chosen(
        &self,
        section: &str,
        (path, name): (Option<&Path>, &str),
        purpose: Use,
    ) -> Result<Result<PathBuf, String>, String> {
        let place = self.folder.display();
        if let Some(path) = path {
            let missing = || {
                format!("there is no model in {}: [{section}] path is its folder", path.display())
            };
            return Ok(if path.is_dir() { Ok(path.to_owned()) } else { Err(missing()) });
        }
        if name.is_empty() {
            let first = self.list().into_iter().find(|found| found.purpose == purpose);
            return Ok(first.map(|found| found.path).ok_or_else(|| {
                let what = match purpose {
                    Use::Rerank => "reranker",
                    Use::AnswerQuestions => "model for question answering",
                    Use::Embed | Use::Listen | Use::Voices => "model",
                };
                let fetch = CATALOG.iter().filter(|known| known.purpose == purpose);
                let fetch: Vec<&str> = fetch.map(|known| known.name).collect();
                let fetch = fetch.join("`, or for English alone `");
                format!("there is no {what} in {place}: `frontdesk models fetch {fetch}`")
            }));
        }
        let path = self.path(name)?;
        let missing =
            || format!("the model {name} is not in {place}: `frontdesk models fetch {name}`");
        Ok(if path.is_dir() { Ok(path) } else { Err(missing()) })
    }

    /// Copies a model's folder or file into the models folder and returns its path. Errors name
    /// what is missing.
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
        let copied =
            copy(&from, &part_way, purpose).and_then(|()| rename_completed(&part_way, &to));
        if copied.is_err() {
            drop(std::fs::remove_dir_all(&part_way));
        }
        copied.map(|()| to)
    }

    /// Removes a model. Returns whether it was installed.
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

/// Returns the use of a model folder or file, and the path of the model: the folder, or its one
/// file. `None` if it is not a model.
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

/// Detects the use of a whisper.cpp file from its first 8 bytes: after the magic number comes the
/// vocabulary size (about 50,000), or, for a voice activity model, the length of its name.
fn of_file(path: &Path) -> Option<Use> {
    const MAX_NAME_LEN: u32 = 100;
    const MIN_TOKENS: u32 = 10_000;
    let mut begin = [0; 8];
    File::open(path).ok()?.read_exact(&mut begin).ok()?;
    let [a, b, c, d, number @ ..] = begin;
    match u32::from_le_bytes(number) {
        _ if [a, b, c, d] != *b"lmgg" => None,
        1..=MAX_NAME_LEN => Some(Use::Voices),
        MIN_TOKENS.. => Some(Use::Listen),
        _ => None,
    }
}

/// Detects the use of a model folder by the class name: `...ForSequenceClassification` is a
/// reranker, `...ForQuestionAnswering` answers questions, any other is an embedding model.
fn of_folder(folder: &Path) -> Use {
    let config = std::fs::read(folder.join("config.json")).ok();
    let config: Option<Config> = config.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let names = config.map(|config| config.architectures).unwrap_or_default();
    let is_any = |ending: &str| names.iter().any(|name| name.ends_with(ending));
    match () {
        () if is_any("ForSequenceClassification") => Use::Rerank,
        () if is_any("ForQuestionAnswering") => Use::AnswerQuestions,
        () => Use::Embed,
    }
}

/// `config.json`: the class that the model was saved from.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architectures: Vec<String>,
}

/// Copies a model's own files and nothing else from its folder.
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

/// Renames a completed temporary folder to its final name.
fn rename_completed(part_way: &Path, to: &Path) -> Result<(), String> {
    let failed = |error| format!("{} cannot be renamed: {error}", part_way.display());
    std::fs::rename(part_way, to).map_err(failed)
}

/// Size of a file, or of a folder with its subfolders, in bytes.
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
