//! Reads customers' pictures and documents for the pipeline, in the sandboxed worker processes.

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::domain::{Attachment, Media, MediaKind, WaitingMessage};
use crate::knowledge::{DocumentError, read_document};
use crate::pictures::{self, PictureError};
use crate::pipeline::{AttachmentError, AttachmentReader, FileSource};
use crate::reader::Pool;

/// Files that are fetched and read for turns in parallel: each is in memory as a whole.
const AT_ONCE: usize = 4;

/// Reads files in worker processes.
pub struct SandboxedReader {
    readers: Pool,
    slots: Semaphore,
}

impl SandboxedReader {
    /// Reads with these worker processes.
    pub fn new(readers: Pool) -> Self {
        Self { readers, slots: Semaphore::new(AT_ONCE) }
    }
}

#[async_trait]
impl AttachmentReader for SandboxedReader {
    async fn read(
        &self,
        said: &WaitingMessage,
        media: &Media,
        source: &dyn FileSource,
    ) -> Result<Attachment, AttachmentError> {
        let _slot = self.slots.acquire().await;
        let bytes = source.fetch(said, media).await?;
        if media.kind == MediaKind::Image {
            let picture = pictures::prepare(&self.readers, bytes.into()).await;
            return picture.map(Attachment::Picture).map_err(AttachmentError::from);
        }
        let name = file_name(media);
        let document = read_document(Some(&self.readers), name, bytes).await;
        document.map(Attachment::Document).map_err(AttachmentError::from)
    }
}

impl From<PictureError> for AttachmentError {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::Refused(_) | PictureError::Unreadable(_) => {
                Self::Unread(error.to_string())
            }
            PictureError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<DocumentError> for AttachmentError {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Refused(why) => Self::Unread(why),
            DocumentError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

/// Returns a name whose extension gives the format: that of a known MIME type, else its own.
fn file_name(media: &Media) -> String {
    let name = media.file_name.as_deref().map_or("document", str::trim);
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
        _ if name.contains('.') => return name.to_owned(),
        _ => "txt",
    };
    let has_it = name.rsplit_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(extension));
    if has_it { name.to_owned() } else { format!("{name}.{extension}") }
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
        assert_eq!(named(Some("Invoice No. 5"), "application/pdf"), "Invoice No. 5.pdf");
        assert_eq!(named(Some("a.PDF"), "application/pdf"), "a.PDF");
    }
}
