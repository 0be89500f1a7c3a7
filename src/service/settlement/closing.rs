//! The end of a run: statements and payouts, for one page of partners after the other, and then the leaderboard.

use crate::engine::settlement::RunState;
use crate::service::context::{Context, Ports};
use crate::service::payout::send;
use crate::service::report::kept;
use crate::service::settlement::terms;
use crate::store::message::outbox;
use crate::store::payout::{accruals, plan};
use crate::store::port::{DbError, Stmt};
use crate::store::report::kept::kept_want;
use crate::store::settlement::leaderboard::{RANK_PAGE, Ranked, leaderboard_refresh, rank_page, rank_page_end};
use crate::store::settlement::page::{PARTNER_PAGE, partner_page};
use crate::store::settlement::run as runs;
use crate::store::settlement::run::RunRow;
use crate::store::settlement::run_partner;

/// Writes the statements of the next partners and plans their payouts. What is taken off payouts that wait comes first:
/// new ones would net it.
pub async fn close<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<Vec<Stmt>, DbError> {
    let catalog = ctx.programs().await?;
    let (minimum, delay) = catalog
        .in_force(&run.program_id, run.as_of_ms)
        .map_or((0, 0), |d| (d.settlement.minimum_cents.0, d.settlement.delay_days));
    let limit = ctx.page(PARTNER_PAGE);
    let end = ctx.read(partner_page(&run.program_id, &run.cursor, limit).first()).await?;
    let (page, is_last) = terms::of(&run.cursor, limit, end);
    let mut statements = vec![if is_last {
        runs::run_step(run, RunState::Ranking, "")
    } else {
        runs::run_step(run, RunState::Closing, &page.until)
    }];
    statements.extend(accruals::reduce_waiting(&run.program_id, &page, &ctx.actor, ctx.now));
    statements.push(run_partner::run_partner_insert(run, &page, minimum, delay));
    // Without Stripe nobody can be paid: what is payable stays available, and no partner is asked to onboard.
    let is_connected = ctx.setup.stripe.is_some();
    if is_connected {
        statements.extend(plan::payout_plan(run, &page, (minimum, delay), ctx.now));
        if is_last {
            statements.push(plan::approval_notice(run, send::approval_name(ctx.setup.payout_approval), ctx.now));
        }
    }
    statements.extend(leaderboard_refresh(run, &page, ctx.now));
    statements.push(outbox::outbox_statements(&run.id, &page, is_connected, ctx.now));
    Ok(statements)
}

/// Ranks the next partners, and finishes the run after the last.
pub async fn rank<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<Vec<Stmt>, DbError> {
    let after = Ranked::of(&run.cursor);
    let limit = ctx.page(RANK_PAGE);
    let last = ctx.read(rank_page_end(run, &after, limit).first()).await?;
    let next = last.filter(|last| last.place - after.place >= limit);
    let mut statements = vec![match &next {
        // A row of numbers and an id always serializes.
        Some(last) => runs::run_step(run, RunState::Ranking, &serde_json::to_string(last).unwrap_or_default()),
        None => runs::run_step(run, RunState::Done, ""),
    }];
    statements.push(rank_page(run, &after, limit, ctx.now));
    if next.is_none() {
        statements.push(runs::run_finish(run, ctx.now));
        statements.push(kept_want(&[kept::run_key(&run.id)], ctx.now));
    }
    Ok(statements)
}
