//! `frontdesk templates`: reads the message templates of a number's account and lists them; submits
//! and deletes them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::audit::AuditEntry;
use crate::app::App;
use crate::desk::Number;
use crate::domain::label::one_line;
use crate::domain::{Action, MessageTemplate, TemplateDraft, TemplateState};

/// Maximum length of a text from outside, in characters.
const MAX_SHOWN_CHARS: usize = 500;

/// Read the message templates of a number's account from WhatsApp and list them, or submit and delete some
///
/// A template is a text that WhatsApp approved. Outside the 24 hours after a customer's last message it
/// is all that WhatsApp takes: `frontdesk inbox send CONVERSATION --template NAME` sends one.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Templates {
    #[command(subcommand)]
    command: Option<Command>,
    /// The number's name; without it, every number that has templates
    number: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Submit a template to WhatsApp, which reviews it
    ///
    /// FILE is JSON: `{"name": "order_update", "language": "en", "category": "utility", "body": "Hello
    /// {{1}}, your order is here.", "examples": [{"part": "body", "name": "1", "value": "Ana"}]}`. Also
    /// `header`, `footer`, and `buttons` such as `{"kind": "quick_reply", "text": "Thanks"}`, `{"kind": "url",
    /// "text": "Track", "url": "https://acme.example/{{1}}"}` (example: part `button`, the button's place from
    /// 0 as name) or `{"kind": "phone", "text": "Call", "phone": "+447700900123"}`.
    Create {
        /// The number's name
        number: String,
        /// The template as JSON; - reads the standard input
        file: PathBuf,
    },
    /// Delete a template at WhatsApp
    Delete {
        /// The number's name
        number: String,
        /// The template's name
        name: String,
        /// Only in this language, such as `en_US` [default: all]
        #[arg(long)]
        language: Option<String>,
    },
}

impl Command {
    async fn run(self, app: &App) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create { number, file } => {
                let text = if file.as_os_str() == "-" {
                    std::io::read_to_string(std::io::stdin())?
                } else {
                    let named = || format!("{} cannot be read", file.display());
                    std::fs::read_to_string(&file).with_context(named)?
                };
                let draft: TemplateDraft =
                    serde_json::from_str(&text).context("the file is no template")?;
                let created = app.desk.create_template(&*connected(app, &number)?, &draft).await?;
                print_template(&created);
            }
            Self::Delete { number, name, language } => {
                let named = (name.as_str(), language.as_deref());
                app.desk.delete_template(&*connected(app, &number)?, named).await?;
                println!("{} is deleted", one_line(&name, MAX_SHOWN_CHARS));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn connected(app: &App, name: &str) -> anyhow::Result<Arc<Number>> {
    let found = app.desk.numbers.all().into_iter().find(|number| number.slug == name);
    found.with_context(|| {
        format!("there is no connected number `{name}`; `frontdesk doctor` lists them")
    })
}

impl Templates {
    /// The command's audit entry.
    pub(super) fn audit_entry(&self) -> AuditEntry {
        match self.command.as_ref()? {
            Command::Create { number, .. } => Some((Action::TemplateCreated, number.clone())),
            Command::Delete { name, .. } => Some((Action::TemplateDeleted, name.clone())),
        }
    }

    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
        if let Some(command) = self.command {
            return command.run(&app).await;
        }
        let all = app.desk.numbers.all();
        let is_wanted = |number: &Number| match &self.number {
            Some(name) => number.slug == *name,
            None => number.client.template_catalog().is_some(),
        };
        let wanted: Vec<_> = all.iter().filter(|number| is_wanted(number)).collect();
        if wanted.is_empty() {
            match self.number {
                Some(name) => {
                    bail!("there is no connected number `{name}`; `frontdesk doctor` lists them")
                }
                None => println!("No number has templates: practice numbers need none."),
            }
        }
        let mut code = ExitCode::SUCCESS;
        for number in wanted {
            let found = match app.desk.sync_templates(number).await {
                Ok(found) => found,
                Err(error) => {
                    eprintln!("{}: {error}", number.slug);
                    code = ExitCode::FAILURE;
                    continue;
                }
            };
            println!("{}: {} templates", number.slug, found.templates.len());
            for template in &found.templates {
                print_template(template);
            }
        }
        Ok(code)
    }
}

fn print_template(template: &MessageTemplate) {
    let MessageTemplate { name, language, category, state, reason, layout, .. } = template;
    let shown = |text: &str| one_line(text, MAX_SHOWN_CHARS);
    let reason = reason.as_deref().map(|why| format!(": {}", shown(why))).unwrap_or_default();
    println!("  {}  {}  {category}  {state}{reason}", shown(name), shown(language));
    println!("      {}", shown(&layout.body));
    if !layout.is_supported() {
        println!("      frontdesk does not fill its cards, header or button");
    } else if *state == TemplateState::Approved {
        if let Some(file) = layout.header.as_ref().and_then(|header| header.kind.file()) {
            println!("      --header-file {file}");
        }
        for parameter in layout.parameters() {
            println!("      --value {}.{}=…", parameter.part, shown(&parameter.name));
        }
    }
}
