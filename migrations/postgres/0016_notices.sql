-- Notices to support contacts, WhatsApp's window, and who waits. The SQLite twin of this file has the same tables and columns.

-- notice_at: when a notice about another conversation was last queued for this contact.
alter table conversations add column notice_at bigint;
-- A contact whom only notices made has no name: the desk gave it one.
update contacts set name = null where name = 'Support contact';

-- window_closed_at: when WhatsApp refused a message because its window is closed. Null once the customer writes.
alter table conversations add column window_closed_at bigint;

-- unanswered is above 0 if nobody answered the customer's last message, neither the bot nor a person.
update conversations set unanswered = 0 where owner = 'bot' and open_cases = 0 and waiting_since is null;

-- An event of the desk itself has no webhook.
alter table provider_events alter column webhook_id drop not null;
