//! Referrals that a risk rule flagged: the evidence, and the operator's decision.

use crate::codec::operator as asked;
use crate::engine::identity::access::Scope;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::route::with_refusal;
use crate::service::error::{AppError, ErrorKind};
use crate::service::review as deciding;
use crate::service::review::ReviewDecision;
use crate::store::port::Rows;
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
    lines: i64,
}

const STATES: &[(&str, &str)] = &[("", "Open"), ("released", "Released"), ("rejected", "Rejected")];

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let list = helpers::list(cx, 10)?;
    let state = cx.request.param("state").unwrap_or_default();
    if !STATES.iter().any(|(value, _)| *value == state) {
        return Err(AppError::new(ErrorKind::BadRequest, "unsupported", "unknown review state").into());
    }
    let read = match state.as_str() {
        "" => {
            let (after_ms, after_id) = list.instant_and_id(0)?;
            reads::review_open_page(after_ms, &after_id, list.limit + 1)
        }
        decided => reads::review_decided_page(decided, &list.cursor, list.limit + 1),
    };
    let (session, rows) = cx.operator(vec![read]).await?;
    let cursor = |(r, _): &(ReviewRow, ReviewShown)| match state.as_str() {
        "" => format!("{}.{}", r.created_at_ms.0, r.id),
        _ => r.id.clone(),
    };
    let (found, next) = helpers::paged(&list, rows[0].decode_pairs()?, cursor);
    let path =
        if state.is_empty() { "/operator/reviews".to_owned() } else { format!("/operator/reviews?state={state}") };
    let lead = "Referrals that risk rules flagged. Their earnings are on hold until you decide.";
    let content = html! {
        (components::heading("Reviews", lead, html! {}))
        (helpers::tabs("Reviews by state", "/operator/reviews", "state", &state, STATES))
        @if found.is_empty() && state.is_empty() {
            (components::empty("No open reviews", html! { "Referrals that a risk rule flags appear here." }))
        } @else if found.is_empty() {
            (components::empty("No reviews", html! { "Reviews you decide appear here." }))
        }
        @for (review, shown) in &found { (card(cx, review, shown, &SubmittedForm::default())) }
        (components::pager(&path, next.as_deref(), list.cursor.is_empty()))
    };
    Ok(helpers::frame(cx, &session, 200, ("/operator/reviews", "Reviews"), content))
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    shown(cx, id, &SubmittedForm::default()).await
}

async fn shown<S: Platform>(cx: &PageContext<'_, S>, id: &str, form: &SubmittedForm) -> PageResult {
    let (session, rows) = cx.operator(vec![reads::review_shown(id)]).await?;
    let (review, shown) = one(&rows[0])?;
    let content = html! {
        (components::heading("Review", "", html! { a.button.second href="/operator/reviews" { "All reviews" } }))
        (components::problems(form))
        (card(cx, &review, &shown, form))
    };
    Ok(helpers::frame(cx, &session, helpers::status(form), ("/operator/reviews", "Review"), content))
}

fn one(rows: &Rows) -> Result<(ReviewRow, ReviewShown), AppError> {
    rows.decode_pairs()?.into_iter().next().ok_or_else(|| AppError::not_found("review"))
}

fn card<S: Platform>(cx: &PageContext<'_, S>, r: &ReviewRow, shown: &ReviewShown, form: &SubmittedForm) -> Markup {
    let locale = &*cx.locale;
    let held: Vec<Held> = serde_json::from_str(&shown.waiting).unwrap_or_default();
    let waits = html! {
        @if held.is_empty() { "no earnings yet" }
        @for (n, h) in held.iter().enumerate() {
            @if n > 0 { ", " }
            (components::amount(locale, h.cents, &h.unit)) " in " (helpers::many(cx, h.lines, "earning", "earnings"))
        }
    };
    let view = deciding::view(r);
    let title = format!("review-{}", r.id);
    html! {
        article.sheet aria-labelledby=(title) {
            h2 id=(title) { (rule(&r.rule)) " " (components::state(&r.state)) }
            p { (r.evidence) }
            (components::facts(&[
                ("Account", helpers::account(&r.account_id)),
                ("Partner", helpers::partner(&r.partner_id, shown.external_id.as_deref(), shown.name.as_deref())),
                ("Program", helpers::program(&r.program_id)),
                ("Applies to", html! { @if r.subject.is_empty() { "the whole account" } @else { (r.subject) } }),
                ("On hold", html! { @if r.holds != 0 { (waits) } @else { "nothing; this is for your information only" } }),
                ("Opened", components::instant(locale, r.created_at_ms)),
            ]))
            @if let Some(note) = view["note"].as_str() { p.quiet { (note) } }
            @if r.state == "open" { (decision_form(cx, r, form)) } @else {
                p {
                    (r.actor.as_deref().unwrap_or("An operator")) " decided"
                    @if let Some(at) = r.decided_at_ms { " " (components::instant(locale, at)) } ": " (r.reason.as_deref().unwrap_or(""))
                }
            }
        }
    }
}

/// Both decisions share the reason. Element ids include the review's id, because a list has several forms.
fn decision_form<S: Platform>(cx: &PageContext<'_, S>, r: &ReviewRow, form: &SubmittedForm) -> Markup {
    let field = format!("reason-{}", r.id);
    let problem = form.problem("reason");
    html! {
        @if cx.may(Scope::Payouts) {
            form.stack method="post" action={ "/operator/reviews/" (components::escaped(&r.id)) } {
                (csrf(cx))
                div.field.wrong[problem.is_some()] {
                    label for=(field) { "Reason" }
                    input id=(field) name="reason" type="text" required maxlength="200" value=(form.get("reason")) aria-describedby={ (field) "-hint" }
                        aria-invalid=[problem.map(|_| "true")];
                    p.hint id={ (field) "-hint" } { "Release to let the partner earn from this referral. Reject to void its earnings, past and future. You can't undo either." }
                    @if let Some(problem) = problem { p.problem { (problem) } }
                }
                div.actions {
                    button name="decision" value="release" { "Release" }
                    button.danger name="decision" value="reject" { "Reject" }
                }
            }
        }
    }
}

/// The title of a rule.
fn rule(name: &str) -> String {
    match name {
        "same_email" => "Account has the partner's email address".to_owned(),
        "same_domain" => "Account has the partner's email domain".to_owned(),
        "signups_in_month" => "Unusual number of sign-ups in a month".to_owned(),
        "one_visitor" => "Many accounts from one browser".to_owned(),
        "own_account" => "Account belongs to the partner".to_owned(),
        "referral_ring" => "Partners who refer each other".to_owned(),
        "currency" => "Currency doesn't match the program's".to_owned(),
        other => other.replace('_', " "),
    }
}

pub async fn decide<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    let (session, _) = cx.operator(Vec::new()).await?;
    let decide_it = async {
        let asked = asked::review(&helpers::body(&cx.form, &["decision", "reason"]))?;
        let choice = if asked.release { ReviewDecision::Release } else { ReviewDecision::Reject };
        deciding::decide(&cx.context(&session), id, choice, &asked.reason).await
    };
    match decide_it.await {
        Ok(_) => Ok(cx.redirect_after_post("/operator/reviews?done=decided")),
        Err(error) => shown(cx, id, &with_refusal(cx, error)?).await,
    }
}
