//! The table of earnings that operators see for partners, accounts and payouts.

use crate::base::percent;
use crate::engine::accrual::AccrualState;
use crate::engine::accrual::payment;
use crate::engine::accrual::payment::ShownAccrual;
use crate::http::context::Platform;
use crate::pages::accrual::{adjust, calculation};
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::PageContext;
use crate::pages::operator::helpers;
use crate::pages::text::operator::{adjustment, common, partner as wording};
use crate::program::catalog::Catalog;
use crate::store::report::operator::KnownAccount;
use maud::{Markup, html};

/// Earnings as operators see them: their source, rule and version, their state and its reason. With `partners`, the
/// earnings of an account; without, those of one partner.
pub fn accruals_table<S: Platform>(
    cx: &PageContext<'_, S>,
    catalog: &Catalog,
    lines: &[ShownAccrual],
    partners: Option<&[KnownAccount]>,
) -> Markup {
    let whose = if partners.is_some() { wording::EARNED_BY } else { common::ACCOUNT };
    let columns = [
        text(common::DATE, |(l, _): &ShownAccrual| components::instant(&*cx.locale, l.at_ms)),
        text(whose, |(l, _): &ShownAccrual| match partners {
            None => helpers::account(&l.account_id),
            Some(_) if l.partner_id.is_empty() => html! { (wording::REFERRED_ACCOUNT) },
            Some(known) => helpers::partner_of(known, &l.partner_id),
        }),
        text(
            common::SOURCE,
            |(l, _): &ShownAccrual| html! { (l.reward_id) " " span.quiet { (wording::program_version(&l.program_id, l.program_version)) } br; span.quiet { (l.source.as_str()) } },
        ),
        text(common::STATE, |(l, p): &ShownAccrual| {
            let document = catalog.current(&l.program_id, l.at_ms);
            html! {
                (components::state_with(p.state(l), &l.reason))
                @if let Some(at) = payment::available_from(l, document, cx.now()) { br; span.quiet { (wording::AVAILABLE_FROM) (components::instant(&*cx.locale, at)) } }
                @if let Some(id) = &p.payout_id { br; a href={ "/operator/payouts/" (percent::escaped(id)) } { (wording::VIEW_PAYOUT) } }
            }
        }),
        number(common::AMOUNT, |row: &ShownAccrual| {
            html! {
                (components::amount(&*cx.locale, row.0.net_cents.0, &row.0.unit))
                @if let Some(how) = calculation::of(&*cx.locale, catalog, row) { br; span.quiet { (how) } }
                @if row.0.adjusted_cents.0 != 0 { br; span.quiet { (wording::ADJUSTED) (components::amount(&*cx.locale, row.0.adjusted_cents.0, &row.0.unit)) } }
                @if row.0.net_cents.0 != 0 && !row.0.partner_id.is_empty() && row.0.state != AccrualState::Waiting {
                    br; a href=(adjust::path_for_accrual(&row.0.partner_id, &row.0.id, row.0.net_cents.0)) { (adjustment::ADJUST_EARNING) }
                }
            }
        }),
    ];

    html! {
        @if lines.is_empty() { p.quiet { (common::NO_EARNINGS) } } @else {
            (columns::table(common::EARNINGS, lines, &columns))
        }
    }
}
