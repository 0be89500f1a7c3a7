//! A payout's receipt: the earnings that it includes, and what changed since it was planned, ready to print.

use crate::base::ids::PayoutId;
use crate::base::percent;
use crate::engine::accrual::payment::ShownAccrual;
use crate::engine::payout::{OutboundTransfer, TransferKind};
use crate::http::context::Platform;
use crate::http::page::Page as Cursor;
use crate::pages::accrual::calculation;
use crate::pages::columns;
use crate::pages::columns::{Column, number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::link::share_templates;
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::payout::changes;
use crate::pages::text::partner::payout as text;
use crate::pages::text::shared::payout as words;
use crate::pages::viewer::{Gate, Partner};
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::service::payout::state_name;
use crate::store::payout;
use crate::store::program::programs;
use crate::store::report::payout as reports;
use crate::store::report::payout::ReceiptSums;
use crate::store::report::payout_accruals as rows;
use crate::store::report::payout_accruals::PayoutShare;
use maud::{Markup, html};

/// Earnings on one page: a printed receipt has all of them.
const ROWS: i64 = 2_000;

/// An earning with how much of it the payout takes.
type Included = (PayoutShare, ShownAccrual);

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, id: PayoutId) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let limit = if cx.request.param("limit").is_some() { cursor.limit } else { ROWS };
    let (cursor, claimed_partner) = (Cursor { limit, ..cursor }, cx.claimed_partner());
    let (partner, (payout, sums, mut included, changes, (other, unsent), reversals, catalog)) = gate
        .open(
            cx,
            (
                payout::outbound_find(TransferKind::Payout, &[id.to_owned()]).first(),
                reports::own_receipt_sums(claimed_partner, &id).first(),
                rows::payout_accrual_page(&id, claimed_partner, &cursor.cursor, limit + 1),
                rows::payout_change_list(&id, claimed_partner, changes::SHOWN),
                (rows::payout_other(&id).first(), rows::payout_unsent_sum(&id).first()),
                payout::reversal_list(&id),
                programs(),
            ),
        )
        .await?;
    let gone = || AppError::not_found("payout");
    let payout = payout.filter(|s| s.partner_id == partner.id).ok_or_else(gone)?;
    let sums = sums.ok_or_else(gone)?;
    let next = cursor.cut(&mut included, |(share, _)| share.accrual_id.to_string());
    let locale = cx.locale.as_ref();
    let other = (other.map_or(0, |row| row.amount_cents), unsent.map(|row| row.amount_cents));
    let content = html! {
        (components::heading(text::PAYOUT, &text::settlement_for(&sums.period), components::state(state_name(&payout))))
        div.sheet { (summary(locale, (&share_templates::site_name(cx), &partner.name), &payout, &sums, other)) }
        @if payout.stripe_id.is_none() { p { (wording::reason(changes::waits(&payout))) } }
        (changes::to_partner(locale, &changes))
        @if !reversals.is_empty() {
            h2 { (text::REVERSED) }
            @for r in &reversals {
                p { (components::amount(locale, -r.amount_cents.0, &r.unit)) (text::ON) (components::day(locale, r.created_at_ms)) " " (components::state(state_name(r))) }
            }
        }
        h2 { (text::INCLUDED) }
        @if included.is_empty() {
            p.quiet { (text::NO_EARNINGS) }
        } @else {
            (columns::table(text::INCLUDED, &included, &columns(locale, &catalog, &payout)))
            (components::pager(&format!("/partner/payouts/{}", percent::escaped(&payout.id)), next.as_deref(), cursor.cursor.is_empty()))
        }
    };
    let page = Page { title: text::PAYOUT, area: Area::Partner(&partner), here: "/partner/payouts", content };
    Ok(layout::show(cx, 200, page))
}

fn summary(
    locale: &dyn Locale,
    (from, to): (&str, &str),
    payout: &OutboundTransfer,
    sums: &ReceiptSums,
    (other, left): (i64, Option<i64>),
) -> Markup {
    let amount = |cents: i64| components::amount(locale, cents, &payout.unit);
    let not_ripe = sums.available_cents - sums.payable_cents;
    let mut list = vec![
        (text::FROM, html! { (from) }),
        (text::TO, html! { (to) }),
        (text::OPENING, amount(sums.opening_cents)),
        (text::EARNED_SINCE, amount(sums.moved_cents)),
    ];
    if not_ripe != 0 {
        list.push((text::NOT_PAYABLE, amount(-not_ripe)));
    }
    if other != 0 {
        list.push((words::OTHER, amount(other)));
    }
    if payout.planned_cents != payout.amount_cents {
        list.push((words::AS_PLANNED, amount(payout.planned_cents.0)));
    }
    list.push((text::AMOUNT, html! { strong { (amount(payout.amount_cents.0)) } }));
    list.extend(left.filter(|left| *left != payout.amount_cents.0).map(|left| (words::LEFT, amount(left))));
    list.push((text::CREATED, components::instant(locale, payout.created_at_ms)));
    list.extend(payout.done_at_ms.map(|at| (text::PAID, components::instant(locale, at))));
    list.extend(payout.stripe_id.as_ref().map(|id| (text::STRIPE_TRANSFER, html! { code { (id) } })));
    list.push((text::TO_ACCOUNT, html! { code { (payout.target) } }));
    list.push((text::PAYOUT, html! { code { (payout.id) } }));
    components::facts(&list)
}

fn columns<'a>(
    locale: &'a dyn Locale,
    catalog: &'a Catalog,
    payout: &'a OutboundTransfer,
) -> [Column<'a, Included>; 5] {
    [
        text(text::DATE, move |(_, (l, _)): &Included| components::day(locale, l.at_ms)),
        text(text::TYPE, move |(share, (l, _)): &Included| {
            let document = catalog.current(&l.program_id, l.at_ms);
            html! {
                (if share.planned_cents < 0 || share.amount_cents < 0 { text::REVERSED } else { text::EARNED }) ": "
                (wording::accrual_source(&l.source)) br; span.quiet { (wording::rule(locale, document, &l.reward_id)) }
            }
        }),
        text(text::CUSTOMER, move |(_, (l, _)): &Included| {
            html! { (wording::client_name(&payout.partner_id, &l.account_id)) }
        }),
        text(text::CALCULATION, move |(_, row): &Included| {
            html! { (calculation::of(locale, catalog, row).unwrap_or_default()) }
        }),
        number(text::AMOUNT, move |(share, (l, _)): &Included| {
            html! {
                (components::amount(locale, share.amount_cents, &l.unit))
                @if share.returned_cents != 0 { br; span.quiet { (text::REVERSED) " " (components::amount(locale, -share.returned_cents, &l.unit)) } }
            }
        }),
    ]
}
