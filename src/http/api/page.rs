//! Cursor pagination.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::error::Problem;

/// Maximum number of items on a page.
const MAX_LIMIT: i64 = 200;
/// Default number of items on a page.
const USUAL: i64 = 50;

/// Pagination parameters.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// The `next` cursor of the previous page; omit it for the first page.
    cursor: Option<String>,
    /// Number of items; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// A page of items.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The items, newest first unless the operation says otherwise.
    items: Vec<T>,
    /// Cursor of the next page; null on the last page.
    next: Option<String>,
}

impl Paging {
    pub(super) fn limit(&self) -> i64 {
        self.limit.unwrap_or(USUAL).clamp(1, MAX_LIMIT)
    }

    /// Decodes the cursor: sort key and id of the previous page's last item.
    pub(super) fn after(&self) -> Result<Option<(i64, String)>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let wrong = || Problem::bad_request("The cursor is not one that this API gave.");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let (moment, id) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Some((moment.parse().map_err(|_| wrong())?, id.to_owned())))
    }
}

impl<T> Page<T> {
    /// Converts the items.
    pub(super) fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(each).collect(), next: self.next }
    }

    /// Builds a page whose cursor is a position: `next` is where the next page begins.
    pub(super) fn until(items: Vec<T>, next: Option<i64>) -> Self {
        Self { items, next: next.map(|at| URL_SAFE_NO_PAD.encode(format!("{at}:"))) }
    }

    /// Returns the cursor of the next page.
    pub(super) fn next(self) -> Option<String> {
        self.next
    }

    /// Changes every item in place.
    pub(super) fn each(&mut self, change: impl Fn(&mut T)) {
        self.items.iter_mut().for_each(change);
    }

    /// Builds a page of rows; `key` returns a row's sort key and id. A full page has a next one.
    pub(super) fn of<R>(rows: Vec<R>, limit: i64, key: impl Fn(&R) -> (i64, &str)) -> Self
    where
        T: From<R>,
    {
        let full = i64::try_from(rows.len()).unwrap_or(0) == limit;
        let next = rows.last().filter(|_| full).map(|row| {
            let (moment, id) = key(row);
            URL_SAFE_NO_PAD.encode(format!("{moment}:{id}"))
        });
        Self { items: rows.into_iter().map(T::from).collect(), next }
    }
}
