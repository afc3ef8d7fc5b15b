//! In-process speech models: used when present, reported when missing, and their accuracy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk::config::Config;
use frontdesk::reader::Pool;
use frontdesk::speech::{Error, Recording, Transcriber};

use crate::support::process::{BINARY, run, says};

fn shared(path: &str) -> Option<PathBuf> {
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let root = std::env::var_os("FRONTDESK_SHARED").map_or_else(near, PathBuf::from);
    Some(root.join(path)).filter(|path| path.exists())
}

const TINY: &str = "models/whisper/for-tests-ggml-tiny.bin";
const SILERO: &str = "models/whisper/for-tests-silero-v6.2.0-ggml.bin";

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
    let mut config = Config::from_toml(&toml).map_err(|error| error.to_string())?;
    config.reader.program = Some(BINARY.into());
    let readers = Pool::new(config.reader.clone())?;
    config.speech.build(&config.models, &readers)
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

/// Accuracy of a real model: `FRONTDESK_WHISPER_MODEL=ggml-small.bin cargo test --test it
/// voice::how_well -- --nocapture`. With `FRONTDESK_WHISPER_AUTO=1` it detects the language itself.
#[tokio::test]
async fn how_well_a_model_hears_by_language() {
    let Some(model) = std::env::var_os("FRONTDESK_WHISPER_MODEL").map(PathBuf::from) else {
        return println!("skipped: FRONTDESK_WHISPER_MODEL is not set");
    };
    let Some(list) = shared("data/voice/manifest.csv") else {
        return println!("skipped: no shared data");
    };
    let home = tempfile::tempdir().unwrap();
    let (model, list) = (model.display().to_string(), list.display().to_string());
    let silero = shared(SILERO).unwrap().display().to_string();
    let variables = [
        ("FRONTDESK__SPEECH__KIND", "whisper"),
        ("FRONTDESK__SPEECH__PATH", model.as_str()),
        ("FRONTDESK__SPEECH__VAD_MODEL", silero.as_str()),
    ];
    let mut args = vec!["transcribe", "--reference", list.as_str()];
    if std::env::var_os("FRONTDESK_WHISPER_AUTO").is_some() {
        args.extend(["--language", "auto"]);
    }
    let (_, told) = run(home.path(), &args, &variables).await;
    println!("{told}");
    assert!(told.contains("error rate") && told.contains("\nen "), "no clip was read: {told}");
}
