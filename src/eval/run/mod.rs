//! Runs a suite: every case with every prompt and target, some at once, each row into the journal.
