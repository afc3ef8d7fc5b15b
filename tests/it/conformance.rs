//! Runs every assertion with our runner on the configuration that promptfoo ran, and compares the
//! results with promptfoo's.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use frontdesk::eval::bot_checks;
use frontdesk::eval::environment::EvalEnvironment;
use frontdesk_promptfoo::check::Types;
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::result::GradingResult;
use frontdesk_promptfoo::row::EvalRow;
use frontdesk_promptfoo::run::{Plan, Progress};
use frontdesk_promptfoo::run_log::RunLog;
use frontdesk_promptfoo::script::Scripts;
use frontdesk_promptfoo::suite::Suite;
use serde_json::{Value, json};

/// Rows whose reason is node-sql-parser's own grammar error, which REFERENCE.md section 4 calls not
/// portable. Their verdict and score must still match.
const OF_ITS_PARSER: &[usize] = &[112, 114, 119];

fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/promptfoo");
    folder.is_dir().then_some(folder)
}

fn grader() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graders/grader.cjs")
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: usize) {}
    fn row(&self, _: &EvalRow) {}
    fn done(&self) {}
}

/// Returns the rows of the configuration in its order, run with the fake grader.
async fn rows(configuration: &Path) -> Vec<EvalRow> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conformance.yaml");
    std::fs::copy(configuration, &file).unwrap();
    std::fs::copy(grader(), folder.path().join("grader.cjs")).unwrap();
    let overrides = bot_checks::overrides(Policy::command_line());
    let suite = Suite::load(&file, &overrides).await.unwrap();
    let prepared = EvalEnvironment::default().prepare(suite).unwrap();
    let run_log = RunLog::at(folder.path().join("rows.jsonl"));
    let plan = Plan::new(run_log.clone());
    let summary = prepared.run(&plan, &Quiet, std::future::pending()).await.unwrap();
    assert!(summary.complete);
    let mut rows: Vec<EvalRow> = run_log.rows().unwrap().map(Result::unwrap).collect();
    assert_eq!(summary.counts().iter().sum::<usize>(), rows.len());
    rows.sort_by_key(|row| (row.test_idx, row.prompt_idx));
    rows
}

fn near(ours: &Value, theirs: &Value) -> bool {
    (ours.as_f64().unwrap_or(f64::NAN) - theirs.as_f64().unwrap()).abs() < 1e-9
}

/// Reasons match; of a reason with a stack trace, only the first line has to.
fn same_reason(ours: &str, theirs: &Value) -> bool {
    let text = theirs.as_str().unwrap_or_default();
    let traced = text.contains("Stack Trace");
    ours == text || traced && ours.lines().next() == text.lines().next()
}

fn same_scores(ours: &serde_json::Map<String, Value>, theirs: &Value) -> bool {
    let theirs = theirs.as_object().unwrap();
    let same = |(name, score)| ours.get(name).is_some_and(|own| near(own, score));
    theirs.len() == ours.len() && theirs.iter().all(same)
}

fn first_line(text: Option<&str>) -> &str {
    let line = text.unwrap_or_default().lines().next().unwrap_or_default();
    line.strip_prefix("Error: ").unwrap_or(line)
}

/// Returns the differences between our row and theirs; `worded` includes the reasons.
fn differences(ours: &EvalRow, theirs: &Value, worded: bool) -> String {
    let mut wrong = String::new();
    let verdict = json!([ours.success, ours.failure_reason]);
    if verdict != json!([theirs["success"], theirs["failureReason"]]) {
        let _ = write!(wrong, " success, failureReason {verdict};");
    }
    if !near(&json!(ours.score), &theirs["score"]) {
        let _ = write!(wrong, " score {};", ours.score);
    }
    if worded && first_line(ours.error.as_deref()) != first_line(theirs["error"].as_str()) {
        let _ = write!(wrong, " error {:?};", ours.error);
    }
    if !same_scores(&ours.named_scores, &theirs["namedScores"]) {
        let _ = write!(wrong, " namedScores {:?};", ours.named_scores);
    }
    if ours.failure_reason != 2 {
        let graded = ours.grading_result.clone().unwrap_or_default();
        if worded && !same_reason(&graded.reason, &theirs["reason"]) {
            let _ = write!(wrong, " reason {:?};", graded.reason);
        }
        let parts = graded.component_results.as_deref().unwrap_or_default();
        wrong += &of_parts(parts, theirs["components"].as_array().unwrap(), worded);
    }
    wrong
}

fn of_parts(ours: &[GradingResult], theirs: &[Value], worded: bool) -> String {
    let mut wrong = String::new();
    if ours.len() != theirs.len() {
        let _ = write!(wrong, " {} components;", ours.len());
    }
    for (own, other) in ours.iter().zip(theirs) {
        // An assertion set has no assertion in promptfoo's report.
        let kind = other["type"].is_null() || own.assertion["type"] == other["type"];
        let verdict = json!(own.pass) == other["pass"] && near(&json!(own.score), &other["score"]);
        let reason = !worded || same_reason(&own.reason, &other["reason"]);
        if !(kind && verdict && reason) {
            let name = &own.assertion["type"];
            let _ = write!(wrong, " component {name} {} {} {:?};", own.pass, own.score, own.reason);
        }
    }
    wrong
}

#[tokio::test]
async fn every_row_says_what_promptfoo_said() {
    let Some(folder) = shared() else { return println!("skipped: no shared folder") };
    let rows = rows(&folder.join("conformance.yaml")).await;
    let expected = read(&folder.join("conformance.expected.json"));
    let expected = expected.as_array().unwrap();
    assert_eq!(rows.len(), expected.len());
    let (mut matched, mut not_portable) = (0, 0);
    let (mut skipped, mut different) = (Vec::new(), Vec::new());
    for (at, (ours, theirs)) in rows.iter().zip(expected).enumerate() {
        let name = format!("{at} {}", theirs["description"]);
        assert_eq!(ours.title(), theirs["description"].as_str().unwrap());
        let worded = !OF_ITS_PARSER.contains(&at);
        let wrong = differences(ours, theirs, worded);
        match (&ours.skipped, wrong.is_empty()) {
            (Some(why), _) => skipped.push(format!("{name}: {why}")),
            (None, false) => different.push(format!("{name}:{wrong}\n    theirs {theirs}")),
            (None, true) if worded => matched += 1,
            (None, true) => not_portable += 1,
        }
    }
    println!(
        "conformance: {matched} matched, {not_portable} matched in verdict and score (the reason quotes node-sql-parser's \
         grammar), {} skipped, {} different",
        skipped.len(),
        different.len()
    );
    println!("skipped:\n  {}\ndifferent:\n  {}", skipped.join("\n  "), different.join("\n  "));
    assert!(different.is_empty(), "{} rows differ", different.len());
    // A machine may lack Python; nothing else may be missing.
    assert!(skipped.iter().all(|line| line.contains("no python")), "{skipped:#?}");
}

#[test]
fn every_type_of_promptfoo_is_known() {
    let Some(folder) = shared() else { return println!("skipped: no shared folder") };
    let types = read(&folder.join("types.json"));
    let known: Vec<&str> = Types::default().names().collect();
    let named = ["base", "set"].map(|list| types[list].as_array().unwrap().clone()).concat();
    let missing: Vec<&Value> =
        named.iter().filter(|name| !known.contains(&name.as_str().unwrap())).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for kind in ["select-best", "max-score"] {
        assert!(known.contains(&kind), "{kind}");
    }
}

#[tokio::test]
async fn the_grader_says_what_it_is_told() {
    let options =
        json!({"config": {"reply": "usual", "replies": [{"match": "list", "reply": "a, b"}]}});
    let scripts = Scripts::new(&Policy::command_line(), Path::new("."), &serde_json::Map::new());
    let ask = async |method: &str, text: &str| {
        scripts.method(&grader(), &options, method, &[json!(text)]).await.unwrap()
    };
    assert_eq!(ask("callApi", "please").await, Some(json!({"output": "usual"})));
    assert_eq!(ask("callApi", "a list").await, Some(json!({"output": "a, b"})));
    let counts = ask("callEmbeddingApi", "Abb!z").await.unwrap();
    assert_eq!(
        (&counts["embedding"][0], &counts["embedding"][1], &counts["embedding"][25]),
        (&json!(1), &json!(2), &json!(1))
    );
    assert_eq!(ask("callModerationApi", "x").await, None);
}
