//! Speed of the inbox with 100,000 conversations and 1,000,000 messages. Runs only on request:
//! `cargo test --release --test it -- inbox::large --ignored --nocapture`.

use std::time::{Duration, Instant};

use crate::delivery::says;
use crate::support::app::{Db, Setup, TestApp};

const CONVERSATIONS: i64 = 100_000;
const EACH: i64 = 10;
const TURNS: i64 = 90_000;

/// Returns the statements that fill the database with copies of its one conversation. `series` is
/// the database's own series function.
fn seed(series: &str) -> Vec<String> {
    let day = 86_400_000_i64;
    let now = frontdesk::domain::time::now_ms();
    let moment = format!("({now} - i * {} / {CONVERSATIONS})", 29 * day);
    let all = format!(
        "{series} select i, cast(substr(cast(1000000 + i as text), 2) as text) as k from series where i < {CONVERSATIONS}"
    );
    let messages = format!(
        "{series} select x / {EACH} as i, x % {EACH} as n, substr(cast(1000000 + x / {EACH} as text), 2) as k,
            cast(x as text) as key from series where x < {}",
        CONVERSATIONS * EACH
    )
    .replace("(i)", "(x)")
    .replace("i + 1", "x + 1")
    .replace("generate_series(0, 2000000) i", "generate_series(0, 2000000) x")
    .replace("where i <", "where x <")
    .replace("select i from", "select x from");
    vec![
        format!("insert into contacts (id, workspace_id, wa_id, name, created_at, updated_at)
            select 'con_' || k, w.id, '3460' || k, 'Customer ' || k, 0, 0 from ({all}) s, workspaces w where w.name = 'default'"),
        format!("insert into conversations (id, workspace_id, number_id, contact_id, owner, last_inbound_at, last_message_at,
                created_at, updated_at, unread, unanswered)
            select 'conv_' || k, n.workspace_id, n.id, 'con_' || k, case when i % 50 = 0 then 'person' else 'bot' end,
                {moment}, {moment}, 0, 0, case when i % 20 = 0 then 2 else 0 end, 1
            from ({all}) s, numbers n where n.slug = 'main'"),
        format!("insert into messages (id, workspace_id, conversation_id, number_id, direction, author, provider_id, kind, content,
                body, state, state_rank, sent_at, created_at, updated_at)
            select 'msg_' || key, m.workspace_id, 'conv_' || k, m.number_id, case when n % 2 = 0 then 'in' else 'out' end,
                case when n % 2 = 0 then 'customer' else 'bot' end, 'wamid.' || key, 'text', m.content,
                'Some words about lamp number ' || key || ', as long as people write them in a chat.',
                case when n % 2 = 0 then 'answered' else 'delivered' end, 5, {moment} - ({EACH} - n) * 1000,
                {moment} - ({EACH} - n) * 1000, 0
            from ({messages}) s, (select workspace_id, number_id, content from messages limit 1) m"),
        format!("insert into turns (id, workspace_id, conversation_id, agent_id, version_id, outcome, trace, input_tokens,
                output_tokens, cost_micros, created_at, waited_ms)
            select 'turn_' || k, t.workspace_id, 'conv_' || k, t.agent_id, t.version_id, 'answer', t.trace, 500, 50, 700, {moment},
                (i * 7919) % 9000
            from ({all}) s, (select * from turns limit 1) t where i < {TURNS}"),
    ]
}

/// Measures a request several times. Prints the best and the median.
async fn timed(app: &TestApp, what: &str, path: &str) -> Duration {
    let mut times = Vec::new();
    for _ in 0..9 {
        let begun = Instant::now();
        app.get(path).await;
        times.push(begun.elapsed());
    }
    times.sort();
    println!(
        "{what:<34} best {:>8.1?} middle {:>8.1?} worst {:>8.1?}",
        times[0], times[4], times[8]
    );
    times[4]
}

async fn measure(db: Db) {
    let app = Setup::on(db).extractive().start().await;
    says(&app, "447700980001", "1", "When do you open?").await;
    app.settle().await;
    let series = match db {
        Db::Sqlite => {
            "with recursive series (i) as (select 0 union all select i + 1 from series where i < 2000000)"
        }
        Db::Postgres => "with series as (select i from generate_series(0, 2000000) i)",
    };
    let begun = Instant::now();
    for sql in seed(series) {
        app.change(&sql).await;
    }
    if db == Db::Postgres {
        app.change("analyze").await;
    }
    println!("{db:?}: seeded in {:?}", begun.elapsed());
    let first = app.get("/conversations").await;
    let cursor = first["next"].as_str().unwrap();
    let page = timed(&app, "first page of 50", "/conversations").await;
    timed(&app, "second page", &format!("/conversations?cursor={cursor}")).await;
    for (what, path) in [
        ("owner=person", "/conversations?owner=person"),
        ("state=open", "/conversations?state=open"),
        ("state=waiting", "/conversations?state=waiting"),
        ("state=resolved", "/conversations?state=resolved"),
        ("unread", "/conversations?unread=true"),
        ("number=main", "/conversations?number=main"),
        ("number=second (none)", "/conversations?number=second"),
        ("owner=bot, unread, number", "/conversations?owner=bot&unread=true&number=main"),
        ("search: a name", "/conversations?q=customer+04242"),
        ("search: a phone", "/conversations?q=%2B34+60042"),
        ("search: words, rare", "/conversations?q=lamp+number+9"),
        ("search: words, all", "/conversations?q=lamp"),
        ("search: nothing", "/conversations?q=zebra"),
        ("counts", "/conversations/counts"),
        ("escalations", "/escalations?open=true"),
    ] {
        timed(&app, what, path).await;
    }
    let overview = timed(&app, "overview of 30 days", "/overview?zone=Europe/Madrid").await;
    assert!(page < Duration::from_millis(60) && overview < Duration::from_secs(1));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "stores a million messages"]
async fn sqlite() {
    measure(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "stores a million messages"]
async fn postgres() {
    if crate::support::postgres::Postgres::shared().is_some() {
        measure(Db::Postgres).await;
    }
}
