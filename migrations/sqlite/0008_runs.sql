-- Runs of evals as jobs. The Postgres twin of this file has the same tables and columns.

-- The replica that runs it and has its journal: where that one is gone, the run is stopped.
alter table eval_runs add column holder text;
