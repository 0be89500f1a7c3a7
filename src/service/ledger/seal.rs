//! Sealing the ledger in the sweep, and verifying the seal in pages.

use crate::base::time::{HOUR_MS, Month, UtcMillis};
use crate::engine::ledger::seal as engine;
use crate::engine::ledger::seal::{
    BLOCK_ROWS, HeadComparison, LedgerBlock, SealDifference, SealFault, SealHead, SealedRow,
};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::ledger::seal as rows;
use crate::store::ledger::seal::Unsealed;
use crate::store::message::outbox::ledger_report;
use crate::store::port::{DbError, Stmt};
use crate::store::query::{First, Query};

/// Rows that one statement reads: two megabytes.
const PAGE_ROWS: i64 = 4 * BLOCK_ROWS as i64;
/// Statements that close a page's blocks and read the next page.
const STEP_STATEMENTS: u64 = 3;
/// Pages of a sweep where statements are scarce.
const TIGHT_STEPS: u32 = 2;

/// Blocks that one step of a verification looks at, if they have few rows.
const VERIFIED_BLOCKS: i64 = 500;
/// Steps of one request: 20,000 rows.
const VERIFIED_STEPS: u32 = 5;
/// Statements of such a step.
const VERIFY_STATEMENTS: u64 = 2;

/// How old a row may become that no sweep seals, before somebody has to look.
const SEALED_WITHIN_MS: i64 = HOUR_MS;

/// Seals what was written before this sweep: all of it, unless the invocation's statements end first.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let limit = ctx.page(PAGE_ROWS);
    // In one batch: between two, another sweep could seal some of the rows.
    let (mut last, mut page) = ctx.read((rows::block_last().first(), rows::unsealed_page(limit))).await?;
    let mut steps = if ctx.is_tight() { TIGHT_STEPS } else { u32::MAX };
    while !page.is_empty() && steps > 0 && ctx.has_room(STEP_STATEMENTS) {
        let blocks = engine::seal(last, &page, ctx.now);
        let next = (rows::block_insert(&blocks), rows::block_last().first(), rows::unsealed_page(limit));
        (_, last, page) = match ctx.read(next).await {
            // Another sweep is sealing them.
            Err(DbError::LostRace(_)) => return Ok(()),
            read => read?,
        };
        steps -= 1;
    }
    Ok(())
}

/// The statement that sends last month's seal to the operator, who keeps it outside. Sent once, however often it runs.
pub fn announcement(scheduled: UtcMillis, now: UtcMillis) -> Stmt {
    ledger_report(&Month::of(scheduled).plus(-1).to_string(), now)
}

/// The last block, and what none has sealed yet.
#[derive(Clone, Debug, Default)]
pub struct SealState {
    pub last: Option<LedgerBlock>,
    pub unsealed: Unsealed,
}

impl SealState {
    pub fn of((last, unsealed): (Option<LedgerBlock>, Option<Unsealed>)) -> SealState {
        SealState { last, unsealed: unsealed.unwrap_or_default() }
    }

    /// Whether rows wait, and nothing was sealed for longer than a sweep takes.
    pub fn is_late(&self, now: UtcMillis) -> bool {
        let is_old = |at: UtcMillis| at.plus_ms(SEALED_WITHIN_MS) <= now;
        self.unsealed.oldest_ms.is_some_and(is_old) && self.last.as_ref().is_none_or(|last| is_old(last.sealed_at_ms))
    }
}

pub fn state_reads() -> (First<LedgerBlock>, First<Unsealed>) {
    (rows::block_last().first(), rows::unsealed_count().first())
}

/// What a request has verified.
#[derive(Clone, Debug)]
pub struct Verification {
    pub state: SealState,
    /// The first and the last block that were recomputed, and their rows.
    pub blocks: Option<(i64, i64)>,
    pub rows: i64,
    /// What the given heads say.
    pub heads: HeadComparison,
    /// By the heads that were given: the last recomputed block up to which the ledger is what it was when its head was kept.
    pub unchanged_to: Option<i64>,
    pub difference: Option<SealDifference>,
    /// The last verified block, if there are more.
    pub next: Option<i64>,
}

/// Recomputes the blocks after `after`, as many as one request may, and compares `heads` that were kept elsewhere.
pub async fn verify<P: Ports>(ctx: &Context<'_, P>, after: i64, heads: &[SealHead]) -> Result<Verification, AppError> {
    let numbers: Vec<i64> = heads.iter().map(|head| head.number).chain([after]).collect();
    let (state, stored) = ctx.read((state_reads(), rows::block_find(&numbers))).await?;
    let state = SealState::of(state);
    let end = state.last.as_ref().map_or(0, |last| last.number);
    let mut done = Verification {
        state,
        blocks: None,
        rows: 0,
        heads: engine::compare(heads, &stored),
        unchanged_to: None,
        difference: None,
        next: None,
    };
    let mut previous = stored.into_iter().find(|block| block.number == after);
    if after > 0 && previous.is_none() {
        done.difference = Some(SealDifference { number: after, fault: SealFault::BlockMissing });
        return Ok(done);
    }
    let mut to = after;
    for _ in 0..VERIFIED_STEPS {
        if to >= end || done.difference.is_some() || !ctx.has_room(VERIFY_STATEMENTS) {
            break;
        }
        let (blocks, found) = page(ctx, previous.as_ref()).await?;
        done.difference = engine::first_difference(previous.as_ref(), &blocks, &found);
        let Some(last) = blocks.into_iter().next_back() else { break };
        to = last.number;
        done.rows += i64::try_from(found.len()).unwrap_or(0);
        done.blocks = Some((after + 1, to));
        previous = Some(last);
    }
    // A head beyond the last block was of one that is gone.
    let by_head = done.heads.first_different().filter(|number| *number <= to || to >= end);
    if let Some(number) = by_head.filter(|number| done.difference.as_ref().is_none_or(|first| *number < first.number)) {
        done.difference = Some(SealDifference { number, fault: SealFault::HeadDiffers });
    }
    done.unchanged_to = done.heads.unchanged_to(to, done.difference.as_ref().map(|first| first.number));
    done.next = Some(to).filter(|to| *to < end && done.difference.is_none());
    Ok(done)
}

/// The blocks after one, with at most a page of rows, and their rows: one more than there should be, if there are more.
async fn page<P: Ports>(
    ctx: &Context<'_, P>,
    previous: Option<&LedgerBlock>,
) -> Result<(Vec<LedgerBlock>, Vec<SealedRow>), AppError> {
    let limit = ctx.page(PAGE_ROWS).max(BLOCK_ROWS as i64);
    let (number, after) = previous.map_or((0, 0), |block| (block.number, block.last_seq));
    let of_page: Query<LedgerBlock> = rows::block_page(number + 1, VERIFIED_BLOCKS);
    let mut blocks = ctx.read(of_page).await?;
    let mut sum = 0;
    let fits = blocks.iter().take_while(|block| {
        sum += block.row_count;
        sum <= limit
    });
    // What says that it has more rows than a block may is not read to its end: it differs.
    let fits = fits.count().max(1);
    blocks.truncate(fits);
    let expected: i64 = blocks.iter().map(|block| block.row_count.min(limit)).sum();
    let Some(last) = blocks.last() else { return Ok((blocks, Vec::new())) };
    let found = ctx.read(rows::sealed_rows(after, last.last_seq, expected + 1)).await?;
    Ok((blocks, found))
}
