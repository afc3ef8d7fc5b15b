//! Reports of a run: pure writers over a summary and a run log, row by row, so that memory use does
//! not grow with the size of the rows. The file extension selects the format.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::row::Summary;
use super::run_log::RunLog;
use read::Run;

mod read;
pub(crate) mod text;
mod diff;
mod fault;
mod terminal;
mod document;
pub(crate) mod tree;
mod junit;
mod sheet;
pub(crate) mod markdown;
pub(crate) mod html;

pub use terminal::Look;

/// The supported file extensions.
pub const ENDINGS: &[&str] =
    &[".json", ".jsonl", ".csv", ".html", ".xml", ".junit.xml", ".txt", ".yaml", ".md"];

/// The sentence about a run that did not reach its end.
fn incomplete(summary: &Summary) -> String {
    let why = summary.stopped.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
    format!("The run was stopped before its end{why}: what is not here was not tried.")
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file extension is not supported.
    #[error("{}: no report has this ending; the name must end in one of {}", .0.display(), ENDINGS.join(" "))]
    Ending(PathBuf),
    /// The run log could not be read.
    #[error("{}: the run log cannot be read: {source}", path.display())]
    RunLog {
        /// The run log's path.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The report could not be written.
    #[error("{}: the report cannot be written: {source}", path.display())]
    Write {
        /// The report's path.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Jsonl,
    Csv,
    Html,
    Xml,
    Junit,
    Text,
    Yaml,
    Markdown,
}

/// Checks that the file extension is supported. Call it before a run.
pub fn check(path: &Path) -> Result<(), Error> {
    format(path).map(|_| ())
}

/// Writes a report to a file.
pub fn write(path: &Path, summary: &Summary, run_log: &RunLog) -> Result<(), Error> {
    write_all(&[path.to_owned()], summary, run_log)
}

/// Writes several reports; none of them when one of the extensions is not supported.
pub fn write_all(paths: &[PathBuf], summary: &Summary, run_log: &RunLog) -> Result<(), Error> {
    let formats = paths.iter().map(|path| format(path)).collect::<Result<Vec<_>, _>>()?;
    let run = read(summary, run_log)?;
    for (path, format) in paths.iter().zip(formats) {
        let failed = |source| Error::Write { path: path.clone(), source };
        file(path, format, &run).map_err(failed)?;
    }
    Ok(())
}

/// Writes the report for a terminal.
pub fn terminal(
    summary: &Summary,
    run_log: &RunLog,
    look: Look,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let run = read(summary, run_log)?;
    let failed = |source| Error::Write { path: "the terminal".into(), source };
    terminal::write(&run, look, out).map_err(failed)
}

fn read<'a>(summary: &'a Summary, run_log: &'a RunLog) -> Result<Run<'a>, Error> {
    let failed = |source| Error::RunLog { path: run_log.path().to_owned(), source };
    Run::read(summary, run_log).map_err(failed)
}

fn format(path: &Path) -> Result<Format, Error> {
    let name = path.to_string_lossy().to_lowercase();
    let known = [
        (".junit.xml", Format::Junit),
        (".json", Format::Json),
        (".jsonl", Format::Jsonl),
        (".csv", Format::Csv),
        (".html", Format::Html),
        (".xml", Format::Xml),
        (".txt", Format::Text),
        (".yaml", Format::Yaml),
        (".yml", Format::Yaml),
        (".md", Format::Markdown),
    ];
    let found = known.into_iter().find(|(ending, _)| name.ends_with(ending));
    found.map(|(_, format)| format).ok_or_else(|| Error::Ending(path.to_owned()))
}

/// Writes to a temporary file and renames it, so that nobody reads a partial report.
fn file(path: &Path, format: Format, run: &Run) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    // A special file such as `/dev/stdout` is written to and not replaced.
    if path.exists() && !path.is_file() {
        let mut out = BufWriter::new(File::options().write(true).open(path)?);
        one(format, run, &mut out)?;
        return out.flush();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut out = BufWriter::new(File::create(&part)?);
    let written = one(format, run, &mut out).and_then(|()| out.flush());
    match written.and_then(|()| fs::rename(&part, path)) {
        Ok(()) => Ok(()),
        Err(error) => {
            let _ = fs::remove_file(&part);
            Err(error)
        }
    }
}

fn one(format: Format, run: &Run, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Json => {
            let mut tree = document::Json::begin(out)?;
            document::write(run, &mut tree)?;
            tree.end()
        }
        Format::Jsonl => jsonl(run, out),
        Format::Csv => sheet::write(run, out),
        Format::Html => html::write(run, out),
        Format::Xml => {
            let mut tree = tree::Xml::begin(out)?;
            document::write(run, &mut tree)?;
            tree.end()
        }
        Format::Junit => junit::write(run, out),
        Format::Text => terminal::write(run, Look { most: usize::MAX, ..Look::default() }, out),
        Format::Yaml => document::write(run, &mut tree::Yaml::begin(out)),
        Format::Markdown => markdown::write(run, out),
    }
}

/// Writes one row a line in promptfoo's format.
fn jsonl(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let ids = document::prompt_ids(run);
    for row in run.rows(|_| true)? {
        writeln!(out, "{}", document::result(&row?, &ids)?)?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
