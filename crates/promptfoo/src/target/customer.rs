//! A simulated customer: a model with a goal and a temper that writes one message at a time and
//! says when it is done.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Target, TargetRequest};
use crate::chat::{ChatMessage, Role};
use crate::result::Tokens;
use crate::spec::Vars;
use crate::template::Templates;

/// The model's marker for the end of the conversation.
const STOP: &str = "###STOP###";
const ROLE: &str = include_str!("../../prompts/customer.md");

/// A customer played by a model.
pub struct Customer {
    model: Arc<dyn Target>,
    instructions: String,
    temper: String,
    repeat: usize,
    used: Mutex<(Tokens, f64)>,
}

impl Customer {
    /// Creates a customer with a goal.
    pub fn new(model: Arc<dyn Target>, instructions: impl Into<String>) -> Self {
        let (temper, repeat) = (String::new(), 0);
        Self { model, instructions: instructions.into(), temper, repeat, used: Mutex::default() }
    }

    /// Sets the temper, such as `impatient, writes in short sentences`.
    #[must_use]
    pub fn with_temper(self, temper: impl Into<String>) -> Self {
        Self { temper: temper.into(), ..self }
    }

    /// Sets the repetition of the case, so that each has its own conversations in the cache.
    #[must_use]
    pub fn with_repeat(self, repeat: usize) -> Self {
        Self { repeat, ..self }
    }

    /// Returns the customer's next message in a chat in which it is the user; `None` when it is
    /// done.
    pub async fn next(&self, history: &[ChatMessage]) -> Result<Option<String>, String> {
        let prompt = self.prompt(history)?;
        let (vars, config) = (Vars::new(), Value::Null);
        let asked = TargetRequest {
            prompt: &prompt,
            vars: &vars,
            case: None,
            config: &config,
            repeat: self.repeat,
        };
        let response = self.model.ask(&asked).await;
        self.count(response.token_usage, response.cost.filter(|_| !response.cached));
        if let Some(why) = response.error.or(response.skipped) {
            return Err(format!("the simulated customer does not answer: {why}"));
        }
        let text = match response.output {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        if text.contains(STOP) {
            return Ok(None);
        }
        match text.trim() {
            "" => Err("the simulated customer gives an empty message".into()),
            text => Ok(Some(text.to_owned())),
        }
    }

    /// Tokens and cost in US dollars so far.
    pub fn used(&self) -> (Tokens, f64) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, tokens: Option<Tokens>, cost: Option<f64>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.0 += tokens.unwrap_or_default();
        used.1 += cost.unwrap_or_default();
    }

    /// Renders the conversation with swapped roles: the customer's messages are the model's own.
    fn prompt(&self, history: &[ChatMessage]) -> Result<String, String> {
        let mut vars = Vars::new();
        vars.insert("instructions".into(), self.instructions.as_str().into());
        vars.insert("temper".into(), self.temper.as_str().into());
        let role = Templates::default().render(ROLE, &vars)?;
        let mut messages = vec![json!({"role": Role::System, "content": role.trim()})];
        if history.first().is_none_or(|message| message.role == Role::User) {
            messages.push(json!({"role": Role::User, "content": "(You open the chat. Write your first message.)"}));
        }
        messages.extend(history.iter().map(|message| {
            let role = match message.role {
                Role::User => Role::Assistant,
                Role::Assistant | Role::System => Role::User,
            };
            json!({"role": role, "content": message.content})
        }));
        Ok(Value::Array(messages).to_string())
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::result::Response;

    /// Answers with the number of messages in the prompt and stops at six.
    struct Counts;

    #[async_trait]
    impl Target for Counts {
        async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
            let messages: Vec<Value> = serde_json::from_str(asked.prompt).unwrap();
            let output = if messages.len() > 5 {
                "bye ###STOP###".into()
            } else {
                format!("{}: {}", messages.len(), messages.last().unwrap()["role"])
            };
            let token_usage = Some(Tokens { total: 2, ..Tokens::default() });
            Response { output: output.into(), token_usage, ..Response::default() }
        }
    }

    #[tokio::test]
    async fn it_sees_the_conversation_from_its_own_side_until_it_stops() {
        let customer = Customer::new(Arc::new(Counts), "a refund").with_temper("angry");
        assert_eq!(customer.next(&[]).await.unwrap().unwrap(), "2: \"user\"");
        let line = |role, text: &str| ChatMessage { role, content: text.into() };
        let mut history = vec![line(Role::User, "hi"), line(Role::Assistant, "hello")];
        assert_eq!(customer.next(&history).await.unwrap().unwrap(), "4: \"user\"");
        history.extend([line(Role::User, "a"), line(Role::Assistant, "b")]);
        assert_eq!(customer.next(&history).await.unwrap(), None);
        assert_eq!(customer.used().0.total, 6);
        let prompt = customer.prompt(&[]).unwrap();
        assert!(prompt.contains("a refund") && prompt.contains("angry"), "{prompt}");
    }
}
