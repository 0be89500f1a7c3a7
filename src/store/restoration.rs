//! When the database was restored from a backup (`scripts/restore` writes it).

use crate::base::time::UtcMillis;
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Restoration {
    pub restored_at_ms: UtcMillis,
    /// When the backup was made.
    pub taken_at_ms: UtcMillis,
}

pub fn restoration_last() -> Query<Restoration> {
    Stmt::new("SELECT restored_at_ms, taken_at_ms FROM restoration ORDER BY restored_at_ms DESC LIMIT 1").query()
}
