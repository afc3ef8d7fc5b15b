//! Trials: model use that no customer caused, and the outcome of a trial turn.

use frontdesk_words::words;

use super::turn::TurnOutcome;

words! {
    /// What caused the model use.
    pub enum TrialKind {
        /// Somebody chatted with a bot in the sandbox.
        Sandbox = "sandbox",
        /// A program called `/v1/chat/completions`.
        Completions = "completions",
        /// An eval run or a gate, started over the API.
        Evals = "evals",
        /// A prompt was generated from a description.
        Prompts = "prompts",
    }
}

words! {
    /// The outcome of a trial turn: that of a turn, or of a message that is answered before the
    /// pipeline.
    pub enum TrialOutcome {
        /// The customer got an answer.
        Answer = "answer",
        /// The customer got a greeting.
        Greeting = "greeting",
        /// The documents do not answer.
        NoAnswer = "no_answer",
        /// An error inside frontdesk.
        Failure = "failure",
        /// A voice note could not be transcribed.
        VoiceFailure = "voice_failure",
        /// The message contains nothing that the bot can read.
        Unreadable = "unreadable",
        /// The conversation went to a person.
        HandOver = "hand_over",
        /// The bot said nothing: a person has the conversation, the customer opted out, or there
        /// was nothing to answer.
        Silence = "silence",
        /// The customer opted out.
        OptOut = "opt_out",
        /// The customer opted in again.
        OptIn = "opt_in",
    }
}

impl From<TurnOutcome> for TrialOutcome {
    fn from(outcome: TurnOutcome) -> Self {
        match outcome {
            TurnOutcome::Answer => Self::Answer,
            TurnOutcome::Greeting => Self::Greeting,
            TurnOutcome::NoAnswer => Self::NoAnswer,
            TurnOutcome::Failure => Self::Failure,
            TurnOutcome::VoiceFailure => Self::VoiceFailure,
            TurnOutcome::Unreadable => Self::Unreadable,
            TurnOutcome::HandOver => Self::HandOver,
            TurnOutcome::Silence => Self::Silence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_the_same_in_a_trial() {
        for outcome in TurnOutcome::ALL {
            assert_eq!(TrialOutcome::from(*outcome).as_str(), outcome.as_str());
        }
    }
}
