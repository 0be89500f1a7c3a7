//! Customers: the accounts that the partner referred, their state, and what they earned the partner. Their names are not
//! shown: they agreed to be counted, not named.

use crate::base::decode;
use crate::base::time::UtcMillis;
use crate::engine::account::lifecycle::LifecycleTransition;
use crate::engine::attribution::binding::{AttributionCandidate, AttributionMethod, AttributionResult};
use crate::http::context::Platform;
use crate::http::page::Page as Cursor;
use crate::pages::account::why_not;
use crate::pages::accrual::earnings;
use crate::pages::columns;
use crate::pages::columns::{Column, number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::text::partner::{account as text, navigation, why_not as why};
use crate::pages::viewer::{Gate, Partner};
use crate::service::error::{AppError, ErrorKind};
use crate::store::partner::page as reads;
use crate::store::partner::page::{ClientRow, EarnedRow};
use crate::store::program::programs;
use maud::{Markup, html};

/// Newest commissions on a customer's page.
const LINES: i64 = 50;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let (before_ms, before_row) = cursor.instant_and_id(cx.now().plus_days(1).0)?;
    let before_row = before_row.parse().unwrap_or(0);
    let read = reads::client_page(cx.claimed_partner(), before_ms, before_row, cursor.limit + 1);
    let (partner, mut clients) = gate.open(cx, read).await?;
    let next = cursor.cut(&mut clients, |c| format!("{}.{}", c.signed_up_at_ms.0, c.row));
    let clients = clients.into_iter().map(Client::of).collect::<Result<Vec<Client>, AppError>>()?;
    let first = cursor.cursor.is_empty();
    let content = html! {
        (components::heading(navigation::CUSTOMERS, text::LEAD, html! { a.button.second href=(why_not::HERE) { (why::LINK) } }))
        @if clients.is_empty() && first {
            (components::empty(text::EMPTY, html! { a href="/partner/share" { (text::SHARE_YOUR_LINK) } (text::SHARE_WHY) }))
        } @else {
            (columns::table(text::CAPTION, &clients, &columns(cx.locale.as_ref(), &partner)))
            (components::pager("/partner/clients", next.as_deref(), first))
        }
    };
    let page = Page { title: navigation::CUSTOMERS, area: Area::Partner(&partner), here: "/partner/clients", content };
    Ok(layout::show(cx, 200, page))
}

/// A customer and what it earned the partner, by unit.
struct Client {
    row: ClientRow,
    earned: Vec<EarnedRow>,
}

impl Client {
    fn of(row: ClientRow) -> Result<Client, AppError> {
        let earned = read(&row.earned)?;
        Ok(Client { row, earned })
    }
}

fn columns<'a>(locale: &'a dyn Locale, partner: &'a Partner) -> [Column<'a, Client>; 6] {
    [
        text(text::CUSTOMER, move |c: &Client| {
            html! { a href={ "/partner/clients/" (c.row.row) } { (wording::client_name(&partner.id, &c.row.account_id)) } }
        }),
        text(text::SIGNED_UP, move |c: &Client| components::day(locale, c.row.signed_up_at_ms)),
        text(text::THROUGH, |c: &Client| html! { (through(&c.row)) }),
        text(text::STATE, |c: &Client| {
            html! { (components::state(state(&c.row))) @if c.row.held == 1 { " " (components::state("review")) } }
        }),
        text(text::FIRST_PAYMENT, move |c: &Client| {
            html! { @if let Some(at) = c.row.qualified_at_ms { (components::day(locale, at)) } @else { span.quiet { (text::NOT_YET) } } }
        }),
        number(text::YOUR_EARNINGS, move |c: &Client| earned(locale, &c.earned)),
    ]
}

/// Cancelled if that was the last event; otherwise a trial until the first payment.
fn state(c: &ClientRow) -> &'static str {
    match c.last_type.as_deref() {
        Some("account.cancelled") => "cancelled",
        Some("subscription.cancelled") if c.subscribed == 0 => "cancelled",
        _ if c.qualified_at_ms.is_some() => "active",
        _ => "trial",
    }
}

fn through(c: &ClientRow) -> &str {
    text::through(c.method.as_deref()).unwrap_or(c.code.as_deref().unwrap_or(""))
}

fn earned(locale: &dyn Locale, sums: &[EarnedRow]) -> Markup {
    let sums: Vec<&EarnedRow> = sums.iter().filter(|s| s.cents != 0).collect();
    html! {
        @if sums.is_empty() { span.quiet { (text::NOTHING_YET) } }
        @for (at, sum) in sums.iter().enumerate() { @if at > 0 { br; } (components::amount(locale, sum.cents, &sum.unit)) }
    }
}

pub async fn detail<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, row: &str) -> PageResult {
    let row: i64 = row.parse().map_err(|_| AppError::not_found("client"))?;
    let claimed_partner = cx.claimed_partner();
    let (partner, (client, receipt, accruals, catalog)) = gate
        .open(
            cx,
            (
                reads::client_find(claimed_partner, row).first(),
                reads::client_attribution(claimed_partner, row).first(),
                reads::client_accruals(claimed_partner, row, LINES),
                programs(),
            ),
        )
        .await?;
    let gone = || AppError::not_found("client");
    let (client, receipt) = (Client::of(client.ok_or_else(gone)?)?, receipt.ok_or_else(gone)?);
    let (client, sums) = (client.row, client.earned);
    let (verdict, reached): (AttributionResult, Vec<LifecycleTransition>) =
        (read(&receipt.receipt)?, read(&receipt.states)?);
    let locale = cx.locale.as_ref();
    let name = wording::client_name(&partner.id, &client.account_id);
    let content = html! {
        (components::heading(&name, "", components::state(state(&client))))
        (components::facts(&[
            (text::SIGNED_UP, components::instant(locale, client.signed_up_at_ms)),
            (text::FIRST_PAYMENT, html! { @if let Some(at) = client.qualified_at_ms { (components::instant(locale, at)) } @else { (text::NOT_YET) } }),
            (text::YOUR_EARNINGS, earned(locale, &sums)),
        ]))
        @if client.held == 1 {
            p { (components::state("review")) (text::UNDER_REVIEW) }
        }
        h2 { (text::ATTRIBUTION) }
        p { (text::why(client.method.as_deref())) }
        (columns::table(text::CANDIDATES, &verdict.candidates, &candidate_columns(locale, &partner)))
        h2 { (text::MILESTONES) }
        @let reached: Vec<&LifecycleTransition> = reached.iter().filter(|r| r.at <= cx.now()).collect();
        @if reached.is_empty() { p.quiet { (text::NO_MILESTONES) } } @else { (milestones(locale, &reached)) }
        h2 { (navigation::EARNINGS) }
        @if accruals.is_empty() {
            (components::empty(text::NO_EARNINGS, html! { (text::NO_EARNINGS_HINT) }))
        } @else {
            (earnings::table(cx, &catalog, &partner.id, &accruals))
        }
    };
    let page = Page { title: &name, area: Area::Partner(&partner), here: "/partner/clients", content };
    Ok(layout::show(cx, 200, page))
}

fn milestones(locale: &dyn Locale, reached: &[&LifecycleTransition]) -> Markup {
    let states: Vec<(String, UtcMillis)> = reached.iter().map(|r| (wording::spaced(&r.state), r.at)).collect();
    let facts: Vec<(&str, Markup)> =
        states.iter().map(|(state, at)| (state.as_str(), components::instant(locale, *at))).collect();
    components::facts(&facts)
}

/// The attribution candidates. Other partners' codes and names are not shown.
fn candidate_columns<'a>(locale: &'a dyn Locale, partner: &'a Partner) -> [Column<'a, AttributionCandidate>; 4] {
    let is_own = |c: &AttributionCandidate| c.partner.as_deref() == Some(partner.id.as_str());
    [
        text(text::SOURCE, |c: &AttributionCandidate| html! { (text::source(c.method.name())) }),
        text(text::PARTNER, move |c: &AttributionCandidate| {
            html! { @if is_own(c) { (text::YOU) (c.code) } @else if c.partner.is_some() { (text::ANOTHER_PARTNER) } @else { (text::NONE) } }
        }),
        text(text::DATE, move |c: &AttributionCandidate| {
            html! { @if let Some(at) = c.at { (components::instant(locale, at)) } @else { (text::AT_SIGN_UP) } }
        }),
        text(text::CREDITED, move |c: &AttributionCandidate| {
            html! {
                @if c.chosen { (text::CHOSEN) }
                @else if is_own(c) && c.method != AttributionMethod::Operator { (text::not_chosen(&c.reason)) }
                @else { (text::NOT_CHOSEN) }
            }
        }),
    ]
}

/// JSON that the database holds.
fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, AppError> {
    decode::from_text(json).map_err(|why| AppError::new(ErrorKind::Fault, "stored_json", why.to_string()))
}
