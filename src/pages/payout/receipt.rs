//! A payout's receipt: what its amount is made of, ready to print.

use crate::engine::payout::{OutboundTransfer, TransferKind};
use crate::http::context::Platform;
use crate::http::page::Page as Cursor;
use crate::pages::components;
use crate::pages::components::{Column, number, text};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::link::share_templates;
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::visit::{PageContext, PageResult};
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::service::payout::state_name;
use crate::store::payout as rows;
use crate::store::payout::report as reports;
use crate::store::payout::report::{Movement, ReceiptSums};
use crate::store::program::{catalog, program_list};
use maud::{Markup, html};

const COLUMNS: &[Column] = &[text("Date"), text("Type"), text("Customer"), number("Amount")];

pub async fn show<S: Platform>(visit: &PageContext<'_, S>, id: &str) -> PageResult {
    let cursor = Cursor::of(visit.request)?;
    let (after, claim) = (cursor.number(0)?, visit.claim());
    let (partner, told) = visit
        .partner(vec![
            rows::sending_find(TransferKind::Payout, &[id.to_owned()]),
            reports::own_receipt_sums(claim, id),
            reports::own_receipt_page(claim, id, after, cursor.limit + 1),
            rows::reversal_list(id),
            program_list(),
        ])
        .await?;
    let gone = || AppError::not_found("payout");
    let payout: OutboundTransfer =
        told[0].first::<OutboundTransfer>()?.filter(|s| s.partner_id == partner.id).ok_or_else(gone)?;
    let sums: ReceiptSums = told[1].first()?.ok_or_else(gone)?;
    let mut moved: Vec<Movement> = told[2].decode()?;
    let next = cursor.cut(&mut moved, |m| m.row.to_string());
    let reversals: Vec<OutboundTransfer> = told[3].decode()?;
    let catalog = catalog(&told[4])?;
    let words = visit.words.as_ref();
    let cells: Vec<Vec<Markup>> = moved.iter().map(|m| accrual(words, &catalog, &payout, m)).collect();
    let content = html! {
        (components::heading("Payout", &format!("Settlement for {}", sums.period), components::state(state_name(&payout))))
        div.sheet { (summary(words, (&share_templates::site_name(visit), &partner.name), &payout, &sums)) }
        @if payout.stripe_id.is_none() { p { (wording::reason(wording::waits(state_name(&payout)))) } }
        @if !reversals.is_empty() {
            h2 { "Reversed" }
            @for r in &reversals {
                p { (components::amount(words, -r.amount_cents.0, &r.unit)) " on " (components::day(words, r.created_at_ms)) " " (components::state(state_name(r))) }
            }
        }
        h2 { "Included earnings" }
        @if cells.is_empty() {
            p.quiet { "No new earnings. This payout is your opening balance." }
        } @else {
            (components::table("Included earnings", COLUMNS, &cells))
            (components::pager(&format!("/partner/payouts/{}", components::escaped(&payout.id)), next.as_deref(), after == 0))
        }
    };
    let page = Page { title: "Payout", area: Area::Partner(&partner), here: "/partner/payouts", content };
    Ok(layout::show(visit, 200, page))
}

fn summary(words: &dyn Locale, (from, to): (&str, &str), payout: &OutboundTransfer, sums: &ReceiptSums) -> Markup {
    let amount = |cents: i64| components::amount(words, cents, &payout.unit);
    let not_ripe = sums.available_cents - sums.payable_cents;
    let mut list = vec![
        ("From", html! { (from) }),
        ("To", html! { (to) }),
        ("Opening balance", amount(sums.opening_cents)),
        ("Earned since", amount(sums.moved_cents)),
    ];
    if not_ripe != 0 {
        list.push(("Not yet payable", amount(-not_ripe)));
    }
    list.push(("Amount", html! { strong { (amount(payout.amount_cents.0)) } }));
    list.push(("Created", components::instant(words, payout.created_at_ms)));
    list.extend(payout.done_at_ms.map(|at| ("Paid", components::instant(words, at))));
    list.extend(payout.stripe_id.as_ref().map(|id| ("Stripe transfer", html! { code { (id) } })));
    list.push(("To account", html! { code { (payout.target) } }));
    list.push(("Payout", html! { code { (payout.id) } }));
    components::facts(&list)
}

fn accrual(words: &dyn Locale, catalog: &Catalog, payout: &OutboundTransfer, m: &Movement) -> Vec<Markup> {
    let document = catalog.in_force(&payout.program_id, m.created_at_ms);
    let what = match (m.code.as_str(), m.phase.as_str()) {
        ("payout", "void") => "Earlier payout returned",
        ("payout", _) => "Earlier payout",
        ("payout_return", _) => "Payout reversed",
        ("adjust", _) => "Adjusted by the program",
        ("reverse", _) => "Reversed",
        ("fund", _) => "Funded",
        _ => "Earned",
    };
    vec![
        components::day(words, m.created_at_ms),
        html! {
            (what) @if let Some(source) = &m.source { ": " (wording::accrual_source(source)) }
            @if let Some(rule) = &m.reward_id { br; span.quiet { (wording::rule(words, document, rule)) } }
        },
        html! { @if let Some(account) = &m.account_id { (wording::client_name(&payout.partner_id, account)) } },
        components::amount(words, m.amount_cents, &payout.unit),
    ]
}
