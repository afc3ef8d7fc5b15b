//! A lenient XML tag scanner, an element tree, and a check for well-formed documents.

/// A text with the position of the scanner.
pub(super) struct Text<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Empty,
    /// A comment, a declaration or a processing instruction.
    Other,
}

/// A tag with its byte range in the text.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) from: usize,
    pub(super) to: usize,
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, ':' | '_' | '-' | '.')
}

/// Returns the next tag; a `<` that starts no tag is skipped.
pub(super) fn next_tag<'a>(text: &mut Text<'a>) -> Option<Tag<'a>> {
    loop {
        let from = text.at + text.text.get(text.at..)?.find('<')?;
        text.at = from + 1;
        if let Some(tag) = tag_at(text.text, from) {
            text.at = tag.to;
            return Some(tag);
        }
    }
}

fn tag_at(text: &str, from: usize) -> Option<Tag<'_>> {
    let rest = &text[from..];
    let other = |end: Option<usize>, length: usize| {
        let to = end.map_or(text.len(), |end| from + end + length);
        Some(Tag { kind: Kind::Other, name: "", from, to })
    };
    if rest.starts_with("<!--") {
        return other(rest.find("-->"), 3);
    }
    if rest.starts_with("<![CDATA[") {
        return other(rest.find("]]>"), 3);
    }
    if rest.starts_with("<?") {
        return other(rest.find("?>"), 2);
    }
    if rest.starts_with("<!") {
        return other(rest.find('>'), 1);
    }
    let close = rest.starts_with("</");
    let start = if close { 2 } else { 1 };
    let first = rest[start..].chars().next()?;
    if !(first.is_alphabetic() || matches!(first, ':' | '_')) {
        return None;
    }
    let length = rest[start..].find(|letter| !is_name(letter)).unwrap_or(rest.len() - start);
    let end = end_of(&rest[start + length..])? + start + length;
    let empty = rest[..end].trim_end().ends_with('/');
    let kind = if close {
        Kind::Close
    } else if empty {
        Kind::Empty
    } else {
        Kind::Open
    };
    Some(Tag { kind, name: &rest[start..start + length], from, to: from + end + 1 })
}

/// Offset of the tag's closing `>` outside quotes.
fn end_of(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, letter) in rest.char_indices() {
        match (quote, letter) {
            (Some(own), _) if own == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '<') => return None,
            (None, '>') => return Some(at),
            _ => {}
        }
    }
    None
}

/// An element, or the root that holds all of them.
#[derive(Debug, Default)]
pub(super) struct Element {
    name: String,
    attributes: Vec<String>,
    text: bool,
    children: Vec<Element>,
}

impl Element {
    /// Whether the path exists. Several elements with one name form a list, which a number indexes.
    pub(super) fn has(&self, path: &[&str]) -> bool {
        let Some((name, rest)) = path.split_first() else { return true };
        if let Some(attribute) = name.strip_prefix("@_") {
            return rest.is_empty() && self.attributes.iter().any(|own| own == attribute);
        }
        if *name == "#text" {
            return rest.is_empty() && self.text;
        }
        let found: Vec<&Self> = self.children.iter().filter(|child| child.name == *name).collect();
        match (&found[..], rest) {
            ([], _) => false,
            ([one], rest) => one.has(rest),
            (_, []) => true,
            (many, [place, rest @ ..]) => place
                .parse()
                .ok()
                .and_then(|at: usize| many.get(at))
                .is_some_and(|one| one.has(rest)),
        }
    }
}

/// Builds the element tree of a text. Tolerates malformed input.
pub(super) fn tree(text: &str) -> Element {
    let mut open = vec![Element::default()];
    let mut rest = Text::new(text);
    let mut end = 0;
    while let Some(tag) = next_tag(&mut rest) {
        let between = text.get(end..tag.from).unwrap_or_default();
        if let Some(last) = open.last_mut() {
            last.text |= !between.trim().is_empty();
        }
        end = tag.to;
        let element = || Element {
            name: tag.name.to_owned(),
            attributes: attributes(text.get(tag.from..tag.to).unwrap_or_default()),
            ..Element::default()
        };
        match tag.kind {
            // Limits the nesting; deeper elements are ignored.
            Kind::Open if open.len() < 500 => open.push(element()),
            Kind::Empty => add(&mut open, element()),
            Kind::Close if open.len() > 1 => close(&mut open),
            _ => {}
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().unwrap_or_default()
}

fn close(open: &mut Vec<Element>) {
    if let Some(element) = open.pop() {
        add(open, element);
    }
}

fn add(open: &mut [Element], element: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(element);
    }
}

fn attributes(tag: &str) -> Vec<String> {
    let names = tag.split('=').filter_map(|before| {
        let name: String = before.chars().rev().take_while(|letter| is_name(*letter)).collect();
        (!name.is_empty()).then(|| name.chars().rev().collect())
    });
    names.collect()
}

/// Checks that a text is one well-formed document. The error holds line, column and cause.
pub(super) fn well_formed(text: &str) -> Result<(), String> {
    let wrong = |at: usize, why: &str| {
        let before = text.get(..at.min(text.len())).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count();
        Err(format!("{line}:{column}: {why}."))
    };
    let mut open: Vec<&str> = Vec::new();
    let (mut at, mut root) = (0, false);
    loop {
        let next = text[at..].find('<').map(|next| at + next);
        let between = &text[at..next.unwrap_or(text.len())];
        if open.is_empty() && !between.trim().is_empty() {
            return wrong(
                next.map_or(text.len(), |next| next + 1),
                "text data outside of root node",
            );
        }
        if let Some(bad) = bad_entity(between) {
            return wrong(at + bad, "undefined entity or a lone `&`");
        }
        let Some(next) = next else { break };
        let Some(tag) = tag_at(text, next) else {
            return wrong(next + 1, "disallowed character in tag name");
        };
        let piece = text.get(tag.from..tag.to).unwrap_or_default();
        match tag.kind {
            Kind::Other if is_cut_off(piece) => return wrong(text.len(), "unclosed declaration"),
            Kind::Other if piece.starts_with("<!DOCTYPE") && piece.contains('[') => {
                return Err("DTD internal subsets are not supported by is-xml validation".into());
            }
            Kind::Other => {}
            Kind::Close => match open.pop() {
                Some(name) if name == tag.name => {}
                _ => return wrong(tag.to, "unexpected close tag"),
            },
            Kind::Open | Kind::Empty => {
                if open.is_empty() && root {
                    return wrong(tag.to, "documents may contain only one root");
                }
                if !attributes_are_right(piece, tag.name) {
                    return wrong(tag.to, "malformed attributes");
                }
                root = true;
                if tag.kind == Kind::Open {
                    open.push(tag.name);
                }
            }
        }
        at = tag.to;
    }
    match open.pop() {
        Some(name) => wrong(text.len(), &format!("unclosed tag: {name}")),
        None if !root => wrong(text.len(), "document must contain a root element"),
        None => Ok(()),
    }
}

fn is_cut_off(piece: &str) -> bool {
    let end = match piece {
        _ if piece.starts_with("<!--") => "-->",
        _ if piece.starts_with("<![CDATA[") => "]]>",
        _ if piece.starts_with("<?") => "?>",
        _ => ">",
    };
    !piece.ends_with(end)
}

fn bad_entity(text: &str) -> Option<usize> {
    text.match_indices('&').map(|(at, _)| at).find(|at| {
        let rest = &text[at + 1..];
        let Some(end) = rest.find(';') else { return true };
        let name = &rest[..end];
        let number = name.strip_prefix('#').is_some_and(|number| match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16).is_ok(),
            None => number.parse::<u32>().is_ok(),
        });
        !(number || matches!(name, "amp" | "lt" | "gt" | "apos" | "quot"))
    })
}

/// Whether all attributes have the form `name="value"` and no name repeats.
fn attributes_are_right(piece: &str, name: &str) -> bool {
    let inner = piece.get(1 + name.len()..piece.len() - 1).unwrap_or_default();
    let mut rest = inner.strip_suffix('/').unwrap_or(inner);
    let mut seen = Vec::new();
    while !rest.trim().is_empty() {
        if !rest.starts_with(char::is_whitespace) {
            return false;
        }
        let Some((name, value)) = rest.split_once('=') else { return false };
        let name = name.trim();
        let value = value.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let end = quote.and_then(|quote| value[1..].find(quote));
        let (Some(end), true) = (end, !name.is_empty() && name.chars().all(is_name)) else {
            return false;
        };
        if seen.contains(&name) {
            return false;
        }
        seen.push(name);
        rest = &value[end + 2..];
    }
    true
}
