//! Uploads: files and pasted texts become documents of a collection, learned in the background. One
//! file at a time is in memory.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, ready};

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::admission::{Force, Permit, admit};
use super::collections::find_collection;
use super::documents::{Document, shown};
use crate::desk::Change;
use crate::domain::{CollectionId, What};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::{Body, Path, is_form};
use crate::http::note::Note;
use crate::http::server::Intake;
use crate::knowledge::remedy;
use crate::store::knowledge::Failure;
use crate::store::uploads::NewUpload;

/// Maximum number of files in a request.
const MAX_FILES: usize = 50;
/// Maximum length of a path or media type, in characters.
const MAX_PATH_CHARS: usize = 200;
/// Maximum size of the form data besides the files, and before each of them, in bytes.
const MAX_FORM_OVERHEAD_BYTES: usize = 1024 * 1024;

/// A text to learn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PastedText {
    /// Title, which becomes the path: `Opening hours.md`.
    title: String,
    /// The text, Markdown or plain.
    #[schema(max_length = 20_971_520)]
    text: String,
}

/// Files to learn, as a form.
#[derive(ToSchema)]
#[schema(as = UploadForm)]
#[expect(dead_code, reason = "it describes the form to those who read the API's document")]
pub(super) struct UploadForm {
    /// The files; repeat the field for each.
    #[schema(max_items = 50, value_type = Vec<String>, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<Vec<u8>>,
}

struct UploadedFile {
    path: String,
    mime_type: String,
    size: u64,
    content: Result<Vec<u8>, Failure>,
}

/// Uploads files (a form with a field `file` for each, at most 50) or a text. They are learned in
/// the background: each becomes a document that is `learning` at first. A file replaces an earlier
/// upload with its path. A refused file does not stop the others: it is `failed` in the response.
/// No consent is asked for, however many files come: `frontdesk learn` asks above 200, a caller of
/// the API decides itself.
#[utoipa::path(post, path = "/collections/{name}/documents", operation_id = "upload_documents", tag = "knowledge",
    params(("name" = String, Path, description = "The collection's name"), Force),
    request_body(content((UploadForm = "multipart/form-data"), (PastedText = "application/json"))),
    responses((status = 202, body = [Document]), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 413, response = Problem), (status = 422, response = Problem)))]
pub(super) async fn add(
    State(web): State<WebState>,
    Path(name): Path<String>,
    permit: Permit,
    mut request: Request,
) -> Result<(StatusCode, Extension<Note>, Json<Vec<Document>>), Problem> {
    let row = find_collection(&web, &name).await?;
    admit(&web, (&row.slug, Change::Document), permit).await?;
    if let Some(intake) = request.extensions().get::<Arc<Intake>>() {
        intake.exempt_from_share();
    }
    let collection = CollectionId::stored(row.id);
    let most = web.desk.library.max_upload_bytes();
    let form = is_form(request.headers());
    let files = if form { MAX_FILES } else { 1 };
    DefaultBodyLimit::max(most.saturating_mul(files).saturating_add(MAX_FORM_OVERHEAD_BYTES))
        .apply(&mut request);
    let documents = if form {
        store_form_files(&web, &collection, request).await?
    } else {
        let Body(text) = Body::<PastedText>::from_request(request, &web).await?;
        vec![store_upload(&web, &collection, pasted(text, most)?).await?]
    };
    if !documents.iter().any(Document::is_kept) {
        return Err(refused(documents));
    }
    web.desk.announce(What::Knowledge).await;
    // File names may contain customers' names, so only ids are logged.
    let ids: Vec<_> = documents.iter().filter_map(Document::stored_id).collect();
    let note = Note::on(name, json!({"documents": ids}));
    Ok((StatusCode::ACCEPTED, note, Json(documents)))
}

async fn store_form_files(
    web: &WebState,
    collection: &CollectionId,
    request: Request,
) -> Result<Vec<Document>, Problem> {
    let most = web.desk.library.max_upload_bytes();
    let intake = request.extensions().get::<Arc<Intake>>().cloned();
    let release = || intake.iter().for_each(|intake| intake.release());
    let frame = Arc::new(Frame::default());
    let request = request.map(|body| limit_reading(body, frame.clone()));
    let form = Multipart::from_request(request, web).await;
    let mut form = form.map_err(|bad| Problem::unreadable(bad.status(), bad.body_text()))?;
    let mut documents = Vec::new();
    loop {
        frame.start_header();
        let field = frame.parse(form.next_field()).await;
        if frame.is_full() {
            return Err(Problem::bad_request(
                "What stands before a file in the form is larger than 1 MB.",
            ));
        }
        let field = field.map_err(|bad| unreadable(&bad))?;
        frame.end_header();
        let Some(field) = field else { break };
        let (name, path) = (field.name().unwrap_or_default(), field.file_name().map(path_of));
        let Some(path) = path.filter(|_| name == "file") else {
            return Err(Problem::bad_request(format!(
                "The form has a field `{}` that is no file; it takes files, each in a field `file` with its name.",
                name.chars().take(100).collect::<String>()
            )));
        };
        if documents.len() == MAX_FILES {
            return Err(Problem::unprocessable(format!(
                "The form has more than {MAX_FILES} files: the first {MAX_FILES} are taken, send the others in another one."
            )));
        }
        let given = read((field, path), most, &frame, &release).await?;
        documents.push(store_upload(web, collection, given).await?);
        release();
    }
    if documents.is_empty() {
        return Err(Problem::unprocessable("The form has no field `file`."));
    }
    Ok(documents)
}

/// Meters what the parser reads. While it looks for the next field it keeps the head of a field in
/// memory until the head is complete: those bytes are counted. And it reads on until nothing is
/// ready, from a fast client several files at once: so it gets a piece only when it needs one.
#[derive(Default)]
struct Frame {
    looking: AtomicBool,
    bytes: AtomicUsize,
    may_read: AtomicBool,
}

impl Frame {
    fn start_header(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.looking.store(true, Ordering::Relaxed);
    }

    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > MAX_FORM_OVERHEAD_BYTES
    }

    fn end_header(&self) {
        self.looking.store(false, Ordering::Relaxed);
    }

    /// Counts received bytes; returns false once the limit is exceeded.
    fn try_count(&self, bytes: usize) -> bool {
        !self.looking.load(Ordering::Relaxed)
            || self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= MAX_FORM_OVERHEAD_BYTES
    }

    /// Awaits a step of the parser. It gets one piece whenever what it has is not enough.
    async fn parse<T>(&self, step: impl Future<Output = T>) -> T {
        let mut step = pin!(step);
        poll_fn(|cx| {
            self.may_read.store(false, Ordering::Relaxed);
            loop {
                if let Poll::Ready(done) = step.as_mut().poll(cx) {
                    return Poll::Ready(done);
                }
                // A piece that it may read and has not read is not there yet.
                if self.may_read.swap(true, Ordering::Relaxed) {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// Wraps a form's body: it hands out a piece when the parser may read, and fails when the head of a
/// field exceeds the limit.
fn limit_reading(body: axum::body::Body, frame: Arc<Frame>) -> axum::body::Body {
    let mut pieces = body.into_data_stream();
    axum::body::Body::from_stream(futures::stream::poll_fn(move |cx| {
        if !frame.may_read.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let Some(piece) = ready!(pieces.poll_next_unpin(cx)) else { return Poll::Ready(None) };
        frame.may_read.store(false, Ordering::Relaxed);
        Poll::Ready(Some(piece.and_then(|piece| {
            if frame.try_count(piece.len()) {
                return Ok(piece);
            }
            Err(axum::Error::new("what stands before a file is larger than 1 MB"))
        })))
    }))
}

/// Reads a file. If it is too large, only its size is kept.
async fn read(
    (mut field, path): (Field<'_>, String),
    most: usize,
    frame: &Frame,
    release: &(impl Fn() + Sync),
) -> Result<UploadedFile, Problem> {
    let mime_type = field.content_type().unwrap_or_default().chars().take(MAX_PATH_CHARS).collect();
    let (mut bytes, mut size) = (Vec::new(), 0_usize);
    while let Some(piece) = frame.parse(field.chunk()).await.map_err(|bad| unreadable(&bad))? {
        size += piece.len();
        if size <= most {
            bytes.extend_from_slice(&piece);
        } else {
            bytes = Vec::new();
            release();
        }
    }
    let size = size as u64;
    let fits = usize::try_from(size).is_ok_and(|size| size <= most);
    let content = if fits { Ok(bytes) } else { Err(remedy::too_large(size, most)) };
    Ok(UploadedFile { path, mime_type, size, content })
}

fn unreadable(bad: &MultipartError) -> Problem {
    Problem::unreadable(bad.status(), bad.body_text())
}

fn pasted(text: PastedText, most: usize) -> Result<UploadedFile, Problem> {
    let PastedText { title, text } = text;
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() || title.chars().count() > MAX_PATH_CHARS - 3 {
        return Err(Problem::unprocessable("`title` is 1 to 197 characters."));
    }
    if text.trim().is_empty() {
        return Err(Problem::unprocessable("`text` is empty: there is nothing to learn."));
    }
    let path = format!("{}.md", path_of(&title.replace(['/', '\\'], "-")));
    let headed = text.trim_start().starts_with('#');
    let whole = if headed { text } else { format!("# {title}\n\n{text}") };
    let size = whole.len();
    let content = if size <= most {
        Ok(whole.into_bytes())
    } else {
        Err(remedy::too_large(size as u64, most))
    };
    Ok(UploadedFile { path, mime_type: "text/markdown".into(), size: size as u64, content })
}

async fn store_upload(
    web: &WebState,
    collection: &CollectionId,
    given: UploadedFile,
) -> Result<Document, Problem> {
    let UploadedFile { path, mime_type, size, content } = given;
    let collection = collection.clone();
    let new = NewUpload { collection, path: path.clone(), mime_type, size, content };
    match web.desk.library.upload(new).await? {
        Ok(id) => shown(web, id.as_str()).await,
        Err(failure) => Ok(Document::refused(path, failure)),
    }
}

fn refused(documents: Vec<Document>) -> Problem {
    let why = documents.into_iter().map(Document::refusal_message).collect::<Vec<_>>();
    Problem::conflict(why.join(" "))
}

/// Converts a file's name to a path within a collection. No part of it leads outside.
fn path_of(name: &str) -> String {
    let parts = name.split(['/', '\\']).map(|part| {
        let plain = part.chars().filter(|c| !c.is_control()).collect::<String>();
        plain.trim().to_owned()
    });
    let parts: Vec<String> =
        parts.filter(|part| !part.is_empty() && part != "." && part != "..").collect();
    let path = parts.join("/");
    if path.is_empty() {
        return "document".into();
    }
    let many = path.chars().count();
    // Cuts the beginning: the extension gives the format.
    path.chars().skip(many.saturating_sub(MAX_PATH_CHARS)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FailureCode;
    use axum::http::header::CONTENT_TYPE;

    #[test]
    fn a_name_is_a_path_that_leads_nowhere_else() {
        for (name, path) in [
            ("a.pdf", "a.pdf"),
            ("../../etc/passwd", "etc/passwd"),
            ("C:\\docs\\a.pdf", "C:/docs/a.pdf"),
            (" ./x/\u{0}y.md ", "x/y.md"),
            ("..", "document"),
        ] {
            assert_eq!(path_of(name), path, "{name}");
        }
        let long = format!("{}.pdf", "x".repeat(500));
        assert!(path_of(&long).ends_with("x.pdf") && path_of(&long).len() == MAX_PATH_CHARS);
    }

    /// Reads a form whose bytes are all there already, in pieces of this size. Returns the size of
    /// each file and the most bytes that the parser held.
    async fn read_form(pieces: usize, files: &[usize]) -> (Vec<usize>, usize) {
        let mut form = Vec::new();
        for size in files {
            let head =
                "--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
            form.extend_from_slice(head.as_bytes());
            form.resize(form.len() + size, b'x');
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(b"--B--\r\n");
        let given = Arc::new(AtomicUsize::new(0));
        let count = given.clone();
        let pieces: Vec<_> = form.chunks(pieces).map(<[u8]>::to_vec).collect();
        let body = futures::stream::iter(pieces).map(move |piece| {
            count.fetch_add(piece.len(), Ordering::Relaxed);
            Ok::<_, axum::Error>(piece)
        });
        let frame = Arc::new(Frame::default());
        let body = limit_reading(axum::body::Body::from_stream(body), frame.clone());
        let request = Request::post("/").header(CONTENT_TYPE, "multipart/form-data; boundary=B");
        let request = request.body(body).expect("a request");
        let mut form = Multipart::from_request(request, &()).await.expect("a form");
        let (mut sizes, mut out, mut most) = (Vec::new(), 0, 0);
        while let Some(mut field) = frame.parse(form.next_field()).await.expect("a field") {
            let mut size = 0;
            while let Some(piece) = frame.parse(field.chunk()).await.expect("a piece") {
                most = most.max(given.load(Ordering::Relaxed) - out);
                out += piece.len();
                size += piece.len();
            }
            sizes.push(size);
        }
        (sizes, most)
    }

    #[tokio::test]
    async fn a_form_is_parsed_however_it_is_cut_and_not_read_ahead() {
        let files = [1, 100_000, 0, 300_000, 7];
        for pieces in [1, 3, 64, 16_384, 1_000_000] {
            let (sizes, most) = read_form(pieces, &files).await;
            assert_eq!(sizes, files, "in pieces of {pieces}");
            assert!(pieces > 16_384 || most < 40_000, "{most} bytes are held");
        }
    }

    #[test]
    fn a_pasted_text_is_a_document_with_its_title() {
        let text =
            |title: &str, words: &str| PastedText { title: title.into(), text: words.into() };
        let given = pasted(text(" Opening  hours ", "We open at 9."), 1000).expect("a text");
        assert_eq!(given.path, "Opening hours.md");
        assert_eq!(given.content.expect("it fits"), b"# Opening hours\n\nWe open at 9.");
        let given = pasted(text("Hours", "# When\nAt 9."), 5).expect("a text");
        assert_eq!(given.content.expect_err("it is too large").code, FailureCode::TooLarge);
        for wrong in [text("", "x"), text("x", " "), text(&"x".repeat(300), "x")] {
            assert!(pasted(wrong, 1000).is_err());
        }
    }
}
