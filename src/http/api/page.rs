//! Cursor paging: a page, and the cursor of the next one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::error::Problem;

/// The most items of a page.
const MOST: i64 = 200;
/// The items of a page, when nothing is asked for.
const USUAL: i64 = 50;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// The `next` of the page before; none for the first page.
    cursor: Option<String>,
    /// How many items; 50 when it is not given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// A page of items.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The items, newest first.
    items: Vec<T>,
    /// The cursor of the next page; none on the last.
    next: Option<String>,
}

impl Paging {
    pub(super) fn limit(&self) -> i64 {
        self.limit.unwrap_or(USUAL).clamp(1, MOST)
    }

    /// The moment and id that the page begins after.
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
    /// The page with other items in the place of these.
    pub(super) fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(each).collect(), next: self.next }
    }

    /// A page of what has an order of its own; `next` is where the next one begins.
    pub(super) fn until(items: Vec<T>, next: Option<i64>) -> Self {
        Self { items, next: next.map(|at| URL_SAFE_NO_PAD.encode(format!("{at}:"))) }
    }

    /// The cursor of the next page.
    pub(super) fn next(self) -> Option<String> {
        self.next
    }

    /// Changes every item.
    pub(super) fn each(&mut self, change: impl Fn(&mut T)) {
        self.items.iter_mut().for_each(change);
    }

    /// A page of rows; `key` gives a row's moment and id. A full page has a next one.
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
