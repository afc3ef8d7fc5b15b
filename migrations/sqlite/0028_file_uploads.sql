-- Uploads of files that go to customers: one for each number and content. The Postgres twin of this file has the same tables and
-- columns.

-- media_id: the provider's id of the upload, made at uploaded_at, which messages name until expires_at. due_at: when it is uploaded
-- next, while messages wait for that. claim: the fencing token of the last claim, which only rises. unended: claims since the last
-- that ended; failures: those that ended without the upload. failure: why it is given up, as JSON. Times in Unix milliseconds.
create table file_uploads (
    workspace_id  text not null references workspaces (id),
    number_id     text not null references numbers (id),
    hash          text not null,
    media_id      text,
    uploaded_at   integer,
    expires_at    integer,
    due_at        integer,
    claim         integer not null default 0,
    unended       integer not null default 0,
    failures      integer not null default 0,
    failure       text,
    primary key (number_id, hash)
) strict;
create index file_uploads_due on file_uploads (workspace_id, due_at) where due_at is not null;
create index file_uploads_hash on file_uploads (workspace_id, hash);
