//! `frontdesk learn`: learns documents and web sites with a progress bar, and reports failures.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use frontdesk_doctext::extract::FORMATS;
use frontdesk_promptfoo::policy::Policy;

use super::audit::actor;
use super::bar::{Bar, RunBar};
use super::publish::refused;
use crate::app::App;
use crate::desk::{Change, ChangeRequest, Refusal};
use crate::domain::label::one_line;
use crate::domain::{CollectionId, SourceId};
use crate::eval::gate::{LearnOptions, LearnOutcome};
use crate::knowledge::web::{SourceReader, SourceRequest};
use crate::knowledge::{self, Edit, SourceFolder, Summary};
use crate::store::audit::Actor;
use crate::store::sources::SourceRow;

mod consent;

use self::consent::{may_learn, unreadable};

/// Maximum length of a text from outside, in characters.
const MAX_SHOWN_CHARS: usize = 500;

/// Learn documents (PDF, Office, Markdown, HTML, CSV ...), and web sites by their address
///
/// A folder becomes a collection of the same name; a folder of folders becomes one collection per
/// subfolder. Unchanged documents are skipped, changed ones replaced, and those gone from a folder
/// removed. A running desk picks up changes within a second. More than 200 new files are taken only
/// after a question, or with --yes.
///
/// An address, such as <https://example.com/help>, is read with the pages of the same site that it
/// links to; a sitemap with the pages that it lists. Pages that robots.txt forbids are not read.
/// With --every, a running desk reads the site again regularly and fetches only what changed.
/// `frontdesk source` shows and removes sites added this way.
#[derive(Debug, Args)]
pub(super) struct Learn {
    /// Folders, files and addresses
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The collection to learn into [default: the folder's name, or the site's host]
    #[arg(long)]
    collection: Option<String>,
    /// How often to read the site again: 30m, 24h, 7d, or never [default: never]
    #[arg(long, value_parser = minutes)]
    every: Option<u32>,
    /// How many links deep to read from the address; 0 for that page only [default: 3]
    #[arg(long, value_name = "LINKS")]
    depth: Option<u32>,
    /// Maximum number of pages of the site [default: 200]
    #[arg(long)]
    pages: Option<u32>,
    /// Override the gates of the agents that use the collection; recorded in the audit log
    #[arg(long)]
    force: bool,
    /// Learn any number of new files without asking
    #[arg(long, short)]
    yes: bool,
}

impl Learn {
    /// The subject of the command's audit entry.
    pub(super) fn subject(&self) -> String {
        self.collection.clone().unwrap_or_else(|| format!("{} paths", self.paths.len()))
    }

    /// The collections that the command makes.
    pub(super) fn made(&self) -> Vec<String> {
        let own = |path: &PathBuf| match address(path) {
            Some(url) => host(url),
            None => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        let named = self.collection.iter().cloned();
        named.chain(self.paths.iter().map(own)).collect()
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        let of_a_site = self.every.is_some() || self.depth.is_some() || self.pages.is_some();
        let files = self.paths.iter().any(|path| address(path).is_none());
        if of_a_site && files {
            bail!(
                "--every, --depth and --pages are for addresses such as https://example.com/help"
            );
        }
        let files: Vec<&Path> = self
            .paths
            .iter()
            .map(PathBuf::as_path)
            .filter(|path| address(path).is_none())
            .collect();
        if !self.yes && !may_learn(&app, &files, self.collection.as_deref()).await? {
            println!("Nothing was learned.");
            return Ok(ExitCode::FAILURE);
        }
        let mut failed = false;
        for path in &self.paths {
            failed |= match address(path) {
                Some(url) => self.site(&app, url).await?,
                None => self.folder(&app, path).await?,
            };
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// Learns a folder or file; returns whether anything failed.
    async fn folder(&self, app: &App, path: &Path) -> anyhow::Result<bool> {
        let folders = SourceFolder::find(path, self.collection.as_deref())
            .with_context(|| unreadable(path))?;
        let mut failed = false;
        for (at, folder) in folders.into_iter().enumerate() {
            let name = folder.collection.clone();
            if folder.documents.is_empty() {
                let formats = FORMATS.join(", ");
                let place = shown(&path.display().to_string());
                println!("{}: no documents in {place} (formats: {formats})", shown(&name));
                continue;
            }
            let started = Instant::now();
            let summary = if app.desk.guards(&name).await?.is_empty() {
                Some(learn_or_leave_nothing(app, folder).await?)
            } else {
                self.guarded(app, (path, at), &name).await?
            };
            failed |= summary.is_none_or(|summary| report(&name, &summary, started));
        }
        Ok(failed)
    }

    /// Learns through the gates of the agents that use the collection; `None` when one refused.
    async fn guarded(
        &self,
        app: &App,
        (path, at): (&Path, usize),
        name: &str,
    ) -> anyhow::Result<Option<Summary>> {
        app.desk.library.sync_index().await?;
        app.desk.reload_answers().await?;
        let again = || {
            let found = SourceFolder::find(path, self.collection.as_deref())?.into_iter().nth(at);
            found.ok_or_else(|| std::io::Error::other("the folder changed meanwhile"))
        };
        let (_turn, publisher) =
            app.jobs.publisher(Actor::here(actor()), &Policy::command_line()).await;
        let taking = LearnOptions {
            force: self.force,
            dry_run: false,
            documents: &Bar::default(),
            cases: &RunBar::default(),
        };
        match publisher.learn(&again, taking).await? {
            LearnOutcome::Learned(summary, _) => Ok(Some(summary)),
            LearnOutcome::Tried(verdicts) | LearnOutcome::Refused(verdicts) => {
                for (agent, verdict) in verdicts.iter().filter(|it| !it.1.passed) {
                    refused(&format!("{name}, for {agent}"), verdict);
                }
                println!(
                    "The documents that were there go on; `--force` learns these all the same, which is written down."
                );
                Ok(None)
            }
        }
    }

    /// Adds a source and reads it; returns whether anything failed.
    async fn site(&self, app: &App, url: &str) -> anyhow::Result<bool> {
        let Self { every, depth, pages, .. } = *self;
        let wanted = SourceRequest { url: url.to_owned(), depth, pages, every_minutes: every };
        let name = self.collection.clone().unwrap_or_else(|| host(url));
        admit(app, (&name, Change::Source), self.force).await?;
        let library = &app.desk.library;
        let added = library.add_source(&name, &wanted, SourceReader::Caller).await;
        let source = added.map_err(with_permission)?;
        refresh(app, &name, &source).await
    }
}

/// Says which setting permits a private address, where one can.
fn with_permission(error: knowledge::Error) -> anyhow::Error {
    match error {
        knowledge::Error::PrivateAddress { may_be_permitted: true } => anyhow::anyhow!(
            "{error} `allow_private = true` under [knowledge.web] in frontdesk.toml permits them."
        ),
        error => error.into(),
    }
}

/// Learns a folder or file. A collection that this would make, and in which nothing can be learned,
/// is not left behind.
async fn learn_or_leave_nothing(app: &App, folder: SourceFolder) -> anyhow::Result<Summary> {
    let (store, name) = (&app.desk.store, folder.collection.clone());
    let find = async || -> crate::store::Result<Option<CollectionId>> {
        let row = store.collections().await?.into_iter().find(|row| row.slug == name);
        Ok(row.map(|row| CollectionId::stored(row.id)))
    };
    let existed = find().await?.is_some();
    let learned = app.desk.library.learn(folder, &Bar::default()).await;
    if !existed
        && learned.as_ref().map_or(true, |summary| summary.learned == 0)
        && let Some(id) = find().await?
        && app.desk.store.documents(&id, 0).await?.iter().all(|row| row.chunks == 0)
        && app.desk.store.answers(&id, None, 1).await?.is_empty()
    {
        app.desk.library.remove_collection(&id).await?;
    }
    Ok(learned?)
}

/// Admits a change that cannot be tried by a gate. In a collection guarded by a gate it needs
/// `force`.
pub(super) async fn admit(
    app: &App,
    (collection, change): (&str, Change),
    force: bool,
) -> anyhow::Result<()> {
    let request = ChangeRequest { collection, change, force, actor: Actor::here(actor()) };
    let admitted = app.desk.admit(request).await;
    if matches!(admitted, Err(Refusal::Guarded(_))) {
        eprintln!("With --force it is done all the same, and that is written down.");
    }
    Ok(admitted?)
}

/// Admits a manual edit. In a collection guarded by a gate, runs the gate on it unless `force` is
/// set.
pub(super) async fn admit_edit(
    app: &App,
    (collection, edit): (&str, &Edit),
    force: bool,
) -> anyhow::Result<()> {
    if force || app.desk.guarded(collection, Change::Answer).await?.is_none() {
        return admit(app, (collection, Change::Answer), force).await;
    }
    app.desk.library.sync_index().await?;
    app.desk.reload_answers().await?;
    let (_turn, publisher) =
        app.jobs.publisher(Actor::here(actor()), &Policy::command_line()).await;
    let verdicts = publisher.try_edit(collection, edit, &RunBar::default()).await?;
    let Some((agent, verdict)) = verdicts.iter().find(|it| !it.1.passed) else { return Ok(()) };
    refused(&format!("{collection}, for {agent}"), verdict);
    eprintln!(
        "Nothing was changed. With --force it is done all the same, and that is written down."
    );
    Err(Refusal::Guarded(format!("The gate of {agent} refused it.")).into())
}

/// Reads a source and reports on its pages; returns whether anything failed.
pub(super) async fn refresh(
    app: &App,
    collection: &str,
    source: &SourceRow,
) -> anyhow::Result<bool> {
    let started = Instant::now();
    let id = SourceId::stored(source.id.clone());
    let bar = Bar::default();
    let read = app.desk.library.refresh(&id, &bar).await;
    bar.clear();
    let failed = report(collection, &read?, started);
    match source.every_minutes {
        Some(minutes) => println!("  a desk that serves reads it every {}", in_words(minutes)),
        None => {
            println!("  it is read again when you ask; --every 24h has a desk that serves do it");
        }
    }
    Ok(failed)
}

/// Prints the summary of a folder or source; returns whether anything failed.
fn report(collection: &str, summary: &Summary, started: Instant) -> bool {
    print!("{}: ", shown(collection));
    tell(summary);
    println!("  took {:.1} s", started.elapsed().as_secs_f64());
    !summary.failed.is_empty()
}

/// Returns the path as an address if it has a URL scheme.
fn address(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    let scheme = text.split_once("://")?.0;
    let named = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphabetic());
    named.then_some(text)
}

/// Returns the host of an address, the default name of its collection.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default().to_lowercase();
    host.strip_prefix("www.").unwrap_or(&host).to_owned()
}

/// Parses `30m`, `24h`, `7d` or `never` as minutes; 0 means never.
fn minutes(text: &str) -> Result<u32, String> {
    if text == "never" {
        return Ok(0);
    }
    let wrong = || format!("`{text}` is no time: write 30m, 24h, 7d or never");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let many = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        _ => return Err(wrong()),
    };
    let number: u32 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    number.checked_mul(many).filter(|minutes| *minutes > 0).ok_or_else(wrong)
}

pub(super) fn in_words(minutes: i64) -> String {
    match minutes {
        _ if minutes % 1440 == 0 => format!("{} d", minutes / 1440),
        _ if minutes % 60 == 0 => format!("{} h", minutes / 60),
        _ => format!("{minutes} min"),
    }
}

/// Returns a text from outside as one line: it may hold anything, also what a terminal obeys.
pub(super) fn shown(text: &str) -> String {
    one_line(text, MAX_SHOWN_CHARS)
}

/// What is said of a file.
pub(super) fn about_file(path: &str, told: &str) -> String {
    format!("{}: {}", shown(path), shown(told))
}

pub(super) fn tell(summary: &Summary) {
    let Summary { learned, chunks, unchanged, removed, failed, warnings } = summary;
    println!(
        "{learned} documents learned ({chunks} chunks), {unchanged} unchanged, {removed} removed, {} failed",
        failed.len()
    );
    for (path, warning) in warnings {
        println!("  note    {}", about_file(path, warning));
    }
    for (path, why) in failed {
        println!("  failed  {}", about_file(path, why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [("30m", 30), ("24h", 1440), ("7d", 10_080), ("never", 0)] {
            assert_eq!(minutes(text), Ok(expected));
        }
        for wrong in ["", "h", "0h", "-1h", "1w", "99999999d", "24", "ä"] {
            assert!(minutes(wrong).unwrap_err().contains("24h"), "{wrong}");
        }
        assert_eq!(
            (in_words(1440), in_words(90), in_words(120)),
            ("1 d".into(), "90 min".into(), "2 h".into())
        );
    }

    #[test]
    fn a_files_name_does_not_move_the_cursor() {
        let told = about_file("\u{1b}[2J\u{1b}]0;x\u{7}a\rb.md", "cannot\r\nread\u{1b}[1A it");
        assert!(!told.contains(char::is_control), "{told:?}");
        assert!(told.contains("b.md: cannot read"), "{told:?}");
    }

    #[test]
    fn an_address_is_told_from_a_path() {
        for (text, is) in
            [("https://a.com", true), ("ftp://a.com", true), ("docs", false), ("./a://b", false)]
        {
            assert_eq!(address(Path::new(text)).is_some(), is, "{text}");
        }
        assert_eq!(host("https://www.Acme.com:8443/help"), "acme.com");
    }
}
