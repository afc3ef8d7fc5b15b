//! `frontdesk reindex`: embeds chunks with a newly configured model while a running desk still uses
//! another.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::anyhow;
use clap::Args;
use frontdesk_words::UnknownWord;

use super::bar::Bar;
use super::command_app;
use super::reindex_to::ReindexTo;
use crate::config::Config;
use crate::index::IndexKind;

/// Embed chunks that the chosen or configured model has not embedded yet, or fill another index
///
/// Run it after you change the model under [embed], before you restart the desk: a running desk
/// keeps using the old model's embeddings, and both are stored side by side. You can interrupt it
/// at any time; it resumes where it stopped. A desk started without it does the same in the
/// background, and searches by words only meanwhile.
///
/// With --to it fills another index from the database, such as Qdrant, and prints the configuration
/// lines for it.
#[derive(Debug, Args)]
pub(super) struct Reindex {
    /// Afterwards delete the embeddings of all other models; a desk that still uses one of them
    /// searches by words only after a restart
    #[arg(long)]
    prune: bool,
    /// Fill this index from the database: qdrant, memory
    #[arg(long, value_name = "INDEX", conflicts_with = "prune")]
    to: Option<String>,
    /// With --to: Qdrant's gRPC address, such as `http://localhost:6334` [default: as configured]
    #[arg(long, env = "QDRANT_URL")]
    url: Option<String>,
    /// With --to: Qdrant's API key [default: as configured]
    #[arg(long, env = "QDRANT_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
}

impl Reindex {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let Self { prune, to, url, api_key } = self;
        if let Some(to) = to {
            let kind = to.parse::<IndexKind>().map_err(|UnknownWord { word, set }| {
                anyhow!("there is no index `{word}`; there are: {}", set.join(", "))
            })?;
            return ReindexTo { kind, url, api_key }.run(config).await;
        }
        let app = command_app(config).await?;
        let desk = &app.desk;
        let started = Instant::now();
        let filled = desk.library.backfill_embeddings(&Bar::default()).await?;
        let embed = desk.engine.live().embed.clone();
        match embed.identity() {
            None => println!(
                "No embedding model is in use, so there is nothing to embed: `frontdesk models set embeddings` or [embed] names one."
            ),
            Some(model) => println!(
                "{} chunks, {} of them embedded now with {model}, in {:.1} s",
                filled.chunks,
                filled.missing,
                started.elapsed().as_secs_f64()
            ),
        }
        if prune {
            let gone = desk.store.forget_vectors(embed.identity()).await?;
            println!("{gone} embeddings forgotten");
        }
        for row in desk.store.vector_models().await? {
            println!("  {:>8}  {}", row.vectors, row.model);
        }
        Ok(ExitCode::SUCCESS)
    }
}
