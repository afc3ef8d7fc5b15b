//! Speech models in the process: used when they are there, told of when they are not, and how well they hear.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use frontdesk::config::Config;
use frontdesk::speech::{Error, Recording, Transcriber};
use tokio::process::Command;

use crate::support::process::BINARY;

fn shared(path: &str) -> Option<PathBuf> {
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let root = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from);
    Some(root.join(path)).filter(|path| path.exists())
}

const TINY: &str = "models/whisper/for-tests-ggml-tiny.bin";
const SILERO: &str = "models/whisper/for-tests-silero-v6.2.0-ggml.bin";

/// Runs a command in an empty folder with these variables only.
async fn run(home: &Path, args: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(home).env_clear().envs(variables.iter().copied());
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout) + &text(stderr))
}

#[track_caller]
fn says((good, text): &(bool, String), wanted: bool, words: &[&str]) {
    assert_eq!(*good, wanted, "{text}");
    for word in words {
        assert!(text.contains(word), "no `{word}` in:\n{text}");
    }
}

#[tokio::test]
async fn a_speech_model_that_is_imported_is_used_and_doctor_says_which_or_what_is_missing() {
    let (Some(tiny), Some(silero)) = (shared(TINY), shared(SILERO)) else {
        return println!("skipped: no shared data");
    };
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (tiny, silero) = (tiny.display().to_string(), silero.display().to_string());
    let fetch = "frontdesk models fetch whisper-small";
    says(&run(home, &["doctor"], &[]).await, true, &["note   voice notes", "off", fetch]);
    says(&run(home, &["models"], &[]).await, true, &["whisper-base.en", "silero-vad", fetch]);
    let taken = run(home, &["models", "import", &tiny, "--name", "ears"], &[]).await;
    says(&taken, true, &["ears is in data/models/ears: tiny, 99 languages", "MB in memory"]);
    let used = ["ok     voice notes    whisper/for-tests-ggml-tiny", "notes at once", "120 MB"];
    says(&run(home, &["doctor"], &[]).await, true, &used);
    says(&run(home, &["doctor"], &[]).await, true, &["models fetch silero-vad"]);
    says(&run(home, &["models", "import", &silero], &[]).await, true, &["finds speech"]);
    let list = run(home, &["models", "list"], &[]).await;
    says(&list, true, &["ears", "voice notes", "for-tests-silero", "finds speech"]);
    says(&run(home, &["doctor"], &[]).await, true, &["ggml.bin finds speech"]);
    let wanted = [("FRONTDESK__SPEECH__KIND", "whisper"), ("FRONTDESK__SPEECH__MODEL", "theirs")];
    says(&run(home, &["doctor"], &wanted).await, false, &["[speech]", "models fetch theirs"]);
    let off = [("FRONTDESK__SPEECH__KIND", "off")];
    says(&run(home, &["doctor"], &off).await, true, &["note   voice notes", "off"]);
    says(&run(home, &["models", "remove", "ears"], &[]).await, true, &["ears is removed"]);
    says(&run(home, &["doctor"], &[]).await, true, &["note   voice notes", fetch]);
}

#[tokio::test]
async fn a_broken_speech_model_is_named_when_the_desk_starts_and_not_imported() {
    let Some(tiny) = shared(TINY) else { return println!("skipped: no shared data") };
    let home = tempfile::tempdir().unwrap();
    let models = home.path().join("data/models/whisper-base");
    std::fs::create_dir_all(&models).unwrap();
    let whole = std::fs::read(tiny).unwrap();
    let broken = models.join("ggml-base.bin");
    std::fs::write(&broken, &whole[..200_000]).unwrap();
    let told = run(home.path(), &["doctor"], &[]).await;
    says(&told, false, &["[speech]", "ggml-base.bin is cut off", "fetch it again"]);
    let from = broken.display().to_string();
    let told = run(home.path(), &["models", "import", &from, "--name", "copy"], &[]).await;
    says(&told, false, &["cut off"]);
    assert!(!home.path().join("data/models/copy").exists());
    let text = home.path().join("notes.bin");
    std::fs::write(&text, "milk, bread").unwrap();
    let told = run(home.path(), &["models", "import", "notes.bin"], &[]).await;
    says(&told, false, &["no model of whisper.cpp"]);
    says(&run(home.path(), &["models", "remove", "whisper-base"], &[]).await, true, &["removed"]);
    says(&run(home.path(), &["doctor"], &[]).await, true, &["note   voice notes"]);
}

fn build(speech: &str) -> Result<Arc<dyn Transcriber>, String> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let folder = tempfile::tempdir().unwrap().path().display().to_string();
    let toml = format!("[models]\nfolder = {folder:?}\n[speech]\n{speech}\n");
    let config = Config::from_toml(&toml).map_err(|error| error.to_string())?;
    config.speech.build(&config.models)
}

#[tokio::test]
async fn a_chain_is_written_in_the_configuration_and_asked_in_its_order() {
    let Some(tiny) = shared(TINY) else { return println!("skipped: no shared data") };
    let whisper = format!("{{ kind = \"whisper\", path = {:?} }}", tiny.display().to_string());
    let openai = "{ kind = \"openai\", base_url = \"http://127.0.0.1:1\", retries = 0 }";
    let chain = build(&format!("kind = \"chain\"\norder = [{whisper}, {openai}]")).unwrap();
    assert_eq!(chain.name(), Some("whisper/for-tests-ggml-tiny or openai/whisper-1"));
    let text: Arc<[u8]> = b"no recording"[..].into();
    let recording = Recording {
        bytes: text,
        mime_type: "audio/amr",
        language: None,
        vocabulary: "",
        progress: None,
    };
    let error = chain.transcribe(&recording).await.unwrap_err();
    assert!(matches!(error, Error::Failed(_)), "the endpoint was asked, too: {error:?}");
    let alone = build(&format!("kind = \"chain\"\norder = [{whisper}]")).unwrap();
    let error = alone.transcribe(&recording).await.unwrap_err();
    assert!(matches!(error, Error::Unreadable(_)), "{error:?}");
    let told = |speech: &str| build(speech).err().expect("it is wrong");
    assert!(told("kind = \"chain\"\norder = []").contains("order"));
    assert!(told("kind = \"chain\"\norder = [{ kind = \"auto\" }]").contains("off"));
    let missing = format!("kind = \"chain\"\norder = [{openai}, {{ kind = \"whisper\" }}]");
    assert!(told(&missing).contains("models fetch whisper-small"));
    assert!(told("kind = \"whispr\"").contains("whisper"));
    assert_eq!(build("kind = \"auto\"").unwrap().name(), None);
}

/// The words of a text, to compare; letters where words are not set apart.
fn words(text: &str, language: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let clean = |c: char| if c.is_alphanumeric() || c == '\'' { c } else { ' ' };
    let bare: String = lower.chars().map(clean).collect();
    if ["ja", "zh", "th"].contains(&language) {
        return bare.chars().filter(|c| *c != ' ').map(String::from).collect();
    }
    bare.split_whitespace().map(str::to_owned).collect()
}

/// Words to change, add or leave out to make one text of the other.
fn errors(wanted: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (at, word) in wanted.iter().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (place, other) in heard.iter().enumerate() {
            let changed = before + usize::from(word != other);
            before = row[place + 1];
            row[place + 1] = changed.min(before + 1).min(row[place] + 1);
        }
    }
    row[heard.len()]
}

#[test]
fn errors_are_counted_in_words_and_where_there_are_none_in_letters() {
    let count =
        |wanted: &str, heard: &str, code: &str| errors(&words(wanted, code), &words(heard, code));
    assert_eq!(count("When do you open?", "when do you open", "en"), 0);
    assert_eq!(count("When do you open?", "", "en"), 4);
    assert_eq!(count("When do you open?", "when you are open", "en"), 2);
    assert_eq!(count("客観的実在", "客観的実際", "ja"), 1);
}

/// How well a real model hears: `FRONTDESK_WHISPER_MODEL=ggml-small.bin cargo test --test it voice::how_well -- --nocapture`.
/// `FRONTDESK_WHISPER_AUTO=1`: it is not told the language.
#[tokio::test]
async fn how_well_a_model_hears_by_language() {
    let Some(model) = std::env::var_os("FRONTDESK_WHISPER_MODEL").map(PathBuf::from) else {
        return println!("skipped: FRONTDESK_WHISPER_MODEL is not set");
    };
    let Some(folder) = shared("data/voice") else { return println!("skipped: no shared data") };
    let vad = shared(SILERO).map(|path| format!("vad_model = {:?}", path.display().to_string()));
    let model = model.display().to_string();
    let speech = format!("kind = \"whisper\"\npath = {model:?}\n{}", vad.unwrap_or_default());
    let transcriber = build(&speech).unwrap();
    let (mut table, mut notes, mut unread) = (BTreeMap::new(), String::new(), 0);
    let manifest = std::fs::read_to_string(folder.join("manifest.csv")).unwrap();
    for line in manifest.lines().skip(1) {
        let (file, rest) = line.split_once(',').unwrap();
        let (language, rest) = rest.split_once(',').unwrap();
        let (wanted, _) = rest.rsplit_once(',').unwrap();
        let told = std::env::var_os("FRONTDESK_WHISPER_AUTO").is_none() && language != "-";
        let recording = Recording {
            bytes: std::fs::read(folder.join(file)).unwrap().into(),
            mime_type: "",
            language: told.then_some(language),
            vocabulary: "",
            progress: None,
        };
        let begin = std::time::Instant::now();
        let heard = match transcriber.transcribe(&recording).await {
            Ok(heard) => heard,
            Err(Error::Unreadable(why)) => {
                unread += 1;
                writeln!(notes, "  {file}: {why}").unwrap();
                continue;
            }
            Err(error) => panic!("{file}: {error}"),
        };
        let (wanted, said) = (words(wanted, language), words(&heard.text, language));
        let row: &mut (usize, usize, usize, f64) = table.entry(language.to_owned()).or_default();
        *row = (row.0 + 1, row.1 + wanted.len(), row.2 + errors(&wanted, &said), row.3);
        row.3 += begin.elapsed().as_secs_f64();
        writeln!(notes, "  {file} [{:?}, {:?}]: {}", heard.language, heard.confidence, heard.text)
            .unwrap();
    }
    println!("{model}\nlanguage  clips  words  wrong  error rate  seconds a clip");
    for (language, (clips, all, wrong, seconds)) in &table {
        #[expect(clippy::cast_precision_loss, reason = "a percentage of few words")]
        let (rate, each) = (*wrong as f64 * 100.0 / (*all).max(1) as f64, seconds / *clips as f64);
        println!("{language:<9} {clips:>5} {all:>6} {wrong:>6} {rate:>9.1} % {each:>14.2}");
    }
    println!("{unread} clips were not read\n{notes}");
    assert!(!table.is_empty(), "no clip was read");
}
