//! JIDs, by which WhatsApp Web names users, groups and broadcasts. Pure.
//!
//! A user has a phone JID (`15550100001@s.whatsapp.net`, formerly `@c.us`), a LID (`1111@lid`), or
//! both; `:12` behind either names one of their devices.

use serde_json::Value;

use super::super::json;
use crate::domain::Party;

/// Digits that a user part may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 5..=20;

/// What a JID names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Jid {
    /// A user, by the digits of the phone number.
    Phone(String),
    /// A user, by the digits of the LID.
    Lid(String),
    /// A group, by its whole JID.
    Group(String),
    /// Anything else, which nobody answers: a status, a broadcast list, a channel.
    Broadcast,
}

impl Jid {
    /// Parses a JID. Digits without a server are a phone.
    pub(super) fn of(text: &str) -> Self {
        let (user, server) = text.trim().split_once('@').unwrap_or((text.trim(), "s.whatsapp.net"));
        let user = user.split(':').next().unwrap_or_default();
        let is_user = LENGTHS.contains(&user.len()) && user.bytes().all(|c| c.is_ascii_digit());
        match server {
            "s.whatsapp.net" | "c.us" | "hosted" if is_user => Self::Phone(user.to_owned()),
            "lid" | "hosted.lid" if is_user => Self::Lid(user.to_owned()),
            "g.us" => Self::Group(text.trim().to_owned()),
            _ => Self::Broadcast,
        }
    }
}

/// The JID of a phone's user.
pub(super) fn of_phone(digits: &str) -> String {
    format!("{}@s.whatsapp.net", digits.trim_start_matches('+'))
}

/// The number to which a message for a customer is addressed: the phone, else the LID.
pub(super) fn number(to: &Party) -> Option<String> {
    let given = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
    let phone = given(&to.wa_id).map(|phone| phone.trim_start_matches('+').to_owned());
    phone.or_else(|| given(&to.lid).map(|lid| format!("{lid}@lid")))
}

/// The user whom these fields of a message's key name; `None` if none of them does.
pub(super) fn party(key: &Value, fields: &[&str]) -> Option<Party> {
    let mut party = Party::default();
    for jid in fields.iter().filter_map(|field| json::id(key, field)) {
        match Jid::of(&jid) {
            Jid::Phone(phone) => party.wa_id = party.wa_id.or(Some(phone)),
            Jid::Lid(lid) => party.lid = party.lid.or(Some(lid)),
            Jid::Group(_) | Jid::Broadcast => {}
        }
    }
    (party.wa_id.is_some() || party.lid.is_some()).then_some(party)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_names_the_same_user() {
        let phone = Jid::Phone("15550100001".into());
        for text in [
            "15550100001@s.whatsapp.net",
            "15550100001:12@s.whatsapp.net",
            " 15550100001@c.us ",
            "15550100001",
            "15550100001@hosted",
        ] {
            assert_eq!(Jid::of(text), phone, "{text}");
        }
        assert_eq!(Jid::of("111111111111101:3@lid"), Jid::Lid("111111111111101".into()));
        assert_eq!(Jid::of("1-2@g.us"), Jid::Group("1-2@g.us".into()));
        for text in ["status@broadcast", "1@newsletter", "0@s.whatsapp.net", "", "@lid", "a@lid"] {
            assert_eq!(Jid::of(text), Jid::Broadcast, "{text}");
        }
    }

    #[test]
    fn a_user_is_known_by_every_jid_and_addressed_by_the_phone() {
        let key = json!({"remoteJid": "111111111111101@lid", "remoteJidAlt": "+", "participant": "",
            "senderPn": "15550100001@s.whatsapp.net"});
        let of = |fields: &[&str]| party(&key, fields);
        let both = of(&["remoteJid", "remoteJidAlt", "senderPn", "missing"]).unwrap();
        assert_eq!(both.wa_id.as_deref(), Some("15550100001"));
        assert_eq!(both.lid.as_deref(), Some("111111111111101"));
        assert_eq!(number(&both).as_deref(), Some("15550100001"));
        let hidden = of(&["remoteJid"]).unwrap();
        assert_eq!(number(&hidden).as_deref(), Some("111111111111101@lid"));
        assert_eq!(of(&["participant", "remoteJidAlt"]), None);
        assert_eq!(number(&Party::default()), None);
    }
}
