//! Campaigns: a template to many customers. Their states, and how a customer's values fill the template.

use std::collections::BTreeMap;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::filled_template::{FilledTemplate, TemplateError, TemplateValue};
use super::template::MessageTemplate;

words! {
    /// How far a campaign is.
    pub enum CampaignState {
        /// It was not started.
        Draft = "draft",
        /// It begins at a time.
        Scheduled = "scheduled",
        /// Its messages are queued, at its pace.
        Running = "running",
        /// Nothing more is queued until somebody starts it again.
        Stopped = "stopped",
        /// Every recipient's message was queued or skipped.
        Finished = "finished",
    }
}

words! {
    /// Why a campaign stopped.
    pub enum CampaignStop {
        /// A person stopped it.
        Person = "person",
        /// WhatsApp takes its template no more.
        TemplateUnusable = "template_unusable",
        /// The number's account does not have its template.
        TemplateUnknown = "template_unknown",
        /// None of the last messages was delivered to WhatsApp: all failed.
        AllFailed = "all_failed",
    }
}

words! {
    /// What a running campaign waits for.
    pub enum CampaignHold {
        /// The number may write to more customers only later: its limit for 24 hours is reached.
        DailyLimit = "daily_limit",
        /// The number is not connected, or stopped.
        Number = "number",
    }
}

words! {
    /// Whether a recipient's message was queued.
    pub enum RecipientState {
        /// Not yet.
        Waiting = "waiting",
        /// It was: the message says what became of it.
        Queued = "queued",
        /// It never will be.
        Skipped = "skipped",
    }
}

words! {
    /// Why a recipient gets no message.
    pub enum SkipReason {
        /// The customer opted out.
        OptedOut = "opted_out",
        /// The customer is another recipient, too.
        Repeated = "repeated",
        /// The recipient's values do not fill the template.
        Values = "values",
    }
}

/// A template and its values for every recipient: `{{column}}` in a value stands for the recipient's
/// value in that column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignTemplate {
    /// Its name.
    #[schema(max_length = 512)]
    pub name: String,
    /// WhatsApp's code of its language, such as `en_US`.
    #[schema(max_length = 20)]
    pub language: String,
    /// A value for each of its parameters. `{{name}}` and `{{phone}}` stand for the recipient's, other
    /// placeholders for columns of the list.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub values: Vec<TemplateValue>,
}

/// A recipient's columns by name, in lower case.
pub type RecipientFields = BTreeMap<String, String>;

/// Why a recipient's values do not fill a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfilledTemplate {
    /// The list has no such column, or it is empty here.
    #[error("The list has no value of `{0}` for this recipient.")]
    NoValue(String),
    /// WhatsApp would refuse the values, or the template.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// Name of a column as placeholders name it.
pub fn column_name(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A recipient's columns, with the name and the phone, which a list may call otherwise.
pub fn with_contact(
    mut fields: RecipientFields,
    name: Option<&str>,
    phone: Option<&str>,
) -> RecipientFields {
    for (column, value) in [("name", name), ("phone", phone)] {
        if let Some(value) = value {
            fields.entry(column.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    fields
}

impl CampaignTemplate {
    /// The columns that the values name, each once.
    pub fn columns(&self) -> Vec<String> {
        let mut found = Vec::new();
        for value in &self.values {
            for piece in value.value.split("{{").skip(1) {
                let Some((name, _)) = piece.split_once("}}") else { continue };
                let name = column_name(name);
                if !found.contains(&name) {
                    found.push(name);
                }
            }
        }
        found
    }

    /// The columns that only a list has: contacts have a name and a phone.
    pub fn columns_of_lists(&self) -> Vec<String> {
        let mut columns = self.columns();
        columns.retain(|column| !matches!(column.as_str(), "name" | "phone"));
        columns
    }

    /// The template with a recipient's values.
    pub fn fill(
        &self,
        template: &MessageTemplate,
        fields: &RecipientFields,
    ) -> Result<FilledTemplate, UnfilledTemplate> {
        let values = self.values.iter().map(|given| {
            let value = with_fields(&given.value, fields)?;
            Ok(TemplateValue { value, ..given.clone() })
        });
        let values = values.collect::<Result<Vec<_>, UnfilledTemplate>>()?;
        Ok(template.fill(&values)?)
    }
}

/// A text with a recipient's values in the place of `{{column}}`.
fn with_fields(text: &str, fields: &RecipientFields) -> Result<String, UnfilledTemplate> {
    let mut pieces = text.split("{{");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((name, rest)) = piece.split_once("}}") else {
            whole.push_str("{{");
            whole.push_str(piece);
            continue;
        };
        let name = column_name(name);
        let value = fields.get(&name).map(|value| value.trim()).filter(|value| !value.is_empty());
        whole.push_str(value.ok_or(UnfilledTemplate::NoValue(name))?);
        whole.push_str(rest);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> RecipientFields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_value_takes_the_columns_that_it_names() {
        let known = fields(&[("name", " Ana "), ("order no", "A-17"), ("empty", " ")]);
        assert_eq!(
            with_fields("Dear {{ Name }}: {{order no}}!", &known).unwrap(),
            "Dear Ana: A-17!"
        );
        assert_eq!(with_fields("{{", &known).unwrap(), "{{");
        for missing in ["{{empty}}", "{{other}}"] {
            assert!(matches!(with_fields(missing, &known), Err(UnfilledTemplate::NoValue(_))));
        }
        // What a value holds is no placeholder.
        let sly = fields(&[("name", "{{phone}}"), ("phone", "1")]);
        assert_eq!(with_fields("{{name}}", &sly).unwrap(), "{{phone}}");
    }
}
