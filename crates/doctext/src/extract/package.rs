//! Common structure of Word and PowerPoint files: parts in an archive with relationships. Does not
//! interpret their text.

use std::collections::HashMap;

use super::archive::Archive;
use super::{Unreadable, one_line, xml};

/// An Office document's archive.
pub(super) struct Package<'a> {
    archive: Archive<'a>,
    what: &'static str,
}

/// A reference from a part to another part, or to an external URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    /// Last segment of the relationship type, such as `slide`.
    pub(super) kind: String,
    /// Path of the part in the archive, or the URL.
    pub(super) target: String,
    /// Whether the target is a URL.
    pub(super) external: bool,
}

impl<'a> Package<'a> {
    /// Opens a document. `what` names the format in errors.
    pub(super) fn open(bytes: &'a [u8], what: &'static str) -> Result<Self, Unreadable> {
        Ok(Self { archive: Archive::open(bytes, what)?, what })
    }

    /// Error for a document with inconsistent parts.
    pub(super) fn damaged(&self) -> Unreadable {
        Unreadable::Damaged(self.what)
    }

    /// Returns a part's text; `None` if it does not exist.
    pub(super) fn part(&mut self, path: &str) -> Result<Option<String>, Unreadable> {
        self.archive.text(path)
    }

    /// Returns the path and text of the main part.
    pub(super) fn main(&mut self, usual: &str) -> Result<(String, String), Unreadable> {
        let relations = self.relations("")?;
        let main = relations.into_values().find(|relation| relation.kind == "officeDocument");
        let path = main.map_or_else(|| usual.to_owned(), |relation| relation.target);
        let text = self.part(&path)?.ok_or_else(|| self.damaged())?;
        Ok((path, text))
    }

    /// Returns the relationships of a part, by id; empty path: those of the document.
    pub(super) fn relations(
        &mut self,
        path: &str,
    ) -> Result<HashMap<String, Relation>, Unreadable> {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let slash = if folder.is_empty() { "" } else { "/" };
        let Some(text) = self.part(&format!("{folder}{slash}_rels/{file}.rels"))? else {
            return Ok(HashMap::new());
        };
        let document = xml::parse(&text).ok_or_else(|| self.damaged())?;
        let relation = |node| {
            let kind = xml::attribute(node, "Type")?.rsplit('/').next()?.to_owned();
            let external = xml::attribute(node, "TargetMode") == Some("External");
            let target = xml::attribute(node, "Target")?;
            let target = if external { target.to_owned() } else { resolved(folder, target) };
            Some((xml::attribute(node, "Id")?.to_owned(), Relation { kind, target, external }))
        };
        Ok(document.descendants().filter_map(relation).collect())
    }

    /// Returns the title property of the document.
    pub(super) fn title(&mut self) -> Option<String> {
        let text = self.part("docProps/core.xml").ok()??;
        let document = xml::parse(&text)?;
        let title = one_line(&xml::text(xml::below(document.root(), "title")?));
        (!title.is_empty()).then_some(title)
    }
}

/// Resolves a path relative to a folder of the archive.
fn resolved(folder: &str, target: &str) -> String {
    let (folder, target) = match target.strip_prefix('/') {
        Some(absolute) => ("", absolute),
        None => (folder, target),
    };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_resolved_within_the_archive() {
        assert_eq!(resolved("ppt/slides", "../notesSlides/n1.xml"), "ppt/notesSlides/n1.xml");
        assert_eq!(resolved("ppt", "/word/document.xml"), "word/document.xml");
        assert_eq!(resolved("", "../../x.xml"), "x.xml");
    }
}
