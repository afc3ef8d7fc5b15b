//! `frontdesk transcribe`: its output for people, programs and players, and its errors.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::openai::OpenAi;
use crate::support::process::BINARY;

const NOTE: &[u8] = include_bytes!("../../crates/audio/tests/audio/samples/stereo.ogg");
const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

/// A folder with recordings, and an endpoint that understands one of them.
struct Desk {
    home: tempfile::TempDir,
    model: OpenAi,
}

impl Desk {
    async fn start() -> Self {
        let (home, model) = (tempfile::tempdir().unwrap(), OpenAi::start().await);
        let part = |start: f64, end: f64, text: &str| {
            let (sure, silent) = (-0.105_360_5, 0.01);
            json!({"start": start, "end": end, "text": text, "avg_logprob": sure, "no_speech_prob": silent})
        };
        let answer = json!({
            "language": "english", "duration": 63.5, "text": " Are you open on Sunday? I would come at ten.",
            "segments": [
                part(0.0, 2.4, " Are you open on Sunday?"),
                part(61.0, 63.48, " I would come at ten."),
            ],
        });
        model.put_verbose(NOTE, answer);
        std::fs::write(home.path().join("note.ogg"), NOTE).unwrap();
        std::fs::write(home.path().join("photo.ogg"), JPEG).unwrap();
        Self { home, model }
    }

    /// Runs `frontdesk transcribe` with the endpoint. Returns success, standard output and standard
    /// error.
    async fn run(&self, args: &[&str]) -> (bool, String, String) {
        let speech = [("KIND", "openai"), ("BASE_URL", self.model.url.as_str()), ("RETRIES", "0")];
        run(self.home.path(), args, &speech).await
    }
}

async fn run(home: &Path, args: &[&str], speech: &[(&str, &str)]) -> (bool, String, String) {
    let mut command = Command::new(BINARY);
    command.arg("transcribe").args(args).current_dir(home).env_clear();
    command.envs(speech.iter().map(|(key, value)| (format!("FRONTDESK__SPEECH__{key}"), value)));
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout), text(stderr))
}

#[tokio::test]
async fn a_recording_is_shown_with_its_language_and_times() {
    let desk = Desk::start().await;
    let names = "Acme, Zapfhahn";
    let (good, out, err) = desk.run(&["--language", "en", "--vocabulary", names, "note.ogg"]).await;
    assert!(good && err.is_empty(), "{out}{err}");
    let lines: Vec<&str> = out.lines().collect();
    for word in [
        "note.ogg: 63.5 s, en, 90 % sure, took ",
        " times faster than real time), openai/whisper-1",
    ] {
        assert!(lines[0].contains(word), "{out}");
    }
    assert_eq!(lines[1], "[00:00.0 → 00:02.4] Are you open on Sunday?");
    assert_eq!(lines[2], "[01:01.0 → 01:03.4] I would come at ten.");
    let asked = &desk.model.recorded()[0];
    assert_eq!((asked.bytes.as_slice(), asked.fields["prompt"].as_str()), (NOTE, names));
    assert_eq!(asked.fields["language"], "en");
}

#[tokio::test]
async fn a_picture_and_a_missing_file_are_told_and_the_rest_is_done() {
    let desk = Desk::start().await;
    let files = ["photo.ogg", "nowhere.ogg", "note.ogg"];
    let (good, out, err) = desk.run(&files).await;
    assert!(!good);
    assert!(out.starts_with("note.ogg: ") && out.contains("on Sunday?"), "{out}");
    for word in ["photo.ogg: this is a JPEG picture, not a sound", "nowhere.ogg: cannot read it"] {
        assert!(err.contains(word), "{err}");
    }
    assert_eq!(desk.model.recorded().len(), 1, "the picture went nowhere");
}

#[tokio::test]
async fn programs_get_one_array_with_what_failed_in_it() {
    let desk = Desk::start().await;
    let (good, out, _) = desk.run(&["--json", "note.ogg", "photo.ogg"]).await;
    assert!(!good);
    let mut told: Value = serde_json::from_str(&out).unwrap();
    for one in told.as_array_mut().unwrap() {
        assert!(one["took_ms"].is_u64(), "{one}");
        one["took_ms"] = json!(0);
    }
    assert!((told[0]["confidence"].as_f64().unwrap() - 0.9).abs() < 1e-4, "{told}");
    told[0]["confidence"] = json!(0.9);
    assert_eq!(
        told,
        json!([
            {
                "file": "note.ogg", "text": "Are you open on Sunday? I would come at ten.",
                "language": "en", "confidence": 0.9, "seconds": 63.5,
                "segments": [
                    {"start_ms": 0, "end_ms": 2_400, "text": "Are you open on Sunday?"},
                    {"start_ms": 61_000, "end_ms": 63_480, "text": "I would come at ten."},
                ],
                "by": "openai/whisper-1", "took_ms": 0, "error": null,
            },
            {
                "file": "photo.ogg", "text": null, "language": null, "confidence": null,
                "seconds": null, "segments": [], "by": null, "took_ms": 0,
                "error": "this is a JPEG picture, not a sound",
            },
        ])
    );
}

#[tokio::test]
async fn players_get_the_subtitles_of_one_recording() {
    let desk = Desk::start().await;
    let (good, out, err) = desk.run(&["--srt", "note.ogg"]).await;
    assert!(good && err.is_empty(), "{out}{err}");
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("transcribe_srt", out);
    });
    let (good, out, err) = desk.run(&["--srt", "note.ogg", "photo.ogg"]).await;
    assert!(!good && out.is_empty() && err.contains("--srt prints the subtitles of one"), "{err}");
}

#[tokio::test]
async fn a_list_of_what_is_said_scores_by_language() {
    let desk = Desk::start().await;
    let list = desk.home.path().join("clips/list.csv");
    std::fs::create_dir(desk.home.path().join("clips")).unwrap();
    std::fs::write(
        &list,
        "file,lang,transcript,kind\n\
        ../note.ogg,en,\"Are you open on Sundays? I would come at ten, too.\",human\n\
        ../photo.ogg,de,Ja,human\n",
    )
    .unwrap();
    let (good, out, err) = desk.run(&["--reference", "clips/list.csv"]).await;
    assert!(!good && err.contains("photo.ogg: this is a JPEG"), "{err}");
    let row = out.lines().find(|line| line.starts_with("en ")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells[..8], ["en", "human", "1", "11", "1", "1", "0", "18.2"], "{out}");
    assert!(out.contains("1 of 2 recordings were not transcribed."), "{out}");
    assert_eq!(desk.model.recorded()[0].fields["language"], "en", "it is told the language");
    desk.run(&["--reference", "clips/list.csv", "--language", "auto"]).await;
    assert!(!desk.model.recorded()[1].fields.contains_key("language"));
    let (_, out, _) = desk.run(&["--reference", "clips/list.csv", "--json"]).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    let errors = json!({"words": 11, "changed": 1, "missing": 1, "added": 0});
    assert_eq!(told[0]["errors"], errors);
    std::fs::write(&list, "a,b\n").unwrap();
    let (good, _, err) = desk.run(&["--reference", "clips/list.csv"]).await;
    assert!(!good && err.contains("`transcript`"), "{err}");
}

#[tokio::test]
async fn without_anything_that_transcribes_it_says_what_to_do() {
    let desk = Desk::start().await;
    for kind in ["off", "auto"] {
        let (good, out, err) = run(desk.home.path(), &["note.ogg"], &[("KIND", kind)]).await;
        assert!(!good && out.is_empty());
        for word in ["frontdesk models fetch whisper-small", "kind = \"openai\""] {
            assert!(err.contains(word), "{kind}: {err}");
        }
    }
    let (good, _, err) = run(desk.home.path(), &[], &[]).await;
    assert!(!good && err.contains("Usage"), "{err}");
    let (good, out, _) = run(desk.home.path(), &["--help"], &[]).await;
    assert!(good && out.contains("Examples:") && out.contains("--srt tour.mp4"), "{out}");
}

#[tokio::test]
async fn a_model_in_the_process_is_asked_in_the_same_way() {
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let root = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from);
    let tiny = root.join("models/whisper/for-tests-ggml-tiny.bin");
    let clip = root.join("data/voice/jfk.wav");
    if !tiny.exists() || !clip.exists() {
        return println!("skipped: no shared data");
    }
    let (tiny, clip) = (tiny.display().to_string(), clip.display().to_string());
    let home = tempfile::tempdir().unwrap();
    let speech = [("KIND", "whisper"), ("PATH", tiny.as_str())];
    let (good, out, err) = run(home.path(), &[&clip], &speech).await;
    assert!(good, "{err}");
    for word in ["jfk.wav: 11.0 s, took ", "whisper/for-tests-ggml-tiny", "(nothing was said)"] {
        assert!(out.contains(word), "{out}");
    }
    let (good, out, _) = run(home.path(), &["--srt", &clip], &speech).await;
    assert!(good && out.is_empty(), "{out}");
}
