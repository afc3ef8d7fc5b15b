//! What providers said of numbers: their quality, their messaging limit and what they are forbidden.
//! Only events of a number's own account change it, in the order of the provider's time.

use async_trait::async_trait;
use const_format::formatcp;
use sqlx::FromRow;

use super::columns::LenientWord;
use super::warnings::{Candidate, RESTRICTION_MS};
use super::words::health_topic::{BAN, RESTRICTION};
use super::words::restriction::SENDING;
use super::{Conn, Result, Store, Write, all, first, now, run, storable};
use crate::domain::time::Millis;
use crate::domain::{
    Account, HealthChange, HealthTopic, NumberHealth, NumberId, Restriction, WorkspaceId,
};

/// Whether the number of a message `m` is forbidden to send. `$1` is the time.
macro_rules! forbidden {
    ($number:literal, $moment:literal) => {
        const_format::formatcp!(
            "exists (select 1 from number_health h where h.number_id = {number} and h.word = '{word}'
                 and h.topic in ('{restriction}', '{ban}') and (h.until is null or h.until > {moment}))",
            number = $number,
            moment = $moment,
            word = $crate::store::words::restriction::SENDING,
            restriction = $crate::store::words::health_topic::RESTRICTION,
            ban = $crate::store::words::health_topic::BAN
        )
    };
}
pub(super) use forbidden;

/// Whether the bot is paused on the number with this id.
macro_rules! paused {
    ($number:literal) => {
        concat!(
            "exists (select 1 from numbers p where p.id = ",
            $number,
            " and p.bot_paused_at is not null)"
        )
    };
}
pub(super) use paused;

#[derive(FromRow)]
struct HealthRow {
    number_id: String,
    #[sqlx(try_from = "LenientWord<HealthTopic>")]
    topic: Option<HealthTopic>,
    word: String,
    until: Option<i64>,
}

impl Store {
    /// What a number's provider said of it, as far as it holds now.
    pub async fn number_health(&self, number: &NumberId) -> Result<NumberHealth> {
        let all = self.health_of_numbers().await?;
        let own = all.into_iter().find(|(id, _)| id == number.as_str());
        Ok(own.map(|(_, health)| health).unwrap_or_default())
    }

    /// The same of every number of which something is known, by the number's id.
    pub async fn health_of_numbers(&self) -> Result<Vec<(String, NumberHealth)>> {
        let workspace = self.workspace_id();
        let rows = self
            .read(async |conn| {
                let sql = "select number_id, topic, word, until from number_health
                           where workspace_id = $1 and word is not null and (until is null or until > $2)
                           order by number_id, topic";
                all!(conn, HealthRow, sql, workspace.as_str(), now())
            })
            .await?;
        let mut all = Vec::<(String, NumberHealth)>::new();
        for HealthRow { number_id, topic, word, until } in rows {
            if all.last().is_none_or(|(id, _)| *id != number_id) {
                all.push((number_id, NumberHealth::default()));
            }
            if let Some(((_, health), topic)) = all.last_mut().zip(topic) {
                health.add(topic, &word, until);
            }
        }
        Ok(all)
    }

    /// Ends a number's restrictions of this kind, because its provider took a message that they
    /// forbid. Returns whether there were any.
    pub async fn lift_restriction(&self, number: &NumberId, kind: Restriction) -> Result<bool> {
        self.apply(Lift { number: number.clone(), kind }).await
    }
}

struct Lift {
    number: NumberId,
    kind: Restriction,
}

#[async_trait]
impl Write for Lift {
    type Out = bool;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<bool> {
        let sql = formatcp!(
            "update number_health set word = null, until = null, reported_at = $3
             where workspace_id = $1 and number_id = $2 and topic in ('{RESTRICTION}', '{BAN}')
                 and word in ('{SENDING}', $4) and (until is null or until > $3)"
        );
        let (workspace, number) = (workspace.as_str(), self.number.as_str());
        let lifted = run!(conn, sql, workspace, number, now(), self.kind.as_str())?;
        if lifted > 0 {
            let sql = formatcp!(
                "delete from number_warnings where workspace_id = $1 and number_id = $2
                 and topic in ('{RESTRICTION}', '{BAN}')"
            );
            run!(conn, sql, workspace, number)?;
        }
        Ok(lifted > 0)
    }
}

/// Whether a candidate is known to be what an event is about: of the account and, if it names a
/// phone, with this phone.
pub(super) async fn is_own(
    conn: &mut Conn<'_>,
    workspace: &WorkspaceId,
    (candidate, named): (&Candidate, &Account),
) -> Result<bool> {
    let Some(account) = named.id.as_deref().filter(|_| candidate.authenticated) else {
        return Ok(false);
    };
    let sql = "select account_id, display from numbers where workspace_id = $1 and id = $2";
    let number = candidate.number.as_str();
    let row = first!(conn, (Option<String>, Option<String>), sql, workspace.as_str(), number)?;
    let Some((known, display)) = row else { return Ok(false) };
    let own = candidate.account.as_deref().or(known.as_deref());
    let digits = |text: String| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let has_phone =
        named.phone.as_ref().is_none_or(|phone| display.map(digits).as_ref() == Some(phone));
    Ok(own == Some(account) && has_phone)
}

/// What recording a change did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RecordOutcome {
    /// Something later is known already.
    Outdated,
    /// It holds now, in the place of this word.
    InPlaceOf(Option<String>),
}

/// Records a change of a number's health that its provider reported at this time; 0 if it gave none.
pub(super) async fn record(
    conn: &mut Conn<'_>,
    (workspace, number): (&WorkspaceId, &NumberId),
    (change, at): (&HealthChange, Millis),
) -> Result<RecordOutcome> {
    let HealthChange { topic, word, until } = change;
    let sql = "select word from number_health where number_id = $1 and topic = $2";
    let before = first!(conn, (Option<String>,), sql, number.as_str(), *topic)?;
    // A time in the future would outdate all that follows.
    let at = if at == 0 { now() } else { at.min(now()) };
    let sql = "insert into number_health (workspace_id, number_id, topic, word, until, reported_at)
               values ($1, $2, $3, $4, $5, $6)
               on conflict (number_id, topic) do update set word = excluded.word, until = excluded.until,
                   reported_at = excluded.reported_at
               where excluded.reported_at >= number_health.reported_at";
    let lasting = (*topic == HealthTopic::Restriction).then_some(at + RESTRICTION_MS);
    let (until, word) = (until.or(lasting), word.as_deref().map(storable));
    let (workspace, number) = (workspace.as_str(), number.as_str());
    let changed = run!(conn, sql, workspace, number, *topic, word, until, at)?;
    if changed == 0 {
        return Ok(RecordOutcome::Outdated);
    }
    Ok(RecordOutcome::InPlaceOf(before.and_then(|row| row.0)))
}
