//! Locates the configured model files, downloads them where allowed, and says what is missing.

use std::path::{Path, PathBuf};

use super::{Settings, file, vad};
use crate::models::{self, CATALOG, CatalogModel, LogProgress, Use};

/// Returns the model's file. The inner error says what is missing; the outer one, what is wrong
/// with the settings.
pub(crate) fn model(
    settings: &Settings,
    models: &models::Settings,
) -> Result<Result<PathBuf, String>, String> {
    if let Some(path) = &settings.path {
        let missing = || format!("there is no model {}: [speech] path is its file", path.display());
        return Ok(match path.is_dir() {
            true => among(path).ok_or_else(missing),
            false if path.is_file() => Ok(path.clone()),
            false => Err(missing()),
        });
    }
    let place = models.folder().display();
    if settings.model.is_empty() {
        let first = models.list().into_iter().find(|found| found.purpose == Use::Listen);
        return Ok(first.map(|found| found.path).ok_or_else(|| {
            format!("there is no speech model in {place}: `frontdesk models fetch whisper-small`")
        }));
    }
    let name = &settings.model;
    models.path(name)?;
    let found = models.found(name).filter(|found| found.purpose == Use::Listen);
    Ok(found.map(|found| found.path).ok_or_else(|| {
        format!("the model {name} is not in {place}: `frontdesk models fetch {name}`")
    }))
}

/// The only model in a folder.
fn among(folder: &Path) -> Option<PathBuf> {
    let (purpose, file) = models::purpose(folder)?;
    (purpose == Use::Listen).then_some(file)
}

/// Returns the file of the voice activity model, if there is one.
pub(crate) fn vad(settings: &Settings, models: &models::Settings) -> Option<PathBuf> {
    let found = || models.list().into_iter().find(|found| found.purpose == Use::Voices);
    settings.vad_model.clone().or_else(|| found().map(|found| found.path))
}

/// Downloads the model and the voice activity model, where they are missing and the settings allow
/// it.
pub(crate) async fn fetch(settings: &Settings, models: &models::Settings) -> Result<(), String> {
    if !settings.fetch {
        return Ok(());
    }
    if settings.path.is_none() && model(settings, models)?.is_err() {
        let name = &settings.model;
        let wanted = |known: &CatalogModel| {
            known.purpose == Use::Listen && (name.is_empty() || known.name == name)
        };
        get(models, wanted).await.ok_or_else(|| {
            format!("the model {name} is none that can be fetched: `frontdesk models list`")
        })??;
    }
    if vad(settings, models).is_none() {
        get(models, |known| known.purpose == Use::Voices).await.transpose()?;
    }
    Ok(())
}

async fn get(
    models: &models::Settings,
    wanted: impl Fn(&CatalogModel) -> bool,
) -> Option<Result<(), String>> {
    let known = CATALOG.iter().find(|known| wanted(known))?;
    Some(models.fetch(known, &LogProgress::default()).await.map(drop))
}

/// Describes the models in use and their memory, for people.
pub(crate) fn about(settings: &Settings, models: &models::Settings) -> Option<String> {
    let path = model(settings, models).ok()?.ok()?;
    let vad = match vad(settings, models) {
        Some(path) => format!("{} finds speech", path.display()),
        None => "only silence is told from speech: `frontdesk models fetch silero-vad`".into(),
    };
    Some(format!("{}; {} notes at once; {vad}", describe(&path).ok()?, settings.workers()))
}

/// Describes a model's file and its memory, or says what is wrong with it.
pub(crate) fn describe(path: &Path) -> Result<String, String> {
    match models::purpose(path) {
        Some((Use::Voices, file)) => {
            vad::check(&file)?;
            Ok("a model that finds speech".into())
        }
        Some((_, path)) => describe_whisper_model(&path),
        None => describe_whisper_model(path),
    }
}

fn describe_whisper_model(path: &Path) -> Result<String, String> {
    let shape = file::read(path)?;
    let languages = if shape.multilingual { "99 languages" } else { "English" };
    let weights = shape.bytes.div_ceil(1_000_000);
    let empty = if shape.tensors == 0 { "; it has no weights and hears nothing" } else { "" };
    let (name, working) = (&shape.name, shape.working_mb());
    Ok(format!(
        "{name}, {languages}; {weights} MB in memory from the first note on, and {working} MB for each note at work{empty}"
    ))
}
