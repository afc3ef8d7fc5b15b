//! Evaluates filters on points.

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::{Condition, Filter, PointStruct, PointsSelector};
use tonic::Status;

use super::points::key;

/// Returns whether a point passes a filter; no filter passes all.
pub(super) fn passes(filter: Option<&Filter>, point: &PointStruct) -> Result<bool, Status> {
    let Some(filter) = filter else { return Ok(true) };
    if !filter.should.is_empty() || filter.min_should.is_some() {
        return Err(unknown("should"));
    }
    for condition in &filter.must {
        if !holds(condition, point)? {
            return Ok(false);
        }
    }
    for condition in &filter.must_not {
        if holds(condition, point)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns whether a selector matches a point.
pub(super) fn selects(selector: &PointsSelector, point: &PointStruct) -> Result<bool, Status> {
    match selector.points_selector_one_of.as_ref() {
        Some(PointsSelectorOneOf::Filter(filter)) => passes(Some(filter), point),
        Some(PointsSelectorOneOf::Points(list)) => {
            Ok(list.ids.iter().any(|id| key(Some(id)) == key(point.id.as_ref())))
        }
        None => Err(Status::invalid_argument("PointSelector is missing")),
    }
}

fn holds(condition: &Condition, point: &PointStruct) -> Result<bool, Status> {
    match condition.condition_one_of.as_ref() {
        Some(ConditionOneOf::Field(field)) => {
            let value = point.payload.get(&field.key);
            if let Some(range) = &field.range {
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                let number =
                    value.and_then(qdrant_client::qdrant::Value::as_integer).map(|n| n as f64);
                return Ok(number.is_some_and(|number| {
                    range.lt.is_none_or(|most| number < most)
                        && range.lte.is_none_or(|most| number <= most)
                        && range.gt.is_none_or(|least| number > least)
                        && range.gte.is_none_or(|least| number >= least)
                }));
            }
            match field.r#match.as_ref().and_then(|one| one.match_value.as_ref()) {
                Some(MatchValue::Keyword(wanted)) => {
                    Ok(value.and_then(|v| v.as_str()).is_some_and(|text| text == wanted))
                }
                _ => Err(unknown("this kind of match")),
            }
        }
        Some(ConditionOneOf::HasId(ids)) => {
            Ok(ids.has_id.iter().any(|id| key(Some(id)) == key(point.id.as_ref())))
        }
        Some(ConditionOneOf::IsEmpty(field)) => Ok(!point.payload.contains_key(&field.key)),
        _ => Err(unknown("this kind of condition")),
    }
}

fn unknown(what: &str) -> Status {
    Status::unimplemented(format!("the double does not know {what}"))
}
