//! YAML and XML document writers, and XML escaping.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::document::Tree;

/// A writer of block-style YAML; scalars are written as JSON, which is valid YAML.
pub(super) struct Yaml<'w> {
    out: &'w mut dyn Write,
    depth: usize,
}

impl<'w> Yaml<'w> {
    pub(super) fn begin(out: &'w mut dyn Write) -> Self {
        Self { out, depth: 0 }
    }

    /// Writes what follows `name:` or `-`, with its line break.
    fn value(&mut self, value: &Value, depth: usize) -> io::Result<()> {
        match value {
            Value::Object(map) if !map.is_empty() => {
                writeln!(self.out)?;
                self.map(map, depth)
            }
            Value::Array(items) if !items.is_empty() => {
                writeln!(self.out)?;
                items.iter().try_for_each(|item| self.item(item, depth))
            }
            plain => writeln!(self.out, " {}", scalar(plain)),
        }
    }

    fn map(&mut self, map: &Map<String, Value>, depth: usize) -> io::Result<()> {
        for (name, value) in map {
            write!(self.out, "{:indent$}{}:", "", key(name), indent = depth * 2)?;
            self.value(value, depth + 1)?;
        }
        Ok(())
    }

    fn item(&mut self, value: &Value, depth: usize) -> io::Result<()> {
        write!(self.out, "{:indent$}-", "", indent = depth * 2)?;
        self.value(value, depth + 1)
    }
}

/// Quotes a key unless it is safe as plain YAML.
fn key(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&name.to_lowercase().as_str());
    if plain { name.to_owned() } else { scalar(&json!(name)) }
}

/// Writes a scalar as JSON and escapes what YAML does not allow unescaped.
fn scalar(value: &Value) -> String {
    let escaped = |c: char| match c {
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
            format!("\\u{:04x}", u32::from(c))
        }
        other => other.to_string(),
    };
    value.to_string().chars().map(escaped).collect()
}

impl Tree for Yaml<'_> {
    fn field(&mut self, name: &str, value: &Value) -> io::Result<()> {
        write!(self.out, "{:indent$}{}:", "", key(name), indent = self.depth * 2)?;
        self.value(value, self.depth + 1)
    }

    fn open(&mut self, name: &str) -> io::Result<()> {
        writeln!(self.out, "{:indent$}{}:", "", key(name), indent = self.depth * 2)?;
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.depth -= 1;
        Ok(())
    }

    fn list(
        &mut self,
        name: &str,
        items: &mut dyn Iterator<Item = io::Result<Value>>,
    ) -> io::Result<()> {
        write!(self.out, "{:indent$}{}:", "", key(name), indent = self.depth * 2)?;
        let mut items = items.peekable();
        if items.peek().is_none() {
            return writeln!(self.out, " []");
        }
        writeln!(self.out)?;
        items.try_for_each(|item| self.item(&item?, self.depth + 1))
    }
}

/// A writer of XML as promptfoo lays it out: one element a field, repeated for a list.
pub(super) struct Xml<'w> {
    out: &'w mut dyn Write,
    open: Vec<String>,
}

impl<'w> Xml<'w> {
    pub(super) fn begin(out: &'w mut dyn Write) -> io::Result<Self> {
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<promptfoo>")?;
        Ok(Self { out, open: Vec::new() })
    }

    pub(super) fn end(self) -> io::Result<()> {
        writeln!(self.out, "</promptfoo>")
    }

    fn element(&mut self, name: &str, value: &Value, depth: usize) -> io::Result<()> {
        let (tag, indent) = (element(name), depth * 2);
        match value {
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.element(name, item, depth))
            }
            Value::Object(map) if !map.is_empty() => {
                writeln!(self.out, "{:indent$}<{tag}>", "")?;
                map.iter().try_for_each(|(name, value)| self.element(name, value, depth + 1))?;
                writeln!(self.out, "{:indent$}</{tag}>", "")
            }
            plain => {
                let text = match plain {
                    Value::String(text) => escape(text),
                    Value::Null | Value::Object(_) => String::new(),
                    other => other.to_string(),
                };
                writeln!(self.out, "{:indent$}<{tag}>{text}</{tag}>", "")
            }
        }
    }
}

impl Tree for Xml<'_> {
    fn field(&mut self, name: &str, value: &Value) -> io::Result<()> {
        self.element(name, value, self.open.len() + 1)
    }

    fn open(&mut self, name: &str) -> io::Result<()> {
        writeln!(self.out, "{:indent$}<{name}>", "", indent = (self.open.len() + 1) * 2)?;
        self.open.push(name.to_owned());
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        let name = self.open.pop().unwrap_or_default();
        writeln!(self.out, "{:indent$}</{name}>", "", indent = (self.open.len() + 1) * 2)
    }

    fn list(
        &mut self,
        name: &str,
        items: &mut dyn Iterator<Item = io::Result<Value>>,
    ) -> io::Result<()> {
        let depth = self.open.len() + 1;
        for item in items {
            self.element(name, &item?, depth)?;
        }
        Ok(())
    }
}

/// Turns a name into a valid XML element name; other characters become `_`.
fn element(name: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() && c.is_ascii() || "_-.".contains(c);
    let mut tag: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if !tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        tag.insert(0, '_');
    }
    tag
}

/// Escapes text for XML and HTML, in elements and quoted attributes. Characters that XML cannot
/// hold are removed.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(c),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// Escapes text for an attribute, on one line.
pub(super) fn attribute(text: &str) -> String {
    escape(text).replace('\n', "&#10;").replace('\t', "&#9;")
}
