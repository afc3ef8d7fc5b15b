-- Edits that are bounded, and changes that are looked up. The Postgres twin of this file has the same columns.

-- edited_turns: turns of what waits now that were given up because the customer edited what they had read.
alter table conversations add column edited_turns integer not null default 0;

-- messages.changed_id of a change that can never hold, because it is not the author's or not readable, is its own id.
drop index messages_changes;
create index messages_changes on messages (number_id, changes, conversation_id, changed_id) where changes is not null;
create index messages_changes_by_day on messages (workspace_id, author, sent_at) where changes is not null;

-- messages.original is null once the message was deleted.
update messages set original = null where id in (select changed_id from messages where changes is not null and kind = 'revoked');
