//! In-process models: fetched completely or not at all, imported, listed, removed, and used without
//! being configured when they are present.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use frontdesk::config::Config;
use frontdesk::models::{CATALOG, CatalogModel, Part, Settings, Use, Watch};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::embedding::tiny::{BERT, Tiny, XLM_ROBERTA};
use crate::question_answering::fixture;
use crate::support::hub::Hub;
use crate::support::process::{run, says};

const fn part(path: &'static str, sha256: &'static str, optional: bool) -> Part {
    Part { path, sha256, optional }
}

/// A model like those of the hub.
const MODEL: CatalogModel = CatalogModel {
    name: "tiny-model",
    purpose: Use::Embed,
    about: "",
    megabytes: 1,
    repository: "owner/tiny",
    revision: "c0ffee",
    parts: &[
        part("config.json", "", false),
        part("1_Pooling/config.json", "", true),
        part("tokenizer_config.json", "", true),
        part("tokenizer.json", "", false),
        part("model.safetensors", "", false),
    ],
};

/// Returns the large file: 300,000 bytes without repetition.
fn weights() -> Vec<u8> {
    (0..75_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

async fn hub() -> Hub {
    let weights = weights();
    let files: [(&str, &[u8]); 4] = [
        ("config.json", b"{}"),
        ("1_Pooling/config.json", b"{\"p\":1}"),
        ("tokenizer.json", b"{\"t\":1}"),
        ("model.safetensors", &weights),
    ];
    Hub::start(&files).await
}

fn settings(home: &Path, hub_url: &str) -> Settings {
    let folder = home.join("models").display().to_string();
    Config::from_toml(&format!("[models]\nfolder = {folder:?}\nhub_url = {hub_url:?}"))
        .unwrap()
        .models
}

/// The reported progress: files with the bytes already present and the total, and received bytes.
#[derive(Default)]
struct Seen {
    files: Mutex<Vec<(String, u64, Option<u64>)>>,
    bytes: Mutex<u64>,
}

impl Watch for Seen {
    fn file(&self, path: &str, had: u64, total: Option<u64>) {
        self.files.lock().unwrap().push((path.to_owned(), had, total));
    }

    fn bytes(&self, count: u64) {
        *self.bytes.lock().unwrap() += count;
    }
}

/// Returns the relative path of every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                all.push(entry.path().strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    all.sort();
    all
}

struct Fetching {
    home: TempDir,
    hub: Hub,
    models: Settings,
    seen: Seen,
}

impl Fetching {
    async fn new() -> Self {
        let (home, hub) = (tempfile::tempdir().unwrap(), hub().await);
        let models = settings(home.path(), &hub.url);
        Self { home, hub, models, seen: Seen::default() }
    }

    async fn fetch(&self) -> Result<PathBuf, String> {
        self.models.fetch(&MODEL, &self.seen).await
    }

    fn files(&self) -> Vec<String> {
        files(&self.home.path().join("models"))
    }

    /// Returns the `Range` of each request for the large file at its host.
    fn ranges(&self) -> Vec<Option<String>> {
        let asked = self.hub.asked().into_iter();
        asked.filter(|(path, _)| path == "/model.safetensors").map(|(_, range)| range).collect()
    }

    fn is_whole(&self) {
        let folder = self.home.path().join("models/tiny-model");
        assert!(std::fs::read(folder.join("model.safetensors")).unwrap() == weights());
        let wanted =
            ["1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json"];
        assert_eq!(self.files(), wanted.map(|file| format!("tiny-model/{file}")));
    }
}

const PINNED: CatalogModel =
    CatalogModel { parts: &[part("model.safetensors", "beef", false)], ..MODEL };
const OTHER: CatalogModel =
    CatalogModel { parts: &[part("weights.safetensors", "", false)], ..MODEL };
const HALF: &str = ".fetch-tiny-model/model.safetensors.part";

#[tokio::test]
async fn a_model_is_fetched_from_the_pinned_commit_and_from_the_host_that_the_hub_names() {
    let fetching = Fetching::new().await;
    assert_eq!(fetching.fetch().await.unwrap(), fetching.home.path().join("models/tiny-model"));
    fetching.is_whole();
    let asked = fetching.hub.asked();
    let paths: Vec<_> = asked.iter().map(|(path, _)| path.as_str()).collect();
    let wanted = [
        "/owner/tiny/resolve/c0ffee/config.json",
        "/owner/tiny/resolve/c0ffee/1_Pooling/config.json",
        "/owner/tiny/resolve/c0ffee/tokenizer_config.json",
        "/owner/tiny/resolve/c0ffee/tokenizer.json",
        "/owner/tiny/resolve/c0ffee/model.safetensors",
        "/model.safetensors",
    ];
    assert_eq!(paths, wanted);
    let last = fetching.seen.files.lock().unwrap().last().cloned().unwrap();
    assert_eq!(last, ("model.safetensors".into(), 0, Some(300_000)));
    assert_eq!(*fetching.seen.bytes.lock().unwrap(), 300_000 + 2 + 7 + 7);
    // Files that are present are not requested again.
    fetching.fetch().await.unwrap();
    assert_eq!(fetching.hub.asked().len(), 6);
}

#[tokio::test]
async fn a_model_of_one_file_is_fetched_listed_by_what_is_in_it_and_removed() {
    const FILE: &[Part] = &[part("ggml-tiny.bin", "", false)];
    const LISTENER: CatalogModel = CatalogModel { purpose: Use::Listen, parts: FILE, ..MODEL };
    // The magic number, the vocabulary size, and arbitrary data in place of the rest.
    let file = [b"lmgg".as_slice(), &51_865_u32.to_le_bytes(), &weights()].concat();
    let (home, hub) = (tempfile::tempdir().unwrap(), Hub::start(&[("ggml-tiny.bin", &file)]).await);
    let models = settings(home.path(), &hub.url);
    models.fetch(&LISTENER, &Seen::default()).await.unwrap();
    let found = models.found("tiny-model").unwrap();
    assert_eq!((found.purpose, found.size), (Use::Listen, file.len() as u64));
    assert_eq!(found.path, home.path().join("models/tiny-model/ggml-tiny.bin"));
    // A model file next to the folders counts as a model, other files do not.
    let folder = models.folder().to_owned();
    std::fs::write(folder.join("ggml-silero.bin"), b"lmgg\x0a\0\0\0silero-16k").unwrap();
    std::fs::write(folder.join("ggml-text.bin"), b"milk, bread").unwrap();
    let names = models.list().into_iter().map(|found| (found.name, found.purpose));
    let wanted = [("ggml-silero.bin", Use::Voices), ("tiny-model", Use::Listen)];
    assert_eq!(names.collect::<Vec<_>>(), wanted.map(|(name, purpose)| (name.to_owned(), purpose)));
    assert!(models.remove("ggml-silero.bin").unwrap() && models.remove("tiny-model").unwrap());
    assert!(models.list().is_empty());
}

#[tokio::test]
async fn a_cut_connection_is_taken_up_where_it_broke() {
    let fetching = Fetching::new().await;
    fetching.hub.cut_after(20_000);
    fetching.hub.cut_after(100_000);
    fetching.fetch().await.unwrap();
    fetching.is_whole();
    let ranges = fetching.ranges();
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    assert!(ranges[0].is_none() && ranges[1].is_some() && ranges[2].is_some(), "{ranges:?}");
    assert_eq!(*fetching.seen.bytes.lock().unwrap(), 300_016, "nothing came twice");
}

#[tokio::test]
async fn what_an_ended_process_left_is_used() {
    let fetching = Fetching::new().await;
    let half = fetching.home.path().join("models").join(HALF);
    std::fs::create_dir_all(half.parent().unwrap()).unwrap();
    std::fs::write(&half, &weights()[..123_456]).unwrap();
    fetching.fetch().await.unwrap();
    fetching.is_whole();
    assert_eq!(fetching.ranges(), [Some("bytes=123456-".to_owned())]);
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_sends_all_of_it_again() {
    let fetching = Fetching::new().await;
    fetching.hub.ignore_ranges();
    fetching.hub.cut_after(100_000);
    fetching.fetch().await.unwrap();
    fetching.is_whole();
}

#[tokio::test]
async fn all_that_came_before_the_end_of_a_process_is_checked_and_taken() {
    let fetching = Fetching::new().await;
    let half = fetching.home.path().join("models").join(HALF);
    std::fs::create_dir_all(half.parent().unwrap()).unwrap();
    std::fs::write(&half, weights()).unwrap();
    fetching.fetch().await.unwrap();
    fetching.is_whole();
}

#[tokio::test]
async fn a_file_with_another_checksum_is_refused_and_not_kept() {
    let fetching = Fetching::new().await;
    let other = hex::encode(Sha256::digest(b"another file"));
    fetching.hub.announce_hash(&other);
    let told = fetching.fetch().await.unwrap_err();
    for word in ["model.safetensors", &other, "not kept", "Try again"] {
        assert!(told.contains(word), "no `{word}` in: {told}");
    }
    let left = fetching.files();
    assert!(left.iter().all(|file| !file.contains("safetensors")), "{left:?}");
    assert!(fetching.models.found("tiny-model").is_none(), "half a model has no name");
    // The pinned hash takes precedence over the hub's own.
    let told = fetching.models.fetch(&PINNED, &fetching.seen).await.unwrap_err();
    assert!(told.contains("beef"), "{told}");
}

#[tokio::test]
async fn a_file_that_is_missing_on_the_hub_is_named() {
    let fetching = Fetching::new().await;
    let told = fetching.models.fetch(&OTHER, &fetching.seen).await.unwrap_err();
    for word in ["weights.safetensors", "404", "hub_url", "models import"] {
        assert!(told.contains(word), "no `{word}` in: {told}");
    }
}

#[tokio::test]
async fn without_a_network_it_is_said_what_can_be_done() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let home = tempfile::tempdir().unwrap();
    let models = settings(home.path(), "http://127.0.0.1:1");
    let told = models.fetch(&MODEL, &Seen::default()).await.unwrap_err();
    for word in ["127.0.0.1 cannot be reached", "hub_url", "models import DIR"] {
        assert!(told.contains(word), "no `{word}` in: {told}");
    }
}

#[test]
fn every_known_model_is_pinned_and_has_what_its_use_needs() {
    for known in CATALOG {
        assert_eq!(known.revision.len(), 40, "{}", known.name);
        let has = |path: &str| known.parts.iter().any(|part| part.path == path && !part.optional);
        match known.purpose {
            Use::Embed | Use::Rerank | Use::AnswerQuestions => {
                for file in ["config.json", "tokenizer.json", "model.safetensors"] {
                    assert!(has(file), "{}: {file}", known.name);
                }
            }
            Use::Listen | Use::Voices => {
                assert_eq!(known.parts.len(), 1, "{} is one file", known.name);
            }
        }
        let hashes = known.parts.iter().map(|part| part.sha256.len());
        assert!(hashes.clone().all(|length| length == 0 || length == 64), "{}", known.name);
        // No hash of these is known.
        let has_none = known.purpose == Use::AnswerQuestions;
        assert_eq!(hashes.max(), Some(if has_none { 0 } else { 64 }), "{}", known.name);
    }
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let home = tempfile::tempdir().unwrap();
    let models = settings(home.path(), "");
    for name in ["", "..", "../x", "a/b", "/etc", ".hidden", "a\\b", "a b"] {
        assert!(models.path(name).is_err(), "{name}");
        assert!(models.remove(name).is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_model_that_is_imported_is_used_and_doctor_says_which_or_what_is_missing() {
    let (home, made) = (tempfile::tempdir().unwrap(), BERT.make());
    let from = made.home.path().join("tiny");
    std::fs::write(from.join("holiday.jpg"), "not of the model").unwrap();
    let from = from.display().to_string();
    let home = home.path();
    let bare = run(home, &["doctor"], &[]).await;
    says(
        &bare,
        true,
        &["note   embeddings", "off", "frontdesk models fetch multilingual-e5-small"],
    );
    says(
        &run(home, &["models"], &[]).await,
        true,
        &["none", "all-MiniLM-L6-v2", "models fetch NAME"],
    );
    let taken = run(home, &["models", "import", &from, "--name", "mine"], &[]).await;
    says(&taken, true, &["mine is in data/models/mine", "24 numbers", "kind = \"auto\""]);
    let left = files(&home.join("data/models"));
    assert!(!left.iter().any(|file| file.contains("holiday")), "{left:?}");
    says(&run(home, &["models", "list"], &[]).await, true, &["mine", "embeddings"]);
    says(&run(home, &["doctor"], &[]).await, true, &["ok     embeddings     local/mine/"]);
    says(
        &run(home, &["models", "import", &from, "--name", "mine"], &[]).await,
        false,
        &["already"],
    );
    let elsewhere = [("FRONTDESK_MODELS", "elsewhere")];
    says(&run(home, &["doctor"], &elsewhere).await, true, &["off", "elsewhere"]);
    let wanted = [("FRONTDESK__EMBED__KIND", "local"), ("FRONTDESK__EMBED__MODEL", "theirs")];
    says(&run(home, &["doctor"], &wanted).await, false, &["frontdesk models fetch theirs"]);
    says(&run(home, &["models", "remove", "mine"], &[]).await, true, &["mine is removed"]);
    says(&run(home, &["models", "remove", "mine"], &[]).await, false, &["no model mine"]);
    says(&run(home, &["doctor"], &[]).await, true, &["off"]);
}

#[tokio::test]
async fn a_reranker_that_is_imported_scores_and_is_not_taken_for_embeddings() {
    let (home, made) = (tempfile::tempdir().unwrap(), Tiny { labels: 1, ..XLM_ROBERTA }.make());
    let from = made.home.path().join("tiny").display().to_string();
    let home = home.path();
    says(&run(home, &["doctor"], &[]).await, true, &["note   reranking", "kind = \"local\""]);
    let kind = ("FRONTDESK__RERANK__KIND", "local");
    let missing = "frontdesk models fetch mmarco-mMiniLMv2-L12-H384-v1";
    says(&run(home, &["doctor"], &[kind]).await, false, &["there is no reranker in", missing]);
    let taken = run(home, &["models", "import", &from, "--name", "judge"], &[]).await;
    says(&taken, true, &["judge is in data/models/judge", "scores pairs", "[rerank]"]);
    says(&run(home, &["models", "list"], &[]).await, true, &["judge", "reranking"]);
    let doctor = run(home, &["doctor"], &[kind]).await;
    says(&doctor, true, &["ok     reranking      local/judge", "note   embeddings     off"]);
    let named = [kind, ("FRONTDESK__RERANK__MODEL", "other")];
    says(&run(home, &["doctor"], &named).await, false, &["frontdesk models fetch other"]);
    let wrong = [("FRONTDESK__EMBED__KIND", "local"), ("FRONTDESK__EMBED__MODEL", "judge")];
    says(&run(home, &["doctor"], &wrong).await, false, &["judge scores pairs", "[rerank]"]);
    let made = Tiny { labels: 3, ..BERT }.make();
    let from = made.home.path().join("tiny").display().to_string();
    let told = run(home, &["models", "import", &from, "--name", "sorter"], &[]).await;
    says(&told, false, &["3 labels", "one label"]);
}

#[tokio::test]
async fn a_model_that_finds_answers_is_imported_and_used_without_being_configured() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let missing = "frontdesk models fetch xlm-roberta-base-squad2-distilled";
    says(&run(home, &["doctor"], &[]).await, true, &["note   quotations", "words choose", missing]);
    let from = fixture("xlm-roberta").display().to_string();
    let taken = run(home, &["models", "import", &from, "--name", "finder"], &[]).await;
    says(&taken, true, &["finder is in data/models/finder", "finds answers", "[qa]"]);
    says(&run(home, &["models", "list"], &[]).await, true, &["finder", "answers"]);
    let doctor = run(home, &["doctor"], &[]).await;
    says(&doctor, true, &["ok     quotations     local/finder", "note   embeddings     off"]);
    says(&doctor, true, &["ok     answers", "chosen by local/finder"]);
    let off = [("FRONTDESK__QA__KIND", "off")];
    says(&run(home, &["doctor"], &off).await, true, &["note   quotations     words choose"]);
    let wrong = [("FRONTDESK__EMBED__KIND", "local"), ("FRONTDESK__EMBED__MODEL", "finder")];
    says(&run(home, &["doctor"], &wrong).await, false, &["finder finds answers", "[qa]"]);
    let named = [("FRONTDESK__QA__KIND", "local"), ("FRONTDESK__QA__MODEL", "other")];
    says(&run(home, &["doctor"], &named).await, false, &["frontdesk models fetch other"]);
}

#[tokio::test]
async fn what_is_no_model_is_not_imported_and_unknown_names_are_answered_with_the_known() {
    let (home, made) = (tempfile::tempdir().unwrap(), BERT.make());
    let from = made.home.path().join("tiny");
    std::fs::remove_file(from.join("tokenizer.json")).unwrap();
    let told = run(home.path(), &["models", "import", &from.display().to_string()], &[]).await;
    says(&told, false, &["tokenizer.json is missing"]);
    assert!(files(home.path()).iter().all(|file| !file.contains("tiny")));
    let told = run(home.path(), &["models", "fetch", "gpt"], &[]).await;
    says(&told, false, &["`gpt`", "multilingual-e5-small", "models import DIR"]);
    let no_hub = [("HF_ENDPOINT", "http://127.0.0.1:1")];
    let told = run(home.path(), &["models", "fetch", "all-MiniLM-L6-v2"], &no_hub).await;
    says(&told, false, &["127.0.0.1 cannot be reached"]);
}
