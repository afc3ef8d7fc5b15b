//! Steps of an agent, read from the spans of a trace: tools, commands, searches, reasoning,
//! messages.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::text::written;
use super::trace::{in_order, matches};
use crate::result::{Span, StepKind};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) kind: StepKind,
    pub(super) name: String,
    /// All names under which a matcher finds the step.
    aliases: Vec<String>,
    pub(super) args: Option<Value>,
}

impl Step {
    /// The step as `kind:name`, for reasons.
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.kind, self.name)
    }
}

/// Matches steps by kind and by a name pattern.
#[derive(Debug, Clone, Default)]
pub(super) struct StepMatcher {
    /// Kinds as written in the suite; one that is not a [`StepKind`] matches no step.
    kinds: Vec<String>,
    pattern: Option<String>,
}

impl StepMatcher {
    /// Reads a name, or `{name|pattern, type}`; `kind` is the default type.
    pub(super) fn read(value: &Value, kind: Option<StepKind>) -> Self {
        let text =
            |name: &str| value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let kinds = match &value["type"] {
            Value::Array(all) => all.iter().map(written).collect(),
            Value::String(one) => vec![one.clone()],
            _ => kind.iter().map(ToString::to_string).collect(),
        };
        let pattern =
            value.as_str().map(str::to_owned).or_else(|| text("pattern")).or_else(|| text("name"));
        Self { kinds, pattern }
    }

    pub(super) fn pattern(&self) -> Option<&str> {
        self.pattern.as_deref()
    }

    /// The pattern, or `*` when there is none.
    pub(super) fn label(&self) -> &str {
        self.pattern().unwrap_or("*")
    }

    /// The kinds, joined for reasons.
    pub(super) fn kinds(&self) -> String {
        self.kinds.join("|")
    }

    pub(super) fn fits(&self, step: &Step) -> bool {
        let kind =
            self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == step.kind.as_str());
        kind && self
            .pattern()
            .is_none_or(|pattern| step.aliases.iter().any(|alias| matches(alias, pattern)))
    }
}

const TOOL_NAMES: &[&str] = &[
    "tool.name",
    "tool_name",
    "tool",
    "function.name",
    "function_name",
    "ai.toolCall.name",
    "gen_ai.tool.name",
    "agent.tool_name",
    "agent.tool",
    "agent.toolName",
    "codex.mcp.tool",
];
const TOOL_ARGUMENTS: &[&str] = &[
    "tool.args",
    "tool.arguments",
    "tool.input",
    "tool_args",
    "tool_arguments",
    "tool_input",
    "function.args",
    "function.arguments",
    "function.input",
    "function_args",
    "function_arguments",
    "ai.toolCall.args",
    "ai.toolCall.arguments",
    "ai.toolCall.input",
    "gen_ai.tool.args",
    "gen_ai.tool.arguments",
    "gen_ai.tool.input",
    "gen_ai.tool.call.args",
    "gen_ai.tool.call.arguments",
    "agent.tool.args",
    "agent.tool.arguments",
    "agent.tool.input",
    "codex.mcp.args",
    "codex.mcp.arguments",
    "codex.mcp.input",
    "args",
    "arguments",
    "input",
];
const COMMANDS: &[&str] = &["codex.command", "command", "command.name", "command_name"];
const SEARCHES: &[&str] = &["codex.search.query", "search.query", "search_query"];
const SHELLS: &[&str] = &["exec_command", "local_shell", "shell"];

static TOOL_NAME: LazyLock<Regex> = LazyLock::new(|| pattern("(?i)tool.?name|function.?name"));
static TOOL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)(^|[._])tool($|[._])"));
static ARGUMENTS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(^|[._])(arguments|args|input)($|[._])"));
static OUTCOME: LazyLock<Regex> =
    LazyLock::new(|| pattern("(?i)result|output|error|status|definition"));
static SEARCH_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(^|[\s._:/-])(search|find|lookup|retriev(?:e|al))($|[\s._:/-])")
});
static SEARCH_KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(^|[._])(search|lookup|retriev(?:e|al))($|[._])"));
static REASONING: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^reasoning([_\s]|$)"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is right")
}

pub(super) fn steps(spans: &[Span]) -> Vec<Step> {
    in_order(spans).into_iter().map(step).collect()
}

fn first(attributes: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let texts = names.iter().filter_map(|name| attributes.get(*name)?.as_str());
    texts.map(str::trim).find(|text| !text.is_empty()).map(str::to_owned)
}

fn step(span: &Span) -> Step {
    let tool = tool(span);
    let args = arguments(span);
    let shell = tool.as_deref().is_some_and(|tool| SHELLS.contains(&tool.to_lowercase().as_str()));
    let command = command(span, shell, args.as_ref());
    let executable =
        |command: &str| command.split_whitespace().next().unwrap_or_default().to_owned();
    let item = span.attributes.get("codex.item.type").and_then(Value::as_str);
    let (kind, name, more, args) = match (command, tool, search(span)) {
        (Some(command), Some(tool), _) if shell => {
            let aliases = vec![command.clone(), tool, executable(&command)];
            (StepKind::Command, command, aliases, args)
        }
        (_, Some(tool), _) => (StepKind::Tool, tool.clone(), vec![tool], args),
        (Some(command), None, _) => {
            let aliases = vec![command.clone(), executable(&command)];
            (StepKind::Command, command, aliases, None)
        }
        (None, None, Some(query)) => (StepKind::Search, query.clone(), vec![query], None),
        _ if item == Some("reasoning") || REASONING.is_match(&span.name) => {
            (StepKind::Reasoning, span.name.clone(), vec![StepKind::Reasoning.to_string()], None)
        }
        _ if item == Some("agent_message")
            || matches!(span.name.as_str(), "agent response" | "send input") =>
        {
            (StepKind::Message, span.name.clone(), vec![StepKind::Message.to_string()], None)
        }
        _ => (StepKind::Span, span.name.clone(), Vec::new(), None),
    };
    let aliases = std::iter::once(span.name.clone()).chain(more).collect();
    Step { kind, name, aliases, args }
}

fn tool(span: &Span) -> Option<String> {
    let named = first(&span.attributes, TOOL_NAMES).or_else(|| {
        let fits = |(key, value): (&String, &Value)| {
            let text = value.as_str()?.trim();
            let usable = !text.is_empty() && !text.starts_with(['{', '[']);
            let about = TOOL_NAME.is_match(key) || TOOL.is_match(key) && !OUTCOME.is_match(key);
            (usable && about).then(|| text.to_owned())
        };
        span.attributes.iter().find_map(fits)
    });
    named.or_else(|| {
        let name = span.name.strip_prefix("mcp ")?.rsplit_once('/')?.1.trim();
        (!name.is_empty()).then(|| name.to_owned())
    })
}

fn arguments(span: &Span) -> Option<Value> {
    let read = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => {
            Some(serde_json::from_str(text.trim()).unwrap_or_else(|_| text.trim().into()))
        }
        other => Some(other.clone()),
    };
    let known = TOOL_ARGUMENTS.iter().find_map(|name| read(span.attributes.get(*name)?));
    known.or_else(|| {
        let about = |key: &str| ARGUMENTS.is_match(key) && !OUTCOME.is_match(key);
        span.attributes.iter().filter(|(key, _)| about(key)).find_map(|(_, value)| read(value))
    })
}

fn command(span: &Span, shell: bool, args: Option<&Value>) -> Option<String> {
    let about = |(key, value): (&String, &Value)| {
        let key = key.to_lowercase();
        let text = value.as_str()?.trim();
        let fits = key.contains("command") && !key.contains("output") && !key.contains("result");
        (fits && !text.is_empty()).then(|| text.to_owned())
    };
    let direct =
        first(&span.attributes, COMMANDS).or_else(|| span.attributes.iter().find_map(about));
    let of_shell = || {
        let args = args.filter(|_| shell)?;
        let places = [("cmd", " "), ("command", " "), ("commands", "; ")];
        let (value, between) =
            places.iter().find_map(|(name, between)| Some((args.get(*name)?, *between)))?;
        let text = match value {
            Value::Array(parts) => parts.iter().map(written).collect::<Vec<_>>().join(between),
            other => other.as_str()?.trim().to_owned(),
        };
        (!text.is_empty()).then_some(text)
    };
    direct
        .or_else(of_shell)
        .or_else(|| span.name.strip_prefix("exec ").map(|text| text.trim().to_owned()))
}

fn search(span: &Span) -> Option<String> {
    let searches = || {
        let keys = || span.attributes.keys().any(|key| key != "query" && SEARCH_KEY.is_match(key));
        SEARCH_NAME.is_match(&span.name) || keys()
    };
    let query = || first(&span.attributes, &["query"]).filter(|_| searches());
    let named =
        || span.name.strip_prefix("search ").map(|text| text.trim_matches('"').trim().to_owned());
    first(&span.attributes, SEARCHES).or_else(query).or_else(named)
}
