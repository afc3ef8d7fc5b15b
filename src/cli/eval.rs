//! `frontdesk eval`: scores replies and retrieval.

mod retrieval;

pub(super) use retrieval::Eval;
