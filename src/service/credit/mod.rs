//! Credits out. By Stripe: what stands of each credit is planned as a sending to its referrer's customer, and what no
//! longer stands as one that takes it back; how they get there is `pay.rs`, a credit is sent as a payout is. By webhook:
//! what no event or run has announced is queued; that it arrived is booked where it is delivered (`deliver.rs`).

pub mod promotion;
pub mod redeem;

use crate::program::document::Delivery;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::credit;
use crate::store::credit::webhook;
use crate::store::port::{DbError, Stmt};

/// Plans what programs' credits come to. Where Stripe is not set up nothing is planned for it: what is earned stays
/// available.
pub async fn plan<P: Ports>(ctx: &Context<'_, P>) -> Result<(), AppError> {
    let catalog = ctx.programs().await?;
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
            // Somebody else plans the same.
            Ok(_) | Err(DbError::Guard(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
