//! The table of payouts that runs and the list of payouts show to operators.

use crate::base::percent;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::PageContext;
use crate::pages::operator::helpers;
use crate::pages::payout::changes;
use crate::pages::text::operator::{common, payout};
use crate::store::settlement::operator_runs::PayoutShown;
use maud::{Markup, html};

/// Where a run is shown.
const RUNS: &str = "/operator/runs";

/// Payouts with their partners.
pub fn payout_table<S: Platform>(cx: &PageContext<'_, S>, rows: &[PayoutShown], with_run: bool) -> Markup {
    let locale = &*cx.locale;
    let second = if with_run { common::RUN } else { common::PARTNER_ID };
    let columns = [
        text(payout::PAYOUT_TO, |p: &PayoutShown| {
            let whose =
                p.name.as_deref().filter(|n| !n.is_empty()).or(p.external_id.as_deref()).unwrap_or(&p.partner_id);
            html! { a href={ "/operator/payouts/" (percent::escaped(&p.id)) } { (whose) } }
        }),
        text(
            second,
            |p: &PayoutShown| html! { @if with_run { a href={ (RUNS) "/" (percent::escaped(&p.run_id)) } { (p.program_id) } } @else { (helpers::partner(&p.partner_id, None, None)) } },
        ),
        text(common::STATE, |p: &PayoutShown| components::state_with(&p.state, &p.reason)),
        text(common::PLANNED, |p: &PayoutShown| components::day(locale, p.created_at_ms)),
        number(common::AMOUNT, |p: &PayoutShown| {
            let left = p.left_cents.filter(|left| *left != p.amount_cents);
            changes::amounts(locale, p.amount_cents, &p.unit, None, left)
        }),
    ];

    columns::table(common::PAYOUTS, rows, &columns)
}
