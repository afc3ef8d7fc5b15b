//! A form that a customer fills in within the chat (a WhatsApp Flow), as it is sent. Pure.

use frontdesk_words::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::interactive::joined;

words! {
    /// What decides which screen of a form comes first.
    #[derive(Default)]
    pub enum FlowAction {
        /// The message, or the form itself.
        #[default]
        Navigate = "navigate",
        /// The endpoint that the form has at Meta.
        DataExchange = "data_exchange",
    }
}

/// A text with a button that opens a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlowButton {
    /// The whole message as text, with the button's label.
    pub text: String,
    /// The text above the button.
    pub body: String,
    /// The line above the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The line below the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// The button's label.
    pub label: String,
    /// The provider's id of the form.
    pub flow: String,
    /// What decides which screen comes first.
    #[serde(default)]
    pub action: FlowAction,
    /// The screen that comes first; null for the form's own first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<String>,
}

impl FlowButton {
    /// A button below a text that opens a form with its own first screen.
    pub fn new(body: impl Into<String>, label: impl Into<String>, flow: impl Into<String>) -> Self {
        let bare = Self {
            text: String::new(),
            body: body.into(),
            header: None,
            footer: None,
            label: label.into(),
            flow: flow.into(),
            action: FlowAction::Navigate,
            screen: None,
        };
        bare.worded()
    }

    /// The same with the text that it is as a whole: to be called after a change.
    #[must_use]
    pub fn worded(self) -> Self {
        let button = format!("[{}]", self.label);
        let text = joined((self.header.as_deref(), &self.body), &button, self.footer.as_deref());
        Self { text, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_its_text_and_its_button_for_the_inbox_and_the_bot() {
        let flow = FlowButton::new("Book a table.", "Book", "12");
        assert_eq!(flow.text, "Book a table.\n\n[Book]");
        let footer = Some("Acme".to_owned());
        assert_eq!(FlowButton { footer, ..flow }.worded().text, "Book a table.\n\n[Book]\n\nAcme");
    }
}
