//! Assembles running text: decides which line breaks of the source are intended and which only wrap
//! a long line.

/// Minimum width of a wrapped line, in columns; a shorter line ends intentionally.
const WRAPPED: usize = 50;

/// Text being assembled.
#[derive(Debug, Default)]
pub(super) struct Flow {
    text: String,
    /// Offset in `text` of the current source line.
    line: usize,
}

impl Flow {
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds an intended line break.
    pub(super) fn hard_break(&mut self) {
        self.text.truncate(self.text.trim_end_matches([' ', '\t']).len());
        self.text.push('\n');
        self.line = self.text.len();
    }

    /// Adds a line break of the source, which may only wrap a long line.
    pub(super) fn soft_break(&mut self) {
        let line = self.text.get(self.line..).unwrap_or_default();
        if line.chars().map(columns).sum::<usize>() < WRAPPED {
            return self.hard_break();
        }
        if !line.ends_with(' ') && line.chars().next_back().is_none_or(|c| columns(c) == 1) {
            self.text.push(' ');
        }
        self.line = self.text.len();
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Returns what was added since the text had this length.
    pub(super) fn since(&self, start: usize) -> &str {
        self.text.get(start..).unwrap_or_default()
    }

    /// Returns the trimmed text and starts a new one.
    pub(super) fn take(&mut self) -> String {
        let taken = std::mem::take(self);
        taken.text.trim().to_owned()
    }
}

/// Width of a character; Chinese and Japanese ones take two columns, and need no space between
/// them.
fn columns(c: char) -> usize {
    if matches!(c, '\u{2E80}'..='\u{A4CF}' | '\u{FF00}'..='\u{FFEF}' | '\u{20000}'..='\u{3FFFF}') {
        2
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(lines: &[&str]) -> String {
        let mut flow = Flow::default();
        for line in lines {
            flow.push(line);
            flow.soft_break();
        }
        flow.take()
    }

    #[test]
    fn wrapped_lines_are_joined_and_short_lines_stay() {
        let wrapped =
            ["We deliver on weekdays to every address on the mainland,", "free from forty euros."];
        assert_eq!(flow(&wrapped), wrapped.join(" "));
        let address = ["Saltmarsh Cycles", "14 Chandlers Row", "Port Ansel"];
        assert_eq!(flow(&address), address.join("\n"));
    }

    #[test]
    fn chinese_lines_are_joined_without_a_space() {
        let wrapped =
            ["我们每周一至周五送货上门，订单满三百元免运费，偏远地区除外，", "详情请咨询客服。"];
        assert_eq!(flow(&wrapped), wrapped.concat());
    }
}
