//! Transcribes in this process, with whisper.cpp and a model's file. Must not keep the threads of the network busy, nor
//! fetch anything.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle, available_parallelism};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::filler::Piece;
use super::{Error, Recording, Segment, Transcriber, Transcript};
use hear::{Ear, Job, WhisperResult};
use model::{Model, give_back, give_way};
use samples::Decoder;
use stop::{Stop, StopOnDrop};

mod file;
mod hear;
mod model;
pub(super) mod place;
pub(super) mod samples;
mod stop;
mod voices;
mod windows;

#[cfg(test)]
mod tests;

/// Samples in a second of what the model hears.
const RATE: usize = 16_000;

/// A model in a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Its name among the models, `frontdesk models list`; empty: the first that is there.
    model: String,
    /// Its file, where it is elsewhere.
    path: Option<PathBuf>,
    /// So many recordings are transcribed at once, others wait; 0: as many as there are cores.
    workers: usize,
    /// Threads for each; more make one recording faster, and several slower.
    threads: usize,
    /// Milliseconds for a recording, from when its turn comes.
    timeout_ms: u64,
    /// Seconds of the longest recording that is transcribed.
    longest_seconds: u64,
    /// The file of a Silero model, which finds speech; none: the one among the models, and where there is none, only silence
    /// is told from speech.
    vad_model: Option<PathBuf>,
    /// Whether what came out badly is tried again, up to five times, each time with more chance.
    fallbacks: bool,
    /// Whether the models may be fetched from the hub at the start.
    fetch: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: String::new(),
            path: None,
            workers: 0,
            threads: 1,
            timeout_ms: 180_000,
            longest_seconds: 600,
            vad_model: None,
            fallbacks: false,
            fetch: false,
        }
    }
}

impl Settings {
    fn workers(&self) -> usize {
        let cores = available_parallelism().map_or(1, usize::from);
        if self.workers == 0 { cores } else { self.workers }
    }
}

/// How recordings are transcribed.
#[derive(Debug, Clone, Copy)]
struct Way {
    threads: usize,
    longest_seconds: u64,
    fallbacks: bool,
}

pub(super) struct Whisper {
    decoder: Decoder,
    model: Arc<Model>,
    name: String,
    way: Way,
    timeout: Duration,
    vad_model: Option<PathBuf>,
    /// A place for each recording at work.
    places: Arc<Semaphore>,
    /// Those that have nothing to do.
    ears: Arc<Mutex<Vec<Ear>>>,
}

impl Whisper {
    /// Looks at the files; the weights are read when the first recording comes.
    pub(super) fn new(
        settings: &Settings,
        file: &Path,
        vad_model: Option<PathBuf>,
        decoder: Decoder,
    ) -> Result<Self, String> {
        const MOST: usize = 64;
        let workers = settings.workers();
        if workers > MOST || !(1..=MOST).contains(&settings.threads) {
            return Err(format!("workers and threads are from 1 to {MOST}"));
        }
        if settings.timeout_ms == 0 || settings.longest_seconds == 0 {
            return Err("timeout_ms and longest_seconds must be more than 0".into());
        }
        let shape = file::read(file)?;
        if shape.tensors == 0 {
            let place = file.display();
            tracing::warn!("{place} is a model for tests: it has no weights, and hears nothing");
        }
        if let Some(path) = &vad_model {
            voices::check(path)?;
        }
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let stem = stem.unwrap_or_else(|| shape.name.clone());
        let name = format!("whisper/{}", stem.trim_start_matches("ggml-"));
        Ok(Self {
            decoder,
            model: Arc::new(Model::new(file.to_owned(), shape)),
            name,
            way: Way {
                threads: settings.threads,
                longest_seconds: settings.longest_seconds,
                fallbacks: settings.fallbacks,
            },
            timeout: Duration::from_millis(settings.timeout_ms),
            vad_model,
            places: Arc::new(Semaphore::new(workers)),
            ears: Arc::default(),
        })
    }

    /// Decodes a recording, and works on it off the async threads. Its place is free again when the work has really ended.
    async fn hear(
        &self,
        recording: &Recording<'_>,
        stop: Arc<Stop>,
    ) -> Result<WhisperResult, Error> {
        let gone = || Error::Failed("the desk is stopping".into());
        let place = self.places.clone().acquire_owned().await.map_err(|_| gone())?;
        stop.begin();
        let longest = self.way.longest_seconds;
        let samples = self.decoder.samples(&recording.bytes, longest, &stop).await;
        // Who stopped the work knows why.
        stop.go_on()?;
        let job = Job {
            samples: samples?,
            language: recording.language.map(str::to_owned),
            vocabulary: recording.vocabulary.to_owned(),
            stop,
            progress: watch::Sender::new(0.0),
        };
        self.work(job, (place, recording.progress)).await
    }

    async fn work(
        &self,
        job: Job,
        (place, progress): (OwnedSemaphorePermit, Option<&Report<'_>>),
    ) -> Result<WhisperResult, Error> {
        let mut told = job.progress.subscribe();
        let (model, ears) = (self.model.clone(), self.ears.clone());
        let idle = lock(&ears).pop();
        let mut ear = idle.unwrap_or_else(|| Ear::new(self.way, self.vad_model.clone()));
        let work = move || {
            give_way();
            let heard = ear.hear(&model, &job);
            give_back();
            // One that broke off is not used again.
            lock(&ears).push(ear);
            drop(place);
            heard
        };
        // A thread that gave way never goes faster again, so it is nobody else's. The runtime waits for who waits for it.
        let mut work = tokio::task::spawn_blocking(move || {
            let thread = Builder::new().name("speech".into()).spawn(work);
            let broke = |why: &dyn std::fmt::Display| {
                Err(Error::Failed(format!("the transcription broke off: {why}")))
            };
            match thread.map(JoinHandle::join) {
                Ok(Ok(heard)) => heard,
                Ok(Err(_)) => broke(&"it panicked"),
                Err(error) => broke(&error),
            }
        });
        loop {
            tokio::select! {
                heard = &mut work => return heard.unwrap_or_else(|error| {
                    Err(Error::Failed(format!("the transcription broke off: {error}")))
                }),
                Ok(()) = told.changed() => {
                    let share = *told.borrow_and_update();
                    if let Some(report) = progress {
                        report(share);
                    }
                }
            }
        }
    }
}

/// Hears how much is done.
type Report<'a> = dyn Fn(f32) + Send + Sync + 'a;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Transcriber for Whisper {
    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }

    async fn transcribe(&self, recording: &Recording<'_>) -> Result<Transcript, Error> {
        let wanted = StopOnDrop(Stop::after(self.timeout));
        let heard = self.hear(recording, wanted.0.clone()).await?;
        let text: String = heard.pieces.iter().map(|piece| piece.text.as_str()).collect();
        let segment = |piece: &Piece| Segment {
            start_ms: piece.start_ms,
            end_ms: piece.end_ms,
            text: piece.text.trim().to_owned(),
        };
        Ok(Transcript {
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            language: heard.language,
            confidence: heard.confidence,
            seconds: Some(heard.seconds),
            segments: heard.pieces.iter().map(segment).collect(),
            by: self.name.clone(),
        })
    }
}
