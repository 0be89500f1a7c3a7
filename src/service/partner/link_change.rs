//! Changing a link: where it leads, how its clicks are labeled, its code.
//!
//! An old code goes on working, so a link with another code is one more link of its partner.

use crate::base::ids::{LinkCode, PartnerId};
use crate::codec::operator::{ChosenCode, LinkChange};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::link::choose;
use crate::service::once::StoredResponse;
use crate::service::partner::{destination, enroll};
use crate::service::retry::Failed;
use crate::store::partner;
use crate::store::partner::LinkRow;
use serde_json::Value;

/// Changes a link. Returns also the codes whose cached copies must be deleted.
pub async fn change<P: Ports>(
    ctx: &Context<'_, P>,
    code: &LinkCode,
    change: &LinkChange,
    base_url: &str,
) -> Result<(StoredResponse, Vec<LinkCode>), AppError> {
    changed(ctx, code, change, base_url, false).await
}

/// `is_main`: another main link, even if the one before is turned off.
async fn changed<P: Ports>(
    ctx: &Context<'_, P>,
    code: &LinkCode,
    change: &LinkChange,
    base_url: &str,
    is_main: bool,
) -> Result<(StoredResponse, Vec<LinkCode>), AppError> {
    ctx.retry(async || {
        let found = ctx.read(partner::link_find(code).first()).await?.ok_or_else(|| AppError::not_found("link"))?;
        if found.disabled_at_ms.is_some() && !is_main {
            let detail = "the link is turned off; create another one";
            return Err(AppError::new(ErrorKind::Conflict, "link_disabled", detail).into());
        }
        attempt(ctx, &found, change, base_url).await
    })
    .await
}

/// Gives a partner another code of its own.
pub async fn change_own<P: Ports>(
    ctx: &Context<'_, P>,
    id: &PartnerId,
    code: &ChosenCode,
    base_url: &str,
) -> Result<Vec<LinkCode>, AppError> {
    let found = ctx.read(partner::partner_find(id).first()).await?.ok_or_else(|| AppError::not_found("partner"))?;
    let wanted = LinkChange { code: Some(code.clone()), ..LinkChange::default() };
    Ok(changed(ctx, &found.code, &wanted, base_url, true).await?.1)
}

async fn attempt<P: Ports>(
    ctx: &Context<'_, P>,
    found: &LinkRow,
    change: &LinkChange,
    base_url: &str,
) -> Result<(StoredResponse, Vec<LinkCode>), Failed> {
    let mut next = found.clone();
    if let Some(destination) = &change.destination {
        destination::check(ctx, destination.as_deref(), base_url).await?;
        next.destination.clone_from(destination);
    }
    if let Some(campaign) = &change.campaign {
        next.campaign.clone_from(campaign);
    }
    if let Some(utm) = &change.utm {
        next.utm = utm.as_ref().map(Value::to_string);
    }
    let mut batch = Vec::new();
    if next != *found {
        batch.push(partner::link_update(&next, ctx.now));
    }
    let is_another =
        |chosen: &&ChosenCode| !chosen.code.eq_ignore_ascii_case(&found.code) || found.disabled_at_ms.is_some();
    if let Some(chosen) = change.code.as_ref().filter(is_another) {
        let code = &chosen.code;
        let owner = ctx.read(partner::partner_find(&found.partner_id).first()).await?;
        let is_default = owner.is_some_and(|owner| owner.code == found.code);
        match choose::check(ctx, &found.partner_id, code, base_url).await? {
            // Back to an earlier code of its own.
            Some(own) if is_default && own.ends_at_ms.is_none() => next.code = own.code,
            Some(_) => return Err(choose::own_already(code).into()),
            None => {
                next = LinkRow {
                    code: code.clone(),
                    chosen: choose::mark(Some(chosen)),
                    created_at_ms: ctx.now,
                    disabled_at_ms: None,
                    ..next
                };
                batch.push(partner::link_insert(&next));
            }
        }
        if is_default {
            batch.push(partner::partner_code(&found.partner_id, &next.code, ctx.now));
        }
    }
    let view = enroll::link_view(&next, base_url);
    if !batch.is_empty() {
        let before = enroll::link_view(found, base_url);
        batch.push(ctx.audit("link.change", &found.code, None, Some(before), Some(view.clone())));
        ctx.batch(batch).await?;
    }
    let mut codes = vec![found.code.clone()];
    codes.extend((next.code != found.code).then(|| next.code.clone()));
    Ok(((200, view), codes))
}
