//! A copy of what is held about a person, page by page: for a person who asks an operator for it.

use crate::base::time::UtcMillis;
use crate::service::error::{AppError, ErrorKind};
use crate::store::person::copy as rows;
use crate::store::person::copy::{CopiedRow, CopyList};
use crate::store::query::Query;
use serde_json::{Map, Value, json};

pub use rows::{ACCOUNT, PARTNER};

/// Rows of one page of the API, of all lists together.
pub const ROWS: usize = 500;

/// A page of a copy: the rows after a cursor `<list>.<row>`, of one list after the other.
pub struct CopyPage<'a> {
    lists: &'static [CopyList],
    id: &'a str,
    first: usize,
    after: i64,
    limit: usize,
}

impl<'a> CopyPage<'a> {
    /// `limit`: rows of all lists together.
    pub fn of(lists: &'static [CopyList], id: &'a str, cursor: &str, limit: usize) -> Result<CopyPage<'a>, AppError> {
        let parts = cursor.split_once('.').and_then(|(list, row)| Some((list.parse().ok()?, row.parse().ok()?)));
        let good = parts.filter(|(list, row): &(usize, i64)| *list < lists.len() && (0..1 << 53).contains(row));
        let (first, after) = match good {
            Some(place) => place,
            None if cursor.is_empty() => (0, 0),
            None => {
                let detail = "use the next_cursor of an earlier response";
                return Err(AppError::new(ErrorKind::BadRequest, "malformed", detail).field("cursor"));
            }
        };
        Ok(CopyPage { lists, id, first, after, limit })
    }

    /// What it reads: the lists that are left, each as if it had the page for itself.
    pub fn reads(&self) -> Vec<Query<CopiedRow>> {
        let limit = i64::try_from(self.limit).unwrap_or(0) + 1;
        let left = self.lists.iter().skip(self.first).enumerate();
        left.map(|(n, list)| rows::copy_page(list, self.id, if n == 0 { self.after } else { 0 }, limit)).collect()
    }

    /// `{id, made_at, lists, next_cursor}`. Nothing at all is held about somebody who is not known.
    pub fn view(&self, held: &[Vec<CopiedRow>], now: UtcMillis) -> Result<Value, AppError> {
        if self.first == 0 && self.after == 0 && held.iter().all(Vec::is_empty) {
            return Err(AppError::not_found("person"));
        }
        let (mut found, mut left, mut next) = (Map::new(), self.limit, None);
        for (n, (list, held)) in self.lists.iter().skip(self.first).zip(held).enumerate() {
            let shown_rows = &held[..held.len().min(left)];
            found.insert(list.name.to_owned(), shown_rows.iter().map(|row| shown(&row.held)).collect());
            left -= shown_rows.len();
            if held.len() > shown_rows.len() {
                let start = if n == 0 { self.after } else { 0 };
                let last = shown_rows.last().map_or(start, |row| row.row);
                next = Some(format!("{}.{last}", self.first + n));
                break;
            }
        }
        Ok(json!({"id": self.id, "made_at": now.to_rfc3339(), "lists": found, "next_cursor": next}))
    }
}

/// A row with its times written out, and what is stored as JSON as JSON.
pub fn shown(held: &str) -> Value {
    let row: Map<String, Value> = serde_json::from_str(held).unwrap_or_default();
    let fields = row.into_iter().map(|(name, value)| match (name.strip_suffix("_ms"), &value) {
        (Some(time), Value::Number(at)) => (time.to_owned(), json!(UtcMillis(at.as_i64().unwrap_or(0)).to_rfc3339())),
        (Some(time), _) => (time.to_owned(), value),
        (None, Value::String(text)) if text.starts_with(['{', '[']) => {
            let stored = serde_json::from_str(text).unwrap_or_else(|_| value.clone());
            (name, stored)
        }
        _ => (name, value),
    });
    fields.collect::<Map<String, Value>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: i64) -> Vec<CopiedRow> {
        (1..=count).map(|row| CopiedRow { row, held: format!("{{\"at_ms\":{row}}}") }).collect()
    }

    #[test]
    fn pages_go_on_where_the_last_one_stopped() {
        let first = CopyPage::of(ACCOUNT, "a", "", 3).expect("a page");
        let mut held: Vec<Vec<CopiedRow>> = first.reads().iter().map(|_| Vec::new()).collect();
        held[0] = rows(2);
        held[1] = rows(4);
        let page = first.view(&held, UtcMillis(0)).expect("it is known");
        assert_eq!((&page["next_cursor"], page["lists"]["person"].as_array().map(Vec::len)), (&json!("1.1"), Some(1)));
        assert_eq!(page["lists"]["account"][0]["at"], "1970-01-01T00:00:00.001Z");
        let next = CopyPage::of(ACCOUNT, "a", "1.1", 3).expect("a page");
        assert_eq!(next.reads().len(), held.len() - 1);
        let rest = next.view(&[rows(3)], UtcMillis(0)).expect("it is known");
        assert_eq!(rest["next_cursor"], Value::Null);
        for bad in ["x", "1", "99.0", "0.-1", "0.9007199254740992"] {
            assert!(CopyPage::of(ACCOUNT, "a", bad, 3).is_err(), "{bad}");
        }
        assert!(first.view(&[], UtcMillis(0)).is_err(), "nobody is known by this id");
    }
}
