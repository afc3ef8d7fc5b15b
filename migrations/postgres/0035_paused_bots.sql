-- Since when the bot is paused on a number; null if it answers.
alter table numbers add column bot_paused_at bigint;
