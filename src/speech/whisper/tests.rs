//! Test support: the adapter with whisper.cpp's model without weights, which runs fully but
//! recognizes nothing, and with a real voice activity model.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::vad::VoiceDetector;
use super::*;

fn shared(path: &str) -> Option<PathBuf> {
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let root = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from);
    Some(root.join(path)).filter(|path| path.exists())
}

/// Path of shared test data that not every checkout has; without it the test ends.
macro_rules! shared {
    ($path:expr) => {
        match shared($path) {
            Some(path) => path,
            None => return println!("skipped: no shared data"),
        }
    };
}

const TINY: &str = "models/whisper/for-tests-ggml-tiny.bin";
const SILERO: &str = "models/whisper/for-tests-silero-v6.2.0-ggml.bin";
const JFK: &str = "data/voice/jfk.wav";

fn whisper(settings: &str) -> Whisper {
    let settings: Settings = toml::from_str(settings).unwrap();
    Whisper::new(&settings, &shared(TINY).unwrap(), shared(SILERO), Decoder::Here).unwrap()
}

fn recording(bytes: &Arc<[u8]>) -> Recording<'static> {
    Recording {
        bytes: bytes.clone(),
        mime_type: "audio/wav",
        language: Some("en"),
        vocabulary: "",
        progress: None,
    }
}

/// A WAV file of samples.
fn wav(samples: &[f32]) -> Arc<[u8]> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of floats stops at the ends")]
    let data: Vec<u8> =
        samples.iter().flat_map(|x| ((x * 32_767.0) as i16).to_le_bytes()).collect();
    let size = |extra: usize| u32::try_from(data.len() + extra).unwrap().to_le_bytes();
    let format = [16, 0, 0, 0, 1, 0, 1, 0, 128, 62, 0, 0, 0, 125, 0, 0, 2, 0, 16, 0];
    let head = [b"RIFF", &size(36)[..], b"WAVEfmt ", &format, b"data", &size(0)].concat();
    [head, data].concat().into()
}

/// A sentence of Kennedy's, repeated; 11 seconds each time.
fn kennedy(times: usize) -> Arc<[u8]> {
    let bytes = std::fs::read(shared(JFK).unwrap()).unwrap();
    wav(&samples::samples(&bytes, 60, &|| false).unwrap().repeat(times))
}

fn at_work(whisper: &Whisper) -> usize {
    whisper.model.states.now.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_model_without_weights_hears_nothing_and_says_so_without_an_error() {
    shared!(TINY);
    let whisper = whisper("");
    assert_eq!(whisper.name(), Some("whisper/for-tests-ggml-tiny"));
    let transcript = whisper.transcribe(&recording(&kennedy(1))).await.unwrap();
    let wanted = Transcript {
        seconds: Some(11.0),
        by: "whisper/for-tests-ggml-tiny".into(),
        ..Transcript::default()
    };
    assert_eq!(transcript, wanted);
    assert_eq!(whisper.model.states.most.load(Ordering::SeqCst), 1, "the model did run");
    assert_eq!(at_work(&whisper), 0, "its working memory is given back");
    // Language detection runs, and an overlong or strange vocabulary does no harm.
    let strange = "Ärzte, \0 naïve 日本語 🎉 ".repeat(2_000);
    let recording = Recording { language: None, vocabulary: &strange, ..recording(&kennedy(1)) };
    assert_eq!(whisper.transcribe(&recording).await.unwrap().text, "");
}

#[tokio::test]
async fn silence_is_answered_without_the_model() {
    shared!(TINY);
    let whisper = whisper("");
    let silence = wav(&vec![0.0; 20 * RATE]);
    let transcript = whisper.transcribe(&recording(&silence)).await.unwrap();
    assert_eq!((transcript.text.as_str(), transcript.seconds), ("", Some(20.0)));
    assert_eq!(whisper.model.states.most.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn never_more_recordings_are_at_work_than_there_are_workers() {
    shared!(TINY);
    let whisper = whisper("workers = 2");
    let bytes = kennedy(1);
    let recordings = (0..4).map(|_| recording(&bytes)).collect::<Vec<_>>();
    let all = recordings.iter().map(|recording| whisper.transcribe(recording));
    let done = futures::future::join_all(all).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(whisper.model.states.most.load(Ordering::SeqCst), 2);
    assert_eq!(at_work(&whisper), 0);
    assert!(lock(&whisper.idle_workers).len() <= 2, "what a worker keeps is kept once for each");
}

#[tokio::test]
async fn work_that_takes_too_long_ends_and_the_worker_goes_on() {
    shared!(TINY);
    let whisper = whisper("workers = 1\ntimeout_ms = 300");
    let bytes = kennedy(30);
    let begin = Instant::now();
    let error = whisper.transcribe(&recording(&bytes)).await.unwrap_err();
    assert!(error.to_string().contains("timeout_ms"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    assert_eq!(whisper.places.available_permits(), 1);
    assert_eq!(at_work(&whisper), 0);
}

#[tokio::test]
async fn who_stops_waiting_stops_the_work() {
    shared!(TINY);
    let whisper = whisper("workers = 1");
    // Five minutes: about 11 windows of half a second or more of work each.
    let bytes = kennedy(28);
    let windows = tokio::sync::Notify::new();
    let report = |_: f32| windows.notify_one();
    let wanted = Recording { progress: Some(&report), ..recording(&bytes) };
    let mut work = Box::pin(whisper.transcribe(&wanted));
    let begun = Instant::now();
    // In the middle of the second window.
    let second = async {
        windows.notified().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    tokio::select! {
        done = &mut work => panic!("too fast: {done:?}"),
        () = second => {}
    }
    // The time per window depends on the load of the machine.
    let window = begun.elapsed();
    let dropped = Instant::now();
    drop(work);
    let place = whisper.places.acquire().await.unwrap();
    let took = dropped.elapsed();
    println!("the worker was free again after {took:?}");
    assert!(took < 5 * window, "{took:?} after a window of {window:?}, and ten were left");
    assert_eq!(at_work(&whisper), 0);
    drop(place);
}

#[tokio::test]
async fn one_who_waits_for_a_place_and_goes_away_takes_none() {
    shared!(TINY);
    let whisper = whisper("workers = 1");
    let bytes = kennedy(1);
    let (first, second) = (recording(&bytes), recording(&bytes));
    let first = whisper.transcribe(&first);
    let second = async {
        let second = whisper.transcribe(&second);
        tokio::time::timeout(Duration::from_millis(20), second).await.unwrap_err();
    };
    let (first, ()) = tokio::join!(first, second);
    first.unwrap();
    assert_eq!(whisper.places.available_permits(), 1);
    assert_eq!(whisper.model.states.most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn how_much_is_done_of_a_long_recording_is_told() {
    shared!(TINY);
    let whisper = whisper("");
    let bytes = kennedy(4);
    let told = Mutex::new(Vec::new());
    let report = |share: f32| lock(&told).push(share);
    let recording = Recording { progress: Some(&report), ..recording(&bytes) };
    let transcript = whisper.transcribe(&recording).await.unwrap();
    assert_eq!(transcript.seconds, Some(44.0));
    let told = lock(&told).clone();
    assert!(told.len() >= 2, "{told:?}");
    assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
    assert!(told.iter().all(|share| (0.0..=1.0).contains(share)), "{told:?}");
}

#[tokio::test]
async fn what_is_too_long_or_no_recording_is_told_before_any_work() {
    shared!(TINY);
    let whisper = whisper("longest_seconds = 10");
    let error = whisper.transcribe(&recording(&kennedy(1))).await.unwrap_err();
    assert_eq!(error, Error::TooLong { seconds: 11, limit: 10 });
    for bytes in [&b""[..], b"hello, this is a text", b"RIFF\0\0\0\0WAVE"] {
        let error = whisper.transcribe(&recording(&bytes.into())).await.unwrap_err();
        assert!(matches!(error, Error::Unreadable(_)), "{error:?}");
    }
    assert_eq!(whisper.model.states.most.load(Ordering::SeqCst), 0);
}

/// The error for a file of these bytes.
fn refused(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ggml-mine.bin");
    std::fs::write(&path, bytes).unwrap();
    let error =
        Whisper::new(&Settings::default(), &path, None, Decoder::Here).err().expect("it is broken");
    assert!(error.contains("ggml-mine.bin"), "{error}");
    error
}

/// A tensor of two 4-byte numbers, as whisper.cpp writes it.
fn tensor() -> Vec<u8> {
    let head: [u32; 4] = [1, 4, 0, 2];
    let mut bytes: Vec<u8> = head.iter().flat_map(|number| number.to_le_bytes()).collect();
    bytes.extend(b"name\x01\x02\x03\x04\x05\x06\x07\x08");
    bytes
}

#[test]
fn broken_files_are_told_from_models_before_whisper_sees_them() {
    let tiny = std::fs::read(shared!(TINY)).unwrap();
    let path = shared!(TINY);
    let shape = file::read(&path).unwrap();
    assert_eq!((shape.name.as_str(), shape.multilingual, shape.tensors), ("tiny", true, 0));
    let english = file::read(&shared!("models/whisper/for-tests-ggml-tiny.en.bin")).unwrap();
    assert_eq!((english.name.as_str(), english.multilingual), ("tiny.en", false));
    for text in [&b""[..], b"abc", b"this is no model, but a text about one"] {
        assert!(refused(text).contains("no model of whisper.cpp"));
    }
    let silero = std::fs::read(shared!(SILERO)).unwrap();
    assert!(refused(&silero).contains("no model of whisper.cpp"));
    for end in [8, 40, 1_000, 100_000, tiny.len() - 1] {
        assert!(refused(&tiny[..end]).contains("cut off"), "{end}");
    }
    let mut other = tiny.clone();
    other[12..16].copy_from_slice(&100_000_u32.to_le_bytes());
    assert!(refused(&other).contains("fit no size"));
    // With weights: a whole, a truncated and a corrupt tensor.
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("ggml-whole.bin");
    std::fs::write(&whole, [tiny.clone(), tensor()].concat()).unwrap();
    assert_eq!(file::read(&whole).unwrap().tensors, 1);
    let cut = [tiny.clone(), tensor()].concat();
    assert!(refused(&cut[..cut.len() - 3]).contains("cut off"));
    assert!(refused(&[tiny.clone(), vec![255; 40]].concat()).contains("broken"));
    let huge: Vec<u8> = [4, 0, 0, u32::MAX, u32::MAX, u32::MAX, u32::MAX]
        .iter()
        .flat_map(|number: &u32| number.to_le_bytes())
        .collect();
    assert!(refused(&[tiny, huge].concat()).contains("too large"));
}

#[test]
fn files_that_are_not_there_and_wrong_settings_are_named() {
    let path = shared!(TINY);
    let told = |settings: &str, file: &Path, vad: Option<PathBuf>| {
        let settings: Settings = toml::from_str(settings).unwrap();
        Whisper::new(&settings, file, vad, Decoder::Here).err().expect("an error")
    };
    assert!(told("", Path::new("/no/ggml-x.bin"), None).contains("/no/ggml-x.bin cannot be read"));
    assert!(told("", path.parent().unwrap(), None).contains("is a folder"));
    assert!(told("threads = 0", &path, None).contains("threads"));
    assert!(told("timeout_ms = 0", &path, None).contains("timeout_ms"));
    for vad in [PathBuf::from("/no/silero.bin"), path.clone()] {
        assert!(told("", &path, Some(vad)).contains("models fetch silero-vad"));
    }
    let silero = std::fs::read(shared!(SILERO)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.bin");
    std::fs::write(&cut, &silero[..silero.len() / 2]).unwrap();
    assert!(told("", &path, Some(cut)).contains("finds speech"));
    assert!(toml::from_str::<Settings>("modle = 1").unwrap_err().to_string().contains("modle"));
}

/// Audio without speech: noise, a pulsing chord, and a tune.
fn sounds() -> Vec<(&'static str, Vec<f32>)> {
    let mut state = 7_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap()) / 32_768.0 - 1.0
    };
    let noise: Vec<f32> = (0..10 * RATE).map(|_| noise() * 0.2).collect();
    #[expect(clippy::cast_precision_loss, reason = "seconds of a short sound")]
    let make = |wave: &dyn Fn(f32) -> f32| -> Vec<f32> {
        (0..10 * RATE).map(|at| wave(at as f32 / RATE as f32)).collect()
    };
    let sine = |hertz: f32, time: f32| (hertz * std::f32::consts::TAU * time).sin();
    let beat = |time: f32| (-4.0 * (time % 0.5)).exp();
    let chord = make(&|time| {
        let tones = [261.6, 329.6, 392.0, 523.3];
        0.1 * beat(time) * tones.iter().map(|hertz| sine(*hertz, time)).sum::<f32>()
    });
    let tune = make(&|time| {
        let notes = [262.0, 294.0, 330.0, 349.0, 392.0, 440.0, 494.0, 523.0];
        let place = (time * 3.0).floor().rem_euclid(8.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let note = notes[place as usize];
        0.2 * (sine(note, time) + 0.4 * sine(2.0 * note, time) + 0.2 * sine(3.0 * note, time))
    });
    let hum = make(&|time| 0.1 * sine(50.0, time));
    vec![("noise", noise), ("chord", chord), ("tune", tune), ("hum", hum)]
}

#[test]
fn speech_is_found_in_every_clip_and_none_in_silence_noise_and_music() {
    let mut silero = VoiceDetector::load(Some(&shared!(SILERO))).unwrap();
    let mut gate = VoiceDetector::load(None).unwrap();
    let folder = shared!("data/voice");
    let clips = ["jfk", "coqui/LDC93S1", "coqui/ru", "leopard/test"].map(str::to_owned);
    let more =
        ["de", "es", "fr", "it", "ja", "ko", "pt"].map(|code| format!("leopard/test_{code}"));
    for clip in clips.into_iter().chain(more) {
        let bytes = std::fs::read(folder.join(format!("{clip}.wav"))).unwrap();
        let samples = samples::samples(&bytes, 60, &|| false).unwrap();
        for (finder, voices) in [("silero", &mut silero), ("gate", &mut gate)] {
            let found: usize =
                voices.find(&samples).unwrap().iter().map(ExactSizeIterator::len).sum();
            let percent = found * 100 / samples.len();
            println!("{finder:<7} {clip:<16} {percent} % speech");
            assert!(percent >= 30, "{clip}: {finder} finds speech in {percent} %");
        }
    }
    let bytes = std::fs::read(folder.join("leopard/empty.wav")).unwrap();
    let empty = samples::samples(&bytes, 60, &|| false).unwrap();
    let silence = vec![0.0; 5 * RATE];
    for (name, sound) in sounds().into_iter().chain([("empty", empty), ("silence", silence)]) {
        let places = silero.find(&sound).unwrap();
        assert!(places.is_empty(), "speech in {name}: {places:?}");
        println!("gate    {name:<16} {} places", gate.find(&sound).unwrap().len());
    }
    assert!(gate.find(&vec![0.0; 5 * RATE]).unwrap().is_empty());
    assert!(gate.find(&vec![0.001; 5 * RATE]).unwrap().is_empty());
}

#[tokio::test]
async fn noise_and_music_are_answered_without_the_model() {
    shared!(TINY);
    let whisper = whisper("");
    for (name, sound) in sounds() {
        let transcript = whisper.transcribe(&recording(&wav(&sound))).await.unwrap();
        assert_eq!(transcript.text, "", "{name}");
    }
    assert_eq!(whisper.model.states.most.load(Ordering::SeqCst), 0);
}
