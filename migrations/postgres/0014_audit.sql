-- The audit log says how each action ended and where it came from. The SQLite twin of this file has the same tables and columns.

-- outcome: done, refused or failed. address: of the connection that asked; empty for commands and the desk itself.
alter table audit_log add column outcome text not null default 'done';
alter table audit_log add column address text not null default '';
update audit_log set action = 'agent.created' where action = 'agent.create';
update audit_log set outcome = 'refused' where action in ('agent.refused', 'knowledge.refused');
create index audit_log_actions on audit_log (workspace_id, action, created_at);
