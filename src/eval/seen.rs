//! Converts turn outcomes and owners to and from the strings that eval results store.

use frontdesk_promptfoo::result::SeenTurn;
use frontdesk_words::words;

use crate::domain::{Owner, TurnOutcome};

words! {
    /// A customer's change of consent.
    pub enum ConsentChange {
        /// The customer wants no more messages.
        OptOut = "opt_out",
        /// The customer wants messages again.
        OptIn = "opt_in",
    }
}

/// Builds a turn with only an outcome and an owner.
pub(super) fn turn(outcome: TurnOutcome, owner: Owner) -> SeenTurn {
    SeenTurn::new(outcome.as_str(), owner.as_str())
}

/// Builds a turn in which the customer changed consent; those are answered before the pipeline.
pub(super) fn consent(change: ConsentChange, owner: Owner) -> SeenTurn {
    SeenTurn::new(change.as_str(), owner.as_str())
}

/// Returns the pipeline's outcome of a turn; `None` when the pipeline did not run, or for a word of
/// another version.
pub(super) fn outcome(turn: &SeenTurn) -> Option<TurnOutcome> {
    turn.outcome.as_str().parse().ok()
}

/// Returns the owner after a turn; a person for a word of another version.
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
