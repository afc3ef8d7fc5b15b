//! Finds dependency cycles between the modules of a folder, direct and indirect.

use std::collections::{BTreeMap, BTreeSet};

use super::code::Code;

/// Dependencies (from, to) within a folder, with one place of each.
type Arrows = BTreeMap<(String, String), String>;

/// Returns each cycle with the places of its dependencies.
pub(super) fn circles(code: &Code) -> Vec<String> {
    let mut wrong = Vec::new();
    for (folder, arrows) in folders(code) {
        for circle in in_folder(&arrows) {
            wrong.push(format!(
                "{folder}: {} is a circle: {}. Move what both sides need into a module below them",
                circle.join(", "),
                within(&circle, &arrows)
            ));
        }
    }
    wrong
}

/// Returns the dependencies within each folder, without those of the folder's own module file.
fn folders(code: &Code) -> BTreeMap<String, Arrows> {
    let mut folders: BTreeMap<String, Arrows> = BTreeMap::new();
    for module in &code.modules {
        for named in &module.named {
            let Some(home) = code.home(&module.at, &named.path) else { continue };
            let shared =
                module.at.iter().zip(&home).take_while(|(own, other)| own == other).count();
            if let (Some(from), Some(to)) = (module.at.get(shared), home.get(shared)) {
                let arrows = folders.entry(module.at[..shared].join("/")).or_default();
                let arrow = (from.clone(), to.clone());
                arrows.entry(arrow).or_insert_with(|| module.place(named.line));
            }
        }
    }
    folders
}

/// Returns the cycles, each in alphabetical order.
fn in_folder(arrows: &Arrows) -> BTreeSet<Vec<&str>> {
    let needs: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|(from, _)| (from.as_str(), needed(arrows, from))).collect();
    let mut circles = BTreeSet::new();
    for (name, all) in &needs {
        let both = |other: &&str| needs.get(other).is_some_and(|theirs| theirs.contains(name));
        let circle: Vec<&str> = all.iter().copied().filter(both).collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles
}

/// Returns the modules that a module depends on, directly and indirectly.
fn needed<'a>(arrows: &'a Arrows, from: &'a str) -> BTreeSet<&'a str> {
    let mut needed = BTreeSet::new();
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        for (_, to) in arrows.keys().filter(|(from, _)| from == name) {
            if needed.insert(to.as_str()) {
                next.push(to);
            }
        }
    }
    needed
}

/// Returns the dependencies of a cycle, for a message.
fn within(circle: &[&str], arrows: &Arrows) -> String {
    let inside = arrows
        .iter()
        .filter(|((from, to), _)| circle.contains(&from.as_str()) && circle.contains(&to.as_str()));
    let arrows: Vec<_> =
        inside.map(|((from, to), place)| format!("{from} -> {to} ({place})")).collect();
    arrows.join(", ")
}
