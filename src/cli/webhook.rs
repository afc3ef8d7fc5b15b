//! `frontdesk webhook`: shows stored webhooks, and processes them again after a bug fix.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;

use super::audit::AuditEntry;
use super::time::{listed_moment, read_time};
use crate::app::App;
use crate::desk::Desk;
use crate::domain::time::now_ms;
use crate::domain::{Action, WebhookId};
use crate::pipeline::inbound::{self, Intake, Webhook};
use crate::store::events::WebhookRow;
use crate::store::inbox::{Offer, TakenIn};

/// Webhooks read per query.
const PAGE_SIZE: i64 = 200;

/// Show stored webhooks, or process them again
#[derive(Debug, Args)]
pub(super) struct Webhooks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List recent webhooks
    List(SinceArg),
    /// Print a webhook's body as it is stored: without a key or file that it brought
    Show {
        /// The webhook's id, hook_…
        webhook: String,
    },
    /// Process stored webhooks again, after a bug fix
    ///
    /// What was processed before is skipped: nothing is answered or sent twice. Messages that were
    /// lost (their number was not configured) or could not be read are processed now, and answered
    /// if they are not too old.
    Replay(Replay),
}

#[derive(Debug, Args)]
struct SinceArg {
    /// How far back to look: 30m, 12h, 7d
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = read_time)]
    since: i64,
}

#[derive(Debug, Args)]
struct Replay {
    /// Only these webhooks, hook_… [default: all since --since]
    webhooks: Vec<String>,
    #[command(flatten)]
    since: SinceArg,
    /// Answer messages up to this age; a person is called for older ones [default: 24h, or as configured]
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    answer: Option<i64>,
    /// Only show what would be processed
    #[arg(long)]
    dry_run: bool,
}

impl Webhooks {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match &self.command {
            Command::List(_) | Command::Show { .. } => None,
            Command::Replay(replay) if replay.dry_run => None,
            Command::Replay(replay) => Some((Action::WebhooksReplayed, replay.webhooks.join(" "))),
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(since) => list(&app.desk, since.since).await?,
            Command::Show { webhook } => {
                println!("{}", String::from_utf8_lossy(&one(&app.desk, &webhook).await?.body));
            }
            Command::Replay(replay) => return replay.run(&app.desk).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(desk: &Desk, since: i64) -> anyhow::Result<()> {
    let mut after = (now_ms() - since, String::new());
    let mut count = 0;
    loop {
        let rows = desk.store.webhooks_after(&after, PAGE_SIZE).await?;
        let Some(last) = rows.last() else { break };
        after = (last.created_at, last.id.clone());
        for row in rows {
            count += 1;
            let what = describe(desk, &row);
            println!("{}  {}  {}  {what}", listed_moment(row.created_at), row.id, row.provider);
        }
    }
    if count == 0 {
        println!("No webhook came in that time. `--since 7d` looks further back.");
    }
    Ok(())
}

fn describe(desk: &Desk, row: &WebhookRow) -> String {
    if row.body.is_empty() {
        return "its body was kept for long enough".into();
    }
    match decode(desk, row) {
        Ok(items) => {
            let kinds: Vec<_> = items.iter().map(|item| item.event.kind()).collect();
            kinds.join(", ")
        }
        Err(error) => format!("cannot be read: {error}"),
    }
}

impl Replay {
    async fn run(self, desk: &Arc<Desk>) -> anyhow::Result<ExitCode> {
        let mut all = WebhookReplayTotals::default();
        let bar = ProgressBar::new_spinner();
        if self.webhooks.is_empty() {
            let mut after = (now_ms() - self.since.since, String::new());
            loop {
                let rows = desk.store.webhooks_after(&after, PAGE_SIZE).await?;
                let Some(last) = rows.last() else { break };
                after = (last.created_at, last.id.clone());
                for row in rows {
                    self.one(desk, row, &mut all).await?;
                    bar.set_message(format!("{} webhooks", all.webhooks));
                    bar.tick();
                }
            }
        }
        for id in &self.webhooks {
            let row = one(desk, id).await?;
            self.one(desk, row, &mut all).await?;
        }
        bar.finish_and_clear();
        all.print(self.dry_run);
        Ok(if all.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn one(
        &self,
        desk: &Arc<Desk>,
        row: WebhookRow,
        all: &mut WebhookReplayTotals,
    ) -> anyhow::Result<()> {
        all.webhooks += 1;
        if row.body.is_empty() {
            all.forgotten += 1;
            return Ok(());
        }
        let items = match decode(desk, &row) {
            Ok(items) => items,
            Err(error) => {
                all.failed.push(format!("{}: {error}", row.id));
                return Ok(());
            }
        };
        all.items += items.len();
        if self.dry_run {
            return Ok(());
        }
        let numbers = row.provider.known().map(|it| desk.numbers_of(it)).unwrap_or_default();
        let Some(number) = numbers.first() else { return Ok(()) };
        let provider = number.provider;
        let number_of = |external: &str| {
            let number = numbers.iter().find(|one| one.client.external_id() == external)?;
            Some(desk.inbound_number(number))
        };
        let intake =
            Intake { stale_ms: self.answer.unwrap_or(desk.intake.stale_ms), ..desk.intake };
        let again = Some(WebhookId::stored(row.id.clone()));
        let (turns, candidates) = (Offer::default(), Vec::new());
        let (body, authenticated) = (row.body, false);
        let webhook = Webhook { provider, body, items, candidates, authenticated, again, turns };
        let taken = inbound::take_in(&desk.store, webhook, intake, number_of).await;
        all.add(&taken.with_context(|| format!("{} could not be taken in", row.id))?);
        Ok(())
    }
}

/// Decodes a stored body with the client of the provider's first number.
fn decode(desk: &Desk, row: &WebhookRow) -> anyhow::Result<Vec<crate::domain::Item>> {
    let provider = row.provider.known();
    let number = provider.and_then(|provider| desk.numbers_of(provider).into_iter().next());
    let number = number.with_context(|| {
        format!("there is no number of the provider {} in the configuration", row.provider)
    })?;
    Ok(number.client.decode(&http::HeaderMap::new(), &row.body)?)
}

async fn one(desk: &Desk, id: &str) -> anyhow::Result<WebhookRow> {
    let row = desk.store.webhook(&WebhookId::parse(id)?).await?;
    let row = row.with_context(|| format!("there is no webhook {id}: `frontdesk webhook list`"))?;
    if row.body.is_empty() {
        bail!("the body of {id} was kept for as long as [worker] keep_webhooks_days says");
    }
    Ok(row)
}

#[derive(Default)]
struct WebhookReplayTotals {
    webhooks: usize,
    items: usize,
    fresh: usize,
    repeated: usize,
    mended: usize,
    forgotten: usize,
    failed: Vec<String>,
}

impl WebhookReplayTotals {
    fn add(&mut self, taken: &TakenIn) {
        self.fresh += taken.fresh;
        self.repeated += taken.repeated;
        self.mended += taken.mended;
    }

    fn print(&self, dry_run: bool) {
        println!("{} webhooks with {} items", self.webhooks, self.items);
        if dry_run {
            println!("Nothing was taken in: this was a dry run.");
        } else {
            println!("  {} messages were new", self.fresh);
            println!(
                "  {} had been taken in before, and were passed over",
                self.repeated - self.mended
            );
            println!("  {} could not be read before, and can be now", self.mended);
        }
        if self.forgotten > 0 {
            println!("  {} bodies were kept for long enough and are gone", self.forgotten);
        }
        for failed in &self.failed {
            println!("  {failed}");
        }
        if self.fresh + self.mended > 0 {
            println!("A running desk answers what is not too old; without one: `frontdesk serve`.");
        }
    }
}
