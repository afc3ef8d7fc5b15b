//! Voice notes, in three parts; name some after `--`, or none for all:
//!
//! - `decode`: decoding speed by kind of recording, over `crates/audio/tests/audio/samples` and
//!   `../shared/data/voice`.
//! - `encode`: whisper.cpp on 30 seconds of audio through our adapter: one note alone and two at
//!   once, with one thread and with two, and the memory before and after.
//! - `latency`: how much transcription delays the answers to texts.
//!
//! The last two need `FRONTDESK_WHISPER_MODEL`, or whisper.cpp's model without weights in
//! `../shared/models/whisper`, which runs the encoder in real time and writes nothing.
//!
//! With `FRONTDESK_WHISPER_CLI`, the path of whisper.cpp's `whisper-cli`, the same recording runs
//! through that as well, alternately, and the ratio is printed. It loads the model each time; the
//! load time that it reports is subtracted.

#[path = "voice/decode.rs"]
mod decode;
#[path = "voice/latency.rs"]
mod latency;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::config::Config;
use frontdesk::reader::Pool;
use frontdesk::speech::{Recording, Transcriber};

const ROUNDS: usize = 5;

fn shared(path: &str) -> PathBuf {
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from).join(path)
}

fn transcriber(model: &Path, threads: usize) -> Arc<dyn Transcriber> {
    let toml = format!(
        "[speech]\nkind = \"whisper\"\npath = {:?}\nworkers = 2\nthreads = {threads}\n",
        model.display().to_string()
    );
    let mut config = Config::from_toml(&toml).expect("the settings are right");
    config.reader.program = Some(env!("CARGO_BIN_EXE_frontdesk").into());
    let readers = Pool::new(config.reader.clone()).expect("the settings are right");
    config.speech.build(&config.models, &readers).expect("the model is whole")
}

/// Returns the seconds for this many concurrent recordings.
async fn time(transcriber: &Arc<dyn Transcriber>, bytes: &Arc<[u8]>, at_once: usize) -> f64 {
    let one = async || {
        let recording = Recording {
            bytes: bytes.clone(),
            mime_type: "audio/wav",
            language: Some("en"),
            vocabulary: "",
            progress: None,
        };
        transcriber.transcribe(&recording).await.expect("transcribed")
    };
    let begin = Instant::now();
    futures::future::join_all((0..at_once).map(|_| one())).await;
    begin.elapsed().as_secs_f64()
}

/// Returns the seconds of whisper.cpp's own command without loading the model.
fn cli(path: &Path, model: &Path, wav: &Path) -> f64 {
    let mut command = Command::new(path);
    command.args(["-t", "1", "-l", "en", "-nf", "-bs", "1", "-bo", "1", "-np", "-nt", "-m"]);
    let output = command.arg(model).arg("-f").arg(wav).output().expect("whisper-cli runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let milliseconds = |name: &str| -> f64 {
        let line = told.lines().find(|line| line.contains(name)).unwrap_or_default();
        let after = line.split('=').nth(1).unwrap_or_default();
        after.split_whitespace().next().and_then(|ms| ms.parse().ok()).unwrap_or(0.0)
    };
    (milliseconds("total time") - milliseconds("load time")) / 1_000.0
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Returns this process's resident memory in MB.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

fn model() -> PathBuf {
    let real = std::env::var_os("FRONTDESK_WHISPER_MODEL").map(PathBuf::from);
    real.unwrap_or_else(|| shared("models/whisper/for-tests-ggml-tiny.bin"))
}

#[tokio::main]
async fn main() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let wanted: Vec<_> = std::env::args().skip(1).filter(|part| !part.starts_with('-')).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    if wants("decode") {
        decode::table();
    }
    if wants("encode") {
        encode().await;
    }
    if wants("latency") {
        latency::compare().await;
    }
}

async fn encode() {
    let model = model();
    let wav = shared("data/voice/jfk.wav");
    let (true, Ok(bytes)) = (model.is_file(), std::fs::read(&wav)) else {
        return println!("skipped: no shared data, and FRONTDESK_WHISPER_MODEL is not set");
    };
    let bytes: Arc<[u8]> = bytes.into();
    let (one, two) = (transcriber(&model, 1), transcriber(&model, 2));
    let program = std::env::var_os("FRONTDESK_WHISPER_CLI").map(PathBuf::from);
    println!("model {}", model.display());
    println!("memory at the start: {} MB", resident_mb());
    time(&one, &bytes, 1).await;
    time(&two, &bytes, 1).await;
    println!("memory after the first notes: {} MB", resident_mb());
    let (mut alone, mut both, mut threads, mut theirs) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        alone.push(time(&one, &bytes, 1).await);
        both.push(time(&one, &bytes, 2).await);
        threads.push(time(&two, &bytes, 1).await);
        if let Some(program) = &program {
            theirs.push(cli(program, &model, &wav));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (alone, both, threads) = (median(alone), median(both), median(threads));
    println!("one note, 1 thread:            {alone:.2} s");
    println!("one note, 2 threads:           {threads:.2} s");
    println!(
        "two notes at once, 1 thread:   {both:.2} s, {:.2} times as long as one",
        both / alone
    );
    if program.is_some() {
        let theirs = median(theirs);
        println!(
            "whisper-cli, 1 thread:         {theirs:.2} s; ours takes {:.2} of it",
            alone / theirs
        );
    }
    println!("memory after {} notes: {} MB", ROUNDS * 4 + 2, resident_mb());
}
