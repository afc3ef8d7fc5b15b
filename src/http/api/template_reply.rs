//! A template that a message sends, as requests name it.

use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;

use crate::desk::Number;
use crate::domain::{Content, ConversationId, Media, ProblemCode, TemplateError, TemplateValue};
use crate::http::WebState;
use crate::http::error::Problem;

/// A template of the number's account, with its values.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateReply {
    /// Its name.
    #[schema(max_length = 512)]
    name: String,
    /// WhatsApp's code of its language, such as `en_US`.
    #[schema(max_length = 20)]
    language: String,
    /// A value for each of its parameters.
    #[serde(default)]
    #[schema(max_items = 50)]
    values: Vec<TemplateValue>,
}

impl TemplateReply {
    /// The filled template, with the file above its text, if it has one. What was written before with
    /// this key is the same message, whatever has become of the template since.
    pub(super) async fn content(
        &self,
        web: &WebState,
        (conversation, number, key): (&ConversationId, &str, &str),
        file: Option<Media>,
    ) -> Result<Content, Problem> {
        if let Some(before) = self.written(web, (conversation, key), file.as_ref()).await? {
            return Ok(before);
        }
        self.filled(web, &*connected(web, number)?, file).await
    }

    /// The content of the message that was written with this key, if it is this one.
    pub(super) async fn written(
        &self,
        web: &WebState,
        (conversation, key): (&ConversationId, &str),
        file: Option<&Media>,
    ) -> Result<Option<Content>, Problem> {
        let before = web.desk.store.written_with(conversation, key).await?;
        let is_same = |content: &Content| match content {
            Content::Template(filled) => {
                filled.is_filled_with((&self.name, &self.language), &self.values, file)
            }
            _ => false,
        };
        Ok(before.filter(is_same))
    }

    /// The template, filled.
    pub(super) async fn filled(
        &self,
        web: &WebState,
        number: &Number,
        file: Option<Media>,
    ) -> Result<Content, Problem> {
        let named = (self.name.as_str(), self.language.as_str());
        let template = web.desk.template(number, named).await?.ok_or_else(template_unknown)?;
        let filled = template.fill_with(&self.values, file);
        filled.map(Content::Template).map_err(|why| unfilled_problem(&why))
    }
}

/// Explains that the number's account has no such template.
pub(super) fn template_unknown() -> Problem {
    Problem::unprocessable(
        "The number's account has no such template in this language: `POST /numbers/{id}/templates/sync` reads them again.",
    )
    .coded(ProblemCode::TemplateUnknown)
}

/// Explains why a template cannot be filled.
pub(super) fn unfilled_problem(why: &TemplateError) -> Problem {
    match why {
        TemplateError::NotApproved(_) => {
            Problem::conflict(why.to_string()).coded(ProblemCode::TemplateUnusable)
        }
        why => Problem::unprocessable(why.to_string()),
    }
}

/// The number, if it is connected.
pub(super) fn connected(web: &WebState, number: &str) -> Result<Arc<Number>, Problem> {
    web.desk.number(number).ok_or_else(|| {
        Problem::conflict("The number of this conversation is not connected any more.")
            .coded(ProblemCode::NumberNotConnected)
    })
}
