//! Rebuilds when the migrations or the built console change, which are compiled into the binary.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    // A path that does not exist would cause a rebuild every time. console/ changes when console/dist appears in it.
    if let Some(folder) = ["console/dist", "console"].iter().find(|it| Path::new(it).exists()) {
        println!("cargo:rerun-if-changed={folder}");
    }
}
