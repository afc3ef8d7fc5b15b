-- Customers who were known twice, and what providers report about numbers. The Postgres twin of this file has the same tables
-- and columns.

-- A conversation that another took over, because their two contacts were one customer.
create table merged_conversations (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    into_id       text not null references conversations (id),
    created_at    integer not null
) strict;
create index merged_conversations_into on merged_conversations (into_id);

-- The provider's account of a number, by which an event of the account finds its numbers.
alter table numbers add column account_id text;

-- What puts a number at risk. topic: what it is about; a later warning replaces one about the same. account_id: the account that
-- the provider named. until: when it ends by itself.
create table number_warnings (
    workspace_id  text not null references workspaces (id),
    number_id     text not null references numbers (id),
    topic         text not null,
    code          text not null,
    text          text not null,
    detail        text not null,
    account_id    text,
    until         integer,
    created_at    integer not null,
    primary key (number_id, topic)
) strict;

-- code: what an alert is about. detail: the provider's own words for it.
alter table provider_events add column code text;
alter table provider_events add column detail text;

create index provider_events_alerts on provider_events (workspace_id, created_at) where alert is not null;
