//! Pure: chooses a model among those that an endpoint lists.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;

/// Models of OpenAI that are cheap, current, and take `max_tokens` and `temperature`, the preferred
/// first. Its reasoning models take neither, so the order of a listing would be no good guide.
const HOSTED: &[&str] = &["gpt-4o-mini", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o", "gpt-4.1"];

/// Billions of parameters up to which a larger model is taken to be the better one. Most machines
/// write with larger ones more slowly than a customer waits.
const LARGEST_USUAL: f32 = 15.0;
/// Billions of parameters below which answers are worse than sentences from the documents.
const SMALLEST_USEFUL: f32 = 3.0;
/// Billions of parameters of a model whose name has none. Most of Ollama's default tags have 4 to 9.
const USUAL: f32 = 7.0;

/// Parts of the names of models that are made for something else than conversation.
const SPECIALISTS: &[&str] = &["code", "math", "-base", "-text", "tool", "medical", "sql"];

/// Returns the model to use of a hosted endpoint: a known one, or the first.
pub(super) fn hosted(listed: &[String]) -> Option<&String> {
    let known = |name: &&str| listed.iter().find(|listed| super::same_model(listed, name));
    HOSTED.iter().find_map(known).or_else(|| listed.first())
}

/// Compares two models of a server on this machine; the greater one is used.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let key = |name: &str| {
        let name = name.to_lowercase();
        let size = billions(&name).unwrap_or(USUAL);
        let suitable = if size > LARGEST_USUAL { -size } else { size };
        (!SPECIALISTS.iter().any(|part| name.contains(part)), suitable)
    };
    let ((general, size), (other_general, other_size)) = (key(one), key(other));
    general.cmp(&other_general).then(size.total_cmp(&other_size))
}

/// Whether the name of a model of a server on this machine tells that it is run elsewhere:
/// `gpt-oss:120b-cloud` and `glm-4.6:cloud` of Ollama do.
pub(super) fn is_run_elsewhere(name: &str) -> bool {
    name.to_lowercase().ends_with("cloud")
}

/// Whether a model's name tells that it is too small to answer customers.
pub(super) fn is_too_small(name: &str) -> bool {
    billions(&name.to_lowercase()).is_some_and(|size| size < SMALLEST_USEFUL)
}

/// Returns the parameters that a lowercase name gives: `llama3.1:8b` has 8, `mixtral:8x7b` 56,
/// `gemma3:270m` 0.27.
fn billions(name: &str) -> Option<f32> {
    static SIZE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:^|[^a-z0-9.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d{1,3})?)([bm])(?:$|[^a-z0-9])")
            .expect("a valid pattern")
    });
    let sizes = SIZE.captures_iter(name).filter_map(|found| {
        let number = |group| found.get(group).and_then(|text| text.as_str().parse::<f32>().ok());
        let unit = if &found[3] == "m" { 0.001 } else { 1.0 };
        Some(number(2)? * number(1).unwrap_or(1.0) * unit)
    });
    sizes.max_by(f32::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_names() {
        for (name, size) in [
            ("llama3.1:8b", Some(8.0)),
            ("qwen2.5:0.5b-instruct", Some(0.5)),
            ("mixtral:8x7b", Some(56.0)),
            ("gemma3:270m", Some(0.27)),
            ("meta-llama/llama-3.1-70b-instruct", Some(70.0)),
            ("qwen3-30b-a3b", Some(30.0)),
            ("meta-llama-3.1-8b-instruct-q4_k_m.gguf", Some(8.0)),
            ("mistral:latest", None),
            ("phi-3-mini-4k-instruct", None),
        ] {
            assert_eq!(billions(name), size, "{name}");
        }
    }

    #[test]
    fn the_best_of_this_machine_is_the_largest_that_is_not_too_large() {
        let best = |names: &[&'static str]| {
            names.iter().copied().max_by(|one, other| compare(one, other)).unwrap()
        };
        assert_eq!(best(&["llama3.1:8b", "llama3.2:1b", "llama3.3:70b"]), "llama3.1:8b");
        assert_eq!(best(&["mistral:latest", "gemma3:1b", "qwen3:14b"]), "qwen3:14b");
        assert_eq!(best(&["qwen2.5-coder:14b", "gemma3:4b"]), "gemma3:4b");
        assert_eq!(best(&["llama3.3:70b", "gemma3:27b"]), "gemma3:27b");
        assert_eq!(best(&["llama3.1:8b-text", "gemma3:270m"]), "gemma3:270m");
    }

    #[test]
    fn models_that_are_too_small_are_known_by_their_names() {
        for name in ["gemma3:270m", "SmolLM2:135M", "qwen2.5:0.5b", "llama3.2:1b", "gemma-2-2b-it"]
        {
            assert!(is_too_small(name), "{name}");
        }
        for name in ["llama3.2:3b", "mistral:latest", "llama3.1:8b", "phi-3-mini-4k-instruct"] {
            assert!(!is_too_small(name), "{name}");
        }
    }

    #[test]
    fn models_that_are_run_elsewhere_are_known() {
        for name in ["gpt-oss:120b-cloud", "glm-4.6:cloud", "Kimi:1t-Cloud"] {
            assert!(is_run_elsewhere(name), "{name}");
        }
        assert!(!is_run_elsewhere("cloudy:7b"));
    }

    #[test]
    fn the_model_of_a_hosted_endpoint_is_a_known_one_or_its_first() {
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            hosted(&names).cloned()
        };
        assert_eq!(chosen(&["gpt-5", "gpt-4o", "gpt-4o-mini"]).unwrap(), "gpt-4o-mini");
        assert_eq!(chosen(&["x/a", "openai/gpt-4.1-mini"]).unwrap(), "openai/gpt-4.1-mini");
        assert_eq!(chosen(&["mine", "other"]).unwrap(), "mine");
        assert_eq!(chosen(&[]), None);
    }
}
