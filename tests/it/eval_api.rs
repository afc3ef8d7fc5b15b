//! Eval runs over the API: watching, paging, bounds, stopping, reports and errors.

use std::time::{Duration, Instant};

use frontdesk_promptfoo::row::EvalRow;
use frontdesk_promptfoo::run_log::RunLog;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::gate::{gated, prompt};
use crate::support::app::{KEY, Setup, TestApp, on_both};

async fn start(app: &TestApp, body: Value) -> String {
    let (status, said) = app.call("/evals/runs", &body).await;
    assert_eq!(status, 202, "{said}");
    said["id"].as_str().unwrap().to_owned()
}

async fn until(app: &TestApp, id: &str, state: &str) -> Value {
    let began = Instant::now();
    loop {
        let run = app.get(&format!("/evals/runs/{id}")).await;
        if run["state"] == state {
            return run;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{run}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn events(
    app: &TestApp,
    id: &str,
    after: Option<&str>,
) -> Vec<(Option<String>, String, Value)> {
    let url = format!("{}/api/v1/evals/runs/{id}/events", app.url);
    let mut request = app.http.get(url).bearer_auth(KEY);
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let (mut stream, mut text) = (request.send().await.unwrap().bytes_stream(), String::new());
    while let Some(piece) = stream.next().await {
        text.push_str(&String::from_utf8_lossy(&piece.unwrap()));
    }
    let read = |block: &str| {
        let field =
            |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let data = serde_json::from_str(field("data:")?).unwrap();
        Some((field("id:").map(str::to_owned), field("event:")?.to_owned(), data))
    };
    text.split("\n\n").filter_map(read).collect()
}

/// Percent-encodes a text for a URL.
fn urlencoding(text: &str) -> String {
    let codes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    codes.concat()
}

/// Writes a suite with this many slow cases.
fn slow(folder: &std::path::Path, cases: usize) -> String {
    let script = folder.join("slow.sh");
    std::fs::write(&script, "sleep 0.3\necho ok\n").unwrap();
    let case = |n: usize| {
        format!(
            "- {{description: case {n}, vars: {{n: {n}}}, assert: [{{type: contains, value: ok}}]}}\n"
        )
    };
    let head = format!(
        "providers: [\"exec:sh {}\"]\nprompts: [\"{{{{n}}}}\"]\ntests:\n",
        script.display()
    );
    head + &(0..cases).map(case).collect::<String>()
}

const MORE: &str = "[files]\nsuites = \"SUITES\"\n";
/// Some tests need suites that run programs.
const CODE: &str = "[evals]\nallow_code = true\n";

on_both! {
    async fn the_scores_of_a_whole_run_are_accepted_and_later_runs_compared_with_them(db) {
        let home = tempfile::tempdir().unwrap();
        let (app, gate) = gated(db, &MORE.replace("SUITES", home.path().to_str().unwrap())).await;
        let accept = async |run: &str| {
            let (status, said) = app.call(&format!("/evals/runs/{run}/accept"), &Value::Null).await;
            (status.as_u16(), said)
        };
        let part = start(&app, json!({"suite": "acme.yaml", "first": 1})).await;
        until(&app, &part, "done").await;
        let (status, said) = accept(&part).await;
        assert!(status == 409 && said["detail"].as_str().unwrap().contains("whole suite"), "{said}");
        assert_eq!(accept("run_none").await.0, 404);

        let first = start(&app, json!({"suite": "acme.yaml"})).await;
        until(&app, &first, "done").await;
        let (status, said) = accept(&first).await;
        assert_eq!((status, &said["file"]), (200, &json!("acme.baseline.json")), "{said}");
        assert_eq!(app.get("/evals/suites").await[0]["baseline"], said);
        let log = app.get("/audit?action=eval.accepted").await;
        assert_eq!((&log["items"][0]["subject"], &log["items"][0]["detail"]["run"]), (&json!("acme.yaml"), &json!(first)), "{log}");
        let draft = json!({"suite": "acme.yaml", "agent": "acme", "prompt": prompt(&gate, "BAD"), "baseline": "acme.baseline.json"});
        let worse = start(&app, draft).await;
        let run = until(&app, &worse, "done").await;
        assert_eq!(run["comparison"]["worse"], 2, "{run}");
        // A draft's scores, and those of a bot that did not answer, are no bar for others.
        let (status, said) = accept(&worse).await;
        assert!(status == 409 && said["detail"].as_str().unwrap().contains("live version"), "{said}");
        // A gate's own bar is not moved from here.
        let bar = format!("{{suite: \"{}\", baseline: \"{}\"}}", home.path().join("acme.yaml").display(), home.path().join("acme.baseline.json").display());
        let (status, said) = app.call("/agents/acme/publish", &json!({"source": prompt(&bar, "With a bar.")})).await;
        assert_eq!(status, 200, "{said}");
        let (status, said) = accept(&first).await;
        assert!(status == 409 && said["detail"].as_str().unwrap().contains("The gate of `acme`"), "{said}");
        let (status, said) = app.call("/agents/acme/publish", &json!({"source": prompt("", "Without one."), "force": true})).await;
        assert_eq!(status, 200, "{said}");

        // What stands in the file's place is no file: it is not followed, and nothing is left over.
        #[cfg(unix)]
        {
            let file = home.path().join("acme.baseline.json");
            std::fs::remove_file(&file).unwrap();
            let other = home.path().join("other.json");
            std::fs::write(&other, "{}").unwrap();
            std::os::unix::fs::symlink(&other, &file).unwrap();
            assert_eq!(accept(&first).await.0, 422);
            assert_eq!(std::fs::read_to_string(&other).unwrap(), "{}");
            std::fs::remove_file(&file).unwrap();
        }
        std::fs::remove_file(home.path().join("acme.yaml")).unwrap();
        assert_eq!(accept(&first).await.0, 404);
        assert!(!home.path().join("acme.baseline.json").exists());
        app.stop().await;
    }

    async fn a_run_is_watched_read_and_reported(db) {
        let home = tempfile::tempdir().unwrap();
        let (app, gate) = gated(db, &MORE.replace("SUITES", home.path().to_str().unwrap())).await;
        assert_eq!(app.get("/evals/suites").await, json!([{"name": "acme.yaml", "title": "acme.yaml", "cases": 2, "agent": "acme", "saved": false, "baseline": null}]));
        let first = start(&app, json!({"suite": "acme.yaml"})).await;
        let told = events(&app, &first, None).await;
        assert_eq!(told.iter().map(|it| it.1.as_str()).collect::<Vec<_>>(), ["row", "row", "done"]);
        assert_eq!((&told[1].0, &told[1].2["counts"]["passed"]), (&Some("2".into()), &json!(2)));
        assert_eq!(told[2].2["state"], "done");
        let again = events(&app, &first, Some("1")).await;
        assert_eq!((again.len(), &again[0]), (2, &told[1]), "what is known is told again");

        let draft = json!({"suite": "acme.yaml", "agent": "acme", "prompt": prompt(&gate, "BAD"), "baseline": first});
        let second = start(&app, draft).await;
        let run = until(&app, &second, "done").await;
        assert_eq!((&run["counts"]["failed"], &run["comparison"]["worse"]), (&json!(2), &json!(2)), "{run}");
        // A run names the version that answered; a draft has none.
        assert_eq!(run["agents"], json!([{"agent": "acme", "version": null}]));
        let live = app.get("/agents/acme/versions?limit=1").await["items"][0].clone();
        let known = app.get(&format!("/evals/runs/{first}")).await;
        assert_eq!(known["agents"], json!([{"agent": "acme", "version": live["version"]}]));
        let stored = json!({"suite": "acme.yaml", "agent": "acme", "prompt": live["source"]});
        let third = start(&app, stored).await;
        let stored = until(&app, &third, "done").await;
        assert_eq!(stored["agents"], known["agents"]);
        let page = app.get(&format!("/evals/runs/{second}/rows?limit=1&verdict=failed")).await;
        let next = page["next"].as_str().unwrap();
        let rest = app.get(&format!("/evals/runs/{second}/rows?limit=5&verdict=failed&cursor={next}")).await;
        let titles = |page: &Value| page["items"].as_array().unwrap().iter().map(|it| it["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let mut all = [titles(&page), titles(&rest)].concat();
        all.sort();
        assert_eq!((all, &rest["next"]), (vec!["returns".to_owned(), "saturday".into()], &Value::Null));
        let none = app.get(&format!("/evals/runs/{second}/rows?verdict=passed")).await;
        assert_eq!(none["items"], json!([]));
        let beside = app.get(&format!("/evals/compare?runs={first},{second}")).await;
        assert_eq!((&beside["total"], &beside["changed"], &beside["next"]), (&json!(2), &json!(2), &Value::Null), "{beside}");
        let case = &beside["cases"][0];
        assert_eq!((&case["title"], &case["changed"]), (&json!("saturday"), &json!(true)), "{beside}");
        assert_eq!((&case["cells"][0]["verdict"], &case["cells"][1]["verdict"]), (&json!("passed"), &json!("failed")));
        assert!(case["cells"][0]["output"].as_str().unwrap().contains("13:00") && case["cells"][1]["reason"].is_string(), "{beside}");
        let row = app.get(&format!("/evals/runs/{second}/rows?key={}", urlencoding(case["cells"][1]["row"].as_str().unwrap()))).await;
        assert_eq!((row["items"].as_array().unwrap().len(), &row["items"][0]["title"]), (1, &json!("saturday")));
        let page = app.get(&format!("/evals/compare?runs={first},{second}&changed=true&limit=1")).await;
        let next = page["next"].as_str().unwrap();
        let rest = app.get(&format!("/evals/compare?runs={first},{second}&limit=1&cursor={next}")).await;
        assert_eq!((&rest["cases"][0]["title"], &rest["next"]), (&json!("returns"), &Value::Null));
        let same = app.get(&format!("/evals/compare?runs={first},{first}&changed=true")).await;
        assert_eq!((&same["cases"], &same["changed"]), (&json!([]), &json!(0)));
        for (name, words) in [("report.html", "<html"), ("report.json", "saturday"), ("report.junit.xml", "<testsuite"), ("report.csv", "saturday"), ("report.md", "saturday")] {
            let got = app.http.get(format!("{}/api/v1/evals/runs/{second}/{name}", app.url)).bearer_auth(KEY).send().await.unwrap();
            assert_eq!(got.status(), 200, "{name}");
            let text = got.text().await.unwrap();
            assert!(text.contains(words), "{name}: {text}");
        }
        let page = app.get("/evals/runs").await;
        assert_eq!(page["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect::<Vec<_>>(), [&third, &second, &first]);
        assert_eq!(app.received(), []);
        app.stop().await;
    }

    async fn a_run_is_watched_in_pieces_and_what_breaks_off_is_not_done(db) {
        let app = Setup::on(db).start().await;
        std::fs::create_dir_all(app.home.path().join("evals/runs")).unwrap();
        let run_log = |id: &str| RunLog::at(app.home.path().join(format!("evals/runs/{id}.jsonl")));
        let queued = async || app.desk.store.queue_run("acme.yaml", "{}".into()).await.unwrap().as_str().to_owned();
        let (long, unreadable, deleted) = (queued().await, queued().await, queued().await);
        let mut appender = run_log(&long).append(false).unwrap();
        for n in 1..=450 {
            appender.add(&EvalRow { key: n.to_string(), success: true, ..EvalRow::default() }).unwrap();
        }
        appender.finish().unwrap();
        std::fs::create_dir(run_log(&unreadable).path()).unwrap();
        for id in [&long, &unreadable] {
            app.change(&format!("update eval_runs set state = 'stopped' where id = '{id}'")).await;
        }
        let told = events(&app, &long, None).await;
        let (done, rows) = told.split_last().unwrap();
        let ids: Vec<_> = rows.iter().filter_map(|it| it.0.clone()).collect();
        assert_eq!(ids, (1..=450).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!((done.1.as_str(), &done.2["state"]), ("done", &json!("stopped")));
        assert_eq!(events(&app, &long, Some("449")).await, [rows[449].clone(), done.clone()]);
        assert_eq!(events(&app, &unreadable, None).await, [], "rows that were not told of are not done");
        let url = format!("{}/api/v1/evals/runs/{deleted}/events", app.url);
        let stream = app.http.get(url).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        app.change(&format!("delete from eval_runs where id = '{deleted}'")).await;
        let rest = tokio::time::timeout(Duration::from_secs(10), stream.text()).await.expect("the stream ends");
        assert!(!rest.unwrap().contains("done"));
        app.stop().await;
    }

    async fn two_run_at_once_and_what_is_stopped_keeps_its_rows(db) {
        let home = tempfile::tempdir().unwrap();
        let more = MORE.replace("SUITES", home.path().to_str().unwrap()) + CODE;
        let (app, _) = gated(db, &more).await;
        std::fs::write(home.path().join("slow.yaml"), slow(home.path(), 200)).unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(start(&app, json!({"suite": "slow.yaml", "concurrency": 1})).await);
        }
        until(&app, &ids[0], "running").await;
        until(&app, &ids[1], "running").await;
        assert_eq!(app.get(&format!("/evals/runs/{}", ids[2])).await["state"], "queued");
        let delete = async |id: &str| app.http.delete(format!("{}/api/v1/evals/runs/{id}", app.url)).bearer_auth(KEY).send().await.unwrap().status().as_u16();
        let began = Instant::now();
        while app.get(&format!("/evals/runs/{}", ids[0])).await["counts"]["passed"].as_u64().unwrap_or(0) == 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "no row is told of");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(delete(&ids[0]).await, 202);
        let stopped = until(&app, &ids[0], "stopped").await;
        assert!(stopped["counts"]["passed"].as_u64().unwrap() > 0, "{stopped}");
        assert!(!app.get(&format!("/evals/runs/{}/rows", ids[0])).await["items"].as_array().unwrap().is_empty());
        assert_eq!(delete(&ids[0]).await, 409);
        until(&app, &ids[2], "running").await;
        for id in &ids[1..] {
            assert_eq!(delete(id).await, 202);
            until(&app, id, "stopped").await;
        }
        // The run of a dead process is stopped, the run of a live replica is not.
        app.change("update replicas set seen_at = seen_at").await;
        for (id, holder) in [("run_01J00000000000000000000001", "rep_dead"), ("run_01J00000000000000000000002", "rep_alive")] {
            app.change(&format!("insert into eval_runs (id, workspace_id, suite, state, wanted, created_at, holder) select '{id}', id, 's', 'running', '{{}}', 1, '{holder}' from workspaces")).await;
        }
        let lost = until(&app, "run_01J00000000000000000000001", "stopped").await;
        assert!(lost["error"].as_str().unwrap().contains("the process that ran it ended"), "{lost}");
        app.stop().await;
    }

    async fn what_cannot_be_run_is_refused_with_the_reason(db) {
        let home = tempfile::tempdir().unwrap();
        let suites = home.path().join("suites");
        std::fs::create_dir_all(&suites).unwrap();
        std::fs::write(home.path().join("secret.yaml"), "providers: [echo]\ntests: [{vars: {a: 1}}]\n").unwrap();
        std::fs::write(suites.join("broken.yaml"), "providers: [echo\n").unwrap();
        std::fs::write(suites.join("good.yaml"), "providers: [echo]\nprompts: [hi]\ntests: [{vars: {a: 1}}]\n").unwrap();
        let (app, _) = gated(db, &MORE.replace("SUITES", suites.to_str().unwrap())).await;
        for (body, status, words) in [
            (json!({"suite": "../secret.yaml"}), 404, "There is no suite"),
            (json!({"suite": home.path().join("secret.yaml")}), 404, "There is no suite"),
            (json!({"suite": "none.yaml"}), 404, "good.yaml"),
            (json!({"suite": "broken.yaml"}), 422, "broken.yaml"),
            (json!({"suite": "good.yaml", "prompt": "x"}), 422, "name the `agent`"),
            (json!({"suite": "good.yaml", "agent": "acme", "prompt": "x"}), 422, "acme.md"),
            (json!({"suite": "good.yaml", "baseline": "../../etc/passwd"}), 404, "accepted scores"),
            (json!({"suite": "good.yaml", "failing": "run_01J"}), 404, "There is no run"),
            (json!({"suite": "good.yaml", "colour": 1}), 422, "colour"),
        ] {
            let (got, said) = app.call("/evals/runs", &body).await;
            assert_eq!(got, status, "{body}: {said}");
            assert!(said["detail"].as_str().unwrap().contains(words), "{said}");
        }
        let id = start(&app, json!({"suite": "good.yaml"})).await;
        until(&app, &id, "done").await;
        for (path, status) in [(format!("{id}/report.exe"), 404), (format!("{id}/..%2f..%2fadmin.key"), 404), ("run_01J".into(), 404), ("x/rows".into(), 404), ("x/events".into(), 404), (format!("{id}/rows?cursor=%21"), 400), (format!("{id}/rows?verdict=odd"), 400)] {
            let got = app.http.get(format!("{}/api/v1/evals/runs/{path}", app.url)).bearer_auth(KEY).send().await.unwrap();
            assert_eq!(got.status().as_u16(), status, "{path}");
        }
        app.stop().await;
    }
}
