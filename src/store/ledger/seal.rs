//! The ledger's blocks (`engine/ledger/seal.rs`), and the rows that none has sealed yet.

use crate::base::time::UtcMillis;
use crate::engine::ledger::seal::{LedgerBlock, SealedRow};
use crate::store::port::Stmt;
use crate::store::query::Query;
use serde::Deserialize;

/// Counting the rows that are not sealed ends here.
pub const UNSEALED_COUNTED_MAX: i64 = 1_000;

const ROW: &str = "SELECT seq, id, accrual_id, code, phase, debit, credit, amount_cents, pending_id, program_id, event_id, run_id, \
                   actor, created_at_ms FROM transfer";
const BLOCK: &str = "SELECT number, last_seq, row_count, previous_hash, hash, sealed_at_ms FROM ledger_block";
/// The last row that is sealed; before all rows if none is. Rows begin at 1, but for those that somebody put before them.
const SEALED_TO: &str =
    "COALESCE((SELECT last_seq FROM ledger_block ORDER BY number DESC LIMIT 1), -9223372036854775808)";

pub fn block_last() -> Query<LedgerBlock> {
    Stmt::new(format!("{BLOCK} ORDER BY number DESC LIMIT 1")).query()
}

/// The first rows that are not sealed.
pub fn unsealed_page(limit: i64) -> Query<SealedRow> {
    Stmt::new(format!("{ROW} WHERE seq > {SEALED_TO} ORDER BY seq LIMIT ?1")).bind(limit).query()
}

/// Closes blocks. If another sweep was first, the batch aborts.
pub fn block_insert(blocks: &[LedgerBlock]) -> Stmt {
    Stmt::new(
        "INSERT INTO ledger_block (number, last_seq, row_count, previous_hash, hash, sealed_at_ms)
         SELECT value ->> '$.number', value ->> '$.last_seq', value ->> '$.row_count', value ->> '$.previous_hash',
                value ->> '$.hash', value ->> '$.sealed_at_ms' FROM json_each(?1) WHERE true ORDER BY 1",
    )
    .json(&blocks)
}

/// Blocks from a number on.
pub fn block_page(from: i64, limit: i64) -> Query<LedgerBlock> {
    Stmt::new(format!("{BLOCK} WHERE number >= ?1 ORDER BY number LIMIT ?2")).bind(from).bind(limit).query()
}

/// The blocks of these numbers.
pub fn block_find(numbers: &[i64]) -> Query<LedgerBlock> {
    Stmt::new(format!("{BLOCK} WHERE number IN (SELECT CAST(value AS INTEGER) FROM json_each(?1))"))
        .json(&numbers)
        .query()
}

/// The rows after one, or from the first on (0), up to another.
pub fn sealed_rows(after: i64, to: i64, limit: i64) -> Query<SealedRow> {
    Stmt::new(format!("{ROW} WHERE seq > IIF(?1 = 0, -9223372036854775808, ?1) AND seq <= ?2 ORDER BY seq LIMIT ?3"))
        .bind(after)
        .bind(to)
        .bind(limit)
        .query()
}

/// The rows that no block has sealed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Unsealed {
    /// Up to one more than [`UNSEALED_COUNTED_MAX`].
    pub unsealed: i64,
    /// When the oldest of them was written.
    pub oldest_ms: Option<UtcMillis>,
}

pub fn unsealed_count() -> Query<Unsealed> {
    Stmt::new(format!(
        "SELECT COUNT(*) AS unsealed, MIN(created_at_ms) AS oldest_ms
         FROM (SELECT created_at_ms FROM transfer WHERE seq > {SEALED_TO} ORDER BY seq LIMIT {})",
        UNSEALED_COUNTED_MAX + 1
    ))
    .query()
}
