//! Suite files: reading, error messages, running, stopping and resuming.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use frontdesk::eval::bot_checks;
use frontdesk_promptfoo::check::GradingContext;
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::result::Response;
use frontdesk_promptfoo::row::{EvalRow, Summary};
use frontdesk_promptfoo::run::{self, Filters, Plan, Progress};
use frontdesk_promptfoo::run_log::RunLog;
use frontdesk_promptfoo::script::Scripts;
use frontdesk_promptfoo::suite::{Overrides, Suite};
use frontdesk_promptfoo::target::{Target, TargetRequest, Targets};
use frontdesk_promptfoo::template::Templates;
use serde_json::{Value, json};

/// A folder with a suite in it.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn load(&self) -> Suite {
        let loaded = Suite::load(&self.path("suite.yaml"), &shell()).await;
        loaded.unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// Returns the error of loading the suite, without the folder's path.
    async fn wrong(&self) -> String {
        let strict = Overrides { strict: true, ..shell() };
        let wrong = Suite::load(&self.path("suite.yaml"), &strict).await.unwrap_err();
        wrong.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }

    fn plan(&self) -> Plan {
        Plan::new(RunLog::at(self.path("rows.jsonl")))
    }

    async fn run(&self, target: &Arc<Counting>, plan: &Plan) -> Summary {
        self.run_until(target, plan, std::future::pending()).await
    }

    async fn run_until(
        &self,
        target: &Arc<Counting>,
        plan: &Plan,
        stop: impl Future<Output = ()> + Send,
    ) -> Summary {
        let suite = self.load().await;
        let targets: Vec<Arc<dyn Target>> =
            suite.targets.iter().map(|_| target.clone() as Arc<dyn Target>).collect();
        let stop = async {
            stop.await;
            "enough".to_owned()
        };
        run::run(&suite, &grading(&suite), &targets, plan, &Quiet, stop).await.unwrap()
    }

    fn rows(&self) -> Vec<EvalRow> {
        RunLog::at(self.path("rows.jsonl")).rows().unwrap().map(Result::unwrap).collect()
    }
}

/// The overrides of the command line.
fn shell() -> Overrides {
    bot_checks::overrides(Policy::command_line())
}

fn grading(suite: &Suite) -> GradingContext {
    let scripts = Arc::new(Scripts::new(&suite.policy, &suite.base, &suite.env));
    GradingContext {
        base: suite.base.clone(),
        templates: Templates::new(suite.policy.shown_env(&suite.env)),
        targets: Arc::new(Targets::new(
            suite.base.clone(),
            suite.env.clone(),
            Arc::clone(&scripts),
        )),
        scripts,
        grader: None,
        types: suite.types.clone(),
        strict: false,
    }
}

struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: usize) {}
    fn row(&self, _: &EvalRow) {}
    fn done(&self) {}
}

/// Answers with the prompt, counts its requests, and hangs on `hang`.
#[derive(Default)]
struct Counting {
    asked: AtomicUsize,
    prompts: Mutex<Vec<String>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

#[async_trait]
impl Target for Counting {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.prompts.lock().unwrap().push(asked.prompt.to_owned());
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if asked.prompt.contains("hang") {
            std::future::pending::<()>().await;
        }
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        if asked.prompt.contains("break") {
            return Response { error: Some("broken".into()), ..Response::default() };
        }
        Response { output: asked.prompt.into(), ..Response::default() }
    }
}

fn vars(suite: &Suite) -> Vec<String> {
    suite.cases.iter().map(|case| Value::Object(case.vars.clone()).to_string()).collect()
}

const MATRIX: &str = r#"
prompts: ["{{b}}-{{a}}-{{c}}-{{d}}", "second {{a}}"]
providers: [echo]
defaultTest:
  vars: {d: ["d1", "d2"], a: x}
  assert: [{type: contains, value: "d"}]
tests:
  - vars: {c: [1, 2], b: ["b1", "b2"], a: ["a1", "a2"]}
  - vars: {e: "{{a}}!"}
    options: {disableVarExpansion: true}
  - file://t.yaml
  - file://t*.csv
scenarios:
  - config:
      - vars: {lang: [en, fr]}
      - vars: {lang: de}
    tests:
      - vars: {q: "1"}
        assert: [{type: contains, value: "d"}]
      - vars: {q: "2"}
"#;

/// The variables of the same files in promptfoo 0.121.20, in the order of its results.
const EXPECTED: &[&str] = &[
    r#"{"d":"d1","a":"a1","c":[1,2],"b":"b1"}"#,
    r#"{"d":"d1","a":"a1","c":[1,2],"b":"b2"}"#,
    r#"{"d":"d1","a":"a2","c":[1,2],"b":"b1"}"#,
    r#"{"d":"d1","a":"a2","c":[1,2],"b":"b2"}"#,
    r#"{"d":"d2","a":"a1","c":[1,2],"b":"b1"}"#,
    r#"{"d":"d2","a":"a1","c":[1,2],"b":"b2"}"#,
    r#"{"d":"d2","a":"a2","c":[1,2],"b":"b1"}"#,
    r#"{"d":"d2","a":"a2","c":[1,2],"b":"b2"}"#,
    r#"{"d":["d1","d2"],"a":"x","e":"{{a}}!"}"#,
    r#"{"d":"d1","a":"x","c":"fromyaml"}"#,
    r#"{"d":"d2","a":"x","c":"fromyaml"}"#,
    r#"{"d":"d1","a":"x","c":"other"}"#,
    r#"{"d":"d2","a":"x","c":"other"}"#,
    r#"{"d":"d1","a":"x","c":"v,1"}"#,
    r#"{"d":"d2","a":"x","c":"v,1"}"#,
    r#"{"d":"d1","a":"x","c":"w"}"#,
    r#"{"d":"d2","a":"x","c":"w"}"#,
    r#"{"d":"d1","a":"x","lang":"en","q":"1"}"#,
    r#"{"d":"d1","a":"x","lang":"fr","q":"1"}"#,
    r#"{"d":"d2","a":"x","lang":"en","q":"1"}"#,
    r#"{"d":"d2","a":"x","lang":"fr","q":"1"}"#,
    r#"{"d":"d1","a":"x","lang":"en","q":"2"}"#,
    r#"{"d":"d1","a":"x","lang":"fr","q":"2"}"#,
    r#"{"d":"d2","a":"x","lang":"en","q":"2"}"#,
    r#"{"d":"d2","a":"x","lang":"fr","q":"2"}"#,
    r#"{"d":"d1","a":"x","lang":"de","q":"1"}"#,
    r#"{"d":"d2","a":"x","lang":"de","q":"1"}"#,
    r#"{"d":"d1","a":"x","lang":"de","q":"2"}"#,
    r#"{"d":"d2","a":"x","lang":"de","q":"2"}"#,
];

#[tokio::test]
async fn matrices_files_and_scenarios_are_multiplied_out_in_promptfoos_order() {
    let desk = Desk::with(&[
        ("suite.yaml", MATRIX),
        ("t.yaml", "- vars: {c: fromyaml}\n- {vars: {c: other}, description: hi}\n"),
        (
            "t1.csv",
            "c,__expected,__expected2,__metadata:k[],__threshold\n\"v,1\",\"contains-any(0.3): \"\"x, y\"\", z\",\"similar(0.9):foo\",\"p,q\\,r\",0.5\nw,hello,,,\n",
        ),
    ]);
    let suite = desk.load().await;
    assert_eq!(vars(&suite), EXPECTED);
    let row = &suite.cases[13];
    assert_eq!(row.description.as_deref(), Some("Row #1"));
    assert_eq!((row.threshold, &row.metadata["k"]), (Some(0.5), &json!(["p", "q,r"])));
    let counts: Vec<usize> = suite.cases.iter().map(|case| case.assert.len()).collect();
    assert_eq!(counts[13..19], [3, 3, 2, 2, 2, 2]);
    assert_eq!(suite.cases[28].metadata["conversationId"], "__scenario_1__");
}

#[tokio::test]
async fn what_is_wrong_says_where() {
    let head = "prompts: [\"{{a}}\"]\nproviders: [echo]\n";
    let wrong =
        async |text: &str| Desk::with(&[("suite.yaml", &format!("{head}{text}"))]).wrong().await;
    let unknown = wrong("tests:\n  - assert:\n      - type: contians\n").await;
    assert_eq!(
        unknown,
        "suite.yaml:5:15: there is no assertion type `contians`: did you mean `contains`?"
    );
    assert!(wrong("tests: [a\nb: c\n").await.starts_with("suite.yaml:"));
    assert!(wrong("tests: [a\nb: c\n").await.contains("not valid YAML"));
    let missing = wrong("tests:\n  - file://none.yaml\n").await;
    assert!(missing.starts_with("suite.yaml:4:5: there is no file"), "{missing}");
    let sheet = wrong("tests: https://docs.google.com/spreadsheets/d/1\n").await;
    assert_eq!(
        sheet,
        "suite.yaml:3:8: a Google Sheet is not fetched: save it as a CSV file and name that"
    );
    assert!(wrong("targets: [echo]\n").await.contains("are the same"));
    assert!(wrong("tests:\n  - prompts: [none]\n").await.contains("no prompt is called `none`"));
    let csv =
        Desk::with(&[("suite.yaml", &format!("{head}tests: t.csv\n")), ("t.csv", "a,b\n1,2\n1\n")]);
    assert_eq!(csv.wrong().await, "t.csv:3: this row has 1 cells where the first has 2");
    let jsonl = Desk::with(&[
        ("suite.yaml", &format!("{head}tests: t.jsonl\n")),
        ("t.jsonl", "{}\n{\"vars\": }\n"),
    ]);
    assert!(jsonl.wrong().await.starts_with("t.jsonl:2:10: not a case in JSON"));
    assert_eq!(Desk::with(&[]).wrong().await, "suite.yaml: there is no such file");
}

#[tokio::test]
async fn unknown_keys_are_warnings_and_templates_of_assertions_are_put_in() {
    let desk = Desk::with(&[
        (
            "suite.yaml",
            "prompts: ['{{a}}']\nproviders: [echo]\nassertionTemplates: {x: {type: equals, value: '{{env.FD_SUITE}}'}}\nenv: {FD_SUITE: v}\ndefaultTest: file://d.yaml\ntests:\n  - asserts: []\n    assert: [{$ref: '#/assertionTemplates/x'}]\n",
        ),
        ("d.yaml", "threshold: 0.5\n"),
    ]);
    let suite = desk.load().await;
    assert_eq!(
        (suite.cases[0].assert[0].value.clone(), suite.cases[0].threshold),
        (json!("{{env.FD_SUITE}}"), Some(0.5)),
        "the value is rendered when it is tried"
    );
    assert!(suite.warnings.iter().any(|it| it.ends_with("suite.yaml:7:14: a case has no key `asserts`: it does nothing")), "{:?}", suite.warnings);
}

#[tokio::test]
async fn a_bot_of_ours_gets_the_message_where_no_prompt_is_written() {
    let desk = Desk::with(&[(
        "suite.yaml",
        "targets: ['frontdesk:acme']\ntests:\n  - vars: {question: Open?}\n  - vars: {message: Hi, query: x}\n",
    )]);
    let suite = desk.load().await;
    assert_eq!(suite.prompts[0].raw, "{{message}}");
    assert_eq!(
        (&suite.cases[0].vars["message"], &suite.cases[1].vars["message"]),
        (&json!("Open?"), &json!("Hi"))
    );
}

fn many(count: usize) -> String {
    let cases: Vec<Value> =
        (0..count).map(|n| json!({"vars": {"n": n}, "description": format!("case {n}")})).collect();
    json!({"prompts": ["number {{n}}"], "providers": ["echo"], "tests": cases}).to_string()
}

#[tokio::test]
async fn a_run_that_was_stopped_goes_on_where_it_was() {
    let desk = Desk::with(&[("suite.yaml", &many(20))]);
    let target = Arc::new(Counting::default());
    let stop = async {
        while target.asked.load(Ordering::SeqCst) < 7 {
            tokio::task::yield_now().await;
        }
    };
    let plan = Plan { concurrency: Some(2), ..desk.plan() };
    let summary = desk.run_until(&target, &plan, stop).await;
    assert!(!summary.complete);
    assert_eq!(summary.stopped.as_deref(), Some("enough"));
    let there = desk.rows().len();
    assert!((1..20).contains(&there), "{there} rows");
    // A machine crash truncates the last line.
    let text = std::fs::read_to_string(desk.path("rows.jsonl")).unwrap();
    std::fs::write(desk.path("rows.jsonl"), &text[..text.len() - 30]).unwrap();
    let again = Arc::new(Counting::default());
    let summary = desk.run(&again, &Plan { resume: true, ..plan.clone() }).await;
    assert!(summary.complete);
    assert_eq!(again.asked.load(Ordering::SeqCst), 20 - (there - 1));
    let mut seen: Vec<usize> = desk.rows().iter().map(|row| row.test_idx).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    assert_eq!(summary.counts().iter().sum::<usize>(), 20);
    let anew = Arc::new(Counting::default());
    desk.run(&anew, &plan).await;
    assert_eq!((anew.asked.load(Ordering::SeqCst), desk.rows().len()), (20, 20));
}

#[tokio::test]
async fn a_case_that_hangs_is_an_error_and_the_others_go_on() {
    let desk = Desk::with(&[(
        "suite.yaml",
        "prompts: ['{{a}}']\nproviders: [echo]\ntests: [{vars: {a: [one, hang, break, two]}}]\n",
    )]);
    let target = Arc::new(Counting::default());
    let plan = Plan { timeout: Some(Duration::from_millis(50)), ..desk.plan() };
    desk.run(&target, &plan).await;
    let mut rows = desk.rows();
    rows.sort_by_key(|row| row.test_idx);
    let seen: Vec<_> = rows.iter().map(|row| (row.failure_reason, row.error.as_deref())).collect();
    assert_eq!(seen[1], (2, Some("Evaluation timed out after 50ms")));
    assert_eq!(seen[2], (2, Some("broken")));
    assert_eq!(rows[3].response.as_ref().unwrap().output, "two");
}

#[tokio::test]
async fn a_run_that_takes_too_long_stops_with_that_reason_and_keeps_its_rows() {
    for (options, max_time, reason) in [
        ("{}", Some(Duration::from_millis(500)), "it may take 0.5 s"),
        ("{maxEvalTimeMs: 750}", None, "it may take 0.75 s"),
        ("{maxEvalTimeMs: 3600000}", Some(Duration::from_millis(500)), "it may take 0.5 s"),
    ] {
        let suite = format!(
            "prompts: ['{{{{a}}}}']\nproviders: [echo]\nevaluateOptions: {options}\ntests: [{{vars: {{a: [one, hang, two]}}}}]\n"
        );
        let desk = Desk::with(&[("suite.yaml", &suite)]);
        let plan = Plan { max_time, concurrency: Some(1), ..desk.plan() };
        let target = Arc::new(Counting::default());
        let run = desk.run(&target, &plan);
        let summary = tokio::time::timeout(Duration::from_secs(20), run).await.expect("it stops");
        assert_eq!((summary.complete, summary.stopped.as_deref()), (false, Some(reason)));
        let rows: Vec<_> = desk.rows().into_iter().map(|row| row.test_idx).collect();
        // On a busy machine the first row may not be ready in time, either.
        assert!(rows.is_empty() || rows == [0], "{options}: {rows:?}");
    }
}

#[tokio::test]
async fn filters_repeats_and_names_choose_the_rows() {
    let desk = Desk::with(&[(
        "suite.yaml",
        "prompts: [{label: 'A:1', raw: 'a {{n}}'}, {label: B, raw: 'b {{n}}'}]\nproviders: [echo, {id: echo, label: other, prompts: [B]}]\ntests:\n  - {vars: {n: ['1', '2']}, prompts: [A]}\n  - {vars: {n: '3'}, providers: [other]}\n  - {vars: {n: '4'}, options: {repeat: 3, prefix: '<', suffix: '>'}}\n",
    )]);
    let target = Arc::new(Counting::default());
    let summary = desk.run(&target, &desk.plan()).await;
    let mut prompts = target.prompts.lock().unwrap().clone();
    prompts.sort();
    let expected = [
        "<a 4>", "<a 4>", "<a 4>", "<b 4>", "<b 4>", "<b 4>", "<b 4>", "<b 4>", "<b 4>", "a 1",
        "a 2", "b 3",
    ];
    assert_eq!(prompts, expected);
    assert_eq!(summary.prompts.len(), 3);
    assert_eq!(summary.vars, ["n"]);
    let rows = desk.rows();
    let keys: std::collections::HashSet<&str> = rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys.len(), rows.len());
    assert!(!run::pass_counts(&rows).iter().any(run::PassCount::is_flaky));
    let filters = Filters {
        first: Some(1),
        prompts: Some("^A".into()),
        targets: Some("^echo$".into()),
        ..Filters::default()
    };
    let target = Arc::new(Counting::default());
    desk.run(&target, &Plan { filters, repeat: Some(2), ..desk.plan() }).await;
    let repeats: Vec<usize> = desk.rows().iter().map(|row| row.repeat).collect();
    assert_eq!((repeats.len(), repeats.iter().sum::<usize>()), (4, 2));
}

#[tokio::test]
async fn what_was_said_before_makes_cases_wait_for_each_other() {
    let desk = Desk::with(&[(
        "suite.yaml",
        "prompts: ['{% for it in _conversation %}[{{ it.output }}]{% endfor %}{{n}}']\nproviders: [echo]\ntests: [{vars: {n: ['1', '2', '3']}}]\n",
    )]);
    let target = Arc::new(Counting::default());
    desk.run(&target, &Plan { concurrency: Some(8), ..desk.plan() }).await;
    assert_eq!(*target.prompts.lock().unwrap(), ["1", "[1]2", "[1][[1]2]3"]);
    assert_eq!(target.most_at_once.load(Ordering::SeqCst), 1);
    let desk = Desk::with(&[(
        "suite.yaml",
        "prompts: ['{{n}}{{kept}}']\nproviders: [echo]\ntests: [{vars: {n: a}, options: {storeOutputAs: kept}}, {vars: {n: b}}]\n",
    )]);
    let target = Arc::new(Counting::default());
    desk.run(&target, &desk.plan()).await;
    assert_eq!(*target.prompts.lock().unwrap(), ["a", "ba"]);
}

#[tokio::test]
async fn ten_thousand_cases_run_fast_and_no_more_than_asked_at_once() {
    let desk = Desk::with(&[("suite.yaml", &many(10_000))]);
    let target = Arc::new(Counting::default());
    let began = Instant::now();
    desk.run(&target, &Plan { concurrency: Some(3), ..desk.plan() }).await;
    println!("10,000 cases: {:?}", began.elapsed());
    assert_eq!(desk.rows().len(), 10_000);
    assert_eq!(target.most_at_once.load(Ordering::SeqCst), 3);
}

/// Measures reading a large table: `cargo test --release --test it -- suites::a_table_of_100_mb
/// --ignored --nocapture`.
#[tokio::test]
#[ignore = "writes 100 MB, and is a measurement"]
async fn a_table_of_100_mb_is_read() {
    let desk =
        Desk::with(&[("suite.yaml", "prompts: ['{{q}}']\nproviders: [echo]\ntests: big.csv\n")]);
    let line = format!("{},contains: a\n", "a question of a customer ".repeat(16));
    let count = 100 * 1024 * 1024 / line.len();
    std::fs::write(desk.path("big.csv"), format!("q,__expected\n{}", line.repeat(count))).unwrap();
    let (before, began) = (resident(), Instant::now());
    let suite = desk.load().await;
    println!(
        "{} cases of 100 MB: {} MB more in {:?}",
        suite.cases.len(),
        (resident() - before) / 1024,
        began.elapsed()
    );
    assert_eq!(suite.cases.len(), count);
}

fn resident() -> usize {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).unwrap_or(0)
}
