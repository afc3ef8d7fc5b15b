//! Checks of `frontdesk doctor`: the models of retrieval, quotations and voice notes, which may run in
//! this process.

use super::Report;
use crate::app::App;
use crate::embed::Purpose;
use crate::knowledge::EmbeddingProgress;

/// What the configuration says about local speech models.
pub(super) struct SpeechModels {
    pub(super) missing: Option<String>,
    pub(super) about: Option<String>,
}

pub(super) fn check_speech(app: &App, listens: &SpeechModels, report: &mut Report) {
    let speech = app.desk.engine.speech.current();
    let Some(name) = speech.name() else {
        let mend = "[speech] kind = \"auto\" or \"openai\" transcribes";
        let mend = listens.missing.as_deref().unwrap_or(mend);
        let off = "off: customers get voice.failure_reply.";
        return report.note("voice notes", &format!("{off} {mend}"));
    };
    match &listens.about {
        Some(about) => report.good("voice notes", &format!("{name}: {about}")),
        None => report.good("voice notes", name),
    }
    if let Some(missing) = &listens.missing {
        report.note("voice notes", missing);
    }
}

pub(super) async fn check_embeddings(app: &App, missing: Option<&str>, report: &mut Report) {
    let embed = app.desk.engine.live().embed.clone();
    let Some(name) = embed.identity() else {
        let mend = missing.unwrap_or("[embed] kind = \"auto\" or \"openai\" adds meaning");
        return report.note("embeddings", &format!("off: retrieval compares words. {mend}"));
    };
    match embed.embed(&["hello".into()], Purpose::Query).await {
        Ok(_) => {
            report.good("embeddings", name);
            report_unembedded(app, report).await;
        }
        Err(error) => {
            report.bad("embeddings", &error.to_string(), "[embed] model, base_url and api_key");
        }
    }
}

/// Reports collections that the configured model has not embedded completely.
async fn report_unembedded(app: &App, report: &mut Report) {
    let left = match app.desk.library.embedding_progress().await {
        Ok(left) => left,
        Err(error) => {
            return report.bad("embeddings", &error.to_string(), "see the database above");
        }
    };
    for EmbeddingProgress { collection, done, total } in left {
        report.note(
            "embeddings",
            &format!(
                "{collection}: {done} of {total} passages are embedded, until all are it is searched by words alone; `frontdesk serve` goes on with it in the background, `frontdesk reindex` at once"
            ),
        );
    }
}

pub(super) async fn check_reranker(app: &App, report: &mut Report) {
    let rerank = app.desk.engine.live().rerank.clone();
    let Some(name) = rerank.identity() else {
        return report.note(
            "reranking",
            "off: passages stay as they were found. [rerank] kind = \"local\" or \"endpoint\" reads each with the question",
        );
    };
    match rerank.rerank("hello", &["hello there".into()]).await {
        Ok(_) => report.good("reranking", name),
        Err(error) => {
            report.bad("reranking", &error.to_string(), "[rerank] model, base_url and api_key");
        }
    }
}

pub(super) async fn check_qa(app: &App, missing: Option<&str>, report: &mut Report) {
    let (name, qa) = ("quotations", app.desk.local_models.qa());
    let Some(model) = qa.identity() else {
        let mend = missing.unwrap_or("[qa] kind = \"auto\" uses a model that is there");
        let off = "words choose what answers without a model quote.";
        return report.note(name, &format!("{off} {mend}"));
    };
    match qa.find("who is there", &["hello there".into()]).await {
        Ok(_) => report.good(name, model),
        Err(error) => report.bad(name, &error.to_string(), "[qa] model, path and timeout_ms"),
    }
}
