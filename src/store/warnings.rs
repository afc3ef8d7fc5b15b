//! What puts numbers at risk: warnings that a provider's events raise and clear, and the provider's
//! account of each number, by which an event of the account finds its numbers.

use async_trait::async_trait;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::{Conn, Result, Store, Write, all, first, now, number_connections, run, storable};
use crate::domain::time::{DAY_MS, Millis};
use crate::domain::{Account, Alert, AlertCode, Item, NumberId, WarningChange, WorkspaceId};

/// How long a restriction holds whose end is not told, in milliseconds: Meta's longest.
pub(super) const RESTRICTION_MS: Millis = 30 * DAY_MS;
/// How long a lower messaging limit is a warning, in milliseconds.
const LOWERED_MS: Millis = 7 * DAY_MS;

/// A number that an event without a number may be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The number.
    pub number: NumberId,
    /// Its fallback template.
    pub template: Option<String>,
    /// Its account, if its settings name it.
    pub account: Option<String>,
    /// Whether its secret signed the webhook; not so if it takes unsigned ones.
    pub authenticated: bool,
}

/// A warning about a number.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct WarningRow {
    /// The number.
    pub number_id: String,
    /// What happened; `None` if the stored word is unknown to this version.
    #[sqlx(try_from = "LenientWord<AlertCode>")]
    pub code: Option<AlertCode>,
    /// What happened, in one sentence.
    pub text: String,
    /// The provider's own words for it; may be empty.
    pub detail: String,
    /// When it ends by itself.
    pub until: Option<i64>,
    /// When it came.
    pub created_at: i64,
}

impl Store {
    /// All warnings that hold now, oldest first.
    pub async fn number_warnings(&self) -> Result<Vec<WarningRow>> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = "select number_id, code, text, detail, until, created_at from number_warnings
                       where workspace_id = $1 and (until is null or until > $2)
                       order by created_at, topic";
            all!(conn, WarningRow, sql, workspace.as_str(), now())
        })
        .await
    }

    /// Records the provider's account of a number, and its phone if none is known.
    pub async fn record_number_account(&self, id: &NumberId, account: Account) -> Result<()> {
        self.apply(NumberAccount { id: id.clone(), account }).await
    }
}

struct NumberAccount {
    id: NumberId,
    account: Account,
}

#[async_trait]
impl Write for NumberAccount {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql = "update numbers set account_id = coalesce($3, account_id), display = coalesce(display, $4)
                   where workspace_id = $1 and id = $2";
        let Account { id, phone } = &self.account;
        let phone = phone.as_ref().map(|digits| format!("+{digits}"));
        run!(conn, sql, workspace.as_str(), self.id.as_str(), id.as_deref(), phone)?;
        // While the account was unknown, any might have been this number's.
        let sql = "delete from number_warnings where number_id = $1
                   and account_id <> (select account_id from numbers where id = $1)";
        run!(conn, sql, self.id.as_str()).map(|_| ())
    }
}

/// Forgets the warnings, the health, the link and the account of a number that is connected anew, removed, or another
/// one from now on.
pub(super) async fn forget(conn: &mut Conn<'_>, number: &str) -> Result<()> {
    run!(conn, "delete from number_warnings where number_id = $1", number)?;
    run!(conn, "delete from number_health where number_id = $1", number)?;
    number_connections::forget(conn, number).await?;
    run!(conn, "update numbers set account_id = null where id = $1", number).map(|_| ())
}

#[derive(FromRow)]
struct OwnAccount {
    id: String,
    account_id: Option<String>,
    display: Option<String>,
}

impl OwnAccount {
    /// Whether an event may be about this number: nothing that is known of both differs.
    fn may_be(&self, named: &Account) -> bool {
        let differs = |ours: Option<&str>, theirs: Option<&str>| {
            ours.zip(theirs).is_some_and(|(ours, theirs)| ours != theirs)
        };
        let digits = |text: &String| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let phone = self.display.as_ref().map(digits).filter(|digits| !digits.is_empty());
        !differs(self.account_id.as_deref(), named.id.as_deref())
            && !differs(phone.as_deref(), named.phone.as_deref())
    }
}

/// Forgets the same of a number, given by its id or its name, that gets this id at the provider and
/// had another one.
pub(super) async fn forget_former(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (number, external): (&str, &str),
) -> Result<()> {
    let sql = "select id from numbers
               where workspace_id = $1 and (id = $2 or slug = $2) and external_id <> $3";
    if let Some((id,)) = first!(conn, (String,), sql, workspace.as_str(), number, external)? {
        forget(conn, &id).await?;
    }
    Ok(())
}

/// The numbers that an event without a number is about, of those that may be.
pub(super) async fn concerned<'a>(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (item, candidates): (&Item, &'a [Candidate]),
) -> Result<Vec<&'a Candidate>> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    // One statement for all: a webhook may hold many events, and the desk many numbers.
    let sql = "select id, account_id, display from numbers where workspace_id = $1";
    let rows = all!(conn, OwnAccount, sql, workspace.as_str())?;
    let may_be = |candidate: &&Candidate| {
        let mut rows = rows.iter().filter(|row| row.id == candidate.number.as_str());
        rows.any(|row| row.may_be(&item.account))
    };
    Ok(candidates.iter().filter(may_be).collect())
}

/// Whether a candidate is known to be of an account: what an event of it says is then stored.
pub(super) async fn has_account(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (candidates, account): (&[&Candidate], &str),
) -> Result<bool> {
    if candidates.iter().any(|candidate| candidate.account.as_deref() == Some(account)) {
        return Ok(true);
    }
    let sql = "select id from numbers where workspace_id = $1 and account_id = $2";
    let rows = all!(conn, (String,), sql, workspace.as_str(), storable(account))?;
    Ok(rows.iter().any(|row| candidates.iter().any(|it| it.number.as_str() == row.0)))
}

/// Raises or clears a warning about a number.
pub(super) async fn change(
    conn: &mut Conn<'_>,
    (workspace, number): (&WorkspaceId, &NumberId),
    (change, alert, account): (&WarningChange, Option<&Alert>, &Account),
) -> Result<()> {
    let (topic, until, alert) = match (change, alert) {
        (WarningChange::Raised { topic, until, .. }, Some(alert)) => (topic, *until, alert),
        (WarningChange::Raised { .. }, None) => return Ok(()),
        (WarningChange::Cleared { topic }, _) => {
            let sql = "delete from number_warnings where number_id = $1 and topic = $2";
            return run!(conn, sql, number.as_str(), storable(topic)).map(|_| ());
        }
    };
    let lasting = match alert.code {
        AlertCode::AccountRestricted => Some(RESTRICTION_MS),
        AlertCode::LimitLowered => Some(LOWERED_MS),
        _ => None,
    };
    let until = until.or_else(|| lasting.map(|lasting| now() + lasting));
    // A webhook may come late: an operator sees the warning for a day in any case.
    let until = until.map(|until| until.max(now() + DAY_MS));
    let sql = "insert into number_warnings
                   (workspace_id, number_id, topic, code, text, detail, account_id, until, created_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
               on conflict (number_id, topic) do update set code = excluded.code, text = excluded.text,
                   detail = excluded.detail, account_id = excluded.account_id, until = excluded.until,
                   created_at = excluded.created_at";
    run!(
        conn,
        sql,
        workspace.as_str(),
        number.as_str(),
        storable(topic),
        alert.code,
        storable(&alert.text),
        storable(&alert.detail),
        account.id.as_deref().map(storable),
        until,
        now()
    )
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_another_account_or_phone_is_not_about_a_number() {
        let own = |account: Option<&str>, display: Option<&str>| OwnAccount {
            id: "num_1".into(),
            account_id: account.map(Into::into),
            display: display.map(Into::into),
        };
        let named = |id: Option<&str>, phone: Option<&str>| Account {
            id: id.map(Into::into),
            phone: phone.map(Into::into),
        };
        let ours = own(Some("1"), Some("+1 555-078-3881"));
        assert!(ours.may_be(&named(Some("1"), None)));
        assert!(ours.may_be(&named(Some("1"), Some("15550783881"))));
        assert!(ours.may_be(&named(None, None)));
        assert!(!ours.may_be(&named(Some("2"), None)));
        assert!(!ours.may_be(&named(Some("1"), Some("15550000000"))));
        assert!(own(None, None).may_be(&named(Some("2"), Some("15550000000"))));
    }
}
