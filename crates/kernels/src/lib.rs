//! The arithmetic under the local models and the search in memory, in safe Rust: one source, compiled for each kind of processor (AVX-512, AVX2,
//! NEON, any other) and chosen when it runs. A package of its own, because debug builds of the rest are not optimised,
//! and this is a hundred times slower then. Knows nothing of models.

mod compare;
mod product;
mod rows;

pub use compare::{dots, shrink};
pub use product::{PackedMatrix, Side, multiply};
pub use rows::{Function, Norm, biased, softmax};
