//! Finds the topics of an agent's documents, so that attacks and look-alikes fit the business.

use crate::desk::Desk;
use crate::domain::DocumentState;
use crate::pipeline::{Bot, retrieve};
use crate::store::Result;

/// Maximum length of a heading used as a topic, in characters.
const MAX_LEN: usize = 80;

/// Returns at most `most` topics: one heading or title per document that retrieval finds.
pub async fn topics(desk: &Desk, bot: &Bot, most: usize) -> Result<Vec<String>> {
    let mut topics: Vec<String> = Vec::new();
    for collection in &bot.agent.knowledge {
        for document in desk.store.documents(collection, 0).await? {
            if topics.len() >= most {
                return Ok(topics);
            }
            if document.state != DocumentState::Ready {
                continue;
            }
            let chunks = desk.store.chunks(&document.id, None).await?;
            let headings =
                chunks.iter().map(|chunk| chunk.heading.rsplit(" > ").next().unwrap_or_default());
            let fits = |words: &&str| words.contains(' ') && words.chars().count() <= MAX_LEN;
            let topic =
                headings.chain([document.title.as_str()]).find(fits).unwrap_or(&document.title);
            let collections = std::slice::from_ref(collection);
            let search = retrieve::Search { text: topic, language: None, collections, limit: 1 };
            let live = desk.engine.live();
            let (found, _) = retrieve::find(live.retrieval(), &search).await;
            if !found.passages.is_empty() && !topics.iter().any(|known| known == topic) {
                topics.push(topic.to_owned());
            }
        }
    }
    Ok(topics)
}
