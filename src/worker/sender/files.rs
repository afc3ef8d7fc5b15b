//! Messages with a file: by its upload, which comes first, or with its bytes.

use super::{MessageSender, not_sent, post, refused};
use crate::desk::Number;
use crate::domain::{
    Blob, Fault, FilledHeader, FilledTemplate, Media, MessageId, NoteCode, TemplateState,
};
use crate::provider::{Class, Error, FileSource, OutgoingContent, OutgoingFile, SentMessage};
use crate::store::outbox::ToSend;

impl MessageSender {
    /// Sends a file: by its upload, or with its bytes if the provider takes no uploads.
    pub(super) async fn send_media(
        &self,
        number: &Number,
        message: &ToSend,
        media: Media,
    ) -> Result<SentMessage, Error> {
        let Media { kind, caption, file_name: name, mime_type, .. } = media;
        let file = |source| OutgoingContent::File(OutgoingFile { kind, source, caption, name });
        if number.client.uploader().is_some() {
            let with_file = |id: &str| file(FileSource::Upload(id.to_owned()));
            return self.send_file(number, message, with_file).await;
        }
        let stored = self.desk.store.file(&MessageId::stored(message.id.clone())).await;
        let stored = stored.map_err(|error| not_sent(&error))?.ok_or_else(not_stored)?;
        let mime_type = mime_type.unwrap_or(stored.mime_type);
        let source = FileSource::Bytes { mime_type, bytes: Blob(stored.bytes.into()) };
        post(number, message, file(source)).await
    }

    /// Sends a filled template, unless its provider said that it takes it no more.
    pub(super) async fn send_template(
        &self,
        number: &Number,
        message: &ToSend,
        filled: FilledTemplate,
    ) -> Result<SentMessage, Error> {
        let named = (filled.name.as_str(), filled.language.as_str());
        let known = self.desk.template(number, named).await.map_err(|error| not_sent(&error))?;
        if known.is_some_and(|template| template.state != TemplateState::Approved) {
            let unusable = NoteCode::TemplateUnusable.text();
            return Err(refused(Fault::ours(format!("{unusable}: {}", filled.name))));
        }
        let Some(FilledHeader::File(media)) = filled.header.clone() else {
            return post(number, message, OutgoingContent::Template(filled)).await;
        };
        let with_file = |id: &str| {
            let header = FilledHeader::File(Media { id: Some(id.to_owned()), ..media });
            OutgoingContent::Template(FilledTemplate { header: Some(header), ..filled })
        };
        self.send_file(number, message, with_file).await
    }

    /// Sends a message with the file that its provider has under an id. Without one, the message is
    /// queued until then.
    async fn send_file(
        &self,
        number: &Number,
        message: &ToSend,
        content: impl FnOnce(&str) -> OutgoingContent + Send,
    ) -> Result<SentMessage, Error> {
        let file = self.desk.store.file_to_send(message).await.map_err(|error| not_sent(&error))?;
        let file = file.ok_or_else(not_stored)?;
        if let Some(failure) = file.failure {
            let unread = |_| Fault::ours("its file cannot be uploaded");
            return Err(refused(serde_json::from_str(&failure).unwrap_or_else(unread)));
        }
        let Some(media_id) = file.media_id else {
            return Err(self.upload_first(message, None).await);
        };
        match post(number, message, content(&media_id)).await {
            // Meta may have dropped an upload, which it then calls a wrong parameter: it is uploaded anew,
            // once.
            Err(Error::Refused { class: Class::OurFault | Class::Gone, .. })
                if message.attempts == 1 =>
            {
                Err(self.upload_first(message, Some(&media_id)).await)
            }
            sent => sent,
        }
    }

    /// Queues a message until its file is uploaded. `refused` is an earlier upload that the provider
    /// refused.
    async fn upload_first(&self, message: &ToSend, refused: Option<&str>) -> Error {
        match self.desk.store.upload_first(message, refused).await {
            Ok(()) => {
                self.desk.notifier.wake_file_uploader();
                Error::NotSent("its file is uploaded first".to_owned())
            }
            Err(error) => not_sent(&error),
        }
    }
}

fn not_stored() -> Error {
    refused(Fault::ours("the file is not stored any more: attach it again"))
}
