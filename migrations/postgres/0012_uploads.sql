-- Documents that are uploaded, collections made and removed by hand, prompts written by a model. The SQLite twin of this file has
-- the same tables and columns.

-- 1: it was removed with all that it held; its row stays so that every process's index lets go of its documents.
alter table collections add column removed bigint not null default 0;

-- uploaded: 1 when somebody gave it over the API; learning a folder leaves it alone. remedy: what to do about `error`, in words; code:
-- the failure as a word. A document that was uploaded and not learned yet is `learning`.
alter table documents add column uploaded bigint not null default 0;
alter table documents add column remedy text;
alter table documents add column code text;
create index documents_recent on documents (collection_id, updated_at, id);
create index documents_counted on documents (workspace_id, collection_id, state, chunks);
create index documents_failed on documents (workspace_id, collection_id, path) where state = 'failed';

-- The file of an uploaded document, kept so that it can be cut anew. state: waiting (to be learned), learned or failed. stamp: names
-- this content: what another process learned of an earlier one does not count. method: how it was learned; where that changes, it
-- waits again. holder and lease_until: which process learns it, and for how long nobody else may; tries: how often one began to.
-- The bytes stand last, so that a row is read without them.
create table uploads (
    document_id    text primary key references documents (id),
    workspace_id   text not null references workspaces (id),
    collection_id  text not null references collections (id),
    mime_type      text not null,
    size           bigint not null,
    state          text not null,
    stamp          text not null,
    method         text not null default '',
    tries          bigint not null default 0,
    holder         text not null default '',
    lease_until    bigint not null default 0,
    created_at     bigint not null,
    updated_at     bigint not null,
    bytes          bytea not null
);
create index uploads_waiting on uploads (workspace_id, updated_at, document_id) where state = 'waiting';
create index uploads_counted on uploads (workspace_id, collection_id, state, document_id);

-- What models wrote for those who write prompts, by day (UTC, milliseconds since 1970 at its beginning).
create table prompts_written (
    workspace_id   text not null references workspaces (id),
    day            bigint not null,
    asked          bigint not null,
    input_tokens   bigint not null default 0,
    output_tokens  bigint not null default 0,
    cost_micros    bigint not null default 0,
    primary key (workspace_id, day)
);
