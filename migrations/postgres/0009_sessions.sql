-- Who is signed in to the console. The SQLite twin of this file has the same tables and columns. Neither a link nor a
-- cookie can be made of what is here: hash is the SHA-256 of what the link or the cookie holds.

-- A link that signs in whoever opens it, once. used_at: when it did.
create table sign_in_links (
    hash          text primary key,
    workspace_id  text not null references workspaces (id),
    created_at    bigint not null,
    expires_at    bigint not null,
    used_at       bigint
);
create index sign_in_links_old on sign_in_links (workspace_id, expires_at);

-- A browser that is signed in, until expires_at, which moves while it is used.
create table sessions (
    hash          text primary key,
    workspace_id  text not null references workspaces (id),
    created_at    bigint not null,
    expires_at    bigint not null
);
create index sessions_old on sessions (workspace_id, expires_at);
