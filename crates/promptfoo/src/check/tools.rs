//! `is-valid-function-call`, `is-valid-openai-function-call`, `is-valid-openai-tools-call`: calls
//! that match the target's tools. As in promptfoo, `not-` has no effect; in strict mode it is an
//! error.

use serde_json::Value;

use super::GradingResult;
use super::prepare::PreparedAssertion;

/// The definitions of `tools` or `functions`: those of the case's options, its own target, the
/// response's metadata or the assertion; the first that are there.
fn definitions(given: &PreparedAssertion<'_>, name: &str) -> Value {
    let case = given.ctx.case;
    let places = [
        case.options.get(name),
        case.options.get("config").map(|config| &config[name]),
        case.provider.as_ref().map(|target| &target.config[name]),
        Some(&given.ctx.response.metadata[name]),
        Some(&given.assertion.field("config")[name]),
    ];
    places.into_iter().flatten().find(|value| value.is_array()).cloned().unwrap_or(Value::Null)
}

fn refuses_not(given: &PreparedAssertion<'_>) -> Option<GradingResult> {
    (given.inverse() && given.ctx.grading.strict).then(|| {
        let name = given.assertion.name();
        GradingResult::failed(format!("`not-` changes nothing here (promptfoo ignores it): {name}"))
    })
}

pub(super) fn is_valid_function_call(given: &PreparedAssertion<'_>) -> GradingResult {
    if let Some(refused) = refuses_not(given) {
        return refused;
    }
    let output = object(&given.output);
    let call = if output["function_call"].is_object() { &output["function_call"] } else { &output };
    let functions = definitions(given, "functions");
    verdict(fits(
        call,
        functions.as_array().map_or(&[], Vec::as_slice),
        "OpenAI did not return a valid-looking function call",
    ))
}

pub(super) fn is_valid_tools_call(given: &PreparedAssertion<'_>) -> GradingResult {
    if let Some(refused) = refuses_not(given) {
        return refused;
    }
    if let Some(graded) = of_server(&given.text) {
        return graded;
    }
    let output = object(&given.output);
    let calls = if output["tool_calls"].is_null() { &output } else { &output["tool_calls"] };
    let looks = |call: &Value| {
        call["function"]["name"].is_string() && call["function"]["arguments"].is_string()
    };
    let Some(all) = calls.as_array().filter(|all| !all.is_empty() && all.iter().all(looks)) else {
        return GradingResult::failed(format!(
            "OpenAI did not return a valid-looking tools response: {calls}"
        ));
    };
    let tools = definitions(given, "tools");
    let Some(tools) = tools.as_array() else {
        return GradingResult::failed(
            "No tools configured in provider, but output contains tool calls",
        );
    };
    let functions: Vec<Value> = tools
        .iter()
        .filter(|tool| tool["type"] == "function" && tool["function"].is_object())
        .map(|tool| tool["function"].clone())
        .collect();
    let tried = all.iter().try_for_each(|call| fits(&call["function"], &functions, "a tool call"));
    verdict(tried)
}

/// The result of an MCP tool call, when the text reports one.
fn of_server(text: &str) -> Option<GradingResult> {
    let named = |mark: &str| -> Option<(String, String)> {
        let rest = text.split_once(mark)?.1.strip_prefix(" (")?;
        let (name, rest) = rest.split_once(')')?;
        let rest = rest.trim_start_matches(':').trim_start();
        Some((name.to_owned(), rest.lines().next().unwrap_or_default().to_owned()))
    };
    let unknown = || ("unknown".to_owned(), "unknown error".to_owned());
    if text.contains("MCP Tool Error") {
        let (name, why) = named("MCP Tool Error").unwrap_or_else(unknown);
        return Some(GradingResult::failed(format!("MCP tool call failed for {name}: {why}")));
    }
    text.contains("MCP Tool Result").then(|| {
        let (name, _) = named("MCP Tool Result").unwrap_or_else(unknown);
        GradingResult::scored(true, 1.0, format!("MCP tool call succeeded for {name}"))
    })
}

fn object(output: &Value) -> Value {
    let parsed = output.as_str().and_then(|text| serde_json::from_str(text).ok());
    parsed.unwrap_or_else(|| output.clone())
}

fn verdict(tried: Result<(), String>) -> GradingResult {
    tried.map_or_else(GradingResult::failed, |()| GradingResult::passed())
}

/// Checks that a call names one of the functions and that its arguments match the schema.
fn fits(call: &Value, functions: &[Value], what: &str) -> Result<(), String> {
    let (Some(name), Some(arguments)) = (call["name"].as_str(), call["arguments"].as_str()) else {
        return Err(format!("{what}: {call}"));
    };
    let function = functions.iter().find(|function| function["name"] == name);
    let function = function
        .ok_or_else(|| format!("Called \"{name}\", but there is no function with that name"))?;
    let arguments: Value = serde_json::from_str(arguments)
        .map_err(|error| format!("Call to \"{name}\": the arguments are not JSON: {error}"))?;
    let parameters = &function["parameters"];
    if parameters.is_null() {
        return Ok(());
    }
    let schema = jsonschema::validator_for(parameters)
        .map_err(|error| format!("the parameters of \"{name}\" are no JSON schema: {error}"))?;
    schema
        .validate(&arguments)
        .map_err(|error| format!("Call to \"{name}\" does not match schema: {error}"))
}
