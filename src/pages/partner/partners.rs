//! Partners: search, and each partner's profile, balances, links, accounts, payouts and earnings.

use crate::engine::accrual::{Accrual, AccrualState};
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Figure, number, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::operator::text as wording;
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::store::ledger;
use crate::store::ledger::BalanceRow;
use crate::store::partner;
use crate::store::partner::{LinkRow, PartnerRow};
use crate::store::payout::payee;
use crate::store::payout::payee::PayeeRow;
use crate::store::report::operator as reads;
use crate::store::report::operator::{BoundAccount, KnownAccount, PartnerFound};
use crate::store::{payout, program};
use maud::{Markup, html};

/// How many links, accounts and payouts a partner's page shows.
const LATEST: i64 = 10;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let query = cx.request.param("q").unwrap_or_default().trim().to_owned();
    let read = match query.as_str() {
        "" => reads::partner_page(list.number(helpers::LAST_ROW)?, list.limit + 1),
        text => reads::partner_search(text),
    };
    let (session, rows) = cx.operator(vec![read]).await?;
    let found: Vec<PartnerFound> = rows[0].decode()?;
    let (found, next) = match query.is_empty() {
        true => helpers::paged(&list, found, |p| p.row.to_string()),
        false => (found, None),
    };
    let columns = [text("Partner"), text("Program"), text("Email"), text("Code"), text("Joined")];
    let cells = |p: &PartnerFound| {
        vec![
            html! { (helpers::partner(&p.id, Some(&p.external_id), p.name.as_deref())) @if p.left_at_ms.is_some() { " " (components::state("left")) } },
            helpers::program(&p.program_id),
            html! { (p.email.as_deref().unwrap_or("")) },
            html! { code { (p.code) } },
            components::day(&*cx.locale, p.created_at_ms),
        ]
    };
    let hint = "Search by ID, external ID, link code, or the start of a name or email address.";
    let content = html! {
        (components::heading("Partners", "People and companies that refer accounts to you.", html! {}))
        (helpers::search("/operator/partners", &query, "Find a partner", hint))
        @if found.is_empty() && query.is_empty() {
            (components::empty("No partners yet", html! { "Partners join at " a href="/partner/join" { "/partner/join" } ", or you can create them with the API." }))
        } @else if found.is_empty() {
            (components::empty("No partners found", html! { "Try the start of the email address, or the exact code." }))
        } @else {
            (components::table("Partners", &columns, &found.iter().map(cells).collect::<Vec<_>>()))
            @if i64::try_from(found.len()).unwrap_or(0) == reads::FOUND_MAX && !query.is_empty() {
                p.quiet { (wording::first_found(reads::FOUND_MAX)) }
            }
        }
        (components::pager("/operator/partners", next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &session, 200, ("/operator/partners", "Partners"), content))
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let query = vec![
        partner::partner_find(id),
        ledger::balance_list(id),
        program::program_list(),
        payee::payee_find(id),
        reads::link_latest(id, LATEST),
        reads::accrual_latest(id, before_ms, &before_id, list.limit + 1),
        reads::bound_latest(id, LATEST),
        payout::payout_page("", "", id, helpers::LATEST, "", LATEST),
    ];
    let (session, rows) = cx.operator(query).await?;
    let found: PartnerRow = rows[0].first()?.ok_or_else(|| AppError::not_found("partner"))?;
    let catalog = program::catalog(&rows[2])?;
    let (lines, next) = helpers::paged(&list, rows[5].decode()?, |l: &Accrual| format!("{}.{}", l.at_ms.0, l.id));
    let name = found.name.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| found.external_id.clone());
    let path = format!("/operator/partners/{}", components::escaped(id));
    let content = html! {
        (components::heading(&name, "", html! { a.button.second href={ "/operator/accounts?q=" (components::escaped(id)) } { "Referred accounts" } }))
        (balances(cx, &rows[1].decode()?))
        div.columns {
            section { h2 { "Profile" } (profile(cx, &found, &catalog)) }
            section { h2 { "Payout status" } (payability(cx, rows[3].first()?.as_ref())) }
        }
        h2 { "Links" }
        (links(cx, &rows[4].decode()?))
        h2 { "Referred accounts" }
        (accounts(cx, &rows[6].decode()?))
        h2 { "Payouts" }
        (payouts(cx, &rows[7].decode()?))
        h2 { "Earnings" }
        (accruals_table(cx, &lines, None))
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &session, 200, ("/operator/partners", &name), content))
}

fn balances<S: Platform>(cx: &PageContext<'_, S>, rows: &[BalanceRow]) -> Markup {
    let figure = |label: &'static str, cents: i64, unit: &str, note: &'static str| Figure {
        label,
        value: components::amount(&*cx.locale, cents, unit),
        note: html! { (note) },
    };
    html! {
        @if rows.is_empty() { p.quiet { "No earnings yet." } }
        @for row in rows {
            @let used = if row.unit.starts_with("credit") { ("Used", row.redeemed_cents) } else { ("Paid", row.paid_cents) };
            (components::figures(&[
                figure("Pending", row.pending_cents, &row.unit, "not yet vested"),
                figure("Available", row.available_cents, &row.unit, if row.available_cents < 0 { "owed by the partner; carried forward" } else { "" }),
                figure(used.0, used.1, &row.unit, ""),
            ]))
        }
    }
}

fn profile<S: Platform>(cx: &PageContext<'_, S>, p: &PartnerRow, catalog: &Catalog) -> Markup {
    let or_none = |value: Option<&str>| html! { (value.filter(|v| !v.is_empty()).unwrap_or("—")) };
    let locale = &*cx.locale;
    let disclosure = match (p.disclosure_accepted_at_ms, catalog.in_force(&p.program_id, cx.now())) {
        (Some(at), _) => html! { "accepted " (components::day(locale, at)) },
        (None, Some(document)) if document.requires_disclosure => {
            html! { "not accepted; the partner's links don't work until it is" }
        }
        _ => html! { (wording::NOT_REQUIRED) },
    };
    components::facts(&[
        ("ID", html! { code { (p.id) } }),
        ("External ID", html! { (p.external_id) }),
        ("Program", helpers::program(&p.program_id)),
        ("Code", html! { code { (p.code) } }),
        ("Email", or_none(p.email.as_deref())),
        ("Website", or_none(p.website.as_deref())),
        ("Country", or_none(p.country.as_deref())),
        ("Type", or_none(p.kind.as_deref())),
        ("Disclosure", disclosure),
        ("Joined", components::day(locale, p.created_at_ms)),
        ("Left", html! { @match p.left_at_ms { Some(at) => (components::day(locale, at)), None => "—" } }),
    ])
}

fn payability<S: Platform>(cx: &PageContext<'_, S>, payee: Option<&PayeeRow>) -> Markup {
    let Some(p) = payee else {
        return html! { p { "This partner has no Stripe account yet. Their Payouts page asks them to set one up, and each run sends a reminder." } };
    };
    let due: Vec<String> = serde_json::from_str(&p.currently_due).unwrap_or_default();
    let can = p.transfers_active != 0 && p.payouts_enabled != 0;
    let missing = match (&p.disabled_reason, due.is_empty()) {
        (None, true) => html! { "nothing" },
        (reason, _) => html! { (due.join(", ")) @if let Some(reason) = reason { " (" (reason) ")" } },
    };
    components::facts(&[
        (
            "State",
            html! { (components::state(if can { "active" } else { "waiting" })) @if !can { " Stripe can't send payouts yet" } },
        ),
        ("Stripe account", html! { code { (p.stripe_account_id) } }),
        ("Country", html! { (p.country.as_deref().unwrap_or("—")) }),
        ("Required by Stripe", missing),
        ("Updated", components::instant(&*cx.locale, p.updated_at_ms)),
    ])
}

fn links<S: Platform>(cx: &PageContext<'_, S>, rows: &[LinkRow]) -> Markup {
    let cells = |l: &LinkRow| {
        let over = l.disabled_at_ms.is_some() || l.expires_at_ms.is_some_and(|at| at <= cx.now());
        vec![
            html! { code { (l.code) } },
            html! { (l.destination.as_deref().unwrap_or("home page")) },
            html! { (l.campaign.as_deref().unwrap_or("")) },
            components::state(if over { "disabled" } else { "active" }),
            components::day(&*cx.locale, l.created_at_ms),
        ]
    };
    let columns = [text("Code"), text("Destination"), text("Campaign"), text("State"), text("Created")];
    components::table("Links", &columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

fn accounts<S: Platform>(cx: &PageContext<'_, S>, rows: &[BoundAccount]) -> Markup {
    let cells = |a: &BoundAccount| {
        vec![
            helpers::account(&a.account_id),
            html! { (a.method.as_deref().unwrap_or("")) },
            html! { @if a.held != 0 { (components::state("held")) } },
            components::instant(&*cx.locale, a.signed_up_at_ms),
        ]
    };
    html! {
        @if rows.is_empty() { p.quiet { "No sign-ups yet." } } @else {
            (components::table("Referred accounts, newest first", &[text("Account"), text("Method"), text("Review"), text("Signed up")],
                &rows.iter().map(cells).collect::<Vec<_>>()))
        }
    }
}

fn payouts<S: Platform>(cx: &PageContext<'_, S>, rows: &[crate::engine::payout::OutboundTransfer]) -> Markup {
    let cells = |s: &crate::engine::payout::OutboundTransfer| {
        vec![
            html! { a href={ "/operator/payouts/" (components::escaped(&s.id)) } { (components::day(&*cx.locale, s.created_at_ms)) } },
            components::state_with(crate::pages::payout::operator_payouts::state_of(s), &s.reason),
            components::amount(&*cx.locale, s.amount_cents.0, &s.unit),
        ]
    };
    html! {
        @if rows.is_empty() { p.quiet { "No payouts yet." } } @else {
            (components::table("Payouts, newest first", &[text("Planned"), text("State"), number("Amount")],
                &rows.iter().map(cells).collect::<Vec<_>>()))
        }
    }
}

/// Earnings as operators see them: their source, rule and version, their state and its reason. With `partners`, the
/// earnings of an account; without, those of one partner.
pub fn accruals_table<S: Platform>(
    cx: &PageContext<'_, S>,
    lines: &[Accrual],
    partners: Option<&[KnownAccount]>,
) -> Markup {
    let cells = |l: &Accrual| {
        let whose = match partners {
            None => helpers::account(&l.account_id),
            Some(_) if l.partner_id.is_empty() => html! { "the referred account" },
            Some(known) => helpers::partner_of(known, &l.partner_id),
        };
        vec![
            components::instant(&*cx.locale, l.at_ms),
            whose,
            html! { (l.reward_id) " " span.quiet { (l.program_id) " v" (l.program_version) } br; span.quiet { (l.source) } },
            html! {
                (components::state_with(l.state.name(), &l.reason))
                @if l.state == AccrualState::Pending { br; span.quiet { "available from " (components::utc(&*cx.locale, l.vests_at_ms)) } }
            },
            components::amount(&*cx.locale, l.net_cents.0, &l.unit),
        ]
    };
    let whose = if partners.is_some() { "Earned by" } else { "Account" };
    let columns = [text("Date"), text(whose), text("Source"), text("State"), number("Amount")];
    html! {
        @if lines.is_empty() { p.quiet { "No earnings yet." } } @else {
            (components::table("Earnings", &columns, &lines.iter().map(cells).collect::<Vec<_>>()))
        }
    }
}
