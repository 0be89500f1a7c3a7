//! The result of a preview of a run, or of a dry run of a draft: page by page, with what is still to be calculated.

use crate::base::ids::{PreviewId, ProgramId};
use crate::base::percent;
use crate::base::time::UtcMillis;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::preview as steps;
use crate::pages::program::comparison;
use crate::pages::text::operator::{common, settlement as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::program::catalog::Catalog;
use crate::program::document::Document;
use crate::service::error::AppError;
use crate::service::preview;
use crate::store::preview as rows;
use crate::store::program;
use crate::store::report::operator::{KnownAccount, partners_known};
use maud::{Markup, html};
use serde_json::Value;

/// `/operator/previews/{id}`: a page of the result so far.
pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: PreviewId) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let names = rows::row_partners(&id, preview::place(&list.cursor)?, list.limit);
    let reads =
        (program::programs(), rows::preview_find(&id).first(), preview::reads(&id, &list.cursor, list.limit)?, names);
    let (operator, (catalog, state, (rows, totals), known)) = gate.open(cx, reads).await?;
    let state = state.ok_or_else(|| AppError::not_found("preview"))?;
    let subject = preview::subject_of(&catalog, &state)?;
    let shown = preview::page_view(&*subject, &state, (rows, list.limit), &totals);
    if state.kind == "run" {
        return of_run(cx, &operator, &catalog, &shown, &known);
    }
    let document = catalog.current(&state.program_id, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
    let path = format!("/operator/programs/{}", percent::escaped(&state.program_id));
    let content = html! {
        (components::heading(&document.title, "", html! { a.button.second href=(path) { (common::BACK_TO_PROGRAM) } }))
        (comparison::of(cx, document, &shown, &known))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/programs", &document.title), content))
}

/// Calculates a preview further.
pub async fn advance<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: PreviewId) -> PageResult {
    let (operator, ()) = gate.open(cx, ()).await?;
    preview::show(&cx.context(&operator.session), &id, None, ("", 1)).await?;
    Ok(cx.redirect_after_post(&format!("/operator/previews/{}", percent::escaped(&id))))
}

/// The preview of a run that was just started.
pub async fn begun<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    catalog: &Catalog,
    shown: &Value,
) -> PageResult {
    let lists = ["grants", "vests", "terms"];
    let ids: Vec<&str> = lists.iter().flat_map(|list| helpers::partners_in(&shown[*list], helpers::ROWS_MAX)).collect();
    let known = cx.context(&operator.session).read(partners_known(&ids)).await?;
    of_run(cx, operator, catalog, shown, &known)
}

/// What a run would do.
fn of_run<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    catalog: &Catalog,
    preview: &Value,
    known: &[KnownAccount],
) -> PageResult {
    let said = |name: &str| preview[name].as_str().unwrap_or_default();
    let (id, period) = (ProgramId::from(said("program")), said("period"));
    let document = catalog.current(&id, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
    let title = wording::title(&document.title, period);
    let scheduled = UtcMillis::parse(said("as_of")).unwrap_or_default();
    let is_due = scheduled <= cx.now();
    let content = html! {
        (components::heading(&title, wording::PREVIEWED_LEAD, html! { a.button.second href="/operator/runs" { (common::ALL_RUNS) } }))
        p {
            (wording::INCLUDES_ACTIVITY[0]) (components::instant(&*cx.locale, scheduled)) (wording::INCLUDES_ACTIVITY[1])
            @if !is_due { (wording::MAY_CHANGE) }
        }
        (steps::unfinished(cx, preview))
        @if preview["complete"] == true {
            @let unit = format!("{}:{}", document.settlement.unit.name(), document.currency);
            (section(cx, ("grant", wording::GRANTED, wording::GRANTED_LEAD), (preview, "grants"), (known, &unit)))
            (section(cx, ("vest", wording::VESTED, wording::VESTED_LEAD), (preview, "vests"), (known, &unit)))
            (section(cx, ("term", wording::RATES_AND_CAPS, wording::RATES_AND_CAPS_LEAD), (preview, "terms"), (known, &unit)))
            (steps::pager(preview, cx.request.param("cursor").is_none()))
        }
        (begin(cx, operator, preview, (document, period, is_due)))
    };
    Ok(helpers::frame(cx, operator, 200, ("/operator/runs", &title), content))
}

/// Leads to the run, or starts it.
fn begin<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    preview: &Value,
    (document, period, is_due): (&Document, &str, bool),
) -> Markup {
    html! {
        @if let Some(run) = preview["run"]["id"].as_str() {
            p { (wording::RUN_EXISTS) a href={ "/operator/runs/" (percent::escaped(run)) } { (common::VIEW_RUN) } }
        } @else if is_due && operator.may(Scope::Payouts) {
            form method="post" action="/operator/runs" {
                (csrf(cx))
                input type="hidden" name="program" value=(document.id);
                input type="hidden" name="period" value=(period);
                button { (common::START_RUN) }
            }
        }
    }
}

/// One part of a run: its total over all pages, and the rows of this page.
fn section<S: Platform>(
    cx: &PageContext<'_, S>,
    (part, title, what): (&str, &str, &str),
    (preview, list): (&Value, &str),
    (known, unit_of_program): (&[KnownAccount], &str),
) -> Markup {
    let locale = &*cx.locale;
    let of = |rows: &Value| rows.as_array().cloned().unwrap_or_default();
    let totals: Vec<Value> = of(&preview["totals"]).into_iter().filter(|total| total["part"] == part).collect();
    let unit = totals.first().and_then(|total| total["unit"].as_str()).unwrap_or("").to_owned();
    let cents = |row: &Value, name: &str| row[name].as_i64().unwrap_or(0);
    let partner =
        text(common::PARTNER, |row: &Value| helpers::partner_of(known, row["partner"].as_str().unwrap_or("")));
    let rows = of(&preview[list]);
    let table = if part == "term" {
        let columns = [
            partner,
            text(common::RULE, |row: &Value| html! { (row["modifier_id"].as_str().unwrap_or("")) }),
            number(common::DIFFERENCE, |row: &Value| components::amount(locale, cents(row, "difference_cents"), &unit)),
        ];
        columns::table(title, &rows, &columns)
    } else {
        let columns = [
            partner,
            number(common::EARNINGS, |row: &Value| html! { (locale.number(cents(row, "accruals"))) }),
            number(common::AMOUNT, |row: &Value| {
                components::amount(locale, cents(row, "cents"), row["unit"].as_str().unwrap_or(""))
            }),
        ];
        columns::table(title, &rows, &columns)
    };
    html! {
        @if part != "term" || !totals.is_empty() {
            h2 {
                (wording::total(title))
                @for (n, total) in totals.iter().enumerate() {
                    @if n > 0 { ", " }
                    (components::amount(locale, cents(total, "net_cents"), total["unit"].as_str().unwrap_or("")))
                }
                @if totals.is_empty() { (components::amount(locale, 0, unit_of_program)) }
            }
            p.quiet { (what) }
            @if !rows.is_empty() { (table) }
        }
    }
}
