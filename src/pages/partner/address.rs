//! A partner's email address: asking for another one, and confirming it by the link that is mailed to it.

use crate::codec::message::email::is_address;
use crate::http::context::{Platform, RateLimited};
use crate::http::exchange::Response;
use crate::http::limit;
use crate::pages::admission::is_not_referred;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::identity::sign_in::{find, gone, open};
use crate::pages::layout;
use crate::pages::partner::settings;
use crate::pages::refusal::with_refusal;
use crate::pages::text::partner::settings as text;
use crate::pages::text::shared::field as wording;
use crate::pages::text::visitor::sign_in as visitors;
use crate::pages::viewer::{Gate, Partner};
use crate::service::identity::sign_in::{Purpose, Token, actor_of, address_changed};
use crate::service::partner::address;
use maud::html;

const PAGE: &str = "/partner/settings";

pub async fn ask<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let (partner, ()) = gate.open(cx, ()).await?;
    Ok(form_page(cx, 200, &partner, &SubmittedForm::default()))
}

fn form_page<S: Platform>(cx: &PageContext<'_, S>, status: u16, partner: &Partner, form: &SubmittedForm) -> Response {
    let content = html! {
        (components::heading(text::CHANGE_EMAIL, text::CHANGE_EMAIL_LEAD, html! {}))
        (components::problems(form))
        form.stack method="post" action="/partner/settings/email" {
            (layout::csrf(cx))
            (components::field(form, Field { name: "email", label: text::NEW_EMAIL, kind: "email", required: true,
                autocomplete: "email", max: 254, ..Field::default() }))
            button { (text::SEND_LINK) }
        }
    };
    settings::framed(cx, status, text::CHANGE_EMAIL, partner, content)
}

pub async fn send<S: Platform>(cx: &PageContext<'_, S>, partner: Partner) -> PageResult {
    let mut form = cx.form.clone();
    let email = form.get("email").to_owned();
    if !is_address(&email) {
        form.refuse("email", wording::ENTER_EMAIL);
        return Ok(form_page(cx, 422, &partner, &form));
    }
    if limit::check(cx.app, cx.request, RateLimited::Mail).await.is_err() {
        form.refuse("", visitors::TOO_MANY_EMAILS);
        return Ok(form_page(cx, 429, &partner, &form));
    }
    let requested_by = limit::requested_by(cx.app, cx.request);
    match address::request(&cx.context(&partner.session), &partner.id, &email, &requested_by).await {
        Ok(leaving) => {
            leaving.into_iter().for_each(|leaving| cx.app.site.mail_after(*leaving));
            Ok(cx.redirect_after_post(&format!("{PAGE}?done=email-requested")))
        }
        Err(error) => {
            let form = with_refusal(cx, error)?;
            Ok(form_page(cx, 422, &partner, &form))
        }
    }
}

/// The page behind the mailed link: which address it will be, and a button.
pub async fn confirm<S: Platform>(cx: &PageContext<'_, S>, token: &str) -> PageResult {
    let Some(link) = find(cx, token, Purpose::ChangeEmail).await? else { return Ok(gone(cx, PAGE)) };
    let content = html! {
        h1 { (text::CHANGE_EMAIL) }
        p.lead { (text::CONFIRM_EMAIL) " " strong { (link.email) } "." }
        form method="post" {
            (layout::csrf(cx))
            button { (text::CONFIRM_EMAIL_BUTTON) }
        }
        p.quiet { (visitors::NOT_YOU) }
    };
    Ok(is_not_referred(open(cx, 200, text::CHANGE_EMAIL, content)))
}

pub async fn follow<S: Platform>(cx: &PageContext<'_, S>, token: &str) -> PageResult {
    let Some(link) = find(cx, token, Purpose::ChangeEmail).await? else { return Ok(gone(cx, PAGE)) };
    let context = cx.app.context(actor_of(&link.email, false));
    let sha256 = Token::of(token.to_owned()).sha256;
    let confirmed = match address::confirm(&context, &link, &sha256).await {
        Ok(confirmed) => confirmed,
        // Another request used the link first.
        Err(error) if error.code == "contended" => None,
        Err(error) => return Err(error.into()),
    };
    let Some(before) = confirmed else { return Ok(gone(cx, PAGE)) };
    let notice = before.and_then(|old| address_changed(&context, &old));
    notice.into_iter().for_each(|leaving| cx.app.site.mail_after(*leaving));
    let content = html! {
        h1 { (text::EMAIL_CHANGED) }
        p.lead { strong { (link.email) } " " (text::EMAIL_CHANGED_LEAD) }
        p { a.button href="/sign-in" { (visitors::SIGN_IN) } }
    };
    Ok(is_not_referred(open(cx, 200, text::EMAIL_CHANGED, content)))
}
