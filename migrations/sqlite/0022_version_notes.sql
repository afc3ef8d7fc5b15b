-- Who published a version first, and what they said of it. Earlier versions have neither.
alter table prompt_versions add column author text not null default '';
alter table prompt_versions add column note text not null default '';
