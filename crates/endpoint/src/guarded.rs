//! An HTTP client that connects only where a [`Guard`] permits it, at each address of a request: its own,
//! those that its name resolves to, and those of redirects.

use std::error::Error;
use std::sync::Arc;

use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Url};

use crate::address::{AddressError, Guard};

/// Maximum redirects of a request.
const MAX_REDIRECTS: usize = 3;

/// HTTP client for addresses that others than the owner of this machine can choose.
#[derive(Clone)]
pub struct GuardedClient {
    http: Client,
    guard: Option<Guard>,
    make: Arc<dyn Fn() -> ClientBuilder + Send + Sync>,
}

impl GuardedClient {
    /// Creates a client with the settings that `make` begins with; it follows at most three redirects.
    /// Without a guard it connects to any address. Behind a proxy of the environment (`HTTPS_PROXY`)
    /// the guard judges addresses and no names: what a name leads to is the proxy's to decide.
    pub fn new(
        make: impl Fn() -> ClientBuilder + Send + Sync + 'static,
        guard: Option<Guard>,
    ) -> reqwest::Result<Self> {
        let policy = match guard.clone() {
            None => Policy::limited(MAX_REDIRECTS),
            Some(guard) => Policy::custom(move |attempt| follow(attempt, &guard)),
        };
        Self::build(Arc::new(make), guard, policy)
    }

    /// The same without redirects: for requests with a secret in a header of their own, which would go
    /// to another host, too.
    pub fn without_redirects(&self) -> reqwest::Result<Self> {
        Self::build(self.make.clone(), self.guard.clone(), Policy::none())
    }

    fn build(
        make: Arc<dyn Fn() -> ClientBuilder + Send + Sync>,
        guard: Option<Guard>,
        policy: Policy,
    ) -> reqwest::Result<Self> {
        let builder = make().redirect(policy);
        let builder = match &guard {
            Some(guard) if !is_proxied() => {
                builder.no_proxy().dns_resolver(Arc::new(guard.clone()))
            }
            _ => builder,
        };
        Ok(Self { http: builder.build()?, guard, make })
    }

    /// Begins a request, if its address may be connected to.
    pub fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, AddressError> {
        if let Some(guard) = &self.guard {
            guard.check(&url)?;
        }
        Ok(self.http.request(method, url))
    }

    /// Begins a GET request, if its address may be connected to.
    pub fn get(&self, url: Url) -> Result<RequestBuilder, AddressError> {
        self.request(Method::GET, url)
    }

    /// Begins a POST request, if its address may be connected to.
    pub fn post(&self, url: Url) -> Result<RequestBuilder, AddressError> {
        self.request(Method::POST, url)
    }
}

/// Whether the environment names a proxy.
fn is_proxied() -> bool {
    let names =
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    names.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn follow(attempt: Attempt<'_>, guard: &Guard) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    match guard.check(attempt.url()) {
        Ok(()) => attempt.follow(),
        Err(refused) => attempt.error(refused),
    }
}

/// The refusal of the guard that made a request fail; `None` if it failed otherwise.
pub fn refusal(error: &reqwest::Error) -> Option<&AddressError> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AddressError>() {
            return Some(refused);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::address::Lookup;
    use crate::scripted::{Act, ScriptedServer, crypto};

    fn client(guard: Option<Guard>) -> GuardedClient {
        crypto();
        GuardedClient::new(Client::builder, guard).unwrap()
    }

    fn to_this_machine() -> Lookup {
        Arc::new(|_| Box::pin(std::future::ready(Ok(vec![IpAddr::from([127, 0, 0, 1])]))))
    }

    /// Why a GET request is refused; `None` if it gets an answer.
    async fn refused(client: &GuardedClient, url: &str) -> Option<AddressError> {
        match client.get(url.parse().unwrap()) {
            Ok(request) => request.send().await.err().map(|error| refusal(&error).unwrap().clone()),
            Err(refused) => Some(refused),
        }
    }

    #[tokio::test]
    async fn every_address_of_a_request_is_judged() {
        let server = ScriptedServer::start(vec![Act::say("[1]"), Act::say("[1]")]).await;
        let port = server.url.parse::<Url>().unwrap().port().unwrap();
        let (direct, named) = (server.url.clone(), format!("http://shop.example:{port}/"));
        let closed = client(Some(Guard::over(false, to_this_machine())));
        for url in [&direct, &named] {
            let error = refused(&closed, url).await;
            assert!(matches!(error, Some(AddressError::Private { .. })), "{url}: {error:?}");
        }
        // Not of every host, and in any spelling of the name.
        let guard = Guard::over(false, to_this_machine()).allowing(&["Shop.Example".to_owned()]);
        let some = client(Some(guard));
        assert_eq!(refused(&some, &named).await, None);
        assert!(matches!(refused(&some, &direct).await, Some(AddressError::Private { .. })));
        assert_eq!(refused(&client(None), &direct).await, None);
        let metadata = "http://169.254.169.254/";
        let all = client(Some(Guard::new(true).allowing(&["169.254.169.254".to_owned()])));
        assert!(matches!(refused(&all, metadata).await, Some(AddressError::Never { .. })));
    }
}
