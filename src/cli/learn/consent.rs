//! Asks before `frontdesk learn` takes many new files: a wrong folder should not become knowledge by
//! accident.

use std::collections::{BTreeMap, HashSet};
use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};

use crate::app::App;
use crate::domain::CollectionId;
use crate::domain::label::{MAX_NAME_LEN, one_line};
use crate::knowledge::SourceFolder;
use crate::store::knowledge::DocumentRow;

/// New files that are taken without a question.
pub(super) const MAX_UNASKED: usize = 200;

/// New files of the folders to learn: how many by extension, and for which collections.
#[derive(Debug, Default)]
struct NewFiles {
    by_kind: BTreeMap<String, usize>,
    collections: Vec<String>,
}

/// Whether the new files under the paths may be learned: they are few, or the user agrees. Fails
/// without a terminal to ask at.
pub(super) async fn may_learn(
    app: &App,
    paths: &[&Path],
    collection: Option<&str>,
) -> anyhow::Result<bool> {
    let mut new = NewFiles::default();
    for path in paths {
        for folder in SourceFolder::find(path, collection).with_context(|| unreadable(path))? {
            let known = known_paths(app, &folder.collection).await?;
            new.add(&folder, &known);
        }
    }
    if new.count() <= MAX_UNASKED {
        return Ok(true);
    }
    let about = new.describe();
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        bail!(
            "{about}. Without a terminal to ask at, more than {MAX_UNASKED} are not taken: name the folder that you mean, or add --yes"
        );
    }
    eprint!("{about}. Learn all of them? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The error of a path that cannot be read.
pub(super) fn unreadable(path: &Path) -> String {
    format!("cannot read {}", one_line(&path.display().to_string(), 500))
}

/// The paths of a collection's documents; none if it does not exist.
async fn known_paths(app: &App, collection: &str) -> anyhow::Result<HashSet<String>> {
    let rows = app.desk.store.collections().await?;
    let Some(row) = rows.into_iter().find(|row| row.slug == collection) else {
        return Ok(HashSet::new());
    };
    let documents = app.desk.store.documents(&CollectionId::stored(row.id), 0).await?;
    Ok(documents.into_iter().map(|DocumentRow { path, .. }| path).collect())
}

impl NewFiles {
    fn add(&mut self, folder: &SourceFolder, known: &HashSet<String>) {
        let new = folder.documents.iter().filter(|document| !known.contains(&document.path));
        let before = self.count();
        for document in new {
            let ending = Path::new(&document.path).extension();
            // A name may hold anything, also what a terminal obeys.
            let kind = ending.map_or("no extension".to_owned(), |ending| {
                format!(".{}", one_line(&ending.to_string_lossy().to_lowercase(), 20))
            });
            *self.by_kind.entry(kind).or_default() += 1;
        }
        if self.count() > before {
            self.collections.push(one_line(&folder.collection, MAX_NAME_LEN));
        }
    }

    fn count(&self) -> usize {
        self.by_kind.values().sum()
    }

    /// Returns the number of files, their collections, and their kinds, most frequent first.
    fn describe(&self) -> String {
        let mut kinds: Vec<_> = self.by_kind.iter().collect();
        kinds.sort_by_key(|(_, many)| std::cmp::Reverse(**many));
        let kinds: Vec<_> = kinds.iter().map(|(kind, many)| format!("{many} {kind}")).collect();
        let noun = if self.collections.len() == 1 { "collection" } else { "collections" };
        format!(
            "{} new files ({}) for the {noun} {}",
            self.count(),
            kinds.join(", "),
            self.collections.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::DocumentSource;

    #[test]
    fn only_new_files_count_and_each_kind_is_named() {
        let document = |path: &str| DocumentSource {
            path: path.into(),
            name: None,
            read: Box::new(|| Ok(Vec::new())),
        };
        let paths = ["a.md", "b.MD", "c.p\u{1b}d\rf", "known.md", "LICENSE"];
        let documents = paths.map(document).into();
        let collection = "acme".to_owned();
        let folder = SourceFolder { collection, documents, whole: true, settings: None };
        let mut new = NewFiles::default();
        new.add(&folder, &HashSet::from(["known.md".to_owned()]));
        assert_eq!(new.count(), 4);
        let said = new.describe();
        assert_eq!(said, "4 new files (2 .md, 1 .p d f, 1 no extension) for the collection acme");
    }
}
