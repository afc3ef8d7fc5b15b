//! `is-sql` and `contains-sql`. The parser is not promptfoo's: in corner cases of a dialect one may
//! accept what the other rejects.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use sqlparser::ast::{
    Expr, ObjectName, ObjectType, Query, SelectItem, SetExpr, Statement, Visit, Visitor,
};
use sqlparser::dialect::{
    BigQueryDialect, Dialect, GenericDialect, HiveDialect, MsSqlDialect, MySqlDialect,
    PostgreSqlDialect, RedshiftSqlDialect, SQLiteDialect, SnowflakeDialect,
};
use sqlparser::parser::Parser;

use super::GradingResult;
use super::prepare::PreparedAssertion;

/// `SELECT a b FROM`: probably a missing comma.
static MISSING_COMMA: LazyLock<Regex> = LazyLock::new(|| {
    let modifier = "(?:all|distinct(?:row)?|high_priority|straight_join|sql_(?:big_result|buffer_result|cache|calc_found_rows|no_cache|small_result))";
    let name = "[A-Za-z_][A-Za-z0-9_]*";
    Regex::new(&format!(r"(?i)\bselect\s+(?:{modifier}\s+)*({name})\s+{name}\s+from\b"))
        .expect("the pattern is right")
});
static MODIFIER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:all|distinct(?:row)?|high_priority|straight_join|sql_\w+)$")
        .expect("the pattern is right")
});
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?s)'(?:\\.|''|[^'\\])*'|"(?:\\.|""|[^"\\])*"|`[^`]*`|--[^\r\n]*|#[^\r\n]*|/\*.*?\*/"#,
    )
    .expect("the pattern is right")
});
static SERIES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\bgenerate_series\s*\(").expect("the pattern is right"));

struct Rules {
    database: String,
    tables: Option<Vec<String>>,
    columns: Option<Vec<String>>,
}

fn rules(given: &PreparedAssertion<'_>) -> Result<Rules, String> {
    let list = |name: &str| -> Option<Vec<String>> {
        let all = given.value[name].as_array()?;
        Some(all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    match &given.value {
        Value::Object(_) => Ok(Rules {
            database: given.value["databaseType"].as_str().unwrap_or("MySQL").to_owned(),
            tables: list("allowedTables"),
            columns: list("allowedColumns"),
        }),
        Value::Null => Ok(Rules { database: "MySQL".into(), tables: None, columns: None }),
        Value::String(text) if text.is_empty() => {
            Ok(Rules { database: "MySQL".into(), tables: None, columns: None })
        }
        _ => Err("is-sql assertion must have a object value.".into()),
    }
}

fn dialect(database: &str) -> Box<dyn Dialect> {
    match database.to_lowercase().as_str() {
        "mysql" | "mariadb" => Box::new(MySqlDialect {}),
        "postgresql" => Box::new(PostgreSqlDialect {}),
        "sqlite" => Box::new(SQLiteDialect {}),
        "transactsql" => Box::new(MsSqlDialect {}),
        "bigquery" => Box::new(BigQueryDialect {}),
        "snowflake" => Box::new(SnowflakeDialect {}),
        "hive" => Box::new(HiveDialect {}),
        "redshift" => Box::new(RedshiftSqlDialect {}),
        _ => Box::new(GenericDialect {}),
    }
}

/// Errors of a statement; empty when it is valid.
fn wrong_with(sql: &str, rules: &Rules) -> Vec<String> {
    let database = &rules.database;
    let syntax =
        format!("SQL statement does not conform to the provided {database} database syntax.");
    let mut wrong = Vec::new();
    let bare = QUOTED.replace_all(sql.trim(), " ? ");
    let comma = MISSING_COMMA.captures(&bare).is_some_and(|found| !MODIFIER.is_match(&found[1]));
    let signs = [
        sql.trim().is_empty(),
        !sql.matches('`').count().is_multiple_of(2),
        comma,
        database == "MySQL" && SERIES.is_match(sql),
    ];
    wrong.extend(signs.iter().filter(|sign| **sign).map(|_| syntax.clone()));
    let parsed = Parser::parse_sql(&*dialect(database), sql);
    if parsed.is_err() {
        wrong.push(syntax);
    }
    let named = parsed
        .as_ref()
        .map(|statements| SqlReferences::of(statements))
        .map_err(ToString::to_string);
    for (what, allowed) in [("table", &rules.tables), ("column", &rules.columns)] {
        let Some(allowed) = allowed.as_ref().filter(|allowed| !allowed.is_empty()) else {
            continue;
        };
        match &named {
            Err(error) => wrong.push(format!("SQL validation failed: {error}.")),
            Ok(named) => {
                let found = if what == "table" { &named.tables } else { &named.columns };
                if !found.iter().all(|one| is_allowed(one, allowed)) {
                    let found = found.join(", ");
                    let allowed = allowed.join(", ");
                    wrong.push(format!("SQL references unauthorized {what}(s). Found: [{found}]. Allowed: [{allowed}]."));
                }
            }
        }
    }
    wrong
}

/// Whether `select::null::orders` matches the allow list. A pattern with a table also allows the
/// column without one.
fn is_allowed(name: &str, allowed: &[String]) -> bool {
    let fits = |pattern: &str| {
        let whole = Regex::new(&format!("(?i)^(?:{pattern})$"));
        whole.is_ok_and(|pattern| pattern.is_match(name))
    };
    allowed.iter().any(|pattern| {
        let parts: Vec<&str> = pattern.split("::").collect();
        let loose = matches!(parts[..], [_, table, _] if table != "null");
        fits(pattern) || loose && fits(&format!("{}::null::{}", parts[0], parts[2]))
    })
}

/// Tables as `select::database::table` and columns as `select::table::column`, each once, in the
/// order of the statements.
#[derive(Default)]
struct SqlReferences {
    tables: Vec<String>,
    columns: Vec<String>,
    action: &'static str,
}

impl SqlReferences {
    fn of(statements: &[Statement]) -> Self {
        let mut named = Self::default();
        for statement in statements {
            let _ = statement.visit(&mut named);
        }
        named
    }

    fn add_table(&mut self, name: &ObjectName) {
        let parts: Vec<String> = name.0.iter().map(|part| bare(&part.to_string())).collect();
        let table = parts.last().cloned().unwrap_or_default();
        let database = parts.len().checked_sub(2).map_or("null", |at| parts[at].as_str());
        add(&mut self.tables, format!("{}::{database}::{table}", self.action));
    }
}

fn add(all: &mut Vec<String>, name: String) {
    if !all.contains(&name) {
        all.push(name);
    }
}

impl Visitor for SqlReferences {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        self.action = match statement {
            Statement::Insert(_) => "insert",
            Statement::Update(_) => "update",
            Statement::Delete(_) => "delete",
            // In capitals, as promptfoo's parser names it.
            Statement::Drop { .. } => "DROP",
            Statement::CreateTable(_) => "create",
            Statement::AlterTable(_) => "alter",
            Statement::Truncate(_) => "TRUNCATE",
            _ => "select",
        };
        // The visitor passes over these names, because they may be those of other objects.
        if let Statement::Drop {
            object_type: ObjectType::Table | ObjectType::View, names, ..
        } = statement
        {
            for name in names {
                self.add_table(name);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = &*query.body {
            let all = |item: &&SelectItem| {
                matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
            };
            if select.projection.iter().any(|item| all(&item)) {
                add(&mut self.columns, "select::null::(.*)".into());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.add_table(relation);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Identifier(name) => {
                add(&mut self.columns, format!("select::null::{}", name.value));
            }
            Expr::CompoundIdentifier(parts) => {
                if let [.., table, column] = &parts[..] {
                    add(&mut self.columns, format!("select::{}::{}", table.value, column.value));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn bare(name: &str) -> String {
    name.trim_matches(['`', '"', '[', ']']).to_owned()
}

pub(super) fn is_sql(given: &PreparedAssertion<'_>) -> Result<GradingResult, String> {
    let wrong = wrong_with(&given.text, &rules(given)?);
    let reason =
        if wrong.is_empty() { "The output SQL statement is valid".into() } else { wrong.join(" ") };
    Ok(given.verdict(wrong.is_empty(), |_| reason))
}

/// `contains-sql`: one of the fenced blocks is valid, or the whole text when there are none.
pub(super) fn contains_sql(given: &PreparedAssertion<'_>) -> Result<GradingResult, String> {
    let rules = rules(given)?;
    let blocks = blocks(&given.text);
    let candidates = if blocks.is_empty() { vec![given.text.clone()] } else { blocks };
    let mut reason = "Output does not contain valid SQL".to_owned();
    let mut found = false;
    for candidate in candidates.iter().filter(|candidate| !candidate.trim().is_empty()) {
        let wrong = wrong_with(candidate, &rules);
        found = wrong.is_empty();
        if found {
            reason = "The output SQL statement is valid".into();
            break;
        }
        reason = wrong.join(" ");
    }
    Ok(given.verdict(found, |_| reason))
}

/// Fenced blocks that are marked as SQL or unmarked; a fence starts its own line.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(char, usize, bool, Vec<&str>)> = None;
    for line in text.lines() {
        let bare = line.trim_start();
        let mark = bare.chars().next().filter(|mark| matches!(mark, '`' | '~'));
        let length =
            mark.map_or(0, |mark| bare.chars().take_while(|letter| *letter == mark).count());
        let fence = length >= 3 && line.len() - bare.len() <= 3;
        let rest = bare.get(length..).unwrap_or_default().trim();
        match &mut open {
            None if fence => {
                let language = rest.to_lowercase();
                let is_sql = language.is_empty() || language == "sql";
                open = mark.map(|mark| (mark, length, is_sql, Vec::new()));
            }
            None => {}
            Some((own, least, is_sql, lines)) => {
                if fence && mark == Some(*own) && length >= *least && rest.is_empty() {
                    if *is_sql {
                        blocks.push(lines.join("\n").trim().to_owned());
                    }
                    open = None;
                } else {
                    lines.push(line);
                }
            }
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_held_to_the_allowed_tables() {
        let allowed = vec!["select::(.*)::users".to_owned()];
        let rules = Rules { database: "MySQL".into(), tables: Some(allowed), columns: None };
        assert_eq!(wrong_with("SELECT * FROM users; SELECT 1 FROM users", &rules), [""; 0]);
        assert_eq!(
            wrong_with("SELECT * FROM users; DROP TABLE users", &rules),
            [
                "SQL references unauthorized table(s). Found: [select::null::users, DROP::null::users]. \
              Allowed: [select::(.*)::users]."
            ]
        );
        assert_eq!(wrong_with("TRUNCATE TABLE users", &rules).len(), 1);
    }
}
