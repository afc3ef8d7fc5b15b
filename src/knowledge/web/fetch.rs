//! One HTTP request with all its failures: which addresses are allowed, how long it may take, how
//! much it may return. Knows nothing of sites or of document content.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use frontdesk_endpoint::address::{AddressError, Guard};
use http::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use http::{StatusCode, header};
use reqwest::Response;
use url::Url;

use super::page::RobotsDirectives;
use super::scope::{Scope, normal};
use crate::domain::page_reason::PRIVATE;

/// Maximum redirects of one request.
const MAX_HOPS: usize = 5;
/// Maximum and default wait before a retry when the server is busy.
const MAX_WAIT: Duration = Duration::from_secs(30);
const USUAL_WAIT: Duration = Duration::from_secs(2);
const USER_AGENT: &str = concat!("frontdesk/", env!("CARGO_PKG_VERSION"));
/// Maximum length of an `ETag` or `Last-Modified` that is kept, in bytes.
const MAX_VALIDATOR_LEN: usize = 1000;

/// HTTP client for documents.
pub(super) struct Fetcher {
    client: reqwest::Client,
    guard: Guard,
    timeout: Duration,
}

/// A request for one document.
pub(super) struct FetchRequest<'a> {
    /// Address of the document.
    pub(super) url: &'a Url,
    /// Where redirects may lead.
    pub(super) follow: RedirectPolicy<'a>,
    /// Validators of known documents, by address.
    pub(super) known: &'a HashMap<String, Validators>,
    /// How much is read.
    pub(super) limit: Limit,
}

/// Where redirects may lead.
#[derive(Clone, Copy)]
pub(super) enum RedirectPolicy<'a> {
    /// Only within the site.
    Within(&'a Scope),
    /// Within the site, or to its variant with or without `www.` or `https`.
    Near(&'a Scope),
    /// Anywhere on the default ports: for robots.txt, as RFC 9309 says.
    Anywhere,
}

/// Maximum body size, in bytes.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// A larger body is an error.
    Refuse(usize),
    /// A larger body is cut off.
    Cut(usize),
}

/// Validators for a conditional request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Validators {
    /// Its `ETag`.
    pub(super) etag: Option<String>,
    /// Its `Last-Modified`.
    pub(super) last_modified: Option<String>,
}

/// A response and the final address after redirects.
pub(super) struct FetchResponse {
    /// The final address.
    pub(super) url: Url,
    /// The result.
    pub(super) answer: FetchOutcome,
}

/// Result of a request.
pub(super) enum FetchOutcome {
    /// Not modified.
    Same,
    /// A document.
    New(Document),
    /// Not found, or gone.
    Gone,
}

/// A fetched document.
pub(super) struct Document {
    /// Body.
    pub(super) bytes: Vec<u8>,
    /// The `Content-Type` header; may be empty.
    pub(super) content_type: String,
    /// Validators for the next request.
    pub(super) validators: Validators,
    /// Directives of the `X-Robots-Tag` headers.
    pub(super) robots: RobotsDirectives,
}

/// Why a document could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// Connections to its address are not allowed.
    #[error("{PRIVATE}")]
    Refused(#[from] AddressError),
    /// It redirects to another site.
    #[error("it leads to another site, {0}, which would have to be learned by its own address")]
    Elsewhere(String),
    /// It redirects too often.
    #[error("it redirects more than {MAX_HOPS} times, or in a circle")]
    Circle,
    /// It redirects without a valid location.
    #[error("it redirects without saying where")]
    Lost,
    /// The server answers with an error status.
    #[error("the server answers {0}")]
    Status(StatusCode),
    /// It is larger than the limit, in bytes.
    #[error("it has more than {} KB, the most that is read of a page ([knowledge.web] max_page_bytes)", .0 / 1024)]
    TooLarge(usize),
    /// It took longer than the timeout.
    #[error("it did not come within {} seconds", .0.as_secs_f32())]
    TooSlow(Duration),
    /// It has a content encoding that cannot be read.
    #[error("it came packed as {0}, which cannot be read")]
    Packed(String),
    /// The connection failed.
    #[error("{0}")]
    Unreachable(String),
}

impl Failure {
    /// Whether the server itself is in trouble, so that the next request would probably fail, too.
    pub(super) fn is_the_servers(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TooSlow(_) | Self::Refused(_) => true,
            Self::Status(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }
}

impl Fetcher {
    /// Creates a fetcher. `timeout` covers a whole request, including its body.
    pub(super) fn new(guard: Guard, timeout: Duration) -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            // Behind a proxy the guard could not check the address that is really connected to.
            .no_proxy()
            .referer(false)
            .dns_resolver(Arc::new(guard.clone()))
            .timeout(timeout)
            .build()
            .map_err(|error| Failure::Unreachable(format!("no connection can be made: {error}")))?;
        Ok(Self { client, guard, timeout })
    }

    /// Fetches a document, following redirects.
    pub(super) async fn get(&self, ask: &FetchRequest<'_>) -> Result<FetchResponse, Failure> {
        let mut url = ask.url.clone();
        for _ in 0..=MAX_HOPS {
            let response = self.send_with_retry(&url, ask.known).await?;
            let status = response.status();
            let answer = match status {
                StatusCode::NOT_MODIFIED => FetchOutcome::Same,
                StatusCode::NOT_FOUND | StatusCode::GONE => FetchOutcome::Gone,
                _ if status.is_redirection() => {
                    let next = next(&url, response.headers(), ask.follow)?;
                    if next == url {
                        return Err(Failure::Circle);
                    }
                    url = next;
                    continue;
                }
                _ if status.is_success() => {
                    FetchOutcome::New(self.read(response, ask.limit).await?)
                }
                _ => return Err(Failure::Status(status)),
            };
            return Ok(FetchResponse { url, answer });
        }
        Err(Failure::Circle)
    }

    /// Sends a request, and retries it once when the server is busy.
    async fn send_with_retry(
        &self,
        url: &Url,
        known: &HashMap<String, Validators>,
    ) -> Result<Response, Failure> {
        let response = self.send(url, known).await?;
        let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
        let wait = header(response.headers(), &RETRY_AFTER)
            .map(|value| value.parse().map(Duration::from_secs));
        let wait = wait.map_or(USUAL_WAIT, |wait| wait.unwrap_or(USUAL_WAIT));
        if !busy.contains(&response.status()) || wait > MAX_WAIT {
            return Ok(response);
        }
        tokio::time::sleep(wait).await;
        self.send(url, known).await
    }

    async fn send(
        &self,
        url: &Url,
        known: &HashMap<String, Validators>,
    ) -> Result<Response, Failure> {
        self.guard.check(url)?;
        let mut request = self.client.get(url.clone()).header(ACCEPT, "text/html, */*;q=0.8");
        if let Some(known) = known.get(url.as_str()) {
            for (name, value) in
                [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)]
            {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
        }
        request.send().await.map_err(|error| self.failure(&error))
    }

    /// Reads a body. Never holds more than the limit, whatever the server sends.
    async fn read(&self, mut response: Response, limit: Limit) -> Result<Document, Failure> {
        let (most, cut) = match limit {
            Limit::Refuse(most) => (most, false),
            Limit::Cut(most) => (most, true),
        };
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        if !cut && announced.is_some_and(|length| length > most) {
            return Err(Failure::TooLarge(most));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&error))? {
            let room = most - bytes.len();
            bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if chunk.len() > room {
                if cut {
                    break;
                }
                return Err(Failure::TooLarge(most));
            }
        }
        let headers = response.headers();
        let mut robots = RobotsDirectives::default();
        for value in headers.get_all("x-robots-tag").iter().filter_map(|value| value.to_str().ok())
        {
            robots.add_header(value);
        }
        let validator =
            |name| header(headers, name).filter(|value| value.len() <= MAX_VALIDATOR_LEN);
        Ok(Document {
            bytes: unpacked(bytes, headers, limit)?,
            content_type: header(headers, &CONTENT_TYPE).unwrap_or_default(),
            validators: Validators {
                etag: validator(&ETAG),
                last_modified: validator(&LAST_MODIFIED),
            },
            robots,
        })
    }

    /// Converts a connection error. Omits the address, which the reader knows.
    fn failure(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        loop {
            if let Some(refused) = cause.downcast_ref::<AddressError>() {
                return Failure::Refused(refused.clone());
            }
            match cause.source() {
                Some(deeper) => cause = deeper,
                None => break,
            }
        }
        if error.is_timeout() {
            return Failure::TooSlow(self.timeout);
        }
        let what = if error.is_connect() {
            "the server cannot be reached"
        } else {
            "the connection broke off"
        };
        Failure::Unreachable(format!("{what}: {cause}"))
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
}

/// Resolves the target of a redirect, if it is allowed.
fn next(
    from: &Url,
    headers: &header::HeaderMap,
    follow: RedirectPolicy<'_>,
) -> Result<Url, Failure> {
    let location = header(headers, &LOCATION).ok_or(Failure::Lost)?;
    let url = from.join(&location).map_err(|_| Failure::Lost)?;
    let elsewhere = || Failure::Elsewhere(url.origin().ascii_serialization());
    let of_the_web = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
    if !of_the_web {
        return Err(elsewhere());
    }
    match follow {
        RedirectPolicy::Within(scope) => scope.admit(url.clone()).ok_or_else(elsewhere),
        RedirectPolicy::Near(scope) => {
            let near = scope.is_neighbour(&url) || scope.admit(url.clone()).is_some();
            if near { Ok(normal(url)) } else { Err(elsewhere()) }
        }
        RedirectPolicy::Anywhere => {
            let usual = url.port().is_none() || url.origin() == from.origin();
            if usual { Ok(url) } else { Err(elsewhere()) }
        }
    }
}

/// Decompresses a body that came compressed although the request did not ask for it.
fn unpacked(bytes: Vec<u8>, headers: &HeaderMap, limit: Limit) -> Result<Vec<u8>, Failure> {
    let packed = header(headers, &CONTENT_ENCODING).unwrap_or_default().to_ascii_lowercase();
    match packed.trim() {
        "" | "identity" => return Ok(bytes),
        "gzip" | "x-gzip" => {}
        other => return Err(Failure::Packed(other.chars().take(40).collect())),
    }
    let (Limit::Refuse(most) | Limit::Cut(most)) = limit;
    let mut plain = Vec::new();
    let mut reader = MultiGzDecoder::new(bytes.as_slice()).take(most as u64 + 1);
    let read = reader.read_to_end(&mut plain);
    match limit {
        Limit::Refuse(_) if plain.len() > most => Err(Failure::TooLarge(most)),
        Limit::Refuse(_) if read.is_err() => Err(Failure::Packed("a damaged gzip file".into())),
        _ => Ok(plain),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use frontdesk_endpoint::address::Lookup;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::domain::PageReason;

    /// Serves each path with the bytes that `answer` returns, and counts its connections.
    async fn serve(answer: fn(&str) -> String) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = count.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut request = vec![0; 4096];
                    let read = socket.read(&mut request).await.unwrap_or(0);
                    let request = String::from_utf8_lossy(&request[..read]).into_owned();
                    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
                    drop(socket.write_all(answer(&path).as_bytes()).await);
                });
            }
        });
        (address, count)
    }

    fn page(body: &str) -> String {
        format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn redirect(to: &str) -> String {
        format!(
            "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"
        )
    }

    /// A DNS lookup that returns the next address each time, and finally the last one forever.
    fn answering(addresses: &'static [&'static str]) -> Lookup {
        let asked = AtomicUsize::new(0);
        Arc::new(move |_| {
            let turn = asked.fetch_add(1, Ordering::SeqCst).min(addresses.len() - 1);
            let address: IpAddr = addresses[turn].parse().unwrap();
            Box::pin(std::future::ready(Ok(vec![address])))
        })
    }

    fn fetcher(guard: Guard) -> Fetcher {
        drop(rustls::crypto::ring::default_provider().install_default());
        Fetcher::new(guard, Duration::from_secs(5)).unwrap()
    }

    async fn get(
        fetcher: &Fetcher,
        url: &str,
        follow: RedirectPolicy<'_>,
    ) -> Result<FetchResponse, Failure> {
        let (url, known) = (Url::parse(url).unwrap(), HashMap::new());
        fetcher
            .get(&FetchRequest { url: &url, follow, known: &known, limit: Limit::Refuse(1000) })
            .await
    }

    #[test]
    fn the_reason_of_a_failure_has_a_code_with_its_values() {
        let of = |failure: Failure| PageReason::of(&failure.to_string(), None);
        let status = |status: StatusCode| of(Failure::Status(status));
        let known = Some(PageReason::Status { status: 503 });
        assert_eq!(status(StatusCode::SERVICE_UNAVAILABLE), known);
        let seconds = |seconds| Some(PageReason::TooSlow { seconds });
        assert_eq!(of(Failure::TooSlow(Duration::from_secs(20))), seconds(20.0));
        assert_eq!(of(Failure::TooSlow(Duration::from_millis(500))), seconds(0.5));
        let large = Some(PageReason::TooLarge { kilobytes: 4096 });
        assert_eq!(of(Failure::TooLarge(4 << 20)), large);
        let site = "other.example".to_owned();
        let elsewhere = Some(PageReason::Elsewhere { site: site.clone() });
        assert_eq!(of(Failure::Elsewhere(site)), elsewhere);
        assert_eq!(of(Failure::Circle), Some(PageReason::Circle {}));
        assert_eq!(of(Failure::Unreachable("connection refused".into())), None);
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_never_connected_to() {
        let (address, connections) = serve(|_| page("secret")).await;
        let fetcher = fetcher(Guard::new(false));
        for host in ["localhost", "127.0.0.1", "0x7f000001", "[::1]"] {
            let url = format!("http://{host}:{}/", address.port());
            let failure = get(&fetcher, &url, RedirectPolicy::Anywhere).await.err().unwrap();
            assert!(matches!(failure, Failure::Refused(_)), "{host}: {failure}");
            assert_eq!(failure.to_string(), PRIVATE);
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn the_address_that_is_checked_is_the_one_that_is_connected_to() {
        let (address, connections) = serve(|_| page("hello")).await;
        let url = format!("http://shop.example:{}/", address.port());
        let open = fetcher(Guard::over(true, answering(&["127.0.0.1"])));
        assert!(
            get(&open, &url, RedirectPolicy::Anywhere).await.is_ok(),
            "the look-up was not used"
        );
        assert_eq!(connections.load(Ordering::SeqCst), 1);
        // DNS rebinding: the second lookup of the name returns another address.
        let turning = Guard::over(false, answering(&["192.0.2.1", "127.0.0.1"]));
        let closed = fetcher(turning);
        for _ in 0..2 {
            let failure = get(&closed, &url, RedirectPolicy::Anywhere).await.err().unwrap();
            assert!(matches!(failure, Failure::Refused(_)), "{failure}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 1, "it was connected to");
    }

    #[tokio::test]
    async fn a_redirect_leads_to_no_private_address_and_no_other_site() {
        let answer = |path: &str| match path {
            "/metadata" => redirect("http://169.254.169.254/latest/meta-data/"),
            "/mapped" => redirect("http://[::ffff:127.0.0.1]/"),
            "/file" => redirect("file:///etc/passwd"),
            "/port" => redirect("http://shop.example:22/"),
            "/other" => redirect("http://other.example/"),
            "/nowhere" => {
                "HTTP/1.1 302 Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".into()
            }
            "/loop" => redirect("/loop2"),
            "/loop2" => redirect("/loop"),
            "/same" => redirect("/same#again"),
            path => match path.strip_prefix("/hop/").and_then(|n| n.parse::<u32>().ok()) {
                Some(0) => page("there"),
                Some(n) => redirect(&format!("/hop/{}", n - 1)),
                None => page("else"),
            },
        };
        let (address, _) = serve(answer).await;
        let fetcher = fetcher(Guard::over(true, answering(&["127.0.0.1"])));
        let home = Url::parse(&format!("http://shop.example:{}/", address.port())).unwrap();
        let scope = Scope::of(&home);
        let ask = async |path: &str, follow| {
            get(&fetcher, home.join(path).unwrap().as_str(), follow).await.err()
        };
        for path in ["metadata", "mapped"] {
            let failure = ask(path, RedirectPolicy::Anywhere).await.unwrap();
            assert!(
                matches!(failure, Failure::Refused(AddressError::Never { .. })),
                "{path}: {failure}"
            );
        }
        for path in ["metadata", "file", "port", "other"] {
            for follow in [RedirectPolicy::Within(&scope), RedirectPolicy::Near(&scope)] {
                let failure = ask(path, follow).await.unwrap();
                assert!(matches!(failure, Failure::Elsewhere(_)), "{path}: {failure}");
            }
        }
        assert!(matches!(ask("port", RedirectPolicy::Anywhere).await, Some(Failure::Elsewhere(_))));
        assert_eq!(ask("nowhere", RedirectPolicy::Within(&scope)).await, Some(Failure::Lost));
        for path in ["loop", "same", "hop/6"] {
            assert_eq!(
                ask(path, RedirectPolicy::Within(&scope)).await,
                Some(Failure::Circle),
                "{path}"
            );
        }
        assert_eq!(ask("hop/5", RedirectPolicy::Within(&scope)).await, None);
    }

    #[test]
    fn a_site_may_say_that_it_is_to_be_reached_in_another_way() {
        let from = Url::parse("http://shop.example/").unwrap();
        let scope = Scope::of(&from);
        let to = |location: &str, follow| {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            next(&from, &headers, follow).ok().map(String::from)
        };
        for near in
            ["https://www.shop.example/de", "https://shop.example/", "http://www.shop.example/"]
        {
            assert_eq!(to(near, RedirectPolicy::Near(&scope)).as_deref(), Some(near));
            assert_eq!(to(near, RedirectPolicy::Anywhere).as_deref(), Some(near));
        }
        for far in [
            "https://shop.example:8443/",
            "https://de.shop.example/",
            "https://www.www.shop.example/",
        ] {
            assert_eq!(to(far, RedirectPolicy::Near(&scope)), None, "{far}");
        }
    }

    #[tokio::test]
    async fn a_document_that_is_too_large_or_packed_is_refused() {
        let answer = |path: &str| {
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n";
            match path {
                "/announced" => format!("{head}content-length: 99999999\r\n\r\n"),
                "/endless" => format!("{head}\r\n{}", "x".repeat(100_000)),
                "/packed" => format!("{head}content-encoding: br\r\ncontent-length: 1\r\n\r\nx"),
                "/damaged" => {
                    format!("{head}content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc")
                }
                _ => "nonsense".into(),
            }
        };
        let (address, _) = serve(answer).await;
        let fetcher = fetcher(Guard::new(true));
        let ask = async |path: &str| {
            let started = Instant::now();
            let failed =
                get(&fetcher, &format!("http://{address}/{path}"), RedirectPolicy::Anywhere)
                    .await
                    .err();
            assert!(started.elapsed() < Duration::from_secs(4), "{path}");
            failed.unwrap()
        };
        for path in ["announced", "endless"] {
            assert_eq!(ask(path).await, Failure::TooLarge(1000), "{path}");
        }
        assert_eq!(ask("packed").await, Failure::Packed("br".into()));
        assert!(matches!(ask("damaged").await, Failure::Packed(_)));
        assert!(matches!(ask("nonsense").await, Failure::Unreachable(_)));
    }
}
