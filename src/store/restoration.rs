//! When the database was restored from a backup (`scripts/restore` writes it).

use crate::base::time::{HOUR_MS, UtcMillis};
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// The heartbeat of the job that fetches, once after a restoration, the transfers that the lost database made.
pub const TRANSFERS_FETCHED: &str = "stripe_restored_transfers";
/// How long before the backup was made something may have happened that it does not have.
pub const BEFORE_BACKUP_MS: i64 = HOUR_MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Restoration {
    pub restored_at_ms: UtcMillis,
    /// When the backup was made.
    pub taken_at_ms: UtcMillis,
}

pub fn restoration_last() -> Query<Restoration> {
    Stmt::new("SELECT restored_at_ms, taken_at_ms FROM restoration ORDER BY restored_at_ms DESC LIMIT 1").query()
}
