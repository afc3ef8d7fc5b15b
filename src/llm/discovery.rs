//! What a search for a model found, for people. Must not search.

use std::fmt::{self, Display};

use frontdesk_words::words;

words! {
    /// How the model that answers was chosen.
    pub enum ModelOrigin {
        /// `[llm]` names it, or says that there is none.
        Configured = "configured",
        /// Somebody chose it in the console or with `frontdesk models set`.
        Console = "console",
        /// `OPENAI_API_KEY` was set for this process.
        Environment = "environment",
        /// A server on this machine was found.
        Machine = "machine",
        /// None was found: answers quote the documents' own sentences.
        NotFound = "not_found",
        /// The server that was found no longer answers: until it does, answers quote the documents'
        /// own sentences.
        Gone = "gone",
    }
}

/// How a model was found, and what was asked for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// How the model was chosen.
    pub origin: ModelOrigin,
    /// URL of the endpoint that gets the customers' messages, or got them until it was gone.
    pub url: Option<String>,
    /// Product name of its server, if it was found on this machine.
    pub(super) server: Option<&'static str>,
    /// Addresses that were asked for their models.
    pub asked: Vec<String>,
    /// Why the endpoint that the environment or the console names cannot be used; then nobody is
    /// asked.
    pub problem: Option<String>,
}

impl Discovery {
    /// The model of the configuration, for which nothing was asked.
    pub(super) fn configured() -> Self {
        let origin = ModelOrigin::Configured;
        Self { origin, url: None, server: None, asked: Vec::new(), problem: None }
    }

    /// The model that somebody chose.
    pub(super) fn console(url: String) -> Self {
        Self { origin: ModelOrigin::Console, url: Some(url), ..Self::configured() }
    }

    /// A model that somebody chose and that cannot be used.
    pub(super) fn unusable(why: String) -> Self {
        Self { origin: ModelOrigin::Console, problem: Some(why), ..Self::configured() }
    }
}

/// One line for the terminal: where messages go, what was asked, and how to change it.
impl Display for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self.asked.join(", ");
        let url = self.url.as_deref().unwrap_or_default();
        match self.origin {
            ModelOrigin::Configured => write!(f, "as [llm] says"),
            ModelOrigin::Console => match &self.problem {
                Some(problem) => write!(
                    f,
                    "the model that was chosen cannot be used, sentences from the documents ({problem}); `frontdesk models set chat` \
                     chooses it anew"
                ),
                None => write!(
                    f,
                    "chosen in the console or the terminal: customers' messages are sent to {url}; `frontdesk models unset chat` goes \
                     back to [llm]"
                ),
            },
            ModelOrigin::Environment => write!(
                f,
                "OPENAI_API_KEY is set: customers' messages are sent to {url}; [llm] kind = \"extractive\" keeps them here"
            ),
            ModelOrigin::Machine => write!(
                f,
                "{} at {url}, found by itself (asked: {asked}); [llm] kind = \"openai\" or \"extractive\" changes it",
                self.server.unwrap_or("a server")
            ),
            ModelOrigin::NotFound => {
                let why = match &self.problem {
                    Some(problem) => problem.clone(),
                    None if asked.is_empty() => "[llm] ports names no port to ask".to_owned(),
                    None => format!("asked: {asked}; none there with 3 billion parameters or more"),
                };
                write!(
                    f,
                    "no model, sentences from the documents ({why}); [llm] kind = \"openai\" names one"
                )
            }
            ModelOrigin::Gone => write!(
                f,
                "{url} no longer answers: sentences from the documents until it does; [llm] kind = \"openai\" names another"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_why_there_is_no_model() {
        let none = Discovery { origin: ModelOrigin::NotFound, ..Discovery::configured() };
        let asked = Discovery { asked: vec!["127.0.0.1:1".into()], ..none.clone() };
        let problem = Discovery { problem: Some("the key is odd".into()), ..none.clone() };
        for (discovery, why) in [
            (none, "([llm] ports names no port to ask)"),
            (asked, "(asked: 127.0.0.1:1; none there with 3 billion parameters or more)"),
            (problem, "(the key is odd)"),
        ] {
            let line = discovery.to_string();
            assert!(line.contains(why), "{line}");
        }
    }
}
