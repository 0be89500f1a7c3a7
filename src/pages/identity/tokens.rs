//! API tokens: create, show once, revoke.

use crate::base::percent;
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::identity::access::{Scope, Scopes};
use crate::http::context::Platform;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::refusal::with_refusal;
use crate::pages::text::operator::{common, navigation, token as wording};
use crate::pages::viewer::{Gate, Operator};
use crate::service::error::{AppError, ErrorKind};
use crate::service::identity::api_token;
use crate::service::identity::api_token::TokenRequest;
use crate::store::settlement::operator_runs::{TokenShown, token_list};
use maud::{Markup, html};

/// How many tokens are listed, active ones first.
const LISTED: i64 = 50;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Operator>) -> PageResult {
    shown(cx, gate, &blank(), None).await
}

async fn shown<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Operator>,
    form: &SubmittedForm,
    made: Option<(&str, &str)>,
) -> PageResult {
    let (operator, tokens) = gate.open(cx, token_list(LISTED)).await?;

    let works = |t: &TokenShown| t.revoked_at_ms.is_none() && t.expires_at_ms > cx.now();
    let columns = [
        text(common::NAME, |t: &TokenShown| html! { (t.name) }),
        text(common::STATE, |t: &TokenShown| {
            components::state(if t.revoked_at_ms.is_some() {
                "revoked"
            } else if works(t) {
                "active"
            } else {
                "expired"
            })
        }),
        text(common::CREATED, |t: &TokenShown| components::day(&*cx.locale, t.created_at_ms)),
        text(wording::SCOPES, |t: &TokenShown| html! { (t.scopes) }),
        text(wording::EXPIRES, |t: &TokenShown| components::day(&*cx.locale, t.expires_at_ms)),
        text(
            wording::FIRST_USED,
            |t: &TokenShown| html! { @match t.first_used_at_ms { Some(at) => (components::day(&*cx.locale, at)), None => (wording::NEVER_USED) } },
        ),
        text("", |t: &TokenShown| revoke_form(cx, t, works(t))),
    ];
    let lead = wording::LEAD;
    let content = html! {
        (components::heading(navigation::TOKENS, lead, html! { a.button.second href="/openapi.json" { (wording::API_REFERENCE) } }))
        (components::problems(form))
        @if let Some((name, secret)) = made {
            section.todo aria-labelledby="made" {
                h2 id="made" { (wording::created(name)) }
                p { (wording::COPY_NOW) }
                (components::copyable(wording::TOKEN, secret))
            }
        }
        @if tokens.is_empty() {
            (components::empty(wording::NONE, html! { (wording::NONE_HINT[0]) code { "Authorization: Bearer …" } (wording::NONE_HINT[1]) }))
        } @else {
            (columns::table(wording::TOKENS, &tokens, &columns))
        }
        (create_form(cx, form))
    };
    Ok(helpers::frame(cx, &operator, helpers::status(form), ("/operator/tokens", navigation::TOKENS), content))
}

fn create_form<S: Platform>(cx: &PageContext<'_, S>, form: &SubmittedForm) -> Markup {
    html! {
        h2 { (wording::CREATE_TITLE) }
        form.stack method="post" action="/operator/tokens" {
            (helpers::hidden(cx))
            (components::field(form, Field {
                name: "name", label: common::NAME, hint: wording::NAME_HINT,
                required: true, autocomplete: "off", max: api_token::NAME_CHARS_MAX, ..Field::default()
            }))
            (components::select(form, Field { name: "expires", label: wording::EXPIRES_AFTER, required: true, ..Field::default() },
                &[("30", wording::DAYS_30), ("90", wording::DAYS_90), ("365", wording::YEAR)]))
            fieldset {
                legend { (wording::SCOPES) }
                @for scope in Scope::ALL.iter().copied() {
                    (components::checkbox(form, &field_of(scope), html! { strong { (scope.name()) } ": " (wording::allows(scope)) }))
                }
            }
            button { (wording::CREATE) }
        }
    }
}

fn revoke_form<S: Platform>(cx: &PageContext<'_, S>, t: &TokenShown, works: bool) -> Markup {
    html! {
        @if works {
            form method="post" action={ "/operator/tokens/" (percent::escaped(&t.id)) "/revoke" } {
                (csrf(cx))
                button.danger aria-label=(wording::revoke(&t.name)) { (wording::REVOKE) }
            }
        }
    }
}

pub async fn make<S: Platform>(cx: &PageContext<'_, S>, operator: Operator) -> PageResult {
    let name = cx.form.get("name");
    let made = match expires(cx) {
        Ok(expires_at) => {
            let chosen: Vec<Scope> = Scope::ALL.iter().copied().filter(|s| cx.form.is_checked(&field_of(*s))).collect();
            let maker = operator.scopes();
            let wanted = TokenRequest { name, scopes: Scopes::of(&chosen), expires_at, maker };
            api_token::make(&cx.context(&operator.session), &wanted, &helpers::key(cx)).await
        }
        Err(error) => Err(error),
    };
    match made {
        // Shown in the response to the form itself: the secret is not stored, so a redirect could not show it.
        Ok(secret) => shown(cx, operator.into(), &blank(), Some((name, &secret))).await,
        Err(error) => shown(cx, operator.into(), &with_refusal(cx, error)?, None).await,
    }
}

/// The form before anything is entered.
fn blank() -> SubmittedForm {
    SubmittedForm::filled(&[("expires", "365"), (&field_of(Scope::Read), "yes")])
}

/// The field name of a scope's checkbox.
fn field_of(scope: Scope) -> String {
    format!("scope_{}", scope.name())
}

fn expires<S: Platform>(cx: &PageContext<'_, S>) -> Result<UtcMillis, AppError> {
    match cx.form.get("expires").parse::<i64>() {
        Ok(days @ 1..=api_token::DAYS_MAX) => Ok(cx.now().plus_ms(days * DAY_MS)),
        _ => Err(AppError::new(ErrorKind::Unprocessable, "malformed", wording::CHOOSE_EXPIRY).field("expires")),
    }
}

pub async fn revoke<S: Platform>(cx: &PageContext<'_, S>, operator: Operator, id: &str) -> PageResult {
    api_token::revoke(&cx.context(&operator.session), id).await?;
    Ok(cx.redirect_after_post("/operator/tokens?done=token-revoked"))
}
