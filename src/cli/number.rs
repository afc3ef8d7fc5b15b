//! `frontdesk number`: shows the WhatsApp numbers, asks their providers, and pauses the bot on one.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::audit::AuditEntry;
use super::campaign::shown;
use crate::app::App;
use crate::desk;
use crate::domain::label::{MAX_REASON_LEN, one_line};
use crate::domain::{Action, NumberId, NumberOrigin};
use crate::store::agents::NumberRow;
use crate::store::numbers::shown_slug;

mod link;

/// Show the WhatsApp numbers, link one to its phone, and pause the bot on one
///
/// Numbers are connected in the console, or under [numbers] in the configuration.
#[derive(Debug, Args)]
pub(super) struct Numbers {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the numbers [default command]
    List,
    /// Show a number, and what its provider says of it
    Status {
        /// The number's name
        number: String,
    },
    /// Link a number to its phone: shows a QR code to scan
    ///
    /// Makes the instance on the number's Evolution server if it is missing, and lets its webhooks
    /// come to this desk's public address.
    Connect {
        /// The number's name
        number: String,
        /// The number's own phone with its country code: shows a code to type on it, too
        #[arg(long)]
        phone: Option<String>,
    },
    /// Start the link of a number to WhatsApp anew
    Restart {
        /// The number's name
        number: String,
    },
    /// Log a number out of WhatsApp: its phone has to be paired again
    Logout {
        /// The number's name
        number: String,
        /// Also delete its instance on the server
        #[arg(long)]
        delete: bool,
    },
    /// Pause the bot on a number: messages are stored and shown, nobody is answered
    ///
    /// What waits for the bot is left to people, with a case. People can write on; a customer's STOP
    /// counts.
    Pause {
        /// The number's name
        number: String,
    },
    /// Let the bot answer on a number again, from the next message on
    Resume {
        /// The number's name
        number: String,
    },
}

impl Numbers {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match &self.command {
            None | Some(Command::List | Command::Status { .. }) => None,
            Some(Command::Connect { number, .. }) => {
                Some((Action::NumberConnected, number.clone()))
            }
            Some(Command::Restart { number }) => Some((Action::NumberRestarted, number.clone())),
            Some(Command::Logout { number, .. }) => Some((Action::NumberLoggedOut, number.clone())),
            Some(Command::Pause { number }) => Some((Action::NumberPaused, number.clone())),
            Some(Command::Resume { number }) => Some((Action::NumberResumed, number.clone())),
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        match self.command {
            None | Some(Command::List) => list(&app).await?,
            Some(Command::Status { number }) => return status(&app, &number).await,
            Some(Command::Connect { number, phone }) => {
                return link::connect(&app, &number, phone.as_deref()).await;
            }
            Some(Command::Restart { number }) => link::restart(&app, &number).await?,
            Some(Command::Logout { number, delete }) => {
                link::log_out(&app, &number, delete).await?;
            }
            Some(Command::Pause { number }) => {
                set_paused(&app, &number, true).await?;
                println!(
                    "The bot is paused on {number}: a running desk answers nobody there. `frontdesk number resume {number}` lets it answer again."
                );
            }
            Some(Command::Resume { number }) => {
                set_paused(&app, &number, false).await?;
                println!("The bot answers on {number} from the next message on.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(app: &App) -> anyhow::Result<()> {
    let rows = rows(app).await?;
    if rows.is_empty() {
        println!("There are no numbers: connect one in the console, or under [numbers].");
    }
    for row in rows {
        let name = shown_slug(&row.slug, &row.id);
        let display = row.display.as_deref().unwrap_or(&row.external_id);
        let paused = if row.bot_paused_at.is_some() { "  bot paused" } else { "" };
        println!(
            "{name:<20}  {:<9}  {:<8}  {}{paused}",
            row.provider.to_string(),
            row.state.as_str(),
            one_line(display, MAX_REASON_LEN)
        );
    }
    Ok(())
}

async fn status(app: &App, name: &str) -> anyhow::Result<ExitCode> {
    let row = row(app, name).await?;
    let number = app.desk.number(&row.id);
    let said = |text: &Option<String>| one_line(text.as_deref().unwrap_or("?"), MAX_REASON_LEN);
    let origin = if row.added == 1 { NumberOrigin::Console } else { NumberOrigin::File };
    println!("number: {name} ({}, {origin}), {}", row.provider, row.external_id);
    println!("phone: {}, shown as {}", said(&row.display), said(&row.verified_name));
    println!("state: {}", row.state.as_str());
    let connections = app.desk.store.number_connections().await?;
    if let Some(link) = connections.iter().find(|link| link.number_id == row.id) {
        println!("link: {} since {}", link.state, shown(link.since));
        if let Some(reason) = link.reason {
            println!("why: {}. {}", reason.text(), reason.todo());
        }
    }
    if let Some(why) = app.desk.numbers.disconnected_reason(&row.id).or(row.state_reason) {
        println!("why: {}", one_line(&why, MAX_REASON_LEN));
    }
    println!(
        "bot: {}",
        row.bot_paused_at.map_or("answers".to_owned(), |at| format!("paused since {}", shown(at)))
    );
    for (label, at) in [
        ("a customer last wrote", row.last_inbound_at),
        ("something was last sent", row.last_sent_at),
        ("the provider last called", row.last_webhook_at),
    ] {
        println!("{label}: {}", at.map_or("never".to_owned(), shown));
    }
    let Some(number) = number else { return Ok(ExitCode::FAILURE) };
    match number.client.check().await {
        Ok(words) => println!("provider: {}", one_line(&words, MAX_REASON_LEN)),
        Err(error) => {
            println!("provider: {}", one_line(&error.to_string(), MAX_REASON_LEN));
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn set_paused(app: &App, name: &str, paused: bool) -> anyhow::Result<()> {
    let id = NumberId::stored(row(app, name).await?.id);
    if app.desk.store.pause_bot(&id, paused).await?.is_none() {
        bail!("the number {name} was removed");
    }
    Ok(())
}

/// The numbers of the console, and those of the configuration file that are connected.
async fn rows(app: &App) -> anyhow::Result<Vec<NumberRow>> {
    let mut rows = app.desk.store.numbers().await?;
    rows.retain(|row| row.added == 1 || app.desk.number(&row.id).is_some());
    Ok(rows)
}

async fn row(app: &App, name: &str) -> anyhow::Result<NumberRow> {
    let found = rows(app).await?.into_iter().find(|row| shown_slug(&row.slug, &row.id) == name);
    found.with_context(|| format!("there is no number `{name}`; `frontdesk number` lists them"))
}

/// A number that is connected; the error says why another one is not.
async fn connected(app: &App, name: &str) -> anyhow::Result<Arc<desk::Number>> {
    let row = row(app, name).await?;
    let why = app.desk.numbers.disconnected_reason(&row.id);
    app.desk.number(&row.id).with_context(|| {
        format!(
            "the number {name} is stopped: {}",
            why.unwrap_or_else(|| "it is not connected".to_owned())
        )
    })
}
