//! Asks the gates before what agents answer from is changed over the API: a change that can be tried is tried, another one is refused, and
//! by force both are made, which is written down. Every handler that changes it asks here first.

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

/// Whether a change is to be made past the gates.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Force {
    /// Make it although the gate of an agent guards the collection. That is written down in the audit log.
    #[serde(default)]
    force: bool,
}

/// Who changes what agents answer from, and whether by force.
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

/// Refuses to change what a collection holds that a gate guards, unless by force. What cannot be tried first asks here.
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

/// Tries a change by hand of what a collection holds, where a gate guards it; its suite is run, which may take minutes. What is given back is
/// held until the change is made, so that no other one comes between.
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
