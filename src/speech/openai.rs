//! Transcribes with an OpenAI-compatible `/audio/transcriptions` endpoint. Must not convert the
//! recording: it is sent as the customer sent it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_openai::error::OpenAIError;
use async_openai::traits::AsyncTryFrom;
use async_trait::async_trait;
use frontdesk_endpoint::address::Guard;
use frontdesk_endpoint::{Access, Endpoint, OPENAI};
use reqwest::multipart::{Form, Part};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Error, Recording, Transcriber, Transcript};
use answer::{Answer, ParsedTranscript};
use languages::iso_639_1;

use crate::models::ModelSetting;

mod answer;
mod languages;

/// Longest transcript, with its segments: hours of speech.
const MAX_TRANSCRIPT_BYTES: usize = 512 * 1024;

/// Settings of an OpenAI-compatible transcription endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// URL before `/audio/transcriptions`.
    base_url: String,
    /// API key; local servers need none.
    api_key: Option<SecretString>,
    /// Model name.
    model: String,
    /// Time limit for a recording, in milliseconds, including all attempts and waits.
    timeout_ms: u64,
    /// Time limit for one attempt, in milliseconds.
    attempt_ms: u64,
    /// How often a transient failure is retried.
    retries: u32,
    /// Maximum wait between two attempts, in milliseconds, whatever the endpoint asks for.
    retry_cap_ms: u64,
    /// Set for an address that somebody chose while the desk runs: whether it may be private.
    #[serde(skip)]
    allow_private: Option<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: OPENAI.into(),
            api_key: None,
            model: "whisper-1".into(),
            timeout_ms: 90_000,
            attempt_ms: 45_000,
            retries: 3,
            retry_cap_ms: 20_000,
            allow_private: None,
        }
    }
}

impl Settings {
    /// URL before `/audio/transcriptions`.
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The same at the endpoint and with the model that somebody chose.
    pub(super) fn at(&self, chosen: &ModelSetting) -> Self {
        Self {
            base_url: chosen.base_url.clone(),
            api_key: chosen.api_key.clone(),
            model: chosen.model.clone(),
            allow_private: Some(chosen.trusted),
            ..self.clone()
        }
    }
}

pub(super) struct Openai {
    endpoint: Endpoint,
    model: String,
    name: String,
    /// Whether the model refused `verbose_json`, the format that reports the language.
    plain: AtomicBool,
}

impl Openai {
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        let model = settings.model.trim().to_owned();
        if model.is_empty() {
            return Err("model is empty: name one, such as whisper-1".into());
        }
        let guard = settings.allow_private.map(Guard::new);
        let access = Access {
            base_url: settings.base_url.clone(),
            api_key: settings.api_key.clone(),
            timeout_ms: settings.timeout_ms,
            attempt_ms: settings.attempt_ms,
            retries: settings.retries,
            retry_cap_ms: settings.retry_cap_ms,
        };
        let endpoint = Endpoint::maybe_guarded(access, guard)?;
        let name = format!("openai/{model}");
        Ok(Self { endpoint, model, name, plain: AtomicBool::new(false) })
    }

    async fn ask(&self, upload: &Upload) -> Result<Answer, String> {
        let ask = || async {
            let audio = self.endpoint.whole().audio();
            let transcriptions = audio.transcription();
            transcriptions.create_byot::<_, Answer>(upload.clone()).await
        };
        self.endpoint.ask(ask).await
    }
}

#[async_trait]
impl Transcriber for Openai {
    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }

    async fn transcribe(&self, recording: &Recording<'_>) -> Result<Transcript, Error> {
        let plain = self.plain.load(Ordering::Relaxed);
        let mut upload = Upload::new(recording, &self.model, plain);
        let mut answer = self.ask(&upload).await;
        if let Err(words) = &answer
            && !plain
            && words.contains("response_format")
        {
            upload.format = "json";
            answer = self.ask(&upload).await;
            self.plain.store(answer.is_ok(), Ordering::Relaxed);
        }
        let answer = answer.map_err(Error::Failed)?;
        let bytes = answer.bytes();
        if bytes > MAX_TRANSCRIPT_BYTES {
            let why = format!("the transcript has {bytes} bytes, more than anybody says");
            return Err(Error::Failed(why));
        }
        let Some(ParsedTranscript { text, confidence, segments }) = answer.parse_transcript()
        else {
            return Err(Error::Failed("the answer has no text".into()));
        };
        let told = answer.language.as_deref().and_then(iso_639_1);
        let language = told.or_else(|| recording.language.map(str::to_owned));
        Ok(Transcript {
            text,
            language,
            confidence,
            seconds: answer.duration.filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
            segments,
            by: self.name.clone(),
        })
    }
}

/// A transcription request.
#[derive(Clone)]
struct Upload {
    bytes: Arc<[u8]>,
    file_name: String,
    mime_type: String,
    model: String,
    language: Option<String>,
    vocabulary: String,
    format: &'static str,
}

impl Upload {
    fn new(recording: &Recording<'_>, model: &str, plain: bool) -> Self {
        let mime_type = bare(recording.mime_type);
        Self {
            bytes: Arc::clone(&recording.bytes),
            file_name: format!("recording.{}", extension(&mime_type)),
            mime_type,
            model: model.to_owned(),
            language: recording.language.map(str::to_owned),
            vocabulary: recording.vocabulary.to_owned(),
            format: if plain { "json" } else { "verbose_json" },
        }
    }
}

impl AsyncTryFrom<Upload> for Form {
    type Error = OpenAIError;

    async fn try_from(upload: Upload) -> Result<Self, OpenAIError> {
        let part = || Part::bytes(upload.bytes.to_vec()).file_name(upload.file_name.clone());
        let file = part().mime_str(&upload.mime_type).unwrap_or_else(|_| part());
        let form = Self::new()
            .text("model", upload.model.clone())
            .text("response_format", upload.format)
            .part("file", file);
        let form = match upload.language.clone() {
            Some(language) => form.text("language", language),
            None => form,
        };
        Ok(if upload.vocabulary.is_empty() {
            form
        } else {
            form.text("prompt", upload.vocabulary.clone())
        })
    }
}

/// A MIME type without parameters: `audio/ogg; codecs=opus` becomes `audio/ogg`.
fn bare(mime_type: &str) -> String {
    mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// File extension that tells the endpoint the format. Unknown types are taken for Ogg, WhatsApp's
/// format.
fn extension(mime_type: &str) -> &'static str {
    match mime_type {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/mp4" | "audio/m4a" | "audio/x-m4a" | "audio/aac" => "m4a",
        "audio/wav" | "audio/wave" | "audio/x-wav" | "audio/vnd.wave" => "wav",
        "audio/webm" | "video/webm" => "webm",
        "audio/flac" | "audio/x-flac" => "flac",
        "audio/amr" => "amr",
        "video/mp4" => "mp4",
        _ => "ogg",
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_endpoint::scripted::{Act, ScriptedServer};

    use super::*;

    fn note() -> Recording<'static> {
        Recording {
            bytes: Arc::from(*b"OggS\x00\xff"),
            mime_type: "audio/ogg; codecs=opus",
            language: None,
            vocabulary: "",
            progress: None,
        }
    }

    fn transcriber(server: &ScriptedServer) -> Openai {
        let settings = serde_json::json!({"base_url": server.url, "api_key": "sk-top-secret"});
        Openai::new(&serde_json::from_value(settings).unwrap()).unwrap()
    }

    async fn hear(act: Act, recording: &Recording<'_>) -> Result<Transcript, Error> {
        let server = ScriptedServer::start(vec![act]).await;
        transcriber(&server).transcribe(recording).await
    }

    #[tokio::test]
    async fn the_words_and_the_language_come_back() {
        for (answer, words, language) in [
            (r#"{"task":"transcribe","language":"english","text":" Open? "}"#, "Open?", Some("en")),
            (r#"{"language":"pt-BR","text":"Abre?"}"#, "Abre?", Some("pt")),
            (r#"{"language":"klingon","text":"x"}"#, "x", None),
            (r#"{"text":"Open?","language":null}"#, "Open?", None),
            (r#"{"text":""}"#, "", None),
        ] {
            let transcript = hear(Act::say(answer), &note()).await.unwrap();
            assert_eq!(
                (transcript.text.as_str(), transcript.language.as_deref()),
                (words, language)
            );
        }
        let known = Recording { language: Some("de"), ..note() };
        let transcript = hear(Act::say(r#"{"text":"Offen?"}"#), &known).await.unwrap();
        assert_eq!(transcript.language.as_deref(), Some("de"));
    }

    #[tokio::test]
    async fn a_transcript_that_nobody_can_have_said_is_not_stored() {
        for (length, is_kept) in [(MAX_TRANSCRIPT_BYTES, true), (MAX_TRANSCRIPT_BYTES + 1, false)] {
            let answer = serde_json::json!({"text": "x".repeat(length)}).to_string();
            assert_eq!(hear(Act::say(&answer), &note()).await.is_ok(), is_kept, "{length}");
        }
    }

    #[tokio::test]
    async fn the_recording_goes_out_as_a_file_with_a_fitting_name() {
        let server = ScriptedServer::start(vec![Act::say(r#"{"text":"x"}"#)]).await;
        let transcriber = transcriber(&server);
        for (mime_type, name) in
            [(note().mime_type, "recording.ogg"), ("Audio/MPEG", "recording.mp3"), ("ä/", ".ogg")]
        {
            let recording = Recording { mime_type, language: Some("en"), ..note() };
            transcriber.transcribe(&recording).await.unwrap();
            let heard = server.received_requests().pop().unwrap();
            let body = String::from_utf8_lossy(&heard.body).into_owned();
            assert_eq!(heard.path, "/v1/audio/transcriptions");
            for part in [name, "whisper-1", "verbose_json", "OggS", "name=\"language\"\r\n\r\nen"] {
                assert!(body.contains(part), "{mime_type}: {part} is not in {body}");
            }
        }
    }

    #[tokio::test]
    async fn a_model_without_verbose_answers_is_asked_for_a_plain_one() {
        let refused = r#"{"error":{"message":"response_format 'verbose_json' is not compatible"}}"#;
        let script = vec![Act::refuse(400, &[], refused), Act::say(r#"{"text":"Open?"}"#)];
        let server = ScriptedServer::start(script).await;
        let transcriber = transcriber(&server);
        for requests in [2, 3] {
            assert_eq!(transcriber.transcribe(&note()).await.unwrap().text, "Open?");
            assert_eq!(server.received_requests().len(), requests);
        }
    }

    #[tokio::test]
    async fn failures_say_what_to_check() {
        let refused = Act::refuse(401, &[], r#"{"error":"bad key sk-top-secret"}"#);
        let told = hear(refused, &note()).await.unwrap_err().to_string();
        assert!(told.contains("api_key") && !told.contains("secret"), "{told}");
        let told = hear(Act::say(r#"{"words":"x"}"#), &note()).await.unwrap_err().to_string();
        assert!(told.contains("no text"), "{told}");
    }
}
