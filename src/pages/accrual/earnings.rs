//! Earnings: the list, and each commission's page.

use crate::base::ids::{AccrualId, PartnerId};
use crate::base::percent;
use crate::engine::accrual::payment::ShownAccrual;
use crate::engine::accrual::{Accrual, AccrualState};
use crate::http::context::Platform;
use crate::http::page::Page as Cursor;
use crate::pages::accrual::calculation;
use crate::pages::columns;
use crate::pages::columns::{Column, number, text};
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::partner::wording::STATES;
use crate::pages::text::partner::{accrual as text, navigation};
use crate::pages::text::shared::error;
use crate::pages::viewer::{Gate, Partner};
use crate::program::catalog::Catalog;
use crate::service::error::{AppError, ErrorKind};
use crate::store::partner::page as reads;
use crate::store::partner::page::{PostingRow, VestedRow};
use crate::store::program::programs;
use maud::{Markup, html};

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let (before_ms, before_id) = cursor.instant_and_id(cx.now().plus_days(1).0)?;
    let state = cx.request.param("state").unwrap_or_default();
    if !state.is_empty() && !STATES.contains(&state.as_str()) {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", error::UNKNOWN_STATE).into());
    }
    let reads_of_page =
        (reads::accrual_page(cx.claimed_partner(), &state, before_ms, &before_id, cursor.limit + 1), programs());
    let (partner, (mut accruals, catalog)) = gate.open(cx, reads_of_page).await?;
    let next = cursor.cut(&mut accruals, |(l, _)| format!("{}.{}", l.at_ms.0, l.id));
    let first = cursor.cursor.is_empty();
    let path =
        if state.is_empty() { "/partner/earnings".to_owned() } else { format!("/partner/earnings?state={state}") };
    let hold = catalog.current(&partner.program, cx.now()).map(|d| wording::hold(&*cx.locale, d)).unwrap_or_default();
    let content = html! {
        (components::heading(navigation::EARNINGS, text::LEAD, html! {}))
        (filter(&state))
        @if !state.is_empty() { p.quiet { (text::meaning(&state)) } }
        @if !accruals.is_empty() || !first {
            (table(cx, &catalog, &partner.id, &accruals))
            (components::pager(&path, next.as_deref(), first))
        } @else if state.is_empty() {
            (components::empty(text::NOTHING_EARNED, html! { a href="/partner/share" { (text::SHARE_YOUR_LINK) } (text::SHARE_WHY) }))
        } @else {
            (components::empty(&text::none_in(&state), html! { a href="/partner/earnings" { (text::SHOW_ALL) } }))
        }
        p.quiet { (hold) }
    };
    let page = Page { title: navigation::EARNINGS, area: Area::Partner(&partner), here: "/partner/earnings", content };
    Ok(layout::show(cx, 200, page))
}

fn filter(state: &str) -> Markup {
    let names: Vec<(&str, String)> = STATES.iter().map(|name| (*name, wording::spaced(name))).collect();
    let mut choices = vec![("", text::ALL_STATES)];
    choices.extend(names.iter().map(|(name, title)| (*name, title.as_str())));
    let form = SubmittedForm::filled(&[("state", state)]);
    html! {
        form.inline-form method="get" action="/partner/earnings" {
            (components::select(&form, Field { name: "state", label: text::STATE, required: true, ..Field::default() }, &choices))
            button.second { (text::SHOW) }
        }
    }
}

fn payout_path(id: &str) -> String {
    format!("/partner/payouts/{}", percent::escaped(id))
}

/// Commissions as a table.
pub fn table<S: Platform>(
    cx: &PageContext<'_, S>,
    catalog: &Catalog,
    partner: &PartnerId,
    accruals: &[ShownAccrual],
) -> Markup {
    let locale = cx.locale.as_ref();
    let program = move |l: &Accrual| catalog.current(&l.program_id, l.at_ms);
    let columns = [
        text(text::DATE, |(l, _): &ShownAccrual| components::day(locale, l.at_ms)),
        text(text::EARNED_FOR, |(l, _): &ShownAccrual| {
            html! {
                a href={ "/partner/earnings/" (percent::escaped(&l.id)) } { (wording::accrual_source(&l.source)) }
                br; span.quiet { @if l.is_adjustment() { (l.reason) } @else { (wording::rule(locale, program(l), &l.reward_id)) } }
            }
        }),
        text(text::CUSTOMER, |(l, _): &ShownAccrual| html! { (wording::client_name(partner, &l.account_id)) }),
        number(text::AMOUNT, |row: &ShownAccrual| {
            html! {
                (components::amount(locale, row.0.net_cents.0, &row.0.unit))
                @if let Some(how) = calculation::of(locale, catalog, row) { br; span.quiet { (how) } }
                @else if row.0.net_cents.0 == 0 && row.0.gross_cents.0 > 0 { br; span.quiet { (text::OF) (components::amount(locale, row.0.gross_cents.0, &row.0.unit)) } }
            }
        }),
        text(text::STATE, |(l, p): &ShownAccrual| components::state(p.state(l))),
        text(text::AVAILABLE_FROM, |(l, p): &ShownAccrual| {
            html! {
                @if let Some(id) = &p.payout_id { a href=(payout_path(id)) { (text::VIEW_PAYOUT) } }
                @else { (wording::available(locale, catalog, l, cx.now())) }
            }
        }),
    ];
    columns::table(navigation::EARNINGS, accruals, &columns)
}

pub async fn detail<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, id: AccrualId) -> PageResult {
    let claimed_partner = cx.claimed_partner();
    let (partner, (found, postings, vested, client, catalog)) = gate
        .open(
            cx,
            (
                reads::accrual_find(claimed_partner, &id),
                reads::accrual_postings(claimed_partner, &id),
                reads::accrual_vested(claimed_partner, &id).first(),
                reads::accrual_client(claimed_partner, &id).first(),
                programs(),
            ),
        )
        .await?;
    let found = found.into_iter().next().ok_or_else(|| AppError::not_found("earning"))?;
    let (accrual, payment) = &found;
    let locale = cx.locale.as_ref();
    let state = payment.state(accrual);
    let name = wording::client_name(&partner.id, &accrual.account_id);
    let content = html! {
        (components::heading(text::EARNING, &wording::accrual_source(&accrual.source), components::state(state)))
        (components::facts(&facts_of(cx, &catalog, &found, vested.as_ref())))
        p {
            @if accrual.adjusted_cents.0 != 0 { (text::ADJUSTED_WHY) } @else { (text::meaning(state)) } " "
            @if let Some(id) = &payment.payout_id { a href=(payout_path(id)) { (text::VIEW_PAYOUT) } "." }
            @if accrual.state != AccrualState::Pending && accrual.state != AccrualState::Available { (wording::reason(&accrual.reason)) }
        }
        @if !accrual.account_id.is_empty() { p {
            (text::FOR) @if let Some(client) = client { a href={ "/partner/clients/" (client.row) } { (name) } } @else { (name) }
            "."
        } }
        h2 { (text::HISTORY) }
        (columns::table(text::HISTORY, &postings, &posting_columns(locale, accrual)))
        h2 { (text::REFERENCE) }
        p.quiet { (text::REFERENCE_HINT) }
        (components::facts(&ids(accrual, vested.as_ref())))
    };
    let page = Page { title: text::EARNING, area: Area::Partner(&partner), here: "/partner/earnings", content };
    Ok(layout::show(cx, 200, page))
}

fn facts_of<'a, S: Platform>(
    cx: &PageContext<'_, S>,
    catalog: &Catalog,
    shown: &ShownAccrual,
    vested: Option<&VestedRow>,
) -> Vec<(&'a str, Markup)> {
    let (locale, accrual) = (cx.locale.as_ref(), &shown.0);
    let version = catalog.version(&accrual.program_id, accrual.program_version);
    let amount = |cents: i64| components::amount(locale, cents, &accrual.unit);
    let reversed = accrual.kept().0 - accrual.net_cents.0 + accrual.adjusted_cents.0;
    let mut list = vec![
        (text::AMOUNT, amount(accrual.net_cents.0)),
        (text::DATE, components::instant(locale, accrual.at_ms)),
        (text::RULE, html! { (wording::rule(locale, version.map(|p| p.document()), &accrual.reward_id)) }),
        (
            text::TERMS,
            html! { (text::terms(version.map_or(accrual.program_id.as_str(), |d| d.title.as_str()), accrual.program_version)) },
        ),
    ];
    list.extend(calculation::of(locale, catalog, shown).map(|how| (text::CALCULATION, html! { (how) })));
    if accrual.gross_cents != accrual.net_cents {
        list.push((text::ORIGINALLY, amount(accrual.gross_cents.0)));
    }
    if accrual.cap_reduction_cents.0 > 0 {
        list.push((text::CAPPED, amount(-accrual.cap_reduction_cents.0)));
    }
    if reversed > 0 && accrual.net_cents.0 > 0 {
        list.push((text::REFUNDED, amount(-reversed)));
    }
    if accrual.adjusted_cents.0 != 0 {
        list.push((text::ADJUSTED, amount(accrual.adjusted_cents.0)));
    }
    match vested {
        Some(run) => {
            let at = html! { (components::instant(locale, run.as_of_ms)) (text::with_settlement(&run.period)) };
            list.push((text::BECAME_AVAILABLE, at));
        }
        None => list.push((text::AVAILABLE_FROM, wording::available(locale, catalog, accrual, cx.now()))),
    }
    list
}

fn posting_columns<'a>(locale: &'a dyn Locale, accrual: &'a Accrual) -> [Column<'a, PostingRow>; 4] {
    let is_back = |p: &PostingRow| p.code == "reverse" || p.code == "deduct";
    let is_adjustment = |p: &PostingRow| p.code == "adjust" || p.code == "deduct";
    [
        text(text::DATE, move |p: &PostingRow| components::instant(locale, p.created_at_ms)),
        text(text::CHANGE, move |p: &PostingRow| {
            html! { @if is_adjustment(p) { (text::ADJUSTMENT) } @else if is_back(p) { (text::REVERSED) } @else { (text::EARNED) } br; code.quiet { (p.id) } }
        }),
        number(text::AMOUNT, move |p: &PostingRow| {
            components::amount(locale, if is_back(p) { -p.amount_cents } else { p.amount_cents }, &accrual.unit)
        }),
        text(text::REASON, move |p: &PostingRow| {
            // A partial reversal still has the reason of the original ledger entry.
            let is_paid = is_back(p) && p.reason.ends_with("was paid");
            html! {
                @if is_adjustment(p) { (p.reason) } @else { (if is_paid { text::REVERSED_WHY.to_owned() } else { wording::reason(&p.reason) }) }
            }
        }),
    ]
}

fn ids<'a>(accrual: &Accrual, vested: Option<&VestedRow>) -> Vec<(&'a str, Markup)> {
    let mut list = vec![
        (text::EARNING, html! { code { (accrual.id) } }),
        (text::RULE, html! { code { (accrual.reward_id) } }),
        (text::PROGRAM, html! { code { (accrual.program_id) } (text::VERSION) (accrual.program_version) }),
        (text::PERIOD, html! { code { (accrual.period) } }),
    ];
    list.extend(vested.map(|run| (text::SETTLEMENT, html! { code { (run.run_id) } })));
    list
}
