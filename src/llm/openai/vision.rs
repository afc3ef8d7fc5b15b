//! Part of the OpenAI-compatible adapter: which models see pictures, and how a request holds them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::domain::{Picture, Prompt};

/// Parts of the names of models that see, from the model cards of their makers. A model that is not
/// listed counts as blind: one that refuses a picture refuses the whole request.
const SEEING: &[&str] = &[
    "gpt-4o",
    "gpt-4.1",
    "gpt-4.5",
    "gpt-4-turbo",
    "gpt-5",
    "o4-mini",
    "chatgpt-4o",
    "claude-",
    "gemini-",
    "gemma3",
    "gemma-3",
    "llava",
    "bakllava",
    "vision",
    "-vl",
    "vl:",
    "pixtral",
    "minicpm-v",
    "moondream",
    "mistral-small3.1",
    "mistral-small3.2",
    "llama4",
    "llama-4",
    "internvl",
    "smolvlm",
];
/// Models of these families that see by name and do not.
const BLIND: &[&str] = &[
    "audio",
    "realtime",
    "transcribe",
    "tts",
    "search",
    "gemma3:1b",
    "gemma3:270m",
    "gemma-3-1b",
    "gemma-3-270m",
    "gemma3n",
    "gemma-3n",
    "turbo-preview",
];
/// Families that see under exactly these names or with a date behind them.
const REASONING: &[&str] = &["o1", "o3"];

/// Text for a model that does not see, after a prompt that was made for one that does.
const NOT_SHOWN: &str =
    "(The pictures cannot be shown to you. Say that you cannot see pictures, do not guess.)";

/// Whether a model of this name sees pictures; a relay may name its owner first.
pub(super) fn sees(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model).to_lowercase();
    let dated = |family: &&&str| {
        name.strip_prefix(**family).is_some_and(|rest| rest.is_empty() || rest.starts_with("-20"))
    };
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    (has(SEEING) || REASONING.iter().any(|family| dated(&family))) && !has(BLIND)
}

/// Returns the `messages` of a request. Pictures are parts of the last one, as data URLs:
/// <https://platform.openai.com/docs/guides/images-vision>.
pub(super) fn messages(prompt: &Prompt, sees: bool) -> Value {
    let mut messages = json!(prompt.messages);
    let shown: Vec<&[u8]> = prompt.pictures.iter().filter_map(bytes).collect();
    let last = messages.as_array_mut().and_then(|all| all.last_mut());
    if let Some(last) = last.filter(|_| !prompt.pictures.is_empty()) {
        let text = last["content"].as_str().unwrap_or_default().to_owned();
        if !sees || shown.is_empty() {
            last["content"] = format!("{text}\n\n{NOT_SHOWN}").into();
            return messages;
        }
        let mut parts = vec![json!({"type": "text", "text": text})];
        parts.extend(shown.into_iter().map(|jpeg| {
            let url = format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg));
            json!({"type": "image_url", "image_url": {"url": url}})
        }));
        last["content"] = parts.into();
    }
    messages
}

fn bytes(picture: &Picture) -> Option<&[u8]> {
    picture.jpeg.as_ref().map(|jpeg| &*jpeg.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_see_are_known_by_their_names() {
        for name in [
            "gpt-4o-mini",
            "gpt-4.1-nano",
            "gpt-5-mini",
            "openai/gpt-4o",
            "o3",
            "o1-2024-12-17",
            "o4-mini",
            "llama3.2-vision:11b",
            "qwen2.5vl:7b",
            "qwen2.5-vl-72b",
            "llava:7b",
            "claude-sonnet-4-5",
            "google/gemini-2.5-flash",
            "gemma3:4b",
            "Pixtral-12B",
        ] {
            assert!(sees(name), "{name}");
        }
        for name in [
            "gpt-3.5-turbo",
            "o1-mini",
            "o3-mini",
            "llama3.1:8b",
            "mistral-nemo",
            "qwen2.5:7b",
            "gpt-4o-transcribe",
            "gpt-4o-audio-preview",
            "gemma3:1b",
            "main",
            "",
        ] {
            assert!(!sees(name), "{name}");
        }
    }
}
