//! Partners and their links: one partner per external id and program, and unique codes.

use crate::base::id;
use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::limits::{LINKS_MAX, OWN_LINKS_MAX};
use crate::base::time::UtcMillis;
use crate::codec::message::unsubscribe::address_sha256;
use crate::codec::operator::{ChosenCode, NewLink, NewPartner};
use crate::engine::review::suspension::PartnerStanding;
use crate::program::document::{CodeForm, Document};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::link::choose;
use crate::service::once::{IdempotentRequest, StoredResponse, restored};
use crate::service::partner::destination;
use crate::service::retry::Failed;
use crate::store::partner;
use crate::store::partner::{LinkRow, PartnerRow};
use crate::store::person::salt_find;
use crate::store::port::Stmt;
use crate::store::program;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Codes tried before giving up: a collision has a chance of one in 62^8, so a second one means something else is
/// wrong.
const CODE_TRIES: u32 = 8;

/// Enrolls a partner, or finds the existing one: 201 if it is new, 200 if not.
pub async fn partner<P: Ports>(
    ctx: &Context<'_, P>,
    new: &NewPartner,
    base_url: &str,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, AppError> {
    ctx.retry_up_to(CODE_TRIES, async || {
        if let Some(answer) = IdempotentRequest::replied(ctx, once).await? {
            let id = answer.1["id"].as_str().unwrap_or_default().into();
            let row = ctx.read(partner::partner_find(&id).first()).await?;
            return Ok(restored(answer, &row.map_or(Value::Null, |row| view(&row, None, base_url, &[]))));
        }
        let find = partner::partner_find_external(&new.program, &new.external_id);
        let (catalog, found, salt) = ctx.read((program::programs(), find.first(), salt_find())).await?;
        let document = catalog.current(&new.program, ctx.now).ok_or_else(|| {
            AppError::new(ErrorKind::Unprocessable, "unknown_program", format!("program {:?} not found", new.program))
                .field("program")
        })?;
        if let Some(found) = found {
            choose::keeps(&found.code, new.code.as_ref())?;
            let (answer, batch) = known(ctx, found, new, document, base_url);
            return commit(ctx, batch, answer, once).await;
        }
        let id = PartnerId::from(ctx.fresh_id("ptn"));
        let row = PartnerRow {
            code: code_for(ctx, document, (&id, &new.external_id), new.code.as_ref(), base_url).await?,
            id,
            program_id: new.program.clone(),
            external_id: new.external_id.clone(),
            kind: new.kind.clone(),
            country: new.country.clone(),
            website: new.website.clone(),
            disclosure_accepted_at_ms: new.disclosure_accepted.then_some(ctx.now),
            left_at_ms: None,
            standing: PartnerStanding::Active,
            created_at_ms: ctx.now,
            name: new.name.clone(),
            email: new.email.clone(),
            notes: None,
        };
        let own = LinkRow {
            code: row.code.clone(),
            partner_id: row.id.clone(),
            program_id: row.program_id.clone(),
            destination: None,
            campaign: None,
            utm: None,
            source: None,
            expires_at_ms: None,
            disabled_at_ms: None,
            created_at_ms: ctx.now,
            chosen: choose::mark(new.code.as_ref()),
        };
        let answer: StoredResponse = (201, view(&row, Some(document), base_url, &[]));
        let mut batch = partner::partner_insert(&row, row.email.as_deref().map(address_sha256), &salt);
        batch.push(partner::link_insert(&own));
        let after = json!({"program": row.program_id, "external_id": row.external_id});
        batch.push(ctx.audit("partner.enrol", &row.id, None, None, Some(after)));
        commit(ctx, batch, answer, once).await
    })
    .await
}

/// The external id of a partner who joined by form: made of the address, without showing it.
pub fn person_id(program: &ProgramId, email: &str) -> String {
    id::derived(PERSON, &[program, &email.to_ascii_lowercase()])
}

/// Whether an external id was made of an address, which may be another one by now.
pub fn is_person_id(external_id: &str) -> bool {
    id::random_part(PERSON, external_id).is_some()
}

const PERSON: &str = "per";

/// The response for an existing partner, and what its request changes.
fn known<P: Ports>(
    ctx: &Context<'_, P>,
    mut found: PartnerRow,
    new: &NewPartner,
    document: &Document,
    base_url: &str,
) -> (StoredResponse, Vec<Stmt>) {
    let mut batch = Vec::new();
    if new.disclosure_accepted && found.disclosure_accepted_at_ms.is_none() {
        batch.push(partner::partner_disclose(&found.id, ctx.now));
        batch.push(ctx.audit("partner.disclose", &found.id, None, None, Some(json!({"accepted": true}))));
        found.disclosure_accepted_at_ms = Some(ctx.now);
    }
    ((200, view(&found, Some(document), base_url, &[])), batch)
}

/// Writes a batch together with its answer. A guard turns it away where the same request or partner is elsewhere at once,
/// or a code is taken.
async fn commit<P: Ports>(
    ctx: &Context<'_, P>,
    mut batch: Vec<Stmt>,
    answer: StoredResponse,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, Failed> {
    batch.extend(once.map(|o| o.keep(&answer, ctx.now)));
    if !batch.is_empty() {
        ctx.batch(batch).await?;
    }
    Ok(answer)
}

/// Creates another link for a partner, with its own code.
pub async fn link<P: Ports>(
    ctx: &Context<'_, P>,
    request: &NewLink,
    base_url: &str,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, AppError> {
    link_up_to(ctx, request, base_url, once, LINKS_MAX).await
}

/// The same for the partner itself, which may make fewer.
pub async fn own_link<P: Ports>(
    ctx: &Context<'_, P>,
    request: &NewLink,
    base_url: &str,
) -> Result<StoredResponse, AppError> {
    link_up_to(ctx, request, base_url, None, OWN_LINKS_MAX).await
}

async fn link_up_to<P: Ports>(
    ctx: &Context<'_, P>,
    request: &NewLink,
    base_url: &str,
    once: Option<&IdempotentRequest>,
    most: i64,
) -> Result<StoredResponse, AppError> {
    ctx.retry_up_to(CODE_TRIES, async || {
        if let Some(answer) = IdempotentRequest::replied(ctx, once).await? {
            let code = answer.1["code"].as_str().unwrap_or_default().into();
            let row = ctx.read(partner::link_find(&code).first()).await?;
            return Ok(restored(answer, &row.map_or(Value::Null, |row| link_view(&row, base_url))));
        }
        let find = partner::partner_find(&request.partner);
        let count = partner::link_count(&request.partner, most).first();
        let (catalog, owner, count) = ctx.read((program::programs(), find.first(), count)).await?;
        let owner = owner.ok_or_else(|| {
            AppError::new(ErrorKind::Unprocessable, "unknown_partner", "partner not found").field("partner")
        })?;
        if count.is_some_and(|count| count.links >= most) {
            return Err(too_many_links(most).into());
        }
        let document = catalog.current(&owner.program_id, ctx.now).ok_or_else(|| AppError::not_found("program"))?;
        destination::check(ctx, request.destination.as_deref(), base_url).await?;
        let new = LinkRow {
            code: code_for(ctx, document, (&owner.id, &owner.external_id), request.code.as_ref(), base_url).await?,
            partner_id: owner.id,
            program_id: owner.program_id,
            destination: request.destination.clone(),
            campaign: request.campaign.clone(),
            utm: request.utm.as_ref().map(Value::to_string),
            source: request.source.clone(),
            expires_at_ms: request.expires_at,
            disabled_at_ms: None,
            created_at_ms: ctx.now,
            chosen: choose::mark(request.code.as_ref()),
        };
        let answer: StoredResponse = (201, link_view(&new, base_url));
        let entry = ctx.audit("link.make", &new.code, None, None, Some(answer.1.clone()));
        commit(ctx, vec![partner::link_insert(&new), entry], answer, once).await
    })
    .await
}

fn too_many_links(most: i64) -> AppError {
    let detail = if most == LINKS_MAX {
        format!("a partner can have {most} links; change where an existing one leads, or give it campaigns")
    } else {
        format!("you can create links up to {most}; change an existing one, or ask the program's operators for more")
    };
    AppError::new(ErrorKind::Conflict, "too_many_links", detail).field("partner")
}

/// Disables a link from now on. Disabling it again changes nothing. Returns the link's code.
pub async fn disable<P: Ports>(ctx: &Context<'_, P>, code: &LinkCode) -> Result<LinkCode, AppError> {
    let found = ctx.read(partner::link_find(code).first()).await?.ok_or_else(|| AppError::not_found("link"))?;
    let code = &found.code;
    if found.disabled_at_ms.is_none() {
        let after = json!({"disabled_at": ctx.now.to_rfc3339()});
        let entry = ctx.audit("link.disable", code, None, None, Some(after));
        ctx.batch(vec![partner::link_disable(code, ctx.now), entry]).await?;
    }
    Ok(found.code)
}

/// A partner as the API shows it.
///
/// A partner is not active if it has left, is suspended or banned, or if the program requires a disclosure that it has
/// not accepted. Its links do not work then.
pub fn view(p: &PartnerRow, document: Option<&Document>, base_url: &str, balances: &[Value]) -> Value {
    let undisclosed = document.is_some_and(|d| d.requires_disclosure) && p.disclosure_accepted_at_ms.is_none();
    json!({
        "id": p.id, "program": p.program_id, "external_id": p.external_id, "code": p.code,
        "url": format!("{base_url}/r/{}", p.code), "name": p.name, "email": p.email, "website": p.website,
        "country": p.country, "type": p.kind, "disclosure_accepted": p.disclosure_accepted_at_ms.is_some(),
        "standing": p.standing,
        "active": p.left_at_ms.is_none() && !undisclosed && p.standing == PartnerStanding::Active, "created_at": p.created_at_ms.to_rfc3339(), "balances": balances,
    })
}

pub fn link_view(l: &LinkRow, base_url: &str) -> Value {
    json!({
        "code": l.code, "chosen": l.chosen != 0, "url": format!("{base_url}/r/{}", l.code), "partner": l.partner_id, "program": l.program_id,
        "destination": l.destination, "campaign": l.campaign, "source": l.source,
        "utm": l.utm.as_deref().and_then(|u| serde_json::from_str::<Value>(u).ok()),
        "expires_at": l.expires_at_ms.map(UtcMillis::to_rfc3339), "disabled_at": l.disabled_at_ms.map(UtcMillis::to_rfc3339), "created_at": l.created_at_ms.to_rfc3339(),
    })
}

/// The chosen code, if the partner can have it, or a drawn one.
async fn code_for<P: Ports>(
    ctx: &Context<'_, P>,
    document: &Document,
    (id, external_id): (&PartnerId, &str),
    chosen: Option<&ChosenCode>,
    base_url: &str,
) -> Result<LinkCode, AppError> {
    let Some(ChosenCode { code, .. }) = chosen else { return Ok(fresh_code(ctx, document, external_id)) };
    choose::check_new(ctx, id, code, base_url).await?;
    Ok(code.clone())
}

/// A random code in the program's format.
fn fresh_code<P: Ports>(ctx: &Context<'_, P>, document: &Document, external_id: &str) -> LinkCode {
    let mut random = [0u8; 32];
    ctx.ports.random(&mut random);
    code_of(&document.code.form, external_id, &random).into()
}

/// The code derived from `random`.
pub fn code_of(form: &CodeForm, external_id: &str, random: &[u8; 32]) -> String {
    match form {
        CodeForm::Base62 { length } => {
            let mut hash = Sha256::new();
            hash.update(external_id.as_bytes());
            hash.update(random);
            let digest: [u8; 32] = hash.finalize().into();
            id::base62(&digest, *length)
        }
        CodeForm::PrefixedHex { prefix, length } => {
            format!("{prefix}{}", &id::hex(random).to_ascii_uppercase()[..(*length).min(64)])
        }
        CodeForm::Hex { length } => id::hex(random)[..(*length).min(64)].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_external_id_says_nothing_of_the_address() {
        let id = person_id(&"p".into(), "Ann@a.example");
        assert_eq!(id, person_id(&"p".into(), "ann@A.example"));
        assert_ne!(id, person_id(&"q".into(), "ann@a.example"));
        assert!(id.starts_with("per_") && id.len() == 28, "{id}");
    }

    proptest! {
        #[test]
        fn codes_have_their_form(random in any::<[u8; 32]>(), other in any::<[u8; 32]>()) {
            let base62 = code_of(&CodeForm::Base62 { length: 8 }, "user_1", &random);
            prop_assert!(base62.len() == 8 && base62.bytes().all(|b| b.is_ascii_alphanumeric()));
            let prefixed = code_of(&CodeForm::PrefixedHex { prefix: "PARTNER_".into(), length: 8 }, "a", &random);
            let digits = prefixed.strip_prefix("PARTNER_").unwrap();
            prop_assert!(digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
            let hex = code_of(&CodeForm::Hex { length: 64 }, "a", &random);
            prop_assert!(hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
            if random != other {
                prop_assert_ne!(hex, code_of(&CodeForm::Hex { length: 64 }, "a", &other));
            }
        }
    }
}
