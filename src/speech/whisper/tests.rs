//! Test support: placeholder.
