//! Links numbers to their phones, and knows how they stand to WhatsApp.

use std::time::Duration;

use super::{Desk, Number};
use crate::domain::label::{MAX_REASON_LEN, one_line};
use crate::domain::{ConnectionChange, ConnectionReason, ConnectionState, What};
use crate::provider::{self, Class, DeviceLink, Pairing};
use crate::store;
use crate::store::connection_changes::ConnectionCause;
use crate::store::number_connections::ConnectionRow;

/// Time limit of a provider's answer. A server makes and connects an instance in about five seconds.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long a closed link may be one that connects anew.
const CLOSED_PAUSE: Duration = Duration::from_secs(3);

/// Why a number's link cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Its provider links no phones.
    #[error("a number of this provider is not linked to a phone: there is nothing to connect here")]
    NoLink,
    /// The phone cannot be right.
    #[error(
        "`phone` is the number's own phone with its country code: 7 to 15 digits, such as +447700900123"
    )]
    Phone,
    /// The provider refused it, or did not answer.
    #[error("{0}")]
    Provider(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<provider::Error> for LinkError {
    fn from(error: provider::Error) -> Self {
        let provider::Error::Refused { fault, .. } = error else {
            return Self::Provider(format!(
                "the server could not be reached: {}",
                one_line(&error.to_string(), MAX_REASON_LEN)
            ));
        };
        // A server's words reach terminals.
        let said = format!("the server refused it: {}", one_line(&fault.title, MAX_REASON_LEN));
        Self::Provider(match fault.details {
            Some(details) => format!("{said}. {details}"),
            None => said,
        })
    }
}

/// How the pairing of a number goes.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingProgress {
    /// How the number stands to WhatsApp.
    pub state: ConnectionState,
    /// Why, if it is stopped or offline.
    pub reason: Option<ConnectionReason>,
    /// Content of the QR code that the phone scans now.
    pub qr: Option<String>,
    /// Code that is typed on the phone, in the place of the QR code.
    pub code: Option<String>,
}

impl From<ConnectionChange> for PairingProgress {
    fn from(ConnectionChange { state, reason }: ConnectionChange) -> Self {
        Self { state, reason, qr: None, code: None }
    }
}

impl From<Pairing> for PairingProgress {
    fn from(Pairing { is_done, qr, code }: Pairing) -> Self {
        let state = match (is_done, &qr) {
            (true, _) => ConnectionState::Ready,
            (false, Some(_)) => ConnectionState::Pairing,
            (false, None) => ConnectionState::Connecting,
        };
        Self { state, reason: None, qr, code }
    }
}

impl Desk {
    /// The URL for the webhooks of a number.
    pub fn webhook_url(&self, provider: &str, slug: &str) -> String {
        format!("{}/webhooks/{provider}/{slug}", self.base_url)
    }

    /// Sets a number up at its provider and begins to pair it with its phone. With the phone's number,
    /// the phone can take a code.
    pub async fn connect_number(
        &self,
        number: &Number,
        phone: Option<&str>,
    ) -> Result<PairingProgress, LinkError> {
        let link = link_of(number)?;
        let digits = phone.map(phone_digits).transpose()?;
        let url = self.webhook_url(number.provider.as_str(), &number.slug);
        within(link.set_up(&url)).await?;
        self.paired(number, within(link.pair(digits.as_deref())).await?).await
    }

    /// How the pairing of a number goes, with the newest code. Begins none.
    pub async fn pairing(&self, number: &Number) -> Result<PairingProgress, LinkError> {
        let link = link_of(number)?;
        let mut change = within(link.connection()).await?;
        if change.reason.is_some() {
            // A link is closed for a moment whenever it connects anew, also after a code was scanned.
            tokio::time::sleep(CLOSED_PAUSE).await;
            change = within(link.connection()).await?;
        }
        if change.state == ConnectionState::Connecting {
            return self.paired(number, within(link.pair(None)).await?).await;
        }
        self.report_connection(number, change, ConnectionCause::Found).await?;
        // A webhook may know better why it is closed.
        let known = self.store.number_connections().await?;
        let known = known.into_iter().find(|row| row.number_id == number.id.as_str());
        let reason = known.map_or(change.reason, |ConnectionRow { reason, .. }| reason);
        Ok(PairingProgress { reason, ..change.into() })
    }

    /// Starts the link of a number anew.
    pub async fn restart_link(&self, number: &Number) -> Result<(), LinkError> {
        within(link_of(number)?.restart()).await?;
        let change = ConnectionState::Connecting.into();
        self.report_connection(number, change, ConnectionCause::Wanted).await
    }

    /// Logs a number out of WhatsApp, and deletes what connecting it made at its provider if that is
    /// wanted.
    pub async fn log_out_number(&self, number: &Number, delete: bool) -> Result<(), LinkError> {
        let link = link_of(number)?;
        within(link.log_out()).await?;
        let change = ConnectionReason::LoggedOut.into();
        self.report_connection(number, change, ConnectionCause::Wanted).await?;
        if delete {
            within(link.delete()).await?;
            let change = ConnectionReason::InstanceRemoved.into();
            self.report_connection(number, change, ConnectionCause::Wanted).await?;
        }
        Ok(())
    }

    /// Asks a number's provider how it stands. A provider that does not say is the answer, too.
    pub async fn ask_connection(&self, number: &Number) -> Result<ConnectionChange, LinkError> {
        let answer = within(link_of(number)?.connection()).await;
        Ok(answer.unwrap_or_else(|error| lost(&error).into()))
    }

    async fn paired(
        &self,
        number: &Number,
        pairing: Pairing,
    ) -> Result<PairingProgress, LinkError> {
        let progress = PairingProgress::from(pairing);
        self.report_connection(number, progress.state.into(), ConnectionCause::Wanted).await?;
        Ok(progress)
    }

    /// Stores and announces how a number stands.
    pub async fn report_connection(
        &self,
        number: &Number,
        change: ConnectionChange,
        cause: ConnectionCause,
    ) -> Result<(), LinkError> {
        if !self.store.record_connection(&number.id, change, cause).await? {
            return Ok(());
        }
        match change.reason {
            None => {
                tracing::info!(number = number.slug, "the link to WhatsApp is {}", change.state);
            }
            Some(reason) => {
                let why = reason.text();
                tracing::warn!(
                    number = number.slug,
                    "the link to WhatsApp is {}: {why}",
                    change.state
                );
            }
        }
        self.announce(What::Numbers).await;
        self.notifier.wake_outbox();
        Ok(())
    }
}

pub(super) fn link_of(number: &Number) -> Result<&dyn DeviceLink, LinkError> {
    number.client.device_link().ok_or(LinkError::NoLink)
}

/// Digits of a phone as a person writes it.
fn phone_digits(written: &str) -> Result<String, LinkError> {
    let is_noise = |c: char| c.is_whitespace() || "+-.()/".contains(c);
    let digits: String = written.chars().filter(|c| !is_noise(*c)).collect();
    let is_phone = (7..=15).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit());
    if is_phone { Ok(digits) } else { Err(LinkError::Phone) }
}

/// What a provider that did not say how a number stands tells about it.
fn lost(error: &provider::Error) -> ConnectionReason {
    match error {
        provider::Error::Refused { class: Class::Token, .. } => ConnectionReason::KeyRefused,
        provider::Error::Refused { .. } => ConnectionReason::ServerFailed,
        provider::Error::NotSent(_) | provider::Error::Unknown(_) => ConnectionReason::Unreachable,
    }
}

async fn within<T>(
    answer: impl Future<Output = Result<T, provider::Error>>,
) -> Result<T, provider::Error> {
    let late = |_| provider::Error::Unknown("no answer in time".to_owned());
    tokio::time::timeout(TIMEOUT, answer).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_read_as_people_write_it() {
        for (written, digits) in [
            ("+44 7700 900123", Some("447700900123")),
            ("(55) 11-98765.4321", Some("5511987654321")),
            ("12345", None),
            ("+44 7700 abc", None),
            ("1234567890123456", None),
        ] {
            assert_eq!(phone_digits(written).ok().as_deref(), digits, "{written}");
        }
    }
}
