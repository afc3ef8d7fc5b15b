//! Part of the grounding check: splits sentences at words of contrast, such as "but".

use std::sync::LazyLock;

use regex::Regex;

/// Splits a sentence at a word of contrast: "I am not sure, but we open at 9".
pub(super) fn turn(said: &str) -> Option<(&str, &str)> {
    let found = TURN.find(said)?;
    Some((&said[..found.start()], &said[found.end()..]))
}

/// Splits a sentence at all its words of contrast.
pub(super) fn clauses(said: &str) -> impl Iterator<Item = &str> {
    TURN.split(said)
}

static TURN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)[\s,;–—-]+(?:but|however|though|pero|sin embargo|mas|porém|aber|jedoch|mais|cependant|ma|però|но|maar|men|لكن|लेकिन|但是|但)[\s,]+",
    )
    .expect("the expression is fixed, and tested")
});
