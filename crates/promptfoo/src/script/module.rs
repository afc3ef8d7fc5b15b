//! Files that JavaScript requires: resolves them and converts them to `CommonJS`.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::policy::{canonical_regular_file, check_file_size};

/// Maximum size of a required file, in bytes.
const MAX_SIZE: u64 = 4 << 20;

/// Reads a required file: `{path, folder, source, json}`, or `{error}`, or `{missing}` for one that
/// cannot run here. It must be a regular file in one of `within` (symlinks resolved); `None` allows
/// any folder.
pub(super) fn read(folder: &Path, name: &str, within: Option<&[PathBuf]>) -> Value {
    let wanted = folder.join(name);
    let path = match find(&wanted, within) {
        Ok(path) => path,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            return json!({"error": format!("there is no file {}", wanted.display())});
        }
        Err(why) => return json!({"error": why.to_string()}),
    };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if matches!(ending, "ts" | "mts" | "cts" | "tsx") {
        let why =
            format!("{} is TypeScript, which is not run here: compile it to .js", path.display());
        return json!({"missing": why});
    }
    match std::fs::read_to_string(&path) {
        Err(error) => json!({"error": format!("{}: {error}", path.display())}),
        Ok(source) => json!({
            "path": path.display().to_string(),
            "folder": path.parent().map(|folder| folder.display().to_string()),
            "json": ending == "json",
            "source": if ending == "json" { source } else { as_commonjs(&source) },
        }),
    }
}

fn find(path: &Path, within: Option<&[PathBuf]>) -> std::io::Result<PathBuf> {
    let endings = ["", ".js", ".cjs", ".mjs", ".json", "/index.js"];
    let named = |ending: &&str| PathBuf::from(format!("{}{ending}", path.display()));
    let found = endings.iter().map(named).find(|candidate| candidate.is_file());
    let found = found.unwrap_or_else(|| path.to_owned());
    match within {
        Some(within) => {
            let within: Vec<&Path> = within.iter().map(PathBuf::as_path).collect();
            canonical_regular_file(&found, &within, MAX_SIZE)?;
        }
        None => check_file_size(&found, MAX_SIZE)?,
    }
    Ok(found)
}

static DEFAULT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^[ \t]*export\s+default\s+"));
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?m)^[ \t]*export\s+((?:async\s+)?function\s*\*?|class|const|let|var)\s+([\w$]+)")
});
static LIST: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^[ \t]*export\s*\{([^}]*)\}\s*;?"));
static IMPORT_ALL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?m)^[ \t]*import\s+\*\s+as\s+([\w$]+)\s+from\s+(['"][^'"]+['"])"#)
});
static IMPORT_LIST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?m)^[ \t]*import\s*\{([^}]*)\}\s*from\s+(['"][^'"]+['"])"#));
static IMPORT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?m)^[ \t]*import\s+([\w$]+)\s+from\s+(['"][^'"]+['"])"#));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is right")
}

/// Rewrites `import` and `export` as `require` and `exports`.
fn as_commonjs(source: &str) -> String {
    let mut names = Vec::new();
    for found in NAMED.captures_iter(source) {
        names.push((found[2].to_owned(), found[2].to_owned()));
    }
    for found in LIST.captures_iter(source) {
        names.extend(pairs(&found[1], " as "));
    }
    let source = DEFAULT.replace_all(source, "module.exports.default = ");
    let source = NAMED.replace_all(&source, "$1 $2");
    let source = LIST.replace_all(&source, "");
    let source = IMPORT_ALL.replace_all(&source, "const $1 = require($2)");
    let source = IMPORT_LIST.replace_all(&source, |found: &regex::Captures<'_>| {
        format!("const {{{}}} = require({})", found[1].replace(" as ", ": "), &found[2])
    });
    let source = IMPORT.replace_all(&source, |found: &regex::Captures<'_>| {
        let (name, from) = (&found[1], &found[2]);
        format!("const {name} = ((m) => (m && m.default !== undefined ? m.default : m))(require({from}))")
    });
    let exports = names.iter().map(|(own, public)| format!("\nexports.{public} = {own};"));
    exports.fold(source.into_owned(), |all, line| all + &line)
}

fn pairs(list: &str, between: &str) -> Vec<(String, String)> {
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let pair = |entry: &str| match entry.split_once(between) {
        Some((own, public)) => (own.trim().to_owned(), public.trim().to_owned()),
        None => (entry.to_owned(), entry.to_owned()),
    };
    entries.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_become_commonjs() {
        let source = "import a from './a.js'\nimport { b as c } from './b.js'\nexport default function (x) { return x }\nexport const two = 2\nfunction f() {}\nexport { f as g };";
        let made = as_commonjs(source);
        assert!(made.contains("module.exports.default = function (x)"), "{made}");
        assert!(
            made.contains("const {b: c } = require('./b.js')")
                || made.contains("const { b: c } = require('./b.js')"),
            "{made}"
        );
        assert!(made.contains("const two = 2"), "{made}");
        assert!(made.contains("exports.two = two;"), "{made}");
        assert!(made.contains("exports.g = f;"), "{made}");
    }
}
