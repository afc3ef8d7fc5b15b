//! Any HTTP endpoint as target: URL, method, headers and body are templates, and an expression
//! extracts the answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::answer::of_value;
use super::settings::Settings;
use super::{Target, TargetRequest, Targets};
use crate::policy::Permit;
use crate::result::Response;
use crate::script::{self, Script, Scripts};
use crate::spec::{TargetSpec, Vars};
use crate::template::Templates;

/// Maximum size of a response that is read, in bytes.
const MAX_LEN: usize = 16 * 1024 * 1024;
/// Maximum wait between two attempts.
const MAX_WAIT: Duration = Duration::from_mins(1);

struct Http {
    url: String,
    settings: Settings,
    client: Client,
    templates: Templates,
    scripts: Arc<Scripts>,
    base: std::path::PathBuf,
}

pub(super) fn open(
    spec: &TargetSpec,
    targets: &Targets,
    permit: Permit,
) -> Result<Arc<dyn Target>, String> {
    let settings = Settings::of(&spec.config, &Value::Null);
    if settings.0.contains_key("request") {
        return Err("`config.request` (a whole request as text) is not understood: write url, method, headers and body".into());
    }
    let of_id = spec.id.contains("://").then(|| spec.id.clone());
    let url = settings.text("url").or(of_id).ok_or("an `http` provider needs `config.url`")?;
    Ok(Arc::new(Http {
        url,
        settings,
        client: client(permit)?,
        templates: targets.templates(),
        scripts: Arc::clone(&targets.scripts),
        base: targets.base.clone(),
    }))
}

/// An HTTP client for URLs in suites.
pub(crate) fn client(_: Permit) -> Result<Client, String> {
    let built = Client::builder()
        .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::limited(3))
        .build();
    built.map_err(|error| format!("cannot set up HTTP: {error}"))
}

pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

#[async_trait]
impl Target for Http {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        match self.exchange(asked).await {
            Ok(response) => response,
            Err(error) => Response { error: Some(error), ..Response::default() },
        }
    }
}

impl Http {
    async fn exchange(&self, asked: &TargetRequest<'_>) -> Result<Response, String> {
        let mut vars = asked.vars.clone();
        vars.insert("prompt".into(), asked.prompt.into());
        let request = self.request(&vars)?;
        let timeout = Duration::from_millis(self.settings.count("timeoutMs").unwrap_or(300_000));
        let retries = self.settings.count("maxRetries").unwrap_or(4);
        let page = send(request, timeout, retries)
            .await
            .map_err(|error| format!("{}: {error}", self.shown()))?;
        self.read(&page, &vars).await
    }

    /// The URL without its query and credentials, for messages.
    fn shown(&self) -> &str {
        let url = self.url.split('?').next().unwrap_or_default();
        url.rsplit('@').next().unwrap_or(url)
    }

    fn request(&self, vars: &Vars) -> Result<RequestBuilder, String> {
        let render = |text: &str| self.templates.render(text, vars);
        let body = self.settings.0.get("body").filter(|body| !body.is_null());
        let usual = if body.is_some() { "POST" } else { "GET" };
        let method = self.settings.text("method").unwrap_or_else(|| usual.into()).to_uppercase();
        let method: Method = method.parse().map_err(|_| format!("`{method}` is no HTTP method"))?;
        let mut url = render(&self.url)?
            .parse::<reqwest::Url>()
            .map_err(|error| format!("the URL is none: {error}"))?;
        for (name, value) in self.settings.pairs("queryParams") {
            url.query_pairs_mut().append_pair(&name, &render(&value)?);
        }
        let mut request = self.client.request(method, url);
        let mut has_kind = false;
        for (name, value) in self.settings.pairs("headers") {
            let header = reqwest::header::HeaderValue::try_from(render(&value)?);
            let header = header.map_err(|_| format!("the header `{name}` cannot be sent"))?;
            has_kind |= name.eq_ignore_ascii_case("content-type");
            request = request.header(name, header);
        }
        let Some(body) = body else { return Ok(request) };
        if !has_kind && (body.is_object() || body.is_array()) {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        Ok(request.body(match body {
            Value::String(text) => render(text)?,
            other => filled(other, &render)?.to_string(),
        }))
    }

    async fn read(&self, page: &Page, vars: &Vars) -> Result<Response, String> {
        if !self.accepts(page.status) {
            let start: String = page.text.chars().take(300).collect();
            return Err(format!("{}: {} {start}", self.shown(), page.status));
        }
        let json = serde_json::from_str::<Value>(&page.text).unwrap_or(Value::Null);
        let whole = || if json.is_null() { page.text.clone().into() } else { json.clone() };
        let written = self
            .settings
            .0
            .get("transformResponse")
            .or_else(|| self.settings.0.get("responseParser"));
        let output = match written.and_then(Value::as_str) {
            None => return Ok(of_value(whole(), false)),
            Some(expression) => {
                let context = json!({"response": {"status": page.status.as_u16()}, "vars": vars});
                match self.run(expression, &json, &page.text, context).await {
                    Ok(output) => output,
                    Err(script::Error::Missing(why)) => {
                        return Ok(Response { skipped: Some(why), ..Response::default() });
                    }
                    Err(error) => return Err(format!("transformResponse: {error}")),
                }
            }
        };
        if output.is_null() {
            let start: String = page.text.chars().take(300).collect();
            return Err(format!("transformResponse finds nothing in the answer: {start}"));
        }
        Ok(of_value(output, true))
    }

    async fn run(
        &self,
        expression: &str,
        json: &Value,
        text: &str,
        context: Value,
    ) -> Result<Value, script::Error> {
        if let Some(found) = path(expression, json, text) {
            return Ok(found);
        }
        let arguments = [("json", json.clone()), ("text", text.into()), ("context", context)];
        let trimmed = expression.trim();
        let script = match trimmed.strip_prefix("file://") {
            Some(named) => super::script::file(&self.base, named),
            None if trimmed.starts_with("function")
                || trimmed.starts_with("async")
                || is_arrow(trimmed) =>
            {
                Script::JavaScript(format!("({trimmed})(json, text, context)"))
            }
            None => Script::JavaScript(trimmed.into()),
        };
        self.scripts.call(&script, &arguments).await
    }

    /// Whether a status is a success: one in the list `validateStatus`, else any 2xx.
    fn accepts(&self, status: StatusCode) -> bool {
        match self.settings.0.get("validateStatus") {
            Some(Value::Array(list)) => list.contains(&json!(status.as_u16())),
            _ => status.is_success(),
        }
    }
}

fn is_arrow(expression: &str) -> bool {
    let head = expression.split("=>").next().unwrap_or_default();
    head.len() < expression.len()
        && head.chars().all(|c| c.is_alphanumeric() || "_$(){}, \n".contains(c))
}

/// Renders the strings of a body; one that becomes JSON is inserted as JSON.
pub(super) fn filled(
    body: &Value,
    render: &impl Fn(&str) -> Result<String, String>,
) -> Result<Value, String> {
    Ok(match body {
        Value::String(text) => {
            let text = render(text)?;
            let looks = text.trim_start().starts_with(['{', '[']);
            let parsed = looks.then(|| serde_json::from_str(&text).ok()).flatten();
            parsed.unwrap_or(Value::String(text))
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| filled(item, render)).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => {
            let pairs =
                object.iter().map(|(name, value)| Ok((name.clone(), filled(value, render)?)));
            Value::Object(pairs.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

/// Sends a request; retries on 429, 502, 503, 504 and broken connections.
pub(super) async fn send(
    request: RequestBuilder,
    timeout: Duration,
    retries: u64,
) -> Result<Page, String> {
    let mut tried = 0;
    loop {
        let again = request.try_clone();
        let (outcome, asked) =
            attempt(again.ok_or("the body cannot be sent twice")?, timeout).await;
        let passing = match &outcome {
            Ok(page) => matches!(page.status.as_u16(), 429 | 502 | 503 | 504),
            Err((_, passing)) => *passing,
        };
        if !passing || tried >= retries {
            return outcome.map_err(|(words, _)| words);
        }
        let doubled = Duration::from_millis(500 << tried.min(7));
        tokio::time::sleep(asked.unwrap_or(doubled).min(MAX_WAIT)).await;
        tried += 1;
    }
}

async fn attempt(
    request: RequestBuilder,
    timeout: Duration,
) -> (Result<Page, (String, bool)>, Option<Duration>) {
    let mut response = match request.timeout(timeout).send().await {
        Ok(response) => response,
        Err(error) => return (Err(words(&error, timeout)), None),
    };
    let wait = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
    let status = response.status();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_LEN => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                return (Err((format!("the answer is longer than {MAX_LEN} bytes"), false)), None);
            }
            Ok(None) => break,
            Err(error) => return (Err(words(&error, timeout)), None),
        }
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    (Ok(Page { status, text }), wait.map(Duration::from_secs))
}

/// Describes a failed request, and whether a retry may help.
fn words(error: &reqwest::Error, timeout: Duration) -> (String, bool) {
    if error.is_timeout() {
        (format!("no answer within {} ms", timeout.as_millis()), false)
    } else if error.is_builder() {
        ("the request could not be built: check the URL and the headers".into(), false)
    } else if error.is_connect() {
        ("cannot connect: check the URL".into(), true)
    } else {
        ("the connection broke".into(), true)
    }
}

/// Evaluates a plain path such as `json.choices[0].text` without a JavaScript engine.
pub(super) fn path(expression: &str, json: &Value, text: &str) -> Option<Value> {
    let expression = expression.trim();
    if expression == "text" {
        return Some(text.into());
    }
    let mut rest = expression.strip_prefix("json")?;
    let mut found = json.clone();
    while !rest.is_empty() {
        let (key, after) = step(rest)?;
        found = match (&found, key.parse::<usize>()) {
            (Value::Array(items), Ok(index)) => items.get(index).cloned().unwrap_or(Value::Null),
            (Value::Object(object), _) => object.get(&key).cloned().unwrap_or(Value::Null),
            _ => return None,
        };
        rest = after;
    }
    Some(found)
}

fn step(rest: &str) -> Option<(String, &str)> {
    if let Some(rest) = rest.strip_prefix('[') {
        let (key, after) = rest.split_once(']')?;
        let quoted = |quote| key.strip_prefix(quote).and_then(|key: &str| key.strip_suffix(quote));
        let plain = key.chars().all(|c| c.is_ascii_digit()).then_some(key);
        let key = quoted('\'').or_else(|| quoted('"')).or(plain)?;
        return Some((key.into(), after));
    }
    let rest = rest.strip_prefix("?.").or_else(|| rest.strip_prefix('.'))?;
    let end =
        rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
    let (key, after) = rest.split_at(end);
    (!key.is_empty() && !after.starts_with('(')).then(|| (key.into(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_need_no_engine() {
        let json = json!({"a": [{"b-c": 1, "d": "x"}]});
        assert_eq!(path("json.a[0]['b-c']", &json, ""), Some(json!(1)));
        assert_eq!(path(" json.a[0].d ", &json, ""), Some(json!("x")));
        assert_eq!(path("json?.a[7]", &json, ""), Some(Value::Null));
        assert_eq!(path("text", &json, "t"), Some(json!("t")));
        assert_eq!(path("json.a.map(x => x)", &json, ""), None);
        assert_eq!(path("json.a[0].d + 'y'", &json, ""), None);
        assert_eq!(path("json.a.length", &json, ""), None);
    }

    #[test]
    fn a_body_is_filled_at_any_depth() {
        let render = |text: &str| Ok::<_, String>(text.replace("{{prompt}}", "[\"m\"]"));
        let body = filled(&json!({"a": ["{{prompt}}", "x {{prompt}}"], "n": 1}), &render).unwrap();
        assert_eq!(body, json!({"a": [["m"], "x [\"m\"]"], "n": 1}));
    }

    #[test]
    fn functions_are_told_from_expressions() {
        assert!(is_arrow("(json, text) => json.a"));
        assert!(is_arrow("json => json.a"));
        assert!(!is_arrow("json.list.map(x => x.a)"));
    }

    #[test]
    fn a_whole_response_keeps_what_it_tells() {
        let read = of_value(
            json!({"output": "o", "tokenUsage": {"total": 3}, "cost": 0.1, "finishReason": "stop"}),
            true,
        );
        assert_eq!(
            (read.output, read.token_usage.unwrap().total, read.cost),
            (json!("o"), 3, Some(0.1))
        );
        assert_eq!(of_value(json!({"error": "no"}), true).error.as_deref(), Some("no"));
        assert_eq!(of_value(json!({"output": "o"}), false).output, json!({"output": "o"}));
    }
}
