//! `frontdesk reindex`: embeds what the configured model has not embedded yet, while a desk goes on answering with another.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::anyhow;
use clap::Args;
use frontdesk_words::UnknownWord;

use super::bar::Bar;
use super::reindex_to::ReindexTo;
use crate::app::App;
use crate::config::Config;
use crate::index::IndexKind;

/// Embed what the configured model has not embedded yet, or fill another index
///
/// Run it after [embed] in the configuration names another model, before the desk is started with it: a running desk goes on
/// with the old model's embeddings, and both stand beside each other. It can be broken off at any time and goes on where it
/// stopped. A desk that is started without it does the same in the background, and compares words meanwhile.
///
/// With --to it fills another index from the database, such as a Qdrant, and prints the lines that choose it.
#[derive(Debug, Args)]
pub(super) struct Reindex {
    /// Afterwards forget the embeddings of all other models; a desk that still runs with one of them compares words
    /// when it is started again
    #[arg(long)]
    prune: bool,
    /// Fill this index from the database: qdrant, memory
    #[arg(long, value_name = "INDEX", conflicts_with = "prune")]
    to: Option<String>,
    /// With --to: Qdrant's gRPC address, such as `http://localhost:6334` [default: as configured]
    #[arg(long, env = "QDRANT_URL")]
    url: Option<String>,
    /// With --to: Qdrant's key [default: as configured]
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
        let app = App::assemble(config).await?;
        let desk = &app.desk;
        let started = Instant::now();
        let filled = desk.library.fill_in(&Bar::default()).await?;
        match desk.engine.live().embed.identity() {
            None => println!(
                "No embedding model is configured, so there is nothing to embed: see [embed] in `frontdesk config`."
            ),
            Some(model) => println!(
                "{} chunks, {} of them embedded now with {model}, in {:.1} s",
                filled.chunks,
                filled.missing,
                started.elapsed().as_secs_f64()
            ),
        }
        if prune {
            let gone = desk.store.forget_vectors(desk.engine.live().embed.identity()).await?;
            println!("{gone} embeddings forgotten");
        }
        for row in desk.store.vector_models().await? {
            println!("  {:>8}  {}", row.vectors, row.model);
        }
        Ok(ExitCode::SUCCESS)
    }
}
