//! `frontdesk sign-out`: signs every browser out of the console and invalidates unused links.

use std::process::ExitCode;

use clap::Args;

use crate::config::Config;
use crate::http::LINK_FILE;
use crate::store::Store;

/// Sign everybody out of the console, and invalidate unused sign-in links
#[derive(Debug, Args)]
pub(super) struct SignOut {
    /// Every browser; without user accounts there is no smaller choice
    #[arg(long, required = true)]
    all: bool,
}

impl SignOut {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let store = Store::open(&config.store).await?;
        let (sessions, links) = store.end_sessions().await?;
        store.close().await;
        drop(std::fs::remove_file(config.store.path.with_file_name(LINK_FILE)));
        println!(
            "{sessions} browsers are signed out, and {links} links that nobody had used are useless."
        );
        println!(
            "What a running desk still shows them ends within seconds. `frontdesk sign-in` prints a new link."
        );
        Ok(ExitCode::SUCCESS)
    }
}
