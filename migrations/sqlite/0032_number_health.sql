-- What providers say of numbers: quality, messaging limit, restrictions. The Postgres twin of this file has the same tables and columns.

-- What a number's provider last said of a topic: quality, limit, restriction or ban. word: what holds; null for nothing. until: when it
-- ends by itself. reported_at: the provider's time of it; what was said earlier changes nothing.
create table number_health (
    workspace_id  text not null references workspaces (id),
    number_id     text not null references numbers (id),
    topic         text not null,
    word          text,
    until         integer,
    reported_at   integer not null,
    primary key (number_id, topic)
) strict;

-- The provider's account that an event names, by which the events of a number are found that its account's numbers share.
alter table provider_events add column account_id text;
create index provider_events_of_number on provider_events (number_id, created_at);
create index provider_events_of_account on provider_events (account_id, created_at) where number_id is null;

-- What providers charged is counted by time.
create index messages_priced on messages (workspace_id, sent_at) where pricing is not null;
