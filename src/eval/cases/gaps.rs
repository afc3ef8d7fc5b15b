//! Generates cases from knowledge gaps and hand-offs.

use serde_json::json;

use super::{Error, GeneratedCase, Turn, anonymous, distinct, origin, title};
use crate::domain::{AgentId, GapState};
use crate::pipeline::gaps::{group, mask_personal_data};
use crate::store::Store;
use crate::store::gaps::GapFilter;

/// Maximum gaps or hand-offs read at once.
const MAX_COUNT: i64 = 500;

/// Generates a case for each open gap (of an agent). It fails until the bot answers the question.
pub async fn from_gaps(store: &Store, agent: Option<AgentId>) -> Result<Vec<GeneratedCase>, Error> {
    group(store).await?;
    let wanted = GapFilter { state: Some(GapState::Open), agent, ..GapFilter::default() };
    let gaps = store.gaps(&wanted, MAX_COUNT).await?;
    if gaps.is_empty() {
        return Err(Error::Nothing(
            "there are no open questions: `frontdesk gaps` shows what customers asked and nobody answered".into(),
        ));
    }
    let case = |gap: &crate::store::gaps::GapRow| {
        let mut metadata = origin("gap", gap.id.as_str());
        metadata.insert("asked".into(), gap.asked.into());
        GeneratedCase {
            description: format!("gap: {}", title(&gap.question)),
            turns: vec![Turn {
                says: mask_personal_data(&gap.question),
                assert: vec![json!({"type": "answered"})],
            }],
            metadata,
            ..GeneratedCase::default()
        }
    };
    Ok(distinct(gaps.iter().map(case).collect()))
}

/// Generates a case for each hand-off that a turn made, or for the one with this id.
pub async fn from_handoffs(store: &Store, id: Option<&str>) -> Result<Vec<GeneratedCase>, Error> {
    let all = store.escalations(false, None, MAX_COUNT).await?;
    let of_turns = all.iter().filter(|row| row.turn_id.is_some());
    let wanted: Vec<_> = of_turns.filter(|row| id.is_none_or(|id| row.id == id)).collect();
    if wanted.is_empty() {
        return Err(Error::Nothing(match id {
            Some(id) => format!(
                "there is no hand-off {id} that the bot made: `frontdesk inbox` shows who waits for a person"
            ),
            None => {
                "the bot has handed nobody over yet: `frontdesk inbox` shows who waits for a person"
                    .into()
            }
        }));
    }
    let mut cases = Vec::new();
    for row in wanted {
        let customer = store.conversation(&row.conversation_id).await?;
        let name = customer.and_then(|row| row.contact_name);
        let says = anonymous(&row.question, name.as_deref());
        if says.is_empty() {
            continue;
        }
        cases.push(GeneratedCase {
            description: format!("hand-off: {}", title(&says)),
            turns: vec![Turn {
                says,
                assert: vec![json!({"type": "handed-off", "value": row.reason})],
            }],
            metadata: origin("hand-off", &row.id),
            ..GeneratedCase::default()
        });
    }
    Ok(distinct(cases))
}
