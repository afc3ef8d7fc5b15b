-- How numbers stand to WhatsApp that are linked to a phone. The SQLite twin of this file has the same tables and columns.

-- A number without a row was not looked at yet. reason: why it is offline or stopped. since: since when.
create table number_connections (
    number_id     text primary key references numbers (id),
    workspace_id  text not null references workspaces (id),
    state         text not null,
    reason        text,
    since         bigint not null
);
