//! `frontdesk audit`: who did what, and how it ended. And what every command leaves in that log.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::Command;
use super::publish::{actor, moment};
use crate::app::App;
use crate::config::Config;
use crate::desk::Refusal;
use crate::domain::audit::{Action, Outcome};
use crate::domain::time::now_ms;
use crate::store::Store;
use crate::store::audit::{Actor, Entry, Filter};

/// Show who did what: published, wrote to customers, changed knowledge, signed in
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// So many, the newest
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: i64,
    /// Only this action, such as agent.published
    #[arg(long)]
    action: Option<Action>,
    /// Only those that ended so: done, refused or failed
    #[arg(long)]
    outcome: Option<Outcome>,
    /// Only those of this actor, such as "admin key"
    #[arg(long)]
    actor: Option<String>,
    /// Only those on this object, such as an agent's short name
    #[arg(long)]
    subject: Option<String>,
    /// How far back: 30m, 12h, 7d
    #[arg(long, value_name = "TIME", value_parser = super::webhook::read_time)]
    since: Option<i64>,
}

impl Audit {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let app = App::review(config).await?;
        let filter = Filter {
            action: self.action,
            outcome: self.outcome,
            actor: self.actor,
            subject: self.subject,
            since: self.since.map(|back| now_ms() - back),
            before: None,
        };
        let rows = app.desk.store.audit_log(&filter, self.limit.max(1)).await?;
        if rows.is_empty() {
            println!("nothing like that was done yet");
        }
        for row in rows {
            let detail: Value = serde_json::from_str(&row.detail).unwrap_or_default();
            let version =
                detail["version"].as_i64().map(|it| format!(" version {it}")).unwrap_or_default();
            let from = match row.address.as_str() {
                "" => String::new(),
                address => format!(" from {address}"),
            };
            let ended = match row.outcome {
                Outcome::Done => String::new(),
                outcome @ (Outcome::Refused | Outcome::Failed) => format!("  [{outcome}]"),
            };
            println!(
                "{}  {}{from}  {} {}{version}{ended}",
                moment(row.created_at),
                row.actor,
                row.action,
                row.subject
            );
            let why = detail.pointer("/gate/reason").or_else(|| detail.get("reason"));
            let why = why.and_then(Value::as_str).unwrap_or_default();
            why.lines().for_each(|line| println!("    {line}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What a command writes down: the action, and on what.
pub(super) type AuditEntry = Option<(Action, String)>;

/// What a command leaves in the audit log once it has ended. `None`: it changes nothing of the desk, or its parts write down each
/// step themselves. A new command does not compile until it is decided here.
pub(super) fn writes(command: &Command) -> AuditEntry {
    match command {
        Command::SignIn => Some((Action::LinkCreated, String::new())),
        Command::SignOut(_) => Some((Action::SessionsEnded, String::new())),
        Command::Learn(learn) => Some((Action::KnowledgeLearned, learn.subject())),
        Command::Source(source) => source.writes(),
        Command::Reindex(_) => Some((Action::IndexRebuilt, String::new())),
        Command::Apply(apply) => apply.writes(),
        Command::Answer(answers) => answers.writes(),
        Command::Gaps(gaps) => gaps.writes(),
        Command::Inbox(inbox) => inbox.writes(),
        Command::Webhook(webhooks) => webhooks.writes(),
        // What is published is written down with the version, and a desk that serves writes down what it is asked.
        Command::Publish(_)
        | Command::Serve(_)
        | Command::Chat(_)
        | Command::Search(_)
        | Command::Transcribe(_)
        | Command::Eval(_)
        | Command::Replay(_)
        | Command::Cases(_)
        | Command::RedTeam(_)
        | Command::Versions(_)
        | Command::Audit(_)
        | Command::Models(_)
        | Command::Doctor
        | Command::Config
        | Command::Licenses
        | Command::Reader(_) => None,
    }
}

/// Writes down how a command ended.
pub(super) async fn note(
    settings: &crate::store::Settings,
    (action, subject): (Action, String),
    ended: &anyhow::Result<ExitCode>,
) -> anyhow::Result<()> {
    let outcome = match ended {
        Ok(code) if *code == ExitCode::SUCCESS => Outcome::Done,
        // A gate refused something, or a part of it failed; the rest may be done.
        Ok(_) => Outcome::Failed,
        // The gate wrote it down.
        Err(error) if matches!(error.downcast_ref::<Refusal>(), Some(Refusal::Guarded(_))) => {
            return Ok(());
        }
        Err(_) => Outcome::Refused,
    };
    let store = Store::open(settings).await?;
    store.audit(Entry::new(Actor::here(actor()), action, subject).ended(outcome)).await?;
    store.close().await;
    Ok(())
}
