//! Part of the grounding check: splits a reply into statements, compares each with the passages,
//! and explains the result. Pure: embeds nothing, calls no model. Must not add its own words to a
//! reply.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::OnceLock;

use super::cache::GroundingCache;
use super::claim::{Claim, ClaimText, claim};
use super::evidence::{Origin, Source, Unit};
use super::score::{Features, compare, explained, probability, to_f32};
use super::statements::{Statement, statements, without};
use super::words::{Reader, supported_numbers};
use crate::domain::trace::StatementVerdict;

/// Source sentences that are embedded for a claim.
const NEIGHBOURS: usize = 4;

/// A reply and its possible sources.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// The reply, as Markdown without citation marks.
    pub reply: &'a str,
    /// Positions of the citation marks in it, in bytes, each with its passage, from 1.
    pub marks: &'a [(usize, usize)],
    /// Passages in the prompt, in the order of their marks.
    pub passages: &'a [String],
    /// Other texts that may be restated: earlier messages, the agent's own instructions.
    pub known: &'a [String],
    /// What the customer wrote or quotes. Its numbers are not invented, but support nothing.
    pub asked: &'a [String],
}

/// The check of one reply.
pub struct Check {
    reply: String,
    statements: Vec<Statement>,
    weighed: Vec<StatementEvidence>,
    sources: Vec<Source>,
    /// The numbers that the customer wrote or quotes. Read at the first number that no source holds.
    asked: OnceLock<HashSet<String>>,
    pub(super) reader: Reader,
}

/// Evidence for one statement.
struct StatementEvidence {
    cited: Vec<usize>,
    /// The part that needs support, or why none does.
    claimed: Result<Range<usize>, &'static str>,
    features: Features,
    /// Sentences that are embedded with it, as indexes of source and unit.
    neighbours: Vec<(usize, usize)>,
    /// The passages that it cites, each with the features of the claim and this passage alone.
    alone: Vec<(usize, Features)>,
    /// The judge's verdict, if there is one.
    judged: Option<bool>,
}

impl Check {
    /// Splits a reply into statements and compares each with the passages.
    pub fn read(material: &Material<'_>) -> Self {
        Self::read_with(material, &GroundingCache::default())
    }

    /// Like [`Self::read`], with what is known of passages and earlier messages.
    pub(crate) fn read_with(material: &Material<'_>, cache: &GroundingCache) -> Self {
        let texts: Vec<&str> = material.passages.iter().map(String::as_str).collect();
        let reader = Reader::of(material.reply, &texts, &cache.languages);
        let passages = texts.iter().enumerate().map(|(at, text)| (Origin::Passage(at + 1), *text));
        let known = material.known.iter().map(|text| (Origin::Known, text.as_str()));
        let sources: Vec<Source> = passages
            .chain(known)
            .map(|(origin, text)| Source::read(origin, text, &reader, &cache.sources))
            .collect();
        let statements = statements(material.reply);
        let mut check = Self {
            reply: material.reply.to_owned(),
            weighed: Vec::with_capacity(statements.len()),
            statements,
            sources,
            asked: OnceLock::new(),
            reader,
        };
        let cited = check.marks(material.marks);
        let weighed: Vec<StatementEvidence> = check
            .statements
            .iter()
            .zip(cited)
            .map(|(one, cited)| check.assess_statement(one, cited, material.asked))
            .collect();
        check.weighed = weighed;
        check
    }

    /// Returns the passages that each statement cites.
    fn marks(&self, marks: &[(usize, usize)]) -> Vec<Vec<usize>> {
        let mut cited = vec![Vec::new(); self.statements.len()];
        for (place, passage) in marks {
            let before = self.statements.iter().rposition(|one| one.range.start < *place);
            if let Some(of) = cited.get_mut(before.unwrap_or(0)) {
                of.push(*passage);
            }
        }
        cited
    }

    fn assess_statement(
        &self,
        statement: &Statement,
        cited: Vec<usize>,
        asked: &[String],
    ) -> StatementEvidence {
        let said = &self.reply[statement.range.clone()];
        let claimed = if statement.frame {
            Claim::Nothing("it holds others together")
        } else {
            claim(said, &self.reader)
        };
        let claimed = match claimed {
            Claim::Of(claimed) => claimed,
            Claim::Nothing(why) => {
                let (features, neighbours) = (Features::default(), Vec::new());
                let claimed = Err(why);
                let alone = Vec::new();
                return StatementEvidence {
                    cited,
                    claimed,
                    features,
                    neighbours,
                    alone,
                    judged: None,
                };
            }
        };
        let all: Vec<&Source> = self.sources.iter().collect();
        let mut features = compare(&claimed, &all, &self.reader);
        if !features.missing.is_empty() {
            let numbers = || asked.iter().flat_map(|text| supported_numbers(text)).collect();
            let asked = self.asked.get_or_init(numbers);
            features.explained = explained(&features.missing, &self.reply, asked, &self.sources);
        }
        let neighbours = self.neighbours(&claimed);
        let alone = self.alone(&claimed, &cited);
        let start = claimed.text.as_ptr() as usize - self.reply.as_ptr() as usize;
        let range = start..start + claimed.text.len();
        StatementEvidence { cited, claimed: Ok(range), features, neighbours, alone, judged: None }
    }

    /// Compares a claim with each passage that it cites, alone.
    fn alone(&self, claim: &ClaimText<'_>, cited: &[usize]) -> Vec<(usize, Features)> {
        let source = |mark: &usize| self.sources.get(mark.checked_sub(1)?);
        let with_source = cited.iter().filter_map(|mark| Some((*mark, source(mark)?)));
        with_source.map(|(mark, source)| (mark, compare(claim, &[source], &self.reader))).collect()
    }

    /// Returns the source sentences that share the most words with a claim.
    fn neighbours(&self, claim: &ClaimText<'_>) -> Vec<(usize, usize)> {
        let mut all: Vec<(usize, (usize, usize))> = Vec::new();
        for (place, source) in self.sources.iter().enumerate() {
            let shared = |(at, unit): (usize, &Unit)| (unit.shared(&claim.distinct), (place, at));
            all.extend(source.text.units.iter().enumerate().map(shared));
        }
        all.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
        all.into_iter().take(NEIGHBOURS).map(|(_, place)| place).collect()
    }

    /// Whether embeddings could move a claim across one of these scores (0 to 1).
    pub(super) fn is_undecided(&self, bars: &[f32]) -> bool {
        self.weighed.iter().filter(|weighed| weighed.claimed.is_ok()).any(|weighed| {
            let at = |near: f32| {
                let features = Features { near: Some(near), ..weighed.features.clone() };
                [&features, &features.with_explained()].map(|one| probability(one.logit()))
            };
            let pairs = at(0.0).into_iter().zip(at(1.0));
            pairs
                .into_iter()
                .any(|(far, near)| bars.iter().any(|bar| (far >= *bar) != (near >= *bar)))
        })
    }

    /// Returns the texts to embed for [`Check::near`].
    pub fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for weighed in &self.weighed {
            if let Ok(range) = &weighed.claimed {
                texts.push(self.reply[range.clone()].to_owned());
                texts.extend(
                    weighed
                        .neighbours
                        .iter()
                        .map(|(s, u)| self.sources[*s].text.units[*u].text.clone()),
                );
            }
        }
        texts
    }

    /// Sets the embeddings of [`Check::texts`], in their order, each of length 1.
    pub fn set_embeddings(&mut self, vectors: &[Vec<f32>]) {
        let mut vectors = vectors.iter();
        for weighed in self.weighed.iter_mut().filter(|weighed| weighed.claimed.is_ok()) {
            let Some(own) = vectors.next() else { return };
            let others = vectors.by_ref().take(weighed.neighbours.len());
            let cosine = |other: &Vec<f32>| own.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
            let nearest = others.map(cosine).fold(-1.0, f32::max);
            weighed.features.near = nearest.is_finite().then_some(nearest);
        }
    }

    /// Returns the reply's support, 0 to 1: its claims, weighted by words. 0.5 without a claim.
    pub fn score(&self) -> f32 {
        let claims = || self.weighed.iter().filter(|weighed| weighed.claimed.is_ok());
        let words: f32 = claims().map(|weighed| to_f32(weighed.features.words)).sum();
        let logits =
            claims().map(|weighed| weighed.features.logit() * to_f32(weighed.features.words));
        if words > 0.0 { probability(logits.sum::<f32>() / words) } else { 0.5 }
    }

    /// Returns the means of the features over the claims, weighted by their number of words, in the
    /// order of the score's weights, which are fitted to them. `None` without a claim.
    pub fn features(&self) -> Option<[f32; 7]> {
        let claims = || self.weighed.iter().filter(|weighed| weighed.claimed.is_ok());
        let words: f32 = claims().map(|weighed| to_f32(weighed.features.words)).sum();
        let mut means = [0.0; 7];
        for weighed in claims() {
            for (mean, x) in means.iter_mut().zip(weighed.features.numbers()) {
                *mean += x * to_f32(weighed.features.words) / words;
            }
        }
        (words > 0.0).then_some(means)
    }

    /// Returns the verdict on each statement. A claim is supported from the threshold (0 to 1) on.
    pub fn verdicts(&self, threshold: f32) -> Vec<StatementVerdict> {
        let pairs = self.statements.iter().zip(&self.weighed);
        pairs.map(|(statement, weighed)| self.verdict(statement, weighed, threshold)).collect()
    }

    fn verdict(
        &self,
        statement: &Statement,
        weighed: &StatementEvidence,
        threshold: f32,
    ) -> StatementVerdict {
        let text = self.reply[statement.range.clone()].trim().to_owned();
        let cited = weighed.cited.clone();
        if let Err(why) = &weighed.claimed {
            let why = (*why).to_owned();
            let (score, passage) = (None, None);
            return StatementVerdict { text, supported: true, score, passage, cited, why };
        }
        let features = &weighed.features;
        let score = probability(features.logit());
        let abroad = self.reader.is_other_language && features.aligned < 0.25;
        let supported = weighed.judged.unwrap_or(if abroad {
            features.missing.is_empty()
        } else {
            score >= threshold
        });
        let mut passage = self.best(features);
        // A cited passage comes first; another one only if the cited ones do not support the claim.
        if let Some(mark) = weighed.first_cited(threshold) {
            passage = Some(mark);
        }
        let why = match (weighed.judged, abroad) {
            (Some(true), _) => "the judge finds it supported".to_owned(),
            (Some(false), _) => format!("the judge finds no support; {}", features.objection()),
            (None, true) if supported => {
                "the passages are in another language: only numbers were compared".to_owned()
            }
            _ if supported => features.support(),
            _ => features.objection(),
        };
        let why = match passage {
            Some(mark) if supported && !cited.is_empty() && !cited.contains(&mark) => {
                format!("cited {cited:?}, but passage {mark} says it: {why}")
            }
            _ => why,
        };
        StatementVerdict { text, supported, score: Some(score), passage, cited, why }
    }

    fn best(&self, features: &Features) -> Option<usize> {
        let source = self.sources.get(features.source?)?;
        source.origin.mark().filter(|_| features.aligned > 0.0)
    }

    /// Returns the claims, with the index of their statement.
    pub(super) fn claims(&self) -> Vec<(usize, &str)> {
        let claimed =
            |(at, one): (usize, &'_ StatementEvidence)| Some((at, one.claimed.clone().ok()?));
        let ranges = self.weighed.iter().enumerate().filter_map(claimed);
        ranges.map(|(at, range)| (at, &self.reply[range])).collect()
    }

    /// Sets the judge's verdict on a statement.
    pub(super) fn judge(&mut self, statement: usize, supported: bool) {
        if let Some(weighed) = self.weighed.get_mut(statement) {
            weighed.judged = Some(supported);
        }
    }

    /// Counts the unsupported statements that say the opposite of a passage, or seem invented: they
    /// score below `bar` (0 to 1) in words of their own. The verdicts are those of this check.
    pub fn held(&self, verdicts: &[StatementVerdict], bar: f32) -> usize {
        let pairs = self.weighed.iter().zip(verdicts);
        let doubted = pairs.filter(|(_, verdict)| !verdict.supported && verdict.score.is_some());
        doubted.filter(|(weighed, _)| weighed.features.is_held(bar)).count()
    }

    /// Returns the reply without the unsupported statements.
    pub(super) fn supported_part(&self, verdicts: &[StatementVerdict]) -> String {
        let removed: Vec<bool> = verdicts.iter().map(|verdict| !verdict.supported).collect();
        without(&self.reply, &self.statements, &removed)
    }
}

impl StatementEvidence {
    /// Returns the first cited passage that supports the claim by itself.
    fn first_cited(&self, threshold: f32) -> Option<usize> {
        let supports = |features: &Features| {
            let with_near = Features { near: self.features.near, ..features.clone() };
            probability(with_near.logit()) >= threshold
        };
        self.alone.iter().find(|(_, features)| supports(features)).map(|(mark, _)| *mark)
    }
}

impl Features {
    fn support(&self) -> String {
        format!("“{}”", shortened(&self.closest))
    }

    /// Explains why a claim is doubted, with the most important reason.
    fn objection(&self) -> String {
        let list = |what: &[String]| {
            what.iter().take(4).map(|one| format!("“{one}”")).collect::<Vec<_>>().join(", ")
        };
        let verb = |what: &[String]| if what.len() == 1 { "is" } else { "are" };
        if !self.missing.is_empty() {
            let numbers = self.missing.join(", ");
            let noun = if self.missing.len() == 1 { "the number" } else { "the numbers" };
            return format!("{noun} {numbers} {} in no passage", verb(&self.missing));
        }
        if !self.stray.is_empty() {
            return format!(
                "{} stands in the passages with something else; closest is “{}”",
                self.stray.join(", "),
                shortened(&self.closest)
            );
        }
        if self.opposed {
            return format!("one says not, the other does: “{}”", shortened(&self.closest));
        }
        if !self.names.is_empty() {
            return format!("{} {} in no passage", list(&self.names), verb(&self.names));
        }
        if !self.novel.is_empty() {
            return format!("{} {} in no passage", list(&self.novel), verb(&self.novel));
        }
        format!(
            "its words stand otherwise in the passages; closest is “{}”",
            shortened(&self.closest)
        )
    }
}

/// Shortens a sentence for the trace.
fn shortened(text: &str) -> String {
    const MAX_LEN: usize = 120;
    match text.char_indices().nth(MAX_LEN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
