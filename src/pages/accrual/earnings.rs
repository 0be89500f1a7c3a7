//! Earnings: the list, and each commission's page.

use crate::base::ids::{AccrualId, PartnerId};
use crate::engine::accrual::{Accrual, AccrualState};
use crate::http::context::Platform;
use crate::http::page::Page as Cursor;
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
use crate::pages::payout::status;
use crate::pages::payout::status::Paid;
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
    let reads_of_page = (
        reads::accrual_page(cx.claimed_partner(), &state, before_ms, &before_id, cursor.limit + 1),
        programs(),
        status::read(cx.claimed_partner()),
    );
    let (partner, (accruals, catalog, payouts)) = gate.open(cx, reads_of_page).await?;
    let (mut accruals, paid) = Paid::of(accruals, payouts);
    let next = cursor.cut(&mut accruals, |l| format!("{}.{}", l.at_ms.0, l.id));
    let first = cursor.cursor.is_empty();
    let path =
        if state.is_empty() { "/partner/earnings".to_owned() } else { format!("/partner/earnings?state={state}") };
    let hold = catalog.in_force(&partner.program, cx.now()).map(|d| wording::hold(&*cx.locale, d)).unwrap_or_default();
    let content = html! {
        (components::heading(navigation::EARNINGS, text::LEAD, html! {}))
        (filter(&state))
        @if !state.is_empty() { p.quiet { (text::meaning(&state)) } }
        @if !accruals.is_empty() || !first {
            (table(cx.locale.as_ref(), &catalog, &paid, &partner.id, &accruals))
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
    format!("/partner/payouts/{}", components::escaped(id))
}

/// Commissions as a table.
pub fn table(locale: &dyn Locale, catalog: &Catalog, paid: &Paid, partner: &PartnerId, accruals: &[Accrual]) -> Markup {
    let program = move |l: &Accrual| catalog.in_force(&l.program_id, l.at_ms);
    let columns = [
        text(text::DATE, |l: &Accrual| components::day(locale, l.at_ms)),
        text(text::EARNED_FOR, |l: &Accrual| {
            html! {
                a href={ "/partner/earnings/" (components::escaped(&l.id)) } { (wording::accrual_source(&l.source)) }
                br; span.quiet { (wording::rule(locale, program(l), &l.reward_id)) }
            }
        }),
        text(text::CUSTOMER, |l: &Accrual| html! { (wording::client_name(partner, &l.account_id)) }),
        number(text::AMOUNT, |l: &Accrual| {
            html! {
                (components::amount(locale, l.net_cents.0, &l.unit))
                @if l.net_cents.0 == 0 && l.gross_cents.0 > 0 { br; span.quiet { (text::OF) (components::amount(locale, l.gross_cents.0, &l.unit)) } }
            }
        }),
        text(text::STATE, |l: &Accrual| components::state(paid.state(catalog, l))),
        text(text::AVAILABLE_FROM, |l: &Accrual| {
            html! {
                @match paid.settled(l) { Some(at) => (components::day(locale, at)), None => (wording::available(locale, catalog, l)) }
                @if let Some(p) = paid.payout(catalog, l) { br; a href=(payout_path(&p.id)) { (text::VIEW_PAYOUT) } }
            }
        }),
    ];
    columns::table(navigation::EARNINGS, accruals, &columns)
}

pub async fn detail<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, id: AccrualId) -> PageResult {
    let claimed_partner = cx.claimed_partner();
    let (partner, (accrual, postings, vested, client, catalog, payouts)) = gate
        .open(
            cx,
            (
                reads::accrual_find(claimed_partner, &id),
                reads::accrual_postings(claimed_partner, &id),
                reads::accrual_vested(claimed_partner, &id).first(),
                reads::accrual_client(claimed_partner, &id).first(),
                programs(),
                status::read(claimed_partner),
            ),
        )
        .await?;
    let (accruals, paid) = Paid::of(accrual, payouts);
    let accrual = accruals.into_iter().next().ok_or_else(|| AppError::not_found("earning"))?;
    let locale = cx.locale.as_ref();
    let payout = paid.payout(&catalog, &accrual);
    let state = paid.state(&catalog, &accrual);
    let name = wording::client_name(&partner.id, &accrual.account_id);
    let content = html! {
        (components::heading(text::EARNING, &wording::accrual_source(&accrual.source), components::state(state)))
        (components::facts(&facts_of(locale, &catalog, &accrual, vested.as_ref())))
        p {
            (text::meaning(state)) " "
            @if let Some(p) = payout { a href=(payout_path(&p.id)) { (text::VIEW_PAYOUT) } "." }
            @if accrual.state != AccrualState::Pending && accrual.state != AccrualState::Available { (wording::reason(&accrual.reason)) }
        }
        p {
            (text::FOR) @if let Some(client) = client { a href={ "/partner/clients/" (client.row) } { (name) } } @else { (name) }
            "."
        }
        h2 { (text::HISTORY) }
        (columns::table(text::HISTORY, &postings, &posting_columns(locale, &accrual)))
        h2 { (text::REFERENCE) }
        p.quiet { (text::REFERENCE_HINT) }
        (components::facts(&ids(&accrual, vested.as_ref())))
    };
    let page = Page { title: text::EARNING, area: Area::Partner(&partner), here: "/partner/earnings", content };
    Ok(layout::show(cx, 200, page))
}

fn facts_of<'a>(
    locale: &dyn Locale,
    catalog: &Catalog,
    accrual: &Accrual,
    vested: Option<&VestedRow>,
) -> Vec<(&'a str, Markup)> {
    let version = catalog.versions(&accrual.program_id).find(|d| d.version == accrual.program_version);
    let amount = |cents: i64| components::amount(locale, cents, &accrual.unit);
    let reversed = accrual.kept().0 - accrual.net_cents.0;
    let mut list = vec![
        (text::AMOUNT, amount(accrual.net_cents.0)),
        (text::DATE, components::instant(locale, accrual.at_ms)),
        (text::RULE, html! { (wording::rule(locale, version, &accrual.reward_id)) }),
        (
            text::TERMS,
            html! { (text::terms(version.map_or(accrual.program_id.as_str(), |d| d.title.as_str()), accrual.program_version)) },
        ),
    ];
    if accrual.gross_cents != accrual.net_cents {
        list.push((text::ORIGINALLY, amount(accrual.gross_cents.0)));
    }
    if accrual.cap_reduction_cents.0 > 0 {
        list.push((text::CAPPED, amount(-accrual.cap_reduction_cents.0)));
    }
    if reversed > 0 && accrual.net_cents.0 > 0 {
        list.push((text::REFUNDED, amount(-reversed)));
    }
    match vested {
        Some(run) => {
            let at = html! { (components::instant(locale, run.as_of_ms)) (text::with_settlement(&run.period)) };
            list.push((text::BECAME_AVAILABLE, at));
        }
        None => list.push((text::AVAILABLE_FROM, wording::available(locale, catalog, accrual))),
    }
    list
}

fn posting_columns<'a>(locale: &'a dyn Locale, accrual: &'a Accrual) -> [Column<'a, PostingRow>; 4] {
    let is_back = |p: &PostingRow| p.code == "reverse";
    [
        text(text::DATE, move |p: &PostingRow| components::instant(locale, p.created_at_ms)),
        text(text::CHANGE, move |p: &PostingRow| {
            html! { @if is_back(p) { (text::REVERSED) } @else { (text::EARNED) } br; code.quiet { (p.id) } }
        }),
        number(text::AMOUNT, move |p: &PostingRow| {
            components::amount(locale, if is_back(p) { -p.amount_cents } else { p.amount_cents }, &accrual.unit)
        }),
        text(text::REASON, move |p: &PostingRow| {
            // A partial reversal still has the reason of the original ledger entry.
            let is_paid = is_back(p) && p.reason.ends_with("was paid");
            html! { (if is_paid { text::REVERSED_WHY.to_owned() } else { wording::reason(&p.reason) }) }
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
