//! The shared test data, which the project does not hold: captures of providers' traffic; and what spoils
//! them.

use serde_json::{Value, json};

/// Reads a file of the shared test data; `None`, with a note on stdout, without it.
pub(super) fn shared(path: &str) -> Option<Vec<u8>> {
    let root = std::env::var("FRONTDESK_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned());
    let bytes = std::fs::read(format!("{root}/{path}")).ok();
    if bytes.is_none() {
        println!("skipped: no shared data");
    }
    bytes
}

/// Replaces the n-th value of a tree, counted in reading order.
pub(super) fn replace(tree: &mut Value, n: &mut usize, with: &Value) {
    if *n == 0 {
        *tree = with.clone();
    }
    *n = n.wrapping_sub(1);
    match tree {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, n, with)),
        Value::Object(fields) => fields.values_mut().for_each(|item| replace(item, n, with)),
        _ => {}
    }
}

/// Values where none of the kind is expected.
pub(super) fn odd_values() -> Vec<Value> {
    let flat = [json!(null), json!(-1), json!(1e300), json!("\u{0}é"), json!(true)];
    flat.into_iter().chain([json!([]), json!({}), json!([{}, 1])]).collect()
}
