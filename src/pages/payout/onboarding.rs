//! Payout setup: the partner's Stripe account, and what Stripe still needs. The browser goes to Stripe by a plain link,
//! because a form may not lead to another site.

use crate::codec::operator::OnboardingRequest;
use crate::engine::payout::payee::is_payable;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult, Partner};
use crate::pages::form::SubmittedForm;
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::partner::wording;
use crate::pages::route::with_refusal;
use crate::pages::text::partner as text;
use crate::service::error::{AppError, ErrorKind};
use crate::service::payout::onboard;
use crate::store::partner;
use crate::store::partner::PartnerRow;
use crate::store::payout::payee;
use crate::store::payout::payee::PayeeRow;
use maud::{Markup, html};

/// Countries where Stripe pays out, as of 2025. Stripe itself says which of them a platform may pay.
const COUNTRIES: &[(&str, &str)] = &[
    ("", "Choose"),
    ("AU", "Australia"),
    ("AT", "Austria"),
    ("BE", "Belgium"),
    ("BR", "Brazil"),
    ("BG", "Bulgaria"),
    ("CA", "Canada"),
    ("HR", "Croatia"),
    ("CY", "Cyprus"),
    ("CZ", "Czechia"),
    ("DK", "Denmark"),
    ("EE", "Estonia"),
    ("FI", "Finland"),
    ("FR", "France"),
    ("DE", "Germany"),
    ("GI", "Gibraltar"),
    ("GR", "Greece"),
    ("HK", "Hong Kong"),
    ("HU", "Hungary"),
    ("IE", "Ireland"),
    ("IT", "Italy"),
    ("JP", "Japan"),
    ("LV", "Latvia"),
    ("LI", "Liechtenstein"),
    ("LT", "Lithuania"),
    ("LU", "Luxembourg"),
    ("MY", "Malaysia"),
    ("MT", "Malta"),
    ("MX", "Mexico"),
    ("NL", "Netherlands"),
    ("NZ", "New Zealand"),
    ("NO", "Norway"),
    ("PL", "Poland"),
    ("PT", "Portugal"),
    ("RO", "Romania"),
    ("SG", "Singapore"),
    ("SK", "Slovakia"),
    ("SI", "Slovenia"),
    ("ES", "Spain"),
    ("SE", "Sweden"),
    ("CH", "Switzerland"),
    ("TH", "Thailand"),
    ("AE", "United Arab Emirates"),
    ("GB", "United Kingdom"),
    ("US", "United States"),
];

/// What Stripe still needs, in words, each once.
pub fn due(payee: &PayeeRow) -> Vec<String> {
    let asked: Vec<String> = serde_json::from_str(&payee.currently_due).unwrap_or_default();
    let mut locale: Vec<String> = asked.iter().map(|name| asked_for(name)).collect();
    locale.sort();
    locale.dedup();
    locale
}

/// `individual.verification.document` as "an identity document".
fn asked_for(name: &str) -> String {
    let has = |part: &str| name.contains(part);
    let known = [
        ("external_account", "a bank account"),
        ("tos_acceptance", "your agreement to Stripe's terms"),
        ("document", "an identity document"),
        ("dob", "your date of birth"),
        ("ssn", "your tax ID number"),
        ("id_number", "your tax ID number"),
        ("tax_id", "your tax ID number"),
        ("address", "an address"),
        ("email", "an email address"),
        ("phone", "a phone number"),
        ("first_name", "your name"),
        ("last_name", "your name"),
        ("business_profile", "what your business does"),
        ("business_type", "what kind of business you are"),
        ("representative", "who represents your business"),
        ("owners", "who owns your business"),
    ];
    let found = known.iter().find(|(part, _)| has(part)).map(|(_, locale)| (*locale).to_owned());
    found.unwrap_or_else(|| wording::spaced(name).to_lowercase())
}

/// Whether payouts can reach the partner, and what to do if they cannot.
pub fn standing<S: Platform>(cx: &PageContext<'_, S>, payee: Option<&PayeeRow>) -> Markup {
    let Some(payee) = payee else {
        if connected(cx).is_err() {
            return html! { p.quiet { "Payouts are not set up yet. " (text::EARNINGS_KEPT) } };
        }
        return html! {
            div.todo {
                h2 { "Set up payouts" }
                p { "We pay you through Stripe. Setup takes a few minutes. " (text::EARNINGS_KEPT) }
                p { a.button href="/partner/payouts/setup" { "Set up payouts" } }
            }
        };
    };
    if is_payable(payee.transfers_active != 0, payee.payouts_enabled != 0) {
        return html! {
            p { (components::state("active")) " Payouts go to your Stripe account." }
            form.inline-form method="post" action="/partner/payouts/dashboard" {
                (layout::csrf(cx))
                button.second { "Open Stripe dashboard" }
                a href="/partner/payouts/setup" { "Update payout details" }
            }
        };
    }
    let due = due(payee);
    html! {
        div.todo {
            h2 { "Stripe can't pay you yet" }
            @if due.is_empty() {
                p { "Stripe is reviewing your details. This may take a day or two. " (text::EARNINGS_KEPT) }
            } @else {
                p { "Stripe still needs:" }
                ul { @for what in &due { li { (what) } } }
            }
            p { a.button href="/partner/payouts/setup" { "Continue" } }
        }
    }
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (partner, rows) =
        cx.partner(vec![partner::partner_find(cx.claimed_partner()), payee::payee_find(cx.claimed_partner())]).await?;
    let row: Option<PartnerRow> = rows[0].first()?;
    let country = row.and_then(|r| r.country).unwrap_or_default();
    asked(cx, 200, &partner, rows[1].first()?.as_ref(), &SubmittedForm::filled(&[("country", &country)]))
}

fn asked<S: Platform>(
    cx: &PageContext<'_, S>,
    status: u16,
    partner: &Partner,
    payee: Option<&PayeeRow>,
    form: &SubmittedForm,
) -> PageResult {
    let ready = cx.app.config.setup.stripe.is_some();
    let lead = "We pay you through Stripe. Stripe asks for your identity and bank details. We never see your documents or your bank account.";
    let content = html! {
        (components::heading("Set up payouts", lead, html! {}))
        (components::problems(form))
        @if !ready {
            (components::empty("Payouts are not set up yet", html! { "The program has not connected Stripe yet. " (text::EARNINGS_KEPT) }))
        } @else {
            form.stack method="post" action="/partner/payouts/setup" {
                (layout::csrf(cx))
                @if let Some(payee) = payee {
                    p { "Your Stripe account is " code { (payee.stripe_account_id) } @if let Some(c) = &payee.country { ", in " (country_name(c)) } "." }
                } @else {
                    (components::select(form, Field {
                        name: "country",
                        label: "Country",
                        hint: &format!("{} You can't change it later.", text::COUNTRY_HINT),
                        required: true,
                        ..Field::default()
                    }, COUNTRIES))
                }
                button { "Continue" }
            }
        }
    };
    let page = Page { title: "Set up payouts", area: Area::Partner(partner), here: "/partner/payouts", content };
    Ok(layout::show(cx, status, page))
}

fn country_name(code: &str) -> &str {
    COUNTRIES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

/// Gets a new link to Stripe's onboarding, and creates the account if there is none.
pub async fn begin<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (partner, rows) = cx.partner(vec![payee::payee_find(cx.claimed_partner())]).await?;
    connected(cx)?;
    let payee: Option<PayeeRow> = rows[0].first()?;
    let mut form = cx.form.clone();
    let country = form.get("country").to_owned();
    if payee.is_none() && (country.is_empty() || !COUNTRIES.iter().any(|(code, _)| *code == country)) {
        form.refuse("country", text::CHOOSE_COUNTRY);
        return asked(cx, 422, &partner, None, &form);
    }
    let base = cx.base_url();
    let onboarding = OnboardingRequest {
        return_url: Some(format!("{base}/partner/payouts")),
        refresh_url: Some(format!("{base}/partner/payouts/setup")),
        country: payee.is_none().then_some(country),
        recipient_agreement: false,
    };
    match onboard::onboard(&cx.context(&partner.session), &partner.id, &onboarding, &base).await {
        Ok((_, answer)) => onwards(cx, &partner, answer["url"].as_str().unwrap_or_default(), "Your payout details"),
        Err(error) => asked(cx, 422, &partner, payee.as_ref(), &with_refusal(cx, error)?),
    }
}

pub async fn dashboard<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let (partner, _) = cx.partner(Vec::new()).await?;
    connected(cx)?;
    let (_, answer) = onboard::dashboard(&cx.context(&partner.session), &partner.id).await?;
    onwards(cx, &partner, answer["url"].as_str().unwrap_or_default(), "Your Stripe account")
}

/// Whether the program has connected Stripe. Partners do not see what is wrong with its configuration.
fn connected<S: Platform>(cx: &PageContext<'_, S>) -> Result<(), AppError> {
    let detail = "the program has not connected Stripe yet; your earnings are kept for you until then";
    match cx.app.config.setup.stripe {
        Some(_) => Ok(()),
        None => Err(AppError::new(ErrorKind::Conflict, "not_configured", detail)),
    }
}

/// A single-use link to Stripe for the partner to follow.
fn onwards<S: Platform>(cx: &PageContext<'_, S>, partner: &Partner, url: &str, title: &str) -> PageResult {
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(AppError::new(ErrorKind::Fault, "stripe_answer", "Stripe's response has no URL").into());
    }
    let content = html! {
        div.message {
            h1 { (title) }
            p { "This link to Stripe works once and expires in a few minutes." }
            p { a.button href=(url) rel="noopener noreferrer" { "Continue to Stripe" } }
            p { a href="/partner/payouts" { "Not now" } }
        }
    };
    let page = Page { title, area: Area::Partner(partner), here: "/partner/payouts", content };
    Ok(layout::show(cx, 200, page))
}
