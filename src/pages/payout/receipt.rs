//! A payout's receipt: what its amount is made up of, ready to print.

use crate::engine::payout::{OutboundTransfer, TransferKind};
use crate::http::context::Platform;
use crate::http::page::Page as Cursor;
use crate::pages::components;
use crate::pages::components::{Column, number, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::link::share_templates;
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::text::partner::payout as text;
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::service::payout::state_name;
use crate::store::payout as rows;
use crate::store::program::{catalog, program_list};
use crate::store::report::payout as reports;
use crate::store::report::payout::{Movement, ReceiptSums};
use maud::{Markup, html};

const COLUMNS: &[Column] = &[text(text::DATE), text(text::TYPE), text(text::CUSTOMER), number(text::AMOUNT)];

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let (after, claimed_partner) = (cursor.number(0)?, cx.claimed_partner());
    let (partner, rows) = cx
        .partner(vec![
            rows::outbound_find(TransferKind::Payout, &[id.to_owned()]),
            reports::own_receipt_sums(claimed_partner, id),
            reports::own_receipt_page(claimed_partner, id, after, cursor.limit + 1),
            rows::reversal_list(id),
            program_list(),
        ])
        .await?;
    let gone = || AppError::not_found("payout");
    let payout: OutboundTransfer =
        rows[0].first::<OutboundTransfer>()?.filter(|s| s.partner_id == partner.id).ok_or_else(gone)?;
    let sums: ReceiptSums = rows[1].first()?.ok_or_else(gone)?;
    let mut moved: Vec<Movement> = rows[2].decode()?;
    let next = cursor.cut(&mut moved, |m| m.row.to_string());
    let reversals: Vec<OutboundTransfer> = rows[3].decode()?;
    let catalog = catalog(&rows[4])?;
    let locale = cx.locale.as_ref();
    let cells: Vec<Vec<Markup>> = moved.iter().map(|m| accrual(locale, &catalog, &payout, m)).collect();
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
        @if cells.is_empty() {
            p.quiet { (text::NO_EARNINGS) }
        } @else {
            (components::table(text::INCLUDED, COLUMNS, &cells))
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

fn accrual(locale: &dyn Locale, catalog: &Catalog, payout: &OutboundTransfer, m: &Movement) -> Vec<Markup> {
    let document = catalog.in_force(&payout.program_id, m.created_at_ms);
    let what = text::movement(&m.code, &m.phase);
    vec![
        components::day(locale, m.created_at_ms),
        html! {
            (what) @if let Some(source) = &m.source { ": " (wording::accrual_source(source)) }
            @if let Some(rule) = &m.reward_id { br; span.quiet { (wording::rule(locale, document, rule)) } }
        },
        html! { @if let Some(account) = &m.account_id { (wording::client_name(&payout.partner_id, account)) } },
        components::amount(locale, m.amount_cents, &payout.unit),
    ]
}
