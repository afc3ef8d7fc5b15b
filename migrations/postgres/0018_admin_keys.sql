-- The admin key that the processes of a shared database have in common. The SQLite twin of this file has the same tables and columns.

-- sealed: the key, encrypted with [secrets] key. Empty on SQLite, whose one process keeps its key in a file.
create table admin_keys (
    workspace_id  text primary key references workspaces (id),
    sealed        text not null,
    created_at    bigint not null
);
