//! Accruals with what became of them: the payout that takes them, and the amount that they are a share of.

use crate::base::ids::AccountId;
use crate::engine::accrual::payment::{ON_ITS_WAY, PAID, ShownAccrual};
use crate::store::account::LINE_COLUMNS;
use crate::store::port::Stmt;
use crate::store::query::Parsed;

/// The columns of `AccrualPayment`, besides the accrual's own.
pub fn payment_columns() -> String {
    // Most accruals are in no payout, and need no search for it.
    let latest = |none: &str, column: &str| {
        format!(
            "IIF(accrual.payout_cents = 0, {none}, (SELECT {column} FROM payout_accrual l JOIN payout p ON p.id = l.payout_id
               WHERE l.accrual_id = accrual.id AND l.accrual_id <> '' AND (l.amount_cents > l.returned_cents OR accrual.gross_cents < 0)
                 AND p.state NOT IN ('failed', 'cancelled') ORDER BY p.created_at_ms DESC LIMIT 1))"
        )
    };
    format!(
        "accrual.payout_cents, {} AS payout_id, {} AS is_paid,
         IIF(accrual.source GLOB 'invoice:*', (SELECT e.payload ->> '$.\"invoice.paid\".amount.cents' FROM event e WHERE e.id = accrual.event_id), NULL) AS base_cents",
        latest("NULL", "p.id"),
        latest("0", "p.state = 'paid'")
    )
}

/// Whether payouts leave something of an accrual to take. As the index `accrual_taken` has it.
pub const IS_OPEN: &str = "(IIF(net_cents < 0, payout_cents > net_cents, payout_cents < net_cents))";

/// The condition of a list of the partner ?1 for a shown state, ?2. An available accrual that a payout takes whole is
/// paid or on its way.
pub fn in_state(state: &str) -> String {
    let unsent = "(SELECT l.accrual_id FROM payout q CROSS JOIN payout_accrual l ON l.payout_id = q.id
       WHERE q.partner_id = ?1 AND q.state IN ('planned', 'submitting', 'review'))";
    let taken = format!("?2 = ?2 AND state = 'available' AND {IS_OPEN} = 0 AND id");
    match state {
        // An unused filter is left out: otherwise its index is not used.
        "" => "?2 = ''".to_owned(),
        "available" => format!("?2 = ?2 AND state = 'available' AND {IS_OPEN} = 1"),
        PAID => format!("{taken} NOT IN {unsent}"),
        ON_ITS_WAY => format!("{taken} IN {unsent}"),
        _ => "state = ?2 AND state <> 'available'".to_owned(),
    }
}

/// Accruals with their payment, of those that `rest` selects.
pub fn shown_accruals(rest: &str) -> Stmt {
    Stmt::new(format!("SELECT {LINE_COLUMNS}, {} FROM accrual {rest}", payment_columns()))
}

/// An account's accruals.
pub fn accruals_of_account(account: &AccountId) -> Parsed<Vec<ShownAccrual>> {
    shown_accruals("WHERE account_id = ?1 ORDER BY id").bind(account).pairs()
}

/// What is available of a partner's accruals and can't be paid yet. Two indexes have just these: one has what is held or
/// disputed, the other what vested after the cutoff at its end.
pub fn immature_cents(program: &str, partner: &str, unit: &str, cutoff: &str) -> String {
    let sum = |which: &str| {
        format!(
            "(SELECT COALESCE(SUM(MAX(0, a.net_cents - a.payout_cents)), 0) FROM accrual a
              WHERE a.program_id = {program} AND a.partner_id = {partner} AND a.balance = 'available' AND a.net_cents <> a.payout_cents
                AND a.unit = {unit} AND {which})"
        )
    };
    let frozen = sum("a.state NOT IN ('available', 'reversed')");
    let late = sum(&format!(
        "a.vests_at_ms > {cutoff} AND a.state IN ('available', 'reversed') AND {}",
        immature("a", cutoff)
    ));
    format!("{frozen} + {late}")
}

/// Whether an available accrual can't be paid yet: it vested after `cutoff`, or it is held or disputed. An accrual that
/// could not vest in the run of its own instant is dated a millisecond later; its delay starts at its instant. One
/// that is reversed has nothing left to pay, unless it is a deduction that payouts took and that was given back.
pub fn immature(a: &str, cutoff: &str) -> String {
    format!(
        "({a}.state NOT IN ('available', 'reversed') OR {a}.vests_at_ms - ({a}.vests_at_ms = {a}.at_ms + 1) > {cutoff})"
    )
}
