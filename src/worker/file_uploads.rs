//! Uploads the files of outgoing messages to the provider, each once as long as it has them.

use crate::domain::time::now_ms;
use crate::domain::{Content, Fault, Media, MessageId};
use crate::provider::{Class, Error, FileUpload, OutgoingFile, Provider};
use crate::store::Store;
use crate::store::files::FileToSend;
use crate::store::outbox::ToSend;

/// Lease of a send that uploads first, in milliseconds: longer than the upload and the send may
/// take.
const LEASE_MS: i64 = 5 * 60_000;

pub(super) struct FileUploads<'a> {
    pub(super) store: &'a Store,
    pub(super) client: &'a dyn Provider,
}

impl FileUploads<'_> {
    /// The file of a message, uploaded, and whether that was done before. Every error is one of a
    /// message that was not sent.
    pub(super) async fn file(
        &self,
        message: &ToSend,
        content: &str,
    ) -> Result<(OutgoingFile, bool), Error> {
        let Content::Media(media) = Content::stored(content) else {
            return Err(refused("this version cannot send such a message"));
        };
        let unstored = || refused("the file is not stored any more: attach it again");
        let file = self.store.file_to_send(&message.id).await.map_err(not_sent)?;
        let file = file.ok_or_else(unstored)?;
        let media_id = if let Some(media_id) = &file.media_id {
            media_id.clone()
        } else {
            let id = MessageId::stored(message.id.clone());
            let stored = self.store.file(&id).await.map_err(not_sent)?;
            self.upload(message, &file, (&media, stored.ok_or_else(unstored)?.bytes)).await?
        };
        let Media { kind, caption, file_name, .. } = media;
        Ok((OutgoingFile { kind, media_id, caption, name: file_name }, file.media_id.is_some()))
    }

    /// What follows a message that was refused with an earlier upload of its file: the provider may
    /// not have it any more, so that it is uploaded anew.
    pub(super) async fn refused_with_earlier(&self, message: &ToSend, error: Error) -> Error {
        if !matches!(error, Error::Refused { class: Class::OurFault | Class::Gone, .. }) {
            return error;
        }
        match self.store.forget_upload(&MessageId::stored(message.id.clone())).await {
            Ok(()) => Error::NotSent(format!("its earlier upload was refused: {error}")),
            Err(_) => error,
        }
    }

    /// Uploads a file while the message is held for this process.
    async fn upload(
        &self,
        message: &ToSend,
        file: &FileToSend,
        (media, bytes): (&Media, Vec<u8>),
    ) -> Result<String, Error> {
        let until = now_ms() + LEASE_MS;
        let lost = || Error::NotSent("another process has the message".to_owned());
        if !self.store.hold_for_upload(message, until).await.map_err(not_sent)? {
            return Err(lost());
        }
        let upload = FileUpload {
            mime_type: media.mime_type.clone().unwrap_or_default(),
            name: media.file_name.clone().unwrap_or_else(|| media.kind.as_str().to_owned()),
            bytes,
        };
        crate::failpoint!("upload.begun");
        let uploaded = self.client.upload(&upload).await?;
        let valid_ms = i64::try_from(uploaded.valid_for.as_millis()).unwrap_or(i64::MAX);
        let expires_at = now_ms().saturating_add(valid_ms);
        let recorded = self.store.record_upload(message, file, (&uploaded.media_id, expires_at));
        if recorded.await.map_err(not_sent)? { Ok(uploaded.media_id) } else { Err(lost()) }
    }
}

fn refused(why: &str) -> Error {
    Error::Refused { class: Class::OurFault, fault: Fault::ours(why), retry_after: None }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes it by value")]
fn not_sent(error: crate::store::Error) -> Error {
    Error::NotSent(error.to_string())
}
