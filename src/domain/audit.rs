//! What the audit log knows: which action, and how it ended. A closed set, so that whoever reads the log can rely on the words.

use frontdesk_words::words;

words! {
    /// What somebody did.
    #[schema(as = AuditAction)]
    pub enum Action {
        /// A new agent answers.
        AgentCreated = "agent.created",
        /// A version of an agent answers customers.
        AgentPublished = "agent.published",
        /// The gate refused a version.
        AgentRefused = "agent.refused",
        /// A version was published past its gate.
        AgentForced = "agent.forced",
        /// The model wrote a prompt file.
        PromptGenerated = "prompt.generated",
        /// Documents were learned.
        KnowledgeLearned = "knowledge.learned",
        /// A gate refused a change of knowledge.
        KnowledgeRefused = "knowledge.refused",
        /// Knowledge was changed past a gate.
        KnowledgeForced = "knowledge.forced",
        /// A collection was made.
        CollectionCreated = "collection.created",
        /// A collection was removed with all that it held.
        CollectionRemoved = "collection.removed",
        /// How a collection is cut and ranked was changed.
        CollectionSettingsChanged = "collection.settings_changed",
        /// Documents were uploaded.
        DocumentUploaded = "document.uploaded",
        /// A document was removed.
        DocumentRemoved = "document.removed",
        /// A document is learned again.
        DocumentRetried = "document.retried",
        /// A website to learn from was added or changed.
        SourceAdded = "source.added",
        /// A website was removed with its documents.
        SourceRemoved = "source.removed",
        /// A website is read again.
        SourceRefreshed = "source.refreshed",
        /// A curated answer was made.
        AnswerCreated = "answer.created",
        /// A curated answer was changed.
        AnswerChanged = "answer.changed",
        /// A curated answer was removed.
        AnswerRemoved = "answer.removed",
        /// A knowledge gap was answered.
        GapAnswered = "gap.answered",
        /// A knowledge gap was dismissed.
        GapDismissed = "gap.dismissed",
        /// Open knowledge gaps were asked again.
        GapsRechecked = "gap.rechecked",
        /// The vectors of documents were made anew.
        IndexRebuilt = "index.rebuilt",
        /// A person wrote to a customer.
        MessageWritten = "message.written",
        /// A message is sent once more.
        MessageRetried = "message.retried",
        /// What was understood of a recording was put right.
        TranscriptCorrected = "transcript.corrected",
        /// A person took a conversation.
        ConversationTaken = "conversation.taken",
        /// The bot got a conversation back.
        ConversationHandedBack = "conversation.handed_back",
        /// A conversation was resolved.
        ConversationResolved = "conversation.resolved",
        /// A case was closed.
        EscalationResolved = "escalation.resolved",
        /// The verify token for a new number was made.
        NumberDrafted = "number.drafted",
        /// A number was connected.
        NumberAdded = "number.added",
        /// A number was changed.
        NumberChanged = "number.changed",
        /// A number was removed.
        NumberRemoved = "number.removed",
        /// A test message was sent.
        NumberTried = "number.tried",
        /// Stored webhooks were taken in again.
        WebhooksReplayed = "webhook.replayed",
        /// A run of a suite was begun.
        EvalStarted = "eval.started",
        /// A run of a suite was stopped.
        EvalStopped = "eval.stopped",
        /// A reply was saved as a case of a suite.
        EvalCaseSaved = "eval.case_saved",
        /// The report of a run was fetched.
        EvalReportExported = "eval.report_exported",
        /// A sign-in link was made.
        LinkCreated = "session.link_created",
        /// A browser signed in.
        SessionStarted = "session.started",
        /// A browser signed out.
        SessionEnded = "session.ended",
        /// Every browser was signed out.
        SessionsEnded = "session.all_ended",
        /// A wrong key was sent.
        KeyRefused = "key.refused",
        /// Something that this version has no word for.
        Other = "other",
    }
}

impl Action {
    /// The action of a word of the log; [`Action::Other`] for one that another version wrote.
    pub fn of(word: &str) -> Self {
        word.parse().unwrap_or(Self::Other)
    }
}

words! {
    /// How it ended.
    #[schema(as = AuditOutcome)]
    pub enum Outcome {
        /// It was done.
        Done = "done",
        /// It was refused, and nothing changed.
        Refused = "refused",
        /// It broke off, or not all of it was done: what it changed is not known.
        Failed = "failed",
    }
}

impl Outcome {
    /// The outcome of a word of the log; [`Outcome::Failed`] for one that another version wrote.
    pub fn of(word: &str) -> Self {
        word.parse().unwrap_or(Self::Failed)
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
