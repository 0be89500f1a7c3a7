//! Paying out credits. By Stripe: the net amount of each credit is planned as an outbound transfer to its referrer's
//! customer, and what is no longer owed as one that claws it back. `payout/send.rs` sends them like payouts. By
//! webhook: credits that no event or run has announced are queued, and posted to the ledger when the webhook is
//! delivered (`deliver.rs`).

pub mod promotion;
pub mod redeem;

use crate::program::document::Delivery;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::credit;
use crate::store::credit::webhook;
use crate::store::port::{DbError, Stmt};

/// Plans the outbound transfers for programs' credits. If Stripe is not set up, none are planned for it: what is earned
/// stays available.
pub async fn plan<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let catalog = ctx.programs().await?;
    let mut refused = Ok(());
    for document in catalog.all_in_force(ctx.now) {
        let batch: Vec<Stmt> = match document.settlement.delivery {
            Delivery::StripeBalance if ctx.setup.stripe.is_some() => credit::plan(&document.id, ctx.now),
            Delivery::Webhook => webhook::plan(&document.id, ctx.now).into(),
            Delivery::Application | Delivery::StripeBalance => continue,
        };
        if !ctx.has_room(batch.len() as u64) {
            break;
        }
        match ctx.batch(batch).await {
            // Another invocation planned the same.
            Ok(_) | Err(DbError::LostRace(_)) => {}
            // The other programs' credits are planned all the same.
            Err(error @ DbError::Violation(_)) => refused = Err(error.into()),
            Err(error) => return Err(error.into()),
        }
    }
    refused
}
