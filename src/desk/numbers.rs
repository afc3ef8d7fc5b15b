//! The numbers that are connected: those of the configuration file, and those that were added in the console, which come, change
//! and go while the desk runs. The set follows the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use super::Desk;
use crate::domain::time::now_ms;
use crate::domain::{AgentId, NumberId, ProviderKind, Sending};
use crate::provider::{FieldError, Fields, Form, Limits, Provider, Settings};
use crate::secrets::Secrets;
use crate::store::numbers::{AddedRow, shown_slug};

/// How often it is written down when a number last did something, in milliseconds.
const NOTE_MS: i64 = 60_000;

/// A connected number.
#[derive(Clone)]
pub struct Number {
    /// Its id.
    pub id: NumberId,
    /// Its name.
    pub slug: String,
    /// What it reaches WhatsApp through.
    pub provider: ProviderKind,
    /// The agent that answers on it.
    pub agent: AgentId,
    /// Whether WhatsApp lets it write freely only for 24 hours after the customer's last message.
    pub has_window: bool,
    /// How it sends.
    pub sending: Sending,
    /// How it is reached.
    pub line: Arc<dyn Provider>,
    /// Counts its changes; none for a number of the configuration file.
    pub revision: Option<i64>,
    /// When it last did something.
    pub seen: Arc<NumberActivity>,
}

/// When a number was last active, as far as this process knows; 0 where it does not.
#[derive(Debug, Default)]
pub struct NumberActivity {
    /// The last webhook, the last message of a customer, the last send.
    moments: [AtomicI64; 3],
    written: [AtomicI64; 3],
    tried: AtomicI64,
}

/// The numbers that are connected. They can be changed while turns run; a turn keeps the one it began with.
#[derive(Default)]
pub struct Numbers {
    set: RwLock<Set>,
    connector: Option<Connector>,
    /// One at a time follows the database: an older reading must not undo a later one.
    following: Mutex<()>,
}

/// What connects the numbers that are added in the console.
pub struct Connector {
    /// Calls providers.
    pub client: reqwest::Client,
    /// Keeps what the numbers are set up with.
    pub secrets: Secrets,
    /// What they may be.
    pub limits: Limits,
}

#[derive(Default)]
struct Set {
    connected: Vec<Arc<Number>>,
    /// By id: why a number that was added is not connected.
    aside: HashMap<String, String>,
}

impl Numbers {
    /// None yet.
    pub fn new(connector: Connector) -> Self {
        Self { connector: Some(connector), ..Self::default() }
    }

    /// Every number that is connected: those of the configuration file first.
    pub fn all(&self) -> Vec<Arc<Number>> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).connected.clone()
    }

    /// Puts a number of the configuration file there.
    pub fn put(&self, number: Number) {
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        set.connected.push(Arc::new(number));
    }

    /// Why a number that was added in the console is not connected.
    pub fn aside(&self, id: &str) -> Option<String> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).aside.get(id).cloned()
    }

    /// What numbers may be that are added in the console.
    pub fn limits(&self) -> Limits {
        self.connector.as_ref().map(|connector| connector.limits).unwrap_or_default()
    }

    /// Encrypts what a number is set up with; it is bound to the number.
    pub fn seal(&self, of: [&str; 2], fields: &Fields) -> Result<String, String> {
        let connector = self.connector()?;
        let plain = serde_json::to_vec(fields).map_err(|error| error.to_string())?;
        connector.secrets.seal(&plain, &of).map_err(|wrong| wrong.to_string())
    }

    /// Decrypts what a number is set up with.
    pub fn open(&self, of: [&str; 2], settings: &str) -> Result<Fields, String> {
        let plain = self.connector()?.secrets.open(settings, &of);
        let plain = plain.map_err(|wrong| wrong.to_string())?;
        serde_json::from_slice(&plain).map_err(|error| format!("its settings are damaged: {error}"))
    }

    /// A line to the provider, as it was written in the form; nothing is sent.
    pub fn line(&self, form: &Form, fields: &Fields) -> Result<Arc<dyn Provider>, FieldError> {
        let doubt = |message| FieldError { field: None, message };
        let settings = Settings::from_form(form, "", fields)?;
        settings.build(&self.connector().map_err(doubt)?.client).map_err(doubt)
    }

    fn connector(&self) -> Result<&Connector, String> {
        self.connector.as_ref().ok_or_else(|| "this process connects no numbers".to_owned())
    }

    /// Makes a number ready that was added; the error says why it cannot be, and what to do.
    fn connect(&self, row: &AddedRow, workspace: &str) -> Result<Number, String> {
        let provider = row.provider.known();
        let form = provider
            .map(Form::of)
            .ok_or_else(|| format!("this version knows no provider {}", row.provider))?;
        let fields = self.open([workspace, &row.id], &row.settings)?;
        form.judge_all(&fields, self.limits()).map_err(|doubt| doubt.message)?;
        let settings = Settings::from_form(form, "", &fields).map_err(|doubt| doubt.message)?;
        Ok(Number {
            id: NumberId::stored(row.id.clone()),
            slug: shown_slug(&row.slug, &row.id).to_owned(),
            provider: form.provider,
            agent: AgentId::stored(row.agent_id.clone()),
            has_window: settings.has_window(),
            sending: settings.sending()?,
            line: settings.build(&self.connector()?.client)?,
            revision: Some(row.revision),
            seen: Arc::default(),
        })
    }

    /// The set as the rows say; what did not change stays as it is.
    fn next(&self, rows: &[AddedRow], workspace: &str) -> Set {
        let now = self.all();
        let mut set = Set::default();
        set.connected.extend(now.iter().filter(|one| one.revision.is_none()).cloned());
        for row in rows {
            if let Some(why) = stands_aside(row, &set.connected) {
                set.aside.insert(row.id.clone(), why);
                continue;
            }
            let former = now.iter().find(|one| one.id.as_str() == row.id);
            if let Some(same) = former.filter(|one| one.revision == Some(row.revision)) {
                set.connected.push(same.clone());
                continue;
            }
            match self.connect(row, workspace) {
                Ok(mut number) => {
                    if let Some(former) = former {
                        number.seen = former.seen.clone();
                    }
                    set.connected.push(Arc::new(number));
                }
                Err(why) => drop(set.aside.insert(row.id.clone(), why)),
            }
        }
        set
    }

    /// Puts a set in the place of the former one, and says what changed.
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
        for (id, why) in &next.aside {
            if set.aside.get(id) != Some(why) {
                tracing::warn!(number = id, "a number is stopped: {why}");
            }
        }
        *set = next;
    }
}

/// Why a number that was added gives way to one of the configuration file.
fn stands_aside(row: &AddedRow, of_file: &[Arc<Number>]) -> Option<String> {
    let mut of_file = of_file.iter().filter(|one| one.revision.is_none());
    let slug = shown_slug(&row.slug, &row.id);
    let why = |one: &Arc<Number>| {
        let same =
            row.provider.known() == Some(one.provider) && one.line.external_id() == row.external_id;
        let name = &one.slug;
        if same {
            Some(format!(
                "[numbers.{name}] of the configuration file is the same WhatsApp number and goes first: remove one of the two"
            ))
        } else {
            (one.slug == slug).then(|| format!(
                "[numbers.{name}] of the configuration file has the same name and goes first: give it another name there, or remove this \
                 number and add it under another"
            ))
        }
    };
    of_file.find_map(why)
}

impl NumberActivity {
    /// A webhook came, with a customer's message in it or not.
    pub fn called(&self, message: bool) {
        let now = now_ms();
        self.moments[0].store(now, Ordering::Relaxed);
        if message {
            self.moments[1].store(now, Ordering::Relaxed);
        }
    }

    /// A message was sent.
    pub fn sent(&self) {
        self.moments[2].store(now_ms(), Ordering::Relaxed);
    }

    /// The last webhook, the last message of a customer, the last send; 0 where this process knows of none.
    pub fn moments(&self) -> [i64; 3] {
        [0, 1, 2].map(|at| self.moments[at].load(Ordering::Relaxed))
    }

    /// Whether a test message may go, which is so every few seconds; then it counts as gone.
    pub fn may_try(&self, pause_ms: i64) -> bool {
        let now = now_ms();
        let last = self.tried.load(Ordering::Relaxed);
        let free = now - last >= pause_ms;
        free && self.tried.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// What is to be written down: what happened for the first time, or some time after what was written last.
    fn due(&self) -> Option<[i64; 3]> {
        let moments = self.moments();
        let written = [0, 1, 2].map(|at| self.written[at].load(Ordering::Relaxed));
        let news = |at: &usize| {
            moments[*at] > written[*at] && (written[*at] == 0 || now_ms() - written[*at] >= NOTE_MS)
        };
        [0, 1, 2].iter().any(news).then_some(moments)
    }

    fn noted(&self, moments: [i64; 3]) {
        for (at, moment) in moments.into_iter().enumerate() {
            self.written[at].store(moment, Ordering::Relaxed);
        }
    }
}

impl Desk {
    /// The number with this id.
    pub fn number(&self, id: &str) -> Option<Arc<Number>> {
        let set = self.numbers.set.read().unwrap_or_else(PoisonError::into_inner);
        set.connected.iter().find(|number| number.id.as_str() == id).cloned()
    }

    /// The numbers of a provider.
    pub fn numbers_of(&self, provider: ProviderKind) -> Vec<Arc<Number>> {
        let mut all = self.numbers.all();
        all.retain(|number| number.provider == provider);
        all
    }

    /// Brings the numbers in step with the database: what was added, changed or removed in the console, here or in another process.
    pub async fn follow_numbers(&self) -> crate::store::Result<()> {
        let _turn = self.numbers.following.lock().await;
        let rows = self.store.added_numbers().await?;
        let next = self.numbers.next(&rows, self.store.workspace_id().as_str());
        self.numbers.replace(next);
        Ok(())
    }

    /// Writes down when the numbers last did something, seldom.
    pub async fn note_numbers(&self) -> crate::store::Result<()> {
        for number in self.numbers.all() {
            if let Some(moments) = number.seen.due() {
                self.store.note_seen(&number.id, moments).await?;
                number.seen.noted(moments);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_number_does_is_written_down_at_once_and_then_seldom() {
        let seen = NumberActivity::default();
        assert_eq!(seen.due(), None);
        seen.called(false);
        let first = seen.due().unwrap();
        assert!(first[0] > 0 && first[1] == 0 && first[2] == 0);
        seen.noted(first);
        seen.moments[0].store(first[0] + 1, Ordering::Relaxed);
        assert_eq!(seen.due(), None, "a minute has not gone by");
        seen.called(true);
        assert!(seen.due().is_some(), "the first message is told at once");
        assert!(seen.may_try(3000) && !seen.may_try(3000) && seen.may_try(0));
    }
}
