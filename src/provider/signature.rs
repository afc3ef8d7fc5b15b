//! Verifies webhooks: by a signature over their raw bytes, or by a fixed secret. Never parses a body.

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::UnverifiedWebhook;

/// A header with the signature of a webhook: HMAC-SHA256 in hex.
#[derive(Clone, Copy)]
pub(super) struct SignatureHeader {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether `sha256=` has to stand before the digits; else it may.
    pub(super) needs_prefix: bool,
}

impl SignatureHeader {
    /// Parses the signature.
    pub(super) fn given(self, headers: &HeaderMap) -> Result<[u8; 32], UnverifiedWebhook> {
        let Self { name, needs_prefix } = self;
        let header = headers
            .get(name)
            .ok_or_else(|| UnverifiedWebhook(format!("the {name} header is missing")))?;
        let prefix = if needs_prefix { "`sha256=` and " } else { "" };
        let unlike =
            || UnverifiedWebhook(format!("the {name} header is not {prefix}64 hex digits"));
        let bare = Some(header.as_bytes()).filter(|_| !needs_prefix);
        let digits = header.as_bytes().strip_prefix(b"sha256=").or(bare).ok_or_else(unlike)?;
        hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(unlike)
    }

    /// Verifies the signature over a body with the secret, in constant time.
    pub(super) fn check(
        self,
        headers: &HeaderMap,
        secret: &SecretString,
        body: &[u8],
    ) -> Result<(), UnverifiedWebhook> {
        let (given, name) = (self.given(headers)?, self.name);
        let wrong = || {
            UnverifiedWebhook(format!("the {name} header does not match the body and the secret"))
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .map_err(|_| wrong())?;
        mac.update(body);
        mac.verify(&given.into()).map_err(|_| wrong())
    }
}

/// Checks a fixed secret, `Authorization: Bearer SECRET`, in constant time.
pub(super) fn check_bearer(
    headers: &HeaderMap,
    secret: &SecretString,
) -> Result<(), UnverifiedWebhook> {
    let refuse = |why: &str| UnverifiedWebhook(format!("the authorization header {why}"));
    let header = headers.get(AUTHORIZATION).ok_or_else(|| refuse("is missing"))?;
    let (scheme, given) = header.as_bytes().split_at_checked(7).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return Err(refuse("is not `Bearer ` and the webhook secret"));
    }
    let right = secret.expose_secret().as_bytes();
    if right.is_empty() || !bool::from(given.ct_eq(right)) {
        return Err(refuse("has another secret than the number"));
    }
    Ok(())
}

/// Computes the header's value for a body.
pub(super) fn sign(secret: &str, body: &[u8]) -> String {
    // HMAC accepts keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const PREFIXED: SignatureHeader = SignatureHeader { name: "x-signature", needs_prefix: true };

    fn checked(value: Option<&[u8]>, body: &[u8]) -> Result<(), UnverifiedWebhook> {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(PREFIXED.name, HeaderValue::from_bytes(value).unwrap());
        }
        PREFIXED.check(&headers, &"key".into(), body)
    }

    #[test]
    fn only_the_right_signature_passes() {
        let right = sign("key", b"body");
        assert_eq!(checked(Some(right.as_bytes()), b"body"), Ok(()));
        let upper = right.to_uppercase().replace("SHA256=", "sha256=");
        assert_eq!(checked(Some(upper.as_bytes()), b"body"), Ok(()), "upper-case digits");
        assert!(checked(Some(right.as_bytes()), b"body ").is_err(), "other body");
        assert!(checked(Some(sign("other", b"body").as_bytes()), b"body").is_err(), "other secret");
    }

    #[test]
    fn anything_that_is_not_a_signature_is_refused() {
        let right = sign("key", b"body");
        let digits = right.trim_start_matches("sha256=").to_owned();
        let wrong_prefix = format!("sha1={digits}");
        let long = format!("{right}00");
        assert!(checked(None, b"body").is_err());
        for wrong in [
            b"".as_slice(),
            b"sha256=",
            digits.as_bytes(),
            wrong_prefix.as_bytes(),
            long.as_bytes(),
            &right.as_bytes()[..right.len() - 2],
            &right.as_bytes()[..right.len() - 1],
            b"sha256=\xe9\xff\xfe",
            b"sha256=zz",
        ] {
            assert!(checked(Some(wrong), b"body").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_prefix_may_be_left_out_where_it_is_not_needed() {
        let header = SignatureHeader { needs_prefix: false, ..PREFIXED };
        let given = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static("x-signature"), value)]);
            header.check(&headers, &"key".into(), b"body")
        };
        let right = sign("key", b"body");
        let digits = right.trim_start_matches("sha256=");
        assert_eq!(
            (given(&right), given(digits), given(&digits.to_uppercase())),
            (Ok(()), Ok(()), Ok(()))
        );
        for wrong in
            ["", "sha256=", &digits[2..], &format!("sha1={digits}"), &sign("other", b"body")]
        {
            assert!(given(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_right_secret_passes() {
        let given = |value: &[u8], secret: &str| {
            let value = HeaderValue::from_bytes(value).unwrap();
            check_bearer(&HeaderMap::from_iter([(AUTHORIZATION, value)]), &secret.into())
        };
        assert_eq!(given(b"Bearer s3cret", "s3cret"), Ok(()));
        assert_eq!(given(b"bearer s3cret", "s3cret"), Ok(()), "the scheme has no case");
        for wrong in [
            b"Bearer s3cre".as_slice(),
            b"Bearer s3crets",
            b"Bearer ",
            b"Bearer",
            b"",
            b"s3cret",
            b"Basic s3cret",
            b"Bearer  s3cret",
            b"Bearer \xff\xfe",
        ] {
            assert!(given(wrong, "s3cret").is_err(), "{wrong:?}");
        }
        assert!(given(b"Bearer ", "").is_err(), "an empty secret protects nothing");
        let missing = check_bearer(&HeaderMap::new(), &"s3cret".into()).unwrap_err().to_string();
        assert!(missing.contains("authorization") && !missing.contains("s3cret"), "{missing}");
    }
}
