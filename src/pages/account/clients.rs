//! Customers: the accounts that the partner referred, their state, and what they earned the partner. Their names are not
//! shown: they agreed to be counted, not named.

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
use crate::pages::context::{PageContext, PageResult, Partner};
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::locale::Locale;
use crate::pages::partner::wording;
use crate::pages::payout::status;
use crate::pages::payout::status::Paid;
use crate::service::error::{AppError, ErrorKind};
use crate::store::partner::page as reads;
use crate::store::partner::page::{BindingAttributionRow, ClientRow, EarnedRow};
use crate::store::program::{catalog, program_list};
use maud::{Markup, html};

/// Newest commissions on a customer's page.
const LINES: i64 = 50;

const COLUMNS: &[Column] = &[
    text("Customer"),
    text("Signed up"),
    text("Through"),
    text("State"),
    text("First payment"),
    number("Your earnings"),
];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let cursor = Cursor::of(cx.request)?;
    let (before_ms, before_row) = cursor.instant_and_id(cx.now().plus_days(1).0)?;
    let before_row = before_row.parse().unwrap_or(0);
    let reads = vec![reads::client_page(cx.claimed_partner(), before_ms, before_row, cursor.limit + 1)];
    let (partner, rows) = cx.partner(reads).await?;
    let mut clients: Vec<ClientRow> = rows[0].decode()?;
    let next = cursor.cut(&mut clients, |c| format!("{}.{}", c.signed_up_at_ms.0, c.row));
    let first = cursor.cursor.is_empty();
    let locale = cx.locale.as_ref();
    let lead = "People who signed up through your links. Their names are hidden.";
    let content = html! {
        (components::heading("Customers", lead, html! {}))
        @if clients.is_empty() && first {
            (components::empty("No customers yet", html! { a href="/partner/share" { "Share your link" } ". People who sign up through it show up here." }))
        } @else {
            @let cells = clients.iter().map(|c| cells(locale, &partner, c)).collect::<Result<Vec<_>, _>>()?;
            (components::table("Your customers", COLUMNS, &cells))
            (components::pager("/partner/clients", next.as_deref(), first))
        }
    };
    let page = Page { title: "Customers", area: Area::Partner(&partner), here: "/partner/clients", content };
    Ok(layout::show(cx, 200, page))
}

fn cells(locale: &dyn Locale, partner: &Partner, c: &ClientRow) -> Result<Vec<Markup>, AppError> {
    Ok(vec![
        html! { a href={ "/partner/clients/" (c.row) } { (wording::client_name(&partner.id, &c.account_id)) } },
        components::day(locale, c.signed_up_at_ms),
        html! { (through(c)) },
        html! { (components::state(state(c))) @if c.held == 1 { " " (components::state("review")) } },
        html! { @if let Some(at) = c.qualified_at_ms { (components::day(locale, at)) } @else { span.quiet { "not yet" } } },
        earned(locale, c)?,
    ])
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
    match c.method.as_deref() {
        Some("workspace") => "your workspace",
        Some("email_domain") => "the same company",
        Some("operator") => "the program's decision",
        _ => c.code.as_deref().unwrap_or(""),
    }
}

fn earned(locale: &dyn Locale, c: &ClientRow) -> Result<Markup, AppError> {
    let sums: Vec<EarnedRow> = read(&c.earned)?;
    let sums: Vec<&EarnedRow> = sums.iter().filter(|s| s.cents != 0).collect();
    Ok(html! {
        @if sums.is_empty() { span.quiet { "nothing yet" } }
        @for (at, sum) in sums.iter().enumerate() { @if at > 0 { br; } (components::amount(locale, sum.cents, &sum.unit)) }
    })
}

pub async fn detail<S: Platform>(cx: &PageContext<'_, S>, row: &str) -> PageResult {
    let row: i64 = row.parse().map_err(|_| AppError::not_found("client"))?;
    let claimed_partner = cx.claimed_partner();
    let (partner, rows) = cx
        .partner(vec![
            reads::client_find(claimed_partner, row),
            reads::client_attribution(claimed_partner, row),
            reads::client_accruals(claimed_partner, row, LINES),
            program_list(),
            status::read(claimed_partner),
        ])
        .await?;
    let gone = || AppError::not_found("client");
    let client: ClientRow = rows[0].first()?.ok_or_else(gone)?;
    let receipt: BindingAttributionRow = rows[1].first()?.ok_or_else(gone)?;
    let accruals: Vec<Accrual> = rows[2].decode()?;
    let (verdict, reached): (AttributionResult, Vec<LifecycleTransition>) =
        (read(&receipt.receipt)?, read(&receipt.states)?);
    let (catalog, locale) = (catalog(&rows[3])?, cx.locale.as_ref());
    let paid = Paid::of(&rows[2], &rows[4])?;
    let name = wording::client_name(&partner.id, &client.account_id);
    let content = html! {
        (components::heading(&name, "", components::state(state(&client))))
        (components::facts(&[
            ("Signed up", components::instant(locale, client.signed_up_at_ms)),
            ("First payment", html! { @if let Some(at) = client.qualified_at_ms { (components::instant(locale, at)) } @else { "not yet" } }),
            ("Your earnings", earned(locale, &client)?),
        ]))
        @if client.held == 1 {
            p { (components::state("review")) " This sign-up is under review. Its earnings are on hold." }
        }
        h2 { "Attribution" }
        p { (why(client.method.as_deref())) }
        (components::table("Attribution candidates", CONSIDERED, &candidates(locale, &partner, &verdict)))
        h2 { "Milestones" }
        @let reached: Vec<&LifecycleTransition> = reached.iter().filter(|r| r.at <= cx.now()).collect();
        @if reached.is_empty() { p.quiet { "Nothing yet." } } @else { (milestones(locale, &reached)) }
        h2 { "Earnings" }
        @if accruals.is_empty() {
            (components::empty("Nothing yet", html! { "Rewards for this customer show up here." }))
        } @else {
            (earnings::table(locale, &catalog, &paid, &partner.id, &accruals))
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

const CONSIDERED: &[Column] = &[text("Source"), text("Partner"), text("Date"), text("Credited")];

/// The attribution candidates. Other partners' codes and names are not shown.
fn candidates(locale: &dyn Locale, partner: &Partner, verdict: &AttributionResult) -> Vec<Vec<Markup>> {
    let row = |c: &AttributionCandidate| {
        let own = c.partner.as_deref() == Some(partner.id.as_str());
        vec![
            html! { (method_name(&c.method)) },
            html! { @if own { "You, " (c.code) } @else if c.partner.is_some() { "Another partner" } @else { "None" } },
            html! { @if let Some(at) = c.at { (components::instant(locale, at)) } @else { "At sign-up" } },
            html! {
                @if c.chosen { "Yes" }
                @else if own && c.method != "operator" { "No: " (c.reason) }
                @else { "No" }
            },
        ]
    };
    verdict.candidates.iter().map(row).collect()
}

fn method_name(method: &str) -> &str {
    match method {
        "code" => "A code entered at sign-up",
        "workspace" => "An invitation or handoff",
        "token" => "A click on a link",
        "email_domain" => "A customer at the same company",
        "fingerprint" => "A visit from the same device",
        "operator" => "The program’s decision",
        _ => "Something else",
    }
}

fn why(method: Option<&str>) -> &'static str {
    match method {
        Some("code") => "This customer signed up with your code.",
        Some("workspace") => "You invited this customer to your workspace or handed the account over.",
        Some("token") => "This customer clicked your link before signing up.",
        Some("email_domain") => "This customer is at the same company as another customer of yours.",
        Some("fingerprint") => "This customer signed up from a device that had clicked your link.",
        Some("operator") => "The program assigned this customer to you.",
        _ => "This customer came through you.",
    }
}

/// JSON that the database holds.
fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, AppError> {
    decode::from_text(json).map_err(|why| AppError::new(ErrorKind::Fault, "stored_json", why.to_string()))
}
