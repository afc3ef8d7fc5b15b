//! Scoring: runs the real pipeline's stages over questions whose right answers are known, and counts what was heard wrongly
//! in recordings of which is known what is said. Sends nothing and changes no agent.

pub mod bot_checks;
mod assertions;
pub mod drafts;
pub mod agents;
pub mod seen;
pub mod replay;
pub mod cases;
pub mod redteam;
pub mod environment;
pub mod gate;
pub mod jobs;
mod calibrate;
mod dataset;
mod hearing;
mod rank;
mod retrieval;
mod spending;

pub use calibrate::{Curve, Point};
pub use dataset::{Dataset, DatasetQuestion, Text};
pub use hearing::{Clip, Errors, IN_LETTERS, clips};
pub use rank::Score;
pub use retrieval::{Ranking, Retrieval, RetrievalResults};
