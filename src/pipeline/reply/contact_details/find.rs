//! Finds links, mail addresses, phone numbers and account numbers in a text, however they are
//! written, and normalizes them for comparison.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::digits::{DASHES, digits, fixed};
use super::precondition::{self, Precondition};
use super::quantity::is_quantity;
use crate::domain::label::is_hidden;

/// Maximum bytes of a text that are searched; replies are shorter.
const MAX_LEN: usize = 1024 * 1024;
/// Maximum characters between digits that belong to one number of a source.
const MAX_GAP: usize = 5;

/// Kind of a detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum DetailKind {
    /// A link, or a host.
    Link,
    /// A mail address, or another address with `@`.
    Mail,
    /// A phone, card or account number, as digits.
    Number,
    /// An IBAN.
    Account,
    /// A wallet address, or another long key.
    Key,
}

impl DetailKind {
    /// Name of the kind in traces.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Link => "a link",
            Self::Mail => "an address",
            Self::Number => "a phone or account number",
            Self::Account => "an account number",
            Self::Key => "a wallet address or key",
        }
    }
}

/// One detail of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detail {
    /// Its kind.
    pub(super) kind: DetailKind,
    /// Form for comparison: a link as host, space, path and query; a number as written.
    pub(super) key: String,
    /// Position in the text, in bytes.
    pub(super) range: Range<usize>,
}

impl Detail {
    /// Returns host and page of a link.
    pub(super) fn parts(&self) -> (String, String) {
        let (host, page) = self.key.split_once(' ').unwrap_or((&self.key, ""));
        (host.to_owned(), page.to_owned())
    }
}

/// A text with normalized widths and digits, and the source position of each byte.
struct Plain {
    text: String,
    from: Vec<usize>,
}

impl Plain {
    fn of(text: &str) -> Self {
        let mut plain = Self { text: String::with_capacity(text.len()), from: Vec::new() };
        for (at, c) in text.char_indices() {
            if at > MAX_LEN {
                break;
            }
            if is_hidden(c) || matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0F}') {
                continue;
            }
            if c.is_ascii() {
                plain.push(c, at);
            } else if let Some(digit) = digit(c) {
                plain.push(digit, at);
            } else if matches!(c, '\u{2010}' | '\u{2011}') {
                plain.push('-', at);
            } else if matches!(c, '，' | '！' | '？' | '；' | '：') {
                // These end a link; their ASCII forms do not.
                plain.push(c, at);
            } else {
                std::iter::once(c).nfkc().for_each(|c| plain.push(c, at));
            }
        }
        plain.from.push(text.len());
        plain
    }

    fn push(&mut self, c: char, at: usize) {
        self.text.push(c);
        self.from.resize(self.text.len(), at);
    }

    fn range(&self, range: Range<usize>) -> Range<usize> {
        // The end is the start of the next character, so that a multi-byte character stays whole.
        self.from[range.start]..self.from[range.end]
    }
}

/// Converts a digit of the scripts that customers write in.
fn digit(c: char) -> Option<char> {
    let zeros = [0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xE50];
    let value =
        zeros.iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|n| *n < 10))?;
    char::from_digit(value, 10)
}

/// Returns the details of a text, in order.
pub(super) fn find(text: &str) -> Vec<Detail> {
    let plain = Plain::of(text);
    let mut found: Vec<Candidate> = Vec::new();
    for Pattern { needs, regex, read } in PATTERNS.iter() {
        if !needs(&plain.text) {
            continue;
        }
        // Only between earlier matches: one detail must not hide another.
        let mut more = Vec::new();
        let mut at = 0;
        let end = plain.text.len()..plain.text.len();
        for taken in found.iter().map(|(range, ..)| range.clone()).chain([end]) {
            let free = &plain.text[..taken.start];
            while let Some(one) = regex.find_at(free, at) {
                let detail = read(&plain.text, one.range());
                at = detail.as_ref().map_or(one.end(), |(range, ..)| range.end);
                more.extend(detail);
            }
            at = taken.end;
        }
        found.extend(more);
        found.sort_by_key(|(range, ..)| range.start);
    }
    let detail = |(range, sort, key)| Detail { kind: sort, key, range: plain.range(range) };
    found.into_iter().map(detail).collect()
}

/// Returns the digits of a source, each run between two spaces: as written, and joined across short
/// gaps without letters. Includes amounts, dates and sizes: a reply may write them another way.
pub(super) fn runs(text: &str) -> String {
    let plain = Plain::of(text);
    let mut runs = String::from(" ");
    for one in NUMBER.find_iter(&plain.text) {
        let written = one.as_str().replace("(0)", "");
        for run in [written.as_str()].into_iter().chain(GAPS.split(&written)) {
            let digits = digits(run);
            runs.push_str(digits.strip_prefix("00").unwrap_or(&digits));
            runs.push(' ');
        }
    }
    let mut gap = 0;
    for c in plain.text.chars() {
        if c.is_ascii_digit() {
            if gap > MAX_GAP {
                runs.push(' ');
            }
            runs.push(c);
            gap = 0;
        } else if c.is_alphabetic() || c == '\n' {
            gap = usize::MAX;
        } else {
            gap = gap.saturating_add(1);
        }
    }
    runs.push(' ');
    runs
}

type Candidate = (Range<usize>, DetailKind, String);

/// Parses a pattern's match.
type MatchParser = fn(&str, Range<usize>) -> Option<Candidate>;

/// A kind of details.
struct Pattern {
    /// Cheaper than the pattern, and true for more texts.
    needs: Precondition,
    regex: Regex,
    read: MatchParser,
}

/// A dot, also in obfuscated spellings.
const DOT: &str = r"(?:\.|\s?[\[({]\s?(?i:\.|dot|punto|punkt|ponto|point)\s?[\])}]\s?)";
/// Scripts whose letters may touch an address without being part of a Latin host: Hebrew to
/// Burmese, Khmer, and those of China, Japan and Korea.
const APART: &str = r"\u{590}-\u{109F}\u{1100}-\u{11FF}\u{1780}-\u{17FF}\u{3005}-\u{A48F}\u{AC00}-\u{D7AF}\u{20000}-\u{3FFFF}";
/// Top-level domains that are recognized without `https://` or `www.`.
const ENDS: &str = "com|org|net|info|biz|io|co|app|dev|shop|store|online|site|xyz|top|me|tv|ly|link|click|live|pay|bank|page|web|\
    website|space|club|pro|icu|vip|cloud|tech|world|today|life|support|help|center|finance|money|example|test|\
    lol|fun|win|cash|email|digital|agency|\
    eu|ru|cn|uk|de|fr|es|it|nl|be|ch|at|pl|pt|br|mx|ar|in|us|ca|au|nz|jp|kr|tr|ir|ua|cz|se|no|dk|fi|ie|gr|hu|ro|il|za|ng|ke|tk|ml|ga|\
    cf|gq|ws|cc|to|gl|gd|gg|gy|sh|st|su|la|pw|id|vn|th|ph|my|sg|hk|tw|ae|sa|eg|ma|cl|pe|ec|uy|bo|py|ve|do|cr|gt|pa|ai";
/// Other two-letter top-level domains, recognized before a page; `nr` mostly means a number.
const COUNTRIES: &str = "ac|ad|af|ag|al|am|ao|aq|as|aw|ax|az|ba|bb|bd|bf|bg|bh|bi|bj|bm|bn|bs|bt|bw|by|bz|cd|cg|ci|ck|cm|cu|cv|cw|\
    cx|cy|dj|dm|dz|ee|er|et|fj|fk|fm|fo|ge|gf|gh|gi|gm|gn|gp|gs|gu|gw|hm|hn|hr|ht|im|iq|is|je|jm|jo|kg|kh|ki|km|kn|kp|kw|ky|kz|lb|lc|\
    li|lk|lr|ls|lt|lu|lv|mc|md|mg|mh|mk|mm|mn|mo|mp|mq|mr|ms|mt|mu|mv|mw|mz|na|nc|ne|nf|ni|np|nu|om|pf|pg|pk|pm|pn|pr|ps|qa|re|rs|rw|\
    sb|sc|sd|si|sk|sl|sm|sn|so|sr|ss|sv|sx|sy|sz|tc|td|tf|tg|tj|tl|tm|tn|tt|tz|ug|uz|va|vc|vg|vi|vu|wf|ye|yt|zm|zw";
/// File extensions, which are no top-level domains.
const FILES: [&str; 10] = ["pdf", "doc", "docx", "xlsx", "txt", "csv", "png", "jpg", "html", "php"];
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    fixed(&format!(r"\+?\s?\(?\d(?:(?:[ ().\-/{DASHES}]{{0,3}}|[,:·'’٬])\d){{6,}}"))
});
/// Separators between two numbers rather than within one.
static GAPS: LazyLock<Regex> = LazyLock::new(|| fixed(&format!(r"[ .\-/{DASHES}]{{2,3}}")));

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let sign = format!(r"[[\p{{L}}\p{{N}}]--[{APART}]]");
    let apart = format!(r"[[\p{{L}}\p{{M}}]&&[{APART}]]+");
    let label = format!(r"(?:{sign}(?:[{sign}\-]{{0,61}}{sign})?|{apart})");
    let dot = format!(r"(?:{DOT}|\s(?i:dot)\s)");
    let mail = format!(
        r"(?:[{sign}._%+\-]+|{apart})(?:@|\s?[\[({{]\s?(?i:at|@)\s?[\])}}]\s?){label}(?:{dot}{label})*"
    );
    // Characters of a page, and of a host without its dots.
    let page = format!(r"[[[!-~]--[<>\x22'()\]}}`|]]{sign}\u{{300}}-\u{{36F}}]");
    let name = format!(r"(?:[{page}--[/?#.]]+|{apart})");
    // `。` is a dot to a browser and the end of a sentence to people.
    let scheme = format!(
        r"(?-u:\b)(?i:[a-z][a-z0-9+.\-]{{1,15}}\s?:\s?/\s?/\s?|www\.)[/\\]*{name}(?:\.{name}|。[A-Za-z0-9\-]+\.{name})*(?:\.?[/?#]{page}*)?"
    );
    let slashed = format!(
        r"(?:{label}{DOT})+(?:[a-z]{{3,24}}|[A-Z]{{3,24}}|(?i:{ENDS}|{COUNTRIES}))(?::\d{{1,5}})?/{page}*"
    );
    let host = format!(
        r"(?:{label}{dot})+(?:{ENDS}|{}|Com)(?-u:\b)(?::\d{{1,5}})?(?:[/?]{page}*)?",
        ENDS.to_uppercase()
    );
    let address =
        format!(r"(?-u:\b)\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?-u:\b)(?::\d{{1,5}})?(?:/{page}*)?");
    let iban = r"(?-u:\b)(?i:[a-z]{2}\d{2}[ -]?(?:[a-z0-9][ -]?){10,30})".to_owned();
    let key = r"(?-u:\b)(?:(?:0x)?[0-9A-Za-z]{26,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?-u:\b)"
        .to_owned();
    let all: [(Precondition, String, MatchParser); 7] = [
        (precondition::holds_scheme, scheme, link),
        (precondition::holds_mail, mail, address_of),
        (precondition::holds_digit, iban, account),
        (precondition::holds_all, key, key_of),
        (precondition::holds_slash, slashed, slashed_link),
        (precondition::holds_dot, host, link),
        (precondition::holds_digit, address, numeric_link),
    ];
    let number =
        Pattern { needs: precondition::holds_digit, regex: NUMBER.clone(), read: number_of };
    let pattern =
        |(needs, regex, read): (_, String, _)| Pattern { needs, regex: fixed(&regex), read };
    all.into_iter().map(pattern).chain([number]).collect()
});

static DOTS: LazyLock<Regex> = LazyLock::new(|| fixed(&format!(r"{DOT}|\s(?i:dot)\s")));

fn link(text: &str, range: Range<usize>) -> Option<Candidate> {
    // If a letter follows, `foo.noël` ends a sentence and begins another.
    static LETTER: LazyLock<Regex> =
        LazyLock::new(|| fixed(&format!(r"^[[\p{{L}}\p{{N}}]--[\x00-\x7F{APART}]]")));
    if LETTER.is_match(&text[range.end..]) {
        return None;
    }
    let written = text[range.clone()]
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '~', '…', '"', '\'']);
    let range = range.start..range.start + written.len();
    let compact: String = DOTS.replace_all(written, ".").split_whitespace().collect();
    let (scheme, rest) = compact.split_once("://").unwrap_or(("", &compact));
    let web =
        ["", "http", "https", "hxxp", "hxxps", "ftp"].contains(&scheme.to_lowercase().as_str());
    let (host, page) = if web { web_parts(rest)? } else { (compact.to_lowercase(), String::new()) };
    Some((range, DetailKind::Link, format!("{host} {page}")))
}

/// Parses a host of any top-level domain with a page; no file, nor `z.B.rot/blau` or `1.UG/2.UG`.
fn slashed_link(text: &str, range: Range<usize>) -> Option<Candidate> {
    let host = text[range.clone()].split('/').next()?;
    let (labels, end) = host.rsplit_once('.').unwrap_or(("", host));
    let end = end.to_lowercase();
    let is_short = labels.split('.').all(|label| label.chars().count() == 1);
    // The shortest names of a country belong to link shorteners: `j.mp/x`.
    let is_word = end.len() > 2 || labels.starts_with(|c: char| c.is_ascii_digit());
    let is_known = ENDS.split('|').any(|known| known == end);
    if FILES.contains(&end.as_str()) || is_short && is_word && !is_known {
        return None;
    }
    link(text, range)
}

/// Parses a numeric host; one that ends in `.000` without a page is rather an amount.
fn numeric_link(text: &str, range: Range<usize>) -> Option<Candidate> {
    let written = &text[range.clone()];
    let is_amount = written.ends_with(".000") && !written.contains('/');
    if is_amount { None } else { link(text, range) }
}

/// Returns host and page as browsers read them: an ASCII host without `www.` and credentials.
fn web_parts(rest: &str) -> Option<(String, String)> {
    let Ok(url) = url::Url::parse(&format!("http://{rest}")) else {
        // No browser opens it; compare it as written.
        return Some((rest.to_lowercase(), String::new()));
    };
    let host = url.host_str()?.trim_end_matches('.').to_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host).to_owned();
    let host = url.port().map_or(host.clone(), |port| format!("{host}:{port}"));
    let path = url.path().trim_end_matches('/');
    let page = url.query().map_or(path.to_owned(), |query| format!("{path}?{query}"));
    Some((host, page))
}

#[expect(clippy::unnecessary_wraps, reason = "it stands in a list with others that find nothing")]
fn address_of(text: &str, range: Range<usize>) -> Option<Candidate> {
    static AT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)\s?[\[({]\s?(?:at|@)\s?[\])}]\s?").ok());
    let written = DOTS.replace_all(&text[range.clone()], ".");
    let written =
        AT.as_ref().map_or(written.clone(), |at| at.replace_all(&written, "@").into_owned().into());
    let compact: String = written.split_whitespace().collect();
    Some((range, DetailKind::Mail, compact.to_lowercase()))
}

/// IBAN lengths by country.
const IBANS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 \
    ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 \
    LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 \
    SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

fn account(text: &str, range: Range<usize>) -> Option<Candidate> {
    let written = &text[range.clone()];
    let country = written.get(..2)?.to_uppercase();
    let known = IBANS.split(' ').find_map(|one| one.strip_prefix(country.as_str()))?;
    let length: usize = known.parse().ok()?;
    let mut key = String::new();
    let mut end = 0;
    for (at, c) in written.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()) {
        key.push(c.to_ascii_uppercase());
        end = at + 1;
        if key.len() == length {
            break;
        }
    }
    (key.len() == length && is_iban(&key)).then_some((
        range.start..range.start + end,
        DetailKind::Account,
        key,
    ))
}

/// ISO 13616: with the first four characters at the end and letters as 10 to 35, modulo 97 is 1.
fn is_iban(key: &str) -> bool {
    let (head, rest) = key.split_at(4);
    let digits = rest.chars().chain(head.chars()).filter_map(|c| c.to_digit(36));
    let left = digits.fold(0_u32, |left, value| {
        let places = if value > 9 { 100 } else { 10 };
        (left * places + value) % 97
    });
    left == 1
}

fn key_of(text: &str, range: Range<usize>) -> Option<Candidate> {
    let written = &text[range.clone()];
    let digits = written.chars().filter(char::is_ascii_digit).count();
    let letters = written.chars().filter(char::is_ascii_alphabetic).count();
    (digits >= 4 && letters >= 4).then(|| (range, DetailKind::Key, written.to_owned()))
}

fn number_of(text: &str, range: Range<usize>) -> Option<Candidate> {
    let written = text[range.clone()].trim();
    if is_within_word(text, &range) || is_quantity(text, &range) {
        return None;
    }
    Some((range, DetailKind::Number, written.replace("(0)", "")))
}

/// Whether letters or `_` touch the digits: an identifier such as `AB1234567x`. `Tel` before a
/// number does not count, nor do letters of a script without spaces.
fn is_within_word(text: &str, range: &Range<usize>) -> bool {
    let written = &text[range.clone()];
    let first = range.start + written.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    let before = text[..first].chars().next_back();
    let letters = text[range.end..].chars().take(3).take_while(char::is_ascii_alphabetic).count();
    let is_name = before.is_some_and(|c| c.is_ascii_uppercase()) || matches!(letters, 1 | 2);
    let is_short = digits(written).len() <= 9 && digits(written) == written.trim();
    before == Some('_') || text[range.end..].starts_with('_') || is_name && is_short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: [&str; 34] = [
        "a",
        "x",
        "Shop",
        "com",
        "COM",
        ".",
        " ",
        "dot",
        " DoT ",
        "[",
        "(.",
        "( p",
        "punto",
        "]",
        ")",
        "@",
        "[at",
        "{@",
        "/",
        "//",
        ":",
        "http",
        "www.",
        "WWW.",
        "8",
        "12 34",
        "555",
        "-",
        "GB82",
        "0x",
        "٣",
        "é",
        "店",
        "deadbeefdeadbeefdeadbeefdead",
    ];

    #[test]
    fn a_detail_needs_no_ascii_sign() {
        for text in ["visit shop dot com", "info{at}shop{dot}com", "info＠shop", "visit shop․com"]
        {
            assert_eq!(find(text).len(), 1, "{text}");
        }
        assert_eq!(find("we sell lamps"), []);
    }

    proptest! {
        #[test]
        fn whatever_a_pattern_finds_meets_its_precondition(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..14),
        ) {
            let text = pieces.concat();
            for Pattern { needs, regex, .. } in PATTERNS.iter() {
                prop_assert!(needs(&text) || !regex.is_match(&text), "{text:?} {regex}");
            }
        }
    }
}
