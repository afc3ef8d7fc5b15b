//! All integration tests in one binary, because linking is slow on two cores.

#![expect(
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "inputs of tests are written as they read best"
)]

mod support;

mod architecture;
mod alerts;
mod api;
mod audit;
mod auto_model;
mod authoring;
mod authorization;
mod bad_input;
mod bad_suites;
mod bounds;
mod cases;
mod model_choice;
mod model_roles;
mod cli;
mod collection_settings;
mod completions;
mod conformance;
mod console;
mod curated;
mod customer_files;
mod database_down;
mod delivery;
mod demo;
mod eval_api;
mod eval_attacks;
mod files;
mod follow_up;
mod question_answering;
mod red_team;
mod reader;
mod replay;
mod rerank;
mod citations;
mod formats;
mod gate;
mod hostile_documents;
mod grounded;
mod embedding;
mod gaps;
mod hand_off;
mod graders;
mod hostile_texts;
mod idle;
mod inbox;
mod index_contract;
mod knowledge_gate;
mod leaving;
mod learning;
mod learn_crash;
mod live;
mod main_job;
mod message_edits;
mod message_kinds;
mod merged_contacts;
mod model_trouble;
mod models;
mod permissions;
mod person;
mod numbers;
mod number_health;
mod observability;
mod opening;
mod ownership;
mod provider_contract;
mod replicas;
mod restart;
mod room;
mod sent_files;
mod server;
mod session;
mod spans;
mod store;
mod suggestions;
mod suites;
mod templates;
mod template_drafts;
mod charges;
mod torture;
mod transcribe;
mod trials;
mod upgrade;
mod web;
mod uploads;
mod voice;
mod voice_notes;
mod webhooks;
