//! What a run would do, and what a run has planned, earning by earning.

use crate::base::ids::{ProgramId, RunId};
use crate::base::time::UtcMillis;
use crate::codec::operator::NewRun;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::settlement::runs;
use crate::pages::text::operator::{common, settlement as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::program::catalog::Catalog;
use crate::service::error::{AppError, ErrorKind};
use crate::service::settlement::start as starting;
use crate::store::program;
use crate::store::report::operator::{KnownAccount, partners_known};
use crate::store::settlement::operator_runs as reads;
use crate::store::settlement::operator_runs::PlanItem;
use crate::store::settlement::run;
use maud::{Markup, html};
use serde_json::Value;

/// Rows of a preview that are shown. The totals include all of them.
const SHOWN_MAX: usize = 40;

/// `?program=&period=`: the form that requests a preview.
pub async fn ask<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let (operator, catalog) = gate.open(cx, program::programs()).await?;
    let param = |name: &str| cx.request.param(name).unwrap_or_default();
    let form = SubmittedForm::filled(&[("program", &param("program")), ("period", &param("period"))]);
    asking(cx, &operator, &catalog, &form)
}

fn asking<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    catalog: &Catalog,
    form: &SubmittedForm,
) -> PageResult {
    let programs = runs::settled_by_runs(catalog, cx.now());
    let lead = wording::PREVIEW_LEAD;
    let content = html! {
        (components::heading(wording::PREVIEW_TITLE, lead, all_runs()))
        (components::problems(form))
        @if programs.is_empty() {
            (components::empty(wording::NOTHING_TO_PREVIEW, html! { a href="/operator/programs" { (wording::EDIT_A_PROGRAM) } (wording::TO_PAY_BY_RUNS) }))
        } @else {
            p { (wording::PREVIEW_EFFECT) }
            form.stack method="post" action="/operator/runs/preview" {
                (csrf(cx))
                (runs::which(form, &programs))
                button { (wording::PREVIEW_BUTTON) }
            }
        }
    };
    Ok(helpers::frame(cx, operator, helpers::status(form), ("/operator/runs", wording::PREVIEW_TITLE), content))
}

/// A form and not a link, because a preview reads as much as a run does. Nothing is written.
pub async fn preview<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let (operator, catalog) = gate.open(cx, program::programs()).await?;
    let tried = async {
        starting::start_requested(&cx.context(&operator.session), NewRun { preview: true, ..runs::wanted(&cx.form)? })
            .await
    };
    let (_, preview) = match tried.await {
        Ok(answer) => answer,
        Err(error) => return asking(cx, &operator, &catalog, &with_refusal(cx, error)?),
    };
    let said = |name: &str| preview[name].as_str().unwrap_or_default().to_owned();
    let (id, period) = (ProgramId::from(said("program")), said("period"));
    let document = catalog.in_force(&id, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
    let unit = format!("{}:{}", document.settlement.unit.name(), document.currency);
    let title = wording::title(&document.title, &period);
    let scheduled = UtcMillis::parse(&said("as_of"))
        .ok_or_else(|| AppError::new(ErrorKind::Fault, "preview", "without its instant"))?;
    let is_due = scheduled <= cx.now();
    let ids: Vec<&str> =
        ["grants", "vests", "terms"].iter().flat_map(|list| helpers::partners_in(&preview[list], SHOWN_MAX)).collect();
    let known = cx.context(&operator.session).read(partners_known(&ids)).await?;
    let content = html! {
        (components::heading(&title, wording::PREVIEWED_LEAD, all_runs()))
        p {
            (wording::INCLUDES_ACTIVITY[0]) (components::instant(&*cx.locale, scheduled)) (wording::INCLUDES_ACTIVITY[1])
            @if !is_due { (wording::MAY_CHANGE) }
            @if preview["complete"] == false { " " strong { (common::PARTIAL) } }
        }
        (section(cx, (wording::GRANTED, wording::GRANTED_LEAD), &preview["grants"], &unit, &known))
        (section(cx, (wording::VESTED, wording::VESTED_LEAD), &preview["vests"], &unit, &known))
        (terms(cx, &preview["terms"], &unit, &known))
        @if let Some(run) = preview["run"]["id"].as_str() {
            p { (wording::RUN_EXISTS) a href={ "/operator/runs/" (components::escaped(run)) } { (common::VIEW_RUN) } }
        } @else if is_due {
            @if operator.may(Scope::Payouts) {
                form method="post" action="/operator/runs" {
                    (csrf(cx))
                    input type="hidden" name="program" value=(document.id);
                    input type="hidden" name="period" value=(period);
                    button { (common::START_RUN) }
                }
            }
        }
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/runs", &title), content))
}

fn all_runs() -> Markup {
    html! { a.button.second href="/operator/runs" { (common::ALL_RUNS) } }
}

fn section<S: Platform>(
    cx: &PageContext<'_, S>,
    (title, what): (&str, &str),
    rows: &Value,
    unit: &str,
    known: &[KnownAccount],
) -> Markup {
    let locale = &*cx.locale;
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    let cents = |row: &Value| row["cents"].as_i64().unwrap_or(0);
    let columns = [
        text(common::PARTNER, |row: &Value| helpers::partner_of(known, row["partner"].as_str().unwrap_or(""))),
        number(common::EARNINGS, |row: &Value| html! { (locale.number(row["accruals"].as_i64().unwrap_or(0))) }),
        number(common::AMOUNT, |row: &Value| {
            components::amount(locale, cents(row), row["unit"].as_str().unwrap_or(unit))
        }),
    ];
    html! {
        h2 { (wording::total(title)) (components::amount(locale, rows.iter().map(cents).sum(), unit)) }
        p.quiet { (what) }
        @if !rows.is_empty() {
            (columns::table(title, helpers::at_most(rows, SHOWN_MAX), &columns))
            (rest(cx, rows.len()))
        }
    }
}

fn terms<S: Platform>(cx: &PageContext<'_, S>, rows: &Value, unit: &str, known: &[KnownAccount]) -> Markup {
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    let columns = [
        text(common::PARTNER, |row: &Value| helpers::partner_of(known, row["partner"].as_str().unwrap_or(""))),
        text(common::RULE, |row: &Value| html! { (row["modifier_id"].as_str().unwrap_or("")) }),
        number(common::DIFFERENCE, |row: &Value| {
            components::amount(&*cx.locale, row["difference_cents"].as_i64().unwrap_or(0), unit)
        }),
    ];
    html! {
        @if !rows.is_empty() {
            h2 { (wording::RATES_AND_CAPS) }
            p.quiet { (wording::RATES_AND_CAPS_LEAD) }
            (columns::table(wording::RATES_AND_CAPS, helpers::at_most(rows, SHOWN_MAX), &columns))
            (rest(cx, rows.len()))
        }
    }
}

fn rest<S: Platform>(cx: &PageContext<'_, S>, all: usize) -> Markup {
    let left = i64::try_from(all.saturating_sub(SHOWN_MAX)).unwrap_or(0);
    html! { @if left > 0 { p.quiet { (wording::and_more(&cx.locale.number(left))) } } }
}

pub async fn plan<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: RunId) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let after = list.number(0)?;
    let read = (run::run_find(&id).first(), reads::run_plan_page(&id, after, list.limit + 1));
    let (operator, (run, items)) = gate.open(cx, read).await?;
    let run = run.ok_or_else(|| AppError::not_found("run"))?;
    let (items, next) = helpers::paged(&list, items, |i: &PlanItem| i.seq.to_string());
    let locale = &*cx.locale;
    let columns = [
        number(wording::NUMBER, |i: &PlanItem| html! { (locale.number(i.seq)) }),
        text(
            wording::WHAT,
            |i: &PlanItem| html! { @if i.kind == "grant" { (wording::GRANT) } @else { (wording::VEST) } },
        ),
        text(common::PARTNER, |i: &PlanItem| {
            helpers::partner(&i.partner_id, i.external_id.as_deref(), i.name.as_deref())
        }),
        text(common::ACCOUNT, |i: &PlanItem| helpers::account(&i.account_id)),
        number(common::PLANNED, |i: &PlanItem| components::amount(locale, i.planned_cents, &i.unit)),
        number(wording::POSTED, |i: &PlanItem| {
            html! {
                @match i.posted_cents.filter(|_| i.seq <= run.executed) {
                    Some(cents) => (components::amount(locale, cents, &i.unit)),
                    None => span.quiet { (wording::NOT_POSTED) },
                }
            }
        }),
    ];
    let path = format!("/operator/runs/{}", components::escaped(&id));
    let title = wording::plan_for(&run.program_id, &run.period);

    let lead = wording::PLAN_LEAD;
    let content = html! {
        (components::heading(&title, lead, html! { a.button.second href=(path) { (wording::BACK_TO_RUN) } }))
        @if items.is_empty() { p.quiet { (wording::EMPTY_PLAN) } } @else {
            (columns::table(wording::PLAN, &items, &columns))
        }
        (components::pager(&format!("{path}/plan"), next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/runs", &title), content))
}
