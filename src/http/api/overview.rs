//! The overview: what the desk did each day, in the zone of whoever looks at it.

use axum::Json;
use axum::extract::State;
use chrono::{NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::response::Answer;
use crate::domain::time::{DAY_MS, now_ms};
use crate::domain::trial::TrialKind;
use crate::domain::{Author, TurnOutcome};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Query;
use crate::store::figures::{Figures as Counted, Messages, Span, Turns};
use crate::store::trials::TrialTotals;

/// How many days are shown when nothing is asked for, and at most.
const USUAL_DAYS: i64 = 30;
const MOST_DAYS: i64 = 92;

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// From this moment on, milliseconds since 1970; without it the 30 days to `to`.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    from: Option<i64>,
    /// Up to this moment, milliseconds since 1970; now when it is not given. At most 92 days after `from`.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    to: Option<i64>,
    /// The zone in which days begin, as IANA names it, such as `Europe/Madrid`; UTC when it is not given.
    zone: Option<String>,
}

/// What the desk did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Overview {
    /// Day by day, the first first; days on which nothing happened are there.
    days: Vec<Day>,
    /// All days together.
    total: Figures,
    /// Why people were called, the most frequent reason first: at most 20.
    reasons: Vec<Reason>,
    /// What was tried and who paid for it, by kind; kinds of which nothing was tried are not here. It is in no other figure.
    trials: Vec<Trials>,
    /// Of what was written to customers by the bot and by people, the bot's part, 0 to 1; none where nothing was.
    share_by_bot: Option<f64>,
}

/// One day.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the API's names")]
pub(super) struct Day {
    /// The day in the zone, such as `2026-11-22`.
    day: String,
    /// When it begins, milliseconds since 1970.
    from: i64,
    /// What happened on it.
    #[serde(flatten)]
    figures: Figures,
}

/// What happened in a time.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Figures {
    /// Messages of customers.
    inbound: i64,
    /// Messages of ours that did not fail: the bot's, people's, and the desk's own notices.
    outbound: i64,
    /// Those of them that the bot wrote.
    by_bot: i64,
    /// Those of them that a person wrote, in the console or on the phone.
    by_person: i64,
    /// Runs of the pipeline.
    turns: i64,
    /// Turns that gave an answer from the documents.
    answered: i64,
    /// Turns in which the documents had no answer.
    no_answer: i64,
    /// Turns that ended in the failure sentence, or in which a voice note could not be heard.
    failures: i64,
    /// Cases that were opened for a person.
    hand_offs: i64,
    /// Messages of ours that were not sent or not delivered.
    failed_sends: i64,
    /// Messages of ours of which nobody knows whether they were sent.
    unknown_sends: i64,
    /// Tokens that models read.
    input_tokens: i64,
    /// Tokens that models wrote.
    output_tokens: i64,
    /// Money, in millionths of a dollar.
    cost_micros: i64,
    /// Half of all turns were committed within this time of the customer's last message, in milliseconds, to two digits or three.
    p50_ms: Option<i64>,
    /// 95 of 100 turns were.
    p95_ms: Option<i64>,
}

/// Why people were called.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reason {
    /// The reason of the cases.
    reason: String,
    /// How many cases have it.
    count: i64,
}

/// What models were asked for that no customer asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trials {
    /// Who tried.
    kind: TrialKind,
    /// How many: turns, rows of eval runs, prompts.
    runs: i64,
    /// Tokens that models read.
    input_tokens: i64,
    /// Tokens that models wrote.
    output_tokens: i64,
    /// Money, in millionths of a dollar.
    cost_micros: i64,
}

impl From<TrialTotals> for Trials {
    fn from(tried: TrialTotals) -> Self {
        let TrialTotals { kind, runs, input_tokens, output_tokens, cost_micros } = tried;
        Self { kind, runs, input_tokens, output_tokens, cost_micros }
    }
}

/// What the desk did, day by day.
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
    let reasons = reasons.map(|(reason, count)| Reason { reason, count }).collect();
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
        reasons,
        trials: counted.trials.into_iter().map(Trials::from).collect(),
    }))
}

impl Range {
    /// The days in it, cut where it begins and ends.
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
        // A day may have 25 hours.
        if to.saturating_sub(from) > MOST_DAYS * DAY_MS + DAY_MS {
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

/// The day of a moment in a zone.
fn date(zone: Tz, moment: i64) -> Option<NaiveDate> {
    zone.timestamp_millis_opt(moment).single().map(|at| at.date_naive())
}

/// When a day begins in a zone: at midnight, the first one where clocks are put back then, or where they are put forward at
/// midnight, at the first moment that there is.
fn begins(zone: Tz, day: NaiveDate) -> i64 {
    let midnight = day.and_time(NaiveTime::MIN);
    let mut quarters = (0..=24 * 4).map(|quarter| midnight + TimeDelta::minutes(15 * quarter));
    let first = quarters.find_map(|at| zone.from_local_datetime(&at).earliest());
    first.map_or_else(|| midnight.and_utc().timestamp_millis(), |at| at.timestamp_millis())
}

impl Figures {
    /// What was counted in the time of this place, or in all of them.
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

    /// Adds so many messages of an author.
    fn add_messages(&mut self, author: Author, count: i64) {
        match author {
            Author::Customer => self.inbound += count,
            Author::Bot => self.by_bot += count,
            Author::Person => self.by_person += count,
            Author::Notice | Author::Consent => {}
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
            // A word of another version: it is a turn of no kind that is shown.
            | Err(_) => {}
        }
        self.input_tokens += counted.input_tokens;
        self.output_tokens += counted.output_tokens;
        self.cost_micros += counted.cost_micros;
    }
}

/// The value that so many of a hundred do not exceed, of values in rising order with how often each is there.
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
        // Clocks were put forward at midnight: the day began at one.
        let beirut = hours("Asia/Beirut", "2021-03-27T00:00:00Z", "2021-03-29T00:00:00Z");
        assert_eq!(beirut[1], ("2021-03-28".to_owned(), 23));
        // A day that an island left out has no hours.
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
