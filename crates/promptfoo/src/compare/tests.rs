//! Tests of comparisons and gate rules.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::report::{self, Look, sample};
use crate::row::{Column, Metrics, Summary};
use crate::run_log::RunLog;

fn case(key: &str, title: &str, score: f64, pass: bool) -> AcceptedScore {
    AcceptedScore {
        key: key.into(),
        title: title.into(),
        score,
        pass,
        column: "[a] b".into(),
        ..AcceptedScore::default()
    }
}

fn run(cases: Vec<AcceptedScore>) -> Baseline {
    Baseline { version: 1, cases, ..Baseline::default() }
}

fn summary(counts: [usize; 4], score: f64) -> Summary {
    let [test_pass_count, test_fail_count, test_error_count, test_skip_count] = counts;
    let metrics = Metrics {
        score,
        test_pass_count,
        test_fail_count,
        test_error_count,
        test_skip_count,
        ..Metrics::default()
    };
    Summary {
        complete: true,
        prompts: vec![Column { metrics, ..Column::default() }],
        ..Summary::default()
    }
}

/// One case better, one worse, one edited, one skipped now, one new and one removed.
fn mixed() -> Comparison {
    let before = run(vec![
        case("1", "hours", 1.0, true),
        case("2", "prices", 0.5, false),
        case("3", "old words", 0.25, false),
        case("4", "voice", 1.0, true),
        case("5", "gone", 1.0, true),
        case("6", "flat", 0.75, true),
    ]);
    let mut voice = case("4", "voice", 0.0, false);
    voice.skipped = Some("no speech model".into());
    let mut hours = case("1", "hours", 1.0, false);
    hours.why = "Expected \u{1b}[31moutput\nto contain \"9\" <b>".into();
    let after = run(vec![
        hours,
        case("2", "prices", 0.9, true),
        case("3b", "old words", 0.25, false),
        voice,
        case("6", "flat", 0.75, true),
        case("7", "new", 0.0, false),
    ]);
    compare(&before, &after)
}

#[test]
fn cases_are_matched_by_key_and_then_by_title() {
    let found = mixed();
    assert_eq!((found.better, found.worse, found.same, found.paired), (1, 2, 2, 4));
    assert_eq!(
        (found.added.as_slice(), found.removed.as_slice()),
        (&["new".to_owned()][..], &["gone".to_owned()][..])
    );
    assert!(found.changed[0].worse && found.changed[1].worse && !found.changed[2].worse);
    assert!((found.difference - 0.1).abs() < 1e-9);
}

#[test]
fn a_comparison_in_words() {
    let mut out = Vec::new();
    let found = mixed();
    found.text(Look::default(), &mut out).unwrap();
    found.markdown(&mut out).unwrap();
    found.html(&mut out).unwrap();
    assert_snapshot!("comparison", String::from_utf8(out).unwrap());
}

#[test]
fn what_passed_and_fails_now_is_worse_whatever_it_scores() {
    let found =
        compare(&run(vec![case("1", "a", 0.5, true)]), &run(vec![case("1", "a", 0.9, false)]));
    assert_eq!((found.better, found.worse), (0, 1));
}

#[test]
fn rules_are_read_and_others_are_refused_with_the_list() {
    for known in [
        "no case worse",
        "score >= baseline - 0.02",
        "Score >= 0.9",
        "pass rate >= 95%",
        "score>=baseline",
        "no case worse and score >= baseline - 0.01",
        "no case worse, pass rate ≥ 0.5",
    ] {
        assert!(Rule::parse(known).is_ok(), "{known}");
    }
    for unknown in [
        "",
        "score > 0.9",
        "no cases",
        "score >= baseline + 1",
        "pass rate >= 950%",
        "score >= nan",
        "no case worse and",
    ] {
        let error = Rule::parse(unknown).unwrap_err();
        assert!(
            error.contains("no case worse") && error.contains("pass rate >= 95%"),
            "{unknown}: {error}"
        );
    }
    assert!(Rule::parse("no case worse").unwrap().needs_baseline());
    assert!(!Rule::parse("score >= 0.9").unwrap().needs_baseline());
}

#[test]
fn rules_hold_or_name_what_broke_them() {
    let (found, nine) = (mixed(), summary([9, 1, 0, 5], 9.2));
    let tried = |rule: &str| Rule::parse(rule).unwrap().holds(&found, &nine);
    assert_eq!(tried("score >= 0.92 and pass rate >= 90%"), Ok(()));
    assert_eq!(tried("score >= baseline"), Ok(()));
    let all =
        ["no case worse", "score >= 0.93", "pass rate >= 95%"].map(|rule| tried(rule).unwrap_err());
    assert_snapshot!("broken_rules", all.join("\n\n"));
    let worse =
        compare(&run(vec![case("1", "a", 1.0, true)]), &run(vec![case("1", "a", 0.9, true)]));
    let rule = |text: &str| Rule::parse(text).unwrap().holds(&worse, &nine);
    assert_eq!(rule("score >= baseline - 0.1"), Ok(()));
    assert!(rule("score >= baseline - 0.05").unwrap_err().contains("- a (1 to 0.9)"));
}

#[test]
fn nothing_to_compare_is_no_success() {
    let full = summary([1, 0, 0, 0], 1.0);
    let nothing = Comparison::default();
    for rule in ["no case worse", "score >= baseline - 1"] {
        assert!(Rule::parse(rule).unwrap().holds(&nothing, &full).is_err(), "{rule}");
    }
    let skipped = summary([0, 0, 0, 3], 0.0);
    for rule in ["score >= 0", "pass rate >= 0"] {
        assert!(Rule::parse(rule).unwrap().holds(&nothing, &skipped).is_err(), "{rule}");
    }
    let stopped = Summary { complete: false, ..full };
    assert!(Rule::parse("score >= 0").unwrap().holds(&nothing, &stopped).is_err());
}

#[test]
fn accepted_scores_a_report_and_a_journal_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (summary, run_log) = sample::run(folder.path());
    let own = Baseline::of(&summary, &run_log).unwrap();
    assert_eq!(own.cases.len(), 8);
    let file = folder.path().join("baseline.json");
    own.write(&file).unwrap();
    assert_snapshot!("baseline", std::fs::read_to_string(&file).unwrap());
    let report = folder.path().join("report.json");
    report::write(&report, &summary, &run_log).unwrap();
    for path in [file.as_path(), &report, run_log.path()] {
        let found = compare(&Baseline::read(path).unwrap(), &own);
        assert_eq!((found.better, found.worse, found.same), (0, 0, 8), "{}", path.display());
        assert_eq!((found.added.len(), found.removed.len()), (0, 0), "{}", path.display());
        assert_eq!(found.interval, (0.0, 0.0));
    }
}

#[test]
fn what_is_no_baseline_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str| {
        let path = folder.path().join("x.json");
        std::fs::write(&path, text).unwrap();
        Baseline::read(&path).unwrap_err().to_string()
    };
    for text in ["", "{}", "[1]", "no json"] {
        assert!(refused(text).contains("a baseline is a file of accepted scores"), "{text}");
    }
    assert!(refused("{\"version\": 2, \"cases\": []}").contains("its version is 2"));
    assert!(
        Baseline::read(&folder.path().join("none"))
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
}

#[test]
fn repetitions_count_as_their_mean() {
    let folder = tempfile::tempdir().unwrap();
    let run_log = RunLog::at(folder.path().join("journal"));
    for (repeat, score) in [(1, 0.0), (0, 1.0)] {
        let row =
            sample::row(0, 0, "hi", "y", &[sample::graded("equals", json!("x"), score, "differs")]);
        let key = format!("case#{repeat}");
        run_log.add(&crate::row::EvalRow { key, repeat, ..row }).unwrap();
    }
    let own = Baseline::of(&Summary::default(), &run_log).unwrap();
    let [only] = own.cases.as_slice() else { panic!("{own:?}") };
    assert_eq!((only.key.as_str(), only.pass), ("case#0", false));
    assert!((only.score - 0.5).abs() < 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn every_case_is_counted_once(scores in prop::collection::vec((0_u8..3, 0_u8..3, 0_u8..3), 0..12)) {
        let of = |pick: fn(&(u8, u8, u8)) -> u8| run(scores.iter().enumerate().filter(|(_, it)| pick(it) > 0).map(|(index, it)| {
            // Some keys change, and titles are not unique.
            let key = if it.2 == 0 { String::new() } else { index.to_string() };
            case(&key, &format!("title {}", index % 3), f64::from(pick(it)), pick(it) == 2)
        }).collect());
        let (before, after) = (of(|it| it.0), of(|it| it.1));
        let found = compare(&before, &after);
        prop_assert_eq!(found.better + found.worse + found.same + found.added.len(), after.cases.len());
        prop_assert_eq!(found.better + found.worse + found.same + found.removed.len(), before.cases.len());
        prop_assert_eq!(found.changed.len(), found.better + found.worse);
        prop_assert!(found.interval.0 <= found.difference + 1e-9 && found.difference <= found.interval.1 + 1e-9);
    }
}
