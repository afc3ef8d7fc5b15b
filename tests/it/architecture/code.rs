//! The code of the workspace, parsed once: files, modules, and the resolution of paths to modules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::reading::{Declaration, Module, Source, joined};

pub(super) static CODE: LazyLock<Code> = LazyLock::new(|| Code::of(&texts()));
/// Stack size in bytes: `syn` recurses deeply, even more without optimization.
const STACK: usize = 64 * 1024 * 1024;
/// Maximum number of imports to follow; a longer chain is a cycle.
const MAX_IMPORTS: usize = 8;

pub(super) struct Code {
    pub(super) sources: Vec<Source>,
    /// A module is listed twice when it is defined twice, for different systems.
    pub(super) modules: Vec<Module>,
    /// The names that each module imports, with their paths.
    imports: BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>,
}

/// The target of a path.
pub(super) enum Place {
    /// A module of the workspace, and the rest of the path within it.
    Ours(Vec<String>, Vec<String>),
    /// An external crate.
    Theirs(String),
}

impl Code {
    /// Parses the modules of these files, starting at every `lib.rs` and `main.rs`.
    pub(super) fn of(texts: &[(String, String)]) -> Self {
        let mut code = Self { sources: Vec::new(), modules: Vec::new(), imports: BTreeMap::new() };
        let mut unread = read(texts);
        for (file, _) in texts {
            if let Some(root) = file.strip_suffix("/lib.rs") {
                code.add(&mut unread, file, &[root.to_owned()]);
            } else if file.ends_with("src/main.rs") {
                code.add(&mut unread, file, std::slice::from_ref(file));
            }
        }
        code
    }

    /// Adds a file and the files of the modules that it declares.
    fn add(&mut self, unread: &mut BTreeMap<String, Source>, file: &str, at: &[String]) {
        let Some(mut source) = unread.remove(file) else { return };
        for mut module in std::mem::take(&mut source.modules) {
            let files: Vec<String> = module
                .declarations
                .iter()
                .map(|one| file_of(one, file, &module.at, unread))
                .collect();
            module.at = [at, &module.at[..]].concat();
            file.clone_into(&mut module.file);
            for (declaration, file) in module.declarations.iter().zip(&files) {
                self.add(unread, file, &joined(&module.at, &declaration.name));
            }
            self.imports
                .entry(module.at.clone())
                .or_default()
                .extend(std::mem::take(&mut module.imports));
            self.modules.push(module);
        }
        self.sources.push(source);
    }

    /// Resolves a path that a module uses.
    pub(super) fn place(&self, at: &[String], path: &[String]) -> Place {
        self.follow(at, path, MAX_IMPORTS)
    }

    fn follow(&self, at: &[String], path: &[String], imports: usize) -> Place {
        let (mut module, mut rest) = (at.to_vec(), path);
        match path[0].as_str() {
            "crate" => {
                module.truncate(1);
                rest = &path[1..];
            }
            "self" | "super" => {
                while let Some(word @ ("self" | "super")) = rest.first().map(String::as_str) {
                    if word == "super" {
                        module.pop();
                    }
                    rest = &rest[1..];
                }
            }
            first if self.imports.contains_key(&joined(at, first)) => {}
            first => {
                let import = self.imports.get(at).and_then(|names| names.get(first));
                return match import {
                    Some(import) if imports > 0 => {
                        self.follow(at, &[&import[..], &path[1..]].concat(), imports - 1)
                    }
                    _ => Place::Theirs(first.to_owned()),
                };
            }
        }
        while let Some(name) = rest.first()
            && self.imports.contains_key(&joined(&module, name))
        {
            module.push(name.clone());
            rest = &rest[1..];
        }
        Place::Ours(module, rest.to_vec())
    }

    /// Returns the workspace module that defines what a path names; follows re-exports.
    pub(super) fn home(&self, at: &[String], path: &[String]) -> Option<Vec<String>> {
        self.home_within(at, path, MAX_IMPORTS)
    }

    fn home_within(&self, at: &[String], path: &[String], imports: usize) -> Option<Vec<String>> {
        let Place::Ours(module, rest) = self.follow(at, path, imports) else { return None };
        let import = rest.first().and_then(|name| self.imports.get(&module)?.get(name));
        let further = import.filter(|_| imports > 0).and_then(|import| {
            self.home_within(&module, &[&import[..], &rest[1..]].concat(), imports - 1)
        });
        Some(further.unwrap_or(module))
    }
}

/// Returns the file of a module declared in another file, in the inline module `inside`.
fn file_of(
    declaration: &Declaration,
    file: &str,
    inside: &[String],
    files: &BTreeMap<String, Source>,
) -> String {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    if let Some(path) = &declaration.path {
        return format!("{folder}/{path}");
    }
    let owns_its_folder = ["lib.rs", "main.rs", "mod.rs"].contains(&name);
    let folder = if owns_its_folder { folder } else { file.trim_end_matches(".rs") };
    let names = [&[folder.to_owned()][..], inside, &[declaration.name.clone()][..]].concat();
    let stem = names.join("/");
    [format!("{stem}.rs"), format!("{stem}/mod.rs")]
        .into_iter()
        .find(|file| files.contains_key(file))
        .unwrap_or_else(|| panic!("{file} declares a module that has no file: {stem}"))
}

/// Parses all files on all cores.
fn read(texts: &[(String, String)]) -> BTreeMap<String, Source> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = texts.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let mut readers = Vec::new();
        for texts in texts.chunks(share) {
            let read = move || -> Vec<Source> {
                texts.iter().map(|(file, text)| Source::read(file, text)).collect()
            };
            let reader = std::thread::Builder::new().stack_size(STACK);
            readers.push(reader.spawn_scoped(scope, read).unwrap());
        }
        let sources = readers.into_iter().flat_map(|reader| reader.join().unwrap());
        sources.map(|source| (source.file.clone(), source)).collect()
    })
}

/// Returns every `.rs` file of the workspace's crates, by its path in the repository.
fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = BTreeSet::from([root.to_path_buf()]);
    folders.extend(entries(root));
    folders.extend(entries(&root.join("crates")));
    let mut files = Vec::new();
    for source in folders.iter().map(|folder| folder.join("src")) {
        if source.join("lib.rs").exists() {
            collect(&source, &mut files);
        }
    }
    let text = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        (file.strip_prefix(root).unwrap().display().to_string(), text)
    };
    files.into_iter().map(text).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}
