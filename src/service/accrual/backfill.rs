//! A run's step that adds the accruals of newly earned modifiers, for a page of partners. Accounts that need more than
//! that are marked, and the run recomputes them next.

use crate::base::ids::{AccountId, PartnerId};
use crate::base::sort::{distinct, sort_by};
use crate::engine::accrual::backfill;
use crate::engine::accrual::invoice::PartnerModifier;
use crate::engine::settlement::RunState;
use crate::service::context::{Context, Ports};
use crate::store::account;
use crate::store::account::AccountRow;
use crate::store::accrual::backfill as reads;
use crate::store::accrual::backfill::LINES_MAX;
use crate::store::port::{DbError, Stmt};
use crate::store::program;
use crate::store::settlement::run as runs;
use crate::store::settlement::run::RunRow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The statements that process the next page of partners, or `None` if there are none left.
pub async fn page<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<Option<Vec<Stmt>>, DbError> {
    let partners = ctx.read(reads::backfill_partners(run)).await?;
    let Some(last) = partners.last() else { return Ok(None) };
    let mut statements = vec![runs::run_step(run, RunState::Backfilling, &last.partner_id)];
    if last.accruals > LINES_MAX {
        // This partner is alone on its page and has more accruals than are read at a time, so its accounts are
        // recomputed page by page.
        statements.push(reads::mark_partner(run, &last.partner_id, ctx.now));
        return Ok(Some(statements));
    }
    let (catalog, terms, tiny, accounts, earned) = ctx
        .read((
            program::programs(),
            reads::terms_of(run, &partners),
            reads::tiny_accounts(run, &partners),
            reads::earned_accounts(run, &partners),
            reads::earned_list(run, &partners),
        ))
        .await?;
    let mut by_partner: HashMap<PartnerId, Vec<PartnerModifier>> = HashMap::new();
    for term in terms {
        by_partner.entry(term.partner_id.clone()).or_default().push(term);
    }
    let accounts: BTreeMap<AccountId, AccountRow> = accounts.into_iter().map(|a| (a.id.clone(), a)).collect();
    let mut found = backfill::backfill(&catalog, &run.program_id, &earned, &by_partner);
    found.to_recompute.extend(tiny.into_iter().map(|a| a.account_id));
    // Marked accounts are recomputed anyway; accounts that are missing here were reassigned in the meantime.
    found
        .accruals
        .retain(|accrual| accounts.contains_key(&accrual.account) && !found.to_recompute.contains(&accrual.account));
    if !found.accruals.is_empty() {
        let touched: BTreeSet<&AccountId> = distinct(found.accruals.iter().map(|accrual| &accrual.account));
        let touched: Vec<AccountRow> = touched.into_iter().filter_map(|id| accounts.get(id)).cloned().collect();
        sort_by(&mut found.accruals, |a, b| a.id.cmp(&b.id));
        statements.push(account::account_touch(&touched));
        statements.extend(reads::added_write(&found.accruals, ctx.now));
    }
    if !found.to_recompute.is_empty() {
        statements.push(account::recompute_by_ids(&found.to_recompute.into_iter().collect::<Vec<_>>(), ctx.now));
    }
    Ok(Some(statements))
}
