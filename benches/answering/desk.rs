//! The desk as a process of its own: the real binary, on a fresh database.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::PASSAGES;
use super::floor::passage;
use super::load::{Figures, NUMBER, Round, SECRET, memory_mb, run};
use super::upstream::Upstream;

#[path = "../../tests/it/support/postgres.rs"]
#[expect(dead_code, unused_imports, reason = "tests use the rest of it")]
pub(crate) mod postgres;

/// Starts the desk and measures it.
pub(crate) async fn measure(upstream: &Upstream, round: Round, postgres: Option<&str>) -> Figures {
    let home = tempfile::tempdir().expect("a folder");
    furnish(home.path(), &upstream.url, postgres.unwrap_or_default());
    let (mut child, server, _) = start(home.path()).await;
    let before = upstream.sent();
    let figures = run(upstream, round, &server, child.id()).await;
    let asked = (round.messages + round.in_flight * 20) as u64;
    println!("  ({} messages, {} replies)", asked, upstream.sent() - before);
    let _ = child.kill();
    let _ = child.wait();
    figures
}

/// Prints how fast the demo desk starts, and what it holds while nothing happens.
pub(crate) async fn report_start() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut child, _, cold) = start(home.path()).await;
    let _ = child.kill();
    let _ = child.wait();
    let mut starts = Vec::new();
    let mut memory = 0;
    for _ in 0..5 {
        let (mut child, _, took) = start(home.path()).await;
        starts.push(took);
        tokio::time::sleep(Duration::from_secs(2)).await;
        memory = memory_mb(child.id());
        let _ = child.kill();
        let _ = child.wait();
    }
    starts.sort_unstable();
    println!("demo desk: first start, learning its documents: ready in {} ms", cold.as_millis());
    println!(
        "demo desk: cold start to ready: {} ms (median of {}); idle: {memory} MB",
        starts[2].as_millis(),
        starts.len()
    );
}

async fn start(home: &Path) -> (Child, String, Duration) {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a port")
        .port();
    let started = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_frontdesk"))
        .arg("serve")
        .current_dir(home)
        .env("FRONTDESK__HTTP__PORT", port.to_string())
        .env("FRONTDESK__LOG__LEVEL", "warn")
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary");
    let server = format!("http://127.0.0.1:{port}");
    let http = reqwest::Client::new();
    while !http
        .get(format!("{server}/readyz"))
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (child, server, started.elapsed())
}

fn furnish(home: &Path, upstream: &str, postgres: &str) {
    let write = |path: &str, text: String| {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    for index in 0..PASSAGES {
        write(
            &format!("knowledge/shop/branch-{index}.md"),
            format!("# Branch {index}\n\n{}", passage(index)),
        );
    }
    write("prompts/shop.md", "---\nname: Shop\nknowledge: [shop]\nhandoff: { keywords: [human, 'speak to someone', 'persona real'] }\n---\n\
        You answer customers of {{ agent }}. Today is {{ today }}.\n".into());
    write(
        "frontdesk.toml",
        format!(
            "[store]\nurl = \"{postgres}\"\nconnections = 16\n\
         [llm]\nkind = \"openai\"\nbase_url = \"{upstream}/v1\"\napi_key = \"key\"\nmodel = \"m\"\n\
         [embed]\nkind = \"openai\"\nbase_url = \"{upstream}/v1\"\napi_key = \"key\"\nmodel = \"fake\"\n\
         [worker]\ngap_ms = 0\ntyping = false\n\
         [numbers.main]\nprovider = \"meta\"\nagent = \"shop\"\nphone_number_id = \"{NUMBER}\"\naccess_token = \"t\"\n\
         app_secret = \"{SECRET}\"\nverify_token = \"v\"\nbase_url = \"{upstream}\"\n"
        ),
    );
}
