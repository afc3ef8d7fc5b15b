-- Recordings of customers, and how their words came to be known. The Postgres twin of this file has the same tables and columns.

-- JSON: language, confidence, seconds, what transcribed it, and who corrected it; null where nothing was heard.
alter table messages add column heard text;

-- The file of a voice note, an audio file or a video, for as long as [worker] keep_recordings_days says.
create table recordings (
    message_id    text primary key references messages (id),
    workspace_id  text not null references workspaces (id),
    mime_type     text not null,
    bytes         blob not null,
    created_at    integer not null
) strict;
create index recordings_old on recordings (workspace_id, created_at);
