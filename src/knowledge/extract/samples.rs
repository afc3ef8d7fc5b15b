//! Test support: the documents in `tests/samples`, made by real programs, read as they are; and damaged in many ways.

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples");

fn names() -> Vec<String> {
    let files = std::fs::read_dir(FOLDER).expect("the folder of samples");
    let name = |file: std::fs::DirEntry| file.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = files.flatten().map(name).collect();
    names.retain(|name| !name.ends_with(".py") && name != "README.md");
    names.sort();
    names
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}/{name}")).expect("the sample")
}

/// What a document says, a line a block.
fn told(extracted: &Extracted) -> String {
    let mut lines = vec![format!("title: {}", extracted.title)];
    for block in &extracted.blocks {
        lines.push(match block {
            Block::Place(place) => format!("@ {place}"),
            Block::Heading { level, text } => format!("{} {text}", "#".repeat(usize::from(*level))),
            Block::Paragraph(text) => format!("p {text:?}"),
            Block::Item { level, marker, text } => {
                format!("{}{marker} {text:?}", "  ".repeat(usize::from(*level)))
            }
            Block::Table { header, rows } => {
                let rows = rows.iter().map(|row| format!("\n  | {}", row.join(" | ")));
                format!("table {header:?}{}", rows.collect::<String>())
            }
            Block::Row(cells) => format!("row {cells:?}"),
            Block::Pair { question, answer } => format!("q {question:?} a {answer:?}"),
            Block::Code(text) => format!("code {text:?}"),
        });
    }
    lines.extend(extracted.warnings.iter().map(|warning| format!("! {warning}")));
    lines.join("\n")
}

#[test]
fn every_sample_is_read_as_it_was_written() {
    let mut all = String::new();
    for name in names() {
        let read = extract(&name, &bytes(&name));
        let told = read.map_or_else(|why| format!("refused: {why}"), |read| told(&read));
        all += &format!("=== {name}\n{told}\n\n");
    }
    insta::assert_snapshot!("samples", all);
}
