//! A database that an earlier version filled: today's version opens it, reads every row, and goes
//! on where that version stopped.

use std::collections::BTreeMap;
use std::path::Path;

use frontdesk::domain::audit::Action;
use frontdesk::domain::{
    Author, ConversationId, EscalationState, FileState, MessageId, MessageState, NumberId,
    NumberState, Owner, Party, TurnId, TurnOutcome,
};
use frontdesk::store::audit::Filter;
use frontdesk::store::files::FileRow;
use frontdesk::store::listing::Which;
use frontdesk::store::{Settings, Store};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use crate::support::app::{change, on_both};
use crate::support::store::{MINUTE, claim_sends};

/// The last migration of the earlier version.
const EARLIER: i64 = 15;

/// What that version wrote.
const ROWS: &str = r#"
    insert into workspaces (id, name, created_at) values ('ws_default', 'default', 1);
    insert into agents (id, workspace_id, slug, live_version_id, created_at, updated_at)
        values ('agent_1', 'ws_default', 'acme', 'ver_1', 1, 1);
    insert into prompt_versions (id, workspace_id, agent_id, ordinal, hash, source, created_at)
        values ('ver_1', 'ws_default', 'agent_1', 1, 'hash', 'You are Acme.', 1);
    insert into numbers (id, workspace_id, slug, provider, external_id, agent_id, state, state_reason, settings, created_at, updated_at)
        values ('num_1', 'ws_default', 'main', 'meta', '106', 'agent_1', 'ready', null, null, 1, 1),
               ('num_2', 'ws_default', 'shop', 'kapso', '107', 'agent_1', 'stopped', 'wrong token', 'sealed', 1, 1);
    insert into contacts (id, workspace_id, wa_id, bsuid, name, opted_out_at, created_at, updated_at)
        values ('contact_1', 'ws_default', '447700900001', null, 'Ada', null, 1, 1),
               ('contact_2', 'ws_default', null, 'GB.1', null, null, 1, 1),
               ('contact_3', 'ws_default', '15550009999', null, 'Support contact', 7, 1, 1);
    insert into conversations (id, workspace_id, number_id, contact_id, owner, last_inbound_at, last_message_at, waiting_since,
            due_at, quiet_at, person_at, habit, unread, unanswered, open_cases, created_at, updated_at)
        values ('conv_bot', 'ws_default', 'num_1', 'contact_1', 'bot', 10, 11, null, null, null, null, '', 1, 1, 0, 1, 1),
               ('conv_waits', 'ws_default', 'num_1', 'contact_2', 'bot', 20, 20, 20, 20, 20, null, '{"repeats":2}', 1, 1, 0, 1, 1),
               ('conv_person', 'ws_default', 'num_2', 'contact_1', 'person', 30, 30, null, null, null, 31, '', 2, 1, 1, 1, 1),
               ('conv_staff', 'ws_default', 'num_1', 'contact_3', 'nobody', null, 40, null, null, null, null, '', 0, 0, 0, 1, 1);
    insert into turns (id, workspace_id, conversation_id, agent_id, version_id, outcome, trace, input_tokens, output_tokens,
            cost_micros, created_at)
        values ('turn_1', 'ws_default', 'conv_bot', 'agent_1', 'ver_1', 'answer', '{}', 5, 6, 7, 11);
    insert into messages (id, workspace_id, conversation_id, number_id, direction, author, provider_id, kind, content, body, state,
            state_rank, turn_id, sent_at, created_at, updated_at, attempts, due_at, lease_until)
        values ('msg_asked', 'ws_default', 'conv_bot', 'num_1', 'in', 'customer', 'wamid.1', 'text',
                    '{"type":"text","body":"When?"}', 'When?', 'answered', 0, 'turn_1', 10, 10, 10, 0, null, null),
               ('msg_sent', 'ws_default', 'conv_bot', 'num_1', 'out', 'bot', 'wamid.2', 'text',
                    '{"type":"text","body":"At nine."}', 'At nine.', 'delivered', 5, 'turn_1', 11, 11, 11, 1, null, null),
               ('msg_queued', 'ws_default', 'conv_bot', 'num_1', 'out', 'bot', null, 'text',
                    '{"type":"text","body":"Until six."}', 'Until six.', 'queued', 0, 'turn_1', 12, 12, 12, 0, 12, null),
               ('msg_waits', 'ws_default', 'conv_waits', 'num_1', 'in', 'customer', 'wamid.3', 'text',
                    '{"type":"text","body":"Hello?"}', 'Hello?', 'waiting', 0, null, 20, 20, 20, 0, null, null),
               ('msg_person', 'ws_default', 'conv_person', 'num_2', 'in', 'customer', 'wamid.4', 'text',
                    '{"type":"text","body":"A person!"}', 'A person!', 'stored', 0, null, 30, 30, 30, 0, null, null),
               ('msg_lost', 'ws_default', 'conv_staff', 'num_1', 'out', 'notice', null, 'text',
                    '{"type":"text","body":"Come."}', 'Come.', 'sending', 1, null, 40, 40, 40, 1, null, 41);
    insert into escalations (id, workspace_id, conversation_id, turn_id, reason, question, state, created_at, resolved_at)
        values ('esc_open', 'ws_default', 'conv_person', null, 'said human', 'A person!', 'open', 31, null),
               ('esc_done', 'ws_default', 'conv_bot', null, 'said human', 'When?', 'resolved', 9, 10);
    insert into provider_events (id, workspace_id, number_id, webhook_id, kind, payload, alert, created_at)
        values ('evt_1', 'ws_default', 'num_1', 'hook_1', 'account_update', '{}', 'The account is restricted.', 5);
    insert into audit_log (id, workspace_id, actor, action, subject, detail, outcome, address, created_at)
        values ('audit_1', 'ws_default', 'admin key', 'conversation.taken', 'conv_person', '{}', 'done', '', 31);
"#;

fn migrations(database: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database)
}

/// Makes the database as the earlier version leaves it. A webhook's body is written differently in
/// each.
async fn fill(settings: &Settings, url: &str) {
    let hook = |body: &str| {
        format!(
            "insert into webhooks (id, workspace_id, provider, body, created_at) values ('hook_1', 'ws_default', 'meta', {body}, 5)"
        )
    };
    let note = |bytes: &str| {
        format!(
            "insert into recordings (message_id, workspace_id, mime_type, bytes, created_at)
             values ('msg_asked', 'ws_default', 'audio/ogg', {bytes}, 10), ('msg_person', 'ws_default', 'audio/ogg', {bytes}, 30)"
        )
    };
    let (first, rest) = ROWS.split_once("insert into provider_events").unwrap();
    let all = |body: &str, bytes: &str| {
        let (hook, note) = (hook(body), note(bytes));
        AssertSqlSafe(format!("{first}{hook};\n{note};\ninsert into provider_events{rest}"))
    };
    if url.is_empty() {
        let options = SqliteConnectOptions::new().filename(&settings.path).create_if_missing(true);
        let mut database = options.foreign_keys(true).connect().await.unwrap();
        let migrator = Migrator::new(migrations("sqlite").as_path()).await.unwrap();
        migrator.run_to(EARLIER, &mut database).await.unwrap();
        database.execute(sqlx::raw_sql(all("x'7b7d'", "x'4f676753'"))).await.unwrap();
        database.close().await.unwrap();
    } else {
        let mut database = PgConnection::connect(url).await.unwrap();
        let migrator = Migrator::new(migrations("postgres").as_path()).await.unwrap();
        migrator.run_to(EARLIER, &mut database).await.unwrap();
        database.execute(sqlx::raw_sql(all("'{}'", "'\\x4f676753'"))).await.unwrap();
        database.close().await.unwrap();
    }
}

async fn states(store: &Store, conversation: &str) -> Vec<(String, MessageState)> {
    let id = ConversationId::stored(conversation.into());
    let rows = store.thread(&id, None, 100).await.unwrap();
    assert!(rows.iter().all(|row| row.referral.is_none() && row.pricing.is_none()), "{rows:?}");
    rows.into_iter().map(|row| (row.id.to_string(), row.state)).collect()
}

fn said(id: &str, state: MessageState) -> (String, MessageState) {
    (id.to_owned(), state)
}

on_both! {
    async fn what_an_earlier_version_wrote_is_read_and_worked_on(db) {
        let home = tempfile::tempdir().unwrap();
        let url = db.url().await;
        let path = home.path().join("desk.db");
        let settings = Settings { url: url.clone().into(), path, connections: 4, wait_ms: 20_000 };
        fill(&settings, &url).await;
        let store = Store::open(&settings).await.unwrap();

        let all = store.conversations(&Which::default(), None, 100).await.unwrap();
        let all: BTreeMap<_, _> = all.iter().map(|row| (row.id.as_str(), row)).collect();
        let seen: Vec<_> = all.values().map(|row| (row.id.as_str(), row.owner, row.waiting, row.unread)).collect();
        let expected = [
            ("conv_bot", Owner::Bot, 0, 1),
            ("conv_person", Owner::Person, 1, 2),
            ("conv_staff", Owner::Nobody, 0, 0),
            ("conv_waits", Owner::Bot, 0, 1),
        ];
        assert_eq!(seen, expected);
        assert!(all.values().all(|row| row.notice_at.is_none() && row.window_closed_at.is_none()));
        assert!(all.values().all(|row| row.lid.is_none()));
        assert_eq!(all["conv_bot"].contact_name.as_deref(), Some("Ada"));
        assert_eq!((all["conv_bot"].agent.as_str(), all["conv_bot"].number_slug.as_str()), ("acme", "main"));
        assert_eq!(all["conv_waits"].bsuid.as_deref(), Some("GB.1"));
        assert_eq!((all["conv_staff"].contact_name.as_ref(), all["conv_staff"].opted_out_at), (None, Some(7)));
        assert_eq!(all["conv_person"].case_reason.as_deref(), Some("said human"));
        let answered = "update conversations set id = id where unanswered = 0 and id in ('conv_bot', 'conv_staff')";
        assert_eq!(change(home.path(), &url, answered).await, 2);
        let unanswered = "update conversations set id = id where unanswered = 1 and id in ('conv_waits', 'conv_person')";
        assert_eq!(change(home.path(), &url, unanswered).await, 2);

        let thread = states(&store, "conv_bot").await;
        let expected = [
            said("msg_queued", MessageState::Queued),
            said("msg_sent", MessageState::Delivered),
            said("msg_asked", MessageState::Answered),
        ];
        assert_eq!(thread, expected);
        assert_eq!(states(&store, "conv_person").await, [said("msg_person", MessageState::Stored)]);
        let numbers = store.numbers().await.unwrap();
        let numbers: Vec<_> = numbers.iter().map(|row| (row.slug.as_str(), row.state, row.added)).collect();
        assert_eq!(numbers, [("main", NumberState::Ready, 0), ("shop", NumberState::Stopped, 1)]);
        assert_eq!(store.added_numbers().await.unwrap()[0].settings, "sealed");
        let cases = store.escalations(false, None, 10).await.unwrap();
        let cases: Vec<_> = cases.iter().map(|row| (row.id.as_str(), row.state)).collect();
        assert_eq!(cases, [("esc_open", EscalationState::Open), ("esc_done", EscalationState::Resolved)]);
        let turn = store.turn(&TurnId::stored("turn_1".into())).await.unwrap().unwrap();
        assert_eq!((turn.outcome, turn.cost_micros), (Some(TurnOutcome::Answer), 7));
        let events = store.events(true, 10).await.unwrap();
        assert_eq!((events.len(), events[0].code, events[0].detail.as_deref()), (1, None, None));
        assert_eq!(events[0].alert.as_deref(), Some("The account is restricted."));
        assert_eq!(store.webhooks().await.unwrap(), 1);
        assert_eq!(store.audit_log(&Filter::default(), 10).await.unwrap()[0].action, Action::ConversationTaken);

        let note = MessageId::stored("msg_asked".into());
        let expected = FileRow { mime_type: "audio/ogg".into(), bytes: b"OggS".into() };
        assert_eq!(store.file(&note).await.unwrap(), Some(expected.clone()));
        let row = store.message(&note).await.unwrap().unwrap();
        assert_eq!((row.file_state, row.file_size), (Some(FileState::Stored), Some(4)));
        assert_eq!(store.keep_file(&note, "audio/ogg", b"OggS".into()).await.unwrap(), None, "it is there");
        assert_eq!(store.forget_files(20, 10).await.unwrap(), 1);
        assert_eq!(store.file(&note).await.unwrap(), None);
        let other = store.file(&MessageId::stored("msg_person".into())).await.unwrap();
        assert_eq!(other, Some(expected));
        assert_eq!(change(home.path(), &url, "update files set size = size").await, 1);

        let claims = store.claim_turns(10, MINUTE).await.unwrap();
        assert_eq!(claims.iter().map(|claim| claim.id.as_str()).collect::<Vec<_>>(), ["conv_waits"]);
        let snapshot = store.read_snapshot(&claims[0], 50, 50).await.unwrap();
        assert_eq!(snapshot.waiting.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["msg_waits"]);
        let sends = claim_sends(&store, 10, MINUTE).await;
        let lid = Party { lid: Some("201".into()), ..Party::default() };
        assert!(store.know_recipient(&sends[0], &lid).await.unwrap().is_empty());
        let conv_bot = ConversationId::stored("conv_bot".into());
        assert_eq!(store.conversation(&conv_bot).await.unwrap().unwrap().lid, lid.lid);
        assert_eq!(store.conversation_with(&NumberId::stored("num_1".into()), &lid).await.unwrap(), Some(conv_bot));
        let sends: Vec<_> = sends.iter().map(|one| (one.id.as_str(), one.author, one.wa_id.as_deref())).collect();
        assert_eq!(sends, [("msg_queued", Author::Bot, Some("447700900001"))]);
        assert_eq!(store.sweep_sends(&NumberId::stored("num_1".into()), MINUTE).await.unwrap(), 1);
        let lost = store.message(&MessageId::stored("msg_lost".into())).await.unwrap().unwrap();
        assert_eq!(lost.state, MessageState::Unknown);
        store.close().await;
        drop(Store::open(&settings).await.unwrap());
    }
}
