//! Why a request was not fulfilled, as a code that the console translates.

use frontdesk_words::words;

words! {
    /// Why a request was not fulfilled, for translations. Only the reasons that people meet often
    /// have one.
    pub enum ProblemCode {
        /// What the request is about does not exist, or not any more.
        NotFound = "not_found",
        /// Too many requests run at once.
        Busy = "busy",
        /// The database does not answer right now.
        DatabaseUnavailable = "database_unavailable",
        /// An internal error.
        Broken = "broken",
        /// The 24-hour window is closed.
        WindowClosed = "window_closed",
        /// The customer opted out of messages.
        OptedOut = "opted_out",
        /// The customer has no WhatsApp id.
        NoWhatsappId = "no_whatsapp_id",
        /// A person has the conversation, so the bot's message is not sent again.
        PersonHasConversation = "person_has_conversation",
        /// What trials may cost today is used up.
        TrialBudgetUsedUp = "trial_budget_used_up",
        /// The address of a model is private, and only the desk's owner may name such a one.
        PrivateAddress = "private_address",
        /// WhatsApp does not take the template.
        TemplateUnusable = "template_unusable",
        /// The WhatsApp Business account of a number is not known.
        TemplatesNoAccount = "templates_no_account",
        /// WhatsApp did not give a number's templates.
        TemplatesUnreadable = "templates_unreadable",
        /// The number's account has no such template.
        TemplateUnknown = "template_unknown",
        /// The name of a new template.
        DraftName = "draft_name",
        /// The language of a new template.
        DraftLanguage = "draft_language",
        /// The category of a new template.
        DraftCategory = "draft_category",
        /// A text of a new template is empty, too long, or has several lines.
        DraftLength = "draft_length",
        /// The values of a new template are numbered wrongly, or stand where none may.
        DraftVariables = "draft_variables",
        /// An example of a value of a new template is missing.
        DraftExample = "draft_example",
        /// The buttons of a new template.
        DraftButtons = "draft_buttons",
        /// The address of a new template's button.
        DraftUrl = "draft_url",
        /// The phone number of a new template's button.
        DraftPhone = "draft_phone",
        /// WhatsApp refused to create or to delete a template.
        TemplateRefused = "template_refused",
        /// The number is not connected.
        NumberNotConnected = "number_not_connected",
        /// It is not a phone number with its country code.
        WrongPhone = "wrong_phone",
        /// Nobody recorded that a customer agreed to be written to first.
        OptInRequired = "opt_in_required",
        /// Nobody waits for a campaign's message.
        NoRecipients = "no_recipients",
        /// The campaign's state does not allow it.
        CampaignState = "campaign_state",
        /// A website at a private address.
        PrivateWebsite = "private_website",
        /// The address of a model is none that can be used.
        WrongAddress = "wrong_address",
        /// The model needs a key, or the address changed and the stored key is not for it.
        KeyRequired = "key_required",
        /// WhatsApp takes no file of this type.
        FileType = "file_type",
        /// The file is larger than WhatsApp or the desk takes.
        FileTooLarge = "file_too_large",
        /// The file has no bytes.
        FileEmpty = "file_empty",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_knows_every_code() {
        let console = include_str!("../../console/src/locales/en/common.json");
        let texts: serde_json::Value = serde_json::from_str(console).unwrap();
        let known = texts["problem"].as_object().unwrap();
        let known: std::collections::BTreeSet<_> = known.keys().map(String::as_str).collect();
        assert_eq!(known, ProblemCode::WORDS.iter().copied().collect());
    }
}
