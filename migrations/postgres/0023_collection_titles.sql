-- What people call a collection; empty: its name. Prompt files and folders keep to the name.
alter table collections add column title text not null default '';
