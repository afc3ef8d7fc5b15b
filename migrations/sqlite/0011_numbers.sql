-- Numbers that are added in the console: what they are set up with, encrypted; null for those of the configuration file.
alter table numbers add column settings text;
-- Counts the changes of it, and of the agent.
alter table numbers add column revision integer not null default 0;
-- What the provider says the number is.
alter table numbers add column display text;
alter table numbers add column verified_name text;
-- When the provider asked whether the address is ours; when it last called, a customer last wrote, something was last sent.
alter table numbers add column verified_at integer;
alter table numbers add column last_webhook_at integer;
alter table numbers add column last_inbound_at integer;
alter table numbers add column last_sent_at integer;

-- A WhatsApp number is added once.
create unique index numbers_added on numbers (workspace_id, provider, external_id) where settings is not null;

-- Verify tokens of numbers that are about to be added, so that the provider's handshake can come before them.
create table number_drafts (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    provider      text not null,
    token_hash    text not null,
    verified_at   integer,
    created_at    integer not null
) strict;
