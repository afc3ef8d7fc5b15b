//! Where a turn's model comes from: the configured one, or the one that was found last. Must not
//! write answers: a turn takes its model once and keeps it.

use std::convert::Infallible;
use std::sync::Arc;

use super::Model;
use super::auto::Auto;
use super::discovery::Discovery;

/// The model in use; with `kind = "auto"` another one may be in use later.
#[derive(Clone)]
pub struct ModelSource(Source);

#[derive(Clone)]
enum Source {
    Fixed(Arc<dyn Model>),
    Auto(Arc<Auto>),
}

impl ModelSource {
    /// A model that stays the same.
    pub fn fixed(model: Arc<dyn Model>) -> Self {
        Self(Source::Fixed(model))
    }

    pub(super) fn auto(auto: Auto) -> Self {
        Self(Source::Auto(Arc::new(auto)))
    }

    /// Returns the model in use. Until [`Self::settled`] has looked for one, `kind = "auto"` quotes
    /// the documents.
    pub fn current(&self) -> Arc<dyn Model> {
        self.now().0
    }

    /// Returns the model in use, and looks for one first if nobody has. Returns within seconds.
    pub async fn settled(&self) -> Arc<dyn Model> {
        if let Source::Auto(auto) = &self.0 {
            auto.look_first().await;
        }
        self.current()
    }

    /// Looks for a model again and again, while none is in use. Never ends.
    pub async fn keep_looking(&self) -> Infallible {
        match &self.0 {
            Source::Fixed(_) => std::future::pending().await,
            Source::Auto(auto) => auto.keep_looking().await,
        }
    }

    /// Returns how the model in use was chosen.
    pub fn discovery(&self) -> Discovery {
        self.now().1
    }

    /// Returns the model in use and how it was chosen, both of the same moment.
    pub fn now(&self) -> (Arc<dyn Model>, Discovery) {
        match &self.0 {
            Source::Fixed(model) => (model.clone(), Discovery::configured()),
            Source::Auto(auto) => auto.now(),
        }
    }
}
