//! The connected numbers: those of the configuration file, and those that are added, changed and
//! removed in the console while the desk runs. The set follows the database.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use frontdesk_endpoint::GuardedClient;
use tokio::sync::Mutex;

use super::Desk;
use super::number_activity::NumberActivity;
use crate::domain::time::now_ms;
use crate::domain::{
    AgentId, NumberId, NumberOrigin, NumberState, ProviderKind, Sending, StopReason, What,
};
use crate::pipeline::inbound::InboundNumber;
use crate::pipeline::outbound::WINDOW_MS;
use crate::provider::{
    self, FieldError, Fields, Form, Kind, Limits, Provider, Settings, address_hint,
};
use crate::secrets::Secrets;
use crate::store::numbers::{AddedRow, shown_slug};
use crate::store::staff_messages::Window;

/// A connected number.
#[derive(Clone)]
pub struct Number {
    /// Its id.
    pub id: NumberId,
    /// Its slug.
    pub slug: String,
    /// The provider that connects it to WhatsApp.
    pub provider: ProviderKind,
    /// The agent that answers on it.
    pub agent: AgentId,
    /// Whether free text is allowed only within 24 hours of the customer's last message.
    pub has_window: bool,
    /// Its send settings.
    pub sending: Sending,
    /// The client of its provider.
    pub client: Arc<dyn Provider>,
    /// Counts its changes in the console; `None` for a number of the configuration file.
    pub revision: Option<i64>,
    /// When it was last active.
    pub activity: Arc<NumberActivity>,
}

/// The connected numbers. They can be changed while turns run; a turn keeps the number that it
/// began with.
#[derive(Default)]
pub struct Numbers {
    set: RwLock<Set>,
    connector: Option<Connector>,
    /// Serializes reloads: an older read must not overwrite a newer one.
    following: Mutex<()>,
}

/// Connects the numbers of the configuration file, and those that are added in the console.
pub struct Connector {
    /// Timeout of a call to a provider.
    timeout: Duration,
    /// The HTTP client of the configuration file's numbers. Made with the first of them: it reads all
    /// the certificates of the system.
    client: OnceLock<GuardedClient>,
    /// That of the console's numbers, whose addresses are guarded.
    guarded: OnceLock<GuardedClient>,
    /// Encrypts and decrypts the settings of numbers.
    secrets: Arc<Secrets>,
    /// The limits that their settings must keep.
    limits: Limits,
}

impl Connector {
    /// Creates a connector. `timeout` is that of a call to a provider.
    pub fn new(timeout: Duration, secrets: Arc<Secrets>, limits: Limits) -> Self {
        let (client, guarded) = (OnceLock::new(), OnceLock::new());
        Self { timeout, client, guarded, secrets, limits }
    }

    fn client(&self, origin: NumberOrigin) -> Result<&GuardedClient, String> {
        let (client, guard) = match origin {
            NumberOrigin::File => (&self.client, None),
            NumberOrigin::Console => (&self.guarded, Some(self.limits.guard())),
        };
        if client.get().is_none() {
            // Another thread may have made one meanwhile; that one serves as well.
            drop(client.set(provider::client(self.timeout, guard)?));
        }
        client.get().ok_or_else(|| "there is no HTTP client".to_owned())
    }
}

/// An added number that is not connected.
#[derive(PartialEq, Eq)]
struct Aside {
    slug: String,
    why: String,
}

#[derive(Default)]
struct Set {
    connected: Vec<Arc<Number>>,
    /// The added numbers that are not connected, by their ids.
    aside: HashMap<String, Aside>,
    /// The ids of those on which the bot is paused.
    paused: HashSet<String>,
}

impl Numbers {
    /// Creates an empty set.
    pub fn new(connector: Connector) -> Self {
        Self { connector: Some(connector), ..Self::default() }
    }

    /// Returns every connected number, those of the configuration file first.
    pub fn all(&self) -> Vec<Arc<Number>> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).connected.clone()
    }

    /// Adds a number of the configuration file.
    pub fn put(&self, number: Number) {
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        set.connected.push(Arc::new(number));
    }

    /// Why a number that was added in the console is not connected; `None` if it is.
    pub fn disconnected_reason(&self, id: &str) -> Option<String> {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner);
        set.aside.get(id).map(|aside| aside.why.clone())
    }

    /// Whether there is an added number with this name or id that is not connected.
    pub fn is_disconnected(&self, name: &str) -> bool {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner);
        set.aside.contains_key(name) || set.aside.values().any(|aside| aside.slug == name)
    }

    /// Whether the bot is paused on a number, as far as this process knows.
    pub fn is_paused(&self, id: &NumberId) -> bool {
        self.set.read().unwrap_or_else(PoisonError::into_inner).paused.contains(id.as_str())
    }

    /// The limits for numbers that are added in the console.
    pub fn limits(&self) -> Limits {
        self.connector.as_ref().map(|connector| connector.limits.clone()).unwrap_or_default()
    }

    /// Fails if a field's address is none that a number of the console may use.
    pub async fn check_addresses(
        &self,
        form: &'static Form,
        fields: &Fields,
    ) -> Result<(), FieldError> {
        let guard = self.limits().guard();
        for field in form.fields.iter().filter(|field| field.kind == Kind::Url) {
            let Some(url) = fields.get(field.name).and_then(|value| value.parse().ok()) else {
                continue;
            };
            let refused = guard.permits(&url).await;
            refused.map_err(|refused| FieldError {
                field: Some(field.name),
                message: match address_hint(&refused) {
                    Some(hint) => format!("{refused}. {hint}"),
                    None => format!("{refused}."),
                },
            })?;
        }
        Ok(())
    }

    /// Encrypts a number's settings, bound to the workspace and the number in `of`.
    pub fn seal(&self, of: [&str; 2], fields: &Fields) -> Result<String, String> {
        let connector = self.connector()?;
        let plain = serde_json::to_vec(fields).map_err(|error| error.to_string())?;
        connector.secrets.seal(&plain, &of).map_err(|wrong| wrong.to_string())
    }

    /// Decrypts a number's settings.
    pub fn open(&self, of: [&str; 2], settings: &str) -> Result<Fields, String> {
        let plain = self.connector()?.secrets.open(settings, &of);
        let plain = plain.map_err(|wrong| wrong.to_string())?;
        serde_json::from_slice(&plain).map_err(|error| format!("its settings are damaged: {error}"))
    }

    /// Builds a provider client from the fields of a form. Sends nothing.
    pub fn build_client(
        &self,
        form: &Form,
        fields: &Fields,
    ) -> Result<Arc<dyn Provider>, FieldError> {
        let doubt = |message| FieldError { field: None, message };
        self.build(&Settings::from_form(form, "", fields)?, NumberOrigin::Console).map_err(doubt)
    }

    /// Builds a provider client. Sends nothing.
    pub fn build(
        &self,
        settings: &Settings,
        origin: NumberOrigin,
    ) -> Result<Arc<dyn Provider>, String> {
        settings.build(self.connector()?.client(origin)?)
    }

    fn connector(&self) -> Result<&Connector, String> {
        self.connector.as_ref().ok_or_else(|| "this process connects no numbers".to_owned())
    }

    /// Connects an added number. The error says why that is impossible, and what to do.
    fn connect(&self, row: &AddedRow, workspace: &str) -> Result<Number, String> {
        let provider = row.provider.known();
        let form = provider
            .map(Form::of)
            .ok_or_else(|| format!("this version knows no provider {}", row.provider))?;
        let fields = self.open([workspace, &row.id], &row.settings)?;
        form.validate_all(&fields, &self.limits()).map_err(|doubt| doubt.message)?;
        let settings = Settings::from_form(form, "", &fields).map_err(|doubt| doubt.message)?;
        Ok(Number {
            id: NumberId::stored(row.id.clone()),
            slug: shown_slug(&row.slug, &row.id).to_owned(),
            provider: form.provider,
            agent: AgentId::stored(row.agent_id.clone()),
            has_window: settings.has_window(),
            sending: settings.sending()?,
            client: self.build(&settings, NumberOrigin::Console)?,
            revision: Some(row.revision),
            activity: Arc::default(),
        })
    }

    /// Builds the set that the rows describe. Unchanged numbers are kept as they are.
    fn next(&self, rows: &[AddedRow], workspace: &str) -> Set {
        let now = self.all();
        let mut set = Set::default();
        set.connected.extend(now.iter().filter(|one| one.revision.is_none()).cloned());
        for row in rows {
            if let Some(why) = conflict_with_configured(row, &set.connected) {
                set.aside.insert(row.id.clone(), Aside::of(row, why.to_string()));
                continue;
            }
            let former = now.iter().find(|one| one.id.as_str() == row.id);
            if let Some(same) = former.filter(|one| one.revision == Some(row.revision)) {
                set.connected.push(same.clone());
                continue;
            }
            match self.connect(row, workspace) {
                Ok(mut number) => {
                    let external_id = number.client.external_id();
                    let same = former.filter(|one| one.client.external_id() == external_id);
                    if let Some(former) = same {
                        number.activity = former.activity.clone();
                    }
                    set.connected.push(Arc::new(number));
                }
                Err(why) => drop(set.aside.insert(row.id.clone(), Aside::of(row, why))),
            }
        }
        set
    }

    /// Replaces the set and logs the differences.
    fn replace(&self, next: Set) {
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        for number in &next.connected {
            if !set.connected.iter().any(|one| Arc::ptr_eq(one, number)) {
                tracing::info!(number = number.slug, "the number {} is connected", number.slug);
            }
        }
        for number in &set.connected {
            if !next.connected.iter().any(|one| one.id == number.id) {
                tracing::info!(
                    number = number.slug,
                    "the number {} is not connected any more",
                    number.slug
                );
            }
        }
        for (id, aside @ Aside { why, .. }) in &next.aside {
            if set.aside.get(id) != Some(aside) {
                tracing::warn!(number = id, "a number is stopped: {why}");
            }
        }
        *set = next;
    }
}

impl Aside {
    fn of(row: &AddedRow, why: String) -> Self {
        Self { slug: shown_slug(&row.slug, &row.id).to_owned(), why }
    }
}

/// Why an added number gives way to one of the configuration file; `None` if it does not.
fn conflict_with_configured(row: &AddedRow, of_file: &[Arc<Number>]) -> Option<StopReason> {
    let mut of_file = of_file.iter().filter(|one| one.revision.is_none());
    let shown = shown_slug(&row.slug, &row.id);
    let why = |one: &Arc<Number>| {
        let same = row.provider.known() == Some(one.provider)
            && one.client.external_id() == row.external_id;
        let slug = one.slug.clone();
        if same {
            Some(StopReason::SameNumber { slug })
        } else {
            (slug == shown).then_some(StopReason::SameName { slug })
        }
    };
    of_file.find_map(why)
}

impl Desk {
    /// Returns the connected number with this id.
    pub fn number(&self, id: &str) -> Option<Arc<Number>> {
        let set = self.numbers.set.read().unwrap_or_else(PoisonError::into_inner);
        set.connected.iter().find(|number| number.id.as_str() == id).cloned()
    }

    /// A number as what comes in on it needs it.
    pub fn inbound_number(&self, number: &Number) -> InboundNumber {
        InboundNumber {
            id: number.id.clone(),
            bot: self.bots.get(&number.agent),
            paused: self.numbers.is_paused(&number.id),
        }
    }

    /// Stores and announces the state of a number, with its reason.
    pub async fn report_number_state(
        &self,
        id: &NumberId,
        state: NumberState,
        reason: Option<String>,
    ) {
        if let Err(error) = self.store.set_number_state(id, state, reason).await {
            tracing::error!(%error, "the number's state could not be stored");
        }
        self.announce(What::Numbers).await;
    }

    /// Returns when WhatsApp takes what is written freely on a number.
    pub fn window(&self, number: &str) -> Window {
        let has_window = self.number(number).is_some_and(|number| number.has_window);
        if has_window { Window::Since(now_ms() - WINDOW_MS) } else { Window::Always }
    }

    /// Returns the connected numbers of a provider.
    pub fn numbers_of(&self, provider: ProviderKind) -> Vec<Arc<Number>> {
        let mut all = self.numbers.all();
        all.retain(|number| number.provider == provider);
        all
    }

    /// Reloads the numbers that were added, changed or removed in the console, by this or another
    /// process.
    pub async fn reload_numbers(&self) -> crate::store::Result<()> {
        let _turn = self.numbers.following.lock().await;
        let rows = self.store.added_numbers().await?;
        let paused = self.store.paused_numbers().await?.into_iter().collect();
        let next = self.numbers.next(&rows, self.store.workspace_id().as_str());
        self.numbers.replace(Set { paused, ..next });
        Ok(())
    }

    /// Stores when the numbers were last active, at most once a minute each.
    pub async fn store_number_activity(&self) -> crate::store::Result<()> {
        for number in self.numbers.all() {
            if let Some(moments) = number.activity.due() {
                self.store.record_number_activity(&number.id, moments).await?;
                number.activity.noted(moments);
            }
        }
        Ok(())
    }
}
