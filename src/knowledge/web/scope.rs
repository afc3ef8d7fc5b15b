//! Normalizes page addresses and decides which belong to a site. Fetches nothing.

use url::{Host, Url};

/// Maximum URL length, in bytes: longer ones are machine-generated.
const MAX_LEN: usize = 2000;
/// Query parameters for tracking or sessions, which do not change the page.
const TRACKING: &[&str] = &[
    "fbclid",
    "gclid",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "msclkid",
    "yclid",
    "twclid",
    "ttclid",
    "igshid",
    "mc_cid",
    "mc_eid",
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "mkt_tok",
    "vero_id",
    "oly_enc_id",
    "oly_anon_id",
    "phpsessid",
    "jsessionid",
    "sessionid",
    "aspsessionid",
];

/// Why a start address is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum StartAddressError {
    /// It is no valid address.
    #[error("`{0}` is not an address of the web: write it as https://example.com/help")]
    Unreadable(String),
    /// It is not http or https.
    #[error("only http:// and https:// are learned from, and this is {0}://")]
    Scheme(String),
    /// It holds a user name or password.
    #[error("the address holds a user name or password, which would be stored: leave it out")]
    Credentials,
    /// It is too long.
    #[error("the address has more than {MAX_LEN} characters")]
    TooLong,
}

/// Parses the start address of a source.
pub(super) fn start(text: &str) -> Result<Url, StartAddressError> {
    let text = text.trim();
    let shown: String = text.chars().take(200).collect();
    let url = Url::parse(text).map_err(|_| StartAddressError::Unreadable(shown.clone()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(StartAddressError::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(StartAddressError::Credentials);
    }
    if url.as_str().len() > MAX_LEN {
        return Err(StartAddressError::TooLong);
    }
    Ok(normal(url))
}

/// Normalizes an address: no fragment, no tracking parameters, no dot after the host.
pub(super) fn normal(mut url: Url) -> Url {
    url.set_fragment(None);
    if url.query().is_some() {
        let plain = |part: &&str| {
            let name = part.split('=').next().unwrap_or_default().to_ascii_lowercase();
            !part.is_empty() && !name.starts_with("utm_") && !TRACKING.contains(&name.as_str())
        };
        let query = url.query().unwrap_or_default();
        let kept = query.split('&').filter(plain).collect::<Vec<_>>().join("&");
        url.set_query((!kept.is_empty()).then_some(&kept));
    }
    if let Some(Host::Domain(host)) = url.host()
        && let Some(bare) = host.strip_suffix('.')
    {
        let bare = bare.to_owned();
        // On failure the host stays as it is.
        let _ = url.set_host(Some(&bare));
    }
    url
}

/// A site: one scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    home: Url,
}

impl Scope {
    /// The site of an address.
    pub(super) fn of(url: &Url) -> Self {
        Self { home: url.clone() }
    }

    /// The address of a path on the site.
    pub(super) fn at(&self, path: &str) -> Url {
        let mut url = self.home.clone();
        url.set_path(path);
        url.set_query(None);
        url
    }

    /// Returns the normalized address if it is on the site. `http` and `https`, and with and
    /// without `www.`, are one site: the address gets the scheme and host of the site's start.
    pub(super) fn admit(&self, url: Url) -> Option<Url> {
        let fits = url.as_str().len() <= MAX_LEN
            && url.username().is_empty()
            && url.password().is_none()
            && matches!(url.scheme(), "http" | "https");
        if !fits {
            return None;
        }
        let mut url = normal(url);
        if url.origin() == self.home.origin() {
            return Some(url);
        }
        if !self.is_neighbour(&url) {
            return None;
        }
        url.set_scheme(self.home.scheme()).ok()?;
        url.set_host(self.home.host_str()).ok()?;
        Some(url)
    }

    /// Whether an address differs from the site only by `www.` or `https`, on the default ports.
    pub(super) fn is_neighbour(&self, url: &Url) -> bool {
        let bare = |url: &Url| {
            let host = url.host_str().unwrap_or_default();
            host.strip_prefix("www.").unwrap_or(host).to_owned()
        };
        let usual = |url: &Url| url.port().is_none() && matches!(url.scheme(), "http" | "https");
        usual(url) && usual(&self.home) && bare(url) == bare(&self.home)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> String {
        normal(Url::parse(text).unwrap()).to_string()
    }

    #[test]
    fn an_address_has_one_spelling() {
        for (written, one) in [
            ("HTTP://Example.COM:80/a/../b#top", "http://example.com/b"),
            ("https://example.com:443", "https://example.com/"),
            ("https://example.com/?utm_source=x&UTM_Medium=y", "https://example.com/"),
            ("https://example.com/a?id=7&fbclid=1&x", "https://example.com/a?id=7&x"),
            ("https://example.com/a?", "https://example.com/a"),
            ("https://example.com./a", "https://example.com/a"),
            ("https://example.com:8443/a?b=c%20d", "https://example.com:8443/a?b=c%20d"),
            ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ] {
            assert_eq!(spelled(written), one, "{written}");
            assert_eq!(spelled(one), one, "a second time");
        }
    }

    #[test]
    fn a_source_begins_at_an_address_of_the_web() {
        assert_eq!(
            start(" https://example.com/help#a ").unwrap().as_str(),
            "https://example.com/help"
        );
        for (text, word) in [
            ("example.com", "https://example.com/help"),
            ("file:///etc/passwd", "file://"),
            ("ftp://example.com/", "ftp://"),
            ("gopher://x/", "gopher://"),
            ("https://bob:pw@example.com/", "password"),
            ("http://", "not an address"),
            ("", "not an address"),
        ] {
            let wrong = start(text).unwrap_err().to_string();
            assert!(wrong.contains(word), "{text}: {wrong}");
        }
        assert_eq!(
            start(&format!("https://a.com/{}", "x".repeat(3000))),
            Err(StartAddressError::TooLong)
        );
    }

    fn admitted(home: &str, url: &str) -> Option<String> {
        let scope = Scope::of(&Url::parse(home).unwrap());
        scope.admit(Url::parse(url).unwrap()).map(String::from)
    }

    #[test]
    fn a_site_is_one_host_reached_in_one_way() {
        let home = "https://www.acme.com/help";
        for url in
            ["https://www.acme.com/a#b", "http://acme.com/a", "http://www.acme.com/a?gclid=1"]
        {
            assert_eq!(admitted(home, url).as_deref(), Some("https://www.acme.com/a"), "{url}");
        }
        for url in [
            "https://shop.acme.com/a",
            "https://acme.com:8443/a",
            "https://acme.com.evil.com/",
            "https://evil.com/?acme.com",
            "mailto:a@acme.com",
            "javascript:alert(1)",
            "ftp://www.acme.com/a",
            "https://u@www.acme.com/",
        ] {
            assert_eq!(admitted(home, url), None, "{url}");
        }
        let local = "http://127.0.0.1:4000/";
        assert!(admitted(local, "http://127.0.0.1:4000/a").is_some());
        assert_eq!(admitted(local, "http://127.0.0.1:22/a"), None);
        assert_eq!(admitted(local, "https://127.0.0.1:4000/a"), None);
        assert_eq!(admitted(local, "http://127.0.0.1/a"), None);
    }
}
