//! Targets of suites, the cache of their answers, and model-graded assertions, with a fake endpoint
//! and a fake grader.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use frontdesk_promptfoo::check::{CaseContext, GradingContext, Types};
use frontdesk_promptfoo::judge::{judge, select_best};
use frontdesk_promptfoo::policy::Policy;
use frontdesk_promptfoo::result::{GradingResult, Response, Tokens};
use frontdesk_promptfoo::script::Scripts;
use frontdesk_promptfoo::suite::{Assertion, Case, TargetSpec, Vars};
use frontdesk_promptfoo::target::{
    AskError, Cache, Embeds, OpenError, Opens, Target, TargetRequest, Targets,
};
use frontdesk_promptfoo::template::Templates;
use serde_json::{Value, json};

use crate::support::fake::Failure;
use crate::support::openai::OpenAi;

/// A grader with scripted answers: `config.reply`, or the first of `config.replies` whose `match`
/// occurs in the prompt.
struct Double(Value);

#[async_trait]
impl Target for Double {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        let replies = self.0["replies"].as_array().cloned().unwrap_or_default();
        let meant = |reply: &&Value| asked.prompt.contains(reply["match"].as_str().unwrap());
        let found = replies.iter().find(meant).map_or(&self.0["reply"], |reply| &reply["reply"]);
        Response { output: found.clone(), ..Response::default() }
    }

    fn embeds(&self) -> Option<&dyn Embeds> {
        Some(self)
    }
}

#[async_trait]
impl Embeds for Double {
    async fn embed(&self, text: &str) -> Result<(Vec<f64>, Tokens, f64), AskError> {
        let text = text.to_lowercase();
        let count = |letter: char| f64::from(u32::try_from(text.matches(letter).count()).unwrap());
        Ok((('a'..='z').map(count).collect(), Tokens::default(), 0.0))
    }
}

struct Doubles;

impl Opens for Doubles {
    fn open(&self, spec: &TargetSpec, _: &Targets) -> Result<Arc<dyn Target>, OpenError> {
        Ok(Arc::new(Double(spec.config.clone())))
    }
}

fn targets(env: &Value) -> Targets {
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut env = env.as_object().unwrap().clone();
    env.entry("OPENAI_API_KEY").or_insert_with(|| "".into());
    let scripts = Scripts::new(&Policy::command_line(), Path::new("."), &env);
    let mut targets = Targets::new(".".into(), env, Arc::new(scripts));
    targets.frontdesk_opener = Some(Arc::new(Doubles));
    targets
}

fn grading(targets: Targets) -> GradingContext {
    GradingContext {
        base: ".".into(),
        templates: Templates::default(),
        scripts: Arc::clone(&targets.scripts),
        targets: Arc::new(targets),
        grader: None,
        types: Types::default(),
        strict: false,
    }
}

fn assertion(raw: &Value) -> Assertion {
    let name = raw["type"].as_str().unwrap();
    let kind = name.strip_prefix("not-").unwrap_or(name);
    Assertion {
        kind: kind.into(),
        negated: kind != name,
        value: raw["value"].clone(),
        threshold: raw["threshold"].as_f64(),
        weight: 1.0,
        raw: raw.clone(),
        ..Assertion::default()
    }
}

fn spec(id: &str, config: Value) -> TargetSpec {
    TargetSpec { id: id.into(), config, ..TargetSpec::default() }
}

/// Grades one answer.
async fn judged(
    grading: &GradingContext,
    raw: &Value,
    output: &str,
    prompt: &str,
    case: &Case,
) -> GradingResult {
    let (assertion, output, response) = (assertion(raw), Value::from(output), Response::default());
    let (vars, latency_ms) = (&case.vars, None);
    let ctx = CaseContext {
        output: &output,
        prompt,
        vars,
        case,
        response: &response,
        latency_ms,
        grading,
    };
    judge(&assertion, ctx).await
}

/// Grades one answer by a rubric, with a grader that gives this reply.
async fn by(grading: &GradingContext, kind: &str, said: &str) -> GradingResult {
    let provider = json!({"id": "frontdesk:double", "config": {"reply": said}});
    let raw = json!({"type": kind, "value": "It is polite", "provider": provider});
    judged(grading, &raw, "Hello", "Say hello", &Case::default()).await
}

async fn ask(target: &dyn Target, prompt: &str, repeat: usize) -> Response {
    let (vars, config) = (Vars::new(), Value::Null);
    target.ask(&TargetRequest { prompt, vars: &vars, case: None, config: &config, repeat }).await
}

#[tokio::test]
async fn graded_rows_come_out_as_they_do_elsewhere() {
    let rows =
        include_str!("graders/conformance.json").replace("file://grader.cjs", "frontdesk:double");
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    assert_eq!(rows.len(), 69);
    let grading = grading(targets(&json!({})));
    let mut wrong = Vec::new();
    for row in &rows {
        let (test, expected) = (&row["test"], &row["components"][0]);
        let case = Case {
            vars: test["vars"].as_object().unwrap().clone(),
            options: test["options"].as_object().cloned().unwrap_or_default(),
            ..Case::default()
        };
        let output = test["providerOutput"].as_str().unwrap();
        let prompt = row["prompt"].as_str().unwrap();
        let found = judged(&grading, &test["assert"][0], output, prompt, &case).await;
        let near = (found.score - expected["score"].as_f64().unwrap()).abs() < 1e-9;
        if found.pass != expected["pass"] || !near || found.reason != expected["reason"] {
            wrong.push(format!("{}: {found:?}\n  is to be {expected}", test["description"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn nonsense_fails_both_forms_and_is_shown() {
    let mut grading = grading(targets(&json!({})));
    for kind in
        ["llm-rubric", "not-llm-rubric", "g-eval", "not-g-eval", "not-conversation-relevance"]
    {
        let graded = by(&grading, kind, "I would rather not").await;
        assert!(!graded.pass, "{kind}: {graded:?}");
        assert_eq!(graded.metadata["graderSaid"], "I would rather not", "{kind}");
    }
    grading.strict = true;
    assert!(
        by(&grading, "llm-rubric", "I would rather not")
            .await
            .reason
            .contains("I would rather not")
    );
    let ignored = by(&grading, "not-factuality", "{\"category\":\"A\",\"reason\":\"x\"}").await;
    assert!(!ignored.pass && ignored.reason.contains("ignored"), "{ignored:?}");
}

#[tokio::test]
async fn without_a_grader_it_is_skipped() {
    let grading = grading(targets(&json!({})));
    for kind in ["llm-rubric", "similar", "moderation", "factuality", "pi", "classifier"] {
        let raw = json!({"type": kind, "value": "x"});
        let raw = if kind == "moderation" { json!({"type": kind}) } else { raw };
        let graded = judged(&grading, &raw, "Hello", "Say hello", &Case::default()).await;
        assert!(graded.skipped.is_some() && !graded.pass, "{kind}: {graded:?}");
    }
    let graded =
        judged(&grading, &json!({"type": "llm-rubric", "value": "x"}), "a", "b", &Case::default())
            .await;
    assert!(graded.reason.contains("--grader"), "{}", graded.reason);
}

#[tokio::test]
async fn the_best_of_several_is_chosen_and_the_others_fail() {
    let grading = grading(targets(&json!({})));
    let chosen = |said: &'static str| {
        let grading = &grading;
        async move {
            let raw = json!({"type": "select-best", "value": "short", "provider": {"id": "frontdesk:double", "config": {"reply": said}}});
            let outputs = [json!("a"), json!("b")];
            let all =
                select_best(&assertion(&raw), &Case::default(), &Vars::new(), &outputs, grading)
                    .await;
            all.iter().map(|graded| graded.pass).collect::<Vec<_>>()
        }
    };
    assert_eq!(chosen("1").await, [false, true]);
    assert_eq!(chosen("none").await, [false, false]);
    assert_eq!(chosen("7").await, [false, false]);
}

#[tokio::test]
async fn openai_is_asked_again_when_it_is_busy_and_errors_hold_no_key() {
    let server = OpenAi::start().await;
    server.require_key("sk-very-secret");
    let opened = |key: &str, config: Value| {
        let env = json!({"OPENAI_API_KEY": key, "OPENAI_BASE_URL": server.url});
        targets(&env).open(&spec("openai:chat:gpt-4o-mini", config)).unwrap()
    };
    server.fail_next(1, &Failure::Status(429, json!({"error": {"message": "slow down"}}), Some(0)));
    let response = ask(&*opened("sk-very-secret", json!({"seed": 7})), "hi", 0).await;
    assert_eq!(response.output, "ANSWER: hi", "{response:?}");
    assert_eq!(response.finish_reason.as_deref(), Some("stop"));
    assert!(response.cost.unwrap() > 0.0 && response.token_usage.unwrap().total > 0);
    assert_eq!(server.requests()[0]["seed"], 7);

    let refused = ask(&*opened("sk-not-the-key", json!({})), "hi", 0).await;
    let error = refused.error.unwrap();
    assert!(error.contains("401") && !error.contains("sk-not"), "{error}");
    let missing = targets(&json!({})).open(&spec("openai:gpt-4o", Value::Null)).unwrap();
    assert!(ask(&*missing, "hi", 0).await.error.unwrap().contains("OPENAI_API_KEY"));
    let missing = targets(&json!({})).open(&spec("openai:embeddings:small", Value::Null)).unwrap();
    let refused = missing.embeds().unwrap().embed("hi").await;
    assert!(matches!(refused, Err(AskError::Unusable(why)) if why.contains("OPENAI_API_KEY")));
}

#[tokio::test]
async fn a_known_answer_asks_nobody_and_a_changed_question_does() {
    let server = OpenAi::start().await;
    let folder = tempfile::tempdir().unwrap();
    let opened = |temperature: f64, key: &str| {
        let mut all = targets(&json!({"OPENAI_BASE_URL": server.url}));
        all.cache = Some(Arc::new(Cache::new(folder.path())));
        all.open(&spec("openai:gpt-4o", json!({"temperature": temperature, "apiKey": key})))
            .unwrap()
    };
    let first = ask(&*opened(0.0, "a"), "hi", 0).await;
    let again = ask(&*opened(0.0, "another key"), "hi", 0).await;
    assert_eq!((first.cached, again.cached, server.chat_count()), (false, true, 1));
    assert_eq!(again.output, first.output);
    let tokens = again.token_usage.unwrap();
    assert_eq!((tokens.cached, tokens.prompt, tokens.num_requests), (tokens.total, 0, 0));
    ask(&*opened(0.5, "a"), "hi", 0).await;
    ask(&*opened(0.0, "a"), "hi", 1).await;
    ask(&*opened(0.0, "a"), "ho", 0).await;
    assert_eq!(server.chat_count(), 4);

    server.fail_next(1, &Failure::Status(400, json!({"error": {"message": "no"}}), None));
    assert!(ask(&*opened(0.0, "a"), "new", 0).await.error.is_some());
    assert!(ask(&*opened(0.0, "a"), "new", 0).await.error.is_none());
}

#[tokio::test]
async fn a_grader_that_takes_too_long_fails_the_judgement() {
    let server = OpenAi::start().await;
    server.delay(Duration::from_secs(20));
    let grading = grading(targets(&json!({})));
    let config = json!({"apiBaseUrl": server.url, "timeoutMs": 100, "maxRetries": 0});
    let raw = json!({"type": "not-llm-rubric", "value": "x", "provider": {"id": "openai:gpt-4o", "config": config}});
    let graded = judged(&grading, &raw, "Hello", "Say hello", &Case::default()).await;
    assert!(!graded.pass && graded.reason.contains("100 ms"), "{graded:?}");
}

#[tokio::test]
async fn what_grading_took_is_told() {
    let server = OpenAi::start().await;
    server.answer_with(|_| {
        "```json\n{\"pass\": true, \"score\": 0.9, \"reason\": \"fine\"}\n```".into()
    });
    let env = json!({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": server.url});
    let raw = json!({"type": "llm-rubric", "value": "It says {{word}}"});
    let graded =
        judged(&grading(targets(&env)), &raw, "Hello", "Say hello", &Case::default()).await;
    assert!(graded.pass && graded.tokens_used.unwrap().total > 0, "{graded:?}");
    assert!(graded.metadata["cost"].as_f64().unwrap() > 0.0);
    let prompt = server.requests()[0]["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(prompt.contains("It says {{word}}") && prompt.contains("Hello"), "{prompt}");
}

#[tokio::test]
async fn http_fills_its_body_and_finds_the_answer() {
    let server = OpenAi::start().await;
    let config = json!({
        "url": format!("{}/chat/completions", server.url),
        "headers": {"X-Who": "{{who}}"},
        "body": {"model": "m", "messages": [{"role": "user", "content": "{{prompt}}"}]},
        "transformResponse": "json.choices[0].message.content",
    });
    let all = targets(&json!({}));
    let target = all.open(&spec("http", config.clone())).unwrap();
    server.fail_next(1, &Failure::Status(503, json!({}), Some(0)));
    assert_eq!(ask(&*target, "hi \"there\"", 0).await.output, "ANSWER: hi \"there\"");
    let mut wrong = config;
    wrong["transformResponse"] = "json.nothing".into();
    let found = ask(&*all.open(&spec("http", wrong)).unwrap(), "hi", 0).await;
    assert!(found.error.unwrap().contains("finds nothing"));
    let away = all.open(&spec("http://127.0.0.1:1/?key=secret", json!({"maxRetries": 0}))).unwrap();
    let error = ask(&*away, "hi", 0).await.error.unwrap();
    assert!(error.contains("cannot connect") && !error.contains("secret"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_answers_or_is_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("exec:sh {}", path.display())
    };
    let all = targets(&json!({"GREETING": "hello"}));
    let id = script("a.sh", "echo \"$GREETING $1\"; echo \"$2\" | grep -c config >/dev/null");
    assert_eq!(ask(&*all.open(&spec(&id, json!({}))).unwrap(), "you", 0).await.output, "hello you");

    let left = folder.path().join("left");
    let id = script("b.sh", &format!("(sleep 2; touch {}) & wait", left.display()));
    let slow = ask(&*all.open(&spec(&id, json!({"timeoutMs": 200}))).unwrap(), "x", 0).await;
    assert!(slow.error.unwrap().contains("200 ms"));
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(!left.exists(), "a child lived on");

    let id = script("c.sh", "echo broken >&2; exit 3");
    let error = ask(&*all.open(&spec(&id, json!({}))).unwrap(), "x", 0).await.error.unwrap();
    assert!(error.contains("broken") && error.contains('3'), "{error}");
    let gone = all.open(&spec("exec:/no/such/program", json!({}))).unwrap();
    assert!(ask(&*gone, "x", 0).await.error.unwrap().contains("no program"));
}

#[tokio::test]
async fn a_simulated_customer_talks_until_it_stops() {
    let server = OpenAi::start().await;
    server.answer_with(|request| {
        let turns = request["messages"].as_array().unwrap().len();
        if turns > 4 { "###STOP###".into() } else { format!("turn {turns}") }
    });
    let config = json!({
        "instructions": "You want {{wish}}",
        "provider": {"id": "openai:gpt-4o", "config": {"apiBaseUrl": server.url}},
        "target": {"id": "frontdesk:double", "config": {"reply": "certainly"}},
    });
    let target = targets(&json!({})).open(&spec("promptfoo:simulated-user", config)).unwrap();
    let vars = json!({"wish": "a refund"}).as_object().unwrap().clone();
    let config = Value::Null;
    let asked = TargetRequest {
        prompt: "You are a shop.",
        vars: &vars,
        case: None,
        config: &config,
        repeat: 0,
    };
    let response = target.ask(&asked).await;
    assert_eq!(response.error, None);
    let expected =
        "User: turn 2\n---\nAssistant: certainly\n---\nUser: turn 4\n---\nAssistant: certainly";
    assert_eq!(response.output, expected);
    assert!(server.requests()[0]["messages"][0]["content"].as_str().unwrap().contains("a refund"));
}

#[test]
fn an_unknown_id_is_answered_with_the_nearest() {
    let error = targets(&json!({})).open(&spec("opnai:gpt-4o", Value::Null)).err().unwrap();
    assert!(error.contains("did you mean `openai:gpt-4o`?"), "{error}");
}
