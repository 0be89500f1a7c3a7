//! Looking up what Stripe has under an outbound transfer's name. An incomplete list is not used: it would prove nothing.

use crate::base::time::{DAY_MS, SECOND_MS};
use crate::codec::payout::transfer;
use crate::codec::stripe as wire;
use crate::codec::stripe::form::FormEncoder;
use crate::engine::payout;
use crate::engine::payout::{OutboundTransfer, TransferKind};
use crate::service::context::{Context, Ports};
use crate::service::stripe;
use crate::service::stripe::StripeReply as Reply;
use serde_json::{Value, json};

/// Pages of a hundred balance transactions that one lookup reads.
const LOOK_UP_PAGES_MAX: u32 = 20;

/// What Stripe has for an outbound transfer, or why that is unknown.
pub async fn look_up<P: Ports>(ctx: &Context<'_, P>, s: &OutboundTransfer) -> Result<Vec<payout::StripeObject>, Reply> {
    if matches!(s.kind, TransferKind::Credit | TransferKind::Debit) {
        return look_through(ctx, s).await;
    }
    let list = list(ctx, s, transfer::list_query(s)).await?;
    transfer::listed(s, &list).ok_or_else(|| Reply::Unsure("the list can't be read".to_owned()))
}

/// A customer's balance changes with every invoice, so its transactions are read back to the day before the transfer
/// was planned, and all of them if a lost database may have sent it. An incomplete list is not used.
async fn look_through<P: Ports>(
    ctx: &Context<'_, P>,
    s: &OutboundTransfer,
) -> Result<Vec<payout::StripeObject>, Reply> {
    let unreadable = || Reply::Unsure("the list can't be read".to_owned());
    let (mut found, mut after) = (Vec::new(), None::<String>);
    for _ in 0..LOOK_UP_PAGES_MAX {
        let mut list = list(ctx, s, transfer::list_query(s).with_some("starting_after", after.as_deref())).await?;
        let (members, next) = wire::page(&list);
        let oldest = members.last().and_then(|m| m["created"].as_i64());
        let is_through = s.look_first == 0 && oldest.is_some_and(|at| at < (s.created_at_ms.0 - DAY_MS) / SECOND_MS);
        // Paging is handled here.
        list["has_more"] = Value::Bool(false);
        found.extend(transfer::listed(s, &list).ok_or_else(unreadable)?);
        match next.filter(|_| !is_through) {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
    Err(Reply::Unsure("the customer has too many balance transactions to search".to_owned()))
}

async fn list<P: Ports>(ctx: &Context<'_, P>, s: &OutboundTransfer, query: FormEncoder) -> Result<Value, Reply> {
    match stripe::get(ctx, &transfer::path(s), &query).await {
        Ok(Reply::Done(list)) => Ok(list),
        // A customer that does not exist has nothing on its balance.
        Ok(Reply::Refused(why))
            if why.code == "resource_missing" && matches!(s.kind, TransferKind::Credit | TransferKind::Debit) =>
        {
            Ok(json!({"data": [], "has_more": false}))
        }
        Ok(other) => Err(other),
        Err(error) => Err(Reply::Unsure(error.to_string())),
    }
}
