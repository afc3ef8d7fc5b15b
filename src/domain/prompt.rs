//! A composed prompt, and what asking a model with it used.

use std::sync::Arc;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::knowledge::Passage;

words! {
    /// Who speaks in a chat message.
    pub enum Role {
        /// The instructions.
        System = "system",
        /// The customer.
        User = "user",
        /// The bot, or a person of the business.
        Assistant = "assistant",
    }
}

/// One message of the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PromptMessage)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Everything a model needs to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The model's name, as its endpoint knows it.
    pub model: String,
    /// 0 to 2.
    pub temperature: f32,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
    /// System prompt, history, question; in that order.
    pub messages: Vec<ChatMessage>,
    /// The question alone, as the customer put it; with what it leans on, where it leans on the conversation.
    pub question: String,
    /// The passages in the prompt, in the order of their citation marks: the first is `[1]`.
    pub passages: Arc<[Passage]>,
    /// How sure retrieval is that the passages answer the question, 0 to 1.
    pub confidence: f32,
    /// Below this confidence (0 to 1) they do not.
    pub min_confidence: f32,
    /// The prompt's size in tokens; 0 when nothing had to be counted.
    pub tokens: u32,
}

/// What an answer used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Money, in millionths of a dollar.
    pub cost_micros: u64,
}

impl Usage {
    /// Adds what another call used.
    pub fn add(&mut self, other: Usage) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cost_micros += other.cost_micros;
    }
}
