//! The architecture, checked by reading the sources: who may import whom, where each crate lives, what a file begins with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lowest first: a file imports from lower layers only, never from a neighbour in its own.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["domain", "metrics"]),
    (1, &["telemetry", "step", "secrets", "permissions"]),
    (2, &["models", "reader"]),
    (3, &["store", "provider", "speech", "embed", "index", "llm", "rerank"]),
    (4, &["pipeline", "knowledge"]),
    (5, &["prompts"]),
    (6, &["desk"]),
    (7, &["worker", "eval"]),
    (8, &["http"]),
    (9, &["config"]),
    (10, &["app"]),
    (11, &["cli"]),
];

/// Each crate has one home.
const HOMES: &[(&str, &[&str])] = &[
    ("axum", &["http/"]),
    ("tower_http", &["http/"]),
    ("hyper", &["http/server"]),
    ("hyper_util", &["http/server"]),
    ("http_body", &["http/"]),
    ("utoipa", &["http/", "domain/"]),
    ("sqlx", &["store/"]),
    ("const_format", &["store/"]),
    (
        "frontdesk_endpoint",
        &["llm/", "embed/openai", "speech/openai", "rerank/endpoint.rs", "knowledge/web/", "eval/"],
    ),
    ("async_openai", &["speech/openai"]),
    ("tracing_subscriber", &["telemetry.rs"]),
    ("metrics", &["metrics.rs", "telemetry.rs"]),
    ("metrics_exporter_prometheus", &["telemetry.rs", "http/"]),
    ("figment", &["config.rs", "knowledge/collection.rs"]),
    ("clap", &["cli/"]),
    ("rustyline", &["cli/"]),
    ("indicatif", &["cli/"]),
    // In `http/mod.rs` it is the name of a module of ours.
    ("console", &["cli/", "http/mod.rs"]),
    ("anyhow", &["app.rs", "app/", "cli/", "main.rs"]),
    ("frontdesk_template", &["pipeline/prompt.rs", "eval/template/"]),
    ("minijinja", &["pipeline/prompt.rs", "eval/template/"]),
    ("serde_saphyr", &["prompts.rs", "knowledge/answers.rs", "eval/", "cli/mod.rs"]),
    ("rust_stemmers", &["index/", "llm/extractive", "eval/check/meteor"]),
    ("pulldown_cmark", &["pipeline/outbound/format"]),
    ("csv", &["eval/"]),
    ("html5ever", &["knowledge/web/", "eval/check/"]),
    ("quick_xml", &["knowledge/web/", "eval/"]),
    ("flate2", &["knowledge/web/"]),
    ("calamine", &["eval/suite/"]),
    ("rust_embed", &["app.rs", "http/console.rs"]),
    ("qdrant_client", &["index/qdrant"]),
    ("hmac", &["provider/"]),
    ("ring", &["secrets.rs"]),
    ("fail", &["step.rs"]),
    ("frontdesk_audio", &["speech/"]),
    ("whisper_rs", &["speech/whisper/"]),
    ("libc", &["speech/whisper/", "reader/sandbox.rs"]),
    ("seccompiler", &["reader/sandbox.rs"]),
    ("frontdesk_encoder", &["embed/local", "rerank/local"]),
    ("frontdesk_kernels", &["index/memory/dense.rs"]),
    ("frontdesk_doctext", &["knowledge/", "cli/learn.rs"]),
    ("frontdesk_tokens", &["pipeline/", "llm/openai"]),
    ("hashbrown", &["index/texts.rs"]),
    ("smallvec", &["index/memory/postings.rs"]),
    ("rquickjs", &["eval/script/"]),
    ("jsonschema", &["eval/check/"]),
    ("sqlparser", &["eval/check/"]),
    ("glob", &["eval/suite/"]),
];

/// The files of the seven stages: none calls another.
const STAGES: &[&str] =
    &["inbound", "transcribe", "escalate", "retrieve", "prompt", "reply", "outbound"];
/// Longer files are two things. Tests within a file do not count.
const LONGEST_FILE: usize = 400;

struct Source {
    /// Path below `src/`, such as `pipeline/mod.rs`.
    path: String,
    text: String,
    /// The code without its test module.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let end = text.find("#[cfg(test)]").unwrap_or(text.len());
        let code = text[..end].to_owned();
        let path = path.strip_prefix(&root).unwrap().display().to_string();
        Source { path, text, code }
    };
    // A file that only a test module includes is a test.
    files.into_iter().map(read).filter(|source| !source.text.contains("Test support:")).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// The top module that a file belongs to; `None` for `lib.rs` and `main.rs`, which only list them.
fn module(path: &str) -> Option<&str> {
    let top = path.split('/').next().unwrap().trim_end_matches(".rs");
    (!["lib", "main"].contains(&top)).then_some(top)
}

fn layer(module: &str) -> u8 {
    let found = LAYERS.iter().find(|(_, modules)| modules.contains(&module));
    found
        .unwrap_or_else(|| {
            panic!("`{module}` has no layer: give it one here and in ARCHITECTURE.md")
        })
        .0
}

/// Code lines without comments, so that a link in a docstring imports nothing.
fn code_lines(code: &str) -> impl Iterator<Item = &str> {
    code.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

/// The modules that a file names as `crate::x`.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in code_lines(code) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let named: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list.split(['}', ',']).collect(),
                None => vec![rest],
            };
            let name = |part: &&str| -> String {
                part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
            };
            found.extend(named.iter().map(name).filter(|name| !name.is_empty()));
        }
    }
    found
}

#[test]
fn imports_point_down_the_layers() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(own) = module(&source.path) else { continue };
        for other in imports(&source.code) {
            if other != own && layer(&other) >= layer(own) {
                wrong.push(format!("src/{} imports {other}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_stays_in_its_home() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, homes) in HOMES {
            // Neither `String::` nor `rustls::crypto::ring::` names the crate `ring`.
            let part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            let path = format!("{name}::");
            let named = code_lines(&source.code).any(|line| {
                line.match_indices(&path).any(|(at, _)| !line[..at].ends_with(part))
                    || line.contains(&format!("use {name};"))
            });
            if named && !homes.iter().any(|home| source.path.starts_with(home)) {
                wrong.push(format!("src/{} names {name}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn stages_never_call_each_other() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(stage) = STAGES.iter().find(|stage| source.path == format!("pipeline/{stage}.rs"))
        else {
            continue;
        };
        for other in STAGES.iter().filter(|other| *other != stage) {
            let calls = code_lines(&source.code).any(|line| {
                line.contains(&format!("{other}::"))
                    && line.contains('(')
                    && !line.starts_with("use ")
            });
            if calls {
                wrong.push(format!("{stage} calls {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is_for_and_is_one_thing() {
    let mut wrong = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//! ") {
            wrong.push(format!("src/{} does not begin with its purpose", source.path));
        }
        let lines = source.code.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("src/{} has {lines} lines", source.path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn both_databases_have_the_same_migrations() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let tables = |dialect: &str| -> BTreeMap<String, Vec<String>> {
        let mut files: Vec<_> =
            std::fs::read_dir(root.join(dialect)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        let shape = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).unwrap();
            let names = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            let lines = text.lines().filter(|line| !line.trim().starts_with("--"));
            let same = |name: String| {
                name.replace("integer", "bigint")
                    .replace("blob", "bytea")
                    .replace(") strict;", ");")
            };
            lines.map(names).map(same).collect()
        };
        files
            .iter()
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), shape(path)))
            .collect()
    };
    assert_eq!(tables("sqlite"), tables("postgres"));
}
