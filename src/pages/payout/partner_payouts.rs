//! Payouts: sent, on their way, and reversed; and how credit was used.

use crate::base::currency;
use crate::base::ids::RunId;
use crate::base::percent;
use crate::engine::payout::OutboundTransfer;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::http::page::Page as Cursor;
use crate::http::report::payouts::cell;
use crate::pages::columns;
use crate::pages::columns::{Column, number, text};
use crate::pages::components;
use crate::pages::components::Figure;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::payout::changes;
use crate::pages::payout::onboarding;
use crate::pages::text::partner::{navigation, payout as text};
use crate::pages::viewer::{Gate, Partner};
use crate::program::document::Document;
use crate::service::payout::state_name;
use crate::store::ledger;
use crate::store::ledger::BalanceRow;
use crate::store::partner::page as reads;
use crate::store::partner::page::{CreditRow, ReturnRow};
use crate::store::payout;
use crate::store::payout::payee;
use crate::store::payout::payee::PayeeRow;
use crate::store::payout::platform::payout_reach;
use crate::store::program::programs;
use crate::store::report::payout_accruals::{PayoutLeft, payout_left_list};
use maud::{Markup, html};

/// Newest uses of credit, and newest payout reversals.
const LATEST: i64 = 50;
/// Payouts in one file: 400 years of monthly payouts.
const FILE_ROWS: i64 = 5_000;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let (before_ms, before_id) = cursor.instant_and_id(cx.now().plus_days(1).0)?;
    let claimed_partner = cx.claimed_partner();
    let (partner, (mut sent, balances, (payee, reach), returns, used, (catalog, lefts))) = gate
        .open(
            cx,
            (
                payout::payout_page(&RunId::default(), "", claimed_partner, before_ms, &before_id, cursor.limit + 1),
                ledger::balance_list(claimed_partner),
                (payee::payee_find(claimed_partner).first(), payout_reach(claimed_partner).first()),
                reads::return_list(claimed_partner, LATEST),
                reads::credit_list(claimed_partner, LATEST),
                (programs(), payout_left_list(claimed_partner)),
            ),
        )
        .await?;
    let reach = reach.unwrap_or_default();
    let next = cursor.cut(&mut sent, |s| format!("{}.{}", s.created_at_ms.0, s.id));
    let first = cursor.cursor.is_empty();
    let document = catalog.current(&partner.program, cx.now());
    let cash = wording::pays_cash(document) || balances.iter().any(|b| b.unit.starts_with("cash:"));
    let locale = cx.locale.as_ref();
    let is_payable = payee.as_ref().is_some_and(PayeeRow::is_payable);
    let next_payout = document.map(|d| d.settlement.minimum_cents.0).filter(|_| is_payable);
    let file = html! { @if !sent.is_empty() { a.button.second href="/partner/payouts.csv" { (text::DOWNLOAD) } } };
    let content = html! {
        (components::heading(navigation::PAYOUTS, if cash { text::LEAD_CASH } else { text::LEAD_CREDIT }, file))
        @if first && cash {
            (onboarding::standing(cx, payee.as_ref(), &reach))
            (rules(locale, document))
            @for balance in balances.iter().filter(|b| b.unit.starts_with("cash:")) { (figures(locale, balance, next_payout)) }
        }
        @if cash {
            @if sent.is_empty() && first {
                (components::empty(text::EMPTY, html! { @if next_payout.is_some() { (text::EMPTY_HINT) } }))
            } @else {
                (columns::table(navigation::PAYOUTS, &sent, &columns(locale, &lefts)))
                (components::pager("/partner/payouts", next.as_deref(), first))
            }
        }
        @if first { (returned(locale, &returns)) (credits(locale, document, &used, cash)) }
    };
    let page = Page { title: navigation::PAYOUTS, area: Area::Partner(&partner), here: "/partner/payouts", content };
    Ok(layout::show(cx, 200, page))
}

/// `next_payout`: the least that the next payout sends, if the partner can be paid.
fn figures(locale: &dyn Locale, b: &BalanceRow, next_payout: Option<i64>) -> Markup {
    let figure = |label: &'static str, cents: i64, note: &str| Figure {
        label,
        value: components::amount(locale, cents, &b.unit),
        note: html! { (note) },
    };
    let available = match next_payout {
        _ if b.available_cents < 0 && b.leaving_cents > 0 => text::WAITING_PAYOUT,
        _ if b.available_cents < 0 => text::FUTURE_EARNINGS,
        None => text::KEPT_NOTE,
        Some(minimum) if b.available_cents < minimum => text::CARRIED_NOTE,
        Some(_) => text::AVAILABLE_NOTE,
    };
    components::figures(&[
        figure(text::AVAILABLE, b.available_cents, available),
        figure(text::ON_ITS_WAY, b.leaving_cents, text::ON_ITS_WAY_NOTE),
        figure(text::PAID, b.paid_cents, text::PAID_NOTE),
    ])
}

/// When the program pays, and from what amount.
fn rules(locale: &dyn Locale, document: Option<&Document>) -> Markup {
    let Some(d) = document else { return html! {} };
    let s = &d.settlement;
    html! {
        p.quiet {
            (text::cadence(s.cadence))
            @if s.minimum_cents.0 > 0 { (text::minimum(&locale.money(s.minimum_cents.0, &d.currency))) }
            @if s.delay_days > 0 { (text::delay(s.delay_days)) }
            "."
        }
    }
}

fn columns<'a>(locale: &'a dyn Locale, lefts: &'a [PayoutLeft]) -> [Column<'a, OutboundTransfer>; 5] {
    [
        text(text::PAYOUT, move |s: &OutboundTransfer| {
            html! { a href={ "/partner/payouts/" (percent::escaped(&s.id)) } { (components::day(locale, s.created_at_ms)) } }
        }),
        number(text::AMOUNT, move |s: &OutboundTransfer| {
            let planned = Some(s.planned_cents.0).filter(|planned| *planned != s.amount_cents.0);
            let left = lefts.iter().find(|row| row.id == s.id).map(|row| row.left_cents);
            changes::amounts(locale, s.amount_cents.0, &s.unit, planned, left.filter(|left| *left != s.amount_cents.0))
        }),
        text(text::STATE, |s: &OutboundTransfer| components::state(state_name(s))),
        text(text::PAID, move |s: &OutboundTransfer| {
            html! { @if let Some(at) = s.done_at_ms { (components::day(locale, at)) } @else { span.quiet { (changes::waits(s)) } } }
        }),
        text(text::TRANSFER, |s: &OutboundTransfer| html! { @if let Some(id) = &s.stripe_id { code { (id) } } }),
    ]
}

fn returned(locale: &dyn Locale, returns: &[ReturnRow]) -> Markup {
    let columns = [
        text(text::DATE, |r: &ReturnRow| components::day(locale, r.at_ms)),
        number(text::AMOUNT, |r: &ReturnRow| components::amount(locale, -r.amount_cents, &r.unit)),
        text(text::REVERSAL, |r: &ReturnRow| html! { code { (r.id) } }),
    ];
    html! {
        @if !returns.is_empty() {
            h2 { (text::REVERSED) }
            (columns::table(text::REVERSED, returns, &columns))
        }
    }
}

fn credits(locale: &dyn Locale, document: Option<&Document>, used: &[CreditRow], cash: bool) -> Markup {
    html! {
        @if !used.is_empty() {
            h2 { (text::CREDIT_USED) }
            (columns::table(text::CREDIT_USED, used, &credit_columns(locale)))
        } @else if !cash {
            (components::empty(text::NO_CREDIT, html! { (text::credit_delivery(document)) }))
        }
    }
}

/// What happened to the credit, and whether it came back.
fn credit_change(c: &CreditRow) -> (&'static str, i64) {
    match c.kind.as_str() {
        "redeemed" => (text::USED, -1),
        "returned" => (text::RETURNED, 1),
        "debit" => (text::FROM_BALANCE, 1),
        _ => (text::TO_BALANCE, -1),
    }
}

fn credit_columns(locale: &dyn Locale) -> [Column<'_, CreditRow>; 5] {
    // The stored reason is Stripe's answer, or what an operator or the application wrote for itself.
    let why = |c: &CreditRow| wording::reason(text::waits(&c.state));
    [
        text(text::DATE, move |c: &CreditRow| components::day(locale, c.at_ms)),
        text(text::CHANGE, |c: &CreditRow| html! { (credit_change(c).0) }),
        number(text::AMOUNT, move |c: &CreditRow| {
            components::amount(locale, credit_change(c).1 * c.amount_cents, &c.unit)
        }),
        text(text::STATE, |c: &CreditRow| components::state(&c.state)),
        text(text::REASON, move |c: &CreditRow| html! { (why(c)) br; code.quiet { (c.id) } }),
    ]
}

/// All payouts as a CSV file.
pub async fn csv<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let before = cx.now().plus_days(1).0;
    let (_, sent) =
        gate.open(cx, payout::payout_page(&RunId::default(), "", cx.claimed_partner(), before, "", FILE_ROWS)).await?;
    let mut file = format!("{}\r\n", text::CSV_HEADING);
    for s in &sent {
        let texts = [
            s.id.to_string(),
            s.parent.clone(),
            s.created_at_ms.to_rfc3339(),
            s.done_at_ms.map(|at| at.to_rfc3339()).unwrap_or_default(),
            state_name(s).to_owned(),
            s.currency.clone(),
            currency::plain(s.planned_cents.0, &s.currency),
            currency::plain(s.amount_cents.0, &s.currency),
            s.stripe_id.clone().unwrap_or_default(),
            changes::waits(s).to_owned(),
        ];
        file.push_str(&texts.map(|text| cell(&text)).join(","));
        file.push_str("\r\n");
    }
    let mut response = Response::text("text/csv; charset=utf-8", file);
    response.headers.push(("content-disposition", "attachment; filename=\"payouts.csv\"".to_owned()));
    Ok(response)
}
