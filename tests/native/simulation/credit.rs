//! The rules of user-referral, implemented independently.
//!
//! Source: section 5 of the design, rules 4, 5, 13, 23 and 25.

use super::calendar::DAY;
use super::facts::Register;
use super::life::{Invoice, Life};
use super::model_state::{Line, ModelState};

pub const PROGRAM: &str = "user-referral";

/// Whether a credit is owed for an account as of a run, by the facts before it.
pub fn qualifies(life: &Life, run: i64) -> bool {
    let kept = life.payments.iter().filter(|i| i.is_ours() && i.is_customers() && !i.is_returned_in_full());
    let kept: Vec<i64> = kept.map(Invoice::at).collect();
    let paid = kept.len() >= 2 || kept.first().is_some_and(|at| at + 30 * DAY <= run);
    life.active_for(14).is_some_and(|end| end <= run) && paid
}

/// A credit that a run granted, in its present state, with the partner whom the account is bound to now.
pub fn granted(model_state: &ModelState, register: &Register, account: &str, at: i64) -> Option<Line> {
    let bound = model_state.bindings.to(account, PROGRAM)?;
    let mut accrual = Line::new(account, bound, "referrer-credit", "state:qualified".to_owned(), at, 5_000);
    accrual.judge(model_state.standing(register, account, PROGRAM, &bound.partner), false);
    Some(accrual)
}

/// The friend's first invoice, if user-referral referred the friend: its discount is the program's cost.
pub fn benefit(model_state: &ModelState, account: &str) -> Option<Line> {
    let bound = model_state.bindings.to(account, PROGRAM)?;
    let first = model_state.lives[account].first_payment()?;
    if first.place < bound.from || !first.is_ours() || first.discount == 0 {
        return None;
    }
    let source = format!("invoice:{}", first.id);
    let mut accrual = Line::new(account, bound, "benefit", source, first.at(), first.discount);
    accrual.key.partner = String::new();
    Some(accrual)
}
