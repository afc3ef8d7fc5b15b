//! A target that holds a conversation between a simulated customer and another target; its answer
//! is the whole of it.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::customer::Customer;
use super::settings::Settings;
use super::{Target, TargetRequest, Targets};
use crate::chat::{ChatMessage, Role};
use crate::result::{Response, Tokens};
use crate::spec::{TargetSpec, Vars};
use crate::template::Templates;

/// Whether a provider is a simulated customer. As a case's own it talks to the suite's target: see
/// [`Targets::open_simulated`].
pub fn is_simulated(spec: &TargetSpec) -> bool {
    matches!(spec.id.as_str(), "promptfoo:simulated-user" | "frontdesk:simulated-customer")
}

struct SimulatedUser {
    settings: Settings,
    customer: Arc<dyn Target>,
    other: Arc<dyn Target>,
    templates: Templates,
    /// Maximum number of messages that the customer writes.
    most: u64,
}

pub(super) fn open(
    spec: &TargetSpec,
    targets: &Targets,
    original: Option<Arc<dyn Target>>,
    model: Option<Arc<dyn Target>>,
) -> Result<Arc<dyn Target>, String> {
    let settings = Settings::of(&spec.config, &Value::Null);
    let other = match (settings.0.get("target"), original) {
        (Some(written), _) => named(written, targets, "target")?,
        (None, Some(original)) => original,
        (None, None) => {
            return Err(format!(
                "`{}` has nobody to talk to: name a `config.target`, or make it the provider of a case",
                spec.id
            ));
        }
    };
    let customer = match (settings.0.get("provider").or_else(|| settings.0.get("model")), model) {
        (Some(written), _) => named(written, targets, "provider")?,
        (None, Some(model)) => model,
        (None, None) => targets.open_grader(&targets.default_chat_spec("openai:chat"))?,
    };
    let (templates, most) = (targets.templates(), targets.policy().limits().turns);
    Ok(Arc::new(SimulatedUser { settings, customer, other, templates, most }))
}

/// Opens a target that a setting names: an id, or `{id, config}`.
pub fn named(written: &Value, targets: &Targets, setting: &str) -> Result<Arc<dyn Target>, String> {
    let spec = match written {
        Value::String(id) => TargetSpec { id: id.clone(), ..TargetSpec::default() },
        other => serde_json::from_value(other.clone())
            .map_err(|error| format!("`config.{setting}`: {error}"))?,
    };
    if is_simulated(&spec) {
        return Err(format!("`config.{setting}` is a simulated customer itself"));
    }
    targets.open_grader(&spec)
}

/// The conversation so far.
#[derive(Default)]
struct Talk {
    lines: Vec<ChatMessage>,
    last: Response,
    tokens: Tokens,
    cost: f64,
    spans: Vec<crate::result::Span>,
    turns: Vec<crate::result::SeenTurn>,
}

#[async_trait]
impl Target for SimulatedUser {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        let mut talk = Talk::default();
        match self.talk(asked, &mut talk).await {
            Ok(()) => whole(talk),
            Err(response) => Response { token_usage: Some(talk.tokens), ..*response },
        }
    }
}

impl SimulatedUser {
    async fn talk(&self, asked: &TargetRequest<'_>, talk: &mut Talk) -> Result<(), Box<Response>> {
        let customer = self.create_customer(asked).map_err(failed)?;
        talk.lines = self.opening(asked.vars).map_err(failed)?;
        let turns = self.settings.count("maxTurns").unwrap_or(10).min(self.most);
        if talk.lines.last().is_some_and(|line| line.role == Role::User) {
            self.answer(asked, talk).await?;
        }
        for _ in 0..turns {
            let said = customer.next(&talk.lines).await;
            let (tokens, cost) = customer.used();
            let Some(text) = said.map_err(failed)? else { break };
            talk.lines.push(ChatMessage { role: Role::User, content: text });
            self.answer(asked, talk).await?;
            tracing::debug!(tokens = tokens.total, cost, "a simulated turn");
        }
        let (tokens, cost) = customer.used();
        talk.tokens += tokens;
        talk.cost += cost;
        Ok(())
    }

    fn create_customer(&self, asked: &TargetRequest<'_>) -> Result<Customer, String> {
        let written =
            self.settings.text("instructions").unwrap_or_else(|| "{{instructions}}".into());
        let instructions = self.templates.render(&written, asked.vars)?;
        if instructions.trim().is_empty() {
            return Err("the simulated customer has no goal: write `config.instructions`, or a variable `instructions`".into());
        }
        let temper = self.settings.text("temper").unwrap_or_default();
        let temper = self.templates.render(&temper, asked.vars)?;
        Ok(Customer::new(Arc::clone(&self.customer), instructions)
            .with_temper(temper)
            .with_repeat(asked.repeat))
    }

    fn opening(&self, vars: &Vars) -> Result<Vec<ChatMessage>, String> {
        let written =
            vars.get("initialMessages").or_else(|| self.settings.0.get("initialMessages"));
        let listed = match written {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(Vec::new()),
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
            Some(other) => other.clone(),
        };
        let wrong = "`initialMessages` must be a list of {role, content}";
        let line = |message: &Value| {
            let text = message["content"].as_str().ok_or(wrong)?;
            let role = match message["role"].as_str().and_then(|role| role.parse().ok()) {
                Some(role @ (Role::User | Role::Assistant)) => role,
                Some(Role::System) | None => return Err(wrong.to_owned()),
            };
            Ok(ChatMessage { role, content: self.templates.render(text, vars)? })
        };
        listed.as_array().ok_or(wrong)?.iter().map(line).collect()
    }

    /// Sends the customer's last message to the target and records its answer.
    async fn answer(
        &self,
        asked: &TargetRequest<'_>,
        talk: &mut Talk,
    ) -> Result<(), Box<Response>> {
        let is_kept = self.settings.0.get("stateful").and_then(Value::as_bool) == Some(true);
        let told = if is_kept {
            &talk.lines[talk.lines.len().saturating_sub(1)..]
        } else {
            &talk.lines[..]
        };
        let system = ChatMessage { role: Role::System, content: asked.prompt.to_owned() };
        let messages: Vec<_> = std::iter::once(system).chain(told.iter().cloned()).collect();
        let prompt = json!(messages).to_string();
        let mut response = self.other.ask(&TargetRequest { prompt: &prompt, ..*asked }).await;
        talk.tokens += response.token_usage.unwrap_or_default();
        talk.cost += response.cost.unwrap_or_default();
        if response.error.is_some() || response.skipped.is_some() {
            return Err(Box::new(response));
        }
        talk.spans.extend(response.spans.take().unwrap_or_default());
        talk.turns.append(&mut response.turns);
        let content = text(&response.output);
        talk.lines.push(ChatMessage { role: Role::Assistant, content });
        talk.last = response;
        Ok(())
    }
}

fn text(output: &Value) -> String {
    match output {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn failed(error: String) -> Box<Response> {
    Box::new(Response { error: Some(error), ..Response::default() })
}

fn whole(talk: Talk) -> Response {
    let who = |line: &ChatMessage| match line.role {
        Role::User => "User",
        Role::Assistant | Role::System => "Assistant",
    };
    let shown: Vec<String> =
        talk.lines.iter().map(|line| format!("{}: {}", who(line), line.content)).collect();
    Response {
        output: shown.join("\n---\n").into(),
        token_usage: Some(talk.tokens),
        cost: Some(talk.cost),
        guardrails: talk.last.guardrails,
        metadata: json!({ "messages": talk.lines }),
        spans: Some(talk.spans).filter(|spans| !spans.is_empty()),
        turns: talk.turns,
        ..Response::default()
    }
}
