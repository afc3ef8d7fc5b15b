//! Numeric kernels for local models and in-memory search, in safe Rust: one source, compiled for
//! each kind of processor (AVX-512, AVX2, NEON, generic) and selected at runtime. A separate
//! package, because debug builds of the others are not optimised and these kernels would be a
//! hundred times slower. Knows nothing of models.

mod compare;
mod product;
mod rows;

pub use compare::{dots, quantize};
pub use product::{PackedMatrix, Side, multiply};
pub use rows::{Function, Norm, add_bias_and_activate, softmax};
