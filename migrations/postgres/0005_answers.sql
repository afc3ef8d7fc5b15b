-- Curated answers and knowledge gaps. The SQLite twin of this file has the same tables and columns.

-- Grows with every change of the collection's curated answers, so that every process follows them.
alter table collections add column answers_revision bigint not null default 0;

-- A curated answer: what a customer gets who asks just this. phrasings: JSON, how the question is put. source: the file
-- that holds it, null when it was made by hand. vectors: the phrasings' embeddings in their order (little-endian f32).
create table answers (
    id             text primary key,
    workspace_id   text not null references workspaces (id),
    collection_id  text not null references collections (id),
    source         text,
    phrasings      text not null,
    body           text not null,
    language       text,
    enabled        bigint not null,
    author         text not null,
    embedder       text,
    vectors        bytea,
    created_at     bigint not null,
    updated_at     bigint not null
);
create index answers_of_collection on answers (collection_id, created_at, id);

-- A knowledge gap: questions of one sense that were not answered. state: open, answered or dismissed.
create table gaps (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    agent_id      text not null references agents (id),
    question      text not null,
    state         text not null,
    asked         bigint not null,
    answer_id     text,
    first_at      bigint not null,
    last_at       bigint not null
);
create index gaps_recent on gaps (workspace_id, last_at, id);

-- A question that was not answered, without personal data, committed with its turn; gap_id: null until it is grouped.
create table unanswered (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    agent_id      text not null references agents (id),
    turn_id       text not null unique,
    gap_id        text,
    question      text not null,
    created_at    bigint not null
);
create index unanswered_new on unanswered (workspace_id, created_at, id) where gap_id is null;
create index unanswered_of_gap on unanswered (gap_id, created_at);
