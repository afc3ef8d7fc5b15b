//! The live stream: a client that reconnects misses nothing, and a client that was away too long is
//! told to reload.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use frontdesk::app::App;
use frontdesk::desk::Desk;
use frontdesk::domain::What;
use frontdesk::knowledge::SilentProgress;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::app::{Db, KEY, MAIN, Setup, TestApp, on_both};
use crate::support::hooks::text_webhook;

/// Time limit for an event.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An open stream.
struct Listener {
    response: Response,
    text: String,
    last: Option<String>,
}

impl Listener {
    async fn after(app: &TestApp, id: Option<&str>) -> Self {
        Self::at(app, &app.url, id).await
    }

    async fn at(app: &TestApp, url: &str, id: Option<&str>) -> Self {
        let mut request = app.http.get(format!("{url}/api/v1/live")).bearer_auth(KEY);
        if let Some(id) = id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut listener = Self { response, text: String::new(), last: None };
        assert_eq!(listener.next().await, ("hello".into(), json!({})));
        listener
    }

    /// Returns the name and data of the next event, ignoring keep-alives.
    async fn next(&mut self) -> (String, Value) {
        tokio::time::timeout(TIMEOUT, self.read()).await.expect("nothing is told")
    }

    async fn read(&mut self) -> (String, Value) {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
                };
                let Some(event) = field("event:") else { continue };
                self.last = Some(field("id:").expect("every event has an id").to_owned());
                return (event.to_owned(), serde_json::from_str(field("data:").unwrap()).unwrap());
            }
            let piece = self.response.chunk().await;
            self.text
                .push_str(&String::from_utf8_lossy(&piece.unwrap().expect("the stream goes on")));
        }
    }

    /// Reads until an event reports a change of this kind.
    async fn hears(&mut self, what: &str) {
        while self.next().await != ("changed".into(), json!({"what": what})) {}
    }

    /// Reads until each of these conversations had an event.
    async fn hears_of(&mut self, conversations: &BTreeSet<String>) {
        let mut left = conversations.clone();
        while !left.is_empty() {
            let (name, data) = self.next().await;
            assert_ne!(name, "reload");
            if name == "conversation" {
                left.remove(data["id"].as_str().unwrap());
            }
        }
    }
}

async fn says(app: &TestApp, customer: usize, message: &str) {
    let body =
        text_webhook(MAIN, &format!("4477009300{customer:02}"), message, "When do you open?");
    assert_eq!(app.deliver(&body).await, 200);
}

async fn conversations(app: &TestApp) -> BTreeSet<String> {
    let all = app.get("/conversations?limit=200").await;
    all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Starts another replica of a desk. Returns its URL, its desk, and a function that stops it.
async fn replica(app: &TestApp) -> (String, Arc<Desk>, impl AsyncFnOnce()) {
    let other = App::assemble(app.config.clone()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (desk, (stop, stopped)) = (other.desk.clone(), oneshot::channel::<()>());
    let served = tokio::spawn(other.serve(listener, async move { drop(stopped.await) }));
    let stop = async move || {
        let _ = stop.send(());
        served.await.unwrap().unwrap();
    };
    (url, desk, stop)
}

on_both! {
    async fn what_a_customer_writes_to_a_person_is_told_too(db) {
        let app = Setup::on(db).extractive().start().await;
        says(&app, 1, "wamid.ToTheBot").await;
        app.settle().await;
        let here = conversations(&app).await;
        let id = here.first().unwrap();
        let take = app.http.post(format!("{}/api/v1/conversations/{id}/take", app.url));
        assert_eq!(take.bearer_auth(KEY).send().await.unwrap().status(), 200);
        let mut listener = Listener::after(&app, None).await;
        says(&app, 1, "wamid.ToThePerson").await;
        listener.hears_of(&here).await;
        app.stop().await;
    }

    async fn what_changes_at_another_replica_is_told_and_so_is_that_something_may_be_missed(db) {
        if db == Db::Sqlite {
            return;
        }
        let app = Setup::on(db).extractive().start().await;
        let (url, other, stop) = replica(&app).await;
        let mut here = Listener::at(&app, &url, None).await;
        // A replica that does not listen yet misses the event: repeat it.
        let told = async {
            loop {
                app.desk.announce(What::Numbers).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = told => {}
            () = here.hears("numbers") => {}
        }
        other.announce(What::Evals).await;
        here.hears("evals").await;
        let ended = app.change("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'").await;
        assert_eq!(ended, 2, "both listen");
        while here.next().await != ("reload".into(), json!({})) {}
        stop().await;
        app.stop().await;
    }

    async fn who_is_cut_off_and_comes_back_misses_nothing(db) {
        let app = Setup::on(db).extractive().start().await;
        let mut listener = Listener::after(&app, None).await;
        says(&app, 0, "wamid.live.0").await;
        app.settle().await;
        let first = conversations(&app).await;
        listener.hears_of(&first).await;
        let last = listener.last.clone().unwrap();
        drop(listener);
        for customer in 1..30 {
            says(&app, customer, &format!("wamid.live.{customer}")).await;
        }
        app.settle().await;
        let all = conversations(&app).await;
        assert_eq!(all.len(), 30);
        let missed: BTreeSet<_> = all.difference(&first).cloned().collect();
        let mut again = Listener::after(&app, Some(&last)).await;
        assert_eq!(again.last.as_deref(), Some(last.as_str()), "hello takes nothing away");
        again.hears_of(&missed).await;
        // After a later position, earlier events are not repeated.
        let last = again.last.clone().unwrap();
        drop(again);
        let mut third = Listener::after(&app, Some(&last)).await;
        says(&app, 40, "wamid.live.40").await;
        let (_, data) = third.next().await;
        assert!(!all.contains(data["id"].as_str().unwrap()), "{data} was told already");
        app.stop().await;
    }

    async fn who_comes_from_another_process_reads_everything_again(db) {
        let app = Setup::on(db).extractive().start().await;
        for id in ["1", "nonsense", "01ARZ3NDEKTSV4RRFFQ69G5FAV-3", "%%"] {
            let mut listener = Listener::after(&app, Some(id)).await;
            assert_eq!(listener.next().await, ("reload".into(), json!({})), "{id}");
            // The stream continues from there.
            let last = listener.last.clone().unwrap();
            let mut again = Listener::after(&app, Some(&last)).await;
            app.desk.notifier.announce(What::Numbers);
            again.hears("numbers").await;
        }
        app.stop().await;
    }

    async fn what_changes_beside_conversations_is_told(db) {
        let app = Setup::on(db).extractive().start().await;
        let mut listener = Listener::after(&app, None).await;
        let prompt = std::fs::read_to_string(app.home.path().join("prompts/acme.md")).unwrap();
        let body = json!({"source": prompt.replace("You answer", "You kindly answer")});
        let (status, said) = app.call("/agents/acme/publish", &body).await;
        assert!(status.is_success(), "{said}");
        listener.hears("agents").await;

        let body = text_webhook(MAIN, "447700930050", "wamid.live.50", "I want a human");
        app.deliver(&body).await;
        listener.hears("escalations").await;
        app.settle().await;
        let id = app.conversation_with("447700930050").await["id"].as_str().unwrap().to_owned();
        let mut listener = Listener::after(&app, None).await;
        let (status, _) = app.call(&format!("/conversations/{id}/resolve"), &json!({})).await;
        assert_eq!(status, 200);
        listener.hears("escalations").await;

        // Learns as another process would: it shares only the database with this desk.
        let page = app.home.path().join("knowledge/acme/hours.md");
        std::fs::write(page, "# Opening hours\n\nWe open at 10:00 now.\n").unwrap();
        let other = App::assemble(app.config.clone()).await.unwrap();
        other.learn(&SilentProgress).await.unwrap();
        listener.hears("knowledge").await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_evals_is_told() {
    let suites = tempfile::tempdir().unwrap();
    let suite = "providers: [\"frontdesk:acme\"]\ntests:\n- vars: { message: When do you open? }\n  assert: [{type: icontains, value: \"9:00\"}]\n";
    std::fs::write(suites.path().join("small.yaml"), suite).unwrap();
    let more = format!("[files]\nsuites = \"{}\"\n", suites.path().display());
    let app = Setup::on(Db::Sqlite).extractive().with(&more).start().await;
    let mut listener = Listener::after(&app, None).await;
    let (status, said) = app.call("/evals/runs", &json!({"suite": "small.yaml"})).await;
    assert_eq!(status, 202, "{said}");
    let run = format!("/evals/runs/{}", said["id"].as_str().unwrap());
    // A client that reads the run upon each event sees it end.
    loop {
        listener.hears("evals").await;
        if app.get(&run).await["state"] == "done" {
            break;
        }
    }
    app.stop().await;
}
