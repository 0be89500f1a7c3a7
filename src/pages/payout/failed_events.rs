//! Stripe's events that could not be taken in, and the form by which an operator says what became of one.

use crate::base::percent;
use crate::codec::operator as forms;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::text::operator::{common, failed_event as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::service::event::stripe_failed;
use crate::store::event::stripe_failed as rows;
use crate::store::event::stripe_failed::FailedEvent;
use maud::{Markup, html};

const HERE: &str = "/operator/failed-events";

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
        text(common::STATE, |f: &FailedEvent| html! { @if may { (decision(cx, f)) } }),
    ];
    let content = html! {
        (components::heading(wording::TITLE, wording::LEAD, html! { a.button.second href="/operator/payouts" { (common::ALL_PAYOUTS) } }))
        @if found.is_empty() {
            (components::empty(wording::NONE, html! { (wording::NONE_HINT) }))
        } @else {
            (columns::table(wording::TITLE, &found, &columns))
        }
        (components::pager(HERE, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/runs", wording::TITLE), content))
}

fn decision<S: Platform>(cx: &PageContext<'_, S>, failed: &FailedEvent) -> Markup {
    html! {
        form.inline-form method="post" action={ (HERE) "/" (percent::escaped(&failed.id)) } {
            (csrf(cx))
            (helpers::reason(&SubmittedForm::default(), wording::REASON_HINT))
            button.second { (common::MARK_AS_HANDLED) }
        }
    }
}

pub async fn acknowledge<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: &str) -> PageResult {
    let reason =
        forms::decision(&helpers::body(&cx.form, &["reason"])).map_err(crate::service::error::AppError::from)?;
    stripe_failed::acknowledge(&cx.context(&operator.session), id, &reason).await?;
    Ok(cx.redirect_after_post(HERE))
}
