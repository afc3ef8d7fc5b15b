//! What people call a collection.

use async_trait::async_trait;

use super::{Conn, Result, Store, Write, run, storable};
use crate::domain::{CollectionId, WorkspaceId};

impl Store {
    /// Sets what people call a collection; empty: its name.
    pub async fn set_collection_title(&self, collection: &CollectionId, title: &str) -> Result<()> {
        self.apply(SetTitle { collection: collection.clone(), title: title.to_owned() }).await
    }
}

struct SetTitle {
    collection: CollectionId,
    title: String,
}

#[async_trait]
impl Write for SetTitle {
    type Out = ();

    async fn run(&self, workspace: &WorkspaceId, conn: &mut Conn<'_>) -> Result<()> {
        let sql =
            "update collections set title = $3 where id = $1 and workspace_id = $2 and removed = 0";
        let (id, title) = (self.collection.as_str(), storable(&self.title));
        run!(conn, sql, id, workspace.as_str(), title.as_ref()).map(|_| ())
    }
}
