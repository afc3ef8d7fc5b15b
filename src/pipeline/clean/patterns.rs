//! Part of cleaning: patterns of citation marks, code and failures in a model's answer.

use std::sync::LazyLock;

use regex::Regex;

/// Removes the white space before a removed mark, so that none is doubled or left before
/// punctuation.
pub(super) fn close_gap(said: &mut String, rest: &str) {
    said.truncate(said.trim_end_matches([' ', '\t', '\u{A0}']).len());
    if rest.starts_with(char::is_alphanumeric) && !is_line_start(said) {
        said.push(' ');
    }
}

pub(super) fn is_line_start(said: &str) -> bool {
    said.is_empty() || said.ends_with('\n')
}

/// Compiles a constant pattern. The tests compile them all.
pub(super) fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expressions of the cleaning are fixed, and tested")
}

/// A citation mark: numbers below 100 in brackets.
const MARK_TEXT: &str = concat!(
    r"(?:\[{1,2}(?:(?:passages?|sources?|documents?|docs?|refs?)[ :#]{0,3})?\^?\d{1,2}(?:\s*[,;–-]\s*\^?\d{1,2})*\]{1,2}",
    r"(?:\((?:https?:|#|/)[^()\s]*\))?|【\d{1,2}(?::\d{1,3})?(?:†[^】\n]{0,200})?】)"
);

/// A mark with which a model calls a person, or says that it has no answer. Two brackets, as the
/// prompt writes them: one may be a link.
const SIGNAL_TEXT: &str = concat!(
    r"(?:(?:\\?[\[［]){2}|【)[ \t]*",
    r"(?:hand[ \t]*[-‐‑–_]?[ \t]*(?:off|over)|no[ \t]*[-‐‑–_]?[ \t]*answer)",
    r"[ \t]*(?:(?:\\?[\]］]){2}|】)"
);

/// A signal or citation mark that was cut off at the end of an answer.
pub(super) static UNFINISHED: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?:\\?[\[［]){2}[^\]］\n]{0,20}[\]］]?\z"));

/// A signal, with what a model puts around it.
pub(super) static SIGNAL: LazyLock<Regex> = LazyLock::new(|| {
    fixed(&format!(
        r"(?i)\*\*{SIGNAL_TEXT}\*\*|__{SIGNAL_TEXT}__|`{SIGNAL_TEXT}`|\({SIGNAL_TEXT}\)|{SIGNAL_TEXT}"
    ))
});

/// The brackets that a mark of an offer begins with.
const OFFER_OPEN: &str = r"(?:(?:\\?[\[［]){2}|【)[ \t]*";
/// The words of marks with choices, files and places. Models translate them with what they name.
pub(in crate::pipeline) const CHOICE_WORDS: &str = r"(?:choices?|choix|options?|opciones|opci[oó]n|op[cç][oõ]es|escolhas|elecciones|auswahl|optionen|(?:ال)?خيارات)";
pub(in crate::pipeline) const FILE_WORDS: &str =
    r"(?:files?|fichiers?|archivos?|arquivos?|ficheiros?|fichero|datei(?:en)?|(?:ال)?ملف(?:ات)?)";
pub(in crate::pipeline) const LOCATION_WORDS: &str = r"(?:locations?|places?|lieu|ubicaci[oó]n|localizaci[oó]n|localiza[cç][aã]o|lugar|standort|(?:ال)?موقع)";

/// What a mark of an offer begins with.
static OFFER_START: LazyLock<String> = LazyLock::new(|| {
    format!(r"{OFFER_OPEN}(?:{CHOICE_WORDS}|{FILE_WORDS}|{LOCATION_WORDS})[ \t]*[:：]")
});

/// The beginning of a mark that offers choices, a file or a place.
pub(super) static OFFER_BEGIN: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!(r"(?i)\A{}", *OFFER_START)));

/// Two brackets and letters: what may become the beginning of such a mark.
pub(super) static OFFER_PREFIX: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!(r"\A{OFFER_OPEN}\p{{Alphabetic}}{{0,16}}[ \t]*\z")));

/// A mark that offers something, with what a model puts around it; to the end, if it is not closed.
pub(in crate::pipeline) static OFFER: LazyLock<Regex> = LazyLock::new(|| {
    let inside = r"(?:[^\]］】]|[\]］][^\]］])*?";
    let mark = format!(r"{}{inside}(?:(?:\\?[\]］]){{2,3}}|】|\z)", *OFFER_START);
    fixed(&format!(r"(?is)\*\*{mark}\*\*|__{mark}__|`{mark}`|\({mark}\)|{mark}"))
});

/// What a model may put before a mark.
const WRAP: &str = r"(?:\*\*|__|`|\()?";

/// The beginnings of the marks with files, and with places.
pub(super) static FILE_BEGIN: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!(r"(?i)\A{WRAP}{OFFER_OPEN}{FILE_WORDS}[ \t]*[:：]")));
pub(super) static LOCATION_BEGIN: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!(r"(?i)\A{WRAP}{OFFER_OPEN}{LOCATION_WORDS}[ \t]*[:：]")));

/// Code, which must stay unchanged.
pub(super) static CODE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?s)```.*?(?:```|\z)|`[^`\n]+`"));

/// One citation mark.
pub(super) static MARK: LazyLock<Regex> = LazyLock::new(|| fixed(&format!("(?i){MARK_TEXT}")));

/// Adjacent citation marks.
pub(super) static MARKS: LazyLock<Regex> = LazyLock::new(|| {
    fixed(&format!(
        r"(?i)\(\s*(?:(?:see|source|sources|from|cf\.):?\s+)?{MARK_TEXT}(?:\s*[,;&]?\s*{MARK_TEXT})*\s*\)|{MARK_TEXT}(?:[ \t]*(?:[,;&]|and|und|y|et)?[ \t]*{MARK_TEXT})*"
    ))
});

/// The list of sources that a model appends to its answer.
pub(super) static SOURCES: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r"(?i)(?:\A|\n)(?:[ \t>*_#]*(?:sources?|references?|citations?|footnotes?|quellen|fuentes|fontes|références|referencias|referências)[ \t*_]*:?[ \t*_]*\n?",
        r"(?:[ \t]*(?:[-*•]|\d+[.)])?[ \t]*\[\^?\d{1,2}\][^\n]*(?:\n|\z))+|(?:\[\^?\d{1,2}\]:[^\n]*(?:\n|\z))+)\s*\z"
    ))
});

/// The start of a stack trace or of a server's error page.
pub(super) static TRACE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r"\A(?:Traceback \(most recent call last\)|Exception in thread |Unhandled [Ee]xception|goroutine \d+ \[|thread '[^']*' (?:\(\d+\) )?panicked at",
        r"|(?:PHP )?Fatal error: |(?:Uncaught )?(?:[\w$]+\.)*[\w$]*(?:Error|Exception)\b[^\n]*\n\s+at |\s*at [\w$.<>/ ]+\(.*:\d+\)|<!DOCTYPE html|<html)"
    ))
});

/// A null or empty value of a programming language.
pub(super) static EMPTY_VALUE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"\A(?:null|None|undefined|NaN|\[\]|\[object Object\])\z"));
