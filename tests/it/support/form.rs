//! Parses the form in which a recording is uploaded (`multipart/form-data`). Must not validate its
//! content.

use std::collections::HashMap;

/// A recording uploaded for transcription.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// The other form fields: `model`, `language`, `response_format`.
    pub(crate) fields: HashMap<String, String>,
    pub(crate) file_name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Parses a form into the file and its other fields. `None` when there is no file.
pub(crate) fn read(content_type: &str, body: &[u8]) -> Option<Recorded> {
    let boundary = content_type.split("boundary=").nth(1)?.trim_matches('"');
    let boundary = format!("\r\n--{boundary}").into_bytes();
    let mut rest = [b"\r\n", body].concat();
    let mut recorded =
        Recorded { fields: HashMap::new(), file_name: String::new(), bytes: Vec::new() };
    while let Some(at) = find(&rest, &boundary) {
        rest.drain(..at + boundary.len());
        let end = find(&rest, &boundary).unwrap_or(0);
        let Some(head) = find(&rest[..end], b"\r\n\r\n") else { continue };
        let headers = String::from_utf8_lossy(&rest[..head]).into_owned();
        let value = rest[head + 4..end].to_vec();
        if let Some(name) = quoted(&headers, "filename=") {
            (recorded.file_name, recorded.bytes) = (name, value);
        } else {
            let value = String::from_utf8_lossy(&value).into_owned();
            recorded.fields.insert(quoted(&headers, "name=").unwrap_or_default(), value);
        }
    }
    (!recorded.file_name.is_empty()).then_some(recorded)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn quoted(headers: &str, name: &str) -> Option<String> {
    let from = headers.find(&format!(" {name}\""))? + name.len() + 2;
    headers[from..].split('"').next().map(str::to_owned)
}
