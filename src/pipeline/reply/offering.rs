//! Part of stage 6: which of the choices, files and places that a model offers its agent allows. Pure.

use super::Input;
use super::contact_details::DetailCheck;
use crate::domain::offers::Marks;
use crate::domain::trace::ReplyTrace;
use crate::domain::{Reply, ReplyKind, Speaker};
use crate::pipeline::clean::clean;

/// Returns the marks of a model that are honoured. Choices that the business did not write are left
/// out as a whole: half of them would mislead.
pub(super) fn allowed(
    input: Input<'_>,
    reply: &Reply,
    marks: Marks,
    (vetting, written): (&DetailCheck<'_>, &mut ReplyTrace),
) -> Marks {
    if marks.is_empty() {
        return marks;
    }
    let agent = input.agent;
    let whole = if reply.sort != ReplyKind::Answer || written.calls_person {
        Some("they are not of an answer")
    } else if customer_wrote_marks(input) {
        Some("the customer's own words hold such marks")
    } else {
        None
    };
    let unsupported = |label: &String| !vetting.vet(label).removed.is_empty();
    let choices = if !agent.choices {
        Some("the agent does not offer any (`choices`)")
    } else if whole.is_none() && marks.choices.iter().any(unsupported) {
        Some("they have a link, an address or a number that nothing supports")
    } else {
        whole
    };
    let files = if agent.files { whole } else { Some("the agent does not send any (`files`)") };
    let has_places = !agent.locations.is_empty();
    let places = if has_places { whole } else { Some("the agent has none (`locations`)") };
    let mut keep = |names: Vec<String>, what: &str, unfit: Option<&str>| match unfit {
        Some(why) if !names.is_empty() => {
            written.repairs.push(format!("left out the {what}: {why}"));
            Vec::new()
        }
        _ => names,
    };
    Marks {
        choices: keep(marks.choices, "choices", choices),
        files: keep(marks.files, "files", files),
        locations: keep(marks.locations, "places", places),
    }
}

/// Whether the customer wrote marks, which a model may repeat.
fn customer_wrote_marks(input: Input<'_>) -> bool {
    let Input { turn, referred, question, .. } = input;
    let earlier = turn.history.iter().chain(referred);
    let earlier = earlier.filter(|line| line.speaker == Speaker::Customer);
    let now = [question.text.as_str()].into_iter().chain(question.beside());
    let files = question.files.iter().map(|file| file.text.as_str());
    let mut all = earlier.map(|line| line.text.as_str()).chain(now).chain(files);
    all.any(|text| text.contains(['[', '［', '【']) && !clean(text, 0).offers.is_empty())
}

/// Adds what the documents hold near the question, as a list that is answered with a number:
/// `retrieve::query` knows it again.
pub(super) fn with_choices(input: Input<'_>, mut reply: Reply, near: &[String]) -> Reply {
    let asked = input.agent.texts.did_you_mean.to(input.language);
    // Without a history, the number would be understood by nobody.
    if asked.is_empty() || near.is_empty() || input.agent.history == 0 {
        return reply;
    }
    let lines = (1..).zip(near).map(|(number, choice)| format!("\n{number}. {choice}"));
    reply.text = format!("{}\n\n{asked}{}", reply.text, lines.collect::<String>());
    reply
}
