//! Lists with a cursor: `?limit=` and `?cursor=` in, `{data, next_cursor}` out.

use crate::http::exchange::Request;
use crate::service::error::{AppError, ErrorKind};
use serde_json::{Value, json};

const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 200;

/// Largest integer that D1 accepts: none of our cursors exceeds it.
const NUMBER_MAX: i64 = (1 << 53) - 1;

/// Later than any instant: where newest-first lists begin.
pub const LAST: i64 = u32::MAX as i64 * 1_000_000;

/// The filter `?state=`, one of `known`; empty means all.
pub fn state(request: &Request, known: &[&str]) -> Result<String, AppError> {
    one_of(request, "state", known)
}

/// The same for another filter.
pub fn one_of(request: &Request, name: &str, known: &[&str]) -> Result<String, AppError> {
    let value = request.param(name).unwrap_or_default();
    if value.is_empty() || known.contains(&value.as_str()) {
        return Ok(value);
    }
    let detail = format!("must be one of {}", known.join(", "));
    Err(AppError::new(ErrorKind::BadRequest, "unsupported", detail).field(name))
}

pub struct Page {
    pub limit: i64,
    /// From the previous response; empty for the first page.
    pub cursor: String,
}

impl Page {
    pub fn of(request: &Request) -> Result<Page, AppError> {
        let limit = match request.param("limit") {
            None => LIMIT_DEFAULT,
            Some(text) => text.parse().ok().filter(|n| (1..=LIMIT_MAX).contains(n)).ok_or_else(|| {
                let detail = format!("must be a number from 1 to {LIMIT_MAX}");
                AppError::new(ErrorKind::BadRequest, "malformed", detail).field("limit")
            })?,
        };
        Ok(Page { limit, cursor: request.param("cursor").unwrap_or_default() })
    }

    /// The cursor as `<integer>`, or `first` on the first page.
    pub fn number(&self, first: i64) -> Result<i64, AppError> {
        if self.cursor.is_empty() { Ok(first) } else { integer(&self.cursor) }
    }

    /// The cursor as `<integer>.<id>`, or `first` and no id on the first page.
    pub fn instant_and_id(&self, first: i64) -> Result<(i64, String), AppError> {
        if self.cursor.is_empty() {
            return Ok((first, String::new()));
        }
        let (number, id) = self.cursor.split_once('.').ok_or_else(broken)?;
        Ok((integer(number)?, id.to_owned()))
    }

    /// Removes the row beyond the limit, and returns the next page's cursor if there was one.
    pub fn cut<T>(&self, rows: &mut Vec<T>, cursor: impl Fn(&T) -> String) -> Option<String> {
        let limit = usize::try_from(self.limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if more { rows.last().map(cursor) } else { None }
    }

    /// The response to a query for one row more than the limit: that row shows whether there is a next page.
    pub fn answer<T>(&self, mut rows: Vec<T>, cursor: impl Fn(&T) -> String, view: impl Fn(&T) -> Value) -> Value {
        let next = self.cut(&mut rows, cursor);
        json!({"data": rows.iter().map(view).collect::<Vec<Value>>(), "next_cursor": next})
    }
}

fn integer(text: &str) -> Result<i64, AppError> {
    text.parse().ok().filter(|n| (-NUMBER_MAX..=NUMBER_MAX).contains(n)).ok_or_else(broken)
}

fn broken() -> AppError {
    AppError::new(ErrorKind::BadRequest, "malformed", "must be a next_cursor from an earlier response").field("cursor")
}
