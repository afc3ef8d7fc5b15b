-- The inbox of people, and figures by day. The SQLite twin of this file has the same tables and columns.

-- unread: the customer's messages since a person last looked or wrote. unanswered: those since a person last wrote, or the
-- conversation was given back. open_cases: how many cases wait for a person. seen_at: when a person last looked.
alter table conversations add column unread bigint not null default 0;
alter table conversations add column unanswered bigint not null default 0;
alter table conversations add column open_cases bigint not null default 0;
alter table conversations add column seen_at bigint;
update conversations set open_cases = (select count(*) from escalations e
    where e.conversation_id = conversations.id and e.state = 'open');
update conversations set unanswered = 1
    where (owner = 'person' or open_cases > 0) and last_inbound_at is not null;

create index conversations_of_owner on conversations (workspace_id, owner, last_message_at, id);
create index conversations_of_number on conversations (workspace_id, number_id, last_message_at, id);
create index conversations_of_contact on conversations (contact_id);
create index conversations_unread on conversations (workspace_id, last_message_at, id) where unread > 0;
create index conversations_open on conversations (workspace_id, last_message_at, id, unanswered)
    where owner = 'person' or open_cases > 0;

create index escalations_recent on escalations (workspace_id, created_at, id);

-- What whoever wrote a message in the console gave it, so that it is sent once.
alter table messages add column idempotency_key text;
create unique index messages_idempotent on messages (conversation_id, idempotency_key) where idempotency_key is not null;

-- What is counted by day, without reading the rows.
create index messages_by_day on messages (workspace_id, author, sent_at);
create index messages_failed on messages (workspace_id, sent_at, author) where state = 'failed';
create index messages_uncertain on messages (workspace_id, sent_at) where state = 'unknown';

-- How long the customer waited: from his last message that the turn answered to its commit, in milliseconds.
alter table turns add column waited_ms bigint;
drop index turns_recent;
create index turns_recent on turns (workspace_id, created_at, agent_id, outcome, input_tokens, output_tokens, cost_micros, waited_ms);
