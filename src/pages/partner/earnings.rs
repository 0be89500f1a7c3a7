//! Earnings: every line, and each with its receipt.

use super::super::layout::{self, Area, Page};
use super::super::locale::Words;
use super::super::parts::{self, Column, Field, number, text};
use super::super::visit::{Shown, Visit};
use super::paid::{self, Paid};
use super::plain::{self, STATES};
use crate::engine::line::{Line, LineState};
use crate::flow::error::{AppError, Kind};
use crate::http::page::Page as Cursor;
use crate::http::shell::Site;
use crate::pages::form::Form;
use crate::program::catalog::Catalog;
use crate::store::partner_page::{self as reads, PostingRow, VestedRow};
use crate::store::program::{catalog, program_list};
use maud::{Markup, html};
use serde::Deserialize;

const COLUMNS: &[Column] =
    &[text("Date"), text("What for"), text("Client"), number("Amount"), text("State"), text("Available from")];

pub async fn list<S: Site>(visit: &Visit<'_, S>) -> Shown {
    let cursor = Cursor::of(visit.request)?;
    let (before_ms, before_id) = cursor.instant_and_id(visit.now().plus_days(1).0)?;
    let state = visit.request.param("state").unwrap_or_default();
    if !state.is_empty() && !STATES.iter().any(|(name, _)| *name == state) {
        return Err(AppError::new(Kind::BadRequest, "unsupported", "there is no such state of an earning").into());
    }
    let asked = vec![
        reads::line_page(visit.claim(), &state, before_ms, &before_id, cursor.limit + 1),
        program_list(),
        paid::read(visit.claim()),
    ];
    let (partner, rows) = visit.partner(asked).await?;
    let mut lines: Vec<Line> = rows[0].decode()?;
    let catalog = catalog(&rows[1])?;
    let paid = Paid::of(&rows[0], &rows[2])?;
    let next = cursor.cut(&mut lines, |l| format!("{}.{}", l.at_ms.0, l.id));
    let first = cursor.cursor.is_empty();
    let path =
        if state.is_empty() { "/partner/earnings".to_owned() } else { format!("/partner/earnings?state={state}") };
    let hold = catalog.in_force(&partner.program, visit.now()).map(plain::hold).unwrap_or_default();
    let content = html! {
        (parts::heading("Earnings", "Every line, newest first. Each opens on its receipt.", html! {}))
        (filter(&state))
        @if !state.is_empty() { p.quiet { (plain::meaning(&state)) } }
        @if !lines.is_empty() || !first {
            (table(visit.words.as_ref(), &catalog, &paid, &partner.id, &lines))
            (parts::pager(&path, next.as_deref(), first))
        } @else if state.is_empty() {
            (parts::empty("Nothing earned yet", html! { a href="/partner/share" { "Share your link" } ": what it brings stands here, with the reason." }))
        } @else {
            (parts::empty(&format!("Nothing is {state}"), html! { a href="/partner/earnings" { "Show all earnings" } }))
        }
        p.quiet { (hold) }
    };
    let page = Page { title: "Earnings", area: Area::Partner(&partner), here: "/partner/earnings", content };
    Ok(layout::show(visit, 200, page))
}

fn filter(state: &str) -> Markup {
    let names: Vec<(&str, String)> = STATES.iter().map(|(name, _)| (*name, plain::spaced(name))).collect();
    let mut choices = vec![("", "All")];
    choices.extend(names.iter().map(|(name, title)| (*name, title.as_str())));
    let form = Form::filled(&[("state", state)]);
    html! {
        form.inline-form method="get" action="/partner/earnings" {
            (parts::select(&form, Field { name: "state", label: "State", required: true, ..Field::default() }, &choices))
            button.second { "Show" }
        }
    }
}

fn payout_path(id: &str) -> String {
    format!("/partner/payouts/{}", parts::escaped(id))
}

/// Lines as a table.
pub fn table(words: &dyn Words, catalog: &Catalog, paid: &Paid, partner: &str, lines: &[Line]) -> Markup {
    let row = |l: &Line| {
        vec![
            parts::day(words, l.at_ms),
            html! {
                a href={ "/partner/earnings/" (parts::escaped(&l.id)) } { (plain::basis(&l.basis)) }
                br; span.quiet { (plain::rule(words, catalog.in_force(&l.program_id, l.at_ms), &l.rule_id)) }
            },
            html! { (plain::client_name(partner, &l.account_id)) },
            html! {
                (parts::amount(words, l.net_cents.0, &l.unit))
                @if l.net_cents.0 == 0 && l.earned_cents.0 > 0 { br; span.quiet { "of " (parts::amount(words, l.earned_cents.0, &l.unit)) } }
            },
            parts::state(paid.state(catalog, l)),
            html! {
                @match paid.settled(l) { Some(at) => (parts::day(words, at)), None => (plain::available(words, catalog, l)) }
                @if let Some(p) = paid.payout(catalog, l) { br; a href=(payout_path(&p.id)) { "Its payout" } }
            },
        ]
    };
    parts::table("Earnings", COLUMNS, &lines.iter().map(row).collect::<Vec<_>>())
}

pub async fn detail<S: Site>(visit: &Visit<'_, S>, id: &str) -> Shown {
    #[derive(Deserialize)]
    struct Client {
        row: i64,
    }
    let claim = visit.claim();
    let (partner, rows) = visit
        .partner(vec![
            reads::line_find(claim, id),
            reads::line_postings(claim, id),
            reads::line_vested(claim, id),
            reads::line_client(claim, id),
            program_list(),
            paid::read(claim),
        ])
        .await?;
    let line: Line = rows[0].first()?.ok_or_else(|| AppError::not_found("earning"))?;
    let postings: Vec<PostingRow> = rows[1].decode()?;
    let vested: Option<VestedRow> = rows[2].first()?;
    let client: Option<Client> = rows[3].first()?;
    let (catalog, words) = (catalog(&rows[4])?, visit.words.as_ref());
    let paid = Paid::of(&rows[0], &rows[5])?;
    let payout = paid.payout(&catalog, &line);
    let state = paid.state(&catalog, &line);
    let name = plain::client_name(&partner.id, &line.account_id);
    let content = html! {
        (parts::heading("Receipt", &plain::basis(&line.basis), parts::state(state)))
        (parts::facts(&told(words, &catalog, &line, vested.as_ref())))
        p {
            (plain::meaning(state)) " "
            @if let Some(p) = payout { a href=(payout_path(&p.id)) { "See its payout" } "." }
            @if line.state != LineState::Pending && line.state != LineState::Available { (plain::reason(&line.reason)) }
        }
        p {
            "For " @if let Some(client) = client { a href={ "/partner/clients/" (client.row) } { (name) } } @else { (name) }
            "."
        }
        h2 { "How it came about" }
        (parts::table("Bookings", BOOKINGS, &postings.iter().map(|p| booking(words, &line, p)).collect::<Vec<_>>()))
        h2 { "For your questions" }
        p.quiet { "If you ask about this earning, these say exactly which one it is." }
        (parts::facts(&ids(&line, vested.as_ref())))
    };
    let page = Page { title: "Receipt", area: Area::Partner(&partner), here: "/partner/earnings", content };
    Ok(layout::show(visit, 200, page))
}

fn told<'a>(words: &dyn Words, catalog: &Catalog, line: &Line, vested: Option<&VestedRow>) -> Vec<(&'a str, Markup)> {
    let version = catalog.versions(&line.program_id).find(|d| d.version == line.program_version);
    let amount = |cents: i64| parts::amount(words, cents, &line.unit);
    let reversed = line.kept().0 - line.net_cents.0;
    let mut list = vec![
        ("Amount", amount(line.net_cents.0)),
        ("Date", parts::instant(words, line.at_ms)),
        ("Rule", html! { (plain::rule(words, version, &line.rule_id)) }),
        (
            "Terms",
            html! { (version.map_or(line.program_id.as_str(), |d| d.title.as_str())) ", version " (line.program_version) },
        ),
    ];
    if line.earned_cents != line.net_cents {
        list.push(("Earned at first", amount(line.earned_cents.0)));
    }
    if line.capped_cents.0 > 0 {
        list.push(("Above the monthly limit", amount(-line.capped_cents.0)));
    }
    if reversed > 0 && line.net_cents.0 > 0 {
        list.push(("Taken back by refunds", amount(-reversed)));
    }
    match vested {
        Some(run) => {
            let at = html! { (parts::utc(words, run.as_of_ms)) ", by the settlement of " (run.period) };
            list.push(("Became available", at));
        }
        None => list.push(("Available from", plain::available(words, catalog, line))),
    }
    list
}

const BOOKINGS: &[Column] = &[text("Date"), text("What"), number("Amount"), text("Why")];

fn booking(words: &dyn Words, line: &Line, p: &PostingRow) -> Vec<Markup> {
    let back = p.code == "reverse";
    // What a part of was taken back is still told as it was earned.
    let why = if back && p.reason.ends_with("was paid") {
        "A refund, or another later event, took it back.".to_owned()
    } else {
        plain::reason(&p.reason)
    };
    vec![
        parts::instant(words, p.created_at_ms),
        html! { @if back { "Taken back" } @else { "Earned" } br; code.quiet { (p.id) } },
        parts::amount(words, if back { -p.amount_cents } else { p.amount_cents }, &line.unit),
        html! { (why) },
    ]
}

fn ids<'a>(line: &Line, vested: Option<&VestedRow>) -> Vec<(&'a str, Markup)> {
    let mut list = vec![
        ("Earning", html! { code { (line.id) } }),
        ("Rule", html! { code { (line.rule_id) } }),
        ("Program", html! { code { (line.program_id) } " version " (line.program_version) }),
        ("Period", html! { code { (line.period) } }),
    ];
    list.extend(vested.map(|run| ("Settlement", html! { code { (run.run_id) } })));
    list
}
