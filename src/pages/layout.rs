//! The frame of every page: head, navigation, notices, and the headers that go with HTML.

use crate::engine::identity::access::Need;
use crate::http::assets::{ICON, SCRIPT, STYLE, TYPE};
use crate::http::context::Platform;
use crate::http::exchange::{Request, Response};
use crate::pages::context::{CSRF_FIELD, PageContext};
use crate::pages::text::operator::navigation::OPERATOR;
use crate::pages::text::operator::notice as operator_notice;
use crate::pages::text::partner::notice;
use crate::pages::text::shared::frame as text;
use crate::pages::text::shared::person;
use crate::pages::text::visitor::notice as visitor_notice;
use crate::pages::viewer::{Operator, Partner};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The logo: a pointing hand.
pub const MARK: PreEscaped<&str> = PreEscaped(include_str!("mark.svg"));

/// Allows only our own scripts, styles, and images; no frames, no forms to other sites, no `data:`.
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; \
                   form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Whose pages these are.
#[derive(Clone, Copy)]
pub enum Area<'a> {
    /// Nobody is signed in, or the page is the same for everyone.
    Open,
    Partner(&'a Partner),
    Operator(&'a Operator),
}

/// A page before it is framed.
pub struct Page<'a> {
    pub title: &'a str,
    pub area: Area<'a>,
    /// The path of this page's entry in the navigation.
    pub here: &'a str,
    pub content: Markup,
}

/// Frames a page and makes its response. `status` is 200 or the status of an error.
pub fn show<S: Platform>(cx: &PageContext<'_, S>, status: u16, page: Page<'_>) -> Response {
    let nav = navigation(cx, page.area);
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (text::title(page.title)) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                link rel="icon" href=(ICON) type="image/svg+xml";
                link rel="preload" href=(TYPE) as="font" type="font/woff2" crossorigin;
                link rel="stylesheet" href=(STYLE);
                script src=(SCRIPT) type="module" {}
            }
            body class=(if nav.is_empty() { "open" } else { "framed" }) {
                a.skip href="#main" { (text::SKIP) }
                (header(cx, &page, &nav))
                main id="main" tabindex="-1" {
                    (done(cx.request))
                    (page.content)
                }
            }
        }
    };
    answer(cx, status, body)
}

/// Paths and titles of the navigation that this viewer sees.
fn navigation<S: Platform>(cx: &PageContext<'_, S>, area: Area<'_>) -> Vec<(&'static str, &'static str)> {
    let of_table = |sees: &dyn Fn(Need) -> bool| {
        let seen = cx.navigation.iter().filter(|entry| sees(entry.need));
        seen.map(|entry| (entry.path, entry.title)).collect()
    };
    match area {
        Area::Open => Vec::new(),
        Area::Partner(_) => of_table(&|_| true),
        Area::Operator(operator) => of_table(&|need| need.is_met_by(operator.scopes())),
    }
}

fn header<S: Platform>(cx: &PageContext<'_, S>, page: &Page<'_>, nav: &[(&str, &str)]) -> Markup {
    let who = match page.area {
        Area::Open => None,
        Area::Partner(partner) => Some((partner.name.as_str(), partner.program.as_str(), partner.session.partners > 1)),
        Area::Operator(operator) => Some((operator.session.email.as_deref().unwrap_or(OPERATOR), OPERATOR, false)),
    };
    let home = nav.first().map_or("/sign-in", |(path, _)| path);
    html! {
        header.mast {
            a.mark href=(home) { (MARK) span { (text::PRODUCT) } }
            @if !nav.is_empty() {
                nav.main aria-label=(text::NAVIGATION) {
                    // A list on wide screens, a menu on narrow ones, without a script.
                    input type="checkbox" id="menu" class="menu-toggle" aria-label=(text::MENU);
                    label.menu-button for="menu" { (text::MENU) }
                    ul {
                        @for (path, title) in nav {
                            li { a href=(path) aria-current=[(*path == page.here).then_some("page")] { (title) } }
                        }
                    }
                }
            }
            @if let Some((name, program, several)) = who {
                div.who {
                    p { strong { (name) } br; span.quiet { (program) } }
                    @if several { p { a href="/partner/programs" { (text::CHANGE_PROGRAM) } } }
                    form method="post" action="/sign-out" {
                        (csrf(cx))
                        button.plain { (text::SIGN_OUT) }
                    }
                    // Partners have it in their settings.
                    @if matches!(page.area, Area::Operator(_)) { p { a href="/sign-out" { (text::SIGN_OUT_EVERYWHERE) } } }
                }
            }
        }
    }
}

/// The hidden field that every form carries.
pub fn csrf<S: Platform>(cx: &PageContext<'_, S>) -> Markup {
    html! { input type="hidden" name=(CSRF_FIELD) value=(cx.csrf()); }
}

/// The result of a form, shown on the next page. Only texts from this table are ever shown.
const NOTICES: &[(&str, &str)] = &[
    ("approved", operator_notice::APPROVED),
    ("cancelled", operator_notice::CANCELED),
    ("choice-kept", notice::CHOICES_SAVED),
    ("banned", operator_notice::BANNED),
    ("code-changed", operator_notice::CODE_CHANGED),
    ("decided", operator_notice::DECIDED),
    ("question-replied", operator_notice::QUESTION_REPLIED),
    ("question-sent", notice::QUESTION_SENT),
    ("reinstated", operator_notice::REINSTATED),
    ("suspended", operator_notice::SUSPENDED),
    ("disclosed", notice::DISCLOSED),
    ("email-requested", notice::EMAIL_REQUESTED),
    ("erased", person::ERASED),
    ("erasing", person::ERASING),
    ("own-erased", person::OWN_ERASED),
    ("funded", operator_notice::FUNDED),
    ("held", operator_notice::HELD),
    ("left", notice::LEFT),
    ("link-changed", notice::LINK_CHANGED),
    ("link-disabled", notice::LINK_TURNED_OFF),
    ("link-made", notice::LINK_CREATED),
    ("profile-kept", notice::PROFILE_SAVED),
    ("adjusted", operator_notice::ADJUSTED),
    ("adjustment-requested", operator_notice::ADJUSTMENT_REQUESTED),
    ("program-saved", operator_notice::PROGRAM_SAVED),
    ("reassigned", operator_notice::REASSIGNED),
    ("released", operator_notice::RELEASED),
    ("replayed", operator_notice::RESENT),
    ("resource-kept", operator_notice::PAGE_PUBLISHED),
    ("resource-removed", operator_notice::PAGE_DELETED),
    ("run-started", operator_notice::RUN_STARTED),
    ("session-ended", notice::SESSION_SIGNED_OUT),
    ("signed-out", visitor_notice::SIGNED_OUT),
    ("signed-out-everywhere", visitor_notice::SIGNED_OUT_EVERYWHERE),
    ("token-revoked", operator_notice::TOKEN_REVOKED),
    ("welcome", notice::WELCOME),
];

fn done(request: &Request) -> Markup {
    let key = request.param("done").unwrap_or_default();
    let said = NOTICES.iter().find(|(known, _)| *known == key);
    html! { @if let Some((_, text)) = said { p.notice role="status" { (text) } } }
}

/// HTML for this viewer only.
pub fn answer<S: Platform>(cx: &PageContext<'_, S>, status: u16, body: Markup) -> Response {
    let mut headers = vec![
        ("content-type", "text/html; charset=utf-8".to_owned()),
        ("cache-control", "no-store".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("referrer-policy", "same-origin".to_owned()),
        ("content-security-policy", CSP.to_owned()),
    ];
    headers.extend(cx.form_cookie().map(|cookie| ("set-cookie", cookie)));
    Response { status, headers, body: body.into_string().into_bytes(), fault: None }
}
