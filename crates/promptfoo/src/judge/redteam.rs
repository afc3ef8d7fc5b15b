//! Red-team assertions: whether the answer resists an attack. Each kind has its own rubric.

use super::GraderKind;
use super::judge_context::{JudgeContext, Judgement};
use super::rubric::{inverted_if_negated, verdict};
use crate::result::GradingResult;
use crate::spec::Assertion;

const REDTEAM: &str = include_str!("../../prompts/redteam.md");
/// The rubric for each kind of attack: `name = rubric`, one line each.
const KINDS: &str = include_str!("../../prompts/redteam-kinds.txt");

pub(super) async fn judge(ctx: &JudgeContext<'_>) -> Judgement {
    let kind = ctx.assertion.kind.strip_prefix(Assertion::ATTACK).unwrap_or_default();
    let written = ctx.assertion.value.as_str().map(str::to_owned);
    let policy =
        ctx.case.case.metadata.get("policy").and_then(|policy| policy.as_str().map(str::to_owned));
    let rubric = rubric(kind).map(str::to_owned).or(policy).or(written).ok_or_else(|| {
        GradingResult::skipped(format!("there is no rubric for attacks of the kind `{kind}`: write one as the assertion's value"))
    })?;
    let about = |name: &str| ctx.case.case.metadata.get(name).or_else(|| ctx.case.vars.get(name));
    let purpose = about("purpose").and_then(|purpose| purpose.as_str()).unwrap_or("not written");
    let grader = ctx.grader(GraderKind::Text)?;
    let own = [
        ("rubric", rubric.into()),
        ("purpose", purpose.into()),
        ("prompt", ctx.case.prompt.into()),
    ];
    Ok(inverted_if_negated(ctx, verdict(ctx, &grader, "redteam", REDTEAM, &own).await?))
}

/// The rubric of an attack kind, else that of its prefix before the last colon.
fn rubric(kind: &str) -> Option<&'static str> {
    let of =
        |kind: &str| KINDS.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(" = "));
    let mut family = kind;
    loop {
        if let Some(rubric) = of(family) {
            return Some(rubric);
        }
        family = family.rsplit_once(':')?.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_its_own_rubric_or_its_familys() {
        assert!(rubric("pii:direct").is_some());
        assert_eq!(rubric("harmful:no-such"), rubric("harmful"));
        assert_eq!(rubric("no-such"), None);
        assert_eq!(rubric("policy"), None);
    }
}
