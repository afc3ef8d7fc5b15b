//! Commits what SQLite's writer took from its queue: all together, or each change alone if one fails.

use futures::executor::block_on;

use super::{CommitError, QueuedWrite};
use crate::store::sql::WriterConnection;
use crate::store::{Conn, Error};

/// Commits the batch in one transaction; if a change fails, each in its own, a line's first together.
pub(super) fn commit_all(conn: &mut WriterConnection, mut batch: Vec<Box<dyn QueuedWrite>>) {
    match try_together(conn, &mut batch) {
        Ok(()) => settle_all(&mut batch, &Ok(())),
        Err(BatchError::Commit(why)) => settle_all(&mut batch, &Err(why)),
        Err(BatchError::Change(error)) => {
            tracing::debug!(%error, "changes could not be made together, each is made alone");
            if batch.len() > 1 {
                return batch.into_iter().for_each(|change| commit_all(conn, vec![change]));
            }
            for mut change in batch.into_iter().flat_map(QueuedWrite::split) {
                commit_one(conn, change.as_mut());
            }
        }
    }
}

enum BatchError {
    /// One of its changes failed.
    Change(Error),
    /// The transaction could not begin or commit.
    Commit(CommitError),
}

fn try_together(
    conn: &mut WriterConnection,
    batch: &mut [Box<dyn QueuedWrite>],
) -> std::result::Result<(), BatchError> {
    statement(conn, "begin immediate").map_err(BatchError::Commit)?;
    for change in batch.iter_mut() {
        if let Err(error) = block_on(change.attempt(&mut Conn::Writer(conn))) {
            roll_back(conn);
            return Err(BatchError::Change(error));
        }
    }
    finish(conn).map_err(BatchError::Commit)
}

fn commit_one(conn: &mut WriterConnection, change: &mut dyn QueuedWrite) {
    if let Err(why) = statement(conn, "begin immediate") {
        return change.settle(Err(why));
    }
    match block_on(change.attempt(&mut Conn::Writer(conn))) {
        Ok(()) => {
            let committed = finish(conn);
            change.settle(committed);
        }
        Err(error) => {
            roll_back(conn);
            change.refuse(error);
        }
    }
}

fn finish(conn: &mut WriterConnection) -> std::result::Result<(), CommitError> {
    crate::failpoint!("store.commit");
    let committed = statement(conn, "commit");
    if committed.is_err() {
        roll_back(conn);
    }
    committed
}

fn roll_back(conn: &mut WriterConnection) {
    // SQLite may have rolled back already (a full disk does); then this fails and nothing is open.
    if let Err(CommitError(why)) = statement(conn, "rollback") {
        tracing::debug!(why, "nothing to roll back");
    }
}

fn statement(conn: &mut WriterConnection, sql: &str) -> std::result::Result<(), CommitError> {
    let done = conn.inner.run(sql, &frontdesk_sqlite::Arguments::default());
    done.map(drop).map_err(|error| CommitError(Error::from(error).to_string()))
}

fn settle_all(
    batch: &mut [Box<dyn QueuedWrite>],
    committed: &std::result::Result<(), CommitError>,
) {
    for change in batch {
        change.settle(committed.clone());
    }
}
