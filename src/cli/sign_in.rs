//! `frontdesk sign-in`: prints another sign-in link for a running desk's console.

use std::process::ExitCode;

use anyhow::Context;

use crate::config::Config;
use crate::http::sign_in_link;
use crate::store::Store;

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let base_url = config.http.base_url();
    let store = Store::open(&config.store).await?;
    let link = sign_in_link(&store, &base_url).await.context("no link could be made")?;
    store.close().await;
    println!("{link}");
    eprintln!("It works once, within a day. The desk of this configuration must be running.");
    Ok(ExitCode::SUCCESS)
}
