//! How well confidence separates answerable from unanswerable questions, and how well retrieval
//! ranks, on the shared data. Prints a table, or `skipped` without the shared data.
//!
//! `cargo bench --bench off_topic`. It uses the embedder in `FRONTDESK_BENCH_EMBED`, an `[embed]`
//! section as JSON, such as `{"kind":"local","path":"../shared/models/all-MiniLM-L6-v2"}`.
//!
//! | desk | documents | questions | unanswerable questions |
//! | --- | --- | --- | --- |
//! | stackfaq | its threads | its questions | every fourth question of banking77 |
//! | covidfaq | its entries | its questions | the same |
//! | hint3 | each training sentence of each intent | the test sentences | its out-of-scope rows |
//! | clinc150 | ten sentences per intent | every third validation sentence | out-of-scope rows |
//! | squad2-es | its paragraphs | its questions | questions that its paragraphs do not answer |

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use frontdesk::app::App;
use frontdesk::config::Config;
use frontdesk::eval::{Dataset, DatasetQuestion, Ranking, Retrieval, Text};
use frontdesk::index::Tuning;
use frontdesk::knowledge::SilentProgress;
use serde_json::Value;

fn main() {
    let near = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from);
    let data = shared.join("data");
    if !data.is_dir() {
        println!("skipped: no shared data");
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run(&data));
}

async fn run(data: &Path) {
    let home = tempfile::tempdir().expect("a folder");
    let app = assemble(home.path()).await;
    let model = app.desk.engine.live().embed.identity().unwrap_or("words only").to_owned();
    println!(
        "{model}; shares in %, at the confidence that still answers 95 of 100 answerable questions"
    );
    println!(
        "{:10} {:>8} {:>7} {:>10} {:>9} {:>8}",
        "", "nDCG@10", "AUROC", "threshold", "answered", "refused"
    );
    for (name, dataset) in desks(data) {
        let (engine, library) = (&app.desk.engine, &app.desk.library);
        let retrieval = Retrieval::over_texts(engine, library, dataset, &SilentProgress).await;
        let measured = retrieval.as_ref().expect("an index").measure(&SilentProgress).await;
        let (curve, score) = (measured.curve(), measured.score(Ranking::Fused, Tuning::default()));
        let (auroc, at) = (curve.auroc().unwrap_or(0.0), curve.threshold_keeping(0.95));
        println!(
            "{name:10} {:8.1} {:7.1} {:10.3} {:9.1} {:8.1}",
            score.ndcg * 100.0,
            auroc * 100.0,
            at.threshold,
            at.answered * 100.0,
            at.refused * 100.0
        );
        let curve = [0.99, 0.98, 0.95, 0.9, 0.8].map(|keep| {
            let point = curve.threshold_keeping(keep);
            format!("{:.0}: {:.1}", point.answered * 100.0, point.refused * 100.0)
        });
        println!("{:10}   answered: refused  {}", "", curve.join(", "));
    }
}

async fn assemble(home: &Path) -> App {
    let file = home.join("frontdesk.toml");
    let embed = match std::env::var("FRONTDESK_BENCH_EMBED") {
        Ok(json) => {
            let settings: BTreeMap<String, Value> = serde_json::from_str(&json).expect("JSON");
            let lines = settings.iter().map(|(key, value)| format!("{key} = {value}"));
            lines.collect::<Vec<_>>().join("\n")
        }
        Err(_) => "kind = \"off\"\n".to_owned(),
    };
    let store = home.join("desk.db");
    let text = format!(
        "[llm]\nkind = \"extractive\"\n[store]\npath = \"{}\"\n[embed]\n{embed}",
        store.display()
    );
    std::fs::write(&file, text).expect("a file");
    let mut config = Config::load(Some(&file)).expect("a configuration");
    config.reader.program = Some(env!("CARGO_BIN_EXE_frontdesk").into());
    App::assemble(config).await.expect("a desk")
}

fn desks(data: &Path) -> Vec<(&'static str, Dataset)> {
    let retrieval = data.join("retrieval");
    let intents = data.join("intents");
    let banking: Vec<String> = table(&intents.join("banking77/test.csv"))
        .into_iter()
        .step_by(4)
        .filter_map(|row| row.into_iter().next())
        .collect();
    let mut desks = Vec::new();
    for name in ["stackfaq-threads", "covidfaq"] {
        let mut dataset = Dataset::beir(&retrieval.join(name)).expect("a dataset");
        dataset.unanswerable = banking.iter().map(|text| asked(text, Vec::new())).collect();
        desks.push((if name == "covidfaq" { name } else { "stackfaq" }, dataset));
    }
    desks.push(("hint3", hint3(&intents.join("hint3-curekart"))));
    desks.push(("clinc150", clinc(&intents.join("clinc150/train_val.json"))));
    desks.push(("squad2-es", Dataset::beir(&retrieval.join("squad2-es")).expect("a dataset")));
    desks
}

fn hint3(folder: &Path) -> Dataset {
    let pairs = |file: &str| {
        let rows = table(&folder.join(file)).into_iter();
        rows.filter_map(|row| {
            let mut fields = row.into_iter();
            Some((fields.next()?, fields.next()?))
        })
        .collect::<Vec<_>>()
    };
    by_intent(pairs("curekart_train.csv"), pairs("curekart_test.csv"), usize::MAX)
}

fn clinc(file: &Path) -> Dataset {
    let text = std::fs::read_to_string(file).expect("a file");
    let parts: HashMap<String, Vec<(String, String)>> =
        serde_json::from_str(&text).expect("pairs of sentence and intent");
    let part = |name: &str| parts.get(name).cloned().unwrap_or_default();
    let asked = part("val").into_iter().step_by(3).chain(part("oos_val")).chain(part("oos_train"));
    by_intent(part("train"), asked.collect(), 10)
}

/// Returns a data set whose documents are sentences; a document is relevant to the questions of its
/// intent.
fn by_intent(known: Vec<(String, String)>, asks: Vec<(String, String)>, most: usize) -> Dataset {
    let mut intents: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut dataset = Dataset::default();
    for (text, intent) in known {
        let ids = intents.entry(intent.clone()).or_default();
        if ids.len() < most {
            let id = format!("{intent}-{}", ids.len());
            ids.push(id.clone());
            dataset.texts.push(Text { id, title: String::new(), text });
        }
    }
    for (text, intent) in asks {
        match intents.get(&intent) {
            Some(ids) => dataset.questions.push(asked(&text, ids.clone())),
            None => dataset.unanswerable.push(asked(&text, Vec::new())),
        }
    }
    dataset
}

fn asked(text: &str, right: Vec<String>) -> DatasetQuestion {
    let relevant = right.into_iter().map(|id| (id, 1.0)).collect();
    DatasetQuestion { id: text.to_owned(), text: text.to_owned(), relevant }
}

fn table(file: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).expect("a CSV file");
    let rows = reader.records().filter_map(Result::ok);
    rows.map(|row| row.iter().map(str::to_owned).collect()).collect()
}
