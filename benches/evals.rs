//! Backs the README's figures on evals: cases per second with a model that answers at once,
//! compared with promptfoo on the same suite, and the memory for a large suite.
//!
//! `cargo bench --bench evals [-- --cases=1000 --rounds=3 --large]`. Both run as programs and
//! alternate in the same run, from reading the suite to the written report. promptfoo is
//! `FRONTDESK_PROMPTFOO`, such as `…/node_modules/.bin/promptfoo`; without it that side is skipped.
//! `--large` also runs 100,000 cases and a table of 100 MB. It asserts nothing: times depend on the
//! machine.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The suites by name, with the assertions on each answer.
const SUITES: &[(&str, &str)] = &[
    (
        "text",
        "[{type: contains, value: order}, {type: icontains, value: 'ORDER {{n}}'}, {type: regex, value: 'order \\d+'}, \
         {type: not-contains, value: refund}, {type: starts-with, value: Where}]",
    ),
    (
        "text and JavaScript",
        "[{type: contains, value: order}, {type: regex, value: 'order \\d+'}, {type: javascript, value: 'output.length > 10'}]",
    ),
];

fn main() {
    let number = |name: &str, default: usize| {
        let given = std::env::args().find_map(|it| it.strip_prefix(name)?.parse().ok());
        given.unwrap_or(default)
    };
    let (cases, rounds) = (number("--cases=", 1_000), number("--rounds=", 3));
    let large = std::env::args().any(|it| it == "--large");
    let home = tempfile::tempdir().expect("a folder");
    for (name, asserts) in SUITES {
        println!("{name}: {cases} cases, {} assertions each", asserts.matches("type:").count());
        suite(home.path(), asserts, cases);
        let mut ratios: Vec<f64> = (0..rounds).filter_map(|_| round(home.path(), cases)).collect();
        ratios.sort_by(f64::total_cmp);
        match ratios.get(ratios.len() / 2) {
            Some(ratio) => println!("  {ratio:.1} times promptfoo at the median"),
            None => {
                println!("  promptfoo: skipped, FRONTDESK_PROMPTFOO names no program that runs");
            }
        }
    }
    println!("memory, text:");
    for cases in [1_000, 10_000].into_iter().chain(large.then_some(100_000)) {
        suite(home.path(), SUITES[0].1, cases);
        show(&format!("{cases} cases"), cases, &run(ours(home.path())));
    }
    if large {
        let cases = table_of_100_mb(home.path());
        show("a table of 100 MB", cases, &run(ours(home.path())));
    }
}

/// Runs one round of both programs. Returns how many times faster frontdesk is.
fn round(home: &Path, cases: usize) -> Option<f64> {
    let own = run(ours(home));
    show("frontdesk", cases, &own);
    let theirs = run(promptfoo(home)?);
    if !theirs.done {
        return None;
    }
    show("promptfoo", cases, &theirs);
    Some(theirs.took.as_secs_f64() / own.took.as_secs_f64())
}

fn suite(home: &Path, asserts: &str, cases: usize) {
    let text = format!(
        "prompts: ['Where is my order {{{{n}}}}, placed by {{{{name}}}}?']\nproviders: [echo]\n\
         defaultTest:\n  assert: {asserts}\ntests: cases.csv\n"
    );
    std::fs::write(home.join("suite.yaml"), text).expect("a file");
    let mut rows = String::from("n,name\n");
    for n in 0..cases {
        let _ = writeln!(rows, "{n},customer {n}");
    }
    std::fs::write(home.join("cases.csv"), rows).expect("a file");
}

fn table_of_100_mb(home: &Path) -> usize {
    let line = format!("{},contains: question\n", "a question of a customer ".repeat(40));
    let cases = 100 * 1024 * 1024 / line.len();
    let text = "prompts: ['{{q}}']\nproviders: [echo]\ntests: cases.csv\n";
    std::fs::write(home.join("suite.yaml"), text).expect("a file");
    let rows = format!("q,__expected\n{}", line.repeat(cases));
    std::fs::write(home.join("cases.csv"), rows).expect("a file");
    cases
}

fn ours(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
    command
        .args(["eval", "suite.yaml", "--no-cache", "-j", "4", "-o", "ours.json"])
        .current_dir(home);
    command
}

fn promptfoo(home: &Path) -> Option<Command> {
    let mut command = Command::new(std::env::var_os("FRONTDESK_PROMPTFOO")?);
    command.args(["eval", "-c", "suite.yaml", "--no-cache", "-j", "4", "-o", "theirs.json"]);
    command.args(["--no-table", "--no-progress-bar", "--no-write"]).current_dir(home);
    command.env("PROMPTFOO_CONFIG_DIR", home.join("promptfoo"));
    for name in ["PROMPTFOO_DISABLE_TELEMETRY", "PROMPTFOO_DISABLE_UPDATE"] {
        command.env(name, "1");
    }
    Some(command)
}

struct Ran {
    done: bool,
    took: Duration,
    /// Peak memory in MB; 0 when the system does not report it.
    peak: u64,
}

fn run(mut command: Command) -> Ran {
    let began = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else {
        return Ran { done: false, took: Duration::ZERO, peak: 0 };
    };
    let (id, mut peak) = (child.id(), 0);
    loop {
        peak = peak.max(peak_mb(id));
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            Ok(Some(status)) => {
                return Ran { done: status.success(), took: began.elapsed(), peak };
            }
            Err(_) => return Ran { done: false, took: began.elapsed(), peak },
        }
    }
}

fn peak_mb(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kb.unwrap_or(0) / 1_024
}

#[expect(clippy::cast_precision_loss, reason = "a count of cases")]
fn show(name: &str, cases: usize, ran: &Ran) {
    let seconds = ran.took.as_secs_f64();
    let failed = if ran.done { "" } else { ", failed" };
    println!(
        "  {name}: {seconds:.2} s, {:.0} cases a second, at most {} MB{failed}",
        cases as f64 / seconds,
        ran.peak
    );
}
