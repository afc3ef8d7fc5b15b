//! Backs the README's figures on documents: a PDF of 1,000 pages is learned within seconds, in
//! little memory.
//!
//! `cargo bench --bench learning [-- --pages=N]`. Learning means reading, chunking, storing and
//! indexing, without embeddings (see `cargo bench --bench embedding`). The comparison is Poppler's
//! `pdftotext`, if installed, which only reads; both alternate in the same run. It asserts nothing:
//! times depend on the machine.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use frontdesk::app::App;
use frontdesk::config::Config;
use frontdesk::knowledge::SilentProgress;

/// Number of measurements of each.
const ROUNDS: usize = 3;

fn main() {
    let number = |text: String| text.strip_prefix("--pages=")?.parse().ok();
    let pages = std::env::args().find_map(number).unwrap_or(1_000);
    let file = pdf(pages);
    println!("{pages} pages of 40 lines, {} KB", file.len() / 1_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for _ in 0..ROUNDS {
        let home = tempfile::tempdir().expect("a folder");
        runtime.block_on(learn(home.path(), &file));
        peer(home.path(), &file);
    }
}

async fn learn(home: &Path, file: &[u8]) {
    let folder = home.join("knowledge/papers");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("long.pdf"), file).expect("a file");
    let app = App::assemble(config(home)).await.expect("a desk");
    let before = resident_mb("VmRSS:");
    let started = Instant::now();
    let learned = app.learn(&SilentProgress).await.expect("it is learned");
    let (took, peak) = (started.elapsed().as_secs_f64(), resident_mb("VmHWM:"));
    println!(
        "  learned in {took:.2} s, {} chunks, {} failed, at most {} MB more than before",
        learned.chunks,
        learned.failed.len(),
        peak.saturating_sub(before)
    );
}

fn config(home: &Path) -> Config {
    std::fs::create_dir_all(home.join("prompts")).expect("a folder");
    let prompt = "---\nname: Papers\nknowledge: [papers]\n---\nAnswer from the passages.\n";
    std::fs::write(home.join("prompts/papers.md"), prompt).expect("a file");
    let place = |name: &str| home.join(name).display().to_string();
    let settings = format!(
        "[llm]\nkind = \"extractive\"\n[files]\nprompts = {:?}\nknowledge = {:?}\n[embed]\nkind = \"off\"\n[store]\npath = {:?}\n",
        place("prompts"),
        place("knowledge"),
        place("data/frontdesk.db")
    );
    let path = home.join("frontdesk.toml");
    std::fs::write(&path, settings).expect("a file");
    let mut config = Config::load(Some(&path)).expect("a configuration");
    config.reader.program = Some(env!("CARGO_BIN_EXE_frontdesk").into());
    config
}

fn peer(home: &Path, file: &[u8]) {
    let from = home.join("long.pdf");
    std::fs::write(&from, file).expect("a file");
    let started = Instant::now();
    let done = Command::new("pdftotext").arg(&from).arg(home.join("long.txt")).status();
    match done {
        Ok(done) if done.success() => {
            println!("  pdftotext {:.2} s, reading alone", started.elapsed().as_secs_f64());
        }
        _ => println!("  pdftotext: skipped, it is not installed"),
    }
}

/// Returns the current or peak resident memory in MB (the field `which`); 0 when the system does
/// not report it.
fn resident_mb(which: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(which));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

/// Returns a PDF with this many pages of text in which every line differs.
fn pdf(pages: usize) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "delivery", "returns", "the", "warranty", "of", "lamps", "is", "paid", "within", "days",
        "and", "refunds",
    ];
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        String::new(),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut kids = String::new();
    for page in 0..pages {
        let mut content = format!("BT /F1 11 Tf 14 TL 56 780 Td (Chapter {page}) Tj T*\n");
        for line in 0..40 {
            let words =
                (0..11).map(|word| WORDS[(page * 7 + line * 5 + word * word) % WORDS.len()]);
            let text = words.collect::<Vec<_>>().join(" ");
            writeln!(content, "({text} {}) Tj T*", page * 40 + line).expect("memory");
        }
        content.push_str("ET");
        let number = objects.len() + 1;
        write!(kids, "{number} 0 R ").expect("memory");
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents {} 0 R>>",
            number + 1
        ));
        objects.push(format!("<</Length {}>>stream\n{content}\nendstream", content.len()));
    }
    objects[1] = format!("<</Type/Pages/Count {pages}/Kids[{kids}]>>");
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::with_capacity(objects.len());
    for (number, object) in (1..).zip(&objects) {
        places.push(file.len());
        file.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    }
    let start = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).bytes());
    for place in &places {
        file.extend(format!("{place:010} 00000 n \n").bytes());
    }
    let size = places.len() + 1;
    file.extend(format!("trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n").bytes());
    file
}
