//! Programs: the terms of each in words, its versions, its reward budget and its pages for partners.

use crate::base::currency;
use crate::base::ids::ProgramId;
use crate::base::json;
use crate::base::limits::RESOURCES_MAX;
use crate::base::money::Cents;
use crate::base::percent;
use crate::codec::operator as version;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::components::{Field, Figure};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::operator::helpers;
use crate::pages::program::document;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{common, navigation, program as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::program::document::Document;
use crate::service::error::{AppError, ErrorKind};
use crate::service::ledger::budget as funding;
use crate::store::ledger::budget::{BudgetRow, budget_list};
use crate::store::partner::resource::{Resource, resource_list};
use crate::store::program;
use crate::store::settlement::operator_runs as reads;
use crate::store::settlement::operator_runs::VersionRow;
use maud::{Markup, html};

pub const HERE: &str = "/operator/programs";
pub const GUIDE: &str = "/operator/program-guide";

/// Versions that are listed, the latest first.
const VERSIONS: i64 = 30;
/// How many pages for partners a program's page lists.
const RESOURCES: i64 = RESOURCES_MAX;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let (operator, catalog) = gate.open(cx, program::programs()).await?;
    let columns = [
        text(common::PROGRAM, |d: &&Document| html! { a href={ (HERE) "/" (percent::escaped(&d.id)) } { (d.title) } }),
        text(wording::PAYS_IN, |d: &&Document| html! { (document::unit(d)) }),
        text(common::PAID, |d: &&Document| html! { (document::cadence(d)) }),
        text(common::VERSION, |d: &&Document| html! { (d.version) }),
        text(wording::EFFECTIVE_SINCE, |d: &&Document| components::day(&*cx.locale, d.effective_from)),
    ];
    let shown = catalog.all_current(cx.now());

    let content = html! {
        (components::heading(navigation::PROGRAMS, wording::LEAD, html! { a.button.second href=(GUIDE) { (wording::GUIDE_TITLE) } }))
        @if shown.is_empty() {
            (components::empty(wording::NONE, html! { (wording::NONE_HINT[0]) code { "PUT /v1/programs/{id}" } (wording::NONE_HINT[1]) }))
        } @else {
            (columns::table(navigation::PROGRAMS, &shown, &columns))
        }
    };
    Ok(helpers::frame(cx, &operator, 200, (HERE, navigation::PROGRAMS), content))
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: ProgramId) -> PageResult {
    shown(cx, gate, &id, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &ProgramId,
    form: &SubmittedForm,
) -> PageResult {
    let read = (program::programs(), budget_list(), reads::version_list(id, VERSIONS), resource_list(id, RESOURCES));
    let (operator, (catalog, budgets, version_rows, pages)) = gate.open(cx, read).await?;
    let current = catalog.current(id, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
    let version = cx.request.param("version").filter(|text| !text.is_empty());
    let found = match version {
        None => current,
        Some(text) => {
            let number = text.parse().ok();
            catalog.versions(id).find(|d| Some(d.version) == number).ok_or_else(|| AppError::not_found("version"))?
        }
    };
    let budget = budgets.into_iter().find(|p| p.budget.program_id == *id);
    let path = format!("{HERE}/{}", percent::escaped(id));
    let content = html! {
        (components::heading(&found.title, &wording::version_of(&found.id, found.version), html! {
            @if operator.may(Scope::Programs) { a.button href={ (path) "/edit" } { (wording::EDIT) } }
        }))
        (components::problems(form))
        @if found.version != current.version {
            p.notice {
                @if found.effective_from > cx.now() { (wording::TAKES_EFFECT[0]) (components::instant(&*cx.locale, found.effective_from)) (wording::TAKES_EFFECT[1]) }
                @else { (wording::REPLACED) }
                a href=(path) { (wording::VIEW_CURRENT) }
            }
        }
        (document::readable(&*cx.locale, found))
        @if let Some(budget) = budget.filter(|_| found.settlement.budget) { (budget_part(cx, &operator, &path, found, &budget, form)) }
        (resources(cx, &operator, &path, &pages))
        (versions(cx, &path, &version_rows, (current, found)))
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), (HERE, &found.title), content))
}

fn budget_part<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    path: &str,
    d: &Document,
    row: &BudgetRow,
    form: &SubmittedForm,
) -> Markup {
    let (locale, unit) = (&*cx.locale, document::unit_of(d));
    let currency = d.currency.to_uppercase();
    html! {
        section id="budget" {
            h2 { (common::REWARD_BUDGET) }
            (components::figures(&[
                Figure { label: wording::REMAINING, value: components::amount(locale, row.budget.balance_cents, &unit), note: html! { (wording::LOW_UNDER) (components::amount(locale, d.budget_low_cents().0, &unit)) } },
                Figure { label: wording::REWARDS_WAITING, value: html! { (locale.number(row.budget.waiting)) }, note: html! { (wording::REWARDS_WAITING_NOTE) } },
            ]))
            p { (wording::BUDGET_LEAD) }
            @if operator.may(Scope::Payouts) {
                form.stack method="post" action={ (path) "/budget" } {
                    (helpers::hidden(cx))
                    (components::field(form, Field {
                        name: "amount", label: &wording::amount_in(&currency), hint: &wording::amount_hint(&currency), required: true, autocomplete: "off", max: 20, ..Field::default()
                    }))
                    (helpers::reason(form, ""))
                    button { (wording::ADD_TO_BUDGET) }
                }
            }
        }
    }
}

fn resources<S: Platform>(cx: &PageContext<'_, S>, operator: &Operator, path: &str, rows: &[Resource]) -> Markup {
    let columns = [
        text(wording::PAGE, |r: &Resource| {
            let own = format!("{path}/resources/{}", percent::escaped(&r.id));
            html! { a href=(own) { (r.title) } }
        }),
        text(common::UPDATED, |r: &Resource| components::day(&*cx.locale, r.updated_at_ms)),
    ];
    html! {
        section id="resources" {
            h2 { (wording::PAGES) }
            @if rows.is_empty() {
                (components::empty(wording::NO_PAGES, html! { (wording::NO_PAGES_HINT) }))
            } @else {
                (columns::table(wording::PAGES, rows, &columns))
            }
            @if operator.may(Scope::Programs) { p { a.button.second href={ (path) "/resources/new" } { (wording::NEW_PAGE) } } }
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
    let columns = [
        text(
            common::VERSION,
            |v: &VersionRow| html! { a href={ (path) "?version=" (v.version) } aria-current=[(v.version == found.version).then_some("true")] { (wording::version(v.version)) } },
        ),
        text(common::STATE, |v: &VersionRow| {
            let state = if v.version == current.version {
                "active"
            } else if v.effective_from_ms > cx.now() {
                "planned"
            } else {
                "replaced"
            };
            components::state(state)
        }),
        text(wording::EFFECTIVE_FROM, |v: &VersionRow| components::instant(locale, v.effective_from_ms)),
        text(wording::SAVED_BY, |v: &VersionRow| html! { (v.actor) }),
        text(wording::SAVED, |v: &VersionRow| components::instant(locale, v.created_at_ms)),
    ];

    html! {
        section {
            h2 { (wording::VERSIONS) }
            p.quiet { (wording::VERSIONS_LEAD) }
            (columns::table(wording::VERSIONS, rows, &columns))
            details {
                summary { (wording::DOCUMENT_JSON) }
                p { a href=(GUIDE) { (wording::GUIDE_TITLE) } }
                pre tabindex="0" { code { (json::indented(&found.text())) } }
            }
        }
    }
}

pub async fn fund<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: ProgramId) -> PageResult {
    let fund_it = async {
        let ctx = cx.context(&operator.session);
        let catalog = ctx.programs().await?;
        let document = catalog.current(&id, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
        let cents = currency::typed(cx.form.get("amount"), &document.currency).ok_or_else(|| {
            let detail = wording::enter_amount(&document.currency);
            AppError::new(ErrorKind::Unprocessable, "malformed", detail).field("amount")
        })?;
        let reason = version::decision(&helpers::body(&cx.form, &["reason"]))?;
        let once = helpers::once(cx);
        funding::fund(&ctx, &id, Cents(cents), &reason, once.as_ref()).await.map_err(helpers::refusal_of)
    };
    match fund_it.await {
        Ok(_) => Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=funded", percent::escaped(&id)))),
        Err(error) => shown(cx, operator.into(), &id, &with_refusal(cx, error)?).await,
    }
}
