//! The folders of suites and run logs: lists files, and rejects names that lead out of a folder.

use std::path::{Component, Path, PathBuf};

/// Deletes all but the newest `keep` files of a folder. File names must sort by time.
pub(super) fn forget_files(folder: &Path, keep: i64) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let many = files.len().saturating_sub(usize::try_from(keep).unwrap_or(0));
    files.iter().take(many).for_each(|file| drop(std::fs::remove_file(file)));
}

/// Returns a file in a folder, unless the name leads out of it.
pub(super) fn inside(folder: &Path, name: &str) -> Option<PathBuf> {
    let name = Path::new(name);
    let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    let (file, root) = (folder.join(name).canonicalize().ok()?, folder.canonicalize().ok()?);
    (plain && file.is_file() && file.starts_with(root)).then(|| folder.join(name))
}

pub(super) fn collect(folder: &Path, before: &str, depth: usize, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // Hidden files may be half written.
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{before}{name}");
        if path.is_dir() && depth < 3 {
            collect(&path, &format!("{name}/"), depth + 1, found);
        } else if path.extension().is_some_and(|it| it == "yaml" || it == "yml") {
            found.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_no_file_in_it() {
        let home = tempfile::tempdir().unwrap();
        let suites = home.path().join("suites");
        std::fs::create_dir_all(suites.join("more")).unwrap();
        for file in ["secret.yaml", "suites/a.yaml", "suites/more/b.yml", "suites/notes.txt"] {
            std::fs::write(home.path().join(file), "").unwrap();
        }
        assert!(inside(&suites, "a.yaml").is_some() && inside(&suites, "more/b.yml").is_some());
        let absolute = suites.join("a.yaml").display().to_string();
        for name in
            ["../secret.yaml", "more/../../secret.yaml", "", ".", "more", "none.yaml", &absolute]
        {
            assert!(inside(&suites, name).is_none(), "{name}");
        }
        #[cfg(unix)]
        {
            let link = suites.join("link.yaml");
            std::os::unix::fs::symlink(home.path().join("secret.yaml"), &link).unwrap();
            assert!(inside(&suites, "link.yaml").is_none());
        }
        let mut found = Vec::new();
        collect(&suites, "", 0, &mut found);
        found.sort();
        assert!(
            found.starts_with(&["a.yaml".into()]) && found.contains(&"more/b.yml".into()),
            "{found:?}"
        );
    }
}
