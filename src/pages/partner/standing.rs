//! A partner's standing: what suspended or banned it, and the form that changes it.

use crate::base::percent;
use crate::engine::identity::access::Scope;
use crate::engine::review::suspension::PartnerStanding;
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::context::PageContext;
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::text::operator::{common, standing as wording};
use crate::pages::viewer::Operator;
use crate::store::partner::PartnerRow;
use crate::store::partner::standing::SuspensionRow;
use maud::{Markup, html};

pub fn section<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    partner: &PartnerRow,
    suspensions: &[SuspensionRow],
    form: &SubmittedForm,
) -> Markup {
    let columns = [
        text(common::STATE, |s: &SuspensionRow| components::state(s.standing.name())),
        text(wording::FROM, |s: &SuspensionRow| components::instant(&*cx.locale, s.from_ms)),
        text(wording::TO, |s: &SuspensionRow| {
            html! { @match s.to_ms { Some(at) => (components::instant(&*cx.locale, at)), None => (wording::LASTS) } }
        }),
        text(common::REASON, |s: &SuspensionRow| html! { (s.reason) }),
        text(wording::BY, |s: &SuspensionRow| html! { (s.actor) }),
    ];
    html! {
        h2 { (wording::STANDING) }
        @if !suspensions.is_empty() { (columns::table(wording::STANDING, suspensions, &columns)) }
        @if operator.may(Scope::Payouts) { (decisions(cx, partner, form)) }
    }
}

fn decisions<S: Platform>(cx: &PageContext<'_, S>, partner: &PartnerRow, form: &SubmittedForm) -> Markup {
    let path = format!("/operator/partners/{}", percent::escaped(&partner.id));
    let is_active = partner.standing == PartnerStanding::Active;
    let is_banned = partner.standing == PartnerStanding::Banned;
    html! {
        details open[!is_active || !form.get("reason").is_empty()] {
            summary { (if is_active { wording::CHANGE } else { wording::REINSTATE }) }
            form.stack method="post" action=(path) {
                (csrf(cx))
                (helpers::reason(form, wording::REASON_HINT))
                ul {
                    @if is_active { li { (wording::SUSPEND_EFFECT) } }
                    @if !is_banned { li { (wording::BAN_EFFECT) } }
                    @if !is_active { li { (wording::REINSTATE_EFFECT) } }
                }
                div.actions {
                    @if !is_active { button name="decision" value="reinstate" { (wording::REINSTATE) } }
                    @if is_active { button.second name="decision" value="suspend" { (wording::SUSPEND) } }
                    @if !is_banned { button.danger name="decision" value="ban" { (wording::BAN) } }
                }
            }
        }
    }
}
