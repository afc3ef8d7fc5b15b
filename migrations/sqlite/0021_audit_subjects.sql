-- What was done to one thing: the inbox asks it for every conversation that is opened.
create index audit_log_subjects on audit_log (workspace_id, subject, created_at, id);
