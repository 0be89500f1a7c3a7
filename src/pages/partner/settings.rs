//! A partner's settings: profile, emails, sessions, a copy of their data, and leaving.

use crate::codec::message::email::words;
use crate::codec::operator;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::pages::columns;
use crate::pages::columns::text;
use crate::pages::components;
use crate::pages::components::{Field, checkbox, day, field, instant, select};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::partner::export;
use crate::pages::refusal::with_refusal;
use crate::pages::text::partner::{navigation, settings as text};
use crate::pages::text::shared::country::COUNTRIES;
use crate::pages::text::shared::{component, field as wording, frame};
use crate::pages::viewer::{Gate, Partner, Person};
use crate::service::error::AppError;
use crate::service::message::unsubscribe;
use crate::service::partner::profile;
use crate::store::identity::session;
use crate::store::identity::session::OpenSession;
use crate::store::message::unsubscribe::unsubscribe_of_partner;
use crate::store::partner::profile::{ProfileRow, profile_find};
use crate::store::query::{First, Query};
use maud::{Markup, html};
use serde_json::json;

/// Everything the page shows, in one batch.
fn reads<S: Platform>(cx: &PageContext<'_, S>) -> (First<ProfileRow>, Query<OpenSession>) {
    let token = cx.token_sha256().unwrap_or_default();
    (profile_find(cx.claimed_partner()).first(), session::session_list(&token, cx.now()))
}

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let (partner, (row, open)) = gate.open(cx, reads(cx)).await?;
    let row = row.ok_or_else(|| AppError::not_found("partner"))?;
    front(cx, 200, &partner, &open, &filled(&row), &SubmittedForm::default())
}

/// The profile form with the stored values.
fn filled(row: &ProfileRow) -> SubmittedForm {
    let given = |value: &'_ Option<String>| value.clone().unwrap_or_default();
    SubmittedForm::filled(&[
        ("name", &given(&row.name)),
        ("website", &given(&row.website)),
        ("country", &given(&row.country)),
        ("display_name", &given(&row.display_name)),
    ])
}

fn front<S: Platform>(
    cx: &PageContext<'_, S>,
    status: u16,
    partner: &Partner,
    open: &[OpenSession],
    profile: &SubmittedForm,
    leaving: &SubmittedForm,
) -> PageResult {
    let content = html! {
        (components::heading(navigation::SETTINGS, text::LEAD, html! {}))
        h2 { (text::PROFILE) }
        (components::problems(profile))
        (profile_form(cx, partner, profile))
        h2 { (text::EMAILS) }
        p { (text::ALWAYS_EMAILED) a href="/partner/settings/emails" { (text::CHOOSE_EMAILS) } "." }
        h2 id="sessions" { (text::SESSIONS) }
        (sessions(cx, open))
        h2 { (text::DATA) }
        p {
            (text::data(&cx.locale.number(export::LINES)))
            (text::DATA_NEXT) code { (text::DATA_NEXT_FIELD) } (text::DATA_NEXT_LINKS)
        }
        p { a.button.second href="/partner/settings/data" { (text::DOWNLOAD) } " " a href="/partner/settings/stored" { (text::SEE_OR_ERASE) } }
        h2 id="leave" { (text::LEAVE) }
        (leave_form(cx, partner, leaving))
    };
    Ok(framed(cx, status, navigation::SETTINGS, partner, content))
}

pub fn framed<S: Platform>(
    cx: &PageContext<'_, S>,
    status: u16,
    title: &str,
    partner: &Partner,
    content: Markup,
) -> Response {
    layout::show(cx, status, Page { title, area: Area::Partner(partner), here: "/partner/settings", content })
}

fn profile_form<S: Platform>(cx: &PageContext<'_, S>, partner: &Partner, form: &SubmittedForm) -> Markup {
    let mut choices = vec![("", text::NO_COUNTRY)];
    choices.extend(COUNTRIES);
    let email = partner.session.partner_email.as_deref().unwrap_or(text::NO_EMAIL);
    html! {
        form.stack method="post" action="/partner/settings" {
            (layout::csrf(cx))
            (field(form, Field { name: "name", label: wording::NAME, required: true, autocomplete: "organization", max: 200,
                ..Field::default() }))
            p { (text::EMAIL_IS) strong { (email) } br; a href="/partner/settings/email" { (text::CHANGE_EMAIL) } }
            (field(form, Field { name: "website", label: wording::WEBSITE, hint: wording::WEBSITE_HINT, autocomplete: "url",
                max: 500, ..Field::default() }))
            (select(form, Field { name: "country", label: wording::COUNTRY, ..Field::default() }, &choices))
            (field(form, Field { name: "display_name", label: text::DISPLAY_NAME, max: 64,
                hint: text::DISPLAY_NAME_HINT, ..Field::default() }))
            button { (component::SAVE) }
        }
    }
}

pub async fn keep<S: Platform>(cx: &PageContext<'_, S>, partner: Partner) -> PageResult {
    let mut form = cx.form.clone();
    if form.given("name").is_none() {
        form.refuse("name", wording::ENTER_NAME);
    }
    let country = form.get("country").to_owned();
    if !country.is_empty() && !COUNTRIES.iter().any(|(code, _)| *code == country) {
        form.refuse("country", wording::CHOOSE_COUNTRY);
    }
    if !form.is_good() {
        return refused(cx, partner, &form).await;
    }
    let body = json!({
        "name": form.get("name"), "website": form.get("website"), "country": country,
        "display_name": form.get("display_name"),
    });
    let kept = match operator::profile(body.to_string().as_bytes()) {
        Ok(new) => profile::keep(&cx.context(&partner.session), &partner.id, &new).await,
        Err(invalid) => Err(invalid.into()),
    };
    match kept {
        Ok(()) => Ok(cx.redirect_after_post("/partner/settings?done=profile-kept")),
        Err(error) => {
            let form = with_refusal(cx, error)?;
            refused(cx, partner, &form).await
        }
    }
}

/// The settings again, with what is wrong with the profile.
async fn refused<S: Platform>(cx: &PageContext<'_, S>, partner: Partner, profile: &SubmittedForm) -> PageResult {
    let (partner, (_, open)) = Gate::from(partner).open(cx, reads(cx)).await?;
    front(cx, 422, &partner, &open, profile, &SubmittedForm::default())
}

pub async fn mails<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Partner>) -> PageResult {
    let (partner, unwanted) = gate.open(cx, unsubscribe_of_partner(cx.claimed_partner())).await?;
    let wanted = unsubscribe::choices().filter(|k| !unwanted.iter().any(|u| u.kind == k.name()));
    let form = SubmittedForm::filled(&wanted.map(|k| (k.name(), "yes")).collect::<Vec<_>>());
    let content = html! {
        (components::heading(text::EMAILS, text::EMAILS_LEAD, html! {}))
        @if partner.session.partner_email.is_none() {
            (components::empty(text::EMAIL_UNKNOWN, html! { (text::EMAIL_UNKNOWN_HINT) }))
        } @else {
            form.stack method="post" action="/partner/settings/emails" {
                (layout::csrf(cx))
                @for kind in unsubscribe::choices() { (checkbox(&form, kind.name(), html! { (words::choice(kind)) })) }
                button { (component::SAVE) }
            }
            p.quiet { (text::CHOICES) }
        }
        p { a href="/partner/settings" { (text::BACK) } }
    };
    Ok(framed(cx, 200, text::EMAILS, &partner, content))
}

pub async fn choose<S: Platform>(cx: &PageContext<'_, S>, partner: Partner) -> PageResult {
    if let Some(address) = &partner.session.partner_email {
        let wanted: Vec<&str> =
            unsubscribe::choices().map(|k| k.name()).filter(|name| cx.form.is_checked(name)).collect();
        unsubscribe::choose(&cx.context(&partner.session), address, &wanted).await?;
    }
    Ok(cx.redirect_after_post("/partner/settings/emails?done=choice-kept"))
}

fn sessions<S: Platform>(cx: &PageContext<'_, S>, open: &[OpenSession]) -> Markup {
    let locale = cx.locale.as_ref();
    let way = |s: &OpenSession| if s.way == "site" { text::BY_SITE } else { text::BY_EMAIL };
    let columns = [
        text(text::BROWSER, |s: &OpenSession| {
            html! { (browser(&s.agent)) @if s.is_this == 1 { " " (components::state(text::THIS_BROWSER)) } }
        }),
        text(text::SIGNED_IN_WITH, |s: &OpenSession| html! { (way(s)) ", " (day(locale, s.created_at_ms)) }),
        text(text::LAST_USED, |s: &OpenSession| instant(locale, s.seen_at_ms)),
        text(frame::SIGN_OUT, |s: &OpenSession| {
            html! {
                form method="post" action="/partner/settings/sessions" {
                    (layout::csrf(cx))
                    button.plain name="session" value=(s.id) aria-label={ (frame::SIGN_OUT) " " (browser(&s.agent)) } { (frame::SIGN_OUT) }
                }
            }
        }),
    ];
    html! {
        (columns::table(text::SESSIONS, open, &columns))
        form method="post" action="/sign-out" {
            (layout::csrf(cx))
            button.second name="everywhere" value="yes" { (frame::SIGN_OUT_EVERYWHERE) }
        }
    }
}

/// Browser and system from a User-Agent header. If it names neither, it is shown as is.
fn browser(agent: &str) -> String {
    let first =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    // Each browser also claims to be the ones after it in this list.
    let browser = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => text::browser_on(browser, system),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if agent.trim().is_empty() => text::UNKNOWN_BROWSER.to_owned(),
        (None, None) => agent.chars().take(60).collect(),
    }
}

pub async fn end<S: Platform>(cx: &PageContext<'_, S>, person: Person) -> PageResult {
    let found = person.session;
    let wanted = cx.form.get("session");
    let ended = cx.context(&found).query(session::session_end(wanted, found.proof(), cx.now())).await?;
    if ended.0.is_empty() {
        return Err(AppError::not_found("session").into());
    }
    if wanted == found.id {
        cx.drop_cookie();
        return Ok(cx.redirect_after_post("/sign-in?done=signed-out"));
    }
    Ok(cx.redirect_after_post("/partner/settings?done=session-ended"))
}

fn leave_form<S: Platform>(cx: &PageContext<'_, S>, partner: &Partner, form: &SubmittedForm) -> Markup {
    if let Some(left) = partner.session.left_at_ms {
        return html! {
            p { (text::LEFT_ON) (day(cx.locale.as_ref(), left)) (text::LEFT_KEEPS) }
        };
    }
    html! {
        p { (text::LEAVE_EFFECT) }
        (components::problems(form))
        form.stack method="post" action="/partner/settings/leave" {
            (layout::csrf(cx))
            (field(form, Field { name: "code", label: text::CODE, required: true, autocomplete: "off", max: 128,
                hint: &text::code_hint(&partner.code), ..Field::default() }))
            button.danger { (text::LEAVE) }
        }
    }
}

pub async fn leave<S: Platform>(cx: &PageContext<'_, S>, partner: Partner) -> PageResult {
    if partner.session.left_at_ms.is_some() {
        return Ok(cx.redirect_after_post("/partner/settings"));
    }
    if partner.code != cx.form.get("code") {
        let mut form = cx.form.clone();
        form.refuse("code", text::wrong_code(&partner.code));
        let (partner, (row, open)) = Gate::from(partner).open(cx, reads(cx)).await?;
        let row = row.ok_or_else(|| AppError::not_found("partner"))?;
        return front(cx, 422, &partner, &open, &filled(&row), &form);
    }
    cx.app.site.forget_links(profile::leave(&cx.context(&partner.session), &partner.id).await?).await;
    Ok(cx.redirect_after_post("/partner/settings?done=left"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_names() {
        for (agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.0", "curl/8.0"),
            (" ", "Unknown"),
        ] {
            assert_eq!(browser(agent), name);
        }
    }
}
