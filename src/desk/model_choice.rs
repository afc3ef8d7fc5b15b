//! The model that answers, as the console or a command chooses it: checked, kept with its key
//! encrypted, and followed when another process changes it. `llm/setting.rs` has the rules for
//! addresses.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::sync::Mutex;

use super::Desk;
use crate::domain::{Action, ModelProvider, What};
use crate::models::{self, AddressRefusal, ModelSetting};
use crate::secrets::Secrets;
use crate::store;
use crate::store::audit::{Actor, Entry};
use crate::store::model_choices::ModelChoiceRow;

/// Maximum length of a model's name, in characters.
const MAX_NAME_LEN: usize = 200;
/// The subject of audit entries, and what keys are bound to.
const SUBJECT: &str = "chat";

/// Keeps the key, and knows the model that was loaded last.
#[derive(Default)]
pub struct ModelChoices {
    secrets: Option<Arc<Secrets>>,
    /// What was loaded last, and why it cannot be used. The lock serializes loads: an older read
    /// must not replace a newer one.
    last: Mutex<Option<(ModelChoiceRow, Option<String>)>>,
}

/// A model that somebody wants to answer.
#[derive(Debug)]
pub struct ModelRequest {
    /// Who runs it.
    pub provider: ModelProvider,
    /// Everything before `/chat/completions`; empty for the provider's usual address.
    pub base_url: String,
    /// Its name.
    pub model: String,
    /// Its key; an empty one for none, `None` for the stored one if the address is the stored one.
    pub key: Option<SecretString>,
}

/// Why a model cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub enum ModelRefusal {
    /// Its address may not be named.
    #[error(transparent)]
    Address(#[from] AddressRefusal),
    /// It needs a key; says why.
    #[error("{0}")]
    KeyRequired(String),
    /// Its name or key cannot be right.
    #[error("{0}")]
    Invalid(String),
    /// Its key cannot be kept.
    #[error("Its key cannot be kept: {0}.")]
    Secrets(String),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl ModelChoices {
    /// Creates it with nothing loaded.
    pub fn new(secrets: Arc<Secrets>) -> Self {
        Self { secrets: Some(secrets), last: Mutex::default() }
    }

    fn secrets(&self) -> Result<&Secrets, String> {
        self.secrets.as_deref().ok_or_else(|| "this process keeps no keys".to_owned())
    }
}

impl Desk {
    /// Makes the model that is stored answer from the next turn on, or that of the configuration if
    /// none is.
    pub async fn reload_models(&self) -> store::Result<()> {
        let mut last = self.model_choices.last.lock().await;
        let Some(row) = self.store.model_choice().await? else {
            if last.take().is_some() {
                tracing::info!("the model of the configuration answers");
                self.engine.model.choose(None);
                self.notifier.announce(What::Models);
            }
            return Ok(());
        };
        let is_same = last.as_ref().is_some_and(|(known, _)| *known == row);
        if is_same && last.as_ref().is_some_and(|(_, problem)| problem.is_none()) {
            return Ok(());
        }
        let setting = self.stored_setting(&row);
        let problem = setting.as_ref().err().cloned();
        // A key that is found again is no change of the row.
        if is_same && last.as_ref().is_some_and(|(_, known)| *known == problem) {
            return Ok(());
        }
        match &problem {
            None => tracing::info!(model = row.model, "{} answers, as it was chosen", row.model),
            Some(why) => tracing::error!(
                model = row.model,
                "the model {} that was chosen cannot be used: {why}; answers quote the documents",
                row.model
            ),
        }
        self.engine.model.choose(Some(setting));
        self.notifier.announce(What::Models);
        *last = Some((row, problem));
        Ok(())
    }

    /// Returns the model that a request describes, with its key, if its address may be called.
    /// `is_owner`: whether it comes from who holds the admin key or the machine.
    pub async fn resolve_model(
        &self,
        wanted: ModelRequest,
        is_owner: bool,
    ) -> Result<ModelSetting, ModelRefusal> {
        let base_url = models::address(wanted.provider, &wanted.base_url);
        let base_url = base_url.map_err(AddressRefusal::Unusable)?;
        let stored = self.store.model_choice().await?;
        let same = stored.as_ref().filter(|row| row.base_url == base_url);
        let api_key = match (wanted.key, same, &stored) {
            (Some(key), _, _) => Some(key).filter(|key| !key.expose_secret().trim().is_empty()),
            (None, Some(row), _) => self.open_key(row).map_err(|_| {
                ModelRefusal::KeyRequired("The stored key cannot be read: enter it again.".into())
            })?,
            (None, None, Some(row)) if row.sealed.is_some() => {
                return Err(ModelRefusal::KeyRequired(format!(
                    "The stored key is for {}: enter the key of the new address, or an empty one.",
                    row.base_url
                )));
            }
            (None, None, _) => None,
        };
        if api_key.is_none() && wanted.provider.needs_key() {
            return Err(ModelRefusal::KeyRequired("This provider needs a key.".into()));
        }
        let may_be_private = is_owner
            || same.is_some_and(|row| row.trusted == 1)
            || self.engine.model.is_configured_address(&base_url);
        let (provider, model) = (wanted.provider, wanted.model.trim().to_owned());
        let setting = ModelSetting { provider, base_url, model, api_key, trusted: false };
        match setting.judge().await {
            Ok(()) => Ok(setting),
            Err(_) if may_be_private => {
                let setting = ModelSetting { trusted: true, ..setting };
                setting.judge().await?;
                Ok(setting)
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Keeps a model, which answers from the next turn on in every process.
    pub async fn set_model(
        &self,
        setting: &ModelSetting,
        actor: Actor,
    ) -> Result<(), ModelRefusal> {
        let length = setting.model.chars().count();
        if length == 0 || length > MAX_NAME_LEN || setting.model.contains(char::is_control) {
            let why = format!("`model` is the name of a model, up to {MAX_NAME_LEN} characters.");
            return Err(ModelRefusal::Invalid(why));
        }
        self.engine.model.check(setting).map_err(ModelRefusal::Invalid)?;
        let seal = |key: &SecretString| {
            let plain = key.expose_secret().trim().as_bytes();
            let sealed =
                self.model_choices.secrets()?.seal(plain, &self.key_owner(&setting.base_url));
            sealed.map_err(|wrong| wrong.to_string())
        };
        let sealed = setting.api_key.as_ref().map(seal).transpose();
        let row = ModelChoiceRow {
            provider: setting.provider,
            base_url: setting.base_url.clone(),
            model: setting.model.clone(),
            sealed: sealed.map_err(ModelRefusal::Secrets)?,
            trusted: i64::from(setting.trusted),
        };
        let detail = json!({
            "provider": row.provider, "base_url": row.base_url, "model": row.model, "has_key": row.sealed.is_some()
        });
        let entry = Entry::new(actor, Action::ModelSet, SUBJECT).with(detail);
        self.store.set_model(Some(row), entry).await?;
        self.follow_models().await;
        Ok(())
    }

    /// Lets the configuration decide again. Its key is deleted.
    pub async fn remove_model(&self, actor: Actor) -> store::Result<()> {
        let entry = Entry::new(actor, Action::ModelRemoved, SUBJECT);
        self.store.set_model(None, entry).await?;
        self.follow_models().await;
        Ok(())
    }

    /// Loads the change here and tells the other processes. What fails is done later.
    async fn follow_models(&self) {
        if let Err(error) = self.reload_models().await {
            tracing::warn!(%error, "the model is brought up to date later");
        }
        self.announce(What::Models).await;
    }

    fn stored_setting(&self, row: &ModelChoiceRow) -> Result<ModelSetting, String> {
        let setting = ModelSetting {
            provider: row.provider,
            base_url: row.base_url.clone(),
            model: row.model.clone(),
            api_key: self.open_key(row)?,
            trusted: row.trusted == 1,
        };
        self.engine.model.check(&setting)?;
        Ok(setting)
    }

    fn open_key(&self, row: &ModelChoiceRow) -> Result<Option<SecretString>, String> {
        let Some(sealed) = &row.sealed else { return Ok(None) };
        let plain = self.model_choices.secrets()?.open(sealed, &self.key_owner(&row.base_url));
        let plain = plain.map_err(|wrong| wrong.to_string())?;
        let key = String::from_utf8(plain).map_err(|_| "its key is damaged".to_owned())?;
        Ok(Some(key.into()))
    }

    /// What a key is bound to: with another address it cannot be decrypted.
    fn key_owner<'a>(&'a self, base_url: &'a str) -> [&'a str; 3] {
        [self.store.workspace_id().as_str(), SUBJECT, base_url]
    }
}
