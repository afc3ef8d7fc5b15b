//! Evaluation: runs suites, replays and the red team through the real pipeline, and scores
//! retrieval and transcription against known answers. Sends nothing to customers; only [`gate`]
//! changes agents or their documents.

pub mod answers;
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
mod reliability;
mod dataset;
mod transcription;
mod rank;
mod retrieval;
mod spending;

pub use calibrate::{Curve, Point};
pub use dataset::{Dataset, DatasetQuestion, Text};
pub use rank::Score;
pub use reliability::{Bin, Prediction, Reliability};
pub use retrieval::{Ranking, Retrieval, RetrievalResults};
pub use transcription::{Clip, Errors, IN_LETTERS, clips};
