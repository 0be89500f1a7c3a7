//! Earnings: the list, and each commission's page.

use crate::engine::accrual::{Accrual, AccrualState};
use crate::http::context::Platform;
use crate::http::page::Page as Cursor;
use crate::pages::components;
use crate::pages::components::{Column, Field, number, text};
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
use crate::program::catalog::Catalog;
use crate::service::error::{AppError, ErrorKind};
use crate::store::partner::page as reads;
use crate::store::partner::page::{PostingRow, VestedRow};
use crate::store::program::{catalog, program_list};
use maud::{Markup, html};
use serde::Deserialize;

const COLUMNS: &[Column] = &[
    text(text::DATE),
    text(text::EARNED_FOR),
    text(text::CUSTOMER),
    number(text::AMOUNT),
    text(text::STATE),
    text(text::AVAILABLE_FROM),
];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let (before_ms, before_id) = cursor.instant_and_id(cx.now().plus_days(1).0)?;
    let state = cx.request.param("state").unwrap_or_default();
    if !state.is_empty() && !STATES.contains(&state.as_str()) {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", error::UNKNOWN_STATE).into());
    }
    let reads_of_page = vec![
        reads::accrual_page(cx.claimed_partner(), &state, before_ms, &before_id, cursor.limit + 1),
        program_list(),
        status::read(cx.claimed_partner()),
    ];
    let (partner, rows) = cx.partner(reads_of_page).await?;
    let mut accruals: Vec<Accrual> = rows[0].decode()?;
    let catalog = catalog(&rows[1])?;
    let paid = Paid::of(&rows[0], &rows[2])?;
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
pub fn table(locale: &dyn Locale, catalog: &Catalog, paid: &Paid, partner: &str, accruals: &[Accrual]) -> Markup {
    let row = |l: &Accrual| {
        vec![
            components::day(locale, l.at_ms),
            html! {
                a href={ "/partner/earnings/" (components::escaped(&l.id)) } { (wording::accrual_source(&l.source)) }
                br; span.quiet { (wording::rule(locale, catalog.in_force(&l.program_id, l.at_ms), &l.reward_id)) }
            },
            html! { (wording::client_name(partner, &l.account_id)) },
            html! {
                (components::amount(locale, l.net_cents.0, &l.unit))
                @if l.net_cents.0 == 0 && l.gross_cents.0 > 0 { br; span.quiet { (text::OF) (components::amount(locale, l.gross_cents.0, &l.unit)) } }
            },
            components::state(paid.state(catalog, l)),
            html! {
                @match paid.settled(l) { Some(at) => (components::day(locale, at)), None => (wording::available(locale, catalog, l)) }
                @if let Some(p) = paid.payout(catalog, l) { br; a href=(payout_path(&p.id)) { (text::VIEW_PAYOUT) } }
            },
        ]
    };
    components::table(navigation::EARNINGS, COLUMNS, &accruals.iter().map(row).collect::<Vec<_>>())
}

pub async fn detail<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    #[derive(Deserialize)]
    struct Client {
        row: i64,
    }
    let claimed_partner = cx.claimed_partner();
    let (partner, rows) = cx
        .partner(vec![
            reads::accrual_find(claimed_partner, id),
            reads::accrual_postings(claimed_partner, id),
            reads::accrual_vested(claimed_partner, id),
            reads::accrual_client(claimed_partner, id),
            program_list(),
            status::read(claimed_partner),
        ])
        .await?;
    let accrual: Accrual = rows[0].first()?.ok_or_else(|| AppError::not_found("earning"))?;
    let postings: Vec<PostingRow> = rows[1].decode()?;
    let vested: Option<VestedRow> = rows[2].first()?;
    let client: Option<Client> = rows[3].first()?;
    let (catalog, locale) = (catalog(&rows[4])?, cx.locale.as_ref());
    let paid = Paid::of(&rows[0], &rows[5])?;
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
        (components::table(text::HISTORY, BOOKINGS, &postings.iter().map(|p| booking(locale, &accrual, p)).collect::<Vec<_>>()))
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
            let at = html! { (components::utc(locale, run.as_of_ms)) (text::with_settlement(&run.period)) };
            list.push((text::BECAME_AVAILABLE, at));
        }
        None => list.push((text::AVAILABLE_FROM, wording::available(locale, catalog, accrual))),
    }
    list
}

const BOOKINGS: &[Column] = &[text(text::DATE), text(text::CHANGE), number(text::AMOUNT), text(text::REASON)];

fn booking(locale: &dyn Locale, accrual: &Accrual, p: &PostingRow) -> Vec<Markup> {
    let back = p.code == "reverse";
    // A partial reversal still has the reason of the original ledger entry.
    let why =
        if back && p.reason.ends_with("was paid") { text::REVERSED_WHY.to_owned() } else { wording::reason(&p.reason) };
    vec![
        components::instant(locale, p.created_at_ms),
        html! { @if back { (text::REVERSED) } @else { (text::EARNED) } br; code.quiet { (p.id) } },
        components::amount(locale, if back { -p.amount_cents } else { p.amount_cents }, &accrual.unit),
        html! { (why) },
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
