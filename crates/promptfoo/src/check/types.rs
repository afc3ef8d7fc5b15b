//! The table of promptfoo's assertion types, one line each. Model-graded types are in the table of
//! `judge`; a caller adds its own as a family.

use super::prepare::PreparedAssertion;
use super::{
    CheckResult, Types, calls, html, json, meteor, ngrams, refusal, response_metrics, skill, sql,
    text, tools, trace, trajectory, xml,
};
use crate::judge;
use crate::result::GradingResult;
use crate::spec::Assertion;

/// How an assertion type is graded.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// By a function of the answer.
    Infallible(fn(&PreparedAssertion<'_>) -> GradingResult),
    /// By a function of the answer that may fail; the error concerns the assertion.
    Fallible(fn(&PreparedAssertion<'_>) -> CheckResult),
    /// By a JavaScript pattern.
    Pattern,
    /// By a script.
    Code,
    /// By an HTTP request to a URL.
    Webhook,
    /// By a model.
    Judge,
    /// By the runner, once all outputs of a case exist.
    Later,
}

/// promptfoo's types that need no model and that grade one output.
pub(super) const TYPES: &[(&str, Check)] = &[
    ("equals", Check::Infallible(text::equals)),
    ("contains", Check::Fallible(text::contains)),
    ("icontains", Check::Fallible(text::contains)),
    ("contains-any", Check::Fallible(text::contains_any)),
    ("icontains-any", Check::Fallible(text::contains_any)),
    ("contains-all", Check::Fallible(text::contains_all)),
    ("icontains-all", Check::Fallible(text::contains_all)),
    ("starts-with", Check::Fallible(text::starts_with)),
    ("regex", Check::Pattern),
    ("word-count", Check::Fallible(text::word_count)),
    ("levenshtein", Check::Fallible(text::levenshtein)),
    ("rouge-n", Check::Fallible(ngrams::rouge)),
    ("bleu", Check::Fallible(ngrams::bleu)),
    ("gleu", Check::Fallible(ngrams::gleu)),
    ("meteor", Check::Fallible(meteor::meteor)),
    ("is-json", Check::Fallible(json::is_json)),
    ("contains-json", Check::Fallible(json::contains_json)),
    ("is-xml", Check::Fallible(xml::is_xml)),
    ("contains-xml", Check::Fallible(xml::contains_xml)),
    ("is-html", Check::Infallible(html::is_html)),
    ("contains-html", Check::Infallible(html::contains_html)),
    ("is-sql", Check::Fallible(sql::is_sql)),
    ("contains-sql", Check::Fallible(sql::contains_sql)),
    ("is-refusal", Check::Infallible(refusal::is_refusal)),
    ("javascript", Check::Code),
    ("python", Check::Code),
    ("ruby", Check::Code),
    ("webhook", Check::Webhook),
    ("latency", Check::Fallible(response_metrics::latency)),
    ("cost", Check::Fallible(response_metrics::cost)),
    ("perplexity", Check::Fallible(response_metrics::perplexity)),
    ("perplexity-score", Check::Fallible(response_metrics::perplexity_score)),
    ("finish-reason", Check::Fallible(response_metrics::finish_reason)),
    ("guardrails", Check::Infallible(response_metrics::guardrails)),
    ("is-valid-function-call", Check::Infallible(tools::is_valid_function_call)),
    ("is-valid-openai-function-call", Check::Infallible(tools::is_valid_function_call)),
    ("is-valid-openai-tools-call", Check::Infallible(tools::is_valid_tools_call)),
    ("tool-call-f1", Check::Fallible(calls::tool_call_f1)),
    ("skill-used", Check::Fallible(skill::skill_used)),
    ("trace-span-count", Check::Fallible(trace::span_count)),
    ("trace-span-duration", Check::Fallible(trace::span_duration)),
    ("trace-error-spans", Check::Fallible(trace::error_spans)),
    ("trajectory:tool-used", Check::Fallible(trajectory::tool_used)),
    ("trajectory:tool-sequence", Check::Fallible(trajectory::tool_sequence)),
    ("trajectory:tool-args-match", Check::Fallible(trajectory::tool_args_match)),
    ("trajectory:step-count", Check::Fallible(trajectory::step_count)),
];

/// Types that are graded once all outputs of a case exist.
const LATER: [&str; 3] = [Assertion::SELECT_BEST, Assertion::MAX_SCORE, Assertion::SET];

impl Default for Types {
    /// promptfoo's types only.
    fn default() -> Self {
        Self::of(TYPES.iter().map(|(name, _)| *name).chain(judge::names()).chain(LATER))
    }
}

/// Returns how promptfoo's type is graded; `None` for an unknown type.
pub(super) fn find(kind: &str) -> Option<Check> {
    let known = TYPES.iter().find(|(name, _)| *name == kind).map(|(_, check)| *check);
    let later = || LATER.contains(&kind).then_some(Check::Later);
    known.or_else(|| judge::knows(kind).then_some(Check::Judge)).or_else(later)
}

/// The known type with the most similar name; `None` when none is close.
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
