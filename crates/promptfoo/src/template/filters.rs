//! Nunjucks filters that minijinja lacks or implements differently.

use frontdesk_template::BoundedEnvironment;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Error, Value};

use super::values::{from_template, into_template, list, printed, wrong};

pub(super) fn add(engine: &mut BoundedEnvironment) {
    let mut add = |name: &'static str, filter: Value| engine.add_filter(name, filter);
    add("dump", Value::from_function(dump));
    add("tojson", Value::from_function(dump));
    add("load", Value::from_function(load));
    add("length", Value::from_function(|value: &Value| length(value)));
    add("pairs", Value::from_function(pairs));
    add("join", Value::from_function(join));
    add("truncate", Value::from_function(truncate));
    add("center", Value::from_function(center));
    let first = |value: &Value| value.get_item_by_index(0).unwrap_or_default();
    add("random", Value::from_function(first));
    add(
        "wordcount",
        Value::from_function(|value: &Value| printed(value).split_whitespace().count()),
    );
    let mut text = |name, make: fn(&str) -> String| {
        add(name, Value::from_function(move |value: &Value| make(&printed(value))));
    };
    text("string", str::to_owned);
    text("upper", str::to_uppercase);
    text("lower", str::to_lowercase);
    text("trim", |text| text.trim().to_owned());
    text("capitalize", |text| capitalized(&text.to_lowercase()));
    text("nl2br", |text| text.replace('\n', "<br />\n"));
    text("striptags", striptags);
    text("urlencode", urlencode);
}

fn load(text: &Value) -> Result<Value, Error> {
    let parsed = serde_json::from_str(&printed(text));
    parsed.map(|value| into_template(&value)).map_err(|error| wrong(format!("load: {error}")))
}

#[expect(clippy::needless_pass_by_value, reason = "filters are called so")]
fn dump(value: &Value, indent: Rest<Value>) -> Result<String, Error> {
    let value = from_template(value);
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

/// Length of a value: UTF-16 units of a string, items of a list; 0 when undefined.
pub(super) fn length(value: &Value) -> usize {
    match value.as_str() {
        Some(text) => text.encode_utf16().count(),
        None => value.len().unwrap_or(0),
    }
}

/// The iterable of `for key, value in …`: an object's entries, or a list as it is.
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
