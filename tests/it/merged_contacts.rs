//! A customer who is known by phone in one contact and by business-scoped id or LID in another: a
//! message that carries ids of both makes them one, and nothing that either conversation holds is lost.

use std::time::Duration;

use frontdesk::domain::audit::{Action, Outcome};
use frontdesk::domain::intake::ConsentRequest;
use frontdesk::domain::time::now_ms;
use frontdesk::domain::{
    Account, AgentId, Author, Content, ConversationId, Echo, Event, FollowUpPlan, Inbound, Item,
    MessageReason, MessageState, NumberId, Owner, Party, ProviderKind, TurnId,
};
use frontdesk::store::audit::Filter;
use frontdesk::store::escalations::NewEscalation;
use frontdesk::store::finish::{CommitOutcome, FinishedTurn};
use frontdesk::store::inbox::{Arrival, Offer, TakeIn};
use frontdesk::store::listing::{ConversationRow, Which};
use frontdesk::store::messages::MessageRow;
use frontdesk::store::outbox::{SendResult, ToSend};
use frontdesk::store::staff_messages::{Reply, ReplyOutcome, Window};
use frontdesk::store::turns::Claim;
use frontdesk::store::{Settings, Store};
use futures::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::app::{Db, MAIN, Setup, change, on_both};
use crate::support::hooks::text_webhook;
use crate::support::store::{MINUTE, OwnStore, POLICY, claim_sends, connect, finished, publish};

const PHONE: &str = "447700900123";
const BSUID: &str = "GB.1349120865530274";
const LID: &str = "201234567890123";

/// Which ids a message carries.
#[derive(Debug, Clone, Copy)]
enum Ids {
    Phone,
    Bsuid,
    Lid,
    Both,
    PhoneLid,
    BsuidLid,
    All,
}

/// Two contacts with an id each, and a message that carries both ids.
const HALVES: [(Ids, Ids, Ids); 3] = [
    (Ids::Phone, Ids::Bsuid, Ids::Both),
    (Ids::Phone, Ids::Lid, Ids::PhoneLid),
    (Ids::Bsuid, Ids::Lid, Ids::BsuidLid),
];

impl Ids {
    fn party(self) -> Party {
        let (phone, bsuid, lid) = match self {
            Self::Phone => (Some(PHONE), None, None),
            Self::Bsuid => (None, Some(BSUID), None),
            Self::Lid => (None, None, Some(LID)),
            Self::Both => (Some(PHONE), Some(BSUID), None),
            Self::PhoneLid => (Some(PHONE), None, Some(LID)),
            Self::BsuidLid => (None, Some(BSUID), Some(LID)),
            Self::All => (Some(PHONE), Some(BSUID), Some(LID)),
        };
        let own = |id: Option<&str>| id.map(str::to_owned);
        Party { wa_id: own(phone), bsuid: own(bsuid), lid: own(lid), ..Party::default() }
    }
}

struct Ground {
    store: Store,
    agent: AgentId,
    numbers: [NumberId; 2],
    settings: Settings,
    url: String,
    home: TempDir,
}

impl Ground {
    async fn on(db: Db) -> Self {
        let OwnStore { store, settings, url, home } = OwnStore::on(db).await;
        let agent = publish(&store).await;
        let mut numbers = Vec::new();
        for slug in ["main", "shop"] {
            numbers.push(connect(&store, (slug, slug), &agent).await);
        }
        Self { store, agent, numbers: numbers.try_into().unwrap(), settings, url, home }
    }

    fn said(&self, number: usize, from: Party, id: &str) -> Arrival {
        let message = Inbound {
            provider_id: id.into(),
            from,
            sent_at: now_ms(),
            content: Content::Text { body: format!("question {id}") },
            reply_to: None,
            referral: None,
            group: None,
            imported: false,
            faults: Vec::new(),
        };
        self.arrival(number, Event::Message(Box::new(message)))
    }

    fn arrival(&self, number: usize, event: Event) -> Arrival {
        let number = self.numbers[number].clone();
        let item = Item { number: Some(number.to_string()), account: Account::default(), event };
        Arrival { number: Some(number), item, policy: POLICY, authenticated: true }
    }

    async fn take(&self, items: Vec<Arrival>) {
        Self::take_on(&self.store, items).await;
    }

    async fn take_on(store: &Store, items: Vec<Arrival>) {
        let turns = Offer::default();
        let (provider, body, candidates) = (ProviderKind::Meta, b"{}".to_vec(), Vec::new());
        let webhook = TakeIn { provider, body, items, candidates, again: None, turns };
        store.take_in(webhook).await.unwrap();
    }

    async fn hear(&self, number: usize, ids: Ids, id: &str) {
        self.take(vec![self.said(number, ids.party(), id)]).await;
    }

    async fn echo(&self, ids: Ids, id: &str) {
        let content = Content::Text { body: "Ana here".into() };
        let (provider_id, to, sent_at) = (id.into(), ids.party(), now_ms());
        let echo = Echo { provider_id, to, sent_at, content, imported: false };
        self.take(vec![self.arrival(0, Event::Echo(Box::new(echo)))]).await;
    }

    async fn all(&self) -> Vec<ConversationRow> {
        self.store.conversations(&Which::default(), None, 1000).await.unwrap()
    }

    async fn only(&self) -> ConversationRow {
        self.only_with(Ids::Both).await
    }

    /// The only conversation, with a customer of these ids.
    async fn only_with(&self, ids: Ids) -> ConversationRow {
        let mut all = self.all().await;
        assert_eq!(all.len(), 1, "{all:?}");
        let one = all.remove(0);
        assert_eq!(ids_of(&one), ids.party());
        one
    }

    async fn stop(&self, ids: Ids, id: &str) {
        let mut stop = self.said(0, ids.party(), id);
        stop.policy.consent = Some(ConsentRequest { out: true, reply: None, practice: false });
        self.take(vec![stop]).await;
    }

    /// Changes the database as an older version, which knows no LID.
    async fn change(&self, sql: &str) {
        change(self.home.path(), &self.url, sql).await;
    }

    async fn thread(&self, id: &str) -> Vec<MessageRow> {
        self.store.thread(&ConversationId::stored(id.into()), None, 1000).await.unwrap()
    }

    async fn states(&self, id: &str) -> Vec<(String, MessageState)> {
        let rows = self.thread(id).await.into_iter();
        let mut states: Vec<_> =
            rows.map(|row| (row.provider_id.unwrap_or_default(), row.state)).collect();
        states.sort_by(|one, other| one.0.cmp(&other.0));
        states
    }

    async fn claims(&self) -> Vec<Claim> {
        self.store.claim_turns(10, MINUTE).await.unwrap()
    }

    async fn finished(&self, claim: &Claim, replies: &[&str]) -> FinishedTurn {
        finished(&self.store, &self.agent, claim, replies).await
    }

    async fn answer(&self, claim: &Claim, replies: &[&str]) -> CommitOutcome {
        self.store.commit_turn(self.finished(claim, replies).await).await.unwrap()
    }

    async fn claim_sends(&self) -> Vec<ToSend> {
        claim_sends(&self.store, 10, MINUTE).await
    }
}

on_both! {
    async fn two_become_one_and_nothing_is_lost(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Phone, "m1").await;
        let first = ground.claims().await.remove(0);
        assert_eq!(ground.answer(&first, &["To the phone."]).await, CommitOutcome::Yes(None));
        ground.hear(0, Ids::Bsuid, "m2").await;
        let second = ground.claims().await.remove(0);
        assert_eq!(ground.answer(&second, &["To the id."]).await, CommitOutcome::Yes(None));
        ground.hear(1, Ids::Bsuid, "m3").await;
        ground.hear(0, Ids::Bsuid, "m4").await;
        assert_eq!(ground.all().await.len(), 3);

        ground.hear(0, Ids::Both, "m5").await;
        let all = ground.all().await;
        assert_eq!(all.len(), 2, "one on each number: {all:?}");
        assert_eq!(all[0].contact_id, all[1].contact_id);
        let one = all.iter().find(|row| row.number_slug == "main").unwrap();
        assert_eq!((one.wa_id.as_deref(), one.bsuid.as_deref()), (Some(PHONE), Some(BSUID)));
        assert_eq!((one.id.as_str(), one.unread), (first.id.as_str(), 4));
        let rows = ground.thread(&one.id).await;
        assert_eq!(rows.len(), 6, "four questions and two answers: {rows:?}");
        assert_eq!(ground.store.turn(&turn_of(&rows, "To the id.")).await.unwrap()
            .map(|turn| turn.conversation_id), Some(one.id.clone()));

        let current = ground.store.current_conversation(&second.conversation()).await.unwrap();
        assert_eq!(current.as_str(), one.id, "a link to the former conversation leads to this one");

        let claims = ground.claims().await;
        assert_eq!(claims.len(), 2, "a turn on each number: {claims:?}");
        let turn = claims.iter().find(|claim| claim.id == one.id).unwrap();
        let waiting = ground.finished(turn, &[]).await.answered.len();
        assert_eq!(waiting, 2, "what waited in both is answered by one turn");
        assert_eq!(ground.answer(turn, &["To both."]).await, CommitOutcome::Yes(None));

        let mut texts = Vec::new();
        loop {
            let mut sends = ground.claim_sends().await;
            sends.retain(|one| one.number_id == ground.numbers[0].as_str());
            assert!(sends.len() < 2, "one at a time: {sends:?}");
            let Some(send) = sends.pop() else { break };
            let to = (send.wa_id.as_deref(), send.bsuid.as_deref());
            assert_eq!(to, (Some(PHONE), Some(BSUID)));
            let id = SendResult::Sent(format!("out.{}", send.id));
            ground.store.record_send(&send, id).await.unwrap();
            texts.push(send.body.unwrap());
        }
        assert_eq!(texts, ["To the phone.", "To the id.", "To both."]);
        ground.hear(0, Ids::Bsuid, "m6").await;
        ground.hear(0, Ids::Phone, "m7").await;
        assert_eq!(ground.all().await.len(), 2, "either id finds the one conversation");
    }

    async fn a_silence_in_the_former_conversation_ends_with_it(db) {
        let ground = Ground::on(db).await;
        let plan = FollowUpPlan { ask: Some((0, "Did that help?".into())), close: None };
        for (ids, id) in [(Ids::Phone, "m1"), (Ids::Bsuid, "m2")] {
            ground.hear(0, ids, id).await;
            let turn = ground.finished(&ground.claims().await.remove(0), &["At nine."]).await;
            ground.store.commit_turn(FinishedTurn { follow_up: Some(plan.clone()), ..turn }).await.unwrap();
        }
        let due = ground.store.due_follow_ups(10).await.unwrap();
        assert_eq!(due.len(), 2);
        ground.hear(0, Ids::Both, "m3").await;
        let one = ConversationId::stored(ground.only().await.id);
        let due = ground.store.due_follow_ups(10).await.unwrap();
        assert_eq!(due.iter().map(|due| &due.conversation_id).collect::<Vec<_>>(), [&one]);
        let done = ground.store.follow_up(&one, Window::Always).await.unwrap();
        assert!(!done.said && !done.closed, "he has written: {done:?}");
        assert!(ground.store.due_follow_ups(10).await.unwrap().is_empty());
    }

    async fn a_change_that_came_as_the_other_contact_holds_once_they_are_one(db) {
        for (author, change) in [(Ids::Phone, Ids::Bsuid), (Ids::Bsuid, Ids::Phone)] {
            let ground = Ground::on(db).await;
            ground.hear(0, author, "m1").await;
            ground.hear(0, author, "m2").await;
            let running = ground.claims().await.remove(0);
            let late = ground.finished(&running, &["late"]).await;
            let edited = Content::Edited {
                original: "m1".into(),
                content: Some(Content::Text { body: "edited".into() }.into()),
            };
            let revoked = Content::Revoked { original: "m2".into() };
            for (id, content) in [("e1", edited), ("r2", revoked)] {
                let mut said = ground.said(0, change.party(), id);
                if let Event::Message(message) = &mut said.item.event {
                    message.content = content;
                }
                ground.take(vec![said]).await;
            }
            ground.hear(0, Ids::Both, "m3").await;
            assert_eq!(ground.store.commit_turn(late).await.unwrap(), CommitOutcome::Overtaken);
            let one = ground.only().await;
            let thread = ground.thread(&one.id).await;
            let said = |id: &str| {
                let row = thread.iter().find(|row| row.provider_id.as_deref() == Some(id)).unwrap();
                (row.body.as_deref(), row.deleted_at.is_some())
            };
            assert_eq!((said("m1"), said("m2")), ((Some("edited"), false), (None, true)));
            let next = ground.claims().await.remove(0);
            assert_eq!(ground.finished(&next, &[]).await.answered.len(), 2, "m1 and m3");
        }
    }

    async fn a_turn_that_runs_in_the_former_conversation_answers_nothing_and_its_message_waits(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Phone, "m1").await;
        ground.hear(0, Ids::Bsuid, "m2").await;
        let claims = ground.claims().await;
        let mut late = Vec::new();
        for claim in &claims {
            late.push(ground.finished(claim, &["late"]).await);
        }
        ground.hear(0, Ids::Both, "m3").await;
        let one = ground.only().await;
        let (kept, gone): (Vec<_>, Vec<_>) = late.into_iter().partition(|turn| turn.claim.id == one.id);
        for turn in gone {
            assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Overtaken);
        }
        for turn in kept {
            assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        }
        let next = ground.claims().await.remove(0);
        assert_eq!(ground.finished(&next, &[]).await.answered.len(), 2, "m2 and m3");
        assert_eq!(ground.answer(&next, &["now"]).await, CommitOutcome::Yes(None));
        let states = ground.states(&one.id).await;
        let open = states.iter().filter(|(_, state)| *state == MessageState::Waiting).count();
        assert_eq!(open, 0, "{states:?}");
        assert!(ground.claims().await.is_empty());
    }

    async fn the_bot_does_not_speak_where_a_person_had_one_of_the_two(db) {
        for person in [Ids::Phone, Ids::Bsuid] {
            let ground = Ground::on(db).await;
            ground.hear(0, Ids::Phone, "m1").await;
            ground.hear(0, Ids::Bsuid, "m2").await;
            let claims = ground.claims().await;
            let running = ground.finished(&claims[0], &["a turn that runs"]).await;
            assert_eq!(ground.answer(&claims[1], &["queued"]).await, CommitOutcome::Yes(None));
            ground.echo(person, "e1").await;
            ground.hear(0, Ids::Both, "m3").await;
            let one = ground.only().await;
            assert_eq!(one.owner, Owner::Person);
            assert_eq!(ground.store.commit_turn(running).await.unwrap(), CommitOutcome::Overtaken);
            assert!(ground.claim_sends().await.is_empty(), "the bot's message stays here");
            assert!(ground.claims().await.is_empty(), "no turn");
            let states = ground.states(&one.id).await;
            assert!(states.iter().all(|(_, state)| *state != MessageState::Waiting), "{states:?}");
        }
    }

    async fn who_opted_out_under_one_id_has_opted_out(db) {
        for stopped in [Ids::Phone, Ids::Bsuid] {
            let ground = Ground::on(db).await;
            ground.hear(0, Ids::Phone, "m1").await;
            ground.hear(0, Ids::Bsuid, "m2").await;
            let mut stop = ground.said(0, stopped.party(), "m3");
            stop.policy.consent = Some(ConsentRequest { out: true, reply: None, practice: false });
            ground.take(vec![stop]).await;
            ground.hear(0, Ids::Both, "m4").await;
            let one = ground.only().await;
            assert!(one.opted_out_at.is_some());
            assert!(ground.claims().await.is_empty(), "nothing is answered any more");
        }
    }

    async fn a_merge_is_written_down_once_without_the_phone_number(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Phone, "m1").await;
        ground.hear(0, Ids::Bsuid, "m2").await;
        ground.hear(1, Ids::Bsuid, "m3").await;
        let all = ground.all().await;
        let contact = |wa_id: Option<&str>| {
            let row = all.iter().find(|row| row.wa_id.as_deref() == wa_id).unwrap();
            row.contact_id.clone()
        };
        assert!(ground.store.audit_log(&Filter::default(), 10).await.unwrap().is_empty());
        ground.hear(0, Ids::Both, "m4").await;
        ground.hear(0, Ids::Both, "m5").await;
        let log = ground.store.audit_log(&Filter::default(), 10).await.unwrap();
        assert_eq!(log.len(), 1, "{log:?}");
        let entry = &log[0];
        assert_eq!((entry.action, entry.outcome), (Action::ContactsMerged, Outcome::Done));
        assert_eq!((entry.actor.as_str(), entry.subject.clone()), ("desk", contact(Some(PHONE))));
        let detail: Value = serde_json::from_str(&entry.detail).unwrap();
        assert_eq!(detail, json!({"former": contact(None), "conversations": 3}));
        assert!(!format!("{entry:?}").contains(PHONE), "{entry:?}");
    }

    async fn a_webhook_with_all_three_in_any_order_makes_one(db) {
        let orders = [
            [Ids::Phone, Ids::Bsuid, Ids::Both],
            [Ids::Bsuid, Ids::Phone, Ids::Both],
            [Ids::Both, Ids::Bsuid, Ids::Phone],
        ];
        for order in orders {
            let ground = Ground::on(db).await;
            let said = |(at, ids): (usize, &Ids)| ground.said(0, ids.party(), &format!("m{at}"));
            ground.take(order.iter().enumerate().map(said).collect()).await;
            let one = ground.only().await;
            assert_eq!(ground.thread(&one.id).await.len(), 3, "{order:?}");
        }
    }

    async fn a_case_of_the_former_conversation_is_opened_in_the_one_that_stays(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Phone, "m1").await;
        ground.hear(0, Ids::Bsuid, "m2").await;
        let former = ground.all().await.into_iter().find(|row| row.wa_id.is_none()).unwrap();
        let opened = |reason: &str| NewEscalation {
            conversation: ConversationId::stored(former.id.clone()),
            reason: MessageReason::unsent(reason.into()).into(),
            question: "When?".into(),
        };
        ground.store.open_case(opened("before")).await.unwrap();
        ground.hear(0, Ids::Both, "m3").await;
        ground.store.open_case(opened("after")).await.unwrap();
        let one = ground.only().await;
        let cases = ground.store.escalations(true, None, 10).await.unwrap();
        assert_eq!(cases.len(), 2);
        assert!(cases.iter().all(|case| case.conversation_id.as_str() == one.id), "{cases:?}");
        assert!(ground.store.resolve(&ConversationId::stored(one.id)).await.unwrap());
        let open = ground.store.escalations(true, None, 10).await.unwrap();
        assert!(open.is_empty(), "{open:?}");
    }

    async fn what_a_person_does_under_the_former_id_is_done_in_the_one_that_stays(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Phone, "m1").await;
        ground.hear(0, Ids::Bsuid, "m2").await;
        let former = ground.all().await.into_iter().find(|row| row.wa_id.is_none()).unwrap();
        let reply = |key: &str| Reply {
            conversation: ConversationId::stored(former.id.clone()),
            key: key.into(),
            content: Content::Text { body: "Hello".into() },
            quotes: None,
            window: Window::Always,
        };
        let first = ground.store.write(reply("key")).await.unwrap();
        let ReplyOutcome::Now { message, .. } = first else { panic!("{first:?}") };
        ground.hear(0, Ids::Both, "m3").await;
        let again = ground.store.write(reply("key")).await.unwrap();
        assert_eq!(again, ReplyOutcome::Before(message), "it is not written twice");
        let place = reply("").conversation;
        assert_eq!(ground.store.mark_seen(&place).await.unwrap(), Some(true));
        let next = ground.store.write(reply("other key")).await.unwrap();
        assert!(matches!(next, ReplyOutcome::Now { .. }), "{next:?}");
        let (one, former) = (ground.only().await, place);
        assert_eq!(ground.thread(&one.id).await.len(), 5, "three of theirs, two of ours");
        assert!(ground.store.resolve(&former).await.unwrap());
        assert_eq!((ground.only().await.owner, ground.only().await.unread), (Owner::Bot, 0));
        assert!(ground.store.take_over(&former).await.unwrap());
        assert_eq!(ground.only().await.owner, Owner::Person);
        let unknown = ConversationId::generate();
        assert!(!ground.store.take_over(&unknown).await.unwrap());
    }

    async fn who_opted_out_under_one_id_gets_nothing_on_the_other_s_numbers(db) {
        for (stopped, running) in [(Ids::Phone, Ids::Bsuid), (Ids::Bsuid, Ids::Phone)] {
            let ground = Ground::on(db).await;
            let mut stop = ground.said(0, stopped.party(), "m1");
            stop.policy.consent = Some(ConsentRequest { out: true, reply: None, practice: false });
            ground.take(vec![stop]).await;
            ground.take(vec![ground.said(1, running.party(), "m2")]).await;
            let claim = ground.claims().await.remove(0);
            let late = ground.finished(&claim, &["late"]).await;
            ground.hear(0, Ids::Both, "m3").await;
            assert_eq!(ground.store.commit_turn(late).await.unwrap(), CommitOutcome::Overtaken);
            assert!(ground.claims().await.is_empty(), "nothing waits");
            let states = ground.states(&claim.id).await;
            assert_eq!(states, [("m2".to_owned(), MessageState::Stored)]);
        }
    }

    async fn whatsapp_s_word_of_the_window_holds_unless_the_other_was_heard_since(db) {
        for heard_since in [false, true] {
            let ground = Ground::on(db).await;
            ground.hear(0, Ids::Phone, "m1").await;
            let claim = ground.claims().await.remove(0);
            assert_eq!(ground.answer(&claim, &["Hello."]).await, CommitOutcome::Yes(None));
            let refused = ground.claim_sends().await.remove(0);
            if !heard_since {
                let mut before = ground.said(0, Ids::Bsuid.party(), "m2");
                if let Event::Message(message) = &mut before.item.event {
                    message.sent_at -= MINUTE;
                }
                ground.take(vec![before]).await;
            }
            ground.store.close_window(&refused).await.unwrap();
            if heard_since {
                ground.hear(0, Ids::Bsuid, "m2").await;
            }
            ground.echo(Ids::Both, "e1").await;
            assert_eq!(ground.only().await.window_closed_at.is_none(), heard_since);
        }
    }

    async fn a_send_that_was_claimed_before_a_merge_is_recorded_after_it(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Phone, "m1").await;
        ground.hear(0, Ids::Bsuid, "m2").await;
        for claim in ground.claims().await {
            assert_eq!(ground.answer(&claim, &["Hello."]).await, CommitOutcome::Yes(None));
        }
        let sends = ground.claim_sends().await;
        assert_eq!(sends.len(), 2);
        ground.echo(Ids::Both, "e1").await;
        for send in &sends {
            let ended = SendResult::Sent(format!("out.{}", send.conversation_id));
            ground.store.record_send(send, ended).await.unwrap();
        }
        let one = ground.only().await;
        assert_eq!(one.owner, Owner::Person, "the echo is a person's");
        let rows = ground.thread(&one.id).await.into_iter();
        let sent = rows.filter(|row| row.author == Author::Bot && row.state == MessageState::Sent);
        assert_eq!(sent.count(), 2);
        for send in &sends {
            ground.store.close_window(send).await.unwrap();
        }
        assert!(ground.only().await.window_closed_at.is_some(), "the old id leads here, too");
    }

    async fn each_business_portfolio_s_id_finds_the_customer(db) {
        let ground = Ground::on(db).await;
        let theirs = |bsuid: &str| Party { bsuid: Some(bsuid.into()), ..Party::default() };
        let with_phone = |bsuid: &str| Party { wa_id: Some(PHONE.into()), ..theirs(bsuid) };
        ground.hear(0, Ids::Both, "m1").await;
        let unsigned = ground.said(1, with_phone("GB.3"), "m2");
        ground.take(vec![Arrival { authenticated: false, ..unsigned }]).await;
        ground.take(vec![ground.said(1, with_phone("GB.2"), "m3")]).await;
        let all = ground.all().await;
        assert_eq!((all.len(), &all[0].contact_id), (2, &all[1].contact_id));
        ground.take(vec![ground.said(1, theirs("GB.2"), "m4"), ground.said(0, Ids::Bsuid.party(), "m5")]).await;
        assert_eq!(ground.all().await.len(), 2, "found by either id");
        ground.take(vec![ground.said(1, theirs("GB.3"), "m6")]).await;
        assert_eq!(ground.all().await.len(), 3, "nobody signed that it is theirs");
    }

    async fn a_phone_that_a_customer_gave_up_is_nobody_s_in_any_spelling(db) {
        let ground = Ground::on(db).await;
        let with = |phone: &str, id: &str| {
            let bsuid = (id < "m3").then(|| BSUID.to_owned());
            ground.said(0, Party { wa_id: Some(phone.into()), bsuid, ..Party::default() }, id)
        };
        let (short, long) = ("555199998888", "5551999998888");
        ground.take(vec![with(short, "m1")]).await;
        ground.take(vec![with(long, "m2")]).await;
        let mut changed = with(short, "m3");
        if let Event::Message(message) = &mut changed.item.event {
            let new_wa_id = Some("5521988887777".into());
            message.content = Content::System { kind: "user_changed_number".into(), new_wa_id, new_bsuid: None, body: None };
        }
        ground.take(vec![changed]).await;
        assert_eq!(ground.all().await.len(), 1);
        ground.take(vec![with(long, "m4")]).await;
        assert_eq!(ground.all().await.len(), 2, "the next owner is another customer");
    }

    async fn the_ids_of_who_got_a_message_find_the_customer(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Phone, "m1").await;
        let claim = ground.claims().await.remove(0);
        assert_eq!(ground.answer(&claim, &["Hello."]).await, CommitOutcome::Yes(None));
        let send = ground.claim_sends().await.remove(0);
        ground.store.know_recipient(&send, &Ids::Both.party()).await.unwrap();
        ground.hear(0, Ids::Bsuid, "m2").await;
        ground.only().await;
        let other = Party { bsuid: Some("GB.9".into()), ..Party::default() };
        ground.take(vec![ground.said(0, other.clone(), "m3")]).await;
        ground.store.know_recipient(&send, &other).await.unwrap();
        ground.take(vec![ground.said(0, other, "m4")]).await;
        let all = ground.all().await;
        let theirs = all.iter().find(|row| row.bsuid.as_deref() == Some("GB.9")).unwrap();
        assert_eq!(ground.thread(&theirs.id).await.len(), 2, "an id of another customer stays there");
    }

    async fn who_opted_out_under_an_id_that_whatsapp_names_with_a_send_has_opted_out(db) {
        let ground = Ground::on(db).await;
        let mut stop = ground.said(0, Ids::Bsuid.party(), "m1");
        stop.policy.consent = Some(ConsentRequest { out: true, reply: None, practice: false });
        ground.take(vec![stop]).await;
        ground.hear(0, Ids::Phone, "m2").await;
        let claim = ground.claims().await.remove(0);
        assert_eq!(ground.answer(&claim, &["Hello.", "Again."]).await, CommitOutcome::Yes(None));
        let send = ground.claim_sends().await.remove(0);
        let ended = SendResult::Sent("out.1".into());
        ground.store.record_send(&send, ended).await.unwrap();
        assert!(!ground.store.know_recipient(&send, &Ids::Both.party()).await.unwrap().is_empty());
        assert!(ground.only().await.opted_out_at.is_some());
        assert!(ground.store.opted_out(PHONE).await.unwrap());
        assert!(ground.claim_sends().await.is_empty(), "the second message is withdrawn");
    }

    async fn whatsapp_says_with_an_answer_by_which_id_it_knows_the_customer(db) {
        let app = Setup::on(db).start().await;
        app.whatsapp.set_user_id(PHONE, BSUID);
        app.deliver(&text_webhook(MAIN, PHONE, "wamid.1", "When do you open?")).await;
        app.settle().await;
        let mut later: Value = serde_json::from_slice(&text_webhook(MAIN, PHONE, "wamid.2", "And on Sunday?")).unwrap();
        let value = &mut later["entry"][0]["changes"][0]["value"];
        for (part, key, by) in [("messages", "from", "from_user_id"), ("contacts", "wa_id", "user_id")] {
            let one = value[part][0].as_object_mut().unwrap();
            one.remove(key);
            one.insert(by.into(), json!(BSUID));
        }
        app.deliver(later.to_string().as_bytes()).await;
        app.settle().await;
        assert_eq!(app.thread(PHONE).await.iter().filter(|said| said["direction"] == "in").count(), 2);
        app.change(&format!("update contacts set lid = '{LID}'")).await;
        let one = app.conversation_with(PHONE).await;
        assert_eq!((one["bsuid"].as_str(), one["lid"].as_str()), (Some(BSUID), Some(LID)));
        app.stop().await;
    }

    async fn what_nobody_signed_makes_no_two_contacts_one(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Phone, "m1").await;
        ground.hear(0, Ids::Bsuid, "m2").await;
        let forged = Arrival { authenticated: false, ..ground.said(1, Ids::Both.party(), "m3") };
        ground.take(vec![forged]).await;
        let mains = ground.all().await.into_iter().filter(|row| row.number_slug == "main");
        assert_eq!(mains.count(), 2);
        ground.hear(1, Ids::Both, "m4").await;
        assert_eq!(ground.all().await.len(), 2, "one on each number");
    }

    async fn what_a_person_writes_during_a_merge_is_there_once_and_holds_the_bot_back(db) {
        for _ in 0..5 {
            let ground = Ground::on(db).await;
            ground.hear(0, Ids::Phone, "m1").await;
            ground.hear(0, Ids::Bsuid, "m2").await;
            let former = ground.all().await.into_iter().find(|row| row.wa_id.is_none()).unwrap();
            let reply = || Reply {
                conversation: ConversationId::stored(former.id.clone()),
                key: "key".into(),
                content: Content::Text { body: "Hello".into() },
                quotes: None,
                window: Window::Always,
            };
            let (written, ()) = tokio::join!(ground.store.write(reply()), ground.hear(0, Ids::Both, "m3"));
            let ReplyOutcome::Now { message, .. } = written.unwrap() else { panic!("not written") };
            assert_eq!(ground.store.write(reply()).await.unwrap(), ReplyOutcome::Before(message));
            let one = ground.only().await;
            assert_eq!(one.owner, Owner::Person);
            let rows = ground.thread(&one.id).await;
            assert_eq!(rows.iter().filter(|row| row.author == Author::Person).count(), 1);
            assert!(ground.claims().await.is_empty(), "no turn");
        }
    }

    async fn a_phone_with_a_new_owner_stays_apart(db) {
        let ground = Ground::on(db).await;
        let other = Party { bsuid: Some("GB.2".into()), ..Ids::Phone.party() };
        ground.take(vec![ground.said(0, other, "m1")]).await;
        ground.hear(0, Ids::Bsuid, "m2").await;
        ground.hear(0, Ids::Both, "m3").await;
        let mut bsuids: Vec<_> = ground.all().await.into_iter().map(|row| row.bsuid).collect();
        bsuids.sort();
        assert_eq!(bsuids, [Some(BSUID.to_owned()), Some("GB.2".to_owned())]);
    }

    async fn any_two_ids_make_one(db) {
        for (one, other, both) in HALVES {
            let ground = Ground::on(db).await;
            ground.hear(0, one, "m1").await;
            ground.hear(0, other, "m2").await;
            ground.hear(1, other, "m3").await;
            let all = ground.all().await;
            assert_eq!(all.len(), 3);
            let contact = |ids: Ids| {
                let row = all.iter().find(|row| ids_of(row) == ids.party()).unwrap();
                row.contact_id.clone()
            };
            ground.hear(0, both, "m4").await;
            let log = ground.store.audit_log(&Filter::default(), 10).await.unwrap();
            assert_eq!((log.len(), log[0].action), (1, Action::ContactsMerged), "{log:?}");
            assert_eq!(log[0].subject, contact(one), "the contact with the preferred id stays");
            let detail: Value = serde_json::from_str(&log[0].detail).unwrap();
            assert_eq!(detail, json!({"former": contact(other), "conversations": 3}));
            let all = ground.all().await;
            assert_eq!(all.len(), 2, "one on each number: {all:?}");
            assert!(all.iter().all(|row| ids_of(row) == both.party()), "{all:?}");

            let claims = ground.claims().await;
            let main = all.iter().find(|row| row.number_slug == "main").unwrap();
            let turn = claims.iter().find(|claim| claim.id == main.id).unwrap();
            assert_eq!(ground.finished(turn, &[]).await.answered.len(), 3);
            assert_eq!(ground.answer(turn, &["To both."]).await, CommitOutcome::Yes(None));
            let send = ground.claim_sends().await.remove(0);
            let Party { wa_id, bsuid, lid, .. } = both.party();
            assert_eq!((send.wa_id, send.bsuid, send.lid), (wa_id, bsuid, lid));
            ground.hear(0, other, "m5").await;
            ground.hear(0, one, "m6").await;
            assert_eq!(ground.all().await.len(), 2, "either id finds the one conversation");
        }
    }

    async fn three_ids_make_one_in_whatever_order_they_are_seen_together(db) {
        let orders: [&[Ids]; 7] = [
            &[Ids::Both, Ids::PhoneLid],
            &[Ids::PhoneLid, Ids::Both],
            &[Ids::BsuidLid, Ids::PhoneLid],
            &[Ids::BsuidLid, Ids::Both],
            &[Ids::Both, Ids::BsuidLid],
            &[Ids::PhoneLid, Ids::BsuidLid],
            &[Ids::All],
        ];
        for together in orders {
            let apart = [Ids::Lid, Ids::Phone, Ids::Bsuid];
            let each = || apart.iter().chain(together).enumerate();
            let messages = apart.len() + together.len();

            let ground = Ground::on(db).await;
            for (at, ids) in each() {
                ground.hear(0, *ids, &format!("m{at}")).await;
            }
            let one = ground.only_with(Ids::All).await;
            assert_eq!(ground.thread(&one.id).await.len(), messages, "{together:?}");
            let log = ground.store.audit_log(&Filter::default(), 10).await.unwrap();
            assert_eq!(log.len(), 2, "{together:?}");

            let ground = Ground::on(db).await;
            let said = |(at, ids): (usize, &Ids)| ground.said(0, ids.party(), &format!("m{at}"));
            ground.take(each().map(said).collect()).await;
            let one = ground.only_with(Ids::All).await;
            assert_eq!(ground.thread(&one.id).await.len(), messages, "in one webhook: {together:?}");
        }
    }

    async fn what_one_webhook_teaches_merges_stored_contacts_with_new_ones(db) {
        for stored in [Ids::Phone, Ids::Bsuid, Ids::Lid] {
            for [first, second] in [[Ids::Both, Ids::BsuidLid], [Ids::PhoneLid, Ids::Both], [Ids::BsuidLid, Ids::PhoneLid]] {
                let ground = Ground::on(db).await;
                ground.hear(0, stored, "m1").await;
                let known = ground.all().await.remove(0);
                let named = Party { name: Some("Ada".into()), username: Some("ada".into()), ..first.party() };
                ground.take(vec![ground.said(0, named, "m2"), ground.said(0, second.party(), "m3")]).await;
                let one = ground.only_with(Ids::All).await;
                assert_eq!(one.contact_id, known.contact_id, "{stored:?} {first:?}");
                assert_eq!(one.contact_name.as_deref(), Some("Ada"));
                for (at, ids) in [Ids::Phone, Ids::Bsuid, Ids::Lid].into_iter().enumerate() {
                    ground.hear(0, ids, &format!("n{at}")).await;
                }
                ground.only_with(Ids::All).await;
            }
        }
    }

    async fn two_customers_with_an_id_of_one_kind_stay_apart(db) {
        let ground = Ground::on(db).await;
        let other = Party { lid: Some("209".into()), ..Party::default() };
        ground.hear(0, Ids::PhoneLid, "m1").await;
        ground.take(vec![ground.said(0, Party { bsuid: Some(BSUID.into()), ..other.clone() }, "m2")]).await;
        ground.hear(0, Ids::Both, "m3").await;
        let all = ground.all().await;
        assert_eq!(all.len(), 2, "the phone may have a new owner: {all:?}");
        ground.take(vec![ground.said(0, other, "m4")]).await;
        ground.hear(0, Ids::Lid, "m5").await;
        assert_eq!(ground.all().await.len(), 2, "each LID finds its own");
        assert!(ground.store.audit_log(&Filter::default(), 10).await.unwrap().is_empty());
    }

    async fn a_phone_whose_account_has_another_lid_is_somebody_else_s(db) {
        let ground = Ground::on(db).await;
        let owner = |lid: &str, phone: Option<&str>| Party {
            wa_id: phone.map(ToOwned::to_owned),
            lid: Some(lid.into()),
            ..Party::default()
        };
        let new_phone = "447700960088";
        ground.take(vec![ground.said(0, owner("201", Some(PHONE)), "m1")]).await;
        // The phone has a new owner, whom nobody knows yet.
        ground.take(vec![ground.said(0, owner("202", Some(PHONE)), "m2")]).await;
        ground.take(vec![ground.said(0, owner("202", None), "m3")]).await;
        // The former one writes with the new phone.
        ground.take(vec![ground.said(0, owner("201", Some(new_phone)), "m4")]).await;
        ground.take(vec![ground.said(0, owner("201", None), "m5")]).await;
        let mut all: Vec<_> = ground.all().await.iter().map(ids_of).collect();
        all.sort_by(|one, other| one.lid.cmp(&other.lid));
        let mut known = vec![owner("201", Some(new_phone)), owner("202", None)];
        assert_eq!(all, known, "what one writes is answered to nobody else");
        // Now the phone is free for who has it.
        ground.take(vec![ground.said(0, owner("202", Some(PHONE)), "m6")]).await;
        known[1].wa_id = Some(PHONE.into());
        let mut all: Vec<_> = ground.all().await.iter().map(ids_of).collect();
        all.sort_by(|one, other| one.lid.cmp(&other.lid));
        assert_eq!(all, known);
        assert!(ground.store.audit_log(&Filter::default(), 10).await.unwrap().is_empty());
    }

    async fn who_opted_out_under_a_lid_has_opted_out(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::PhoneLid, "m1").await;
        ground.stop(Ids::Lid, "m2").await;
        assert!(ground.store.opted_out(PHONE).await.unwrap(), "one customer");
        ground.hear(0, Ids::Phone, "m3").await;
        assert!(ground.claims().await.is_empty());

        for (one, other, both) in HALVES {
            for stopped in [one, other] {
                let ground = Ground::on(db).await;
                ground.hear(0, one, "m1").await;
                ground.hear(0, other, "m2").await;
                ground.stop(stopped, "m3").await;
                ground.hear(0, both, "m4").await;
                let all = ground.all().await;
                assert!(all.iter().all(|row| row.opted_out_at.is_some()), "{stopped:?}: {all:?}");
                assert!(ground.claims().await.is_empty(), "nothing is answered any more");
            }
        }
    }

    async fn a_customer_who_is_known_by_a_lid_alone_is_answered_found_and_written_to(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Lid, "m1").await;
        ground.hear(0, Ids::Lid, "m2").await;
        let one = ground.only_with(Ids::Lid).await;
        let claim = ground.claims().await.remove(0);
        assert_eq!(ground.answer(&claim, &["Hello."]).await, CommitOutcome::Yes(None));
        let reply = Reply {
            conversation: ConversationId::stored(one.id.clone()),
            key: "key".into(),
            content: Content::Text { body: "Ana here".into() },
            quotes: None,
            window: Window::Always,
        };
        assert!(matches!(ground.store.write(reply).await.unwrap(), ReplyOutcome::Now { .. }));
        let send = ground.claim_sends().await.remove(0);
        assert_eq!((send.wa_id, send.bsuid, send.lid.as_deref()), (None, None, Some(LID)));
        let found = async |words: &str| {
            let which = Which { words: Some(words.into()), ..Which::default() };
            ground.store.conversations(&which, None, 10).await.unwrap().len()
        };
        assert_eq!((found(LID).await, found(&LID[3..9]).await), (1, 0));
        let to = ground.store.conversation_with(&ground.numbers[0], &Ids::Lid.party()).await.unwrap();
        assert_eq!(to.unwrap().as_str(), one.id);
    }

    async fn what_nobody_signed_makes_no_lid_known(db) {
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::Phone, "m1").await;
        ground.hear(0, Ids::Lid, "m2").await;
        let forged = Arrival { authenticated: false, ..ground.said(0, Ids::PhoneLid.party(), "m3") };
        ground.take(vec![forged]).await;
        assert_eq!(ground.all().await.len(), 2);
    }

    async fn the_answer_to_a_send_shows_the_other_ids(db) {
        for (known, named) in [(Ids::Phone, Ids::Lid), (Ids::Lid, Ids::Phone), (Ids::Bsuid, Ids::Lid)] {
            for is_contact in [false, true] {
                let ground = Ground::on(db).await;
                if is_contact {
                    ground.hear(0, named, "m0").await;
                }
                ground.hear(0, known, "m1").await;
                for claim in ground.claims().await {
                    assert_eq!(ground.answer(&claim, &["Hello."]).await, CommitOutcome::Yes(None));
                }
                let mut sends = ground.claim_sends().await;
                let is_to = |send: &ToSend, to: Ids| {
                    let (wa_id, bsuid, lid) = (send.wa_id.clone(), send.bsuid.clone(), send.lid.clone());
                    Party { wa_id, bsuid, lid, ..Party::default() } == to.party()
                };
                sends.retain(|send| is_to(send, known));
                let changed = ground.store.know_recipient(&sends[0], &named.party()).await.unwrap();
                assert_eq!(changed.len(), if is_contact { 2 } else { 0 }, "{known:?} {named:?}");
                let again = ground.store.know_recipient(&sends[0], &named.party()).await.unwrap();
                assert!(again.is_empty());
                ground.hear(0, named, "m2").await;
                let all = ground.all().await;
                assert_eq!(all.len(), 1, "{known:?} {named:?}: {all:?}");
                let both = ids_of(&all[0]);
                assert_eq!(both.ids().count(), 2, "{both:?}");
            }
        }
    }

    async fn the_answer_to_a_send_may_spell_the_phone_in_another_way(db) {
        let ground = Ground::on(db).await;
        let with = |phone: &str| Party { wa_id: Some(phone.into()), ..Ids::Lid.party() };
        let (short, long) = ("555199998888", "5551999998888");
        ground.hear(0, Ids::Lid, "m1").await;
        let claim = ground.claims().await.remove(0);
        assert_eq!(ground.answer(&claim, &["Hello."]).await, CommitOutcome::Yes(None));
        let send = ground.claim_sends().await.remove(0);
        ground.take(vec![ground.said(0, Party { lid: None, ..with(long) }, "m2")]).await;
        assert_eq!(ground.store.know_recipient(&send, &with(short)).await.unwrap().len(), 2);
        let all = ground.all().await;
        assert_eq!((all.len(), ids_of(&all[0])), (1, with(long)), "{all:?}");
    }

    async fn a_message_that_comes_while_the_answer_to_a_send_is_stored_is_the_customer_s(db) {
        for round in 0..20 {
            let ground = Ground::on(db).await;
            ground.hear(0, Ids::Phone, "m1").await;
            let claim = ground.claims().await.remove(0);
            assert_eq!(ground.answer(&claim, &["Hello."]).await, CommitOutcome::Yes(None));
            let send = ground.claim_sends().await.remove(0);
            let named = Ids::All.party();
            let know = ground.store.know_recipient(&send, &named);
            let (known, ()) = tokio::join!(know, ground.hear(0, Ids::Lid, "m2"));
            known.unwrap();
            let one = ground.only_with(Ids::All).await;
            assert_eq!(ground.thread(&one.id).await.len(), 3, "round {round}");
        }
    }

    async fn an_older_process_beside_this_one_knows_no_lid(db) {
        let ground = Ground::on(db).await;
        let insert = |id: &str, ids: &str| {
            format!(
                "insert into contacts (id, workspace_id, wa_id, bsuid, created_at, updated_at)
                 values ('{id}', 'ws_default', {ids}, 1, 1)"
            )
        };
        ground.change(&insert("contact_older", &format!("'{PHONE}', null"))).await;
        ground.hear(0, Ids::PhoneLid, "m1").await;
        assert_eq!(ground.only_with(Ids::PhoneLid).await.contact_id, "contact_older");
        // It changes the phone.
        ground.change("update contacts set wa_id = '447700900999' where id = 'contact_older'").await;
        ground.hear(0, Ids::Lid, "m2").await;
        assert_eq!(ground.all().await.len(), 1, "the LID still finds the customer");
        ground.hear(0, Ids::Phone, "m3").await;
        assert_eq!(ground.all().await.len(), 2, "the phone has a new owner");

        // It merges a contact with a LID into another, as it does with the ids that it knows.
        let ground = Ground::on(db).await;
        ground.hear(0, Ids::BsuidLid, "m1").await;
        let gone = ground.only_with(Ids::BsuidLid).await.contact_id;
        ground.change(&insert("contact_older", &format!("'{PHONE}', null"))).await;
        ground.change(&format!("update conversations set contact_id = 'contact_older' where contact_id = '{gone}'")).await;
        ground.change(&format!("update contact_identities set contact_id = 'contact_older' where contact_id = '{gone}'")).await;
        ground.change(&format!("delete from contacts where id = '{gone}'")).await;
        ground.change(&format!("update contacts set bsuid = '{BSUID}' where id = 'contact_older'")).await;
        ground.only_with(Ids::Both).await;
        ground.hear(0, Ids::Lid, "m2").await;
        ground.only_with(Ids::All).await;
    }

    async fn many_at_once_lose_nothing(db) {
        let ground = Ground::on(db).await;
        let kinds = [Ids::Phone, Ids::Bsuid, Ids::Lid, Ids::Both, Ids::PhoneLid, Ids::All];
        // Another store is another process. One process serves a SQLite file.
        let other = match db {
            Db::Sqlite => None,
            Db::Postgres => Some(Store::open(&ground.settings).await.unwrap()),
        };
        let hear = |at: usize| {
            let item = ground.said(at % 2, kinds[at % 6].party(), &format!("m{at:03}"));
            let store = other.as_ref().filter(|_| at / 2 % 2 == 1).unwrap_or(&ground.store);
            Ground::take_on(store, vec![item])
        };
        ground.hear(0, Ids::Phone, "first").await;
        ground.hear(0, Ids::Bsuid, "second").await;
        ground.hear(1, Ids::Bsuid, "third").await;
        ground.hear(0, Ids::Lid, "fourth").await;
        let serving = async {
            for _ in 0..20 {
                for claim in ground.claims().await {
                    ground.answer(&claim, &["answer"]).await;
                }
                for send in ground.claim_sends().await {
                    let sent = SendResult::Sent(format!("out.{}", send.id));
                    ground.store.record_send(&send, sent).await.unwrap();
                }
            }
        };
        let all = tokio::time::timeout(Duration::from_mins(1), async {
            tokio::join!(join_all((0..60).map(hear)), serving)
        });
        all.await.unwrap();
        let rows = ground.all().await;
        assert_eq!(rows.len(), 2, "{rows:?}");
        let mut questions = 0;
        for row in &rows {
            let thread = ground.thread(&row.id).await;
            questions += thread.iter().filter(|row| row.author == Author::Customer).count();
        }
        assert_eq!(questions, 64);
        for claim in ground.claims().await {
            assert_eq!(ground.answer(&claim, &["answer"]).await, CommitOutcome::Yes(None));
        }
        for row in rows {
            let states = ground.states(&row.id).await;
            assert!(states.iter().all(|(_, state)| *state != MessageState::Waiting), "{states:?}");
        }
    }
}

/// The ids of a conversation's customer.
fn ids_of(row: &ConversationRow) -> Party {
    let (wa_id, bsuid, lid) = (row.wa_id.clone(), row.bsuid.clone(), row.lid.clone());
    Party { wa_id, bsuid, lid, ..Party::default() }
}

/// The turn that wrote this reply.
fn turn_of(rows: &[MessageRow], reply: &str) -> TurnId {
    let row = rows.iter().find(|row| row.body.as_deref() == Some(reply)).unwrap();
    TurnId::stored(row.turn_id.clone().unwrap())
}
