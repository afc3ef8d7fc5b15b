//! The files that customers send: fetched from WhatsApp when a person looks at them.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::domain::{Content, Media, MediaKind, MessageId};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Path;
use crate::provider::{Class, Error};

/// The largest document that is fetched, in bytes.
const LARGEST_DOCUMENT: usize = 64 * 1024 * 1024;
/// The largest of all other files, in bytes: what WhatsApp itself takes.
const LARGEST: usize = 16 * 1024 * 1024;
/// How many files are fetched at once: they are held whole.
static PLACES: Semaphore = Semaphore::const_new(4);

/// The file of a message, from WhatsApp: pictures (PNG, JPEG, WebP, GIF) to be shown, everything else to be saved. At most
/// 64 MB of a document and 16 MB of anything else. 404 says why where WhatsApp has it no more, or it is larger.
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
    let Ok(Content::Media(media)) = serde_json::from_str::<Content>(&place.content) else {
        return Err(Problem::missing("This message has no file."));
    };
    if media.kind.has_sound()
        && let Some(kept) = web.desk.store.recording(&id).await?
    {
        return Ok(response(&media, kept.bytes));
    }
    let number = web.desk.number(&place.number_id).ok_or_else(|| {
        Problem::missing("The number that the file was sent to is not connected any more.")
    })?;
    let most = if media.kind == MediaKind::Document { LARGEST_DOCUMENT } else { LARGEST };
    let _place = PLACES.acquire().await;
    let bytes = number.line.media(&media, most).await.map_err(|error| lost(&error))?;
    Ok(response(&media, bytes))
}

/// Why a file could not be fetched.
fn lost(error: &Error) -> Problem {
    match error {
        Error::Refused { class: Class::Token, .. } => Problem::upstream(
            "WhatsApp refuses the number's access token, so that its files cannot be fetched: see the number's state.",
        ),
        Error::Refused { class: Class::Throttled | Class::Transient | Class::PairRate, .. }
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

/// A file as it is passed on. The sender chose its name and its type, and may mean harm: only pictures are shown, by what their
/// bytes are, and nothing in a file may run.
fn response(media: &Media, bytes: Vec<u8>) -> Response {
    let picture = picture(&bytes);
    let disposition = if picture.is_some() { "inline" } else { "attachment" };
    let name = plain_name(media.file_name.as_deref().unwrap_or(media.kind.as_str()));
    let disposition = HeaderValue::from_str(&format!("{disposition}; filename=\"{name}\""));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(picture.unwrap_or_else(|| sound(media)))),
        (CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment"))),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    (headers, bytes).into_response()
}

/// The type of a picture that a browser may show, by its first bytes.
fn picture(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        Some("image/gif")
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        None
    }
}

/// The type of a recording that a page's player takes; of anything else, that of mere bytes.
fn sound(media: &Media) -> &'static str {
    const PLAYED: [&str; 8] = [
        "audio/ogg",
        "audio/mpeg",
        "audio/mp4",
        "audio/aac",
        "audio/amr",
        "audio/wav",
        "video/mp4",
        "video/3gpp",
    ];
    let said = media.mime_type.as_deref().unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    PLAYED.into_iter().find(|one| *one == said).unwrap_or("application/octet-stream")
}

/// A name of plain letters: others could end the header or hide what a file is.
fn plain_name(name: &str) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-_. ()".contains(letter) { letter } else { '_' }
    };
    let letters: Vec<char> = name.chars().map(plain).collect();
    // The end says what a file is.
    letters[letters.len().saturating_sub(100)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_are_shown_by_what_they_are() {
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
        assert_eq!(as_page, ("image/png".into(), "inline; filename=\"a.png\"".into()));
        for (mime, bytes) in [
            ("image/png", b"<script>alert(1)</script>".as_slice()),
            ("image/svg+xml", b"<svg onload='alert(1)'/>"),
            ("text/html", b"<html>"),
            ("image/webp", b"RIFF....WAVE"),
            ("", b""),
        ] {
            let (sort, disposition) =
                shown(&file("x\"\r\nSet-Cookie: a\u{202e}gnp.exe", mime), bytes);
            assert_eq!(sort, "application/octet-stream", "{mime}");
            assert_eq!(disposition, "attachment; filename=\"x___Set-Cookie_ a_gnp.exe\"");
        }
        assert_eq!(shown(&file("a", "audio/ogg; codecs=opus"), b"OggS").0, "audio/ogg");
        assert_eq!(picture(b"RIFF....WEBPVP8 "), Some("image/webp"));
        assert_eq!(picture(b"GIF89a"), Some("image/gif"));
        assert_eq!(picture(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
    }
}
