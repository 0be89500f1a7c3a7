//! A partner's page of what is stored about it, with the form that erases it.

use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::partner::{export, settings};
use crate::pages::person::shown;
use crate::pages::text::partner::settings as wording;
use crate::pages::text::shared::person as text;
use crate::pages::viewer::{Gate, Partner};
use crate::service::person::erase;
use maud::html;

pub const HERE: &str = "/partner/settings/stored";

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    page(cx, gate, &SubmittedForm::default()).await
}

async fn page<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>, form: &SubmittedForm) -> PageResult {
    let (partner, held, next) = export::held(cx, gate).await?;
    let content = html! {
        (components::heading(wording::DATA, "", html! {
            a.button.second href="/partner/settings/data" { (wording::DOWNLOAD) }
            a.button.second href="#erase" { (text::ERASE_OWN) }
        }))
        @for (name, rows) in held.as_object().into_iter().flatten() {
            @if rows.is_object() || rows.as_array().is_some_and(|rows| !rows.is_empty()) { h2 { (shown::label(name)) } (shown::value(rows)) }
        }
        (components::pager(HERE, next.as_deref(), cx.request.param("cursor").is_none()))
        section id="erase" {
            h2 { (text::ERASE_OWN) }
            p { (text::ERASE_OWN_EFFECT) }
            (components::problems(form))
            form.stack method="post" action=(HERE) {
                (csrf(cx))
                (shown::confirm(form, wording::CODE, &wording::code_hint(&partner.code)))
                button.danger { (text::ERASE_OWN) }
            }
        }
        p { a href="/partner/settings" { (wording::BACK) } }
    };
    let status = if form.is_good() { 200 } else { 422 };
    Ok(settings::framed(cx, status, wording::DATA, &partner, content))
}

pub async fn erase<S: Platform>(cx: &PageContext<'_, S>, partner: Partner) -> PageResult {
    if partner.code != cx.form.get("confirm") {
        let mut form = cx.form.clone();
        form.refuse("confirm", wording::wrong_code(&partner.code));
        return page(cx, Gate::from(partner), &form).await;
    }
    cx.app.site.forget_links(erase::partner(&cx.context(&partner.session), &partner.id).await?).await;
    // A person without another partner is signed out.
    Ok(cx.redirect_after_post("/sign-in?done=own-erased"))
}
