//! What the settings of all numbers of the Graph API have in common. Validates; connects to nothing.

use http::HeaderValue;
use reqwest::Url;

/// WhatsApp's rate limits in messages per second, without and with coexistence.
/// <https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput>
const RATE: f64 = 80.0;
const COEXISTENCE_RATE: f64 = 20.0;

/// The version of the Graph API that is used by default.
pub(in crate::provider) fn default_version() -> String {
    "v24.0".to_owned()
}

/// How many messages a second a number sends.
pub(in crate::provider) fn rate(written: Option<f64>, coexistence: bool) -> f64 {
    written.unwrap_or(if coexistence { COEXISTENCE_RATE } else { RATE })
}

/// Parses `base_url`. The error names the key.
pub(in crate::provider) fn base(written: &str, example: &str) -> Result<Url, String> {
    let base: Url = written
        .parse()
        .map_err(|error| format!("base_url is not an address ({error}), such as {example}"))?;
    match base.scheme() {
        "http" | "https" => Ok(base),
        other => Err(format!("base_url begins with {other}:, not https:")),
    }
}

/// The value of the header that authorises a request, hidden in debug output; `None` if no header
/// holds it.
pub(in crate::provider) fn header(value: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(value).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Validates what stands in addresses: the ids and the version. The error names the key.
pub(in crate::provider) fn check(
    phone_number_id: &str,
    account_id: Option<&str>,
    version: &str,
) -> Result<(), String> {
    let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if phone_number_id.is_empty() || !phone_number_id.bytes().all(is_of_id) {
        return Err(
            "phone_number_id must be Meta's id of the number, as its API set-up page shows it"
                .into(),
        );
    }
    if account_id.is_some_and(|id| !id.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("account_id must be Meta's WhatsApp Business Account ID".into());
    }
    let digits = version.strip_prefix('v').unwrap_or_default();
    if !digits.starts_with(|c: char| c.is_ascii_digit())
        || !digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    {
        return Err(format!("version must look like {}", default_version()));
    }
    Ok(())
}
