//! Numbers that are no phone or account numbers: dates, times, years, amounts of money, sizes.
//! Reads only the digits and the text directly beside them.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::digits::{DASHES, SHORTEST, digits, fixed};

/// Dates, times and years, and lists of them.
static DATES: LazyLock<Regex> = LazyLock::new(|| {
    let part = r"(?:0?[1-9]|[12]\d|3[01])";
    // Also years of the Iranian and Thai calendars.
    let year = r"(?:1[34]|19|2[05])\d{2}";
    let sign = r"(?:[\-./ ]|\. )";
    let hour = r"(?:[01]?\d|2[0-4])";
    // 24.12. 10-13
    let short = format!(r"{part}\.(?:0?[1-9]|1[0-2])\.(?: {hour}[\-{DASHES}]{hour})?");
    let day = format!(
        r"(?:{year}{sign}{part}{sign}{part}|{part}{sign}{part}{sign}{year}|{part}[\-./]{part}[\-./]\d{{2}}|{short})"
    );
    // 24.-26.12.2026, and 24.12.-26.12.
    let days = format!(r"(?:{part}\.?(?:[./] ?{part}\.?)? ?[\-/{DASHES}] ?)?{day}");
    let between = format!(r"{part}[./]{part}\.? ?[\-{DASHES}] ?{part}[./]{part}");
    let time = format!(r"{hour}[.:][0-5]\d(?::[0-5]\d)?");
    let one = format!(r"(?:{days}|{between}|{time}|{year}(?:[\-/]\d{{2}})?)");
    fixed(&format!(
        r"^(?:\d{{1,2}}[.)] )?{one}(?:[ \-/,·{DASHES}]{{1,3}}{one})*(?:[ \-/{DASHES}]{{1,3}}\d{{1,2}})?$"
    ))
});

/// Whether the parts beside known numbers are dates and times, or have, without times, too few
/// digits for a number.
pub(super) fn is_harmless(parts: &[&str]) -> bool {
    let others = parts.iter().filter(|part| !is_time(part));
    let open: usize = others.map(|part| digits(part).len()).sum();
    open < SHORTEST || DATES.is_match(&parts.join(" "))
}

/// Whether it is a time such as 9:00-17:00.
fn is_time(written: &str) -> bool {
    written.contains(':') && DATES.is_match(written)
}

/// Whether the digits are dates, times, years, an amount of money or sizes.
pub(super) fn is_quantity(text: &str, range: &Range<usize>) -> bool {
    let written = text[range.clone()].trim_matches(['(', ' ', '\n']);
    DATES.is_match(written)
        || is_amount(written)
        || rises(written)
        || PRICE.is_match(written) && is_priced(text, range)
}

/// Pattern of grouped digits. More than nine digits, as in phone numbers, must be whole thousands.
fn grouped(signs: &str) -> String {
    let short = format!(
        r"(?:[{signs}]\d{{3}}|(?:[{signs}]\d{{2}}){{1,2}})?[{signs}]\d{{3}}(?:[.,]\d{{1,2}})?"
    );
    let long = format!(r"(?:(?:[{signs}]\d{{3}}){{2,3}}|(?:[{signs}]\d{{2}}){{3,4}})[{signs}]000");
    format!(r"[1-9]\d{{0,2}}(?:{short}|{long})")
}

/// Amounts that need a currency beside them.
static PRICE: LazyLock<Regex> = LazyLock::new(|| {
    let one =
        format!(r"(?:{}|[1-9]\d{{0,6}}00(?:000)?|[1-9]\d{{0,8}}[.,]\d{{1,2}})", grouped(".,'’٬ "));
    fixed(&format!(r"^{one}(?: ?[\-/{DASHES}] ?{one})?$"))
});

/// Whether it has a thousands comma, or goes from a lower round amount to a higher.
fn is_amount(written: &str) -> bool {
    static ONE: LazyLock<Regex> = LazyLock::new(|| {
        let grouped = grouped(",'’٬");
        fixed(&format!(r"^(?:{grouped}|[1-9]\d{{0,2}}(?:\.\d{{3}}){{1,2}},\d{{1,2}})$"))
    });
    static TWO: LazyLock<Regex> = LazyLock::new(|| {
        let one = r"[1-9]\d{0,2}(?:[.,'’٬]\d{3})?[.,'’٬]\d?(?:00|25|50|75)";
        fixed(&format!(r"^({one}) ?[\-/{DASHES}] ?({one})$"))
    });
    let size = |part: &str| (digits(part).len(), digits(part));
    ONE.is_match(written) || TWO.captures(written).is_some_and(|two| size(&two[1]) <= size(&two[2]))
}

/// Whether small numbers rise in small steps, as sizes do; pairs of a phone number hardly ever do.
fn rises(written: &str) -> bool {
    let parts = written.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let small = |part: &str| {
        if part.len() > 3 || part.starts_with('0') { None } else { part.parse::<u32>().ok() }
    };
    let Some(parts) = parts.map(small).collect::<Option<Vec<u32>>>() else { return false };
    !written.starts_with('+')
        && parts.windows(2).all(|two| (two[0]..=two[0] + 12).contains(&two[1]))
        && parts.windows(3).all(|three| three[0] < three[2])
}

/// Currency codes (ISO 4217), without those that are words.
const CODES: &str = "AED|AFN|AMD|AOA|ARS|AUD|AZN|BAM|BBD|BDT|BGN|BHD|BIF|BND|BOB|BRL|BSD|BTN|BWP|BYN|BZD|CAD|CDF|CHF|CLP|CNY|COP|CRC|\
    CVE|CZK|DJF|DKK|DOP|DZD|EGP|ERN|ETB|EUR|FJD|GBP|GEL|GHS|GMD|GNF|GTQ|GYD|HKD|HNL|HTG|HUF|IDR|ILS|INR|IQD|IRR|ISK|JMD|JOD|JPY|KES|\
    KGS|KHR|KMF|KPW|KRW|KWD|KYD|KZT|LAK|LBP|LKR|LRD|LSL|LYD|MAD|MDL|MGA|MKD|MMK|MNT|MOP|MRU|MUR|MVR|MWK|MXN|MYR|MZN|NAD|NGN|NIO|NOK|\
    NPR|NZD|OMR|PAB|PEN|PGK|PHP|PKR|PLN|PYG|QAR|RON|RSD|RUB|RWF|SAR|SCR|SDG|SEK|SGD|SLE|SRD|STN|SYP|SZL|THB|TJS|TMT|TND|TRY|TTD|TWD|\
    TZS|UAH|UGX|USD|UYU|UZS|VES|VND|VUV|WST|XAF|XCD|XOF|XPF|YER|ZAR|ZMW";
/// Currency names.
const CURRENCIES: &str = "rp|rs|kč|zł|kr|ft|lei|руб|рублей|рубля|тг|тенге|сум|грн|pesos?|d[oó]lar(?:es)?|dollars?|euros?|rupees?|rupiah|\
    ringgit|baht|dirhams?|riyals?|reais|pounds?|yen|won|yuan|dinars?|francs?|francos|soles|guaran[ií]es|naira|shillings?|lira|đồng|\
    (?:f\\s?)?cfa|gs|vnđ|so['’‘ʻʼ`]m";
/// Currency signs, and names that are matched without word boundaries.
const MONEY: &str = "[$€£¥₹₽₺₩₪฿₫₴₦₱₸₾₼₡₲₵đ元円원%]|บาท|تومان|ریال|ريال|درهم|دينار|جنيه|ليرة|रुपये";

/// Whether a currency stands directly before or after.
fn is_priced(text: &str, range: &Range<usize>) -> bool {
    static BEFORE: LazyLock<Regex> =
        LazyLock::new(|| fixed(&format!(r"(?:{MONEY}|\b(?:{CODES})|\b(?i:{CURRENCIES})\.?)\s?$")));
    static BEHIND: LazyLock<Regex> =
        LazyLock::new(|| fixed(&format!(r"^\s?(?:{MONEY}|(?:{CODES})\b|(?i:{CURRENCIES})\b)")));
    let near = text.floor_char_boundary(range.start.saturating_sub(24));
    BEFORE.is_match(&text[near..range.start]) || BEHIND.is_match(&text[range.end..])
}
