//! Words about models: who runs the one that answers, why it does not, and what others do.

use frontdesk_words::words;

words! {
    /// Who runs the model that answers.
    pub enum ModelProvider {
        /// OpenAI, at its own address.
        Openai = "openai",
        /// Azure `OpenAI`: the address of a resource, and the names of its deployments.
        Azure = "azure",
        /// Any other endpoint that speaks `OpenAI`'s API.
        Compatible = "compatible",
        /// Ollama, on this machine or in its network.
        Ollama = "ollama",
    }
}

impl ModelProvider {
    /// Whether it answers nobody without a key.
    pub fn needs_key(self) -> bool {
        matches!(self, Self::Openai | Self::Azure)
    }
}

words! {
    /// Why an endpoint did not list its models or did not answer, for translations.
    #[schema(as = EndpointProblem)]
    pub enum EndpointProblem {
        /// It refused the key, or wants one.
        KeyRefused = "key_refused",
        /// It has no such model, or the address is wrong.
        NotFound = "not_found",
        /// The account has no credit left.
        NoCredit = "no_credit",
        /// No connection could be made.
        Unreachable = "unreachable",
        /// It did not answer in time.
        TooSlow = "too_slow",
        /// Anything else; the endpoint's words say more.
        Other = "other",
    }
}

impl EndpointProblem {
    /// Classifies the description of a failure of an endpoint.
    pub fn of(words: &str) -> Self {
        let any = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        // Some words begin with the model's name.
        let status = words.split(": ").find_map(|part| {
            part.get(..3).filter(|code| code.bytes().all(|digit| digit.is_ascii_digit()))
        });
        match status {
            _ if any(&["no credit left"]) => Self::NoCredit,
            Some("401" | "403") => Self::KeyRefused,
            Some("404" | "405") => Self::NotFound,
            _ if any(&["cannot connect"]) => Self::Unreachable,
            _ if any(&["no answer within"]) => Self::TooSlow,
            _ => Self::Other,
        }
    }
}

words! {
    /// What a model does besides answering.
    pub enum ModelTask {
        /// It turns texts into vectors, for search by meaning.
        Embeddings = "embeddings",
        /// It transcribes voice notes.
        Speech = "speech",
        /// It tells speech from silence in voice notes.
        SpeechDetection = "speech_detection",
        /// It puts the best passages first.
        Reranking = "reranking",
        /// It chooses what is quoted where no model writes.
        QuestionAnswering = "question_answering",
    }
}

words! {
    /// Where a model that does not answer comes from.
    pub enum PartOrigin {
        /// The configuration names it.
        Configuration = "configuration",
        /// It is among the local models, and was taken by itself.
        Found = "found",
        /// There is none.
        Off = "off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_endpoints_say_is_classified() {
        for (words, problem) in [
            ("401: the endpoint refused the key: check api_key", EndpointProblem::KeyRefused),
            ("gpt-4o: 401: the endpoint refused the key", EndpointProblem::KeyRefused),
            ("403 Forbidden: not allowed: check api_key and model", EndpointProblem::KeyRefused),
            ("404 Not Found: not found: check model and base_url", EndpointProblem::NotFound),
            (
                "429: no credit left: check the account's plan and billing",
                EndpointProblem::NoCredit,
            ),
            ("cannot connect: check base_url (Connection refused)", EndpointProblem::Unreachable),
            ("500 Internal Server Error", EndpointProblem::Other),
            ("é", EndpointProblem::Other),
        ] {
            assert_eq!(EndpointProblem::of(words), problem, "{words}");
        }
    }
}
