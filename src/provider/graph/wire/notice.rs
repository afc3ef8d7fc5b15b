//! Events other than messages, statuses and echoes: kept raw, with an alert where an operator
//! should see them, and with what puts a number at risk or no longer does.

use serde_json::Value;

use super::super::super::json::{list, text, time, whole};
use super::super::templates;
use super::health;
use crate::domain::time::Millis;
use crate::domain::{
    Alert, AlertCode, Event, Fault, HealthChange, NumberQuality, Other, TemplateChange,
    WarningChange,
};

/// Maximum length of a text from Meta in an alert, in characters.
const MAX_PIECE_LEN: usize = 200;

/// What a change means to an operator.
#[derive(Default)]
struct Meaning {
    alert: Option<Alert>,
    warning: Option<WarningChange>,
    template: Option<TemplateChange>,
    health: Vec<HealthChange>,
}

/// Event for a whole change of a field without items.
pub(super) fn change(field: &str, value: &Value) -> Event {
    other(field, value, meaning(field, value))
}

/// Event for one item of a list that is only kept, such as a call.
pub(super) fn part(field: &str, item: &Value) -> Event {
    other(field, item, meaning(field, item))
}

/// Event for an item that could not be read.
pub(super) fn unreadable(kind: &str, raw: &Value, alert: Option<&str>) -> Event {
    let alert = alert.map(|text| Alert {
        code: AlertCode::MessageUnreadable,
        text: text.to_owned(),
        detail: String::new(),
    });
    other(kind, raw, Meaning { alert, ..Meaning::default() })
}

/// Event for an error that Meta reports about the number or the webhook.
pub(super) fn error(error: &Value) -> Event {
    let fault = fault(error);
    let details = fault.details.filter(|details| *details != fault.title).unwrap_or_default();
    let code = fault.code.to_string();
    let said =
        told(AlertCode::ProviderError, "Meta reports error", &[&code, &fault.title, &details]);
    other("errors", error, said)
}

/// Parses Meta's error. Older payloads have `details` at the top level.
pub(super) fn fault(error: &Value) -> Fault {
    let data = error.get("error_data").unwrap_or(&Value::Null);
    Fault {
        code: whole(error, "code").unwrap_or(0),
        title: text(error, "title").or_else(|| text(error, "message")).unwrap_or_default(),
        details: text(data, "details").or_else(|| text(error, "details")),
    }
}

fn other(kind: &str, payload: &Value, meaning: Meaning) -> Event {
    let (kind, payload) = (kind.to_owned(), payload.clone());
    let Meaning { alert, warning, template, health } = meaning;
    Event::Other(Box::new(Other {
        kind,
        payload,
        alert,
        warning,
        template,
        health,
        connection: None,
        at: 0,
    }))
}

fn meaning(field: &str, value: &Value) -> Meaning {
    let decision = || text(value, "decision").unwrap_or_default();
    match field {
        "account_update" => account(value),
        "account_alerts" => account_alert(value),
        "account_review_update" => match decision().as_str() {
            "APPROVED" => cleared("review"),
            other => {
                let what = "Meta reviewed the WhatsApp Business account";
                told(AlertCode::AccountNotApproved, what, &[other]).raised("review", None)
            }
        },
        "phone_number_quality_update" => {
            let limit = health::limit(value).map(HealthChange::limit);
            let told = quality(value);
            Meaning { health: told.health.into_iter().chain(limit).collect(), ..told }
        }
        "business_capability_update" => {
            let health = health::limit(value).map(HealthChange::limit).into_iter().collect();
            Meaning { health, ..Meaning::default() }
        }
        "phone_number_name_update" if decision() != "APPROVED" => {
            let what = "Meta did not approve the number's display name";
            told(AlertCode::NameNotApproved, what, &[&decision()])
        }
        "message_template_status_update" => {
            Meaning { template: changed_template(value), ..template(value) }
        }
        "message_template_quality_update" => {
            Meaning { template: changed_template(value), ..template_quality(value) }
        }
        "template_category_update" => {
            Meaning { template: changed_template(value), ..Meaning::default() }
        }
        "security" => {
            let event = text(value, "event").unwrap_or_default();
            told(AlertCode::SecurityChanged, "The number's security settings changed", &[&event])
        }
        "calls" => call(value),
        "history" => list(value, "errors").first().map(fault).map_or_else(Meaning::default, |it| {
            told(AlertCode::ImportFailed, "Old messages were not imported", &[&it.title])
        }),
        _ => Meaning::default(),
    }
}

/// Alerts only for what stops or threatens sending, not for partners, prices and terms.
fn account(value: &Value) -> Meaning {
    let at = |path| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let event = text(value, "event").unwrap_or_default();
    match event.as_str() {
        "ACCOUNT_DELETED" => {
            told(AlertCode::AccountDeleted, "The WhatsApp Business account was deleted", &[])
                .raised("connection", None)
        }
        "ACCOUNT_VIOLATION" => {
            let what = "The WhatsApp Business account broke a policy of Meta";
            told(AlertCode::AccountViolation, what, &[at("/violation_info/violation_type")])
        }
        "ACCOUNT_RESTRICTION" => restriction(value),
        "DISABLED_UPDATE" => ban(value),
        "ACCOUNT_OFFBOARDED" => {
            let what = "The WhatsApp Business account was disconnected";
            told(AlertCode::AccountDisconnected, what, &[]).raised("connection", None)
        }
        "PARTNER_REMOVED" => {
            let what = "The WhatsApp Business account was taken from this partner";
            told(AlertCode::AccountDisconnected, what, &[at("/disconnection_info/reason")])
                .raised("connection", None)
        }
        "PARTNER_APP_UNINSTALLED" => {
            let what = "The app was removed from the WhatsApp Business account";
            told(AlertCode::AccountDisconnected, what, &[]).raised("connection", None)
        }
        "ACCOUNT_RECONNECTED" => {
            let what = "The WhatsApp Business account was connected again";
            Meaning {
                warning: cleared("connection").warning,
                ..told(AlertCode::AccountReconnected, what, &[])
            }
        }
        "PARTNER_APP_INSTALLED" => cleared("connection"),
        _ => Meaning::default(),
    }
}

fn restriction(value: &Value) -> Meaning {
    let all = list(value, "restriction_info");
    let kinds: Vec<String> = all.iter().filter_map(|one| text(one, "restriction_type")).collect();
    let until = all.iter().map(|one| time(one, "expiration")).max().filter(|until| *until > 0);
    let what = "Meta restricted the WhatsApp Business account";
    // What names only unknown kinds says nothing of those that are known.
    let says = value.get("restriction_info").is_some()
        && (all.is_empty() || kinds.iter().any(|kind| health::is_known(kind)));
    let health = if says { vec![health::restriction(all)] } else { Vec::new() };
    if all.is_empty() && value.get("restriction_info").is_some() {
        return Meaning { health, ..cleared("restriction") };
    }
    let told = told(AlertCode::AccountRestricted, what, &[&kinds.join(", ")]);
    Meaning { health, ..told.raised("restriction", until) }
}

/// Meta names one state of a ban, or a list of them; the last one holds.
fn ban(value: &Value) -> Meaning {
    let info = value.get("ban_info").unwrap_or(&Value::Null);
    let states: Vec<&str> = list(info, "waba_ban_state").iter().filter_map(Value::as_str).collect();
    let date = text(info, "waba_ban_date").unwrap_or_default();
    let said = |code, what| told(code, what, &[&states.join(", "), &date]);
    match states.last() {
        Some(&"REINSTATE") => {
            let what = "Meta ended the ban of the WhatsApp Business account";
            let health = vec![HealthChange::ban(false)];
            let warning = cleared("ban").warning;
            Meaning { warning, health, ..said(AlertCode::AccountReinstated, what) }
        }
        Some(&"SCHEDULE_FOR_DISABLE") => {
            let what = "Meta will ban the WhatsApp Business account";
            said(AlertCode::AccountBanPlanned, what).raised("ban", None)
        }
        Some(&"DISABLE") => {
            let what = "Meta banned the WhatsApp Business account";
            let health = vec![HealthChange::ban(true)];
            Meaning { health, ..said(AlertCode::AccountBanned, what).raised("ban", None) }
        }
        _ => {
            let what = "Meta changed the ban of the WhatsApp Business account";
            said(AlertCode::AccountWarning, what)
        }
    }
}

fn account_alert(value: &Value) -> Meaning {
    let info = value.get("alert_info").unwrap_or(value);
    let severity = text(info, "alert_severity").unwrap_or_default();
    let what =
        text(info, "alert_description").or_else(|| text(info, "alert_type")).unwrap_or_default();
    if severity == "INFORMATIONAL" {
        return Meaning::default();
    }
    told(AlertCode::AccountWarning, "Meta's alert about the account", &[&severity, &what])
}

fn quality(value: &Value) -> Meaning {
    let event = text(value, "event").unwrap_or_default();
    let limit = text(value, "current_limit").unwrap_or_default();
    let quality = |quality| vec![HealthChange::quality(quality)];
    match event.as_str() {
        "FLAGGED" => {
            let told = told(AlertCode::QualityLow, "The number's quality fell", &[&event, &limit]);
            Meaning { health: quality(Some(NumberQuality::Low)), ..told.raised("quality", None) }
        }
        "UNFLAGGED" => {
            let told = told(AlertCode::QualityRecovered, "The number's quality is good again", &[]);
            Meaning { warning: cleared("quality").warning, health: quality(None), ..told }
        }
        "DOWNGRADE" => {
            told(AlertCode::LimitLowered, "The number's messaging limit was lowered", &[&limit])
                .raised("limit", None)
        }
        "UPGRADE" => {
            let what = "The number's messaging limit was raised";
            let told = told(AlertCode::LimitRaised, what, &[&limit]);
            Meaning { warning: cleared("limit").warning, ..told }
        }
        _ => Meaning::default(),
    }
}

fn template(value: &Value) -> Meaning {
    let event = text(value, "event").unwrap_or_default();
    let reason = text(value, "reason").filter(|reason| reason != "NONE").unwrap_or_default();
    let (name, topic) = (template_name(value), template_topic("template", value));
    let what = "A message template cannot be relied on any more";
    let bad = || told(AlertCode::TemplateUnusable, what, &[&name, &event, &reason]);
    match event.as_str() {
        "APPROVED" | "REINSTATED" | "UNPAUSED" => cleared(&topic),
        "" | "PENDING" | "IN_APPEAL" | "ARCHIVED" | "UNARCHIVED" => Meaning::default(),
        // A template that is gone puts nothing at risk for good.
        "DELETED" => Meaning { warning: cleared(&topic).warning, ..bad() },
        _ => bad().raised_for_template(&topic, name),
    }
}

fn template_quality(value: &Value) -> Meaning {
    let score = |key| text(value, key).unwrap_or_default();
    let (before, now) = (score("previous_quality_score"), score("new_quality_score"));
    let topic = template_topic("template quality", value);
    match now.as_str() {
        "YELLOW" | "RED" => {
            let what = "A message template's quality changed";
            let (name, scores) = (template_name(value), format!("{before} to {now}"));
            told(AlertCode::TemplateQualityLow, what, &[&name, &scores])
                .raised_for_template(&topic, name)
        }
        "GREEN" => cleared(&topic),
        _ => Meaning::default(),
    }
}

/// What an event says of its template, under whichever field it came.
fn changed_template(value: &Value) -> Option<TemplateChange> {
    let word = |key| text(value, key);
    let event = word("event");
    let category = word("new_category").or_else(|| word("message_template_category"));
    Some(TemplateChange {
        external_id: word("message_template_id"),
        name: word("message_template_name")?,
        language: word("message_template_language")?,
        state: event.as_deref().and_then(templates::state_of_event),
        quality: word("new_quality_score").as_deref().and_then(templates::quality),
        category: category.as_deref().map(templates::category),
        reason: value
            .get("rejection_info")
            .and_then(|info| text(info, "reason"))
            .or_else(|| value.get("other_info").and_then(|info| text(info, "description")))
            .or_else(|| word("reason").filter(|reason| reason != "NONE"))
            .map(|reason| plain(&reason)),
    })
}

fn template_name(value: &Value) -> String {
    text(value, "message_template_name").unwrap_or_default()
}

/// The warning's topic: one for each template and language.
fn template_topic(kind: &str, value: &Value) -> String {
    let language = text(value, "message_template_language").unwrap_or_default();
    plain(&format!("{kind} {} {language}", template_name(value)))
}

/// The bot takes no calls, so a person should call back.
fn call(call: &Value) -> Meaning {
    let event = text(call, "event").unwrap_or_default();
    let ours = text(call, "direction").as_deref() == Some("BUSINESS_INITIATED");
    if ours || !["connect", "CALL_CONNECT"].contains(&event.as_str()) {
        return Meaning::default();
    }
    let what = "A customer called on WhatsApp, and frontdesk takes no calls";
    told(AlertCode::CallMissed, what, &[])
}

/// An alert: what happened, then Meta's own words for it.
fn told(code: AlertCode, what: &str, words: &[&str]) -> Meaning {
    let words: Vec<String> =
        words.iter().map(|word| plain(word)).filter(|word| !word.is_empty()).collect();
    let detail = words.join(": ");
    let text = if detail.is_empty() { what.to_owned() } else { format!("{what}: {detail}") };
    let text = format!("{}.", text.trim_end_matches(['.', ' ']));
    Meaning { alert: Some(Alert { code, text, detail }), ..Meaning::default() }
}

fn cleared(topic: &str) -> Meaning {
    let warning = Some(WarningChange::Cleared { topic: topic.to_owned() });
    Meaning { warning, ..Meaning::default() }
}

impl Meaning {
    /// The alert's number is at risk.
    fn raised(self, topic: &str, until: Option<Millis>) -> Self {
        let (topic, template) = (topic.to_owned(), None);
        Self { warning: Some(WarningChange::Raised { topic, until, template }), ..self }
    }

    /// Numbers that fall back on this template are at risk.
    fn raised_for_template(self, topic: &str, name: String) -> Self {
        let (topic, until, template) = (topic.to_owned(), None, Some(name));
        Self { warning: Some(WarningChange::Raised { topic, until, template }), ..self }
    }
}

/// A text of Meta on one line.
fn plain(text: &str) -> String {
    let clipped = text.chars().take(MAX_PIECE_LEN);
    clipped.map(|c| if c.is_control() { ' ' } else { c }).collect()
}
