//! Part of the answers without a model: writes the chosen unit as a reply, with the context it
//! needs to be understood.

use std::rc::Rc;
use std::sync::LazyLock;

use regex::Regex;

use super::scoring::Question;
use super::units::{Kind, Unit};

/// Maximum length of a part of a reply, in characters. Only a single sentence can be longer.
const MAX_PART_LEN: usize = 450;

/// Maximum sentences or items chosen for a part.
const SENTENCES: usize = 4;

/// A sentence shorter than this needs a neighbour to make sense, in characters.
const VERY_SHORT: usize = 40;

/// Maximum length of a paragraph that is quoted whole because its heading matches the question, in
/// characters.
const MAX_WHOLE_PARAGRAPH_LEN: usize = 350;

/// Maximum length of a section that is quoted whole, in characters.
const MAX_WHOLE_SECTION_LEN: usize = 600;

/// Maximum length of a value beside its label, in characters; a longer one is a text.
const MAX_VALUE_LEN: usize = 60;

/// Length up to which a reply is extended with related text, in characters.
pub(super) const TARGET_REPLY_LEN: usize = 240;

/// A part of a reply, from one passage.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    text: String,
    mark: usize,
}

impl Part {
    /// Its length in characters.
    pub(super) fn length(&self) -> usize {
        length(&self.text)
    }

    /// Whether it says a sentence already.
    pub(super) fn says(&self, sentence: &str) -> bool {
        self.text.contains(sentence)
    }
}

/// Writes the part of a reply for the best unit. `room` limits the record fields nobody asked for,
/// in characters.
pub(super) fn part(units: &[Unit], best: usize, asked: &Question, room: usize) -> Option<Part> {
    let unit = units.get(best)?;
    let from = units.iter().position(|other| Rc::ptr_eq(&other.block, &unit.block))?;
    let count =
        units.iter().skip(from).take_while(|other| Rc::ptr_eq(&other.block, &unit.block)).count();
    let (block, after) = units.get(from..)?.split_at_checked(count)?;
    let text = match unit.block.kind {
        Kind::Record => record(block, asked, room),
        Kind::Prose
            if section_len(units, unit.block.mark) <= MAX_WHOLE_SECTION_LEN
                && !asked.picks_day(unit, of_section(units, unit.block.mark)) =>
        {
            whole_section(units, unit.block.mark)
        }
        Kind::List | Kind::Rows => group(block, best - from, asked),
        Kind::Prose => {
            let list = after
                .first()
                .filter(|next| next.block.mark == unit.block.mark && next.block.kind == Kind::List);
            let list = list
                .map(|first| after.iter().take_while(|next| Rc::ptr_eq(&next.block, &first.block)));
            prose(
                block,
                best - from,
                asked,
                &list.map(Iterator::collect::<Vec<_>>).unwrap_or_default(),
            )
        }
    };
    (!text.trim().is_empty()).then(|| Part { text, mark: unit.block.mark })
}

/// Joins the parts into the reply, each with its citation mark.
pub(super) fn join(mut parts: Vec<Part>) -> Option<String> {
    parts.dedup();
    let marked: Vec<String> =
        parts.iter().map(|part| format!("{} [{}]", part.text.trim_end(), part.mark)).collect();
    (!marked.is_empty()).then(|| marked.join("\n\n"))
}

fn of_section(units: &[Unit], mark: usize) -> impl Iterator<Item = &Unit> {
    units.iter().filter(move |unit| unit.block.mark == mark)
}

fn section_len(units: &[Unit], mark: usize) -> usize {
    of_section(units, mark).map(|unit| length(&unit.text) + 1).sum()
}

/// Writes a section as it stands: its paragraphs with their captions, lists with their introductions,
/// and rows. A caption of the whole section is left out: the question has just asked it.
fn whole_section(units: &[Unit], mark: usize) -> String {
    let units: Vec<&Unit> = of_section(units, mark).collect();
    let blocks: Vec<&[&Unit]> =
        units.chunk_by(|one, other| Rc::ptr_eq(&one.block, &other.block)).collect();
    let has_caption = |block: &&[&Unit]| block.iter().any(|unit| !unit.block.caption.is_empty());
    let parts = blocks.iter().skip(1).any(has_caption);
    let caption = |block: &[&Unit]| block.first().map(|unit| unit.block.caption.clone());
    let written = blocks.into_iter().flat_map(|block| {
        let caption = caption(block).filter(|caption| parts && !caption.is_empty());
        caption.into_iter().chain([text_of(block)])
    });
    written.collect::<Vec<_>>().join("\n")
}

fn text_of(block: &[&Unit]) -> String {
    let texts = block.iter().map(|unit| unit.text.as_str());
    let Some(first) = block.first().filter(|first| first.block.kind != Kind::Prose) else {
        return texts.collect::<Vec<_>>().join(" ");
    };
    let mut lines: Vec<String> = Vec::from_iter(Some(first.block.intro.clone()));
    lines.retain(|intro| !intro.is_empty());
    lines.extend(texts.map(|text| format!("- {text}")));
    lines.join("\n")
}

/// Returns the whole paragraph if it answers a known question; else the best sentence, with the one
/// it refers back to and related ones after it.
fn prose(block: &[Unit], best: usize, asked: &Question, list: &[&Unit]) -> String {
    let text = |i: usize| block.get(i).map_or("", |unit| unit.text.as_str());
    let whole = (0..block.len()).map(text).collect::<Vec<_>>().join(" ");
    let about =
        block.first().is_some_and(|first| first.block.answers || asked.share_above(first) >= 0.4)
            && !block.get(best).is_some_and(|unit| asked.picks_day(unit, block.iter()));
    if about && length(&whole) <= MAX_WHOLE_PARAGRAPH_LEN && !whole.ends_with(':') {
        return whole;
    }
    let mut first = best;
    while first > 0 && best - first < 2 && refers_back(text(first)) {
        first -= 1;
    }
    let high = block.get(best).map_or(0.0, |unit| asked.score(unit));
    let mut said = (first..=best).map(text).collect::<Vec<_>>().join(" ");
    let mut end = best;
    while let Some(next) = block.get(end + 1).filter(|_| end + 1 - first < SENTENCES) {
        let other_day =
            block.get(best).is_some_and(|unit| asked.picks_day(unit, std::iter::once(next)));
        let room = length(&said) + 1 + length(&next.text);
        let needed = length(&said) < VERY_SHORT && room <= MAX_PART_LEN;
        let related =
            refers_back(&next.text) || asked.score(next) >= 0.6 * high || asked.gives_fact(next);
        if other_day
            || !(needed
                || (related && room <= TARGET_REPLY_LEN)
                || (asked.score(next) >= 0.9 * high && room <= MAX_PART_LEN))
        {
            break;
        }
        said.push(' ');
        said.push_str(&next.text);
        end += 1;
    }
    if said.ends_with([':', '：']) && end + 1 == block.len() {
        push_lines(&mut said, list.iter().map(|unit| unit.text.as_str()));
    }
    said
}

/// Returns the matching items below their introduction, or all items when none stands out.
fn group(block: &[Unit], best: usize, asked: &Question) -> String {
    let Some(unit) = block.get(best) else { return String::new() };
    let high = asked.own_share(unit);
    let equal = |other: &&Unit| asked.own_share(other) >= 0.9 * high;
    let chosen: Vec<&Unit> = block.iter().filter(equal).collect();
    let small = unit.block.kind == Kind::List
        && block.iter().map(|unit| length(&unit.text)).sum::<usize>() <= TARGET_REPLY_LEN;
    let whole = high < 0.05 || chosen.len() * 3 > block.len() * 2 || (small && high < 0.5);
    let chosen: Vec<&Unit> =
        if whole { block.iter().collect() } else { chosen.into_iter().take(SENTENCES).collect() };
    let intro = unit.block.intro.trim();
    let heading = unit.block.heading.trim();
    let mut said = match (intro.is_empty(), chosen.len()) {
        (true, 1) if unit.block.kind == Kind::Rows || length(&unit.text) >= VERY_SHORT => {
            return unit.text.clone();
        }
        (false, _) => intro.to_owned(),
        (true, _) if heading.is_empty() => String::new(),
        (true, _) => format!("{}:", heading.trim_end_matches([':', '?', '.'])),
    };
    push_lines(&mut said, chosen.iter().map(|unit| unit.text.as_str()));
    said
}

/// Writes a row of a file as people write one: its name, and a line for each field that is asked
/// for, then for others while there is room. What is for the business alone, such as a number of
/// articles, only if the question asks for it.
fn record(block: &[Unit], asked: &Question, room: usize) -> String {
    let named = block.iter().find(|unit| NAME.is_match(&unit.text));
    let first = block.iter().find(|unit| !CODE.is_match(&unit.text));
    let Some(title) = named.or(first) else { return String::new() };
    let value = title.text.split_once(": ").map_or(title.text.as_str(), |(_, value)| value);
    let currency = block.iter().find_map(|unit| CURRENCY.captures(&unit.text)?.name("code"));
    let currency = currency.map(|code| code.as_str());
    let others = block.iter().filter(|unit| !std::ptr::eq(*unit, title));
    let is_shown = |unit: &&Unit| match unit.text.as_str() {
        text if CURRENCY.is_match(text) => false,
        text if CODE.is_match(text) => asked.names_label(unit),
        text if STOCK.is_match(text) => asked.names_label(unit) || asked.is_fact(text),
        _ => true,
    };
    let wanted = |unit: &&Unit| asked.own_share(unit) > 0.0 || asked.is_fact(&unit.text);
    let (mut chosen, rest): (Vec<&Unit>, Vec<&Unit>) = others.filter(is_shown).partition(wanted);
    let mut room = room.saturating_sub(chosen.iter().map(|unit| length(&unit.text) + 3).sum());
    for unit in rest {
        if length(&unit.text) + 3 <= room {
            room -= length(&unit.text) + 3;
            chosen.push(unit);
        }
    }
    let place = |unit: &&Unit| block.iter().position(|other| std::ptr::eq(other, *unit));
    chosen.sort_by_key(place);
    let lines: Vec<String> = chosen.iter().map(|unit| field(&unit.text, currency)).collect();
    if lines.is_empty() {
        return value.to_owned();
    }
    format!("{}:\n- {}", value.trim_end_matches([':', '.']), lines.join("\n- "))
}

/// Writes a field of a row: its label with a capital, a price with its currency, a text alone.
fn field(text: &str, currency: Option<&str>) -> String {
    let Some((label, value)) = text.split_once(": ") else { return text.to_owned() };
    if length(value) > MAX_VALUE_LEN || value.ends_with('.') {
        return value.to_owned();
    }
    let label = label.replace('_', " ");
    let mut letters = label.chars();
    let capital = letters.next().into_iter().flat_map(char::to_uppercase);
    let label: String = capital.chain(letters).collect();
    match currency.filter(|_| PRICE.is_match(text) && !value.contains(char::is_alphabetic)) {
        Some(currency) => format!("{label}: {value} {currency}"),
        None => format!("{label}: {value}"),
    }
}

fn push_lines<'a>(said: &mut String, lines: impl Iterator<Item = &'a str>) {
    for (i, line) in lines.enumerate() {
        if i > 0 && length(said) + length(line) > MAX_PART_LEN {
            break;
        }
        said.push_str(if said.is_empty() { "- " } else { "\n- " });
        said.push_str(line);
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn refers_back(sentence: &str) -> bool {
    BACK.is_match(sentence)
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions of this file are fixed, and tested")
}

/// Matches a sentence that refers back to the one before it.
static BACK: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r"^(?:It|Its|They|Their|This|These|That|Those|He|She|Both|Then|After that|Otherwise|However|Also|Es|Er|Diese[rs]?|Das|Danach|Sonst|Außerdem",
        r"|Él|Ella|Ellos|Ellas|Esto|Este|Esta|Eso|También|Además|Ele|Ela|Eles|Elas|Isso|Isto|Também|Il|Elle|Ils|Elles|Cela|Ceci|Ça|Ensuite|Sinon)\b"
    ))
});

/// Matches the field that names a record.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)^(?:name|title|product|item|article|job|service|nombre|t[ií]tulo|producto|art[ií]culo|servicio|nome|produto|servi[cç]o|produkt|artikel|bezeichnung|leistung|nom|produit|prestation)\s*: ",
    )
});

/// Matches a technical field, such as an id.
static CODE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?i)^(?:sku|id|ean|gtin|code|ref|url|uuid)\s*: "));

/// Matches a field of the business's own bookkeeping.
static STOCK: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)^(?:in[ _]stock|stock|qty|quantity|inventory|units|existencias|cantidad|inventario|estoque|quantidade|bestand|lagerbestand|menge|quantit[eé]|inventaire)\s*: ",
    )
});

/// Matches a price without its currency.
static PRICE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)^(?:\w+[ _])?(?:price|cost|precio|costo|coste|pre[cç]o|custo|preis|kosten|prix|co[uû]t)\s*: \d[\d.,' ]*$",
    )
});

/// Matches the field with the currency of a row.
static CURRENCY: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"(?i)^(?:currency|moneda|divisa|moeda|w[aä]hrung|devise|monnaie)\s*: (?<code>\S{1,5})$")
});
