//! What the attribution report of an account says about each program: its accruals, amounts that earned nothing because
//! of their currency, and what waits.

use crate::base::decode;
use crate::base::ids::{AccountId, ProgramId};
use crate::base::sort::distinct;
use crate::base::time::UtcMillis;
use crate::engine::account::order::paid_at;
use crate::engine::accrual::payment::ShownAccrual;
use crate::engine::attribution::AttributionResult;
use crate::engine::review::currency;
use crate::program::catalog::Catalog;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::account;
use crate::store::account::BindingRow;
use crate::store::account::waiting::{UndecidedAccount, undecided_find};
use crate::store::accrual::payment::accruals_of_account;
use crate::store::event as events;
use crate::store::event::OtherAmount;
use crate::store::event::stripe as stripe_events;
use crate::store::event::stripe::WaitingEvent;
use crate::store::program::programs;
use std::collections::BTreeSet;

/// The latest amounts in other currencies, and the earliest waiting events, that a report shows.
pub const SHOWN_MAX: i64 = 100;

pub const WAITS_FOR_INVOICE: &str = "it waits until the invoice of its payment is known";

pub struct AttributionReport {
    pub programs: Vec<ProgramReport>,
    /// Refunds and disputes of the account's payments.
    pub waiting: Vec<WaitingEvent>,
    /// If the account's decision is not up to date.
    pub undecided: Option<UndecidedAccount>,
    pub catalog: Catalog,
}

/// A group of programs with the one that the account is bound to, or a program with accruals that it is not bound to.
pub struct ProgramReport {
    pub group: String,
    pub program: Option<ProgramId>,
    pub row: Option<BindingRow>,
    pub accruals: Vec<ShownAccrual>,
    pub other_currencies: Vec<OtherCurrency>,
    pub decided_at: UtcMillis,
}

/// An amount in another currency than the program's, and why it earned nothing.
pub struct OtherCurrency {
    pub amount: OtherAmount,
    pub reason: String,
}

pub async fn report<P: Ports>(ctx: &Context<'_, P>, account_id: &AccountId) -> Result<AttributionReport, AppError> {
    let reads = (
        account::account_find(account_id).first(),
        account::binding_list(account_id),
        accruals_of_account(account_id),
        events::other_amounts(account_id, SHOWN_MAX),
        stripe_events::waiting_of_account(account_id, SHOWN_MAX),
        (programs(), undecided_find(account_id).first()),
    );
    let (known, bindings, accruals, amounts, waiting, (catalog, undecided)) = ctx.read(reads).await?;
    known.ok_or_else(|| AppError::not_found("account"))?;
    let mut programs: Vec<ProgramReport> =
        bindings.into_iter().map(|row| bound(row, &accruals, &amounts, &catalog, ctx.now)).collect();
    let decided_at = programs.iter().map(|p| p.decided_at).max().unwrap_or(ctx.now);
    let others: BTreeSet<&ProgramId> = distinct(accruals.iter().map(|(a, _)| &a.program_id));
    for program in others {
        if programs.iter().all(|p| p.program.as_ref() != Some(program)) {
            programs.push(ProgramReport {
                group: catalog.current(program, ctx.now).map_or(program.as_str(), |d| d.group()).to_owned(),
                program: Some(program.clone()),
                row: None,
                accruals: of_program(&accruals, program),
                other_currencies: Vec::new(),
                decided_at,
            });
        }
    }
    Ok(AttributionReport { programs, waiting, undecided, catalog })
}

fn bound(
    row: BindingRow,
    accruals: &[ShownAccrual],
    amounts: &[OtherAmount],
    catalog: &Catalog,
    now: UtcMillis,
) -> ProgramReport {
    let result = decode::from_text::<AttributionResult>(&row.receipt).ok();
    let binding = result.as_ref().and_then(|result| result.binding.as_ref());
    let document = binding.and_then(|b| catalog.in_force(&b.program, now));
    ProgramReport {
        group: row.group_id.clone(),
        program: binding.map(|b| b.program.clone()),
        accruals: binding.map_or_else(Vec::new, |b| of_program(accruals, &b.program)),
        other_currencies: binding
            .zip(document)
            .map_or_else(Vec::new, |(b, d)| others(amounts, b.from, row.signed_up_at_ms, &d.currency)),
        decided_at: row.decided_at_ms,
        row: Some(row),
    }
}

fn of_program(accruals: &[ShownAccrual], program: &ProgramId) -> Vec<ShownAccrual> {
    accruals.iter().filter(|(accrual, _)| accrual.program_id == *program).cloned().collect()
}

/// The amounts since `bound_at` that are not in a program's currency.
pub fn others(amounts: &[OtherAmount], bound_at: UtcMillis, signed_up_at: UtcMillis, own: &str) -> Vec<OtherCurrency> {
    let other = |amount: &OtherAmount| OtherCurrency {
        reason: currency::reason(&amount.kind, &amount.currency, own),
        amount: amount.clone(),
    };
    let counts_at = |a: &OtherAmount| if a.kind == "invoice" { paid_at(signed_up_at, a.at_ms) } else { a.at_ms };
    amounts.iter().filter(|a| a.currency != own && counts_at(a) >= bound_at).map(other).collect()
}
