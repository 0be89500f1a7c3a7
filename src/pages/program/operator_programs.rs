//! Programs: the terms of each in words, its versions, its reward budget and its pages for partners.

use crate::base::money::Cents;
use crate::codec::operator as version;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Field, Figure, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::operator::helpers;
use crate::pages::operator::text as wording;
use crate::pages::program::document;
use crate::pages::route::with_refusal;
use crate::program::document::Document;
use crate::service::account::books;
use crate::service::account::books::BudgetRow;
use crate::service::error::{AppError, ErrorKind};
use crate::service::ledger::budget as funding;
use crate::store::ledger::budget;
use crate::store::partner::resource::{Resource, resource_list};
use crate::store::program;
use crate::store::settlement::operator_runs as reads;
use crate::store::settlement::operator_runs::VersionRow;
use maud::{Markup, html};

pub const HERE: &str = "/operator/programs";

/// Versions that are listed, the latest first.
const VERSIONS: i64 = 30;
/// How many pages for partners a program's page lists.
const RESOURCES: i64 = 50;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (session, rows) = cx.operator(vec![program::program_list()]).await?;
    let catalog = program::catalog(&rows[0])?;
    let cells = |d: &&Document| {
        vec![
            html! { a href={ (HERE) "/" (components::escaped(&d.id)) } { (d.title) } },
            html! { (document::unit(d)) },
            html! { (document::cadence(d)) },
            html! { (d.version) },
            components::day(&*cx.locale, d.effective_from),
        ]
    };
    let in_force = catalog.all_in_force(cx.now());
    let columns = [text("Program"), text("Pays in"), text("Paid"), text("Version"), text("Effective since")];
    let content = html! {
        (components::heading("Programs", "Your referral, affiliate and partner programs.", html! {}))
        @if in_force.is_empty() {
            (components::empty("No programs yet", html! { "Create one with the API: " code { "PUT /v1/programs/{id}" } "." }))
        } @else {
            (components::table("Programs", &columns, &in_force.iter().map(cells).collect::<Vec<_>>()))
        }
    };
    Ok(helpers::frame(cx, &session, 200, (HERE, "Programs"), content))
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    shown(cx, id, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(cx: &PageContext<'_, S>, id: &str, form: &SubmittedForm) -> PageResult {
    let read = vec![
        program::program_list(),
        budget::budget_list(),
        reads::version_list(id, VERSIONS),
        resource_list(id, RESOURCES),
    ];
    let (session, rows) = cx.operator(read).await?;
    let catalog = program::catalog(&rows[0])?;
    let current = catalog.in_force(id, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
    let version = cx.request.param("version").filter(|text| !text.is_empty());
    let found = match version {
        None => current,
        Some(text) => {
            let number = text.parse().ok();
            catalog.versions(id).find(|d| Some(d.version) == number).ok_or_else(|| AppError::not_found("version"))?
        }
    };
    let budget = books::budgets(&rows[1])?.into_iter().find(|p| p.budget.program_id == id);
    let path = format!("{HERE}/{}", components::escaped(id));
    let content = html! {
        (components::heading(&found.title, &format!("{}, version {}", found.id, found.version), html! {
            @if cx.may(Scope::Programs) { a.button href={ (path) "/edit" } { "Edit program" } }
        }))
        (components::problems(form))
        @if found.version != current.version {
            p.notice {
                @if found.effective_from > cx.now() { "This version takes effect " (components::utc(&*cx.locale, found.effective_from)) ". " }
                @else { "This version was replaced. Earnings under it don't change. " }
                a href=(path) { "View current version" }
            }
        }
        (document::readable(&*cx.locale, found))
        @if let Some(budget) = budget.filter(|_| found.settlement.budget) { (budget_part(cx, &path, found, &budget, form)) }
        (resources(cx, &path, &rows[3].decode()?))
        (versions(cx, &path, &rows[2].decode()?, (current, found)))
    };
    Ok(helpers::frame(cx, &session, helpers::status(form), (HERE, &found.title), content))
}

fn budget_part<S: Platform>(
    cx: &PageContext<'_, S>,
    path: &str,
    d: &Document,
    row: &BudgetRow,
    form: &SubmittedForm,
) -> Markup {
    let (locale, unit) = (&*cx.locale, document::unit_of(d));
    let currency = d.currency.to_uppercase();
    html! {
        section id="budget" {
            h2 { "Reward budget" }
            (components::figures(&[
                Figure { label: "Remaining", value: components::amount(locale, row.budget.balance_cents, &unit), note: html! { "low if under " (components::amount(locale, d.budget_low_cents().0, &unit)) } },
                Figure { label: "Rewards waiting", value: html! { (locale.number(row.budget.waiting)) }, note: html! { "paid in order as funds arrive" } },
            ]))
            p { "Rewards are paid from this budget. Adding funds takes effect immediately and pays waiting rewards in order. No card is charged; the budget only limits how much the program can give." }
            @if cx.may(Scope::Payouts) {
                form.stack method="post" action={ (path) "/budget" } {
                    (helpers::hidden(cx))
                    (components::field(form, Field {
                        name: "amount", label: &format!("Amount in {currency}"), hint: wording::AMOUNT_HINT, required: true, autocomplete: "off", max: 20, ..Field::default()
                    }))
                    (helpers::reason(form, ""))
                    button { "Add to budget" }
                }
            }
        }
    }
}

fn resources<S: Platform>(cx: &PageContext<'_, S>, path: &str, rows: &[Resource]) -> Markup {
    let cells = |r: &Resource| {
        let own = format!("{path}/resources/{}", components::escaped(&r.id));
        vec![html! { a href=(own) { (r.title) } }, components::day(&*cx.locale, r.updated_at_ms)]
    };
    html! {
        section id="resources" {
            h2 { "Pages for partners" }
            @if rows.is_empty() {
                (components::empty("No pages yet", html! { "Help partners share your link: who your product is for, what to say, and what to avoid." }))
            } @else {
                (components::table("Pages for partners", &[text("Page"), text("Updated")], &rows.iter().map(cells).collect::<Vec<_>>()))
            }
            @if cx.may(Scope::Programs) { p { a.button.second href={ (path) "/resources/new" } { "New page" } } }
        }
    }
}

/// `current`: the version in force; `found`: the one that is shown.
fn versions<S: Platform>(
    cx: &PageContext<'_, S>,
    path: &str,
    rows: &[VersionRow],
    (current, found): (&Document, &Document),
) -> Markup {
    let locale = &*cx.locale;
    let cells = |v: &VersionRow| {
        let state = if v.version == current.version {
            "active"
        } else if v.effective_from_ms > cx.now() {
            "planned"
        } else {
            "replaced"
        };
        vec![
            html! { a href={ (path) "?version=" (v.version) } aria-current=[(v.version == found.version).then_some("true")] { "Version " (v.version) } },
            components::state(state),
            components::utc(locale, v.effective_from_ms),
            html! { (v.actor) },
            components::instant(locale, v.created_at_ms),
        ]
    };
    let columns = [text("Version"), text("State"), text("Effective from"), text("Saved by"), text("Saved")];
    html! {
        section {
            h2 { "Versions" }
            p.quiet { "Versions never change, and neither do the earnings under them." }
            (components::table("Versions", &columns, &rows.iter().map(cells).collect::<Vec<_>>()))
            details {
                summary { "Document (JSON)" }
                pre tabindex="0" { code { (serde_json::to_string_pretty(found).unwrap_or_default()) } }
            }
        }
    }
}

pub async fn fund<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    let (session, _) = cx.operator(Vec::new()).await?;
    let fund_it = async {
        let cents = helpers::cents_of(cx.form.get("amount")).ok_or_else(|| {
            AppError::new(ErrorKind::Unprocessable, "malformed", "enter an amount such as 500 or 1,250.50")
                .field("amount")
        })?;
        let reason = version::decision(&helpers::body(&cx.form, &["reason"]))?;
        let once = helpers::once(cx);
        funding::fund(&cx.context(&session), id, Cents(cents), &reason, once.as_ref())
            .await
            .map_err(helpers::refusal_of)
    };
    match fund_it.await {
        Ok(_) => Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=funded", components::escaped(id)))),
        Err(error) => shown(cx, id, &with_refusal(cx, error)?).await,
    }
}
