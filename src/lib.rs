//! frontdesk answers a business's WhatsApp messages from its own documents, or hands them to a
//! person.
//!
//! A message goes through seven stages:
//!
//! ```text
//!  webhook ─▶ 1 inbound     drop redeliveries, find the conversation, merge a burst into one turn
//!             2 transcribe  voice becomes text
//!             3 escalate    hand-off rules: does a person have to come?
//!             4 retrieve    question to passages of the business's documents
//!             5 prompt      agent, history and passages under a token budget
//!             6 reply       ask the model, check the answer, fall back
//!             7 outbound    format, split; outbox rows in one transaction with the turn ─▶ WhatsApp
//! ```
//!
//! [`pipeline`] is the core, with one module per stage. A folder with one trait is a seam, behind
//! which implementations can be exchanged: [`provider`], [`speech`], [`embed`], [`index`], [`qa`],
//! [`llm`], [`rerank`]. Modules import only from modules above them in this list; a test enforces it.

pub mod domain;
pub mod metrics;
pub mod spans;
pub mod telemetry;
pub mod failpoint;
pub mod secrets;
pub mod permissions;
pub mod text_cache;
pub mod slot;
pub mod models;
pub mod reader;
pub mod qa;

pub mod store;
pub mod provider;
pub mod speech;
pub mod pictures;
pub mod embed;
pub mod index;
pub mod llm;
pub mod rerank;

pub mod pipeline;
pub mod knowledge;
pub mod prompts;

pub mod desk;
pub mod worker;
pub mod eval;
pub mod http;
pub mod config;
pub mod app;
pub mod cli;
