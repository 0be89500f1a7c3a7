//! The operator's own account at Stripe: its country decides which partners can be paid. It is asked once per key, and
//! again while it is unknown.

use crate::base::id;
use crate::engine::payout::region;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::stripe;
use crate::service::stripe::StripeReply;
use crate::store::payout::platform;
use crate::store::payout::platform::PlatformRow;
use sha2::{Digest, Sha256};

/// The platform, as stored or as Stripe says now. `None` if Stripe is not set up, or if the key may not ask.
pub async fn find<P: Ports>(ctx: &Context<'_, P>) -> Result<Option<PlatformRow>, AppError> {
    let Some(key) = ctx.setup.stripe.as_ref().map(|stripe| id::hex(&Sha256::digest(stripe.key.as_bytes()))) else {
        return Ok(None);
    };
    let stored = ctx.read(platform::platform_find().first()).await?;
    if let Some(stored) = stored.filter(|row| row.key_sha256 == key) {
        return Ok(Some(stored));
    }
    let account = match stripe::get_promptly(ctx, "/v1/account").await? {
        StripeReply::Refused(_) => return Ok(None),
        reply => reply.done()?,
    };
    let text = |name: &str| account[name].as_str().filter(|text| text.len() <= 255);
    let (Some(account_id), Some(country)) = (text("id"), text("country")) else { return Ok(None) };
    ctx.query(platform::platform_write(account_id, country, &key, ctx.now)).await?;
    Ok(ctx.read(platform::platform_find().first()).await?)
}

/// The platform's country for a page or a decision: as `stored`, or asked now. Unknown if Stripe can't say.
pub async fn country<P: Ports>(ctx: &Context<'_, P>, stored: Option<String>) -> Option<String> {
    match stored {
        Some(country) => Some(country),
        None => find(ctx).await.ok().flatten().map(|row| row.country),
    }
}

/// An error if a partner in `country` can't be paid through Stripe, or if Stripe does not answer: an account can't be
/// moved later. If the key may not ask, Stripe decides.
pub async fn reaches<P: Ports>(ctx: &Context<'_, P>, country: Option<&str>) -> Result<(), AppError> {
    let platform = find(ctx).await?.map(|row| row.country);
    if region::is_offered(platform.as_deref(), country) {
        return Ok(());
    }
    let detail = format!(
        "Stripe can't pay partners in {} from {}; their earnings are kept until there is another way to pay them",
        country.unwrap_or_default(),
        platform.unwrap_or_default()
    );
    Err(AppError::new(ErrorKind::Unprocessable, "country_not_offered", detail).field("country"))
}
