//! Partners' questions about accounts that were not credited to them: the list, and each one with its reply.

use crate::base::ids::QuestionId;
use crate::base::percent;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::account::attribution_search;
use crate::pages::account::why_not::shown as sentences;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{attribution_search as search, common, question as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::service::attribution::question;
use crate::service::attribution::question::MESSAGE_CHARS_MAX;
use crate::service::error::AppError;
use crate::store::attribution::question as store;
use crate::store::attribution::question::QuestionRow;
use maud::{Markup, html};

const HERE: &str = "/operator/questions";
/// As much of a message as the list shows.
const BEGINNING_CHARS: usize = 200;
const STATES: &[(&str, &str)] = &[("", wording::UNANSWERED), ("all", common::ALL)];

/// `?state=all`
pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let state = if cx.request.param("state").as_deref() == Some("all") { "all" } else { "" };
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let read = store::question_page(state.is_empty(), before_ms, &before_id, list.limit + 1);
    let (operator, found) = gate.open(cx, read).await?;
    let sent = |q: &QuestionRow| q.sent_at_ms.unwrap_or(q.created_at_ms);
    let (found, next) = helpers::paged(&list, found, |q| format!("{}.{}", sent(q).0, q.id));
    let columns = [
        text(
            common::DATE,
            |q: &QuestionRow| html! { a href={ (HERE) "/" (percent::escaped(&q.id)) } { (components::instant(&*cx.locale, sent(q))) } },
        ),
        text(common::PARTNER, |q: &QuestionRow| helpers::partner(&q.partner_id, None, None)),
        text(wording::LOOKED_UP, |q: &QuestionRow| html! { code { (q.code) } ", " (q.about) }),
        text(wording::MESSAGE, |q: &QuestionRow| html! { (beginning(q)) }),
        text(
            wording::REPLIED,
            |q: &QuestionRow| html! { @if let Some(at) = q.replied_at_ms { (components::instant(&*cx.locale, at)) } },
        ),
    ];
    let content = html! {
        (components::heading(wording::TITLE, wording::LEAD, html! { a.button.second href=(attribution_search::HERE) { (search::TITLE) } }))
        (helpers::tabs(wording::BY_REPLY, HERE, "state", state, STATES))
        @if found.is_empty() { (components::empty(wording::NONE, html! { (wording::NONE_HINT) })) }
        @else { (columns::table(wording::TITLE, &found, &columns)) }
        (components::pager(&format!("{HERE}?state={state}"), next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/partners", wording::TITLE), content))
}

fn beginning(q: &QuestionRow) -> String {
    q.message.iter().flat_map(|text| text.chars()).take(BEGINNING_CHARS).collect()
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: QuestionId) -> PageResult {
    one(cx, gate, &id, &SubmittedForm::default()).await
}

async fn one<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &QuestionId,
    form: &SubmittedForm,
) -> PageResult {
    let (operator, found) = gate.open(cx, store::question_find(id).first()).await?;
    let found = found.filter(|q| q.sent_at_ms.is_some()).ok_or_else(|| AppError::not_found("question"))?;
    let locale = &*cx.locale;
    let content = html! {
        (components::heading(wording::QUESTION, "", html! {
            a.button.second href=(HERE) { (wording::ALL) }
            a.button.second href={ (attribution_search::HERE) "?code=" (percent::escaped(&found.code)) } { (search::TITLE) }
        }))
        (components::problems(form))
        (components::facts(&[
            (common::PARTNER, helpers::partner(&found.partner_id, None, None)),
            (common::PROGRAM, helpers::program(&found.program_id)),
            (wording::LOOKED_UP, html! { code { (found.code) } ", " (found.about) }),
            (common::DATE, components::instant(locale, found.created_at_ms)),
            (wording::MESSAGE, html! { (found.message.as_deref().unwrap_or_default()) }),
        ]))
        h2 { (wording::FOUND) }
        @for sentence in sentences(&found) { p { (sentence) } }
        h2 { (wording::REPLY) }
        @match (&found.reply, found.replied_at_ms) {
            (Some(reply), Some(at)) => {
                p { (reply) }
                p.quiet { (components::instant(locale, at)) (wording::BY) (found.replied_by.as_deref().unwrap_or_default()) }
            },
            _ => @if operator.may(Scope::Partners) { (reply_form(cx, id, form)) },
        }
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), ("/operator/partners", wording::QUESTION), content))
}

fn reply_form<S: Platform>(cx: &PageContext<'_, S>, id: &QuestionId, form: &SubmittedForm) -> Markup {
    html! {
        form.stack method="post" action={ (HERE) "/" (percent::escaped(id)) } {
            (helpers::hidden(cx))
            (components::field(form, Field { name: "reply", label: wording::REPLY, hint: wording::REPLY_HINT,
                kind: "textarea", required: true, max: MESSAGE_CHARS_MAX, ..Field::default() }))
            button { (wording::SEND_REPLY) }
        }
    }
}

pub async fn reply<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: QuestionId) -> PageResult {
    let mut form = cx.form.clone();
    let reply = form.get("reply").to_owned();
    if reply.is_empty() || reply.chars().count() > MESSAGE_CHARS_MAX {
        form.refuse("reply", wording::ENTER_REPLY);
        return one(cx, operator.into(), &id, &form).await;
    }
    match question::reply(&cx.context(&operator.session), &id, &reply).await {
        Ok(()) => Ok(cx.redirect_after_post(&format!("{HERE}/{}?done=question-replied", percent::escaped(&id)))),
        Err(error) => one(cx, operator.into(), &id, &with_refusal(cx, error)?).await,
    }
}
