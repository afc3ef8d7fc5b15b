//! `frontdesk eval retrieval`: scores retrieval on questions with known documents.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;
use frontdesk_promptfoo::row::Table;

use super::super::bar::Bar;
use super::reliability::show;
use crate::app::App;
use crate::domain::CollectionId;
use crate::eval::{Dataset, Ranking, Retrieval, RetrievalResults, Score};
use crate::index::Tuning;

/// Score retrieval: nDCG@10, Recall@5, MRR@10 and latency of each leg and of the fused result
///
/// A dataset is a folder in BEIR format (corpus.jsonl, queries.jsonl, qrels/test.tsv), or a CSV
/// file of your own questions with the columns `question` and `document`: the document's path in
/// its collection, several separated by `;`, empty for a question that your documents do not
/// answer.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RetrievalArgs {
    /// Folders in BEIR format, or CSV files of your own questions
    #[arg(required = true)]
    datasets: Vec<PathBuf>,
    /// The collection that your own questions are about [default: the only one]
    #[arg(long)]
    collection: Option<String>,
    /// Try other weights of the legs and show the best for these questions
    #[arg(long)]
    weights: bool,
    /// Suggest a minimum confidence for answers, and show whether the confidence is right
    #[arg(long)]
    calibrate: bool,
    /// Questions that the documents do not answer, one per line, or .jsonl with `text`; for
    /// --calibrate
    #[arg(long, value_name = "FILE")]
    off_topic: Vec<PathBuf>,
    /// With --calibrate: the share of answerable questions to keep answering
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    keep: f64,
    /// Write each leg's results for each question to this file, one line of JSON per question
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  frontdesk eval retrieval data/scifact
  frontdesk eval retrieval questions.csv --collection acme --weights
  frontdesk eval retrieval questions.csv --collection acme --calibrate --off-topic chatter.txt";

impl RetrievalArgs {
    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        let wanted = self;
        let mut details = match &wanted.details {
            Some(file) => Some(std::io::BufWriter::new(std::fs::File::create(file)?)),
            None => None,
        };
        for place in &wanted.datasets {
            let retrieval = wanted.open(&app, place).await?;
            let measured = retrieval.measure(&Bar::default()).await;
            println!("{}: {} questions", name(place), measured.questions());
            table(&measured);
            if wanted.weights {
                weights(&measured);
            }
            if wanted.calibrate {
                calibrate(&measured, wanted.keep);
            }
            if let Some(file) = &mut details {
                for line in measured.details() {
                    writeln!(file, "{line}")?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn open(&self, app: &App, place: &Path) -> anyhow::Result<Retrieval> {
        let (engine, library) = (&app.desk.engine, &app.desk.library);
        let is_folder = place.is_dir();
        let read = if is_folder { Dataset::beir(place) } else { Dataset::from_csv(place) };
        let mut dataset = read.map_err(anyhow::Error::msg)?;
        for file in &self.off_topic {
            dataset.add_unanswerable(file).map_err(anyhow::Error::msg)?;
        }
        if is_folder {
            return Ok(Retrieval::over_texts(engine, library, dataset, &Bar::default()).await?);
        }
        library.sync_index().await?;
        Ok(Retrieval::over_collection(engine, self.collection(app).await?, dataset))
    }

    async fn collection(&self, app: &App) -> anyhow::Result<CollectionId> {
        let all = app.desk.store.collections().await?;
        let known: Vec<_> = all.iter().map(|row| row.slug.as_str()).collect();
        let known = known.join(", ");
        let row = match (&self.collection, all.as_slice()) {
            (None, [only]) => only,
            (None, []) => bail!("nothing was learned yet: `frontdesk learn DIR` first"),
            (None, _) => bail!("say which collection with --collection; there are: {known}"),
            (Some(name), _) => all
                .iter()
                .find(|row| row.slug == *name)
                .ok_or_else(|| anyhow!("there is no collection `{name}`; there are: {known}"))?,
        };
        Ok(CollectionId::stored(row.id.clone()))
    }
}

/// Scores a BEIR dataset as a table of a report.
pub(super) async fn report(app: &App, place: &Path) -> anyhow::Result<Table> {
    let dataset = Dataset::beir(place).map_err(anyhow::Error::msg)?;
    let (engine, library) = (&app.desk.engine, &app.desk.library);
    let retrieval = Retrieval::over_texts(engine, library, dataset, &Bar::default()).await?;
    let measured = retrieval.measure(&Bar::default()).await;
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let shown =
        Ranking::ALL.into_iter().filter(|one| *one != Ranking::Dense || measured.embedded());
    let rows = shown.map(|ranking| {
        let score = measured.score(ranking, Tuning::default());
        vec![
            ranking.name().to_owned(),
            percent(score.ndcg),
            percent(score.recall),
            percent(score.mrr),
        ]
    });
    Ok(Table {
        title: format!(
            "Retrieval: {}, {} questions, p99 {:.1} ms",
            name(place),
            measured.questions(),
            measured.took_ms(0.99)
        ),
        columns: ["", "nDCG@10", "Recall@5", "MRR@10"].map(ToOwned::to_owned).to_vec(),
        rows: rows.collect(),
    })
}

fn name(place: &Path) -> String {
    let name = place.file_name().unwrap_or(place.as_os_str());
    name.to_string_lossy().into_owned()
}

fn table(measured: &RetrievalResults<'_>) {
    println!("  {:16} {:>8} {:>9} {:>7}", "", "nDCG@10", "Recall@5", "MRR@10");
    for ranking in Ranking::ALL {
        if ranking == Ranking::Dense && !measured.embedded() {
            continue;
        }
        println!("  {}", line(ranking.name(), &measured.score(ranking, Tuning::default())));
    }
    let (half, most) = (measured.took_ms(0.5), measured.took_ms(0.99));
    println!("  question to passages: p50 {half:.1} ms, p99 {most:.1} ms");
}

fn line(name: &str, score: &Score) -> String {
    let percent = |share: f64| share * 100.0;
    let (ndcg, recall, mrr) = (percent(score.ndcg), percent(score.recall), percent(score.mrr));
    format!("{name:16} {ndcg:8.1} {recall:9.1} {mrr:7.1}")
}

/// Grid search over the leg weights, in steps of 0.1.
fn weights(measured: &RetrievalResults<'_>) {
    let steps = |most: u8| (0..=most).map(|tenth| f32::from(tenth) / 10.0);
    let mut tried: Vec<(Score, f32, f32)> = Vec::new();
    for dense in steps(if measured.embedded() { 10 } else { 0 }) {
        for ngram in steps(6) {
            let tuning = Tuning { dense: Some(dense), ngram: Some(ngram) };
            tried.push((measured.score(Ranking::Fused, tuning), dense, ngram));
        }
    }
    tried.sort_by(|a, b| b.0.ndcg.total_cmp(&a.0.ndcg));
    println!("  best weights of {}:", tried.len());
    for (score, dense, ngram) in tried.iter().take(5) {
        println!("  {}", line(&format!("{dense:.1} / {ngram:.1}"), score));
    }
    if let Some((_, dense, ngram)) = tried.first() {
        println!(
            "  for collection.toml in the collection's folder:\n    [search]\n    dense = {dense:.1}\n    ngram = {ngram:.1}"
        );
    }
}

fn calibrate(measured: &RetrievalResults<'_>, keep: f64) {
    let curve = measured.curve();
    let Some(auroc) = curve.auroc() else {
        println!(
            "  no question that nothing answers: add some (--off-topic FILE, or rows without a document)"
        );
        return;
    };
    println!(
        "  confidence tells answered from unanswered questions in {:.1} of 100 pairs",
        auroc * 100.0
    );
    println!("  {:>9} {:>9} {:>8}", "threshold", "answered", "refused");
    for share in [0.99, 0.98, 0.95, 0.9, 0.8] {
        let point = curve.threshold_keeping(share);
        let (answered, refused) = (point.answered * 100.0, point.refused * 100.0);
        println!("  {:9.3} {answered:8.1}% {refused:7.1}%", point.threshold);
    }
    let point = curve.threshold_keeping(keep);
    println!("  for the prompt file's header:\n    min_confidence: {:.2}", point.threshold);
    println!(
        "  how often the first five passages hold the answer, by confidence (questions with and without an answer count half each):"
    );
    show(&measured.reliability());
}
