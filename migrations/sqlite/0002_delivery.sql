-- Delivery: who may be written to, how fast, and what is left to a person. The Postgres twin of this file has the same
-- tables and columns.

-- When the customer asked not to be written to any more; null when he may be.
alter table contacts add column opted_out_at integer;

-- quiet_at: when the burst is over. person_at: what a person last did. replied_at and reply_hash: the bot's last reply.
-- habit: how the customer writes, as JSON.
alter table conversations add column quiet_at integer;
alter table conversations add column person_at integer;
alter table conversations add column replied_at integer;
alter table conversations add column reply_hash integer not null default 0;
alter table conversations add column habit text not null default '';

-- left_at: when it was last claimed to be sent. resent: how often it was sent again because its outcome stayed unknown.
alter table messages add column left_at integer;
alter table messages add column resent integer not null default 0;

-- Whether the support contacts were told of a case.
alter table escalations add column told integer not null default 1;
create index escalations_untold on escalations (created_at) where told = 0;

-- What is due, by what it is looked for with: so that no larger index looks better to the database.
drop index conversations_due;
create index conversations_due on conversations (workspace_id, due_at) where due_at is not null;
drop index messages_sending;
create index messages_sending on messages (number_id, lease_until) where state = 'sending';
-- A message of unknown outcome has a due_at: then the number's setting decides.
create index messages_unknown on messages (number_id, due_at) where state = 'unknown';
create index messages_unknown_of on messages (conversation_id, created_at, part) where state = 'unknown';

create index webhooks_age on webhooks (workspace_id, created_at, id);
create index provider_events_of_webhook on provider_events (webhook_id);
create index turns_recent on turns (workspace_id, created_at);

-- What only one process may do at a time (a schedule, the connection of a number), and until when it holds it.
create table holds (
    workspace_id  text not null references workspaces (id),
    name          text not null,
    holder        text not null,
    until         integer not null,
    primary key (workspace_id, name)
) strict;

-- The processes that serve this database.
create table replicas (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    started_at    integer not null,
    seen_at       integer not null
) strict;
