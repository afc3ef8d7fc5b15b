//! Parses robots.txt and applies its rules, as RFC 9309 says. Fetches nothing.

use std::time::Duration;

/// This crawler's user agent in robots.txt.
pub(super) const NAME: &str = "frontdesk";
/// Maximum bytes read: RFC 9309 asks for at least 500 KiB.
pub(super) const MAX_BYTES: usize = 500 * 1024;
/// Maximum rules kept: each is compared with every address.
const MAX_RULES: usize = 5000;
/// Maximum wildcards of a rule. A rule with more is ignored: no person writes one.
const MAX_STARS: usize = 32;

/// The rules for this crawler.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Robots {
    rules: Vec<Rule>,
    /// The `Crawl-delay`.
    pub(super) delay: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allow: bool,
    pattern: Vec<u8>,
    /// The pattern ends with `$` and must match to the end.
    to_the_end: bool,
}

impl Robots {
    /// Rules that allow everything: for a site without robots.txt.
    pub(super) fn open() -> Self {
        Self::default()
    }

    /// Parses the file. Groups for this crawler are merged; without one, those for `*` apply.
    pub(super) fn read(file: &[u8]) -> Self {
        let file = file.get(..MAX_BYTES).unwrap_or(file);
        let text = String::from_utf8_lossy(file);
        let mut reader = Reader::default();
        for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
            let line = line.split('#').next().unwrap_or_default();
            if let Some((key, value)) = line.split_once(':') {
                reader.line(&key.trim().to_ascii_lowercase(), value.trim());
            }
        }
        if reader.named { reader.ours } else { reader.everybodys }
    }

    /// Whether a path with its query may be fetched. The longest matching rule decides; among
    /// equals, `allow` wins.
    pub(super) fn allows(&self, path: &str) -> bool {
        let path = normal(path);
        if path == b"/robots.txt" {
            return true;
        }
        let fitting = self.rules.iter().filter(|rule| rule.fits(&path));
        fitting.max_by_key(|rule| (rule.pattern.len(), rule.allow)).is_none_or(|rule| rule.allow)
    }
}

#[derive(Default)]
struct Reader {
    ours: Robots,
    everybodys: Robots,
    /// Whether a group names this crawler.
    named: bool,
    /// Whether the current group is for this crawler, and for `*`.
    open: (bool, bool),
    /// Whether the current group has a rule: the next user-agent then begins a new group.
    ruled: bool,
}

impl Reader {
    fn line(&mut self, key: &str, value: &str) {
        match key {
            "user-agent" | "useragent" | "user agent" => self.agent(value),
            "allow" => self.rule(true, value),
            "disallow" => self.rule(false, value),
            "crawl-delay" => self.delay(value),
            // Other lines, such as `sitemap`, neither belong to a group nor end one.
            _ => {}
        }
    }

    fn agent(&mut self, value: &str) {
        if self.ruled {
            self.open = (false, false);
            self.ruled = false;
        }
        let letters = |c: &char| c.is_ascii_alphabetic() || matches!(c, '_' | '-');
        let name: String = value.chars().take_while(letters).collect();
        self.open.0 |= name.eq_ignore_ascii_case(NAME);
        self.open.1 |= value.starts_with('*');
        self.named |= self.open.0;
    }

    fn groups(&mut self) -> impl Iterator<Item = &mut Robots> {
        self.ruled = true;
        let (ours, everybodys) = self.open;
        let ours = ours.then_some(&mut self.ours);
        ours.into_iter().chain(everybodys.then_some(&mut self.everybodys))
    }

    fn rule(&mut self, allow: bool, value: &str) {
        let (pattern, to_the_end) = match value.strip_suffix('$') {
            Some(pattern) => (pattern, true),
            None => (value, false),
        };
        let rule = Rule { allow, pattern: normal(pattern), to_the_end };
        // An empty rule has no effect, but counts as a line of its group.
        let means = value.starts_with(['/', '*'])
            && value.bytes().filter(|byte| *byte == b'*').count() <= MAX_STARS;
        for group in self.groups().filter(|group| means && group.rules.len() < MAX_RULES) {
            group.rules.push(rule.clone());
        }
    }

    fn delay(&mut self, value: &str) {
        let seconds = value.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0);
        let delay = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        for group in self.groups() {
            group.delay = group.delay.max(delay);
        }
    }
}

impl Rule {
    /// Whether the rule matches a path. Finds the pieces between wildcards one after the other,
    /// each at its first occurrence: linear in the path for each piece.
    fn fits(&self, path: &[u8]) -> bool {
        let mut pieces = self.pattern.split(|byte| *byte == b'*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = path.strip_prefix(first) else { return false };
        let mut pieces: Vec<&[u8]> = pieces.collect();
        let last = if self.to_the_end { pieces.pop() } else { None };
        for piece in pieces {
            match find(rest, piece) {
                Some(end) => rest = rest.get(end..).unwrap_or_default(),
                None => return false,
            }
        }
        match last {
            Some(last) => rest.ends_with(last),
            None => !self.to_the_end || rest.is_empty(),
        }
    }
}

/// The end of the first occurrence of `piece` in `text`.
fn find(text: &[u8], piece: &[u8]) -> Option<usize> {
    if piece.is_empty() {
        return Some(0);
    }
    text.windows(piece.len()).position(|window| window == piece).map(|at| at + piece.len())
}

/// Normalizes percent-encoding for comparison: `%7e` equals `~`, and `ä` equals `%C3%A4`.
fn normal(path: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.as_bytes();
    while let Some((first, rest)) = bytes.split_first() {
        let coded =
            rest.get(..2).filter(|two| *first == b'%' && two.iter().all(u8::is_ascii_hexdigit));
        let code = coded.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (byte, rest) = match code {
            Some(byte) => (byte, rest.get(2..).unwrap_or_default()),
            None => (*first, rest),
        };
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain || (code.is_none() && byte.is_ascii() && !byte.is_ascii_control()) {
            out.push(byte);
        } else {
            out.extend(format!("%{byte:02X}").bytes());
        }
        bytes = rest;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(file: &str, allowed: &[&str], refused: &[&str]) {
        let robots = Robots::read(file.as_bytes());
        for path in allowed {
            assert!(robots.allows(path), "{path} is refused by {robots:?}");
        }
        for path in refused {
            assert!(!robots.allows(path), "{path} is allowed by {robots:?}");
        }
    }

    #[test]
    fn without_rules_everything_is_allowed() {
        for file in [
            "",
            "User-agent: *\nDisallow:\n",
            "Disallow: /\n",
            "<html>Not found</html>",
            "User-agent: other\nDisallow: /",
        ] {
            check(file, &["/", "/a"], &[]);
        }
        assert!(Robots::open().allows("/a"));
    }

    /// The examples of RFC 9309, sections 2.2.1 to 2.2.3 and 5.2, with this crawler's name.
    #[test]
    fn the_examples_of_the_standard() {
        let groups = "User-agent: frontdesk\nDisallow: /foo/\nUser-agent: barbot\nDisallow: /bar/\n\
                      user-agent: *\nDisallow: /all/\nUser-agent: FrontDesk\nDisallow: /more/\n";
        check(groups, &["/bar/x", "/all/x", "/"], &["/foo/x", "/more/x"]);
        check("User-agent: a\nUser-agent: frontdesk\n\nDisallow: /x\n", &["/"], &["/x"]);
        check(
            "User-Agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/\n",
            &["/publications/a", "/a.gif?x"],
            &["/a.gif", "/example/1"],
        );
        check(
            "User-Agent: frontdesk\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n",
            &["/example/page/a.gif"],
            &["/example/page/disallowed.gif"],
        );
        check(
            "User-agent: *\nDisallow: /this/path/exactly$\nDisallow: /a/*/exactly\n",
            &["/this/path/exactly/x"],
            &["/this/path/exactly", "/a/b/c/exactly"],
        );
        check(
            "User-agent: *\nDisallow: /foo/bar?baz=quz\nDisallow: /foo/bar/ツ\nDisallow: /foo/bar/%62%61%7A\n",
            &["/foo/bar"],
            &["/foo/bar?baz=quz", "/foo/bar/%E3%83%84", "/foo/bar/baz"],
        );
    }

    #[test]
    fn the_longest_rule_decides_and_allow_among_equals() {
        check(
            "User-agent: *\nDisallow: /shop\nAllow: /shop/help\nDisallow: /shop/help/old",
            &["/shop/help/a"],
            &["/shop/a", "/shop/help/old/1"],
        );
        check("User-agent: *\nDisallow: /a\nAllow: /a\n", &["/a"], &[]);
        check("User-agent: *\nDisallow: /\n", &["/robots.txt"], &["/", "/a"]);
        check(
            "User-agent: *\nDisallow: /*/private*/x$",
            &["/private/x"],
            &["/a/private/x", "/a/private2/b/x"],
        );
    }

    #[test]
    fn lines_are_read_as_they_are_written_on_the_web() {
        check(
            "\u{feff}USER-AGENT : * # everybody\r\n  DISALLOW : /a # this\rDisallow: /b\nSitemap: https://x/s.xml\nDisallow: /c",
            &["/"],
            &["/a", "/b", "/c"],
        );
        check("User-agent: frontdesk/1.0 (+https://x)\nDisallow: /a", &[], &["/a"]);
        check("User-agent: frontdesks\nDisallow: /a", &["/a"], &[]);
        check("User-agent: *\nDisallow: relative\nDisallow: /x", &["/relative"], &["/x"]);
    }

    #[test]
    fn a_delay_is_read_for_whom_it_is_meant() {
        let of = |file: &str| Robots::read(file.as_bytes()).delay;
        assert_eq!(of("User-agent: *\nCrawl-delay: 2.5\n"), Some(Duration::from_millis(2500)));
        assert_eq!(of("User-agent: other\nCrawl-delay: 5\nUser-agent: *\nDisallow: /x"), None);
        for wrong in ["-1", "soon", "NaN", "inf", "1e300", ""] {
            assert_eq!(of(&format!("User-agent: *\nCrawl-delay: {wrong}\n")), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_of_wild_cards_takes_no_time() {
        let rule = format!("Disallow: /{}x$\n", "*a".repeat(MAX_STARS - 1));
        let file = format!("User-agent: *\n{}", rule.repeat(2000));
        let robots = Robots::read(file.as_bytes());
        let started = std::time::Instant::now();
        assert!(robots.allows(&format!("/{}", "a".repeat(1900))));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        check(&format!("User-agent: *\nDisallow: /{}", "*".repeat(500)), &["/x"], &[]);
    }

    proptest! {
        #[test]
        fn no_file_breaks_the_reader(file in proptest::collection::vec(any::<u8>(), 0..400), path in "\\PC{0,40}") {
            Robots::read(&file).allows(&path);
        }

        #[test]
        fn no_rules_break_the_reader(
            lines in proptest::collection::vec("(User-agent: (\\*|frontdesk)|(Dis)?allow: [/*$%a-z0-9ä]{0,12}|Crawl-delay: .{0,6})", 0..20),
            path in "/[/*$%a-z0-9ä]{0,20}",
        ) {
            Robots::read(lines.join("\n").as_bytes()).allows(&path);
        }
    }
}
