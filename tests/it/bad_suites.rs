//! Invalid, hostile or oversized suites, through the command: what the user is told, and that
//! nothing breaks, hangs, or passes without being tested.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::support::app::write_home_files;
use crate::support::process::BINARY;

/// Start of a suite whose provider echoes the question.
const HEAD: &str = "prompts: ['{{q}}']\nproviders: [echo]\n";
/// Time limit of every run.
const LIMIT: Duration = Duration::from_mins(1);

struct Ran {
    code: i32,
    text: String,
    took: Duration,
}

impl Ran {
    #[track_caller]
    fn is(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "no `{word}` in:\n{}", self.text);
        }
        assert!(!self.text.contains("panicked"), "{}", self.text);
        self
    }
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(home.path().join(name), bytes).unwrap();
    }
    home
}

async fn eval(home: &Path, args: &[&str]) -> Ran {
    let began = Instant::now();
    let mut command = Command::new(BINARY);
    command.arg("eval").args(args).current_dir(home).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await;
    let output = ended.expect("it ends in time").unwrap();
    // Terminal output must be valid UTF-8.
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().expect("it was not killed");
    Ran { code, text: text(output.stdout) + &text(output.stderr), took: began.elapsed() }
}

/// Runs a suite with these files next to it.
async fn suite(text: impl AsRef<[u8]>, files: &[(&str, &[u8])]) -> Ran {
    let home = folder(files);
    std::fs::write(home.path().join("suite.yaml"), text).unwrap();
    eval(home.path(), &["suite.yaml"]).await
}

/// Runs a suite that begins with [`HEAD`].
async fn after_head(text: &str, files: &[(&str, &[u8])]) -> Ran {
    suite(format!("{HEAD}{text}"), files).await
}

#[tokio::test]
async fn broken_yaml_says_the_line_and_the_column() {
    after_head("tests:\n  - vars: {q: 1\n", &[]).await.is(1, &["suite.yaml:", "not valid YAML"]);
    let tab = after_head("tests:\n\t- vars: {q: 1}\n", &[]).await;
    tab.is(1, &["suite.yaml:4:", "not valid YAML"]);
    let twice = after_head("tests: []\ntests: []\n", &[]).await;
    twice.is(1, &["suite.yaml:4:1: ", "tests"]);
}

#[tokio::test]
async fn an_unknown_assertion_is_an_error_of_its_test_alone() {
    let tests = |unknown: &str| {
        format!(
            "{HEAD}tests:\n  - assert:\n      - type: {unknown}\n    vars: {{q: a}}\n  \
             - {{vars: {{q: fine}}, assert: [{{type: equals, value: fine}}]}}\n"
        )
    };
    for (unknown, near) in
        [("is-jsno", "`is-json`"), ("not-contians", "contains`"), ("select-bset", "`select-best`")]
    {
        let place = ["suite.yaml:5:15: ", unknown, near];
        let ran = suite(tests(unknown), &[]).await;
        ran.is(100, &place).is(100, &["1 passed", "1 error"]);
        let home = folder(&[("suite.yaml", tests(unknown).as_bytes())]);
        let strict = eval(home.path(), &["suite.yaml", "--strict"]).await;
        strict.is(1, &place).is(1, &["there is no assertion type"]);
    }
}

#[tokio::test]
async fn a_suite_that_was_not_run_has_no_last_run() {
    let home = folder(&[("suite.yaml", format!("{HEAD}tests: [{{}}]\n").as_bytes())]);
    for filter in ["--filter-failing", "--filter-failing-only", "--filter-errors-only"] {
        for more in [&[][..], &["--resume"]] {
            let args = [&["suite.yaml", filter, "last"], more].concat();
            eval(home.path(), &args).await.is(1, &["no last run of this suite"]);
        }
    }
}

#[tokio::test]
async fn missing_files_are_named_where_they_are_asked_for() {
    let home = tempfile::tempdir().unwrap();
    eval(home.path(), &["none.yaml"]).await.is(1, &["none.yaml: there is no such file"]);
    after_head("tests: none.csv\n", &[]).await.is(1, &["suite.yaml:3:8: ", "none.csv"]);
    after_head("tests: [file://none.yaml]\n", &[]).await.is(1, &["suite.yaml:3:9: ", "none.yaml"]);
    let schema =
        "tests:\n  - vars: {q: a}\n    assert: [{type: is-json, value: file://none.json}]\n";
    after_head(schema, &[]).await.is(100, &["none.json"]);
    let script =
        "tests:\n  - vars: {q: a}\n    assert: [{type: javascript, value: file://none.js}]\n";
    after_head(script, &[]).await.is(100, &["none.js"]);
    let target = "prompts: [a]\nproviders: [file://none.js]\ntests: [{}]\n";
    suite(target, &[]).await.is(1, &["suite.yaml: ", "none.js"]);
}

#[tokio::test]
async fn a_wrong_template_is_an_error_of_its_row_alone() {
    let text = "prompts: ['{{q}}{% if bad %}{{q|nope}}{% endif %}']\nproviders: [echo]\n\
                tests: [{vars: {q: a, bad: 1}}, {vars: {q: fine}}]\n";
    let ran = suite(text, &[]).await;
    ran.is(100, &["the prompt cannot be rendered", "nope"]);
    let open = suite("prompts: ['{% for x in q %}']\nproviders: [echo]\ntests: [{}]\n", &[]).await;
    open.is(100, &["the prompt cannot be rendered", "line 1"]);
    let ends = "tests:\n  - vars: {q: '{% for a in range(100000000) %}{% for b in range(100000000) %}x{% endfor %}{% endfor %}'}\n";
    let ran = after_head(ends, &[]).await;
    assert!(ran.took < Duration::from_secs(30), "{:?}", ran.took);
}

#[tokio::test]
async fn a_grader_that_answers_nonsense_passes_nothing() {
    let grader: &[u8] =
        b"module.exports = async () => ({output: 'Lovely weather \\u001b[31m today'})";
    let tests = "tests:\n  - vars: {q: a}\n    assert: [{type: llm-rubric, value: x, provider: file://g.cjs}]\n  \
                 - vars: {q: b}\n    assert: [{type: not-llm-rubric, value: x, provider: file://g.cjs}]\n  \
                 - vars: {q: c}\n    assert: [{type: factuality, value: x, provider: file://g.cjs}]\n";
    let ran = after_head(tests, &[("g.cjs", grader)]).await;
    ran.is(100, &["Lovely weather"]);
    assert!(!ran.text.contains('\u{1b}'), "a control character gets out: {:?}", ran.text);
    let broken: &[u8] = b"module.exports = async () => { throw new Error('no mood') }";
    after_head(tests, &[("g.cjs", broken)]).await.is(100, &["no mood"]);
    let null: &[u8] = b"module.exports = async () => null";
    after_head(tests, &[("g.cjs", null)]).await.is(100, &[]);
}

#[tokio::test]
async fn a_case_that_hangs_is_an_error_and_the_others_go_on() {
    let text = "prompts: ['{{q}}']\nproviders: ['exec:sh wait.sh']\nevaluateOptions: {timeoutMs: 700}\n\
                tests: [{vars: {q: hang}}, {vars: {q: go}, assert: [{type: contains, value: went}]}]\n";
    let wait: &[u8] = b"case \"$1\" in *hang*) sleep 300;; esac; echo went\n";
    let ran = suite(text, &[("wait.sh", wait)]).await;
    ran.is(100, &["timed out after 700ms", "1 passed"]);
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
}

#[tokio::test]
async fn a_script_that_never_ends_or_eats_all_memory_is_stopped() {
    let endless = "tests:\n  - {vars: {q: a}, assert: [{type: javascript, value: '(() => { for (;;) {} })()'}]}\n  \
                   - {vars: {q: b}, assert: [{type: javascript, value: 'new Promise(() => {})'}]}\n  \
                   - {vars: {q: c}, assert: [{type: javascript, value: '(() => { const a = []; for (;;) a.push(new Array(1e6).fill(1)) })()'}]}\n  \
                   - {vars: {q: d}, assert: [{type: javascript, value: '(function f() { return f() + 1 })()'}]}\n  \
                   - {vars: {q: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!}, assert: [{type: regex, value: '^(a+)+$'}]}\n";
    let ran = after_head(endless, &[]).await;
    ran.is(100, &["stopped after", "0 passed, 4 failed, 1 error"]);
    assert!(ran.took < Duration::from_secs(40), "{:?}", ran.took);
}

#[tokio::test]
async fn python_that_prints_garbage_passes_nothing() {
    let tests = "tests:\n  - {vars: {q: a}, assert: [{type: python, value: file://g.py}]}\n";
    let garbage: &[u8] = b"import os, sys\ndef get_assert(output, context):\n    \
        sys.stdout.buffer.write(bytes(range(256)) * 100)\n    sys.stdout.flush()\n    os._exit(0)\n";
    let ran = after_head(tests, &[("g.py", garbage)]).await;
    ran.is(100, &["0 passed"]);
    let odd: &[u8] = b"def get_assert(output, context):\n    return object()\n";
    after_head(tests, &[("g.py", odd)]).await.is(100, &["0 passed"]);
    let none: &[u8] = b"x = (\n";
    after_head(tests, &[("g.py", none)]).await.is(100, &["0 passed"]);
}

#[tokio::test]
async fn an_empty_suite_and_a_folder_say_what_a_suite_is() {
    suite("", &[]).await.is(1, &["suite.yaml", "`prompts`, `providers` and `tests`"]);
    suite("# nothing\n", &[]).await.is(1, &["suite.yaml", "`prompts`, `providers` and `tests`"]);
    suite("[1, 2]\n", &[]).await.is(1, &["suite.yaml", "`prompts`, `providers` and `tests`"]);
    suite("tests: []\n", &[]).await.is(1, &["what is asked", "providers: [echo]"]);
    suite("providers: [echo]\ntests: 7\n", &[]).await.is(1, &["suite.yaml:2:8"]);
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("suites")).unwrap();
    eval(home.path(), &["suites"]).await.is(1, &["suites", "folder"]);
}

#[tokio::test]
async fn without_a_suite_it_says_how_to_begin() {
    let home = tempfile::tempdir().unwrap();
    let ran = eval(home.path(), &[]).await;
    ran.is(1, &["there is no suite", "eval/suites/first.yaml", "providers: [frontdesk]"]);
    // The suite in its message is a valid one.
    let shown = ran.text.split_once("first.yaml:\n\n").unwrap().1;
    let first = home.path().join("eval/suites");
    std::fs::create_dir_all(&first).unwrap();
    std::fs::write(first.join("first.yaml"), shown).unwrap();
    write_home_files(home.path());
    let ran = eval(home.path(), &["--provider", "frontdesk:acme"]).await;
    assert!(ran.text.contains("first.yaml") && ran.code != 1, "{}", ran.text);
}

#[tokio::test]
async fn providers_that_are_not_there_are_told_with_those_that_are() {
    let ran = suite("prompts: [a]\nproviders: [opneai:gpt-4o]\ntests: [{}]\n", &[]).await;
    ran.is(1, &["suite.yaml", "`opneai:gpt-4o`", "openai"]);
    let home = tempfile::tempdir().unwrap();
    write_home_files(home.path());
    let text = "providers: ['frontdesk:nobody']\ntests: [{vars: {message: hi}}]\n";
    std::fs::write(home.path().join("suite.yaml"), text).unwrap();
    eval(home.path(), &["suite.yaml"]).await.is(1, &["suite.yaml", "`nobody`", "acme"]);
    let text = "providers: ['frontdesk:acme@77']\ntests: [{vars: {message: hi}}]\n";
    std::fs::write(home.path().join("suite.yaml"), text).unwrap();
    let ran = eval(home.path(), &["suite.yaml"]).await;
    assert!(ran.code != 0 && ran.text.contains("77"), "{}", ran.text);
}

#[tokio::test]
async fn references_in_circles_and_deep_or_swollen_yaml_are_refused() {
    after_head("x: {$ref: '#/x'}\ntests: []\n", &[]).await.is(1, &["suite.yaml:3", "itself"]);
    let two = "a: {b: {$ref: '#/c'}}\nc: [{$ref: '#/a'}]\ntests: [{}]\n";
    after_head(two, &[]).await.is(1, &["suite.yaml:", "itself"]);
    let wide =
        "a: [{$ref: '#/b'}, {$ref: '#/b'}]\nb: [{$ref: '#/a'}, {$ref: '#/a'}]\ntests: [{}]\n";
    let ran = after_head(wide, &[]).await;
    ran.is(1, &["itself"]);
    assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
    let doubled = (1..40)
        .map(|n| format!("d{n}: [{{$ref: '#/d{0}'}}, {{$ref: '#/d{0}'}}]\n", n - 1))
        .collect::<Vec<_>>()
        .concat();
    let ran = after_head(&format!("d0: [x]\n{doubled}tests: [{{}}]\n"), &[]).await;
    ran.is(1, &["suite.yaml:"]);
    for deep in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        after_head(&format!("tests:\n  {deep}\n"), &[]).await.is(1, &["suite.yaml:"]);
    }
    let deep = format!("{{\"tests\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let home = folder(&[("suite.json", deep.as_bytes())]);
    eval(home.path(), &["suite.json"]).await.is(1, &["suite.json"]);
    let laughs = (1..30)
        .map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")))
        .collect::<Vec<_>>()
        .concat();
    let ran = after_head(&format!("a0: &a0 [ha]\n{laughs}tests: [*a29]\n"), &[]).await;
    ran.is(1, &["suite.yaml:", "not valid YAML"]);
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    let expands = "tests: [{vars: {q: '{{q}}{{q}}{{q}}{{q}}{{q}}{{q}}{{q}}{{q}}{{q}}{{q}}'}}]\n";
    let ran = after_head(expands, &[]).await;
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
}

#[tokio::test]
async fn too_many_cases_are_refused_before_they_fill_the_memory() {
    let list = (0..400).map(|n| format!("'{n}'")).collect::<Vec<_>>().join(", ");
    let ran = after_head(
        &format!("tests: [{{vars: {{a: [{list}], b: [{list}], c: [{list}], d: [{list}]}}}}]\n"),
        &[],
    )
    .await;
    ran.is(1, &["suite.yaml:3", "cases"]);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_told_of_and_never_printed() {
    suite(b"prompts: [\xff\xfe]\n", &[]).await.is(1, &["suite.yaml", "UTF-8"]);
    let nul = suite(b"prompts: ['a\0b']\nproviders: [echo]\ntests: [{}]\n", &[]).await;
    assert!(!nul.text.contains('\0'), "{:?}", nul.text);
    let csv: &[u8] = b"q,__expected\n\xff\xfe,a\n";
    after_head("tests: t.csv\n", &[("t.csv", csv)]).await.is(1, &["t.csv:2", "UTF-8"]);
    let csv: &[u8] = b"q,__expected\na\0b\x1b[2Jc,equals:x\x1b]0;title\x07\n";
    let ran = after_head("tests: t.csv\n", &[("t.csv", csv)]).await;
    ran.is(100, &["0 passed"]);
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!ran.text.contains(control), "{:?}", ran.text);
    let quote: &[u8] = b"q,__expected\n\"never closed,a\n";
    let ran = after_head("tests: t.csv\n", &[("t.csv", quote)]).await;
    assert!(ran.code != 0, "{}", ran.text);
    let sixteen: Vec<u8> = "prompts: [a]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(suite(sixteen, &[]).await.code, 1);
}

#[tokio::test]
async fn a_target_that_answers_with_a_page_or_not_at_all_is_an_error() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = server.accept().await.unwrap();
            tokio::spawn(async move {
                let mut block = [0; 8192];
                drop(stream.read(&mut block).await);
                let page = "<html><body>It works!</body></html>";
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
                let answer = format!("{head}Content-Length: {}\r\n\r\n{page}", page.len());
                drop(stream.write_all(answer.as_bytes()).await);
            });
        }
    });
    let chat = format!(
        "prompts: [a]\nproviders: [{{id: 'openai:chat:x', config: {{apiBaseUrl: 'http://127.0.0.1:{port}/v1', apiKey: k}}}}]\n\
         tests: [{{assert: [{{type: contains, value: works}}]}}]\n"
    );
    suite(&chat, &[]).await.is(100, &["0 passed", "1 error"]);
    let gone = chat.replace(&port.to_string(), "9");
    suite(&gone, &[]).await.is(100, &["0 passed", "1 error"]);
}

#[tokio::test]
async fn a_large_table_is_run_in_little_memory() {
    let home = folder(&[("suite.yaml", format!("{HEAD}tests: t.csv\n").as_bytes())]);
    let line = format!("{},contains: question\n", "a question of a customer ".repeat(40));
    std::fs::write(home.path().join("t.csv"), format!("q,__expected\n{}", line.repeat(2_000)))
        .unwrap();
    eval(home.path(), &["suite.yaml"]).await.is(0, &["2,000 passed"]);
}

#[tokio::test]
async fn two_runs_at_once_do_not_spoil_each_other() {
    let cases = (0..200).map(|n| format!("  - vars: {{q: 'case {n}'}}\n"));
    let cases = cases.collect::<Vec<_>>().concat();
    let text = format!(
        "{HEAD}defaultTest: {{options: {{}}}}\nevaluateOptions: {{delay: 5}}\ntests:\n{cases}"
    );
    let home = folder(&[("suite.yaml", text.as_bytes())]);
    let (one, two) = tokio::join!(
        eval(home.path(), &["suite.yaml", "-o", "one.json"]),
        eval(home.path(), &["suite.yaml", "-o", "two.json"])
    );
    let good = [&one, &two].into_iter().filter(|ran| ran.code == 0).collect::<Vec<_>>();
    assert!(!good.is_empty(), "{}\n{}", one.text, two.text);
    for ran in good {
        assert!(ran.text.contains("200 passed"), "{}", ran.text);
    }
    for (ran, file) in [(&one, "one.json"), (&two, "two.json")] {
        let path = home.path().join(file);
        if ran.code == 0 {
            let text = std::fs::read_to_string(path).unwrap();
            let report: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(report["results"]["results"].as_array().unwrap().len(), 200);
        } else {
            assert!(ran.text.contains("another run"), "{}", ran.text);
        }
    }
}

/// Returns the peak memory of a run in MB.
async fn peak_mb(home: &Path, args: &[&str]) -> u64 {
    let mut command = Command::new(BINARY);
    command.arg("eval").args(args).current_dir(home).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id().unwrap());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kb.unwrap_or(0) / 1_024);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    peak
}

#[tokio::test]
async fn memory_does_not_grow_with_rows() {
    let text =
        format!("{HEAD}tests: [{{vars: {{q: '{}'}}}}]\n", "a question of a customer ".repeat(100));
    let home = folder(&[("suite.yaml", text.as_bytes())]);
    let few = peak_mb(home.path(), &["suite.yaml", "--repeat", "200", "-o", "few.json"]).await;
    let many = peak_mb(home.path(), &["suite.yaml", "--repeat", "8000", "-o", "many.json"]).await;
    let rows = std::fs::metadata(home.path().join("data/evals/suite.jsonl")).unwrap().len() >> 20;
    println!("200 rows: {few} MB, 8,000 rows ({rows} MB of them): {many} MB");
    assert!(rows > 60, "{rows} MB");
    assert!(many < few + 25, "{few} MB for 200 rows, {many} MB for 8,000");
}
