//! The models that the console or a command chooses: checked, and kept with their keys encrypted.
//! `model_adapters.rs` puts them to use; `models/setting.rs` has the rules for addresses.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Desk;
use crate::domain::{Action, AgentId, ModelProvider, ModelRole, What};
use crate::models::{self, AddressRefusal, ModelSetting};
use crate::store;
use crate::store::audit::{Actor, Entry};
use crate::store::model_choices::ModelChoiceRow;

/// Maximum length of a model's name, in characters.
const MAX_NAME_LEN: usize = 200;

/// What a model is chosen for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelScope {
    /// The task.
    pub role: ModelRole,
    /// The agent; `None` for the workspace.
    pub agent: Option<AgentId>,
}

impl ModelScope {
    /// The whole workspace.
    pub fn workspace(role: ModelRole) -> Self {
        Self { role, agent: None }
    }

    /// That of a stored choice.
    pub fn of(row: &ModelChoiceRow) -> Self {
        Self { role: row.role, agent: row.agent() }
    }

    /// The subject of audit entries, and what keys are bound to.
    pub fn subject(&self) -> String {
        let role = self.role.as_str();
        let agent = self.agent.as_ref().map(AgentId::as_str);
        agent.map_or_else(|| role.to_owned(), |agent| format!("{role}/{agent}"))
    }
}

/// A model that somebody wants to use.
#[derive(Debug)]
pub struct ModelRequest {
    /// Who runs it.
    pub provider: ModelProvider,
    /// Everything before `/chat/completions` and so on; empty for the provider's usual address.
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
    /// Its provider, name or key cannot be right.
    #[error("{0}")]
    Invalid(String),
    /// Its key cannot be kept.
    #[error("Its key cannot be kept: {0}.")]
    Secrets(String),
    /// The agent's settings name a model.
    #[error(
        "The settings of {slug} name the model {model}: remove `model` there first, or name another one there."
    )]
    NamedBySettings {
        /// The agent.
        slug: String,
        /// The model that its settings name.
        model: String,
    },
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Desk {
    /// Returns the model that a request describes, with its key, if its address may be called.
    /// `is_owner`: whether it comes from who holds the admin key or the machine.
    pub async fn resolve_model(
        &self,
        scope: &ModelScope,
        wanted: ModelRequest,
        is_owner: bool,
    ) -> Result<ModelSetting, ModelRefusal> {
        let (role, provider) = (scope.role, wanted.provider);
        check_scope(scope, provider)?;
        let base_url = models::address(provider, &wanted.base_url);
        let base_url = base_url.map_err(AddressRefusal::Unusable)?;
        let stored = self.store.model_choices().await?;
        let stored = stored.into_iter().find(|row| ModelScope::of(row) == *scope);
        let same = stored.as_ref().filter(|row| row.base_url == base_url);
        let api_key = match (wanted.key, same, &stored) {
            _ if !provider.is_endpoint() => None,
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
        if api_key.is_none() && provider.needs_key() {
            return Err(ModelRefusal::KeyRequired("This provider needs a key.".into()));
        }
        let may_be_private = is_owner
            || same.is_some_and(|row| row.trusted == 1)
            || self.is_configured_address(role, &base_url);
        let model = match provider {
            ModelProvider::Off => String::new(),
            _ => wanted.model.trim().to_owned(),
        };
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

    /// Keeps a model, which is used from the next turn on in every process. Another model for
    /// embeddings is used once it has embedded all documents.
    pub async fn set_model(
        &self,
        scope: &ModelScope,
        setting: &ModelSetting,
        actor: Actor,
    ) -> Result<(), ModelRefusal> {
        self.check_model(scope.role, setting)?;
        self.check_settings_of_agent(scope)?;
        let seal = |key: &SecretString| {
            let plain = key.expose_secret().trim().as_bytes();
            let owner = self.key_owner(scope, &setting.base_url);
            let sealed =
                self.model_choices.secrets()?.seal(plain, &owner.each_ref().map(String::as_str));
            sealed.map_err(|wrong| wrong.to_string())
        };
        let sealed = setting.api_key.as_ref().map(seal).transpose();
        let row = ModelChoiceRow {
            role: scope.role,
            agent_id: scope.agent.as_ref().map_or("", AgentId::as_str).to_owned(),
            provider: setting.provider,
            base_url: setting.base_url.clone(),
            model: setting.model.clone(),
            sealed: sealed.map_err(ModelRefusal::Secrets)?,
            trusted: i64::from(setting.trusted),
        };
        let detail = json!({
            "provider": row.provider, "base_url": row.base_url, "model": row.model, "has_key": row.sealed.is_some()
        });
        let entry = Entry::new(actor, Action::ModelSet, scope.subject()).with(detail);
        self.store.set_model_choice(row, entry).await?;
        self.follow_models().await;
        Ok(())
    }

    /// Checks that a model could be used; connects to nothing.
    pub fn check_model(&self, role: ModelRole, setting: &ModelSetting) -> Result<(), ModelRefusal> {
        check_name(role, setting).map_err(ModelRefusal::Invalid)?;
        self.check_setting(role, setting).map_err(ModelRefusal::Invalid)
    }

    /// Lets the configuration decide again, or the workspace for an agent. The key is deleted.
    pub async fn remove_model(&self, scope: &ModelScope, actor: Actor) -> store::Result<()> {
        let entry = Entry::new(actor, Action::ModelRemoved, scope.subject());
        self.store.remove_model_choice(scope.role, scope.agent.as_ref(), entry).await?;
        self.follow_models().await;
        Ok(())
    }

    /// Loads the change here and tells the other processes. What fails is done later.
    async fn follow_models(&self) {
        if let Err(error) = self.reload_models().await {
            tracing::warn!(%error, "the models are brought up to date later");
        }
        self.announce(What::Models).await;
    }

    /// The setting of a stored choice, with its key; or why it cannot be used.
    pub(super) fn stored_setting(&self, row: &ModelChoiceRow) -> Result<ModelSetting, String> {
        let setting = ModelSetting {
            provider: row.provider,
            base_url: row.base_url.clone(),
            model: row.model.clone(),
            api_key: self.open_key(row)?,
            trusted: row.trusted == 1,
        };
        self.check_setting(row.role, &setting)?;
        Ok(setting)
    }

    fn open_key(&self, row: &ModelChoiceRow) -> Result<Option<SecretString>, String> {
        let Some(sealed) = &row.sealed else { return Ok(None) };
        let owner = self.key_owner(&ModelScope::of(row), &row.base_url);
        let plain =
            self.model_choices.secrets()?.open(sealed, &owner.each_ref().map(String::as_str));
        let plain = plain.map_err(|wrong| wrong.to_string())?;
        let key = String::from_utf8(plain).map_err(|_| "its key is damaged".to_owned())?;
        Ok(Some(key.into()))
    }

    /// What a key is bound to: with another address or for something else it cannot be decrypted.
    fn key_owner(&self, scope: &ModelScope, base_url: &str) -> [String; 3] {
        [self.store.workspace_id().as_str().to_owned(), scope.subject(), base_url.to_owned()]
    }

    /// Refuses a choice for an agent whose settings name a model: two would decide.
    fn check_settings_of_agent(&self, scope: &ModelScope) -> Result<(), ModelRefusal> {
        let Some(agent) = scope.agent.as_ref().filter(|_| scope.role == ModelRole::Chat) else {
            return Ok(());
        };
        let named = self.bots.get(agent).filter(|bot| !bot.agent.model.is_empty());
        named.map_or(Ok(()), |bot| {
            let (slug, model) = (bot.agent.slug.clone(), bot.agent.model.clone());
            Err(ModelRefusal::NamedBySettings { slug, model })
        })
    }
}

fn check_scope(scope: &ModelScope, provider: ModelProvider) -> Result<(), ModelRefusal> {
    let role = scope.role;
    if scope.agent.is_some() && !role.is_per_agent() {
        let why =
            "Agents share the vectors of their collections, so embeddings are chosen for all.";
        return Err(ModelRefusal::Invalid(why.into()));
    }
    if !role.providers().contains(&provider) {
        let all: Vec<&str> = role.providers().iter().map(|one| one.as_str()).collect();
        return Err(ModelRefusal::Invalid(format!(
            "`provider` cannot be {provider} for {role}: {}.",
            all.join(", ")
        )));
    }
    Ok(())
}

/// A server of text-embeddings-inference has one model, which needs no name.
fn check_name(role: ModelRole, setting: &ModelSetting) -> Result<(), String> {
    let (name, length) = (&setting.model, setting.model.chars().count());
    let may_be_empty = matches!(setting.provider, ModelProvider::Off | ModelProvider::Tei)
        || (role == ModelRole::Reranking && setting.provider == ModelProvider::Compatible);
    if (length == 0 && !may_be_empty) || length > MAX_NAME_LEN || name.contains(char::is_control) {
        return Err(format!("`model` is the name of a model, up to {MAX_NAME_LEN} characters."));
    }
    Ok(())
}
