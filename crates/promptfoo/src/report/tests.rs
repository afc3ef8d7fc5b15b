//! Tests of every report format on one small run.

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::Value;

use super::sample;
use super::*;

/// Writes a report of the sample run and returns its text.
fn report(ending: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (summary, run_log) = sample::run(folder.path());
    let path = folder.path().join(format!("report{ending}"));
    write(&path, &summary, &run_log).unwrap();
    fs::read_to_string(path).unwrap()
}

#[test]
fn text() {
    let text = report(".txt");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    assert_snapshot!("report_txt", text);
}

#[test]
fn terminal_with_colours() {
    let folder = tempfile::tempdir().unwrap();
    let (summary, run_log) = sample::run(folder.path());
    let mut out = Vec::new();
    let look = Look { colour: true, width: 60, most: 1 };
    terminal(&summary, &run_log, look, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains("\u{1b}[2J"));
    let plain = regex::Regex::new("\u{1b}\\[[0-9]+m").unwrap().replace_all(&text, "");
    assert!(plain.lines().all(|line| super::text::width(line) <= 60), "{plain}");
    assert_snapshot!("report_terminal", text.replace('\u{1b}', "ESC"));
}

#[test]
fn json() {
    let text = report(".json");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["results"]["results"].as_array().unwrap().len(), 8);
    assert_eq!(value["results"]["stats"]["successes"], 4);
    assert_eq!(text, format!("{value:#}\n"), "row by row, and yet as one value is written");
    assert_snapshot!("report_json", text);
}

#[test]
fn json_lines_are_rows_in_the_order_of_the_cases() {
    let rows: Vec<Value> =
        report(".jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let order: Vec<_> =
        rows.iter().map(|row| (row["testIdx"].clone(), row["promptIdx"].clone())).collect();
    assert_eq!(order.len(), 8);
    assert!(order.windows(2).all(|pair| pair[0].0.as_u64() <= pair[1].0.as_u64()), "{order:?}");
}

#[test]
fn csv_is_read_back() {
    let text = report(".csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(&rows[1][1], "'=HYPERLINK(\"http://x\") <img src=x onerror=alert(1)>");
    assert!(rows[1][3].contains("\n=1+1|a\r\nlast"));
    assert_eq!(
        [&rows[0][4], &rows[0][12], &rows[2][4], &rows[2][12]],
        ["FAIL", "PASS", "ERROR", "SKIPPED"]
    );
    assert_snapshot!("report_csv", text);
}

#[test]
fn yaml_says_the_same_as_json() {
    let json: Value = serde_json::from_str(&report(".json")).unwrap();
    let yaml: Value = serde_saphyr::from_str(&report(".yaml")).unwrap();
    assert_eq!(yaml, json);
}

#[test]
fn xml_is_well_formed() {
    let text = report(".xml");
    let document = roxmltree::Document::parse(&text).unwrap();
    let rows = document.descendants().filter(|node| node.has_tag_name("testIdx")).count();
    assert_eq!(rows, 8);
}

#[test]
fn junit_is_well_formed_and_counts() {
    let text = report(".junit.xml");
    let document = roxmltree::Document::parse(&text).unwrap();
    let of = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!([of("testcase"), of("failure"), of("error"), of("skipped")], [8, 2, 1, 1]);
    let skipped = document.descendants().find(|node| node.has_tag_name("skipped")).unwrap();
    assert_eq!(skipped.attribute("message"), Some("no python"));
    let all = document.root_element();
    assert_eq!(
        ["tests", "failures", "errors", "skipped"].map(|it| all.attribute(it).unwrap()),
        ["8", "2", "1", "1"]
    );
    assert_snapshot!("report_junit", text);
}

#[test]
fn html_runs_nothing_of_what_was_answered() {
    let text = report(".html");
    for hostile in ["<script", "<img", "onerror=alert(1)>", "http://x\""] {
        assert!(!text.contains(hostile), "{hostile}");
    }
    for outside in ["src=", "href=", "@import", "url("] {
        let own = text.replace("src=x onerror", "");
        assert!(!own.contains(outside), "{outside}");
    }
    let body = &text[text.find("<body>").unwrap()..];
    assert_snapshot!("report_html", body);
}

#[test]
fn markdown() {
    assert_snapshot!("report_md", report(".md"));
}

#[test]
fn an_unknown_ending_is_answered_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let (summary, run_log) = sample::run(folder.path());
    let paths: Vec<PathBuf> = ["a.json", "b.docx"].map(|it| folder.path().join(it)).into();
    let error = write_all(&paths, &summary, &run_log).unwrap_err().to_string();
    assert!(error.contains("b.docx") && error.contains(".json .jsonl .csv"), "{error}");
    assert!(!paths[0].exists(), "nothing is written when one of the names is wrong");
}

#[test]
fn a_run_without_rows_has_reports_too() {
    let folder = tempfile::tempdir().unwrap();
    let run_log = RunLog::at(folder.path().join("none"));
    for ending in ENDINGS {
        write(&folder.path().join(format!("x{ending}")), &Summary::default(), &run_log).unwrap();
    }
}

#[test]
fn a_case_that_passes_sometimes_is_flaky() {
    let folder = tempfile::tempdir().unwrap();
    let run_log = RunLog::at(folder.path().join("journal"));
    for (repeat, score) in [(0, 1.0), (1, 0.0), (2, 1.0)] {
        let part = sample::graded("equals", "x", score, "differs");
        let row = sample::row(0, 0, "hi", "y", &[part]);
        run_log.add(&super::super::row::EvalRow { repeat, ..row }).unwrap();
    }
    let summary = Summary { complete: true, ..Summary::default() };
    let mut out = Vec::new();
    terminal(&summary, &run_log, Look::default(), &mut out).unwrap();
    assert_snapshot!("report_flaky", String::from_utf8(out).unwrap());
}

#[test]
fn the_last_row_of_a_key_counts_and_half_a_line_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let run_log = RunLog::at(folder.path().join("journal"));
    let failed = sample::row(0, 0, "hi", "y", &[sample::graded("equals", "x", 0.0, "differs")]);
    let passed = sample::row(0, 0, "hi", "x", &[sample::graded("equals", "x", 1.0, "")]);
    run_log.add(&failed).unwrap();
    run_log.add(&passed).unwrap();
    let half = serde_json::to_string(&failed).unwrap();
    let mut file = File::options().append(true).open(run_log.path()).unwrap();
    write!(file, "{}", &half[..half.len() / 2]).unwrap();
    let run = Run::read(&Summary::default(), &run_log).unwrap().counts();
    assert_eq!(run, [1, 0, 0, 0]);
}

/// Helper of the test below: writes reports of a long run and prints the memory used.
#[test]
#[ignore = "run by `ten_thousand_rows_need_little_memory`, in a process of its own"]
fn a_long_run() {
    let folder = tempfile::tempdir().unwrap();
    // Exclude the memory of code and static data.
    long_reports(folder.path(), 10);
    let before = most_memory();
    long_reports(folder.path(), 10_000);
    println!("took {} kB", most_memory() - before);
}

fn long_reports(folder: &Path, rows: usize) {
    let run_log = RunLog::at(folder.join(format!("{rows}.journal")));
    let mut out = BufWriter::new(File::create(run_log.path()).unwrap());
    let answer = "A long answer. ".repeat(200);
    for index in 0..rows {
        let score = if index % 10 == 0 { 0.0 } else { 1.0 };
        let part = sample::graded("contains", "x", score, "not there");
        let row = sample::row(index, 0, &format!("question {index}"), &answer, &[part]);
        writeln!(out, "{}", serde_json::to_string(&row).unwrap()).unwrap();
    }
    out.flush().unwrap();
    for name in ["a.json", "a.html", "a.csv"] {
        write(&folder.join(name), &sample::summary(), &run_log).unwrap();
    }
}

/// Peak memory of this process, in kB.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn ten_thousand_rows_need_little_memory() {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "report::tests::a_long_run", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    let took = said
        .split("took ")
        .nth(1)
        .and_then(|it| it.split(' ').next())
        .unwrap_or_else(|| panic!("{said}"));
    let took: u64 = took.parse().unwrap();
    // The rows take more than 30 MB as text, and three times that as values.
    assert!(took < 20_000, "{took} kB");
}
