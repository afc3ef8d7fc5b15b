//! `frontdesk audit`: shows the audit log. Also writes the audit entries of the other commands.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::time::{moment, read_time};
use crate::app::App;
use crate::config::Config;
use crate::desk::Refusal;
use crate::domain::audit::{Action, Outcome};
use crate::domain::time::now_ms;
use crate::store::Store;
use crate::store::audit::{Actor, Entry, Filter};

/// Show who did what: publishing, messages to customers, knowledge changes, sign-ins
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Number of entries, newest first
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: i64,
    /// Only this action, such as agent.published
    #[arg(long)]
    action: Option<Action>,
    /// Only entries with this outcome: done, refused or failed
    #[arg(long)]
    outcome: Option<Outcome>,
    /// Only entries by this actor, such as "admin key"
    #[arg(long)]
    actor: Option<String>,
    /// Only entries on this object, such as an agent's short name
    #[arg(long)]
    subject: Option<String>,
    /// How far back to look: 30m, 12h, 7d
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    since: Option<i64>,
}

impl Audit {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let app = App::assemble_from_database(config).await?;
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

/// Action and subject of a command's audit entry; `None` for no entry.
pub(super) type AuditEntry = Option<(Action, String)>;

/// Records how a command ended.
pub(super) async fn note(
    settings: &crate::store::Settings,
    (action, subject): (Action, String),
    ended: &anyhow::Result<ExitCode>,
) -> anyhow::Result<()> {
    let outcome = match ended {
        Ok(code) if *code == ExitCode::SUCCESS => Outcome::Done,
        // A gate refused something or a part failed; the rest may be done.
        Ok(_) => Outcome::Failed,
        // The gate has already recorded the refusal.
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

/// The user and host at the terminal, as the actor in the audit log.
pub(super) fn actor() -> String {
    let named = |names: &[&str]| {
        names.iter().find_map(|name| std::env::var(name).ok().filter(|it| !it.is_empty()))
    };
    let user = named(&["SUDO_USER", "USER", "USERNAME"]).unwrap_or_else(|| "somebody".into());
    let host = named(&["HOSTNAME", "COMPUTERNAME"])
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map(|host| format!(" on {}", host.trim()));
    format!("{user}{} (command)", host.unwrap_or_default())
}
