//! The overview: figures of the desk per day, in the viewer's time zone.

use axum::Json;
use axum::extract::State;
use chrono::{NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::response::Answer;
use crate::domain::time::{DAY_MS, now_ms};
use crate::domain::trial::TrialKind;
use crate::domain::{Author, CaseReason, Pricing, TurnOutcome};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Query;
use crate::provider::MessagePrices;
use crate::store::figures::{Figures as Counted, Messages, Span, Turns};
use crate::store::trials::TrialTotals;

/// Default and maximum number of days.
const USUAL_DAYS: i64 = 30;
const MAX_DAYS: i64 = 92;

/// Time range.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// Start of the range, milliseconds since 1970; default: 30 days before `to`.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    from: Option<i64>,
    /// End of the range, exclusive, milliseconds since 1970; default: now. At most 92 days after
    /// `from`.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    to: Option<i64>,
    /// IANA time zone in which days begin, such as `Europe/Madrid`; default: UTC.
    zone: Option<String>,
}

/// Figures of the desk.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Overview {
    /// Figures per day, oldest first, including days on which nothing happened.
    days: Vec<Day>,
    /// Figures of all days together.
    total: Figures,
    /// Reasons for hand-offs, most frequent first; at most 20.
    reasons: Vec<Reason>,
    /// Trials and their cost, by kind; kinds without trials are missing. No other figure includes
    /// them.
    trials: Vec<Trials>,
    /// What WhatsApp reported of the prices of sent messages, by category and whether they are
    /// charged, most frequent first. Messages without such a report are missing.
    charges: Vec<Charges>,
    /// The bot's share of the messages written by the bot and by people, 0 to 1; null if there are
    /// none.
    share_by_bot: Option<f64>,
}

/// Figures of one day.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the API's names")]
pub(super) struct Day {
    /// The date in the time zone, such as `2026-11-22`.
    day: String,
    /// When the day begins, milliseconds since 1970; for the first day, when the range begins.
    from: i64,
    /// The figures.
    #[serde(flatten)]
    figures: Figures,
}

/// Figures of a period.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Figures {
    /// Messages from customers.
    inbound: i64,
    /// Outbound messages that did not fail: those of the bot and of people, and the desk's own
    /// notices.
    outbound: i64,
    /// Outbound messages that the bot wrote.
    by_bot: i64,
    /// Outbound messages that a person wrote, in the console or on the phone.
    by_person: i64,
    /// Runs of the pipeline.
    turns: i64,
    /// Turns that answered from the documents.
    answered: i64,
    /// Turns in which the documents had no answer.
    no_answer: i64,
    /// Turns that ended with the failure text, or in which a voice note could not be transcribed.
    failures: i64,
    /// Cases opened for a person.
    hand_offs: i64,
    /// Outbound messages that were not sent or not delivered.
    failed_sends: i64,
    /// Outbound messages of which it is unknown whether they were sent.
    unknown_sends: i64,
    /// Input tokens of models.
    input_tokens: i64,
    /// Output tokens of models.
    output_tokens: i64,
    /// Cost, in millionths of a dollar.
    cost_micros: i64,
    /// Median time from the customer's last message to the commit of the turn, in milliseconds,
    /// rounded down to two or three digits; null without turns.
    p50_ms: Option<i64>,
    /// 95th percentile of the same time.
    p95_ms: Option<i64>,
}

/// A reason for hand-offs.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the API's names")]
pub(super) struct Reason {
    /// The reason.
    reason: String,
    /// The same as a code with its values; null for a reason that another version gave.
    reason_code: Option<CaseReason>,
    /// Number of cases with it.
    count: i64,
}

/// Model usage that no customer caused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trials {
    /// Kind of trial.
    kind: TrialKind,
    /// Number of trials: turns, rows of eval runs, or prompts.
    runs: i64,
    /// Input tokens of models.
    input_tokens: i64,
    /// Output tokens of models.
    output_tokens: i64,
    /// Cost, in millionths of a dollar.
    cost_micros: i64,
}

/// Messages of one price category.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Charges {
    /// WhatsApp's category, such as `service`, `utility` or `general_purpose_ai`; null if it named
    /// none.
    category: Option<String>,
    /// Whether WhatsApp charges for them; null if it did not say.
    billable: Option<bool>,
    /// Number of messages.
    messages: i64,
    /// What they cost, in millionths of a dollar; null if `[message_prices]` has no price for them.
    cost_micros: Option<i64>,
}

/// Sums what was reported, which also tells models and kinds of prices apart.
fn charges(counted: &[(Pricing, i64)], prices: &MessagePrices) -> Vec<Charges> {
    let mut all = Vec::<Charges>::new();
    for (pricing, messages) in counted {
        let Pricing { category, billable, .. } = pricing;
        match all.iter_mut().find(|it| it.category == *category && it.billable == *billable) {
            Some(known) => known.messages += messages,
            None => all.push(Charges {
                category: category.clone(),
                billable: *billable,
                messages: *messages,
                cost_micros: None,
            }),
        }
    }
    for it in &mut all {
        it.cost_micros = prices.micros((it.category.as_deref(), it.billable), it.messages);
    }
    all.sort_by_key(|it| std::cmp::Reverse(it.messages));
    all
}

impl From<TrialTotals> for Trials {
    fn from(tried: TrialTotals) -> Self {
        let TrialTotals { kind, runs, input_tokens, output_tokens, cost_micros } = tried;
        Self { kind, runs, input_tokens, output_tokens, cost_micros }
    }
}

/// Returns the figures of the desk, day by day.
#[utoipa::path(get, path = "/overview", operation_id = "overview", tag = "overview", params(Range),
    responses((status = 200, body = Overview), (status = 400, response = Problem)))]
pub(super) async fn overview(
    State(web): State<WebState>,
    Query(range): Query<Range>,
) -> Answer<Overview> {
    let days = range.days()?;
    let spans: Vec<Span> = days.iter().map(|(_, span)| *span).collect();
    let counted = web.desk.store.figures(&spans).await?;
    let reasons = counted.reasons.iter().cloned();
    let reasons = reasons.map(|(reason, count)| {
        let reason_code = CaseReason::of(&reason);
        Reason { reason, reason_code, count }
    });
    let total = Figures::of(&counted, None);
    let spoken = total.by_bot + total.by_person;
    let days = (0_i64..).zip(days).map(|(place, (day, span))| Day {
        day: day.to_string(),
        from: span.from,
        figures: Figures::of(&counted, Some(place)),
    });
    Ok(Json(Overview {
        days: days.collect(),
        #[expect(clippy::cast_precision_loss, reason = "nobody counts that many messages")]
        share_by_bot: (spoken > 0).then(|| total.by_bot as f64 / spoken as f64),
        total,
        reasons: reasons.collect(),
        charges: charges(&counted.charges, &web.desk.message_prices),
        trials: counted.trials.into_iter().map(Trials::from).collect(),
    }))
}

impl Range {
    /// Splits the range into days, cut at its start and end.
    fn days(&self) -> Result<Vec<(NaiveDate, Span)>, Problem> {
        let zone = self.zone.as_deref().filter(|zone| !zone.is_empty()).unwrap_or("UTC");
        let zone: Tz = zone.parse().map_err(|_| {
            Problem::bad_request(
                "`zone` is not a zone of IANA's, such as `Europe/Madrid` or `UTC`.",
            )
        })?;
        let to = self.to.unwrap_or_else(now_ms);
        let from = self.from.unwrap_or(to.saturating_sub(USUAL_DAYS * DAY_MS));
        let wrong = |why: &str| Err(Problem::bad_request(why));
        if from >= to {
            return wrong("`from` must be before `to`.");
        }
        // One day more, because a day may have 25 hours.
        if to.saturating_sub(from) > MAX_DAYS * DAY_MS + DAY_MS {
            return wrong("At most 92 days are shown at once: ask for less.");
        }
        let dates = date(zone, from).zip(date(zone, to - 1));
        let Some((mut day, last)) = dates else {
            return wrong("`from` and `to` are milliseconds since 1970.");
        };
        let (mut days, mut begin) = (Vec::new(), from);
        while day <= last {
            let Some(next) = day.succ_opt() else { break };
            let end = begins(zone, next).min(to);
            days.push((day, Span { from: begin, to: end }));
            (day, begin) = (next, end);
        }
        Ok(days)
    }
}

fn date(zone: Tz, moment: i64) -> Option<NaiveDate> {
    zone.timestamp_millis_opt(moment).single().map(|at| at.date_naive())
}

/// Returns when a day begins in a zone: at midnight, the first of two if clocks are put back then;
/// if clocks skip midnight, at the first moment after it.
fn begins(zone: Tz, day: NaiveDate) -> i64 {
    let midnight = day.and_time(NaiveTime::MIN);
    let mut quarters = (0..=24 * 4).map(|quarter| midnight + TimeDelta::minutes(15 * quarter));
    let first = quarters.find_map(|at| zone.from_local_datetime(&at).earliest());
    first.map_or_else(|| midnight.and_utc().timestamp_millis(), |at| at.timestamp_millis())
}

impl Figures {
    /// Sums the counts of the day at `place`, or of all days for `None`.
    fn of(counted: &Counted, place: Option<i64>) -> Self {
        let mut figures = Self::default();
        let here = |one: i64| place.is_none_or(|place| place == one);
        for one in counted.messages.iter().filter(|one| here(one.place)) {
            figures.add_messages(one.author, one.count);
        }
        let ours = |one: &&Messages| here(one.place) && one.author != Author::Customer;
        for one in counted.failed.iter().filter(ours) {
            figures.failed_sends += one.count;
            figures.add_messages(one.author, -one.count);
        }
        figures.unknown_sends = counted.unknown.iter().filter(ours).map(|one| one.count).sum();
        for one in counted.turns.iter().filter(|one| here(one.place)) {
            figures.add_turns(one);
        }
        let cases = counted.cases.iter().filter(|(at, _)| here(*at));
        figures.hand_offs = cases.map(|(_, count)| count).sum();
        let mut waits: Vec<(i64, i64)> = counted
            .waits
            .iter()
            .filter(|one| here(one.place))
            .map(|one| (one.waited_ms, one.count))
            .collect();
        waits.sort_unstable();
        figures.p50_ms = percentile(&waits, 50);
        figures.p95_ms = percentile(&waits, 95);
        figures
    }

    fn add_messages(&mut self, author: Author, count: i64) {
        match author {
            Author::Customer => self.inbound += count,
            Author::Bot => self.by_bot += count,
            Author::Person => self.by_person += count,
            Author::Notice | Author::Consent | Author::Campaign | Author::FollowUp => {}
        }
        if author != Author::Customer {
            self.outbound += count;
        }
    }

    fn add_turns(&mut self, counted: &Turns) {
        self.turns += counted.count;
        match counted.outcome.parse::<TurnOutcome>() {
            Ok(TurnOutcome::Answer) => self.answered += counted.count,
            Ok(TurnOutcome::NoAnswer) => self.no_answer += counted.count,
            Ok(TurnOutcome::Failure | TurnOutcome::VoiceFailure) => self.failures += counted.count,
            Ok(
                TurnOutcome::Greeting
                | TurnOutcome::Unreadable
                | TurnOutcome::HandOver
                | TurnOutcome::Silence,
            )
            // An outcome that another version wrote: it counts only as a turn.
            | Err(_) => {}
        }
        self.input_tokens += counted.input_tokens;
        self.output_tokens += counted.output_tokens;
        self.cost_micros += counted.cost_micros;
    }
}

/// Returns a percentile of `values`: pairs of a value and its count, in ascending order.
fn percentile(values: &[(i64, i64)], of_a_hundred: i64) -> Option<i64> {
    let all: i64 = values.iter().map(|(_, count)| count).sum();
    let rank = (all * of_a_hundred + 99) / 100;
    let mut before = 0;
    values.iter().find_map(|(value, count)| {
        before += count;
        (before >= rank).then_some(*value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(zone: &str, from: &str, to: &str) -> Vec<(String, i64)> {
        let at =
            |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_millis();
        let range = Range { from: Some(at(from)), to: Some(at(to)), zone: Some(zone.into()) };
        let days = range.days().unwrap();
        for pair in days.windows(2) {
            assert_eq!(pair[0].1.to, pair[1].1.from, "no moment is lost, and none is twice there");
        }
        assert_eq!((days[0].1.from, days.last().unwrap().1.to), (at(from), at(to)));
        days.iter()
            .map(|(day, span)| (day.to_string(), (span.to - span.from) / 3_600_000))
            .collect()
    }

    #[test]
    fn days_have_as_many_hours_as_the_zone_gives_them() {
        let madrid = hours("Europe/Madrid", "2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z");
        let spring = [("2026-03-28", 24), ("2026-03-29", 23), ("2026-03-30", 24)];
        assert_eq!(madrid, spring.map(|(day, hours)| (day.to_owned(), hours)));
        let autumn = hours("Europe/Madrid", "2026-10-24T10:00:00Z", "2026-10-26T05:00:00Z");
        assert_eq!(
            autumn,
            [("2026-10-24", 12), ("2026-10-25", 25), ("2026-10-26", 6)]
                .map(|(d, h)| (d.to_owned(), h))
        );
        // Clocks were put forward at midnight, so the day began at one.
        let beirut = hours("Asia/Beirut", "2021-03-27T00:00:00Z", "2021-03-29T00:00:00Z");
        assert_eq!(beirut[1], ("2021-03-28".to_owned(), 23));
        // Samoa skipped this day.
        let apia = hours("Pacific/Apia", "2011-12-29T12:00:00Z", "2012-01-01T00:00:00Z");
        assert!(apia.iter().any(|(day, hours)| day == "2011-12-30" && *hours == 0), "{apia:?}");
        let utc = hours("UTC", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        assert_eq!(utc, [("2026-01-01".to_owned(), 24)]);
    }

    #[test]
    fn ranges_that_make_no_sense_are_refused() {
        let range = |from, to, zone: &str| Range { from, to, zone: Some(zone.into()) }.days();
        assert!(range(Some(2), Some(1), "UTC").is_err());
        assert!(range(Some(1), Some(2), "Mars/Olympus").is_err());
        assert!(range(Some(0), Some(94 * DAY_MS), "UTC").is_err());
        assert!(range(Some(i64::MIN), Some(i64::MAX), "UTC").is_err());
        assert!(range(Some(i64::MAX - 5), Some(i64::MAX), "UTC").is_err());
        assert!(range(None, Some(i64::MIN), "UTC").is_err());
        assert_eq!(range(Some(0), Some(92 * DAY_MS), "UTC").unwrap().len(), 92);
        assert_eq!(
            range(None, None, "Asia/Kathmandu").unwrap().len(),
            31,
            "30 days, cut at both ends"
        );
    }

    #[test]
    fn percentiles_are_values_that_were_there() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[(10, 1)], 95), Some(10));
        assert_eq!(percentile(&[(10, 50), (20, 45), (30, 5)], 50), Some(10));
        assert_eq!(percentile(&[(10, 50), (20, 45), (30, 5)], 95), Some(20));
        assert_eq!(percentile(&[(10, 50), (20, 44), (30, 6)], 95), Some(30));
    }
}
