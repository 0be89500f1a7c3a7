//! Erasing a person: a partner, an account or a visitor. What its facts decided stays decided, by digests that name
//! nobody: bindings, accruals, reviews and the ledger are the same to the cent.

use crate::base::ids::{AccountId, LinkCode, PartnerId};
use crate::codec::message::unsubscribe::address_sha256;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::identity::sign_in::actor_of;
use crate::service::partner::enroll;
use crate::store::account::account_find;
use crate::store::partner::profile::live_codes;
use crate::store::person::erase as rows;
use crate::store::person::visitor;
use crate::store::port::DbError;
use serde_json::json;

/// Pages of rows that one request looks through for a visitor. The sweep does the rest.
const PAGES: u32 = 12;
/// Statements of one page: which is next, the page, and where it ended.
const PAGE_STATEMENTS: u64 = 3;

/// Erases a partner: who it is, what was written by it and about it, its sessions and messages. It leaves its program.
/// What it is owed stays under its id, and so do its codes, so that nobody else gets them. Returns the codes whose cached
/// copies must be deleted.
pub async fn partner<P: Ports>(ctx: &Context<'_, P>, id: &PartnerId) -> Result<Vec<LinkCode>, AppError> {
    let (found, codes) = ctx.read((rows::partner_erasable(id).first(), live_codes(id))).await?;
    let found = found.ok_or_else(|| AppError::not_found("partner"))?;
    let email = found.email.unwrap_or_default();
    // The host's id is the host's own. One that was made of the address says who has that address.
    let external_id = if enroll::is_person_id(&found.external_id) { ctx.fresh_id("gone") } else { found.external_id };
    // The entry comes first: who did it may be the partner itself.
    let mut batch = vec![ctx.audit("partner.erase", id, None, None, Some(json!({"erased": true})))];
    batch.extend(rows::partner_erase(id, (&actor_of(&email, false), &external_id), ctx.now));
    ctx.batch(batch).await?;
    Ok(codes.into_iter().map(|link| link.code).collect())
}

/// Erases an account: its addresses and names, what was written about it, and its visitors. Returns whether all is done;
/// otherwise the sweep goes on.
pub async fn account<P: Ports>(ctx: &Context<'_, P>, id: &AccountId) -> Result<bool, AppError> {
    let (known, addresses) = ctx.read((account_find(id), rows::account_addresses(id))).await?;
    if known.is_empty() && addresses.is_empty() {
        return Err(AppError::not_found("account"));
    }
    let hashes: Vec<String> = addresses.iter().map(|known| address_sha256(&known.email)).collect();
    let mut batch = rows::account_erase(id, &hashes);
    batch.extend(visitor::visitors_of_account_erase(id));
    batch.push(ctx.audit("account.erase", id, None, None, Some(json!({"erased": true}))));
    ctx.batch(batch).await?;
    Ok(go_on(ctx).await?)
}

/// Erases a visitor by the id in its cookie: its clicks, what it did on the site, and the touches of its sign-ups. The log
/// does not have the id.
pub async fn visitor<P: Ports>(ctx: &Context<'_, P>, id: &str) -> Result<bool, AppError> {
    let mut batch = Vec::from(visitor::visitor_erase(id));
    batch.push(ctx.audit("visitor.erase", "visitor", None, None, Some(json!({"erased": true}))));
    ctx.batch(batch).await?;
    Ok(go_on(ctx).await?)
}

/// Looks through the rows of visitors that are to be erased. Whether none is left.
pub async fn go_on<P: Ports>(ctx: &Context<'_, P>) -> Result<bool, DbError> {
    for _ in 0..PAGES {
        if !ctx.has_room(PAGE_STATEMENTS) {
            return Ok(false);
        }
        let Some(at) = ctx.read(visitor::visitor_next().first()).await? else { return Ok(true) };
        ctx.batch(visitor::visitor_scan(&at)).await?;
    }
    Ok(false)
}
