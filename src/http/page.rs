//! Plain pages until the console exists: what this is and how to begin, where a notice's link leads, and how documents were
//! cut. They hold no data themselves, so they need no key; the last one asks for it, and for the data.

use axum::response::Html;

use super::error::Problem;
use super::extract::Path;
use crate::domain::ConversationId;

/// The start page.
pub(super) async fn start() -> Html<String> {
    page(
        "frontdesk is running",
        "<p>It answers WhatsApp from your documents. There is no console in the browser yet; until then:</p>
        <ul>
        <li><b>Ask the bot</b>: <code>make chat</code>, or <code>frontdesk chat</code>, in a terminal.</li>
        <li><b>Connect WhatsApp</b>: add a number under <code>[numbers]</code> in <code>frontdesk.toml</code>; its webhook is
        <code>/webhooks/meta</code> on this address.</li>
        <li><b>See what it knows</b>: <a href=\"/knowledge\">documents and how they were cut</a>.</li>
        <li><b>Use the API</b>: it is described in <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</li>
        <li><b>Check everything</b>: <code>frontdesk doctor</code>.</li>
        </ul>",
    )
}

/// The documents, and how they were cut into chunks.
pub(super) async fn knowledge() -> Html<String> {
    page("What the bot knows", include_str!("knowledge.html"))
}

/// Where a hand-off notice leads.
pub(super) async fn conversation(Path(id): Path<String>) -> Result<Html<String>, Problem> {
    let id = ConversationId::parse(&id).map_err(|_| Problem::not_found("conversation"))?;
    let body = format!(
        "<p>A customer waits for a person in this conversation. The bot is silent in it.</p>
        <ul>
        <li><b>Read it</b>: <code>frontdesk inbox show {id}</code></li>
        <li><b>Answer</b> from the WhatsApp Business app on the phone.</li>
        <li><b>Give it back to the bot</b>: <code>frontdesk inbox resolve {id}</code></li>
        </ul>"
    );
    Ok(page("A customer waits for a person", &body))
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">
        <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">
        <title>{title}</title><style>body{{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:12vh auto;padding:0 1.2rem}}
        code{{background:rgba(128,128,128,.18);padding:.1em .35em;border-radius:.3em;overflow-wrap:anywhere}}li{{margin:.5em 0}}</style></head>
        <body><h1>{title}</h1>{body}</body></html>"
    ))
}
