//! The ledger's seal: its rows in blocks, each with a hash over its rows and the block before. A row that is changed,
//! removed, added or moved changes the hash of its block, and with it those of all later blocks.
//!
//! What is hashed is text, so that anybody can recompute it (`docs/ledger.md`): one JSON array a line, first the block's
//! own columns, then each row without its reason, which may be erased.

use crate::base::id;
use crate::base::names::names;
use crate::base::time::UtcMillis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The most rows of a block.
pub const BLOCK_ROWS: usize = 1_000;

/// A ledger row as it is sealed, in the order of its values in the hash: everything that never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedRow {
    pub seq: i64,
    pub id: String,
    pub accrual_id: Option<String>,
    pub code: String,
    pub phase: String,
    pub debit: String,
    pub credit: String,
    pub amount_cents: i64,
    pub pending_id: Option<String>,
    pub program_id: String,
    pub event_id: Option<String>,
    pub run_id: Option<String>,
    pub actor: Option<String>,
    pub created_at_ms: UtcMillis,
}

impl SealedRow {
    fn line(&self) -> String {
        let SealedRow { seq, id, accrual_id, code, phase, debit, credit, amount_cents, .. } = self;
        let SealedRow { pending_id, program_id, event_id, run_id, actor, created_at_ms, .. } = self;
        let created_at_ms = created_at_ms.0;
        #[rustfmt::skip]
        let values = (seq, id, accrual_id, code, phase, debit, credit, amount_cents, pending_id, program_id, event_id, run_id, actor, created_at_ms);
        line(&values)
    }
}

/// The number of the block after `previous`.
fn number_after(previous: Option<&LedgerBlock>) -> i64 {
    previous.map_or(1, |block| block.number + 1)
}

/// The values of a tuple as a JSON array, on a line. Plain values always have a JSON text.
fn line(values: &impl Serialize) -> String {
    serde_json::to_string(values).unwrap_or_default() + "\n"
}

/// A block: the rows after those of the block before, up to its last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerBlock {
    /// 1, 2, 3, …
    pub number: i64,
    pub last_seq: i64,
    pub row_count: i64,
    /// Empty for the first.
    pub previous_hash: String,
    /// Hex.
    pub hash: String,
    pub sealed_at_ms: UtcMillis,
}

impl LedgerBlock {
    /// The block that closes `rows`; `None` if there are none.
    fn closing(previous: Option<&LedgerBlock>, rows: &[SealedRow], now: UtcMillis) -> Option<LedgerBlock> {
        let mut block = LedgerBlock {
            number: number_after(previous),
            last_seq: rows.last()?.seq,
            row_count: i64::try_from(rows.len()).ok()?,
            previous_hash: previous.map(|block| block.hash.clone()).unwrap_or_default(),
            hash: String::new(),
            sealed_at_ms: now,
        };
        block.hash = block.hash_of(rows);
        Some(block)
    }

    fn hash_of(&self, rows: &[SealedRow]) -> String {
        let LedgerBlock { number, last_seq, row_count, previous_hash, sealed_at_ms, .. } = self;
        let mut hash = Sha256::new();
        hash.update(line(&(number, last_seq, row_count, previous_hash, sealed_at_ms.0)));
        rows.iter().for_each(|row| hash.update(row.line()));
        id::hex(&hash.finalize())
    }

    pub fn head(&self) -> SealHead {
        SealHead { number: self.number, hash: self.hash.clone() }
    }
}

/// A block's number and hash: kept elsewhere, it shows later whether the ledger up to it is the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealHead {
    pub number: i64,
    pub hash: String,
}

impl SealHead {
    /// Reads `NUMBER:HASH`, as it is written.
    pub fn parse(text: &str) -> Option<SealHead> {
        let (number, hash) = text.trim().split_once(':')?;
        let hash = hash.to_ascii_lowercase();
        let is_hash = id::unhex(&hash).is_some_and(|bytes| bytes.len() == Sha256::output_size());
        let number = number.parse().ok().filter(|number| (1..1 << 53).contains(number))?;
        is_hash.then_some(SealHead { number, hash })
    }
}

impl std::fmt::Display for SealHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

/// The blocks that close `rows`, which follow those of `previous`.
pub fn seal(previous: Option<LedgerBlock>, rows: &[SealedRow], now: UtcMillis) -> Vec<LedgerBlock> {
    let mut previous = previous;
    let mut blocks = Vec::new();
    for rows in rows.chunks(BLOCK_ROWS) {
        previous = LedgerBlock::closing(previous.as_ref(), rows, now);
        blocks.extend(previous.clone());
    }
    blocks
}

names! {
    /// How a block differs from what was sealed.
    pub enum SealFault {
        /// There is no block of this number.
        BlockMissing = "block_missing",
        /// It does not follow the block before.
        ChainBroken = "chain_broken",
        RowsMissing = "rows_missing",
        RowsAdded = "rows_added",
        /// Its rows or its own columns are not those that were hashed.
        RowsChanged = "rows_changed",
        /// A head that was kept elsewhere has another hash, or is beyond the last block.
        HeadDiffers = "head_differs",
    }
}

/// The first block that differs, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealDifference {
    pub number: i64,
    pub fault: SealFault,
}

/// The first of `blocks` that differs. They follow `previous`; `rows` are all rows after it, up to the last of them.
pub fn first_difference(
    previous: Option<&LedgerBlock>,
    blocks: &[LedgerBlock],
    rows: &[SealedRow],
) -> Option<SealDifference> {
    let mut previous = previous;
    let mut rest = rows;
    for block in blocks {
        let number = number_after(previous);
        let (own, later) = rest.split_at(rest.partition_point(|row| row.seq <= block.last_seq));
        if let Some(fault) = fault_of(previous, block, own) {
            return Some(SealDifference { number, fault });
        }
        (previous, rest) = (Some(block), later);
    }
    None
}

fn fault_of(previous: Option<&LedgerBlock>, block: &LedgerBlock, rows: &[SealedRow]) -> Option<SealFault> {
    let found = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if block.number != number_after(previous) {
        Some(SealFault::BlockMissing)
    } else if block.previous_hash != previous.map_or("", |block| &block.hash) {
        Some(SealFault::ChainBroken)
    } else if found < block.row_count {
        Some(SealFault::RowsMissing)
    } else if found > block.row_count {
        Some(SealFault::RowsAdded)
    } else {
        (block.hash_of(rows) != block.hash).then_some(SealFault::RowsChanged)
    }
}

names! {
    /// What the stored block of a head's number says about the head.
    pub enum HeadResult {
        /// It has the same hash.
        Same = "same",
        /// It has another hash: the ledger was changed and sealed again, or the head is of another installation.
        Differs = "differs",
        /// There is no block of this number.
        NoBlock = "no_block",
    }
}

/// Heads that were kept elsewhere, compared with the stored blocks of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadComparison(pub Vec<(SealHead, HeadResult)>);

impl HeadComparison {
    fn numbers(&self, is_wanted: impl Fn(HeadResult) -> bool) -> impl Iterator<Item = i64> {
        self.0.iter().filter(move |(_, result)| is_wanted(*result)).map(|(head, _)| head.number)
    }

    /// The first head that does not have its block's hash.
    pub fn first_different(&self) -> Option<i64> {
        self.numbers(|result| result != HeadResult::Same).min()
    }

    /// The last block up to which the ledger is what it was when the block's head was kept. That a block has the head's hash
    /// says nothing of its rows, so only blocks up to `verified` count, which were recomputed, and before `different`, the
    /// first that differs.
    pub fn unchanged_to(&self, verified: i64, different: Option<i64>) -> Option<i64> {
        let first = self.first_different().into_iter().chain(different).min();
        let is_before = |number: &i64| *number <= verified && first.is_none_or(|first| *number < first);
        self.numbers(|result| result == HeadResult::Same).filter(is_before).max()
    }
}

/// Compares heads with the blocks of their numbers: number and hash.
pub fn compare(heads: &[SealHead], stored: &[LedgerBlock]) -> HeadComparison {
    let stored: BTreeMap<i64, &str> = stored.iter().map(|block| (block.number, block.hash.as_str())).collect();
    let result = |head: &SealHead| match stored.get(&head.number) {
        Some(hash) if *hash == head.hash => HeadResult::Same,
        Some(_) => HeadResult::Differs,
        None => HeadResult::NoBlock,
    };
    HeadComparison(heads.iter().map(|head| (head.clone(), result(head))).collect())
}

#[cfg(test)]
mod tests;
