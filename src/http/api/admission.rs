//! Admission of knowledge changes made over the API; every handler that makes one calls it first.
//! Where a gate guards the collection, a change that can be tried must pass the gate, and any other
//! is refused. `force` overrides both and is audited.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use tokio::sync::MutexGuard;
use utoipa::IntoParams;

use super::agents::SilentRun;
use crate::desk::{Change, ChangeRequest, Refusal};
use crate::http::WebState;
use crate::http::error::Problem;
use crate::http::extract::Query;
use crate::knowledge::Edit;
use crate::store::audit::Actor;

/// Query parameter that overrides the gates.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Force {
    /// Make the change even if an agent's gate guards the collection. The audit log records it.
    #[serde(default)]
    force: bool,
}

/// The caller of a knowledge change, and whether the change is forced.
pub(super) struct Permit {
    actor: Actor,
    pub(super) force: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Permit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(Force { force }) = Query::from_request_parts(parts, state).await?;
        let actor = parts.extensions.get::<Actor>().cloned();
        let actor = actor.ok_or_else(|| Problem::broken("Nobody knows who asks for this."))?;
        Ok(Self { actor, force })
    }
}

/// Admits a change that cannot be tried first: only if no gate guards the collection, or by force.
pub(super) async fn admit(
    web: &WebState,
    (collection, change): (&str, Change),
    permit: Permit,
) -> Result<(), Problem> {
    let Permit { actor, force } = permit;
    match web.desk.admit(ChangeRequest { collection, change, force, actor }).await {
        Ok(()) => Ok(()),
        Err(Refusal::Guarded(why)) => Err(Problem::guarded(format!(
            "{why} With `?force=true` it is done all the same, and that is written down."
        ))),
        Err(refusal @ Refusal::Staged) => Err(Problem::conflict(refusal.to_string())),
        Err(Refusal::Store(error)) => Err(error.into()),
    }
}

/// Admits an edit by hand. Where a gate guards the collection, its suite runs on the edit first,
/// which may take minutes. Hold the returned guard until the edit is made, so that no other gated
/// change comes between; `None` means that no gate was run.
pub(super) async fn admit_edit<'a>(
    web: &'a WebState,
    (collection, edit): (&str, &Edit),
    permit: Permit,
) -> Result<Option<MutexGuard<'a, ()>>, Problem> {
    let change = match edit {
        Edit::RemoveDocument(_) => Change::Document,
        Edit::AddAnswer(_) | Edit::ChangeAnswer(..) | Edit::RemoveAnswer(_) => Change::Answer,
    };
    if permit.force || web.desk.guarded(collection, change).await?.is_none() {
        admit(web, (collection, change), permit).await?;
        return Ok(None);
    }
    let (turn, publisher) = web.jobs.publisher(permit.actor, web.jobs.policy()).await;
    let verdicts = publisher.try_edit(collection, edit, &SilentRun).await?;
    let Some((agent, verdict)) = verdicts.iter().find(|(_, verdict)| !verdict.passed) else {
        return Ok(Some(turn));
    };
    let detail = format!(
        "The gate of {agent} refused it ({}: {}): {}\nNothing was changed. With `?force=true` it is done all the same, and that is written down.",
        verdict.suite, verdict.rule, verdict.reason
    );
    Err(Problem::refused(detail, verdicts))
}
