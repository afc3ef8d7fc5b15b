//! Pools token vectors into one vector, and reads the prompt prefixes, both as configured by
//! sentence-transformers' files in the model folder.

use std::path::Path;

use frontdesk_encoder::{Head, HeadError, json, optional};
use serde::Deserialize;

/// How token vectors become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    Mean,
    Cls,
}

/// `prompts` of `config_sentence_transformers.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Prompts {
    pub(super) query: Option<String>,
    #[serde(alias = "document")]
    pub(super) passage: Option<String>,
}

/// `modules.json`.
#[derive(Debug, Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `1_Pooling/config.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "sentence-transformers' own format")]
struct PoolingConfig {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SentenceTransformers {
    prompts: Prompts,
}

impl Head for Pooling {
    type Out = Vec<f32>;

    /// Returns the vector of a text, of length 1.
    fn read(&self, rows: &[f32], width: usize) -> Result<Vec<f32>, HeadError> {
        let most = match self {
            Self::Mean => usize::MAX,
            Self::Cls => 1,
        };
        let mut vector = vec![0.0; width];
        for row in rows.chunks_exact(width).take(most) {
            vector.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        super::super::normalize(&mut vector);
        Ok(vector)
    }
}

/// Reads the query and passage prefixes from the folder.
pub(super) fn prompts(folder: &Path) -> Result<Prompts, String> {
    let path = folder.join("config_sentence_transformers.json");
    Ok(optional::<SentenceTransformers>(&path)?.unwrap_or_default().prompts)
}

/// Reads the pooling from the folder; the mean if nothing is configured.
pub(super) fn pooling(folder: &Path) -> Result<Pooling, String> {
    let path = folder.join("modules.json");
    let modules = optional::<Vec<Module>>(&path)?.unwrap_or_default();
    let mut pooling = None;
    for module in &modules {
        match module.kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" | "Normalize" => {}
            "Pooling" => pooling = Some(module.path.as_str()),
            other => {
                return Err(format!(
                    "{} names a module {other}: only Transformer, Pooling and Normalize can be used",
                    path.display()
                ));
            }
        }
    }
    let inside = |path: &&str| {
        !path.is_empty()
            && path.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
            && *path != ".."
    };
    let path = folder.join(pooling.filter(inside).unwrap_or("1_Pooling")).join("config.json");
    if pooling.is_none() && !path.is_file() {
        return Ok(Pooling::Mean);
    }
    let config: PoolingConfig = json(&path)?;
    let others = config.pooling_mode_max_tokens
        || config.pooling_mode_mean_sqrt_len_tokens
        || config.pooling_mode_weightedmean_tokens
        || config.pooling_mode_lasttoken;
    match (config.pooling_mode_cls_token, config.pooling_mode_mean_tokens, others) {
        (true, false, false) => Ok(Pooling::Cls),
        (false, true, false) => Ok(Pooling::Mean),
        _ => Err(format!(
            "{}: only pooling_mode_mean_tokens or pooling_mode_cls_token, one of them, can be used",
            path.display()
        )),
    }
}
