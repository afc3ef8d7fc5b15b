//! `frontdesk transcribe`: transcribes recordings as the desk does. Must not store anything or
//! answer anybody.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Config;
use crate::eval::{self, Clip, Errors};
use crate::reader::Pool;
use crate::speech::decoding::{self, DecodeError};
use crate::speech::{Recording, Transcriber, Transcript};

mod show;

/// Transcribe voice notes and other recordings, as the desk transcribes a customer's
///
/// Uses the `[speech]` settings of the configuration. Reads what WhatsApp sends and what phones
/// record: Ogg, M4A, MP3, WAV, and the sound of videos.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Transcribe {
    /// Recordings
    #[arg(required_unless_present = "reference", conflicts_with = "reference")]
    files: Vec<PathBuf>,
    /// The spoken language, such as `en`; `auto` to detect it [default: auto; with --reference, as
    /// the list says]
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Names that may occur, in their right spelling: "Acme, Zapfhahn, Müller"
    #[arg(long, default_value = "", value_name = "NAMES", hide_default_value = true)]
    vocabulary: String,
    /// Print a JSON array with one object per recording
    #[arg(long)]
    json: bool,
    /// Print subtitles of one recording, in .srt format
    #[arg(long, conflicts_with_all = ["json", "reference"])]
    srt: bool,
    /// Score the recordings of a list: CSV with the columns file, lang, transcript, and optionally
    /// kind
    #[arg(long, value_name = "LIST")]
    reference: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  frontdesk transcribe note.ogg
  frontdesk transcribe --language de --vocabulary \"Acme, Zapfhahn\" *.ogg
  frontdesk transcribe --json note.ogg call.m4a | jq -r '.[].text'
  frontdesk transcribe --srt tour.mp4 > tour.srt
  frontdesk transcribe --reference clips/manifest.csv      how many words of a hundred it gets wrong, by language
  FRONTDESK__SPEECH__KIND=openai FRONTDESK__SPEECH__API_KEY=... frontdesk transcribe note.ogg

Ends with 1 when a recording could not be transcribed; the others are done all the same.";

/// A recording's transcript or error.
struct TranscriptionResult {
    file: PathBuf,
    heard: Result<Transcript, String>,
    took_ms: u64,
    /// Reference and errors.
    scored: Option<(Clip, Errors)>,
}

impl Transcribe {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        if self.srt && self.files.len() > 1 {
            bail!(
                "--srt prints the subtitles of one recording: name one, and the next one after it"
            );
        }
        let clips = match &self.reference {
            Some(list) => eval::clips(list).map_err(|why| anyhow!(why))?,
            None => Vec::new(),
        };
        let readers = Pool::new(config.reader.clone()).map_err(|why| anyhow!("[reader]: {why}"))?;
        let transcriber = transcriber(&config, &readers).await?;
        let by = (&*transcriber, &readers);
        let mut all = Vec::new();
        for file in &self.files {
            let done = self.hear(by, file, None).await;
            self.show(&done);
            all.push(done);
        }
        for clip in clips {
            let mut done = self.hear(by, &clip.file, clip.language.as_deref()).await;
            if let Ok(heard) = &done.heard {
                let errors = Errors::of(&clip.said, &heard.text, clip.language.as_deref());
                done.scored = Some((clip, errors));
            }
            self.show(&done);
            all.push(done);
        }
        if self.json {
            println!("{}", show::json(&all));
        } else if self.reference.is_some() {
            print!("{}", show::table(&all));
        }
        let failed = all.iter().any(|done| done.heard.is_err());
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// Transcribes a file. `known` is the language given by the list.
    async fn hear(
        &self,
        by: TranscriptionTools<'_>,
        file: &Path,
        known: Option<&str>,
    ) -> TranscriptionResult {
        let started = Instant::now();
        let language = match self.language.as_deref() {
            Some("auto") => None,
            own => own.or(known),
        };
        let heard = hear(by, file, language, &self.vocabulary).await;
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        TranscriptionResult { file: file.to_owned(), heard, took_ms, scored: None }
    }

    fn show(&self, done: &TranscriptionResult) {
        match &done.heard {
            Err(why) => eprintln!("frontdesk: {}: {why}", done.file.display()),
            Ok(_) if self.json => {}
            Ok(heard) if self.srt => print!("{}", show::srt(heard)),
            Ok(heard) => println!("{}", show::text(&done.file, heard, done.took_ms)),
        }
    }
}

/// The transcriber, and the reader processes that inspect files first.
type TranscriptionTools<'a> = (&'a dyn Transcriber, &'a Pool);

async fn transcriber(config: &Config, readers: &Pool) -> anyhow::Result<Arc<dyn Transcriber>> {
    let wrong = |why| anyhow!("[speech]: {why}");
    config.speech.fetch(&config.models).await.map_err(wrong)?;
    let transcriber = config.speech.build(&config.models, readers).map_err(wrong)?;
    if transcriber.name().is_none() {
        let missing = config.speech.missing(&config.models);
        let why = missing.unwrap_or_else(|| "[speech] kind is \"off\"".into());
        bail!(
            "nothing here transcribes: {why}\n`frontdesk models fetch whisper-small` fetches a model for kind = \"auto\"; [speech] kind = \"openai\" with an api_key asks an endpoint"
        );
    }
    Ok(transcriber)
}

async fn hear(
    (by, readers): TranscriptionTools<'_>,
    file: &Path,
    language: Option<&str>,
    vocabulary: &str,
) -> Result<Transcript, String> {
    let bytes = tokio::fs::read(file).await.map_err(|why| format!("cannot read it: {why}"))?;
    let bytes: Arc<[u8]> = bytes.into();
    let seconds = match decoding::seconds(readers, bytes.clone()).await {
        Ok(seconds) => seconds,
        Err(why @ DecodeError::NoSound(_)) => return Err(why.to_string()),
        // An endpoint may support the format.
        Err(_) => None,
    };
    let bar = bar(file, seconds);
    let report = |share: f32| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
        bar.set_position((share.clamp(0.0, 1.0) * 100.0) as u64);
    };
    let recording = Recording {
        bytes,
        mime_type: mime_type(file),
        language,
        vocabulary,
        progress: Some(&report),
    };
    let heard = by.transcribe(&recording).await.map_err(|error| error.to_string());
    bar.finish_and_clear();
    let heard = heard?;
    Ok(Transcript { seconds: heard.seconds.or(seconds), ..heard })
}

/// Returns a progress bar; hidden for short recordings or without a terminal.
fn bar(file: &Path, seconds: Option<f64>) -> ProgressBar {
    const LONG: f64 = 20.0;
    if seconds.is_some_and(|seconds| seconds < LONG) {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(100);
    if let Ok(style) = ProgressStyle::with_template("{wide_msg} {bar:30} {percent:>3} % {eta}") {
        bar.set_style(style);
    }
    bar.set_message(file.display().to_string());
    bar
}

/// Derives the media type from the file extension; endpoints rely on it.
fn mime_type(file: &Path) -> &'static str {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref().unwrap_or_default() {
        "mp3" | "mpga" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "aac" => "audio/aac",
        "wav" => "audio/wav",
        "webm" => "audio/webm",
        "flac" => "audio/flac",
        "amr" => "audio/amr",
        "mp4" | "mov" | "3gp" => "video/mp4",
        _ => "audio/ogg",
    }
}
