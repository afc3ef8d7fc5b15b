//! Parses assertion type names and suggests the nearest name for a typo.

use crate::context::Types;

/// Splits off `not-`; `None` when no type has this name.
pub(super) fn split<'a>(name: &'a str, types: &Types) -> Option<(&'a str, bool)> {
    if types.knows(name) {
        return Some((name, false));
    }
    let base = name.strip_prefix("not-")?;
    types.knows(base).then_some((base, true))
}

/// The most similar known name, if it is close enough.
pub(super) fn nearest(name: &str, types: &Types) -> Option<String> {
    let (not, base) = match name.strip_prefix("not-") {
        Some(base) => ("not-", base),
        None => ("", name),
    };
    let folded = base.to_lowercase().replace(['_', ' '], "-");
    let (apart, found) = types.names().map(|one| (distance(&folded, one), one)).min()?;
    (apart <= 2.max(folded.len() / 3)).then(|| format!("{not}{found}"))
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, one) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = before + usize::from(one != *other);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Family;

    fn types() -> Types {
        Types::default().with(Family { names: &["answered"], check: |_, _| None })
    }

    fn split(name: &str) -> Option<(&str, bool)> {
        super::split(name, &types())
    }

    fn nearest(name: &str) -> Option<String> {
        super::nearest(name, &types())
    }

    #[test]
    fn not_is_taken_off_where_it_is_not_part_of_the_name() {
        assert_eq!(split("not-equals"), Some(("equals", true)));
        assert_eq!(split("not-answered"), Some(("answered", true)));
        assert_eq!(split("not-not-answered"), None);
        assert_eq!(split("promptfoo:redteam:pii"), Some(("promptfoo:redteam:pii", false)));
        assert_eq!(split("equls"), None);
    }

    #[test]
    fn the_nearest_name_is_proposed() {
        assert_eq!(nearest("equls").as_deref(), Some("equals"));
        assert_eq!(nearest("not-contain").as_deref(), Some("not-contains"));
        assert_eq!(nearest("llm_rubric").as_deref(), Some("llm-rubric"));
        assert_eq!(nearest("xyzzyxyzzy"), None);
    }
}
