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
use crate::program::catalog::Catalog;
use crate::service::error::{AppError, ErrorKind};
use crate::store::partner::page as reads;
use crate::store::partner::page::{PostingRow, VestedRow};
use crate::store::program::{catalog, program_list};
use maud::{Markup, html};
use serde::Deserialize;

const COLUMNS: &[Column] =
    &[text("Date"), text("Earned for"), text("Customer"), number("Amount"), text("State"), text("Available from")];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let (before_ms, before_id) = cursor.instant_and_id(cx.now().plus_days(1).0)?;
    let state = cx.request.param("state").unwrap_or_default();
    if !state.is_empty() && !STATES.iter().any(|(name, _)| *name == state) {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", "unknown state filter").into());
    }
    let asked = vec![
        reads::accrual_page(cx.claimed_partner(), &state, before_ms, &before_id, cursor.limit + 1),
        program_list(),
        status::read(cx.claimed_partner()),
    ];
    let (partner, rows) = cx.partner(asked).await?;
    let mut accruals: Vec<Accrual> = rows[0].decode()?;
    let catalog = catalog(&rows[1])?;
    let paid = Paid::of(&rows[0], &rows[2])?;
    let next = cursor.cut(&mut accruals, |l| format!("{}.{}", l.at_ms.0, l.id));
    let first = cursor.cursor.is_empty();
    let path =
        if state.is_empty() { "/partner/earnings".to_owned() } else { format!("/partner/earnings?state={state}") };
    let hold = catalog.in_force(&partner.program, cx.now()).map(wording::hold).unwrap_or_default();
    let content = html! {
        (components::heading("Earnings", "All commissions and rewards, newest first.", html! {}))
        (filter(&state))
        @if !state.is_empty() { p.quiet { (wording::meaning(&state)) } }
        @if !accruals.is_empty() || !first {
            (table(cx.locale.as_ref(), &catalog, &paid, &partner.id, &accruals))
            (components::pager(&path, next.as_deref(), first))
        } @else if state.is_empty() {
            (components::empty("Nothing earned yet", html! { a href="/partner/share" { "Share your link" } ". You'll see what you earn here, and why." }))
        } @else {
            (components::empty(&format!("No {state} earnings"), html! { a href="/partner/earnings" { "Show all earnings" } }))
        }
        p.quiet { (hold) }
    };
    let page = Page { title: "Earnings", area: Area::Partner(&partner), here: "/partner/earnings", content };
    Ok(layout::show(cx, 200, page))
}

fn filter(state: &str) -> Markup {
    let names: Vec<(&str, String)> = STATES.iter().map(|(name, _)| (*name, wording::spaced(name))).collect();
    let mut choices = vec![("", "All")];
    choices.extend(names.iter().map(|(name, title)| (*name, title.as_str())));
    let form = SubmittedForm::filled(&[("state", state)]);
    html! {
        form.inline-form method="get" action="/partner/earnings" {
            (components::select(&form, Field { name: "state", label: "State", required: true, ..Field::default() }, &choices))
            button.second { "Show" }
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
                @if l.net_cents.0 == 0 && l.gross_cents.0 > 0 { br; span.quiet { "of " (components::amount(locale, l.gross_cents.0, &l.unit)) } }
            },
            components::state(paid.state(catalog, l)),
            html! {
                @match paid.settled(l) { Some(at) => (components::day(locale, at)), None => (wording::available(locale, catalog, l)) }
                @if let Some(p) = paid.payout(catalog, l) { br; a href=(payout_path(&p.id)) { "View payout" } }
            },
        ]
    };
    components::table("Earnings", COLUMNS, &accruals.iter().map(row).collect::<Vec<_>>())
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
        (components::heading("Earning", &wording::accrual_source(&accrual.source), components::state(state)))
        (components::facts(&facts_of(locale, &catalog, &accrual, vested.as_ref())))
        p {
            (wording::meaning(state)) " "
            @if let Some(p) = payout { a href=(payout_path(&p.id)) { "View payout" } "." }
            @if accrual.state != AccrualState::Pending && accrual.state != AccrualState::Available { (wording::reason(&accrual.reason)) }
        }
        p {
            "For " @if let Some(client) = client { a href={ "/partner/clients/" (client.row) } { (name) } } @else { (name) }
            "."
        }
        h2 { "History" }
        (components::table("History", BOOKINGS, &postings.iter().map(|p| booking(locale, &accrual, p)).collect::<Vec<_>>()))
        h2 { "Reference" }
        p.quiet { "Include these if you contact the program about this earning." }
        (components::facts(&ids(&accrual, vested.as_ref())))
    };
    let page = Page { title: "Earning", area: Area::Partner(&partner), here: "/partner/earnings", content };
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
        ("Amount", amount(accrual.net_cents.0)),
        ("Date", components::instant(locale, accrual.at_ms)),
        ("Rule", html! { (wording::rule(locale, version, &accrual.reward_id)) }),
        (
            "Terms",
            html! { (version.map_or(accrual.program_id.as_str(), |d| d.title.as_str())) ", version " (accrual.program_version) },
        ),
    ];
    if accrual.gross_cents != accrual.net_cents {
        list.push(("Originally earned", amount(accrual.gross_cents.0)));
    }
    if accrual.cap_reduction_cents.0 > 0 {
        list.push(("Above the monthly limit", amount(-accrual.cap_reduction_cents.0)));
    }
    if reversed > 0 && accrual.net_cents.0 > 0 {
        list.push(("Refunds and disputes", amount(-reversed)));
    }
    match vested {
        Some(run) => {
            let at = html! { (components::utc(locale, run.as_of_ms)) ", with the settlement for " (run.period) };
            list.push(("Became available", at));
        }
        None => list.push(("Available from", wording::available(locale, catalog, accrual))),
    }
    list
}

const BOOKINGS: &[Column] = &[text("Date"), text("Change"), number("Amount"), text("Reason")];

fn booking(locale: &dyn Locale, accrual: &Accrual, p: &PostingRow) -> Vec<Markup> {
    let back = p.code == "reverse";
    // A partial reversal still carries the reason of the original booking.
    let why = if back && p.reason.ends_with("was paid") {
        "Reversed by a refund or another later event.".to_owned()
    } else {
        wording::reason(&p.reason)
    };
    vec![
        components::instant(locale, p.created_at_ms),
        html! { @if back { "Reversed" } @else { "Earned" } br; code.quiet { (p.id) } },
        components::amount(locale, if back { -p.amount_cents } else { p.amount_cents }, &accrual.unit),
        html! { (why) },
    ]
}

fn ids<'a>(accrual: &Accrual, vested: Option<&VestedRow>) -> Vec<(&'a str, Markup)> {
    let mut list = vec![
        ("Earning", html! { code { (accrual.id) } }),
        ("Rule", html! { code { (accrual.reward_id) } }),
        ("Program", html! { code { (accrual.program_id) } " version " (accrual.program_version) }),
        ("Period", html! { code { (accrual.period) } }),
    ];
    list.extend(vested.map(|run| ("Settlement", html! { code { (run.run_id) } })));
    list
}
