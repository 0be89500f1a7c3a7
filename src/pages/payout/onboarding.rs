//! Payout setup: the partner's Stripe account, and what Stripe still needs. The browser goes to Stripe by a plain link,
//! because a form may not lead to another site.

use crate::codec::message::email::requirements;
use crate::codec::operator::OnboardingRequest;
use crate::engine::payout::region;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::refusal::with_refusal;
use crate::pages::text::partner::payout_setup as text;
use crate::pages::text::shared::{component, country, field};
use crate::pages::viewer::{Gate, Partner};
use crate::service::error::{AppError, ErrorKind};
use crate::service::payout::{onboard, platform};
use crate::store::payout::payee;
use crate::store::payout::payee::PayeeRow;
use crate::store::payout::platform::{PayoutReach, payout_reach};
use crate::store::query::First;
use maud::{Markup, html};

/// Countries where Stripe pays out, as of 2025. Stripe itself decides which of them a platform may pay.
#[rustfmt::skip]
const COUNTRIES: &[&str] = &[
    "AU", "AT", "BE", "BR", "BG", "CA", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GI", "GR", "HK", "HU", "IE",
    "IT", "JP", "LV", "LI", "LT", "LU", "MY", "MT", "MX", "NL", "NZ", "NO", "PL", "PT", "RO", "SG", "SK", "SI", "ES",
    "SE", "CH", "TH", "AE", "GB", "US",
];

/// What Stripe still needs, in words and without repetitions.
pub fn due(payee: &PayeeRow) -> Vec<&'static str> {
    requirements::in_words(&serde_json::from_str::<Vec<String>>(&payee.currently_due).unwrap_or_default())
}

/// Whether payouts can reach the partner, and what to do if they cannot.
pub fn standing<S: Platform>(cx: &PageContext<'_, S>, payee: Option<&PayeeRow>, reach: &PayoutReach) -> Markup {
    let country = payee.and_then(|p| p.country.as_ref()).or(reach.country.as_ref()).map(String::as_str);
    if !region::is_offered(reach.platform_country.as_deref(), country) {
        return html! { p { (text::not_offered(country_name(country.unwrap_or_default()))) } };
    }
    let Some(payee) = payee else {
        if connected(cx).is_err() {
            return html! { p.quiet { (text::NOT_CONNECTED) ". " (text::EARNINGS_KEPT) } };
        }
        return html! {
            div.todo {
                h2 { (text::SET_UP_PAYOUTS) }
                p { @if let Some(why) = reach.closed { (text::closed(why)) " " } (text::SET_UP_WHY) (text::EARNINGS_KEPT) }
                p { a.button href="/partner/payouts/setup" { (text::SET_UP_PAYOUTS) } }
            }
        };
    };
    if payee.is_payable() {
        return html! {
            p { (components::state("active")) (text::ACTIVE) }
            form.inline-form method="post" action="/partner/payouts/dashboard" {
                (layout::csrf(cx))
                button.second { (text::DASHBOARD) }
                a href="/partner/payouts/setup" { (text::UPDATE) }
            }
        };
    }
    let due = due(payee);
    html! {
        div.todo {
            h2 { (text::NOT_YET) }
            @if due.is_empty() {
                p { (text::REVIEWING) (text::EARNINGS_KEPT) }
            } @else {
                p { (text::STILL_NEEDS) }
                ul { @for what in &due { li { (what) } } }
            }
            p { a.button href="/partner/payouts/setup" { (component::CONTINUE) } }
        }
    }
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let (partner, (reach, payee)) = gate.open(cx, reads(cx)).await?;
    let reach = reach.unwrap_or_default();
    let country = reach.country.clone().unwrap_or_default();
    requested(cx, 200, &partner, payee.as_ref(), &SubmittedForm::filled(&[("country", &country)]), &reach)
}

type Setup = (First<PayoutReach>, First<PayeeRow>);

fn reads<S: Platform>(cx: &PageContext<'_, S>) -> Setup {
    (payout_reach(cx.claimed_partner()).first(), payee::payee_find(cx.claimed_partner()).first())
}

/// Where the partner can be paid. If the platform's country is unknown, it is asked before an account is created, which
/// can't be undone. Pages show what is stored, so that each is one batch.
async fn known_reach<S: Platform>(cx: &PageContext<'_, S>, stored: Option<PayoutReach>) -> PayoutReach {
    let reach = stored.unwrap_or_default();
    let platform_country = platform::country(&cx.app.context(""), reach.platform_country).await;
    PayoutReach { platform_country, ..reach }
}

fn requested<S: Platform>(
    cx: &PageContext<'_, S>,
    status: u16,
    partner: &Partner,
    payee: Option<&PayeeRow>,
    form: &SubmittedForm,
    reach: &PayoutReach,
) -> PageResult {
    let ready = cx.app.config.setup.stripe.is_some();
    let content = html! {
        (components::heading(text::SET_UP_PAYOUTS, text::LEAD, html! {}))
        (components::problems(form))
        @if !ready {
            (components::empty(text::NOT_CONNECTED, html! { (text::NOT_CONNECTED_WHY) (text::EARNINGS_KEPT) }))
        } @else {
            form.stack method="post" action="/partner/payouts/setup" {
                (layout::csrf(cx))
                @if let Some(payee) = payee {
                    p { (text::YOUR_ACCOUNT) code { (payee.stripe_account_id) } @if let Some(c) = &payee.country { (text::IN_COUNTRY) (country_name(c)) } "." }
                } @else {
                    @if let Some(why) = reach.closed { p { (text::closed(why)) } }
                    @if let Some(country) = reach.country.as_deref().filter(|_| !reach.is_offered()) {
                        p { (text::not_offered(country_name(country))) }
                    }
                    (country_field(form, reach))
                }
                button { (component::CONTINUE) }
            }
            @if payee.is_some_and(|p| p.country.is_some()) {
                h2 { (text::MOVED) }
                p { (text::MOVED_WHY) }
                form.stack method="post" action="/partner/payouts/setup" {
                    (layout::csrf(cx))
                    (country_field(form, reach))
                    button.second { (text::MOVED_BUTTON) }
                }
            }
        }
    };
    let page = Page { title: text::SET_UP_PAYOUTS, area: Area::Partner(partner), here: "/partner/payouts", content };
    Ok(layout::show(cx, status, page))
}

fn country_field(form: &SubmittedForm, reach: &PayoutReach) -> Markup {
    let hint = text::country_hint();
    let country = Field { name: "country", label: field::COUNTRY, hint: &hint, required: true, ..Field::default() };
    components::select(form, country, &choices(reach))
}

fn country_name(code: &str) -> &str {
    country::COUNTRIES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

/// The countries to choose from: those that the platform reaches, or those where Stripe pays out while that is unknown.
fn choices(reach: &PayoutReach) -> Vec<(&'static str, &'static str)> {
    let mut choices = vec![("", text::COUNTRY_UNCHOSEN)];
    choices.extend(country::COUNTRIES.iter().filter(|(code, _)| is_choice(reach, code)));
    choices
}

fn is_choice(reach: &PayoutReach, code: &str) -> bool {
    match reach.platform_country.as_deref() {
        None => COUNTRIES.contains(&code),
        platform => region::is_offered(platform, Some(code)),
    }
}

/// Gets a new link to Stripe's onboarding, and creates the account if there is none.
pub async fn begin<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let (partner, (reach, payee)) = gate.open(cx, reads(cx)).await?;
    connected(cx)?;
    let reach = known_reach(cx, reach).await;
    let mut form = cx.form.clone();
    // With an account, a country is only given by somebody who moved.
    let country = form.given("country").map(str::to_owned);
    if (payee.is_none() || country.is_some()) && !is_choice(&reach, country.as_deref().unwrap_or_default()) {
        let known = country::COUNTRIES.iter().find(|(code, _)| Some(*code) == country.as_deref());
        form.refuse("country", known.map_or(field::CHOOSE_COUNTRY.to_owned(), |(_, name)| text::not_offered(name)));
        return requested(cx, 422, &partner, payee.as_ref(), &form, &reach);
    }
    let base = cx.base_url();
    let onboarding = OnboardingRequest {
        return_url: Some(format!("{base}/partner/payouts")),
        refresh_url: Some(format!("{base}/partner/payouts/setup")),
        country,
    };
    match onboard::onboard(&cx.context(&partner.session), &partner.id, &onboarding, &base).await {
        Ok((_, answer)) => onwards(cx, &partner, answer["url"].as_str().unwrap_or_default(), text::YOUR_DETAILS),
        Err(error) => requested(cx, 422, &partner, payee.as_ref(), &with_refusal(cx, error)?, &reach),
    }
}

pub async fn dashboard<S: Platform>(cx: &PageContext<'_, S>, partner: Partner) -> PageResult {
    connected(cx)?;
    let (_, answer) = onboard::dashboard(&cx.context(&partner.session), &partner.id).await?;
    onwards(cx, &partner, answer["url"].as_str().unwrap_or_default(), text::YOUR_STRIPE)
}

/// Whether the program has connected Stripe. Partners do not see configuration errors.
fn connected<S: Platform>(cx: &PageContext<'_, S>) -> Result<(), AppError> {
    let detail = text::NOT_CONNECTED_PROBLEM;
    match cx.app.config.setup.stripe {
        Some(_) => Ok(()),
        None => Err(AppError::new(ErrorKind::Conflict, "not_configured", detail)),
    }
}

/// A single-use link to Stripe for the partner to follow.
fn onwards<S: Platform>(cx: &PageContext<'_, S>, partner: &Partner, url: &str, title: &str) -> PageResult {
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(AppError::new(ErrorKind::Fault, "stripe_answer", text::NO_URL).into());
    }
    let content = html! {
        div.message {
            h1 { (title) }
            p { (text::ONCE) }
            p { a.button href=(url) rel="noopener noreferrer" { (text::TO_STRIPE) } }
            p { a href="/partner/payouts" { (text::NOT_NOW) } }
        }
    };
    let page = Page { title, area: Area::Partner(partner), here: "/partner/payouts", content };
    Ok(layout::show(cx, 200, page))
}
