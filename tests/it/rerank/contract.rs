//! The contract of all rerankers: one score per text, in the order of the texts.

use frontdesk::config::Config;
use frontdesk::rerank::{Error, Reranker};

use crate::embedding::tiny::{BERT, Tiny, XLM_ROBERTA};
use crate::support::openai::OpenAi;

fn build(settings: &str) -> std::sync::Arc<dyn Reranker> {
    let config = Config::from_toml(&format!("[rerank]\n{settings}")).unwrap();
    config.rerank.build(&config.models).unwrap()
}

/// Returns the scores of texts; asserts that each has one.
async fn scores(reranker: &dyn Reranker, texts: &[&str]) -> Vec<f32> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let scores = reranker.rerank("when do you open", &texts).await.unwrap();
    assert_eq!(scores.len(), texts.len());
    scores.into_iter().map(Option::unwrap).collect()
}

async fn keeps_the_promises(reranker: &dyn Reranker, kind: &str) {
    let identity = reranker.identity().unwrap();
    assert!(identity.starts_with(&format!("{kind}/")), "{identity}");
    assert_eq!(reranker.candidates(), 7, "{identity}");
    assert_eq!(scores(reranker, &[]).await, [0.0; 0], "{identity}: nothing for nothing");
    let texts = ["open lamps", "you", "", "open open open : when do you open", "lamps lamps do"];
    let forward = scores(reranker, &texts).await;
    assert!(forward.iter().all(|score| score.is_finite()), "{identity}: {forward:?}");
    assert!((forward[0] - forward[1]).abs() > 1e-3, "{identity}: it tells texts apart");
    let mut backward: Vec<&str> = texts.to_vec();
    backward.reverse();
    let mut again = scores(reranker, &backward).await;
    again.reverse();
    for (text, (one, other)) in texts.iter().zip(forward.iter().zip(&again)) {
        assert!((one - other).abs() < 1e-5, "{identity}: `{text}` has {one}, then {other}");
        let alone = scores(reranker, &[text]).await;
        assert!((alone[0] - one).abs() < 1e-5, "{identity}: `{text}` has {one}, alone {alone:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reranker_scores_each_text_in_its_place() {
    let server = OpenAi::start().await;
    let url = &server.url;
    for dialect in ["cohere", "tei"] {
        let settings = format!(
            "kind = \"endpoint\"\nbase_url = \"{url}\"\nmodel = \"prefers-open\"\ndialect = \"{dialect}\"\ncandidates = 7"
        );
        keeps_the_promises(&*build(&settings), "endpoint").await;
    }
    for tiny in [BERT, XLM_ROBERTA] {
        let made = Tiny { labels: 1, ..tiny }.make();
        let folder = made.home.path().join("tiny").display().to_string();
        let settings = format!("kind = \"local\"\npath = {folder:?}\nthreads = 2\ncandidates = 7");
        keeps_the_promises(&*build(&settings), "local").await;
    }
    let off = build("kind = \"off\"");
    assert!(off.identity().is_none() && off.candidates() == 0);
    assert_eq!(off.rerank("q", &["a".into()]).await, Err(Error::Off));
}
