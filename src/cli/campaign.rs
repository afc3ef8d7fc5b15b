//! `frontdesk campaign`: a template to many customers: made from a list, tried, started, stopped, and
//! what became of it.

mod recipients;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use chrono::{DateTime, Local, Utc};
use clap::{Args, Subcommand};

use self::recipients::Source;
use super::audit::AuditEntry;
use super::outreach::{
    no_phone, number_named, only_number, opt_in, template_named, template_value, why_not,
};
use crate::app::App;
use crate::desk::Number;
use crate::domain::label::{MAX_REASON_LEN, one_line};
use crate::domain::time::now_ms;
use crate::domain::{
    Action, CampaignId, CampaignStop, CampaignTemplate, Content, MessageId, MessageState,
    MessageTemplate, Party, RecipientState, TemplateValue, phone,
};
use crate::store::campaigns::{CampaignChange, CampaignRow, NewCampaign};
use crate::store::first_messages::{FirstMessage, FirstMessageOutcome, OptIn};
use crate::store::staff_messages::ReplyOutcome;

/// Send a message template to many customers
///
/// A list is a CSV file: its first row names the columns, one of them `phone`. A value may name a column:
/// --value 'body.1={{name}}'; contacts have `name` and `phone`. A running desk sends, at the campaign's pace; nobody is written to twice, and
/// nobody who opted out.
#[derive(Debug, Args)]
pub(super) struct Campaigns {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the campaigns [default command]
    List,
    /// Show a campaign, and what became of its messages
    Show {
        /// The campaign's id, cmp_…
        campaign: String,
    },
    /// Make a campaign of a list or of contacts; `start` sends it
    Create(Box<Create>),
    /// Add other customers
    Add {
        /// The campaign's id, cmp_…
        campaign: String,
        #[command(flatten)]
        recipients: Source,
    },
    /// Send the first customer's message to a phone of yours
    Test {
        /// The campaign's id, cmp_…
        campaign: String,
        /// Your phone number with its country code
        phone: String,
    },
    /// Start a campaign, or go on with a stopped one
    Start {
        /// The campaign's id, cmp_…
        campaign: String,
        /// When, such as 2026-12-01T09:00:00+01:00 [default: now]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        at: Option<i64>,
    },
    /// Stop a campaign: nothing more is sent
    Stop {
        /// The campaign's id, cmp_…
        campaign: String,
    },
    /// Remove a campaign that was never started
    Remove {
        /// The campaign's id, cmp_…
        campaign: String,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// What you call it
    name: String,
    #[command(flatten)]
    recipients: Source,
    /// The template: see `frontdesk templates`
    #[arg(long, value_name = "NAME")]
    template: String,
    /// The template's language, if it has several
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// A value of the template, such as body.1={{name}}
    #[arg(long = "value", value_name = "PART.NAME=VALUE", value_parser = template_value)]
    values: Vec<TemplateValue>,
    /// Where the customers agreed to be written to, such as "Newsletter form"
    #[arg(long, value_name = "WHERE", value_parser = opt_in)]
    opt_in: String,
    /// The number that writes, if there are several
    #[arg(long, value_name = "NAME")]
    number: Option<String>,
    /// Messages a minute [default: three quarters of the number's rate]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=600_000))]
    pace: Option<i64>,
}

impl Campaigns {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        let (action, subject) = match self.command.as_ref()? {
            Command::List | Command::Show { .. } => return None,
            Command::Create(create) => (Action::CampaignCreated, &create.name),
            Command::Add { campaign, .. } => (Action::CampaignRecipientsAdded, campaign),
            Command::Test { campaign, .. } => (Action::CampaignTried, campaign),
            Command::Start { campaign, .. } => (Action::CampaignStarted, campaign),
            Command::Stop { campaign } => (Action::CampaignStopped, campaign),
            Command::Remove { campaign } => (Action::CampaignRemoved, campaign),
        };
        Some((action, subject.clone()))
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        match self.command {
            None | Some(Command::List) => list(&app).await?,
            Some(Command::Show { campaign }) => show(&app, &campaign).await?,
            Some(Command::Create(create)) => create.run(&app).await?,
            Some(Command::Add { campaign, recipients }) => {
                let row = row(&app, &campaign).await?;
                let (_, values, template) = ready(&app, &row).await?;
                recipients.read(&values, &template)?.add(&app, &row.id).await?;
            }
            Some(Command::Test { campaign, phone }) => test(&app, &campaign, &phone).await?,
            Some(Command::Start { campaign, at }) => {
                let row = row(&app, &campaign).await?;
                ready(&app, &row).await?;
                let at = at.unwrap_or_else(now_ms).max(now_ms());
                done(app.desk.store.start_campaign(&row.id, at).await?)?;
                println!("{} begins at {}: a running desk sends it.", row.id, shown(at));
            }
            Some(Command::Stop { campaign }) => {
                let id = id(&campaign)?;
                done(app.desk.store.stop_campaign(&id, CampaignStop::Person).await?)?;
                println!("{id} is stopped; `frontdesk campaign start {id}` goes on with it.");
            }
            Some(Command::Remove { campaign }) => {
                let id = id(&campaign)?;
                done(app.desk.store.remove_campaign(&id).await?)?;
                println!("{id} is removed.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(app: &App) -> anyhow::Result<()> {
    let all = app.desk.store.campaigns(None, 200).await?;
    if all.is_empty() {
        println!(
            "There are no campaigns; `frontdesk campaign create --help` says how to make one."
        );
    }
    for row in all {
        let name = one_line(&row.name, MAX_REASON_LEN);
        println!(
            "{}  {:<9}  {} of {}  {name}",
            row.id,
            row.state.as_str(),
            row.queued + row.skipped,
            row.recipients
        );
    }
    Ok(())
}

async fn show(app: &App, campaign: &str) -> anyhow::Result<()> {
    let row = row(app, campaign).await?;
    println!("{}: {}", row.id, one_line(&row.name, MAX_REASON_LEN));
    let reason = row.reason.map(|why| format!(" ({why})")).unwrap_or_default();
    let hold = row.hold.map(|hold| format!(", waits: {hold}")).unwrap_or_default();
    println!("state: {}{reason}{hold}", row.state);
    if let Some(template) = row.template() {
        println!("template: {} ({})", template.name, template.language);
    }
    for (label, at) in
        [("created", Some(row.created_at)), ("started", row.started_at), ("ended", row.ended_at)]
    {
        if let Some(at) = at {
            println!("{label}: {}", shown(at));
        }
    }
    println!("recipients: {}", row.recipients);
    let results = app.desk.store.campaign_results(&row.id).await?;
    let (mut answered, mut opted_out) = (0, 0);
    for group in &results.groups {
        let what = match (group.state, group.message_state) {
            (RecipientState::Queued, Some(state)) => state.to_string(),
            (RecipientState::Queued, None) => MessageState::Unknown.to_string(),
            (state, _) => match group.reason {
                Some(reason) => format!("{state} ({reason})"),
                None => state.to_string(),
            },
        };
        println!("  {what}: {}", group.count);
        (answered, opted_out) = (answered + group.answered, opted_out + group.opted_out);
    }
    println!("  answered since: {answered}\n  opted out since: {opted_out}");
    for (note, count) in &results.failures {
        let note = one_line(note.as_deref().unwrap_or("no reason"), MAX_REASON_LEN);
        println!("  failed, {note}: {count}");
    }
    for (price, count) in &results.prices {
        let Some(price) = price else { continue };
        let category = one_line(price.category.as_deref().unwrap_or("?"), MAX_REASON_LEN);
        let free = if price.billable == Some(false) { ", free" } else { "" };
        let charged = (price.category.as_deref(), price.billable);
        let cost = app.desk.message_prices.micros(charged, *count).filter(|micros| *micros > 0);
        // Millionths as cents.
        let cents = cost.map(|micros| micros.saturating_add(5_000) / 10_000);
        let cost = cents.map(|cents| format!(", ${}.{:02}", cents / 100, cents % 100));
        let cost = cost.unwrap_or_default();
        println!("  charged as {category}{free}: {count}{cost}");
    }
    Ok(())
}

impl Create {
    async fn run(self, app: &App) -> anyhow::Result<()> {
        let number = match self.number {
            Some(name) => number_named(app, &name)?,
            None => only_number(app)?,
        };
        let language = self.language.as_deref();
        let known = template_named(app, &number, (&self.template, language)).await?;
        let values = CampaignTemplate {
            name: known.name.clone(),
            language: known.language.clone(),
            values: self.values,
        };
        let template = app.desk.campaign_template(&number, &values).await?;
        let recipients = self.recipients.read(&values, &template)?;
        let campaign = NewCampaign {
            number: number.id.clone(),
            name: self.name,
            template: values,
            opt_in: self.opt_in,
            pace: self.pace,
        };
        let id = app.desk.store.create_campaign(campaign).await?;
        recipients.add(app, &id).await?;
        println!(
            "Try it: frontdesk campaign test {id} PHONE\nSend it: frontdesk campaign start {id}"
        );
        Ok(())
    }
}

async fn test(app: &App, campaign: &str, phone: &str) -> anyhow::Result<()> {
    let row = row(app, campaign).await?;
    let (number, values, template) = ready(app, &row).await?;
    let wa_id = phone::wa_id(phone).ok_or_else(no_phone)?;
    let example = app.desk.campaign_example(&row.id, (&values, &template)).await?;
    let filled = example.ok_or_else(|| anyhow!("the campaign has no recipients"))??;
    let message = FirstMessage {
        number: number.id.clone(),
        to: Party { wa_id: Some(wa_id), ..Party::default() },
        key: MessageId::generate().to_string(),
        content: Content::Template(filled),
        window: app.desk.window(number.id.as_str()),
        opt_in: OptIn::Test,
        takes_over: false,
    };
    match app.desk.store.write_first(message).await? {
        FirstMessageOutcome::Written(_, ReplyOutcome::Now { message, .. }) => {
            println!("{message} is in the outbox: a running desk sends it.");
            Ok(())
        }
        other => bail!("the message was not queued: {}", why_not(&other)),
    }
}

/// A campaign's number, its values, and its template, if WhatsApp takes it with them.
async fn ready(
    app: &App,
    row: &CampaignRow,
) -> anyhow::Result<(Arc<Number>, CampaignTemplate, MessageTemplate)> {
    let number = app.desk.number(row.number_id.as_str());
    let number = number.context("the campaign's number is not connected")?;
    let values = row.template().context("this version cannot read the campaign's template")?;
    let template = app.desk.campaign_template(&number, &values).await?;
    Ok((number, values, template))
}

fn done(change: CampaignChange) -> anyhow::Result<()> {
    match change {
        CampaignChange::Done => Ok(()),
        CampaignChange::Nowhere => {
            bail!("there is no such campaign; `frontdesk campaign` lists them")
        }
        CampaignChange::WrongState(state) => bail!("the campaign is {state}"),
        CampaignChange::NobodyWaits => bail!("nobody waits for the campaign's message"),
        CampaignChange::Full => bail!("the campaign is full: make another one"),
    }
}

async fn row(app: &App, campaign: &str) -> anyhow::Result<CampaignRow> {
    let found = app.desk.store.campaign(&id(campaign)?).await?;
    found.ok_or_else(|| anyhow!("there is no campaign {campaign}; `frontdesk campaign` lists them"))
}

fn id(text: &str) -> anyhow::Result<CampaignId> {
    Ok(CampaignId::parse(text)?)
}

fn moment(text: &str) -> Result<i64, String> {
    let read = DateTime::parse_from_rfc3339(text);
    let wrong = |_| format!("`{text}` is no time: write it as 2026-12-01T09:00:00+01:00");
    read.map(|moment| moment.timestamp_millis()).map_err(wrong)
}

pub(super) fn shown(millis: i64) -> String {
    let moment = DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default();
    moment.with_timezone(&Local).format("%Y-%m-%d %H:%M %:z").to_string()
}
