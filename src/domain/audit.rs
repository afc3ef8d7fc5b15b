//! Actions and outcomes of the audit log: closed sets, so that readers of the log can rely on the
//! words.

use frontdesk_words::words;

words! {
    /// What was done.
    #[schema(as = AuditAction)]
    pub enum Action {
        /// An agent was created.
        AgentCreated = "agent.created",
        /// A version of an agent was published: it answers customers.
        AgentPublished = "agent.published",
        /// The gate refused a version of an agent.
        AgentRefused = "agent.refused",
        /// A version was published although its gate refused it.
        AgentForced = "agent.forced",
        /// An agent got another short name.
        AgentRenamed = "agent.renamed",
        /// An agent was removed.
        AgentRemoved = "agent.removed",
        /// The demo shop was removed.
        DemoRemoved = "demo.removed",
        /// A model wrote a prompt file.
        PromptGenerated = "prompt.generated",
        /// Documents were learned.
        KnowledgeLearned = "knowledge.learned",
        /// A gate refused a change of knowledge.
        KnowledgeRefused = "knowledge.refused",
        /// Knowledge was changed although a gate refused it.
        KnowledgeForced = "knowledge.forced",
        /// A collection was created.
        CollectionCreated = "collection.created",
        /// A collection was removed with everything in it.
        CollectionRemoved = "collection.removed",
        /// A collection got another title.
        CollectionRenamed = "collection.renamed",
        /// The chunking or ranking settings of a collection were changed.
        CollectionSettingsChanged = "collection.settings_changed",
        /// Documents were uploaded.
        DocumentUploaded = "document.uploaded",
        /// A document was removed.
        DocumentRemoved = "document.removed",
        /// A document was queued to be learned again.
        DocumentRetried = "document.retried",
        /// A website to learn from was added or changed.
        SourceAdded = "source.added",
        /// A website was removed with its documents.
        SourceRemoved = "source.removed",
        /// A website was queued to be read again.
        SourceRefreshed = "source.refreshed",
        /// A curated answer was created.
        AnswerCreated = "answer.created",
        /// A curated answer was changed.
        AnswerChanged = "answer.changed",
        /// A curated answer was removed.
        AnswerRemoved = "answer.removed",
        /// A knowledge gap was answered.
        GapAnswered = "gap.answered",
        /// A knowledge gap was dismissed.
        GapDismissed = "gap.dismissed",
        /// Open knowledge gaps were checked again.
        GapsRechecked = "gap.rechecked",
        /// The vectors of documents were rebuilt.
        IndexRebuilt = "index.rebuilt",
        /// A person wrote to a customer.
        MessageWritten = "message.written",
        /// A person began a conversation with a customer.
        ConversationStarted = "conversation.started",
        /// A campaign was created.
        CampaignCreated = "campaign.created",
        /// A campaign that was never started was removed.
        CampaignRemoved = "campaign.removed",
        /// Recipients were added to a campaign.
        CampaignRecipientsAdded = "campaign.recipients_added",
        /// A campaign's message was sent to a phone as a test.
        CampaignTried = "campaign.tried",
        /// A campaign was started, at once or for a time.
        CampaignStarted = "campaign.started",
        /// A campaign was stopped.
        CampaignStopped = "campaign.stopped",
        /// Sending a message was retried.
        MessageRetried = "message.retried",
        /// The transcript of a recording was corrected.
        TranscriptCorrected = "transcript.corrected",
        /// A person took over a conversation.
        ConversationTaken = "conversation.taken",
        /// A conversation was given back to the bot.
        ConversationHandedBack = "conversation.handed_back",
        /// A conversation was resolved.
        ConversationResolved = "conversation.resolved",
        /// Two contacts turned out to be one customer and were merged.
        ContactsMerged = "contact.merged",
        /// A case was closed.
        EscalationResolved = "escalation.resolved",
        /// A verify token for a new number was created.
        NumberDrafted = "number.drafted",
        /// A number was connected.
        NumberAdded = "number.added",
        /// A number was changed.
        NumberChanged = "number.changed",
        /// A number was removed.
        NumberRemoved = "number.removed",
        /// A number was connected to its phone.
        NumberConnected = "number.connected",
        /// The link of a number to WhatsApp was started anew.
        NumberRestarted = "number.restarted",
        /// A number was logged out of WhatsApp.
        NumberLoggedOut = "number.logged_out",
        /// The bot was paused on a number.
        NumberPaused = "number.paused",
        /// The bot answers on a number again.
        NumberResumed = "number.resumed",
        /// A test message was sent.
        NumberTried = "number.tried",
        /// A message template was submitted to WhatsApp.
        TemplateCreated = "template.created",
        /// A message template was deleted at WhatsApp.
        TemplateDeleted = "template.deleted",
        /// Stored webhooks were processed again.
        WebhooksReplayed = "webhook.replayed",
        /// An eval run was started.
        EvalStarted = "eval.started",
        /// An eval run was stopped.
        EvalStopped = "eval.stopped",
        /// A reply was saved as a case of an eval suite.
        EvalCaseSaved = "eval.case_saved",
        /// A case of an eval suite was removed.
        EvalCaseRemoved = "eval.case_removed",
        /// The scores of an eval run were accepted as the baseline of its suite.
        EvalAccepted = "eval.accepted",
        /// The report of an eval run was exported.
        EvalReportExported = "eval.report_exported",
        /// A sign-in link was created.
        LinkCreated = "session.link_created",
        /// A browser signed in.
        SessionStarted = "session.started",
        /// A browser signed out.
        SessionEnded = "session.ended",
        /// All browsers were signed out.
        SessionsEnded = "session.all_ended",
        /// A model was chosen for a task, or its key or address changed.
        ModelSet = "model.set",
        /// The configuration decides about the model of a task again, or the workspace for an agent.
        ModelRemoved = "model.removed",
        /// The download of a local model was started.
        LocalModelRequested = "model.fetched",
        /// The download of a local model was cancelled.
        LocalModelCancelled = "model.fetch_cancelled",
        /// A wrong key was sent.
        KeyRefused = "key.refused",
        /// An action that this version does not know.
        Other = "other",
    }
}

impl Action {
    /// Parses an action; one that this version does not know is [`Action::Other`].
    pub fn of(word: &str) -> Self {
        word.parse().unwrap_or(Self::Other)
    }
}

words! {
    /// How an action ended.
    #[schema(as = AuditOutcome)]
    pub enum Outcome {
        /// It was done.
        Done = "done",
        /// It was refused, and nothing changed.
        Refused = "refused",
        /// It failed or was only partly done: what changed is unknown.
        Failed = "failed",
    }
}

impl Outcome {
    /// Parses an outcome; one that this version does not know is [`Outcome::Failed`].
    pub fn of(word: &str) -> Self {
        word.parse().unwrap_or(Self::Failed)
    }
}

words! {
    /// With what somebody signed in to the console.
    pub enum SignInMeans {
        /// The admin key.
        AdminKey = "admin key",
        /// A link that works once.
        Link = "sign-in link",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_another_version_can_be_read() {
        assert_eq!(Action::of("agent.published"), Action::AgentPublished);
        assert_eq!(Action::of("agent.vanished"), Action::Other);
        assert_eq!(Outcome::of("refused"), Outcome::Refused);
        assert_eq!(Outcome::of("half"), Outcome::Failed);
    }
}
