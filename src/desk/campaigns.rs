//! Campaigns: a list is read, and a campaign is checked before anything is sent.

use frontdesk_doctext::extract::table_rows;

use super::{Desk, Number};
use crate::domain::campaign::{column_name, with_contact};
use crate::domain::label::one_line;
use crate::domain::{
    CampaignId, CampaignTemplate, FilledTemplate, MessageTemplate, RecipientFields, TemplateError,
    UnfilledTemplate, phone,
};
use crate::store;
use crate::store::campaigns::recipients::{AddOutcome, NewRecipient};

/// Recipients that one transaction adds: webhooks wait for it.
const ADDED_AT_ONCE: usize = 1_000;
/// Maximum number of columns that are kept of a list, and maximum length of a value, in characters.
const MAX_COLUMNS: usize = 50;
const MAX_VALUE_CHARS: usize = 2_000;
/// Maximum length of the columns' names in an error, in characters.
const MAX_SHOWN_CHARS: usize = 500;
/// What the column of phone numbers may be called, in lower case.
const PHONE_COLUMNS: &[&str] = &[
    "phone",
    "phone number",
    "phone_number",
    "mobile",
    "whatsapp",
    "wa_id",
    "number",
    "tel",
    "telephone",
    "teléfono",
    "telefono",
    "móvil",
    "movil",
    "celular",
    "telefone",
    "telemóvel",
    "numero",
    "número",
    "الهاتف",
    "هاتف",
    "رقم الهاتف",
    "جوال",
];
/// What the column of names may be called, in lower case.
const NAME_COLUMNS: &[&str] =
    &["name", "first name", "first_name", "nombre", "nome", "الاسم", "اسم"];

/// Recipients read from a list.
#[derive(Debug, Default)]
pub struct RecipientList {
    /// Those whose rows can be used.
    pub recipients: Vec<NewRecipient>,
    /// Rows that cannot.
    pub rejected: Vec<RejectedRow>,
}

/// A row of a list that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// Its line in the list, from 1.
    pub line: usize,
    /// Why.
    pub reason: RowProblem,
}

/// Why a row of a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// It has no phone number with its country code.
    #[error("no phone number with its country code, such as +44 7700 900123")]
    Phone,
    /// Its values do not fill the template.
    #[error(transparent)]
    Values(#[from] UnfilledTemplate),
}

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListProblem {
    /// It has no rows below its header.
    #[error(
        "The list has no rows: its first line names the columns, each further line is a customer."
    )]
    Empty,
    /// None of its columns is called like one of phone numbers.
    #[error("The list has no column `phone`; its columns are: {0}.")]
    NoPhoneColumn(String),
    /// The campaign's values name a column that it does not have.
    #[error("The campaign's values name `{column}`, and the list has only the columns: {columns}.")]
    NoColumn {
        /// The column.
        column: String,
        /// Those that it has.
        columns: String,
    },
}

/// Why a campaign cannot be sent as it is.
#[derive(Debug, thiserror::Error)]
pub enum CampaignProblem {
    /// The number's account has no such template.
    #[error("The number's account has no such template in this language.")]
    TemplateUnknown,
    /// Its values do not fill the template.
    #[error(transparent)]
    Values(#[from] TemplateError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl RecipientList {
    /// Reads a table: comma, semicolon or tab separated, with the columns' names in its first row. Rows
    /// whose values do not fill the template are rejected.
    pub fn read(
        text: &str,
        values: &CampaignTemplate,
        template: &MessageTemplate,
    ) -> Result<Self, ListProblem> {
        let mut rows = table_rows(text);
        let (_, header) = rows.next().ok_or(ListProblem::Empty)?;
        let columns: Vec<_> =
            header.iter().take(MAX_COLUMNS).map(|cell| column_name(cell)).collect();
        let place = |names: &[&str]| columns.iter().position(|name| names.contains(&name.as_str()));
        let shown = || one_line(&columns.join(", "), MAX_SHOWN_CHARS);
        let phones = place(PHONE_COLUMNS).ok_or_else(|| ListProblem::NoPhoneColumn(shown()))?;
        let names = place(NAME_COLUMNS);
        for column in values.columns() {
            let is_known = columns.contains(&column)
                || column == "phone"
                || (column == "name" && names.is_some());
            if !is_known {
                return Err(ListProblem::NoColumn { column, columns: shown() });
            }
        }
        let mut list = Self::default();
        for (line, cells) in rows.filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())) {
            let cell = |at: usize| cells.get(at).map(String::as_str).unwrap_or_default();
            let fields: RecipientFields = columns
                .iter()
                .enumerate()
                .filter(|(at, _)| !cell(*at).is_empty())
                .map(|(at, name)| (name.clone(), cell(at).chars().take(MAX_VALUE_CHARS).collect()))
                .collect();
            let name = names.map(|at| one_line(cell(at), MAX_VALUE_CHARS));
            let name = name.as_deref().filter(|name| !name.is_empty());
            let entry = ListEntry { phone: cell(phones), name, fields };
            match entry.recipient(values, template) {
                Ok(recipient) => list.recipients.push(recipient),
                Err(reason) => list.rejected.push(RejectedRow { line, reason }),
            }
        }
        if list.recipients.is_empty() && list.rejected.is_empty() {
            return Err(ListProblem::Empty);
        }
        Ok(list)
    }
}

/// A customer of a list.
#[derive(Debug)]
pub struct ListEntry<'a> {
    /// The phone number as it was written.
    pub phone: &'a str,
    /// The customer's name.
    pub name: Option<&'a str>,
    /// The columns.
    pub fields: RecipientFields,
}

impl ListEntry<'_> {
    /// The recipient, if the phone is one and the values fill the template.
    pub fn recipient(
        self,
        values: &CampaignTemplate,
        template: &MessageTemplate,
    ) -> Result<NewRecipient, RowProblem> {
        let wa_id = phone::wa_id(self.phone).ok_or(RowProblem::Phone)?;
        let name = self.name.map(ToOwned::to_owned);
        let all = with_contact(self.fields.clone(), name.as_deref(), Some(&wa_id));
        values.fill(template, &all)?;
        // What no message needs is not kept.
        let needed = values.columns();
        let mut fields = self.fields;
        fields.retain(|column, _| needed.contains(column));
        Ok(NewRecipient { wa_id, name, fields })
    }
}

impl Desk {
    /// The template of a campaign, if its values fill it, whatever the recipients' columns hold.
    pub async fn campaign_template(
        &self,
        number: &Number,
        values: &CampaignTemplate,
    ) -> Result<MessageTemplate, CampaignProblem> {
        let template = self.template(number, (&values.name, &values.language)).await?;
        let template = template.ok_or(CampaignProblem::TemplateUnknown)?;
        // It fills every place, also degrees.
        let any = values.columns().into_iter().map(|column| (column, "0".to_owned())).collect();
        match values.fill(&template, &any) {
            Ok(_) => Ok(template),
            Err(UnfilledTemplate::Template(error)) => Err(error.into()),
            // Every column has a value here.
            Err(UnfilledTemplate::NoValue(_)) => Err(CampaignProblem::TemplateUnknown),
        }
    }

    /// Adds recipients to a campaign, some at a time. Returns how many were added.
    pub async fn add_recipients(
        &self,
        campaign: &CampaignId,
        recipients: Vec<NewRecipient>,
    ) -> store::Result<AddOutcome> {
        let mut sum = 0;
        let mut rest = recipients.into_iter().peekable();
        loop {
            let some: Vec<_> = rest.by_ref().take(ADDED_AT_ONCE).collect();
            match self.store.add_recipients(campaign, some).await? {
                AddOutcome::Added(added) => sum += added,
                refused @ AddOutcome::Refused(_) => return Ok(refused),
            }
            if rest.peek().is_none() {
                return Ok(AddOutcome::Added(sum));
            }
        }
    }

    /// The message that the first recipient of a campaign gets, as an example; `None` without
    /// recipients.
    pub async fn campaign_example(
        &self,
        campaign: &CampaignId,
        (values, template): (&CampaignTemplate, &MessageTemplate),
    ) -> store::Result<Option<Result<FilledTemplate, UnfilledTemplate>>> {
        let first = self.store.recipients(campaign, 0, 1).await?.into_iter().next();
        Ok(first.map(|row| {
            let fields = serde_json::from_str(&row.fields).unwrap_or_default();
            let fields = with_contact(fields, row.name.as_deref(), row.wa_id.as_deref());
            values.fill(template, &fields)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        TemplateCategory, TemplateLayout, TemplatePart, TemplateState, TemplateValue,
    };

    fn template() -> (CampaignTemplate, MessageTemplate) {
        let value = "{{Name}}, {{order no}}".to_owned();
        let values = vec![TemplateValue { part: TemplatePart::Body, name: "1".to_owned(), value }];
        let campaign = CampaignTemplate { name: "ready".into(), language: "en".into(), values };
        let layout = TemplateLayout { body: "Ready: {{1}}".into(), ..TemplateLayout::default() };
        let template = MessageTemplate {
            external_id: String::new(),
            name: "ready".into(),
            language: "en".into(),
            category: TemplateCategory::Utility,
            state: TemplateState::Approved,
            quality: None,
            reason: None,
            layout,
        };
        (campaign, template)
    }

    fn read(text: &str) -> Result<RecipientList, ListProblem> {
        let (values, template) = template();
        RecipientList::read(text, &values, &template)
    }

    #[test]
    fn a_list_is_read_whatever_separates_its_columns() {
        for text in [
            "Phone,Nombre,Order No,City\n+44 7700 900123,Ana,A-17,Ulm\n",
            "\u{feff}phone;name;order no\r\n00447700900123;Ana;A-17\r\n\r\n",
            "sep=\t\nTeléfono\tname\torder no\n447700900123\tAna\tA-17",
        ] {
            let list = read(text).unwrap();
            assert_eq!(list.rejected, [], "{text}");
            let [ana] = &list.recipients[..] else { panic!("{text}") };
            assert_eq!((ana.wa_id.as_str(), ana.name.as_deref()), ("447700900123", Some("Ana")));
            assert_eq!(ana.fields["order no"], "A-17");
            assert!(!ana.fields.contains_key("city"), "no message needs it");
        }
    }

    #[test]
    fn a_row_that_cannot_be_used_is_named_with_its_line() {
        let text = "phone,name,order no\n+44 7700 900123,Ana,A-1\n07700 900124,Bo,A-2\n+44 7700 900125,,A-3\n+44 7700 900126,Cy,\n";
        let list = read(text).unwrap();
        assert_eq!(list.recipients.len(), 1);
        let lines: Vec<_> = list.rejected.iter().map(|row| row.line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert_eq!(list.rejected[0].reason, RowProblem::Phone);
        assert!(list.rejected[2].reason.to_string().contains("order no"));
    }

    #[test]
    fn a_list_without_what_the_campaign_needs_is_refused() {
        assert_eq!(read("").unwrap_err(), ListProblem::Empty);
        assert_eq!(read("phone,name,order no\n").unwrap_err(), ListProblem::Empty);
        assert!(matches!(read("who,name\nx,y\n"), Err(ListProblem::NoPhoneColumn(_))));
        let missing = read("phone,name\n+44 7700 900123,Ana\n").unwrap_err();
        assert!(matches!(missing, ListProblem::NoColumn { column, .. } if column == "order no"));
        assert_eq!(template().0.columns_of_lists(), ["order no"]);
    }
}
