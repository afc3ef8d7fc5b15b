//! Formats a comparison for a terminal, a pull request and HTML.

use std::io::{self, Write};

use super::{ChangedCase, Comparison};
use crate::report::{Look, html, markdown, text, tree};
use crate::row::Table;

impl Comparison {
    /// Writes the changes for a terminal.
    pub fn text(&self, look: Look, out: &mut dyn Write) -> io::Result<()> {
        let paint = |style: &str, text: String| {
            if look.colour { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text }
        };
        for it in self.changed.iter().take(look.most) {
            let (style, mark) = if it.worse { ("31", "WORSE ") } else { ("32", "BETTER") };
            let line = format!("{} {}", scores(it), text::line(&it.title));
            writeln!(out, "{} {}", paint(style, mark.into()), text::fit(&line, look.width - 7))?;
            let why = text::fit(&text::line(&it.why), look.width - 7);
            writeln!(out, "       {}", paint("2", why))?;
        }
        if self.changed.len() > look.most {
            writeln!(out, "… and {} more", self.changed.len() - look.most)?;
        }
        for (what, titles) in [("new", &self.added), ("gone", &self.removed)] {
            for title in titles.iter().take(5) {
                let line = text::fit(&text::line(title), look.width - 7);
                writeln!(out, "{} {line}", paint("2", format!("{what:6}")))?;
            }
            if titles.len() > 5 {
                writeln!(out, "       … and {} more {what}", titles.len() - 5)?;
            }
        }
        writeln!(out, "{}", self.summary())
    }

    /// Summarizes the comparison in two sentences.
    pub fn summary(&self) -> String {
        let counts = format!(
            "{} better, {} worse, {} the same, {} new, {} gone.",
            self.better,
            self.worse,
            self.same,
            self.added.len(),
            self.removed.len()
        );
        if self.paired == 0 {
            return format!("{counts} No case was tried in both runs.");
        }
        let (low, high) = self.interval;
        let sure = match () {
            () if low > 0.0 => "better",
            () if high < 0.0 => "worse",
            () => "no clear difference",
        };
        format!(
            "{counts} Score {} to {} ({}, 95 % interval {} to {}: {sure}; {} likely to be worse).",
            text::score(self.mean_before),
            text::score(self.mean_after),
            signed(self.difference),
            signed(low),
            signed(high),
            text::percent(self.p_worse)
        )
    }

    /// Writes the changes as Markdown.
    pub fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "**Compared with the baseline**: {}\n", self.summary())?;
        if self.changed.is_empty() { Ok(()) } else { markdown::table(&self.table(20), out) }
    }

    /// Writes the changes as an HTML fragment.
    pub fn html(&self, out: &mut dyn Write) -> io::Result<()> {
        let title = "Compared with the baseline".to_owned();
        html::table(&Table { title, ..self.table(500) }, out)?;
        writeln!(out, "<p class=\"dim\">{}</p>", tree::escape(&self.summary()))
    }

    /// The changes as a table of at most `most` rows. Once added to `Summary.tables`, every report
    /// shows it.
    pub fn table(&self, most: usize) -> Table {
        let row = |it: &ChangedCase| {
            let word = if it.worse { "worse" } else { "better" };
            vec![
                word.to_owned(),
                it.title.clone(),
                text::score(it.before),
                text::score(it.after),
                it.why.clone(),
            ]
        };
        Table {
            title: String::new(),
            columns: ["", "case", "before", "now", "why"].map(str::to_owned).into(),
            rows: self.changed.iter().take(most).map(row).collect(),
        }
    }
}

fn scores(it: &ChangedCase) -> String {
    format!("{} to {}", text::score(it.before), text::score(it.after))
}

fn signed(number: f64) -> String {
    let text = text::score(number);
    match text.as_str() {
        "-0" => "0".to_owned(),
        _ if number > 0.0 && text != "0" => format!("+{text}"),
        _ => text,
    }
}
