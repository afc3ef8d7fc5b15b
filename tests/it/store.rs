//! The store alone, on both databases: workspaces, redeliveries, leases, the outbox, group commits,
//! and concurrent changes.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use frontdesk::domain::loop_guard::SenderStats;
use frontdesk::domain::thread::Thread;
use frontdesk::domain::time::now_ms;
use frontdesk::domain::{
    Account, AgentId, Alert, AlertCode, Author, Content, ConversationId, Delivery, Direction,
    DocumentId, DocumentState, DocumentStatus, Echo, EscalationState, Event, FailureCode, Fault,
    GapId, GapState, Inbound, Item, MessageId, MessageState, NumberId, NumberState, Other, Owner,
    Party, Pricing, ProviderKind, RunState, Status, TurnId, TurnOutcome, TurnReason, WarningChange,
};
use frontdesk::eval::replay::RecordedTurn;
use frontdesk::store::agents::ConnectNumber;
use frontdesk::store::collection_limits::Room;
use frontdesk::store::documents::DocumentFilter;
use frontdesk::store::figures::Span;
use frontdesk::store::finish::{CommitOutcome, Escalation, FinishedTurn};
use frontdesk::store::gaps::GroupedQuestion;
use frontdesk::store::inbox::{Arrival, Offer, TakeIn};
use frontdesk::store::knowledge::{Failure, NewChunk, NewDocument};
use frontdesk::store::listing::Which;
use frontdesk::store::messages::MessageRow;
use frontdesk::store::outbox::{OutgoingRow, Pair, SendResult, Terms, ToSend};
use frontdesk::store::staff_messages::{Again, Reply, ReplyOutcome, Window};
use frontdesk::store::turns::Claim;
use frontdesk::store::uploads::NewUpload;
use frontdesk::store::{Error, Settings, Store, gaps, turn_recordings};
use futures::future::join_all;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use crate::support::app::{Db, change, on_both};
use crate::support::postgres::Postgres;
use crate::support::store::{
    MINUTE, NO_PAIR, OwnStore, POLICY, claim_sends, connect, finished, publish,
};

/// A database with one agent on one number.
struct Ground {
    store: Store,
    agent: AgentId,
    number: NumberId,
    url: String,
    settings: Settings,
    home: tempfile::TempDir,
}

impl Ground {
    async fn on(db: Db) -> Self {
        let OwnStore { store, settings, url, home } = OwnStore::on(db).await;
        let (agent, number) = furnish(&store, "main").await;
        Self { store, agent, number, url, settings, home }
    }

    async fn take(&self, from: &str, id: &str) {
        let taken = self.store.take_in(hook(vec![text(&self.number, from, id)])).await.unwrap();
        assert_eq!(taken.fresh, 1);
    }

    /// Takes in a customer's message and claims its turn.
    async fn claimed(&self, from: &str, id: &str) -> Claim {
        self.take(from, id).await;
        self.store.claim_turns(1, MINUTE).await.unwrap().remove(0)
    }

    /// Returns a finished turn that answers all waiting messages.
    async fn finished(&self, claim: &Claim, replies: &[&str]) -> FinishedTurn {
        finished(&self.store, &self.agent, claim, replies).await
    }

    /// A conversation in which the bot has sent these messages, each with its text as its id.
    async fn answered(&self, replies: &[&str]) -> Claim {
        let claim = self.claimed("4477", "wamid.1").await;
        let turn = self.finished(&claim, replies).await;
        assert_eq!(self.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        for _ in replies {
            let send = claim_sends(&self.store, 1, MINUTE).await.remove(0);
            let result = SendResult::Sent(send.body.clone().unwrap());
            self.store.record_send(&send, result).await.unwrap();
        }
        claim
    }

    async fn thread(&self, claim: &Claim) -> Vec<MessageRow> {
        self.store.thread(&claim.conversation(), None, 100).await.unwrap()
    }

    /// Counts the conversations with this owner and these sender statistics, and a `person_at` that
    /// meets the condition.
    async fn like(&self, thread: &Thread, person_at: &str) -> u64 {
        let (owner, habit) = (thread.owner, written(&thread.sender_stats));
        let sql = format!(
            "update conversations set id = id where owner = '{owner}' and habit = '{habit}' and person_at {person_at}"
        );
        change(self.home.path(), &self.url, &sql).await
    }

    async fn conversation(&self, wa_id: &str) -> ConversationId {
        let all = self.store.conversations(&Which::default(), None, 1000).await.unwrap();
        let one = all.into_iter().find(|row| row.wa_id.as_deref() == Some(wa_id)).unwrap();
        ConversationId::stored(one.id)
    }
}

/// Returns sender statistics as the database stores them.
fn written(habit: &SenderStats) -> String {
    if *habit == SenderStats::default() { String::new() } else { json!(habit).to_string() }
}

async fn furnish(store: &Store, slug: &str) -> (AgentId, NumberId) {
    let agent = publish(store).await;
    let number = connect(store, (slug, "106"), &agent).await;
    (agent, number)
}

fn hook(items: Vec<Arrival>) -> TakeIn {
    TakeIn {
        provider: ProviderKind::Meta,
        body: b"{}".to_vec(),
        items,
        candidates: Vec::new(),
        again: None,
        turns: Offer::default(),
    }
}

fn item(number: &NumberId, event: Event) -> Arrival {
    let item = Item { number: Some("106".into()), account: Account::default(), event };
    Arrival { number: Some(number.clone()), item, policy: POLICY, authenticated: true }
}

fn status(id: &str, delivery: Delivery) -> Status {
    Status {
        provider_id: id.into(),
        delivery,
        at: now_ms(),
        reference: None,
        recipient: phone("4477"),
        faults: Vec::new(),
        window_closed: false,
        file_refused: false,
        pricing: None,
    }
}

fn text(number: &NumberId, from: &str, id: &str) -> Arrival {
    let message = Inbound {
        provider_id: id.into(),
        from: phone(from),
        sent_at: now_ms(),
        content: Content::Text { body: format!("question {id}") },
        reply_to: None,
        referral: None,
        group: None,
        imported: false,
        faults: Vec::new(),
    };
    item(number, Event::Message(Box::new(message)))
}

fn phone(wa_id: &str) -> Party {
    Party { wa_id: Some(wa_id.into()), ..Party::default() }
}

fn reply(text: &str) -> OutgoingRow {
    OutgoingRow::new(text)
}

fn case(notify: &str) -> Escalation {
    Escalation {
        reason: TurnReason::Keyword { keyword: "human".into() }.into(),
        question: "a person, please".into(),
        hands_over: true,
        notices: vec![(notify.into(), "come".into())],
    }
}

fn document(collection: &frontdesk::domain::CollectionId, title: &str) -> NewDocument {
    let chunk = NewChunk {
        heading: title.into(),
        body: "body".into(),
        tokens: 1,
        place: String::new(),
        text_hash: "t".into(),
    };
    NewDocument {
        collection: collection.clone(),
        path: "hours.md".into(),
        title: title.into(),
        hash: "h".into(),
        source: None,
        uploaded: false,
        chunks: Ok(vec![chunk]),
    }
}

/// Claims sends until none is left; fails if two of one conversation are claimed at once. Returns
/// all sent texts by conversation, in order.
async fn send_all(store: &Store) -> BTreeMap<String, Vec<String>> {
    let mut sent = BTreeMap::<String, Vec<String>>::new();
    loop {
        let claims = join_all((0..4).map(|_| claim_sends(store, 64, MINUTE))).await;
        let claimed: Vec<ToSend> = claims.into_iter().flatten().collect();
        if claimed.is_empty() {
            return sent;
        }
        let conversations: HashSet<_> = claimed.iter().map(|one| &one.conversation_id).collect();
        assert_eq!(conversations.len(), claimed.len(), "two of one conversation: {claimed:?}");
        for one in claimed {
            let id = format!("wamid.{}", one.id);
            store.record_send(&one, SendResult::Sent(id)).await.unwrap();
            sent.entry(one.conversation_id).or_default().push(one.body.unwrap());
        }
    }
}

on_both! {
    async fn statements_change_an_owner_as_a_thread_does(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let habit = SenderStats { text_hash: 7, repeats: 2, ..SenderStats::default() };
        let mut thread = Thread { sender_stats: habit, ..Thread::default() };
        let sql = format!("update conversations set person_at = 5, habit = '{}'", written(&habit));
        assert_eq!(change(ground.home.path(), &ground.url, &sql).await, 1);
        let turn = ground.finished(&claim, &["one"]).await;
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        assert_eq!(ground.like(&thread, "= 5").await, 1, "an answer changes nobody's ownership");

        ground.take("4477", "wamid.2").await;
        let claim = ground.store.claim_turns(1, MINUTE).await.unwrap().remove(0);
        assert_eq!(change(ground.home.path(), &ground.url, &sql).await, 1);
        let mut turn = ground.finished(&claim, &["A colleague will answer."]).await;
        turn.escalation = Some(case("15550009999"));
        let begun = now_ms();
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let while_committing = format!("between {begun} and {}", now_ms());
        thread.take_over(begun);
        assert_eq!(ground.like(&thread, &while_committing).await, 1, "{thread:?}");

        assert!(ground.store.resolve(&claim.conversation()).await.unwrap());
        thread.give_back();
        assert_eq!(ground.like(&thread, &while_committing).await, 1, "{thread:?}");
    }

    async fn a_workspace_sees_nothing_of_another(db) {
        let ground = Ground::on(db).await;
        let one = &ground.store;
        let claim = ground.claimed("4477", "wamid.1").await;
        let mut turn = ground.finished(&claim, &["A colleague will answer."]).await;
        turn.escalation = Some(case("15550009999"));
        let turn_id = turn.id.clone();
        assert_eq!(one.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let collection = one.collection("acme").await.unwrap();
        let learned = one.learn(document(&collection, "Hours")).await.unwrap();
        let (code, text) = (AlertCode::AccountWarning, "!".into());
        let news = Other {
            kind: "account_update".into(),
            payload: json!({}),
            alert: Some(Alert { code, text, detail: String::new() }),
            warning: Some(WarningChange::Raised { topic: "ban".into(), until: None, template: None }),
            ..Other::default()
        };
        one.take_in(hook(vec![item(&ground.number, Event::Other(Box::new(news)))])).await.unwrap();
        let message = ground.thread(&claim).await[0].id.clone();

        let other = one.workspace("other").await.unwrap();
        assert_ne!(other.workspace_id(), one.workspace_id());
        assert!(other.conversations(&Which::default(), None, 100).await.unwrap().is_empty());
        assert_eq!(other.conversation(&claim.conversation()).await.unwrap(), None);
        assert!(other.thread(&claim.conversation(), None, 100).await.unwrap().is_empty());
        assert_eq!(other.message(&message).await.unwrap(), None);
        assert_eq!(other.turn(&turn_id).await.unwrap(), None);
        assert!(other.escalations(false, None, 100).await.unwrap().is_empty());
        assert!(other.events(false, 100).await.unwrap().is_empty());
        assert_eq!(one.number_warnings().await.unwrap().len(), 1);
        assert!(other.number_warnings().await.unwrap().is_empty());
        assert_eq!(other.webhooks().await.unwrap(), 0);
        assert!(other.agents().await.unwrap().is_empty());
        assert!(other.numbers().await.unwrap().is_empty());
        assert!(other.collections().await.unwrap().is_empty());
        assert!(other.documents(&collection, 0).await.unwrap().is_empty());
        assert!(other.chunks(&learned, None).await.unwrap().is_empty());

        // It cannot change anything there either.
        assert!(!other.resolve(&claim.conversation()).await.unwrap());
        other.forget(&learned).await.unwrap();
        other.set_number_state(&ground.number, NumberState::Stopped, None).await.unwrap();
        let overwrite = other.learn(document(&collection, "Stolen")).await;
        assert!(overwrite.is_err(), "a document went into another workspace's collection");
        // The same names here are different rows.
        let (agent, number) = furnish(&other, "main").await;
        assert!(agent != ground.agent && number != ground.number);
        assert_ne!(other.collection("acme").await.unwrap(), collection);

        assert_eq!(one.conversation(&claim.conversation()).await.unwrap().unwrap().owner, Owner::Person);
        assert_eq!(one.escalations(true, None, 100).await.unwrap().len(), 1);
        assert_eq!(one.documents(&collection, 0).await.unwrap()[0].title, "Hours");
        assert_eq!(one.chunks(&learned, None).await.unwrap().len(), 1);
        assert_eq!(one.numbers().await.unwrap()[0].state, NumberState::Ready);
        assert!(
            one.turn(&turn_id).await.unwrap().is_some()
                && one.message(&message).await.unwrap().is_some()
        );
        assert_eq!(one.events(true, 100).await.unwrap().len(), 1);
    }

    async fn a_price_that_comes_after_a_higher_status_is_kept(db) {
        let ground = Ground::on(db).await;
        let claim = ground.answered(&["Hello."]).await;
        let priced = Pricing { billable: Some(true), ..Pricing::default() };
        for (delivery, pricing) in [(Delivery::Delivered, None), (Delivery::Sent, Some(priced))] {
            let news = Status { pricing, ..status("Hello.", delivery) };
            let arrival = item(&ground.number, Event::Status(Box::new(news)));
            ground.store.take_in(hook(vec![arrival])).await.unwrap();
        }
        let mut rows = ground.thread(&claim).await.into_iter();
        let row = rows.find(|row| row.author == Author::Bot).unwrap();
        assert_eq!(row.state, MessageState::Delivered);
        assert!(row.pricing.unwrap().contains("true"));
    }

    async fn a_repeated_failure_opens_no_second_case_beside_news_of_another_message(db) {
        let ground = Ground::on(db).await;
        let claim = ground.answered(&["One.", "Two."]).await;
        let takes = async |news: &[(&str, Delivery)]| {
            let event = |(text, delivery): &(&str, Delivery)| {
                item(&ground.number, Event::Status(Box::new(status(text, *delivery))))
            };
            ground.store.take_in(hook(news.iter().map(event).collect())).await.unwrap();
        };
        takes(&[("One.", Delivery::Failed)]).await;
        assert_eq!(ground.store.escalations(true, None, 100).await.unwrap().len(), 1);
        assert!(ground.store.resolve(&claim.conversation()).await.unwrap());
        takes(&[("One.", Delivery::Failed), ("Two.", Delivery::Delivered)]).await;
        assert!(ground.store.escalations(true, None, 100).await.unwrap().is_empty());
    }

    async fn the_desk_s_own_alerts_are_listed_until_webhooks_are_forgotten(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["Hello."]).await;
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let send = claim_sends(&ground.store, 1, MINUTE).await.remove(0);
        ground.store.record_lost_notice(&send, &Fault::default()).await.unwrap();
        assert_eq!(ground.store.events(true, 100).await.unwrap().len(), 1);
        assert_eq!(ground.store.forget_webhooks(now_ms() - MINUTE, 100).await.unwrap(), 0);
        assert_eq!(ground.store.forget_webhooks(now_ms() + MINUTE, 100).await.unwrap(), 2);
        assert!(ground.store.events(false, 100).await.unwrap().is_empty());
    }

    async fn a_number_that_is_another_one_now_has_no_warning(db) {
        let ground = Ground::on(db).await;
        let alert = || Alert { code: AlertCode::AccountBanned, text: "!".into(), detail: String::new() };
        let warn = || {
            let warning = WarningChange::Raised { topic: "ban".into(), until: None, template: None };
            let (alert, warning) = (Some(alert()), Some(warning));
            let news = Other { kind: "account_update".into(), payload: json!({}), alert, warning, ..Other::default() };
            ground.store.take_in(hook(vec![item(&ground.number, Event::Other(Box::new(news)))]))
        };
        let warnings = async || ground.store.number_warnings().await.unwrap().len();
        warn().await.unwrap();
        let (_, same) = furnish(&ground.store, "main").await;
        assert_eq!((same == ground.number, warnings().await), (true, 1), "nothing changed");
        let number = ConnectNumber {
            slug: "main".into(),
            provider: ProviderKind::Meta,
            external_id: "107".into(),
            agent: ground.agent.clone(),
        };
        assert_eq!(ground.store.connect_number(number).await.unwrap(), ground.number);
        assert_eq!(warnings().await, 0);
    }

    async fn a_message_id_is_taken_in_once_on_each_number(db) {
        let ground = Ground::on(db).await;
        let (_, second) = furnish(&ground.store, "second").await;
        let both = vec![text(&ground.number, "4477", "wamid.1"), text(&second, "4477", "wamid.1")];
        let taken = ground.store.take_in(hook(both.clone())).await.unwrap();
        assert_eq!((taken.fresh, taken.repeated), (2, 0));
        let taken = ground.store.take_in(hook(both)).await.unwrap();
        assert_eq!((taken.fresh, taken.repeated), (0, 2));
        let again = || ground.store.take_in(hook(vec![text(&second, "4477", "wamid.2")]));
        let taken = join_all((0..10).map(|_| again())).await;
        assert_eq!(taken.into_iter().map(|taken| taken.unwrap().fresh).sum::<usize>(), 1);
        assert_eq!(ground.store.conversations(&Which::default(), None, 100).await.unwrap().len(), 2);
        assert_eq!(ground.store.webhooks().await.unwrap(), 12);
    }

    async fn a_conversation_is_claimed_by_one_at_a_time(db) {
        let ground = Ground::on(db).await;
        for n in 0..5 {
            ground.take(&format!("4477{n}"), &format!("wamid.{n}")).await;
        }
        let claims = join_all((0..20).map(|_| ground.store.claim_turns(10, MINUTE))).await;
        let claimed: Vec<Claim> = claims.into_iter().flat_map(Result::unwrap).collect();
        let conversations: HashSet<_> = claimed.iter().map(|claim| claim.id.clone()).collect();
        assert_eq!((claimed.len(), conversations.len()), (5, 5));
        ground.take("44770", "wamid.more").await;
        assert!(ground.store.claim_turns(10, MINUTE).await.unwrap().is_empty(), "claimed twice");
        ground.store.release_turn(&claimed[0], Some(0), true).await.unwrap();
        let again = ground.store.claim_turns(10, MINUTE).await.unwrap();
        assert_eq!((again.len(), &again[0].id), (1, &claimed[0].id));
    }

    async fn who_lost_the_lease_commits_nothing(db) {
        let ground = Ground::on(db).await;
        ground.take("4477", "wamid.1").await;
        let stale = ground.store.claim_turns(1, 0).await.unwrap().remove(0);
        tokio::time::sleep(Duration::from_millis(5)).await;
        let fresh = ground.store.claim_turns(1, MINUTE).await.unwrap().remove(0);
        assert_eq!((fresh.lease_token, fresh.attempts), (stale.lease_token + 1, 2));
        let late = ground.finished(&stale, &["late"]).await;
        let late_id = late.id.clone();
        assert_eq!(ground.store.commit_turn(late).await.unwrap(), CommitOutcome::Overtaken);
        assert_eq!(ground.store.turn(&late_id).await.unwrap(), None);
        let thread = ground.thread(&fresh).await;
        assert_eq!((thread.len(), thread[0].state.as_str()), (1, "waiting"));
        ground.store.release_turn(&stale, None, true).await.unwrap();
        assert_eq!(ground.store.backlog().await.unwrap(), (1, 0), "a stale holder let it go");

        let turn = ground.finished(&fresh, &["on time"]).await;
        assert_eq!(ground.store.commit_turn(turn.clone()).await.unwrap(), CommitOutcome::Yes(None));
        let again = FinishedTurn { id: TurnId::generate(), replies: vec![reply("twice")], ..turn };
        let again = ground.store.commit_turn(again).await.unwrap();
        assert_eq!(
            ground.store.backlog().await.unwrap(),
            (0, 1),
            "{again:?}: one turn was committed twice"
        );
    }

    async fn a_prompt_that_was_not_written_is_taken_off_the_day_that_counted_it(db) {
        let ground = Ground::on(db).await;
        let day = ground.store.count_prompt(2).await.unwrap().unwrap();
        assert!(ground.store.count_prompt(2).await.unwrap().is_some());
        assert_eq!(ground.store.count_prompt(2).await.unwrap(), None);
        // It was counted before midnight.
        ground.store.uncount_prompt(day - 24 * 60 * MINUTE).await.unwrap();
        assert_eq!(ground.store.count_prompt(2).await.unwrap(), None);
        ground.store.uncount_prompt(day).await.unwrap();
        assert!(ground.store.count_prompt(2).await.unwrap().is_some());
    }

    async fn an_unanswered_question_is_kept_once_with_its_turn(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let unanswered = Some("Do you rent submarines?\0".to_owned());
        let turn = FinishedTurn { unanswered, ..ground.finished(&claim, &["I do not know."]).await };
        let mut broken = turn.clone();
        broken.replies.push(broken.replies[0].clone());
        ground.store.commit_turn(broken).await.unwrap_err();
        assert!(ground.store.ungrouped(10).await.unwrap().is_empty(), "a turn that failed left a gap");
        assert_eq!(ground.store.commit_turn(turn.clone()).await.unwrap(), CommitOutcome::Yes(None));
        let again = FinishedTurn { id: TurnId::generate(), ..turn };
        assert_eq!(ground.store.commit_turn(again).await.unwrap(), CommitOutcome::Overtaken);
        let kept = ground.store.ungrouped(10).await.unwrap();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(kept[0].question, "Do you rent submarines?\u{fffd}");
    }

    async fn a_word_of_a_newer_version_is_told_with_its_row_and_stops_nobody_else(db) {
        let ground = Ground::on(db).await;
        let claims =
            [ground.claimed("4477", "wamid.1").await, ground.claimed("4478", "wamid.2").await];
        for claim in &claims {
            let turn = ground.finished(claim, &["Hello."]).await;
            assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        }
        let [newer, known] = &claims;
        let write = async |sql: String| {
            assert_eq!(change(ground.home.path(), &ground.url, &sql).await, 1, "{sql}");
        };
        // A person acted there long ago.
        let robot = "owner = 'robot', person_at = 1";
        write(format!("update conversations set {robot} where id = '{}'", newer.id)).await;
        let sent = send_all(&ground.store).await;
        assert_eq!(sent.keys().collect::<Vec<_>>(), [&known.id]);
        let mut more = text(&ground.number, "4477", "wamid.3");
        more.policy.return_ms = MINUTE;
        assert_eq!(ground.store.take_in(hook(vec![more])).await.unwrap().fresh, 1);
        assert!(ground.store.claim_turns(10, MINUTE).await.unwrap().is_empty(), "the bot is silent");
        // The unknown word was not overwritten, and the bot's messages were not cancelled.
        let row = format!("owner = 'robot' and person_at = 1 and id = '{}'", newer.id);
        write(format!("update conversations set owner = 'bot' where {row}")).await;
        assert_eq!(send_all(&ground.store).await[&newer.id], ["Hello."]);

        let row = format!("conversation_id = '{}' and provider_id = 'wamid.2'", known.id);
        write(format!("update messages set direction = 'sideways' where {row}")).await;
        let told = ground.store.thread(&known.conversation(), None, 10).await.unwrap_err();
        let told = told.to_string();
        for part in ["messages.direction: `sideways` is not one of in, ", "(row msg_"] {
            assert!(told.contains(part), "{told}");
        }
    }

    async fn a_thread_is_shown_whatever_words_another_version_has_for_its_messages(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["Hello."]).await;
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        for (column, word) in [("author", "robot"), ("state", "paused"), ("kind", "hologram")] {
            let sql = format!("update messages set {column} = '{word}'");
            assert_eq!(change(ground.home.path(), &ground.url, &sql).await, 2, "{sql}");
            for row in ground.thread(&claim).await {
                let state = match (column, row.direction) {
                    ("author", Direction::In) => MessageState::Answered,
                    ("author", Direction::Out) => MessageState::Queued,
                    (_, Direction::In) => MessageState::Stored,
                    (_, Direction::Out) => MessageState::Unknown,
                };
                assert_eq!((row.author, row.state), (Author::Notice, state), "{column}");
                let alone = ground.store.message(&row.id).await.unwrap();
                assert_eq!(alone, Some(row));
            }
        }
    }

    async fn a_person_writes_where_another_version_gave_the_conversation_to_somebody(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["one"]).await;
        let bots = turn.replies[0].id.clone();
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let write = async |sql: &str| {
            assert_eq!(change(ground.home.path(), &ground.url, sql).await, 1, "{sql}");
        };
        write("update conversations set owner = 'robot'").await;
        let again = async || ground.store.send_again(&bots, Window::Always).await.unwrap();
        write("update messages set author = 'robot', kind = 'hologram', state = 'paused' where direction = 'out'").await;
        assert_eq!(again().await, Again::NothingToSend);
        write("update messages set author = 'bot', kind = 'text' where direction = 'out'").await;
        assert_eq!(again().await, Again::NotFailed);
        write("update messages set state = 'failed' where direction = 'out'").await;
        assert_eq!(again().await, Again::NotTheBots);

        let reply = Reply {
            conversation: claim.conversation(),
            key: "k".into(),
            content: Content::Text { body: "Ana here.".into() },
            quotes: None,
            window: Window::Always,
        };
        let written = ground.store.write(reply).await.unwrap();
        assert!(matches!(written, ReplyOutcome::Now { .. }), "{written:?}");
        write("update conversations set updated_at = 0 where owner = 'person'").await;
        assert_eq!(send_all(&ground.store).await[&claim.id], ["Ana here."]);
    }

    async fn what_an_author_of_a_newer_version_wrote_waits_for_a_process_that_knows_him(db) {
        let ground = Ground::on(db).await;
        let claims =
            [ground.claimed("4477", "wamid.1").await, ground.claimed("4478", "wamid.2").await];
        for claim in &claims {
            let turn = ground.finished(claim, &["one", "two"]).await;
            assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        }
        let [newer, known] = &claims;
        let write = async |was: &str, becomes: &str| {
            let row = format!("conversation_id = '{}' and body = 'one' and author = '{was}'", newer.id);
            let sql = format!("update messages set author = '{becomes}' where {row}");
            assert_eq!(change(ground.home.path(), &ground.url, &sql).await, 1, "{sql}");
        };
        write("bot", "robot").await;
        let sent = send_all(&ground.store).await;
        assert_eq!(sent.keys().collect::<Vec<_>>(), [&known.id]);
        assert_eq!(ground.store.backlog().await.unwrap().1, 2, "both wait, for their order");
        let asked = async |after_ms| ground.store.ask_about_orphans(after_ms).await.unwrap().len();
        assert_eq!(asked(MINUTE).await, 0, "it does not wait for long");
        assert_eq!((asked(0).await, asked(0).await), (1, 0), "a person is asked once");
        let cases = ground.store.escalations(true, None, 10).await.unwrap();
        assert_eq!(cases.iter().map(|case| case.question.as_str()).collect::<Vec<_>>(), ["one"]);
        let notes = async || ground.thread(newer).await.into_iter().filter_map(|row| row.note).count();
        assert_eq!(notes().await, 1);
        // As if this process were the newer version.
        write("robot", "bot").await;
        assert_eq!(send_all(&ground.store).await[&newer.id], ["one", "two"]);
        assert_eq!(notes().await, 0, "it was sent after all");
    }

    async fn a_person_writes_past_what_only_another_version_can_send_once_he_was_asked(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["one"]).await;
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let set = async |what: &str| {
            let sql = format!("update messages set {what} where body = 'one'");
            assert_eq!(change(ground.home.path(), &ground.url, &sql).await, 1, "{sql}");
        };
        set("author = 'robot', created_at = 1").await;
        let write = async |words: &str| {
            let reply = Reply {
                conversation: claim.conversation(),
                key: words.into(),
                content: Content::Text { body: words.into() },
                quotes: None,
                window: Window::Always,
            };
            let written = ground.store.write(reply).await.unwrap();
            assert!(matches!(written, ReplyOutcome::Now { .. }), "{written:?}");
        };
        write("Ana here.").await;
        assert!(send_all(&ground.store).await.is_empty(), "it waits, for the order");
        assert_eq!(ground.store.ask_about_orphans(0).await.unwrap().len(), 1);
        assert_eq!(send_all(&ground.store).await[&claim.id], ["Ana here."]);
        set("state = 'sending'").await;
        write("Anything else?").await;
        assert!(send_all(&ground.store).await.is_empty(), "that version is there and sends it");
    }

    async fn what_another_version_will_send_once_its_number_is_ready_is_no_orphan(db) {
        let ground = Ground::on(db).await;
        let store = &ground.store;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["one"]).await;
        assert_eq!(store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let sql = "update messages set author = 'robot', due_at = 1 where direction = 'out'";
        assert_eq!(change(ground.home.path(), &ground.url, sql).await, 1);
        let asked = async |after_ms| store.ask_about_orphans(after_ms).await.unwrap().len();
        store.set_number_state(&ground.number, NumberState::Stopped, None).await.unwrap();
        assert_eq!(asked(0).await, 0, "nobody can send it");
        store.set_number_state(&ground.number, NumberState::Ready, None).await.unwrap();
        assert_eq!(asked(MINUTE).await, 0, "it can be sent only now");
        let long_ago = format!("update numbers set updated_at = 1 where id = '{}'", ground.number);
        assert_eq!(change(ground.home.path(), &ground.url, &long_ago).await, 1);
        // As at each start.
        store.set_number_state(&ground.number, NumberState::Ready, None).await.unwrap();
        assert_eq!(furnish(store, "main").await.1, ground.number);
        assert_eq!(asked(MINUTE).await, 1, "nothing changed for the number");
    }

    async fn of_very_many_orphans_those_due_longest_are_asked_about_first(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["one"; 101]).await;
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let sql = "update messages set author = 'robot', due_at = 100 - part where direction = 'out'";
        assert_eq!(change(ground.home.path(), &ground.url, sql).await, 101);
        let first = ground.store.ask_about_orphans(0).await.unwrap();
        assert_eq!(first.len(), 100);
        let rest = ground.store.ask_about_orphans(0).await.unwrap();
        assert_eq!(rest.len(), 1);
        let newest = format!("update messages set id = id where id = '{}' and due_at = 100", rest[0]);
        assert_eq!(change(ground.home.path(), &ground.url, &newest).await, 1);
        assert!(ground.store.ask_about_orphans(0).await.unwrap().is_empty());
    }

    async fn orphans_are_looked_for_while_others_write(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["one"]).await;
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let look = async || {
            let asked = ground.store.ask_about_orphans(0);
            tokio::time::timeout(Duration::from_secs(15), asked).await.unwrap().unwrap()
        };
        let found = match db {
            Db::Sqlite => {
                let file = format!("sqlite://{}", ground.home.path().join("desk.db").display());
                let mut other = SqliteConnection::connect(&file).await.unwrap();
                other.execute("begin immediate").await.unwrap();
                look().await
            }
            Db::Postgres => {
                let mut other = beside(&ground).await;
                other.execute("begin; lock table messages in share mode").await.unwrap();
                look().await
            }
        };
        assert!(found.is_empty(), "{found:?}");
    }

    async fn what_the_desk_itself_says_is_no_history(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["Hello."]).await;
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        for (author, lines) in [("bot", 2), ("person", 2), ("consent", 1), ("notice", 1), ("robot", 1)] {
            let sql = format!("update messages set author = '{author}' where direction = 'out'");
            assert_eq!(change(ground.home.path(), &ground.url, &sql).await, 1, "{sql}");
            let before = ground.store.read_snapshot(&claim, 50, 10).await.unwrap().before;
            assert_eq!(before.len(), lines, "{author}");
        }
    }

    async fn a_turn_is_committed_whole_or_not_at_all(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let whole = ground.finished(&claim, &["one", "two"]).await;
        let mut broken = whole.clone();
        broken.replies[1].id = broken.replies[0].id.clone();
        broken.escalation = Some(case("15550009999"));
        let neighbours = (0..10)
            .map(|n| ground.take("4488", ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][n]));
        let (committed, _) = tokio::join!(ground.store.commit_turn(broken), join_all(neighbours));
        assert!(committed.is_err());
        assert_eq!(ground.store.turn(&whole.id).await.unwrap(), None);
        assert!(ground.store.escalations(false, None, 10).await.unwrap().is_empty());
        let thread = ground.thread(&claim).await;
        assert_eq!((thread.len(), thread[0].state.as_str()), (1, "waiting"));
        assert_eq!(
            ground.store.conversation(&claim.conversation()).await.unwrap().unwrap().owner,
            Owner::Bot
        );
        assert_eq!(ground.store.commit_turn(whole).await.unwrap(), CommitOutcome::Yes(None));
        let shown = ground.thread(&claim).await.into_iter().map(|row| row.body.unwrap());
        assert_eq!(shown.collect::<Vec<_>>(), ["two", "one", "question wamid.1"]);
    }

    async fn messages_of_one_moment_keep_the_order_of_their_webhook(db) {
        let ground = Ground::on(db).await;
        let ids: Vec<_> = (0..40).map(|n| format!("wamid.{n}")).collect();
        let mut items: Vec<_> = ids.iter().map(|id| text(&ground.number, "4477", id)).collect();
        for arrival in &mut items {
            arrival.policy.stale_ms = i64::MAX;
            if let Event::Message(message) = &mut arrival.item.event {
                message.sent_at = 1_760_000_000_000;
            }
        }
        ground.store.take_in(hook(items)).await.unwrap();
        let claim = ground.store.claim_turns(1, MINUTE).await.unwrap().remove(0);
        let said = ground.store.read_snapshot(&claim, 50, 0).await.unwrap().waiting;
        assert_eq!(said.into_iter().map(|row| row.provider_id.unwrap()).collect::<Vec<_>>(), ids);
        let shown = ground.thread(&claim).await.into_iter().rev();
        assert_eq!(shown.map(|row| row.provider_id.unwrap()).collect::<Vec<_>>(), ids);
    }

    async fn a_message_that_comes_while_a_turn_runs_is_answered_by_the_next(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["one"]).await;
        ground.take("4477", "wamid.2").await;
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let next = ground.store.claim_turns(10, MINUTE).await.unwrap().remove(0);
        let said = ground.store.read_snapshot(&next, 50, 10).await.unwrap();
        assert_eq!(said.waiting.len(), 1);
        assert_eq!(said.waiting[0].provider_id.as_deref(), Some("wamid.2"));
        assert_eq!(said.before.len(), 2);
    }

    async fn what_came_late_is_answered_with_what_waits_however_far_back_it_stands(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["one", "two"]).await;
        assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
        let mut late = text(&ground.number, "4477", "wamid.late");
        late.policy.stale_ms = i64::MAX;
        if let Event::Message(message) = &mut late.item.event {
            message.sent_at = 1_760_000_000_000;
        }
        ground.store.take_in(hook(vec![late])).await.unwrap();
        ground.take("4477", "wamid.2").await;
        let next = ground.store.claim_turns(1, MINUTE).await.unwrap().remove(0);
        let began = now_ms();
        let read = async |most, history| {
            let said = ground.store.read_snapshot(&next, most, history).await.unwrap();
            assert!((began..=now_ms()).contains(&said.read_at), "{}", said.read_at);
            let ids = said.waiting.into_iter().map(|row| row.provider_id.unwrap());
            let bodies = said.before.into_iter().map(|row| row.body.unwrap());
            (ids.collect::<Vec<_>>(), bodies.collect::<Vec<_>>())
        };
        let (waiting, before) = read(2, 2).await;
        assert_eq!(waiting, ["wamid.late", "wamid.2"]);
        assert_eq!(before, ["one", "two"]);
        let (waiting, before) = read(1, 0).await;
        assert_eq!(waiting, ["wamid.late"], "the oldest first");
        assert!(before.is_empty(), "{before:?}");
    }

    async fn a_reply_is_claimed_with_its_turn_only_where_it_would_be_the_next(db) {
        let ground = Ground::on(db).await;
        let store = &ground.store;
        let answer = async |n: usize, terms: Terms| {
            let claim = ground.claimed("44771", &format!("wamid.{n}")).await;
            let mut turn = ground.finished(&claim, &["one"]).await;
            turn.send = Some(terms);
            let CommitOutcome::Yes(first) = store.commit_turn(turn).await.unwrap() else { panic!() };
            first
        };
        let free = Terms { lease_ms: MINUTE, ordered: false, pair: NO_PAIR };
        let first = answer(1, free).await.expect("nothing stands before it");
        assert_eq!((first.attempts, first.wa_id.as_deref()), (1, Some("44771")));
        assert!(answer(2, free).await.is_none(), "the first is still on its way");
        store.record_send(&first, SendResult::Sent("wamid.out.1".into())).await.unwrap();
        let second = claim_sends(store, 9, MINUTE).await.remove(0);
        store.record_send(&second, SendResult::Sent("wamid.out.2".into())).await.unwrap();
        let slow = Terms { pair: Pair { burst: 2, gap_ms: MINUTE }, ..free };
        assert!(answer(3, slow).await.is_none(), "the customer got two just now");
        let third = claim_sends(store, 9, MINUTE).await.remove(0);
        let fault = Fault { code: 0, title: "the connection was cut".into(), details: None };
        let unknown = SendResult::Unknown(now_ms() + MINUTE, fault);
        store.record_send(&third, unknown).await.unwrap();
        assert!(answer(4, Terms { ordered: true, ..free }).await.is_none(), "it may be sent again");
        let fourth = claim_sends(store, 9, MINUTE).await.remove(0);
        store.record_send(&fourth, SendResult::Sent("wamid.out.4".into())).await.unwrap();
        assert!(answer(5, free).await.is_some());
    }

    async fn a_reply_whose_commit_was_never_answered_goes_back_into_the_queue(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("44771", "wamid.1").await;
        let mut turn = ground.finished(&claim, &["one"]).await;
        turn.send = Some(Terms { lease_ms: MINUTE, ordered: false, pair: NO_PAIR });
        let reply = turn.replies[0].id.clone();
        let (store, conversation) = (&ground.store, claim.conversation());
        store.take_back(conversation.clone(), &reply).await.unwrap();
        store.commit_turn(turn).await.unwrap();
        assert!(claim_sends(store, 9, MINUTE).await.is_empty());
        store.take_back(conversation.clone(), &reply).await.unwrap();
        let again = claim_sends(store, 9, MINUTE).await.remove(0);
        assert_eq!((again.id.as_str(), again.attempts), (reply.as_str(), 2));
        store.take_back(conversation, &reply).await.unwrap();
        assert!(claim_sends(store, 9, MINUTE).await.is_empty(), "somebody else is sending it");
    }

    async fn sends_keep_their_order_and_go_one_by_one_in_a_conversation(db) {
        let ground = Ground::on(db).await;
        for n in 0..8 {
            let claim = ground.claimed(&format!("4477{n}"), &format!("wamid.{n}")).await;
            let turn = ground.finished(&claim, &["one", "two", "three"]).await;
            ground.store.commit_turn(turn).await.unwrap();
            ground.take(&format!("4477{n}"), &format!("wamid.{n}.more")).await;
            let claim = ground.store.claim_turns(1, MINUTE).await.unwrap().remove(0);
            let turn = ground.finished(&claim, &["four"]).await;
            ground.store.commit_turn(turn).await.unwrap();
        }
        let sent = send_all(&ground.store).await;
        assert_eq!(sent.len(), 8);
        assert!(sent.values().all(|words| words == &["one", "two", "three", "four"]), "{sent:?}");
        assert_eq!(ground.store.backlog().await.unwrap(), (0, 0));
    }

    async fn notices_of_the_same_moment_go_one_by_one(db) {
        let ground = Ground::on(db).await;
        let mut turns = Vec::new();
        for n in 0..30 {
            let claim = ground.claimed(&format!("4477{n}"), &format!("wamid.{n}")).await;
            let mut turn = ground.finished(&claim, &["wait"]).await;
            turn.escalation = Some(case("15550009999"));
            turns.push(turn);
        }
        for done in join_all(turns.into_iter().map(|turn| ground.store.commit_turn(turn))).await {
            assert_eq!(done.unwrap(), CommitOutcome::Yes(None));
        }
        let sent = send_all(&ground.store).await;
        let support = ground.conversation("15550009999").await;
        assert_eq!((sent.len(), sent[support.as_str()].len()), (31, 30));
    }

    async fn a_send_that_was_never_recorded_becomes_unknown_and_is_not_sent_again(db) {
        let ground = Ground::on(db).await;
        let claim = ground.claimed("4477", "wamid.1").await;
        let turn = ground.finished(&claim, &["one", "two"]).await;
        ground.store.commit_turn(turn).await.unwrap();
        let begun = claim_sends(&ground.store, 10, 0).await;
        assert_eq!((begun.len(), begun[0].body.as_deref()), (1, Some("one")));
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(
            claim_sends(&ground.store, 10, MINUTE).await.is_empty(),
            "it is not swept yet"
        );
        assert_eq!(ground.store.sweep_sends(&ground.number, MINUTE).await.unwrap(), 1);
        let next = claim_sends(&ground.store, 10, MINUTE).await;
        assert_eq!((next.len(), next[0].body.as_deref()), (1, Some("two")));
        assert_eq!(ground.store.sweep_sends(&ground.number, MINUTE).await.unwrap(), 0, "a send under way was swept");
        let message = MessageId::stored(begun[0].id.clone());
        let row = ground.store.message(&message).await.unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.provider_id), ("unknown", None));
        // The late record says that the message was sent.
        ground.store.record_send(&begun[0], SendResult::Sent("wamid.out".into())).await.unwrap();
        assert_eq!(ground.store.message(&message).await.unwrap().unwrap().state, MessageState::Sent);
    }

    async fn a_turn_that_was_claimed_for_a_caller_who_is_gone_is_free_at_once(db) {
        let ground = Ground::on(db).await;
        let mut begun = 0;
        for n in 0..60_u64 {
            let item = text(&ground.number, &format!("4477{n}"), &format!("wamid.{n}"));
            let turns = Offer { most: 1, lease_ms: 600_000, reads: (50, 0) };
            let webhook = TakeIn { turns, ..hook(vec![item]) };
            let patience = Duration::from_micros(n * 100);
            let taken = tokio::time::timeout(patience, ground.store.take_in(webhook)).await;
            begun += taken.map_or(0, |taken| taken.unwrap().claimed.len());
        }
        let mut free = 0;
        for _ in 0..100 {
            free += ground.store.claim_turns(100, 600_000).await.unwrap().len();
            if begun + free == 60 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(free > 0, "none was gone in time");
        assert_eq!(begun + free, 60, "{begun} begun, {free} free");
    }

    async fn many_webhooks_at_once_are_all_stored_and_a_wrong_one_fails_alone(db) {
        let ground = Ground::on(db).await;
        let nowhere = NumberId::generate();
        let take = |n: usize| {
            let number = if n % 50 == 7 { &nowhere } else { &ground.number };
            // The first half come from one new customer each, the second half from a few customers,
            // so that they conflict.
            let from = if n < 250 { format!("4477{n}") } else { format!("4488{}", n % 5) };
            let webhook = hook(vec![text(number, &from, &format!("wamid.{n}"))]);
            ground.store.take_in(webhook)
        };
        let taken = join_all((0..500).map(take)).await;
        for (n, taken) in taken.iter().enumerate() {
            match taken {
                Err(Error::Failed(why)) if n % 50 == 7 => {
                    assert!(why.to_lowercase().contains("foreign key"), "{why}");
                }
                Ok(taken) if n % 50 != 7 => assert_eq!(taken.fresh, 1),
                other => panic!("{n}: {other:?}"),
            }
        }
        assert_eq!(ground.store.webhooks().await.unwrap(), 490);
        let conversations = ground.store.conversations(&Which::default(), None, 1000).await.unwrap();
        assert_eq!(conversations.len(), 245 + 5);
        let mut count = 0;
        for row in conversations {
            let id = ConversationId::stored(row.id);
            count += ground.store.thread(&id, None, 1000).await.unwrap().len();
        }
        assert_eq!(count, 490);
        let reopened = Store::open(&ground.settings).await.unwrap();
        assert_eq!(reopened.webhooks().await.unwrap(), 490);
    }

    async fn webhooks_that_speak_of_the_same_customers_in_another_order_are_all_stored(db) {
        let ground = Ground::on(db).await;
        for round in 0..3 {
            let take = |n: usize| {
                let one = |k: usize| {
                    let from = format!("4477{}", if n.is_multiple_of(2) { k } else { 19 - k });
                    text(&ground.number, &from, &format!("wamid.{round}.{n}.{k}"))
                };
                ground.store.take_in(hook((0..20).map(one).collect()))
            };
            for taken in join_all((0..12).map(take)).await {
                assert_eq!(taken.unwrap().fresh, 20);
            }
        }
        assert_eq!(ground.store.conversations(&Which::default(), None, 1000).await.unwrap().len(), 20);
        assert_eq!(ground.store.claim_turns(100, MINUTE).await.unwrap().len(), 20);
    }

    async fn a_document_is_replaced_in_one_step_and_a_failed_one_is_told(db) {
        let ground = Ground::on(db).await;
        let collection = ground.store.collection("acme").await.unwrap();
        let first = ground.store.learn(document(&collection, "Hours")).await.unwrap();
        let mut failed = document(&collection, "Hours");
        failed.chunks = Err(Failure { error: "it is encrypted".into(), remedy: None, code: FailureCode::Encrypted });
        assert_eq!(
            ground.store.learn(failed).await.unwrap(),
            first,
            "the same path is the same document"
        );
        let rows = ground.store.documents(&collection, 0).await.unwrap();
        assert_eq!((rows.len(), rows[0].state, rows[0].revision), (1, DocumentState::Failed, 2));
        assert_eq!(rows[0].code, Some(FailureCode::Encrypted));
        assert!(ground.store.chunks(&first, None).await.unwrap().is_empty());
        ground.store.forget(&first).await.unwrap();
        assert_eq!(ground.store.documents(&collection, 2).await.unwrap()[0].state, DocumentState::Removed);
        ground.store.forget(&DocumentId::generate()).await.unwrap();
        assert_eq!(ground.store.collections().await.unwrap()[0].revision, 3);
    }

    async fn a_waiting_message_has_the_text_and_the_author_of_what_it_quotes(db) {
        let ground = Ground::on(db).await;
        ground.answered(&["We open at nine."]).await;
        let quoting = |from: &str, id: &str, quoted: &str| {
            let mut arrival = text(&ground.number, from, id);
            if let Event::Message(message) = &mut arrival.item.event {
                message.reply_to = Some(quoted.into());
            }
            arrival
        };
        let items = vec![
            quoting("4477", "wamid.2", "We open at nine."),
            quoting("4477", "wamid.3", "wamid.1"),
            quoting("4477", "wamid.4", "wamid.nowhere"),
            quoting("4478", "wamid.5", "wamid.1"),
        ];
        ground.store.take_in(hook(items)).await.unwrap();
        let mut found = BTreeMap::new();
        for claim in ground.store.claim_turns(10, MINUTE).await.unwrap() {
            let said = ground.store.read_snapshot(&claim, 50, 50).await.unwrap();
            assert!(said.before.iter().all(|row| row.quoted_author.is_none()), "only for what waits");
            let quotes = said.waiting.into_iter();
            found.extend(quotes.map(|row| (row.provider_id.unwrap(), (row.quoted, row.quoted_author))));
        }
        let quote = |text: &str, author| (Some(text.to_owned()), Some(author));
        let expected = [
            ("wamid.2".to_owned(), quote("We open at nine.", Author::Bot)),
            ("wamid.3".to_owned(), quote("question wamid.1", Author::Customer)),
            ("wamid.4".to_owned(), (None, None)),
            ("wamid.5".to_owned(), (None, None)),
        ];
        assert_eq!(found, BTreeMap::from(expected), "nothing of another conversation");
    }

    async fn a_path_that_cannot_be_stored_as_it_is_stays_the_same_document(db) {
        let ground = Ground::on(db).await;
        let collection = ground.store.collection("acme").await.unwrap();
        let path = "ho\0urs.md";
        let failure = Failure { error: "no\0".into(), remedy: Some("so\0".into()), code: FailureCode::Encrypted };
        let odd = |uploaded| NewDocument {
            path: path.into(),
            uploaded,
            chunks: Err(failure.clone()),
            ..document(&collection, "Hours")
        };
        let first = ground.store.learn(odd(false)).await.unwrap();
        assert_eq!(ground.store.learn(odd(true)).await.unwrap(), first);
        let error = ground.store.learn(odd(false)).await.unwrap_err().to_string();
        assert!(error.contains("was uploaded meanwhile"), "{error}");
    }

    async fn a_document_with_words_of_another_version_keeps_no_other_from_the_index(db) {
        let ground = Ground::on(db).await;
        let collection = ground.store.collection("acme").await.unwrap();
        let strange = ground.store.learn(document(&collection, "Hours")).await.unwrap();
        let home = ground.settings.path.parent().unwrap();
        change(home, &ground.url, "update documents set state = 'archived', code = 'haunted'").await;
        let other = NewDocument { path: "prices.md".into(), ..document(&collection, "Prices") };
        ground.store.learn(other).await.unwrap();
        let rows = ground.store.documents(&collection, 0).await.unwrap();
        assert_eq!((rows.len(), rows[0].state, rows[0].code), (2, DocumentState::Learning, None));
        assert_eq!(rows[1].state, DocumentState::Ready);
        let shown = ground.store.shown_documents(&collection, DocumentFilter::default(), 10).await.unwrap();
        let shown = shown.into_iter().map(|row| (row.path, row.state)).collect::<BTreeMap<_, _>>();
        assert_eq!(shown["hours.md"], DocumentStatus::Learning);
        assert_eq!(shown["prices.md"], DocumentStatus::Ready);
        // A new upload repairs it.
        change(home, &ground.url, "update documents set uploaded = 1 where path = 'hours.md'").await;
        let content = Ok(b"# Hours".to_vec());
        let new = NewUpload {
            collection: collection.clone(),
            path: "hours.md".into(),
            mime_type: "text/markdown".into(),
            size: 7,
            content,
        };
        let room = Room { documents: 10, chunks: 10, upload_bytes: 100 };
        let kept = ground.store.add_upload(new.clone(), room).await.unwrap();
        assert_eq!(kept, Ok(Some(strange.clone())));
        change(home, &ground.url, "update uploads set state = 'quarantined'").await;
        assert!(ground.store.retry_upload(&strange).await.unwrap());
        assert!(ground.store.due_upload().await.unwrap().is_some());
        let failure = Failure { error: "it is empty".into(), remedy: None, code: FailureCode::Empty };
        let empty = NewUpload { content: Err(failure), ..new };
        assert_eq!(ground.store.add_upload(empty, room).await.unwrap(), Ok(Some(strange.clone())));
        change(home, &ground.url, "update uploads set state = 'quarantined'").await;
        assert!(!ground.store.retry_upload(&strange).await.unwrap(), "there is nothing to learn");
    }

    async fn a_row_with_a_word_of_another_version_hides_no_other(db) {
        let ground = Ground::on(db).await;
        let store = &ground.store;
        let claims =
            [ground.claimed("4477", "wamid.1").await, ground.claimed("4478", "wamid.2").await];
        let (mut turns, mut queued) = (Vec::new(), Vec::new());
        for claim in &claims {
            let mut turn = ground.finished(claim, &["Hello."]).await;
            turn.unanswered = Some(format!("Do you rent submarines in {}?", claim.id));
            turn.escalation = Some(case("15550009999"));
            turns.push(turn.id.clone());
            assert_eq!(store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
            queued.push(store.queue_run(&claim.id, "{}".into()).await.unwrap());
        }
        let grouped = |question| GroupedQuestion { question, gap: GapId::generate() };
        let questions = store.ungrouped(10).await.unwrap();
        store.put_into_gaps(questions.into_iter().map(grouped).collect()).await.unwrap();
        let id = &claims[0].id;
        let of_it = format!("conversation_id = '{id}'");
        for sql in [
            "update turns set version_id = (select live_version_id from agents), tape = '{}'".to_owned(),
            format!("update turns set outcome = 'deferred' where {of_it}"),
            format!("update escalations set state = 'parked' where {of_it}"),
            format!("update eval_runs set state = 'paused' where suite = '{id}'"),
            format!("update gaps set state = 'merged' where question like '%{id}%'"),
            "update messages set state = 'failed' where direction = 'out'".to_owned(),
            format!("update messages set author = 'robot' where direction = 'out' and {of_it}"),
            "update numbers set state = 'frozen'".to_owned(),
        ] {
            assert_ne!(change(ground.home.path(), &ground.url, &sql).await, 0, "{sql}");
        }

        let cases = store.escalations(false, None, 10).await.unwrap();
        assert!(cases.iter().all(|row| row.state == EscalationState::Open), "{cases:?}");
        let runs = store.eval_runs(None, 10).await.unwrap();
        let runs: BTreeMap<_, _> = runs.into_iter().map(|row| (row.suite, row.state)).collect();
        assert_eq!((runs[id], runs[&claims[1].id]), (RunState::Stopped, RunState::Queued));
        assert!(!store.ask_run_to_stop(queued[0].as_str()).await.unwrap());
        assert!(store.ask_run_to_stop(queued[1].as_str()).await.unwrap());
        let newer = store.turn(&turns[0]).await.unwrap().unwrap();
        assert_eq!((newer.id.as_str(), newer.outcome), (turns[0].as_str(), None));
        let gaps = store.gaps(&gaps::GapFilter::default(), 10).await.unwrap();
        assert_eq!(gaps.iter().map(|gap| gap.state).collect::<Vec<_>>(), [GapState::Open; 2]);
        assert_eq!(store.numbers().await.unwrap()[0].state, NumberState::Stopped);

        let tapes = store.tapes(&turn_recordings::TurnRecordingFilter::default(), None, 10).await.unwrap();
        let outcomes: BTreeMap<_, _> =
            tapes.iter().map(|row| (row.conversation_id.as_str(), row.outcome)).collect();
        assert_eq!(outcomes[id.as_str()], None);
        assert_eq!(outcomes[claims[1].id.as_str()], Some(TurnOutcome::Answer));
        let newer = tapes.into_iter().find(|row| row.outcome.is_none()).unwrap();
        let why = RecordedTurn::read(newer).err().unwrap();
        assert!(why.contains("does not know"), "{why}");

        let day = Span { from: now_ms() - 60 * MINUTE, to: now_ms() + 60 * MINUTE };
        let failed = store.figures(&[day]).await.unwrap().failed;
        let failed: BTreeMap<_, _> = failed.iter().map(|one| (one.author, one.count)).collect();
        assert_eq!(failed, BTreeMap::from([(Author::Notice, 3)]));
    }
}

/// Opens a second connection to Postgres, to hold locks while the store works.
async fn beside(ground: &Ground) -> PgConnection {
    PgConnection::connect(&ground.url).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_message_that_commits_while_a_turn_does_is_not_forgotten() {
    if Postgres::shared().is_none() {
        return;
    }
    let ground = Ground::on(Db::Postgres).await;
    let claim = ground.claimed("4477", "wamid.1").await;
    let turn = ground.finished(&claim, &["one"]).await;
    // Another replica takes in a message: its rows are written but not committed.
    let mut replica = beside(&ground).await;
    let now = now_ms();
    let sql = format!(
        "begin; update conversations set due_at = {now}, waiting_since = {now} where id = '{id}';
         insert into messages (id, workspace_id, conversation_id, number_id, direction, author, provider_id, kind, content,
             body, state, sent_at, created_at, updated_at)
         values ('msg_other', 'ws_default', '{id}', '{number}', 'in', 'customer', 'wamid.2', 'text',
             '{{\"type\":\"text\",\"body\":\"x\"}}', 'x', 'waiting', {now}, {now}, {now})",
        id = claim.id,
        number = ground.number,
    );
    replica.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap();
    let store = ground.store.clone();
    let commit = tokio::spawn(async move { store.commit_turn(turn).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!commit.is_finished());
    replica.execute("commit").await.unwrap();
    assert_eq!(commit.await.unwrap().unwrap(), CommitOutcome::Yes(None));
    let next = ground.store.claim_turns(10, MINUTE).await.unwrap();
    assert_eq!(next.len(), 1, "the message that came meanwhile would wait for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_message_that_meets_a_take_over_is_the_persons() {
    if Postgres::shared().is_none() {
        return;
    }
    let ground = Ground::on(Db::Postgres).await;
    let claim = ground.claimed("4477", "wamid.1").await;
    let turn = ground.finished(&claim, &["one"]).await;
    ground.store.commit_turn(turn).await.unwrap();
    let mut replica = beside(&ground).await;
    let sql = format!(
        "begin; update conversations set owner = 'person', due_at = null where id = '{}'",
        claim.id
    );
    replica.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap();
    let (store, number) = (ground.store.clone(), ground.number.clone());
    let take = hook(vec![text(&number, "4477", "wamid.2")]);
    let take = tokio::spawn(async move { store.take_in(take).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    replica.execute("commit").await.unwrap();
    take.await.unwrap().unwrap();
    let thread = ground.thread(&claim).await;
    let arrived = thread.iter().find(|row| row.provider_id.as_deref() == Some("wamid.2")).unwrap();
    assert_eq!(
        arrived.state,
        MessageState::Stored,
        "the bot waits to answer in a person's conversation"
    );
    assert!(ground.store.claim_turns(10, MINUTE).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_stops_the_replies_that_have_not_left() {
    let ground = Ground::on(Db::Sqlite).await;
    let claim = ground.claimed("4477", "wamid.1").await;
    let turn = ground.finished(&claim, &["one", "two"]).await;
    ground.store.commit_turn(turn).await.unwrap();
    let under_way = claim_sends(&ground.store, 1, MINUTE).await.remove(0);
    let echo = Echo {
        provider_id: "wamid.echo".into(),
        to: phone("4477"),
        sent_at: now_ms(),
        content: Content::Text { body: "Ana here".into() },
        imported: false,
    };
    let webhook = hook(vec![item(&ground.number, Event::Echo(Box::new(echo)))]);
    ground.store.take_in(webhook.clone()).await.unwrap();
    ground.store.take_in(webhook).await.unwrap();
    ground.store.record_send(&under_way, SendResult::Sent("wamid.out".into())).await.unwrap();
    assert!(claim_sends(&ground.store, 10, MINUTE).await.is_empty());
    let rows = ground.thread(&claim).await;
    let mut states: Vec<_> =
        rows.iter().map(|row| (row.author.as_str(), row.state.as_str())).collect();
    states.sort_unstable();
    let expected =
        [("bot", "failed"), ("bot", "sent"), ("customer", "answered"), ("person", "sent")];
    assert_eq!(states, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_side_of_an_import_is_shown_and_takes_nothing_over() {
    let ground = Ground::on(Db::Sqlite).await;
    let claim = ground.claimed("4477", "wamid.1").await;
    let ours = Echo {
        provider_id: "wamid.old".into(),
        to: phone("4477"),
        sent_at: now_ms() - 60 * MINUTE,
        content: Content::Text { body: "We close at six.".into() },
        imported: true,
    };
    let webhook = hook(vec![item(&ground.number, Event::Echo(Box::new(ours)))]);
    ground.store.take_in(webhook.clone()).await.unwrap();
    ground.store.take_in(webhook).await.unwrap();
    let rows = ground.thread(&claim).await;
    let old: Vec<_> = rows.iter().filter(|row| row.author == Author::Person).collect();
    assert_eq!((old.len(), old[0].body.as_deref()), (1, Some("We close at six.")), "{rows:?}");
    let turn = ground.finished(&claim, &["one"]).await;
    assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
    assert_eq!(claim_sends(&ground.store, 10, MINUTE).await.len(), 1, "the bot goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_is_given_back_while_a_turn_still_runs_is_the_bots_at_once() {
    let ground = Ground::on(Db::Sqlite).await;
    let claim = ground.claimed("4477", "wamid.1").await;
    let late = ground.finished(&claim, &["late"]).await;
    let echo = Echo {
        provider_id: "wamid.echo".into(),
        to: phone("4477"),
        sent_at: now_ms(),
        content: Content::Text { body: "Ana here".into() },
        imported: false,
    };
    let webhook = hook(vec![item(&ground.number, Event::Echo(Box::new(echo)))]);
    ground.store.take_in(webhook).await.unwrap();
    assert!(ground.store.resolve(&claim.conversation()).await.unwrap());
    ground.take("4477", "wamid.2").await;
    let next = ground.store.claim_turns(10, MINUTE).await.unwrap();
    assert_eq!(next.len(), 1, "the new question waits until the old turn's lease ends");
    assert_eq!(ground.store.commit_turn(late).await.unwrap(), CommitOutcome::Overtaken);
    let turn = ground.finished(&next[0], &["now"]).await;
    assert_eq!(ground.store.commit_turn(turn).await.unwrap(), CommitOutcome::Yes(None));
}
