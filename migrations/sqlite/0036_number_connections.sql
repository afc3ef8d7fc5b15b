-- How numbers stand to WhatsApp that are linked to a phone. The Postgres twin of this file has the same tables and columns.

-- A number without a row was not looked at yet. reason: why it is offline or stopped. since: since when.
-- complete_until: until when all of its messages came in, as far as is known; null before its first link. linked_at: when
-- that was; what is older is no business of the desk's.
create table number_connections (
    number_id     text primary key references numbers (id),
    workspace_id  text not null references workspaces (id),
    state         text not null,
    reason        text,
    since         integer not null,
    complete_until integer,
    linked_at     integer
) strict;
