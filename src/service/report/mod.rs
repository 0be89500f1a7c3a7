//! Reports on what referrals bring: by channel, and compared with what accounts cost elsewhere.

pub mod reconcile;
pub mod stripe_reconcile;

use crate::base::ids::ProgramId;
use crate::base::time::{Month, UtcMillis};
use crate::engine::report::economics;
use crate::engine::report::economics::{Economics, EconomicsSums};
use crate::program::catalog::Catalog;
use crate::program::document::Document;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::port::DbError;
use crate::store::program;
use crate::store::query::{First, Parsed};
use crate::store::report::{ChannelRow, CostSums, ReachSums, channel_list, cost_sums, reach_sums};

/// A program's channels in a month.
pub struct Channels {
    pub document: Document,
    pub rows: Vec<ChannelRow>,
}

pub async fn channels<P: Ports>(ctx: &Context<'_, P>, program: &ProgramId, month: Month) -> Result<Channels, AppError> {
    let channels = channel_list(program, month.start(), month.end());
    let (catalog, rows) = ctx.read((program::programs(), channels)).await?;
    let document = document_of(&catalog, program, month.end(), ctx.now)?;
    Ok(Channels { document, rows })
}

/// A program's economics over [from, to).
pub async fn economics<P: Ports>(
    ctx: &Context<'_, P>,
    program: &ProgramId,
    from: UtcMillis,
    to: UtcMillis,
) -> Result<(Document, Economics), AppError> {
    let (catalog, cost, reach) = ctx.read(economics_reads(program, from, to, ctx.now)).await?;
    economics_of(&catalog, (cost, reach), program, to, ctx.now)
}

pub type EconomicsReads = (Parsed<Catalog>, First<CostSums>, First<ReachSums>);

/// The reads that a program's economics need.
pub fn economics_reads(program: &ProgramId, from: UtcMillis, to: UtcMillis, now: UtcMillis) -> EconomicsReads {
    let reach = reach_sums(program, from, to, judged_at(to, now));
    (program::programs(), cost_sums(program, from, to).first(), reach.first())
}

/// A program's economics, from the results of `economics_reads`.
pub fn economics_of(
    catalog: &Catalog,
    (cost, reach): (Option<CostSums>, Option<ReachSums>),
    program: &ProgramId,
    to: UtcMillis,
    now: UtcMillis,
) -> Result<(Document, Economics), AppError> {
    let document = document_of(catalog, program, to, now)?;
    let (Some(cost), Some(reach)) = (cost, reach) else {
        return Err(DbError::Fault("a sum without a row".to_owned()).into());
    };
    let sums = EconomicsSums {
        rewarded: cost.rewarded,
        reward_cents: cost.reward_cents,
        benefit_cents: cost.benefit_cents,
        invoiced: cost.invoiced,
        first_year_cents: cost.first_year_cents,
        signups: reach.signups,
        active_referrers: reach.active_referrers,
        existing_accounts: reach.existing_accounts,
        clicks: reach.clicks,
    };
    let found = economics::economics(&document, &sums);
    Ok((document, found))
}

/// The instant whose document applies to a period that ends at `end`.
fn judged_at(end: UtcMillis, now: UtcMillis) -> UtcMillis {
    end.plus_ms(-1).min(now)
}

/// The document in force at the end of the period, or now if the period isn't over. Before the first version begins,
/// that one: what the period counted is nothing.
fn document_of(catalog: &Catalog, program: &ProgramId, end: UtcMillis, now: UtcMillis) -> Result<Document, AppError> {
    catalog.current(program, judged_at(end, now)).cloned().ok_or_else(|| AppError::not_found("program"))
}
