-- Uploads of files that go to customers. The SQLite twin of this file has the same tables and columns.

-- media_id: the provider's id of a number's upload of the file. expires_at: until when messages can name it, in Unix
-- milliseconds.
create table uploaded_files (
    workspace_id  text not null references workspaces (id),
    number_id     text not null references numbers (id),
    hash          text not null,
    media_id      text not null,
    expires_at    bigint not null,
    primary key (number_id, hash)
);
create index uploaded_files_old on uploaded_files (workspace_id, expires_at);
