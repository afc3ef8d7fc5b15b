-- Learning from the web: sites that are read again from time to time, and what is known of their pages. The Postgres
-- twin of this file has the same tables and columns.

-- A web page, a site or a sitemap that is learned into a collection. settings: its limits, as JSON. due_at: when it is
-- read next; null for when somebody asks. holder and lease_until: which process reads it, and for how long nobody else may.
-- state: waiting, ready, partial (some pages could not be read) or failed (with the reason; nothing was changed).
create table sources (
    id             text primary key,
    workspace_id   text not null references workspaces (id),
    collection_id  text not null references collections (id),
    url            text not null,
    kind           text not null,
    settings       text not null,
    every_minutes  integer,
    due_at         integer,
    holder         text not null default '',
    lease_until    integer not null default 0,
    state          text not null,
    error          text,
    pages          integer not null default 0,
    failed         integer not null default 0,
    crawled_at     integer,
    created_at     integer not null,
    updated_at     integer not null,
    unique (collection_id, url)
) strict;
create index sources_due on sources (workspace_id, due_at) where due_at is not null;

-- A page of a source, by the address that answers. path: the document that holds its text, where it has one. state:
-- ready, skipped or failed (with the reason). etag and last_modified: what the server is asked with whether it
-- changed. method: how it was read; when that changes, it is read again. links: where it leads, as JSON.
create table source_pages (
    source_id      text not null references sources (id),
    url            text not null,
    workspace_id   text not null references workspaces (id),
    path           text not null,
    state          text not null,
    error          text,
    etag           text,
    last_modified  text,
    method         text not null,
    links          text not null,
    seen_at        integer not null,
    primary key (source_id, url)
) strict;

-- The source that a document came from; null for a file. Learning a folder removes only documents without one.
alter table documents add column source_id text references sources (id);
create index documents_of_source on documents (source_id) where source_id is not null;
