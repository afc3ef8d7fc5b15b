-- Tapes of turns, runs of evals, drafts of prompts and what people did. The SQLite twin of this file has the same tables and columns.

-- JSON: what the turn was about and what was answered to it, so that it can be run again; null when it is not kept (any more).
alter table turns add column tape text;
create index turns_taped on turns (workspace_id, created_at) where tape is not null;

-- SHA-256 of the prompt file that was last brought into force from the disk: a file that did not change since does not undo
-- what was published by other means.
alter table agents add column file_hash text;

-- A run of a suite: what is known of it beside its rows, which are in a journal in the data folder.
create table eval_runs (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    suite         text not null,
    state         text not null,
    wanted        text not null,
    summary       text,
    error         text,
    created_at    bigint not null,
    finished_at   bigint
);
create index eval_runs_recent on eval_runs (workspace_id, created_at);

-- Who did what that changes how customers are answered. Rows are added, never changed.
create table audit_log (
    id            text primary key,
    workspace_id  text not null references workspaces (id),
    actor         text not null,
    action        text not null,
    subject       text not null,
    detail        text not null,
    created_at    bigint not null
);
create index audit_log_recent on audit_log (workspace_id, created_at);
