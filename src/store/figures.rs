//! Statistics of time spans: messages, turns, costs, waiting times, cases. Counts in indexes
//! without reading rows.

use const_format::formatcp;
use sqlx::{AssertSqlSafe, FromRow};

use super::trials::TrialTotals;
use super::words::AUTHORS;
use super::{Conn, Result, Rows, Store, all};
use crate::domain::trial::TrialKind;
use crate::domain::{Author, MessageState, Pricing};

/// A time span in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The start, inclusive.
    pub from: i64,
    /// The end, exclusive.
    pub to: i64,
}

/// Statistics of several time spans. `place` is the span's index in the request.
#[derive(Debug, Default)]
pub struct Figures {
    /// Messages by author.
    pub messages: Vec<Messages>,
    /// Failed messages among these.
    pub failed: Vec<Messages>,
    /// Messages of unknown outcome among these.
    pub unknown: Vec<Messages>,
    /// Turns by outcome.
    pub turns: Vec<Turns>,
    /// How long customers waited.
    pub waits: Vec<Waits>,
    /// Opened cases: span index and count.
    pub cases: Vec<(i64, i64)>,
    /// Reasons of cases opened over all spans, most frequent first.
    pub reasons: Vec<(String, i64)>,
    /// Trials over all spans, by kind.
    pub trials: Vec<TrialTotals>,
    /// What providers charged for messages sent over all spans, most frequent first.
    pub charges: Vec<(Pricing, i64)>,
}

/// Messages of one author in one span.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Messages {
    /// Index of the span.
    pub place: i64,
    /// The author.
    pub author: Author,
    /// Number of messages.
    pub count: i64,
}

/// Turns of one outcome in one span.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Turns {
    /// Index of the span.
    pub place: i64,
    /// The outcome as stored. Not parsed, because one word unknown to this version must not hide
    /// all statistics.
    pub outcome: String,
    /// Number of turns.
    pub count: i64,
    /// Input tokens.
    pub input_tokens: i64,
    /// Output tokens.
    pub output_tokens: i64,
    /// Cost, in millionths of a dollar.
    pub cost_micros: i64,
}

/// Turns with about the same waiting time (a histogram bucket).
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Waits {
    /// Index of the span.
    pub place: i64,
    /// Waiting time in milliseconds, rounded down to 10 ms up to two seconds, 100 ms up to a
    /// minute, a second up to an hour; at most an hour.
    pub waited_ms: i64,
    /// Number of turns.
    pub count: i64,
}

impl Store {
    /// Returns the statistics of these spans, which are in ascending order.
    pub async fn figures(&self, spans: &[Span]) -> Result<Figures> {
        let mut rows = Rows::default();
        for (place, span) in (0_i64..).zip(spans) {
            let workspace = self.workspace_id().as_str();
            rows.push([place.into(), workspace.into(), span.from.into(), span.to.into()]);
        }
        let mut by_author = Rows::default();
        for (place, span) in (0_i64..).zip(spans) {
            for author in Author::ALL {
                let workspace = self.workspace_id().as_str();
                let span = (span.from.into(), span.to.into());
                by_author.push([place.into(), workspace.into(), span.0, span.1, (*author).into()]);
            }
        }
        let whole = spans.first().zip(spans.last()).map(|(first, last)| (first.from, last.to));
        let (from, to) = whole.unwrap_or_default();
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let mut figures = count(conn, (&rows, &by_author)).await?;
            let sql = "select reason, count(*) as count from escalations where workspace_id = $1 and created_at >= $2
                           and created_at < $3 group by reason order by count(*) desc, reason limit 20";
            figures.reasons = all!(conn, (String, i64), sql, workspace.as_str(), from, to)?;
            figures.trials = tried(conn, workspace.as_str(), (from, to)).await?;
            // There are few prices, so that each is one row.
            let sql = "select pricing, count(*) as count from messages where workspace_id = $1 and sent_at >= $2
                           and sent_at < $3 and pricing is not null group by pricing order by count(*) desc, pricing";
            let charges = all!(conn, (String, i64), sql, workspace.as_str(), from, to)?;
            let read = |(text, count): (String, i64)| Some((serde_json::from_str(&text).ok()?, count));
            figures.charges = charges.into_iter().filter_map(read).collect();
            Ok(figures)
        })
        .await
    }
}

/// Trials in a span, by kind. Kinds unknown to this version are left out, so that they do not hide
/// all other statistics.
async fn tried(
    conn: &mut Conn<'_>,
    workspace: &str,
    (from, to): (i64, i64),
) -> Result<Vec<TrialTotals>> {
    let known: Vec<_> = TrialKind::ALL.iter().map(|kind| format!("'{kind}'")).collect();
    let sql = format!(
        "select kind, cast(sum(runs) as bigint) as runs, cast(sum(input_tokens) as bigint) as input_tokens,
             cast(sum(output_tokens) as bigint) as output_tokens, cast(sum(cost_micros) as bigint) as cost_micros
         from trials where workspace_id = $1 and since >= $2 and since < $3 and kind in ({})
         group by kind order by kind",
        known.join(", ")
    );
    all!(conn, TrialTotals, AssertSqlSafe(sql), workspace, from, to)
}

/// Counts per span. Messages of authors unknown to this version are left out. The spans come first
/// in the join, so that each is looked up in an index.
async fn count(conn: &mut Conn<'_>, (rows, by_author): (&Rows, &Rows)) -> Result<Figures> {
    let before = "with v (place, workspace_id, since, until) as (";
    macro_rules! messages {
        ($state:expr) => {
            formatcp!(
                ") select v.place, m.author, count(*) as count from v cross join messages m
                where m.workspace_id = v.workspace_id and m.sent_at >= v.since and m.sent_at < v.until
                    and m.state = '{state}' and m.author || '' in ({AUTHORS}) group by v.place, m.author",
                state = $state.as_str()
            )
        };
    }
    // A subquery per author, because `group by` would sort all messages. Changes are few: those are
    // counted by an index of their own, and taken off.
    let each = "with v (place, workspace_id, since, until, author) as (";
    let all = ") select v.place, v.author, (select count(*) from messages m where m.workspace_id = v.workspace_id
            and m.author = v.author and m.sent_at >= v.since and m.sent_at < v.until)
            - (select count(*) from messages m where m.workspace_id = v.workspace_id and m.author = v.author
            and m.sent_at >= v.since and m.sent_at < v.until and m.changes is not null) as count from v";
    let messages = conn.many_rows(each, by_author, all).await?;
    let failed = conn.many_rows(before, rows, messages!(MessageState::Failed)).await?;
    let unknown = conn.many_rows(before, rows, messages!(MessageState::Unknown)).await?;
    let turns = ") select v.place, t.outcome, count(*) as count, cast(sum(t.input_tokens) as bigint) as input_tokens,
            cast(sum(t.output_tokens) as bigint) as output_tokens, cast(sum(t.cost_micros) as bigint) as cost_micros
        from v cross join turns t
        where t.workspace_id = v.workspace_id and t.created_at >= v.since and t.created_at < v.until
        group by v.place, t.outcome";
    let turns = conn.many_rows(before, rows, turns).await?;
    let waits = ") select place, waited_ms, count(*) as count from (select v.place,
            case when t.waited_ms < 2000 then t.waited_ms / 10 * 10 when t.waited_ms < 60000 then t.waited_ms / 100 * 100
                when t.waited_ms < 3600000 then t.waited_ms / 1000 * 1000 else 3600000 end as waited_ms
            from v cross join turns t where t.workspace_id = v.workspace_id and t.created_at >= v.since
                and t.created_at < v.until and t.waited_ms is not null) w
        group by place, waited_ms order by place, waited_ms";
    let waits = conn.many_rows(before, rows, waits).await?;
    let cases = ") select v.place, count(*) as count from v cross join escalations e
        where e.workspace_id = v.workspace_id and e.created_at >= v.since and e.created_at < v.until group by v.place";
    let cases = conn.many_rows(before, rows, cases).await?;
    Ok(Figures { messages, failed, unknown, turns, waits, cases, ..Figures::default() })
}
