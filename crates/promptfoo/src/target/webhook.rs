//! An endpoint that takes `{"prompt": ...}` and answers `{"output": ...}`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::answer::of_value;
use super::http::{client, send};
use super::settings::Settings;
use super::{Target, TargetRequest};
use crate::policy::Permit;
use crate::result::Response;
use crate::spec::TargetSpec;

struct Webhook {
    url: String,
    config: Value,
    client: reqwest::Client,
}

pub(super) fn open(spec: &TargetSpec, permit: Permit) -> Result<Arc<dyn Target>, String> {
    let url = spec.id.strip_prefix("webhook:").unwrap_or_default().to_owned();
    reqwest::Url::parse(&url)
        .map_err(|_| format!("`{}` holds no URL: write it as webhook:https://ADDRESS", spec.id))?;
    Ok(Arc::new(Webhook { url, config: spec.config.clone(), client: client(permit)? }))
}

#[async_trait]
impl Target for Webhook {
    async fn ask(&self, asked: &TargetRequest<'_>) -> Response {
        let settings = Settings::of(&self.config, asked.config);
        let mut body = json!({ "prompt": asked.prompt });
        if !self.config.is_null() {
            body["config"] = self.config.clone();
        }
        let request = self
            .client
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        let timeout = Duration::from_millis(settings.count("timeoutMs").unwrap_or(300_000));
        let page = match send(request, timeout, settings.count("maxRetries").unwrap_or(4)).await {
            Ok(page) => page,
            Err(error) => return failed(format!("webhook: {error}")),
        };
        let start = || page.text.chars().take(300).collect::<String>();
        match serde_json::from_str::<Value>(&page.text) {
            _ if !page.status.is_success() => {
                failed(format!("webhook: {} {}", page.status, start()))
            }
            Ok(answer) if answer.get("output").is_some_and(|output| !output.is_null()) => {
                of_value(answer, true)
            }
            _ => failed(format!("webhook: the answer holds no `output`: {}", start())),
        }
    }
}

fn failed(error: String) -> Response {
    Response { error: Some(error), ..Response::default() }
}
