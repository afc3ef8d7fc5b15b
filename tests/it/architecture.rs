//! Architecture rules, checked by parsing the sources with `syn`: import directions, where each
//! crate may be used, module cycles, type names, lengths of functions and files. `tests` tests the
//! rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod baseline;
mod circles;
mod code;
mod reading;
mod test_code;
mod tests;

use baseline::{Baseline, Findings};
use circles::circles;
use code::{CODE, Code, Place};

/// Lowest first: a file imports only from lower layers, never from its own layer.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["domain"]),
    (
        1,
        &[
            "metrics",
            "spans",
            "failpoint",
            "secrets",
            "permissions",
            "text_cache",
            "slot",
            "models",
        ],
    ),
    (2, &["telemetry", "reader", "qa"]),
    (3, &["store", "provider", "speech", "pictures", "embed", "index", "llm", "rerank"]),
    (4, &["pipeline", "knowledge"]),
    (5, &["prompts"]),
    (6, &["desk"]),
    (7, &["worker", "eval"]),
    (8, &["http"]),
    (9, &["config"]),
    (10, &["app"]),
    (11, &["cli"]),
];

/// The only places in which each crate may be used.
const HOMES: &[(&str, &[&str])] = &[
    ("axum", &["http/"]),
    ("tower_http", &["http/"]),
    ("hyper", &["http/server"]),
    ("hyper_util", &["http/server"]),
    ("http_body", &["http/"]),
    ("utoipa", &["http/", "domain/", "eval/"]),
    ("frontdesk_promptfoo", &["eval/", "cli/", "http/", "config.rs"]),
    ("sqlx", &["store/"]),
    ("frontdesk_sqlite", &["store/"]),
    ("const_format", &["store/"]),
    (
        "frontdesk_endpoint",
        &[
            "llm/",
            "embed/openai",
            "speech/openai",
            "rerank/endpoint.rs",
            "models/setting.rs",
            "knowledge/web/",
            "provider/",
            "desk/numbers.rs",
        ],
    ),
    ("async_openai", &["speech/openai"]),
    ("tracing_subscriber", &["telemetry.rs"]),
    ("metrics", &["metrics.rs", "telemetry.rs"]),
    ("metrics_exporter_prometheus", &["telemetry.rs", "http/"]),
    ("figment", &["config.rs", "knowledge/collection.rs"]),
    ("clap", &["cli/"]),
    ("rustyline", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("console", &["cli/"]),
    ("anyhow", &["app.rs", "app/", "cli/", "main.rs"]),
    ("frontdesk_template", &["pipeline/prompt.rs"]),
    ("minijinja", &["pipeline/prompt.rs"]),
    (
        "serde_saphyr",
        &["prompts.rs", "prompts/keys.rs", "knowledge/answers.rs", "eval/", "cli/mod.rs"],
    ),
    ("rust_stemmers", &["llm/extractive"]),
    ("pulldown_cmark", &["pipeline/outbound/format"]),
    ("csv", &["eval/"]),
    ("html5ever", &["knowledge/web/"]),
    ("quick_xml", &["knowledge/web/"]),
    ("flate2", &["knowledge/web/", "http/console.rs"]),
    ("rust_embed", &["desk/demo.rs", "http/console.rs"]),
    ("qdrant_client", &["index/qdrant"]),
    ("qrcode", &["desk/qr.rs"]),
    ("hmac", &["provider/"]),
    ("ring", &["secrets.rs"]),
    ("fail", &["failpoint.rs"]),
    ("frontdesk_audio", &["speech/"]),
    ("frontdesk_picture", &["pictures.rs"]),
    ("whisper_rs", &["speech/whisper/"]),
    ("libc", &["speech/whisper/", "reader/sandbox.rs"]),
    ("seccompiler", &["reader/sandbox.rs"]),
    ("frontdesk_encoder", &["embed/local", "rerank/local", "qa/local"]),
    ("frontdesk_kernels", &["index/memory/dense.rs"]),
    ("frontdesk_doctext", &["knowledge/", "cli/learn.rs", "desk/campaigns.rs"]),
    ("frontdesk_tokens", &["pipeline/", "llm/openai"]),
    ("hashbrown", &["index/texts.rs"]),
    ("foldhash", &["text_cache.rs", "pipeline/"]),
    ("quick_cache", &["text_cache.rs"]),
    ("smallvec", &["index/memory/postings.rs"]),
];

/// The modules of the seven stages: none calls another.
const STAGES: &[&str] =
    &["inbound", "transcribe", "escalate", "retrieve", "prompt", "reply", "outbound"];
/// Maximum lines of a file. A longer file has more than one purpose. Tests within a file do not
/// count.
const MAX_FILE_LINES: usize = 400;
/// Maximum lines of a function. A longer function has more than one purpose.
const MAX_FUNCTION_LINES: usize = 60;

/// Endings of bare participles. No type has such a name: `Asked` does not say what was asked.
const ENDINGS: &[&str] = &["ed"];
/// Words with these endings that are no participles.
const NOUNS: &[&str] = &["Embed", "Feed", "Need", "Seed", "Speed"];
/// Participles and preterites with other endings. `Run`, `Set` and `Hit` are nouns of the field.
const IRREGULAR: &str = "
    Begun Bent Born Bought Bound Broken Brought Built Burnt Came Caught Chosen Cut Dealt Did
    Done Drawn Fed Fled Found Gave Given Gone Heard Held Hidden Hurt Kept Known Laid Learnt Led
    Left Lent Lost Made Meant Met Paid Put Read Rewrote Said Saw Seen Sent Shown Shut Slept
    Smelt Sold Sought Spelt Spent Split Spoke Spoken Stolen Stood Stuck Swept Taken Taught
    Thought Thrown Told Took Torn Understood Went Won Worn Written Wrong Wrote";

/// Violations older than the rule. Each of these lists only gets shorter.
const FUNCTIONS: Baseline = Baseline {
    file: "tests/it/architecture/functions.txt",
    text: include_str!("architecture/functions.txt"),
};

fn layer(module: &str) -> u8 {
    let found = LAYERS.iter().find(|(_, modules)| modules.contains(&module));
    found
        .unwrap_or_else(|| {
            panic!("`{module}` has no layer: give it one here and in ARCHITECTURE.md")
        })
        .0
}

fn layers(code: &Code) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in code.modules.iter().filter(|module| module.at[0] == "src") {
        let Some(own) = module.at.get(1) else { continue };
        let highest = layer(own);
        for named in &module.named {
            let Place::Ours(home, _) = code.place(&module.at, &named.path) else { continue };
            if let Some(other) = home.get(1)
                && other != own
                && layer(other) >= highest
            {
                let place = module.place(named.line);
                wrong.push(format!(
                    "{place}: {other} is not below {own} in LAYERS. Move down what both need"
                ));
            }
        }
    }
    wrong
}

fn homes(code: &Code) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in &code.modules {
        let Some(file) = module.file.strip_prefix("src/") else { continue };
        for named in &module.named {
            let Place::Theirs(name) = code.place(&module.at, &named.path) else { continue };
            if let Some((_, homes)) = HOMES.iter().find(|(known, _)| *known == name)
                && !homes.iter().any(|home| file.starts_with(home))
            {
                let (place, homes) = (module.place(named.line), homes.join(", "));
                wrong.push(format!(
                    "{place}: the crate {name} may be used in {homes} alone. Call what is there"
                ));
            }
        }
    }
    wrong
}

/// Returns the stage that a module belongs to.
fn stage(at: &[String]) -> Option<&str> {
    let [_, folder, stage, ..] = at else { return None };
    (folder == "pipeline" && STAGES.contains(&stage.as_str())).then_some(stage.as_str())
}

fn stages(code: &Code) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in &code.modules {
        let Some(own) = stage(&module.at) else { continue };
        for named in &module.named {
            let Place::Ours(home, rest) = code.place(&module.at, &named.path) else { continue };
            let Some(other) = stage(&home).filter(|other| *other != own) else { continue };
            // Types begin with a capital letter.
            if let [function] = &rest[..]
                && function.starts_with(char::is_lowercase)
            {
                let place = module.place(named.line);
                wrong.push(format!(
                    "{place}: {own} calls {other}::{function}. Let pipeline/engine.rs call both, or move \
                     down what both need"
                ));
            }
        }
    }
    wrong
}

fn is_participle(name: &str) -> bool {
    let one_word = !name.chars().skip(1).any(char::is_uppercase);
    let regular = ENDINGS.iter().any(|ending| name.ends_with(ending)) && !NOUNS.contains(&name);
    one_word && (regular || IRREGULAR.split_whitespace().any(|word| word == name))
}

fn participles(code: &Code) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in &code.modules {
        for definition in module.types.iter().filter(|one| is_participle(&one.name)) {
            let (name, place) = (&definition.name, module.place(definition.line));
            wrong.push(format!(
                "{name} ({place}): say what it is, with a noun of the field, such as `SearchRequest` for `Asked`"
            ));
        }
    }
    wrong
}

fn functions(code: &Code, baseline: &Baseline) -> Vec<String> {
    let mut findings = Findings::default();
    for module in &code.modules {
        for (function, lines) in
            module.functions.iter().filter(|(_, lines)| *lines > MAX_FUNCTION_LINES)
        {
            let name = format!("{} {}", module.file, function.name);
            findings.add(name, *lines, module.place(function.line));
        }
    }
    findings
        .beyond(baseline, &format!("Make functions of at most {MAX_FUNCTION_LINES} lines of it"))
}

fn bare_results(code: &Code) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in &code.modules {
        for method in &module.bare_results {
            let (file, name, place) = (&module.file, &method.name, module.place(method.line));
            wrong.push(format!(
                "{file} {name} ({place}): a seam's error is a type that says whether to try again, not a `String`"
            ));
        }
    }
    wrong
}

fn files(code: &Code) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in &code.sources {
        let (file, lines) = (&source.file, source.lines);
        if !source.says_its_purpose {
            wrong.push(format!(
                "{file} does not begin with its purpose. Write `//! ` and one sentence"
            ));
        }
        if lines > MAX_FILE_LINES {
            wrong.push(format!(
                "{file} has {lines} lines. Make files of at most {MAX_FILE_LINES} lines of it"
            ));
        }
    }
    wrong
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn imports_point_down_the_layers() {
    assert_none(&layers(&CODE));
}

#[test]
fn every_crate_stays_in_its_home() {
    assert_none(&homes(&CODE));
}

#[test]
fn stages_never_call_each_other() {
    assert_none(&stages(&CODE));
}

#[test]
fn no_modules_stand_in_a_circle() {
    assert_none(&circles(&CODE));
}

#[test]
fn no_type_is_called_by_a_participle() {
    assert_none(&participles(&CODE));
}

#[test]
fn no_more_functions_are_long() {
    assert_none(&functions(&CODE, &FUNCTIONS));
}

#[test]
fn no_seam_fails_with_a_string() {
    assert_none(&bare_results(&CODE));
}

#[test]
fn every_file_says_what_it_is_for_and_is_one_thing() {
    assert_none(&files(&CODE));
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
            // Triggers are written in each dialect's own way, and only Postgres locks tables.
            let end = ["\ncreate function", "\ncreate trigger"]
                .iter()
                .filter_map(|it| text.find(it))
                .min();
            let lines = text[..end.unwrap_or(text.len())].lines();
            let lines = lines
                .filter(|line| !line.trim().starts_with("--") && !line.starts_with("lock table"));
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
    // SQLite cannot make a column nullable: its table is rebuilt.
    let rebuilt = |dialect| {
        let mut tables = tables(dialect);
        assert!(tables.remove("0016_notices.sql").is_some());
        tables
    };
    assert_eq!(rebuilt("sqlite"), rebuilt("postgres"));
}
