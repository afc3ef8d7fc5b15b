//! Filters that Nunjucks has and minijinja has not, or has otherwise.

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use super::values::{back, into_template, list, printed, wrong};

/// Adds them.
pub(super) fn add(engine: &mut Environment<'static>) {
    engine.add_filter("dump", dump);
    engine.add_filter("tojson", dump);
    engine.add_filter("load", |text: &Value| {
        let parsed = serde_json::from_str(&printed(text));
        parsed.map(|value| into_template(&value)).map_err(|error| wrong(format!("load: {error}")))
    });
    engine.add_filter("length", |value: &Value| length(value));
    engine.add_filter("pairs", pairs);
    engine.add_filter("join", join);
    engine.add_filter("string", |value: &Value| printed(value));
    engine.add_filter("upper", |value: &Value| printed(value).to_uppercase());
    engine.add_filter("lower", |value: &Value| printed(value).to_lowercase());
    engine.add_filter("trim", |value: &Value| printed(value).trim().to_owned());
    engine.add_filter("capitalize", |value: &Value| capitalized(&printed(value).to_lowercase()));
    engine.add_filter("nl2br", |value: &Value| printed(value).replace('\n', "<br />\n"));
    engine.add_filter("wordcount", |value: &Value| printed(value).split_whitespace().count());
    engine.add_filter("striptags", |value: &Value| striptags(&printed(value)));
    engine.add_filter("truncate", truncate);
    engine.add_filter("center", center);
    engine.add_filter("urlencode", |value: &Value| urlencode(&printed(value)));
    engine.add_filter("random", |value: &Value| value.get_item_by_index(0).unwrap_or_default());
}

#[expect(clippy::needless_pass_by_value, reason = "filters are called so")]
fn dump(value: &Value, indent: Rest<Value>) -> Result<String, Error> {
    let value = back(value);
    let wide = indent.first().and_then(Value::as_usize).unwrap_or(0);
    if wide == 0 {
        return serde_json::to_string(&value).map_err(|error| wrong(error.to_string()));
    }
    let spaces = vec![b' '; wide.min(10)];
    let format = serde_json::ser::PrettyFormatter::with_indent(&spaces);
    let mut written = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut written, format);
    serde::Serialize::serialize(&value, &mut writer).map_err(|error| wrong(error.to_string()))?;
    Ok(String::from_utf8_lossy(&written).into_owned())
}

/// How long a value is: UTF-16 units of a text, items of a list; nothing of what is not there.
pub(super) fn length(value: &Value) -> usize {
    match value.as_str() {
        Some(text) => text.encode_utf16().count(),
        None => value.len().unwrap_or(0),
    }
}

/// What `for key, value in …` goes through: an object's entries, or a list as it is.
fn pairs(value: &Value) -> Value {
    if value.kind() != ValueKind::Map {
        return value.clone();
    }
    let entry = |key: Value| list(vec![key.clone(), value.get_item(&key).unwrap_or_default()]);
    value.try_iter().map_or_else(|_| list(Vec::new()), |keys| list(keys.map(entry).collect()))
}

#[expect(clippy::needless_pass_by_value, reason = "filters are called so")]
fn join(value: &Value, rest: Rest<Value>) -> String {
    let between = rest.first().map(printed).unwrap_or_default();
    let field = rest.get(1).map(printed);
    let text = |item: Value| match &field {
        Some(field) => printed(&item.get_attr(field).unwrap_or_default()),
        None => printed(&item),
    };
    match value.try_iter() {
        Ok(items) if value.as_str().is_none() => items.map(text).collect::<Vec<_>>().join(&between),
        _ => printed(value),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

fn striptags(text: &str) -> String {
    let mut within = false;
    let mut kept = String::new();
    for letter in text.chars() {
        match letter {
            '<' => within = true,
            '>' if within => within = false,
            _ if !within => kept.push(letter),
            _ => {}
        }
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[expect(clippy::needless_pass_by_value, reason = "filters are called so")]
fn truncate(value: &Value, rest: Rest<Value>) -> String {
    let text = printed(value);
    let most = rest.first().and_then(Value::as_usize).unwrap_or(255);
    if text.chars().count() <= most {
        return text;
    }
    let cut: String = text.chars().take(most).collect();
    let whole = rest.get(1).is_some_and(Value::is_true);
    let end = if whole { cut.len() } else { cut.rfind(' ').unwrap_or(cut.len()) };
    format!("{}{}", &cut[..end], rest.get(2).map_or_else(|| "...".into(), printed))
}

#[expect(clippy::needless_pass_by_value, reason = "filters are called so")]
fn center(value: &Value, rest: Rest<Value>) -> String {
    let wide = rest.first().and_then(Value::as_usize).unwrap_or(80).min(10_000);
    format!("{:^wide$}", printed(value))
}

fn urlencode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
