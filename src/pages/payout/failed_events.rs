//! Stripe's events that could not be taken in, and the form by which an operator says what became of one.

use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::payout::handled;
use crate::pages::payout::handled::Handled;
use crate::pages::text::operator::{common, failed_event as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::service::event::stripe_failed;
use crate::store::event::stripe_failed as rows;
use crate::store::event::stripe_failed::FailedEvent;
use maud::html;

const HANDLED: Handled = Handled {
    path: "/operator/failed-events",
    title: wording::TITLE,
    lead: wording::LEAD,
    none: wording::NONE,
    none_hint: wording::NONE_HINT,
    reason_hint: wording::REASON_HINT,
};

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (after_ms, after_id) = list.instant_and_id(-1)?;
    let (operator, found) = gate.open(cx, rows::failure_page(after_ms, &after_id, list.limit + 1)).await?;
    let (found, next) = helpers::paged(&list, found, |f: &FailedEvent| format!("{}.{}", f.failed_at_ms.0, f.id));
    let may = operator.may(Scope::Payouts);
    let locale = &*cx.locale;
    let columns = [
        text(common::DATE, |f: &FailedEvent| components::instant(locale, f.failed_at_ms)),
        text(common::EVENT, |f: &FailedEvent| html! { code { (f.id) } }),
        text(common::TYPE, |f: &FailedEvent| html! { code { (f.r#type) } }),
        text(common::REASON, |f: &FailedEvent| html! { code { (f.reason) } }),
        number(wording::TRIES, |f: &FailedEvent| html! { (locale.number(f.tries)) }),
        text(common::STATE, |f: &FailedEvent| html! { @if may { (HANDLED.form(cx, &f.id)) } }),
    ];
    Ok(HANDLED.list(cx, &operator, (&found, &columns), (next.as_deref(), list.cursor.is_empty())))
}

pub async fn acknowledge<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: &str) -> PageResult {
    let reason = handled::reason(cx)?;
    stripe_failed::acknowledge(&cx.context(&operator.session), id, &reason).await?;
    Ok(cx.redirect_after_post(HANDLED.path))
}
