//! Reads customers' pictures and documents for the pipeline, in the sandboxed worker processes.

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::domain::{Attachment, Blob, Media, MediaKind, Picture, PictureIdentity, WaitingMessage};
use crate::knowledge::read_document;
use crate::pictures;
use crate::pipeline::{AttachmentReader, AudioSource};
use crate::reader::Pool;

/// Reads files in worker processes.
pub struct SandboxedReader {
    /// The worker processes.
    pub readers: Pool,
}

#[async_trait]
impl AttachmentReader for SandboxedReader {
    async fn read(
        &self,
        said: &WaitingMessage,
        media: &Media,
        source: &dyn AudioSource,
    ) -> Result<Attachment, String> {
        let bytes = source.fetch(said, media).await.map_err(|error| error.to_string())?;
        if media.kind == MediaKind::Image {
            let picture = pictures::prepare(&self.readers, bytes.into()).await;
            return picture.map(seen).map_err(|error| error.to_string());
        }
        let name = file_name(media);
        read_document(Some(&self.readers), name, bytes).await.map(Attachment::Document)
    }
}

fn seen(prepared: frontdesk_picture::Picture) -> Attachment {
    let sha256 = hex::encode(Sha256::digest(&prepared.jpeg));
    let identity = PictureIdentity { sha256, width: prepared.width, height: prepared.height };
    Attachment::Picture(Picture { jpeg: Some(Blob(prepared.jpeg.into())), identity })
}

/// Returns a name whose extension gives the format; of a file without a name, the MIME type does.
fn file_name(media: &Media) -> String {
    let name = media.file_name.clone().unwrap_or_default();
    if name.rsplit_once('.').is_some_and(|(_, extension)| !extension.trim().is_empty()) {
        return name;
    }
    let mime = media.mime_type.as_deref().unwrap_or_default();
    let extension = match mime.split(';').next().unwrap_or_default().trim() {
        "application/pdf" => "pdf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation" => "pptx",
        "application/vnd.oasis.opendocument.text" => "odt",
        "text/csv" => "csv",
        "text/html" => "html",
        "application/json" => "json",
        "text/markdown" => "md",
        _ => "txt",
    };
    format!("{}.{extension}", if name.is_empty() { "document" } else { &name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_name_is_known_by_its_type() {
        let named = |name: Option<&str>, mime: &str| {
            let media = Media {
                file_name: name.map(Into::into),
                mime_type: Some(mime.into()),
                ..Media::default()
            };
            file_name(&media)
        };
        assert_eq!(named(Some("Price list.pdf"), "text/plain"), "Price list.pdf");
        assert_eq!(named(None, "application/pdf"), "document.pdf");
        assert_eq!(named(Some("prices"), "text/csv; charset=utf-8"), "prices.csv");
        assert_eq!(named(None, "application/x-unknown"), "document.txt");
    }
}
