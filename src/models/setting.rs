//! A model that somebody chose in the console or in the terminal, and which addresses may be named.
//! Must neither store nor ask it.
//!
//! The key that comes with an address is sent to that address alone. Whoever is signed in could
//! otherwise have the desk call its own network, so only its owner names private addresses; others
//! name public ones, over TLS, and those that the configuration has the desk call anyway.

use frontdesk_endpoint::OPENAI;
use frontdesk_endpoint::address::{AddressError, Guard};
use secrecy::SecretString;
use url::Url;

use crate::domain::ModelProvider;

/// Where Ollama listens.
const OLLAMA: &str = "http://127.0.0.1:11434/v1";
/// Cohere's address, without `/rerank`.
const COHERE: &str = "https://api.cohere.com/v2";

/// A model that was chosen.
#[derive(Debug, Clone)]
pub struct ModelSetting {
    /// Who runs it.
    pub provider: ModelProvider,
    /// Everything before `/chat/completions`, `/embeddings` and so on, as [`address`] returns it;
    /// empty without an endpoint.
    pub base_url: String,
    /// Its name; empty for an endpoint with one model, and for [`ModelProvider::Off`].
    pub model: String,
    /// Its key; local servers need none.
    pub api_key: Option<SecretString>,
    /// Whether the address may be private.
    pub trusted: bool,
}

/// Why an address may not be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefusal {
    /// It is private.
    #[error(
        "Only who holds the admin key sets a model at a private address: `frontdesk models set` on the desk's machine does. \
         An address that the configuration itself names is free."
    )]
    Private,
    /// It can be used by nobody; says why.
    #[error("{0}")]
    Unusable(String),
}

/// Returns the address that a provider is asked at, in one spelling. `written` is empty for its
/// usual one. Errors say what to write.
pub fn address(provider: ModelProvider, written: &str) -> Result<String, String> {
    let written = match (provider, written.trim()) {
        (ModelProvider::Local | ModelProvider::Off, _) => return Ok(String::new()),
        (ModelProvider::Openai, "" | OPENAI) => return Ok(OPENAI.to_owned()),
        (ModelProvider::Cohere, "" | COHERE) => return Ok(COHERE.to_owned()),
        (ModelProvider::Openai | ModelProvider::Cohere, _) => {
            return Err(
                "This provider has one address: another one is of the provider `compatible`."
                    .into(),
            );
        }
        (ModelProvider::Ollama, "") => return Ok(OLLAMA.to_owned()),
        (_, "") => return Err("The address is missing, such as https://models.example/v1.".into()),
        (_, written) => written,
    };
    let wrong = |why: &str| format!("The address {why}: write it as https://models.example/v1.");
    let mut url = Url::parse(written).map_err(|_| wrong("is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("does not begin with https:// (or http://) and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("holds a `?` or `#`"));
    }
    // Found models are named so, and a name may mean other addresses, too.
    if url.host_str() == Some("localhost") {
        url.set_host(Some("127.0.0.1")).map_err(|_| wrong("has no usable host"))?;
    }
    if matches!(url.path(), "" | "/") {
        match provider {
            ModelProvider::Azure => url.set_path("/openai/v1"),
            ModelProvider::Ollama => url.set_path("/v1"),
            _ => {}
        }
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

impl ModelSetting {
    /// Whether it is at an address that the configuration names, in whatever spelling.
    pub fn is_at(&self, configured: &str) -> bool {
        address(ModelProvider::Compatible, configured).is_ok_and(|url| url == self.base_url)
    }

    /// Checks that the address may be connected to. A name that cannot be looked up now is checked
    /// when it is.
    pub async fn judge(&self) -> Result<(), AddressRefusal> {
        if !self.provider.is_endpoint() {
            return Ok(());
        }
        let unusable = |why: String| AddressRefusal::Unusable(why);
        let url = Url::parse(&self.base_url).map_err(|why| unusable(why.to_string()))?;
        let guard = Guard::new(self.trusted);
        match guard.permits(&url).await {
            Err(AddressError::Private { .. }) => return Err(AddressRefusal::Private),
            Err(AddressError::Never { .. }) => {
                return Err(unusable(
                    "No model is at this address: it is never connected to.".into(),
                ));
            }
            Ok(()) => {}
        }
        if !self.trusted && url.scheme() != "https" {
            return Err(unusable(
                "Keys and customers' messages go over the internet only with https://.".into(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling_and_a_wrong_one_says_what_to_write() {
        use ModelProvider::{Azure, Cohere, Compatible, Local, Ollama, Openai};
        for (provider, written, url) in [
            (Openai, "", OPENAI),
            (Ollama, " ", OLLAMA),
            (Cohere, "", COHERE),
            (Local, "", ""),
            (Ollama, "http://localhost:11434/", "http://127.0.0.1:11434/v1"),
            (Azure, "https://shop.openai.azure.com", "https://shop.openai.azure.com/openai/v1"),
            (Compatible, "HTTPS://Models.Example:443/v1/", "https://models.example/v1"),
            (Compatible, "http://127.1:8000/v1/../x", "http://127.0.0.1:8000/x"),
        ] {
            assert_eq!(address(provider, written).as_deref(), Ok(url), "{written}");
        }
        for (provider, written) in [
            (Openai, "https://evil.example/v1"),
            (Cohere, "https://evil.example/v2"),
            (Azure, ""),
            (Compatible, ""),
            (Compatible, "models.example/v1"),
            (Compatible, "127.0.0.1:8000"),
            (Compatible, "file:///etc/passwd"),
            (Compatible, "https://joe:pw@models.example/v1"),
            (Compatible, "https://models.example/v1?x="),
            (Compatible, "https://models.example/v1#"),
        ] {
            assert!(address(provider, written).is_err(), "{written}");
        }
    }

    fn setting(base_url: &str, trusted: bool) -> ModelSetting {
        let (provider, model) = (ModelProvider::Compatible, "m".to_owned());
        ModelSetting { provider, base_url: base_url.to_owned(), model, api_key: None, trusted }
    }

    #[tokio::test]
    async fn private_addresses_are_the_owners_and_some_are_nobodys() {
        for private in ["http://127.0.0.1:1/v1", "https://10.0.0.1/v1", "http://localhost:1/v1"] {
            assert_eq!(setting(private, false).judge().await, Err(AddressRefusal::Private));
            assert_eq!(setting(private, true).judge().await, Ok(()), "{private}");
        }
        for trusted in [false, true] {
            let metadata = setting("http://169.254.169.254/latest", trusted).judge().await;
            assert!(matches!(metadata, Err(AddressRefusal::Unusable(_))), "{metadata:?}");
        }
        let plain = setting("http://8.8.8.8/v1", false).judge().await.unwrap_err();
        assert!(plain.to_string().contains("https://"), "{plain}");
        assert_eq!(setting("https://8.8.8.8/v1", false).judge().await, Ok(()));
    }
}
