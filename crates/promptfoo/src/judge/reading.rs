//! Lenient parsing of grader output: JSON in prose or fences, truncated JSON, numbers and booleans
//! as strings.

use serde_json::{Deserializer, Map, Value};

/// Maximum length of the text that is searched for JSON, in bytes.
const MAX_LEN: usize = 100_000;
/// Maximum number of attempts to parse an object.
const MAX_TRIES: usize = 200;

pub(super) fn objects(text: &str) -> Vec<Map<String, Value>> {
    let mut end = text.len().min(MAX_LEN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let (mut found, mut at, mut tries) = (Vec::new(), 0, 0);
    while let Some(place) = text[at..].find('{').filter(|_| tries < MAX_TRIES) {
        tries += 1;
        let start = at + place;
        match object(&text[start..]) {
            Some((object, length)) => {
                found.push(object);
                at = start + length;
            }
            None => at = start + 1,
        }
    }
    found
}

/// The first object with one of these fields, else the first object.
pub(super) fn object_with(text: &str, names: &[&str]) -> Option<Map<String, Value>> {
    let mut all = objects(text);
    let place = all.iter().position(|object| names.iter().any(|name| object.contains_key(*name)));
    if all.is_empty() { None } else { Some(all.swap_remove(place.unwrap_or(0))) }
}

/// The object at the start of a text and its length in bytes: JSON, else YAML in balanced braces.
fn object(text: &str) -> Option<(Map<String, Value>, usize)> {
    let mut stream = Deserializer::from_str(text).into_iter::<Map<String, Value>>();
    if let Some(Ok(object)) = stream.next() {
        return Some((object, stream.byte_offset()));
    }
    let mut open = 0_usize;
    for (place, letter) in text.char_indices() {
        match letter {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((loose(&text[..=place])?, place + 1));
        }
    }
    let closed = format!("{text}{}", "}".repeat(open.min(50)));
    // Only open braces parse as an empty object, which is no answer.
    Some((loose(&closed).filter(|object| !object.is_empty())?, text.len()))
}

fn loose(text: &str) -> Option<Map<String, Value>> {
    serde_saphyr::from_str::<Map<String, Value>>(text).ok()
}

/// Reads a boolean, also from a word such as "yes" or "pass".
pub(super) fn yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => {
            matches!(text.to_lowercase().as_str(), "true" | "yes" | "pass" | "y")
        }
        _ => false,
    }
}

/// Reads a finite number, also from a string.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if !text.trim().is_empty() => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number| number.is_finite())
}

/// The non-empty lines of a text.
pub(super) fn lines(text: &str) -> Vec<&str> {
    text.split('\n').filter(|line| !line.trim().is_empty()).collect()
}

/// The sentences of a text: its lines when there are several, else split after `.`, `!` or `?`.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let rows = lines(text);
    let parts: Vec<&str> = if rows.len() > 1 { rows } else { split(text) };
    let is_number = |part: &str| {
        let digits = part.strip_suffix(['.', ')']).unwrap_or_default();
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    };
    let trimmed = parts.iter().map(|part| part.trim());
    trimmed.filter(|part| !part.is_empty() && !is_number(part)).map(str::to_owned).collect()
}

fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut before) = (Vec::new(), 0, ' ');
    for (place, letter) in text.char_indices() {
        if letter.is_whitespace() && matches!(before, '.' | '!' | '?') {
            parts.push(&text[start..place]);
            start = place;
        }
        before = letter;
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn first(text: &str) -> Value {
        objects(text).into_iter().next().map_or(Value::Null, Value::Object)
    }

    #[test]
    fn an_object_is_found_wherever_it_stands() {
        let right = json!({"pass": true});
        for text in [
            "{\"pass\":true}",
            "well: {\"pass\":true} so",
            "```json\n{\"pass\": true}\n```",
            "{pass: true}",
            "{\"pass\":true",
        ] {
            assert_eq!(first(text), right, "{text}");
        }
        assert_eq!(
            first("{\"reason\":\"a } b\",\"pass\":true}"),
            json!({"reason": "a } b", "pass": true})
        );
        assert_eq!(first("nothing here"), Value::Null);
        assert_eq!(first("{{{{"), Value::Null);
    }

    #[test]
    fn an_aside_in_braces_is_not_the_verdict() {
        let found = object_with("about {the order}: {\"pass\": false}", &["pass"]).unwrap();
        assert_eq!(found["pass"], json!(false));
    }

    #[test]
    fn endless_braces_take_no_time() {
        assert!(objects(&"{".repeat(1_000_000)).is_empty());
    }

    #[test]
    fn sentences_are_lines_or_end_with_a_mark() {
        assert_eq!(sentences("1. One. Two! Three"), ["One.", "Two!", "Three"]);
        assert_eq!(sentences("One. Two.\nThree."), ["One. Two.", "Three."]);
    }

    #[test]
    fn texts_are_read_as_what_they_mean() {
        assert!(yes(&json!("Yes")) && !yes(&json!("false")) && !yes(&json!(1)));
        assert_eq!(
            (number(&json!("0.5")), number(&json!("")), number(&json!("x"))),
            (Some(0.5), None, None)
        );
    }
}
