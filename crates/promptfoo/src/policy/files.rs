//! File access of a suite: over the API only regular files in the suites' folder (symlinks
//! resolved), up to a size limit.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use super::Policy;

/// Bytes in a megabyte.
const MEGABYTE: u64 = 1 << 20;

impl Policy {
    /// Checks that a file may be read; the error says why not.
    pub(crate) fn check_file(&self, file: &Path) -> io::Result<()> {
        if self.is_command_line() {
            return Ok(());
        }
        let folders: Vec<&Path> = self.rules.folder.as_deref().into_iter().collect();
        canonical_regular_file(file, &folders, self.limits().file_bytes).map(drop)
    }

    /// Checks that a glob pattern may be expanded.
    pub(crate) fn check_pattern(&self, pattern: &Path) -> io::Result<()> {
        if self.is_command_line() {
            return Ok(());
        }
        let folders: Vec<&Path> = self.rules.folder.as_deref().into_iter().collect();
        let roots = folders.iter().filter_map(|it| it.canonicalize().ok());
        // The parts before the first wildcard are a folder; after it, `..` is not allowed.
        let is_plain = |part: &Component<'_>| {
            !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{'])
        };
        let start: PathBuf = pattern.components().take_while(is_plain).collect();
        let rest = pattern.components().skip_while(is_plain);
        let climbs = rest.into_iter().any(|part| part == Component::ParentDir);
        let inside = match start.canonicalize() {
            Ok(start) => roots.into_iter().any(|root| start.starts_with(root)),
            Err(_) => folders.iter().any(|folder| is_below(&start, folder)),
        };
        if inside && !climbs { Ok(()) } else { Err(outside(pattern, &folders)) }
    }

    /// Opens a file after checking it.
    pub(crate) fn open(&self, file: &Path) -> io::Result<File> {
        self.check_file(file)?;
        File::open(file)
    }

    /// Reads a file as bytes.
    pub fn bytes(&self, file: &Path) -> io::Result<Vec<u8>> {
        let (most, mut bytes) = (self.limits().file_bytes, Vec::new());
        let read = self.open(file)?.take(most + 1).read_to_end(&mut bytes)?;
        if read as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
    }

    /// Reads a file as UTF-8 text.
    pub fn text(&self, file: &Path) -> io::Result<String> {
        let text = String::from_utf8(self.bytes(file)?);
        text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Returns the canonical path of a regular file inside one of the folders, of at most `most` bytes.
pub fn canonical_regular_file(file: &Path, folders: &[&Path], most: u64) -> io::Result<PathBuf> {
    let roots: Vec<PathBuf> = folders.iter().filter_map(|it| it.canonicalize().ok()).collect();
    let real = match file.canonicalize() {
        Ok(real) if roots.iter().any(|root| real.starts_with(root)) => real,
        // Do not reveal whether a file exists outside the folders.
        Err(error) if folders.iter().any(|folder| is_below(file, folder)) => return Err(error),
        _ => return Err(outside(file, folders)),
    };
    check_file_size(&real, most)?;
    Ok(real)
}

/// Checks that a path is a regular file of at most `most` bytes.
pub(crate) fn check_file_size(file: &Path, most: u64) -> io::Result<()> {
    let known = std::fs::metadata(file)?;
    if known.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !known.is_file() {
        let what = format!("{} is no regular file", file.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    if known.len() > most { Err(too_large(most)) } else { Ok(()) }
}

/// Whether a path is below a folder by its name, without resolving symlinks.
fn is_below(path: &Path, folder: &Path) -> bool {
    let up = path.strip_prefix(folder).unwrap_or(path);
    let climbs = up.components().any(|part| part == Component::ParentDir);
    let (path, folder) = (std::path::absolute(path), std::path::absolute(folder));
    !climbs && matches!((path, folder), (Ok(path), Ok(folder)) if path.starts_with(&folder))
}

fn outside(file: &Path, folders: &[&Path]) -> io::Error {
    let within: Vec<String> = folders.iter().map(|it| it.display().to_string()).collect();
    let what =
        format!("{} is not in {}: only files there are read", file.display(), within.join(", "));
    io::Error::new(io::ErrorKind::PermissionDenied, what)
}

fn too_large(most: u64) -> io::Error {
    io::Error::other(format!("it is larger than {} MB", most / MEGABYTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_the_folder_are_read() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("suites");
        std::fs::create_dir_all(folder.join("more")).unwrap();
        for name in ["secret.txt", "suites/a.txt", "suites/more/b.txt"] {
            std::fs::write(home.path().join(name), "x").unwrap();
        }
        let policy = Policy::default().restricted_to_folder(&folder);
        assert_eq!(policy.text(&folder.join("a.txt")).unwrap(), "x");
        assert_eq!(policy.text(&folder.join("more/../a.txt")).unwrap(), "x");
        let missing = policy.text(&folder.join("none.txt")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(policy.text(&folder.join("more")).is_err());
        for path in ["/etc/shadow", "/dev/zero", "/no/such/file", "/proc/self/environ"] {
            let why = policy.text(Path::new(path)).unwrap_err().to_string();
            assert!(why.contains("is not in"), "{why}");
        }
        assert!(policy.text(&folder.join("../secret.txt")).is_err());
        assert!(policy.check_pattern(&folder.join("*.txt")).is_ok());
        assert!(policy.check_pattern(&folder.join("../*.txt")).is_err());
        assert!(policy.check_pattern(Path::new("/**/*")).is_err());
        assert!(Policy::default().text(&folder.join("a.txt")).is_err(), "no folder, no files");
        let large = File::create(folder.join("large.txt")).unwrap();
        large.set_len(policy.limits().file_bytes + 1).unwrap();
        let why = policy.text(&folder.join("large.txt")).unwrap_err().to_string();
        assert!(why.contains("larger than 16 MB"), "{why}");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_lead_nowhere() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("suites");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(home.path().join("secret.txt"), "x").unwrap();
        std::os::unix::fs::symlink(home.path().join("secret.txt"), folder.join("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.join("zero")).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status();
        let policy = Policy::default().restricted_to_folder(&folder);
        assert!(policy.text(&folder.join("link")).is_err());
        assert!(policy.text(&folder.join("zero")).is_err());
        if pipe.is_ok_and(|made| made.success()) {
            let why = policy.text(&folder.join("pipe")).unwrap_err().to_string();
            assert!(why.contains("no regular file"), "{why}");
        }
    }
}
