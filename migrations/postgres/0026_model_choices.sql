-- Models that the console or `frontdesk models set` chose, for each task. The SQLite twin of this file has the same tables and columns.

-- No row: the configuration decides. role: chat, embeddings, speech or reranking. agent_id: empty for the workspace. sealed: the key,
-- encrypted and bound to base_url; null without one. trusted: 1 if base_url may be an address of this machine or of a private
-- network.
create table model_choices (
    workspace_id  text not null references workspaces (id),
    role          text not null,
    agent_id      text not null,
    provider      text not null,
    base_url      text not null,
    model         text not null,
    sealed        text,
    trusted       bigint not null,
    updated_at    bigint not null,
    primary key (workspace_id, role, agent_id)
);

insert into model_choices (workspace_id, role, agent_id, provider, base_url, model, sealed, trusted, updated_at)
select workspace_id, 'chat', '', provider, base_url, model, sealed, trusted, updated_at from chat_models;

drop table chat_models;
