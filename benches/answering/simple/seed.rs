//! Fills a desk's database with conversations as the desk itself would store them: each has a
//! contact, a burst of two texts, their webhooks, one turn, and a delivered reply in two parts.
//! Bypasses the desk and writes SQL.
//!
//! The content is copied from one real conversation of the desk: its ids, words and trace.

use std::process::Command;
use std::time::Instant;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::figures::grouped;
use super::home::Home;
use super::load::{STRIDE, ask_once, new_customer, stored_customer};
use super::upstream::Upstream;

/// Time range of the stored conversations in milliseconds: 29 days. The desk would delete the
/// bodies of older webhooks during the measurement.
const SPREAD_MS: usize = 29 * 24 * 3_600_000;
/// Age of the newest stored conversation in milliseconds.
const AGO_MS: i64 = 3_600_000;

/// The conversation that is copied, as a row of a temporary table.
const SAMPLE: &str = "
    create temporary table sample as
    select v.workspace_id, v.number_id, v.owner, c.name, t.agent_id, t.version_id, t.outcome, t.trace,
        t.input_tokens, t.output_tokens, t.cost_micros, i.kind, i.content as asked, i.body as asked_body,
        o.author as speaker, o.content as told, o.body as told_body, w.provider, w.body as hook
    from contacts c join conversations v on v.contact_id = c.id join turns t on t.conversation_id = v.id
        join messages i on i.conversation_id = v.id and i.direction = 'in'
        join messages o on o.conversation_id = v.id and o.direction = 'out' cross join webhooks w
    where c.wa_id = '{sample}' limit 1;";

/// `i` counts the conversations from 0; `{key}` is the suffix of its ids, `{moment}` the time of
/// its start.
const CONTACTS: &str = "
    insert into contacts (id, workspace_id, wa_id, name, created_at, updated_at)
    select 'con_' || {key}, workspace_id, cast({first} + i as text), name, {moment}, {moment} from series, sample;";

const CONVERSATIONS: &str = "
    insert into conversations (id, workspace_id, number_id, contact_id, owner, last_inbound_at, last_message_at,
        lease_token, created_at, updated_at)
    select 'conv_' || {key}, workspace_id, number_id, 'con_' || {key}, owner, {moment} + 1000, {moment} + 3000,
        2, {moment}, {moment} + 3000 from series, sample;";

const TURNS: &str = "
    insert into turns (id, workspace_id, conversation_id, agent_id, version_id, outcome, trace, input_tokens,
        output_tokens, cost_micros, created_at)
    select 'turn_' || {key}, workspace_id, 'conv_' || {key}, agent_id, version_id, outcome, trace, input_tokens,
        output_tokens, cost_micros, {moment} + 3000 from series, sample;";

/// Of a conversation's four messages, 0 and 1 are the customer's, 2 and 3 the desk's.
const MESSAGES: &str = "
    insert into messages (id, workspace_id, conversation_id, number_id, direction, author, provider_id, kind, content,
        body, state, state_rank, turn_id, part, sent_at, created_at, updated_at, attempts)
    select 'msg_' || {key_of_row}, workspace_id, 'conv_' || {key}, number_id,
        case when k < 2 then 'in' else 'out' end, case when k < 2 then 'customer' else speaker end,
        {wamid}, kind, case when k < 2 then asked else told end, case when k < 2 then asked_body else told_body end,
        case when k < 2 then 'answered' else 'delivered' end, case when k < 2 then 0 else 5 end,
        'turn_' || {key}, case when k = 3 then 1 else 0 end, {moment} + k * 1000, {moment} + k * 1000,
        {moment} + 5000, case when k < 2 then 0 else 1 end
    from (select x, x / 4 as i, x % 4 as k from rows_of_four) row_of_four, sample;";

/// One for each of the customer's two texts.
const WEBHOOKS: &str = "
    insert into webhooks (id, workspace_id, provider, body, created_at)
    select 'hook_' || {key_of_row}, workspace_id, provider, hook, {moment} + x % 2 * 1000
    from (select x, x / 2 as i from rows_of_two) row_of_two, sample;";

/// Direct access to a desk's database.
pub(crate) enum Database {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

/// Lets the desk create its tables and have one conversation, stores the others, and prints how
/// long that took and how fast the desk starts with them.
pub(crate) async fn store(upstream: &Upstream, home: &Home, conversations: usize) {
    assert!(
        !conversations.is_multiple_of(STRIDE),
        "{STRIDE} cannot spread {conversations} customers"
    );
    let desk = home.open().await;
    let sample = new_customer(0, 0, 0);
    ask_once(upstream, &desk, &sample).await;
    desk.stop();
    let started = Instant::now();
    let mut database = Database::open(home).await;
    database.run(&script(conversations, &sample)).await;
    database.tidy().await;
    let (took, gigabytes) = (started.elapsed(), database.gigabytes().await);
    drop(database);
    let desk = home.open().await;
    println!(
        "  {} stored in {:.1} s, {gigabytes:.2} GB; the desk is ready in {} ms",
        grouped(conversations),
        took.as_secs_f64(),
        desk.ready_after.as_millis()
    );
    desk.stop();
}

/// Waits until writes are on disk, so that the rounds do not pay for them.
pub(crate) fn settle_disk() {
    assert!(Command::new("sync").status().is_ok_and(|done| done.success()), "sync");
}

/// Returns all statements, in one transaction.
fn script(conversations: usize, sample: &str) -> String {
    let series = |name: &str, column: &str, count: usize| {
        format!(
            "with recursive {name}({column}) as (select cast(0 as bigint) union all
             select {column} + 1 from {name} where {column} + 1 < {count})"
        )
    };
    let of_one = series("series", "i", conversations);
    let of_two = series("rows_of_two", "x", conversations * 2);
    let of_four = series("rows_of_four", "x", conversations * 4);
    // 26 characters like a ULID, sorted before all real ones.
    let key = |column: &str| {
        format!("'00SEED000000' || substr(cast(100000000000000 + {column} as text), 2)")
    };
    // Spread like the ids of `hook::wamid`.
    let wamid = "'wamid.' || substr(cast(10000000000 + (x * 2654435761) % 4294967296 as text), 2) || 'HBgMNTAwFQIAERgS'";
    let step = SPREAD_MS / conversations;
    let moment = format!("({} - ({conversations} - i) * {step})", now_ms() - AGO_MS);
    let text = format!(
        "begin; {SAMPLE} {of_one} {CONTACTS} {of_one} {CONVERSATIONS} {of_one} {TURNS}
         {of_four} {MESSAGES} {of_two} {WEBHOOKS} commit;"
    );
    text.replace("{sample}", sample)
        .replace("{first}", &stored_customer(0))
        .replace("{key_of_row}", &key("x"))
        .replace("{key}", &key("i"))
        .replace("{moment}", &moment)
        .replace("{wamid}", wamid)
}

impl Database {
    /// Opens the database of a stopped desk. Durability and constraint checks are off: the data
    /// does not have to survive a crash, and the rows are consistent. The desk opens it with its
    /// own settings.
    pub(crate) async fn open(home: &Home) -> Self {
        if home.postgres.is_empty() {
            let options = SqliteConnectOptions::new()
                .filename(home.sqlite_file())
                .journal_mode(SqliteJournalMode::Off)
                .synchronous(SqliteSynchronous::Off)
                .foreign_keys(false)
                .pragma("cache_size", "-2000000");
            return Self::Sqlite(Box::new(options.connect().await.expect("the desk's file")));
        }
        let connection = PgConnection::connect(&home.postgres).await.expect("the desk's database");
        let mut database = Self::Postgres(Box::new(connection));
        database.run("set session_replication_role = replica").await;
        database.run("set synchronous_commit = off").await;
        database
    }

    /// Counts the customers that `store` created.
    pub(crate) async fn stored_customers(&mut self) -> usize {
        self.number("select count(*) from contacts where wa_id >= '5' and wa_id < '6'").await
            as usize
    }

    /// Vacuums and checkpoints Postgres, as it would be after running for a while.
    async fn tidy(&mut self) {
        if let Self::Postgres(_) = self {
            self.run("vacuum analyze").await;
            self.run("checkpoint").await;
        }
    }

    async fn gigabytes(&mut self) -> f64 {
        let sql = match self {
            Self::Sqlite(_) => {
                "select page_count * page_size from pragma_page_count, pragma_page_size"
            }
            Self::Postgres(_) => "select pg_database_size(current_database())",
        };
        self.number(sql).await as f64 / 1e9
    }

    async fn run(&mut self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite(connection) => sql.execute(&mut **connection).await.map(|_| ()),
            Self::Postgres(connection) => sql.execute(&mut **connection).await.map(|_| ()),
        }
        .expect("the statement");
    }

    async fn number(&mut self, sql: &'static str) -> i64 {
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_one(&mut **connection).await,
            Self::Postgres(connection) => {
                sqlx::query_scalar(sql).fetch_one(&mut **connection).await
            }
        }
        .expect("a number")
    }
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a clock").as_millis() as i64
}
