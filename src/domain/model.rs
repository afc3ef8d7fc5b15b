//! Words about models: what they do, who runs them, and why one does not answer.

use frontdesk_words::words;

words! {
    /// A task whose model can be chosen while the desk runs.
    pub enum ModelRole {
        /// It writes the answers.
        Chat = "chat",
        /// It turns texts into vectors, for search by meaning.
        Embeddings = "embeddings",
        /// It transcribes voice notes.
        Speech = "speech",
        /// It puts the best passages first.
        Reranking = "reranking",
    }
}

words! {
    /// Who runs a model.
    pub enum ModelProvider {
        /// OpenAI, at its own address.
        Openai = "openai",
        /// Azure `OpenAI`: the address of a resource, and the names of its deployments.
        Azure = "azure",
        /// Any other endpoint: that speaks `OpenAI`'s API or, for reranking, Cohere's.
        Compatible = "compatible",
        /// Ollama, on this machine or in its network.
        Ollama = "ollama",
        /// Cohere, at its own address.
        Cohere = "cohere",
        /// Hugging Face's text-embeddings-inference.
        Tei = "tei",
        /// The desk itself, with a model of its machine.
        Local = "local",
        /// Nobody: the task is not done.
        Off = "off",
    }
}

impl ModelProvider {
    /// Whether it answers nobody without a key.
    pub fn needs_key(self) -> bool {
        matches!(self, Self::Openai | Self::Azure | Self::Cohere)
    }

    /// Whether it is reached at an address.
    pub fn is_endpoint(self) -> bool {
        !matches!(self, Self::Local | Self::Off)
    }
}

impl ModelRole {
    /// Who can do it.
    pub fn providers(self) -> &'static [ModelProvider] {
        use ModelProvider::{Azure, Cohere, Compatible, Local, Off, Ollama, Openai, Tei};
        match self {
            Self::Chat => &[Openai, Azure, Compatible, Ollama],
            Self::Embeddings => &[Openai, Azure, Compatible, Ollama, Local, Off],
            Self::Speech => &[Openai, Azure, Compatible, Local, Off],
            Self::Reranking => &[Cohere, Compatible, Tei, Local, Off],
        }
    }

    /// Whether an agent can have a model of its own for it. Vectors are shared by all agents that
    /// read a collection.
    pub fn is_per_agent(self) -> bool {
        self != Self::Embeddings
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

impl ModelTask {
    /// The task as one whose model can be chosen; `None` if it cannot.
    pub fn role(self) -> Option<ModelRole> {
        match self {
            Self::Embeddings => Some(ModelRole::Embeddings),
            Self::Speech => Some(ModelRole::Speech),
            Self::Reranking => Some(ModelRole::Reranking),
            Self::SpeechDetection | Self::QuestionAnswering => None,
        }
    }
}

words! {
    /// Where a model that does not answer comes from.
    pub enum PartOrigin {
        /// Somebody chose it in the console or with `frontdesk models set`.
        Console = "console",
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
