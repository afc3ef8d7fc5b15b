//! Known violations of a rule: lines `name number` (default 1) in a file that only gets shorter,
//! with numbers that only decrease.

use std::collections::BTreeMap;

pub(super) struct Baseline {
    pub(super) file: &'static str,
    pub(super) text: &'static str,
}

impl Baseline {
    fn entries(&self) -> BTreeMap<&'static str, usize> {
        let entry = |line: &'static str| {
            let numbered = line.rsplit_once(' ');
            let entry = numbered.and_then(|(name, size)| Some((name, size.parse::<usize>().ok()?)));
            entry.unwrap_or((line, 1))
        };
        let lines = self.text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(entry).collect()
    }
}

/// Violations of a rule by name, with their size and places.
#[derive(Default)]
pub(super) struct Findings(BTreeMap<String, (usize, Vec<String>)>);

impl Findings {
    pub(super) fn add(&mut self, name: String, size: usize, place: String) {
        let finding = self.0.entry(name).or_default();
        finding.0 += size;
        finding.1.push(place);
    }

    /// Returns the violations that the baseline does not list and the entries it no longer needs.
    /// `remedy` says how to fix them.
    pub(super) fn beyond(&self, baseline: &Baseline, remedy: &str) -> Vec<String> {
        let mut listed = baseline.entries();
        let file = baseline.file;
        let mut wrong = Vec::new();
        for (name, (size, places)) in &self.0 {
            let allowed = listed.remove(name.as_str()).unwrap_or(0);
            let places = places.join(", ");
            if *size > allowed {
                wrong.push(format!("{name}: {size}, allowed {allowed} ({places}). {remedy}"));
            } else if *size < allowed {
                wrong.push(format!("{name}: {size} now. Write `{name} {size}` in {file}"));
            }
        }
        wrong.extend(listed.keys().map(|name| format!("{name}: gone. Take it off {file}")));
        wrong
    }
}
