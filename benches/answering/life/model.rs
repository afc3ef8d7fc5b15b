//! What the fake model writes: answers from the passages of its prompt, 20 to 80 words with
//! citations that hold, and some that do not; and questions rewritten for the search. Depends only
//! on the prompt.

use serde::Deserialize;

use super::talk::{Random, hash};

/// Text before the customer's message in the desk's prompts (`pipeline/framing.rs`).
const WRITES: &str = "The customer writes:\n";
/// Start of the desk's instructions for rewriting a question (`pipeline/retrieve/rewrite.rs`).
const REWRITES: &str = "You prepare a search in a business's documents.";
const LAST: &str = "Last message of the customer: ";
/// Most words of one sentence: passages have some that never end.
const LONGEST: usize = 30;
/// Most words of an answer, but for an invented statement.
const MOST: usize = 80;
/// Most passages that an answer uses.
const USED: usize = 3;

const UNKNOWN: [&str; 3] = [
    "I am sorry, I cannot find that in our information. [[no answer]]",
    "Our information does not say that. I can pass your question on to a colleague if you like. [[no answer]]",
    "Unfortunately I do not know that.",
];
/// Statements that stand in no passage.
const INVENTED: [&str; 6] = [
    "Members of our club also get a discount of 12 % on every order above 80 euros",
    "Our workshop in Lisbon will call you back within 3 working days",
    "This has been so since the new rules of 14 March 2019",
    "You need at least 4 GB of free storage and version 9.2 for it",
    "A certificate costs 35 dollars and stays valid for 18 months",
    "The premium plan includes it without limits for up to 25 colleagues",
];

/// Words that can be said otherwise, in pairs.
const OTHERWISE: [(&str, &str); 18] = [
    ("can", "could"),
    ("will", "is going to"),
    ("you", "people"),
    ("your", "their own"),
    ("use", "work with"),
    ("the", "that"),
    ("is", "happens to be"),
    ("are", "remain"),
    ("it", "this thing"),
    ("have", "own"),
    ("should", "ought to"),
    ("many", "lots of"),
    ("and", "as well as"),
    ("if", "whenever"),
    ("with", "along with"),
    ("not", "never"),
    ("from", "out of"),
    ("need", "require"),
];

/// A request to the model, as far as the fake reads it.
#[derive(Deserialize)]
pub(crate) struct Request {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

/// What the model writes.
pub(crate) struct Written {
    pub(crate) text: String,
    /// Whether it is a question for the search, not an answer.
    pub(crate) is_rewrite: bool,
    /// Bytes of the prompt's text.
    pub(crate) prompt: usize,
}

/// Answers a request. `reworded`: percentage of statements in other words than the passage's.
pub(crate) fn write(request: &Request, reworded: u64) -> Written {
    let messages = &request.messages;
    let prompt = messages.iter().map(|message| message.content.len()).sum();
    let system = messages.first().map_or("", |message| &message.content);
    let last = messages.last().map_or("", |message| &message.content);
    let is_rewrite = system.starts_with(REWRITES);
    let text = if is_rewrite { rewritten(system, last) } else { answer(last, reworded) };
    Written { text, is_rewrite, prompt }
}

/// Puts the topic of the conversation before the last message.
fn rewritten(system: &str, shown: &str) -> String {
    let (before, last) = shown.rsplit_once(LAST).unwrap_or(("", shown));
    let said = before.lines().rev().filter_map(|line| line.strip_prefix("Customer: "));
    let topic = said.clone().find(|text| text.len() > 30).or_else(|| said.clone().next());
    let question = match topic {
        Some(topic) => format!("{}: {last}", topic.trim_end_matches(['?', '.', ' '])),
        None => last.to_owned(),
    };
    let question: String = question.chars().take(400).collect();
    if system.contains("\"translation\"") {
        serde_json::json!({"question": question, "translation": question}).to_string()
    } else {
        serde_json::json!({"question": question}).to_string()
    }
}

/// Writes an answer: of 100, 70 rest on the passages they cite, 15 have a citation of another
/// passage, 10 a statement that stands in none, and 5 say that the passages do not answer.
fn answer(asked: &str, reworded: u64) -> String {
    let question = asked.rsplit_once(WRITES).map_or(asked, |(_, question)| question);
    let mut random = Random::of(hash(question));
    let passages = passages(asked);
    let kind = random.below(100);
    if passages.is_empty() || kind >= 95 {
        return random.one_of(&UNKNOWN).to_owned();
    }
    let mut statements = statements(&passages, 20 + random.below(41) as usize);
    for (statement, _) in &mut statements {
        if random.below(100) < reworded {
            *statement = in_other_words(statement);
        }
    }
    let Some((_, last)) = statements.last_mut() else {
        return random.one_of(&UNKNOWN).to_owned();
    };
    match kind {
        70..85 => *last = *last % passages.len() + 1,
        85..95 => statements.push((random.one_of(&INVENTED).to_owned(), 1)),
        _ => {}
    }
    formatted(statements, &mut random)
}

/// Returns the passages' texts without their titles.
fn passages(asked: &str) -> Vec<Vec<&str>> {
    let Some((_, rest)) = asked.split_once("<passages>\n\n") else { return Vec::new() };
    let fenced = rest.split_once("\n\n</passages>").map_or(rest, |(fenced, _)| fenced);
    let mut passages: Vec<Vec<&str>> = Vec::new();
    for line in fenced.lines() {
        if is_title(line) {
            passages.push(Vec::new());
        } else if let Some(passage) = passages.last_mut() {
            passage.push(line);
        }
    }
    passages
}

fn is_title(line: &str) -> bool {
    let number = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    number.is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Takes sentences of the first passages until there are this many words, and at most `MOST`; each
/// with the number of its passage.
fn statements(passages: &[Vec<&str>], words: usize) -> Vec<(String, usize)> {
    let (mut taken, mut count) = (Vec::new(), 0);
    for (passage, number) in passages.iter().take(USED).zip(1..) {
        for sentence in passage.iter().flat_map(|line| sentences(line)) {
            if count >= words {
                return taken;
            }
            let words: Vec<&str> = sentence.split_whitespace().take(LONGEST).collect();
            if words.len() < 3 || count + words.len() > MOST || sentence.contains(['[', '(', '?']) {
                continue;
            }
            count += words.len();
            taken.push((words.join(" "), number));
        }
    }
    taken
}

/// Splits a line after full stops and exclamation marks.
fn sentences(line: &str) -> impl Iterator<Item = &str> {
    line.split(". ")
        .flat_map(|part| part.split("! "))
        .flat_map(|part| part.split_inclusive("? "))
        .map(|sentence| sentence.trim_end_matches(['.', '!', ' ', ',', ';', ':']).trim())
}

/// Says the same with other common words, and with a different start.
fn in_other_words(statement: &str) -> String {
    let words = statement.split(' ').map(|word| {
        let other = OTHERWISE.iter().find(|(common, _)| *common == word.to_lowercase());
        other.map_or(word, |(_, other)| other)
    });
    format!("In short: {}", words.collect::<Vec<_>>().join(" "))
}

/// Joins the statements with their citations: mostly as a text, sometimes with Markdown.
fn formatted(statements: Vec<(String, usize)>, random: &mut Random) -> String {
    let (bold, list) = (random.below(5) == 0, random.below(7) == 0 && statements.len() > 2);
    let mut text = if list { "Here is what you can do:\n".to_owned() } else { String::new() };
    for (at, (statement, number)) in statements.into_iter().enumerate() {
        let statement = match statement.match_indices(' ').nth(1) {
            Some((end, _)) if bold && at == 0 => {
                format!("**{}**{}", &statement[..end], &statement[end..])
            }
            _ => statement,
        };
        let start = if list {
            "\n- "
        } else if at == 0 {
            ""
        } else {
            " "
        };
        text.extend([start, &statement, &format!(" [{number}].")]);
    }
    text
}
