//! The inbox: lists conversations by state, with the newest message of each, and counts them. Reads
//! only.

use std::fmt::Write as _;

use const_format::formatcp;
use sqlx::{AssertSqlSafe, FromRow};

use super::words::owner::{BOT, NOBODY, PERSON};
use super::{LenientWord, Result, Store, all, first};
use crate::domain::{
    Author, ConversationId, ConversationStanding, EscalationState, MessageKind, MessageState,
    NoteCode, Owner, StoredProvider,
};

/// How many of the newest messages a search covers, per author: customer, bot and person.
const SEARCHED: i64 = 10_000;

/// A conversation with its customer.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ConversationRow {
    /// The id.
    pub id: String,
    /// The number.
    pub number_id: String,
    /// The customer.
    pub contact_id: String,
    /// The customer's name.
    pub contact_name: Option<String>,
    /// The customer's phone, digits only.
    pub wa_id: Option<String>,
    /// The customer's business-scoped id.
    pub bsuid: Option<String>,
    /// The customer's LID.
    pub lid: Option<String>,
    /// When the customer opted out, if they did.
    pub opted_out_at: Option<i64>,
    /// When it was recorded that the customer agreed to be written to.
    pub opted_in_at: Option<i64>,
    /// Where they did.
    pub opt_in_source: Option<String>,
    /// The owner.
    #[sqlx(try_from = "LenientWord<Owner>")]
    pub owner: Owner,
    /// When the customer last wrote.
    pub last_inbound_at: Option<i64>,
    /// When WhatsApp said that the window is closed, if the customer has not written since.
    pub window_closed_at: Option<i64>,
    /// When a notice about another conversation was last queued for this contact.
    pub notice_at: Option<i64>,
    /// When anyone last wrote; an answer within ten seconds does not count.
    pub last_message_at: i64,
    /// When the conversation last changed.
    pub updated_at: i64,
    /// Number of messages that no person has seen.
    pub unread: i64,
    /// 1 if the customer waits for a person, else 0.
    pub waiting: i64,
    /// If the customer waits: since when, whatever they write meanwhile.
    pub waiting_since: Option<i64>,
    /// If the customer waits: the newest text or transcript of theirs.
    pub waiting_text: Option<String>,
    /// In a search: the text or transcript of the newest message that contains the words.
    pub found_text: Option<String>,
    /// The text or transcript of the newest message.
    pub last_text: Option<String>,
    /// Its kind of content.
    #[sqlx(try_from = "LenientWord<MessageKind>")]
    pub last_kind: Option<MessageKind>,
    /// Its author.
    #[sqlx(try_from = "LenientWord<Author>")]
    pub last_author: Option<Author>,
    /// Its state.
    #[sqlx(try_from = "LenientWord<MessageState>")]
    pub last_state: Option<MessageState>,
    /// The newest open case.
    pub case_id: Option<String>,
    /// The reason of that case.
    pub case_reason: Option<String>,
    /// When that case was opened.
    pub case_at: Option<i64>,
    /// The number's short name.
    pub number_slug: String,
    /// The number's provider.
    pub provider: StoredProvider,
    /// The short name of the agent that answers on the number.
    pub agent: String,
}

/// Filters of the conversation list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Only those with this owner.
    pub owner: Option<Owner>,
    /// Only those in this state.
    pub state: Option<ConversationStanding>,
    /// Only those with unread messages.
    pub unread: bool,
    /// Only those on the number with this id.
    pub number: Option<String>,
    /// Only those with this text in the customer's name, username or phone, or in one of the newest
    /// messages, or with it as the customer's LID.
    pub words: Option<String>,
}

/// Numbers of conversations by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct ConversationCounts {
    /// Owned by the bot.
    pub bot: i64,
    /// Owned by a person.
    pub person: i64,
    /// Owned by nobody.
    pub nobody: i64,
    /// The customer waits for a person.
    pub waiting: i64,
    /// With unread messages.
    pub unread: i64,
}

/// Condition for an open conversation. Must match the text of the partial index over them.
const OPEN: &str = formatcp!("(v.owner = '{PERSON}' or v.open_cases > 0)");

const CUSTOMER: &str = Author::Customer.as_str();

/// A person's message `y` since the open case `e` of a conversation `p`; without a case a bot's answer
/// counts, too.
const REPLY: &str = formatcp!(
    "y.conversation_id = p.id and y.sent_at >= coalesce(e.created_at, 0) and y.changes is null
        and y.deleted_at is null and y.state <> '{UNSENT}'
        and (y.author = '{BY_PERSON}' or (e.id is null and y.author = '{BY_BOT}'))"
);

/// Since when the customer of a waiting conversation waits: since the first message after the last
/// [`REPLY`], or since the first open case.
const WAITING_SINCE: &str = formatcp!(
    "case when p.waiting = 1 then coalesce(
        (select min(x.sent_at) from messages x where x.conversation_id = p.id and x.author = '{CUSTOMER}'
            and x.changes is null and x.deleted_at is null and coalesce(x.note, '') <> '{IMPORTED}'
            and x.sent_at > coalesce(
                (select y.sent_at from messages y where {REPLY} order by y.sent_at desc, y.created_at desc, y.part desc limit 1),
                case when e.id is null then 0 else 9223372036854775807 end)),
        case when not exists (select 1 from messages y where {REPLY}) then (select min(o.created_at)
            from escalations o where o.conversation_id = p.id and o.state = '{OPEN_CASE}') end,
        p.last_inbound_at) end"
);
const UNSENT: &str = MessageState::Failed.as_str();
const IMPORTED: &str = NoteCode::Imported.text();
const BY_PERSON: &str = Author::Person.as_str();
const BY_BOT: &str = Author::Bot.as_str();

const OPEN_CASE: &str = EscalationState::Open.as_str();

/// Selects conversations `v`, filtered and ordered by `rest`, with all listed columns. The newest
/// message, what a waiting customer wrote, and what a search found are looked up per conversation,
/// so that a page is one query.
fn query(rest: &str, found: &FoundColumns) -> String {
    let FoundColumns { id: found_id, text: found_text } = found;
    format!(
        "with p as materialized (select v.id, v.number_id, v.contact_id, v.owner, v.last_inbound_at, v.window_closed_at,
            v.notice_at, v.last_message_at, v.updated_at, v.unread,
            case when {OPEN} and v.unanswered > 0 then 1 else 0 end as waiting,
            (select x.id from messages x where x.conversation_id = v.id and x.changes is null
                order by x.sent_at desc, x.created_at desc, x.part desc, x.id desc limit 1) as last_id,
            case when {OPEN} and v.unanswered > 0 then (select x.id from messages x where x.conversation_id = v.id
                and x.author = '{CUSTOMER}' and coalesce(x.transcript, x.body, '') <> ''
                order by x.sent_at desc, x.created_at desc, x.part desc, x.id desc limit 1) end as waiting_id,
            {found_id} as found_id,
            case when v.open_cases > 0 then (select e.id from escalations e where e.conversation_id = v.id
                and e.state = '{OPEN_CASE}' order by e.created_at desc, e.id desc limit 1) end as case_id
            from conversations v where v.workspace_id = $1 {rest})
        select p.id, p.number_id, p.contact_id, c.name as contact_name, c.wa_id, c.bsuid, c.lid, c.opted_out_at, c.opted_in_at, c.opt_in_source, p.owner,
            p.last_inbound_at, p.window_closed_at, p.notice_at, p.last_message_at, p.updated_at, p.unread,
            cast(p.waiting as bigint) as waiting, {WAITING_SINCE} as waiting_since,
            coalesce(q.transcript, q.body) as waiting_text, {found_text} as found_text,
            coalesce(m.transcript, m.body) as last_text, m.kind as last_kind, m.author as last_author,
            m.state as last_state, e.id as case_id, e.reason as case_reason, e.created_at as case_at,
            n.slug as number_slug, n.provider, a.slug as agent
        from p cross join contacts c cross join numbers n cross join agents a
            left join messages m on m.id = p.last_id left join messages f on f.id = p.found_id
            left join messages q on q.id = p.waiting_id
            left join escalations e on e.id = p.case_id
        where c.id = p.contact_id and n.id = p.number_id and a.id = n.agent_id
        order by p.last_message_at desc, p.id desc"
    )
}

impl Store {
    /// Conversations, most recent first, before the given time and conversation id.
    pub async fn conversations(
        &self,
        which: &Which,
        before: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<ConversationRow>> {
        let workspace = self.workspace_id();
        let (moment, id) = before.unwrap_or((i64::MAX, String::new()));
        let (owner, number) = (which.owner.map(Owner::as_str), which.number.as_deref());
        let sought = which.words.as_deref().map(SearchPatterns::of).unwrap_or_default();
        let SearchPatterns { lower, upper, title, digits } = &sought;
        let found = FoundColumns::by(which.words.as_deref());
        let sql = AssertSqlSafe(query(&which.conditions(), &found));
        self.read(async |conn| {
            all!(
                conn,
                ConversationRow,
                sql,
                workspace.as_str(),
                moment,
                &id,
                limit,
                owner.unwrap_or_default(),
                number.unwrap_or_default(),
                lower,
                upper,
                title,
                digits
            )
        })
        .await
    }

    /// Returns one conversation.
    pub async fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationRow>> {
        let workspace = self.workspace_id();
        let sql = AssertSqlSafe(query("and v.id = $2", &FoundColumns::by(None)));
        self.read(async |conn| first!(conn, ConversationRow, sql, workspace.as_str(), id.as_str()))
            .await
    }

    /// Numbers of conversations by state.
    pub async fn counts(&self) -> Result<ConversationCounts> {
        let workspace = self.workspace_id();
        self.read(async |conn| {
            let sql = formatcp!(
                "select
                    (select count(*) from conversations v where v.workspace_id = $1 and v.owner = '{BOT}') as bot,
                    (select count(*) from conversations v where v.workspace_id = $1 and v.owner = '{PERSON}') as person,
                    (select count(*) from conversations v where v.workspace_id = $1 and v.owner = '{NOBODY}') as nobody,
                    (select count(*) from conversations v where v.workspace_id = $1 and {OPEN} and v.unanswered > 0) as waiting,
                    (select count(*) from conversations v where v.workspace_id = $1 and v.unread > 0) as unread"
            );
            first!(conn, ConversationCounts, sql, workspace.as_str()).map(Option::unwrap_or_default)
        })
        .await
    }
}

impl Which {
    /// The conditions after `where`. Filters are written out so that the database sees which index
    /// applies. Every parameter is used, because Postgres needs its type.
    fn conditions(&self) -> String {
        let mut sql = String::from("and (v.last_message_at, v.id) < ($2, $3)");
        sql.push_str(match self.state {
            None => "",
            Some(ConversationStanding::Open) => formatcp!(" and {OPEN}"),
            Some(ConversationStanding::Waiting) => formatcp!(" and {OPEN} and v.unanswered > 0"),
            Some(ConversationStanding::Resolved) => formatcp!(" and not {OPEN}"),
        });
        sql.push_str(if self.unread { " and v.unread > 0" } else { "" });
        sql.push_str(if self.owner.is_some() { " and v.owner = $5" } else { " and $5 = ''" });
        sql.push_str(if self.number.is_some() { " and v.number_id = $6" } else { " and $6 = ''" });
        if let Some(words) = &self.words {
            search(&mut sql, words.is_ascii());
        } else {
            sql.push_str(" and $7 = '' and $8 = '' and $9 = '' and $10 = ''");
        }
        sql.push_str(" order by v.last_message_at desc, v.id desc limit $4");
        sql
    }
}

/// Adds the search conditions. Contacts are scanned: their workspace index would be slower, and `||
/// ''` prevents it. A LID is sought whole: it would contain parts of other customers' phones.
fn search(sql: &mut String, ascii: bool) {
    let newest = |author: Author| {
        format!(
            "select * from (select conversation_id, body, transcript from messages where workspace_id = $1
                and author = '{author}' order by sent_at desc limit {SEARCHED}) {author}s"
        )
    };
    // Writing to a String cannot fail.
    let _ = write!(
        sql,
        " and v.id in (select w.id from contacts c cross join conversations w
            where w.contact_id = c.id and c.workspace_id || '' = $1 and ({} or {} or c.wa_id like $10 or '%' || c.lid || '%' = $10)
          union select r.conversation_id from ({} union all {} union all {}) r where {} or {}) and ($8 = $9 or $8 <> $9)",
        holds("c.name", ascii),
        holds("c.username", ascii),
        newest(Author::Customer),
        newest(Author::Bot),
        newest(Author::Person),
        holds("r.body", ascii),
        holds("r.transcript", ascii),
    );
}

/// Expressions for the newest message of a conversation that contains the search text: its id, and
/// what of it does.
struct FoundColumns {
    id: String,
    text: String,
}

impl FoundColumns {
    fn by(words: Option<&str>) -> Self {
        let Some(ascii) = words.map(str::is_ascii) else {
            let nothing = || "cast(null as text)".to_owned();
            return Self { id: nothing(), text: nothing() };
        };
        let (customer, bot, person) = (Author::Customer, Author::Bot, Author::Person);
        let id = format!(
            "(select x.id from messages x where x.conversation_id = v.id
                and x.author in ('{customer}', '{bot}', '{person}') and ({} or {})
                order by x.sent_at desc, x.created_at desc, x.part desc, x.id desc limit 1)",
            holds("x.body", ascii),
            holds("x.transcript", ascii),
        );
        let transcript = holds("f.transcript", ascii);
        Self { id, text: format!("case when {transcript} then f.transcript else f.body end") }
    }
}

/// Condition that a column contains the search text. For ASCII one pattern is enough.
fn holds(text: &str, ascii: bool) -> String {
    let like = |place: u8| format!("lower({text}) like ${place} escape '\\'");
    if ascii { like(7) } else { format!("({} or {} or {})", like(7), like(8), like(9)) }
}

/// Search text as `like` patterns. SQLite folds case only for ASCII, so other letters are searched
/// in three forms: lower case, upper case, and title case.
#[derive(Debug, Default, PartialEq, Eq)]
struct SearchPatterns {
    lower: String,
    upper: String,
    title: String,
    digits: String,
}

impl SearchPatterns {
    fn of(words: &str) -> Self {
        let lower = words.to_lowercase();
        let title = lower.split(' ').map(capital).collect::<Vec<_>>().join(" ");
        Self {
            upper: pattern(&lower.to_uppercase().to_ascii_lowercase()),
            title: pattern(&title.to_ascii_lowercase()),
            lower: pattern(&lower),
            digits: phone(words).map_or_else(String::new, |digits| format!("%{digits}%")),
        }
    }
}

/// The digits of a text that is a phone number, or a part of one, as `wa_id` has them: a number
/// dialled within its country begins with a zero (07700 900021), or has it in brackets.
fn phone(words: &str) -> Option<String> {
    if !words.chars().all(|letter| letter.is_ascii_digit() || " +-().".contains(letter)) {
        return None;
    }
    let digits: String = words.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    (digits.len() >= 3).then(|| digits.to_owned())
}

/// The word with a capital first letter.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A `like` pattern for texts that contain this one.
fn pattern(text: &str) -> String {
    let text = super::storable(text);
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sought_is_found_however_it_is_written() {
        let sought = SearchPatterns::of("Müller ätna");
        assert_eq!(sought.lower, "%müller ätna%");
        assert_eq!(sought.upper, "%mÜller Ätna%");
        assert_eq!(sought.title, "%müller Ätna%");
        assert_eq!(sought.digits, "");
        assert_eq!(SearchPatterns::of("100%_\\").lower, "%100\\%\\_\\\\%");
        assert_eq!(SearchPatterns::of("+44 (770) 09").digits, "%4477009%");
        assert_eq!(SearchPatterns::of("12").digits, "", "two digits are no phone");
        assert_eq!(SearchPatterns::of("order 4477").digits, "");
    }

    #[test]
    fn a_phone_is_found_as_it_is_dialled_at_home_and_from_abroad() {
        for words in ["07700 900021", "(07700) 900021", "+44 (0)7700 900021", "0044 7700-900021"] {
            let digits = phone(words).unwrap();
            assert!("447700900021".contains(&digits), "{words}: {digits}");
        }
        assert_eq!(phone("0000"), None);
    }
}
