//! Computes the ledger rows that turn the stored accruals into the wanted ones.
//!
//! Each accrual is in one balance. The difference between the stored and the wanted amount is posted. An accrual that
//! the facts no longer call for is reversed. Ledger rows are never changed or deleted.

use crate::base::ids::{AccrualId, EventId, ProgramId};
use crate::base::money::Cents;
use crate::engine::accrual::{Accrual, AccrualState, Balance};
use crate::engine::ledger::account::{LedgerAccount, LedgerAccountKind, TransferCode};
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// One ledger row: `amount_cents` moves from `debit` to `credit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transfer {
    pub id: String,
    pub accrual_id: AccrualId,
    pub code: TransferCode,
    pub debit: LedgerAccount,
    pub credit: LedgerAccount,
    pub amount_cents: Cents,
    pub program_id: ProgramId,
    /// The event that caused the row, which may differ from the event that created the accrual.
    pub event_id: EventId,
    pub reason: String,
}

/// The accruals and ledger rows to write so that the accruals change from `standing` to `wanted`. `cause` is the event
/// being processed; if it is not a single one, the first row of an accrual is caused by the accrual's own.
pub fn settle(standing: &[Accrual], wanted: Vec<Accrual>, cause: &str) -> (Vec<Accrual>, Vec<Transfer>) {
    let mut writes = Vec::new();
    let mut transfers = Vec::new();
    let called_for: HashSet<AccrualId> = wanted.iter().map(|accrual| accrual.id.clone()).collect();
    let by_id: HashMap<&AccrualId, &Accrual> = standing.iter().map(|old| (&old.id, old)).collect();
    for old in standing.iter().filter(|old| !called_for.contains(&old.id)) {
        let mut gone = old.clone();
        if gone.gross_cents != Cents::ZERO && !(gone.state == AccrualState::Void && gone.is_granted()) {
            if !gone.is_granted() {
                // It earned nothing after all, so it uses no room under a cap either.
                gone.gross_cents = Cents::ZERO;
                gone.cap_reduction_cents = Cents::ZERO;
            }
            gone.void("later facts leave nothing of it".to_owned());
        }
        push(Some(old), gone, cause, &mut writes, &mut transfers);
    }
    for mut accrual in wanted {
        let stored = by_id.get(&accrual.id).copied();
        let emptied = stored.filter(|old| is_released(old, &accrual)).map(|old| take_out(old, cause, &mut transfers));
        let old = emptied.as_ref().or(stored);
        if let Some(old) = old {
            // Only the store knows its balance and how many rows it has.
            accrual.balance = old.balance;
            accrual.postings = old.postings;
        }
        if accrual.balance == Balance::Available && accrual.state == AccrualState::Pending {
            accrual.state = AccrualState::Available;
        }
        push(old, accrual, cause, &mut writes, &mut transfers);
    }
    (writes, transfers)
}

/// The row that adds `amount` to the accrual's balance. The row's number is the accrual's count of postings.
pub fn accrue(accrual: &Accrual, amount: Cents, cause: &str) -> Transfer {
    let account =
        |kind: LedgerAccountKind| LedgerAccount::new(&accrual.program_id, &accrual.unit, kind, &accrual.partner_id);
    Transfer {
        id: format!("{}.{}", accrual.id, accrual.postings),
        accrual_id: accrual.id.clone(),
        code: TransferCode::Accrue,
        debit: account(accrual.funding_account.kind()),
        credit: account(accrual.balance.kind()),
        amount_cents: amount,
        program_id: accrual.program_id.clone(),
        event_id: cause.into(),
        reason: accrual.reason.clone(),
    }
}

/// The row that takes `amount` out of the accrual's balance.
fn reverse(accrual: &Accrual, amount: Cents, cause: &str) -> Transfer {
    let accrued = accrue(accrual, amount, cause);
    Transfer { code: TransferCode::Reverse, debit: accrued.credit, credit: accrued.debit, ..accrued }
}

/// Whether an accrual that was held is available from now on. Its program has no hold, so no run will move it.
fn is_released(old: &Accrual, accrual: &Accrual) -> bool {
    old.balance == Balance::Pending && accrual.balance == Balance::Available && accrual.state == AccrualState::Available
}

/// Empties an accrual's pending balance, so that it can accrue again in the available one.
fn take_out(old: &Accrual, cause: &str, transfers: &mut Vec<Transfer>) -> Accrual {
    let mut emptied = old.clone();
    if old.net_cents != Cents::ZERO {
        emptied.postings += 1;
        transfers.push(reverse(&emptied, old.net_cents, cause));
    }
    Accrual { net_cents: Cents::ZERO, balance: Balance::Available, ..emptied }
}

fn push(
    old: Option<&Accrual>,
    mut accrual: Accrual,
    cause: &str,
    writes: &mut Vec<Accrual>,
    transfers: &mut Vec<Transfer>,
) {
    let difference = accrual.net_cents.0 - old.map_or(0, |o| o.net_cents.0);
    if difference == 0 && old == Some(&accrual) {
        return;
    }
    if difference != 0 {
        accrual.postings += 1;
        let own = accrual.event_id.to_string();
        let cause = if cause.is_empty() && old.is_none() { &own } else { cause };
        transfers.push(if difference > 0 {
            accrue(&accrual, Cents(difference), cause)
        } else {
            reverse(&accrual, Cents(-difference), cause)
        });
    }
    writes.push(accrual);
}
