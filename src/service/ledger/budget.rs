//! Reward budgets: an operator funds one, and waiting rewards are released in the order of (occurred_at, event id).
//! None is released before an earlier one.

use crate::base::money::Cents;
use crate::engine::accrual::milestone;
use crate::engine::accrual::{Accrual, AccrualState, Balance};
use crate::engine::ledger::posting;
use crate::engine::ledger::posting::Transfer;
use crate::engine::sabotage;
use crate::engine::sabotage::Fault;
use crate::program::document::Document;
use crate::service::account::books::{BudgetRow, budgets};
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind, TRIES_MAX};
use crate::service::once::{IdempotentRequest, StoredResponse};
use crate::store::account;
use crate::store::account::AccountRow;
use crate::store::identity::audit;
use crate::store::identity::audit::Audit;
use crate::store::ledger::budget;
use crate::store::message::outbox;
use crate::store::port::{DbError, Rows, Stmt};
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
    id: &str,
    amount: Cents,
    reason: &str,
    once: Option<&IdempotentRequest>,
) -> Result<StoredResponse, AppError> {
    for tries in 0..TRIES_MAX {
        if let Some(answer) = IdempotentRequest::replied(ctx, once).await? {
            return Ok(answer);
        }
        let rows = ctx.batch(vec![program::program_list(), budget::budget_list()]).await?;
        let catalog = program::catalog(&rows[0])?;
        let document = catalog.in_force(id, ctx.now).ok_or_else(|| AppError::not_found("program"))?;
        if !document.settlement.budget {
            let detail = "this program has no reward budget";
            return Err(AppError::new(ErrorKind::Unprocessable, "no_budget", detail));
        }
        let row = find(budgets(&rows[1])?, id)?;
        let funding = Transfer {
            id: ctx.fresh_id("fnd"),
            accrual_id: String::new(),
            code: "fund",
            debit: posting::account_id(id, &unit(document), "clearing", ""),
            credit: posting::account_id(id, &unit(document), "budget", ""),
            amount_cents: amount,
            program_id: id.to_owned(),
            event_id: String::new(),
            reason: reason.to_owned(),
        };
        let balance = row.budget.balance_cents + amount.0;
        let answer: StoredResponse =
            (201, json!({"program": id, "funded_cents": amount, "balance_cents": balance, "transfer": funding.id}));
        let audit_id = ctx.fresh_id("aud");
        let (before, after) = (
            json!({"balance_cents": row.budget.balance_cents}).to_string(),
            json!({"balance_cents": balance}).to_string(),
        );
        let entry = Audit {
            id: &audit_id,
            actor: &ctx.actor,
            action: "budget.fund",
            subject: id,
            reason: Some(reason),
            before: Some(&before),
            after: Some(&after),
        };
        let mut batch = vec![
            budget::budget_advance(&[(id, row.revision)]),
            ledger::ledger_accounts_ensure(std::slice::from_ref(&funding)),
            ledger::fund_insert(&funding, &ctx.actor, ctx.now),
            audit::audit_insert(&entry, ctx.now),
        ];
        batch.extend(once.map(|o| o.keep(&answer, ctx.now)));
        match ctx.batch(batch).await {
            Ok(_) => {
                // The money is in; the sweep releases what this could not.
                let _ = release(ctx, id).await;
                return Ok(answer);
            }
            Err(DbError::Guard(_)) => ctx.back_off(tries).await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(AppError::contended())
}

/// Releases waiting rewards in every program whose budget has money, then notifies the operator of low budgets: once
/// after each funding, or, if nobody has funded one yet, as soon as a reward waits for it.
pub async fn sweep<P: Ports>(ctx: &Context<'_, P>) -> Result<(), DbError> {
    let mut rows = ctx.batch(vec![program::program_list(), budget::budget_list()]).await?;
    let releasable: Vec<String> = budgets(&rows[1])?
        .into_iter()
        .filter(|p| p.budget.waiting > 0 && p.budget.balance_cents > 0)
        .map(|p| p.budget.program_id)
        .collect();
    for id in &releasable {
        if !ctx.has_room(PAGE_STATEMENTS + ctx.reserve()) {
            break;
        }
        release(ctx, id).await?;
    }
    if !releasable.is_empty() {
        rows[1] = ctx.query(budget::budget_list()).await?;
    }
    announce_low(ctx, &rows).await
}

async fn announce_low<P: Ports>(ctx: &Context<'_, P>, rows: &[Rows]) -> Result<(), DbError> {
    #[derive(serde::Deserialize)]
    struct Row {
        fundings: i64,
    }
    let catalog = program::catalog(&rows[0])?;
    for BudgetRow { budget: row, .. } in budgets(&rows[1])? {
        let Some(document) = catalog.in_force(&row.program_id, ctx.now).filter(|d| d.settlement.budget) else {
            continue;
        };
        let low = document.budget_low_cents();
        if row.balance_cents >= low.0 && row.waiting == 0 {
            continue;
        }
        if !ctx.has_room(LOW_STATEMENTS) {
            break;
        }
        let found: Option<Row> = ctx.query(budget::budget_fundings(&row.program_id)).await?.first()?;
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
async fn release<P: Ports>(ctx: &Context<'_, P>, id: &str) -> Result<(), DbError> {
    for tries in 0..PAGES {
        if !ctx.has_room(PAGE_STATEMENTS) {
            break;
        }
        match page(ctx, id).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(DbError::Guard(_)) => ctx.back_off(tries).await,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn page<P: Ports>(ctx: &Context<'_, P>, id: &str) -> Result<bool, DbError> {
    // The budget's revision is read together with the waiting rewards, and the accounts' revisions before the batch
    // that writes them.
    let rows = ctx.batch(vec![budget::budget_list(), budget::waiting_list(id, PAGE)]).await?;
    let Ok(row) = find(budgets(&rows[0])?, id) else { return Ok(false) };
    let waiting: Vec<Accrual> = rows[1].decode()?;
    let mut balance = row.budget.balance_cents;
    let mut released: Vec<Accrual> = Vec::new();
    for accrual in waiting {
        if accrual.kept().0 > balance {
            if sabotage::is(Fault::ReleaseOvertakes) {
                continue;
            }
            break;
        }
        balance -= accrual.kept().0;
        released.push(accrual);
    }
    if released.is_empty() {
        return Ok(false);
    }
    let accounts = accounts_of(ctx, &released).await?;
    let mut transfers = Vec::new();
    for accrual in &mut released {
        accrual.net_cents = accrual.kept();
        accrual.balance = Balance::Available;
        accrual.state = AccrualState::Available;
        accrual.reason = milestone::reason_of(&accrual.source);
        accrual.postings += 1;
        transfers.push(posting::accrue(accrual, accrual.net_cents, ""));
    }
    let mut batch: Vec<Stmt> = vec![
        account::account_touch(&accounts),
        budget::budget_advance(&[(id, row.revision)]),
        ledger::ledger_accounts_ensure(&transfers),
    ];
    batch.extend(account::accrual_write(&released));
    batch.extend(ledger::transfer_insert(&transfers, ctx.now));
    batch.push(outbox::outbox_rewards(&released, ctx.now));
    ctx.batch(batch).await?;
    Ok(true)
}

async fn accounts_of<P: Ports>(ctx: &Context<'_, P>, accruals: &[Accrual]) -> Result<Vec<AccountRow>, DbError> {
    let mut ids: Vec<String> = accruals.iter().map(|l| l.account_id.clone()).collect();
    ids.sort();
    ids.dedup();
    ctx.query(budget::waiting_accounts(&ids)).await?.decode()
}

fn find(budgets: Vec<BudgetRow>, id: &str) -> Result<BudgetRow, AppError> {
    budgets.into_iter().find(|p| p.budget.program_id == id).ok_or_else(|| AppError::not_found("program"))
}

fn unit(document: &Document) -> String {
    format!("{}:{}", document.settlement.unit.name(), document.currency)
}
