//! Tells cargo what is part of the program beside its sources: the migrations and the built console are compiled in.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    // What does not exist would count as changed each time. The sources' folder changes when the built one appears in it.
    if let Some(folder) = ["console/dist", "console"].iter().find(|it| Path::new(it).exists()) {
        println!("cargo:rerun-if-changed={folder}");
    }
}
