//! The outbox: messages, their deliveries, and resending those that failed.

use crate::codec::message::endpoint as forms;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{common, message as wording, navigation};
use crate::pages::viewer::{Gate, Operator};
use crate::service::error::{AppError, ErrorKind};
use crate::service::message::replay as replaying;
use crate::store::message::delivery::DeliveryRow;
use crate::store::message::outbox;
use crate::store::message::outbox::{MessageShown, MessageState};
use maud::{Markup, html};

const HERE: &str = "/operator/outbox";

const STATES: &[(&str, &str)] = &[
    ("", common::ALL),
    ("queued", wording::WAITING),
    ("sent", wording::SENT),
    ("failed", common::FAILED),
    ("undelivered", wording::UNDELIVERED),
    ("suppressed", wording::SUPPRESSED),
];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    shown(cx, gate, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, form: &SubmittedForm) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let state = cx.request.param("state").unwrap_or_default();
    if !STATES.iter().any(|(value, _)| *value == state) {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", wording::UNKNOWN_STATE).into());
    }
    let read = outbox::outbox_latest(MessageState::parse(&state), list.number(helpers::LAST_ROW)?, list.limit + 1);
    let (operator, found) = gate.open(cx, read).await?;
    let (found, next) = helpers::paged(&list, found, |m: &MessageShown| m.row.to_string());
    let path = if state.is_empty() { HERE.to_owned() } else { format!("{HERE}?state={state}") };

    let columns = [
        text(wording::MESSAGE, |m: &MessageShown| html! { code { (m.kind) } }),
        text(common::SUBJECT, |m: &MessageShown| about(m)),
        text(common::STATE, |m: &MessageShown| components::state(&m.state)),
        text(wording::DELIVERIES, |m: &MessageShown| {
            let all = deliveries_of(m);
            html! {
                @for d in &all { (delivery(d)) br; }
                @if all.is_empty() { span.quiet { (wording::NOBODY) } }
                @if m.state == "undelivered" && !all.iter().any(|d| d.channel == "webhook") { span.quiet { (wording::NO_ENDPOINT) } }
            }
        }),
        text(common::CREATED, |m: &MessageShown| components::instant(&*cx.locale, m.created_at_ms)),
        text("", |m: &MessageShown| replay_form(cx, &operator, &path, m)),
    ];
    let lead = wording::LEAD;
    let content = html! {
        (components::heading(navigation::OUTBOX, lead, html! {}))
        (components::problems(form))
        (helpers::tabs(wording::BY_STATE, HERE, "state", &state, STATES))
        @if found.is_empty() {
            (components::empty(wording::NONE, html! { (wording::NONE_HINT) }))
        } @else {
            (columns::table(wording::MESSAGES, &found, &columns))
        }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), (HERE, navigation::OUTBOX), content))
}

fn about(m: &MessageShown) -> Markup {
    html! {
        (helpers::program(&m.program_id))
        @if let Some(partner) = &m.partner_id { br; (helpers::partner(partner, m.external_id.as_deref(), m.name.as_deref())) }
        @if let Some(account) = &m.account_id { br; (helpers::account(account)) }
    }
}

fn deliveries_of(m: &MessageShown) -> Vec<DeliveryRow> {
    serde_json::from_str(&m.deliveries).unwrap_or_default()
}

fn delivery(d: &DeliveryRow) -> Markup {
    html! {
        (wording::delivery(&d.channel, &d.target)) (components::state(&d.state))
        @if d.state != "sent" { @if let Some(error) = &d.last_error { " " span.quiet { (error) } } }
    }
}

/// Only deliveries that failed, or that should have reached someone, can be resent here. The API can also resend one that
/// succeeded.
fn replay_form<S: Platform>(cx: &PageContext<'_, S>, operator: &Operator, path: &str, m: &MessageShown) -> Markup {
    html! {
        @if deliveries_of(m).iter().any(|d| d.state == "failed" || (d.state == "suppressed" && m.state == "undelivered")) {
            @if operator.may(Scope::Admin) {
                form method="post" action=(path) {
                    (csrf(cx))
                    input type="hidden" name="message" value=(m.id);
                    input type="text" name="reason" required maxlength="200" placeholder=(common::REASON) aria-label=(wording::reason_for(&m.kind));
                    button.second { (wording::RESEND) }
                }
            }
        }
    }
}

pub async fn replay<S: Platform>(cx: &PageContext<'_, S>, operator: Operator) -> PageResult {
    let replay_it = async {
        let body = forms::replay(&helpers::body(&cx.form, &["reason"]))?;
        replaying::replay(&cx.context(&operator.session), cx.form.get("message"), &body).await
    };
    match replay_it.await {
        Ok(_) => {
            let state = cx.request.param("state").filter(|s| STATES.iter().any(|(known, _)| known == s));
            let query = state.map_or(String::new(), |s| format!("state={s}&"));
            Ok(cx.redirect_after_post(&format!("{HERE}?{query}done=replayed")))
        }
        Err(error) => shown(cx, operator.into(), &with_refusal(cx, error)?).await,
    }
}
