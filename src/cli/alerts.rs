//! `frontdesk alerts`: shows what providers reported about numbers and accounts, and what to do.

use std::process::ExitCode;

use clap::Args;

use super::time::moment;
use crate::app::App;
use crate::config::Config;
use crate::domain::AlertCode;

/// Show restrictions, bans, paused templates and other alerts of providers, with what to do
#[derive(Debug, Args)]
pub(super) struct Alerts {
    /// Number of alerts, newest first
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: i64,
}

impl Alerts {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let app = App::assemble_from_database(config).await?;
        let store = &app.desk.store;
        let numbers = store.numbers().await?;
        let name = |id: &str| numbers.iter().find(|row| row.id == id).map(|row| row.slug.clone());
        let rows = store.events(true, self.limit.max(1)).await?;
        if rows.is_empty() {
            println!("no provider reported anything that needs you");
        }
        for row in rows {
            let number = row.number_id.as_deref().and_then(name);
            let number = number.map(|number| format!("{number}  ")).unwrap_or_default();
            println!("{}  {number}{}", moment(row.created_at), row.alert.unwrap_or_default());
            if let Some(todo) = row.code.map(AlertCode::todo) {
                println!("    {todo}");
            }
        }
        for warning in store.number_warnings().await? {
            let number = name(&warning.number_id).unwrap_or_default();
            let until = warning.until.map(|until| format!(", until {}", moment(until)));
            println!("at risk: {number}{}: {}", until.unwrap_or_default(), warning.text);
        }
        Ok(ExitCode::SUCCESS)
    }
}
