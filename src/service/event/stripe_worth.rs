//! Asks Stripe for what an object leaves out. Of a subscription's value: items beyond those that it lists, tiers, amounts in
//! other currencies, and discounts of which it has the ids. Of an invoice: lines beyond those that it lists.
//!
//! The answer is the subscription as it is now. What the object itself says counts before it.

use crate::base::time::UtcMillis;
use crate::codec::stripe as wire;
use crate::codec::stripe::Draft;
use crate::codec::stripe::form::FormEncoder;
use crate::codec::stripe::{invoice, subscription};
use crate::engine::event::Payload;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use serde_json::Value;

/// Items or lines per page, each with all its tiers and currencies, and the most pages that are read. Stripe allows 20
/// items, unless an operator asked it for more, and 250 lines.
const PAGE: &str = "20";
const PAGES_MAX: u32 = 10;
const LINES_MISSING: &str =
    "the months that the invoice pays for may be more: the event does not list all of its lines";

/// What a list of discounts is asked for with. Stripe expands four levels.
const COUPON: [&str; 2] = ["source.coupon.currency_options", "source.coupon.applies_to"];

/// The draft with the value of the completed object, and what is missing from it, if anything. Fails if Stripe does not
/// respond now: the sender repeats the event.
pub async fn complete<P: Ports>(
    ctx: &Context<'_, P>,
    draft: &Draft,
    object: &Value,
) -> Result<(Draft, Option<&'static str>), AppError> {
    if matches!(draft.payload, Payload::InvoicePaid(_)) {
        return complete_invoice(ctx, draft, object).await;
    }
    let mut object = object.clone();
    ask(ctx, &mut object, draft.at).await?;
    let (valued, left_out) = subscription::valued(draft, &object);
    Ok((valued, left_out.reason()))
}

async fn complete_invoice<P: Ports>(
    ctx: &Context<'_, P>,
    draft: &Draft,
    object: &Value,
) -> Result<(Draft, Option<&'static str>), AppError> {
    if let Some(id) = subscription::path_id(object).filter(|_| ctx.setup.stripe.is_some()) {
        let (lines, true) =
            list(ctx, &format!("/v1/invoices/{id}/lines"), &FormEncoder::new().with("limit", PAGE)).await?
        else {
            return Ok((draft.clone(), Some(LINES_MISSING)));
        };
        return Ok((invoice::with_lines(draft, &lines), None));
    }
    Ok((draft.clone(), Some(LINES_MISSING)))
}

/// Completes an object as far as Stripe allows it. Without a key, it stays as it is.
pub async fn ask<P: Ports>(ctx: &Context<'_, P>, object: &mut Value, at: UtcMillis) -> Result<(), AppError> {
    let left_out = subscription::left_out(object, at);
    let Some(id) = subscription::path_id(object).filter(|_| ctx.setup.stripe.is_some()).map(str::to_owned) else {
        return Ok(());
    };
    if left_out.discounts {
        let query = COUPON.iter().fold(FormEncoder::new(), |q, more| q.with("expand[]", format!("discounts.{more}")));
        if let Some(answer) = get(ctx, &format!("/v1/subscriptions/{id}"), &query).await? {
            subscription::with_discounts(object, &answer);
        }
    }
    if left_out.items || left_out.prices || left_out.item_discounts {
        ask_items(ctx, object, &id).await?;
    }
    Ok(())
}

async fn ask_items<P: Ports>(ctx: &Context<'_, P>, object: &mut Value, id: &str) -> Result<(), AppError> {
    let query = FormEncoder::new()
        .with("subscription", id)
        .with("limit", PAGE)
        .with("expand[]", "data.price.currency_options")
        .with("expand[]", "data.price.tiers")
        .with("expand[]", "data.discounts.source.coupon");
    let (items, is_complete) = list(ctx, "/v1/subscription_items", &query).await?;
    subscription::with_items(object, &items);
    if is_complete && !items.is_empty() {
        subscription::items_are_complete(object);
    }
    Ok(())
}

/// What a list has, as far as Stripe allows it, and whether that is all of it.
async fn list<P: Ports>(ctx: &Context<'_, P>, path: &str, query: &FormEncoder) -> Result<(Vec<Value>, bool), AppError> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    for _ in 0..PAGES_MAX {
        let query = query.clone().with_some("starting_after", after.as_deref());
        let Some(answer) = get(ctx, path, &query).await? else { break };
        let (members, next) = wire::page(&answer);
        all.extend_from_slice(members);
        after = next;
        if after.is_none() {
            return Ok((all, true));
        }
    }
    Ok((all, false))
}

/// The answer; `None` if Stripe refuses it, for example because the subscription is gone or the key may not read it.
async fn get<P: Ports>(ctx: &Context<'_, P>, path: &str, query: &FormEncoder) -> Result<Option<Value>, AppError> {
    match stripe::get(ctx, path, query).await? {
        StripeReply::Refused(_) => Ok(None),
        reply => reply.done().map(Some),
    }
}
