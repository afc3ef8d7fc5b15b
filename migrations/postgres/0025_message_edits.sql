-- Edits and deletions of messages. The SQLite twin of this file has the same columns.

-- edited_at: when its author last edited a message; its content is then the new one. deleted_at: when its author deleted it; its
-- content then says only that. original: what it said first, as JSON, of a message that was edited or deleted.
-- changes: of an edit or a deletion, which is a row of its own, the provider's id of the message that it names. changed_id: that
-- message, once the change holds there; null as long as it has not come, or is not its author's.
alter table messages add column edited_at bigint;
alter table messages add column deleted_at bigint;
alter table messages add column original text;
alter table messages add column changes text;
alter table messages add column changed_id text;
create index messages_changes on messages (number_id, changes) where changes is not null;
