//! Downloads files that customers sent: first the URL, which is valid for five minutes, then the
//! file. Uploads files that go to customers.
//!
//! The token is sent only to Meta's own hosts, and a URL from an event is fetched only from those.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use reqwest::Url;
use reqwest::multipart::{Form, Part};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::super::exchange::{self, BodyError, RequestError, refused};
use super::super::{Class, Error, FileUpload, UploadFile, UploadedFile, json};
use super::Graph;
use crate::domain::Media;

/// Meta's codes for an id that it does not know: "Object with ID '…' does not exist".
const NO_SUCH_OBJECT: [i64; 2] = [33, 100];

/// How long an uploaded file can be sent: Meta keeps it for 30 days.
const UPLOAD_VALID_FOR: Duration = Duration::from_hours(29 * 24);
/// Timeout of an upload, beside the time that its bytes take.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(1);

/// Why a download failed.
enum DownloadError {
    /// HTTP 401, 403 or 404: the URL may have expired, or the host rejects the token.
    Denied(u16),
    /// Anything else.
    Final(Error),
}

#[async_trait]
impl UploadFile for Graph {
    /// It is safe to repeat, whatever the error.
    async fn upload(&self, file: FileUpload) -> Result<UploadedFile, Error> {
        // At 4 Mbit/s, beside a minute.
        let timeout = UPLOAD_TIMEOUT + Duration::from_millis(file.bytes.len() as u64 / 500);
        let part = Part::bytes(file.bytes)
            .file_name(file.name)
            .mime_str(&file.mime_type)
            .map_err(|_| refused(Class::OurFault, "the file's type is no MIME type"))?;
        let form = Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", file.mime_type)
            .part("file", part);
        let url = self.endpoint(&[&self.phone_number_id, "media"]);
        let request = self.authorized(self.client.post(url)?).multipart(form).timeout(timeout);
        let answer = exchange::send_request(request).await.map_err(RequestError::of_read_only)?;
        let body = answer.taken(self.secret.expose_secret()).map_err(repeatable)?;
        json::text(&body, "id")
            .map(|media_id| UploadedFile { media_id, valid_for: UPLOAD_VALID_FOR })
            .ok_or_else(|| Error::NotSent("Meta took the file and named no id".to_owned()))
    }
}

impl Graph {
    /// Downloads a file of at most `limit` bytes and checks its hash.
    pub(in crate::provider) async fn file(
        &self,
        media: &Media,
        limit: usize,
    ) -> Result<Vec<u8>, Error> {
        let bytes = match (&media.id, &media.url) {
            (Some(id), _) => self.file_by_id(id, limit).await?,
            (None, Some(url)) => self.file_at(url, limit).await?,
            (None, None) => {
                return Err(refused(Class::OurFault, "the file has neither an id nor an address"));
            }
        };
        match &media.sha256 {
            Some(written) if !agrees(written, &bytes) => {
                Err(refused(Class::Damaged, "the file does not match its SHA-256"))
            }
            _ => Ok(bytes),
        }
    }

    async fn file_by_id(&self, id: &str, limit: usize) -> Result<Vec<u8>, Error> {
        let url = self.locate(id).await?;
        match self.download(&url, true, limit).await {
            Err(DownloadError::Denied(_)) => {}
            done => return done.map_err(Error::from),
        }
        let fresh = self.locate(id).await?;
        self.download_either_way(&fresh, limit).await
    }

    async fn file_at(&self, url: &str, limit: usize) -> Result<Vec<u8>, Error> {
        let url = url.parse().ok().filter(|url| self.trusts(url));
        let url =
            url.ok_or_else(|| refused(Class::OurFault, "the file is on no host of the provider"))?;
        self.download_either_way(&url, limit).await
    }

    /// Tries with the token, then without it: not every host accepts it. If both are denied,
    /// returns the first error.
    async fn download_either_way(&self, url: &Url, limit: usize) -> Result<Vec<u8>, Error> {
        let denied = match self.download(url, true, limit).await {
            Err(DownloadError::Denied(status)) => status,
            done => return Ok(done?),
        };
        match self.download(url, false, limit).await {
            Err(DownloadError::Denied(_)) => Err(DownloadError::Denied(denied).into()),
            done => Ok(done?),
        }
    }

    /// Queries the URL of a file.
    async fn locate(&self, id: &str) -> Result<Url, Error> {
        let mut url = self.endpoint(&[id]);
        url.query_pairs_mut().append_pair("phone_number_id", &self.phone_number_id);
        let answer = self.ask(url).await.map_err(without_file)?;
        // A proxy has the file at an address of its own, where its key is valid.
        json::text(&answer, "download_url")
            .or_else(|| json::text(&answer, "url"))
            .and_then(|url| url.parse().ok())
            .ok_or_else(|| refused(Class::Transient, "Meta did not say where the file is"))
    }

    async fn download(
        &self,
        url: &Url,
        with_token: bool,
        limit: usize,
    ) -> Result<Vec<u8>, DownloadError> {
        let mut request = self.client.get(url.clone()).map_err(Error::from)?;
        if with_token && self.trusts(url) {
            request = self.authorized(request);
        }
        let response =
            request.send().await.map_err(|error| RequestError::from(error).of_read_only())?;
        let class = match response.status().as_u16() {
            200..=299 => return Ok(exchange::read(response, limit).await?),
            status @ (401 | 403 | 404) => return Err(DownloadError::Denied(status)),
            429 => Class::Throttled,
            500.. => Class::Transient,
            _ => Class::OurFault,
        };
        Err(refused(class, format!("the file's host answered HTTP {}", response.status().as_u16()))
            .into())
    }

    /// Whether the token may be sent to a URL: on the Graph API's own host, or over TLS on the file
    /// hosts.
    fn trusts(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let secure = url.scheme() == "https";
        let within = |domain: &&str| {
            host.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let same =
            self.base.host_str() == Some(host) && (secure || url.scheme() == self.base.scheme());
        same || (secure && self.file_hosts.iter().any(within))
            || (loopback(&self.base) && loopback(url))
    }
}

impl From<DownloadError> for Error {
    fn from(failed: DownloadError) -> Self {
        match failed {
            // Not `Class::Token`: a denial by a file host does not prove that the token is invalid.
            DownloadError::Denied(status) => {
                let class = if status == 404 { Class::Gone } else { Class::OurFault };
                refused(class, format!("the file's host answered HTTP {status}"))
            }
            DownloadError::Final(error) => error,
        }
    }
}

impl From<Error> for DownloadError {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl From<BodyError> for DownloadError {
    fn from(unread: BodyError) -> Self {
        Self::Final(match unread {
            BodyError::TooLong(_) => {
                refused(Class::TooLarge, format!("the file is refused: {unread}"))
            }
            BodyError::Broken(_) => Error::NotSent(unread.to_string()),
        })
    }
}

/// Meta's answer for a file that does not exist (any more) is that of an invalid parameter.
fn without_file(error: Error) -> Error {
    match error {
        Error::Refused { class: Class::OurFault, fault, retry_after }
            if NO_SUCH_OBJECT.contains(&fault.code) =>
        {
            Error::Refused { class: Class::Gone, fault, retry_after }
        }
        other => other,
    }
}

/// An upload of unknown outcome can be repeated.
fn repeatable(error: Error) -> Error {
    match error {
        Error::Unknown(why) => Error::NotSent(why),
        other => other,
    }
}

fn loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Whether a SHA-256 hash, in hex or base64, matches the bytes. True if the text is no such hash.
fn agrees(written: &str, bytes: &[u8]) -> bool {
    let hash = if written.len() == 64 {
        hex::decode(written).ok()
    } else {
        STANDARD.decode(written).or_else(|_| STANDARD_NO_PAD.decode(written)).ok()
    };
    hash.filter(|hash| hash.len() == 32).is_none_or(|hash| hash == Sha256::digest(bytes).as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: &[&str] = &["fbsbx.com", "facebook.com", "whatsapp.net"];

    fn trusts(base: &str, file_hosts: &'static [&'static str], url: &str) -> bool {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = super::super::super::client(Duration::from_secs(1), None).unwrap();
        let graph = Graph {
            phone_number_id: "1".into(),
            account_id: None,
            base: base.parse().unwrap(),
            is_proxied: false,
            key: (http::header::AUTHORIZATION, http::HeaderValue::from_static("Bearer t")),
            secret: "t".into(),
            file_hosts,
            client,
        };
        graph.trusts(&url.parse().unwrap())
    }

    #[test]
    fn the_token_goes_to_meta_s_hosts_only() {
        let graph = "https://graph.facebook.com";
        for good in [
            "https://graph.facebook.com/v24.0/1",
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
            "https://mmg.whatsapp.net/x",
        ] {
            assert!(trusts(graph, META, good), "{good}");
        }
        for bad in [
            "http://graph.facebook.com/v24.0/1",
            "http://lookaside.fbsbx.com/x",
            "https://evilfbsbx.com/x",
            "https://fbsbx.com.evil.example/x",
            "https://graph.facebook.com@evil.example/x",
            "https://127.0.0.1/x",
            "data:text/plain,x",
        ] {
            assert!(!trusts(graph, META, bad), "{bad}");
        }
        assert!(trusts("http://127.0.0.1:1", META, "http://localhost:2/x"));
        assert!(!trusts("http://127.0.0.1:1", META, "http://evil.example/x"));
        assert!(trusts("https://graph.example", META, "https://graph.example:8443/x"));
        let kapso = "https://api.kapso.ai/meta/whatsapp/v24.0";
        assert!(trusts(kapso, &[], "https://api.kapso.ai/meta/whatsapp/media_download?token=1"));
        for bad in ["https://lookaside.fbsbx.com/x", "http://api.kapso.ai/x", "https://kapso.ai/x"]
        {
            assert!(!trusts(kapso, &[], bad), "{bad}");
        }
    }

    #[test]
    fn a_hash_is_read_in_hex_and_in_base64() {
        let hash = Sha256::digest(b"file");
        let (hex, base64) = (hex::encode(hash), STANDARD.encode(hash));
        for written in [hex.as_str(), &hex.to_uppercase(), &base64, base64.trim_end_matches('=')] {
            assert!(agrees(written, b"file"), "{written}");
            assert!(!agrees(written, b"other"), "{written}");
        }
        assert!(agrees("<HASH>", b"file") && agrees("", b"file"));
    }
}
