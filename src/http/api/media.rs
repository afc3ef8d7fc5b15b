//! Files of messages: from the database, else fetched from WhatsApp when a person opens them.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::desk::Desk;
use crate::domain::file::playable_type;
use crate::domain::label::one_line;
use crate::domain::{Content, Media, MediaKind, MessageId};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;
use crate::provider::{Class, Error};

/// Maximum size of a document, in bytes.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;
/// Maximum size of any other file, in bytes: WhatsApp's own limit.
const MAX_SIZE: usize = 16 * 1024 * 1024;
/// Limits concurrent downloads: each file is held in memory.
pub(super) static DOWNLOAD_SLOTS: Semaphore = Semaphore::const_new(4);

/// Returns the file of a message: as it is stored, else from WhatsApp. Images (PNG, JPEG, WebP,
/// GIF), sound and video, recognized by their bytes, are sent for display, everything else as a
/// download. From WhatsApp, documents may have 64 MB, other files 16 MB. A 404 says why if WhatsApp
/// no longer has the file or it is larger.
#[utoipa::path(get, path = "/messages/{id}/media", operation_id = "get_media", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, response = Problem),
        (status = 502, response = Problem)))]
pub(super) async fn file(
    State(web): State<WebState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("message");
    let id = MessageId::parse(&id).map_err(|_| missing())?;
    let place = web.desk.store.whereabouts(&id).await?.ok_or_else(missing)?;
    let content = Content::stored(&place.content);
    let media = content.file().ok_or_else(|| Problem::missing("This message has no file."))?;
    if let Some(stored) = web.desk.store.file(&id).await? {
        return Ok(response(media, stored.bytes));
    }
    let number = web.desk.number(&place.number_id).ok_or_else(|| {
        Problem::missing("The number that the file was sent to is not connected any more.")
    })?;
    let most = if media.kind == MediaKind::Document { MAX_DOCUMENT_BYTES } else { MAX_SIZE };
    let _place = DOWNLOAD_SLOTS.acquire().await;
    let bytes = number.client.media(media, most).await.map_err(|error| download_problem(&error))?;
    keep(&web.desk, &id, media, &bytes).await;
    Ok(response(media, bytes))
}

/// Stores what was fetched, unless it is too large to be stored.
async fn keep(desk: &Desk, id: &MessageId, media: &Media, bytes: &[u8]) {
    if bytes.len() > desk.max_file_bytes {
        return;
    }
    let declared = media.mime_type.as_deref().unwrap_or_default();
    match desk.store.keep_file(id, declared, bytes.to_vec()).await {
        Ok(Some(conversation)) => desk.notifier.changed(&conversation),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "a file that a person opened was not stored"),
    }
}

/// Explains why a file could not be fetched.
fn download_problem(error: &Error) -> Problem {
    match error {
        Error::Refused { class: Class::Token, .. } => Problem::upstream(
            "WhatsApp refuses the number's access token, so that its files cannot be fetched: see the number's state.",
        ),
        Error::Refused {
            class: Class::Throttled | Class::Transient | Class::PairRate | Class::Damaged,
            ..
        }
        | Error::NotSent(_)
        | Error::Unknown(_) => {
            Problem::upstream(format!("WhatsApp did not give the file, try again soon: {error}"))
        }
        Error::Refused { fault, .. } => Problem::missing(format!(
            "WhatsApp does not give this file (it keeps files for some days only): {}",
            fault.title
        )),
    }
}

/// Builds the response for a file that is saved and never shown, whatever it holds.
pub(super) fn download(name: &str, bytes: Vec<u8>) -> Response {
    file_response("application/octet-stream", &disposition("attachment", name), bytes)
}

/// A `Content-Disposition` with a name that the sender chose, without marks that turn its end round.
fn disposition(how: &str, name: &str) -> String {
    let name = one_line(name, name.len());
    let encoded: Vec<_> = name
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let encoded = encoded.concat();
    // RFC 6266: the plain name is for old browsers.
    let plain = plain_name(&name);
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

fn file_response(kind: &'static str, disposition: &str, bytes: Vec<u8>) -> Response {
    let disposition = HeaderValue::from_str(disposition);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment"))),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    (headers, bytes).into_response()
}

/// Builds the response for a file. The sender chose its name and type and may be malicious: only
/// images, sound and video are displayed, recognized by their bytes, and nothing in a file may run.
fn response(media: &Media, bytes: Vec<u8>) -> Response {
    let shown = playable_type(&bytes);
    let how = if shown.is_some() { "inline" } else { "attachment" };
    let name = media.file_name.as_deref().unwrap_or(media.kind.as_str());
    file_response(shown.unwrap_or("application/octet-stream"), &disposition(how, name), bytes)
}

/// Replaces all but plain ASCII characters: others could end the header or hide what a file is.
fn plain_name(name: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-_. ()".contains(letter) { letter } else { '_' }
    };
    let letters: Vec<char> = name.chars().map(plain).collect();
    // Keeps the end, with the file extension.
    letters[letters.len().saturating_sub(100)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_shown_by_what_they_are_and_nothing_else_is() {
        let file = |name: &str, mime: &str| Media {
            kind: MediaKind::Document,
            mime_type: Some(mime.into()),
            file_name: Some(name.into()),
            ..Media::default()
        };
        let shown = |media: &Media, bytes: &[u8]| {
            let response = response(media, bytes.to_vec());
            let header = |name| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header(X_CONTENT_TYPE_OPTIONS), "nosniff");
            assert_eq!(header(CONTENT_SECURITY_POLICY), "default-src 'none'; sandbox");
            (header(CONTENT_TYPE), header(CONTENT_DISPOSITION))
        };
        let png = b"\x89PNG\r\n\x1a\n....".as_slice();
        let as_page = shown(&file("a.png", "text/html"), png);
        assert_eq!(
            as_page,
            ("image/png".into(), "inline; filename=\"a.png\"; filename*=UTF-8''a.png".into())
        );
        for (mime, bytes) in [
            ("image/png", b"<script>alert(1)</script>".as_slice()),
            ("image/svg+xml", b"<svg onload='alert(1)'/>"),
            ("text/html", b"<html>"),
            ("image/webp", b"RIFF....AVI "),
            ("", b""),
        ] {
            let (sort, disposition) =
                shown(&file("x\"\r\nSet-Cookie: a\u{202e}gnp.exe", mime), bytes);
            assert_eq!(sort, "application/octet-stream", "{mime}");
            assert_eq!(
                disposition,
                "attachment; filename=\"x_ Set-Cookie_ agnp.exe\"; filename*=UTF-8''x%22%20Set-Cookie%3A%20agnp.exe"
            );
        }
        let sound = shown(&file("a.ogg", "text/html"), b"OggS");
        assert_eq!(
            sound,
            ("audio/ogg".into(), "inline; filename=\"a.ogg\"; filename*=UTF-8''a.ogg".into())
        );
        let unknown = shown(&file("a.ogg", "audio/ogg"), b"<html>").0;
        assert_eq!(unknown, "application/octet-stream");
    }
}
