//! Turns of our own bots as runs keep them: their open words are written and read here as the desk's.

use frontdesk_promptfoo::result::SeenTurn;
use frontdesk_words::words;

use crate::domain::{Owner, TurnOutcome};

words! {
    /// What a customer says about messages.
    pub enum ConsentChange {
        /// No more are wanted.
        OptOut = "opt_out",
        /// They are wanted again.
        OptIn = "opt_in",
    }
}

/// A turn of the pipeline of which only this is known.
pub(super) fn turn(outcome: TurnOutcome, owner: Owner) -> SeenTurn {
    SeenTurn::new(outcome.as_str(), owner.as_str())
}

/// A turn in which the customer said whether messages are wanted, which is answered before the pipeline.
pub(super) fn consent(change: ConsentChange, owner: Owner) -> SeenTurn {
    SeenTurn::new(change.as_str(), owner.as_str())
}

/// How the pipeline ended a turn; `None` where it did not run, or where another version has a word of its own for it.
pub(super) fn outcome(turn: &SeenTurn) -> Option<TurnOutcome> {
    turn.outcome.as_str().parse().ok()
}

/// Who owns the conversation after a turn; a person, where another version says what this one does not know.
pub(super) fn owner(turn: &SeenTurn) -> Owner {
    turn.owner.as_str().parse().unwrap_or(Owner::Person)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_version_wrote_of_a_turn_is_read() {
        let known = turn(TurnOutcome::HandOver, Owner::Bot);
        assert_eq!((outcome(&known), owner(&known)), (Some(TurnOutcome::HandOver), Owner::Bot));
        let stopped = consent(ConsentChange::OptOut, Owner::Bot);
        assert_eq!((outcome(&stopped), stopped.outcome.as_str()), (None, "opt_out"));
        let newer = SeenTurn::new("postponed", "manager");
        assert_eq!((outcome(&newer), owner(&newer)), (None, Owner::Person));
    }
}
