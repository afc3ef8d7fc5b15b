//! Lists the suites of the folder with their descriptions, cached until a file changes, and saves
//! replies as cases in suites that the desk writes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use frontdesk_promptfoo::suite::Suite;
use serde_json::Value;

use super::{AcceptedBaseline, Error, Jobs, inside};
use crate::eval::bot_checks;
use crate::eval::cases::{self, CaseRef, EditError, SavedReply, yaml};

/// Maximum size of a suite, in bytes. Larger files are listed by name only and get no more saved
/// cases, because saving a case reads the whole file.
pub(super) const MAX_SIZE: u64 = 4 << 20;
/// Maximum number of suites that the desk writes.
const MAX_SAVED: usize = 200;
/// Name prefix of suites that the desk writes.
const SAVED: &str = "saved-";

/// A suite in the list of suites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuiteListing {
    /// The suite's name: its path within the folder of suites.
    pub name: String,
    /// The suite's description, or its name without one.
    pub title: String,
    /// Number of cases; `None` when the file alone does not say.
    pub cases: Option<i64>,
    /// The agent that it tests; `None` unless there is exactly one.
    pub agent: Option<String>,
    /// Its file of accepted scores.
    pub baseline: Option<AcceptedBaseline>,
}

impl SuiteListing {
    /// Returns whether the desk writes this suite.
    pub fn is_saved(&self) -> bool {
        is_saved(&self.name)
    }
}

/// Listings by file, each with the modification time and size it was read at.
pub(super) type ListingCache = Mutex<HashMap<PathBuf, (Option<SystemTime>, u64, SuiteListing)>>;

/// The result of saving a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCase {
    /// The name of the suite.
    pub suite: String,
    /// The description of the case.
    pub case: String,
    /// Whether the case is new.
    pub added: bool,
}

impl Jobs {
    /// Lists all suites with their descriptions, sorted by name.
    pub fn listed(&self) -> Vec<SuiteListing> {
        let listing = |name: String| SuiteListing {
            baseline: self.accepted(&name),
            ..self.cached_listing(name)
        };
        self.suites().into_iter().map(listing).collect()
    }

    fn cached_listing(&self, name: String) -> SuiteListing {
        let file = self.suites.join(&name);
        let Ok(known) = std::fs::metadata(&file) else {
            return SuiteListing { title: name.clone(), name, ..SuiteListing::default() };
        };
        let (changed, size) = (known.modified().ok(), known.len());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, of, listed)) = seen.get(&file)
            && (*at, *of) == (changed, size)
        {
            return listed.clone();
        }
        let listed = described(name, &file, size);
        seen.insert(file, (changed, size, listed.clone()));
        listed
    }

    /// Saves a reply as a case of a suite that the desk writes, in place of another case if one is
    /// given, and creates the suite if needed. Writes are serialised and atomic.
    pub async fn save_case(
        &self,
        (agent, suite): (&str, Option<&str>),
        saving: &SavedReply,
        replaces: Option<CaseRef>,
    ) -> Result<SavedCase, Error> {
        let name = suite.map_or_else(|| format!("{SAVED}{agent}.yaml"), ToOwned::to_owned);
        if !is_saved(&name) {
            return Err(Error::Wrong(format!(
                "cases are saved into suites that the desk writes itself, such as {SAVED}{agent}.yaml, and not into `{name}`"
            )));
        }
        let mut case = cases::case_from_reply(saving).map_err(Error::Wrong)?;
        let _one_at_a_time = self.saving.lock().await;
        let file = self.suites.join(&name);
        if replaces.is_some() {
            self.require_ungated(&file).await?;
        }
        let text = self.own_text(&file).map_err(Error::Wrong)?;
        if text.is_empty()
            && self.suites().iter().filter(|name| is_saved(name)).count() >= MAX_SAVED
        {
            return Err(Error::Wrong(format!(
                "there are {MAX_SAVED} suites of saved replies already: name one of them as `suite`, or remove some of {}",
                self.suites.display()
            )));
        }
        let head = format!(
            "# Replies saved in the console. Cases can be changed and removed here; new ones are written at the end.\n\
             description: Saved replies of {agent}\nprompts: [\"{{{{message}}}}\"]\nproviders: [\"frontdesk:{agent}\"]\n"
        );
        let called = case.description.clone();
        // Parses the whole suite, which would block the async threads.
        let made = tokio::task::spawn_blocking(move || {
            let Some(old) = &replaces else { return Ok(cases::with_case(&text, &head, &case)?) };
            let (text, metadata) = cases::without_case(&text, old)?;
            case.metadata = metadata;
            let (text, put) = cases::with_case(&text, &head, &case)?;
            if put.added == 1 { Ok((text, put)) } else { Err(EditError::Known) }
        });
        let made = made.await.unwrap_or_else(|error| Err(EditError::Wrong(error.to_string())));
        let (text, put) = made?;
        let added = put.added == 1;
        if added && text.len() as u64 > MAX_SIZE {
            return Err(Error::Wrong(full(&file)));
        }
        if added {
            self.replace(&file, &text).await?;
        }
        Ok(SavedCase { suite: name, case: called, added })
    }

    /// Reads a suite that the desk writes; empty if it does not exist. Does not follow links.
    pub(super) fn own_text(&self, file: &Path) -> Result<String, String> {
        match std::fs::symlink_metadata(file) {
            Err(_) => Ok(String::new()),
            Ok(known) if !known.is_file() => Err(format!("{} is no file", file.display())),
            Ok(known) if known.len() > MAX_SIZE => Err(full(file)),
            Ok(_) => self
                .policy
                .text(file)
                .map_err(|error| format!("{} cannot be read: {error}", file.display())),
        }
    }

    /// Replaces a suite with this text, if the text loads as a suite.
    pub(super) async fn replace(&self, file: &Path, text: &str) -> Result<(), Error> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A hidden name, so that it is not listed as a suite.
        let beside = self.suites.join(format!(".{name}"));
        let written = std::fs::create_dir_all(&self.suites)
            .and_then(|()| std::fs::write(&beside, text))
            .map_err(|error| {
                Error::Wrong(format!("{} cannot be written: {error}", beside.display()))
            });
        let overrides = bot_checks::overrides(self.policy.clone());
        let loaded = match written {
            Ok(()) => Suite::load(&beside, &overrides)
                .await
                .map_err(|wrong| Error::Wrong(format!("the case cannot be used: {wrong}"))),
            Err(error) => Err(error),
        };
        let moved = loaded.and_then(|_| {
            std::fs::rename(&beside, file).map_err(|error| {
                Error::Wrong(format!("{} cannot be written: {error}", file.display()))
            })
        });
        if moved.is_err() {
            drop(std::fs::remove_file(&beside));
        }
        moved
    }
}

fn full(file: &Path) -> String {
    let most = MAX_SIZE >> 20;
    format!("{} is full ({most} MB): name another `suite`, such as saved-more.yaml", file.display())
}

/// `saved-NAME.yaml`, without a folder.
pub(super) fn is_saved(name: &str) -> bool {
    let inner = name.strip_prefix(SAVED).and_then(|rest| rest.strip_suffix(".yaml"));
    let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    inner.is_some_and(|inner| !inner.is_empty() && inner.len() <= 100 && inner.chars().all(plain))
}

fn described(name: String, file: &Path, size: u64) -> SuiteListing {
    let nothing =
        SuiteListing { title: name.clone(), name: name.clone(), ..SuiteListing::default() };
    if size > MAX_SIZE {
        return nothing;
    }
    let plain = std::fs::metadata(file).is_ok_and(|known| known.is_file());
    let text = plain.then(|| std::fs::read_to_string(file).ok()).flatten();
    let Some(suite) = text.and_then(|text| yaml::read(&text).ok()) else {
        return nothing;
    };
    let title = suite["description"].as_str().map(str::trim).filter(|title| !title.is_empty());
    SuiteListing {
        title: title.map_or_else(|| name.clone(), |title| title.chars().take(200).collect()),
        cases: counted(&suite["tests"], file.parent().unwrap_or(Path::new("."))),
        agent: agent_of(&suite),
        name,
        ..nothing
    }
}

/// Returns the agent that a suite tests, if that is its only target.
fn agent_of(suite: &Value) -> Option<String> {
    let targets = [&suite["providers"], &suite["targets"]];
    let targets = targets.into_iter().find(|it| !it.is_null())?;
    let only = match targets {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let [only] = only else { return None };
    let id = only.as_str().or_else(|| only["id"].as_str())?;
    let agent = id.strip_prefix("frontdesk:")?.split('@').next()?;
    Some(agent.to_owned()).filter(|agent| !agent.is_empty())
}

/// Counts the cases of a `tests` list; `None` if some come from anything but inline cases and
/// `.jsonl` files beside it.
fn counted(tests: &Value, folder: &Path) -> Option<i64> {
    let all = tests.as_array()?;
    all.iter().map(|one| counted_one(one, folder)).sum()
}

fn counted_one(case: &Value, folder: &Path) -> Option<i64> {
    if let Some(reference) = case.as_str() {
        let name = reference.strip_prefix("file://")?;
        let beside = inside(folder, name)
            .filter(|_| Path::new(name).extension().is_some_and(|ending| ending == "jsonl"))?;
        let small = std::fs::metadata(&beside).is_ok_and(|known| known.len() <= MAX_SIZE);
        let text = std::fs::read_to_string(beside).ok().filter(|_| small)?;
        return i64::try_from(text.lines().filter(|line| !line.trim().is_empty()).count()).ok();
    }
    let many = |value: &Value| value.as_array().map_or(1, |values| values.len().max(1));
    let vars = case.as_object()?.get("vars").and_then(Value::as_object);
    let times: usize = vars.into_iter().flat_map(|vars| vars.values()).map(many).product();
    i64::try_from(times).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_suite_says_of_itself_is_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("more.jsonl"), "{}\n\n{}\n").unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, "description: What is asked\nproviders: [frontdesk:acme@3]\ntests:\n- file://more.jsonl\n- vars: {message: [a, b, c]}\n- turns: []\n").unwrap();
        let listed = described("a.yaml".into(), &file, MAX_SIZE);
        assert_eq!((listed.title.as_str(), listed.cases), ("What is asked", Some(6)));
        let larger = described("a.yaml".into(), &file, MAX_SIZE + 1);
        assert_eq!((larger.title.as_str(), larger.cases), ("a.yaml", None));
        assert_eq!(listed.agent.as_deref(), Some("acme"));
        std::fs::write(&file, "tests: file://made.py\nproviders: [a, b]").unwrap();
        let listed = described("a.yaml".into(), &file, 10);
        assert_eq!((listed.title.as_str(), listed.cases, listed.agent), ("a.yaml", None, None));
    }

    #[test]
    fn only_files_of_the_desk_are_written() {
        for name in [
            "demo.yaml",
            "../saved-a.yaml",
            "saved-a/b.yaml",
            "saved-.yaml",
            "saved-a.yml",
            "saved-..yaml",
        ] {
            assert!(!is_saved(name), "{name}");
        }
        assert!(is_saved("saved-acme.yaml"));
    }
}
