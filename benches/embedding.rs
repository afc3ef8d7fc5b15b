//! Backs the README's figures on learning: chunks per second with an in-process model, compared
//! with the same model in Python's onnxruntime, and the time for one question.
//!
//! `cargo bench --bench embedding [-- --threads 2 --texts 500 --rounds 5]`. Texts are abstracts of
//! the data set scifact from the shared data, cut at 256 tokens. Both sides alternate, round by
//! round, so that other load on the machine affects both; the ratio per round is the result. Python
//! is `FRONTDESK_PYTHON` or `python3`, with onnxruntime, onnx, tokenizers, safetensors and numpy;
//! without them that side is skipped. It asserts nothing.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use frontdesk::config::Config;
use frontdesk::embed::{Embedder, Purpose};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Chunks per second with a local model, compared with Python's onnxruntime
#[derive(Debug, Parser)]
struct Options {
    /// Threads on both sides
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Number of texts
    #[arg(long, default_value_t = 500)]
    texts: usize,
    /// Number of rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Batch size of Python's onnxruntime
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Cargo passes this to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

const QUESTIONS: [&str; 6] = [
    "When do you open on Saturdays?",
    "How can I return a lamp?",
    "Where is my order?",
    "Do you ship to Norway, and what does it cost?",
    "I bought it two weeks ago and it broke yesterday, what now?",
    "hi",
];

fn main() {
    let options = Options::parse();
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("FRONTDESK_SHARED").map_or(near, PathBuf::from);
    let folder = shared.join("models/all-MiniLM-L6-v2");
    let Some(texts) = texts(&shared, options.texts) else {
        println!("skipped: no shared data");
        return;
    };
    let runtime = Runtime::new().expect("a runtime");
    let before = resident_mb();
    let started = Instant::now();
    let ours = build(&folder, options.threads);
    println!(
        "{}, {} threads, {} texts",
        ours.identity().unwrap_or_default(),
        options.threads,
        texts.len()
    );
    println!(
        "  loaded in {:.3} s; memory {before} MB before, {} MB after",
        started.elapsed().as_secs_f64(),
        resident_mb()
    );
    let mut python = Python::start(&folder, options.threads);
    let warm: Vec<String> = texts.iter().take(8).cloned().collect();
    let vector = learn(&runtime, &*ours, &warm).1;
    if let Some(python) = &mut python {
        let answer = python.embed(&warm, options.batch);
        let theirs: Vec<f32> = serde_json::from_value(answer["first"].clone()).unwrap_or_default();
        let cosine: f32 = vector.iter().zip(&theirs).map(|(a, b)| a * b).sum();
        println!("  cosine of both sides' first vectors {cosine:.7}");
    }
    rounds(&runtime, &*ours, python.as_mut(), &texts, &options);
    println!("  memory after learning {} MB", resident_mb());
    questions(&runtime, &*ours, python.as_mut());
}

fn rounds(
    runtime: &Runtime,
    ours: &dyn Embedder,
    mut python: Option<&mut Python>,
    texts: &[String],
    options: &Options,
) {
    let mut ratios = Vec::new();
    for part in texts.chunks(texts.len().div_ceil(options.rounds.max(1))) {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let speed = |seconds: f64| part.len() as f64 / seconds;
        let own = speed(learn(runtime, ours, part).0);
        let Some(python) = python.as_mut() else {
            println!("  {own:.1} chunks/s");
            continue;
        };
        let answer = python.embed(part, options.batch);
        let theirs = speed(answer["took_s"].as_f64().unwrap_or(f64::NAN));
        ratios.push(own / theirs);
        let (ratio, memory) = (own / theirs, &answer["rss_mb"]);
        println!("  {own:.1} chunks/s, onnxruntime {theirs:.1} ({memory} MB): {ratio:.2} times");
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(median) = ratios.get(ratios.len() / 2) {
        println!("  median {median:.2} times onnxruntime");
    }
}

fn questions(runtime: &Runtime, ours: &dyn Embedder, mut python: Option<&mut Python>) {
    let [mut own, mut theirs] = [const { Vec::new() }; 2];
    for question in QUESTIONS.iter().cycle().take(300) {
        let text = [(*question).to_owned()];
        let started = Instant::now();
        let asked = runtime.block_on(ours.embed(&text, Purpose::Query));
        own.push(started.elapsed().as_secs_f64());
        drop(std::hint::black_box(asked));
        if let Some(python) = python.as_mut() {
            theirs.push(python.embed(&text, 1)["took_s"].as_f64().unwrap_or(f64::NAN));
        }
    }
    for (name, mut times) in [("one question", own), ("onnxruntime", theirs)] {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times.get(times.len() * percent / 100).map(|time| time * 1_000.0);
        if let (Some(p50), Some(p95)) = (at(50), at(95)) {
            println!("  {name}: p50 {p50:.2} ms, p95 {p95:.2} ms");
        }
    }
}

fn texts(shared: &Path, most: usize) -> Option<Vec<String>> {
    let corpus =
        std::fs::read_to_string(shared.join("data/retrieval/scifact/corpus.jsonl")).ok()?;
    let text = |line: &str| {
        let one: Value = serde_json::from_str(line).ok()?;
        Some(format!("{}\n{}", one["title"].as_str()?, one["text"].as_str()?))
    };
    Some(corpus.lines().filter_map(text).take(most).collect())
}

fn build(folder: &Path, threads: usize) -> Arc<dyn Embedder> {
    let path = folder.display().to_string();
    let toml = format!("[embed]\nkind = \"local\"\npath = {path:?}\nthreads = {threads}");
    let config = Config::from_toml(&toml).expect("right settings");
    config.embed.build(&config.models).expect("a whole model")
}

/// Embeds the texts. Returns the seconds and the first vector.
fn learn(runtime: &Runtime, ours: &dyn Embedder, texts: &[String]) -> (f64, Vec<f32>) {
    let started = Instant::now();
    let vectors = runtime.block_on(ours.embed(texts, Purpose::Passage)).expect("vectors");
    (started.elapsed().as_secs_f64(), vectors.into_iter().next().unwrap_or_default())
}

/// The Python process to compare with.
struct Python {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Python {
    /// Starts the process; prints a note and returns `None` when onnxruntime is not available.
    fn start(folder: &Path, threads: usize) -> Option<Self> {
        let program = std::env::var_os("FRONTDESK_PYTHON").unwrap_or_else(|| "python3".into());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/embedding.py");
        let mut command = Command::new(program);
        command.arg(script).arg(folder).arg(threads.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let started = command.spawn().ok().and_then(|mut child| {
            let (to, from) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
            let mut python = Self { child, to, from };
            let ready = python.answer()?;
            println!(
                "  onnxruntime {} loaded in {:.3} s",
                ready["version"],
                ready["ready_s"].as_f64()?
            );
            Some(python)
        });
        if started.is_none() {
            println!("  onnxruntime skipped: set FRONTDESK_PYTHON to a Python that has it");
        }
        started
    }

    fn embed(&mut self, texts: &[String], batch: usize) -> Value {
        let asked = json!({"texts": texts, "batch": batch});
        writeln!(self.to, "{asked}").expect("the other side listens");
        self.answer().expect("the other side answers")
    }

    fn answer(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.from.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns the resident memory in MB; 0 when the system does not report it.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}
