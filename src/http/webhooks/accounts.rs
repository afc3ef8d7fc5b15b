//! Accounts in webhooks: which number an event of an account may be about.

use std::sync::Arc;

use axum::http::HeaderMap;

use crate::desk::{Number, is_of_account};
use crate::domain::Item;
use crate::store::warnings::Candidate;

/// Whether a number takes in this body from anybody (`insecure`).
pub(super) fn takes_unsigned(number: &Number, body: &[u8]) -> bool {
    number.client.authenticate(&HeaderMap::new(), body).is_ok()
}

/// The numbers that a webhook's events without a number may be about: those of its address whose
/// secret signed it.
pub(super) fn candidates(
    addressed: &[Arc<Number>],
    headers: &HeaderMap,
    body: &[u8],
    items: &[Item],
) -> Vec<Candidate> {
    if !items.iter().any(|item| item.number.is_none() && is_of_account(&item.event)) {
        return Vec::new();
    }
    let signed =
        addressed.iter().filter(|number| number.client.authenticate(headers, body).is_ok());
    let candidate = |number: &Arc<Number>| Candidate {
        number: number.id.clone(),
        template: number.sending.template.as_ref().map(|template| template.name.clone()),
        account: number
            .client
            .template_catalog()
            .and_then(|catalog| catalog.account().map(ToOwned::to_owned)),
        authenticated: !takes_unsigned(number, body),
    };
    signed.map(candidate).collect()
}
