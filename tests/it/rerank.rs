//! The passages in the order of a reranker.
