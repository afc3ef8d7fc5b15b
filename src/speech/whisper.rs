//! Transcribes in this process with whisper.cpp. Must not block the async runtime's threads, nor
//! download anything.

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
use model::{Model, lower_priority, trim_memory};
use samples::Decoder;
use stop::{Stop, StopOnDrop};

mod file;
mod hear;
mod model;
pub(super) mod place;
pub(super) mod samples;
mod stop;
mod vad;
mod windows;

#[cfg(test)]
mod tests;

/// Sample rate of the model's input, in Hz.
const RATE: usize = 16_000;

/// Settings of a local Whisper model.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Model name, as in `frontdesk models list`; empty for the first one installed.
    model: String,
    /// Path of the model's file, if it is elsewhere.
    path: Option<PathBuf>,
    /// How many recordings are transcribed concurrently; 0 for the number of cores.
    workers: usize,
    /// Threads per recording; more speed up one recording and slow down several.
    threads: usize,
    /// Time limit for a recording, in milliseconds, after it leaves the queue.
    timeout_ms: u64,
    /// Maximum length of a recording, in seconds.
    longest_seconds: u64,
    /// Path of a Silero voice activity model; `None` for the installed one. Without any, only
    /// silence is recognized.
    vad_model: Option<PathBuf>,
    /// Whether poor results are retried, up to five times, at rising temperature.
    fallbacks: bool,
    /// Whether models may be downloaded at startup.
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
    /// The same for another model of the models folder.
    pub(super) fn named(&self, model: &str) -> Self {
        Self { model: model.to_owned(), path: None, ..self.clone() }
    }

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
    /// One permit per concurrent recording.
    places: Arc<Semaphore>,
    /// Idle workers.
    idle_workers: Arc<Mutex<Vec<Ear>>>,
}

impl Whisper {
    /// Checks the files; the weights are loaded with the first recording.
    pub(super) fn new(
        settings: &Settings,
        file: &Path,
        vad_model: Option<PathBuf>,
        decoder: Decoder,
    ) -> Result<Self, String> {
        const MAX_COUNT: usize = 64;
        let workers = settings.workers();
        if workers > MAX_COUNT || !(1..=MAX_COUNT).contains(&settings.threads) {
            return Err(format!("workers and threads are from 1 to {MAX_COUNT}"));
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
            vad::check(path)?;
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
            idle_workers: Arc::default(),
        })
    }

    /// Decodes and transcribes a recording off the async threads. Its slot is free only when the
    /// work has really ended.
    async fn transcribe_recording(
        &self,
        recording: &Recording<'_>,
        stop: Arc<Stop>,
    ) -> Result<WhisperResult, Error> {
        let gone = || Error::Failed("the desk is stopping".into());
        let place = self.places.clone().acquire_owned().await.map_err(|_| gone())?;
        stop.begin();
        let longest = self.way.longest_seconds;
        let samples = self.decoder.samples(&recording.bytes, longest, &stop).await;
        // The error says why the work was stopped.
        stop.check_stop()?;
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
        let (model, ears) = (self.model.clone(), self.idle_workers.clone());
        let idle = lock(&ears).pop();
        let mut ear = idle.unwrap_or_else(|| Ear::new(self.way, self.vad_model.clone()));
        let work = move || {
            lower_priority();
            let heard = ear.hear(&model, &job);
            trim_memory();
            // A worker that panicked is not reused.
            lock(&ears).push(ear);
            drop(place);
            heard
        };
        // A thread cannot raise its lowered priority again, so it is not shared. The blocking task
        // makes the runtime wait for it at shutdown.
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

/// Receives the progress.
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
        let heard = self.transcribe_recording(recording, wanted.0.clone()).await?;
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
