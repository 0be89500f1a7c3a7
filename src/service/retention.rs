//! Removing what is older than its setting says, in bounded steps.

use crate::base::time::{MINUTE_MS, UtcMillis};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::kept_days::{KeptKind, RULES};
use crate::store::port::Stmt;
use crate::store::retention;

/// Steps of one kind that a sweep makes: what is left, the next one removes.
const STEPS: u32 = 5;
/// The interval between sweeps.
const SWEEP_MS: i64 = 10 * MINUTE_MS;

/// Removes what is older than its setting says, up to some thousand rows of each kind. Where statements are scarce, each
/// sweep makes one step of another kind.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let is_tight = ctx.is_tight();
    // Sweeps whose statements last to here may be every few ones, always at the same distance: each kind has its turn.
    let (sweep, kinds) = (ctx.now.0.div_euclid(SWEEP_MS), RULES.len() as i64);
    let turn = (sweep + sweep.div_euclid(kinds)).rem_euclid(kinds);
    for (place, (rule, days)) in RULES.iter().zip(ctx.setup.kept_days.0).enumerate() {
        if is_tight && place as i64 != turn {
            continue;
        }
        for _ in 0..if is_tight { 1 } else { STEPS } {
            let Some((step, most)) = removal(rule.kind, ctx.now.plus_days(-days), ctx.now) else { break };
            let removed = ctx.batch(step).await?;
            if removed.iter().all(|rows| rows.0.len() < most) {
                break;
            }
        }
    }
    Ok(())
}

/// The statements of one step, and the most rows that one of them removes. Each returns a row for each. Clicks are summed
/// before they are removed (`link/removal.rs`).
fn removal(kind: KeptKind, before: UtcMillis, now: UtcMillis) -> Option<(Vec<Stmt>, usize)> {
    let step = match kind {
        KeptKind::Responses => retention::responses(before),
        KeptKind::Messages => return Some((retention::messages(before, now), retention::MESSAGES)),
        KeptKind::StripeEvents => retention::stripe_events(before),
        KeptKind::Sessions => retention::sessions(before),
        KeptKind::Campaigns => retention::campaigns(before),
        KeptKind::Reports => retention::reports(before),
        KeptKind::Clicks => return None,
    };
    Some((step, retention::ROWS))
}
