//! Turns the marks of a text into what goes out beside it: choices, files of the knowledge base and
//! places of the agent. What cannot be sent is left out, with the reason.

use super::clean::OFFER;
use super::document_files::{DocumentFile, DocumentFiles, RecordedDocumentFiles};
use crate::domain::label::one_line;
use crate::domain::offers::{MAX_FILES, MarkedText, Marks, folded};
use crate::domain::trace::OffersTrace;
use crate::domain::{Agent, Location, Offers};
use crate::provider::Abilities;

/// Maximum characters of a wrong mark that are shown.
const MAX_SHOWN: usize = 40;

/// Where offers come from and where they go.
#[derive(Clone, Copy)]
pub(super) struct OfferContext<'a> {
    pub(super) agent: &'a Agent,
    pub(super) files: &'a dyn DocumentFiles,
    /// What the number's provider can send.
    pub(super) abilities: &'a Abilities,
    /// Language of the label of a list (ISO 639-1); `None` for the default.
    pub(super) language: Option<&'a str>,
}

/// What marks become.
#[derive(Default)]
pub(super) struct ResolvedOffers {
    pub(super) offers: Offers,
    pub(super) trace: OffersTrace,
    pub(super) recorded: RecordedDocumentFiles,
}

/// Turns the marks of a text of the business into offers. Its files may be any of the agent's
/// collections.
pub(super) async fn of_business(marks: Marks, context: OfferContext<'_>) -> ResolvedOffers {
    let all = match marks.files.as_slice() {
        [] => Vec::new(),
        _ => context.files.of_collections(&context.agent.knowledge).await,
    };
    resolve(marks, &all, context).await
}

/// Turns marks into offers. `known`: the files that they may name.
pub(super) async fn resolve(
    marks: Marks,
    known: &[DocumentFile],
    context: OfferContext<'_>,
) -> ResolvedOffers {
    let mut resolved = ResolvedOffers::default();
    let OfferContext { agent, language, .. } = context;
    if !marks.choices.is_empty() {
        match Abilities::offer(marks.choices, agent.texts.list.to(language)) {
            Ok(choices) => resolved.offers.choices = Some(Box::new(choices)),
            Err(unfit) => resolved.leave_out("the choices", &unfit.to_string()),
        }
    }
    for name in &marks.files {
        resolved.add_file(name, known, context).await;
    }
    for name in &marks.locations {
        resolved.add_location(name, context);
    }
    resolved
}

impl ResolvedOffers {
    fn leave_out(&mut self, what: &str, why: &str) {
        self.trace.left_out.push(format!("{what}: {why}"));
    }

    async fn add_file(&mut self, name: &str, known: &[DocumentFile], context: OfferContext<'_>) {
        let what = format!("the file `{name}`");
        let file = match named(known, name) {
            Ok(file) => file,
            Err(why) => return self.leave_out(&what, why),
        };
        if self.recorded.fetched.iter().any(|(document, _)| *document == file.document) {
            return;
        }
        if self.offers.files.len() == MAX_FILES {
            return self.leave_out(&what, &format!("{MAX_FILES} files are the most"));
        }
        let fetched = context.files.fetch(file, context.abilities).await;
        self.recorded.found.push(file.clone());
        self.recorded.fetched.push((file.document.clone(), fetched.clone()));
        match fetched {
            Ok(media) => {
                self.trace.files.push(file.name.clone());
                self.offers.files.push(media);
            }
            Err(error) => self.leave_out(&what, &error.to_string()),
        }
    }

    fn add_location(&mut self, name: &str, context: OfferContext<'_>) {
        let what = format!("the place `{name}`");
        let OfferContext { agent, abilities, .. } = context;
        let Some(location) = find(&agent.locations, name) else {
            return self.leave_out(&what, "the agent has no such place (`locations`)");
        };
        if let Err(unfit) = abilities.check(&location.content()) {
            return self.leave_out(&what, &unfit.to_string());
        }
        if !self.offers.locations.contains(location) {
            self.trace.locations.push(location.name.clone());
            self.offers.locations.push(location.clone());
        }
    }
}

/// Returns the file of this name: by its exact name, or else its title, or else either without case,
/// spaces and punctuation. The error says why it is none, or not one.
fn named<'a>(known: &'a [DocumentFile], name: &str) -> Result<&'a DocumentFile, &'static str> {
    let all = |is: &dyn Fn(&DocumentFile) -> bool| -> Vec<_> {
        known.iter().filter(|file| is(file)).collect()
    };
    let ways: [&dyn Fn(&DocumentFile) -> bool; 3] =
        [&|file| file.name == name || file.listed() == name, &|file| file.title == name, &|file| {
            file.is_called(name)
        }];
    let found = ways.into_iter().map(all).find(|found| !found.is_empty()).unwrap_or_default();
    match found.as_slice() {
        [] => Err("no file that may be sent is called so"),
        [file] => Ok(*file),
        _ => Err("several files are called so: give them different titles"),
    }
}

/// Returns the place of this name, without case, spaces and punctuation.
fn find<'a>(locations: &'a [Location], name: &str) -> Option<&'a Location> {
    locations.iter().find(|location| folded(&location.name) == folded(name))
}

/// Checks the marks of a text that the business wrote, as far as no file is needed for that: that
/// they are well formed, that the choices fit WhatsApp, and, if `locations` are given, that the
/// places are among them. The error says what is wrong and how to correct it.
pub fn check(text: &str, locations: Option<&[Location]>) -> Result<(), String> {
    let MarkedText { marks, text, .. } = MarkedText::of(text).checked()?;
    if let Some(other) = OFFER.find(&text) {
        let shown = one_line(other.as_str(), MAX_SHOWN);
        return Err(format!(
            "`{shown}` is not understood: write a mark as `[[file: …]]`, `[[location: …]]` or `[[choices: … | …]]`"
        ));
    }
    if !marks.choices.is_empty() {
        Abilities::offer(marks.choices, "?").map_err(|unfit| format!("the choices: {unfit}"))?;
    }
    let Some(locations) = locations else { return Ok(()) };
    if let Some(name) = marks.locations.iter().find(|name| find(locations, name).is_none()) {
        let known: Vec<&str> = locations.iter().map(|location| &*location.name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(format!("`{name}` is none of the agent's `locations` (there are: {known})"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DocumentId;

    fn shop() -> Vec<Location> {
        vec![Location { name: "Main shop".into(), latitude: 1.0, longitude: 2.0, address: None }]
    }

    #[test]
    fn a_name_that_several_files_have_means_none_of_them() {
        let file = |name: &str, title: &str| DocumentFile {
            document: DocumentId::generate(),
            title: title.into(),
            name: name.into(),
        };
        let known = [
            file("prices.pdf", "Prices 2025"),
            file("prices.pdf", "Prices 2026"),
            file("v11.pdf", "Old"),
            file("v1.1.pdf", "New"),
            file("menu.pdf", "v1.1.pdf"),
        ];
        let title = |name: &str| named(&known, name).map(|file| &*file.title);
        assert!(title("prices.pdf").is_err_and(|why| why.contains("several")));
        assert_eq!(title("Prices 2026"), Ok("Prices 2026"));
        assert_eq!(title("prices.pdf (Prices 2025)"), Ok("Prices 2025"));
        assert_eq!((title("v1.1.pdf"), title("v11.pdf")), (Ok("New"), Ok("Old")));
        assert!(title("V1_1.PDF").is_err_and(|why| why.contains("several")));
        assert!(title("none").is_err());
    }

    #[test]
    fn a_wrong_mark_of_the_business_is_told_with_what_is_right() {
        for (text, word) in [
            ("Here. [[location: Harbour]]", "Main shop"),
            ("Which? [[choices: A | a]]", "Two choices"),
            ("Which? [[choices: This label is much too long]]", "24"),
            ("Here. [[file: A", "not closed"),
            ("[[file: A]]", "nothing but marks"),
            ("Aquí. [[archivo: Precios.pdf]]", "is not understood"),
            ("Here. 【file: A】", "is not understood"),
        ] {
            let why = check(text, Some(&shop())).expect_err(text);
            assert!(why.contains(word), "{text}: {why}");
        }
        for text in ["Here. [[location: main SHOP]] [[file: not there yet]]", "No mark."] {
            assert_eq!(check(text, Some(&shop())), Ok(()), "{text}");
        }
        assert_eq!(check("Here. [[location: Harbour]]", None), Ok(()), "whose places is not known");
    }
}
