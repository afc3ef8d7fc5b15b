-- Knowledge: vectors by what they were made of, settings of a collection, where in its document a chunk is. The
-- Postgres twin of this file has the same tables and columns.

-- What the collection's own file says about cutting and ranking, as JSON.
alter table collections add column settings text not null default '{}';

-- place: page, slide or sheet, in words. text_hash: what is embedded of the chunk, hashed.
alter table chunks add column place text not null default '';
alter table chunks add column text_hash text not null default '';
alter table chunks drop column vector;
create index chunks_text on chunks (workspace_id, text_hash);

-- Whether a document's vectors are there is asked of its chunks.
alter table documents drop column embedder;
-- What was learned before has no hashes of texts: it is learned again.
update documents set hash = '';

-- An embedding (little-endian f32) by the model that made it and the text that it is of. The same text is embedded
-- once, and vectors of two models stand beside each other while one takes the other's place.
create table vectors (
    workspace_id  text not null references workspaces (id),
    model         text not null,
    text_hash     text not null,
    vector        blob not null,
    created_at    integer not null,
    primary key (workspace_id, model, text_hash)
) strict;
