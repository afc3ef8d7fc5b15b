//! Invalid model folders: each is refused with an error that names the file and says what to do.

use std::path::Path;

use serde_json::{Value, json};

use super::build;
use super::tiny::BERT;

/// A name, a change to a valid folder, and words of the expected error.
type Case = (&'static str, fn(&Path), &'static [&'static str]);

fn change(folder: &Path, file: &str, change: impl Fn(&mut Value)) {
    let path = folder.join(file);
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

fn set(folder: &Path, key: &str, value: &Value) {
    change(folder, "config.json", |config| config[key] = value.clone());
}

/// Writes a safetensors file with this header and this many bytes of data.
fn tensors(folder: &Path, header: &str, more: usize) {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(vec![0; more]);
    std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
}

const CASES: &[Case] = &[
    (
        "no folder",
        |folder| std::fs::remove_dir_all(folder).unwrap(),
        &["no model in", "[embed] path"],
    ),
    (
        "no config",
        |folder| gone(folder, "config.json"),
        &["config.json is missing", "models fetch"],
    ),
    ("no tokenizer", |folder| gone(folder, "tokenizer.json"), &["tokenizer.json is missing"]),
    ("no weights", |folder| gone(folder, "model.safetensors"), &["model.safetensors is missing"]),
    ("no pooling", |folder| gone(folder, "1_Pooling/config.json"), &["config.json is missing"]),
    (
        "PyTorch's weights alone",
        |folder| {
            gone(folder, "model.safetensors");
            std::fs::write(folder.join("pytorch_model.bin"), "PK").unwrap();
        },
        &["pytorch_model.bin is there", "only safetensors", "safe_serialization"],
    ),
    (
        "half a config",
        |folder| std::fs::write(folder.join("config.json"), "{\"model_type\":").unwrap(),
        &["config.json is damaged", "again"],
    ),
    (
        "another family",
        |folder| set(folder, "model_type", &json!("t5")),
        &["model_type is t5", "bert"],
    ),
    (
        "no heads",
        |folder| set(folder, "num_attention_heads", &json!(0)),
        &["num_attention_heads is 0"],
    ),
    ("odd heads", |folder| set(folder, "num_attention_heads", &json!(7)), &["not a multiple"]),
    ("huge", |folder| set(folder, "hidden_size", &json!(1_u64 << 60)), &["hidden_size is"]),
    ("negative", |folder| set(folder, "hidden_size", &json!(-3)), &["config.json is damaged"]),
    ("an unknown function", |folder| set(folder, "hidden_act", &json!("silu")), &["silu", "gelu"]),
    (
        "relative places",
        |folder| set(folder, "position_embedding_type", &json!("relative_key")),
        &["relative_key"],
    ),
    ("no epsilon", |folder| set(folder, "layer_norm_eps", &json!(0.0)), &["layer_norm_eps"]),
    ("no room", |folder| set(folder, "max_position_embeddings", &json!(2)), &["no room"]),
    (
        "another size",
        |folder| set(folder, "hidden_size", &json!(48)),
        &["has the shape", "different models"],
    ),
    (
        "more layers",
        |folder| set(folder, "num_hidden_layers", &json!(5)),
        &["no tensor encoder.layer.2"],
    ),
    (
        "fewer words",
        |folder| set(folder, "vocab_size", &json!(5)),
        &["tokenizer.json knows 12 words"],
    ),
    (
        "another way to pool",
        |folder| {
            change(folder, "1_Pooling/config.json", |config| {
                config["pooling_mode_max_tokens"] = json!(true);
            });
        },
        &["pooling_mode_mean_tokens"],
    ),
    (
        "a module more",
        |folder| change(folder, "modules.json", |modules| modules[1]["type"] = json!("x.Dense")),
        &["a module Dense"],
    ),
    (
        "a tokenizer of another kind",
        |folder| change(folder, "tokenizer.json", |file| file["model"]["type"] = json!("Magic")),
        &["tokenizer.json is damaged"],
    ),
    (
        "empty weights",
        |folder| std::fs::write(folder.join("model.safetensors"), "").unwrap(),
        &["it is empty"],
    ),
    (
        "weights cut off",
        |folder| {
            let path = folder.join("model.safetensors");
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() - 100]).unwrap();
        },
        &["model.safetensors is damaged", "the header tells of"],
    ),
    (
        "a header of many exabytes",
        |folder| std::fs::write(folder.join("model.safetensors"), [0xff; 64]).unwrap(),
        &["header cannot be that long"],
    ),
    ("no JSON", |folder| tensors(folder, "{{{{", 0), &["model.safetensors is damaged"]),
    (
        "tensors over each other",
        |folder| {
            let one = r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
            tensors(folder, &format!(r#"{{"a":{one},"b":{one}}}"#), 8);
        },
        &["model.safetensors is damaged"],
    ),
    (
        "a shape that overflows",
        |folder| {
            let one = r#"{"dtype":"F32","shape":[4294967296,4294967296,16],"data_offsets":[0,8]}"#;
            tensors(folder, &format!(r#"{{"a":{one}}}"#), 8);
        },
        &["model.safetensors is damaged"],
    ),
    ("another model's weights", |folder| tensors(folder, "{}", 0), &["no tensor", "BERT"]),
];

fn gone(folder: &Path, file: &str) {
    std::fs::remove_file(folder.join(file)).unwrap();
}

#[tokio::test]
async fn a_damaged_folder_is_refused_with_the_file_and_what_to_do() {
    for (name, damage, words) in CASES {
        let made = BERT.make();
        let folder = made.home.path().join("tiny");
        assert!(build(&folder, "").is_ok(), "the folder is good before");
        damage(&folder);
        let told = build(&folder, "").err().unwrap_or_else(|| panic!("{name}: it was taken"));
        for word in *words {
            assert!(told.contains(word), "{name}: no `{word}` in: {told}");
        }
    }
}

#[tokio::test]
async fn settings_that_do_not_fit_the_model_are_refused() {
    let made = BERT.make();
    let folder = made.home.path().join("tiny");
    let told = |more: &str| build(&folder, more).err().unwrap_or_default();
    assert!(told("max_tokens = 41").contains("more than the 40"), "{}", told("max_tokens = 41"));
    assert!(told("max_tokens = 2").contains("must be more than 2"), "{}", told("max_tokens = 2"));
    assert!(told("modle = \"x\"").contains("modle"), "{}", told("modle = \"x\""));
}
