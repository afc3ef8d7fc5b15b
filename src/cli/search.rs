//! `frontdesk search`: shows the passages that retrieval finds for a question, with their scores.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::explain::legs;
use crate::app::App;
use crate::domain::CollectionId;
use crate::pipeline::retrieve;

/// Show the passages that retrieval finds for a question, with their scores
#[derive(Debug, Args)]
pub(super) struct Search {
    /// The question
    question: String,
    /// Only this collection [default: all]
    #[arg(long)]
    collection: Option<String>,
    /// Maximum number of passages
    #[arg(long, default_value_t = 5)]
    limit: usize,
}

impl Search {
    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        app.desk.library.sync_index().await?;
        let all = app.desk.store.collections().await?;
        let wanted = |slug: &str| self.collection.as_deref().is_none_or(|name| name == slug);
        let collections: Vec<_> = all
            .iter()
            .filter(|row| wanted(&row.slug))
            .map(|row| CollectionId::stored(row.id.clone()))
            .collect();
        if collections.is_empty() {
            let known: Vec<_> = all.iter().map(|row| row.slug.as_str()).collect();
            bail!(
                "there is no such collection; there are: {}. `frontdesk learn DIR` makes one.",
                known.join(", ")
            );
        }
        let search = retrieve::Search {
            text: &self.question,
            language: None,
            collections: &collections,
            limit: self.limit,
        };
        let live = app.desk.engine.live();
        let (found, seen) = retrieve::find(live.retrieval(), &search).await;
        let how = seen.embedder.as_deref().unwrap_or("words only");
        println!("confidence {:.2}, {how}, {:.1} ms", found.confidence, seen.took_ms);
        if let Some(error) = &seen.error {
            println!("note: {error}");
        }
        for (index, passage) in found.passages.iter().enumerate() {
            let (chunk, scores) = (&passage.chunk, &passage.scores);
            println!(
                "\n{}. {:.3}  {}  {}\n   {}",
                index + 1,
                scores.fused,
                chunk.source,
                chunk.stands(),
                legs(scores)
            );
            for line in chunk.body.lines() {
                println!("   │ {line}");
            }
        }
        if found.passages.is_empty() {
            println!("Nothing was found.");
        }
        Ok(ExitCode::SUCCESS)
    }
}
