//! Scoring: runs the real pipeline's stages over questions whose right answers are known. Sends nothing and changes no
//! agent.

mod calibrate;
mod dataset;
mod rank;
mod retrieval;

pub use calibrate::{Curve, Point};
pub use dataset::{Asked, Dataset, Text};
pub use rank::Score;
pub use retrieval::{Measured, Ranking, Retrieval};
