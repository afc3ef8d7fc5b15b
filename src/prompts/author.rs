//! Has the configured model write a prompt file from a description of a business. Parses the result
//! like any prompt file; if it is invalid, the model gets the error and one more attempt. Publishes
//! nothing.

use super::{PromptFile, parse};
use crate::domain::{ChatMessage, Prompt, Role, Usage};
use crate::llm::{Completion, Model};

/// System message.
const TASK: &str = include_str!("../../prompts/authors/generate.md");
/// Maximum length of the file, in tokens.
const MAX_LEN: u32 = 3000;
/// Maximum attempts.
const TRIES: usize = 2;

/// What the prompt file is for.
#[derive(Debug, Clone, Default)]
pub struct Brief {
    /// What the business does, and what the bot should do.
    pub description: String,
    /// Language to write in; none: that of the description.
    pub language: Option<String>,
    /// Name of the bot; none: the model chooses one.
    pub name: Option<String>,
    /// Names of the collections that it may answer from.
    pub knowledge: Vec<String>,
}

/// A prompt file written by a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPrompt {
    /// Text of the prompt file.
    pub source: String,
    /// The model that wrote it.
    pub model: String,
}

/// Why no file was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The model did not answer, or not with text.
    #[error("the model did not answer: {0}")]
    Silent(String),
    /// The last attempt is not a valid prompt file.
    #[error("the model wrote no file that can be used, and was told so: {0}")]
    Unusable(String),
}

/// Has a model write a prompt file. Adds what it used to `usage`, also when it fails.
pub async fn write(
    model: &dyn Model,
    named: &str,
    brief: &Brief,
    usage: &mut Usage,
) -> Result<WrittenPrompt, Error> {
    let message = |role, content| ChatMessage { role, content };
    let mut messages =
        vec![message(Role::System, TASK.to_owned()), message(Role::User, asked(brief))];
    let mut wrong = String::new();
    for _ in 0..TRIES {
        let answer = model.complete(&prompt(named, &messages), None).await;
        let (text, by) = match answer {
            Ok(Completion::Text { text, model, usage: used, .. }) => {
                usage.add(used);
                (text, model)
            }
            Ok(_) => return Err(Error::Silent("it writes no text".into())),
            Err(error) => return Err(Error::Silent(error.attempts.join("; "))),
        };
        let source = file_in(&text);
        match usable(&source, brief) {
            Ok(_) => return Ok(WrittenPrompt { source, model: by }),
            Err(why) => {
                let again = format!(
                    "That file cannot be used: {why}. Write the whole file again, corrected, and nothing else."
                );
                messages.extend([message(Role::Assistant, text), message(Role::User, again)]);
                wrong = why;
            }
        }
    }
    Err(Error::Unusable(wrong))
}

fn prompt(named: &str, messages: &[ChatMessage]) -> Prompt {
    Prompt {
        model: named.to_owned(),
        temperature: 0.4,
        max_output_tokens: MAX_LEN,
        messages: messages.to_vec(),
        question: String::new(),
        passages: Vec::new().into(),
        confidence: 1.0,
        min_confidence: 0.0,
        weekday: None,
        tokens: 0,
        pictures: Vec::new(),
    }
}

fn asked(brief: &Brief) -> String {
    let language = brief.language.as_deref().unwrap_or("that of the description");
    let name = brief.name.as_deref().unwrap_or("choose a fitting one");
    let knowledge = if brief.knowledge.is_empty() {
        "none, leave `knowledge` out".to_owned()
    } else {
        brief.knowledge.join(", ")
    };
    format!(
        "Language to write in: {language}\nThe bot's name: {name}\nCollections: {knowledge}\n\nThe business:\n{}",
        brief.description.trim()
    )
}

/// Extracts the file from a model's answer: drops reasoning, a code fence and surrounding text.
fn file_in(text: &str) -> String {
    let text = text.rsplit_once("</think>").map_or(text, |(_, rest)| rest).trim();
    let mut lines: Vec<&str> = text.lines().collect();
    if let Some(start) = lines.iter().position(|line| line.trim_end() == "---") {
        let fenced = lines[..start].iter().any(|line| line.trim_start().starts_with("```"));
        lines.drain(..start);
        let end = lines.iter().rposition(|line| line.trim() == "```").filter(|_| fenced);
        lines.truncate(end.unwrap_or(lines.len()));
    }
    format!("{}\n", lines.join("\n").trim_end())
}

/// Parses the file. Refuses it if it is invalid or sets more than it was asked to.
fn usable(source: &str, brief: &Brief) -> Result<PromptFile, String> {
    let file = parse("prompt.md", source)
        .map_err(|wrong| format!("line {}: {}", wrong.line, wrong.reason))?;
    if let Some(other) = file.knowledge.iter().find(|name| !brief.knowledge.contains(name)) {
        return Err(format!("`knowledge` names `{other}`, which is not one of the collections"));
    }
    let header = &file.header;
    if file.gate.is_some() || !header.model.is_empty() || !header.handoff.notify.is_empty() {
        return Err("leave `gate`, `model` and `notify` out".into());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_found_in_what_the_model_wrote() {
        let file = "---\nname: A\n---\nHi {{ agent }}.\n";
        for text in [
            file.to_owned(),
            format!("```yaml\n{file}```"),
            format!("<think>hm\n---\n</think>\nHere it is:\n\n```\n{file}```\nGood luck!"),
        ] {
            assert_eq!(file_in(&text), file, "{text}");
        }
        assert_eq!(file_in("no file"), "no file\n");
    }

    #[test]
    fn a_file_that_says_more_than_it_should_is_refused() {
        let brief = Brief { knowledge: vec!["acme".into()], ..Brief::default() };
        let file = |header: &str| format!("---\nname: A\n{header}\n---\nHi.\n");
        assert!(usable(&file("knowledge: [acme]"), &brief).is_ok());
        for header in [
            "knowledge: [other]",
            "model: gpt-9",
            "gate: { suite: x.yaml }",
            "handoff: { notify: [\"+15550100\"] }",
            "colour: red",
        ] {
            assert!(usable(&file(header), &brief).is_err(), "{header}");
        }
    }
}
