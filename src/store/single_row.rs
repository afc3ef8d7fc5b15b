//! A statement for many rows as SQLite's writer runs it: for one row, with the row's values in the
//! place of its columns. SQLite then needs no temporary table for the row, and finds the rows of a
//! table that it changes one by one. Pure.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// The texts of statements for one row, by those for many.
#[derive(Debug, Default)]
pub(crate) struct SingleRows {
    /// By the address and length of the two parts, which are constants.
    known: HashMap<[(usize, usize); 2], Arc<str>>,
}

impl SingleRows {
    /// The statement for one row of `width` values.
    pub(super) fn of(
        &mut self,
        (before, after): (&Cow<'static, str>, &Cow<'static, str>),
        width: usize,
    ) -> Arc<str> {
        let (Cow::Borrowed(before), Cow::Borrowed(after)) = (before, after) else {
            return single(before, after, width).into();
        };
        let place = |text: &'static str| (text.as_ptr().addr(), text.len());
        let text = self.known.entry([place(before), place(after)]);
        text.or_insert_with(|| single(before, after, width).into()).clone()
    }
}

fn single(before: &str, after: &str, width: usize) -> String {
    inlined(before, after).unwrap_or_else(|| {
        let values = vec!["?"; width].join(", ");
        format!("{before} values ({values}) {after}")
    })
}

/// The statement without its common table: `with v (id, at) as (…) update t set at = v.at from v
/// where t.id = v.id` becomes `update t set at = ?2 where t.id = ?1`. `None` for one of another
/// form.
fn inlined(before: &str, after: &str) -> Option<String> {
    let (alias, names) = before.strip_prefix("with ")?.split_once(" (")?;
    let (names, rest) = names.split_once(')')?;
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let after = (rest.trim() == "as (").then(|| after.strip_prefix(')'))??;
    let after = without_table(after, alias)?;
    let (mut sql, mut rest) = (String::with_capacity(after.len()), after.as_str());
    while let Some(at) = word(rest, alias) {
        let name = rest[at + alias.len()..].strip_prefix('.')?;
        let end = name.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(name.len());
        let place = names.iter().position(|known| *known == &name[..end])?;
        sql.push_str(&rest[..at]);
        // Writing to a text does not fail.
        let _ = write!(sql, "?{}", place + 1);
        rest = &name[end..];
    }
    sql.push_str(rest);
    Some(sql)
}

/// Takes the one mention of the common table in a `from` away.
fn without_table(sql: &str, alias: &str) -> Option<String> {
    let from = format!("from {alias}");
    let mut mentions = sql.match_indices(&from).map(|(at, _)| at);
    let (at, None) = (mentions.next()?, mentions.next()) else { return None };
    let (head, rest) = (&sql[..at], &sql[at + from.len()..]);
    if let Some(joined) = rest.trim_start().strip_prefix("cross join ") {
        return Some(format!("{head}from {joined}"));
    }
    let ends = rest.trim_start();
    (ends.is_empty() || ends.starts_with("where ")).then(|| format!("{head}{ends}"))
}

/// Where a word stands.
fn word(text: &str, word: &str) -> Option<usize> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut found = text.match_indices(word).map(|(at, _)| at);
    found.find(|at| {
        !text[..*at].ends_with(in_name)
            && !text[at + word.len()..].starts_with(|c| in_name(c) && c != '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_one_row_take_the_place_of_its_columns() {
        let before = "with v (id, at) as (";
        for (after, sql) in [
            (
                ") update t set at = v.at, vat = 1 from v where t.id = v.id and vv.id = 2 returning t.id",
                " update t set at = ?2, vat = 1 where t.id = ?1 and vv.id = 2 returning t.id",
            ),
            (
                ") select v.id as id, t.x from v cross join t\n where t.id = v.id",
                " select ?1 as id, t.x from t\n where t.id = ?1",
            ),
            (") insert into t (id) select v.id from v", " insert into t (id) select ?1 "),
        ] {
            assert_eq!(inlined(before, after).as_deref(), Some(sql), "{after}");
        }
    }

    #[test]
    fn a_statement_of_another_form_keeps_its_table() {
        let before = "with v (id, at) as (";
        for after in [
            ") update t set at = v.other from v where t.id = v.id",
            ") select x.id from v as x where x.id = 1",
            ") select v.id from v join t on t.id = v.id",
            ") select id from t where id in (select id from v) and at in (select at from v)",
        ] {
            assert_eq!(inlined(before, after), None, "{after}");
            let whole = single(before, after, 2);
            assert_eq!(whole, format!("{before} values (?, ?) {after}"));
        }
        let into = single("insert into t (id, at)", "on conflict do nothing", 2);
        assert_eq!(into, "insert into t (id, at) values (?, ?) on conflict do nothing");
    }

    #[test]
    fn constants_are_rewritten_once_and_built_texts_each_time() {
        let mut known = SingleRows::default();
        let before = Cow::Borrowed("with v (id) as (");
        let constant = Cow::Borrowed(") select v.id as id from v");
        let once = known.of((&before, &constant), 1);
        assert!(Arc::ptr_eq(&once, &known.of((&before, &constant), 1)));
        for number in 0..3 {
            let built = Cow::Owned(format!(") select v.id as id, {number} as n from v"));
            let sql = known.of((&before, &built), 1);
            assert_eq!(&*sql, format!(" select ?1 as id, {number} as n "));
        }
        assert_eq!(known.known.len(), 1);
    }
}
