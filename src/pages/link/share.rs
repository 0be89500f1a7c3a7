//! The share kit: drafts with the link filled in, to edit, copy, and send.

use crate::base::ids::LinkCode;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::Field;
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::link::share_templates;
use crate::pages::link::share_templates::TONES;
use crate::pages::text::partner::{navigation, share as text};
use crate::pages::text::shared::component;
use crate::pages::viewer::{Gate, Partner};
use crate::service::error::AppError;
use crate::store::partner::page as reads;
use crate::store::partner::page::LinkName;
use crate::store::program::programs;
use maud::{Markup, html};

/// Links to choose from; the rest open the kit from their own page.
const LINKS: i64 = 50;
/// The longest text that is kept while it is edited.
const TEXT_MAX: usize = 5_000;

/// The drafts, or the texts that the form sent.
pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let typed = cx.request.method == "POST";
    let param = |name: &str| {
        let given = cx.form.given(name).map(str::to_owned);
        if typed { given } else { cx.request.param(name).filter(|value| !value.is_empty()) }
    };
    let (link, tone) = (param("link").map(LinkCode::from), param("tone").unwrap_or_default());
    let (claimed_partner, now) = (cx.claimed_partner(), cx.now());
    let reads = (
        reads::link_choices(claimed_partner, now, LINKS),
        reads::link_own(claimed_partner, &link.clone().unwrap_or_default(), reads::day_of(now)).first(),
        programs(),
    );
    let (partner, (mut choices, chosen, catalog)) = gate.open(cx, reads).await?;
    if link.is_some() && chosen.is_none() {
        return Err(AppError::not_found("link").into());
    }
    let code = match chosen.filter(|l| link.is_some() && l.disabled_at_ms.is_none()) {
        Some(l) => {
            if !choices.iter().any(|c| c.code == l.code) {
                choices.push(LinkName { code: l.code.clone(), campaign: l.campaign });
            }
            Some(l.code)
        }
        None => choices.first().map(|c| c.code.clone()),
    };
    let document = catalog.current(&partner.program, now);
    let left = partner.session.left_at_ms.is_some();
    let content = match code.filter(|_| !left) {
        None => html! {
            (components::heading(navigation::SHARE_KIT, "", html! {}))
            (components::empty(text::NO_LINKS, html! { a href="/partner/links" { (text::CREATE_ONE) } (text::CREATE_ONE_WHY) }))
        },
        Some(code) => {
            let tone = TONES.iter().find(|(value, _)| *value == tone).map_or(TONES[0].0, |(value, _)| value);
            let url = format!("{}/r/{code}", cx.base_url());
            let product = share_templates::site_name(cx);
            let fresh = share_templates::written(cx.locale.as_ref(), document, tone, &product, &partner.name, &url);
            let form = if typed {
                cx.form.clone()
            } else {
                SubmittedForm::filled(&[
                    ("subject", &fresh.subject),
                    ("body", &fresh.body),
                    ("post", &fresh.post),
                    ("short", &fresh.short),
                ])
            };
            kit(cx, &choices, (&code, tone), &form, text::disclosure(document))
        }
    };
    let page = Page { title: navigation::SHARE_KIT, area: Area::Partner(&partner), here: "/partner/share", content };
    Ok(layout::show(cx, 200, page))
}

fn kit<S: Platform>(
    cx: &PageContext<'_, S>,
    choices: &[LinkName],
    (code, tone): (&str, &str),
    form: &SubmittedForm,
    disclosure: &str,
) -> Markup {
    let names: Vec<(String, String)> = choices
        .iter()
        .map(|c| {
            (
                c.code.to_string(),
                c.campaign.as_ref().map_or(c.code.to_string(), |campaign| text::campaign_and_code(campaign, &c.code)),
            )
        })
        .collect();
    let names: Vec<(&str, &str)> = names.iter().map(|(code, name)| (code.as_str(), name.as_str())).collect();
    let choice = SubmittedForm::filled(&[("link", code), ("tone", tone)]);
    let required = |name, label| Field { name, label, required: true, ..Field::default() };
    let long = |name, label| Field { kind: "textarea", max: TEXT_MAX, ..required(name, label) };
    html! {
        (components::heading(navigation::SHARE_KIT, text::LEAD, html! {}))
        form.inline-form method="get" action="/partner/share" {
            (components::select(&choice, required("link", text::LINK), &names))
            (components::select(&choice, required("tone", text::TONE), TONES))
            button.second { (text::RESET) }
        }
        form.kit method="post" action="/partner/share" {
            (layout::csrf(cx))
            input type="hidden" name="link" value=(code);
            input type="hidden" name="tone" value=(tone);
            div.columns {
                div {
                    h2 { (text::EMAIL) }
                    (components::field(form, Field { max: 200, ..required("subject", text::SUBJECT) }))
                    (components::field(form, long("body", text::BODY)))
                    div.actions {
                        a.button data-mail href=(share_templates::mail_address(form.get("subject"), form.get("body"))) { (text::OPEN_EMAIL) }
                        (copy("body"))
                    }
                }
                div {
                    h2 { (text::POSTS) }
                    (components::field(form, long("post", text::POST)))
                    div.actions { (copy("post")) }
                    (components::field(form, long("short", text::SHORT_POST)))
                    div.actions { (copy("short")) }
                }
            }
            p.quiet { (text::keep_disclosure(disclosure)) }
            // With scripts, the email takes the text from the fields.
            noscript { p { button.second { (text::UPDATE_EMAIL) } } }
        }
    }
}

/// A button that copies a field's current text.
fn copy(field: &str) -> Markup {
    html! { button.second type="button" data-copy="" data-copy-from=(field) hidden { (component::COPY) } }
}
