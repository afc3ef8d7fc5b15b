//! Known target ids, and the nearest one for a typo.

/// The forms of target ids.
const KNOWN: &[&str] = &[
    "echo",
    "openai:chat:MODEL",
    "openai:completion:MODEL",
    "openai:responses:MODEL",
    "openai:embedding:MODEL",
    "openai:moderation:MODEL",
    "anthropic:messages:MODEL",
    "http",
    "https://ADDRESS",
    "webhook:URL",
    "file://SCRIPT.js",
    "file://SCRIPT.py",
    "exec:COMMAND",
    "promptfoo:simulated-user",
    "frontdesk:simulated-customer",
    "frontdesk:AGENT",
];

/// Whether an id is of a known kind.
pub(super) fn is_kind(id: &str) -> bool {
    let kind = id.split(':').next().unwrap_or_default();
    match kind {
        "echo" => id == "echo",
        "http" | "https" | "frontdesk" => true,
        "promptfoo" => id == "promptfoo:simulated-user",
        kind => KNOWN.iter().any(|known| known.split(':').next() == Some(kind)),
    }
}

pub(super) fn unknown(id: &str) -> String {
    let near = nearest(id).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
    format!("there is no provider `{id}`{near} There are {}", KNOWN.join(", "))
}

fn nearest(id: &str) -> Option<String> {
    let (kind, rest) = id.split_once(':').unwrap_or((id, ""));
    let kinds = KNOWN.iter().map(|known| known.split(':').next().unwrap_or(known));
    let (far, near) = kinds.map(|known| (distance(kind, known), known)).min()?;
    let full = if rest.is_empty() { near.to_owned() } else { format!("{near}:{rest}") };
    (far <= 1 + kind.chars().count() / 4).then_some(full)
}

fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.to_lowercase().chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let cost = before + usize::from(a != *b);
            before = row[j + 1];
            row[j + 1] = cost.min(before + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_id_is_answered_with_the_nearest() {
        assert!(unknown("opnai:gpt-4o").contains("did you mean `openai:gpt-4o`?"));
        assert!(unknown("ecko").contains("did you mean `echo`?"));
        let far = unknown("bedrock:claude");
        assert!(!far.contains("did you mean"), "{far}");
        assert!(far.contains("anthropic:messages:MODEL"));
    }
}
