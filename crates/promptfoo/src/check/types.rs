//! The table of promptfoo's assertion types: each is one line of it. Those that a model judges are in the table of `judge`, and
//! what a caller adds is a family.

use super::prepare::PreparedAssertion;
use super::{
    CheckResult, Types, calls, html, json, measured, meteor, ngrams, refusal, skill, sql, text,
    tools, trace, trajectory, xml,
};
use crate::judge;
use crate::result::GradingResult;
use crate::spec::Assertion;

/// How a type is tried.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// By looking at the answer.
    See(fn(&PreparedAssertion<'_>) -> GradingResult),
    /// The same; the error is of the assertion, not of the answer.
    Look(fn(&PreparedAssertion<'_>) -> CheckResult),
    /// By a JavaScript pattern.
    Pattern,
    /// By a script.
    Code,
    /// By asking an address.
    Webhook,
    /// By a model.
    Judge,
    /// After all outputs of a case exist.
    Later,
}

/// Every type of promptfoo that no model judges and that is tried on one output.
pub(super) const TYPES: &[(&str, Check)] = &[
    ("equals", Check::See(text::equals)),
    ("contains", Check::Look(text::contains)),
    ("icontains", Check::Look(text::contains)),
    ("contains-any", Check::Look(text::contains_any)),
    ("icontains-any", Check::Look(text::contains_any)),
    ("contains-all", Check::Look(text::contains_all)),
    ("icontains-all", Check::Look(text::contains_all)),
    ("starts-with", Check::Look(text::starts_with)),
    ("regex", Check::Pattern),
    ("word-count", Check::Look(text::word_count)),
    ("levenshtein", Check::Look(text::levenshtein)),
    ("rouge-n", Check::Look(ngrams::rouge)),
    ("bleu", Check::Look(ngrams::bleu)),
    ("gleu", Check::Look(ngrams::gleu)),
    ("meteor", Check::Look(meteor::meteor)),
    ("is-json", Check::Look(json::is_json)),
    ("contains-json", Check::Look(json::contains_json)),
    ("is-xml", Check::Look(xml::is_xml)),
    ("contains-xml", Check::Look(xml::contains_xml)),
    ("is-html", Check::See(html::is_html)),
    ("contains-html", Check::See(html::contains_html)),
    ("is-sql", Check::Look(sql::is_sql)),
    ("contains-sql", Check::Look(sql::contains_sql)),
    ("is-refusal", Check::See(refusal::is_refusal)),
    ("javascript", Check::Code),
    ("python", Check::Code),
    ("ruby", Check::Code),
    ("webhook", Check::Webhook),
    ("latency", Check::Look(measured::latency)),
    ("cost", Check::Look(measured::cost)),
    ("perplexity", Check::Look(measured::perplexity)),
    ("perplexity-score", Check::Look(measured::perplexity_score)),
    ("finish-reason", Check::Look(measured::finish_reason)),
    ("guardrails", Check::See(measured::guardrails)),
    ("is-valid-function-call", Check::See(tools::is_valid_function_call)),
    ("is-valid-openai-function-call", Check::See(tools::is_valid_function_call)),
    ("is-valid-openai-tools-call", Check::See(tools::is_valid_tools_call)),
    ("tool-call-f1", Check::Look(calls::tool_call_f1)),
    ("skill-used", Check::Look(skill::skill_used)),
    ("trace-span-count", Check::Look(trace::span_count)),
    ("trace-span-duration", Check::Look(trace::span_duration)),
    ("trace-error-spans", Check::Look(trace::error_spans)),
    ("trajectory:tool-used", Check::Look(trajectory::tool_used)),
    ("trajectory:tool-sequence", Check::Look(trajectory::tool_sequence)),
    ("trajectory:tool-args-match", Check::Look(trajectory::tool_args_match)),
    ("trajectory:step-count", Check::Look(trajectory::step_count)),
];

/// The types that are tried after all outputs of a case exist.
const LATER: [&str; 3] = [Assertion::SELECT_BEST, Assertion::MAX_SCORE, Assertion::SET];

impl Default for Types {
    /// promptfoo's alone.
    fn default() -> Self {
        Self::of(TYPES.iter().map(|(name, _)| *name).chain(judge::names()).chain(LATER))
    }
}

/// How a type of promptfoo is tried.
pub(super) fn find(kind: &str) -> Option<Check> {
    let known = TYPES.iter().find(|(name, _)| *name == kind).map(|(_, check)| *check);
    let later = || LATER.contains(&kind).then_some(Check::Later);
    known.or_else(|| judge::knows(kind).then_some(Check::Judge)).or_else(later)
}

/// The known type that is written most like this one.
pub(super) fn nearest(types: &Types, name: &str) -> Option<&'static str> {
    let name: Vec<u16> = name.encode_utf16().collect();
    let far = |known: &&str| text::distance(&name, &known.encode_utf16().collect::<Vec<_>>());
    types.names().min_by_key(far).filter(|known| far(known) <= name.len() / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Family;

    #[test]
    fn every_name_is_one_type() {
        let types = Types::default().with(Family { names: &["added"], check: |_, _| None });
        let mut names: Vec<_> = types.names().collect();
        for name in &names {
            assert!(types.knows(name), "{name}");
            assert_eq!(find(name).is_some(), *name != "added", "{name}");
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
