-- The model that answers, as the console or `frontdesk models set` chose it. The SQLite twin of this file has the same tables and
-- columns.

-- No row: the model of the configuration answers. sealed: the key, encrypted and bound to base_url; null without one. trusted: 1 if
-- base_url may be an address of this machine or of a private network.
create table chat_models (
    workspace_id  text primary key references workspaces (id),
    provider      text not null,
    base_url      text not null,
    model         text not null,
    sealed        text,
    trusted       bigint not null,
    updated_at    bigint not null
);
