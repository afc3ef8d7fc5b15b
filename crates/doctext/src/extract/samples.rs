//! Test support: reads the documents in `tests/samples`, made by real programs, intact and damaged
//! in many ways.

use std::io::{Cursor, Read, Write};
use std::time::{Duration, Instant};

use super::*;
use crate::chunk;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples");

fn names() -> Vec<String> {
    let files = std::fs::read_dir(FOLDER).expect("the folder of samples");
    let name = |file: std::fs::DirEntry| file.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = files.flatten().map(name).collect();
    names.retain(|name| name != "make.py" && name != "README.md");
    names.sort();
    names
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}/{name}")).expect("the sample")
}

/// Formats an extracted document, one line for each block.
fn told(extracted: &ExtractedDocument) -> String {
    let mut lines = vec![format!("title: {}", extracted.title)];
    for block in &extracted.blocks {
        lines.push(match block {
            Block::Place(place) => format!("@ {place}"),
            Block::Heading { level, text } => format!("{} {text}", "#".repeat(usize::from(*level))),
            Block::Paragraph(text) => text.replace('\n', " / "),
            Block::Item { level, marker, text } => {
                format!("{}{marker} {text}", "  ".repeat(usize::from(*level)))
            }
            Block::Table { header, rows } => {
                let rows = rows.iter().map(|row| format!("\n  | {}", row.join(" | ")));
                format!("table {header:?}{}", rows.collect::<String>())
            }
            Block::Row(cells) => {
                let cells = cells.iter().map(|(name, cell)| format!("{name} = {cell}"));
                format!("row: {}", cells.collect::<Vec<_>>().join(", "))
            }
            Block::Pair { question, answer } => {
                format!("q: {question} a: {}", answer.replace('\n', " / "))
            }
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
        all.extend(["=== ", &name, "\n", &told, "\n\n"]);
    }
    insta::assert_snapshot!("samples", all);
}

#[test]
fn the_place_of_each_answer_is_known() {
    for (name, answer, place) in [
        ("terms-reportlab.pdf", "within thirty days", "page 1"),
        ("terms-reportlab.pdf", "Islands", "page 2"),
        ("terms-reportlab.pdf", "two working days", "page 3"),
        ("restricted-qpdf.pdf", "Chandlers Row", "page 4"),
        ("opening-arabic-chromium.pdf", "18:30", "page 1"),
        ("rides-python-pptx.pptx", "spare battery", "slide 2"),
        ("rides-libreoffice.pptx", "555-0123", "slide 3"),
        ("prices-openpyxl.xlsx", "Marsh Hauler", "sheet Prices"),
        ("prices-libreoffice.ods", "six months", "sheet FAQ"),
        ("handbook-python-docx.docx", "loan bike", ""),
    ] {
        let read = extract(name, &bytes(name)).expect("it can be read");
        let pieces = chunk::chunk(&read, &chunk::Settings::default());
        let found: Vec<&str> = pieces
            .iter()
            .filter(|piece| piece.body.contains(answer))
            .map(|piece| piece.place.as_str())
            .collect();
        assert!(!found.is_empty(), "{name} does not say {answer:?}");
        assert!(found.iter().all(|found| *found == place), "{name}: {answer:?} on {found:?}");
    }
}

/// Pseudo-random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).expect("it is below a usize")
    }
}

/// Damages bytes in one of several ways.
fn damaged(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let (at, length) = (dice.below(out.len()), 1 + dice.below(200));
    let end = (at + length).min(out.len());
    match dice.below(5) {
        0 => out.truncate(at),
        1 => drop(out.drain(at..end)),
        2 => {
            let again = out[at..end].to_vec();
            out.splice(at..at, again);
        }
        3 => {
            let from = dice.below(out.len() - (end - at) + 1);
            let other = out[from..from + (end - at)].to_vec();
            out[at..end].copy_from_slice(&other);
        }
        _ => {
            for _ in 0..=dice.below(20) {
                let at = dice.below(out.len());
                out[at] = u8::try_from(dice.below(256)).expect("a byte");
            }
        }
    }
    out
}

/// Damages one part of an archive and rebuilds it with valid checksums.
fn repacked(bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let broken = dice.below(archive.len());
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut part = Vec::new();
        entry.read_to_end(&mut part).expect("a part");
        if index == broken && !part.is_empty() {
            part = damaged(&part, dice);
        }
        out.start_file(entry.name().expect("a name"), options).expect("an entry");
        out.write_all(&part).expect("a part");
    }
    Some(out.finish().expect("an archive").into_inner())
}

/// No panic escapes and no file takes long. `DAMAGED=300` tries 300 variants of each sample.
#[test]
fn damaged_samples_are_read_or_refused_soon() {
    let variants = std::env::var("DAMAGED").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let mut dice = Dice(0x5eed_f00d);
    let (mut read, mut refused) = (0, 0);
    for name in names() {
        let whole = bytes(&name);
        for variant in 0..variants {
            let inner = if variant % 2 == 1 { repacked(&whole, &mut dice) } else { None };
            let bytes = inner.unwrap_or_else(|| damaged(&whole, &mut dice));
            let started = Instant::now();
            match extract(&name, &bytes) {
                Ok(extracted) => {
                    read += 1;
                    assert!(!extracted.title.is_empty() && !extracted.blocks.is_empty(), "{name}");
                    drop(chunk::chunk(&extracted, &chunk::Settings::default()));
                }
                Err(why) => {
                    refused += 1;
                    assert!(
                        why.to_string().contains(": "),
                        "{name}: {why} does not say what to do"
                    );
                }
            }
            let took = started.elapsed();
            assert!(took < Duration::from_secs(20), "{name}, variant {variant}: {took:?}");
        }
    }
    assert!(read > variants && refused > variants, "{read} read, {refused} refused");
}
