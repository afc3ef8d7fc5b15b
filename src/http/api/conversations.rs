//! Conversations: listing and reading them, taking them over, and handing them back to the bot.

use axum::Json;
use axum::extract::State as Web;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use super::response::Answer;
use crate::domain::time::now_ms;
use crate::domain::{
    Author, CaseReason, ConversationId, ConversationStanding, MessageKind, MessageState, Owner,
    StoredProvider, What, thread,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Path, Query, word};
use crate::pipeline::outbound::WINDOW_MS;
use crate::store::listing::{ConversationCounts, ConversationRow, Which};

/// Maximum length of a search text, in characters.
const MAX_SEARCH_CHARS: usize = 100;
/// Maximum length of a message's text in a list, in characters.
const MAX_PREVIEW_CHARS: usize = 200;
/// How much of a message is shown before what a search found in it, in characters.
const BEFORE_FOUND_CHARS: usize = 20;

/// A customer's conversation with one number.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Conversation {
    /// Its id.
    id: String,
    /// Id of the number.
    number_id: String,
    /// Id of the customer.
    contact_id: String,
    /// The customer's name.
    contact_name: Option<String>,
    /// The customer's phone number, digits only.
    wa_id: Option<String>,
    /// The customer's business-scoped id.
    bsuid: Option<String>,
    /// The customer's LID: WhatsApp's id of a user without the phone.
    lid: Option<String>,
    /// Who may speak.
    owner: Owner,
    /// When the customer last wrote, milliseconds since 1970.
    last_inbound_at: Option<i64>,
    /// When anybody last wrote, milliseconds since 1970; the bot's answer to a message of the last
    /// ten seconds does not count. The lists' order.
    last_message_at: i64,
    /// When it last changed, milliseconds since 1970. Of two responses, the one with the higher
    /// value is newer.
    updated_at: i64,
    /// Number of customer messages since a person last viewed the conversation (`seen`) or wrote in
    /// it.
    unread: i64,
    /// Whether the customer waits for a person: the conversation is a person's or has an open case,
    /// and nobody has answered the customer's last message. With an open case, only a person can.
    waiting: bool,
    /// If the customer waits: since when, milliseconds since 1970. What they write meanwhile does not
    /// change it.
    waiting_since: Option<i64>,
    /// Text of the newest message, or the transcript of a voice note. At most 200 characters.
    last_text: Option<String>,
    /// If the customer waits: the newest text of theirs, or the transcript of a voice note. At most
    /// 200 characters.
    waiting_text: Option<String>,
    /// In a search: the newest message that contains the text of `q`, from shortly before it on. At
    /// most 200 characters; null if no message does.
    found_text: Option<String>,
    /// Kind of content of the newest message.
    last_kind: Option<MessageKind>,
    /// Who wrote the newest message.
    last_author: Option<Author>,
    /// State of the newest message.
    last_state: Option<MessageState>,
    /// The newest open case.
    open_case: Option<OpenCase>,
    /// Name of the number.
    number_slug: String,
    /// Provider of the number.
    provider: StoredProvider,
    /// Short name of the agent that answers on the number.
    agent: String,
    /// Whether free text may only be sent within WhatsApp's window. False if the number is not
    /// connected.
    has_window: bool,
    /// When WhatsApp's window for free text closes, or when WhatsApp said that it is closed, or, if
    /// the customer has never written, when the business began the conversation; milliseconds since
    /// 1970. Null if the provider has no window.
    window_ends_at: Option<i64>,
    /// Whether this is a support contact: one who got a notice about another conversation within
    /// the last day, or has never written. The bot does not answer.
    staff: bool,
    /// Whether the customer opted out of messages.
    opted_out: bool,
    /// When it was recorded that the customer agreed to be written to first, milliseconds since 1970;
    /// null if it was not.
    opted_in_at: Option<i64>,
    /// Where they agreed, in the words of who recorded it.
    opt_in_source: Option<String>,
}

/// An open case: the conversation needs a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenCase {
    /// Its id.
    id: String,
    /// Why a person is needed.
    reason: String,
    /// The same as a code with its values; null for a reason that another version gave.
    reason_code: Option<CaseReason>,
    /// When it was opened, milliseconds since 1970.
    created_at: i64,
}

/// Filter for conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only conversations with this owner.
    #[serde(default, deserialize_with = "word")]
    #[param(inline)]
    owner: Option<Owner>,
    /// Only conversations in this state.
    #[param(inline)]
    state: Option<ConversationStanding>,
    /// If `true`, only conversations with messages that no person has seen.
    #[serde(default)]
    unread: bool,
    /// Only conversations on this number: its name or its id.
    number: Option<String>,
    /// Only conversations whose customer's name, username or phone, or one of whose messages,
    /// contains this text, or whose customer has it as LID. The message search covers the newest
    /// 10,000 messages each of customers, the bot and people, over all conversations. At most 100
    /// characters.
    q: Option<String>,
}

/// Numbers of conversations, for badges.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationCounts)]
pub(super) struct Counts {
    /// Owned by the bot.
    bot: i64,
    /// Owned by a person.
    person: i64,
    /// Owned by nobody.
    nobody: i64,
    /// With a customer who waits for a person.
    waiting: i64,
    /// With messages that no person has seen.
    unread: i64,
}

/// Lists conversations, most recent first.
#[utoipa::path(get, path = "/conversations", operation_id = "list_conversations", tag = "conversations", params(Filter, Paging),
    responses((status = 200, body = Page<Conversation>), (status = 400, response = Problem)))]
pub(super) async fn list(
    Web(web): Web<WebState>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Conversation>> {
    let (after, limit) = (paging.after()?, paging.limit());
    let which = filter.into_store_filter(&web).await?;
    let rows = web.desk.store.conversations(&which, after, limit).await?;
    let page = Page::<ListedConversation>::of(rows, limit, |row| (row.last_message_at, &row.id));
    let sought = which.words.as_deref().unwrap_or_default();
    Ok(Json(page.map(|listed| listed.into_response(&web, sought))))
}

/// Counts the conversations of each kind.
#[utoipa::path(get, path = "/conversations/counts", operation_id = "count_conversations", tag = "conversations",
    responses((status = 200, body = Counts)))]
pub(super) async fn counts(Web(web): Web<WebState>) -> Answer<Counts> {
    let ConversationCounts { bot, person, nobody, waiting, unread } =
        web.desk.store.counts().await?;
    Ok(Json(Counts { bot, person, nobody, waiting, unread }))
}

/// Returns one conversation. If it was merged into another, because two contacts were one customer,
/// returns that one.
#[utoipa::path(get, path = "/conversations/{id}", operation_id = "get_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn one(Web(web): Web<WebState>, Path(id): Path<String>) -> Answer<Conversation> {
    let id = current_id(&web, &id).await?;
    show(&web, &id).await
}

/// Marks a conversation as seen by a person: nothing in it is unread any more.
#[utoipa::path(post, path = "/conversations/{id}/seen", operation_id = "see_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 204), (status = 404, response = Problem)))]
pub(super) async fn mark_seen(
    Web(web): Web<WebState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = parse_id(&id)?;
    match web.desk.store.mark_seen(&id).await? {
        None => return Err(missing()),
        // Updates the badges in other open consoles.
        Some(true) => {
            web.desk.notifier.changed(&web.desk.store.current_conversation(&id).await?);
        }
        Some(false) => {}
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the conversation over for a person. The bot is silent at once, and its unsent messages are
/// not sent.
#[utoipa::path(post, path = "/conversations/{id}/take", operation_id = "take_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn take_over(
    Web(web): Web<WebState>,
    Path(id): Path<String>,
) -> Answer<Conversation> {
    let id = parse_id(&id)?;
    if !web.desk.store.take_over(&id).await? {
        return Err(missing());
    }
    let id = web.desk.store.current_conversation(&id).await?;
    web.desk.notifier.conversation_event(&id, None);
    show(&web, &id).await
}

/// Hands a conversation back to the bot, which answers the customer's next message. Open cases are
/// closed.
#[utoipa::path(post, path = "/conversations/{id}/hand-back", operation_id = "hand_back_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn hand_back(web: Web<WebState>, path: Path<String>) -> Answer<Conversation> {
    return_to_bot(web, path).await
}

/// Resolves a conversation: hands it back to the bot and closes its open cases.
#[utoipa::path(post, path = "/conversations/{id}/resolve", operation_id = "resolve_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn resolve(web: Web<WebState>, path: Path<String>) -> Answer<Conversation> {
    return_to_bot(web, path).await
}

async fn return_to_bot(Web(web): Web<WebState>, Path(id): Path<String>) -> Answer<Conversation> {
    let id = parse_id(&id)?;
    if !web.desk.store.resolve(&id).await? {
        return Err(missing());
    }
    let id = web.desk.store.current_conversation(&id).await?;
    web.desk.notifier.changed(&id);
    web.desk.announce(What::Escalations).await;
    show(&web, &id).await
}

async fn show(web: &WebState, id: &ConversationId) -> Answer<Conversation> {
    Ok(Json(read(web, id).await?))
}

pub(super) async fn read(web: &WebState, id: &ConversationId) -> Result<Conversation, Problem> {
    let row = web.desk.store.conversation(id).await?.ok_or_else(missing)?;
    Ok(ListedConversation(row).into_response(web, ""))
}

/// A row in a [`Page`], before the data of its number is added.
struct ListedConversation(ConversationRow);

impl From<ConversationRow> for ListedConversation {
    fn from(row: ConversationRow) -> Self {
        Self(row)
    }
}

impl ListedConversation {
    /// Builds the response, with the data of the connected number. `sought` is the search text.
    fn into_response(self, web: &WebState, sought: &str) -> Conversation {
        let row = self.0;
        let has_window = web.desk.number(&row.number_id).is_some_and(|number| number.has_window);
        let window_ends_at = window_ends_at(&row).filter(|_| has_window);
        let case = row.case_id.zip(row.case_reason).zip(row.case_at);
        Conversation {
            has_window,
            window_ends_at,
            staff: thread::is_staff(row.notice_at, now_ms())
                || (row.notice_at.is_some() && row.last_inbound_at.is_none()),
            waiting: row.waiting != 0,
            waiting_since: row.waiting_since,
            opted_out: row.opted_out_at.is_some(),
            opted_in_at: row.opted_in_at,
            opt_in_source: row.opt_in_source,
            open_case: case.map(|((id, reason), created_at)| {
                let reason_code = CaseReason::of(&reason);
                OpenCase { id, reason, reason_code, created_at }
            }),
            last_text: row.last_text.map(|text| excerpt(&text, "")),
            waiting_text: row.waiting_text.map(|text| excerpt(&text, "")),
            found_text: row.found_text.map(|text| excerpt(&text, sought)),
            id: row.id,
            number_id: row.number_id,
            contact_id: row.contact_id,
            contact_name: row.contact_name,
            wa_id: row.wa_id,
            bsuid: row.bsuid,
            lid: row.lid,
            owner: row.owner,
            last_inbound_at: row.last_inbound_at,
            last_message_at: row.last_message_at,
            updated_at: row.updated_at,
            unread: row.unread,
            last_kind: row.last_kind,
            last_author: row.last_author,
            last_state: row.last_state,
            number_slug: row.number_slug,
            provider: row.provider,
            agent: row.agent,
        }
    }
}

/// When the window closes. WhatsApp's word wins over the time of the customer's last message.
fn window_ends_at(row: &ConversationRow) -> Option<i64> {
    row.window_closed_at.or_else(|| row.last_inbound_at.map(|last| last + WINDOW_MS))
}

impl Filter {
    /// Validates the filter and converts it for the store.
    async fn into_store_filter(self, web: &WebState) -> Result<Which, Problem> {
        if self.q.as_ref().is_some_and(|q| q.chars().count() > MAX_SEARCH_CHARS) {
            let why = format!("`q` is longer than {MAX_SEARCH_CHARS} characters: search for less.");
            return Err(Problem::bad_request(why));
        }
        let number = match self.number.filter(|name| !name.is_empty()) {
            None => None,
            Some(name) => {
                let all = web.desk.store.numbers().await?;
                let known = all.into_iter().find(|one| one.slug == name || one.id == name);
                // An unknown number has no conversations.
                Some(known.map_or(name, |one| one.id))
            }
        };
        Ok(Which {
            owner: self.owner,
            state: self.state,
            unread: self.unread,
            number,
            words: self.q.map(|q| q.trim().to_owned()).filter(|q| !q.is_empty()),
        })
    }
}

/// Returns the beginning of a text, on one line; if what was sought is further on, the text from
/// the word shortly before it.
fn excerpt(text: &str, sought: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let fold = |letter: char| letter.to_lowercase().next().unwrap_or(letter);
    let sought: Vec<char> = sought.chars().map(fold).collect();
    // A customer's text may be long, and the list shows many.
    let folded: Vec<char> =
        if sought.is_empty() { Vec::new() } else { words.chars().map(fold).collect() };
    let found = folded.windows(sought.len().max(1)).position(|part| part == sought).unwrap_or(0);
    if found <= BEFORE_FOUND_CHARS {
        return words.chars().take(MAX_PREVIEW_CHARS).collect();
    }
    let near = found - BEFORE_FOUND_CHARS;
    let word = folded[near..found].iter().position(|letter| *letter == ' ');
    let start = word.map_or(near, |space| near + space + 1);
    std::iter::once('…').chain(words.chars().skip(start)).take(MAX_PREVIEW_CHARS).collect()
}

/// Parses a conversation id; an invalid one counts as not found.
fn parse_id(id: &str) -> Result<ConversationId, Problem> {
    ConversationId::parse(id).map_err(|_| missing())
}

/// Reads the id of a conversation, or of one that was merged into it.
pub(super) async fn current_id(web: &WebState, id: &str) -> Result<ConversationId, Problem> {
    Ok(web.desk.store.current_conversation(&parse_id(id)?).await?)
}

/// The error for an unknown conversation.
pub(super) fn missing() -> Problem {
    Problem::not_found("conversation")
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn what_was_sought_is_in_the_excerpt() {
        let long =
            "Good morning, I wrote to you last week about two lamps.\n\nIs the BLUE one back?";
        assert_eq!(excerpt(long, ""), long.replace("\n\n", " "));
        assert_eq!(excerpt(long, "morning"), long.replace("\n\n", " "));
        assert_eq!(excerpt(long, "blue"), "…two lamps. Is the BLUE one back?");
        assert_eq!(excerpt(&"Länge ".repeat(100), "x").chars().count(), 200);
        assert_eq!(
            excerpt(&format!("{}GRÜSSE", "a".repeat(300)), "grüsse"),
            format!("…{}GRÜSSE", "a".repeat(20))
        );
    }
}
