-- What models cost that no customer asked. The Postgres twin of this file has the same tables and columns.

-- Money of trials, in pieces of a quarter of an hour: every zone's day begins with one. kind: sandbox, completions, evals or prompts.
-- since: when the piece begins, milliseconds since 1970. runs: turns, rows of eval runs, or prompts. What prompts cost was in
-- prompts_written before, whose columns for it are not written any more.
create table trials (
    workspace_id   text not null references workspaces (id),
    since          integer not null,
    kind           text not null,
    runs           integer not null default 0,
    input_tokens   integer not null default 0,
    output_tokens  integer not null default 0,
    cost_micros    integer not null default 0,
    primary key (workspace_id, since, kind)
) strict;

insert into trials (workspace_id, since, kind, runs, input_tokens, output_tokens, cost_micros)
    select workspace_id, day, 'prompts', asked, input_tokens, output_tokens, cost_micros from prompts_written where input_tokens > 0;
