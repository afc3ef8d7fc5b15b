-- Pages of websites that end the process which reads them. The Postgres twin of this file has the same columns.

-- tries: how often reading it was begun since a page was read to its end. reading and stamp: the page that is being read just now,
-- and what its content hashes to; empty between pages. What stands there when a source is taken anew ended the process that read it.
alter table sources add column tries integer not null default 0;
alter table sources add column reading text not null default '';
alter table sources add column stamp text not null default '';

-- tries: how many processes ended while they read this content, which hashes to stamp. After three it is left out until it changes,
-- or somebody asks for its source.
alter table source_pages add column tries integer not null default 0;
alter table source_pages add column stamp text not null default '';
