//! Part of `frontdesk doctor`: what the agents answer from, and the suites of their gates.

use std::collections::HashSet;

use super::super::learn::shown;
use super::Report;
use crate::app::App;
use crate::domain::{CollectionId, DocumentState};
use crate::eval::gate::suite_of;
use crate::prompts::{self, PromptFile};
use crate::store::Error;
use crate::store::documents::{CountRow, FailedRow};
use crate::store::knowledge::CollectionRow;

/// Maximum failed documents of a collection that are named.
const MAX_NAMED: i64 = 5;

/// The collections, with what the database holds of them.
struct Collections {
    rows: Vec<CollectionRow>,
    counts: Vec<CountRow>,
    failed: Vec<FailedRow>,
}

/// Checks documents, agents and gates. `folders` are the collections that have a folder.
pub(super) async fn check(app: &App, folders: &HashSet<String>, report: &mut Report) {
    let read = match Collections::read(app).await {
        Ok(read) => read,
        Err(error) => {
            return report.bad("documents", &error.to_string(), "see the database above");
        }
    };
    for collection in &read.rows {
        if let Some(told) = read.failures(collection) {
            let mend = "correct these files and learn them again, or remove them";
            report.bad("documents", &told, mend);
        }
    }
    for row in app.desk.store.agents().await.unwrap_or_default() {
        // An invalid version is reported with the agents.
        let Ok(file) = prompts::parse(&format!("{}.md", row.slug), &row.source) else { continue };
        check_knowledge(app, (&row.slug, &file), (&read, folders), report).await;
        let missing = file.gate.map(|gate| suite_of(&gate, app.jobs.suites_folder()));
        if let Some(Err(why)) = missing {
            report.bad(
                "gates",
                &format!("{}: {why}", row.slug),
                "correct gate.suite in its prompt file, or put the suite there: until then no new version passes",
            );
        }
    }
}

async fn check_knowledge(
    app: &App,
    (agent, file): (&str, &PromptFile),
    (read, folders): (&Collections, &HashSet<String>),
    report: &mut Report,
) {
    if file.knowledge.is_empty() {
        let told = format!("{agent} names no collection: it has no documents to answer from");
        let mend = "knowledge: [NAME] in its prompt file names folders of knowledge/";
        return if file.has_empty_knowledge() {
            report.bad("agents", &told, mend);
        } else {
            report.note("agents", &format!("{told}; {mend}"));
        };
    }
    for name in &file.knowledge {
        if folders.contains(name) || read.holds(app, name).await {
            continue;
        }
        report.bad(
            "agents",
            &format!("{agent} answers from {name}, which is empty and has no folder"),
            &format!(
                "correct `knowledge` in its prompt file, or `frontdesk learn DIR --collection {name}`"
            ),
        );
    }
}

impl Collections {
    async fn read(app: &App) -> Result<Self, Error> {
        let store = &app.desk.store;
        Ok(Self {
            rows: store.collections().await?,
            counts: store.count_documents().await?,
            failed: store.failed_documents(MAX_NAMED).await?,
        })
    }

    /// Says which documents of a collection could not be learned, and why.
    fn failures(&self, collection: &CollectionRow) -> Option<String> {
        let own = self.failed.iter().filter(|row| row.collection_id == collection.id);
        let named = own.map(|row| format!("{} ({})", shown(&row.path), shown(&row.error)));
        let named: Vec<_> = named.collect();
        let failed = |row: &&CountRow| {
            row.collection_id == collection.id
                && row.state == DocumentState::Failed
                && row.upload.is_none()
        };
        let all: i64 = self.counts.iter().filter(failed).map(|row| row.documents).sum();
        let more = usize::try_from(all).unwrap_or(0).saturating_sub(named.len());
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        let told =
            format!("of {} could not be learned: {}{more}", collection.slug, named.join(", "));
        (!named.is_empty()).then_some(told)
    }

    /// Whether a collection has documents or curated answers.
    async fn holds(&self, app: &App, name: &str) -> bool {
        let Some(row) = self.rows.iter().find(|row| row.slug == name) else { return false };
        let own = |count: &&CountRow| count.collection_id == row.id && count.documents > 0;
        if self.counts.iter().any(|count| own(&count)) {
            return true;
        }
        let id = CollectionId::stored(row.id.clone());
        app.desk.store.answers(&id, None, 1).await.is_ok_and(|answers| !answers.is_empty())
    }
}
