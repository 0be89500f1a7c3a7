//! A payout's receipt: what its amount is made up of, ready to print.

use crate::base::ids::PayoutId;
use crate::engine::payout::{OutboundTransfer, TransferKind};
use crate::http::context::Platform;
use crate::http::page::Page as Cursor;
use crate::pages::columns;
use crate::pages::columns::{Column, number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::link::share_templates;
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::text::partner::payout as text;
use crate::pages::viewer::{Gate, Partner};
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::service::payout::state_name;
use crate::store::payout;
use crate::store::program::programs;
use crate::store::report::payout as reports;
use crate::store::report::payout::{Movement, ReceiptSums};
use maud::{Markup, html};

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, id: PayoutId) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let (after, claimed_partner) = (cursor.number(0)?, cx.claimed_partner());
    let (partner, (payout, sums, mut moved, reversals, catalog)) = gate
        .open(
            cx,
            (
                payout::outbound_find(TransferKind::Payout, &[id.to_owned()]).first(),
                reports::own_receipt_sums(claimed_partner, &id).first(),
                reports::own_receipt_page(claimed_partner, &id, after, cursor.limit + 1),
                payout::reversal_list(&id),
                programs(),
            ),
        )
        .await?;
    let gone = || AppError::not_found("payout");
    let payout = payout.filter(|s| s.partner_id == partner.id).ok_or_else(gone)?;
    let sums = sums.ok_or_else(gone)?;
    let next = cursor.cut(&mut moved, |m| m.row.to_string());
    let locale = cx.locale.as_ref();
    let content = html! {
        (components::heading(text::PAYOUT, &text::settlement_for(&sums.period), components::state(state_name(&payout))))
        div.sheet { (summary(locale, (&share_templates::site_name(cx), &partner.name), &payout, &sums)) }
        @if payout.stripe_id.is_none() { p { (wording::reason(text::waits(state_name(&payout)))) } }
        @if !reversals.is_empty() {
            h2 { (text::REVERSED) }
            @for r in &reversals {
                p { (components::amount(locale, -r.amount_cents.0, &r.unit)) (text::ON) (components::day(locale, r.created_at_ms)) " " (components::state(state_name(r))) }
            }
        }
        h2 { (text::INCLUDED) }
        @if moved.is_empty() {
            p.quiet { (text::NO_EARNINGS) }
        } @else {
            (columns::table(text::INCLUDED, &moved, &columns(locale, &catalog, &payout)))
            (components::pager(&format!("/partner/payouts/{}", components::escaped(&payout.id)), next.as_deref(), after == 0))
        }
    };
    let page = Page { title: text::PAYOUT, area: Area::Partner(&partner), here: "/partner/payouts", content };
    Ok(layout::show(cx, 200, page))
}

fn summary(locale: &dyn Locale, (from, to): (&str, &str), payout: &OutboundTransfer, sums: &ReceiptSums) -> Markup {
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
    list.push((text::AMOUNT, html! { strong { (amount(payout.amount_cents.0)) } }));
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
) -> [Column<'a, Movement>; 4] {
    [
        text(text::DATE, move |m: &Movement| components::day(locale, m.created_at_ms)),
        text(text::TYPE, move |m: &Movement| {
            let document = catalog.current(&payout.program_id, m.created_at_ms);
            html! {
                (text::movement(&m.code, &m.phase)) @if let Some(source) = &m.source { ": " (wording::accrual_source(source)) }
                @if let Some(rule) = &m.reward_id { br; span.quiet { (wording::rule(locale, document, rule)) } }
            }
        }),
        text(text::CUSTOMER, move |m: &Movement| {
            html! { @if let Some(account) = &m.account_id { (wording::client_name(&payout.partner_id, account)) } }
        }),
        number(text::AMOUNT, move |m: &Movement| components::amount(locale, m.amount_cents, &payout.unit)),
    ]
}
