//! Accounts in webhooks: which number an event of an account may be about, and which account a
//! number has.

use std::sync::Arc;

use axum::http::HeaderMap;

use crate::desk::Number;
use crate::domain::{Account, Event, Item};
use crate::http::WebState;
use crate::store::warnings::Candidate;

/// Whether an event is of interest for the numbers of its account: an operator should see it, or it
/// changes a warning, a template or a number's health.
pub(super) fn is_of_account(event: &Event) -> bool {
    matches!(event, Event::Other(other)
        if other.alert.is_some() || other.warning.is_some() || other.template.is_some() || !other.health.is_empty())
}

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

/// The account that a webhook names for a number, if this process does not know it yet.
pub(super) fn new_account(number: &Arc<Number>, items: &[Item]) -> Option<(Arc<Number>, Account)> {
    let ours =
        items.iter().find(|item| item.number.as_deref() == Some(number.client.external_id()))?;
    let account = ours.account.clone();
    let known = account == Account::default() || number.activity.knows_account(&account);
    (!known).then(|| (number.clone(), account))
}

/// Records accounts, so that an event of an account finds its numbers. What fails is tried again
/// with the next webhook.
pub(super) async fn learn_accounts(web: &WebState, accounts: Vec<(Arc<Number>, Account)>) {
    for (number, account) in accounts {
        match web.desk.store.record_number_account(&number.id, account.clone()).await {
            Ok(()) => number.activity.learn_account(account),
            Err(error) => tracing::warn!(%error, "a number's account could not be stored"),
        }
    }
}
