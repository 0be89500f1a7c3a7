//! What a run would do, and what a run has planned, earning by earning.

use crate::base::ids::RunId;
use crate::base::percent;
use crate::codec::operator::NewRun;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::settlement::{preview_result, runs};
use crate::pages::text::operator::{common, settlement as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::service::settlement::start as starting;
use crate::store::program;
use crate::store::settlement::operator_runs as reads;
use crate::store::settlement::operator_runs::PlanItem;
use crate::store::settlement::run;
use maud::{Markup, html};

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

/// A form and not a link, because a preview reads as much as a run does. Nothing is written but its own result.
pub async fn preview<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let (operator, catalog) = gate.open(cx, program::programs()).await?;
    let tried = async {
        let wanted = NewRun { preview: true, ..runs::wanted(&cx.form)? };
        starting::start_requested(&cx.context(&operator.session), wanted, helpers::ROWS).await
    };
    match tried.await {
        Ok((_, preview)) => preview_result::begun(cx, &operator, &catalog, &preview).await,
        Err(error) => asking(cx, &operator, &catalog, &with_refusal(cx, error)?),
    }
}

fn all_runs() -> Markup {
    html! { a.button.second href="/operator/runs" { (common::ALL_RUNS) } }
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
    let path = format!("/operator/runs/{}", percent::escaped(&id));
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
