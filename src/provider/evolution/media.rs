//! Downloads files that customers sent: the server decrypts them.

use super::super::exchange::{self, Answer, BodyError, RequestError, refused};
use super::super::{Class, Error, json};
use super::{Evolution, FILE_TIMEOUT, answer, request, wire};
use crate::domain::Media;
use secrecy::ExposeSecret;

/// What stands in an answer beside the file, in bytes.
const BESIDE_LEN: usize = 64 * 1024;
/// Words with which WhatsApp says that it has a file no longer.
const GONE: [&str; 4] = ["not found", "404", "410", "403"];

/// The length of a file in base64.
pub(super) fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

impl Evolution {
    /// Downloads the file of a message, of at most `limit` bytes.
    pub(super) async fn file(&self, media: &Media, limit: usize) -> Result<Vec<u8>, Error> {
        let id = media.id.as_deref();
        let id = id.ok_or_else(|| refused(Class::OurFault, "the file names no message"))?;
        let request = self.post(&request::file_of(id))?.timeout(FILE_TIMEOUT);
        let response =
            request.send().await.map_err(|error| RequestError::from(error).of_read_only())?;
        let status = response.status().as_u16();
        let most = base64_len(limit).saturating_add(BESIDE_LEN);
        let too_large =
            || refused(Class::TooLarge, format!("the file is larger than {limit} bytes"));
        let body = match exchange::read(response, most).await {
            Ok(bytes) => json::parse(&bytes).unwrap_or_default(),
            Err(BodyError::TooLong(_)) if status < 300 => return Err(too_large()),
            Err(unread) => return Err(Error::NotSent(unread.to_string())),
        };
        let answer = Answer { status, retry_after: None, body };
        let body = answer::taken(answer, self.api_key.expose_secret()).map_err(of_file)?;
        let bytes = json::text(&body, "base64").and_then(|base64| wire::decoded(&base64));
        let bytes =
            bytes.ok_or_else(|| refused(Class::Transient, "the server's answer holds no file"))?;
        if bytes.len() > limit { Err(too_large()) } else { Ok(bytes) }
    }
}

/// A download can be repeated. Most that goes wrong with one is answered with HTTP 400.
fn of_file(error: Error) -> Error {
    match error {
        Error::Unknown(why) => Error::NotSent(why),
        Error::Refused { class: Class::OurFault, fault, retry_after } if fault.code == 400 => {
            let said = fault.title.to_lowercase();
            let class = if GONE.iter().any(|mark| said.contains(mark)) {
                Class::Gone
            } else if said.contains("typeerror") || said.contains("not of the media type") {
                Class::OurFault
            } else {
                Class::Transient
            };
            Error::Refused { class, fault, retry_after }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fault;

    #[test]
    fn a_file_that_is_gone_is_not_asked_for_again() {
        let of = |title: &str| {
            let fault = Fault { code: 400, title: title.into(), details: None };
            let error = Error::Refused { class: Class::OurFault, fault, retry_after: None };
            let Error::Refused { class, .. } = of_file(error) else { panic!("{title}") };
            class
        };
        assert_eq!(of("Message not found"), Class::Gone);
        assert_eq!(of("AxiosError: Request failed with status code 410"), Class::Gone);
        assert_eq!(of("TypeError: Cannot read properties of undefined"), Class::OurFault);
        assert_eq!(of("Error: socket hang up"), Class::Transient);
        assert!(matches!(of_file(Error::Unknown("x".into())), Error::NotSent(_)));
        assert_eq!([0, 1, 3, 4].map(base64_len), [0, 4, 4, 8]);
    }
}
