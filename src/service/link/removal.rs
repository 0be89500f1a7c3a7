//! Removing old clicks and funnel events, with the sums kept, and fingerprints that nobody can be found by any more.

use crate::base::time::Week;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::kept_days::KeptKind;
use crate::store::link::click::flush::flush_forget;
use crate::store::link::click::removal;
use crate::store::report::kept::many_clicks_note;

/// Steps of one sweep.
const STEPS: u32 = 20;
/// Statements of a step: what there is to do, and the removal.
const STEP_STATEMENTS: u64 = 5;

/// Removes what is older than is kept, as far as one sweep gets.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let kept_days = ctx.setup.kept_days.of(KeptKind::Clicks);
    for _ in 0..STEPS {
        if !ctx.has_room(STEP_STATEMENTS) {
            break;
        }
        let due = ctx.read(removal::removal_due(ctx.now)).await?;
        let Some(any) = due.first() else { break };
        let first_kept = Week::of(ctx.now.plus_days(-kept_days.max(any.window_days)));
        let old = due.iter().find_map(|rows| rows.week().filter(|week| *week < first_kept).map(|week| (rows, week)));
        let mut batch = Vec::new();
        if any.flushes != 0 {
            batch.push(flush_forget(ctx.now));
        }
        if any.many_clicks != 0 {
            batch.push(many_clicks_note(ctx.now));
        }
        if any.fingerprints != 0 {
            batch.extend(removal::fingerprints_remove(ctx.now));
        }
        if batch.is_empty() {
            let Some((rows, week)) = old else { break };
            // The last step of a week removes its note, so that none is left when there are no rows.
            match ctx.read(removal::removal_next().first()).await? {
                Some(removal) => batch.extend(removal::removal_step(&removal)),
                None => batch.extend(removal::removal_begin(&rows.program_id, week)),
            }
        }
        ctx.batch(batch).await?;
    }
    Ok(())
}
