//! The monthly reconciliation with Stripe's list of subscriptions: missed events are repaired, and the differences are
//! recorded in the audit trail.

use crate::base::time::Month;
use crate::codec::operator::{BilledAccount, ReconciliationRequest};
use crate::codec::stripe as wire;
use crate::codec::stripe::Billing;
use crate::codec::stripe::form::FormEncoder;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::event::conversion::TAKE_STATEMENTS;
use crate::service::event::stripe_worth;
use crate::service::report::reconcile;
use crate::service::setup::STATEMENTS_FREE;
use crate::service::stripe;
use crate::store::account::customer as customers;
use crate::store::account::customer::CustomerAccount;
use crate::store::health::CURSOR_STATEMENTS;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Subscriptions per page: one with many items and all their prices takes about ten thousand bytes.
const PAGE: &str = "50";
/// The most pages that are read: as many requests as an invocation may send, and about as much as its memory can hold.
/// Operators with more subscriptions compare them with `POST /v1/reconciliations`.
const PAGES_MAX: u32 = 200;
/// The same when requests to other services are scarce: 50 per invocation on the free plan.
const PAGES_TIGHT: u32 = 30;
const TOO_MANY: &str = "too many subscriptions to compare here; send them to POST /v1/reconciliations";
/// Subscriptions that are completed by further requests: those of which the list shows only a part. The others of them
/// are not compared.
const LOOKUPS_MAX: u32 = 20;
const LOOKUPS_TIGHT: u32 = 5;
/// Accounts compared at a time: all their events are read.
const ACCOUNTS: i64 = 50;
/// The most differences that one invocation repairs: each is an event.
const REPAIRS_MAX: usize = 20;
/// Statements to compare a page: its accounts, their facts, the programs, and the record of the repairs to come.
const PAGE_STATEMENTS: u64 = 4;
/// Statements that report the result.
const REPORT_STATEMENTS: u64 = 1;
/// In addition to the sweep's heartbeat and its first reads.
const _: () = assert!(
    1 + 2 + PAGE_STATEMENTS + TAKE_STATEMENTS + REPORT_STATEMENTS + CURSOR_STATEMENTS <= STATEMENTS_FREE,
    "no sweep can repair a difference"
);
/// The prefix of Stripe's subscription ids; others belong to another billing system.
const PREFIX: &str = "sub_";

/// Compares and repairs, starting after the account where an earlier call was cut off. Returns the account after which
/// the next call continues (empty: from the first), or `None` if all are compared.
pub async fn run<P: Ports>(ctx: &Context<'_, P>, from: Option<String>) -> Result<Option<String>, AppError> {
    let Some(billings) = subscriptions(ctx).await? else {
        report(ctx, json!({"skipped": TOO_MANY})).await?;
        return Ok(None);
    };
    let for_report = ctx.keep(REPORT_STATEMENTS + CURSOR_STATEMENTS);
    let mut by_customer: HashMap<&str, Vec<&Billing>> = HashMap::new();
    for billing in &billings {
        by_customer.entry(&billing.customer_id).or_default().push(billing);
    }
    let (mut after, mut found, mut compared) = (from.unwrap_or_default(), Vec::new(), 0);
    let until = loop {
        if found.len() >= REPAIRS_MAX || !ctx.has_room(PAGE_STATEMENTS) {
            break Some(after);
        }
        let page = ctx.read(customers::customer_accounts(&after, ACCOUNTS)).await?;
        let Some(last) = page.last() else { break None };
        let accounts = billed(&page, &by_customer);
        compared += accounts.len();
        let request = ReconciliationRequest { as_of: ctx.now, repair: true, accounts };
        let mut report = reconcile::reconcile_those(ctx, &request, |id| id.starts_with(PREFIX)).await?;
        found.extend(report["missed"].as_array_mut().map(std::mem::take).unwrap_or_default());
        if report["complete"] == false {
            // Repeat these accounts: those repaired by now will match.
            break Some(after);
        }
        after = last.account_id.clone().into();
    };
    drop(for_report);
    report(ctx, json!({"subscriptions": billings.len(), "accounts": compared, "missed": found})).await?;
    Ok(until)
}

/// All subscriptions that Stripe lists and that run, or `None` if there are too many to compare here.
async fn subscriptions<P: Ports>(ctx: &Context<'_, P>) -> Result<Option<Vec<Billing>>, AppError> {
    let (mut after, mut billings) = (None::<String>, Vec::new());
    let (pages, mut lookups) = if ctx.is_tight() { (PAGES_TIGHT, LOOKUPS_TIGHT) } else { (PAGES_MAX, LOOKUPS_MAX) };
    for _ in 0..pages {
        let query = FormEncoder::new()
            .with("limit", PAGE)
            .with("expand[]", "data.discounts.source.coupon")
            .with_some("starting_after", after.as_deref());
        let answer = stripe::get(ctx, "/v1/subscriptions", &query).await?.done()?;
        let (members, next) = wire::page(&answer);
        for member in members {
            let Some(mut billing) = wire::billing(member, ctx.now) else { continue };
            if lookups > 0 && wire::subscription::left_out(member, ctx.now).is_any() {
                lookups -= 1;
                let mut member = member.clone();
                stripe_worth::ask(ctx, &mut member, ctx.now).await?;
                billing = wire::billing(&member, ctx.now).unwrap_or(billing);
            }
            billings.push(billing);
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(Some(billings)),
        }
    }
    Ok(None)
}

/// What Stripe bills each account of a page, across all its customers.
fn billed(page: &[CustomerAccount], by_customer: &HashMap<&str, Vec<&Billing>>) -> Vec<BilledAccount> {
    let mut accounts: Vec<BilledAccount> = Vec::new();
    for row in page {
        if accounts.last().is_none_or(|last| last.id != row.account_id) {
            accounts.push(BilledAccount { id: row.account_id.clone(), subscriptions: Vec::new() });
        }
        let own = by_customer.get(row.customer_id.as_str()).into_iter().flatten();
        if let Some(last) = accounts.last_mut() {
            last.subscriptions.extend(own.map(|b| b.subscription.clone()));
        }
    }
    accounts
}

async fn report<P: Ports>(ctx: &Context<'_, P>, found: Value) -> Result<(), AppError> {
    ctx.query(ctx.audit("stripe.reconcile", &Month::of(ctx.now).to_string(), None, None, Some(found))).await?;
    Ok(())
}
