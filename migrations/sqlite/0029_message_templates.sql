-- Message templates of WhatsApp Business accounts, which numbers share. The Postgres twin of this file has the same tables and columns.

-- account_id, external_id: the provider's ids. layout: header, text, footer and buttons as JSON. reason: why it was refused or paused, in
-- the provider's words.
create table message_templates (
    workspace_id  text not null references workspaces (id),
    account_id    text not null,
    name          text not null,
    language      text not null,
    external_id   text not null,
    category      text not null,
    state         text not null,
    quality       text,
    reason        text,
    layout        text not null,
    primary key (workspace_id, account_id, name, language)
) strict;

-- When the templates of an account were last read, in Unix milliseconds.
create table template_syncs (
    workspace_id  text not null references workspaces (id),
    account_id    text not null,
    synced_at     integer not null,
    primary key (workspace_id, account_id)
) strict;
