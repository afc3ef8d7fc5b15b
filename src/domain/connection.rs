//! How a number that is linked to a phone, like WhatsApp on a computer, stands to WhatsApp.

use frontdesk_words::words;

use super::alert::{Alert, AlertCode, WarningChange};

words! {
    /// How a linked number stands to WhatsApp.
    pub enum ConnectionState {
        /// Its link is being established.
        Connecting = "connecting",
        /// A QR code or a pairing code waits for the phone.
        Pairing = "pairing",
        /// It is linked: messages come in and go out.
        Ready = "ready",
        /// Its server does not answer or lost the link, and comes back by itself.
        Offline = "offline",
        /// It is not linked, and somebody has to link it.
        Stopped = "stopped",
    }
}

words! {
    /// Why a linked number is offline or stopped.
    pub enum ConnectionReason {
        /// It was never paired with a phone.
        NotPaired = "not_paired",
        /// Nobody scanned the QR code in time.
        NotScanned = "not_scanned",
        /// It was logged out, such as on the phone.
        LoggedOut = "logged_out",
        /// WhatsApp blocked the number.
        Blocked = "blocked",
        /// The phone has to be paired anew, with several devices.
        PairAgain = "pair_again",
        /// Another client took the link over.
        Replaced = "replaced",
        /// The stored session is broken.
        SessionBroken = "session_broken",
        /// WhatsApp ended the session for another reason.
        Ended = "ended",
        /// The server has no such instance any more.
        InstanceRemoved = "instance_removed",
        /// The server refuses the key.
        KeyRefused = "key_refused",
        /// The server does not answer.
        Unreachable = "unreachable",
        /// The server answers with an error.
        ServerFailed = "server_failed",
        /// The server tries to reach WhatsApp, and does not.
        NotReached = "not_reached",
    }
}

impl ConnectionReason {
    /// What happened, as the end of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotPaired => "it was not paired with a phone yet",
            Self::NotScanned => "nobody scanned the QR code in time",
            Self::LoggedOut => "it was logged out, such as on the phone under Linked devices",
            Self::Blocked => "WhatsApp blocked it",
            Self::PairAgain => "the phone has to be paired again, with several devices allowed",
            Self::Replaced => "another client took the connection over",
            Self::SessionBroken => "its session is broken",
            Self::Ended => "WhatsApp ended the session",
            Self::InstanceRemoved => "its instance was removed on the server",
            Self::KeyRefused => "the server refuses the API key",
            Self::Unreachable => "its server does not answer",
            Self::ServerFailed => "its server answers with an error",
            Self::NotReached => "its server does not reach WhatsApp",
        }
    }

    /// What to do about it.
    pub fn todo(self) -> &'static str {
        match self {
            Self::NotPaired
            | Self::NotScanned
            | Self::LoggedOut
            | Self::PairAgain
            | Self::SessionBroken
            | Self::Ended
            | Self::InstanceRemoved => {
                "Connect it on its page, or with `frontdesk number connect NAME`, and scan the QR code with the number's phone."
            }
            Self::Blocked => {
                "Open WhatsApp on the phone: it says for how long, and takes a request for review. A number that WhatsApp blocked \
                 cannot be linked meanwhile."
            }
            Self::Replaced => {
                "See on the phone under Linked devices what else is linked as this server, end that, and connect the number again."
            }
            Self::KeyRefused => "Enter the key of the instance again, on the number's page.",
            Self::Unreachable => {
                "See that the server runs and can be reached from this machine. It delivers what customers wrote once it is back."
            }
            Self::ServerFailed => "Look into the server's log, and start it again if need be.",
            Self::NotReached => "See that the server reaches the internet, and restart the link.",
        }
    }

    /// Whether the link comes back by itself.
    fn is_passing(self) -> bool {
        matches!(self, Self::Unreachable | Self::ServerFailed | Self::NotReached)
    }

    /// Whether the server says no more than that the link is closed.
    fn is_of_closed_link(self) -> bool {
        !self.is_passing() && !matches!(self, Self::KeyRefused | Self::InstanceRemoved)
    }
}

/// What became of a number's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionChange {
    /// How it stands now.
    pub state: ConnectionState,
    /// Why, if it is offline or stopped.
    pub reason: Option<ConnectionReason>,
}

/// The warning that holds while a number is not linked.
const TOPIC: &str = "connection";

impl From<ConnectionState> for ConnectionChange {
    fn from(state: ConnectionState) -> Self {
        Self { state, reason: None }
    }
}

impl From<ConnectionReason> for ConnectionChange {
    fn from(reason: ConnectionReason) -> Self {
        let state =
            if reason.is_passing() { ConnectionState::Offline } else { ConnectionState::Stopped };
        Self { state, reason: Some(reason) }
    }
}

impl ConnectionChange {
    /// What holds from now on, if this is said after that; `None` if it is nothing new. A poll knows
    /// less than the webhook before it: one that only finds no link keeps why it was lost, and one
    /// that finds a link being established keeps that a code waits.
    pub fn after(self, before: Option<Self>) -> Option<Self> {
        use ConnectionReason::{InstanceRemoved, NotPaired};
        let is_missing = self.reason == Some(InstanceRemoved);
        let Some(before) = before else {
            // Nobody made one yet.
            return Some(if is_missing { NotPaired.into() } else { self });
        };
        if is_missing && before.reason == Some(NotPaired) {
            return None;
        }
        let mut next = self;
        if self.reason == Some(NotPaired) {
            if before.reason.is_some_and(ConnectionReason::is_of_closed_link) {
                return None;
            }
            if matches!(before.state, ConnectionState::Ready | ConnectionState::Offline) {
                next = ConnectionReason::Ended.into();
            }
        }
        // A server calls both connecting, and a code may wait for long.
        let is_connecting = next.state == ConnectionState::Connecting
            || next.reason == Some(ConnectionReason::NotReached);
        if before.state == ConnectionState::Pairing && is_connecting {
            return None;
        }
        (next != before).then_some(next)
    }

    /// Whether something is lost by it that was there before. A number that is being paired has
    /// nothing to lose.
    pub fn is_loss(self, before: Option<Self>) -> bool {
        let severity = |state| match state {
            ConnectionState::Ready | ConnectionState::Connecting => 0,
            ConnectionState::Offline => 1,
            ConnectionState::Stopped | ConnectionState::Pairing => 2,
        };
        severity(self.state) > before.map_or(0, |before| severity(before.state))
    }

    /// What an operator should know of it; `None` if nothing was lost.
    pub fn alert(self) -> Option<Alert> {
        let reason = self.reason.filter(|reason| *reason != ConnectionReason::NotPaired)?;
        let code = if reason.is_passing() {
            AlertCode::ServerUnreachable
        } else {
            AlertCode::NumberDisconnected
        };
        let detail = reason.text().to_owned();
        let text = format!("The number is not connected to WhatsApp any more: {detail}.");
        Some(Alert { code, text, detail })
    }

    /// What it changes of the number's warning.
    pub fn warning(self) -> Option<WarningChange> {
        let topic = TOPIC.to_owned();
        match self.state {
            ConnectionState::Ready => Some(WarningChange::Cleared { topic }),
            ConnectionState::Connecting | ConnectionState::Pairing => None,
            ConnectionState::Offline | ConnectionState::Stopped => {
                Some(WarningChange::Raised { topic, until: None, template: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(next: ConnectionChange, before: ConnectionChange) -> Option<ConnectionChange> {
        next.after(Some(before))
    }

    #[test]
    fn a_poll_knows_less_than_the_webhook_before_it() {
        use ConnectionReason::{Ended, InstanceRemoved, KeyRefused, LoggedOut, NotPaired};
        use ConnectionState::{Connecting, Pairing, Ready};
        assert_eq!(after(NotPaired.into(), LoggedOut.into()), None);
        assert_eq!(
            after(NotPaired.into(), KeyRefused.into()),
            Some(NotPaired.into()),
            "the key is right now"
        );
        assert_eq!(after(NotPaired.into(), InstanceRemoved.into()), Some(NotPaired.into()));
        assert_eq!(after(NotPaired.into(), Ready.into()), Some(Ended.into()));
        assert_eq!(after(Connecting.into(), Pairing.into()), None);
        assert_eq!(after(ConnectionReason::NotReached.into(), Pairing.into()), None);
        assert_eq!(after(Ready.into(), Pairing.into()), Some(Ready.into()));
        assert_eq!(after(Ready.into(), Ready.into()), None);
        assert_eq!(ConnectionChange::from(Ready).after(None), Some(Ready.into()));
        let missing = ConnectionChange::from(InstanceRemoved);
        assert_eq!(missing.after(None), Some(NotPaired.into()), "nobody made one yet");
        assert_eq!(after(missing, NotPaired.into()), None);
    }

    #[test]
    fn only_what_was_there_is_lost() {
        use ConnectionReason::{InstanceRemoved, LoggedOut, ServerFailed, Unreachable};
        let is_loss = |next: ConnectionReason, before: ConnectionChange| {
            ConnectionChange::from(next).is_loss(Some(before))
        };
        assert!(is_loss(Unreachable, ConnectionState::Ready.into()));
        assert!(!is_loss(ServerFailed, Unreachable.into()), "a server that starts again");
        assert!(is_loss(LoggedOut, Unreachable.into()));
        assert!(!is_loss(InstanceRemoved, LoggedOut.into()));
        assert!(ConnectionChange::from(LoggedOut).is_loss(None));
        assert!(!is_loss(LoggedOut, ConnectionState::Pairing.into()), "nobody scanned a code");
    }
}
