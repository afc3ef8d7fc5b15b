//! Tells cargo that the migrations are part of the program: they are compiled in.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
