//! The shared test data, which the project does not hold: captures of providers' traffic.

/// Reads a file of the shared test data; `None`, with a note on stdout, without it.
pub(super) fn shared(path: &str) -> Option<Vec<u8>> {
    let root = std::env::var("FRONTDESK_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned());
    let bytes = std::fs::read(format!("{root}/{path}")).ok();
    if bytes.is_none() {
        println!("skipped: no shared data");
    }
    bytes
}
