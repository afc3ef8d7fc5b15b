//! Part of stage 7: writes the citation marks back into a reply, for the history of later turns: a
//! model that sees its own answers without marks stops citing. Must not change what is sent.

use crate::domain::{Reply, ReplyKind};
use crate::pipeline::clean::clean;

/// Returns an answer with its marks, as Markdown; `None` if it cites nothing. `raw` is what the
/// model wrote.
pub(super) fn with_marks(reply: &Reply, raw: &str) -> Option<String> {
    if reply.sort != ReplyKind::Answer || reply.citations.is_empty() {
        return None;
    }
    let cleaned = clean(raw, usize::MAX);
    let cited = |mark: usize| reply.citations.iter().any(|citation| citation.mark == mark);
    let mut text = reply.text.clone();
    if cleaned.text != reply.text {
        // A check changed the answer: its marks stand together at the end.
        let marks = reply.citations.iter().map(|citation| format!("[{}]", citation.mark));
        text.extend([" ", &marks.collect::<String>()]);
        return Some(text);
    }
    for (place, mark) in cleaned.marks.into_iter().rev().filter(|(_, mark)| cited(*mark)) {
        let place = text.floor_char_boundary(place.min(text.len()));
        let starts_line = place == 0 || text[..place].ends_with('\n');
        let mark = if starts_line { format!("[{mark}] ") } else { format!(" [{mark}]") };
        text.insert_str(place, &mark);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Citation;

    fn reply(text: &str, marks: &[usize]) -> Reply {
        let cite = |mark: &usize| Citation {
            mark: *mark,
            title: "A".into(),
            source: "a.md".into(),
            heading: String::new(),
            place: String::new(),
        };
        let citations = marks.iter().map(cite).collect();
        Reply { citations, ..Reply::plain(text.into(), ReplyKind::Answer) }
    }

    #[test]
    fn marks_stand_where_the_model_put_them() {
        let raw =
            "<think>hm</think>We open at 9 [1], close at 6 [1][2].\n\nOn Sundays we rest. [7]";
        let sent = clean(raw, 2).text;
        assert_eq!(
            with_marks(&reply(&sent, &[1, 2]), raw).unwrap(),
            "We open at 9 [1], close at 6 [1] [2].\n\nOn Sundays we rest."
        );
    }

    #[test]
    fn marks_of_a_changed_answer_stand_at_its_end() {
        let raw = "We open at 9 [1]. The moon is free [2].";
        assert_eq!(with_marks(&reply("We open at 9.", &[1]), raw).unwrap(), "We open at 9. [1]");
    }

    #[test]
    fn what_cites_nothing_has_no_marks() {
        assert_eq!(with_marks(&reply("We open at 9.", &[]), "We open at 9 [4]."), None);
        let sorry = Reply { sort: ReplyKind::NoAnswer, ..reply("Sorry.", &[1]) };
        assert_eq!(with_marks(&sorry, "Sorry. [1]"), None);
    }
}
