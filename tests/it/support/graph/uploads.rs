//! Files that the business uploads and sends, as strictly as Meta documents them: PROVIDERS.md
//! sections 1.9 and 1.10.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Multipart, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::{File, Graph, Shared, answer, authorize, known_version, wrong};
use crate::support::fake::{Failure, Refusal, cut};

/// The types that Meta takes as uploads; its error names them.
const TYPES: &str = "audio/aac, audio/mp4, audio/mpeg, audio/amr, audio/ogg, application/vnd.ms-powerpoint, application/msword, \
    application/vnd.openxmlformats-officedocument.wordprocessingml.document, \
    application/vnd.openxmlformats-officedocument.presentationml.presentation, \
    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, application/pdf, text/plain, application/vnd.ms-excel, \
    image/jpeg, image/png, image/webp, video/mp4, video/3gpp";

/// A taken upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    /// The number that may send it.
    pub(crate) number: String,
    pub(crate) id: String,
    pub(crate) mime: String,
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
}

/// The file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentFile {
    /// The message's type.
    pub(crate) kind: String,
    pub(crate) upload: Upload,
    /// File name of a document.
    pub(crate) name: Option<String>,
    /// Whether it is a voice note.
    pub(crate) voice: bool,
}

impl Graph {
    /// Returns the taken uploads, in order.
    pub(crate) fn uploads(&self) -> Vec<Upload> {
        self.state.uploads.lock().unwrap().clone()
    }

    /// Drops all uploads, as Meta does after 30 days: their ids are unknown from now on.
    pub(crate) fn drop_uploads(&self) {
        for upload in self.state.uploads.lock().unwrap().iter() {
            self.state.media.lock().unwrap().remove(&upload.id);
        }
    }

    /// Makes the next `n` uploads fail.
    pub(crate) fn fail_next_uploads(&self, n: usize, failure: &Failure) {
        self.state.upload_failures.add(n, failure, None);
    }
}

/// `POST /{version}/{number}/media`.
pub(super) async fn take(
    State(state): State<Arc<Shared>>,
    Path((version, number)): Path<(String, String)>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Result<Response, Refusal> {
    authorize(&headers)?;
    known_version(&version)?;
    let (mut product, mut mime, mut file) = (None, None, None);
    while let Some(field) = form.next_field().await.map_err(|_| wrong("Invalid form"))? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "messaging_product" => product = field.text().await.ok(),
            "type" => mime = field.text().await.ok(),
            "file" => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let part = field.content_type().map(str::to_owned);
                file = field.bytes().await.ok().map(|bytes| (name, part, bytes));
            }
            _ => return Err(wrong("Unexpected parameter")),
        }
    }
    let then_cut = state.upload_failures.play("").await?;
    if product.as_deref() != Some("whatsapp") {
        return Err(wrong("The parameter messaging_product is required."));
    }
    let (name, part, bytes) = file.ok_or_else(|| wrong("The parameter file is required."))?;
    let mime = mime.filter(|mime| part.as_deref() == Some(mime));
    let mime = mime.filter(|mime| TYPES.split(", ").any(|known| known == mime));
    let mime = mime.ok_or_else(|| {
        wrong(&format!("Param file must be a file with one of the following types: {TYPES}."))
    })?;
    if name.is_empty() || bytes.is_empty() {
        return Err(wrong("The parameter file is required."));
    }
    let mut uploads = state.uploads.lock().unwrap();
    let id = format!("98{:06}", uploads.len() + 1);
    let stored = File { bytes: bytes.clone(), mime: mime.clone(), edition: 0, expire_next: false };
    state.media.lock().unwrap().insert(id.clone(), stored);
    uploads.push(Upload { number, id: id.clone(), mime, name, bytes });
    drop(uploads);
    if then_cut { cut() } else { Ok(answer(&json!({"id": id}))) }
}

impl Shared {
    /// Parses the file of a message and returns it with its caption.
    pub(super) fn read_file(
        &self,
        kind: &str,
        body: &Value,
    ) -> Result<(SentFile, String), Refusal> {
        let families: &[&str] = match kind {
            "image" => &["image/jpeg", "image/png"],
            "video" => &["video/"],
            "audio" => &["audio/"],
            "document" => &[""],
            _ => {
                return Err(wrong(
                    "Param type must be one of {AUDIO, DOCUMENT, IMAGE, TEMPLATE, TEXT, VIDEO}.",
                ));
            }
        };
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let id = text("id").unwrap_or_default();
        let uploads = self.uploads.lock().unwrap();
        let known = uploads.iter().find(|upload| upload.id == id);
        let known = known.filter(|_| self.media.lock().unwrap().contains_key(&id));
        let upload = known.filter(|known| families.iter().any(|one| known.mime.starts_with(one)));
        let upload = upload.ok_or_else(|| {
            wrong(&format!(
                "Param {kind}['id'] is not a valid whatsapp business account media attachment ID"
            ))
        })?;
        let caption = text("caption");
        let is_audio = kind == "audio";
        if caption.is_some() && is_audio || text("filename").is_some() && kind != "document" {
            return Err(wrong("Unexpected key on the media object"));
        }
        if caption.as_ref().is_some_and(|caption| caption.chars().count() > 1024) {
            return Err(wrong("Param caption must be at most 1024 characters long."));
        }
        let voice = body["voice"] == true;
        if voice && (!is_audio || upload.mime != "audio/ogg") {
            return Err(wrong("Only OGG is a voice note."));
        }
        let file = SentFile {
            kind: kind.to_owned(),
            upload: upload.clone(),
            name: text("filename"),
            voice,
        };
        Ok((file, caption.unwrap_or_default()))
    }
}
