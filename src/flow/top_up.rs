//! A run's step that adds what newly earned modifiers add, for a page of partners. What is not plain is marked to be
//! decided, which the run does next.

use super::context::{Context, Ports};
use crate::engine::accrual::PartnerTerm;
use crate::engine::posting;
use crate::engine::top_up::{self, Earned};
use crate::store::account::{self, AccountRow};
use crate::store::port::{DbError, Stmt};
use crate::store::run::{self as runs, RunRow};
use crate::store::terms::{self, LINES_MAX};
use crate::store::{ledger, program};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize)]
struct Partner {
    partner_id: String,
    lines: i64,
}

#[derive(Deserialize)]
struct Account {
    account_id: String,
}

/// The statements that take the next page's partners, or `None` where none is left.
pub async fn page<P: Ports>(ctx: &Context<'_, P>, run: &RunRow) -> Result<Option<Vec<Stmt>>, DbError> {
    let partners: Vec<Partner> = ctx.query(terms::topped_partners(run)).await?.decode()?;
    let Some(last) = partners.last() else { return Ok(None) };
    let mut statements = vec![runs::run_step(run, "topping_up", &last.partner_id)];
    if last.lines > LINES_MAX {
        // It stands alone, with more lines than are read at a time: its accounts are decided one page after the other.
        statements.push(terms::mark_partner(run, &last.partner_id, ctx.now));
        return Ok(Some(statements));
    }
    let ids: Vec<String> = partners.into_iter().map(|p| p.partner_id).collect();
    let mut rows = ctx
        .batch(vec![
            program::program_list(),
            terms::terms_of(run, &ids),
            terms::tiny_accounts(run, &ids),
            terms::earned_accounts(run, &ids),
            terms::earned_list(run, &ids),
        ])
        .await?
        .into_iter();
    let mut next = || rows.next().unwrap_or_default();
    let catalog = program::catalog(&next())?;
    let mut by_partner: HashMap<String, Vec<PartnerTerm>> = HashMap::new();
    for term in next().take::<PartnerTerm>()? {
        by_partner.entry(term.partner_id.clone()).or_default().push(term);
    }
    let tiny: Vec<Account> = next().take()?;
    let accounts: BTreeMap<String, AccountRow> =
        next().take::<AccountRow>()?.into_iter().map(|a| (a.id.clone(), a)).collect();
    let earned: Vec<Earned> = next().take()?;
    let mut found = top_up::top_up(&catalog, &run.program_id, &earned, &by_partner);
    found.others.extend(tiny.into_iter().map(|a| a.account_id));
    let (mut lines, mut transfers, mut touched) = (Vec::new(), Vec::new(), BTreeMap::new());
    for line in found.lines {
        // Who is marked already is decided in any case; who is not among the accounts was bound elsewhere meanwhile.
        let Some(account) = accounts.get(&line.account_id).filter(|a| !found.others.contains(&a.id)) else { continue };
        let (line, transfer) = posting::settle(&[], vec![line], "");
        touched.insert(&account.id, account);
        lines.extend(line);
        transfers.extend(transfer);
    }
    if !touched.is_empty() {
        statements.push(account::account_touch(&touched.into_values().cloned().collect::<Vec<_>>()));
        statements.push(ledger::ledger_accounts_ensure(&transfers));
        lines.sort_by(|a, b| a.id.cmp(&b.id));
        transfers.sort_by(|a, b| a.line.cmp(&b.line));
        statements.extend(account::line_write(&lines));
        statements.extend(ledger::transfer_insert(&transfers, ctx.now));
    }
    if !found.others.is_empty() {
        statements.push(account::stale_by_ids(&found.others.into_iter().collect::<Vec<_>>(), ctx.now));
    }
    Ok(Some(statements))
}
