//! Part of stage 6: the choices that a model offers below its answer. Pure.

use super::Input;
use super::contact_details::DetailCheck;
use crate::domain::trace::ReplyTrace;
use crate::domain::{Reply, ReplyKind};
use crate::pipeline::choices;

/// Adds the choices that the model offers. What does not fit, or what the business did not write, is
/// left out as a whole: half of the choices would mislead.
pub(super) fn offering(
    input: Input<'_>,
    reply: Reply,
    labels: Vec<String>,
    (vetting, written): (&DetailCheck<'_>, &mut ReplyTrace),
) -> Reply {
    if labels.is_empty() {
        return reply;
    }
    let left_out = if !input.agent.choices {
        Some("the agent does not offer any (`choices`)".to_owned())
    } else if reply.sort != ReplyKind::Answer || written.calls_person {
        Some("they are not of an answer".to_owned())
    } else if labels.iter().any(|label| !vetting.vet(label).removed.is_empty()) {
        Some("they have a link, an address or a number that nothing supports".to_owned())
    } else {
        None
    };
    let list = input.agent.texts.list.to(input.language);
    let offered = left_out.map_or_else(|| choices::offered(labels, list), Err);
    match offered {
        Ok(choices) => Reply { choices: Some(Box::new(choices)), ..reply },
        Err(why) => {
            written.repairs.push(format!("left out the choices: {why}"));
            reply
        }
    }
}
