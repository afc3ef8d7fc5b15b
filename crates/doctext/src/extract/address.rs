//! URLs of links: which are useful outside of their document, and what a link adds to its text.

/// Maximum length of a URL, in bytes; longer ones are left out: nobody types them.
const MAX_ADDRESS_LEN: usize = 2048;

/// Whether a URL is useful outside of its document.
pub(super) fn is_address(url: &str) -> bool {
    ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// Returns what a link adds to its text: the URL, unless the text contains it or it is useless
/// outside.
pub(super) fn address_after(text: &str, url: &str) -> String {
    if url.len() > MAX_ADDRESS_LEN || !is_address(url) || says(text, url) {
        return String::new();
    }
    let shown = shown(url);
    if text.trim().is_empty() { shown.to_owned() } else { format!(" ({shown})") }
}

/// Returns the URL as a person would write it.
fn shown(url: &str) -> &str {
    let bare = url.strip_prefix("mailto:").or_else(|| url.strip_prefix("tel:"));
    bare.map_or(url, |address| address.split('?').next().unwrap_or(address))
}

/// Whether the text of a link is already its URL.
fn says(text: &str, url: &str) -> bool {
    let plain = |text: &str| {
        let text = text.trim().trim_end_matches('/').to_lowercase();
        let text = text
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .trim_start_matches("www.");
        text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '\u{a0}')).collect::<String>()
    };
    plain(text).contains(&plain(shown(url)))
}
