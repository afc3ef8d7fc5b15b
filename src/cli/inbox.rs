//! `frontdesk inbox`: lists customers who wait for a person, writes to them, and returns
//! conversations to the bot.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use self::options::MessageOptions;
use self::start::Start;
use super::audit::AuditEntry;
use super::outreach::{connected, file_bytes, template_named, template_value};
use crate::app::App;
use crate::desk::Number;
use crate::domain::label::{MAX_REASON_LEN, display_name, one_line, visible};
use crate::domain::{
    Action, Content, ConversationId, MessageId, MessageKind, TemplateValue, TranscriptDetails,
};
use crate::pipeline::outbound::MAX_MESSAGE_LEN;
use crate::provider::Abilities;
use crate::store::staff_messages::{Refusal, Reply, ReplyOutcome};

mod options;
mod start;

/// Show the customers who wait for a person, write to them, and return them to the bot
#[derive(Debug, Args)]
pub(super) struct Inbox {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the customers who wait for a person [default command]
    List,
    /// Show a conversation
    Show {
        /// The conversation's id, conv_…
        conversation: String,
    },
    /// Write to a customer, as a person: the bot is then silent in the conversation
    Send(Box<MessageToSend>),
    /// React to a message with an emoji, or take the reaction back
    React {
        /// The message's id, msg_…
        message: String,
        /// The emoji; none takes it back
        #[arg(default_value = "")]
        emoji: String,
    },
    /// Begin a conversation: write to a customer who need not have written before
    Start(Box<Start>),
    /// Correct the transcript of a voice note
    Correct {
        /// The message's id, msg_…
        message: String,
        /// What was really said
        text: String,
    },
    /// Return a conversation to the bot
    Resolve {
        /// The conversation's id, conv_…
        conversation: String,
    },
}

#[derive(Debug, Args)]
struct MessageToSend {
    /// The conversation's id, conv_…
    conversation: String,
    /// The text; of a file its caption
    text: Option<String>,
    /// A picture, video, sound or document to send
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// A message template, which WhatsApp takes outside the 24-hour window, too: see `frontdesk templates`
    #[arg(long, value_name = "NAME", conflicts_with_all = ["text", "file"])]
    template: Option<String>,
    /// The template's language, if it has several
    #[arg(long, value_name = "CODE", requires = "template")]
    language: Option<String>,
    /// A value of the template, such as body.1=Ana
    #[arg(long = "value", value_name = "PART.NAME=VALUE", requires = "template", value_parser = template_value)]
    values: Vec<TemplateValue>,
    /// The picture, video or document above the template's text, if it has one
    #[arg(long, value_name = "PATH", requires = "template")]
    header_file: Option<PathBuf>,
    #[command(flatten)]
    more: MessageOptions,
}

impl Inbox {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match &self.command {
            None | Some(Command::List | Command::Show { .. }) => None,
            Some(Command::Send(message)) => {
                Some((Action::MessageWritten, message.conversation.clone()))
            }
            // Nobody's phone number stands in the audit log.
            Some(Command::Start(start)) => {
                Some((Action::ConversationStarted, start.template.clone()))
            }
            Some(Command::React { message, .. }) => Some((Action::MessageWritten, message.clone())),
            Some(Command::Correct { message, .. }) => {
                Some((Action::TranscriptCorrected, message.clone()))
            }
            Some(Command::Resolve { conversation }) => {
                Some((Action::ConversationResolved, conversation.clone()))
            }
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        match self.command {
            None | Some(Command::List) => list(&app).await?,
            Some(Command::Show { conversation }) => show(&app, &read(&conversation)?).await?,
            Some(Command::Send(message)) => {
                let MessageToSend {
                    conversation,
                    text,
                    file,
                    template,
                    language,
                    values,
                    header_file,
                    more,
                } = *message;
                let template =
                    template.map(|name| TemplateChoice { name, language, values, header_file });
                let content = ReplyDraft { text: text.unwrap_or_default(), file, template, more };
                send(&app, &read(&conversation)?, content).await?;
            }
            Some(Command::Start(first)) => first.run(&app).await?,
            Some(Command::React { message, emoji }) => react(&app, &message, &emoji).await?,
            Some(Command::Correct { message, text }) => {
                let id = MessageId::parse(&message)?;
                if text.trim().is_empty() {
                    bail!("write what was said");
                }
                if !app.desk.store.correct(&id, text.trim()).await? {
                    bail!(
                        "there is no recording {id}; `frontdesk inbox show CONVERSATION` has their ids"
                    );
                }
                println!("Later answers read what you wrote.");
            }
            Some(Command::Resolve { conversation }) => {
                let id = read(&conversation)?;
                if !app.desk.store.resolve(&id).await? {
                    bail!("there is no conversation {id}");
                }
                println!("The bot answers in {id} again.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(app: &App) -> anyhow::Result<()> {
    let cases = app.desk.store.escalations(true, None, 200).await?;
    if cases.is_empty() {
        println!("Nobody needs a reply.");
    }
    for case in cases {
        let reason = one_line(&case.reason, MAX_REASON_LEN);
        println!("{}  {}  {reason}", moment(case.created_at), case.conversation_id);
        println!("    {}", visible(&case.question).replace('\n', "\n    "));
    }
    Ok(())
}

async fn show(app: &App, id: &ConversationId) -> anyhow::Result<()> {
    let id = &app.desk.store.current_conversation(id).await?;
    let row = app.desk.store.conversation(id).await?;
    let row = row.ok_or_else(|| anyhow!("there is no conversation {id}"))?;
    let name = row.contact_name.as_deref().map_or_else(|| "a customer".into(), display_name);
    let known_by = row.wa_id.or(row.bsuid).or(row.lid).unwrap_or_default();
    println!("{name} ({known_by}), owner: {}", row.owner);
    let mut messages = app.desk.store.thread(id, None, 50).await?;
    messages.reverse();
    for message in messages {
        let about = if message.transcript.is_some() || message.kind == MessageKind::Voice {
            let heard = message.heard.as_deref().and_then(|heard| serde_json::from_str(heard).ok());
            spoken(message.kind, &message.id, heard)
        } else {
            attached(&Content::stored(&message.content))
        };
        let text = message
            .transcript
            .or(message.body)
            .unwrap_or_else(|| wordless(&message.content, message.kind));
        let text = visible(&text);
        let note = message.note.map(|note| format!(" ({note})")).unwrap_or_default();
        println!(
            "{}  {:<9}  {about}{text}  [{}]{note}  {}",
            moment(message.sent_at),
            message.author.as_str(),
            message.state,
            message.id
        );
    }
    Ok(())
}

/// What a person sends.
struct ReplyDraft {
    text: String,
    file: Option<PathBuf>,
    template: Option<TemplateChoice>,
    more: MessageOptions,
}

/// A template to send.
struct TemplateChoice {
    name: String,
    language: Option<String>,
    values: Vec<TemplateValue>,
    header_file: Option<PathBuf>,
}

impl TemplateChoice {
    async fn content(self, app: &App, number: &Number) -> anyhow::Result<Content> {
        let template = template_named(app, number, (&self.name, self.language.as_deref())).await?;
        let file = match &self.header_file {
            Some(path) => Some(file_bytes(app, path).await?),
            None => None,
        };
        let abilities = Abilities::of(number.provider);
        let file = file.map(|(name, bytes)| abilities.media(&name, bytes, "")).transpose()?;
        Ok(Content::Template(template.fill_with(&self.values, file)?))
    }
}

impl ReplyDraft {
    async fn content(self, app: &App, number: &str) -> anyhow::Result<Content> {
        if let Some(template) = self.template {
            return template.content(app, &*connected(app, number)?).await;
        }
        if let Some(content) = self.more.content(self.text.trim()) {
            let number = connected(app, number)?;
            Abilities::of(number.provider).check(&content)?;
            return Ok(content);
        }
        let Some(path) = self.file else {
            let body = self.text.trim().to_owned();
            if body.is_empty() || body.chars().count() > MAX_MESSAGE_LEN {
                bail!(
                    "write a text of at most {MAX_MESSAGE_LEN} characters, or name a file with --file"
                );
            }
            return Ok(Content::Text { body });
        };
        let number = connected(app, number)?;
        let (name, bytes) = file_bytes(app, &path).await?;
        Ok(Content::Media(Abilities::of(number.provider).media(&name, bytes, &self.text)?))
    }
}

async fn send(app: &App, id: &ConversationId, written: ReplyDraft) -> anyhow::Result<()> {
    let id = app.desk.store.current_conversation(id).await?;
    let row = app.desk.store.conversation(&id).await?;
    let row = row.ok_or_else(|| anyhow!("there is no conversation {id}"))?;
    let content = written.content(app, &row.number_id).await?;
    queue(app, (&id, &row.number_id), (content, None)).await
}

/// Reacts to a message.
async fn react(app: &App, message: &str, emoji: &str) -> anyhow::Result<()> {
    let message = MessageId::parse(message)?;
    let place = app.desk.store.whereabouts(&message).await?;
    let place = place.ok_or_else(|| anyhow!("there is no message {message}"))?;
    let emoji = Some(emoji.trim().to_owned()).filter(|emoji| !emoji.is_empty());
    let content = Content::Reaction { message_id: String::new(), emoji };
    Abilities::of(connected(app, &place.number_id)?.provider).check(&content)?;
    let conversation = ConversationId::stored(place.conversation_id);
    queue(app, (&conversation, &place.number_id), (content, Some(message))).await
}

/// Queues what a person writes.
async fn queue(
    app: &App,
    (id, number): (&ConversationId, &str),
    (content, quotes): (Content, Option<MessageId>),
) -> anyhow::Result<()> {
    let (key, window) = (MessageId::generate().to_string(), app.desk.window(number));
    let reply = Reply { conversation: id.clone(), key, content, quotes, window };
    match app.desk.store.write(reply).await? {
        ReplyOutcome::Now { message, .. } => {
            println!("{message} is in the outbox: a running desk sends it.");
            Ok(())
        }
        ReplyOutcome::Refused(Refusal::WindowClosed) => bail!(
            "the 24-hour window is closed: WhatsApp takes what is written freely only after the customer writes again; until then send a template (--template)"
        ),
        ReplyOutcome::Refused(Refusal::OptedOut) => bail!("the customer opted out"),
        ReplyOutcome::Refused(Refusal::NoAddress) => bail!("the customer has no WhatsApp id"),
        ReplyOutcome::NothingToQuote => bail!("nobody can react to this message"),
        ReplyOutcome::NotThereYet => bail!("the message has not reached WhatsApp"),
        ReplyOutcome::Nowhere | ReplyOutcome::Before(_) | ReplyOutcome::OtherWords => {
            bail!("there is no conversation {id}")
        }
    }
}

/// What a message without words says.
fn wordless(content: &str, kind: MessageKind) -> String {
    let content = Content::stored(content);
    let emoji = match &content {
        Content::Reaction { emoji, .. } => emoji.clone(),
        _ => None,
    };
    content.description().or(emoji).unwrap_or_else(|| format!("[{kind}]"))
}

/// Prefix for the caption of a file: its kind and name.
fn attached(content: &Content) -> String {
    let Some(media) = content.file() else { return String::new() };
    let name = media.file_name.as_deref().map(|name| one_line(name, MAX_REASON_LEN));
    let name = name.map(|name| format!(", {name}")).unwrap_or_default();
    format!("📎 ({}{name}) ", media.kind)
}

/// Prefix for a recording's text: its kind, transcription details and id, which `correct` needs.
fn spoken(kind: MessageKind, id: &MessageId, heard: Option<TranscriptDetails>) -> String {
    let heard = heard.unwrap_or_default();
    let mut about = vec![kind.to_string()];
    about.extend(heard.language);
    about.extend(heard.seconds.map(|seconds| format!("{seconds:.0} s")));
    about.extend(heard.confidence.map(|sure| format!("{:.0} % sure", sure * 100.0)));
    about.extend(heard.corrected_at.map(|_| "corrected".to_owned()));
    format!("🎤 ({}, {id}) ", about.join(", "))
}

fn read(text: &str) -> anyhow::Result<ConversationId> {
    Ok(ConversationId::parse(text)?)
}

fn moment(millis: i64) -> String {
    let moment = DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default();
    moment.format("%Y-%m-%d %H:%M").to_string()
}
