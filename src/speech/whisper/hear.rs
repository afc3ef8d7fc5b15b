//! Transcribes one recording on its own thread: detect speech, cut into windows, transcribe each.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperSegment, get_lang_id, get_lang_str,
};

use super::model::{Model, State};
use super::stop::Stop;
use super::vad::VoiceDetector;
use super::windows::windows;
use super::{RATE, Way};
use crate::speech::Error;
use crate::speech::filler::{self, Piece};

/// Maximum prompt tokens for the vocabulary: the model accepts 223 in all, its own included.
const PROMPT: usize = 200;
/// Maximum characters of a vocabulary that are tokenized.
const LETTERS: usize = 1_500;

/// A decoded recording to transcribe.
pub(super) struct Job {
    pub(super) samples: Vec<f32>,
    pub(super) language: Option<String>,
    pub(super) vocabulary: String,
    pub(super) stop: Arc<Stop>,
    pub(super) progress: watch::Sender<f32>,
}

/// The transcript of one recording.
#[derive(Debug, Default)]
pub(super) struct WhisperResult {
    pub(super) pieces: Vec<Piece>,
    pub(super) language: Option<String>,
    pub(super) confidence: Option<f32>,
    pub(super) seconds: f64,
}

/// State that a worker reuses between recordings. whisper-rs never frees the parameters of a run,
/// so they are kept per language and not created per recording.
pub(super) struct Ear {
    way: Way,
    current: Arc<Mutex<Option<Arc<Stop>>>>,
    settings: HashMap<&'static str, FullParams<'static, 'static>>,
    voices: Option<VoiceDetector>,
    vad_model: Option<PathBuf>,
}

impl Ear {
    pub(super) fn new(way: Way, vad_model: Option<PathBuf>) -> Self {
        let (current, settings) = (Arc::default(), HashMap::new());
        Self { way, current, settings, voices: None, vad_model }
    }

    /// Transcribes a recording. Checks for a stop between the steps and inside whisper.
    pub(super) fn hear(&mut self, model: &Model, job: &Job) -> Result<WhisperResult, Error> {
        go_on(job)?;
        let samples = &job.samples;
        let speech = self.voices()?.find(samples).map_err(Error::Failed)?;
        go_on(job)?;
        #[expect(clippy::cast_precision_loss, reason = "a recording has fewer than 2^52 samples")]
        let seconds = samples.len() as f64 / RATE as f64;
        let windows = windows(&speech, samples);
        let Some(first) = windows.first() else {
            return Ok(WhisperResult { seconds, ..WhisperResult::default() });
        };
        self.set_current(Some(job.stop.clone()));
        let context = model.context().map_err(Error::Failed)?;
        let mut state = model.state(&context).map_err(Error::Failed)?;
        let first = samples.get(first.clone()).unwrap_or_default();
        let language = self.language(&context, &mut state, job, first)?;
        let vocabulary = tokens(&context, &job.vocabulary);
        let all: usize = windows.iter().map(Range::len).sum();
        let (mut done, mut pieces, mut sure) = (0, Vec::new(), Sure::default());
        for window in windows {
            go_on(job)?;
            let mut settings = self.settings(language).clone();
            settings.set_tokens(&vocabulary);
            let heard = samples.get(window.clone()).unwrap_or_default();
            if let Err(error) = state.full(settings, heard) {
                go_on(job)?;
                return Err(Error::Failed(error.to_string()));
            }
            for segment in state.as_iter() {
                let heard = piece(&segment, &window, &speech, context.token_eot());
                let Some((piece, sum)) = heard else { continue };
                sure.add(&piece, sum);
                pieces.push(piece);
            }
            done += window.len();
            job.progress.send_replace(share(done, all));
        }
        go_on(job)?;
        drop(state);
        let pieces = filler::clean(pieces);
        let language = (!pieces.is_empty()).then(|| iso_639_1(language)).flatten();
        Ok(WhisperResult { confidence: sure.mean(&pieces), pieces, language, seconds })
    }

    fn voices(&mut self) -> Result<&mut VoiceDetector, Error> {
        let voices = match self.voices.take() {
            Some(voices) => voices,
            None => VoiceDetector::load(self.vad_model.as_deref()).map_err(Error::Failed)?,
        };
        Ok(self.voices.insert(voices))
    }

    fn set_current(&self, stop: Option<Arc<Stop>>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = stop;
    }

    /// The language of the recording: the given one, else the most probable one of the first
    /// window. Detecting it costs as much as transcribing half a minute.
    fn language(
        &self,
        context: &WhisperContext,
        state: &mut State,
        job: &Job,
        first: &[f32],
    ) -> Result<&'static str, Error> {
        if !context.is_multilingual() {
            return Ok("en");
        }
        if let Some(known) = job.language.as_deref().and_then(known) {
            return Ok(known);
        }
        let failed = |error: whisper_rs::WhisperError| Error::Failed(error.to_string());
        let threads = self.way.threads;
        state.pcm_to_mel(first, threads).map_err(failed)?;
        let (_, probabilities) = state.lang_detect(0, threads).map_err(failed)?;
        let likely = probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let id = likely.and_then(|(id, _)| i32::try_from(id).ok());
        Ok(id.and_then(get_lang_str).unwrap_or("en"))
    }

    fn settings(&mut self, language: &'static str) -> &FullParams<'static, 'static> {
        let (way, current) = (self.way, &self.current);
        self.settings.entry(language).or_insert_with(|| settings(way, language, current.clone()))
    }
}

/// Parameters of whisper's runs in a language.
fn settings(
    way: Way,
    language: &'static str,
    current: Arc<Mutex<Option<Arc<Stop>>>>,
) -> FullParams<'static, 'static> {
    let mut settings = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    settings.set_n_threads(i32::try_from(way.threads).unwrap_or(1));
    settings.set_language(Some(language));
    settings.set_no_context(true);
    settings.set_suppress_blank(true);
    settings.set_suppress_nst(true);
    settings.set_temperature(0.0);
    settings.set_temperature_inc(if way.fallbacks { 0.2 } else { 0.0 });
    settings.set_print_special(false);
    settings.set_print_progress(false);
    settings.set_print_realtime(false);
    settings.set_print_timestamps(false);
    // The box needs exactly this type: whisper-rs 0.16 calls any other closure through a wrong
    // pointer.
    let stop: Box<dyn FnMut() -> bool> = Box::new(move || {
        let current = current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().is_some_and(|stop| stop.should_stop())
    });
    settings.set_abort_callback_safe(stop);
    settings
}

fn go_on(job: &Job) -> Result<(), Error> {
    job.stop.check_stop()
}

/// Tokenizes a vocabulary, up to [`PROMPT`] tokens.
fn tokens(context: &WhisperContext, vocabulary: &str) -> Vec<i32> {
    let text: String = vocabulary.trim().chars().filter(|c| *c != '\0').take(LETTERS).collect();
    if text.is_empty() {
        return Vec::new();
    }
    // A token has at least one byte. With a smaller buffer, whisper-rs 0.16 reads past its end.
    let mut tokens = context.tokenize(&format!(" {text}"), text.len() + 8).unwrap_or_default();
    tokens.truncate(PROMPT);
    tokens
}

/// Converts a segment. Also returns the sum and number of its token probabilities.
fn piece(
    segment: &WhisperSegment<'_>,
    window: &Range<usize>,
    speech: &[Range<usize>],
    end_of_text: i32,
) -> Option<(Piece, (f32, f32))> {
    let text = segment.to_str_lossy().ok()?.replace('\u{fffd}', "");
    let place = |hundredths: i64| {
        let within = usize::try_from(hundredths).unwrap_or(0).saturating_mul(RATE / 100);
        window.start + within.min(window.len())
    };
    let place = place(segment.start_timestamp())..place(segment.end_timestamp());
    let tokens = (0..segment.n_tokens()).filter_map(|at| segment.get_token(at));
    let words = tokens.filter(|token| token.token_id() < end_of_text);
    let sum = words.fold((0.0, 0.0), |(sum, count), token| {
        (sum + token.token_probability().clamp(0.0, 1.0), count + 1.0)
    });
    let confidence = (sum.1 > 0.0).then(|| sum.0 / sum.1);
    let milliseconds = |samples: usize| (samples / (RATE / 1_000)) as u64;
    let piece = Piece {
        start_ms: milliseconds(place.start),
        end_ms: milliseconds(place.end),
        text,
        confidence,
        no_speech: Some(segment.no_speech_probability()),
        spoken: Some(spoken(&place, speech)),
        packed: None,
    };
    Some((piece, sum))
}

/// Share of a range that is speech.
fn spoken(place: &Range<usize>, speech: &[Range<usize>]) -> f32 {
    let within =
        |one: &Range<usize>| one.end.min(place.end).saturating_sub(one.start.max(place.start));
    share(speech.iter().map(within).sum(), place.len())
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
fn share(part: usize, whole: usize) -> f32 {
    if whole == 0 { 0.0 } else { (part as f32 / whole as f32).min(1.0) }
}

/// Mean token probability over the segments kept.
#[derive(Default)]
struct Sure(HashMap<u64, (f32, f32)>);

impl Sure {
    fn add(&mut self, piece: &Piece, (sum, count): (f32, f32)) {
        let total = self.0.entry(piece.start_ms).or_default();
        *total = (total.0 + sum, total.1 + count);
    }

    fn mean(&self, kept: &[Piece]) -> Option<f32> {
        let of_kept = kept.iter().filter_map(|piece| self.0.get(&piece.start_ms));
        let (sum, count) = of_kept.fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
        (count > 0.0).then(|| sum / count)
    }
}

/// Whisper's code of a language given by its code, with or without a country.
fn known(code: &str) -> Option<&'static str> {
    let lower = code.trim().to_ascii_lowercase();
    let code = lower.split(['-', '_']).next().unwrap_or_default();
    let code = if code == "jv" { "jw" } else { code };
    let is_code = (2..=3).contains(&code.len()) && code.chars().all(|c| c.is_ascii_lowercase());
    is_code.then(|| get_lang_id(code)).flatten().and_then(get_lang_str)
}

/// ISO 639-1 code of a Whisper language; `None` if it has no two-letter code.
fn iso_639_1(whisper: &str) -> Option<String> {
    match whisper {
        "jw" => Some("jv".into()),
        "yue" => Some("zh".into()),
        other => (other.len() == 2).then(|| other.to_owned()),
    }
}
