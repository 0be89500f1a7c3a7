//! Reward budgets: an operator funds one, and waiting rewards are released in the order of (occurred_at, event id).
//! None is released before an earlier one.

use crate::base::ids::{AccountId, AccrualId, EventId, PartnerId, ProgramId};
use crate::base::money::Cents;
use crate::base::sort::sort;
use crate::engine::accrual::milestone;
use crate::engine::accrual::{Accrual, AccrualState, Balance};
use crate::engine::ledger::account::{LedgerAccount, LedgerAccountKind, TransferCode};
use crate::engine::ledger::posting;
use crate::engine::ledger::posting::Transfer;
use crate::program::catalog::Catalog;
use crate::program::document::Document;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::{IdempotentRequest, StoredResponse};
use crate::store::account;
use crate::store::account::AccountRow;
use crate::store::ledger::budget;
use crate::store::ledger::budget::{BudgetRow, budget_list};
use crate::store::message::outbox;
use crate::store::port::{DbError, Stmt};
use crate::store::{ledger, program};
use serde_json::json;

/// Rewards released in one batch.
const PAGE: i64 = 200;
/// Batches of releases after one funding; the sweep does the rest.
const PAGES: u32 = 10;
/// Statements of one batch of releases: three reads, the rows that it always writes, and one more statement for each
/// megabyte of them.
const PAGE_STATEMENTS: u64 = 14;
/// Statements that report one low budget.
const LOW_STATEMENTS: u64 = 2;

/// Adds `amount` to a program's budget and releases what it covers.
pub async fn fund<P: Ports>(
    ctx: &Context<'_, P>,
    id: &ProgramId,
    amount: Cents,
    reason: &str,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, AppError> {
    ctx.retry(async || {
        if let Some(answer) = IdempotentRequest::replied(ctx, once).await? {
            return Ok(answer);
        }
        let (catalog, budgets) = ctx.read((program::programs(), budget_list())).await?;
        let document = catalog.current(id, ctx.now).ok_or_else(|| AppError::not_found("program"))?;
        if !document.settlement.budget {
            let detail = "this program has no reward budget";
            return Err(AppError::new(ErrorKind::Unprocessable, "no_budget", detail).into());
        }
        let row = find(budgets, id)?;
        let funding = Transfer {
            id: ctx.fresh_id("fnd"),
            accrual_id: AccrualId::default(),
            code: TransferCode::Fund,
            debit: LedgerAccount::new(id, &unit(document), LedgerAccountKind::Clearing, &PartnerId::default()),
            credit: LedgerAccount::new(id, &unit(document), LedgerAccountKind::Budget, &PartnerId::default()),
            amount_cents: amount,
            program_id: id.to_owned(),
            event_id: EventId::default(),
            reason: reason.to_owned(),
        };
        let balance = row.budget.balance_cents + amount.0;
        let answer: StoredResponse =
            (201, json!({"program": id, "funded_cents": amount, "balance_cents": balance, "transfer": funding.id}));
        let (before, after) = (json!({"balance_cents": row.budget.balance_cents}), json!({"balance_cents": balance}));
        let mut batch = vec![
            budget::budget_advance(&[(id, row.revision)]),
            ledger::ledger_accounts_ensure(std::slice::from_ref(&funding)),
            ledger::fund_insert(&funding, &ctx.actor, ctx.now),
            ctx.audit("budget.fund", id, Some(reason), Some(before), Some(after)),
        ];
        batch.extend(once.map(|o| o.keep_for_good(&answer, ctx.now)));
        ctx.batch(batch).await?;
        // The money is in; the sweep releases what this could not.
        let _ = release(ctx, id).await;
        Ok(answer)
    })
    .await
}

/// Releases waiting rewards in every program whose budget has money, then notifies the operator of low budgets: once
/// after each funding, or, if nobody has funded one yet, as soon as a reward waits for it.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<(), DbError> {
    let (catalog, mut budgets) = ctx.read((program::programs(), budget_list())).await?;
    let mut refused = Ok(());
    let releasable: Vec<ProgramId> = budgets
        .iter()
        .filter(|p| p.budget.waiting > 0 && p.budget.balance_cents > 0)
        .map(|p| p.budget.program_id.clone())
        .collect();
    for id in &releasable {
        if !ctx.has_room(PAGE_STATEMENTS + ctx.reserve()) {
            break;
        }
        match release(ctx, id).await {
            // The other programs' rewards are released all the same.
            Err(error @ DbError::Violation(_)) => refused = Err(error),
            released => released?,
        }
    }
    if !releasable.is_empty() {
        budgets = ctx.read(budget_list()).await?;
    }
    announce_low(ctx, &catalog, &budgets).await?;
    refused
}

async fn announce_low<P: Ports>(ctx: &Context<'_, P>, catalog: &Catalog, budgets: &[BudgetRow]) -> Result<(), DbError> {
    for BudgetRow { budget: row, .. } in budgets {
        let Some(document) = catalog.current(&row.program_id, ctx.now).filter(|d| d.settlement.budget) else {
            continue;
        };
        let low = document.budget_low_cents();
        if row.balance_cents >= low.0 && row.waiting == 0 {
            continue;
        }
        if !ctx.has_room(LOW_STATEMENTS) {
            break;
        }
        let found = ctx.read(budget::budget_fundings(&row.program_id).first()).await?;
        let fundings = found.map_or(0, |r| r.fundings);
        if fundings > 0 || row.waiting > 0 {
            let message =
                outbox::budget_low(&row.program_id, &unit(document), row.balance_cents, low.0, row.waiting, fundings);
            ctx.query(outbox::outbox_insert(&[message], ctx.now)).await?;
        }
    }
    Ok(())
}

/// Releases waiting rewards as far as the budget allows: the first that it cannot cover stops all that follow.
async fn release<P: Ports>(ctx: &Context<'_, P>, id: &ProgramId) -> Result<(), DbError> {
    ctx.each_page(PAGES, PAGE_STATEMENTS, async || page(ctx, id).await).await
}

async fn page<P: Ports>(ctx: &Context<'_, P>, id: &ProgramId) -> Result<bool, DbError> {
    // The budget's revision is read together with the waiting rewards, and the accounts' revisions before the batch
    // that writes them.
    let (budgets, waiting) = ctx.read((budget_list(), budget::waiting_list(id, PAGE))).await?;
    let Ok(row) = find(budgets, id) else { return Ok(false) };
    let mut balance = row.budget.balance_cents;
    let mut released: Vec<Accrual> = Vec::new();
    for (mut accrual, hold) in waiting {
        if accrual.kept().0 > balance {
            break;
        }
        balance -= accrual.kept().0;
        accrual.net_cents = accrual.kept();
        accrual.reason = milestone::reason_of(&accrual.source);
        (accrual.balance, accrual.state) = match hold.is_held {
            0 => (Balance::Available, AccrualState::Available),
            // The account's next decision, at the end of the hold, says why.
            _ => (Balance::Pending, AccrualState::Held),
        };
        released.push(accrual);
    }
    if released.is_empty() {
        return Ok(false);
    }
    let accounts = accounts_of(ctx, &released).await?;
    let mut transfers = Vec::new();
    for accrual in &mut released {
        accrual.postings += 1;
        transfers.push(posting::accrue(accrual, accrual.net_cents, ""));
    }
    let mut batch: Vec<Stmt> = vec![
        account::account_touch(&accounts),
        budget::budget_advance(&[(id, row.revision)]),
        ledger::ledger_accounts_ensure(&transfers),
    ];
    batch.extend(account::accrual_write(&released, false, ctx.now));
    batch.extend(ledger::transfer_insert(&transfers, ctx.now));
    // A held one is announced when its hold ends.
    let free: Vec<Accrual> = released.into_iter().filter(|l| l.state == AccrualState::Available).collect();
    batch.push(outbox::outbox_rewards(&free, ctx.now));
    ctx.batch(batch).await?;
    Ok(true)
}

async fn accounts_of<P: Ports>(ctx: &Context<'_, P>, accruals: &[Accrual]) -> Result<Vec<AccountRow>, DbError> {
    let mut ids: Vec<AccountId> = accruals.iter().map(|l| l.account_id.clone()).collect();
    sort(&mut ids);
    ids.dedup();
    ctx.read(budget::waiting_accounts(&ids)).await
}

fn find(budgets: Vec<BudgetRow>, id: &ProgramId) -> Result<BudgetRow, AppError> {
    budgets.into_iter().find(|p| p.budget.program_id == *id).ok_or_else(|| AppError::not_found("program"))
}

fn unit(document: &Document) -> String {
    format!("{}:{}", document.settlement.unit.name(), document.currency)
}
