//! What partners change about themselves, and leaving a program.

use crate::base::ids::{LinkCode, PartnerId};
use crate::codec::operator::{PartnerChange, Profile};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::account::recompute_by_partner;
use crate::store::partner::partner_find;
use crate::store::partner::profile;
use crate::store::partner::profile::ProfileRow;
use serde_json::{Value, json};

/// What an operator changes about a partner.
pub async fn change<P: Ports>(ctx: &Context<'_, P>, partner: &PartnerId, new: &PartnerChange) -> Result<(), AppError> {
    update(ctx, partner, |row| {
        for (field, to) in [
            (&mut row.name, &new.name),
            (&mut row.website, &new.website),
            (&mut row.country, &new.country),
            (&mut row.notes, &new.notes),
        ] {
            if let Some(to) = to {
                field.clone_from(to);
            }
        }
    })
    .await
}

/// Stores what a partner says about itself.
pub async fn keep<P: Ports>(ctx: &Context<'_, P>, partner: &PartnerId, new: &Profile) -> Result<(), AppError> {
    update(ctx, partner, |row| {
        row.name.clone_from(&new.name);
        row.website.clone_from(&new.website);
        row.country.clone_from(&new.country);
        row.display_name.clone_from(&new.display_name);
    })
    .await
}

/// Stores a profile. A different website may make other accounts the partner's own, so all of the partner's accounts
/// are recomputed.
async fn update<P: Ports>(
    ctx: &Context<'_, P>,
    partner: &PartnerId,
    edit: impl Fn(&mut ProfileRow),
) -> Result<(), AppError> {
    let found = ctx.read(profile::profile_find(partner).first()).await?;
    let old = found.ok_or_else(|| AppError::not_found("partner"))?;
    let mut next = old.clone();
    edit(&mut next);
    if next == old {
        return Ok(());
    }
    let mut batch = Vec::from(profile::profile_update(partner, &next, ctx.now));
    if next.website != old.website {
        batch.push(recompute_by_partner(partner, ctx.now));
    }
    let (before, after) = (changed_fields(&old, &next), changed_fields(&next, &old));
    batch.push(ctx.audit("partner.profile", partner, None, Some(before), Some(after)));
    ctx.batch(batch).await?;
    Ok(())
}

/// For the audit trail: what changed. Names and notes are only marked as changed, because a person's data can be erased
/// elsewhere.
fn changed_fields(row: &ProfileRow, other: &ProfileRow) -> Value {
    let mut out = json!({"website": row.website, "country": row.country});
    for (field, one, two) in [
        ("name", &row.name, &other.name),
        ("display_name", &row.display_name, &other.display_name),
        ("notes", &row.notes, &other.notes),
    ] {
        if one != two {
            out[field] = Value::from(if one.is_some() { "given" } else { "none" });
        }
    }
    out
}

/// The partner leaves: the links stop working, and what is earned is still paid. Returns the codes whose cached copies
/// must be deleted. Leaving again changes nothing.
pub async fn leave<P: Ports>(ctx: &Context<'_, P>, partner: &PartnerId) -> Result<Vec<LinkCode>, AppError> {
    let found = ctx.read(partner_find(partner).first()).await?.ok_or_else(|| AppError::not_found("partner"))?;
    if found.left_at_ms.is_some() {
        return Ok(Vec::new());
    }
    let after = json!({"left_at": ctx.now.to_rfc3339()});
    let (_, links, _) = ctx
        .read((
            profile::partner_leave(partner, ctx.now),
            profile::live_codes(partner),
            ctx.audit("partner.leave", partner, None, None, Some(after)),
        ))
        .await?;
    Ok(links.into_iter().map(|link| link.code).collect())
}
