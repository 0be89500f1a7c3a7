//! Referrals that a risk rule flagged: the evidence, and the operator's decision.

use crate::base::ids::ReviewId;
use crate::base::percent;
use crate::codec::operator as forms;
use crate::engine::identity::access::Scope;
use crate::engine::review::ReviewState;
use crate::engine::review::risk::ONE_DOMAIN;
use crate::http::context::Platform;
use crate::pages::accrual::adjust;
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{adjustment, common, navigation, review as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::service::error::{AppError, ErrorKind};
use crate::service::review as deciding;
use crate::service::review::ReviewDecision;
use crate::store::report::operator as reads;
use crate::store::report::operator::ReviewShown;
use crate::store::review::ReviewRow;
use maud::{Markup, html};
use serde::Deserialize;

/// Earnings on hold for a review, in one unit.
#[derive(Deserialize)]
struct Held {
    unit: String,
    cents: i64,
    accruals: i64,
}

const STATES: &[(&str, &str)] = &[("", wording::OPEN), ("released", common::RELEASED), ("rejected", common::REJECTED)];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    let list = helpers::list(cx, 10)?;
    let state = cx.request.param("state").unwrap_or_default();
    if !STATES.iter().any(|(value, _)| *value == state) {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", wording::UNKNOWN_STATE).into());
    }
    let read = match state.as_str() {
        "" => {
            let (after_ms, after_id) = list.instant_and_id(0)?;
            reads::review_open_page(after_ms, &after_id, list.limit + 1)
        }
        decided => reads::review_decided_page(decided, &list.cursor, list.limit + 1),
    };
    let (operator, found) = gate.open(cx, read).await?;
    let cursor = |(r, _): &(ReviewRow, ReviewShown)| match state.as_str() {
        "" => format!("{}.{}", r.created_at_ms.0, r.id),
        _ => r.id.to_string(),
    };
    let (found, next) = helpers::paged(&list, found, cursor);
    let path =
        if state.is_empty() { "/operator/reviews".to_owned() } else { format!("/operator/reviews?state={state}") };
    let lead = wording::LEAD;
    let content = html! {
        (components::heading(navigation::REVIEWS, lead, html! {}))
        (helpers::tabs(wording::BY_STATE, "/operator/reviews", "state", &state, STATES))
        @if found.is_empty() && state.is_empty() {
            (components::empty(wording::NONE_OPEN, html! { (wording::NONE_OPEN_HINT) }))
        } @else if found.is_empty() {
            (components::empty(wording::NONE, html! { (wording::NONE_HINT) }))
        }
        @for (review, shown) in &found { (card(cx, &operator, review, shown, &SubmittedForm::default())) }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &operator, 200, ("/operator/reviews", navigation::REVIEWS), content))
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>, id: ReviewId) -> PageResult {
    shown(cx, gate, &id, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    id: &ReviewId,
    form: &SubmittedForm,
) -> PageResult {
    let (operator, found) = gate.open(cx, reads::review_shown(id)).await?;
    let (review, shown) = found.into_iter().next().ok_or_else(|| AppError::not_found("review"))?;
    let content = html! {
        (components::heading(common::REVIEW, "", html! { a.button.second href="/operator/reviews" { (wording::ALL_REVIEWS) } }))
        (components::problems(form))
        (card(cx, &operator, &review, &shown, form))
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), ("/operator/reviews", common::REVIEW), content))
}

fn card<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    r: &ReviewRow,
    shown: &ReviewShown,
    form: &SubmittedForm,
) -> Markup {
    let locale = &*cx.locale;
    let held: Vec<Held> = serde_json::from_str(&shown.waiting).unwrap_or_default();
    let waits = html! {
        @if held.is_empty() { (wording::NO_EARNINGS_HELD) }
        @for (n, h) in held.iter().enumerate() {
            @if n > 0 { ", " }
            (components::amount(locale, h.cents, &h.unit)) (wording::HELD_IN) (helpers::many(cx, h.accruals, common::EARNING_OR_EARNINGS))
        }
    };
    let view = deciding::view(r);
    let title = format!("review-{}", r.id);
    html! {
        article.sheet aria-labelledby=(title) {
            h2 id=(title) { (wording::rule(&r.rule)) " " (components::state(r.state.name())) }
            p { (r.evidence) }
            (components::facts(&[
                (common::ACCOUNT, helpers::account(&r.account_id)),
                (common::PARTNER, helpers::partner(&r.partner_id, shown.external_id.as_deref(), shown.name.as_deref())),
                (common::PROGRAM, helpers::program(&r.program_id)),
                (wording::APPLIES_TO, html! { @if r.subject.is_empty() { (wording::WHOLE_ACCOUNT) } @else { (r.subject) } }),
                (common::ON_HOLD, html! { @if r.holds != 0 { (waits) } @else { (wording::NOTHING_HELD) } }),
                (wording::OPENED, components::instant(locale, r.created_at_ms)),
            ]))
            @if let Some(note) = view["note"].as_str() {
                p.quiet { (note) " " a href=(adjust::path_for_account(&r.partner_id, &r.account_id)) { (adjustment::ADJUST) } }
            }
            @if r.state == ReviewState::Open { (decision_form(cx, operator, r, form)) } @else {
                p {
                    (wording::decided_by(r.actor.as_deref().unwrap_or(wording::AN_OPERATOR)))
                    @if let Some(at) = r.decided_at_ms { " " (components::instant(locale, at)) } ": " (r.reason.as_deref().unwrap_or(""))
                }
            }
        }
    }
}

/// Both decisions share the reason. Element ids include the review's id, because a list has several forms.
fn decision_form<S: Platform>(
    cx: &PageContext<'_, S>,
    operator: &Operator,
    r: &ReviewRow,
    form: &SubmittedForm,
) -> Markup {
    let field = format!("reason-{}", r.id);
    let problem = form.problem("reason");
    html! {
        @if operator.may(Scope::Payouts) {
            form.stack method="post" action={ "/operator/reviews/" (percent::escaped(&r.id)) } {
                (csrf(cx))
                div.field.wrong[problem.is_some()] {
                    label for=(field) { (common::REASON) }
                    input id=(field) name="reason" type="text" required maxlength="200" value=(form.get("reason")) aria-describedby={ (field) "-hint" }
                        aria-invalid=[problem.map(|_| "true")];
                    p.hint id={ (field) "-hint" } {
                        (wording::DECISION_HINT)
                        @if r.rule == ONE_DOMAIN { " " (wording::DOMAIN_HINT) }
                    }
                    @if let Some(problem) = problem { p.problem { (problem) } }
                }
                div.actions {
                    button name="decision" value="release" { (common::RELEASE) }
                    @if r.rule == ONE_DOMAIN { button.second name="decision" value="release_domain" { (wording::RELEASE_DOMAIN) } }
                    button.danger name="decision" value="reject" { (wording::REJECT) }
                }
            }
        }
    }
}

pub async fn decide<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: ReviewId) -> PageResult {
    let decide_it = async {
        let body = forms::review(&helpers::body(&cx.form, &["decision", "reason"]))?;
        let choice = ReviewDecision::of(&body);
        deciding::decide(&cx.context(&operator.session), &id, choice, &body.reason).await
    };
    match decide_it.await {
        Ok(_) => Ok(cx.redirect_after_post("/operator/reviews?done=decided")),
        Err(error) => shown(cx, operator.into(), &id, &with_refusal(cx, error)?).await,
    }
}
