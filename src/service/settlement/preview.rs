//! What a run would do if it started now: the plan without its execution. Nothing is written.

use crate::base::ids::{AccountId, PartnerId, RewardId};
use crate::base::time::UtcMillis;
use crate::engine::account::decision;
use crate::engine::accrual::invoice::PartnerModifiers;
use crate::engine::accrual::modifiers::ModifierInputs;
use crate::engine::accrual::{Accrual, AccrualState, Balance};
use crate::engine::ledger::posting;
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::program::document::Document;
use crate::service::account::books;
use crate::service::account::books::AccountSnapshots;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::settlement::settle;
use crate::service::settlement::settle::Due;
use crate::store::port::DbError;
use crate::store::settlement::operator_runs;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// The most pages of accounts that are read, within one invocation's statements; the response says if there are more.
const PAGES: u32 = 20;

/// Accruals and cents.
type Count = (i64, i64);

/// The effect of the modifiers and caps that a run would find.
#[derive(Default)]
struct Found {
    /// By partner and reward, in cents.
    changes: BTreeMap<(PartnerId, RewardId), i64>,
    /// By partner and unit.
    vests: BTreeMap<(PartnerId, String), Count>,
}

/// What a run of `due` would grant, what its partners' modifiers and caps would change, and what it would vest.
pub async fn preview<P: Ports>(ctx: &Context<'_, P>, due: &Due) -> Result<Value, AppError> {
    let catalog = ctx.programs().await?;
    let document = catalog.in_force(&due.program, due.as_of).ok_or_else(|| AppError::not_found("program"))?;
    // Grants need one pass over the accounts, modifiers and caps more.
    let passes = catalog.versions(&due.program).map(Program::passes).max().unwrap_or(1);
    let has_terms = passes > 1;
    let for_terms = ctx.keep(if has_terms { ctx.left() * passes / (passes + 1) } else { 1 });
    let (grants, all_grants) = grants(ctx, due).await?;
    drop(for_terms);
    let (found, all_found) = if !has_terms {
        (Found { vests: stored_vests(ctx, due, "").await?, ..Found::default() }, true)
    } else {
        let (mut found, complete) = found(ctx, &catalog, document, due.as_of, passes).await?;
        for (of, (accruals, cents)) in stored_vests(ctx, due, document.group()).await? {
            let entry = found.vests.entry(of).or_default();
            *entry = (entry.0 + accruals, entry.1 + cents);
        }
        (found, complete)
    };
    let counts = |of: BTreeMap<(PartnerId, String), Count>| -> Vec<Value> {
        let row = |((partner, unit), (accruals, cents))| json!({"partner": partner, "unit": unit, "accruals": accruals, "cents": cents});
        of.into_iter().map(row).collect()
    };
    let changes = found.changes.into_iter().filter(|(_, cents)| *cents != 0);
    let changes: Vec<Value> = changes
        .map(|((partner, modifier), cents)| json!({"partner": partner, "modifier_id": modifier, "difference_cents": cents}))
        .collect();
    Ok(json!({
        "program": due.program, "cadence": due.cadence.name(), "period": due.period,
        "as_of": due.as_of.to_rfc3339(), "preview": true, "complete": all_grants && all_found,
        "grants": counts(grants), "terms": changes, "vests": counts(found.vests),
    }))
}

async fn grants<P: Ports>(
    ctx: &Context<'_, P>,
    due: &Due,
) -> Result<(BTreeMap<(PartnerId, String), Count>, bool), DbError> {
    let mut run = settle::new_run(due, 0, ctx);
    let mut grants: BTreeMap<(PartnerId, String), Count> = BTreeMap::new();
    for _ in 0..PAGES {
        let (planned, last) = match settle::grants_page(ctx, &run).await {
            Err(DbError::Exhausted) => break,
            page => page?,
        };
        for (accrual, _) in planned {
            count(&mut grants, &accrual);
        }
        let Some(last) = last else { return Ok((grants, true)) };
        run.cursor = last.into();
    }
    Ok((grants, false))
}

fn count(counts: &mut BTreeMap<(PartnerId, String), Count>, accrual: &Accrual) {
    let entry = counts.entry((accrual.partner_id.clone(), accrual.unit.clone())).or_default();
    *entry = (entry.0 + 1, entry.1 + accrual.net_cents.0);
}

async fn stored_vests<P: Ports>(
    ctx: &Context<'_, P>,
    due: &Due,
    group: &str,
) -> Result<BTreeMap<(PartnerId, String), Count>, DbError> {
    let run = settle::new_run(due, 0, ctx);
    let vests = ctx.read(operator_runs::vest_preview(&run, group)).await?;
    Ok(vests.into_iter().map(|v| ((v.partner, v.unit), (v.accruals, v.cents))).collect())
}

/// What partners' modifiers as of the run change in their accounts' accruals, and what vests then.
async fn found<P: Ports>(
    ctx: &Context<'_, P>,
    catalog: &Catalog,
    document: &Document,
    as_of: UtcMillis,
    passes: u64,
) -> Result<(Found, bool), DbError> {
    let under = |terms: PartnerModifiers, books: &AccountSnapshots, account: &AccountId| {
        books.with_case(account, ctx.now, |_, case| {
            decision::decide(catalog, &decision::DecisionInput { terms, ..*case })
        })
    };
    // Modifiers depend on all accounts of a partner, so an account's earnings are known only in a further pass; and
    // where modifiers share the room under a cap, one more.
    let (mut gathered, mut complete) = (ModifierInputs::default(), true);
    let mut modifiers = HashMap::new();
    for pass in 1..passes {
        let terms = PartnerModifiers { modifiers: &modifiers, capped: &HashMap::new() };
        let look = |books: &AccountSnapshots, account: &AccountId| {
            let decision = under(terms, books, account);
            if pass == 1 {
                gathered.add(catalog, document, account, &decision);
            } else {
                gathered.add_rooms(catalog, &document.id, &decision);
            }
        };
        let further = passes - pass;
        let _for_further = ctx.keep(ctx.left() * further / (further + 1));
        complete &= books::each_of_group(ctx, document.group(), PAGES, look).await?.1;
        modifiers = gathered.modifiers(catalog, &document.id, as_of);
    }
    let capped = gathered.capped(as_of);
    let terms = PartnerModifiers { modifiers: &modifiers, capped: &capped };
    let mut found = Found::default();
    let look = |books: &AccountSnapshots, account: &AccountId| {
        let standing = books.accruals(account);
        let (mut changed, _) = posting::settle(standing, under(terms, books, account).accruals, "");
        // Other programs of the group have their own modifiers, which this run does not look for.
        changed.retain(|accrual| accrual.program_id == document.id);
        for accrual in &changed {
            let stood = standing.iter().find(|old| old.id == accrual.id).map_or(0, |old| old.net_cents.0);
            *found.changes.entry((accrual.partner_id.clone(), accrual.reward_id.clone())).or_default() +=
                accrual.net_cents.0 - stood;
        }
        let unchanged = standing.iter().filter(|old| changed.iter().all(|accrual| accrual.id != old.id));
        let of_program = unchanged.chain(&changed).filter(|l| l.program_id == document.id);
        for accrual in of_program.filter(|l| vests(l, as_of)) {
            count(&mut found.vests, accrual);
        }
    };
    let (_, all) = books::each_of_group(ctx, document.group(), PAGES, look).await?;
    Ok((found, complete && all))
}

fn vests(accrual: &Accrual, as_of: UtcMillis) -> bool {
    let pending = accrual.state == AccrualState::Pending && accrual.balance == Balance::Pending;
    pending && accrual.vests_at_ms <= as_of && accrual.at_ms < as_of
}
