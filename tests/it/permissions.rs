//! Permissions of the desk's files: on Unix only the owner can read them, even if an earlier
//! version or another umask left them open.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use crate::support::process::{BINARY, Process, free_port, run, says, surroundings};

/// Returns a folder and everything in it, with permissions.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut all = vec![(folder.to_owned(), mode(folder))];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(modes(&path));
        } else {
            all.push((path.clone(), mode(&path)));
        }
    }
    all
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn open(folder: &Path) {
    for (path, mode) in modes(folder) {
        let shared = if path.is_dir() { 0o755 } else { 0o644 };
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode | shared)).unwrap();
    }
}

/// Starts the desk from a shell whose umask allows everybody to read.
fn start(home: &Path) -> Process {
    let port = free_port();
    let child = Command::new("sh")
        .args(["-c", "umask 022; exec \"$0\" serve --config desk.toml", BINARY])
        .current_dir(home)
        .env("FRONTDESK__HTTP__PORT", port.to_string())
        .env_remove("DATABASE_URL")
        .envs(surroundings(home))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(home.join("desk.log")).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Process { url: format!("http://127.0.0.1:{port}"), child }
}

fn is_closed(data: &Path, names: &[&str]) {
    let all = modes(data);
    for (path, mode) in &all {
        assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
    }
    for name in names {
        assert!(all.iter().any(|(path, _)| path.ends_with(name)), "no {name} in {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_reads_what_the_desk_keeps() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::set_permissions(home, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(home.join("desk.toml"), "[embed]\nkind = \"off\"\n[speech]\nkind = \"off\"\n")
        .unwrap();
    let data = home.join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
    let desk = start(home);
    desk.wait_ready().await;
    // The key for secrets is created with the first number.
    let key = std::fs::read_to_string(data.join("admin.key")).unwrap();
    let body = json!({"slug": "box", "provider": "sandbox", "agent": "saltmarsh", "fields": {"id": "box", "secret": "a-secret-of-the-sandbox"}});
    let http = reqwest::Client::new();
    let added = http.post(format!("{}/api/v1/numbers", desk.url)).bearer_auth(&key).json(&body);
    let added = added.send().await.unwrap();
    let (status, said) = (added.status(), added.text().await.unwrap());
    assert_eq!(status, 201, "{said}");
    let names = [
        "frontdesk.db",
        "frontdesk.db-wal",
        "frontdesk.db-shm",
        "admin.key",
        "secrets.key",
        "sign-in.link",
    ];
    is_closed(&data, &names);
    assert!(desk.stop().await);

    // Files that an earlier version left open are closed at the next start, even those that it does
    // not write.
    std::fs::create_dir_all(data.join("evals/runs")).unwrap();
    std::fs::write(data.join("evals/runs/run_1.jsonl"), "{}").unwrap();
    open(&data);
    let desk = start(home);
    desk.wait_ready().await;
    is_closed(&data, &names);
    assert!(desk.stop().await);
    let ran = run(home, &["--config", "desk.toml", "doctor"], &[]).await;
    assert!(ran.1.contains("owner alone"), "{}", ran.1);

    // Other people's files are reported, not changed.
    std::fs::write(data.join("notes.txt"), "somebody's").unwrap();
    open(&data);
    let ran = run(home, &["--config", "desk.toml", "doctor"], &[]).await;
    says(&ran, false, &["can be read by others", "chmod go-rwx", "data"]);
    assert_eq!((mode(&data), mode(&data.join("notes.txt"))), (0o755, 0o644));
    assert_eq!(mode(&data.join("frontdesk.db")), 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_writes_is_its_owners_alone() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::write(
        home.join("frontdesk.toml"),
        "[embed]\nkind = \"off\"\n[speech]\nkind = \"off\"\n",
    )
    .unwrap();
    let suite = "providers: [echo]\nprompts: [\"{{q}}\"]\ntests:\n- vars: {q: hello}\n  assert: [{type: contains, value: hello}]\n";
    std::fs::write(home.join("suite.yaml"), suite).unwrap();
    let line = "umask 022; exec \"$0\" eval suite.yaml --output report.json";
    let ran = Command::new("sh")
        .args(["-c", line, BINARY])
        .current_dir(home)
        .envs(surroundings(home))
        .output()
        .await
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(mode(&home.join("report.json")), 0o600);
    is_closed(&home.join("data"), &["evals/suite.jsonl"]);
}
