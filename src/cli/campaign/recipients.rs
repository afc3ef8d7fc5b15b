//! The recipients of a campaign: those of a list, or the number's contacts.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::{done, moment};
use crate::app::App;
use crate::desk::RecipientList;
use crate::domain::{CampaignId, CampaignTemplate, MessageTemplate, phone};
use crate::store::campaigns::recipients::{AddOutcome, Segment};

/// The most rejected rows of a list that are printed.
const MAX_PRINTED: usize = 20;

#[derive(Debug, Args)]
#[group(id = "recipients", required = true, multiple = false, args = ["list", "contacts"])]
pub(super) struct Source {
    /// The CSV file with the customers
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// The number's contacts, but for those who opted out
    #[arg(long)]
    contacts: bool,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Args)]
struct Filter {
    /// Only contacts whose phone begins so, such as +55
    #[arg(long, value_name = "DIGITS", requires = "contacts", value_parser = prefix)]
    phone_prefix: Option<String>,
    /// Only contacts of whom it is on record that they agreed
    #[arg(long, requires = "contacts")]
    opted_in: bool,
    /// Only contacts who wrote since, such as 2026-12-01T09:00:00+01:00
    #[arg(long, value_name = "TIME", requires = "contacts", value_parser = moment)]
    wrote_after: Option<i64>,
    /// Only contacts who last wrote before
    #[arg(long, value_name = "TIME", requires = "contacts", value_parser = moment)]
    wrote_before: Option<i64>,
}

impl Source {
    /// Reads them, without adding any.
    pub(super) fn read(
        self,
        values: &CampaignTemplate,
        template: &MessageTemplate,
    ) -> anyhow::Result<Recipients> {
        if let Some(path) = self.list {
            return read_list(&path, values, template).map(Recipients::List);
        }
        if let Some(column) = values.columns_of_lists().first() {
            bail!(
                "the values name `{column}`, and contacts have only a name and a phone: give a list"
            );
        }
        let Filter { phone_prefix, opted_in, wrote_after, wrote_before } = self.filter;
        Ok(Recipients::Contacts(Segment { wrote_after, wrote_before, opted_in, phone_prefix }))
    }
}

/// Recipients to add.
pub(super) enum Recipients {
    /// The rows of a list.
    List(RecipientList),
    /// Contacts of the number.
    Contacts(Segment),
}

impl Recipients {
    /// Adds them and prints how many they are.
    pub(super) async fn add(self, app: &App, id: &CampaignId) -> anyhow::Result<()> {
        let list = match self {
            Self::List(list) => list,
            Self::Contacts(segment) => {
                let added = count(app.desk.store.add_segment(id, segment).await?)?;
                println!("{id}: {added} customers added.");
                return Ok(());
            }
        };
        let (usable, rejected) = (list.recipients.len(), list.rejected.len());
        let added = count(app.desk.add_recipients(id, list.recipients).await?)?;
        let repeated = u64::try_from(usable).unwrap_or(u64::MAX).saturating_sub(added);
        println!(
            "{id}: {added} customers added, {repeated} were in it, {rejected} lines cannot be used."
        );
        Ok(())
    }
}

fn count(outcome: AddOutcome) -> anyhow::Result<u64> {
    match outcome {
        AddOutcome::Added(added) => Ok(added),
        AddOutcome::Refused(why) => done(why).map(|()| 0),
    }
}

/// Reads a list and prints the rows that cannot be used.
fn read_list(
    path: &Path,
    values: &CampaignTemplate,
    template: &MessageTemplate,
) -> anyhow::Result<RecipientList> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let list = RecipientList::read(&text, values, template)?;
    for row in list.rejected.iter().take(MAX_PRINTED) {
        eprintln!("line {}: {}", row.line, row.reason);
    }
    if list.rejected.len() > MAX_PRINTED {
        eprintln!("… and {} more lines", list.rejected.len() - MAX_PRINTED);
    }
    Ok(list)
}

fn prefix(text: &str) -> Result<String, String> {
    let digits = phone::prefix(text).filter(|digits| !digits.is_empty());
    digits.ok_or_else(|| format!("`{text}` is no beginning of a phone number: write it as +55"))
}
