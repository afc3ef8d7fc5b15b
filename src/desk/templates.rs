//! The message templates of numbers: read from their account, and found to be sent.

use super::{Desk, Number};
use crate::domain::{DraftError, MessageTemplate, NumberId, TemplateDraft, What};
use crate::provider::{self, TemplateCatalog};
use crate::store;

/// Why the templates of a number could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TemplateSyncError {
    /// The number's provider has no templates.
    #[error("This number's provider has no message templates.")]
    NoTemplates,
    /// Neither its settings nor a webhook named the account.
    #[error(
        "The number's WhatsApp Business account is not known yet: enter its id in the number's settings (`account_id`), or write to the number once, so that a webhook tells it."
    )]
    NoAccount,
    /// The provider does not answer, or refuses.
    #[error(
        "WhatsApp did not give the templates: {0}. The number's access token needs whatsapp_business_management."
    )]
    Provider(#[from] provider::Error),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Why a template was not created or deleted.
#[derive(Debug, thiserror::Error)]
pub enum TemplateChangeError {
    /// WhatsApp would refuse it.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The account has no such template.
    #[error("There is no such template in this language: read the templates again.")]
    Unknown,
    /// WhatsApp refused it, in its words.
    #[error("WhatsApp refused it: {0}")]
    Refused(String),
    /// WhatsApp gave no answer.
    #[error("WhatsApp gave no answer ({0}): read the templates again to see what became of it.")]
    Unanswered(String),
    /// The account is not known, or the database does not answer.
    #[error(transparent)]
    Account(#[from] TemplateSyncError),
}

impl From<provider::Error> for TemplateChangeError {
    fn from(error: provider::Error) -> Self {
        match error {
            provider::Error::Refused { fault, .. } => {
                let details = fault.details.map(|details| format!(" {details}"));
                Self::Refused(format!(
                    "{}{} ({})",
                    fault.title,
                    details.unwrap_or_default(),
                    fault.code
                ))
            }
            other => Self::Unanswered(other.to_string()),
        }
    }
}

/// The templates of a number's account.
#[derive(Debug, Default)]
pub struct NumberTemplates {
    /// The templates by name and language.
    pub templates: Vec<MessageTemplate>,
    /// When they were last read, in Unix milliseconds; `None` if never.
    pub synced_at: Option<i64>,
}

impl Desk {
    /// Reads the templates of a number's account and stores them.
    pub async fn sync_templates(
        &self,
        number: &Number,
    ) -> Result<NumberTemplates, TemplateSyncError> {
        let (catalog, account) = self.catalog(number).await?;
        let found = catalog.templates(&account).await?;
        self.store.replace_templates(&account, found).await?;
        self.announce(What::Numbers).await;
        Ok(self.stored_templates(number).await?)
    }

    /// Submits a template to a number's account, and stores it as it stands then.
    pub async fn create_template(
        &self,
        number: &Number,
        draft: &TemplateDraft,
    ) -> Result<MessageTemplate, TemplateChangeError> {
        draft.check()?;
        let (catalog, account) = self.catalog(number).await?;
        let created = catalog.create_template(&account, draft).await?;
        self.store
            .add_template(&account, created.clone())
            .await
            .map_err(TemplateSyncError::from)?;
        self.announce(What::Numbers).await;
        Ok(created)
    }

    /// Deletes a template of a number's account, in all languages or in this one.
    pub async fn delete_template(
        &self,
        number: &Number,
        (name, language): (&str, Option<&str>),
    ) -> Result<(), TemplateChangeError> {
        let (catalog, account) = self.catalog(number).await?;
        let (all, _) = self.store.templates(&account).await.map_err(TemplateSyncError::from)?;
        let is_meant = |one: &&MessageTemplate| {
            one.name == name && language.is_none_or(|language| one.language == language)
        };
        let found = all.iter().find(is_meant).ok_or(TemplateChangeError::Unknown)?;
        let id = language.map(|_| found.external_id.as_str());
        if id.is_some_and(str::is_empty) {
            return Err(TemplateChangeError::Unknown);
        }
        catalog.delete_template(&account, (name, id)).await?;
        let deleted = self.store.delete_templates(&account, (name, language)).await;
        deleted.map_err(TemplateSyncError::from)?;
        self.announce(What::Numbers).await;
        Ok(())
    }

    /// What reaches a number's templates, and its account.
    async fn catalog<'n>(
        &self,
        number: &'n Number,
    ) -> Result<(&'n dyn TemplateCatalog, String), TemplateSyncError> {
        let catalog = number.client.template_catalog().ok_or(TemplateSyncError::NoTemplates)?;
        let account = self.template_account(number, catalog).await?;
        Ok((catalog, account.ok_or(TemplateSyncError::NoAccount)?))
    }

    /// The templates of a number's account as they are stored.
    pub async fn stored_templates(&self, number: &Number) -> store::Result<NumberTemplates> {
        let Some(catalog) = number.client.template_catalog() else {
            return Ok(NumberTemplates::default());
        };
        let Some(account) = self.template_account(number, catalog).await? else {
            return Ok(NumberTemplates::default());
        };
        let (templates, synced_at) = self.store.templates(&account).await?;
        Ok(NumberTemplates { templates, synced_at })
    }

    /// A stored template of a number's account.
    pub async fn template(
        &self,
        number: &Number,
        named: (&str, &str),
    ) -> store::Result<Option<MessageTemplate>> {
        let Some(catalog) = number.client.template_catalog() else { return Ok(None) };
        let Some(account) = self.template_account(number, catalog).await? else { return Ok(None) };
        self.store.template(&account, named).await
    }

    /// The account of a number, if its settings or a webhook named it.
    pub async fn account(&self, number: &str) -> store::Result<Option<String>> {
        let connected = self.number(number);
        let catalog = connected.as_ref().and_then(|number| number.client.template_catalog());
        match catalog.and_then(TemplateCatalog::account) {
            Some(account) => Ok(Some(account.to_owned())),
            None => self.store.number_account(&NumberId::stored(number.to_owned())).await,
        }
    }

    async fn template_account(
        &self,
        number: &Number,
        catalog: &dyn TemplateCatalog,
    ) -> store::Result<Option<String>> {
        match catalog.account() {
            Some(account) => Ok(Some(account.to_owned())),
            None => self.store.number_account(&number.id).await,
        }
    }
}
