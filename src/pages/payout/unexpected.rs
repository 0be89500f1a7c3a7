//! Transfers to partners that nobody here asked for, and the form by which an operator says what became of one.

use crate::base::percent;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::operator::helpers;
use crate::pages::payout::handled;
use crate::pages::payout::handled::Handled;
use crate::pages::text::operator::{common, transfer as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::service::payout::unexpected;
use crate::store::payout::unexpected as rows;
use crate::store::payout::unexpected::UnexpectedTransfer;
use maud::html;

const HANDLED: Handled = Handled {
    path: "/operator/transfers",
    title: wording::TITLE,
    lead: wording::LEAD,
    none: wording::NONE,
    none_hint: wording::NONE_HINT,
    reason_hint: wording::REASON_HINT,
};

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let (after_ms, after_id) = list.instant_and_id(-1)?;
    let (operator, found) = gate.open(cx, rows::unexpected_page(after_ms, &after_id, list.limit + 1)).await?;
    let (found, next) = helpers::paged(&list, found, |t: &UnexpectedTransfer| format!("{}.{}", t.made_at_ms.0, t.id));
    let may = operator.may(Scope::Payouts);
    let locale = &*cx.locale;
    let columns = [
        text(common::DATE, |t: &UnexpectedTransfer| components::instant(locale, t.made_at_ms)),
        text(wording::TRANSFER, |t: &UnexpectedTransfer| html! { code { (t.id) } }),
        text(common::PARTNER, |t: &UnexpectedTransfer| {
            let partner = t.partner_id.as_ref().map(|id| helpers::partner(id, None, None));
            html! { (partner.unwrap_or_default()) " " code { (t.destination) } }
        }),
        text(wording::PAYOUT, |t: &UnexpectedTransfer| {
            html! {
                @match &t.payout_id {
                    Some(id) => { a href={ "/operator/payouts/" (percent::escaped(id)) } { (id) } }
                    None => { (common::NONE) }
                }
            }
        }),
        number(common::AMOUNT, |t: &UnexpectedTransfer| {
            components::amount(locale, t.amount_cents, &format!("cash:{}", t.currency))
        }),
        text(common::STATE, |t: &UnexpectedTransfer| html! { @if may { (HANDLED.form(cx, &t.id)) } }),
    ];
    Ok(HANDLED.list(cx, &operator, (&found, &columns), (next.as_deref(), list.cursor.is_empty())))
}

pub async fn acknowledge<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: &str) -> PageResult {
    let reason = handled::reason(cx)?;
    unexpected::acknowledge(&cx.context(&operator.session), id, &reason).await?;
    Ok(cx.redirect_after_post(HANDLED.path))
}
