//! `frontdesk templates`: reads the message templates of a number's account and lists them.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use crate::app::App;
use crate::desk::Number;
use crate::domain::label::one_line;
use crate::domain::{MessageTemplate, TemplateState};

/// Maximum length of a text from outside, in characters.
const MAX_SHOWN_CHARS: usize = 500;

/// Read the message templates of a number's account from WhatsApp, and list them
///
/// A template is a text that WhatsApp approved. Outside the 24 hours after a customer's last message it
/// is all that WhatsApp takes: `frontdesk inbox send CONVERSATION --template NAME` sends one.
#[derive(Debug, Args)]
pub(super) struct Templates {
    /// The number's name; without it, every number that has templates
    number: Option<String>,
}

impl Templates {
    pub(super) async fn run(self, app: App) -> anyhow::Result<ExitCode> {
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
        println!("      frontdesk does not fill its picture, file, place or button");
    } else if *state == TemplateState::Approved {
        for parameter in layout.parameters() {
            println!("      --value {}.{}=…", parameter.part, shown(&parameter.name));
        }
    }
}
