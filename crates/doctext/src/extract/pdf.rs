//! Reads PDFs into blocks, page by page: positioned letters become lines, lines become paragraphs,
//! lists and tables. No OCR, no decryption with passwords.

use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::Affine;
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, interpret_page};

use super::bounds::Deadline;
use super::{ExtractedDocument, Unreadable, one_line};

mod direction;
mod filters;
mod lines;
mod page;
mod layout;
mod shape;
mod streams;

use page::Collector;
use streams::Contents;

/// Name of the format in errors.
const WHAT: &str = "PDF";
/// Maximum letters of a document: a book of 3,000 pages.
const MAX_LETTERS: usize = 5_000_000;
/// Pages with fewer letters are considered empty except for their number.
const MIN_LETTERS: usize = 12;

/// Reads a document. Its title is the title property, else its largest heading on the first page,
/// else `name`.
pub(super) fn read(
    mut bytes: Vec<u8>,
    name: String,
    deadline: Deadline,
) -> Result<ExtractedDocument, Unreadable> {
    let tamed = streams::limit_streams(&mut bytes, deadline)?;
    let whole = streams::is_whole(&bytes);
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Unreadable::Encrypted(WHAT),
        _ => Unreadable::Damaged(WHAT),
    })?;
    if tamed.encrypted {
        streams::measure_open(pdf.objects(), deadline)?;
    }
    let cache = InterpreterCache::new();
    let settings = InterpreterSettings::default();
    let mut layouts = Vec::new();
    let (mut seen, mut contents) =
        (PageCounts { lost: tamed.lost, ..PageCounts::default() }, Contents::default());
    for page in pdf.pages().iter() {
        deadline.check();
        contents.add(page)?;
        let read = collect(page, &cache, &settings, deadline);
        seen.add(&read);
        if seen.letters + seen.unknown > MAX_LETTERS {
            let most = format!("more than {MAX_LETTERS} letters");
            return Err(Unreadable::Bomb { what: WHAT, most });
        }
        layouts.push(layout::PageLayout::read(&read.glyphs));
    }
    seen.judge(whole)?;
    let (blocks, heading) = shape::blocks(layouts);
    let title = title(&pdf).or(heading).unwrap_or(name);
    Ok(ExtractedDocument { title, blocks, warnings: seen.warnings() })
}

fn collect<'a>(
    page: &'a Page<'a>,
    cache: &InterpreterCache<'a>,
    settings: &InterpreterSettings,
    deadline: Deadline,
) -> Collector {
    let mut collector = Collector::new(deadline);
    let transform = Affine::new(page.initial_transform(true).as_coeffs());
    let (width, height) = page.render_dimensions();
    let area = hayro_interpret::kurbo::Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let mut context = Context::new(transform, area, cache, page.xref(), settings.clone());
    interpret_page(page, &mut context, &mut collector);
    collector
}

/// Returns the title property, unless it is a file name.
fn title(pdf: &Pdf) -> Option<String> {
    let bytes = pdf.metadata().title.clone()?;
    let title = one_line(&page::text_string(&bytes));
    let named = title.rsplit_once('.').is_some_and(|(_, ending)| (2..=5).contains(&ending.len()));
    let meant = !title.is_empty()
        && !named
        && !title.eq_ignore_ascii_case("untitled")
        && !title.eq_ignore_ascii_case("(anonymous)")
        && !title.starts_with("Microsoft ");
    meant.then_some(title)
}

/// Counts over all pages.
#[derive(Default)]
struct PageCounts {
    pages: usize,
    /// Numbers of the pages with pictures and no text.
    pictures: Vec<usize>,
    letters: usize,
    unknown: usize,
    images: usize,
    /// Streams removed that may have held text.
    lost: usize,
}

impl PageCounts {
    fn add(&mut self, page: &Collector) {
        self.pages += 1;
        self.letters += page.letters;
        self.unknown += page.unknown;
        self.images += page.images;
        if page.letters + page.unknown < MIN_LETTERS && page.images > 0 {
            self.pictures.push(self.pages);
        }
    }

    /// Decides whether the document is readable. `whole`: the file has its end marker.
    fn judge(&self, whole: bool) -> Result<(), Unreadable> {
        if self.pages == 0 || (!whole && self.letters == 0 && self.images == 0) {
            return Err(Unreadable::Damaged(WHAT));
        }
        if self.pictures.len() == self.pages {
            return Err(Unreadable::Scanned(self.pages));
        }
        if self.unknown > self.letters { Err(Unreadable::Unmapped) } else { Ok(()) }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.pictures.is_empty() {
            let numbers: Vec<String> =
                self.pictures.iter().take(20).map(ToString::to_string).collect();
            let more = if self.pictures.len() > 20 { ", …" } else { "" };
            warnings.push(format!(
                "pages of pictures without text were not read ({}{more}): run text recognition (OCR) over the file",
                numbers.join(", ")
            ));
        }
        if self.lost > 0 {
            warnings.push(format!(
                "{} parts are damaged, or drawings of more than 4 MB, and were not read",
                self.lost
            ));
        }
        if self.unknown * 50 > self.letters {
            warnings.push(format!(
                "{} of {} letters are shapes without a meaning and were left out",
                self.unknown,
                self.unknown + self.letters
            ));
        }
        warnings
    }
}
