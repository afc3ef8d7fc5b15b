//! The message templates of numbers: read from their account, and found to be sent.

use super::{Desk, Number};
use crate::domain::{MessageTemplate, NumberId, What};
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
        let catalog = number.client.template_catalog().ok_or(TemplateSyncError::NoTemplates)?;
        let account = self.template_account(number, catalog).await?;
        let account = account.ok_or(TemplateSyncError::NoAccount)?;
        let found = catalog.templates(&account).await?;
        self.store.replace_templates(&account, found).await?;
        self.announce(What::Numbers).await;
        Ok(self.stored_templates(number).await?)
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
