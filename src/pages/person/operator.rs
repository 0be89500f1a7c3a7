//! Operators' page of what is held about a partner or an account, with the form that erases it.

use crate::base::ids::{AccountId, PartnerId};
use crate::base::percent;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::person::shown;
use crate::pages::text::operator::navigation;
use crate::pages::text::shared::person as text;
use crate::pages::viewer::{Gate, Operator};
use crate::service::person::copy::CopyPage;
use crate::service::person::{copy, erase};
use maud::html;

/// Rows of one page, of all lists together.
const ROWS: usize = 40;

/// Whose data it is.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Partner(&'a str),
    Account(&'a str),
}

impl Subject<'_> {
    fn id(self) -> String {
        let (Subject::Partner(id) | Subject::Account(id)) = self;
        id.to_owned()
    }

    /// The list that it is in, and its page.
    fn paths(self) -> (&'static str, &'static str, String) {
        let (list, title) = match self {
            Subject::Partner(_) => ("/operator/partners", navigation::PARTNERS),
            Subject::Account(_) => ("/operator/accounts", navigation::ACCOUNTS),
        };
        (list, title, format!("{list}/{}", percent::escaped(&self.id())))
    }
}

pub async fn of_partner<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: PartnerId) -> PageResult {
    show(cx, gate, Subject::Partner(&id), &SubmittedForm::default()).await
}

pub async fn of_account<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: AccountId) -> PageResult {
    show(cx, gate, Subject::Account(&id), &SubmittedForm::default()).await
}

pub async fn erase_partner<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: PartnerId) -> PageResult {
    erased(cx, operator, Subject::Partner(&id)).await
}

pub async fn erase_account<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: AccountId) -> PageResult {
    erased(cx, operator, Subject::Account(&id)).await
}

async fn show<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    of: Subject<'_>,
    form: &SubmittedForm,
) -> PageResult {
    let cursor = cx.request.param("cursor").unwrap_or_default();
    let page = match of {
        Subject::Partner(id) => CopyPage::of(copy::PARTNER, id, &cursor, ROWS)?,
        Subject::Account(id) => CopyPage::of(copy::ACCOUNT, id, &cursor, ROWS)?,
    };
    let (operator, held) = gate.open(cx, page.reads()).await?;
    let held = page.view(&held, cx.now())?;
    let (list, _, path) = of.paths();
    let effect = match of {
        Subject::Partner(_) => text::ERASE_PARTNER_EFFECT,
        Subject::Account(_) => text::ERASE_ACCOUNT_EFFECT,
    };
    let content = html! {
        (components::heading(text::HELD, text::HELD_LEAD, html! { a.button.second href=(path) { (of.id()) } a.button.second href="#erase" { (text::ERASE) } }))
        @for (name, rows) in held["lists"].as_object().into_iter().flatten() {
            @if rows.as_array().is_some_and(|rows| !rows.is_empty()) { h2 { (shown::label(name)) } (shown::value(rows)) }
        }
        (components::pager(&format!("{path}/data"), held["next_cursor"].as_str(), cursor.is_empty()))
        section id="erase" {
            h2 { (text::ERASE) }
            p { (effect) }
            (components::problems(form))
            form.stack method="post" action={ (path) "/erase" } {
                (csrf(cx))
                (shown::confirm(form, text::CONFIRM_ID, &text::id_hint(&of.id())))
                button.danger { (text::ERASE) }
            }
        }
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), (list, text::HELD), content))
}

async fn erased<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, of: Subject<'_>) -> PageResult {
    if cx.form.get("confirm") != of.id() {
        let mut form = cx.form.clone();
        form.refuse("confirm", text::wrong_id(&of.id()));
        return show(cx, operator.into(), of, &form).await;
    }
    let ctx = cx.context(&operator.session);
    let is_complete = match of {
        Subject::Partner(id) => {
            cx.app.site.forget_links(erase::partner(&ctx, &id.into()).await?).await;
            true
        }
        Subject::Account(id) => erase::account(&ctx, &id.into()).await?,
    };
    let done = if is_complete { "erased" } else { "erasing" };
    Ok(cx.redirect_after_post(&format!("{}?done={done}", of.paths().2)))
}
