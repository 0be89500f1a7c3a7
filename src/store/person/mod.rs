//! People: the salt of what they are compared by, and erasing them.

pub mod copy;
pub mod erase;
pub mod visitor;

use crate::engine::review::salt::PersonSalt;
use crate::store::port::{DbError, Rows, Stmt};
use crate::store::query::Parsed;
use serde::Deserialize;

/// The columns of [`salt_find`].
pub const SALT: &str = "salt";

/// The database's salt. A migration makes it, so there is always one.
pub fn salt_find() -> Parsed<PersonSalt> {
    Stmt::new("SELECT salt FROM person_salt").parsed(salt)
}

fn salt(rows: Rows) -> Result<PersonSalt, DbError> {
    #[derive(Deserialize)]
    struct Row {
        salt: String,
    }
    let row: Option<Row> = rows.take()?.pop();
    row.map(|row| PersonSalt(row.salt)).ok_or_else(|| DbError::Fault("the salt of people's digests is gone".to_owned()))
}
