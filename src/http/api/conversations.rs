//! Conversations: listing and reading them, taking them over, and giving them back to the bot.

use axum::Json;
use axum::extract::State as Web;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use super::response::Answer;
use crate::domain::{
    Author, ConversationId, ConversationStanding, MessageKind, MessageState, Owner, StoredProvider,
    What,
};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Path, Query, word};
use crate::pipeline::outbound::WINDOW_MS;
use crate::store::listing::{ConversationCounts, ConversationRow, Which};

/// The longest text that is searched for, in characters.
const LONGEST_SEARCH: usize = 100;
/// How much of the newest message is shown in a list, in characters.
const LONGEST_LAST: usize = 200;

/// A conversation of a customer with one number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Conversation {
    /// Its id.
    id: String,
    /// The number.
    number_id: String,
    /// The customer.
    contact_id: String,
    /// The customer's name.
    contact_name: Option<String>,
    /// The customer's phone, digits only.
    wa_id: Option<String>,
    /// The customer's business-scoped id.
    bsuid: Option<String>,
    /// Who may speak.
    owner: Owner,
    /// When the customer last wrote, milliseconds since 1970.
    last_inbound_at: Option<i64>,
    /// When anybody last wrote, milliseconds since 1970.
    last_message_at: i64,
    /// How many messages the customer has written since a person last looked at it (`seen`) or wrote in it.
    unread: i64,
    /// Whether the customer waits for a person: nobody has written since his last message, and the conversation is a person's
    /// or has an open case.
    waiting: bool,
    /// The words of the newest message: of a voice note what was heard in it. At most 200 characters.
    last_text: Option<String>,
    /// What the newest message holds, in one word.
    last_kind: Option<MessageKind>,
    /// Who wrote the newest message.
    last_author: Option<Author>,
    /// How far the newest message got.
    last_state: Option<MessageState>,
    /// The newest case that waits for a person.
    open_case: Option<OpenCase>,
    /// The number's name in the configuration.
    number_slug: String,
    /// The number's provider.
    provider: StoredProvider,
    /// The short name of the agent that answers on the number.
    agent: String,
    /// Until when WhatsApp lets us write freely, milliseconds since 1970; none where there is no such limit: the provider has
    /// none, or the customer has never written.
    window_ends_at: Option<i64>,
    /// Whether the customer asked not to be written to.
    opted_out: bool,
}

/// A case that waits for a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OpenCase {
    /// Its id.
    id: String,
    /// Why a person is needed.
    reason: String,
    /// When it was opened, milliseconds since 1970.
    created_at: i64,
}

/// Which conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only those in which this one may speak.
    #[serde(default, deserialize_with = "word")]
    #[param(inline)]
    owner: Option<Owner>,
    /// Only those of which this is being done.
    #[param(inline)]
    state: Option<ConversationStanding>,
    /// With `true` only those with messages that no person has seen.
    #[serde(default)]
    unread: bool,
    /// Only those on this number: its name or its id.
    number: Option<String>,
    /// Only those whose customer's name, username or phone holds this, or one of whose messages does: of those only the newest
    /// 10,000 of customers, of the bot and of people each are looked at, on the whole desk. At most 100 characters.
    q: Option<String>,
}

/// How many conversations there are, for badges.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationCounts)]
pub(super) struct Counts {
    /// The bot's.
    bot: i64,
    /// A person's.
    person: i64,
    /// Nobody's.
    nobody: i64,
    /// Those in which the customer waits for a person.
    waiting: i64,
    /// Those with messages that no person has seen.
    unread: i64,
}

/// Conversations, the most recent first.
#[utoipa::path(get, path = "/conversations", operation_id = "list_conversations", tag = "conversations", params(Filter, Paging),
    responses((status = 200, body = Page<Conversation>), (status = 400, response = Problem)))]
pub(super) async fn list(
    Web(web): Web<WebState>,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Conversation>> {
    let (after, limit) = (paging.after()?, paging.limit());
    let which = filter.which(&web).await?;
    let rows = web.desk.store.conversations(&which, after, limit).await?;
    let page = Page::<ListedConversation>::of(rows, limit, |row| (row.last_message_at, &row.id));
    Ok(Json(page.map(|listed| listed.shown(&web))))
}

/// How many conversations there are of each sort.
#[utoipa::path(get, path = "/conversations/counts", operation_id = "count_conversations", tag = "conversations",
    responses((status = 200, body = Counts)))]
pub(super) async fn counts(Web(web): Web<WebState>) -> Answer<Counts> {
    let ConversationCounts { bot, person, nobody, waiting, unread } =
        web.desk.store.counts().await?;
    Ok(Json(Counts { bot, person, nobody, waiting, unread }))
}

/// One conversation.
#[utoipa::path(get, path = "/conversations/{id}", operation_id = "get_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn one(Web(web): Web<WebState>, Path(id): Path<String>) -> Answer<Conversation> {
    show(&web, &read(&id)?).await
}

/// A person has looked at the conversation: nothing in it is unread any more.
#[utoipa::path(post, path = "/conversations/{id}/seen", operation_id = "see_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 204), (status = 404, response = Problem)))]
pub(super) async fn seen(
    Web(web): Web<WebState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = read(&id)?;
    match web.desk.store.see(&id).await? {
        None => return Err(missing()),
        // The badges of whoever else looks are to follow.
        Some(true) => web.desk.wake.changed(&id),
        Some(false) => {}
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A person takes the conversation: the bot is silent at once, and what it has not sent yet is not sent.
#[utoipa::path(post, path = "/conversations/{id}/take", operation_id = "take_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn take(Web(web): Web<WebState>, Path(id): Path<String>) -> Answer<Conversation> {
    let id = read(&id)?;
    if !web.desk.store.take_over(&id).await? {
        return Err(missing());
    }
    web.desk.wake.conversation_event(&id, None);
    show(&web, &id).await
}

/// Gives a conversation back to the bot, which answers the customer's next message. Open cases are closed.
#[utoipa::path(post, path = "/conversations/{id}/hand-back", operation_id = "hand_back_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn hand_back(web: Web<WebState>, path: Path<String>) -> Answer<Conversation> {
    give_back(web, path).await
}

/// Gives a conversation back to the bot and closes its open cases.
#[utoipa::path(post, path = "/conversations/{id}/resolve", operation_id = "resolve_conversation", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Conversation), (status = 404, response = Problem)))]
pub(super) async fn resolve(web: Web<WebState>, path: Path<String>) -> Answer<Conversation> {
    give_back(web, path).await
}

async fn give_back(Web(web): Web<WebState>, Path(id): Path<String>) -> Answer<Conversation> {
    let id = read(&id)?;
    if !web.desk.store.resolve(&id).await? {
        return Err(missing());
    }
    web.desk.wake.changed(&id);
    web.desk.announce(What::Escalations).await;
    show(&web, &id).await
}

async fn show(web: &WebState, id: &ConversationId) -> Answer<Conversation> {
    let row = web.desk.store.conversation(id).await?.ok_or_else(missing)?;
    Ok(Json(ListedConversation(row).shown(web)))
}

/// A conversation on its way into a page.
struct ListedConversation(ConversationRow);

impl From<ConversationRow> for ListedConversation {
    fn from(row: ConversationRow) -> Self {
        Self(row)
    }
}

impl ListedConversation {
    /// With what the desk knows of its number.
    fn shown(self, web: &WebState) -> Conversation {
        let row = self.0;
        let has_window = web.desk.number(&row.number_id).is_some_and(|number| number.has_window);
        let case = row.case_id.zip(row.case_reason).zip(row.case_at);
        Conversation {
            window_ends_at: row.last_inbound_at.filter(|_| has_window).map(|at| at + WINDOW_MS),
            waiting: row.waiting != 0,
            opted_out: row.opted_out_at.is_some(),
            open_case: case.map(|((id, reason), created_at)| OpenCase { id, reason, created_at }),
            last_text: row.last_text.map(|text| first_words(&text)),
            id: row.id,
            number_id: row.number_id,
            contact_id: row.contact_id,
            contact_name: row.contact_name,
            wa_id: row.wa_id,
            bsuid: row.bsuid,
            owner: row.owner,
            last_inbound_at: row.last_inbound_at,
            last_message_at: row.last_message_at,
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

impl Filter {
    /// What the store is asked for.
    async fn which(self, web: &WebState) -> Result<Which, Problem> {
        if self.q.as_ref().is_some_and(|q| q.chars().count() > LONGEST_SEARCH) {
            let why = format!("`q` is longer than {LONGEST_SEARCH} characters: search for less.");
            return Err(Problem::bad_request(why));
        }
        let number = match self.number.filter(|name| !name.is_empty()) {
            None => None,
            Some(name) => {
                let all = web.desk.store.numbers().await?;
                let known = all.into_iter().find(|one| one.slug == name || one.id == name);
                // Of a number that is not there, there are no conversations.
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

/// The beginning of a text, on one line.
fn first_words(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(LONGEST_LAST).collect()
}

/// Reads the id of a conversation.
pub(super) fn read(id: &str) -> Result<ConversationId, Problem> {
    ConversationId::parse(id).map_err(|_| missing())
}

/// There is no such conversation.
pub(super) fn missing() -> Problem {
    Problem::not_found("conversation")
}
