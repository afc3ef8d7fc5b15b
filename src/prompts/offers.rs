//! Checks what a prompt file's header says about files and places: the list of places, and the marks
//! in the texts for customers.

use super::Header;
use crate::domain::Location;
use crate::domain::offers::{MarkedText, folded};
use crate::pipeline::offers;
use crate::provider::Abilities;

/// Maximum places of an agent.
const MAX_LOCATIONS: usize = 20;
/// Maximum length of a place's name and of its address, in characters.
const MAX_NAME_LEN: usize = 100;
const MAX_ADDRESS_LEN: usize = 300;
/// The key of the places.
const LOCATIONS: &str = "locations";
/// The text that may have marks.
const MARKED: &str = "handoff.reply";

impl Header {
    /// Checks the places. The error is the key and the reason.
    pub(super) fn check_locations(&self) -> Result<(), (&'static str, String)> {
        let many = self.locations.len();
        if many > MAX_LOCATIONS {
            let why = format!("{LOCATIONS} has {many} entries, it may have {MAX_LOCATIONS}");
            return Err((LOCATIONS, why));
        }
        for (at, location) in self.locations.iter().enumerate() {
            let wrong =
                |why: String| (LOCATIONS, format!("place {} of {LOCATIONS}: {why}", at + 1));
            check(location).map_err(wrong)?;
            let name = folded(&location.name);
            if self.locations[..at].iter().any(|other| folded(&other.name) == name) {
                return Err(wrong(format!("there are two called `{}`", location.name)));
            }
        }
        Ok(())
    }

    /// Checks the marks in the texts for customers: only the hand-off's may have any.
    pub(super) fn check_marks(&self) -> Result<(), (&'static str, String)> {
        let consent = [
            ("opt_out.welcome", self.opt_out.welcome.as_str()),
            ("opt_out.reply", self.opt_out.reply.as_str()),
        ];
        for (key, text) in self.sentences().chain(consent) {
            if key == MARKED {
                let checked = offers::check(text, Some(&self.locations));
                checked.map_err(|why| (MARKED, format!("{MARKED}: {why}")))?;
                continue;
            }
            let found = MarkedText::of(text);
            if !found.marks.is_empty() || found.problem.is_some() {
                let why = format!(
                    "{key} has a mark such as `[[file: …]]`; curated answers and {MARKED} may have some"
                );
                return Err((key, why));
            }
        }
        Ok(())
    }
}

fn check(location: &Location) -> Result<(), String> {
    let Location { name, latitude, longitude, address } = location;
    if folded(name).is_empty() || name.contains(['[', ']', '|', '\n']) {
        return Err("`name` must hold letters or digits, and neither brackets nor `|`".into());
    }
    let address = address.as_deref().unwrap_or_default();
    for (key, text, most) in
        [("name", name.as_str(), MAX_NAME_LEN), ("address", address, MAX_ADDRESS_LEN)]
    {
        let length = text.chars().count();
        if length > most {
            return Err(format!("`{key}` has {length} characters, it may have {most}"));
        }
    }
    for (key, degrees, most) in [("latitude", latitude, 90.0), ("longitude", longitude, 180.0)] {
        if !(-most..=most).contains(degrees) {
            return Err(format!("`{key}` is {degrees}, it goes from -{most} to {most}"));
        }
    }
    Abilities::WHATSAPP.check(&location.content()).map_err(|unfit| unfit.to_string())
}

#[cfg(test)]
mod tests {
    use crate::domain::AgentId;
    use crate::prompts::parse;

    const SHOP: &str =
        "locations: [{name: Main shop, latitude: 51.5, longitude: -0.12, address: 1 Quay St}]";

    fn wrong(header: &str) -> String {
        let file = format!("---\nname: Acme\n{header}\n---\nHello.\n");
        parse("acme.md", &file).expect_err(header).to_string()
    }

    #[test]
    fn places_and_marks_become_the_agents() {
        let file = format!(
            "---\nname: Acme\nfiles: true\n{SHOP}\nhandoff: {{reply: 'Wait here. [[location: main shop]] [[choices: A | B]]'}}\n---\nHello.\n"
        );
        let file = parse("acme.md", &file).expect("a good file");
        let agent = file.bot(AgentId::generate(), None, Vec::new()).expect("ready").agent;
        assert!(agent.files);
        let [shop] = agent.locations.as_slice() else { panic!("{:?}", agent.locations) };
        assert_eq!((&*shop.name, shop.address.as_deref()), ("Main shop", Some("1 Quay St")));
    }

    #[test]
    fn wrong_places_are_told_with_what_is_right() {
        for (header, word) in [
            (
                "locations: [{name: A, latitude: 91, longitude: 0}]",
                "`latitude` is 91, it goes from -90 to 90",
            ),
            ("locations: [{name: A, latitude: 1, longitude: .nan}]", "`longitude`"),
            ("locations: [{name: '!', latitude: 1, longitude: 1}]", "letters or digits"),
            ("locations: [{name: 'A | B', latitude: 1, longitude: 1}]", "neither brackets"),
            (
                "locations: [{name: A, latitude: 1, longitude: 1}, {name: a, latitude: 2, longitude: 2}]",
                "two called `a`",
            ),
            ("locations: [{name: A, latitude: 1}]", "locations is"),
            ("locations: [{name: A, latitude: 1, longitude: 1, colour: red}]", "locations is"),
            ("locations: [{name: A, latitude: north, longitude: 1}]", "locations is"),
            ("locations: here", "it takes a list of at most 20 places"),
        ] {
            let why = wrong(header);
            assert!(why.contains(word) && why.starts_with("acme.md:3"), "{header}: {why}");
        }
        let many: Vec<_> =
            (0..21).map(|n| format!("{{name: P{n}, latitude: 1, longitude: 1}}")).collect();
        assert!(
            wrong(&format!("locations: [{}]", many.join(", ")))
                .contains("21 entries, it may have 20")
        );
    }

    #[test]
    fn marks_are_checked_and_stand_where_they_work() {
        for (header, word) in [
            ("handoff: {reply: 'Wait. [[location: Harbour]]'}", "there are: none"),
            ("handoff: {reply: {default: Wait., es: 'Espere. [[file: A'}}", "not closed"),
            ("handoff: {reply: '[[file: A]]'}", "nothing but marks"),
            ("handoff: {reply: 'Wait. [[choices: A | A]]'}", "called `A`"),
            ("failure: 'Sorry. [[file: A]]'", "handoff.reply may have some"),
            ("no_answer: 'I do not know. [[choices: A | B]]'", "handoff.reply may have some"),
            ("opt_out: {reply: 'Bye. [[file: A]]'}", "handoff.reply may have some"),
        ] {
            let why = wrong(header);
            assert!(why.contains(word), "{header}: {why}");
        }
    }
}
