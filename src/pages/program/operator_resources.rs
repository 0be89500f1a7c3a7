//! Pages that operators write for a program's partners, in Markdown.

use crate::base::id;
use crate::base::ids::ProgramId;
use crate::base::percent;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::program::operator_programs::HERE;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{common, program as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::service::error::AppError;
use crate::service::partner::resource;
use crate::store::partner::resource::resource_find;
use crate::store::program;
use maud::html;

pub async fn compose<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, program: ProgramId) -> PageResult {
    shown(cx, gate, &program, None, None).await
}

pub async fn edit<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    program: ProgramId,
    page: &str,
) -> PageResult {
    shown(cx, gate, &program, Some(page), None).await
}

/// The form of an existing page, or of a new one.
async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    program: &ProgramId,
    page: Option<&str>,
    typed: Option<&SubmittedForm>,
) -> PageResult {
    let read = (program::programs(), resource_find(program, page.unwrap_or("")).first());
    let (operator, (catalog, stood)) = gate.open(cx, read).await?;
    let document = catalog.current(program, cx.now()).ok_or_else(|| AppError::not_found("program"))?;
    if page.is_some() && stood.is_none() {
        return Err(AppError::not_found("page").into());
    }
    let first = stood
        .as_ref()
        .map_or_else(SubmittedForm::default, |r| SubmittedForm::filled(&[("title", &r.title), ("body", &r.body)]));
    let form = typed.unwrap_or(&first);
    let title = stood.as_ref().map_or(wording::NEW_PAGE_TITLE, |r| r.title.as_str());
    let back = format!("{HERE}/{}", percent::escaped(program));
    let action = match page {
        Some(page) => format!("{back}/resources/{}", percent::escaped(page)),
        None => format!("{back}/resources"),
    };
    let lead = wording::page_lead(&document.title);
    let content = html! {
        (components::heading(title, &lead, html! { a.button.second href={ (back) "#resources" } { (common::BACK_TO_PROGRAM) } }))
        (components::problems(form))
        form method="post" action=(action) {
            (helpers::hidden(cx))
            (components::field(form, Field { name: "title", label: wording::PAGE_TITLE, required: true, autocomplete: "off", max: resource::TITLE_CHARS_MAX, ..Field::default() }))
            (components::field(form, Field {
                name: "body", label: wording::PAGE_TEXT, hint: wording::PAGE_TEXT_HINT,
                kind: "textarea", required: true, max: resource::BODY_CHARS_MAX, ..Field::default()
            }))
            button { (wording::PUBLISH) }
        }
        @if let Some(page) = page {
            hr;
            form method="post" action={ (back) "/resources/" (percent::escaped(page)) "/remove" } {
                (csrf(cx))
                p { (wording::DELETE_EFFECT) }
                button.danger { (wording::DELETE) }
            }
        }
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), (HERE, title), content))
}

pub async fn add<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, program: ProgramId) -> PageResult {
    // The id is derived from the form's key, so submitting the form twice creates one page.
    let page = id::derived("rsc", &[&program, &helpers::key(cx)]);
    write(cx, operator, &program, &page, true).await
}

pub async fn save<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: Operator,
    program: ProgramId,
    page: &str,
) -> PageResult {
    write(cx, operator, &program, page, false).await
}

async fn write<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: Operator,
    program: &ProgramId,
    page: &str,
    is_new: bool,
) -> PageResult {
    let given = (cx.form.get("title"), cx.form.get("body"));
    match resource::write(&cx.context(&operator.session), program, page, is_new, given).await {
        Ok(()) => Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=resource-kept", percent::escaped(program)))),
        Err(error) => {
            let form = with_refusal(cx, error)?;
            shown(cx, operator.into(), program, (!is_new).then_some(page), Some(&form)).await
        }
    }
}

pub async fn remove<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: Operator,
    program: ProgramId,
    page: &str,
) -> PageResult {
    resource::remove(&cx.context(&operator.session), &program, page).await?;
    Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=resource-removed", percent::escaped(&program))))
}
