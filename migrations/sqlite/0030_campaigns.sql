-- Messages that the business begins: to one customer, or a template to many. The Postgres twin of this file has the same tables and columns.

-- When it was first recorded that a customer agreed to be written to, and where they did, in the business's words.
alter table contacts add column opted_in_at integer;
alter table contacts add column opt_in_source text;

-- A template to many customers. template: its name, language and values as JSON; values hold {{column}}. pace: messages a minute; null is
-- the default. due_at: when its next messages may be queued, while it is scheduled or runs. reason: why it stopped; hold: what it waits for.
create table campaigns (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    number_id     text not null references numbers (id),
    name          text not null,
    template      text not null,
    opt_in        text not null,
    pace          integer,
    state         text not null,
    reason        text,
    hold          text,
    due_at        integer,
    lease_until   integer not null default 0,
    lease_token   integer not null default 0,
    recipients    integer not null default 0,
    queued        integer not null default 0,
    skipped       integer not null default 0,
    created_at    integer not null,
    started_at    integer,
    ended_at      integer
) strict;
create index campaigns_due on campaigns (due_at) where due_at is not null;
create index campaigns_recent on campaigns (workspace_id, created_at, id);

-- A customer of a campaign: waiting, queued (its message is in the outbox or beyond), or skipped for a reason. fields: the columns of
-- the list as JSON.
create table campaign_recipients (
    workspace_id  text not null references workspaces (id),
    campaign_id   text not null references campaigns (id),
    position      integer not null,
    wa_id         text,
    bsuid         text,
    name          text,
    fields        text not null,
    state         text not null,
    reason        text,
    contact_id    text,
    message_id    text,
    queued_at     integer,
    primary key (campaign_id, position),
    unique (campaign_id, wa_id),
    unique (campaign_id, bsuid)
) strict;
create index campaign_recipients_waiting on campaign_recipients (campaign_id, position) where state = 'waiting';
create index campaign_recipients_contact on campaign_recipients (contact_id) where contact_id is not null;
create index campaign_recipients_message on campaign_recipients (message_id) where message_id is not null;
create index campaign_recipients_lately on campaign_recipients (queued_at) where queued_at is not null;
