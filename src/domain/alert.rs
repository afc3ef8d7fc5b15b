//! What a provider reports about a number or an account beside messages: what an operator should
//! know and do, and whether the number is at risk because of it.

use frontdesk_words::words;

use super::time::Millis;

/// What an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What happened.
    pub code: AlertCode,
    /// What happened, in one sentence.
    pub text: String,
    /// The provider's own words for it, such as a template's name; empty if there are none.
    pub detail: String,
}

words! {
    /// What a provider reports that an operator should know.
    pub enum AlertCode {
        /// The account may do less for a while.
        AccountRestricted = "account_restricted",
        /// The account is banned: nothing is sent.
        AccountBanned = "account_banned",
        /// The account will be banned.
        AccountBanPlanned = "account_ban_planned",
        /// The ban is over.
        AccountReinstated = "account_reinstated",
        /// The account broke a policy.
        AccountViolation = "account_violation",
        /// The account was deleted.
        AccountDeleted = "account_deleted",
        /// The account, or the app in it, was disconnected.
        AccountDisconnected = "account_disconnected",
        /// The account was connected again.
        AccountReconnected = "account_reconnected",
        /// The number is not connected to WhatsApp any more, and has to be paired again.
        NumberDisconnected = "number_disconnected",
        /// The server that links the number to WhatsApp does not answer.
        ServerUnreachable = "server_unreachable",
        /// The provider did not approve the account.
        AccountNotApproved = "account_not_approved",
        /// Any other warning about the account.
        AccountWarning = "account_warning",
        /// Customers block or report the number.
        QualityLow = "quality_low",
        /// Customers take the number well again.
        QualityRecovered = "quality_recovered",
        /// The number may write first to fewer customers.
        LimitLowered = "limit_lowered",
        /// The number may write first to more customers.
        LimitRaised = "limit_raised",
        /// The display name was not approved.
        NameNotApproved = "name_not_approved",
        /// A message template is paused, disabled, rejected or gone.
        TemplateUnusable = "template_unusable",
        /// Customers block or report a message template.
        TemplateQualityLow = "template_quality_low",
        /// The number's security settings changed.
        SecurityChanged = "security_changed",
        /// A customer called.
        CallMissed = "call_missed",
        /// Old messages were not imported.
        ImportFailed = "import_failed",
        /// A message could not be read.
        MessageUnreadable = "message_unreadable",
        /// A webhook is for a number that is not connected.
        UnknownNumber = "unknown_number",
        /// A support contact was not notified of a case.
        NoticeLost = "notice_lost",
        /// The provider reports an error.
        ProviderError = "provider_error",
    }
}

impl AlertCode {
    /// What to do about it.
    pub fn todo(self) -> &'static str {
        match self {
            Self::AccountRestricted => {
                "Read in WhatsApp Manager > Account quality what is restricted and until when, and ask for a review there. Answers to \
                 customers who write usually still go out."
            }
            Self::AccountBanned | Self::AccountBanPlanned => {
                "Ask for a review in WhatsApp Manager > Account quality. Until the ban ends, tell customers another way to reach you."
            }
            Self::AccountReinstated | Self::AccountReconnected => {
                "Nothing: send a test message to see that it works again."
            }
            Self::AccountViolation => {
                "Read the policy that is named in WhatsApp Manager > Account quality, and stop what breaks it: the next step is a restriction."
            }
            Self::AccountDeleted => {
                "Connect the number again with another account, or remove it here."
            }
            Self::AccountDisconnected => {
                "Connect the app to the account again in Business settings, and subscribe it: the number's guide shows how."
            }
            Self::NumberDisconnected => "Connect it on its page, with the number's phone.",
            Self::ServerUnreachable => "See that the server runs and can be reached from here.",
            Self::AccountNotApproved => {
                "Read the reason in WhatsApp Manager, correct it and ask for another review."
            }
            Self::AccountWarning => "Read it in WhatsApp Manager > Account quality.",
            Self::QualityLow => {
                "Customers block or report the number. Write less without being asked, and see in the inbox what they complain about."
            }
            Self::QualityRecovered | Self::LimitRaised => "Nothing.",
            Self::LimitLowered => {
                "Answers are not limited. Write first to fewer customers, and only to those who want it: the limit rises again with good quality."
            }
            Self::NameNotApproved => "Choose another display name in WhatsApp Manager.",
            Self::TemplateUnusable => {
                "Correct the template in WhatsApp Manager > Message templates. If it is a number's fallback template, choose another one."
            }
            Self::TemplateQualityLow => {
                "Customers block or report it: if this goes on, it is paused. Change its text, or send it to fewer people."
            }
            Self::SecurityChanged => {
                "If this was nobody of yours, change the PIN of two-step verification in WhatsApp Manager."
            }
            Self::CallMissed => "Call back, or write to the customer.",
            Self::ImportFailed => {
                "Nothing, if old messages are not needed here; else share the history again in the WhatsApp Business app."
            }
            Self::MessageUnreadable => {
                "Read the message on the phone or in the webhook (`frontdesk webhook show`), and answer it."
            }
            Self::UnknownNumber => "Add the number here, or take its webhook away at the provider.",
            Self::NoticeLost => {
                "Answer the case under Hand-offs. Set a fallback template for the number, or let the support contact write to it once a day."
            }
            Self::ProviderError => "Look the code up in the provider's documentation.",
        }
    }
}

/// A change of what puts a number at risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarningChange {
    /// The number is at risk, as the alert says.
    Raised {
        /// What the warning is about. A later one about the same replaces it.
        topic: String,
        /// When it ends by itself; `None` if it does not.
        until: Option<Millis>,
        /// The message template that it is about, if any: only a number whose fallback template
        /// this is needs it.
        template: Option<String>,
    },
    /// What was about this is over.
    Cleared {
        /// What the warning was about.
        topic: String,
    },
}

impl WarningChange {
    /// What an alert about a messaging limit changes.
    pub fn of_limit(alert: &Alert) -> Self {
        let topic = "limit".to_owned();
        if alert.code == AlertCode::LimitLowered {
            return Self::Raised { topic, until: None, template: None };
        }
        Self::Cleared { topic }
    }

    /// Whether it is for a number with this fallback template.
    pub fn is_for(&self, fallback: Option<&str>) -> bool {
        match self {
            Self::Raised { template: Some(name), .. } => fallback == Some(name),
            Self::Raised { template: None, .. } | Self::Cleared { .. } => true,
        }
    }
}

/// The provider's account that an event names, and the phone number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// The provider's id of the account (Meta: WhatsApp Business Account).
    pub id: Option<String>,
    /// Digits of the business's phone number.
    pub phone: Option<String>,
}
