//! Finds links, mail addresses, phone numbers and account numbers in a text, however they are written, and gives each the form in
//! which two are compared.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use crate::domain::label::is_hidden;

/// Fewer digits are no phone or account number.
pub(super) const SHORTEST: usize = 7;
/// The longest text that is looked at, in bytes; replies are shorter.
const LONGEST: usize = 1024 * 1024;

/// What sort of detail it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    /// A link, or a host.
    Link,
    /// A mail address, or another address with `@`.
    Mail,
    /// A phone, card or account number, as digits.
    Number,
    /// An IBAN.
    Account,
    /// The address of a wallet, or another long key.
    Key,
}

impl Sort {
    /// What a trace calls it.
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
    /// What it is.
    pub(super) sort: Sort,
    /// How it is compared: a link as host, a blank, path and query.
    pub(super) key: String,
    /// Where it stands, in bytes.
    pub(super) range: Range<usize>,
}

impl Detail {
    /// Host and page of a link.
    pub(super) fn parts(&self) -> (String, String) {
        let (host, page) = self.key.split_once(' ').unwrap_or((&self.key, ""));
        (host.to_owned(), page.to_owned())
    }
}

/// A text without width, invisible characters and foreign digits, and where each byte of it came from.
struct Plain {
    text: String,
    from: Vec<usize>,
}

impl Plain {
    fn of(text: &str) -> Self {
        let mut plain = Self { text: String::with_capacity(text.len()), from: Vec::new() };
        for (at, c) in text.char_indices() {
            if at > LONGEST {
                break;
            }
            if is_hidden(c) || matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0F}') {
                continue;
            }
            if c.is_ascii() {
                plain.push(c, at);
            } else if let Some(digit) = digit(c) {
                plain.push(digit, at);
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
        // The end is where the next character begins, so that a character of several bytes stays whole.
        self.from[range.start]..self.from[range.end]
    }
}

/// Digits of the scripts that customers write in.
fn digit(c: char) -> Option<char> {
    let zeros = [0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xE50];
    let value =
        zeros.iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|n| *n < 10))?;
    char::from_digit(value, 10)
}

/// The details of a text, in their order.
pub(super) fn find(text: &str) -> Vec<Detail> {
    let may = |c: char| c.is_numeric() || matches!(c, '@' | '.' | '/' | '。' | '．' | '[' | '(');
    if !text.chars().any(may) {
        return Vec::new();
    }
    let plain = Plain::of(text);
    let mut found: Vec<(Range<usize>, Sort, String)> = Vec::new();
    let mut taken = vec![false; plain.text.len()];
    for (pattern, read) in PATTERNS.iter() {
        for one in pattern.find_iter(&plain.text) {
            let detail = read(&plain.text, one.range());
            if let Some(detail) = detail.filter(|(range, ..)| !taken[range.clone()].contains(&true))
            {
                taken[detail.0.clone()].fill(true);
                found.push(detail);
            }
        }
    }
    found.sort_by_key(|(range, ..)| range.start);
    let detail = |(range, sort, key)| Detail { sort, key, range: plain.range(range) };
    found.into_iter().map(detail).collect()
}

type Read = fn(&str, Range<usize>) -> Option<(Range<usize>, Sort, String)>;

/// A dot, also as it is written to be overlooked.
const DOT: &str =
    r"(?:\.|\s?[\[({]\s?(?i:\.|dot|punto|punkt|ponto|point)\s?[\])}]\s?|\s(?i:dot)\s)";
/// Ends of host names that are known without `https://` or `www.` before them.
const ENDS: &str = "com|org|net|info|biz|io|co|app|dev|shop|store|online|site|xyz|top|me|tv|ly|link|click|live|pay|bank|page|web|\
    website|space|club|pro|icu|vip|cloud|tech|world|today|life|support|help|center|finance|money|example|test|\
    eu|ru|cn|uk|de|fr|es|it|nl|be|ch|at|pl|pt|br|mx|ar|in|us|ca|au|nz|jp|kr|tr|ir|ua|cz|se|no|dk|fi|ie|gr|hu|ro|il|za|ng|ke|tk|ml|ga|\
    cf|gq|ws|cc|to|gl|gd|gg|sh|st|su|la|pw|id|vn|th|ph|my|sg|hk|tw|ae|sa|eg|ma|cl|pe|ec|uy|bo|py|ve|do|cr|gt|pa|ai";

static PATTERNS: LazyLock<Vec<(Regex, Read)>> = LazyLock::new(|| {
    let label = r"[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?";
    let mail = format!(
        r"[\p{{L}}\p{{N}}._%+-]+(?:@|\s?[\[({{]\s?(?i:at|@)\s?[\])}}]\s?){label}(?:{DOT}{label})*"
    );
    let scheme =
        r"(?i:\b[a-z][a-z0-9+.-]{1,15}\s?:\s?/\s?/\s?|\bwww\.)[^\s<>\x22')\]}`|]+".to_owned();
    let host = format!(
        r"(?:{label}{DOT})+(?:{ENDS}|{})\b(?::\d{{1,5}})?(?:[/?][^\s<>\x22')\]}}`|]*)?",
        ENDS.to_uppercase()
    );
    let address = r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d{1,5})?(?:/[^\s<>\x22')\]}`|]*)?".to_owned();
    let iban = r"(?i)\b[a-z]{2}\d{2}[ -]?(?:[a-z0-9][ -]?){10,30}".to_owned();
    let key =
        r"\b(?:0x)?[0-9A-Za-z]{26,}\b|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
            .to_owned();
    let number = r"\+?\s?\(?\d(?:[ \u{a0}().\-/–]{0,3}\d){6,}".to_owned();
    let all: [(String, Read); 7] = [
        (scheme, link),
        (mail, address_of),
        (iban, account),
        (key, key_of),
        (host, link),
        (address, link),
        (number, number_of),
    ];
    let fixed = |pattern: &str| {
        Regex::new(pattern).expect("the expressions of this file are fixed, and tested")
    };
    all.into_iter().map(|(pattern, read)| (fixed(&pattern), read)).collect()
});

static DOTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(DOT).expect("the expression is fixed, and tested"));

fn link(text: &str, range: Range<usize>) -> Option<(Range<usize>, Sort, String)> {
    let written = text[range.clone()]
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '~', '…', '"', '\'']);
    let range = range.start..range.start + written.len();
    let compact: String = DOTS.replace_all(written, ".").split_whitespace().collect();
    let (scheme, rest) = compact.split_once("://").unwrap_or(("", &compact));
    let web =
        ["", "http", "https", "hxxp", "hxxps", "ftp"].contains(&scheme.to_lowercase().as_str());
    let (host, page) = if web { web_parts(rest)? } else { (compact.to_lowercase(), String::new()) };
    Some((range, Sort::Link, format!("{host} {page}")))
}

/// Host and page, as browsers understand them: the host in ASCII, without `www.` and without whom to sign in as.
fn web_parts(rest: &str) -> Option<(String, String)> {
    let Ok(url) = url::Url::parse(&format!("http://{rest}")) else {
        // No browser opens it; what stands there is compared as it is.
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
fn address_of(text: &str, range: Range<usize>) -> Option<(Range<usize>, Sort, String)> {
    static AT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)\s?[\[({]\s?(?:at|@)\s?[\])}]\s?").ok());
    let written = DOTS.replace_all(&text[range.clone()], ".");
    let written =
        AT.as_ref().map_or(written.clone(), |at| at.replace_all(&written, "@").into_owned().into());
    let compact: String = written.split_whitespace().collect();
    Some((range, Sort::Mail, compact.to_lowercase()))
}

/// The lengths of IBANs, by country.
const IBANS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 \
    ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 \
    LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 \
    SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

fn account(text: &str, range: Range<usize>) -> Option<(Range<usize>, Sort, String)> {
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
        Sort::Account,
        key,
    ))
}

/// ISO 13616: the number, its first four signs moved to the end and letters as 10 to 35, leaves 1 when divided by 97.
fn is_iban(key: &str) -> bool {
    let (head, rest) = key.split_at(4);
    let digits = rest.chars().chain(head.chars()).filter_map(|c| c.to_digit(36));
    let left = digits.fold(0_u32, |left, value| {
        let places = if value > 9 { 100 } else { 10 };
        (left * places + value) % 97
    });
    left == 1
}

fn key_of(text: &str, range: Range<usize>) -> Option<(Range<usize>, Sort, String)> {
    let written = &text[range.clone()];
    let digits = written.chars().filter(char::is_ascii_digit).count();
    let letters = written.chars().filter(char::is_ascii_alphabetic).count();
    (digits >= 4 && letters >= 4).then(|| (range, Sort::Key, written.to_owned()))
}

fn number_of(text: &str, range: Range<usize>) -> Option<(Range<usize>, Sort, String)> {
    let written = text[range.clone()].trim();
    if is_within_word(text, &range) || is_quantity(text, &range) {
        return None;
    }
    let kept = written.replace("(0)", "");
    let mut key: String = kept.chars().filter(char::is_ascii_digit).collect();
    if let Some(rest) = key.strip_prefix("00") {
        key = rest.to_owned();
    }
    Some((range, Sort::Number, key))
}

/// Whether letters or `_` go on around the digits: a name such as `model-1234567x`, not a number of its own.
fn is_within_word(text: &str, range: &Range<usize>) -> bool {
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    before.is_some_and(|c| c == '_') || after.is_some_and(|c| c == '_')
}

/// Whether the digits are days, times, years, an amount of money or sizes.
fn is_quantity(text: &str, range: &Range<usize>) -> bool {
    static DATES: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let day = r"(?:(?:19|20)\d{2}[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:(?:19|20)\d{2}|\d{2}))";
        let time = r"\d{1,2}[.]\d{2}";
        let year = r"(?:19|20)\d{2}";
        Regex::new(&format!(r"^(?:{day}(?:[ \-–/]{{1,3}}(?:{day}|\d{{1,2}}))?|{time}[ \-–]{{1,3}}{time}(?:[ /\-–]{{1,3}}{time}[ \-–]{{1,3}}{time})?|{year}(?:[ \-–/]{{1,3}}{year})+)$")).ok()
    });
    static SIZES: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[1-9]\d?(?:[ /\-–.]{1,3}[1-9]\d?)+$").ok());
    static GROUPS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[1-9]\d{0,2}(?:[. \u{a0}]\d{3})+$").ok());
    let written = text[range.clone()].trim();
    let is = |pattern: &LazyLock<Option<Regex>>| {
        pattern.as_ref().is_some_and(|pattern| pattern.is_match(written))
    };
    if is(&DATES) || is(&SIZES) {
        return true;
    }
    let money = |c: char| "$€£¥₹₽₺₩₪฿₫₴₦₱%".contains(c);
    let before = text[..range.start].trim_end().chars().next_back();
    let after = text[range.end..].trim_start();
    let code = after.get(..3).is_some_and(|code| {
        code.chars().all(|c| c.is_ascii_uppercase())
            && !after[3..].starts_with(|c: char| c.is_alphanumeric())
    });
    let priced = before.is_some_and(money) || after.starts_with(money) || code;
    priced && (is(&GROUPS) || written.chars().all(|c| c.is_ascii_digit() || c == '.'))
}
