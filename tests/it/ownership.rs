//! Ownership of conversations and the number of sends: any sequence of events on the real store,
//! compared with a simple model. No sequence lets the bot speak in a person's conversation.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use frontdesk::domain::intake::{self, IntakePolicy};
use frontdesk::domain::loop_guard::Limits;
use frontdesk::domain::time::now_ms;
use frontdesk::domain::{
    Account, AgentId, Author, Content, ConversationId, Delivery, Direction, Echo, Event, Fault,
    Inbound, Item, MessageId, MessageState, NumberId, Owner, Party, ProviderKind, Status, Then,
    TurnReason,
};
use frontdesk::store::finish::{CommitOutcome, Escalation, FinishedTurn};
use frontdesk::store::inbox::{Arrival, Offer, TakeIn};
use frontdesk::store::listing::Which;
use frontdesk::store::messages::MessageRow;
use frontdesk::store::outbox::{OutgoingRow, SendResult, Terms, ToSend};
use frontdesk::store::turns::Claim;
use frontdesk::store::{DatabaseKind, Store};
use model::{Due, Lease, Model, News, Place, REPEATS, Said, Wish};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tempfile::TempDir;

use crate::support::app::{Db, on_both};
use crate::support::postgres::Postgres;
use crate::support::store::{
    MINUTE, NO_PAIR, OwnStore, claim_sends, connect, finished_with, publish,
};

mod model;

/// A lease duration that has already expired, in milliseconds.
const RUN_OUT: i64 = -1000;
const CUSTOMERS: usize = 3;
const NUMBERS: usize = 2;
const WORDS: [&str; 3] = ["When do you open?", "And on Sunday?", "hello"];
const STATES: [&str; 4] = ["sent", "delivered", "read", "failed"];

/// An event. Numbers that select one of several are taken modulo their count.
#[derive(Debug, Clone)]
enum Op {
    /// A webhook with its content; and how many turns its receiver can run, with leases that expire
    /// at once or not.
    Webhook(Vec<Brought>, Option<(usize, bool)>),
    /// A customer writes after the person who owned the conversation has left.
    Back(usize, usize),
    ClaimTurns {
        limit: i64,
        run_out: bool,
    },
    Keep {
        run_out: bool,
    },
    Commit {
        claim: usize,
        replies: usize,
        hand_over: bool,
        gathered_anew: bool,
        /// Whether the first reply is claimed for sending, with a lease that expires at once or
        /// not.
        send: Option<bool>,
    },
    Release {
        claim: usize,
        due: Option<bool>,
        forget: bool,
    },
    Resolve(usize, usize),
    ClaimSends {
        limit: i64,
        run_out: bool,
    },
    Record {
        send: usize,
        how: How,
    },
    Sweep {
        number: usize,
        decide: bool,
    },
    Decide {
        number: usize,
        then: Then,
    },
    /// The process dies, and another one starts.
    Crash,
}

/// An item of a webhook; customers, numbers and selections are indexes.
#[derive(Debug, Clone)]
enum Brought {
    Text(usize, usize, usize),
    Again(usize),
    Stop(usize, usize),
    Start(usize, usize),
    /// A person writes from the phone.
    Person(usize, usize),
    /// The provider echoes a message that we sent.
    OwnEcho(usize),
    Status {
        message: usize,
        state: usize,
        referred: bool,
        first_try: bool,
    },
}

/// How a send is recorded.
#[derive(Debug, Clone, Copy)]
enum How {
    Sent,
    Again(bool),
    Unknown(bool),
    Failed,
}

fn news() -> impl Strategy<Value = Brought> {
    let place = || (0..CUSTOMERS, 0..NUMBERS);
    let status = (0..100_usize, 0..STATES.len(), any::<bool>(), any::<bool>());
    prop_oneof![
        6 => (0..CUSTOMERS, 0..NUMBERS, 0..WORDS.len()).prop_map(|(c, n, w)| Brought::Text(c, n, w)),
        1 => (0..100_usize).prop_map(Brought::Again),
        1 => place().prop_map(|(c, n)| Brought::Stop(c, n)),
        1 => place().prop_map(|(c, n)| Brought::Start(c, n)),
        1 => place().prop_map(|(c, n)| Brought::Person(c, n)),
        1 => (0..100_usize).prop_map(Brought::OwnEcho),
        3 => status.prop_map(|(message, state, referred, first_try)| {
            Brought::Status { message, state, referred, first_try }
        }),
    ]
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        4 => Just(How::Sent),
        2 => any::<bool>().prop_map(How::Again),
        2 => any::<bool>().prop_map(How::Unknown),
        1 => Just(How::Failed),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let then = prop_oneof![Just(Then::Ask), Just(Then::Resend), Just(Then::Drop)];
    let rarely = || prop::bool::weighted(0.25);
    let commit = (0..3_usize, 0..3_usize, rarely(), any::<bool>(), prop::option::of(rarely()));
    let offer = prop::option::of((1..4_usize, rarely()));
    let release = (0..100_usize, prop::option::of(any::<bool>()), any::<bool>());
    prop_oneof![
        8 => (prop::collection::vec(news(), 1..4), offer).prop_map(|(n, o)| Op::Webhook(n, o)),
        1 => (0..CUSTOMERS, 0..NUMBERS).prop_map(|(c, n)| Op::Back(c, n)),
        5 => (1..4_i64, rarely()).prop_map(|(limit, run_out)| Op::ClaimTurns { limit, run_out }),
        1 => rarely().prop_map(|run_out| Op::Keep { run_out }),
        6 => commit.prop_map(|(claim, replies, hand_over, gathered_anew, send)| Op::Commit {
            claim, replies, hand_over, gathered_anew, send
        }),
        1 => release.prop_map(|(claim, due, forget)| Op::Release { claim, due, forget }),
        2 => (0..CUSTOMERS, 0..NUMBERS).prop_map(|(c, n)| Op::Resolve(c, n)),
        6 => (1..4_i64, rarely()).prop_map(|(limit, run_out)| Op::ClaimSends { limit, run_out }),
        6 => (0..4_usize, how()).prop_map(|(send, how)| Op::Record { send, how }),
        2 => (0..NUMBERS, any::<bool>()).prop_map(|(number, decide)| Op::Sweep { number, decide }),
        2 => (0..NUMBERS, then).prop_map(|(number, then)| Op::Decide { number, then }),
        1 => Just(Op::Crash),
    ]
}

/// A claim, and the messages that were waiting at that time.
struct Held {
    claim: Claim,
    place: Place,
    gathered: Vec<(String, String)>,
}

type Checked<T = ()> = Result<T, TestCaseError>;

/// One sequence of events on its own database.
struct Play {
    store: Store,
    agent: AgentId,
    numbers: Vec<NumberId>,
    model: Model,
    ids: BTreeMap<String, Place>,
    claims: Vec<Held>,
    /// Every lease token ever issued.
    proofs: BTreeSet<(String, i64)>,
    sends: Vec<ToSend>,
    texts: Vec<(Place, String)>,
    /// The turn that answered each message.
    answered: HashMap<String, String>,
    /// Our messages that were certainly sent.
    settled: BTreeSet<String>,
    count: usize,
    _home: TempDir,
}

impl Play {
    async fn on(db: Db) -> Self {
        let OwnStore { store, home, .. } = OwnStore::in_home(db, home(), 2).await;
        let agent = publish(&store).await;
        let mut numbers = Vec::new();
        for slug in ["main", "second"] {
            numbers.push(connect(&store, (slug, slug), &agent).await);
        }
        Self {
            store,
            agent,
            numbers,
            model: Model::default(),
            ids: BTreeMap::new(),
            claims: Vec::new(),
            proofs: BTreeSet::new(),
            sends: Vec::new(),
            texts: Vec::new(),
            answered: HashMap::new(),
            settled: BTreeSet::new(),
            count: 0,
            _home: home,
        }
    }

    async fn step(&mut self, op: &Op) -> Checked {
        match op {
            Op::Webhook(news, offer) => self.webhook(news, *offer).await?,
            Op::Back(customer, number) => self.back((*customer, *number)).await?,
            Op::ClaimTurns { limit, run_out } => self.claim_turns(*limit, *run_out).await?,
            Op::Keep { run_out } => self.keep(*run_out).await?,
            Op::Commit { claim, replies, hand_over, gathered_anew, send } => {
                self.commit(*claim, (*replies, *hand_over, *send), *gathered_anew).await?;
            }
            Op::Release { claim, due, forget } => self.release(*claim, *due, *forget).await?,
            Op::Resolve(customer, number) => self.resolve((*customer, *number)).await?,
            Op::ClaimSends { limit, run_out } => self.claim_sends(*limit, *run_out).await?,
            Op::Record { send, how } => self.record(*send, *how).await?,
            Op::Sweep { number, decide } => self.sweep(*number, *decide).await?,
            Op::Decide { number, then } => self.decide(*number, *then).await?,
            Op::Crash => self.crash().await,
        }
        self.compare().await
    }

    // Incoming events.

    async fn webhook(&mut self, news: &[Brought], offer: Option<(usize, bool)>) -> Checked {
        let (mut items, mut statuses) = (Vec::new(), Vec::new());
        for one in news {
            if let Some(arrival) = self.arrival(one, &mut statuses) {
                items.push(arrival);
            }
        }
        self.model.settle(&statuses);
        self.take_in(items, offer).await
    }

    /// Updates the model and returns the event for the store. Statuses are applied after everything
    /// else of the webhook.
    fn arrival(&mut self, news: &Brought, statuses: &mut Vec<News>) -> Option<Arrival> {
        match news {
            Brought::Text(customer, number, words) => {
                Some(self.text((*customer, *number), WORDS[*words], Wish::None))
            }
            Brought::Stop(customer, number) => {
                Some(self.text((*customer, *number), "STOP", Wish::Stop))
            }
            Brought::Start(customer, number) => {
                Some(self.text((*customer, *number), "START", Wish::Start))
            }
            Brought::Again(pick) => {
                let (place, id) = self.texts.get(pick % self.texts.len().max(1))?.clone();
                Some(self.message(place, (&id, "the same again"), Wish::None))
            }
            Brought::Person(customer, number) => {
                let (place, id) = ((*customer, *number), self.fresh("wamid.phone"));
                self.model.take_over(place, &id);
                Some(self.echo(place, &id, "Ana here"))
            }
            Brought::OwnEcho(pick) => self.own_echo(*pick),
            Brought::Status { message, state, referred, first_try } => {
                let pick = (*message, *first_try);
                let (place, id, provider_id, _) = self.tried(pick)?;
                let other = |one: &News| one.id == id && one.provider_id != provider_id;
                if statuses.iter().any(other) {
                    return None;
                }
                let (state, referred) = (STATES[*state], *referred);
                let news = News { place, id, provider_id, state, referred };
                statuses.push(news.clone());
                Some(self.status(&news))
            }
        }
    }

    fn text(&mut self, place: Place, words: &str, wish: Wish) -> Arrival {
        let id = self.fresh("wamid.in");
        self.texts.push((place, id.clone()));
        self.model.hear(place, (&id, words), wish);
        self.message(place, (&id, words), wish)
    }

    /// Returns one of our messages that was tried: its conversation, its id, the provider's id, and
    /// its text.
    fn tried(&self, (pick, first_try): (usize, bool)) -> Option<(Place, String, String, String)> {
        let talks = self.model.talks.iter();
        let all = talks.flat_map(|(place, talk)| talk.said.iter().map(move |said| (*place, said)));
        let tried: Vec<_> = all.filter(|(_, said)| said.attempts > 0).collect();
        let (place, said) = tried.get(pick % tried.len().max(1))?;
        let attempt = if first_try { 1 } else { said.attempts };
        let provider_id = format!("wamid.{}.{attempt}", said.id);
        Some((*place, said.id.clone(), provider_id, said.body.clone()))
    }

    /// The provider echoes a message of ours that it accepted: no person took over.
    fn own_echo(&mut self, pick: usize) -> Option<Arrival> {
        let (place, id, provider_id, body) = self.tried((pick, false))?;
        let said = self.model.said(place, &id)?;
        let known = said.provider_id.as_deref() == Some(&*provider_id);
        let unsure = said.provider_id.is_none() && said.rank < 3;
        if said.author != "bot" || !(known || unsure) {
            return None;
        }
        if unsure {
            said.settle("sent", &provider_id);
        }
        Some(self.echo(place, &provider_id, &body))
    }

    /// The person is silent for longer than the number allows.
    async fn back(&mut self, place: Place) -> Checked {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let id = self.fresh("wamid.in");
        let words = format!("back {id}");
        self.model.hear(place, (&id, &words), Wish::Back);
        let arrival = self.message(place, (&id, &words), Wish::Back);
        self.take_in(vec![arrival], None).await
    }

    /// Takes in a webhook; the receiver may offer to run turns.
    async fn take_in(&mut self, items: Vec<Arrival>, offer: Option<(usize, bool)>) -> Checked {
        let (most, run_out) = offer.unwrap_or_default();
        let lease_ms = if run_out { RUN_OUT } else { MINUTE };
        let turns = Offer { most, lease_ms, reads: (50, 0) };
        let webhook = TakeIn {
            provider: ProviderKind::Meta,
            body: b"{}".to_vec(),
            items,
            candidates: Vec::new(),
            again: None,
            turns,
        };
        let taken = self.store.take_in(webhook).await;
        prop_assert!(taken.is_ok(), "a webhook was refused: {taken:?}");
        let taken = taken.unwrap();
        for row in self.store.conversations(&Which::default(), None, 100).await.unwrap() {
            let customer = row.wa_id.unwrap().trim_start_matches("4477").parse().unwrap();
            let number = self.numbers.iter().position(|id| id.as_str() == row.number_id).unwrap();
            self.ids.insert(row.id, (customer, number));
        }
        let claimable = self.model.claimable();
        prop_assert!(taken.claimed.len() <= most, "more turns than were offered");
        let brought: BTreeSet<_> =
            taken.events.iter().filter(|event| event.message.is_some()).collect();
        let asked = brought.iter().map(|event| self.ids[event.conversation.as_str()]);
        let asked: BTreeSet<_> = asked.filter(|place| claimable.contains(place)).collect();
        prop_assert!(taken.claimed.len() >= most.min(asked.len()), "a turn was left: {taken:?}");
        for (claim, said) in taken.claimed {
            let mut again = self.store.read_snapshot(&claim, 50, 0).await.unwrap();
            again.read_at = said.read_at;
            prop_assert_eq!(&said, &again);
            self.claimed(claim, &claimable, run_out).await?;
        }
        Ok(())
    }

    // Turns.

    async fn claim_turns(&mut self, limit: i64, run_out: bool) -> Checked {
        let claimable = self.model.claimable();
        let lease_ms = if run_out { RUN_OUT } else { MINUTE };
        let claims = self.store.claim_turns(limit, lease_ms).await.unwrap();
        prop_assert_eq!(claims.len(), claimable.len().min(usize::try_from(limit).unwrap()));
        for claim in claims {
            self.claimed(claim, &claimable, run_out).await?;
        }
        Ok(())
    }

    async fn claimed(
        &mut self,
        claim: Claim,
        claimable: &BTreeSet<Place>,
        run_out: bool,
    ) -> Checked {
        let place = self.ids[&claim.id];
        prop_assert!(claimable.contains(&place), "{place:?} is not due or held: {claim:?}");
        let fresh = self.proofs.insert((claim.id.clone(), claim.lease_token));
        prop_assert!(fresh, "a proof was given out twice: {claim:?}");
        let talk = self.model.talks.get_mut(&place).unwrap();
        talk.token = Some(claim.lease_token);
        talk.lease = if run_out { Lease::RunOut } else { Lease::Valid };
        let gathered = gather(&self.store, &claim).await;
        self.claims.push(Held { claim, place, gathered });
        Ok(())
    }

    async fn keep(&mut self, run_out: bool) -> Checked {
        let all = self.claims.iter().map(|held| held.claim.clone()).collect();
        let lease_ms = if run_out { RUN_OUT } else { MINUTE };
        let kept = self.store.extend_turn_leases(all, lease_ms).await.unwrap();
        let kept: BTreeSet<_> =
            kept.into_iter().map(|claim| (claim.id, claim.lease_token)).collect();
        let mut expected = BTreeSet::new();
        for held in &self.claims {
            let talk = self.model.talks.get_mut(&held.place).unwrap();
            if talk.token == Some(held.claim.lease_token) && talk.lease != Lease::None {
                talk.lease = if run_out { Lease::RunOut } else { Lease::Valid };
                expected.insert((held.claim.id.clone(), held.claim.lease_token));
            }
        }
        let conversations: BTreeSet<_> = kept.iter().map(|(id, _)| id).collect();
        prop_assert_eq!(conversations.len(), kept.len(), "two leases of one conversation");
        prop_assert_eq!(kept, expected, "other leases are kept than there are");
        Ok(())
    }

    /// Ends a turn; the newest claims come first.
    async fn commit(
        &mut self,
        pick: usize,
        (replies, hand_over, send): (usize, bool, Option<bool>),
        gathered_anew: bool,
    ) -> Checked {
        let Some(at) = newest(self.claims.len(), pick) else { return Ok(()) };
        if gathered_anew {
            self.claims[at].gathered = gather(&self.store, &self.claims[at].claim).await;
        }
        let replies: Vec<_> =
            (0..replies).map(|_| OutgoingRow::new(&self.fresh("reply"))).collect();
        let held = &self.claims[at];
        let answered = held.gathered.iter().map(|(id, _)| id.clone());
        let (reason, question, notices) =
            (TurnReason::Failure {}.into(), "what".into(), Vec::new());
        let turn = FinishedTurn {
            escalation: hand_over.then_some(Escalation {
                reason,
                question,
                hands_over: true,
                notices,
            }),
            send: send.map(|run_out| Terms {
                lease_ms: if run_out { RUN_OUT } else { MINUTE },
                ordered: false,
                pair: NO_PAIR,
            }),
            ..finished_with(&self.agent, &held.claim, (answered, replies.clone()))
        };
        let id = turn.id.to_string();
        let committed = self.store.commit_turn(turn).await.unwrap();
        let talk = self.model.talks.get_mut(&held.place).unwrap();
        let ours = talk.token == Some(held.claim.lease_token) && !talk.person;
        prop_assert_eq!(
            committed != CommitOutcome::Overtaken,
            ours,
            "{:?}, owner {}",
            held.claim,
            talk.person
        );
        if !ours {
            return Ok(());
        }
        for (_, provider_id) in &held.gathered {
            let before = self.answered.insert(provider_id.clone(), id.clone());
            prop_assert!(before.is_none(), "{provider_id} was answered by two turns");
            let heard = talk.heard.iter_mut().find(|heard| heard.provider_id == *provider_id);
            heard.unwrap().state = "answered";
        }
        if hand_over {
            talk.person = true;
            talk.void();
        } else {
            (talk.token, talk.lease) = (None, Lease::None);
            talk.look_again();
        }
        let at_once = send.is_some() && !replies.is_empty() && talk.is_silent();
        for reply in &replies {
            talk.say(if hand_over { "notice" } else { "bot" }, reply.text());
            talk.said.last_mut().unwrap().id = reply.id.to_string();
        }
        let CommitOutcome::Yes(Some(first)) = committed else {
            prop_assert!(!at_once, "a reply that may go at once was not claimed");
            return Ok(());
        };
        prop_assert!(at_once, "a reply was claimed that others stand before: {first:?}");
        prop_assert_eq!(&first.id, replies[0].id.as_str());
        self.goes_out(*first, send == Some(true)).await
    }

    async fn release(&mut self, pick: usize, due: Option<bool>, forget: bool) -> Checked {
        let Some(at) = newest(self.claims.len(), pick) else { return Ok(()) };
        let held = &self.claims[at];
        let moment = due.map(|later| now_ms() + if later { MINUTE } else { RUN_OUT });
        self.store.release_turn(&held.claim, moment, forget).await.unwrap();
        let talk = self.model.talks.get_mut(&held.place).unwrap();
        if talk.token == Some(held.claim.lease_token) {
            talk.lease = Lease::None;
            talk.look_again();
            if let Some(later) = due {
                talk.due = if later { Due::Later } else { Due::Now };
            }
        }
        Ok(())
    }

    async fn resolve(&mut self, place: Place) -> Checked {
        let Some((id, _)) = self.ids.iter().find(|(_, at)| **at == place) else { return Ok(()) };
        prop_assert!(self.store.resolve(&ConversationId::stored(id.clone())).await.unwrap());
        self.model.talks.get_mut(&place).unwrap().give_back();
        Ok(())
    }

    // Sends.

    async fn claim_sends(&mut self, limit: i64, run_out: bool) -> Checked {
        let lease_ms = if run_out { RUN_OUT } else { MINUTE };
        let claimed = claim_sends(&self.store, limit, lease_ms).await;
        let sendable = self.model.sendable();
        prop_assert_eq!(claimed.len(), sendable.len().min(usize::try_from(limit).unwrap()));
        for one in &claimed {
            prop_assert!(sendable.contains(one.id.as_str()), "not the next to be sent: {one:?}");
            prop_assert!(!self.settled.contains(&one.id), "sent a second time: {one:?}");
        }
        for one in claimed {
            self.goes_out(one, run_out).await?;
        }
        Ok(())
    }

    /// A message was claimed for sending: it passes the send gate or is held back.
    async fn goes_out(&mut self, one: ToSend, run_out: bool) -> Checked {
        let place = self.ids[&one.conversation_id];
        let talk = &self.model.talks[&place];
        prop_assert_eq!(one.owner == Some(Owner::Person), talk.person, "{:?}", one);
        let opted_out = self.model.opted_out.contains(&place.0);
        prop_assert_eq!(one.opted_out_at.is_some(), opted_out, "{:?}", one);
        let passes = passes(&one);
        let spoke = passes && one.author == Author::Bot && (talk.person || opted_out);
        prop_assert!(!spoke, "the bot speaks where it must not: {one:?}");
        let said = self.model.said(place, &one.id).unwrap();
        said.attempts += 1;
        prop_assert_eq!(one.attempts, said.attempts);
        said.put(("sending", 1), Due::Never);
        said.lease = if run_out { Lease::RunOut } else { Lease::Valid };
        if passes {
            self.sends.push(one);
        } else {
            self.store.record_send(&one, SendResult::Failed(fault())).await.unwrap();
            said.fail();
        }
        Ok(())
    }

    /// Records a send, perhaps long after others have decided about it.
    async fn record(&mut self, pick: usize, how: How) -> Checked {
        let Some(at) = newest(self.sends.len(), pick) else { return Ok(()) };
        let one = &self.sends[at];
        let provider_id = format!("wamid.{}.{}", one.id, one.attempts);
        let moment = |later: bool| now_ms() + if later { MINUTE } else { RUN_OUT };
        let ended = match how {
            How::Sent => SendResult::Sent(provider_id.clone()),
            How::Again(later) => SendResult::Again(moment(later), fault()),
            How::Unknown(later) => SendResult::Unknown(moment(later), fault()),
            How::Failed => SendResult::Failed(fault()),
        };
        let recorded = self.store.record_send(one, ended).await;
        prop_assert!(recorded.is_ok(), "a send could not be recorded: {recorded:?}");
        let said = self.model.said(self.ids[&one.conversation_id], &one.id).unwrap();
        let ours = said.state == "sending" && said.attempts == one.attempts;
        let due = |later| if later { Due::Later } else { Due::Now };
        match how {
            How::Sent if said.rank < 3 => said.settle("sent", &provider_id),
            How::Sent => drop(said.provider_id.get_or_insert(provider_id)),
            How::Again(later) if ours => said.put(("queued", 0), due(later)),
            How::Unknown(later) if ours => said.put(("unknown", 2), due(later)),
            How::Failed if ours => said.fail(),
            _ => {}
        }
        Ok(())
    }

    async fn sweep(&mut self, number: usize, decide: bool) -> Checked {
        let wait_ms = if decide { RUN_OUT } else { MINUTE };
        let found = self.store.sweep_sends(&self.numbers[number], wait_ms).await.unwrap();
        let mut expected = 0;
        for said in self.model.on(number).filter(|said| said.lease == Lease::RunOut) {
            said.put(("unknown", 2), if decide { Due::Now } else { Due::Later });
            expected += 1;
        }
        prop_assert_eq!(found, expected, "other sends are swept than have run out");
        Ok(())
    }

    async fn decide(&mut self, number: usize, then: Then) -> Checked {
        // Without a limit on resends: the model has none.
        let by = frontdesk::domain::Unknown { after_ms: 0, then, times: i64::MAX };
        let found = self.store.decide_unknown(&self.numbers[number], by, now_ms()).await.unwrap();
        let found = found.messages;
        let mut expected = 0;
        let overdue = |said: &&mut Said| said.state == "unknown" && said.due == Due::Now;
        for said in self.model.on(number).filter(overdue) {
            expected += 1;
            match then {
                Then::Ask => said.put(("unknown", 2), Due::Never),
                Then::Resend => said.put(("queued", 0), Due::Now),
                Then::Drop => said.put(("failed", 2), Due::Never),
            }
        }
        prop_assert_eq!(found, expected, "others are decided than were due");
        Ok(())
    }

    async fn crash(&mut self) {
        self.claims.clear();
        self.sends.clear();
        self.store.release_stale_leases().await.unwrap();
        if self.store.database() != DatabaseKind::Sqlite {
            return;
        }
        for talk in self.model.talks.values_mut() {
            talk.lease = Lease::None;
            let sending = talk.said.iter_mut().filter(|said| said.state == "sending");
            sending.for_each(|said| said.lease = Lease::RunOut);
        }
    }

    // The content of the database after each step.

    async fn compare(&mut self) -> Checked {
        for (id, place) in &self.ids {
            let id = ConversationId::stored(id.clone());
            let row = self.store.conversation(&id).await.unwrap().unwrap();
            let rows = self.store.thread(&id, None, 1000).await.unwrap();
            let talk = self.model.talks.get_mut(place).unwrap();
            prop_assert_eq!(row.owner == Owner::Person, talk.person, "owner of {:?}", place);
            name(&mut talk.said, &rows)?;
            let (mut found, mut expected) = (BTreeSet::new(), BTreeSet::new());
            for row in rows {
                let (id, ours) = (row.id.to_string(), row.direction == Direction::Out);
                let key = if ours { id } else { row.provider_id.clone().unwrap() };
                let known = row.provider_id.filter(|_| ours);
                found.insert((key, row.author.as_str(), row.state.as_str(), known));
            }
            for one in &talk.heard {
                expected.insert((one.provider_id.clone(), "customer", one.state, None));
            }
            for one in &talk.said {
                expected.insert((one.id.clone(), one.author, one.state, one.provider_id.clone()));
                if one.rank >= 3 {
                    self.settled.insert(one.id.clone());
                }
            }
            let wrong: Vec<_> = found.symmetric_difference(&expected).collect();
            prop_assert!(wrong.is_empty(), "messages of {place:?}, database or model: {wrong:#?}");
        }
        Ok(())
    }

    // Values as the provider would create them.

    fn fresh(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind} {}", self.count)
    }

    fn message(&self, place: Place, (id, words): (&str, &str), wish: Wish) -> Arrival {
        let message = Inbound {
            provider_id: id.into(),
            from: phone(place),
            sent_at: now_ms(),
            content: Content::Text { body: words.into() },
            reply_to: None,
            referral: None,
            group: None,
            imported: false,
            faults: Vec::new(),
        };
        let mut arrival = self.item(place.1, Event::Message(Box::new(message)));
        arrival.policy.return_ms = i64::from(wish == Wish::Back);
        arrival.policy.consent = match wish {
            Wish::Stop => Some(intake::ConsentRequest {
                out: true,
                reply: Some("Goodbye.".into()),
                practice: false,
            }),
            Wish::Start => Some(intake::ConsentRequest {
                out: false,
                reply: Some("Welcome back.".into()),
                practice: false,
            }),
            Wish::None | Wish::Back => None,
        };
        arrival
    }

    fn echo(&self, place: Place, id: &str, words: &str) -> Arrival {
        let echo = Echo {
            provider_id: id.into(),
            to: phone(place),
            sent_at: now_ms(),
            content: Content::Text { body: words.into() },
            imported: false,
        };
        self.item(place.1, Event::Echo(Box::new(echo)))
    }

    fn status(&self, news: &News) -> Arrival {
        let delivery = match news.state {
            "sent" => Delivery::Sent,
            "delivered" => Delivery::Delivered,
            "read" => Delivery::Read,
            _ => Delivery::Failed,
        };
        let status = Status {
            provider_id: news.provider_id.clone(),
            delivery,
            at: now_ms(),
            reference: news.referred.then(|| news.id.clone()),
            recipient: phone(news.place),
            faults: Vec::new(),
            window_closed: false,
            file_refused: false,
            pricing: None,
        };
        self.item(news.place.1, Event::Status(Box::new(status)))
    }

    fn item(&self, number: usize, event: Event) -> Arrival {
        let policy = IntakePolicy {
            gap_ms: 0,
            max_burst_ms: 0,
            stale_ms: 24 * 60 * MINUTE,
            return_ms: 0,
            paused: false,
            limits: Limits {
                repeats: i64::try_from(REPEATS).unwrap(),
                a_minute: 0,
                quick_replies: 0,
                quick_ms: 0,
            },
            consent: None,
        };
        let item = Item { number: Some(number.to_string()), account: Account::default(), event };
        Arrival { number: Some(self.numbers[number].clone()), item, policy, authenticated: true }
    }
}

/// Whether the send gate passes a message: the rule of `worker/gate.rs` on owner and opt-out,
/// repeated.
fn passes(message: &ToSend) -> bool {
    let speaks = ["bot", "consent"].contains(&message.author.as_str());
    let exempt = ["consent", "person"].contains(&message.author.as_str());
    !(speaks && message.owner != Some(Owner::Bot)) && (message.opted_out_at.is_none() || exempt)
}

/// Returns the ids of the messages waiting in a claimed conversation: ours and the provider's.
async fn gather(store: &Store, claim: &Claim) -> Vec<(String, String)> {
    let said = store.read_snapshot(claim, 50, 0).await.unwrap();
    said.waiting.into_iter().map(|row| (row.id, row.provider_id.unwrap())).collect()
}

/// Copies the ids that the store created to the model's messages.
fn name(said: &mut [Said], rows: &[MessageRow]) -> Checked {
    let known: BTreeSet<_> = said.iter().map(|one| one.id.clone()).collect();
    let ours = rows.iter().filter(|row| row.direction == Direction::Out).map(|row| row.id.as_str());
    let fresh: BTreeSet<_> = ours.filter(|id| !known.contains(*id)).collect();
    let nameless: Vec<_> = said.iter_mut().filter(|one| one.id.is_empty()).collect();
    prop_assert_eq!(fresh.len(), nameless.len(), "messages that nobody ordered, or lost ones");
    nameless.into_iter().zip(fresh).for_each(|(one, id)| id.clone_into(&mut one.id));
    Ok(())
}

/// Returns the index of a selection among `count`; 0 selects the newest.
fn newest(count: usize, pick: usize) -> Option<usize> {
    (count > 0).then(|| count - 1 - pick % count.max(1))
}

fn phone((customer, _): Place) -> Party {
    Party { wa_id: Some(format!("4477{customer}")), ..Party::default() }
}

fn fault() -> Fault {
    Fault { code: 1, title: "it went wrong".into(), details: None }
}

/// Creates a folder in memory if possible: the data does not have to survive.
fn home() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Plays `cases` sequences (or `PROPTEST_CASES`) and shows the shortest one that breaks a rule.
fn play(db: Db, cases: u32) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(cases);
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 3000, ..Config::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sequence = prop::collection::vec(op(), 1..60);
    let played = TestRunner::new(config).run(&sequence, |ops| {
        runtime.block_on(async {
            let mut play = Play::on(db).await;
            for op in &ops {
                play.step(op).await?;
            }
            play.store.close().await;
            Ok(())
        })
    });
    if let Err(broken) = played {
        panic!("{broken}");
    }
}

#[test]
fn no_sequence_of_events_lets_the_bot_speak_in_a_persons_conversation() {
    play(Db::Sqlite, 300);
}

#[test]
fn on_postgres_no_sequence_of_events_lets_the_bot_speak_in_a_persons_conversation() {
    if Postgres::shared().is_some() {
        play(Db::Postgres, 30);
    }
}

async fn follow(db: Db, ops: Vec<Op>) {
    let mut play = Play::on(db).await;
    for op in &ops {
        play.step(op).await.unwrap_or_else(|broken| panic!("{op:?}: {broken}"));
    }
}

/// A question, answered with one reply that is being sent.
fn being_sent() -> Vec<Op> {
    vec![
        Op::Webhook(vec![Brought::Text(0, 0, 0)], None),
        Op::ClaimTurns { limit: 1, run_out: false },
        Op::Commit { claim: 0, replies: 1, hand_over: false, gathered_anew: false, send: None },
        Op::ClaimSends { limit: 1, run_out: false },
    ]
}

on_both! {
    async fn who_opts_out_on_one_number_is_opted_out_on_all_in_the_same_batch(db) {
        follow(db, vec![
            Op::Webhook(vec![Brought::Text(0, 0, 0), Brought::Text(0, 1, 0)], None),
            Op::Webhook(vec![Brought::Stop(0, 0), Brought::Text(0, 1, 1)], None),
            Op::Webhook(vec![Brought::Text(0, 0, 1), Brought::Text(0, 1, 2)], None),
            Op::ClaimTurns { limit: 3, run_out: false },
        ])
        .await;
    }

    async fn what_is_asked_in_the_same_batch_after_opting_in_again_waits_for_its_answer(db) {
        let news = vec![
            Brought::Text(0, 0, 0),
            Brought::Stop(0, 0),
            Brought::Start(0, 0),
            Brought::Text(0, 0, 1),
        ];
        follow(db, vec![Op::Webhook(news, None), Op::ClaimTurns { limit: 3, run_out: false }]).await;
    }

    async fn a_status_without_our_reference_hides_none_that_has_it(db) {
        let status = |state, referred| Brought::Status { message: 0, state, referred, first_try: true };
        let mut ops = being_sent();
        ops.push(Op::Webhook(vec![status(0, true), status(1, false)], None));
        follow(db, ops).await;
    }

    async fn the_echo_of_a_message_whose_outcome_was_decided_already_is_no_persons(db) {
        for then in [Then::Ask, Then::Resend, Then::Drop] {
            let mut ops = being_sent();
            ops.push(Op::Record { send: 0, how: How::Unknown(false) });
            ops.push(Op::Decide { number: 0, then });
            ops.push(Op::Webhook(vec![Brought::OwnEcho(0)], None));
            ops.push(Op::ClaimSends { limit: 1, run_out: false });
            follow(db, ops).await;
        }
    }

    async fn our_own_message_told_back_twice_in_a_webhook_is_taken_in_and_no_persons(db) {
        let mut ops = being_sent();
        ops.push(Op::Webhook(vec![Brought::OwnEcho(0), Brought::OwnEcho(0)], None));
        follow(db, ops).await;
    }

    async fn an_echo_that_fits_two_replies_of_the_same_words_refuses_neither_status_nor_record(db) {
        for told in 0..2 {
            let mut play = Play::on(db).await;
            let sends = play.two_replies_of_the_same_words().await;
            let send = &sends[told];
            let provider_id = format!("wamid.{}.1", send.id);
            let echo = play.echo((0, 0), &provider_id, send.body.as_deref().unwrap());
            play.take_in(vec![echo], None).await.unwrap();
            let id = send.id.clone();
            let news = News { place: (0, 0), id, provider_id, state: "delivered", referred: true };
            play.take_in(vec![play.status(&news)], None).await.unwrap();
            play.store.record_send(send, SendResult::Sent(news.provider_id)).await.unwrap();
            let row = play.store.message(&MessageId::stored(send.id.clone())).await.unwrap();
            assert_eq!(row.unwrap().state, MessageState::Delivered);
        }
    }
}

impl Play {
    /// Answers two questions with the same words: the outcome of the first reply is unknown, the
    /// second is being sent.
    async fn two_replies_of_the_same_words(&mut self) -> Vec<ToSend> {
        for words in 0..2 {
            self.step(&Op::Webhook(vec![Brought::Text(0, 0, words)], None)).await.unwrap();
            self.step(&Op::ClaimTurns { limit: 1, run_out: false }).await.unwrap();
            // The same counter gives both replies the same words.
            let count = std::mem::replace(&mut self.count, 1000);
            let (claim, replies, hand_over, gathered_anew) = (0, 1, false, false);
            let commit = Op::Commit { claim, replies, hand_over, gathered_anew, send: None };
            self.step(&commit).await.unwrap();
            self.count = count;
            self.step(&Op::ClaimSends { limit: 1, run_out: false }).await.unwrap();
            if words == 0 {
                self.step(&Op::Record { send: 0, how: How::Unknown(true) }).await.unwrap();
            }
        }
        assert_eq!(self.sends[0].body, self.sends[1].body);
        self.sends.clone()
    }
}
