//! Reports of a run: pure writers over a summary and a journal.
