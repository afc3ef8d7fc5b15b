//! `frontdesk doctor`: checks everything the configuration uses, and says how to fix what is wrong.

use std::net::IpAddr;
use std::process::ExitCode;

use crate::app::{App, is_built_in};
use crate::config::Config;
use crate::domain::{AlertCode, MessagingLimit, NumberHealth, Restriction, StopReason};
use crate::http::Settings;
use crate::llm::ModelOrigin;
use crate::provider::Form;
use crate::store::collection_limits::{CollectionSize, Room};

mod content;
mod local_models;

use local_models::{SpeechModels, check_embeddings, check_qa, check_reranker, check_speech};

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    // An unreadable configuration has already ended the command.
    report.good(
        "configuration",
        if is_built_in(&config) { "read; there are no prompts and documents, so the built-in demo shop is used unless it was removed" } else { "read" },
    );
    let room = config.knowledge.room();
    let public = config.http.base_url.starts_with("https://");
    if let Some(said) = unknown_proxy(&config.http) {
        report.note("proxy", &said);
    }
    let missing = config.embed.missing(&config.models);
    let no_qa = config.qa.missing(&config.models);
    let listens = SpeechModels {
        missing: config.speech.missing(&config.models),
        about: config.speech.about(&config.models),
    };
    let app = match App::assemble(config).await {
        Ok(app) => app,
        Err(error) => {
            report.bad(
                "desk",
                &format!("{error:#}"),
                "mend what the line above names, then run this again",
            );
            return Ok(report.end());
        }
    };
    check_files(&app, &mut report);
    check_parts(&app, &mut report).await;
    // What was removed of the demo has no folder any more.
    match app.folders_at_start().await {
        Ok(folders) => {
            let folders = folders.into_iter().map(|folder| folder.collection).collect();
            content::check(&app, &folders, &mut report).await;
        }
        Err(error) => {
            let mend = "`frontdesk serve` does not start like this: mend what it says; the documents are checked then";
            report.bad("documents", &format!("{error:#}"), mend);
        }
    }
    check_room(&app, &room, &mut report).await;
    check_readers(&app, &mut report).await;
    check_speech(&app, &listens, &mut report);
    check_embeddings(&app, missing.as_deref(), &mut report).await;
    check_reranker(&app, &mut report).await;
    check_qa(&app, no_qa.as_deref(), &mut report).await;
    check_numbers(&app, &mut report, public).await;
    check_evals(&app, &mut report);
    Ok(report.end())
}

/// Returns advice if TLS ends in a proxy that the desk does not trust.
fn unknown_proxy(settings: &Settings) -> Option<String> {
    if !settings.base_url.starts_with("https://") || !settings.trusted_proxies.is_empty() {
        return None;
    }
    let address = settings.host.parse::<IpAddr>();
    let local = settings.host == "localhost" || address.is_ok_and(|it| it.is_loopback());
    let proxies = if local {
        "[\"127.0.0.1\", \"::1\"]"
    } else {
        "with the address it comes from (in Docker the gateway's)"
    };
    Some(format!(
        "all who come through the proxy in front, WhatsApp too, share one address's quarter of the connections and of the bytes \
         of bodies: [http] trusted_proxies = {proxies} gives them all"
    ))
}

fn check_files(app: &App, report: &mut Report) {
    let Some(first) = app.open_files.first() else {
        return report.good("files", "what the desk keeps can be read by its owner alone");
    };
    let all: Vec<_> = app.open_files.iter().map(|file| format!("'{}'", file.display())).collect();
    let more = match all.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    report.bad(
        "files",
        &format!("{}{more} can be read by others of this machine", first.display()),
        &format!("as the owner of these files, or root: chmod go-rwx {}", all.join(" ")),
    );
}

async fn check_parts(app: &App, report: &mut Report) {
    let desk = &app.desk;
    match desk.store.ready().await {
        Ok(()) => report.good("database", desk.store.database().as_str()),
        Err(error) => report.bad(
            "database",
            &error.to_string(),
            "[store] path must be writable, [store] url must answer",
        ),
    }
    match desk.engine.live().index.check().await {
        Ok(what) => report.good("index", &what),
        Err(error) => report.bad("index", &error.to_string(), "[index] url, api_key"),
    }
    match desk.library.sync_index().await {
        Ok(_) => {
            let size = desk.engine.live().index.size().await.unwrap_or(0);
            if size == 0 {
                report.note(
                    "documents",
                    "none are learned yet: `frontdesk learn DIR`, or start `frontdesk serve`",
                );
            } else {
                report.good("documents", &format!("{size} chunks can be searched"));
            }
        }
        Err(error) => {
            report.bad("documents", &error.to_string(), "see the database and the index above");
        }
    }
    check_model(app, report).await;
    for row in desk.store.agents().await.unwrap_or_default() {
        if desk.bots.named(&row.slug).is_none() {
            report.bad(
                "agents",
                &format!(
                    "version {} of {} cannot be used: nobody answers its customers, and their messages are kept",
                    row.ordinal, row.slug
                ),
                "the log says what is wrong with it: `frontdesk publish` a version without that",
            );
        }
    }
    let agents = desk.bots.all();
    if agents.is_empty() {
        report.bad(
            "agents",
            "there are none",
            "write one as prompts/NAME.md; README.md shows its header",
        );
    } else {
        let names: Vec<_> = agents.iter().map(|bot| bot.agent.slug.as_str()).collect();
        report.good("agents", &names.join(", "));
    }
}

/// Checks what writes the answers, and whether the limits on its cost can hold.
async fn check_model(app: &App, report: &mut Report) {
    let engine = &app.desk.engine;
    let model = engine.model.settled().await;
    match model.check().await {
        Ok(what) => report.good("answers", &what),
        Err(error) => report.bad(
            "answers",
            &error.to_string(),
            "[llm] base_url, api_key and model; or kind = \"extractive\"",
        ),
    }
    let discovery = engine.model.discovery();
    if discovery.origin != ModelOrigin::Configured {
        report.note("answers", &discovery.to_string());
    }
    if app.desk.is_unlimited() {
        report.bad(
            "money",
            "[budget] has limits, but what the model costs is not known: nothing is limited",
            "[llm.prices.\"MODEL\"] input and output, dollars for a million tokens",
        );
    }
}

/// Warns about collections that are close to their limits.
async fn check_room(app: &App, room: &Room, report: &mut Report) {
    let held = match app.desk.store.collection_sizes().await {
        Ok(held) => held,
        Err(error) => return report.bad("room", &error.to_string(), "see the database above"),
    };
    for CollectionSize { slug, documents, chunks, upload_bytes } in held {
        for (many, most, what) in [
            (documents, room.documents, "documents (max_documents)"),
            (chunks, room.chunks, "chunks (max_chunks)"),
            (upload_bytes, room.upload_bytes, "bytes of uploads (max_kept_bytes)"),
        ] {
            if u64::try_from(many).unwrap_or(0) >= most / 5 * 4 {
                let said = format!(
                    "{slug} has {many} of {most} {what}: [knowledge] in the configuration raises it"
                );
                report.note("room", &said);
            }
        }
    }
}

/// Checks whether the reader processes are sandboxed.
async fn check_readers(app: &App, report: &mut Report) {
    let name = "reading files";
    match app.desk.library.check_readers().await {
        Ok(made) if made.is_empty() => {
            report.good(name, "in processes that reach no file, no network and no other process");
        }
        Ok(made) => {
            let mend = "a Linux kernel or container that allows seccomp filters confines them";
            report.note(
                name,
                &format!("in processes with limits, which still can: {made:?}; {mend}"),
            );
        }
        Err(error) => report.bad(
            name,
            &error.to_string(),
            "the binary of this desk must be where it was, and [reader] memory_mb enough for it",
        ),
    }
}

async fn check_numbers(app: &App, report: &mut Report, public: bool) {
    let desk = &app.desk;
    let numbers = desk.numbers.all();
    if numbers.is_empty() {
        report.note(
            "numbers",
            "none is connected: add [numbers.NAME], README.md \"Go live\" says how",
        );
    }
    let warnings = desk.store.number_warnings().await.unwrap_or_default();
    for number in &numbers {
        let name = format!("number {}", number.slug);
        for warning in warnings.iter().filter(|one| one.number_id == number.id.as_str()) {
            let todo = warning.code.map_or("", AlertCode::todo);
            report.note(&name, format!("{} {todo}", warning.text).trim_end());
        }
        if let Ok(health) = desk.store.number_health(&number.id).await {
            check_health(&name, &health, report);
        }
        match number.client.check().await {
            Ok(what) => report.good(&name, &what),
            Err(error) => {
                let fields = Form::of(number.provider).fields.iter();
                let needed: Vec<_> =
                    fields.filter(|field| field.required).map(|field| field.name).collect();
                let mend = format!("{} of this number", needed.join(", "));
                report.bad(&name, &error.to_string(), &mend);
            }
        }
        let unsigned = number.client.authenticate(&http::HeaderMap::new(), b"{}");
        match unsigned {
            Ok(()) => report.bad(
                &name,
                "takes webhooks that nobody signed (insecure = true)",
                "set app_secret (sandbox: secret) and remove insecure",
            ),
            Err(refused) if refused.to_string().contains("app_secret") => {
                report.bad(
                    &name,
                    &refused.to_string(),
                    "set app_secret: App settings > Basic at Meta",
                );
            }
            Err(_) => report.good(&name, "webhooks must be signed"),
        }
        if number.has_window && !public {
            report.note(&name, "[http] base_url is not https://…: Meta delivers webhooks only to a public https address");
        }
    }
}

/// Reports what the provider said of a number.
fn check_health(name: &str, health: &NumberHealth, report: &mut Report) {
    match health.restriction {
        Some(Restriction::Sending) => {
            let why = StopReason::Forbidden { until: health.restricted_until }.to_string();
            report.bad(name, &why, "ask for a review in WhatsApp Manager > Account quality");
        }
        Some(Restriction::Starting) => {
            report.note(name, "may not write first: customers who write are answered");
        }
        None => {}
    }
    match health.messaging_limit {
        Some(MessagingLimit::Customers { customers }) => {
            report.good(name, &format!("writes first to {customers} customers a day at most"));
        }
        Some(MessagingLimit::Unlimited) => {
            report.good(name, "writes first to any number of customers");
        }
        None => {}
    }
}

fn check_evals(app: &App, report: &mut Report) {
    if app.jobs.policy().allows_code() {
        report.note(
            "evals",
            "[evals] allow_code = true: whoever can sign in can have the code of suites run as the user that runs frontdesk",
        );
    } else {
        report.good(
            "evals",
            "suites run no code over the API; `frontdesk eval` runs those that need it",
        );
    }
}

#[derive(Default)]
struct Report {
    checked: usize,
    bad: usize,
}

impl Report {
    fn good(&mut self, what: &str, detail: &str) {
        self.checked += 1;
        println!("ok     {what:<14} {detail}");
    }

    fn note(&mut self, what: &str, detail: &str) {
        self.checked += 1;
        println!("note   {what:<14} {detail}");
    }

    fn bad(&mut self, what: &str, detail: &str, fix: &str) {
        self.checked += 1;
        self.bad += 1;
        println!("WRONG  {what:<14} {detail}\n       {:<14} → {fix}", "");
    }

    fn end(&self) -> ExitCode {
        if self.bad == 0 {
            println!("\n{} checks: everything that is configured works.", self.checked);
            return ExitCode::SUCCESS;
        }
        println!("\n{} of {} to mend.", self.bad, self.checked);
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_the_desk_does_not_know_is_told() {
        let told = |more: &str| {
            let config = Config::from_toml(&format!("[http]\n{more}")).unwrap();
            unknown_proxy(&config.http)
        };
        let public = "base_url = \"https://desk.example.com\"\n";
        for (host, mend) in [
            ("127.0.0.1", "[\"127.0.0.1\", "),
            ("::1", "\"::1\"]"),
            ("localhost", "[\"127.0.0.1\", "),
            ("0.0.0.0", "Docker"),
        ] {
            let said = told(&format!("{public}host = \"{host}\"")).unwrap();
            let all = said.contains("connections") && said.contains("bytes") && said.contains(mend);
            assert!(all, "{host}: {said}");
        }
        assert!(told(&format!("{public}trusted_proxies = [\"127.0.0.1\"]")).is_none());
        assert!(told("base_url = \"http://localhost:8080\"").is_none());
    }
}
