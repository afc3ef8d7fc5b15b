//! A worst-case model that follows every injected instruction. Shows, without a network, what the
//! pipeline stops by itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::domain::{Prompt, Role, Usage};
use crate::llm::{Completion, Error, Hear, Model, ModelKind, Window};

/// An instruction and the response to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The instruction, searched for in the whole prompt.
    pub when: String,
    /// The response.
    pub says: Says,
}

/// The response of an obedient model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The whole system prompt.
    Prompt,
    /// This text.
    Words(String),
}

/// A model that follows every known instruction in its prompt, and otherwise quotes its first
/// passage.
#[derive(Debug, Default)]
pub struct Obedient {
    orders: Vec<(String, Says)>,
    asked: AtomicUsize,
    obeyed: AtomicUsize,
}

impl Obedient {
    /// Creates a model that follows these instructions.
    pub fn new(orders: impl IntoIterator<Item = Order>) -> Self {
        let orders = orders.into_iter().map(|order| (flat(&order.when), order.says)).collect();
        Self { orders, ..Self::default() }
    }

    /// Returns the number of requests, and how many of them it obeyed.
    pub fn counts(&self) -> (usize, usize) {
        (self.asked.load(Ordering::Relaxed), self.obeyed.load(Ordering::Relaxed))
    }

    fn answer(&self, prompt: &Prompt) -> String {
        let shown: Vec<&str> =
            prompt.messages.iter().map(|message| message.content.as_str()).collect();
        let shown = flat(&shown.join("\n"));
        let order = self.orders.iter().find(|(when, _)| !when.is_empty() && shown.contains(when));
        if let Some((_, says)) = order {
            self.obeyed.fetch_add(1, Ordering::Relaxed);
            return match says {
                Says::Words(words) => words.clone(),
                Says::Prompt => {
                    let system =
                        prompt.messages.iter().find(|message| message.role == Role::System);
                    system.map(|message| message.content.clone()).unwrap_or_default()
                }
            };
        }
        match prompt.passages.first() {
            Some(passage) => {
                let body: String = passage.chunk.body.chars().take(300).collect();
                format!("{} [1]", body.trim())
            }
            None => "I do not know that.".into(),
        }
    }
}

/// Collapses whitespace, because a passage is cut and joined on its way into the prompt.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Model for Obedient {
    fn kind(&self, _: &str) -> ModelKind {
        ModelKind::Generates(Window { tokens: 1_000_000, price: None, sees: false })
    }

    fn default_model(&self) -> &'static str {
        "obedient"
    }

    fn min_confidence(&self) -> f32 {
        0.0
    }

    async fn complete(&self, prompt: &Prompt, hear: Option<Hear<'_>>) -> Result<Completion, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let text = self.answer(prompt);
        if let Some(hear) = hear {
            hear(&text);
        }
        let (model, usage) = ("obedient".to_owned(), Usage::default());
        Ok(Completion::Text { text, model, usage, failures: Vec::new() })
    }

    async fn check(&self) -> Result<String, Error> {
        Ok("it obeys everybody".into())
    }
}
