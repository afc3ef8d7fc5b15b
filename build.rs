//! Rebuilds when the migrations or the built console change, which are compiled into the binary, and
//! says how the binary is linked.

use std::path::Path;
use std::process::Command;

/// The first version of the GNU C library that reads packed relocations.
const PACKED_SINCE: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    // A path that does not exist would cause a rebuild every time. console/ changes when console/dist appears in it.
    if let Some(folder) = ["console/dist", "console"].iter().find(|it| Path::new(it).exists()) {
        println!("cargo:rerun-if-changed={folder}");
    }
    // Relocations take 5 MB, which each start reads, or 60 kB if they are packed. Such a binary does not start with an older
    // C library, so only those for this machine are linked so.
    if is_for_this_machine() && libc_version().is_some_and(|version| version >= PACKED_SINCE) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

fn is_for_this_machine() -> bool {
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    set("CARGO_CFG_TARGET_OS") == "linux"
        && set("CARGO_CFG_TARGET_ENV") == "gnu"
        && set("HOST") == set("TARGET")
}

/// The version of the GNU C library of this machine.
fn libc_version() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
