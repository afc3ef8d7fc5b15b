//! Classifies Meta's error codes. The number decides, never the title.
//!
//! The table is <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>.

use super::super::Class;

/// The class of a refusal by its error code, or by the HTTP status if the code is missing or
/// unknown.
pub(super) fn classify(code: Option<i64>, status: u16) -> Class {
    code.and_then(by_code).unwrap_or_else(|| by_status(status))
}

/// Whether the code says that a message failed because of its file.
pub(super) fn refuses_file(code: i64) -> bool {
    matches!(code, 131_052 | 131_053)
}

/// Whether the code says that the 24-hour window is closed.
pub(super) fn closes_window(code: i64) -> bool {
    by_code(code) == Some(Class::WindowClosed)
}

fn by_code(code: i64) -> Option<Class> {
    Some(match code {
        0 | 3 | 10 | 190 | 200..=299 | 131_005 => Class::Token,
        131_047 => Class::WindowClosed,
        368 | 130_472 | 130_497 | 131_031 | 131_049 | 131_050 => Class::Declined,
        131_021 | 131_026 | 131_030 | 131_062 => Class::Undeliverable,
        33
        | 100
        | 131_008
        | 131_009
        | 131_037
        | 131_042
        | 131_045
        | 131_051..=131_053
        | 132_000
        | 132_001
        | 132_005
        | 132_007
        | 132_012
        | 132_015
        | 132_016
        | 132_068
        | 132_069
        | 133_010
        | 135_000 => Class::OurFault,
        4 | 80_007 | 130_429 | 133_016 => Class::Throttled,
        131_056 => Class::PairRate,
        131_048 => Class::SpamLimit,
        1 | 2 | 131_000 | 131_016 | 131_057 | 133_004 => Class::Transient,
        _ => return None,
    })
}

fn by_status(status: u16) -> Class {
    match status {
        401 | 403 => Class::Token,
        429 => Class::Throttled,
        // Another message is being sent in the conversation.
        409 | 500.. => Class::Transient,
        _ => Class::OurFault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_and_the_status_only_where_there_is_none() {
        assert_eq!(classify(Some(130_429), 400), Class::Throttled, "rate limits come as 400");
        assert_eq!(classify(Some(131_047), 500), Class::WindowClosed);
        assert!(closes_window(131_047) && !closes_window(131_026) && !closes_window(0));
        assert_eq!(classify(Some(131_056), 429), Class::PairRate);
        assert_eq!(classify(Some(131_048), 400), Class::SpamLimit);
        assert_eq!(classify(Some(131_050), 400), Class::Declined);
        assert_eq!(classify(Some(131_026), 400), Class::Undeliverable);
        assert_eq!(classify(Some(132_001), 404), Class::OurFault);
        assert_eq!(classify(Some(250), 400), Class::Token);
        assert_eq!(classify(Some(2), 503), Class::Transient);
        for (code, status, class) in [
            (None, 401, Class::Token),
            (None, 403, Class::Token),
            (None, 429, Class::Throttled),
            (None, 502, Class::Transient),
            (None, 404, Class::OurFault),
            (None, 409, Class::Transient),
            (Some(999_999), 503, Class::Transient),
            (Some(999_999), 400, Class::OurFault),
        ] {
            assert_eq!(classify(code, status), class, "{code:?} {status}");
        }
    }
}
