//! Documents of every format, made by programs that businesses use, are learned and found;
//! unreadable ones fail individually, each with its reason.

use std::io::Write;
use std::path::Path;

use flate2::{Compress, Compression, FlushCompress};
use frontdesk::knowledge::{SilentProgress, SourceFolder, Summary};
use serde_json::{Value, json};

use crate::support::app::TestApp;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/doctext/tests/samples");

async fn learn(app: &TestApp, folder: &Path) -> Summary {
    let mut all = Summary::default();
    for source_folder in SourceFolder::find(folder, None).unwrap() {
        let summary = app.desk.library.learn(source_folder, &SilentProgress).await.unwrap();
        all.learned += summary.learned;
        all.failed.extend(summary.failed);
        all.warnings.extend(summary.warnings);
    }
    all
}

/// Returns the sources of the passages found for a question whose text contains these words, best
/// first.
async fn sources(app: &TestApp, from: &str, question: &str, words: &str) -> Vec<String> {
    let query = json!({"question": question, "collections": [from], "limit": 50});
    let (status, results) = app.call("/knowledge/search", &query).await;
    assert_eq!(status, 200, "{results}");
    let text = |passage: &Value, key: &str| passage[key].as_str().unwrap().to_owned();
    let passages = results["passages"].as_array().unwrap();
    let with = passages.iter().filter(|passage| text(passage, "text").contains(words));
    with.map(|passage| text(passage, "source")).collect()
}

/// Questions, words of their answers, and the files that contain them.
const ASKED: &[(&str, &str, &str)] = &[
    ("What does a full service cost?", "129 €", "handbook-python-docx.docx"),
    ("What is the warranty of brake pads?", "6 months", "handbook-python-docx.docx"),
    ("What is the emergency number?", "555-0177", "handbook-python-docx.docx"),
    ("Can I take the hire bike on the ferry?", "crossing is included", "rental-libreoffice.docx"),
    ("Do children pay for bike hire?", "half of it", "rental-libreoffice.odt"),
    ("Is a helmet part of the hire?", "3 € a day", "rental-libreoffice.pdf"),
    ("What pressure for 50 mm tyres on the marsh?", "1.8 bar", "riding-book-pandoc.epub"),
    ("How do I oil the chain?", "drop a link", "riding-book-pandoc.docx"),
    ("What does the Marsh Hauler cost?", "3490.00 €", "prices-openpyxl.xlsx"),
    ("Which group is Quay 9 in?", "City", "prices-libreoffice.xlsx"),
    ("Do you buy old bikes?", "against a voucher", "prices-libreoffice.ods"),
    ("Who guides the lighthouse tour?", "Des", "rides-python-pptx.pptx"),
    ("Can e-bikes join the lighthouse tour?", "spare battery", "rides-libreoffice.pptx"),
    ("What does delivery to the islands cost?", "59 €", "terms-reportlab.pdf"),
    ("How long is the warranty of batteries?", "two years", "restricted-qpdf.pdf"),
    ("What is the winning number of the raffle?", "3317", "newsletter-two-columns-reportlab.pdf"),
    ("When does Ines repair hub gears?", "Tuesdays", "newsletter-two-columns-reportlab.pdf"),
    ("What does bleeding brakes cost?", "35 €", "prices-table-chromium.pdf"),
    ("Сколько стоит доставка на острова?", "59 евро", "delivery-russian-libreoffice.pdf"),
    ("متى تفتحون؟ من الساعة", "18:30", "opening-arabic-chromium.pdf"),
    ("बैटरी पर कितने साल की वारंटी है?", "दो साल", "warranty-hindi-chromium.pdf"),
    ("Do you repair e-bikes of other makes?", "Bosch", "catalogue.json"),
    ("What does the Quay 7 cost in the catalogue?", "649", "catalogue.json"),
    ("How do I store the battery in winter?", "15 degrees", "tickets.jsonl"),
    ("Когда вы открыты?", "с девяти утра", "hours-windows-1251.txt"),
    ("Когда вы открыты?", "с девяти утра", "hours-koi8-r.txt"),
    ("営業時間は何時から何時までですか", "午後七時", "hours-shift-jis.txt"),
    ("你们几点开门", "早上九点", "hours-gb18030.txt"),
    ("Wann öffnen Sie?", "um 9 Uhr", "hours-utf-16.txt"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_a_document_of_any_format_is_found() {
    let app = TestApp::start().await;
    // One collection per file: the same text in another format would hide a missing one.
    let folder = app.home.path().join("papers");
    let collection = |name: &str| name.replace('.', "-");
    for (_, _, name) in ASKED {
        let own = folder.join(collection(name));
        std::fs::create_dir_all(&own).unwrap();
        std::fs::copy(format!("{SAMPLES}/{name}"), own.join(name)).unwrap();
    }
    let summary = learn(&app, &folder).await;
    assert_eq!(summary.failed, []);
    for (question, words, name) in ASKED {
        let found = sources(&app, &collection(name), question, words).await;
        assert!(!found.is_empty(), "{question}: {words} is not found in {name}");
    }
    let told = format!("{:?}", summary.warnings);
    assert!(told.contains("sheet Margins is hidden"), "{told}");
    assert!(told.contains("slide 4 is hidden") && told.contains("line 2 is no JSON"), "{told}");
    for (name, question, words) in [
        ("prices-openpyxl.xlsx", "What is the margin of an article?", "0.41"),
        ("prices-libreoffice.ods", "What is the margin of an article?", "0.41"),
        ("handbook-python-docx.docx", "Is the workshop closed in August?", "August"),
        ("terms-reportlab.pdf", "Terms of sale, page?", "Page 1 of 4"),
    ] {
        let found = sources(&app, &collection(name), question, words).await;
        assert_eq!(found, Vec::<String>::new(), "{question}");
    }
    let again = learn(&app, &folder).await;
    assert_eq!((again.learned, again.failed.len()), (0, 0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_fails_alone_with_its_reason() {
    let app = TestApp::start().await;
    let folder = app.home.path().join("papers");
    std::fs::create_dir(&folder).unwrap();
    let sample = |name: &str| std::fs::read(format!("{SAMPLES}/{name}")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    let docx = sample("rental-libreoffice.docx");
    let bad: &[(&str, Vec<u8>, &str)] = &[
        ("locked.pdf", sample("encrypted-qpdf.pdf"), "protected by a password: save it without"),
        ("scan.pdf", sample("scanned-reportlab.pdf"), "2 pages of pictures and no text: run text"),
        (
            "cut.pdf",
            sample("damaged.pdf"),
            "the PDF is damaged and cannot be opened: save it again",
        ),
        ("letter.docx", sample("terms-reportlab.pdf"), "is a PDF named .docx: rename it to .pdf"),
        ("table.xlsx", docx.clone(), "is a Word document named .xlsx: rename it to .docx"),
        ("notes.md", sample("rides-python-pptx.pptx"), "is a PowerPoint presentation named .md"),
        ("plain.pdf", b"We open at nine.".to_vec(), "is a text named .pdf: rename it to .txt"),
        ("cut.docx", docx[..docx.len() / 2].to_vec(), "the Word document is damaged"),
        ("old.xlsx", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 old".to_vec(), "an old Office document"),
        ("declared.docx", bomb(3, 4_000_000_000), "the Word document unpacks to more than 200 MB"),
        ("lying.docx", bomb(3, 1000), "the Word document is damaged"),
        ("bomb.pdf", pdf_bomb(), "the PDF is damaged"),
        ("broken.json", b"{\"a\": 1,\n\"b\" 2}".to_vec(), "line 2 is no JSON"),
        ("entities.odt", entities(), "the OpenDocument text is damaged"),
    ];
    for (name, bytes, _) in bad {
        write(name, bytes);
    }
    std::fs::File::create(folder.join("huge.txt")).unwrap().set_len(100 * 1024 * 1024).unwrap();
    write("good.pdf", &sample("terms-reportlab.pdf"));
    write("neighbour.md", b"# Cats\n\nTwo cats live in the shop.\n");

    let summary = learn(&app, &folder).await;
    assert_eq!(summary.learned, 2, "{:?}", summary.failed);
    assert_eq!(summary.failed.len(), bad.len() + 1);
    let why = |name: &str| {
        let found = summary.failed.iter().find(|(path, _)| path == name);
        found.map_or("it was learned", |(_, why)| why.as_str())
    };
    for (name, _, expected) in bad {
        assert!(why(name).contains(expected), "{name}: {}", why(name));
    }
    assert!(why("huge.txt").contains("100 MB, and 20 MB is the most"), "{}", why("huge.txt"));
    assert_eq!(
        sources(&app, "papers", "Which cats live here?", "Two cats").await,
        ["neighbour.md"]
    );
    assert_eq!(sources(&app, "papers", "What does the island cost?", "59 €").await, ["good.pdf"]);

    // A repaired file is learned in the next run.
    write("cut.docx", &docx);
    assert_eq!(learn(&app, &folder).await.learned, 1);
    app.stop().await;
}

/// Returns this many megabytes of spaces, deflated to a few kilobytes: one compressed block,
/// repeated.
fn spaces(megabytes: usize) -> Vec<u8> {
    let mut packer = Compress::new(Compression::fast(), false);
    let mut block = Vec::with_capacity(1 << 20);
    packer.compress_vec(&vec![b' '; 1 << 20], &mut block, FlushCompress::Full).unwrap();
    // The end of a deflate stream: an empty last block.
    [&block.repeat(megabytes)[..], b"\x03\x00"].concat()
}

/// Returns a DOCX whose document has this many megabytes of spaces but declares this many bytes.
fn bomb(megabytes: usize, declared: u32) -> Vec<u8> {
    let (name, data) = ("word/document.xml", spaces(megabytes));
    let size = u32::try_from(data.len()).unwrap();
    let mut fields = Vec::new();
    // Version, flags, deflate, time, date, checksum; then both sizes and the name's length.
    fields.write_all(b"\x14\0\0\0\x08\0\0\0\x21\0\0\0\0\0").unwrap();
    for number in [size, declared, u32::try_from(name.len()).unwrap()] {
        fields.extend(number.to_le_bytes());
    }
    let mut zip = [b"PK\x03\x04", &fields[..], name.as_bytes(), &data].concat();
    let directory = u32::try_from(zip.len()).unwrap();
    let entry = [b"PK\x01\x02\x14\0", &fields[..], &[0; 14], name.as_bytes()].concat();
    zip.extend(&entry);
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(u32::try_from(entry.len()).unwrap().to_le_bytes());
    zip.extend(directory.to_le_bytes());
    zip.extend([0; 2]);
    zip
}

/// Returns a PDF whose stream declares two compressions but has only one; PDF bombs are in
/// `hostile_documents`.
fn pdf_bomb() -> Vec<u8> {
    let start = b"%PDF-1.4\n4 0 obj <</Filter [/FlateDecode /FlateDecode]>>\nstream\n";
    [&start[..], &spaces(1), b"\nendstream\nendobj\n%%EOF\n"].concat()
}

/// Returns a document with exponential entity expansion ("billion laughs").
fn entities() -> Vec<u8> {
    use std::fmt::Write;
    let mut text = String::from("<!DOCTYPE x [<!ENTITY e0 \"lol\">");
    for level in 1..10 {
        let inner = format!("&e{};", level - 1).repeat(10);
        write!(text, "<!ENTITY e{level} \"{inner}\">").unwrap();
    }
    text += "]><document-content><body><text><p>&e9;</p></text></body></document-content>";
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, part) in
        [("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", &text)]
    {
        zip.start_file(name, options).unwrap();
        std::io::Write::write_all(&mut zip, part.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
