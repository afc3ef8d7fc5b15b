//! Begins a conversation with a customer who need not have written before.

use anyhow::bail;
use clap::Args;

use super::super::outreach::{self, number_named, template_named, template_value};
use crate::app::App;
use crate::domain::{Content, MessageId, Party, TemplateValue, phone};
use crate::store::first_messages::{FirstMessage, FirstMessageOutcome, OptIn};
use crate::store::staff_messages::ReplyOutcome;

#[derive(Debug, Args)]
pub(super) struct Start {
    /// The customer's phone number with its country code
    phone: String,
    /// The template, the only thing that WhatsApp takes from a business that writes first: see `frontdesk templates`
    #[arg(long, value_name = "NAME")]
    pub(super) template: String,
    /// The template's language, if it has several
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// A value of the template, such as body.1=Ana
    #[arg(long = "value", value_name = "PART.NAME=VALUE", value_parser = template_value)]
    values: Vec<TemplateValue>,
    /// Where the customer agreed to be written to, such as "Order form, 2026-11-02"
    #[arg(long, value_name = "WHERE", value_parser = outreach::opt_in)]
    opt_in: Option<String>,
    /// The number that writes, if there are several
    #[arg(long, value_name = "NAME")]
    number: Option<String>,
    /// The customer's name
    #[arg(long)]
    name: Option<String>,
    /// Take the conversation: the bot does not answer what the customer replies
    #[arg(long)]
    take_over: bool,
}

impl Start {
    pub(super) async fn run(self, app: &App) -> anyhow::Result<()> {
        let number = match &self.number {
            Some(name) => number_named(app, name)?,
            None => outreach::only_number(app)?,
        };
        let wa_id = phone::wa_id(&self.phone).ok_or_else(outreach::no_phone)?;
        let Self { template: name, language, values, .. } = self;
        let template = template_named(app, &number, (&name, language.as_deref())).await?;
        let message = FirstMessage {
            number: number.id.clone(),
            to: Party { wa_id: Some(wa_id), name: self.name, ..Party::default() },
            key: MessageId::generate().to_string(),
            content: Content::Template(template.fill(&values)?),
            window: app.desk.window(number.id.as_str()),
            opt_in: self.opt_in.map_or(OptIn::Known, OptIn::Given),
            takes_over: self.take_over,
        };
        match app.desk.store.write_first(message).await? {
            FirstMessageOutcome::Written(id, ReplyOutcome::Now { message, .. }) => {
                println!("{message} is in the outbox of {id}: a running desk sends it.");
                Ok(())
            }
            other => bail!("the message was not queued: {}", outreach::why_not(&other)),
        }
    }
}
