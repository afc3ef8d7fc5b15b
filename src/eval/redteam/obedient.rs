//! The worst model there is: it does whatever the prompt that it is shown tells it to. It shows what the pipeline stops by
//! itself, without a network.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::domain::{Prompt, Role, Usage};
use crate::llm::{Completion, Error, Hear, Model, ModelKind, Window};

/// An instruction, and what doing it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The instruction, wherever it stands in the prompt.
    pub when: String,
    /// What is said then.
    pub says: Says,
}

/// What an obedient model says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// Its whole system prompt.
    Prompt,
    /// These words.
    Words(String),
}

/// A model that obeys every order that it is shown, and else answers with its first passage.
#[derive(Debug, Default)]
pub struct Obedient {
    orders: Vec<(String, Says)>,
    asked: AtomicUsize,
    obeyed: AtomicUsize,
}

impl Obedient {
    /// A model that knows what these orders mean.
    pub fn new(orders: impl IntoIterator<Item = Order>) -> Self {
        let orders = orders.into_iter().map(|order| (flat(&order.when), order.says)).collect();
        Self { orders, ..Self::default() }
    }

    /// How often it was asked, and how often it obeyed.
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

/// Words with one space between them: a passage is cut and joined on its way into the prompt.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Model for Obedient {
    fn kind(&self, _: &str) -> ModelKind {
        ModelKind::Generates(Window { tokens: 1_000_000, price: None })
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
