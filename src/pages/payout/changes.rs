//! What changed of payouts since they were planned, and why: for partners without the host's ids, for operators with
//! them.

use crate::base::money::Cents;
use crate::base::percent;
use crate::engine::payout::OutboundTransfer;
use crate::pages::columns;
use crate::pages::columns::{Column, number, text as column};
use crate::pages::components;
use crate::pages::locale::Locale;
use crate::pages::operator::helpers;
use crate::pages::partner::wording;
use crate::pages::text::partner::payout as text;
use crate::pages::text::shared::payout as words;
use crate::service::payout::state_name;
use crate::service::report::kept::CHANGES_SHOWN;
use crate::store::report::payout_accruals::PayoutChange;
use maud::{Markup, html};

/// The most changes that a page shows. The API pages through the others.
pub const SHOWN: i64 = CHANGES_SHOWN;

/// For the partner.
pub fn to_partner(locale: &dyn Locale, rows: &[PayoutChange]) -> Markup {
    table(
        locale,
        rows,
        vec![],
        |c| html! { (c.account_id.as_ref().map(|id| wording::client_name(&c.partner_id, id)).unwrap_or_default()) },
    )
}

/// For operators. `with_payout`: the changes are those of several payouts.
pub fn to_operator(locale: &dyn Locale, rows: &[PayoutChange], with_payout: bool) -> Markup {
    let first = with_payout.then(|| {
        column(words::PAYOUT, |c: &PayoutChange| {
            html! { a href={ "/operator/payouts/" (percent::escaped(&c.payout_id)) } { code { (c.payout_id) } } }
        })
    });
    table(locale, rows, first.into_iter().collect(), |c| {
        html! {
            @if let Some(account) = &c.account_id { (helpers::account(account)) }
            @if let Some(invoice) = &c.invoice_id { br; span.quiet { (invoice) } }
            @if let Some(event) = &c.event_id { br; code.quiet { (event) } }
        }
    })
}

fn table<'a>(
    locale: &'a dyn Locale,
    rows: &[PayoutChange],
    mut columns: Vec<Column<'a, PayoutChange>>,
    whose: impl Fn(&PayoutChange) -> Markup + 'a,
) -> Markup {
    columns.extend([
        column(words::CUSTOMER, whose),
        column(words::WHAT, |c: &PayoutChange| html! { (words::change(&c.change, c.event_type.as_deref())) }),
        number(words::PLANNED, move |c: &PayoutChange| components::amount(locale, c.planned_cents, &c.unit)),
        number(words::NOW, move |c: &PayoutChange| components::amount(locale, c.amount_cents, &c.unit)),
    ]);
    html! {
        @if !rows.is_empty() {
            h2 { (words::CHANGED) }
            (columns::table(words::CHANGED, rows, &columns))
        }
    }
}

/// A payout's amount in a list, with what was planned and what is left of it where that differs.
pub fn amounts(locale: &dyn Locale, cents: i64, unit: &str, planned: Option<i64>, left: Option<i64>) -> Markup {
    let others = [(words::AS_PLANNED, planned), (words::LEFT, left)];
    html! {
        (components::amount(locale, cents, unit))
        @for (label, other) in others { @if let Some(other) = other { br; span.quiet { (label) ": " (components::amount(locale, other, unit)) } } }
    }
}

/// What an unpaid payout waits for, or why it came to nothing, for its partner.
pub fn waits(s: &OutboundTransfer) -> &'static str {
    match s.carried_cents {
        Some(Cents(1..)) => words::BELOW_MINIMUM,
        Some(_) => words::NOTHING_LEFT,
        None => text::waits(state_name(s)),
    }
}
