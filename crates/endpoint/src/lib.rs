//! Client for OpenAI-compatible endpoints: base URL, key, timeouts and retries. [`address`] decides
//! which network addresses may be connected to, and [`GuardedClient`] keeps to it.
//!
//! Must not know the requests nor the desk: chat, embeddings and speech define their own.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

pub mod address;
mod exchange;
mod failure;
mod guarded;
mod local;
mod retry;
#[cfg(any(test, feature = "testing"))]
pub mod scripted;

use address::Guard;
use exchange::{Exchange, ResponseShape};
pub use failure::Failure;
pub use guarded::{GuardedClient, refusal};
pub use local::LocalClient;
pub use retry::{NextAttempt, RetryBudget};

/// Base URL of OpenAI.
pub const OPENAI: &str = "https://api.openai.com/v1";

/// How to reach an endpoint, with timeouts and retries.
#[derive(Debug, Clone)]
pub struct Access {
    /// URL up to `/chat/completions`, `/embeddings` and so on.
    pub base_url: String,
    /// API key; local servers need none.
    pub api_key: Option<SecretString>,
    /// Milliseconds for a call, including all attempts and waits.
    pub timeout_ms: u64,
    /// Milliseconds for one attempt.
    pub attempt_ms: u64,
    /// How often a transient failure is retried.
    pub retries: u32,
    /// Longest wait between two attempts, in milliseconds, whatever the endpoint asks for.
    pub retry_cap_ms: u64,
}

/// An OpenAI-compatible endpoint.
pub struct Endpoint {
    whole: Client<Address>,
    stream: Client<Address>,
    exchange: Exchange,
    access: Access,
    key: SecretString,
}

impl Endpoint {
    /// Creates the clients; sends nothing yet. Errors name the wrong setting.
    pub fn new(access: Access) -> Result<Self, String> {
        Self::over(access, Route::Any)
    }

    /// Like [`Self::new`], for a server on this machine: no proxy and no redirect takes a request
    /// elsewhere.
    pub fn on_this_machine(access: Access) -> Result<Self, String> {
        Self::over(access, Route::Direct)
    }

    /// Like [`Self::new`], for an address that the configuration does not name: the guard checks it
    /// in the look-up that the connection uses, and no proxy and no redirect takes a request
    /// elsewhere.
    pub fn guarded(access: Access, guard: Guard) -> Result<Self, String> {
        Self::over(access, Route::Checked(guard))
    }

    /// [`Self::guarded`] with a guard, else [`Self::new`].
    pub fn maybe_guarded(access: Access, guard: Option<Guard>) -> Result<Self, String> {
        Self::over(access, guard.map_or(Route::Any, Route::Checked))
    }

    fn over(access: Access, route: Route) -> Result<Self, String> {
        for (name, ms) in [("timeout_ms", access.timeout_ms), ("attempt_ms", access.attempt_ms)] {
            if ms == 0 {
                return Err(format!("{name} is 0: give it at least 1 millisecond"));
            }
        }
        let key = access.api_key.clone().unwrap_or_default();
        let address = Address::new(&access.base_url, &key)?;
        if let (Route::Checked(guard), Ok(url)) = (&route, reqwest::Url::parse(&address.base_url)) {
            guard.check(&url).map_err(|refused| refused.to_string())?;
        }
        let http = connection(route)?;
        let client = |shape| {
            let exchange = Exchange { http: http.clone(), key: key.clone(), shape };
            Client::build(http.clone(), address.clone()).with_http_service(exchange)
        };
        let exchange =
            Exchange { http: http.clone(), key: key.clone(), shape: ResponseShape::Whole };
        let (whole, stream) = (client(ResponseShape::Whole), client(ResponseShape::Stream));
        Ok(Self { whole, stream, exchange, access, key })
    }

    /// Client for responses in one piece.
    pub fn whole(&self) -> &Client<Address> {
        &self.whole
    }

    /// Client for streamed responses.
    pub fn stream(&self) -> &Client<Address> {
        &self.stream
    }

    /// Base URL, safe to display.
    pub fn base_url(&self) -> &str {
        self.whole.config().api_base()
    }

    /// Creates the retry budget of one call. `spare` reserves a third of the time for a second
    /// model.
    pub fn retry_budget(&self, spare: bool) -> RetryBudget {
        RetryBudget::new(&self.access, spare)
    }

    /// Returns the failure for an error object in a stream.
    pub fn failure_of_error(&self, error: &Value) -> Failure {
        Failure::of_error_object(error, &self.key)
    }

    /// Posts JSON to a path that the client library does not support, such as `/rerank`, with the
    /// retries of [`Self::ask`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.post_with(path, &HeaderMap::new(), body).await
    }

    /// Posts JSON with additional headers, which override the default ones.
    pub async fn post_with(
        &self,
        path: &str,
        headers: &HeaderMap,
        body: &Value,
    ) -> Result<Value, String> {
        let address = self.whole.config();
        let ask = || async {
            let request = self.exchange.http.post(address.url(path)).headers(address.headers());
            let request = request.headers(headers.clone());
            let request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
            let request = request.build().map_err(|error| Failure::of_transport(&error))?;
            let answer = self.exchange.send_once(request).await?;
            let answer = answer.bytes().await.map_err(|error| Failure::of_transport(&error))?;
            let not_json = |_| Failure::transient_failure("the answer is not JSON: check base_url");
            Ok::<Value, OpenAIError>(serde_json::from_slice(&answer).map_err(not_json)?)
        };
        self.ask(ask).await
    }

    /// Repeats a request until it succeeds or the retry budget ends. The error lists the failure of
    /// each attempt.
    pub async fn ask<T, Asking>(&self, ask: impl Fn() -> Asking) -> Result<T, String>
    where
        Asking: Future<Output = Result<T, OpenAIError>>,
    {
        let mut patience = self.retry_budget(false);
        loop {
            let failure = match patience.attempt(ask()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if patience.after(failure).await != NextAttempt::Again {
                return Err(patience.failures.join("; "));
            }
        }
    }
}

/// Deserializes a field leniently: an unexpected value counts as missing.
pub fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned + Default,
{
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}

/// Client configuration: base URL and key. Unlike the library's own, it reads no environment
/// variables.
#[derive(Clone)]
pub struct Address {
    base_url: String,
    key: SecretString,
    headers: HeaderMap,
}

impl Address {
    fn new(base_url: &str, key: &SecretString) -> Result<Self, String> {
        let base_url = base_url.trim().trim_end_matches('/').to_owned();
        let parsed = reqwest::Url::parse(&base_url)
            .map_err(|error| format!("base_url is not a URL ({error}): write it as {OPENAI}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("base_url must begin with http:// or https://, such as {OPENAI}"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err("base_url holds a user name or password: put the key in api_key".into());
        }
        let mut headers = HeaderMap::new();
        let secret = key.expose_secret().trim();
        if !secret.is_empty() {
            let mut value = HeaderValue::from_str(&format!("Bearer {secret}"))
                .map_err(|_| "api_key holds characters that no key has".to_owned())?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self { base_url, key: key.clone(), headers })
    }
}

impl Config for Address {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base_url
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

/// How requests may reach an endpoint.
enum Route {
    /// Through proxies and redirects.
    Any,
    /// Neither.
    Direct,
    /// Neither, and the guard judges each address.
    Checked(Guard),
}

fn connection(route: Route) -> Result<reqwest::Client, String> {
    let client = reqwest::Client::builder()
        .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10));
    let direct = |client: reqwest::ClientBuilder| {
        client.redirect(reqwest::redirect::Policy::none()).no_proxy()
    };
    let client = match route {
        Route::Any => client.redirect(reqwest::redirect::Policy::limited(3)),
        Route::Direct => direct(client),
        Route::Checked(guard) => direct(client).dns_resolver(Arc::new(guard)),
    };
    client.build().map_err(|error| format!("cannot set up HTTP: {error}"))
}

#[cfg(test)]
mod tests {
    use super::scripted::{Act, ScriptedServer, access};
    use super::*;

    async fn list(endpoint: &Endpoint) -> Result<Value, String> {
        endpoint.ask(|| async { endpoint.whole().models().list_byot::<Value>().await }).await
    }

    #[test]
    fn a_wrong_address_or_key_is_named() {
        crate::scripted::crypto();
        let wrong = |base_url: &str, key: Option<&str>| {
            let api_key = key.map(SecretString::from);
            Endpoint::new(Access { api_key, ..access(base_url) }).err().unwrap_or_default()
        };
        assert!(wrong("api.openai.com/v1", None).contains("base_url"));
        assert!(wrong("ftp://x/v1", None).contains("http"));
        assert!(wrong("http://joe:pw@x/v1", None).contains("api_key"));
        let told = wrong("http://x/v1", Some("sk-geheim\n1"));
        assert!(told.contains("api_key") && !told.contains("geheim"), "{told}");
        assert_eq!(wrong("http://x/v1/", None), "");
    }

    #[tokio::test]
    async fn a_guarded_endpoint_reaches_no_private_address_and_follows_no_redirect() {
        crate::scripted::crypto();
        let server = ScriptedServer::start(vec![Act::say("[1]")]).await;
        let port = reqwest::Url::parse(&server.url).unwrap().port().unwrap();
        let refused = Endpoint::guarded(access(&server.url), Guard::new(false)).err().unwrap();
        assert!(refused.contains("private network"), "{refused}");
        let to_machine: address::Lookup =
            Arc::new(|_| Box::pin(std::future::ready(Ok(vec!["127.0.0.1".parse().unwrap()]))));
        let named = Access { retries: 0, ..access(&format!("http://shop.example:{port}/v1")) };
        let guard = Guard::over(false, to_machine.clone());
        let told = list(&Endpoint::guarded(named.clone(), guard).unwrap()).await.unwrap_err();
        assert!(told.contains("private network"), "{told}");
        assert!(server.received_requests().is_empty());
        let moved = Act::refuse(302, &[("location", &server.url)], "{}");
        let first = ScriptedServer::start(vec![moved]).await;
        let direct = Access { retries: 0, ..access(&first.url) };
        let endpoint = Endpoint::guarded(direct, Guard::new(true)).unwrap();
        list(&endpoint).await.unwrap_err();
        assert!(server.received_requests().is_empty(), "a redirect was followed");
        let guard = Guard::over(true, to_machine);
        assert_eq!(
            list(&Endpoint::guarded(named, guard).unwrap()).await.unwrap(),
            serde_json::json!([1])
        );
    }

    #[tokio::test]
    async fn a_passing_failure_is_asked_again_after_the_time_that_the_endpoint_names() {
        let server = ScriptedServer::start(vec![
            Act::refuse(429, &[("retry-after", "1")], r#"{"error":{"message":"slow down"}}"#),
            Act::refuse(429, &[("retry-after-ms", "20")], "<html>too many</html>"),
            Act::refuse(500, &[], "<html>oops</html>"),
            Act::say(r#"{"data":[]}"#),
        ])
        .await;
        let endpoint = Endpoint::new(access(&server.url)).unwrap();
        let started = std::time::Instant::now();
        assert_eq!(list(&endpoint).await.unwrap(), serde_json::json!({"data": []}));
        assert_eq!(server.received_requests().len(), 4);
        assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_wait_of_an_hour_is_cut_to_the_cap() {
        let server = ScriptedServer::start(vec![
            Act::refuse(429, &[("retry-after", "3600")], "{}"),
            Act::say("[]"),
        ])
        .await;
        let endpoint = Endpoint::new(Access { retry_cap_ms: 30, ..access(&server.url) }).unwrap();
        let started = std::time::Instant::now();
        list(&endpoint).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_wait_that_does_not_fit_into_the_time_is_not_begun() {
        let server =
            ScriptedServer::start(vec![Act::refuse(503, &[("retry-after", "9")], "{}")]).await;
        let endpoint = Endpoint::new(Access { timeout_ms: 2000, ..access(&server.url) }).unwrap();
        let started = std::time::Instant::now();
        let told = list(&endpoint).await.unwrap_err();
        assert!(told.contains("503"), "{told}");
        assert_eq!(server.received_requests().len(), 1);
        assert!(started.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test]
    async fn refusals_that_last_are_not_asked_again_and_say_what_to_check() {
        let quota = r#"{"error":{"message":"no money","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        for (status, body, word) in [
            (400, r#"{"error":"bad model"}"#, "bad model"),
            (401, r#"{"error":{"message":"Incorrect API key: sk-top-secret"}}"#, "api_key"),
            (403, "{}", "api_key"),
            (404, "no such page", "base_url"),
            (429, quota, "credit"),
        ] {
            let server = ScriptedServer::start(vec![Act::refuse(status, &[], body)]).await;
            let endpoint = Endpoint::new(access(&server.url)).unwrap();
            let told = list(&endpoint).await.unwrap_err();
            assert!(told.contains(word) && told.contains(&status.to_string()), "{told}");
            assert!(!told.contains("secret"), "{told}");
            assert_eq!(server.received_requests().len(), 1, "{status}");
        }
    }

    #[tokio::test]
    async fn a_stalled_attempt_is_given_up_and_asked_again() {
        let server = ScriptedServer::start(vec![Act::Stall, Act::say(r#"{"data":[]}"#)]).await;
        let endpoint = Endpoint::new(Access { attempt_ms: 100, ..access(&server.url) }).unwrap();
        list(&endpoint).await.unwrap();
        assert_eq!(server.received_requests().len(), 2);
    }

    #[tokio::test]
    async fn an_endpoint_that_is_not_there_is_named_after_all_attempts() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        drop(listener);
        let endpoint = Endpoint::new(Access { retries: 1, ..access(&url) }).unwrap();
        let told = list(&endpoint).await.unwrap_err();
        assert_eq!(told.matches("cannot connect").count(), 2, "{told}");
    }

    #[tokio::test]
    async fn an_answer_that_is_no_answer_counts_as_a_failure() {
        let server = ScriptedServer::start(vec![
            Act::say("<html>welcome to the hotel</html>"),
            Act::say(""),
            Act::say(r#"{"error":{"message":"overloaded","code":503}}"#),
            Act::say(r#"{"data":[]}"#),
        ])
        .await;
        let endpoint = Endpoint::new(access(&server.url)).unwrap();
        list(&endpoint).await.unwrap();
        assert_eq!(server.received_requests().len(), 4);
    }

    #[tokio::test]
    async fn a_server_on_this_machine_sends_nobody_elsewhere() {
        let other = ScriptedServer::start(vec![Act::say(r#"{"data":[]}"#)]).await;
        let moved = Act::refuse(307, &[("location", &format!("{}/models", other.url))], "");
        let server = ScriptedServer::start(vec![moved]).await;
        let access = Access { retries: 0, ..access(&server.url) };
        list(&Endpoint::on_this_machine(access.clone()).unwrap()).await.unwrap_err();
        assert!(other.received_requests().is_empty());
        list(&Endpoint::new(access).unwrap()).await.unwrap();
        assert_eq!(other.received_requests().len(), 1);
    }

    #[tokio::test]
    async fn the_key_goes_out_only_when_there_is_one() {
        let server = ScriptedServer::start(vec![Act::say("[]")]).await;
        list(&Endpoint::new(access(&server.url)).unwrap()).await.unwrap();
        let open = Access { api_key: None, ..access(&server.url) };
        list(&Endpoint::new(open).unwrap()).await.unwrap();
        let keys: Vec<_> = server.received_requests().into_iter().map(|heard| heard.key).collect();
        assert_eq!(keys, [Some("Bearer sk-top-secret".to_owned()), None]);
    }
}
