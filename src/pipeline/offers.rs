//! Turns the marks of a text into what goes out beside it: choices, files of the knowledge base and
//! places of the agent. What cannot be sent is left out, with the reason.

use super::document_files::{DocumentFile, DocumentFiles, RecordedDocumentFiles};
use crate::domain::offers::{MAX_FILES, MarkedText, Marks, folded};
use crate::domain::trace::OffersTrace;
use crate::domain::{Agent, Location, Offers};
use crate::provider::Abilities;

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
        let Some(file) = known.iter().find(|file| file.is_called(name)) else {
            return self.leave_out(&what, "no file that may be sent is called so");
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

/// Returns the place of this name, without case, spaces and punctuation.
fn find<'a>(locations: &'a [Location], name: &str) -> Option<&'a Location> {
    locations.iter().find(|location| folded(&location.name) == folded(name))
}

/// Checks the marks of a text that the business wrote, as far as no file is needed for that: that
/// they are well formed, that the choices fit WhatsApp, and, if `locations` are given, that the
/// places are among them. The error says what is wrong and how to correct it.
pub fn check(text: &str, locations: Option<&[Location]>) -> Result<(), String> {
    let MarkedText { marks, .. } = MarkedText::of(text).checked()?;
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

    fn shop() -> Vec<Location> {
        vec![Location { name: "Main shop".into(), latitude: 1.0, longitude: 2.0, address: None }]
    }

    #[test]
    fn a_wrong_mark_of_the_business_is_told_with_what_is_right() {
        for (text, word) in [
            ("Here. [[location: Harbour]]", "Main shop"),
            ("Which? [[choices: A | a]]", "Two choices"),
            ("Which? [[choices: This label is much too long]]", "24"),
            ("Here. [[file: A", "not closed"),
            ("[[file: A]]", "nothing but marks"),
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
