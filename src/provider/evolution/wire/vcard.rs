//! Converts vCards (RFC 6350) to address cards with the names of Meta's format. Pure.

use serde_json::{Map, Value, json};

/// Maximum lines of a card that are read.
const MAX_LINES: usize = 200;

/// The name on a card, and the card; `shown` is what the chat calls it.
pub(super) fn card(shown: Option<&str>, vcard: &str) -> (Option<String>, Value) {
    let mut card = Map::new();
    let (mut name, mut parts) = (None, None);
    for (property, parameters, value) in properties(vcard) {
        match property.as_str() {
            "FN" => name = name.or(Some(plain(&value))),
            "N" => parts = parts.or(Some(value)),
            "TEL" => add(&mut card, "phones", phone(&parameters, &plain(&value))),
            "EMAIL" => add(&mut card, "emails", json!({"email": plain(&value)})),
            "URL" => add(&mut card, "urls", json!({"url": plain(&value)})),
            "ORG" => {
                let company = fields(&value).into_iter().next().unwrap_or_default();
                card.insert("org".to_owned(), json!({"company": company}));
            }
            "ADR" => add(&mut card, "addresses", address(&value)),
            _ => {}
        }
    }
    let shown = shown.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let parts = parts.map(|parts| fields(&parts)).unwrap_or_default();
    let part = |at: usize| parts.get(at).filter(|part| !part.is_empty()).cloned();
    let name = name.filter(|name| !name.is_empty()).or(shown).or_else(|| part(1));
    let names = json!({"formatted_name": name, "first_name": part(1), "last_name": part(0)});
    card.insert("name".to_owned(), present(names));
    (name, Value::Object(card))
}

/// The properties of a card: name without its group, parameters, value. Folded lines are joined.
fn properties(vcard: &str) -> impl Iterator<Item = (String, String, String)> {
    let unfolded = vcard.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    let lines: Vec<String> = unfolded.lines().take(MAX_LINES).map(str::to_owned).collect();
    lines.into_iter().filter_map(|line| {
        let (head, value) = line.split_once(':')?;
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        let name = name.rsplit('.').next().unwrap_or_default().trim().to_ascii_uppercase();
        Some((name, parameters.to_owned(), value.trim().to_owned()))
    })
}

/// A phone, with the WhatsApp id that the card gives for it.
fn phone(parameters: &str, number: &str) -> Value {
    let parameter = |wanted: &str| {
        parameters.split(';').find_map(|one| {
            let (name, value) = one.split_once('=')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim_matches('"').to_owned())
        })
    };
    let wa_id = parameter("waid").map(|id| id.split('@').next().unwrap_or_default().to_owned());
    present(json!({"phone": number, "wa_id": wa_id, "type": parameter("type")}))
}

fn address(value: &str) -> Value {
    let parts = fields(value);
    let part = |at: usize| parts.get(at).filter(|part| !part.is_empty());
    present(
        json!({"street": part(2), "city": part(3), "state": part(4), "zip": part(5), "country": part(6)}),
    )
}

fn add(card: &mut Map<String, Value>, list: &str, entry: Value) {
    let entries = card.entry(list.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
    if let Some(entries) = entries.as_array_mut() {
        entries.push(entry);
    }
}

/// The fields that have a value.
fn present(value: Value) -> Value {
    let Value::Object(mut fields) = value else { return value };
    fields.retain(|_, value| !value.is_null());
    Value::Object(fields)
}

/// The parts of a structured value; `\;` is no separator.
fn fields(value: &str) -> Vec<String> {
    let (mut parts, mut part, mut letters) = (Vec::new(), String::new(), value.chars());
    while let Some(letter) = letters.next() {
        match letter {
            ';' => parts.push(plain(&std::mem::take(&mut part))),
            '\\' => part.extend([Some('\\'), letters.next()].into_iter().flatten()),
            other => part.push(other),
        }
    }
    parts.push(plain(&part));
    parts
}

/// A value without its escapes.
fn plain(value: &str) -> String {
    let (mut text, mut letters) = (String::with_capacity(value.len()), value.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_read_as_phones_write_it() {
        let vcard = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Sil\\;va;Ana;;;\r\nFN:Ana Silva\r\nORG:Acme\\, Inc.;Lamps\r\n\
                     item1.TEL;type=CELL;waid=15550100009:+1 555 010\r\n  0009\r\nTEL:123\r\nEMAIL;type=HOME:a@b.example\r\n\
                     ADR;type=HOME:;;1 Quay St;Bath;;BA1;UK\r\nURL:https://a.example\r\nnonsense\r\nEND:VCARD";
        let (name, card) = card(Some("Ana"), vcard);
        assert_eq!(name.as_deref(), Some("Ana Silva"));
        assert_eq!(
            card,
            json!({
                "name": {"formatted_name": "Ana Silva", "first_name": "Ana", "last_name": "Sil;va"},
                "org": {"company": "Acme, Inc."},
                "phones": [{"phone": "+1 555 010 0009", "wa_id": "15550100009", "type": "CELL"}, {"phone": "123"}],
                "emails": [{"email": "a@b.example"}],
                "addresses": [{"street": "1 Quay St", "city": "Bath", "zip": "BA1", "country": "UK"}],
                "urls": [{"url": "https://a.example"}],
            })
        );
    }

    #[test]
    fn anything_else_is_a_card_with_the_name_that_the_chat_shows() {
        for odd in ["", ":", "\\", "FN:\\", "TEL", "é".repeat(9).as_str(), "N:;;;"] {
            let (name, card) = card(Some(" Bob "), odd);
            assert_eq!(name.as_deref(), Some("Bob"), "{odd}");
            assert_eq!(card["name"]["formatted_name"], "Bob", "{odd}");
        }
        assert_eq!(card(None, "N:;Ana;;;").0.as_deref(), Some("Ana"));
        assert_eq!(card(None, "x").0, None);
    }
}
