//! Partners: search, and each partner's profile, balances, links, accounts, payouts and earnings.

use crate::engine::accrual::{Accrual, AccrualState};
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Figure, number, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::text::operator::{common, navigation, partner as wording};
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
    let columns =
        [text(common::PARTNER), text(common::PROGRAM), text(common::EMAIL), text(common::CODE), text(common::JOINED)];
    let cells = |p: &PartnerFound| {
        vec![
            html! { (helpers::partner(&p.id, Some(&p.external_id), p.name.as_deref())) @if p.left_at_ms.is_some() { " " (components::state("left")) } },
            helpers::program(&p.program_id),
            html! { (p.email.as_deref().unwrap_or("")) },
            html! { code { (p.code) } },
            components::day(&*cx.locale, p.created_at_ms),
        ]
    };
    let hint = wording::FIND_HINT;
    let content = html! {
        (components::heading(navigation::PARTNERS, wording::LEAD, html! {}))
        (helpers::search("/operator/partners", &query, wording::FIND, hint))
        @if found.is_empty() && query.is_empty() {
            (components::empty(wording::NONE_YET, html! { (wording::NONE_YET_HINT[0]) a href="/partner/join" { "/partner/join" } (wording::NONE_YET_HINT[1]) }))
        } @else if found.is_empty() {
            (components::empty(wording::NONE_FOUND, html! { (wording::NONE_FOUND_HINT) }))
        } @else {
            (components::table(navigation::PARTNERS, &columns, &found.iter().map(cells).collect::<Vec<_>>()))
            @if i64::try_from(found.len()).unwrap_or(0) == reads::FOUND_MAX && !query.is_empty() {
                p.quiet { (common::first_found(reads::FOUND_MAX)) }
            }
        }
        (components::pager("/operator/partners", next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &session, 200, ("/operator/partners", navigation::PARTNERS), content))
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
        (components::heading(&name, "", html! { a.button.second href={ "/operator/accounts?q=" (components::escaped(id)) } { (common::REFERRED_ACCOUNTS) } }))
        (balances(cx, &rows[1].decode()?))
        div.columns {
            section { h2 { (wording::PROFILE) } (profile(cx, &found, &catalog)) }
            section { h2 { (wording::PAYOUT_STATUS) } (payability(cx, rows[3].first()?.as_ref())) }
        }
        h2 { (wording::LINKS) }
        (links(cx, &rows[4].decode()?))
        h2 { (common::REFERRED_ACCOUNTS) }
        (accounts(cx, &rows[6].decode()?))
        h2 { (common::PAYOUTS) }
        (payouts(cx, &rows[7].decode()?))
        h2 { (common::EARNINGS) }
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
        @if rows.is_empty() { p.quiet { (common::NO_EARNINGS) } }
        @for row in rows {
            @let used = if row.unit.starts_with("credit") { (wording::USED, row.redeemed_cents) } else { (common::PAID, row.paid_cents) };
            (components::figures(&[
                figure(wording::PENDING, row.pending_cents, &row.unit, wording::PENDING_NOTE),
                figure(wording::AVAILABLE, row.available_cents, &row.unit, if row.available_cents < 0 { wording::OWED_NOTE } else { "" }),
                figure(used.0, used.1, &row.unit, ""),
            ]))
        }
    }
}

fn profile<S: Platform>(cx: &PageContext<'_, S>, p: &PartnerRow, catalog: &Catalog) -> Markup {
    let or_none = |value: Option<&str>| html! { (value.filter(|v| !v.is_empty()).unwrap_or(common::NONE)) };
    let locale = &*cx.locale;
    let disclosure = match (p.disclosure_accepted_at_ms, catalog.in_force(&p.program_id, cx.now())) {
        (Some(at), _) => html! { (wording::DISCLOSED) (components::day(locale, at)) },
        (None, Some(document)) if document.requires_disclosure => {
            html! { (wording::NOT_DISCLOSED) }
        }
        _ => html! { (common::NOT_REQUIRED) },
    };
    components::facts(&[
        (common::ID, html! { code { (p.id) } }),
        (wording::EXTERNAL_ID, html! { (p.external_id) }),
        (common::PROGRAM, helpers::program(&p.program_id)),
        (common::CODE, html! { code { (p.code) } }),
        (common::EMAIL, or_none(p.email.as_deref())),
        (wording::WEBSITE, or_none(p.website.as_deref())),
        (common::COUNTRY, or_none(p.country.as_deref())),
        (common::TYPE, or_none(p.kind.as_deref())),
        (common::DISCLOSURE, disclosure),
        (common::JOINED, components::day(locale, p.created_at_ms)),
        (
            wording::LEFT,
            html! { @match p.left_at_ms { Some(at) => (components::day(locale, at)), None => (common::NONE) } },
        ),
    ])
}

fn payability<S: Platform>(cx: &PageContext<'_, S>, payee: Option<&PayeeRow>) -> Markup {
    let Some(p) = payee else {
        return html! { p { (wording::NO_STRIPE_ACCOUNT) } };
    };
    let due: Vec<String> = serde_json::from_str(&p.currently_due).unwrap_or_default();
    let can = p.transfers_active != 0 && p.payouts_enabled != 0;
    let missing = match (&p.disabled_reason, due.is_empty()) {
        (None, true) => html! { (wording::NOTHING_REQUIRED) },
        (reason, _) => html! { (due.join(", ")) @if let Some(reason) = reason { " (" (reason) ")" } },
    };
    components::facts(&[
        (
            common::STATE,
            html! { (components::state(if can { "active" } else { "waiting" })) @if !can { (wording::NO_PAYOUTS_YET_BY_STRIPE) } },
        ),
        (common::STRIPE_ACCOUNT, html! { code { (p.stripe_account_id) } }),
        (common::COUNTRY, html! { (p.country.as_deref().unwrap_or(common::NONE)) }),
        (wording::REQUIRED_BY_STRIPE, missing),
        (common::UPDATED, components::instant(&*cx.locale, p.updated_at_ms)),
    ])
}

fn links<S: Platform>(cx: &PageContext<'_, S>, rows: &[LinkRow]) -> Markup {
    let cells = |l: &LinkRow| {
        let over = l.disabled_at_ms.is_some() || l.expires_at_ms.is_some_and(|at| at <= cx.now());
        vec![
            html! { code { (l.code) } },
            html! { (l.destination.as_deref().unwrap_or(wording::HOME_PAGE)) },
            html! { (l.campaign.as_deref().unwrap_or("")) },
            components::state(if over { "disabled" } else { "active" }),
            components::day(&*cx.locale, l.created_at_ms),
        ]
    };
    let columns = [
        text(common::CODE),
        text(wording::DESTINATION),
        text(wording::CAMPAIGN),
        text(common::STATE),
        text(common::CREATED),
    ];
    components::table(wording::LINKS, &columns, &rows.iter().map(cells).collect::<Vec<_>>())
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
        @if rows.is_empty() { p.quiet { (wording::NO_SIGN_UPS) } } @else {
            (components::table(wording::ACCOUNTS_NEWEST_FIRST, &[text(common::ACCOUNT), text(common::METHOD), text(common::REVIEW), text(common::SIGNED_UP)],
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
        @if rows.is_empty() { p.quiet { (wording::NO_PAYOUTS) } } @else {
            (components::table(wording::PAYOUTS_NEWEST_FIRST, &[text(common::PLANNED), text(common::STATE), number(common::AMOUNT)],
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
            Some(_) if l.partner_id.is_empty() => html! { (wording::REFERRED_ACCOUNT) },
            Some(known) => helpers::partner_of(known, &l.partner_id),
        };
        vec![
            components::instant(&*cx.locale, l.at_ms),
            whose,
            html! { (l.reward_id) " " span.quiet { (wording::program_version(&l.program_id, l.program_version)) } br; span.quiet { (l.source.as_str()) } },
            html! {
                (components::state_with(l.state.name(), &l.reason))
                @if l.state == AccrualState::Pending { br; span.quiet { (wording::AVAILABLE_FROM) (components::utc(&*cx.locale, l.vests_at_ms)) } }
            },
            components::amount(&*cx.locale, l.net_cents.0, &l.unit),
        ]
    };
    let whose = if partners.is_some() { wording::EARNED_BY } else { common::ACCOUNT };
    let columns = [text(common::DATE), text(whose), text(common::SOURCE), text(common::STATE), number(common::AMOUNT)];
    html! {
        @if lines.is_empty() { p.quiet { (common::NO_EARNINGS) } } @else {
            (components::table(common::EARNINGS, &columns, &lines.iter().map(cells).collect::<Vec<_>>()))
        }
    }
}
