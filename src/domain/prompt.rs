//! A composed prompt, and the usage of a model call.

use std::sync::Arc;

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attachment::Picture;
use super::knowledge::Passage;

words! {
    /// The role of a chat message.
    pub enum Role {
        /// Instructions.
        System = "system",
        /// The customer.
        User = "user",
        /// The bot, or a member of staff.
        Assistant = "assistant",
    }
}

/// One message of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PromptMessage)]
pub struct ChatMessage {
    /// Its role.
    pub role: Role,
    /// Its text.
    pub content: String,
}

/// Everything a model needs to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The model's name at its endpoint.
    pub model: String,
    /// Sampling temperature, 0 to 2.
    pub temperature: f32,
    /// Maximum length of the answer, in tokens.
    pub max_output_tokens: u32,
    /// System prompt, history and question, in that order.
    pub messages: Vec<ChatMessage>,
    /// The customer's question without the rest of the prompt; if it depends on the conversation,
    /// with the earlier text that it needs.
    pub question: String,
    /// The passages in the prompt, in the order of their citation marks: the first is `[1]`.
    pub passages: Arc<[Passage]>,
    /// Probability that the passages answer the question, 0 to 1.
    pub confidence: f32,
    /// Below this probability (0 to 1) the passages count as no answer.
    pub min_confidence: f32,
    /// The weekday in the agent's time zone, 0 for Monday to 6 for Sunday; `None` where it does not
    /// matter.
    pub weekday: Option<u8>,
    /// Size of the prompt in tokens; 0 for a model that only quotes.
    pub tokens: u32,
    /// The customer's pictures, which belong to the last message.
    pub pictures: Vec<Picture>,
}

/// Tokens and cost of model calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Cost in millionths of a dollar.
    pub cost_micros: u64,
}

impl Usage {
    /// Adds the usage of another call.
    pub fn add(&mut self, other: Usage) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cost_micros += other.cost_micros;
    }
}
