//! API tokens: create, show once, revoke.

use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::identity::access::{SCOPES, Scope, Scopes};
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{Field, text};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout::csrf;
use crate::pages::operator::helpers;
use crate::pages::route::with_refusal;
use crate::service::error::{AppError, ErrorKind};
use crate::service::identity::api_token;
use crate::service::identity::api_token::TokenRequest;
use crate::store::settlement::operator_runs::{TokenShown, token_list};
use maud::{Markup, html};

/// What each scope allows.
const SCOPES_SHOWN: &[(Scope, &str)] = &[
    (Scope::Read, "read everything"),
    (Scope::Events, "send events and reconciliations"),
    (Scope::Credits, "read and redeem credits"),
    (Scope::Partners, "create partners and links, and reassign accounts"),
    (Scope::Payouts, "decide reviews, runs, payouts and the reward budget"),
    (Scope::Programs, "save programs and run dry runs"),
    (Scope::Admin, "everything, including webhook endpoints and tokens"),
];

/// How many tokens are listed, active ones first.
const LISTED: i64 = 50;

pub async fn list<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    shown(cx, &blank(), None).await
}

async fn shown<S: Platform>(cx: &PageContext<'_, S>, form: &SubmittedForm, made: Option<(&str, &str)>) -> PageResult {
    let (session, rows) = cx.operator(vec![token_list(LISTED)]).await?;
    let tokens: Vec<TokenShown> = rows[0].decode()?;
    let columns =
        [text("Name"), text("State"), text("Created"), text("Scopes"), text("Expires"), text("First used"), text("")];
    let cells = |t: &TokenShown| {
        let works = t.revoked_at_ms.is_none() && t.expires_at_ms > cx.now();
        let state = if t.revoked_at_ms.is_some() {
            "revoked"
        } else if works {
            "active"
        } else {
            "expired"
        };
        vec![
            html! { (t.name) },
            components::state(state),
            components::day(&*cx.locale, t.created_at_ms),
            html! { (t.scopes) },
            components::day(&*cx.locale, t.expires_at_ms),
            html! { @match t.first_used_at_ms { Some(at) => (components::day(&*cx.locale, at)), None => "never" } },
            revoke_form(cx, t, works),
        ]
    };
    let lead = "Your apps use tokens to call the API. Give each app its own token, so you can revoke one without affecting the others.";
    let content = html! {
        (components::heading("API tokens", lead, html! { a.button.second href="/openapi.json" { "API reference" } }))
        (components::problems(form))
        @if let Some((name, secret)) = made {
            section.todo aria-labelledby="made" {
                h2 id="made" { "Token " (name) " created" }
                p { "Copy it now. You won't be able to see it again." }
                (components::copyable("Token", secret))
            }
        }
        @if tokens.is_empty() {
            (components::empty("No tokens yet", html! { "Create one below and send it as " code { "Authorization: Bearer …" } "." }))
        } @else {
            (components::table("Tokens", &columns, &tokens.iter().map(cells).collect::<Vec<_>>()))
        }
        h2 { "Create a token" }
        form.stack method="post" action="/operator/tokens" {
            (helpers::hidden(cx))
            (components::field(form, Field {
                name: "name", label: "Name", hint: "The app that will use it. The audit log shows this name.",
                required: true, autocomplete: "off", max: api_token::NAME_CHARS_MAX, ..Field::default()
            }))
            (components::select(form, Field { name: "expires", label: "Expires after", required: true, ..Field::default() },
                &[("30", "30 days"), ("90", "90 days"), ("365", "1 year")]))
            fieldset {
                legend { "Scopes" }
                @for (scope, what) in SCOPES_SHOWN {
                    (components::checkbox(form, &field_of(*scope), html! { strong { (scope.name()) } ": " (what) }))
                }
            }
            button { "Create token" }
        }
    };
    Ok(helpers::frame(cx, &session, helpers::status(form), ("/operator/tokens", "API tokens"), content))
}

fn revoke_form<S: Platform>(cx: &PageContext<'_, S>, t: &TokenShown, works: bool) -> Markup {
    html! {
        @if works {
            form method="post" action={ "/operator/tokens/" (components::escaped(&t.id)) "/revoke" } {
                (csrf(cx))
                button.danger aria-label={ "Revoke token " (t.name) } { "Revoke" }
            }
        }
    }
}

pub async fn make<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (session, _) = cx.operator(Vec::new()).await?;
    let name = cx.form.get("name");
    let made = match expires(cx) {
        Ok(expires_at) => {
            let chosen: Vec<Scope> = SCOPES.into_iter().filter(|s| cx.form.is_checked(&field_of(*s))).collect();
            let maker = cx.scopes(&session);
            let wanted = TokenRequest { name, scopes: Scopes::of(&chosen), expires_at, maker };
            api_token::make(&cx.context(&session), &wanted, &helpers::key(cx)).await
        }
        Err(error) => Err(error),
    };
    match made {
        // Shown in the response to the form itself: the secret is not stored, so a redirect could not show it.
        Ok(secret) => shown(cx, &blank(), Some((name, &secret))).await,
        Err(error) => shown(cx, &with_refusal(cx, error)?, None).await,
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
        _ => {
            Err(AppError::new(ErrorKind::Unprocessable, "malformed", "choose when the token expires").field("expires"))
        }
    }
}

pub async fn revoke<S: Platform>(cx: &PageContext<'_, S>, id: &str) -> PageResult {
    let (session, _) = cx.operator(Vec::new()).await?;
    api_token::revoke(&cx.context(&session), id).await?;
    Ok(cx.redirect_after_post("/operator/tokens?done=token-revoked"))
}
