//! The friend's discount as a Stripe promotion code that can be redeemed once: one coupon per version of a program, one
//! code per visitor or account who asks for one or signs up. The code is chosen and stored before Stripe is called, so that it is created only once,
//! whatever fails on the way. If it can't be created now, the benefit is still returned as data: a sign-up never fails
//! because of it.

use crate::base::ids::AccountId;
use crate::base::limits::{PROMOTION_CODES_PER_HOUR, PROMOTION_CODES_PER_NETWORK};
use crate::base::time::{HOUR_MS, MINUTE_MS};
use crate::codec::credit::promotion as wire;
use crate::codec::stripe::form::FormEncoder;
use crate::program::document::{Benefit, Document};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::retry::Failed;
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use crate::store::credit::promotion as rows;
use crate::store::credit::promotion::PromotionRow;
use serde_json::{Value, json};

/// Who receives a code.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    pub account: Option<&'a AccountId>,
    /// The visitor's id in the signed cookie.
    pub visitor: Option<&'a str>,
    /// The visitor's network, hashed; empty for an account's sign-up.
    pub requested_by: &'a str,
}

/// Whether a benefit is a promotion code.
pub fn asks(benefit: Option<&Benefit>) -> bool {
    benefit.is_some_and(|b| b.as_promotion_code)
}

/// The code that the friend was given before. Anybody can read what a cookie says, so reading makes nothing.
pub async fn given<P: Ports>(ctx: &Context<'_, P>, document: &Document, friend: Recipient<'_>) -> Option<String> {
    ctx.setup.stripe.as_ref()?;
    let found = ctx.read(rows::promotion_find(&document.id, friend.account, friend.visitor).first()).await.ok()??;
    found.promotion_id.is_some().then_some(found.code)
}

/// The friend's code, created if there is none. `None`: not now; the next request makes up for a failure.
pub async fn code<P: Ports>(ctx: &Context<'_, P>, document: &Document, friend: Recipient<'_>) -> Option<String> {
    requested(ctx, document, friend).await.ok().flatten()
}

/// The same, with the reason if there is none because of a failure or a limit: for visitors there are so many of a program
/// in an hour.
pub async fn requested<P: Ports>(
    ctx: &Context<'_, P>,
    document: &Document,
    friend: Recipient<'_>,
) -> Result<Option<String>, AppError> {
    let wanted = ctx.setup.stripe.is_some() && (friend.account.is_some() || friend.visitor.is_some());
    let benefit = document.benefit.as_ref().filter(|b| wanted && b.as_promotion_code);
    let Some(benefit) = benefit else { return Ok(None) };
    // Somebody else may ask for the same code at the same time.
    ctx.retry(async || attempt(ctx, document, benefit, friend).await).await
}

/// Adds a promotion code to every attribution in a sign-up's response whose benefit is one.
pub async fn add<P: Ports>(ctx: &Context<'_, P>, outcome: &mut Value, friend: Recipient<'_>) -> Result<(), AppError> {
    let Some(groups) = outcome["attribution"].as_array_mut() else { return Ok(()) };
    let asking = |group: &Value| group["benefit"]["as_promotion_code"] == true;
    if !groups.iter().any(asking) {
        return Ok(());
    }
    let catalog = ctx.programs().await?;
    for group in groups.iter_mut().filter(|g| asking(g)) {
        let document = group["program"].as_str().and_then(|id| catalog.in_force(&id.into(), ctx.now));
        let code = match document {
            Some(document) => code(ctx, document, friend).await,
            None => None,
        };
        group["promotion_code"] = json!(code);
    }
    Ok(())
}

async fn attempt<P: Ports>(
    ctx: &Context<'_, P>,
    document: &Document,
    benefit: &Benefit,
    friend: Recipient<'_>,
) -> Result<Option<String>, Failed> {
    let mut row = stored(ctx, document, benefit, friend).await?;
    if row.promotion_id.is_some() {
        return Ok(Some(row.code));
    }
    if row.attempt == 0 {
        // The terms may have changed since it was stored.
        row.coupon_id = wire::coupon_id(document, benefit);
    }
    if ctx.now < row.due_at_ms || (row.attempt == 0 && !coupon(ctx, document, benefit, &row.coupon_id).await?) {
        return Ok(None);
    }
    // An earlier attempt may have created it. If not, a new key is safe: Stripe never has two codes with the same text,
    // and this one was not returned to anyone.
    if row.attempt > 0
        && let Some(found) = look_up(ctx, &row).await?
    {
        return done(ctx, row, found).await;
    }
    row.attempt += 1;
    row.first_sent_at_ms = Some(ctx.now);
    ctx.query(rows::promotion_write(&row)).await?;
    row.revision += 1;
    let key = format!("{}-a{}", row.id, row.attempt);
    let replied = stripe::post_promptly(ctx, "/v1/promotion_codes", &wire::code_form(of(&row)), &key).await?;
    let found = match replied {
        StripeReply::Done(value) => wire::code_made(of(&row), &value),
        // It may still exist, from an attempt whose response was lost.
        StripeReply::Refused(_) => look_up(ctx, &row).await?,
        StripeReply::Limited | StripeReply::Unsure(_) | StripeReply::TooLong(_) => None,
    };
    match found {
        Some(found) => done(ctx, row, found).await,
        None => {
            // Avoids calling Stripe for every page that a visitor opens.
            row.due_at_ms = ctx.now.plus_ms(MINUTE_MS);
            ctx.query(rows::promotion_write(&row)).await?;
            Ok(None)
        }
    }
}

async fn done<P: Ports>(
    ctx: &Context<'_, P>,
    row: PromotionRow,
    promotion_id: String,
) -> Result<Option<String>, Failed> {
    let row = PromotionRow { promotion_id: Some(promotion_id), ..row };
    ctx.query(rows::promotion_write(&row)).await?;
    Ok(Some(row.code))
}

/// The friend's row, created if there is none. A code that was offered to the visitor becomes the account's.
async fn stored<P: Ports>(
    ctx: &Context<'_, P>,
    document: &Document,
    benefit: &Benefit,
    friend: Recipient<'_>,
) -> Result<PromotionRow, Failed> {
    let found = ctx.read(rows::promotion_find(&document.id, friend.account, friend.visitor).first()).await?;
    if let Some(mut row) = found {
        if row.account_id.is_none() && friend.account.is_some() {
            row.account_id = friend.account.cloned();
            ctx.query(rows::promotion_write(&row)).await?;
            row.revision += 1;
        }
        return Ok(row);
    }
    let row = PromotionRow {
        id: ctx.fresh_id("prm"),
        program_id: document.id.clone(),
        coupon_id: wire::coupon_id(document, benefit),
        visitor_id: friend.visitor.map(str::to_owned),
        account_id: friend.account.cloned(),
        code: wire::code_text(&ctx.fresh_id("c")),
        attempt: 0,
        first_sent_at_ms: None,
        due_at_ms: ctx.now,
        promotion_id: None,
        revision: 1,
        created_at_ms: ctx.now,
    };
    let most = [PROMOTION_CODES_PER_HOUR, PROMOTION_CODES_PER_NETWORK];
    let insert = rows::promotion_insert(&row, friend.requested_by, ctx.now.plus_ms(-HOUR_MS), most);
    if ctx.read(insert.first()).await?.is_none() {
        let detail = format!(
            "visitors have requested {PROMOTION_CODES_PER_HOUR} promotion codes of {}, or {PROMOTION_CODES_PER_NETWORK} from one network, within an hour",
            document.id
        );
        return Err(AppError::new(ErrorKind::TooMany, "too_many_promotion_codes", detail).into());
    }
    Ok(row)
}

/// Whether Stripe has the coupon. We choose its id, so Stripe creates it only once.
async fn coupon<P: Ports>(
    ctx: &Context<'_, P>,
    document: &Document,
    benefit: &Benefit,
    id: &str,
) -> Result<bool, Failed> {
    if ctx.read(rows::coupon_find(id).first()).await?.is_some() {
        return Ok(true);
    }
    let form = wire::coupon_form(document, benefit, id);
    // A new key each time: Stripe stores a failure under its key, and the id alone prevents a second coupon.
    let replied = stripe::post_promptly(ctx, "/v1/coupons", &form, &ctx.fresh_id("key")).await?;
    let has = match replied {
        StripeReply::Done(value) => wire::is_coupon(benefit, id, &value),
        StripeReply::Refused(refusal) if refusal.code == "resource_already_exists" => {
            let path = format!("/v1/coupons/{id}");
            match stripe::get(ctx, &path, &FormEncoder::new()).await? {
                StripeReply::Done(value) => wire::is_coupon(benefit, id, &value),
                _ => false,
            }
        }
        _ => false,
    };
    if has {
        ctx.query(rows::coupon_insert(id, &document.id, document.version, ctx.now)).await?;
    }
    Ok(has)
}

async fn look_up<P: Ports>(ctx: &Context<'_, P>, row: &PromotionRow) -> Result<Option<String>, Failed> {
    let list = stripe::get(ctx, "/v1/promotion_codes", &wire::code_query(of(row))).await?.done()?;
    let listed = list["data"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(listed.iter().find_map(|value| wire::code_made(of(row), value)))
}

fn of(row: &PromotionRow) -> wire::Code<'_> {
    wire::Code { id: &row.id, program: &row.program_id, coupon: &row.coupon_id, text: &row.code }
}
