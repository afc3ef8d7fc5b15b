//! Part of stage 6: recognises an answer of a model that says it does not know. Must not change its
//! words.

use super::ground;
use crate::domain::trace::{GroundingTrace, ReplyTrace};
use crate::domain::{Reply, ReplyKind, Sentence};

/// Makes an answer that says it does not know a `no_answer`, with its own words: the question is a
/// gap. An answer that cites a passage for something that it states stays one, unless all it says is
/// the agent's own sentence.
pub(super) fn told_unknown(no_answer: &Sentence, reply: Reply, written: &mut ReplyTrace) -> Reply {
    let claims = |checked: &GroundingTrace| checked.verdicts.iter().any(|one| one.score.is_some());
    let cites = !reply.citations.is_empty() && written.checked.as_ref().is_none_or(claims);
    let said = plain(&reply.text);
    let mut own = no_answer.all().map(plain).filter(|own| !own.trim().is_empty());
    let is_own = |own: String| {
        let [all, ours] = [&said, &own].map(|text| text.split_whitespace().count());
        // More words than the sentence itself say something else, too.
        said == own || !cites && said.contains(&own) && all <= 2 * ours
    };
    let unknown = own.any(is_own) || !cites && ground::is_unknown(&reply.text);
    if reply.sort != ReplyKind::Answer || !unknown {
        return reply;
    }
    written.repairs.push("it says that it does not know: it counts as no answer".into());
    Reply { sort: ReplyKind::NoAnswer, citations: Vec::new(), ..reply }
}

/// The words of a text in lowercase, each between spaces: what a model changes of a sentence is its
/// punctuation.
fn plain(text: &str) -> String {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    format!(" {} ", words.collect::<Vec<_>>().join(" "))
}
