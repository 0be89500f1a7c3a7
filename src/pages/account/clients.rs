//! Clients: the accounts that are the partner's, how they stand and what they brought. Who they are is not shown: they have
//! agreed to be counted, not to be named.

use crate::base::decode;
use crate::base::time::UtcMillis;
use crate::engine::account::lifecycle::LifecycleTransition;
use crate::engine::accrual::Accrual;
use crate::engine::attribution::binding::{AttributionCandidate, AttributionResult};
use crate::http::context::Platform;
use crate::http::page::Page as Cursor;
use crate::pages::accrual::earnings;
use crate::pages::components;
use crate::pages::components::{Column, number, text};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::payout::status;
use crate::pages::payout::status::Paid;
use crate::pages::visit::{PageContext, PageResult, Partner};
use crate::service::error::{AppError, ErrorKind};
use crate::store::partner::page as reads;
use crate::store::partner::page::{ClientRow, EarnedRow, ReceiptRow};
use crate::store::program::{catalog, program_list};
use maud::{Markup, html};

/// Newest lines of a client on its page.
const LINES: i64 = 50;

const COLUMNS: &[Column] =
    &[text("Client"), text("Signed up"), text("Through"), text("State"), text("First payment"), number("Earned you")];

pub async fn list<S: Platform>(visit: &PageContext<'_, S>) -> PageResult {
    let cursor = Cursor::of(visit.request)?;
    let (before_ms, before_row) = cursor.instant_and_id(visit.now().plus_days(1).0)?;
    let before_row = before_row.parse().unwrap_or(0);
    let asked = vec![reads::client_page(visit.claim(), before_ms, before_row, cursor.limit + 1)];
    let (partner, rows) = visit.partner(asked).await?;
    let mut clients: Vec<ClientRow> = rows[0].decode()?;
    let next = cursor.cut(&mut clients, |c| format!("{}.{}", c.signed_up_at_ms.0, c.row));
    let first = cursor.cursor.is_empty();
    let words = visit.words.as_ref();
    let lead = "Everybody who signed up through you. They are counted here, and not named.";
    let content = html! {
        (components::heading("Clients", lead, html! {}))
        @if clients.is_empty() && first {
            (components::empty("No clients yet", html! { a href="/partner/share" { "Share your link" } ": who signs up through it stands here." }))
        } @else {
            @let cells = clients.iter().map(|c| cells(words, &partner, c)).collect::<Result<Vec<_>, _>>()?;
            (components::table("Your clients", COLUMNS, &cells))
            (components::pager("/partner/clients", next.as_deref(), first))
        }
    };
    let page = Page { title: "Clients", area: Area::Partner(&partner), here: "/partner/clients", content };
    Ok(layout::show(visit, 200, page))
}

fn cells(words: &dyn Locale, partner: &Partner, c: &ClientRow) -> Result<Vec<Markup>, AppError> {
    Ok(vec![
        html! { a href={ "/partner/clients/" (c.row) } { (wording::client_name(&partner.id, &c.account_id)) } },
        components::day(words, c.signed_up_at_ms),
        html! { (through(c)) },
        html! { (components::state(state(c))) @if c.held == 1 { " " (components::state("review")) } },
        html! { @if let Some(at) = c.qualified_at_ms { (components::day(words, at)) } @else { span.quiet { "not yet" } } },
        earned(words, c)?,
    ])
}

/// Cancelled where that is the last that was heard; else trial until the first payment.
fn state(c: &ClientRow) -> &'static str {
    match c.last_type.as_deref() {
        Some("account.cancelled") => "cancelled",
        Some("subscription.cancelled") if c.subscribed == 0 => "cancelled",
        _ if c.qualified_at_ms.is_some() => "active",
        _ => "trial",
    }
}

fn through(c: &ClientRow) -> &str {
    match c.method.as_deref() {
        Some("workspace") => "your workspace",
        Some("email_domain") => "the same company",
        Some("operator") => "the program's word",
        _ => c.code.as_deref().unwrap_or(""),
    }
}

fn earned(words: &dyn Locale, c: &ClientRow) -> Result<Markup, AppError> {
    let sums: Vec<EarnedRow> = read(&c.earned)?;
    let sums: Vec<&EarnedRow> = sums.iter().filter(|s| s.cents != 0).collect();
    Ok(html! {
        @if sums.is_empty() { span.quiet { "nothing yet" } }
        @for (at, sum) in sums.iter().enumerate() { @if at > 0 { br; } (components::amount(words, sum.cents, &sum.unit)) }
    })
}

pub async fn detail<S: Platform>(visit: &PageContext<'_, S>, row: &str) -> PageResult {
    let row: i64 = row.parse().map_err(|_| AppError::not_found("client"))?;
    let claim = visit.claim();
    let (partner, rows) = visit
        .partner(vec![
            reads::client_find(claim, row),
            reads::client_receipt(claim, row),
            reads::client_lines(claim, row, LINES),
            program_list(),
            status::read(claim),
        ])
        .await?;
    let gone = || AppError::not_found("client");
    let client: ClientRow = rows[0].first()?.ok_or_else(gone)?;
    let receipt: ReceiptRow = rows[1].first()?.ok_or_else(gone)?;
    let lines: Vec<Accrual> = rows[2].decode()?;
    let (verdict, reached): (AttributionResult, Vec<LifecycleTransition>) =
        (read(&receipt.receipt)?, read(&receipt.states)?);
    let (catalog, words) = (catalog(&rows[3])?, visit.words.as_ref());
    let paid = Paid::of(&rows[2], &rows[4])?;
    let name = wording::client_name(&partner.id, &client.account_id);
    let content = html! {
        (components::heading(&name, "", components::state(state(&client))))
        (components::facts(&[
            ("Signed up", components::instant(words, client.signed_up_at_ms)),
            ("First payment", html! { @if let Some(at) = client.qualified_at_ms { (components::instant(words, at)) } @else { "not yet" } }),
            ("Earned you", earned(words, &client)?),
        ]))
        @if client.held == 1 {
            p { (components::state("review")) " A person looks at this sign-up. Until then nothing that it earns is paid." }
        }
        h2 { "Why it is yours" }
        p { (why(client.method.as_deref())) }
        (components::table("What was candidates", CONSIDERED, &candidates(words, &partner, &verdict)))
        h2 { "How far it came" }
        @let reached: Vec<&LifecycleTransition> = reached.iter().filter(|r| r.at <= visit.now()).collect();
        @if reached.is_empty() { p.quiet { "Nothing yet." } } @else { (milestones(words, &reached)) }
        h2 { "What it earned you" }
        @if lines.is_empty() {
            (components::empty("Nothing yet", html! { "Its first payment, or whatever your program rewards, stands here." }))
        } @else {
            (earnings::table(words, &catalog, &paid, &partner.id, &lines))
        }
    };
    let page = Page { title: &name, area: Area::Partner(&partner), here: "/partner/clients", content };
    Ok(layout::show(visit, 200, page))
}

fn milestones(words: &dyn Locale, reached: &[&LifecycleTransition]) -> Markup {
    let states: Vec<(String, UtcMillis)> = reached.iter().map(|r| (wording::spaced(&r.state), r.at)).collect();
    let facts: Vec<(&str, Markup)> =
        states.iter().map(|(state, at)| (state.as_str(), components::instant(words, *at))).collect();
    components::facts(&facts)
}

const CONSIDERED: &[Column] = &[text("What"), text("Whose"), text("When"), text("Counted")];

/// What was looked at. Of others only that there was something: their codes and names are theirs.
fn candidates(words: &dyn Locale, partner: &Partner, verdict: &AttributionResult) -> Vec<Vec<Markup>> {
    let row = |c: &AttributionCandidate| {
        let own = c.partner.as_deref() == Some(partner.id.as_str());
        vec![
            html! { (method_name(&c.method)) },
            html! { @if own { "yours, " (c.code) } @else if c.partner.is_some() { "somebody else’s" } @else { "nobody’s" } },
            html! { @if let Some(at) = c.at { (components::instant(words, at)) } @else { "at the sign-up" } },
            html! {
                @if c.chosen { "yes" }
                @else if own && c.method != "operator" { "no: " (c.reason) }
                @else { "no" }
            },
        ]
    };
    verdict.candidates.iter().map(row).collect()
}

fn method_name(method: &str) -> &str {
    match method {
        "code" => "A code that was typed or sent along",
        "workspace" => "An invitation or hand-off",
        "token" => "A click on a link",
        "email_domain" => "A client of the same company",
        "fingerprint" => "A visit from the same device",
        "operator" => "The program’s decision",
        _ => "Something else",
    }
}

fn why(method: Option<&str>) -> &'static str {
    match method {
        Some("code") => "It signed up with a code of yours.",
        Some("workspace") => "You had invited it to your workspace, or handed the account over.",
        Some("token") => "It had clicked on a link of yours before it signed up.",
        Some("email_domain") => "It is of the same company as a client of yours.",
        Some("fingerprint") => "It signed up from a device that had clicked on a link of yours.",
        Some("operator") => "The program decided so.",
        _ => "It came through you.",
    }
}

/// JSON that the books hold.
fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, AppError> {
    decode::from_text(json).map_err(|why| AppError::new(ErrorKind::Fault, "stored_json", why.to_string()))
}
