//! Changing a partner's email address: the new one takes effect once a link that was mailed to it is opened.

use crate::base::ids::PartnerId;
use crate::codec::message::email::Invitation;
use crate::codec::message::unsubscribe::address_sha256;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::identity::sign_in;
use crate::service::identity::sign_in::{MagicLinkOutcome, MagicLinkRequest, QueuedEmail};
use crate::store::account::recompute_by_partner;
use crate::store::identity::session::{MailedLink, magic_link_use};
use crate::store::partner::partner_find;
use crate::store::partner::profile::email_update;
use crate::store::person::salt_find;
use serde_json::{Value, json};

/// The email for the new address. `None`: the partner has this address already.
pub async fn request<P: Ports>(
    ctx: &Context<'_, P>,
    id: &PartnerId,
    email: &str,
    requested_by: &str,
) -> Result<Option<Box<QueuedEmail>>, AppError> {
    let found = ctx.read(partner_find(id).first()).await?.ok_or_else(|| AppError::not_found("partner"))?;
    if found.email.as_deref().is_some_and(|has| has.eq_ignore_ascii_case(email)) {
        return Ok(None);
    }
    let detail = json!({"partner": id, "before": found.email}).to_string();
    let says = Invitation::ChangeEmail;
    let wanted = MagicLinkRequest { email, detail: &detail, any_address: true, requested_by, says };
    let refused = |kind, code, detail: &str| Err(AppError::new(kind, code, detail).field("email"));
    match sign_in::link(ctx, &wanted).await? {
        MagicLinkOutcome::Ready(leaving) => Ok(Some(leaving)),
        MagicLinkOutcome::NotSetUp => {
            refused(ErrorKind::Conflict, "email_not_set_up", "email is not set up, so the address can't be confirmed")
        }
        MagicLinkOutcome::Nothing => refused(
            ErrorKind::Conflict,
            "too_many_emails",
            "this address was sent too many links; try again in an hour",
        ),
    }
}

/// Whose address an opened link changes, and from what.
pub fn of(link: &MailedLink) -> Option<(PartnerId, Option<String>)> {
    let detail: Value = serde_json::from_str(&link.detail).ok()?;
    Some((detail["partner"].as_str()?.into(), detail["before"].as_str().map(str::to_owned)))
}

/// The link in the email was opened. Returns the old address; `None` if the link is not good any more, because the address
/// has been changed since.
pub async fn confirm<P: Ports>(
    ctx: &Context<'_, P>,
    link: &MailedLink,
    token_sha256: &str,
) -> Result<Option<Option<String>>, AppError> {
    let Some((id, before)) = of(link) else { return Ok(None) };
    let (found, salt) = ctx.read((partner_find(&id).first(), salt_find())).await?;
    if found.is_none_or(|found| found.email != before) {
        return Ok(None);
    }
    let mut batch = vec![magic_link_use(token_sha256, ctx.now)];
    batch.extend(email_update(&id, (&link.email, &address_sha256(&link.email)), &salt, ctx.now));
    batch.push(recompute_by_partner(&id, ctx.now));
    // Addresses can be erased elsewhere, so the entry has none.
    batch.push(ctx.audit("partner.email", &id, None, None, Some(json!({"confirmed": true}))));
    ctx.batch(batch).await?;
    Ok(Some(before))
}
