//! `frontdesk chat`: a conversation with an agent in the terminal. Uses a running desk, or starts
//! its own, which takes no webhooks and answers no customers.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use clap::Args;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use tokio::net::TcpListener;

use super::bar::Bar;
use super::client::{DeskClient, Outcome, SandboxRequest};
use super::command_app;
use super::explain::{explain, heard_line};
use super::wrap::{Wrap, wrapped};
use crate::config::Config;
use crate::domain::trial::TrialOutcome;
use crate::domain::{Line, Speaker, Trace};
use crate::prompts;

/// Talk to an agent in the terminal; nothing is sent to customers or stored
#[derive(Debug, Args)]
pub(super) struct Chat {
    /// Ask this and exit; without it a conversation starts
    message: Option<String>,
    /// The agent's short name [default: the only one]
    #[arg(long)]
    agent: Option<String>,
    /// A prompt file to use instead of the agent's own
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// Address of a running desk, such as `http://127.0.0.1:8080` [default: start one for this
    /// chat]
    #[arg(long)]
    url: Option<String>,
}

#[derive(Default)]
pub(super) struct ChatOptions {
    agent: Option<String>,
    prompt: Option<PathBuf>,
}

impl Chat {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let options = ChatOptions { agent: self.agent, prompt: self.prompt };
        let client = match self.url {
            Some(url) => {
                let key = config.http.known_admin_key(config.data_folder())?;
                DeskClient { url: url.trim_end_matches('/').to_owned(), key }
            }
            None => own_desk(config).await?,
        };
        let end = match self.message {
            Some(message) => {
                let mut talk = ChatSession::new(client, options)?;
                talk.say(&message).await?;
                talk.end
            }
            None => talk(client, options).await?,
        };
        Ok(match end {
            ChatEnd::Answered => ExitCode::SUCCESS,
            ChatEnd::WithFailures => ExitCode::FAILURE,
        })
    }
}

/// Starts a desk for this chat only: the sandbox API without the worker.
async fn own_desk(config: Config) -> anyhow::Result<DeskClient> {
    let app = command_app(config).await?;
    let (progress, model) = (Bar::default(), &app.desk.engine.model);
    let (learned, _) = tokio::join!(app.learn(&progress), model.settled());
    learned?;
    let discovery = model.discovery();
    if discovery.url.is_some() {
        eprintln!("Answers: {discovery}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = DeskClient {
        url: format!("http://{}", listener.local_addr()?),
        key: app.admin_key.clone(),
    };
    tokio::spawn(app.serve_sandbox(listener));
    Ok(client)
}

/// How a conversation went.
#[derive(Clone, Copy)]
pub(super) enum ChatEnd {
    /// Every message got what a customer gets.
    Answered,
    /// A message could not be asked, or something failed in the desk.
    WithFailures,
}

/// Runs the conversation until the user leaves.
pub(super) async fn talk(client: DeskClient, options: ChatOptions) -> anyhow::Result<ChatEnd> {
    let mut talk = ChatSession::new(client, options)?;
    let greeting = "Write as a customer would. /why explains the last answer, /help lists the rest, Ctrl-D leaves.";
    println!("{}", wrapped(greeting));
    let mut editor = DefaultEditor::new().context("the terminal cannot be read")?;
    loop {
        let (back, line) = tokio::task::spawn_blocking(move || {
            let line = editor.readline("\nyou › ");
            (editor, line)
        })
        .await?;
        editor = back;
        match line {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => {
                // A line missing from the history is no reason to stop.
                drop(editor.add_history_entry(line.as_str()));
                if !talk.hear(line.trim()).await {
                    return Ok(talk.end);
                }
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(talk.end),
            Err(error) => return Err(error.into()),
        }
    }
}

const HELP: &str = "\
  /why            what each stage saw, decided and took for the last answer
  /new            begin a new conversation
  /resolve        resolve the conversation after a hand-off: the bot answers again
  /voice FILE     say a recording, as a customer's voice note
  /prompt FILE    answer under this prompt file from now on; /prompt alone reads it again
  /agent NAME     talk to another agent
  /quit           leave";

const RESOLVED: &str = "Resolved: the bot answers your next message.";
const OPTED_OUT: &str = "The customer opted out, which nobody can resolve: the bot is silent until an opt-in word, such as START.";

struct ChatSession {
    client: DeskClient,
    agent: Option<String>,
    file: Option<PathBuf>,
    prompt: Option<String>,
    history: Vec<Line>,
    /// The desk's state of the conversation.
    state: Option<String>,
    /// Whether the next message comes after a person resolved the conversation.
    resolve: bool,
    /// Whether the customer of this conversation opted out.
    opted_out: bool,
    last: Option<Trace>,
    coloured: bool,
    end: ChatEnd,
}

impl ChatSession {
    fn new(client: DeskClient, options: ChatOptions) -> anyhow::Result<Self> {
        let prompt = options.prompt.as_ref().map(read).transpose()?;
        Ok(Self {
            client,
            agent: options.agent,
            file: options.prompt,
            prompt,
            history: Vec::new(),
            state: None,
            resolve: false,
            opted_out: false,
            last: None,
            coloured: std::io::stdout().is_terminal(),
            end: ChatEnd::Answered,
        })
    }

    /// Handles a line of input; returns false to leave.
    async fn hear(&mut self, line: &str) -> bool {
        let Some(command) = line.strip_prefix('/') else {
            if let Err(error) = self.say(line).await {
                self.fail(&error);
            }
            return true;
        };
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        match (name, rest.trim()) {
            ("quit" | "exit" | "q", _) => return false,
            ("why", _) => match &self.last {
                Some(trace) => println!("{}", wrapped(&explain(trace))),
                None => println!("Nothing was answered yet."),
            },
            ("new", _) => {
                self.begin();
                println!("A new conversation.");
            }
            ("resolve", _) => {
                self.resolve = true;
                println!("{}", if self.opted_out { OPTED_OUT } else { RESOLVED });
            }
            ("agent", name) if !name.is_empty() => match self.choose(name).await {
                Ok(()) => println!("You talk to {name} now."),
                Err(error) => self.fail(&error),
            },
            ("voice", file) => {
                if let Err(error) = self.play(file).await {
                    self.fail(&error);
                }
            }
            ("prompt", file) => self.reload(file),
            _ => println!("{}", wrapped(HELP)),
        }
        true
    }

    /// Begins a new conversation.
    fn begin(&mut self) {
        self.history.clear();
        (self.state, self.resolve, self.opted_out) = (None, false, false);
    }

    /// Begins a conversation with another agent.
    async fn choose(&mut self, name: &str) -> anyhow::Result<()> {
        let known = self.client.agents().await?;
        if !known.iter().any(|slug| slug == name) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            anyhow::bail!("There is no agent `{name}`; there are: {known}.");
        }
        self.agent = Some(name.to_owned());
        // The prompt was the former agent's.
        (self.file, self.prompt) = (None, None);
        self.begin();
        Ok(())
    }

    fn fail(&mut self, error: &anyhow::Error) {
        println!("{}", self.dim(&format!("{error:#}")));
        self.end = ChatEnd::WithFailures;
    }

    fn reload(&mut self, file: &str) {
        let named = Some(file).filter(|file| !file.is_empty()).map(PathBuf::from);
        let Some(file) = named.or_else(|| self.file.clone()) else {
            return println!("Name a file: /prompt prompts/acme.md");
        };
        let checked = read(&file).and_then(|source| {
            prompts::parse(&file.display().to_string(), &source)?;
            Ok(source)
        });
        match checked {
            Ok(source) => {
                (self.file, self.prompt) = (Some(file), Some(source));
                println!("The prompt was read; it counts from your next message on.");
            }
            Err(error) => self.fail(&error),
        }
    }

    async fn play(&mut self, file: &str) -> anyhow::Result<()> {
        if file.is_empty() {
            anyhow::bail!("Name a file: /voice note.ogg");
        }
        let path = PathBuf::from(file);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {file}"))?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
        self.tell("", Some((name, bytes))).await
    }

    async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.tell(text, None).await
    }

    async fn tell(
        &mut self,
        text: &str,
        recording: Option<(String, Vec<u8>)>,
    ) -> anyhow::Result<()> {
        let prefix = if self.coloured { "bot › " } else { "" };
        print!("{prefix}");
        let heard = Mutex::new((String::new(), Wrap::of_terminal(prefix)));
        let hear = |piece: &str| {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.0.push_str(piece);
            print!("{}", heard.1.push(piece));
            // The answer still counts if the terminal is gone.
            drop(std::io::stdout().flush());
        };
        let asked = SandboxRequest {
            agent: self.agent.as_deref(),
            prompt: self.prompt.as_deref(),
            history: &self.history,
            state: self.state.as_deref(),
            resolve: self.resolve,
            text,
            recording,
        };
        let outcome = self.client.ask(&asked, hear).await?;
        let (heard, wrap) = heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        if outcome.is(TrialOutcome::Failure) {
            self.end = ChatEnd::WithFailures;
        }
        self.show(&outcome, heard.trim(), wrap);
        self.remember(outcome, text);
        Ok(())
    }

    /// Keeps a turn for the next one. As in the history of a customer, the texts that announce a
    /// person or confirm an opt-out are not part of it.
    fn remember(&mut self, outcome: Outcome, text: &str) {
        let heard = outcome.trace.transcribe.as_ref();
        for note in heard.iter().flat_map(|heard| &heard.notes) {
            println!("{}", self.dim(&heard_line(note)));
        }
        let said = heard.map_or(text, |heard| &heard.question);
        if !said.is_empty() {
            self.history.push(Line::new(Speaker::Customer, said));
        }
        let automatic = [TrialOutcome::HandOver, TrialOutcome::OptOut, TrialOutcome::OptIn];
        let automatic = automatic.into_iter().any(|kind| outcome.is(kind));
        if !automatic && !outcome.bubbles.is_empty() {
            let text = outcome.bubbles.join("\n");
            self.history.push(Line::new(Speaker::Bot, text));
        }
        (self.state, self.resolve, self.opted_out) = (outcome.state, false, outcome.opted_out);
        self.last = Some(outcome.trace);
    }

    /// Prints the answer, unless it was already streamed.
    fn show(&self, outcome: &Outcome, heard: &str, mut wrap: Wrap) {
        let sent = outcome.bubbles.join("\n\n");
        match unheard(&sent, heard) {
            Some(rest) => println!("{}{}", wrap.push(rest), wrap.end()),
            None => println!("{}\n{}\n{}", wrap.end(), self.dim("sent:"), wrapped(&sent)),
        }
        let reason = outcome.reason.as_deref().unwrap_or_default();
        let note = if outcome.is(TrialOutcome::Answer) {
            return;
        } else if outcome.is(TrialOutcome::HandOver) {
            format!("→ a person is called: {reason}; the bot is silent until /resolve")
        } else if reason.is_empty() {
            format!("({})", outcome.outcome.as_str().replace('_', " "))
        } else {
            format!("({}: {reason})", outcome.outcome.as_str().replace('_', " "))
        };
        println!("{}", self.dim(&note));
    }

    fn dim(&self, text: &str) -> String {
        let text = wrapped(text);
        if self.coloured { format!("\x1b[2m{text}\x1b[0m") } else { text }
    }
}

/// Returns the part of the sent message that was not streamed; `None` if the streamed text differs.
/// Compares only letters and digits, because list bullets look different in WhatsApp.
fn unheard<'a>(sent: &'a str, heard: &str) -> Option<&'a str> {
    let mut expected = heard.chars().filter(|c| c.is_alphanumeric());
    let mut next = expected.next();
    let mut rest = sent.char_indices();
    while let Some(wanted) = next {
        let (_, letter) = rest.find(|(_, c)| c.is_alphanumeric())?;
        if letter != wanted {
            return None;
        }
        next = expected.next();
    }
    let unheard = rest.as_str();
    Some(unheard.trim_start_matches(|c: char| c.is_ascii_punctuation() || c == ' '))
}

fn read(file: &PathBuf) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::unheard;

    #[test]
    fn only_what_was_not_heard_is_shown() {
        assert_eq!(
            unheard("• Monday: *9*\n\n📄 _Hours_", "- Monday: **9**"),
            Some("\n\n📄 _Hours_")
        );
        assert_eq!(unheard("Hello.", "Hello."), Some(""));
        assert_eq!(unheard("Hello.", ""), Some("Hello."));
        assert_eq!(unheard("Sorry, something broke.", "We open"), None);
        assert_eq!(unheard("We", "We open"), None);
    }
}
