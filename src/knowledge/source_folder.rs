//! Finds documents in folders and files. Reads one only on request.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use frontdesk_doctext::extract::{FORMATS, MAX_BYTES, Unreadable};

use super::{Library, answers, collection};
use crate::domain::CollectionOrigin;

/// Documents to learn into one collection: a folder, or one file of it.
pub struct SourceFolder {
    /// Name of the collection.
    pub collection: String,
    /// The documents found.
    pub documents: Vec<DocumentSource>,
    /// Whether these are all files of the collection: others are removed.
    pub whole: bool,
    /// Text of the folder's `collection.toml`; `None` without one.
    pub settings: Option<String>,
}

/// A document that has not been read yet.
pub struct DocumentSource {
    /// Path within the collection.
    pub path: String,
    /// File name whose extension gives the format; `None` when that of `path` does.
    pub name: Option<String>,
    /// Reads the content.
    pub read: Box<dyn FnOnce() -> std::io::Result<Vec<u8>> + Send>,
}

impl SourceFolder {
    /// Finds the source folders under a path.
    ///
    /// A folder is a collection of its own name; a folder that holds only folders is one collection
    /// for each of them; a file belongs to the collection named after its folder. `collection`
    /// overrides the name.
    pub fn find(path: &Path, collection: Option<&str>) -> std::io::Result<Vec<Self>> {
        let path = &path.canonicalize()?;
        if path.is_file() {
            let parent = path.parent().unwrap_or(path);
            let name = collection.map_or_else(|| name_of(parent), ToOwned::to_owned);
            let documents = vec![DocumentSource::file(parent, path.clone())];
            return Ok(vec![Self { collection: name, documents, whole: false, settings: None }]);
        }
        let (mut files, mut folders) = (0, Vec::new());
        for entry in visible(path)? {
            if entry.is_dir() {
                folders.push(entry);
            } else if is_learnable(&entry) {
                files += 1;
            }
        }
        if collection.is_none() && files == 0 && !folders.is_empty() {
            return folders.iter().map(|folder| Self::folder(folder, None)).collect();
        }
        Ok(vec![Self::folder(path, collection)?])
    }

    fn folder(path: &Path, collection: Option<&str>) -> std::io::Result<Self> {
        let mut documents = Vec::new();
        collect(path, path, &mut documents)?;
        let name = collection.map_or_else(|| name_of(path), ToOwned::to_owned);
        let settings = match std::fs::read_to_string(path.join(collection::FILE)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { collection: name, documents, whole: true, settings })
    }
}

impl Library {
    /// The file that a document was learned from, as it is now; `None` if it is not in a folder that
    /// is learned at every start. Only what such a folder lists is read, whatever `path` says.
    pub async fn file(&self, collection: &str, path: &str) -> io::Result<Option<Vec<u8>>> {
        if self.origin(collection) == CollectionOrigin::Console {
            return Ok(None);
        }
        let Some(find) = self.folders.clone() else { return Ok(None) };
        let (collection, path) = (collection.to_owned(), path.to_owned());
        let read = move || {
            let folder = find()?.into_iter().find(|folder| folder.collection == collection);
            let mut documents = folder.into_iter().flat_map(|folder| folder.documents);
            let found = documents.find(|document| document.path == path);
            found.map(|document| (document.read)()).transpose()
        };
        tokio::task::spawn_blocking(read).await?
    }
}

impl DocumentSource {
    fn file(root: &Path, path: PathBuf) -> Self {
        let inside = path.strip_prefix(root).unwrap_or(&path);
        let parts: Vec<_> =
            inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        Self { path: parts.join("/"), name: None, read: Box::new(move || read(&path)) }
    }
}

/// Reads a file. One above [`MAX_BYTES`] is refused before it fills the memory.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let too_large = |size| Err(io::Error::other(Unreadable::TooLarge(size)));
    let size = file.metadata()?.len();
    if size > MAX_BYTES {
        return too_large(size);
    }
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    // The file may have grown since.
    if bytes.len() as u64 > MAX_BYTES { too_large(read as u64) } else { Ok(bytes) }
}

fn collect(root: &Path, folder: &Path, documents: &mut Vec<DocumentSource>) -> std::io::Result<()> {
    for entry in visible(folder)? {
        // Symlinked folders are not followed: they could form a cycle.
        if entry.is_dir() && !entry.is_symlink() {
            collect(root, &entry, documents)?;
        } else if entry.is_file() && is_learnable(&entry) {
            documents.push(DocumentSource::file(root, entry));
        }
    }
    Ok(())
}

/// Entries of a folder without hidden files, sorted by name.
fn visible(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

/// Whether a file should be learned, by its name.
fn is_learnable(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    if name.is_some_and(|name| answers::is_answers(&name)) {
        return true;
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| FORMATS.contains(&ending.as_str()))
}

fn name_of(folder: &Path) -> String {
    folder
        .file_name()
        .map_or_else(|| "documents".into(), |name| name.to_string_lossy().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folders: &[SourceFolder]) -> Vec<(String, Vec<String>)> {
        let paths = |folder: &SourceFolder| {
            folder.documents.iter().map(|document| document.path.clone()).collect()
        };
        folders.iter().map(|folder| (folder.collection.clone(), paths(folder))).collect()
    }

    #[test]
    fn folders_become_collections_and_files_keep_their_paths() {
        let home = tempfile::tempdir().expect("a folder");
        let root = home.path().join("knowledge");
        for file in
            ["acme/a.md", "acme/policies/b.txt", "acme/logo.png", "acme/.hidden.md", "faq/c.csv"]
        {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, "x").expect("a file");
        }
        let all = names(&SourceFolder::find(&root, None).expect("folders"));
        let expected = [
            ("acme".into(), vec!["a.md".into(), "policies/b.txt".into()]),
            ("faq".into(), vec!["c.csv".into()]),
        ];
        assert_eq!(all, expected);
        let one = names(&SourceFolder::find(&root.join("acme"), Some("shop")).expect("a folder"));
        assert_eq!((one[0].0.as_str(), one[0].1.len()), ("shop", 2));
        let file = SourceFolder::find(&root.join("acme/a.md"), None).expect("a file");
        assert!(!file[0].whole && file[0].collection == "acme");
        assert!(SourceFolder::find(&root.join("nowhere"), None).is_err());
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_without_being_read() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("huge.txt");
        // A sparse file of 1 TB: reading it would take minutes and exhaust the memory.
        File::create(&path).and_then(|file| file.set_len(1 << 40)).expect("a file");
        let document = DocumentSource::file(home.path(), path);
        let why = (document.read)().expect_err("it is too large").to_string();
        assert!(why.contains("1048576 MB, and 20 MB is the most"), "{why}");
    }
}
