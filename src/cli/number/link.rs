//! Links a number to its phone in the terminal.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use super::connected;
use crate::app::App;
use crate::desk::{LinkError, PairingProgress, qr};
use crate::domain::ConnectionState;

/// Pause between two looks at how the pairing goes.
const PAUSE: Duration = Duration::from_secs(2);
/// How long the phone is waited for.
const PATIENCE: Duration = Duration::from_mins(5);

/// Shows the codes for the phone until the number is linked.
pub(super) async fn connect(
    app: &App,
    name: &str,
    phone: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let number = connected(app, name).await?;
    println!(
        "The server is told to send its webhooks to {}",
        app.desk.webhook_url(number.provider.as_str(), &number.slug)
    );
    let (started, mut before) = (Instant::now(), None);
    let mut progress = app.desk.connect_number(&number, phone).await?;
    loop {
        match progress.state {
            ConnectionState::Ready => {
                println!("{name} is linked to WhatsApp. Write to it from another phone.");
                return Ok(ExitCode::SUCCESS);
            }
            ConnectionState::Stopped | ConnectionState::Offline => {
                let Some(reason) = progress.reason else { bail!("{name} is not linked") };
                bail!("{name} is not linked: {}. {}", reason.text(), reason.todo());
            }
            ConnectionState::Connecting | ConnectionState::Pairing => {}
        }
        if progress.qr.is_some() && before.as_ref() != Some(&progress) {
            show(&progress);
        }
        if started.elapsed() > PATIENCE {
            bail!("nobody scanned a code within {} minutes: try it again", PATIENCE.as_secs() / 60);
        }
        before = Some(progress.clone());
        tokio::time::sleep(PAUSE).await;
        progress = match app.desk.pairing(&number).await {
            // One answer that is late does not end the pairing.
            Err(LinkError::Provider(_)) => continue,
            progress => progress?,
        };
    }
}

fn show(progress: &PairingProgress) {
    if let Some(code) = &progress.code {
        println!(
            "On the phone: WhatsApp > Linked devices > Link a device > Link with phone number instead, and type {code}"
        );
    }
    if let Some(picture) = progress.qr.as_deref().and_then(qr::text) {
        println!("{picture}");
        println!(
            "On the phone: WhatsApp > Linked devices > Link a device, and scan this. A new one follows."
        );
    }
}

/// Starts the link anew.
pub(super) async fn restart(app: &App, name: &str) -> anyhow::Result<()> {
    app.desk.restart_link(&*connected(app, name).await?).await?;
    println!(
        "The link of {name} starts anew. `frontdesk number status {name}` says how it stands."
    );
    Ok(())
}

/// Logs the number out.
pub(super) async fn log_out(app: &App, name: &str, delete: bool) -> anyhow::Result<()> {
    app.desk.log_out_number(&*connected(app, name).await?, delete).await?;
    let deleted = if delete { ", and its instance is deleted" } else { "" };
    println!(
        "{name} is logged out of WhatsApp{deleted}. `frontdesk number connect {name}` links it again."
    );
    Ok(())
}
