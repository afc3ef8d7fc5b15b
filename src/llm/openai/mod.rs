//! Answers through any OpenAI-compatible `/chat/completions`. Must not judge the answer: the
//! pipeline decides whether it may be sent.

use std::time::Duration;

use async_trait::async_trait;
use frontdesk_endpoint::address::Guard;
use frontdesk_endpoint::{Endpoint, Failure, NextAttempt, RetryBudget};
use frontdesk_tokens::Vocabulary;
use futures::{Stream, StreamExt};
use serde_json::{Map, Value, json};

use super::{Completion, Error, Hear, Model, ModelKind, Price, Window};
use crate::domain::{ModelRole, Prompt, Usage};

mod listing;
mod settings;
mod vision;
mod wire;

pub(super) use listing::writes_answers;
pub(super) use settings::Settings;
use wire::{Chunk, Reply, names, takes_temperature};
pub(super) use wire::{is_plain, same_model};

/// How long to wait for the usage figures and end mark of a stream whose answer is complete.
const STREAM_END_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Openai {
    endpoint: Endpoint,
    settings: Settings,
    listing: listing::Listing,
}

impl Openai {
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        settings.check()?;
        Ok(Self::over(Endpoint::new(settings.access())?, settings))
    }

    /// Like [`Self::new`], for a server on this machine: no request leaves it.
    pub(super) fn on_this_machine(settings: &Settings) -> Result<Self, String> {
        settings.check()?;
        Ok(Self::over(Endpoint::on_this_machine(settings.access())?, settings))
    }

    /// Like [`Self::new`], for an address that somebody chose while the desk runs.
    pub(super) fn guarded(settings: &Settings, guard: Guard) -> Result<Self, String> {
        settings.check()?;
        Ok(Self::over(Endpoint::guarded(settings.access(), guard)?, settings))
    }

    fn over(endpoint: Endpoint, settings: &Settings) -> Self {
        Self { endpoint, settings: settings.clone(), listing: listing::Listing::default() }
    }

    /// Base URL, safe to display.
    pub(super) fn base_url(&self) -> &str {
        self.endpoint.base_url()
    }

    /// Returns the models that write answers, in the endpoint's order. `None` if it does not list
    /// them within two seconds.
    pub(super) async fn list_once(&self) -> Option<Vec<String>> {
        listing::list_once(&self.endpoint).await
    }

    /// Returns the models for a task, sorted, or why the endpoint does not list them.
    pub(super) async fn list_now(&self, role: ModelRole) -> Result<Vec<String>, String> {
        listing::list_now(&self.endpoint, role).await
    }
}

#[async_trait]
impl Model for Openai {
    fn kind(&self, model: &str) -> ModelKind {
        let price = self.settings.prices.get(model).copied();
        let sees = self.sees(model);
        ModelKind::Generates(Window { tokens: self.settings.window, price, sees })
    }

    fn default_model(&self) -> &str {
        &self.settings.model
    }

    fn min_confidence(&self) -> f32 {
        self.settings.min_confidence
    }

    async fn complete(&self, prompt: &Prompt, hear: Option<Hear<'_>>) -> Result<Completion, Error> {
        let (model, fallback) = self.models(prompt);
        let mut turn = Turn {
            prompt,
            listener: hear.map(|hear| Listener { hear, heard: String::new() }),
            retry_budget: self.endpoint.retry_budget(fallback.is_some()),
            spent: Usage::default(),
            shows_pictures: !prompt.pictures.is_empty(),
        };
        // A model that refuses pictures is asked without them: its name may promise too much.
        let again = (turn.shows_pictures && self.sees(model)).then_some(model);
        for model in std::iter::once(model).chain(again).chain(fallback) {
            match self.complete_with_retries(&mut turn, model).await {
                Ok(text) => return Ok(turn.completion(text, model)),
                Err(NextAttempt::Stop) => break,
                Err(_) => turn.retry_budget.next_model(),
            }
            turn.shows_pictures = false;
        }
        Err(Error { attempts: turn.retry_budget.failures })
    }

    async fn listed(&self) -> Vec<String> {
        let settings = &self.settings;
        let own = [Some(&settings.model), settings.fallback_model.as_ref()];
        let mut all: Vec<String> = own.into_iter().flatten().cloned().collect();
        all.extend(settings.prices.keys().cloned());
        all.extend(self.listing.names(&self.endpoint).await);
        let mut seen = std::collections::HashSet::new();
        all.retain(|name| seen.insert(name.clone()));
        all
    }

    async fn check(&self) -> Result<String, Error> {
        let ask = || async { self.endpoint.whole().models().list_byot::<Value>().await };
        let at = self.endpoint.base_url();
        let model = &self.settings.model;
        let listed = match self.endpoint.ask(ask).await {
            Ok(answer) => names(&answer),
            Err(words) if words.starts_with("404") || words.starts_with("405") => {
                return Ok(format!(
                    "{model} at {at}, which does not list its models: if it never answers, check base_url"
                ));
            }
            Err(words) => return Err(Error { attempts: vec![format!("{at}: {words}")] }),
        };
        if listed.is_empty() || listed.iter().any(|name| same_model(name, model)) {
            return Ok(format!("{model} at {at}"));
        }
        let some = listed.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        Err(Error { attempts: vec![format!("{at} has no model {model}; it has {some}")] })
    }
}

/// State of one answer across its attempts.
struct Turn<'a> {
    prompt: &'a Prompt,
    listener: Option<Listener<'a>>,
    retry_budget: RetryBudget,
    /// Usage of all attempts that returned a reply; an empty answer is billed, too.
    spent: Usage,
    /// Whether pictures are shown to a model that sees.
    shows_pictures: bool,
}

impl Turn<'_> {
    fn completion(self, text: String, model: &str) -> Completion {
        let (usage, failures) = (self.spent, self.retry_budget.failures);
        Completion::Text { text, model: model.to_owned(), usage, failures }
    }
}

/// The listener of a streamed answer. Text already passed on cannot be taken back: after an
/// interrupted attempt, the next one is passed on only where it continues that text.
struct Listener<'a> {
    hear: Hear<'a>,
    heard: String,
}

impl Listener<'_> {
    fn forward(&mut self, text: &str) {
        if let Some(more) = text.strip_prefix(&self.heard).filter(|more| !more.is_empty()) {
            (self.hear)(more);
            self.heard.push_str(more);
        }
    }
}

impl Openai {
    /// Returns the model to ask, and the fallback for when it fails.
    fn models<'a>(&'a self, prompt: &'a Prompt) -> (&'a str, Option<&'a str>) {
        let named = prompt.model.trim();
        let model = if named.is_empty() { &self.settings.model } else { named };
        (model, self.settings.fallback_model.as_deref().filter(|other| *other != model))
    }

    /// Asks one model until it answers or its retries or time run out.
    async fn complete_with_retries(
        &self,
        turn: &mut Turn<'_>,
        model: &str,
    ) -> Result<String, NextAttempt> {
        loop {
            let written = match turn.listener {
                Some(_) => self.complete_streaming(turn, model).await,
                None => self.complete_once(turn, model).await,
            };
            let answer = written.and_then(|reply| {
                turn.spent.add(self.usage(&reply, turn.prompt, model));
                reply.answer()
            });
            let failure = match answer {
                Ok(text) => return Ok(text),
                Err(failure) => failure.of(model),
            };
            match turn.retry_budget.after(failure).await {
                NextAttempt::Again => {}
                other => return Err(other),
            }
        }
    }

    /// Requests the answer in one piece.
    async fn complete_once(&self, turn: &Turn<'_>, model: &str) -> Result<Reply, Failure> {
        let body = self.body(turn, model, false);
        let chat = self.endpoint.whole().chat();
        let answer = chat.create_byot::<_, Chunk>(body);
        let mut reply = Reply::default();
        reply.append(turn.retry_budget.attempt(answer).await?);
        Ok(reply)
    }

    /// Requests the answer as a stream and passes its text to the listener.
    async fn complete_streaming(&self, turn: &mut Turn<'_>, model: &str) -> Result<Reply, Failure> {
        let body = self.body(turn, model, true);
        let first = Duration::from_millis(self.settings.first_token_ms.into());
        let idle = Duration::from_millis(self.settings.idle_ms.into());
        let chat = self.endpoint.stream().chat();
        let mut chunks =
            turn.retry_budget.within(first, chat.create_stream_byot::<_, Chunk>(body)).await??;
        let mut reply = Reply::default();
        loop {
            let limit = match (&reply.finished, reply.text.is_empty()) {
                (Some(_), _) => idle.min(STREAM_END_TIMEOUT),
                (None, true) => first,
                (None, false) => idle,
            };
            match self.next(&turn.retry_budget, limit, &mut chunks).await {
                Ok(Some(chunk)) => reply.append(chunk),
                Ok(None) => return Ok(reply),
                // The text is complete; only the end mark or the usage is missing.
                Err(_) if reply.finished.is_some() => return Ok(reply),
                Err(failure) => return Err(failure),
            }
            if let Some(listener) = &mut turn.listener {
                listener.forward(&reply.text);
            }
        }
    }

    async fn next<E: Into<Failure>>(
        &self,
        patience: &RetryBudget,
        limit: Duration,
        chunks: &mut (impl Stream<Item = Result<Chunk, E>> + Unpin),
    ) -> Result<Option<Chunk>, Failure> {
        let chunk = patience.within(limit, chunks.next()).await?.transpose().map_err(Into::into)?;
        match chunk {
            Some(Chunk { error, .. }) if !error.is_null() => {
                Err(self.endpoint.failure_of_error(&error))
            }
            chunk => Ok(chunk),
        }
    }

    /// Whether a model sees pictures: as configured, else as its name says.
    pub(super) fn sees(&self, model: &str) -> bool {
        self.settings.vision.unwrap_or_else(|| vision::sees(model))
    }

    fn body(&self, turn: &Turn<'_>, model: &str, stream: bool) -> Map<String, Value> {
        let (prompt, sees) = (turn.prompt, turn.shows_pictures && self.sees(model));
        let mut body = Map::new();
        body.insert("model".into(), model.into());
        body.insert("messages".into(), vision::messages(prompt, sees));
        if takes_temperature(model) {
            let temperature = (f64::from(prompt.temperature) * 1000.0).round() / 1000.0;
            body.insert("temperature".into(), temperature.into());
        }
        body.insert(self.settings.max_tokens_field.clone(), prompt.max_output_tokens.into());
        body.extend(self.settings.extra.clone());
        body.insert("stream".into(), stream.into());
        if stream {
            body.insert("stream_options".into(), json!({"include_usage": true}));
        }
        body
    }

    /// Usage of a reply: the endpoint's figures, or counted here when it sends none.
    fn usage(&self, reply: &Reply, prompt: &Prompt, model: &str) -> Usage {
        let count = |text: &str| u64::from(Vocabulary::of(model).count(text));
        let input = reply.usage.prompt_tokens.unwrap_or_else(|| match prompt.tokens {
            0 => prompt.messages.iter().map(|message| count(&message.content)).sum(),
            tokens => tokens.into(),
        });
        let output = reply.usage.completion_tokens.unwrap_or_else(|| count(&reply.text));
        let price = self.settings.prices.get(model);
        let cost_micros = price.map_or(0, |price| price.micros(input, output));
        Usage { input_tokens: input, output_tokens: output, cost_micros }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use frontdesk_endpoint::scripted::{Act, SOON, ScriptedServer};

    use super::*;
    use crate::domain::{Blob, ChatMessage, Picture, PictureIdentity, Role};

    fn prompt() -> Prompt {
        let message = |role, content: &str| ChatMessage { role, content: content.into() };
        Prompt {
            model: "main".into(),
            temperature: 0.2,
            max_output_tokens: 300,
            messages: vec![message(Role::System, "Be kind."), message(Role::User, "Open?")],
            question: "Open?".into(),
            passages: Arc::new([]),
            confidence: 1.0,
            min_confidence: 0.0,
            weekday: None,
            tokens: 0,
            pictures: Vec::new(),
        }
    }

    fn model(server: &ScriptedServer, more: &Value) -> Openai {
        let mut settings = json!({"base_url": server.url, "api_key": "sk-top-secret"});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Openai::new(&serde_json::from_value(settings).unwrap()).unwrap()
    }

    fn reply(text: &str) -> Act {
        Act::say(&json!({"choices": [{"message": {"content": text}}]}).to_string())
    }

    async fn text(model: &Openai) -> (String, String, Vec<String>) {
        match model.complete(&prompt(), None).await.unwrap() {
            Completion::Text { text, model, failures, .. } => (text, model, failures),
            other => panic!("{other:?}"),
        }
    }

    /// Returns the final text or error, and the text heard meanwhile.
    async fn aloud(model: &Openai) -> (Result<String, Error>, String) {
        let heard = Mutex::new(String::new());
        let hear = |piece: &str| heard.lock().unwrap().push_str(piece);
        let text = match model.complete(&prompt(), Some(&hear)).await {
            Ok(Completion::Text { text, .. }) => Ok(text),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        };
        (text, heard.into_inner().unwrap())
    }

    fn piece(text: &str) -> String {
        format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}}]}))
    }

    #[tokio::test]
    async fn a_model_that_refuses_pictures_is_asked_without_them() {
        let refusal = Act::refuse(400, &[], r#"{"error":"no image input"}"#);
        let server = ScriptedServer::start(vec![refusal, reply("I cannot see it.")]).await;
        let model = model(&server, &json!({"model": "gpt-4o-mini"}));
        let identity = PictureIdentity { sha256: "a".into(), width: 1, height: 1 };
        let jpeg = Some(Blob(Arc::from(&b"jpeg"[..])));
        let pictures = vec![Picture { jpeg, identity }];
        let prompt = Prompt { model: "gpt-4o-mini".into(), pictures, ..prompt() };
        let answer = model.complete(&prompt, None).await.unwrap();
        assert!(matches!(answer, Completion::Text { text, .. } if text == "I cannot see it."));
        let asked: Vec<String> = server.bodies().iter().map(ToString::to_string).collect();
        assert!(asked[0].contains("image_url") && !asked[1].contains("image_url"), "{asked:?}");
        assert!(asked[1].contains("cannot be shown to you"), "{asked:?}");
    }

    #[tokio::test]
    async fn answers_of_lax_servers_are_read() {
        for body in [
            r#"{"choices":[{"message":{"content":"Yes."},"finish_reason":"eos"}]}"#,
            r#"{"choices":[{"message":{"content":"Yes.","role":"bot"},"finish_reason":7}],"usage":null,"error":null}"#,
            r#"{"choices":[{"message":{"content":[{"type":"text","text":"Yes"},{"type":"x"},{"text":"."}],"reasoning_content":"hm"}}]}"#,
            r#"{"id":3,"created":"now","choices":[{"delta":{"content":"Yes."}}],"usage":{"prompt_tokens":"many"}}"#,
        ] {
            let server = ScriptedServer::start(vec![Act::say(body)]).await;
            assert_eq!(text(&model(&server, &json!({}))).await.0, "Yes.", "{body}");
        }
    }

    #[tokio::test]
    async fn the_request_is_what_the_agent_and_the_settings_ask_for() {
        let server = ScriptedServer::start(vec![reply("Yes.")]).await;
        let more = json!({"extra": {"top_p": 0.5}, "max_tokens_field": "max_completion_tokens"});
        text(&model(&server, &more)).await;
        let expected = json!({
            "model": "main", "temperature": 0.2, "max_completion_tokens": 300, "top_p": 0.5,
            "stream": false,
            "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Open?"}],
        });
        assert_eq!(server.bodies(), [expected]);
        assert_eq!(server.received_requests()[0].path, "/v1/chat/completions");
    }

    #[tokio::test]
    async fn an_empty_answer_is_asked_for_once_more_and_then_from_the_fallback() {
        let empty =
            Act::say(r#"{"choices":[{"message":{"content":null},"finish_reason":"length"}]}"#);
        let server = ScriptedServer::start(vec![empty.clone(), empty, reply("Yes.")]).await;
        let (text, by, failures) = text(&model(&server, &json!({"fallback_model": "spare"}))).await;
        assert_eq!((text.as_str(), by.as_str()), ("Yes.", "spare"));
        assert_eq!(failures, ["main: an empty answer (finish_reason: length)"; 2]);
        let asked: Vec<_> = server.bodies().iter().map(|body| body["model"].clone()).collect();
        assert_eq!(asked, ["main", "main", "spare"]);
    }

    #[tokio::test]
    async fn a_refused_key_ends_everything_and_is_not_told() {
        let told = r#"{"error":{"message":"Incorrect API key provided: sk-top-secret"}}"#;
        let server = ScriptedServer::start(vec![Act::refuse(401, &[], told)]).await;
        let model = model(&server, &json!({"fallback_model": "spare"}));
        let error = model.complete(&prompt(), None).await.unwrap_err();
        assert_eq!(error.attempts, ["main: 401: the endpoint refused the key: check api_key"]);
        assert_eq!(server.received_requests().len(), 1);
        assert!(!format!("{:?}", model.settings).contains("secret"));
    }

    #[tokio::test]
    async fn an_unknown_model_leaves_it_to_the_fallback() {
        let server = ScriptedServer::start(vec![
            Act::refuse(404, &[], r#"{"error":"no main"}"#),
            reply("Yes."),
        ])
        .await;
        let (_, by, failures) = text(&model(&server, &json!({"fallback_model": "spare"}))).await;
        assert_eq!(by, "spare");
        assert!(failures[0].contains("(no main)"), "{failures:?}");
    }

    #[tokio::test]
    async fn the_whole_turn_ends_in_time_even_when_the_server_hangs() {
        let server = ScriptedServer::start(vec![Act::Stall]).await;
        let model = model(&server, &json!({"timeout_ms": 600, "fallback_model": "spare"}));
        let started = std::time::Instant::now();
        let error = model.complete(&prompt(), None).await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        assert_eq!(error.attempts.len(), 2, "{error}");
    }

    #[tokio::test]
    async fn usage_and_money_are_the_endpoints_or_counted_here() {
        let told = r#"{"choices":[{"message":{"content":"Yes."}}],"usage":{"prompt_tokens":1000,"completion_tokens":200}}"#;
        let server = ScriptedServer::start(vec![Act::say(told), reply("hello world")]).await;
        let model = model(&server, &json!({"prices": {"main": {"input": 0.15, "output": 0.6}}}));
        for (input, output, micros) in [(1000, 200, 270), (5, 2, 2)] {
            let answer = model.complete(&prompt(), None).await.unwrap();
            let Completion::Text { usage, .. } = answer else { panic!("{answer:?}") };
            let expected =
                Usage { input_tokens: input, output_tokens: output, cost_micros: micros };
            assert_eq!(usage, expected);
        }
    }

    #[tokio::test]
    async fn a_stream_is_heard_piece_by_piece() {
        let usage =
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":9}}\n\n";
        let stream =
            format!(": wait\n\n{}{}{usage}data: [DONE]\n\n", piece("We open "), piece("at nine."));
        let server = ScriptedServer::start(vec![Act::stream(&stream)]).await;
        let model = model(&server, &json!({}));
        let heard = Mutex::new(Vec::new());
        let hear = |piece: &str| heard.lock().unwrap().push(piece.to_owned());
        let answer = model.complete(&prompt(), Some(&hear)).await.unwrap();
        let Completion::Text { text, usage, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(text, "We open at nine.");
        assert_eq!(usage.output_tokens, 9);
        assert_eq!(*heard.lock().unwrap(), ["We open ", "at nine."]);
        assert_eq!(server.bodies()[0]["stream_options"], json!({"include_usage": true}));
    }

    #[tokio::test]
    async fn a_stream_that_dies_is_asked_for_again_and_nothing_is_heard_twice() {
        let whole = format!("{}{}data: [DONE]\n\n", piece("We open"), piece(" at nine."));
        for dead in [Act::Cut(piece("We o")), Act::stream(&piece("We o"))] {
            let server = ScriptedServer::start(vec![dead, Act::stream(&whole)]).await;
            let (text, heard) = aloud(&model(&server, &json!({}))).await;
            assert_eq!(text.unwrap(), "We open at nine.");
            assert_eq!(heard, "We open at nine.");
        }
    }

    #[tokio::test]
    async fn a_stream_that_hangs_is_given_up() {
        let soon = u64::try_from(SOON.as_millis()).unwrap();
        let hang = vec![Act::Hang(piece("We")), Act::Hang(String::new()), Act::Stall];
        let server = ScriptedServer::start(hang).await;
        let more = json!({"idle_ms": soon, "first_token_ms": soon * 2, "retries": 2});
        let (text, heard) = aloud(&model(&server, &more)).await;
        let attempts = text.unwrap_err().attempts;
        assert!(attempts[0].contains("150 ms") && attempts[1].contains("300 ms"), "{attempts:?}");
        assert_eq!((attempts.len(), heard.as_str()), (3, "We"));
    }

    #[tokio::test]
    async fn odd_streams_are_read() {
        let finished = "data: {\"choices\":[{\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":\"eos\"}]}\n\n";
        let whole = Act::say("{\n\"choices\":[{\"message\":{\"content\":\"Yes.\"}}]}");
        for act in
            [Act::Cut(finished.into()), Act::Hang(finished.into()), Act::stream(finished), whole]
        {
            let server = ScriptedServer::start(vec![act]).await;
            let (text, heard) = aloud(&model(&server, &json!({"retries": 0}))).await;
            assert_eq!((text.unwrap().as_str(), heard.as_str()), ("Yes.", "Yes."));
        }
        let error = "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n";
        let server = ScriptedServer::start(vec![Act::stream(error)]).await;
        let (text, _) = aloud(&model(&server, &json!({"retries": 0}))).await;
        let told = text.unwrap_err().to_string();
        assert!(told.contains("503") && told.contains("overloaded"), "{told}");
    }

    #[tokio::test]
    async fn a_check_names_the_model_or_says_which_there_are() {
        let list = r#"{"data":[{"id":"llama3.1:latest"},{"id":"x/qwen"}]}"#;
        for (act, name, fine) in [
            (Act::say(list), "llama3.1", true),
            (Act::say(list), "Qwen", true),
            (Act::say(list), "gpt-4o", false),
            (Act::say("[]"), "gpt-4o", true),
            (Act::refuse(404, &[], "none"), "gpt-4o", true),
            (Act::refuse(401, &[], "{}"), "gpt-4o", false),
        ] {
            let server = ScriptedServer::start(vec![act]).await;
            let told = model(&server, &json!({"model": name})).check().await;
            assert_eq!(told.is_ok(), fine, "{told:?}");
            assert!(format!("{told:?}").contains(&server.url), "{told:?}");
        }
    }

    #[test]
    fn settings_are_read_as_the_configuration_holds_them() {
        frontdesk_endpoint::scripted::crypto();
        let written = json!({
            "kind": "openai", "model": "m", "api_key": "sk-top-secret", "idle_ms": 5,
            "prices": {"m": {"input": 1, "output": 2.5}}, "extra": {"seed": 1},
        });
        let settings: super::super::Settings = serde_json::from_value(written).unwrap();
        let model = settings
            .build(0, crate::llm::Settings::without_model(crate::qa::off()))
            .unwrap()
            .current();
        assert_eq!(model.default_model(), "m");
        assert_eq!(
            model.kind("m").window(),
            Some(Window {
                tokens: 128_000,
                price: Some(Price { input: 1.0, output: 2.5 }),
                sees: false
            })
        );
    }

    #[test]
    fn wrong_settings_are_named() {
        let wrong = |settings: Value| {
            let read: Result<Settings, _> = serde_json::from_value(settings);
            match read {
                Ok(settings) => Openai::new(&settings).err().unwrap_or_default(),
                Err(error) => error.to_string(),
            }
        };
        assert!(wrong(json!({"modell": "x"})).contains("max_tokens_field"));
        assert!(wrong(json!({"model": " "})).contains("model"));
        assert!(wrong(json!({"idle_ms": 0})).contains("idle_ms"));
        assert!(wrong(json!({"min_confidence": 2})).contains("min_confidence"));
        assert!(wrong(json!({"prices": {"m": {"input": -1, "output": 0}}})).contains("prices"));
        assert!(wrong(json!({"base_url": "here"})).contains("base_url"));
    }
}
