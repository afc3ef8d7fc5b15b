-- Files of customers, fetched once and stored. The Postgres twin of this file has the same tables and columns.

-- What the files hold; the same bytes are stored once. hash: their SHA-256 in hex, or the id of their message where an earlier
-- version stored them. mime_type: by their first bytes, else as the sender says.
create table files (
    workspace_id  text not null references workspaces (id),
    hash          text not null,
    mime_type     text not null,
    size          integer not null,
    bytes         blob not null,
    created_at    integer not null,
    primary key (workspace_id, hash)
) strict;

-- The file of a message, and whether it is here. hash: what it holds, while it is stored. reason: why it is not, in the
-- provider's words. due_at: when it is fetched next, while it waits; attempts: how often that began. created_at: when the
-- message came.
create table message_files (
    message_id    text primary key references messages (id),
    workspace_id  text not null references workspaces (id),
    number_id     text not null references numbers (id),
    state         text not null,
    hash          text,
    size          integer,
    reason        text,
    attempts      integer not null default 0,
    due_at        integer,
    created_at    integer not null,
    foreign key (workspace_id, hash) references files (workspace_id, hash)
) strict;
create index message_files_due on message_files (workspace_id, due_at) where state = 'waiting';
create index message_files_hash on message_files (workspace_id, hash) where hash is not null;
create index message_files_old on message_files (workspace_id, created_at) where hash is not null;
create index message_files_number on message_files (number_id, created_at) where hash is not null;

-- Voice notes were stored in a table of their own. SQLite cannot hash their bytes, so that the message's id stands for the hash.
insert into files (workspace_id, hash, mime_type, size, bytes, created_at)
select workspace_id, message_id, mime_type, length(bytes), bytes, created_at from recordings;
insert into message_files (message_id, workspace_id, number_id, state, hash, size, created_at)
select r.message_id, r.workspace_id, m.number_id, 'stored', r.message_id, length(r.bytes), r.created_at
from recordings r join messages m on m.id = r.message_id;
drop table recordings;
