//! What a run would do, and what a run has planned, earning by earning.

use crate::base::time::UtcMillis;
use crate::codec::operator::NewRun;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{number, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::operator::text as wording;
use crate::pages::route::with_refusal;
use crate::pages::settlement::runs;
use crate::program::catalog::Catalog;
use crate::service::error::{AppError, ErrorKind};
use crate::service::settlement::start as starting;
use crate::store::identity::session::SessionRow;
use crate::store::program;
use crate::store::report::operator::{KnownAccount, partners_known};
use crate::store::settlement::operator_runs as reads;
use crate::store::settlement::operator_runs::PlanItem;
use crate::store::settlement::run;
use crate::store::settlement::run::RunRow;
use maud::{Markup, html};
use serde_json::Value;

/// Rows of a preview that are shown. The totals include all of them.
const SHOWN_MAX: usize = 40;

/// `?program=&period=`: the form that requests a preview.
pub async fn ask<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (session, rows) = cx.operator(vec![program::program_list()]).await?;
    let param = |name: &str| cx.request.param(name).unwrap_or_default();
    let form = SubmittedForm::filled(&[("program", &param("program")), ("period", &param("period"))]);
    asking(cx, &session, &program::catalog(&rows[0])?, &form)
}

fn asking<S: Platform>(
    cx: &PageContext<'_, S>,
    session: &SessionRow,
    catalog: &Catalog,
    form: &SubmittedForm,
) -> PageResult {
    let programs = runs::settled_by_runs(catalog, cx.now());
    let lead = "See what a run would grant and release if it started now.";
    let content = html! {
        (components::heading("Preview a run", lead, all_runs()))
        (components::problems(form))
        @if programs.is_empty() {
            (components::empty("No program pays weekly or monthly", html! { a href="/operator/programs" { "Edit a program" } " to pay weekly or monthly." }))
        } @else {
            p { "The preview recalculates every account in the program and saves nothing. It can take a while if there are many accounts." }
            form.stack method="post" action="/operator/runs/preview" {
                (csrf(cx))
                (runs::which(form, &programs))
                button { "Preview run" }
            }
        }
    };
    Ok(helpers::frame(cx, session, helpers::status(form), ("/operator/runs", "Preview a run"), content))
}

/// A form and not a link, because a preview reads as much as a run does. Nothing is written.
pub async fn preview<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (session, rows) = cx.operator(vec![program::program_list()]).await?;
    let catalog = program::catalog(&rows[0])?;
    let tried = async {
        starting::start_requested(&cx.context(&session), NewRun { preview: true, ..runs::wanted(&cx.form)? }).await
    };
    let (_, preview) = match tried.await {
        Ok(answer) => answer,
        Err(error) => return asking(cx, &session, &catalog, &with_refusal(cx, error)?),
    };
    let said = |name: &str| preview[name].as_str().unwrap_or_default().to_owned();
    let (id, period) = (said("program"), said("period"));
    let document = catalog.in_force(&id, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
    let unit = format!("{}:{}", document.settlement.unit.name(), document.currency);
    let title = format!("{}, {period}", document.title);
    let scheduled = UtcMillis::parse(&said("as_of"))
        .ok_or_else(|| AppError::new(ErrorKind::Fault, "preview", "without its instant"))?;
    let is_due = scheduled <= cx.now();
    let ids: Vec<&str> =
        ["grants", "vests", "terms"].iter().flat_map(|list| helpers::partners_in(&preview[list], SHOWN_MAX)).collect();
    let known: Vec<KnownAccount> = cx.context(&session).query(partners_known(&ids)).await?.decode()?;
    let content = html! {
        (components::heading(&title, "What the run would do if it started now. Nothing has been saved.", all_runs()))
        p {
            "Includes activity before " (components::utc(&*cx.locale, scheduled)) "."
            @if !is_due { " These numbers may change before then." }
            @if preview["complete"] == false { " " strong { (wording::PARTIAL) } }
        }
        (section(cx, ("Granted", "Rewards that this run would grant."), &preview["grants"], &unit, &known))
        (section(cx, ("Vested", "Earnings whose hold period ends with this run."), &preview["vests"], &unit, &known))
        (terms(cx, &preview["terms"], &unit, &known))
        @if let Some(run) = preview["run"]["id"].as_str() {
            p { "This period already has a run. " a href={ "/operator/runs/" (components::escaped(run)) } { "View run" } }
        } @else if is_due {
            @if cx.may(Scope::Payouts) {
                form method="post" action="/operator/runs" {
                    (csrf(cx))
                    input type="hidden" name="program" value=(document.id);
                    input type="hidden" name="period" value=(period);
                    button { "Start run" }
                }
            }
        }
    };
    Ok(helpers::frame(cx, &session, 200, ("/operator/runs", &title), content))
}

fn all_runs() -> Markup {
    html! { a.button.second href="/operator/runs" { "All runs" } }
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
    let cells = |row: &Value| {
        vec![
            helpers::partner_of(known, row["partner"].as_str().unwrap_or("")),
            html! { (locale.number(row["accruals"].as_i64().unwrap_or(0))) },
            components::amount(locale, cents(row), row["unit"].as_str().unwrap_or(unit)),
        ]
    };
    html! {
        h2 { (title) ": " (components::amount(locale, rows.iter().map(cents).sum(), unit)) }
        p.quiet { (what) }
        @if !rows.is_empty() {
            (components::table(title, &[text("Partner"), number("Earnings"), number("Amount")], &rows.iter().take(SHOWN_MAX).map(cells).collect::<Vec<_>>()))
            (rest(cx, rows.len()))
        }
    }
}

fn terms<S: Platform>(cx: &PageContext<'_, S>, rows: &Value, unit: &str, known: &[KnownAccount]) -> Markup {
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    let cells = |row: &Value| {
        vec![
            helpers::partner_of(known, row["partner"].as_str().unwrap_or("")),
            html! { (row["modifier_id"].as_str().unwrap_or("")) },
            components::amount(&*cx.locale, row["difference_cents"].as_i64().unwrap_or(0), unit),
        ]
    };
    html! {
        @if !rows.is_empty() {
            h2 { "Rate changes and caps" }
            p.quiet { "Higher rates that partners have earned, and reductions from monthly caps." }
            (components::table("Rate changes and caps", &[text("Partner"), text("Rule"), number("Difference")], &rows.iter().take(SHOWN_MAX).map(cells).collect::<Vec<_>>()))
            (rest(cx, rows.len()))
        }
    }
}

fn rest<S: Platform>(cx: &PageContext<'_, S>, all: usize) -> Markup {
    let left = i64::try_from(all.saturating_sub(SHOWN_MAX)).unwrap_or(0);
    html! { @if left > 0 { p.quiet { "And " (cx.locale.number(left)) " more. The total includes all of them." } } }
}

pub async fn plan<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let after = list.number(0)?;
    let (session, rows) = cx.operator(vec![run::run_find(id), reads::run_plan_page(id, after, list.limit + 1)]).await?;
    let run: RunRow = rows[0].first()?.ok_or_else(|| AppError::not_found("run"))?;
    let (items, next) = helpers::paged(&list, rows[1].decode()?, |i: &PlanItem| i.seq.to_string());
    let locale = &*cx.locale;
    let cells = |i: &PlanItem| {
        let posted = html! {
            @match i.posted_cents.filter(|_| i.seq <= run.executed) {
                Some(cents) => (components::amount(locale, cents, &i.unit)),
                None => span.quiet { "not yet" },
            }
        };
        vec![
            html! { (locale.number(i.seq)) },
            html! { @if i.kind == "grant" { "Grant" } @else { "Vest" } },
            helpers::partner(&i.partner_id, i.external_id.as_deref(), i.name.as_deref()),
            helpers::account(&i.account_id),
            components::amount(locale, i.planned_cents, &i.unit),
            posted,
        ]
    };
    let path = format!("/operator/runs/{}", components::escaped(id));
    let title = format!("Plan for {}, {}", run.program_id, run.period);
    let columns = [number("No."), text("What"), text("Partner"), text("Account"), number("Planned"), number("Posted")];
    let lead = "The plan is saved before any money moves. The posted amount can be lower than planned if a refund arrives in between.";
    let content = html! {
        (components::heading(&title, lead, html! { a.button.second href=(path) { "Back to run" } }))
        @if items.is_empty() { p.quiet { "This run has nothing to do." } } @else {
            (components::table("The plan", &columns, &items.iter().map(cells).collect::<Vec<_>>()))
        }
        (components::pager(&format!("{path}/plan"), next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &session, 200, ("/operator/runs", &title), content))
}
