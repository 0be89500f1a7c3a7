//! What partners change about themselves, and leaving a program.

use crate::base::ids::{LinkCode, PartnerId};
use crate::base::time::UtcMillis;
use crate::codec::operator::Profile;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::account::{SignupVelocityMark, recompute_by_signup_velocity};
use crate::store::partner::partner_find;
use crate::store::partner::profile;
use crate::store::partner::profile::ProfileRow;
use serde_json::{Value, json};

/// Links whose cached copies are deleted immediately when their partner leaves; other copies expire within about a
/// minute.
const FORGOTTEN: i64 = 40;
/// Later than any sign-up.
const EVER: UtcMillis = UtcMillis(1 << 52);

/// Stores a profile. A different website may make other accounts the partner's own, so all of the partner's accounts
/// are recomputed.
pub async fn keep<P: Ports>(ctx: &Context<'_, P>, partner: &PartnerId, new: &Profile) -> Result<(), AppError> {
    let found = ctx.read(profile::profile_find(partner).first()).await?;
    let old = found.ok_or_else(|| AppError::not_found("partner"))?;
    let next = ProfileRow {
        name: new.name.clone(),
        website: new.website.clone(),
        country: new.country.clone(),
        display_name: new.display_name.clone(),
        ..old.clone()
    };
    if next == old {
        return Ok(());
    }
    let mut batch = Vec::from(profile::profile_update(partner, &next));
    if next.website != old.website {
        let signups = SignupVelocityMark {
            program: old.program_id.clone(),
            partner: partner.to_owned(),
            from: UtcMillis(0),
            to: EVER,
        };
        batch.push(recompute_by_signup_velocity(&[signups], &[], ctx.now));
    }
    let (before, after) = (changed_fields(&old, &next), changed_fields(&next, &old));
    batch.push(ctx.audit("partner.profile", partner, None, Some(before), Some(after)));
    ctx.batch(batch).await?;
    Ok(())
}

/// For the audit trail: what changed. Names are only marked as changed, because a person's data can be erased
/// elsewhere.
fn changed_fields(row: &ProfileRow, other: &ProfileRow) -> Value {
    let mut out = json!({"website": row.website, "country": row.country});
    for (field, one, two) in
        [("name", &row.name, &other.name), ("display_name", &row.display_name, &other.display_name)]
    {
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
            profile::live_codes(partner, FORGOTTEN),
            ctx.audit("partner.leave", partner, None, None, Some(after)),
        ))
        .await?;
    Ok(links.into_iter().map(|link| link.code).collect())
}
