//! Judges a run by the recorded facts and the API's data. Pure but for reading the API.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use frontdesk::domain::time::now_ms;
use serde_json::Value;

use super::ledger::{Mark, Moments};
use super::plan::{APOLOGY, RESENT_AFTER, resends};
use crate::support::app::KEY;
use crate::support::graph::SentMessage;

/// Maximum time from reading a conversation to asking the model, as the desk measures it: a message
/// acknowledged within this time may be left for the next turn.
const READING: Duration = Duration::from_millis(400);

/// The data to judge by.
pub(super) struct Evidence {
    /// When each message was acknowledged.
    pub(super) acknowledged: Moments,
    /// When the model was last asked about each message, by the model's clock: later than the desk
    /// asked.
    pub(super) asked: Moments,
    /// The desk's times of the turns that asked the model, by turn id.
    pub(super) turns: HashMap<String, TurnTimes>,
    /// The messages that WhatsApp accepted, in order.
    pub(super) sent: Vec<SentMessage>,
    /// When the desk first acknowledged a status event of a message of ours, by WhatsApp's id.
    pub(super) reported: HashMap<String, Instant>,
    /// Every message of every conversation, from the API.
    pub(super) rows: Vec<Value>,
}

/// The times of a turn, as the desk measures them.
#[derive(Clone, Copy)]
pub(super) struct TurnTimes {
    /// Latest time at which it asked the model: includes the wait for its commit.
    asked: Instant,
    /// When it was recorded, in milliseconds since 1970.
    created_at: i64,
    /// Duration of the model's answer in milliseconds.
    took_ms: f64,
    /// Duration of the whole pipeline in milliseconds.
    total_ms: f64,
}

/// The result of a run.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Replies that WhatsApp accepted.
    pub(super) replies: usize,
    /// Number of apologies among them.
    pub(super) apologies: usize,
    /// Acknowledged messages with neither an answer nor an apology.
    pub(super) lost: Vec<String>,
    /// Messages answered and replies sent more than once.
    pub(super) twice: Vec<String>,
    /// Replies sent again according to the number's setting, because no status event of the first
    /// copy had arrived.
    pub(super) resent: usize,
    /// Messages answered after a later one, although they were present when that one's turn began.
    pub(super) unordered: Vec<String>,
    /// Replies that are neither an answer nor an apology.
    pub(super) strange: Vec<String>,
    /// Our messages whose outcome was unknown for a time.
    pub(super) unknown_met: usize,
    /// Messages that are not settled.
    pub(super) unsettled: Vec<String>,
    /// Acknowledged messages whose reply never left and is left to a person.
    pub(super) left: Vec<Mark>,
}

impl Verdict {
    pub(super) fn is_clean(&self) -> bool {
        let bad = [&self.lost, &self.twice, &self.unordered, &self.strange, &self.unsettled];
        bad.iter().all(|list| list.is_empty()) && (self.left.is_empty() || !resends())
    }
}

/// The result of an acknowledged message that is in no answer.
enum Fate {
    Apologised,
    LeftToAPerson,
    Lost,
}

impl Evidence {
    pub(super) fn judge(&self) -> Verdict {
        let mut verdict = Verdict { unsettled: self.unsettled(), ..Verdict::default() };
        let (answers, questions) = (self.answers(), self.questions());
        for (mark, taken) in answers.iter().filter(|(_, taken)| taken.len() > 1) {
            if self.is_resent(taken) {
                verdict.resent += 1;
            } else {
                verdict.twice.push(format!("{mark}: taken {taken:?}"));
            }
        }
        let acknowledged: BTreeSet<_> = self.acknowledged.keys().copied().collect();
        for mark in acknowledged.into_iter().filter(|mark| !answers.contains_key(mark)) {
            let question = questions.get(&mark);
            match question.map_or(Fate::Lost, |question| self.fate(question)) {
                Fate::Apologised => {}
                Fate::LeftToAPerson => verdict.left.push(mark),
                Fate::Lost => verdict.lost.push(format!("{mark}: {question:?}")),
            }
        }
        verdict.unordered = self.unordered(&answers, &questions);
        verdict.replies = self.sent.len();
        self.judge_apologies(&answers, &mut verdict);
        verdict.unknown_met = self.ours().filter(|row| was_unknown(row)).count();
        verdict
    }

    /// Returns the number of messages of a direction and of these kinds.
    pub(super) fn count(&self, direction: &str, kinds: &[&str]) -> usize {
        let counts = |row: &&Value| {
            row["direction"] == direction && kinds.iter().any(|kind| row["kind"] == *kind)
        };
        self.rows.iter().filter(counts).count()
    }

    /// Returns the messages that are not settled: waiting or being sent, with an unknown outcome
    /// although WhatsApp accepted them, accepted but not known to have arrived, or with a file that
    /// is not stored.
    pub(super) fn unsettled(&self) -> Vec<String> {
        let taken: HashMap<_, _> =
            self.sent.iter().map(|sent| (sent.reference.as_deref(), sent.id.as_str())).collect();
        let finished = |row: &&Value| match (row["state"].as_str(), taken.get(&row["id"].as_str()))
        {
            (Some("delivered" | "read"), Some(id)) => row["provider_id"] == *id,
            (Some("answered" | "stored" | "failed"), None) => true,
            (Some("unknown"), None) => !resends(),
            _ => false,
        };
        let is_whole = |row: &&Value| row["media"].is_null() || row["media"]["state"] == "stored";
        let open = self.rows.iter().filter(|row| !finished(row) || !is_whole(row));
        open.map(ToString::to_string).collect()
    }

    /// Returns the positions of each message's answers in the order of accepted messages.
    fn answers(&self) -> BTreeMap<Mark, Vec<usize>> {
        let mut answers: BTreeMap<Mark, Vec<usize>> = BTreeMap::new();
        for (place, sent) in self.sent.iter().enumerate() {
            for mark in Mark::all_in(&sent.text) {
                answers.entry(mark).or_default().push(place);
            }
        }
        answers
    }

    /// Returns whether these positions are copies of one reply, each sent again because the desk
    /// had acknowledged no status event of an earlier copy for [`RESENT_AFTER`]. WhatsApp's API
    /// offers no better check, so `resend` accepts this.
    fn is_resent(&self, taken: &[usize]) -> bool {
        resends()
            && taken.windows(2).all(|pair| {
                let (first, again) = (&self.sent[pair[0]], &self.sent[pair[1]]);
                let heard = self.reported.get(&first.id).is_some_and(|at| *at < again.received_at);
                first.reference.is_some()
                    && first.reference == again.reference
                    && !heard
                    && again.received_at.duration_since(first.received_at) >= RESENT_AFTER
            })
    }

    /// Returns the customers' messages in the database.
    fn questions(&self) -> BTreeMap<Mark, &Value> {
        let theirs = self.rows.iter().filter(|row| row["direction"] == "in");
        theirs
            .flat_map(|row| Mark::all_in(text(row)).into_iter().map(move |mark| (mark, row)))
            .collect()
    }

    fn fate(&self, question: &Value) -> Fate {
        let turn = &question["turn_id"];
        let mut replies = self.ours().filter(|row| !turn.is_null() && row["turn_id"] == *turn);
        match replies.next() {
            Some(reply) if self.was_taken(reply) => Fate::Apologised,
            Some(reply) if reply["state"] == "unknown" => Fate::LeftToAPerson,
            _ => Fate::Lost,
        }
    }

    /// Returns the messages answered after a later one of the same customer although the desk could
    /// know the order: the earlier one had been acknowledged when the model was asked about the
    /// later one.
    fn unordered(
        &self,
        answers: &BTreeMap<Mark, Vec<usize>>,
        questions: &BTreeMap<Mark, &Value>,
    ) -> Vec<String> {
        let mut unordered = Vec::new();
        for (late, late_at) in answers {
            let overtaken = |(early, early_at): &(&Mark, &Vec<usize>)| {
                let asked =
                    questions.get(*early).and_then(|question| self.asked(**early, question));
                let known = self.acknowledged.get(late).zip(asked);
                early_at[0] < late_at[0]
                    && known.is_some_and(|(there, asked)| *there + READING < asked)
            };
            let mut later =
                answers.range(*late..).take_while(|(mark, _)| mark.customer == late.customer);
            if let Some((by, _)) = later.find(overtaken) {
                unordered.push(self.overtaking(*late, *by, questions));
            }
        }
        let by_staff: Vec<_> =
            answers.iter().filter(|(mark, _)| !questions.contains_key(mark)).collect();
        for pair in by_staff.windows(2) {
            let ((first, first_at), (then, then_at)) = (pair[0], pair[1]);
            if first.customer == then.customer && first_at[0] > then_at[0] {
                unordered.push(format!("{first} of the staff was overtaken by {then}"));
            }
        }
        for sent in &self.sent {
            let marks = Mark::all_in(&sent.text);
            if !marks.is_sorted() {
                unordered.push(format!("within one reply: {}", sent.text));
            }
        }
        unordered
    }

    fn turn(&self, question: &Value) -> Option<&TurnTimes> {
        self.turns.get(question["turn_id"].as_str()?)
    }

    /// Returns when the model was asked about a message: the earlier of the desk's and the model's
    /// times, because both are late.
    fn asked(&self, mark: Mark, question: &Value) -> Option<Instant> {
        let asked = self.turn(question)?.asked;
        Some(self.asked.get(&mark).map_or(asked, |seen| asked.min(*seen)))
    }

    /// Describes an answer out of order with the data that tells a fault of the desk from one of
    /// this judge; times are milliseconds since 1970.
    fn overtaking(&self, late: Mark, by: Mark, questions: &BTreeMap<Mark, &Value>) -> String {
        let moment = |moments: &Moments, mark: Mark| moments.get(&mark).copied().map(epoch_ms);
        let sent = questions.get(&late).map(|question| &question["sent_at"]);
        let acknowledged = moment(&self.acknowledged, late);
        let seen = moment(&self.asked, by);
        let turn = questions.get(&by).and_then(|question| self.turn(question));
        let turn = turn.map(|turn| {
            let TurnTimes { asked, created_at, took_ms, total_ms } = *turn;
            let asked = epoch_ms(asked);
            format!("asked {asked}, recorded {created_at}, took {took_ms} ms of {total_ms} ms")
        });
        format!(
            "{late} was overtaken by {by}: {late} sent {sent:?}, acknowledged {acknowledged:?}; \
             {by} seen by the model {seen:?}, its turn {turn:?}"
        )
    }

    /// Checks that each apology answers something, once, and that an apologised message got nothing
    /// else.
    fn judge_apologies(&self, answers: &BTreeMap<Mark, Vec<usize>>, verdict: &mut Verdict) {
        let mut apologised: BTreeMap<Mark, usize> = BTreeMap::new();
        for sent in self.sent.iter().filter(|sent| Mark::all_in(&sent.text).is_empty()) {
            if sent.text != APOLOGY {
                verdict.strange.push(format!("{sent:?}"));
                continue;
            }
            verdict.apologies += 1;
            let marks = self.asked_by(sent.reference.as_deref());
            if marks.is_empty() {
                verdict.twice.push(format!("an apology for nothing: {sent:?}"));
            }
            for mark in marks {
                *apologised.entry(mark).or_default() += 1;
            }
        }
        for (mark, times) in apologised {
            if times > 1 || answers.contains_key(&mark) {
                verdict.twice.push(format!("{mark}: {times} apologies, {:?}", answers.get(&mark)));
            }
        }
    }

    /// Returns the messages that a reply of ours answers, by its id.
    fn asked_by(&self, reply: Option<&str>) -> Vec<Mark> {
        let Some(reply) = self.ours().find(|row| row["id"].as_str() == reply) else {
            return Vec::new();
        };
        let same = |row: &&Value| row["direction"] == "in" && row["turn_id"] == reply["turn_id"];
        self.rows.iter().filter(same).flat_map(|row| Mark::all_in(text(row))).collect()
    }

    fn ours(&self) -> impl Iterator<Item = &Value> {
        self.rows.iter().filter(|row| row["direction"] == "out")
    }

    fn was_taken(&self, reply: &Value) -> bool {
        self.sent.iter().any(|sent| sent.reference.as_deref() == reply["id"].as_str())
    }
}

/// Returns whether a message's outcome was unknown for a time: the note about that stays.
fn was_unknown(row: &Value) -> bool {
    let noted = [&row["note"], &row["errors"]].map(ToString::to_string).join(" ");
    row["state"] == "unknown"
        || ["unknown", "the process ended"].iter().any(|words| noted.contains(words))
}

/// Converts to milliseconds since 1970.
fn epoch_ms(moment: Instant) -> i64 {
    now_ms() - i64::try_from(moment.elapsed().as_millis()).unwrap()
}

fn text(row: &Value) -> &str {
    row["text"].as_str().unwrap_or_default()
}

/// Reads every message of every conversation from a replica's API.
pub(super) async fn read_rows(url: &str) -> Vec<Value> {
    let http = reqwest::Client::new();
    let mut rows = Vec::new();
    for conversation in read_all(&http, &format!("{url}/api/v1/conversations")).await {
        let id = conversation["id"].as_str().unwrap();
        rows.extend(read_all(&http, &format!("{url}/api/v1/conversations/{id}/messages")).await);
    }
    rows
}

/// Reads when each turn of these messages asked the model.
pub(super) async fn read_turns(url: &str, rows: &[Value]) -> HashMap<String, TurnTimes> {
    let http = reqwest::Client::new();
    let ids: BTreeSet<_> = rows.iter().filter_map(|row| row["turn_id"].as_str()).collect();
    let (now, epoch) = (Instant::now(), now_ms());
    let mut turns = HashMap::new();
    for id in ids {
        let request = http.get(format!("{url}/api/v1/turns/{id}")).bearer_auth(KEY);
        let turn: Value = request.send().await.unwrap().json().await.unwrap();
        // Turns without a model's answer asked nothing.
        let Some(took_ms) = turn["trace"]["reply"]["took_ms"].as_f64() else { continue };
        let created_at = turn["created_at"].as_i64().unwrap();
        let ended = u64::try_from(epoch - created_at).unwrap();
        let since = Duration::from_millis(ended) + Duration::from_secs_f64(took_ms / 1000.0);
        let asked = now.checked_sub(since).unwrap();
        let total_ms = turn["trace"]["total_ms"].as_f64().unwrap();
        turns.insert(id.to_owned(), TurnTimes { asked, created_at, took_ms, total_ms });
    }
    turns
}

async fn read_all(http: &reqwest::Client, url: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = http.get(format!("{url}?limit=200{cursor}")).bearer_auth(KEY);
        let mut page: Value = request.send().await.unwrap().json().await.unwrap();
        items.append(page["items"].as_array_mut().unwrap());
        let Some(next) = page["next"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIRST: Mark = Mark { customer: 1, message: 1 };
    const SECOND: Mark = Mark { customer: 1, message: 2 };

    fn sent(reference: &str, text: &str) -> SentMessage {
        SentMessage {
            number: "1".into(),
            to: "+44".into(),
            text: text.into(),
            reply_to: None,
            reference: Some(reference.into()),
            id: format!("wamid.{reference}"),
            template: None,
            file: None,
            content: Value::Null,
            components: Value::Null,
            received_at: Instant::now(),
        }
    }

    fn question(mark: Mark, turn: &str) -> Value {
        json!({"direction": "in", "text": mark.to_string(), "state": "answered", "turn_id": turn, "id": mark.to_string()})
    }

    fn reply(id: &str, turn: &str, state: &str) -> Value {
        let provider_id = format!("wamid.{id}");
        json!({"direction": "out", "id": id, "turn_id": turn, "state": state, "provider_id": provider_id})
    }

    /// Two messages, acknowledged at once; then the model was asked about each, and each was
    /// answered.
    fn evidence() -> Evidence {
        let now = Instant::now();
        let asked = now + READING * 2;
        let turn = TurnTimes { asked, created_at: 0, took_ms: 0.0, total_ms: 0.0 };
        Evidence {
            acknowledged: [(FIRST, now), (SECOND, now)].into(),
            asked: [(FIRST, asked), (SECOND, asked)].into(),
            turns: [("t1".into(), turn), ("t2".into(), turn)].into(),
            sent: vec![sent("a", "Answered: c01m01."), sent("b", "Answered: c01m02.")],
            reported: HashMap::new(),
            rows: vec![
                question(FIRST, "t1"),
                reply("a", "t1", "read"),
                question(SECOND, "t2"),
                reply("b", "t2", "delivered"),
            ],
        }
    }

    #[test]
    fn a_message_answered_once_and_in_order_is_clean() {
        let verdict = evidence().judge();
        assert!(verdict.is_clean() && verdict.left.is_empty(), "{verdict:#?}");
        assert_eq!((verdict.replies, verdict.apologies, verdict.unknown_met), (2, 0, 0));
    }

    #[test]
    fn a_message_without_an_answer_is_lost() {
        let mut evidence = evidence();
        evidence.sent.pop();
        assert_eq!(evidence.judge().lost.len(), 1);
        evidence.rows.truncate(2);
        assert_eq!(evidence.judge().lost, ["c01m02: None"]);
    }

    #[test]
    fn a_reply_of_unknown_outcome_that_never_left_is_left_to_a_person() {
        let mut evidence = evidence();
        evidence.sent.pop();
        evidence.rows[3]["state"] = "unknown".into();
        let verdict = evidence.judge();
        assert_eq!((verdict.left, verdict.lost.len(), verdict.unknown_met), (vec![SECOND], 0, 1));
    }

    #[test]
    fn an_answer_sent_twice_is_found() {
        let mut evidence = evidence();
        evidence.sent.push(sent("b", "Answered: c01m02."));
        assert_eq!(evidence.judge().twice, ["c01m02: taken [1, 2]"]);
    }

    #[test]
    fn a_reply_whose_first_copy_was_not_reported_in_time_may_be_sent_again() {
        let resent = |after: Duration| {
            let mut evidence = evidence();
            let mut again = sent("b", "Answered: c01m02.");
            again.received_at = evidence.sent[1].received_at + after;
            again.id = "wamid.again".into();
            evidence.sent.push(again);
            evidence
        };
        let verdict = resent(RESENT_AFTER).judge();
        assert_eq!((verdict.twice.len(), verdict.resent), (0, 1));
        assert_eq!(resent(RESENT_AFTER / 2).judge().twice.len(), 1);
        let mut evidence = resent(RESENT_AFTER);
        evidence.reported.insert("wamid.b".into(), evidence.sent[1].received_at);
        assert_eq!(evidence.judge().twice.len(), 1);
        let mut evidence = resent(RESENT_AFTER);
        evidence.sent[2].reference = Some("c".into());
        assert_eq!(evidence.judge().twice.len(), 1);
    }

    #[test]
    fn an_apology_is_an_answer_once_and_for_something() {
        let mut evidence = evidence();
        evidence.sent[1].text = APOLOGY.into();
        let verdict = evidence.judge();
        assert!(verdict.is_clean() && verdict.apologies == 1, "{verdict:#?}");
        evidence.sent.push(sent("b", APOLOGY));
        assert_eq!(evidence.judge().twice, ["c01m02: 2 apologies, None"]);
        evidence.sent[2] = sent("c", "Answered: c01m02.");
        assert_eq!(evidence.judge().twice, ["c01m02: 1 apologies, Some([2])"]);
        evidence.rows.remove(2);
        assert!(evidence.judge().twice[0].starts_with("an apology for nothing"));
    }

    #[test]
    fn only_what_was_there_in_time_can_be_out_of_order() {
        let mut evidence = evidence();
        evidence.sent.swap(0, 1);
        let told = evidence.judge().unordered;
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(told.starts_with("c01m01 was overtaken by c01m02: c01m01 sent "), "{told}");
        let late = evidence.asked[&SECOND];
        evidence.acknowledged.insert(FIRST, late);
        assert!(evidence.judge().is_clean());
        evidence.sent[0].text = "Answered: c01m02 c01m01.".into();
        assert_eq!(evidence.judge().unordered.len(), 1);
    }

    #[test]
    fn the_model_was_asked_when_the_first_to_say_so_says() {
        let swapped = || {
            let mut evidence = evidence();
            evidence.sent.swap(0, 1);
            evidence
        };
        // The turn waited for its commit.
        let mut evidence = swapped();
        let early = evidence.acknowledged[&SECOND];
        evidence.asked.insert(SECOND, early);
        assert!(evidence.judge().is_clean());
        // The request took long to reach the model.
        let mut evidence = swapped();
        evidence.turns.get_mut("t2").unwrap().asked = early;
        assert!(evidence.judge().is_clean());
    }

    #[test]
    fn what_is_still_going_or_was_taken_and_did_not_arrive_is_not_settled() {
        for state in ["queued", "sending", "unknown", "sent", "failed"] {
            let mut evidence = evidence();
            evidence.rows[3]["state"] = state.into();
            assert_eq!(evidence.judge().unsettled.len(), 1, "{state}");
        }
        let mut evidence = evidence();
        evidence.rows[3]["provider_id"] = "wamid.other".into();
        assert_eq!(evidence.judge().unsettled.len(), 1);
        evidence.rows[2]["state"] = "waiting".into();
        assert_eq!(evidence.judge().unsettled.len(), 2);
    }

    #[test]
    fn what_staff_write_leaves_once_in_order_and_files_are_stored() {
        let by_staff = || {
            let mut evidence = evidence();
            for (number, reference) in [(3, "c"), (4, "d")] {
                let mark = Mark { customer: 1, message: number };
                evidence.acknowledged.insert(mark, Instant::now());
                evidence.sent.push(sent(reference, &format!("{mark} for you")));
                evidence.rows.push(reply(reference, "", "read"));
            }
            evidence.rows[5]["media"] = json!({"state": "stored"});
            evidence
        };
        assert!(by_staff().judge().is_clean(), "{:#?}", by_staff().judge());
        let mut evidence = by_staff();
        evidence.sent.swap(2, 3);
        assert_eq!(evidence.judge().unordered, ["c01m03 of the staff was overtaken by c01m04"]);
        let mut evidence = by_staff();
        evidence.rows[5]["media"]["state"] = "waiting".into();
        assert_eq!(evidence.judge().unsettled.len(), 1);
        evidence.sent.pop();
        assert_eq!(evidence.judge().lost.len(), 1);
        let mut evidence = by_staff();
        evidence.sent.push(sent("d", "c01m04 for you"));
        assert_eq!(evidence.judge().twice.len(), 1);
    }

    #[test]
    fn what_is_neither_an_answer_nor_an_apology_is_strange() {
        let mut evidence = evidence();
        evidence.sent.push(sent("x", "I do not know that."));
        assert_eq!(evidence.judge().strange.len(), 1);
    }
}
