//! Test support: every type on every kind of answer.
