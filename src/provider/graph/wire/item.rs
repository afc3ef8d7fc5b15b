//! Reads the items of a change: messages, statuses, echoes, history chunks, and their participants.

use serde_json::Value;

use super::super::super::json::{id, is_id, list, text, time};
use super::super::codes;
use super::{Change, content, notice};
use crate::domain::{Delivery, Echo, Event, Fault, Inbound, Party, Pricing, Referral, Status};

/// Alerts: a message that cannot be read gets no answer, so a person should see it.
const UNREADABLE_MESSAGE: &str =
    "A customer's message could not be read; it is kept as it came and was not answered.";
const UNREADABLE_ECHO: &str = "A message that a colleague sent from \
    the phone could not be read; the bot may go on speaking in that conversation.";

impl Change<'_> {
    /// Reads an item of `messages`. Requires only `id`, `type` and a sender.
    pub(super) fn message(&self, message: &Value) -> Event {
        let imported = self.field == "history";
        if imported && self.is_ours(message) {
            return self.imported_echo(message, None);
        }
        self.inbound(message, imported).unwrap_or_else(|| {
            notice::unreadable("unreadable_message", message, Some(UNREADABLE_MESSAGE))
        })
    }

    fn inbound(&self, message: &Value, imported: bool) -> Option<Event> {
        let kind = text(message, "type")?;
        let from = self.party(text(message, "from"), text(message, "from_user_id"));
        if from.wa_id.is_none() && from.bsuid.is_none() {
            return None;
        }
        Some(Event::Message(Box::new(Inbound {
            provider_id: id(message, "id")?,
            from,
            sent_at: time(message, "timestamp"),
            content: content::read(&kind, message),
            reply_to: message.get("context").and_then(|context| text(context, "id")),
            referral: message.get("referral").filter(|one| one.is_object()).map(referral),
            group: text(message, "group_id"),
            imported,
            faults: faults(message),
        })))
    }

    /// Reads an item of `statuses`. Call states come in the same list.
    pub(super) fn status(&self, status: &Value) -> Event {
        if self.field == "calls" || text(status, "type").as_deref() == Some("call") {
            return notice::part("calls", status);
        }
        self.delivery(status)
            .unwrap_or_else(|| notice::unreadable("unreadable_status", status, None))
    }

    fn delivery(&self, status: &Value) -> Option<Event> {
        let delivery = match text(status, "status")?.as_str() {
            "sent" => Delivery::Sent,
            "delivered" => Delivery::Delivered,
            "read" | "played" => Delivery::Read,
            "failed" => Delivery::Failed,
            _ => return Some(notice::part("statuses", status)),
        };
        let faults = faults(status);
        Some(Event::Status(Box::new(Status {
            provider_id: id(status, "id")?,
            delivery,
            at: time(status, "timestamp"),
            reference: text(status, "biz_opaque_callback_data"),
            recipient: self.recipient(status),
            window_closed: faults.iter().any(|fault| codes::closes_window(fault.code)),
            file_refused: faults.iter().any(|fault| codes::refuses_file(fault.code)),
            faults,
            pricing: status.get("pricing").filter(|pricing| pricing.is_object()).map(pricing),
        })))
    }

    /// The recipient of a status. In a group, `recipient_id` is the group, so the participant
    /// counts.
    fn recipient(&self, status: &Value) -> Party {
        if text(status, "recipient_type").as_deref() == Some("group") {
            let bsuid = text(status, "recipient_participant_user_id");
            return self.party(text(status, "recipient_participant_id"), bsuid);
        }
        self.party(text(status, "recipient_id"), text(status, "recipient_user_id"))
    }

    /// Reads an item of `message_echoes`: a message that a person sent to a customer from the
    /// Business app.
    pub(super) fn echo(&self, echo: &Value) -> Event {
        let unreadable = || notice::unreadable("unreadable_echo", echo, Some(UNREADABLE_ECHO));
        self.written_by_us(echo, None).map_or_else(unreadable, |echo| Event::Echo(Box::new(echo)))
    }

    /// The business's own side of an import. `customer` is whom its thread names.
    fn imported_echo(&self, message: &Value, customer: Option<String>) -> Event {
        let echo = self.written_by_us(message, customer);
        let echo = echo.map(|echo| Echo { imported: true, ..echo });
        echo.map_or_else(|| notice::part("history", message), |echo| Event::Echo(Box::new(echo)))
    }

    fn written_by_us(&self, echo: &Value, customer: Option<String>) -> Option<Echo> {
        let kind = text(echo, "type")?;
        let to = self.party(text(echo, "to").or(customer), text(echo, "to_user_id"));
        if to.wa_id.is_none() && to.bsuid.is_none() {
            return None;
        }
        Some(Echo {
            provider_id: id(echo, "id")?,
            to,
            sent_at: time(echo, "timestamp"),
            content: content::read(&kind, echo),
            imported: false,
        })
    }

    /// Reads an item of `history`: threads of old messages, or an error. A thread's id is the
    /// customer's number.
    ///
    /// Messages of the business are imported echoes: other ones would hand every conversation from
    /// the bot to a person.
    pub(super) fn history(&self, chunk: &Value, events: &mut Vec<Event>) {
        let before = events.len();
        for thread in list(chunk, "threads") {
            let phone = |id: &String| id.bytes().all(|byte| byte.is_ascii_digit());
            let customer = text(thread, "id").map(bare).filter(phone);
            for message in list(thread, "messages") {
                let from = text(message, "from").map(bare);
                let other = from.is_some() && customer.is_some() && from != customer;
                let event = if self.is_ours(message) {
                    self.imported_echo(message, customer.clone())
                } else if other {
                    notice::part("history", message)
                } else {
                    self.inbound(message, true)
                        .unwrap_or_else(|| notice::unreadable("unreadable_message", message, None))
                };
                events.push(event);
            }
        }
        if events.len() == before {
            events.push(notice::part("history", chunk));
        }
    }

    /// Whether the business wrote an imported message.
    fn is_ours(&self, message: &Value) -> bool {
        let said = message.pointer("/history_context/from_me").and_then(Value::as_bool);
        let from =
            text(message, "from").map(|from| super::digits(&from)).filter(|from| !from.is_empty());
        said == Some(true) || text(message, "to").is_some() || (from.is_some() && from == self.ours)
    }

    /// A participant known by either id, completed from the change's `contacts`.
    ///
    /// Takes an id from a contact only if another id matches, or if the item names nobody and there
    /// is one contact: a wrong match would merge two customers.
    fn party(&self, wa_id: Option<String>, bsuid: Option<String>) -> Party {
        let mut party = Party {
            wa_id: wa_id.map(bare).filter(|id| is_id(id)),
            bsuid: bsuid.filter(|id| is_id(id)),
            ..Party::default()
        };
        let nobody = party.wa_id.is_none() && party.bsuid.is_none();
        let same = self.contacts.iter().find(|contact| is_same(contact, &party));
        let only = if let [only] = self.contacts { Some(only) } else { None };
        let Some(contact) = same.or(only) else { return party };
        if same.is_some() || nobody {
            party.wa_id = party.wa_id.or_else(|| id(contact, "wa_id").map(bare));
            party.bsuid = party.bsuid.or_else(|| id(contact, "user_id"));
        }
        if let Some(profile) = contact.get("profile") {
            party.name = text(profile, "name");
            party.username =
                text(profile, "username").map(|name| name.trim_start_matches('@').to_owned());
        }
        party
    }
}

fn is_same(contact: &Value, party: &Party) -> bool {
    let has = |key, id: &Option<String>| id.as_deref().is_some_and(|id| names(contact, key, id));
    has("wa_id", &party.wa_id) || has("user_id", &party.bsuid)
}

/// Whether the contact has the id under the key. Avoids copies: a batch may compare a thousand
/// people with a thousand.
fn names(contact: &Value, key: &str, id: &str) -> bool {
    match contact.get(key) {
        Some(Value::String(text)) => text.strip_prefix('+').unwrap_or(text) == id,
        Some(Value::Number(number)) => number.to_string() == id,
        _ => false,
    }
}

fn bare(wa_id: String) -> String {
    wa_id.strip_prefix('+').map(str::to_owned).unwrap_or(wa_id)
}

fn faults(item: &Value) -> Vec<Fault> {
    list(item, "errors").iter().map(notice::fault).collect()
}

fn pricing(pricing: &Value) -> Pricing {
    Pricing {
        billable: pricing.get("billable").and_then(Value::as_bool),
        category: text(pricing, "category"),
        model: text(pricing, "pricing_model"),
        kind: text(pricing, "type"),
    }
}

fn referral(referral: &Value) -> Referral {
    let media = ["image_url", "video_url", "thumbnail_url"];
    Referral {
        source_type: text(referral, "source_type"),
        source_id: text(referral, "source_id"),
        source_url: text(referral, "source_url"),
        headline: text(referral, "headline"),
        body: text(referral, "body"),
        welcome: referral.get("welcome_message").and_then(|welcome| text(welcome, "text")),
        media_type: text(referral, "media_type"),
        media_url: media.into_iter().find_map(|key| text(referral, key)),
        click_id: text(referral, "ctwa_clid"),
    }
}
