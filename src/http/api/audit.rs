//! The audit log: who did what, how it ended, and from where.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use super::Answer;
use super::page::{Page, Paging};
use crate::domain::audit::{Action, Outcome};
use crate::http::Shared;
use crate::http::error::Problem;
use crate::http::extract::Query;
use crate::store::audit::{AuditRow, Filter};

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct Entry {
    /// Its id.
    id: String,
    /// Who did it: `admin key`, `console` with the beginning of its session, or who sat at which terminal.
    actor: String,
    /// What.
    #[schema(schema_with = actions)]
    action: &'static str,
    /// To what, such as an agent's short name or the id of a conversation.
    subject: String,
    /// How it ended.
    #[schema(schema_with = outcomes)]
    outcome: &'static str,
    /// The address of the connection, which may be a proxy's; empty for commands and the desk itself.
    address: String,
    /// More of it.
    #[schema(value_type = Object)]
    detail: Value,
    /// When, milliseconds since 1970.
    created_at: i64,
}

fn words(of: impl Iterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(of)).build()
}

fn actions() -> Object {
    words(Action::ALL.iter().map(|action| action.as_str()))
}

fn outcomes() -> Object {
    words(Outcome::ALL.iter().map(|outcome| outcome.as_str()))
}

impl From<AuditRow> for Entry {
    fn from(row: AuditRow) -> Self {
        Self {
            detail: serde_json::from_str(&row.detail).unwrap_or(Value::Null),
            id: row.id,
            actor: row.actor,
            action: Action::of(&row.action).as_str(),
            subject: row.subject,
            outcome: Outcome::of(&row.outcome).as_str(),
            address: row.address,
            created_at: row.created_at,
        }
    }
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only this action.
    #[param(schema_with = actions, required = false)]
    action: Option<String>,
    /// Only those that ended so.
    #[param(schema_with = outcomes, required = false)]
    outcome: Option<String>,
    /// Only those of this actor.
    actor: Option<String>,
    /// Only those on this object.
    subject: Option<String>,
    /// Only those since this moment, milliseconds since 1970.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    since: Option<i64>,
}

impl Which {
    fn filter(self) -> Result<Filter, Problem> {
        let unknown = |key: &str, known: Vec<&str>| {
            Problem::bad_request(format!("`{key}` is one of {}.", known.join(", ")))
        };
        let action = self.action.map(|word| {
            let action = Action::ALL.iter().copied().find(|action| action.as_str() == word);
            let known = || Action::ALL.iter().map(|action| action.as_str()).collect();
            action.ok_or_else(|| unknown("action", known()))
        });
        let outcome = self.outcome.map(|word| {
            let outcome = Outcome::ALL.iter().copied().find(|outcome| outcome.as_str() == word);
            let known = || Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
            outcome.ok_or_else(|| unknown("outcome", known()))
        });
        Ok(Filter {
            action: action.transpose()?,
            outcome: outcome.transpose()?,
            actor: self.actor,
            subject: self.subject,
            since: self.since,
            before: None,
        })
    }
}

/// What was done, newest first.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", tag = "audit", params(Which, Paging),
    responses((status = 200, body = Page<Entry>), (status = 400, response = Problem)))]
pub(super) async fn list(
    State(web): State<Shared>,
    Query(which): Query<Which>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Entry>> {
    let (before, limit) = (paging.after()?, paging.limit());
    let rows = web.desk.store.audit_log(&Filter { before, ..which.filter()? }, limit).await?;
    Ok(Json(Page::of(rows, limit, |row| (row.created_at, &row.id))))
}
