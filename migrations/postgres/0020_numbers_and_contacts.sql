-- Customers who were known twice, and what providers report about numbers. The SQLite twin of this file has the same tables
-- and columns.

-- A conversation that another took over, because their two contacts were one customer.
create table merged_conversations (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    into_id       text not null references conversations (id),
    created_at    bigint not null
);
create index merged_conversations_into on merged_conversations (into_id);
