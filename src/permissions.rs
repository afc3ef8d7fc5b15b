//! Restricts the desk's data to its owner (on Unix): corrects at every start what an earlier
//! version or another umask left readable, and reports what cannot be corrected. Touches nothing
//! but permissions.

use std::path::{Path, PathBuf};

/// Maximum depth of folders that are searched.
const MAX_DEPTH: usize = 6;
/// Files beside the database that belong to the desk.
const KEPT: &[&str] = &["admin.key", "secrets.key", "sign-in.link"];
/// Folders beside the database that belong to the desk.
const FOLDERS: &[&str] = &["evals", "models"];

/// Restricts a database's folder and its content to the owner; in a folder with other files, only
/// what belongs to the desk. Returns what stays readable: files of other owners, files that the
/// system refuses to change, and a folder with other files.
pub fn restrict_to_owner(database: &Path) -> Vec<PathBuf> {
    let folder = folder_of(database);
    let database = database.file_name().unwrap_or_default().to_string_lossy();
    let (mut found, mut others) = (Vec::new(), false);
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let kept = is_of(&database, &name) || KEPT.contains(&name.as_str());
        if FOLDERS.contains(&name.as_str()) {
            collect(&entry.path(), MAX_DEPTH, &mut found);
        }
        if kept || FOLDERS.contains(&name.as_str()) {
            found.push(entry.path());
        } else {
            others = true;
        }
    }
    let mut open = Vec::new();
    if is_shared(&folder) {
        // The folder stays as it is; only its entries are restricted.
    } else if others && is_open(&folder) {
        open.push(folder);
    } else {
        found.push(folder);
    }
    open.extend(found.into_iter().filter(|path| !close(path)));
    open
}

/// Whether a file is the database or belongs to it: its log (`desk.db-wal`), a copy
/// (`desk.db.old`).
fn is_of(database: &str, name: &str) -> bool {
    let more = name.strip_prefix(database).filter(|_| !database.is_empty());
    more.is_some_and(|more| more.is_empty() || more.starts_with(['-', '.']))
}

fn folder_of(database: &Path) -> PathBuf {
    let folder = match database.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    folder.canonicalize().unwrap_or(folder)
}

/// Whether a folder is not only the desk's: it is or contains the working directory, it is the home
/// directory, or its sticky bit is set (as for `/tmp`).
fn is_shared(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return true };
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let home = std::env::var_os("HOME").and_then(|home| Path::new(&home).canonicalize().ok());
    !here.is_ok_and(|here| !here.starts_with(&folder))
        || home.as_ref() == Some(&folder)
        || is_sticky(&folder)
}

fn collect(folder: &Path, deep: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        // Symbolic links are skipped: their targets are not the desk's.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && deep > 0 {
            collect(&entry.path(), deep - 1, found);
        }
        if kind.is_dir() || kind.is_file() {
            found.push(entry.path());
        }
    }
}

#[cfg(unix)]
fn is_sticky(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(folder).is_ok_and(|it| it.mode() & 0o1000 != 0)
}

#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::symlink_metadata(path).is_ok_and(|it| !it.is_symlink() && it.mode() & 0o077 != 0)
}

/// Restricts a path. Returns whether nobody else can read it; a missing path counts.
#[cfg(unix)]
fn close(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    if !is_open(path) {
        return true;
    }
    let Ok(known) = std::fs::symlink_metadata(path) else { return true };
    let mode = known.permissions().mode();
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode & 0o7700)).is_ok()
}

#[cfg(not(unix))]
fn is_sticky(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

/// Elsewhere the permissions of the folder apply.
#[cfg(not(unix))]
fn close(_: &Path) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_open_is_closed_and_a_link_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        std::fs::create_dir_all(data.join("evals/runs")).unwrap();
        let elsewhere = home.path().join("elsewhere");
        for file in [&data.join("frontdesk.db"), &data.join("evals/runs/a.jsonl"), &elsewhere] {
            std::fs::write(file, "words").unwrap();
            std::fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
        }
        std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(&elsewhere, data.join("evals/link")).unwrap();
        assert_eq!(restrict_to_owner(&data.join("frontdesk.db")), Vec::<PathBuf>::new());
        for (file, wanted) in
            [("", 0o700), ("frontdesk.db", 0o600), ("evals", 0o700), ("evals/runs/a.jsonl", 0o600)]
        {
            assert_eq!(mode(&data.join(file)), wanted, "{file}");
        }
        assert_eq!(mode(&elsewhere), 0o644);
    }

    #[test]
    fn a_folder_with_other_things_is_told_and_those_are_left() {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let others = ["prompt.md", "desk", "desk.toml", "desk.dbx", "desktop.db"];
        for name in ["desk.db", "desk.db-wal", "desk.db.old"].iter().chain(&others) {
            std::fs::write(home.path().join(name), "words").unwrap();
            let file = home.path().join(name);
            std::fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
        }
        assert_eq!(restrict_to_owner(&home.path().join("desk.db")), [home.path()]);
        assert_eq!(mode(home.path()), 0o755);
        for name in ["desk.db", "desk.db-wal", "desk.db.old"] {
            assert_eq!(mode(&home.path().join(name)), 0o600, "{name}");
        }
        for name in others {
            assert_eq!(mode(&home.path().join(name)), 0o644, "{name}");
        }
    }

    #[test]
    fn the_working_directory_stays_as_it_is() {
        let here = std::env::current_dir().unwrap();
        assert!(is_shared(&here) && is_shared(here.parent().unwrap()));
        assert!(is_shared(&std::env::temp_dir()));
    }
}
