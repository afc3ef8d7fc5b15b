//! Why a web page could not be read, as a code that the console translates. The database has the
//! English text, from which the code is read.

use serde::Serialize;
use utoipa::ToSchema;

use super::learning::FailureCode;

/// Why a web page could not be read.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PageReason {
    /// Its server answers with an error.
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// It took longer than the timeout.
    TooSlow {
        /// The timeout.
        seconds: f64,
    },
    /// It is larger than the limit.
    TooLarge {
        /// The limit.
        kilobytes: u64,
    },
    /// It redirects to another site.
    Elsewhere {
        /// That site.
        site: String,
    },
    /// It redirects too often.
    Circle {},
    /// There is no such page.
    Gone {},
    /// It is at an address of a private network, or one at which no website may be.
    Private {},
    /// The site's robots.txt forbids to read it.
    Forbidden {
        /// Its path.
        path: String,
    },
    /// Its format cannot be learned.
    Format {
        /// Its content type.
        format: String,
    },
    /// It was fetched and could not be learned.
    Unlearned {
        /// Why.
        code: FailureCode,
    },
}

/// Text of [`PageReason::Gone`].
pub const GONE: &str = "the server says that there is no such page";
/// Text of [`PageReason::Private`].
pub const PRIVATE: &str = "Private addresses can't be added.";
/// Text before the path of [`PageReason::Forbidden`].
pub const FORBIDDEN: &str = "the site's robots.txt does not allow ";
/// Text after that path.
pub const TO_BE_READ: &str = " to be read";
/// Text before the format of [`PageReason::Format`].
pub const FORMAT: &str = "it is of a format that cannot be learned: ";

impl PageReason {
    /// The reason with this text, or with the code of the page's document; `None` for any other.
    pub fn of(text: &str, code: Option<FailureCode>) -> Option<Self> {
        Self::told(text).or_else(|| code.map(|code| Self::Unlearned { code }))
    }

    fn told(text: &str) -> Option<Self> {
        let between = |start: &str, end: &str| {
            text.strip_prefix(start)?.split_once(end).map(|(value, _)| value)
        };
        let after = |start: &str| text.strip_prefix(start).map(ToOwned::to_owned);
        if text == GONE {
            return Some(Self::Gone {});
        }
        if text == PRIVATE {
            return Some(Self::Private {});
        }
        let status = between("the server answers ", " ").and_then(|status| status.parse().ok());
        let status = status.map(|status| Self::Status { status });
        let slow = || between("it did not come within ", " seconds")?.parse().ok();
        let slow = || slow().map(|seconds| Self::TooSlow { seconds });
        let large = || between("it has more than ", " KB, the most that is read")?.parse().ok();
        let large = || large().map(|kilobytes| Self::TooLarge { kilobytes });
        let site = || between("it leads to another site, ", ", which").map(ToOwned::to_owned);
        let elsewhere = || site().map(|site| Self::Elsewhere { site });
        let circle = || text.starts_with("it redirects more than").then_some(Self::Circle {});
        let path = || text.strip_prefix(FORBIDDEN)?.strip_suffix(TO_BE_READ).map(ToOwned::to_owned);
        let forbidden = || path().map(|path| Self::Forbidden { path });
        let format = || after(FORMAT).map(|format| Self::Format { format });
        status
            .or_else(slow)
            .or_else(large)
            .or_else(elsewhere)
            .or_else(circle)
            .or_else(forbidden)
            .or_else(format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_the_code_of_its_text_or_of_its_document() {
        let code = Some(FailureCode::Scanned);
        let scanned = PageReason::Unlearned { code: FailureCode::Scanned };
        assert_eq!(PageReason::of("its pages are pictures", code), Some(scanned));
        assert_eq!(PageReason::of("its pages are pictures", None), None);
        assert_eq!(PageReason::of(GONE, code), Some(PageReason::Gone {}));
        assert_eq!(PageReason::of(PRIVATE, code), Some(PageReason::Private {}));
        let forbidden = format!("{FORBIDDEN}/private{TO_BE_READ}");
        let path = "/private".to_owned();
        assert_eq!(PageReason::of(&forbidden, None), Some(PageReason::Forbidden { path }));
        let format = "video/mp4".to_owned();
        let told = format!("{FORMAT}{format}");
        assert_eq!(PageReason::of(&told, None), Some(PageReason::Format { format }));
    }
}
