//! Reports on what referrals bring: by channel, and compared with what accounts cost elsewhere.

pub mod kept;
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
use crate::store::query::Parsed;
use crate::store::report::{ChannelRow, channel_list};

use kept::{Gathered, KeptReads, KeptRows, gather, judged_at, kept_reads};

/// A program's channels in a month.
pub struct Channels {
    pub document: Document,
    pub rows: Vec<ChannelRow>,
    /// As of when; `None`: now.
    pub as_of: Option<UtcMillis>,
}

pub async fn channels<P: Ports>(ctx: &Context<'_, P>, program: &ProgramId, month: Month) -> Result<Channels, AppError> {
    let (catalog, found) = ctx.read(channels_reads(program, month)).await?;
    channels_of(ctx, &catalog, found, program, month).await
}

/// What is read before a month's channels are.
pub fn channels_reads(program: &ProgramId, month: Month) -> (Parsed<Catalog>, KeptReads) {
    (program::programs(), kept_reads(&kept::channels_key(program, month)))
}

/// A month's channels, from the results of `channels_reads`.
pub async fn channels_of<P: Ports>(
    ctx: &Context<'_, P>,
    catalog: &Catalog,
    found: KeptRows,
    program: &ProgramId,
    month: Month,
) -> Result<Channels, AppError> {
    let document = document_of(catalog, program, month.end(), ctx.now)?;
    let reads = channel_list(program, month.start(), month.end());
    let Gathered { mut rows, as_of } = gather(ctx, &kept::channels_key(program, month), found, reads).await?;
    if as_of.is_some() {
        let partners = kept::partners(ctx, rows.iter().map(|row| &row.partner)).await?;
        for row in &mut rows {
            row.external_id =
                partners.iter().find(|known| known.id == row.partner).map(|known| known.external_id.clone());
        }
    }
    Ok(Channels { document, rows, as_of })
}

/// A program's economics over [from, to).
pub async fn economics<P: Ports>(
    ctx: &Context<'_, P>,
    program: &ProgramId,
    from: UtcMillis,
    to: UtcMillis,
) -> Result<(Document, Gathered<Economics>), AppError> {
    let (catalog, found) = ctx.read(economics_reads(program, from, to)).await?;
    economics_of(ctx, &catalog, found, program, (from, to)).await
}

/// What is read before a program's economics are.
pub fn economics_reads(program: &ProgramId, from: UtcMillis, to: UtcMillis) -> (Parsed<Catalog>, KeptReads) {
    (program::programs(), kept_reads(&kept::economics_key(program, from, to)))
}

/// A program's economics, from the results of `economics_reads`.
pub async fn economics_of<P: Ports>(
    ctx: &Context<'_, P>,
    catalog: &Catalog,
    found: KeptRows,
    program: &ProgramId,
    (from, to): (UtcMillis, UtcMillis),
) -> Result<(Document, Gathered<Economics>), AppError> {
    let document = document_of(catalog, program, to, ctx.now)?;
    let reads = kept::economics_rows(program, from, to, ctx.now);
    let Gathered { rows, as_of } = gather(ctx, &kept::economics_key(program, from, to), found, reads).await?;
    let (Some(cost), Some(reach)) = rows else {
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
    let rows = economics::economics(&document, &sums);
    Ok((document, Gathered { rows, as_of }))
}

/// The document in force at the end of the period, or now if the period isn't over. Before the first version begins,
/// that one: what the period counted is nothing.
fn document_of(catalog: &Catalog, program: &ProgramId, end: UtcMillis, now: UtcMillis) -> Result<Document, AppError> {
    catalog.current(program, judged_at(end, now)).cloned().ok_or_else(|| AppError::not_found("program"))
}
