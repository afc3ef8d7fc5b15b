-- What is due where customers stay silent after a reply. The Postgres twin of this file has the same tables and columns.

-- At most one row a conversation: that of its last reply for which the agent follows up. Whether the customer is still silent is
-- seen when it is due. turn_id: the reply. ask_text: what is asked at due_at; null once it was asked. close_at, close_text: when the
-- conversation is closed, and what is said then. Times are Unix milliseconds.
create table follow_ups (
    conversation_id  text primary key references conversations (id) on delete cascade,
    workspace_id     text not null references workspaces (id),
    turn_id          text not null references turns (id),
    replied_at       integer not null,
    due_at           integer not null,
    ask_text         text,
    close_at         integer,
    close_text       text
) strict;
create index follow_ups_due on follow_ups (workspace_id, due_at);
