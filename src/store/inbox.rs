//! Taking in webhooks: the body as it came, its messages once each, its statuses in rising order, its echoes, and
//! everything else. All of one webhook commits together.

use async_trait::async_trait;
use sqlx::FromRow;

use super::{Conn, Result, Store, Write, events, first, messages, now, run, storable, to_json};
use crate::domain::{
    ContactId, Content, ConversationId, Echo, Event, Inbound, Item, MessageId, NumberId, Party,
    WebhookId, WorkspaceId,
};

/// A webhook to take in.
#[derive(Debug, Clone)]
pub struct TakeIn {
    /// The provider's name.
    pub provider: &'static str,
    /// The body as it came.
    pub body: Vec<u8>,
    /// Its items, each with the number it is about; `None` for the account, or a number that is not ours.
    pub items: Vec<(Option<NumberId>, Item)>,
    /// When a turn may begin.
    pub burst: Burst,
}

/// How long to wait for more before a turn begins, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Burst {
    /// The quiet gap after the last message.
    pub gap_ms: i64,
    /// The most that all gaps together may take.
    pub most_ms: i64,
    /// Messages older than this are stored and not answered.
    pub stale_ms: i64,
}

/// What a webhook brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Messages not seen before.
    pub fresh: usize,
    /// Messages that had been taken in already.
    pub repeated: usize,
    /// When turns may begin, if any may.
    pub due: Vec<i64>,
}

impl Store {
    /// Takes in a webhook. When this returns, all of it is stored.
    pub async fn take_in(&self, webhook: TakeIn) -> Result<TakenIn> {
        self.apply(webhook).await
    }
}

#[async_trait]
impl Write for TakeIn {
    type Out = TakenIn;

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<TakenIn> {
        let webhook = WebhookId::generate();
        let sql = "insert into webhooks (id, workspace_id, provider, body, created_at)
                   values ($1, $2, $3, $4, $5)";
        run!(conn, sql, webhook.as_str(), workspace.as_str(), self.provider, &self.body, now())?;
        let mut taken = TakenIn::default();
        // By customer: two webhooks that bring the same ones wait for each other, and never each for the other.
        let mut items: Vec<_> = self.items.iter().collect();
        items.sort_by_key(|(_, item)| about(&item.event));
        for (number, item) in items {
            let scope = Scope { workspace, burst: self.burst };
            match (number, &item.event) {
                (Some(number), Event::Message(message)) => {
                    scope.message(conn, number, message, &mut taken).await?;
                }
                (Some(number), Event::Echo(echo)) => scope.echo(conn, number, echo).await?,
                (Some(number), Event::Status(status)) => {
                    messages::settle(conn, workspace, number, status).await?;
                }
                (number, event) => {
                    let at =
                        events::Origin { workspace, webhook: &webhook, number: number.as_ref() };
                    events::keep(conn, &at, item, event).await?;
                }
            }
        }
        Ok(taken)
    }
}

/// A contact with its conversation on one number.
#[derive(FromRow)]
struct Thread {
    contact_id: String,
    wa_id: Option<String>,
    bsuid: Option<String>,
    name: Option<String>,
    conversation_id: Option<String>,
    owner: Option<String>,
    waiting_since: Option<i64>,
}

struct Scope<'a> {
    workspace: &'a WorkspaceId,
    burst: Burst,
}

impl Scope<'_> {
    async fn message(
        &self,
        conn: &mut Conn<'_>,
        number: &NumberId,
        message: &Inbound,
        taken: &mut TakenIn,
    ) -> Result<()> {
        let thread = self.thread(conn, number, &message.from).await?;
        if let Content::System { new_wa_id, new_bsuid, .. } = &message.content {
            let ids = (new_wa_id.as_deref(), new_bsuid.as_deref());
            self.change_ids(conn, &thread.contact_id, ids).await?;
        }
        let conversation = conversation_of(&thread);
        let moment = now();
        let sent_at = believed(message.sent_at, moment);
        let unanswerable = self.unanswerable(message, sent_at, moment);
        let silent = unanswerable.is_some() || thread.owner.as_deref() == Some("person");
        let row = messages::Arrived {
            conversation: &conversation,
            number,
            author: "customer",
            provider_id: &message.provider_id,
            content: &message.content,
            reply_to: message.reply_to.as_deref(),
            state: if silent { "stored" } else { "waiting" },
            note: unanswerable,
            faults: &message.faults,
            sent_at,
        };
        if !row.insert(conn, self.workspace).await? {
            taken.repeated += 1;
            return Ok(());
        }
        taken.fresh += 1;
        let since = thread.waiting_since.unwrap_or(moment);
        let due = (moment + self.burst.gap_ms).min(since + self.burst.most_ms);
        if silent {
            self.touch(conn, &conversation, sent_at).await
        } else {
            taken.due.push(due);
            self.call(conn, &conversation, sent_at, (since, due)).await
        }
    }

    /// Why a message is stored and never answered, if it is.
    fn unanswerable(&self, message: &Inbound, sent_at: i64, moment: i64) -> Option<&'static str> {
        if message.imported {
            Some("part of an import of old messages")
        } else if message.group.is_some() {
            Some("written in a group")
        } else if !message.content.wants_answer() {
            Some("nothing to answer")
        } else if moment - sent_at > self.burst.stale_ms {
            Some("too old to be answered")
        } else {
            None
        }
    }

    /// A message came that the bot does not answer.
    async fn touch(&self, conn: &mut Conn<'_>, id: &ConversationId, sent_at: i64) -> Result<()> {
        let sql = "update conversations set last_message_at = $2, updated_at = $2,
                   last_inbound_at = case when last_inbound_at > $3 then last_inbound_at else $3 end where id = $1";
        run!(conn, sql, id.as_str(), now(), sent_at).map(|_| ())
    }

    /// A message came that the bot answers: the conversation is due. A closed conversation is the bot's again.
    async fn call(
        &self,
        conn: &mut Conn<'_>,
        id: &ConversationId,
        sent_at: i64,
        (since, due): (i64, i64),
    ) -> Result<()> {
        let sql = "update conversations set last_message_at = $2, updated_at = $2, waiting_since = $4, due_at = $5,
                   owner = case when owner = 'nobody' then 'bot' else owner end,
                   last_inbound_at = case when last_inbound_at > $3 then last_inbound_at else $3 end where id = $1";
        run!(conn, sql, id.as_str(), now(), sent_at, since, due).map(|_| ())
    }

    /// A person wrote to the customer without us: from now on the conversation is a person's.
    async fn echo(&self, conn: &mut Conn<'_>, number: &NumberId, echo: &Echo) -> Result<()> {
        let thread = self.thread(conn, number, &echo.to).await?;
        let conversation = conversation_of(&thread);
        let row = messages::Arrived {
            conversation: &conversation,
            number,
            author: "person",
            provider_id: &echo.provider_id,
            content: &echo.content,
            reply_to: None,
            state: "sent",
            note: Some("written from the phone or another tool"),
            faults: &[],
            sent_at: believed(echo.sent_at, now()),
        };
        if !row.insert(conn, self.workspace).await? {
            return Ok(());
        }
        super::conversations::take_over(conn, &conversation).await
    }

    /// The contact's conversation on this number; both are made when they are new.
    async fn thread(
        &self,
        conn: &mut Conn<'_>,
        number: &NumberId,
        party: &Party,
    ) -> Result<Thread> {
        let mut thread = match self.find(conn, number, party).await? {
            Some(thread) => thread,
            None => self.new_contact(conn, party).await?,
        };
        self.learn_about(conn, &thread, party).await?;
        if thread.conversation_id.is_none() {
            let id = ConversationId::generate();
            let sql = "insert into conversations
                       (id, workspace_id, number_id, contact_id, owner, last_message_at, created_at, updated_at)
                       values ($1, $2, $3, $4, 'bot', $5, $5, $5)
                       on conflict (number_id, contact_id) do update set updated_at = excluded.updated_at
                       returning id, owner";
            let made = first!(
                conn,
                (String, String),
                sql,
                id.as_str(),
                self.workspace.as_str(),
                number.as_str(),
                &thread.contact_id,
                now()
            )?;
            if let Some((id, owner)) = made {
                thread.conversation_id = Some(id);
                thread.owner = Some(owner);
            }
        }
        hold(conn, &mut thread).await?;
        Ok(thread)
    }

    /// By phone first, then by business-scoped id: where the two name different contacts, the phone wins.
    async fn find(
        &self,
        conn: &mut Conn<'_>,
        number: &NumberId,
        party: &Party,
    ) -> Result<Option<Thread>> {
        if let Some(wa_id) = &party.wa_id {
            let sql = "select c.id as contact_id, c.wa_id, c.bsuid, c.name, v.id as conversation_id, v.owner, v.waiting_since
                       from contacts c left join conversations v on v.contact_id = c.id and v.number_id = $3
                       where c.workspace_id = $1 and c.wa_id = $2";
            let found = first!(conn, Thread, sql, self.workspace.as_str(), wa_id, number.as_str())?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let Some(bsuid) = &party.bsuid else { return Ok(None) };
        let sql = "select c.id as contact_id, c.wa_id, c.bsuid, c.name, v.id as conversation_id, v.owner, v.waiting_since
                   from contacts c left join conversations v on v.contact_id = c.id and v.number_id = $3
                   where c.workspace_id = $1 and c.bsuid = $2";
        first!(conn, Thread, sql, self.workspace.as_str(), bsuid, number.as_str())
    }

    async fn new_contact(&self, conn: &mut Conn<'_>, party: &Party) -> Result<Thread> {
        let id = ContactId::generate();
        let sql = "insert into contacts (id, workspace_id, wa_id, bsuid, name, username, created_at, updated_at)
                   values ($1, $2, $3, $4, $5, $6, $7, $7)";
        run!(
            conn,
            sql,
            id.as_str(),
            self.workspace.as_str(),
            party.wa_id.as_deref(),
            party.bsuid.as_deref(),
            party.name.as_deref().map(storable),
            party.username.as_deref().map(storable),
            now()
        )?;
        Ok(Thread {
            contact_id: id.to_string(),
            wa_id: party.wa_id.clone(),
            bsuid: party.bsuid.clone(),
            name: party.name.clone(),
            conversation_id: None,
            owner: None,
            waiting_since: None,
        })
    }

    /// Writes down what an event tells anew: a name, or an id seen together with a known one. An id that belongs to
    /// another contact stays there; contacts are never merged by themselves.
    async fn learn_about(&self, conn: &mut Conn<'_>, thread: &Thread, party: &Party) -> Result<()> {
        let new_name = party.name.is_some() && party.name != thread.name;
        let new_phone = thread.wa_id.is_none() && party.wa_id.is_some();
        let new_bsuid = thread.bsuid.is_none() && party.bsuid.is_some();
        if !(new_name || new_phone || new_bsuid) {
            return Ok(());
        }
        let sql = "update contacts set name = coalesce($3, name), updated_at = $6,
                   wa_id = coalesce(wa_id, case when exists
                       (select 1 from contacts o where o.workspace_id = $2 and o.wa_id = $4) then null else $4 end),
                   bsuid = coalesce(bsuid, case when exists
                       (select 1 from contacts o where o.workspace_id = $2 and o.bsuid = $5) then null else $5 end)
                   where id = $1";
        run!(
            conn,
            sql,
            &thread.contact_id,
            self.workspace.as_str(),
            party.name.as_deref().map(storable),
            party.wa_id.as_deref(),
            party.bsuid.as_deref(),
            now()
        )
        .map(|_| ())
    }
}

impl Scope<'_> {
    /// The customer changed the phone number or got another business-scoped id: the contact stays the same one. An id
    /// that another contact has stays there.
    async fn change_ids(
        &self,
        conn: &mut Conn<'_>,
        contact: &str,
        (wa_id, bsuid): (Option<&str>, Option<&str>),
    ) -> Result<()> {
        if wa_id.is_none() && bsuid.is_none() {
            return Ok(());
        }
        let sql = "update contacts set updated_at = $5,
                   wa_id = case when $3 is null or exists
                       (select 1 from contacts o where o.workspace_id = $2 and o.wa_id = $3) then wa_id else $3 end,
                   bsuid = case when $4 is null or exists
                       (select 1 from contacts o where o.workspace_id = $2 and o.bsuid = $4) then bsuid else $4 end
                   where id = $1";
        run!(conn, sql, contact, self.workspace.as_str(), wa_id, bsuid, now()).map(|_| ())
    }
}

/// What an event is about: the customer, or a message of ours. The order of events about the same one is kept.
fn about(event: &Event) -> &str {
    let party = match event {
        Event::Message(message) => &message.from,
        Event::Echo(echo) => &echo.to,
        Event::Status(status) => return &status.provider_id,
        Event::Other(_) => return "",
    };
    party.wa_id.as_deref().or(party.bsuid.as_deref()).unwrap_or_default()
}

/// On Postgres, keeps the conversation from others until the commit, and reads again whose it is: a person may have
/// taken over since it was found. SQLite has one writer.
async fn hold(conn: &mut Conn<'_>, thread: &mut Thread) -> Result<()> {
    if let Conn::Sqlite(_) = conn {
        return Ok(());
    }
    let sql = "select owner, waiting_since from conversations where id = $1 for update";
    let held = first!(conn, (String, Option<i64>), sql, thread.conversation_id.as_deref())?;
    if let Some((owner, waiting_since)) = held {
        thread.owner = Some(owner);
        thread.waiting_since = waiting_since;
    }
    Ok(())
}

/// When a message was written: as the provider says, but never later than now.
fn believed(sent_at: i64, moment: i64) -> i64 {
    if sent_at > 0 { sent_at.min(moment) } else { moment }
}

fn conversation_of(thread: &Thread) -> ConversationId {
    ConversationId::stored(thread.conversation_id.clone().unwrap_or_default())
}

/// A fresh message id. Here so that every message row gets one in the same way.
pub(super) fn message_id() -> MessageId {
    MessageId::generate()
}

/// A message's faults as one text, or none.
pub(super) fn faults_json(faults: &[crate::domain::Fault]) -> Result<Option<String>> {
    if faults.is_empty() { Ok(None) } else { to_json(&faults).map(Some) }
}
