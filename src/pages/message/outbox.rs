//! The outbox: messages, their deliveries, and resending those that failed.

use crate::base::time::UtcMillis;
use crate::codec::message::endpoint as forms;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::text;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{common, message as wording, navigation};
use crate::service::error::{AppError, ErrorKind};
use crate::service::message::replay as replaying;
use crate::store::message::delivery::DeliveryRow;
use crate::store::message::outbox;
use crate::store::message::outbox::MessageState;
use maud::{Markup, html};
use serde::Deserialize;

const HERE: &str = "/operator/outbox";

const STATES: &[(&str, &str)] =
    &[("", common::ALL), ("queued", wording::WAITING), ("sent", wording::SENT), ("failed", common::FAILED)];

#[derive(Deserialize)]
struct Message {
    row: i64,
    id: String,
    kind: String,
    program_id: String,
    partner_id: Option<String>,
    external_id: Option<String>,
    name: Option<String>,
    account_id: Option<String>,
    state: String,
    created_at_ms: UtcMillis,
    deliveries: String,
}

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    shown(cx, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(cx: &PageContext<'_, S>, form: &SubmittedForm) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let state = cx.request.param("state").unwrap_or_default();
    if !STATES.iter().any(|(value, _)| *value == state) {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", wording::UNKNOWN_STATE).into());
    }
    let read = outbox::outbox_latest(MessageState::parse(&state), list.number(helpers::LAST_ROW)?, list.limit + 1);
    let (session, rows) = cx.operator(vec![read]).await?;
    let (found, next) = helpers::paged(&list, rows[0].decode()?, |m: &Message| m.row.to_string());
    let path = if state.is_empty() { HERE.to_owned() } else { format!("{HERE}?state={state}") };
    let columns = [
        text(wording::MESSAGE),
        text(common::SUBJECT),
        text(common::STATE),
        text(wording::DELIVERIES),
        text(common::CREATED),
        text(""),
    ];
    let cells = |m: &Message| {
        let deliveries: Vec<DeliveryRow> = serde_json::from_str(&m.deliveries).unwrap_or_default();
        vec![
            html! { code { (m.kind) } },
            about(m),
            components::state(&m.state),
            html! { @for (n, d) in deliveries.iter().enumerate() { @if n > 0 { br; } (delivery(d)) } },
            components::instant(&*cx.locale, m.created_at_ms),
            replay_form(cx, &path, m, &deliveries),
        ]
    };
    let lead = wording::LEAD;
    let content = html! {
        (components::heading(navigation::OUTBOX, lead, html! {}))
        (components::problems(form))
        (helpers::tabs(wording::BY_STATE, HERE, "state", &state, STATES))
        @if found.is_empty() {
            (components::empty(wording::NONE, html! { (wording::NONE_HINT) }))
        } @else {
            (components::table(wording::MESSAGES, &columns, &found.iter().map(cells).collect::<Vec<_>>()))
        }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &session, helpers::status(form), (HERE, navigation::OUTBOX), content))
}

fn about(m: &Message) -> Markup {
    html! {
        (helpers::program(&m.program_id))
        @if let Some(partner) = &m.partner_id { br; (helpers::partner(partner, m.external_id.as_deref(), m.name.as_deref())) }
        @if let Some(account) = &m.account_id { br; (helpers::account(account)) }
    }
}

fn delivery(d: &DeliveryRow) -> Markup {
    html! {
        (wording::delivery(&d.channel, &d.target)) (components::state(&d.state))
        @if d.state != "sent" { @if let Some(error) = &d.last_error { " " span.quiet { (error) } } }
    }
}

/// Only failed deliveries can be resent here. The API can also resend one that succeeded.
fn replay_form<S: Platform>(cx: &PageContext<'_, S>, path: &str, m: &Message, deliveries: &[DeliveryRow]) -> Markup {
    html! {
        @if deliveries.iter().any(|d| d.state == "failed") {
            @if cx.may(Scope::Admin) {
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

pub async fn replay<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (session, _) = cx.operator(()).await?;
    let replay_it = async {
        let body = forms::replay(&helpers::body(&cx.form, &["reason"]))?;
        replaying::replay(&cx.context(&session), cx.form.get("message"), &body).await
    };
    match replay_it.await {
        Ok(_) => {
            let state = cx.request.param("state").filter(|s| STATES.iter().any(|(known, _)| known == s));
            let query = state.map_or(String::new(), |s| format!("state={s}&"));
            Ok(cx.redirect_after_post(&format!("{HERE}?{query}done=replayed")))
        }
        Err(error) => shown(cx, &with_refusal(cx, error)?).await,
    }
}
