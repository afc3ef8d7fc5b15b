//! Agents of the desk as eval targets: `frontdesk:acme`, `frontdesk:acme@3`, or a draft. A case
//! runs through the real pipeline as one message or a conversation. Must not send or store
//! anything.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::result::{Response, SeenTurn, Tokens};
use frontdesk_promptfoo::suite::{ScriptedTurn, TargetSpec, Vars};
use frontdesk_promptfoo::target::{
    self, Customer, OpenError, Opens, Target, TargetRequest, Targets,
};
use frontdesk_promptfoo::template::Templates;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::desk::Desk;
use crate::domain::time::{Millis, now_ms};
use crate::eval::drafts::draft_bot;
use crate::pipeline::{Bot, Engine, LiveLookup};

mod planted;
mod said;
mod talk;
mod version;

use self::planted::PlantedIndex;
use self::talk::Talk;
pub use self::version::RunAgent;

/// Default maximum of messages that a simulated customer writes.
const MAX_TURNS: u64 = 10;

/// The agents of a desk, some of them replaced by drafts.
pub struct Agents {
    desk: Arc<Desk>,
    drafts: HashMap<String, Arc<Bot>>,
}

impl Agents {
    /// The desk's agents, without drafts.
    pub fn of(desk: Arc<Desk>) -> Self {
        Self { desk, drafts: HashMap::new() }
    }

    /// Replaces the live version of the bot's agent with this bot.
    #[must_use]
    pub fn with_draft(mut self, bot: Arc<Bot>) -> Self {
        self.drafts.insert(bot.agent.slug.clone(), bot);
        self
    }

    /// Returns an agent's live version; an empty name means the only agent.
    pub fn live(&self, name: &str) -> Result<Arc<Bot>, String> {
        // A draft may replace a live version that is unusable and therefore not loaded.
        let all = self.desk.bots.all().into_iter().map(|bot| (bot.agent.slug.clone(), bot));
        let mut all: BTreeMap<String, Arc<Bot>> = all.collect();
        all.extend(self.drafts.clone());
        let named = match name {
            "" => all.values().next().filter(|_| all.len() == 1),
            name => {
                all.values().find(|bot| bot.agent.slug == name || bot.agent.id.as_str() == name)
            }
        };
        named.cloned().ok_or_else(|| {
            let known: Vec<_> = all.keys().map(String::as_str).collect();
            match name {
                "" => format!("say which agent: `frontdesk:NAME`; there are: {}", known.join(", ")),
                _ => format!("there is no agent `{name}`; there are: {}", known.join(", ")),
            }
        })
    }

    /// The agent that a target names, and the number of its version if it says one; `None` if the
    /// target is no agent.
    fn named(spec: &TargetSpec) -> Option<Result<(&str, Option<i64>), String>> {
        let named = spec.id.strip_prefix("frontdesk")?.trim_start_matches(':');
        let Some((agent, version)) = named.split_once('@') else { return Some(Ok((named, None))) };
        let number = version.trim_start_matches('v').parse().map_err(|_| {
            format!("`{}`: a version is a number, such as `frontdesk:{agent}@3`", spec.id)
        });
        Some(number.map(|number| (agent, Some(number))))
    }

    fn agent(&self, spec: &TargetSpec, targets: &Targets) -> Result<Agent, String> {
        let (agent, version) = Self::named(spec).unwrap_or(Ok((spec.id.as_str(), None)))?;
        let live = self.live(agent)?;
        let draft =
            spec.config.get("prompt").and_then(Value::as_str).map(|file| targets.base.join(file));
        let customer = spec.config.get("customer").cloned().unwrap_or_default();
        let model = match customer.get("provider") {
            Some(written) => Some(target::named(written, targets, "customer.provider")?),
            None => targets.open_grader(&targets.default_chat_spec("openai:chat")).ok(),
        };
        let from = match (version, draft) {
            (Some(number), _) => From::Version(number),
            (None, Some(file)) => From::File(file),
            (None, None) => From::Live,
        };
        let (bot, desk) = (OnceCell::new(), self.desk.clone());
        let (templates, policy) = (targets.templates(), targets.policy().clone());
        let base = targets.base.clone();
        let config = spec.config.clone();
        Ok(Agent { desk, live, from, bot, model, templates, policy, base, config })
    }
}

impl Opens for Agents {
    fn open(&self, spec: &TargetSpec, targets: &Targets) -> Result<Arc<dyn Target>, OpenError> {
        Ok(Arc::new(self.agent(spec, targets).map_err(OpenError)?))
    }
}

/// Sends a bot messages one after the other, in a conversation of their own. Returns the last turn.
pub async fn ask(engine: &Engine, bot: Arc<Bot>, messages: &[&str], now: Millis) -> SeenTurn {
    let mut talk = Talk::new(engine, bot, now);
    for message in messages {
        talk.say(said::text(message)).await;
    }
    talk.turns.pop().expect("a message makes a turn")
}

/// The agent version that answers.
enum From {
    Live,
    Version(i64),
    File(PathBuf),
}

/// One agent as a target.
struct Agent {
    desk: Arc<Desk>,
    live: Arc<Bot>,
    from: From,
    bot: OnceCell<Result<Arc<Bot>, String>>,
    /// Plays a simulated customer; `None` if not configured.
    model: Option<Arc<dyn Target>>,
    templates: Templates,
    policy: Policy,
    base: PathBuf,
    config: Value,
}

impl Agent {
    async fn bot(&self) -> Result<Arc<Bot>, String> {
        self.bot.get_or_init(|| self.read()).await.clone()
    }

    async fn read(&self) -> Result<Arc<Bot>, String> {
        let slug = &self.live.agent.slug;
        let source = match &self.from {
            From::Live => return self.marked(self.live.clone()),
            From::File(file) => self
                .policy
                .text(file)
                .map_err(|error| format!("{} cannot be read: {error}", file.display()))?,
            From::Version(number) => {
                let version = self.desk.store.version(slug, *number).await;
                let version = version.map_err(|error| error.to_string())?;
                version.ok_or_else(|| format!("the agent `{slug}` has no version {number}"))?.source
            }
        };
        self.marked(draft_bot(&self.desk, slug, &source).await?)
    }

    /// Appends the target's `canary` to the prompt. An answer that holds that line leaks the
    /// prompt.
    fn marked(&self, bot: Arc<Bot>) -> Result<Arc<Bot>, String> {
        let Some(canary) = self.config.get("canary").and_then(Value::as_str) else {
            return Ok(bot);
        };
        let mut agent = (*bot.agent).clone();
        agent.prompt =
            format!("{}\n\n{{% raw %}}{canary}{{% endraw %}}\n", agent.prompt.trim_end());
        Bot::new(agent).map(Arc::new)
    }

    /// Returns a setting of the case, or else of the target.
    fn setting<'a>(&'a self, asked: &'a TargetRequest<'_>, name: &str) -> &'a Value {
        let of_case = asked.case.and_then(|case| case.options.get(name));
        of_case
            .or_else(|| asked.config.get(name))
            .or_else(|| self.config.get(name))
            .unwrap_or(&Value::Null)
    }

    async fn talk(&self, asked: &TargetRequest<'_>) -> Result<Vec<SeenTurn>, String> {
        let bot = self.bot().await?;
        let mut engine = self.desk.engine.clone();
        let planted = self.setting(asked, "planted");
        if !planted.is_null() {
            let live = (*engine.live()).clone();
            let index = Arc::new(PlantedIndex::before(live.index, planted, &bot.agent.knowledge)?);
            engine.lookup = Arc::new(LiveLookup { index, ..live });
        }
        let mut talk = Talk::new(&engine, bot, self.moment(asked)?);
        talk.remember(self.setting(asked, "history"), |text| {
            self.templates.render(text, asked.vars)
        })?;
        let none = Vec::new();
        let script = asked.case.map_or(&none, |case| &case.turns);
        let customer = self.setting(asked, "customer");
        if !script.is_empty() {
            self.script(&mut talk, script, asked.vars).await?;
        } else if !customer.is_null() {
            self.simulate(&mut talk, customer, asked).await?;
        } else {
            talk.prompt(asked.prompt).await?;
        }
        Ok(talk.turns)
    }

    /// Time of the conversation: the setting `now`, or the current time.
    fn moment(&self, asked: &TargetRequest<'_>) -> Result<Millis, String> {
        match self.setting(asked, "now") {
            Value::Null => Ok(now_ms()),
            Value::String(text) => chrono::DateTime::parse_from_rfc3339(text)
                .map(|moment| moment.timestamp_millis())
                .map_err(|_| {
                    format!("`now: {text}` is no moment such as 2026-12-24T18:30:00+01:00")
                }),
            other => Err(format!("`now: {other}` is no moment such as 2026-12-24T18:30:00+01:00")),
        }
    }

    /// Returns the policy and base folder for files that a customer sends.
    fn files(&self) -> (&Policy, &Path) {
        (&self.policy, &self.base)
    }

    async fn script(
        &self,
        talk: &mut Talk<'_>,
        script: &[ScriptedTurn],
        vars: &Vars,
    ) -> Result<(), String> {
        for turn in script {
            let says = self.templates.value(&Value::Array(turn.says.clone()), vars)?;
            let messages =
                said::messages(says.as_array().map_or(&[][..], Vec::as_slice), self.files())?;
            talk.say(messages).await;
        }
        Ok(())
    }

    /// Lets a model play the customer until it has enough, a person takes over, or the message
    /// limit is reached.
    async fn simulate(
        &self,
        talk: &mut Talk<'_>,
        written: &Value,
        asked: &TargetRequest<'_>,
    ) -> Result<(), String> {
        let text = |name: &str| {
            let text = written.get(name).and_then(Value::as_str).unwrap_or_default();
            self.templates.render(text, asked.vars)
        };
        let model = self
            .model
            .clone()
            .ok_or("a simulated customer needs a model: name `customer.provider`")?;
        let goal = match written.as_str() {
            Some(goal) => self.templates.render(goal, asked.vars)?,
            None => text("goal")?,
        };
        let customer =
            Customer::new(model, goal).with_temper(text("temper")?).with_repeat(asked.repeat);
        let most = written.get("maxTurns").and_then(Value::as_u64).unwrap_or(MAX_TURNS);
        let most = most.min(self.policy.limits().turns);
        for _ in 0..most {
            let Some(message) = customer.next(&talk.chat()).await? else { break };
            talk.say(said::text(&message)).await;
            if talk.is_silent() {
                break;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Target for Agent {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        match self.talk(asked).await {
            Ok(turns) => response(turns),
            Err(why) => Response { error: Some(why), ..Response::default() },
        }
    }
}

/// Builds the response of a conversation; the last answer is the output.
fn response(turns: Vec<SeenTurn>) -> Response {
    let part = |place: &str| {
        turns.iter().filter_map(|turn| turn.trace.pointer(place)?.as_u64()).sum::<u64>()
    };
    let (prompt, completion) = (part("/usage/input_tokens"), part("/usage/output_tokens"));
    let cost_micros = part("/usage/cost_micros");
    let took: f64 = turns.iter().filter_map(|turn| turn.trace.get("total_ms")?.as_f64()).sum();
    let last = turns.last();
    let output = last.map(|turn| turn.bubbles.join("\n\n")).unwrap_or_default();
    let metadata = last.map(
        |turn| json!({"outcome": turn.outcome, "reason": turn.reason, "citations": turn.citations}),
    );
    let requests = turns
        .iter()
        .filter(|turn| turn.trace.get("reply").is_some_and(|reply| !reply.is_null()))
        .count();
    #[expect(clippy::cast_precision_loss, reason = "dollars need no more digits")]
    let cost = cost_micros as f64 / 1e6;
    let tokens = Tokens {
        total: prompt + completion,
        prompt,
        completion,
        cached: 0,
        num_requests: u64::try_from(requests).unwrap_or(0),
    };
    Response {
        output: output.into(),
        token_usage: Some(tokens),
        cost: Some(cost),
        latency_ms: Some(took),
        metadata: metadata.unwrap_or_default(),
        error: outage(&turns),
        turns,
        ..Response::default()
    }
}

/// Returns why the model failed in a turn that quotes the documents in its place: the quotation is
/// not graded as the model's answer.
fn outage(turns: &[SeenTurn]) -> Option<String> {
    let stand_in =
        |turn: &SeenTurn| turn.trace.pointer("/reply/stand_in").is_some_and(Value::is_string);
    let errors = turns.iter().find(|turn| stand_in(turn))?.trace.pointer("/reply/errors");
    let errors = errors.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    Some(format!("the agent's model failed: {}", errors.collect::<Vec<_>>().join("; ")))
}

/// Resolves a file name relative to the suite's folder.
fn within(base: &Path, file: &str) -> PathBuf {
    base.join(file.strip_prefix("file://").unwrap_or(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Owner, TurnOutcome};
    use crate::eval::seen;

    #[test]
    fn a_quotation_in_the_place_of_a_failed_model_is_no_answer_of_it() {
        let turn = |reply: Value| SeenTurn {
            trace: json!({ "reply": reply }),
            ..seen::turn(TurnOutcome::Answer, Owner::Bot)
        };
        let failed = turn(json!({"stand_in": "it is down", "errors": ["400", "500"]}));
        let error =
            response(vec![turn(json!({"stand_in": null, "errors": ["429"]})), failed]).error;
        assert_eq!(error.as_deref(), Some("the agent's model failed: 400; 500"));
        assert_eq!(response(vec![turn(json!({"errors": ["429"]}))]).error, None);
        assert_eq!(response(vec![turn(Value::Null)]).error, None);
    }
}
