-- The first tables. Times are integer milliseconds UTC, money is integer millionths of a
-- dollar, JSON is text. The SQLite twin of this file has the same tables and columns.

-- A tenant. Every other row belongs to one.
create table workspaces (
    id          text primary key,
    name        text not null,
    created_at  bigint not null
);

-- A bot. Its live version is what answers.
create table agents (
    id               text primary key,
    workspace_id     text not null references workspaces (id),
    slug             text not null,
    live_version_id  text,
    created_at       bigint not null,
    updated_at       bigint not null,
    unique (workspace_id, slug)
);

-- What a prompt file held; never changed. The same content again is the same version.
create table prompt_versions (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    agent_id      text not null references agents (id),
    ordinal       bigint not null,
    hash          text not null,
    source        text not null,
    created_at    bigint not null,
    unique (agent_id, hash)
);

-- A connected WhatsApp number. Its credentials are in the configuration, not here.
create table numbers (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    slug          text not null,
    provider      text not null,
    external_id   text not null,
    agent_id      text not null references agents (id),
    state         text not null,
    state_reason  text,
    created_at    bigint not null,
    updated_at    bigint not null,
    unique (workspace_id, slug)
);

-- A customer, known by phone (wa_id), by business-scoped id, or both.
create table contacts (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    wa_id         text,
    bsuid         text,
    name          text,
    username      text,
    created_at    bigint not null,
    updated_at    bigint not null,
    unique (workspace_id, wa_id),
    unique (workspace_id, bsuid)
);

-- A contact's conversation with one number. A conversation with waiting messages is a job: due_at says when its turn
-- may start, lease_until and lease_token who runs it.
create table conversations (
    id               text primary key,
    workspace_id     text not null references workspaces (id),
    number_id        text not null references numbers (id),
    contact_id       text not null references contacts (id),
    owner            text not null,
    last_inbound_at  bigint,
    last_message_at  bigint not null,
    waiting_since    bigint,
    due_at           bigint,
    lease_until      bigint not null default 0,
    lease_token      bigint not null default 0,
    attempts         bigint not null default 0,
    created_at       bigint not null,
    updated_at       bigint not null,
    unique (number_id, contact_id)
);
create index conversations_due on conversations (due_at) where due_at is not null;
create index conversations_recent on conversations (workspace_id, last_message_at, id);

-- A message. Inbound: waiting, answered, or stored (nothing to answer). Outbound: the outbox, from queued to read.
create table messages (
    id               text primary key,
    workspace_id     text not null references workspaces (id),
    conversation_id  text not null references conversations (id),
    number_id        text not null references numbers (id),
    direction        text not null,
    author           text not null,
    provider_id      text,
    kind             text not null,
    content          text not null,
    body             text,
    transcript       text,
    reply_to         text,
    state            text not null,
    state_rank       bigint not null default 0,
    note             text,
    turn_id          text,
    part             bigint not null default 0,
    sent_at          bigint not null,
    created_at       bigint not null,
    updated_at       bigint not null,
    attempts         bigint not null default 0,
    due_at           bigint,
    lease_until      bigint,
    error            text,
    unique (number_id, provider_id)
);
create index messages_thread on messages (conversation_id, sent_at, created_at, part);
create index messages_waiting on messages (conversation_id) where state = 'waiting';
create index messages_outbox on messages (due_at) where state = 'queued';
create index messages_unsettled on messages (conversation_id, created_at, part) where state in ('queued', 'sending');
create index messages_sending on messages (lease_until) where state = 'sending';

-- One run of the pipeline, with what each stage saw, decided, took and used.
create table turns (
    id               text primary key,
    workspace_id     text not null references workspaces (id),
    conversation_id  text not null references conversations (id),
    agent_id         text not null references agents (id),
    version_id       text,
    outcome          text not null,
    trace            text not null,
    input_tokens     bigint not null,
    output_tokens    bigint not null,
    cost_micros      bigint not null,
    created_at       bigint not null
);
create index turns_of_conversation on turns (conversation_id, created_at);

-- The case record of a hand-off: open, then resolved.
create table escalations (
    id               text primary key,
    workspace_id     text not null references workspaces (id),
    conversation_id  text not null references conversations (id),
    turn_id          text,
    reason           text not null,
    question         text not null,
    state            text not null,
    created_at       bigint not null,
    resolved_at      bigint
);
create index escalations_open on escalations (workspace_id, created_at) where state = 'open';
create index escalations_of_conversation on escalations (conversation_id);

-- A webhook's body as it came.
create table webhooks (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    provider      text not null,
    body          bytea not null,
    created_at    bigint not null
);

-- What a webhook said that is neither message nor status: account news, calls, unknown fields, unknown numbers.
create table provider_events (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    number_id     text,
    webhook_id    text not null references webhooks (id),
    kind          text not null,
    payload       text not null,
    alert         text,
    created_at    bigint not null
);
create index provider_events_recent on provider_events (workspace_id, created_at);

-- A set of documents. Its revision grows with every change, so that an index can follow.
create table collections (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    slug          text not null,
    revision      bigint not null,
    created_at    bigint not null,
    unique (workspace_id, slug)
);

-- A document: ready, failed (with the reason) or removed.
create table documents (
    id             text primary key,
    workspace_id   text not null references workspaces (id),
    collection_id  text not null references collections (id),
    path           text not null,
    title          text not null,
    hash           text not null,
    state          text not null,
    error          text,
    embedder       text,
    chunks         bigint not null,
    revision       bigint not null,
    created_at     bigint not null,
    updated_at     bigint not null,
    unique (collection_id, path)
);
create index documents_revision on documents (collection_id, revision);

-- A piece of a document, with its embedding (little-endian f32) where there is an embedder.
create table chunks (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    document_id   text not null references documents (id),
    ordinal       bigint not null,
    heading       text not null,
    body          text not null,
    tokens        bigint not null,
    vector        bytea
);
create index chunks_of_document on chunks (document_id, ordinal);
