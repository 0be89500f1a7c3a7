//! Adjustments: the list, and each one with the decision that it needs.

use crate::base::ids::{AdjustmentId, PartnerId};
use crate::base::percent;
use crate::codec::operator as forms;
use crate::engine::accrual::adjustment::AdjustmentState;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::{number, text};
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{adjustment as wording, common, partner as balances, review, settlement};
use crate::pages::viewer::{Gate, Operator};
use crate::service::accrual::adjust;
use crate::service::error::{AppError, ErrorKind};
use crate::store::accrual::adjustment;
use crate::store::accrual::adjustment::AdjustmentRow;
use maud::{Markup, html};

const HERE: &str = "/operator/adjustments";

const STATES: &[(&str, &str)] = &[
    ("", common::ALL),
    ("requested", wording::REQUESTED),
    ("booked", wording::BOOKED),
    ("rejected", common::REJECTED),
    ("expired", wording::EXPIRED),
];

/// `?state=&partner=`
pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, helpers::ROWS)?;
    let name = cx.request.param("state").unwrap_or_default();
    let state = AdjustmentState::parse(&name);
    if state.is_none() && !name.is_empty() {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", wording::UNKNOWN_STATE).into());
    }
    let partner: PartnerId = cx.request.param("partner").unwrap_or_default().into();
    let (before_ms, before_id) = list.instant_and_id(helpers::LATEST)?;
    let read = adjustment::adjustment_page(&partner, state, before_ms, &before_id, list.limit + 1);
    let (operator, found) = gate.open(cx, read).await?;
    let (found, next) = helpers::paged(&list, found, |r| format!("{}.{}", r.created_at_ms.0, r.id));
    let path = format!("{HERE}?state={name}&partner={}", percent::escaped(&partner));
    let content = html! {
        (components::heading(wording::TITLE, wording::LEAD, html! {}))
        (helpers::tabs(wording::BY_STATE, HERE, "state", &name, STATES))
        @if found.is_empty() { (components::empty(wording::NONE, html! { (wording::NONE_HINT) })) } @else { (table(cx, &found)) }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/partners", wording::TITLE), content))
}

fn table<S: Platform>(cx: &PageContext<'_, S>, rows: &[AdjustmentRow]) -> Markup {
    let columns = [
        text(
            common::DATE,
            |r: &AdjustmentRow| html! { a href=(path_of(&r.id)) { (components::instant(&*cx.locale, r.created_at_ms)) } },
        ),
        text(common::PARTNER, |r: &AdjustmentRow| helpers::partner(&r.partner_id, None, None)),
        text(common::STATE, |r: &AdjustmentRow| components::state(r.state.name())),
        text(wording::NOTE, |r: &AdjustmentRow| html! { (r.note) }),
        text(common::REASON, |r: &AdjustmentRow| html! { (r.reason) }),
        text(wording::ASKED_BY, |r: &AdjustmentRow| html! { (r.actor) }),
        number(common::AMOUNT, |r: &AdjustmentRow| components::amount(&*cx.locale, r.amount_cents.0, &r.unit)),
    ];
    columns::table(wording::TITLE, rows, &columns)
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: AdjustmentId) -> PageResult {
    shown(cx, gate, &id, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &AdjustmentId,
    form: &SubmittedForm,
) -> PageResult {
    let (operator, found) = gate.open(cx, adjustment::adjustment_find(id).first()).await?;
    let row = found.ok_or_else(|| AppError::not_found("adjustment"))?;
    let actions = html! {
        a.button.second href=(HERE) { (wording::ALL) }
        @if row.state == AdjustmentState::Booked && row.undoes_id.is_none() && operator.may(Scope::Payouts) {
            a.button.second href={ "/operator/partners/" (percent::escaped(&row.partner_id)) "/adjust?adjustment=" (percent::escaped(id))
                "&direction=" (if row.amount_cents.0 > 0 { "take" } else { "add" }) } { (wording::TAKE_BACK) }
        }
    };
    let content = html! {
        (components::heading(wording::ADJUSTMENT, "", actions))
        (components::problems(form))
        (facts(cx, &row))
        @if row.state == AdjustmentState::Requested && operator.may(Scope::Payouts) {
            (decision_form(cx, &row, form, adjust::is_same_person(&operator.session.actor, &row.actor)))
        }
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), ("/operator/partners", wording::ADJUSTMENT), content))
}

fn facts<S: Platform>(cx: &PageContext<'_, S>, r: &AdjustmentRow) -> Markup {
    let locale = &*cx.locale;
    let changes = html! {
        @if r.makes_accrual == 1 { (wording::OWN_EARNING) } @else { code { (r.accrual_id) } }
        @if let Some(undone) = &r.undoes_id { ", " (wording::BACK) a href=(path_of(undone)) { (undone) } }
    };
    let mut list = vec![
        (common::STATE, components::state(r.state.name())),
        (common::AMOUNT, components::amount(locale, r.amount_cents.0, &r.unit)),
        (common::PARTNER, helpers::partner(&r.partner_id, None, None)),
        (common::PROGRAM, helpers::program(&r.program_id)),
        (wording::CHANGES, changes),
        (
            common::BALANCE,
            html! { (if r.balance.name() == "pending" { balances::PENDING } else { balances::AVAILABLE }) },
        ),
        (common::ACCOUNT, helpers::account(&r.account_id)),
        (wording::NOTE, html! { (r.note) }),
        (common::REASON, html! { (r.reason) }),
        (wording::ASKED_BY, html! { (r.actor) " " (components::instant(locale, r.created_at_ms)) }),
    ];
    list.extend(r.invoice_id.as_ref().map(|invoice| (wording::INVOICE, html! { (invoice) })));
    if r.state == AdjustmentState::Requested {
        list.extend(r.expires_at_ms.map(|at| (wording::NEEDS_APPROVAL_BY, components::instant(locale, at))));
    } else if let (Some(at), Some(reason)) = (r.decided_at_ms, &r.decision_reason) {
        let decided = html! {
            (components::instant(locale, at)) @if let Some(by) = &r.decided_by { (wording::BY) (by) } ": " (reason)
        };
        list.push((wording::DECIDED, decided));
    }
    components::facts(&list)
}

fn decision_form<S: Platform>(
    cx: &PageContext<'_, S>,
    r: &AdjustmentRow,
    form: &SubmittedForm,
    is_own: bool,
) -> Markup {
    html! {
        section {
            h2 { (wording::DECIDE) }
            @if is_own { p { (wording::OWN_REQUEST) } }
            form.stack method="post" action=(path_of(&r.id)) {
                (helpers::hidden(cx))
                (helpers::reason(form, wording::DECISION_HINT))
                div.actions {
                    @if !is_own { button name="decision" value="approve" { (settlement::APPROVE) } }
                    button.danger name="decision" value="reject" { (if is_own { wording::WITHDRAW } else { review::REJECT }) }
                }
            }
        }
    }
}

pub async fn decide<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: AdjustmentId) -> PageResult {
    let decide_it = async {
        let body = forms::adjustment_decision(&helpers::body(&cx.form, &["decision", "reason"]))?;
        adjust::decide(&cx.context(&operator.session), &id, body.approve, &body.reason).await
    };
    match decide_it.await {
        Ok(_) => Ok(cx.redirect_after_post(&format!("{}?done=decided", path_of(&id)))),
        Err(error) => shown(cx, operator.into(), &id, &with_refusal(cx, error)?).await,
    }
}

fn path_of(id: &AdjustmentId) -> String {
    format!("{HERE}/{}", percent::escaped(id))
}
