//! The frame of every page: head, navigation, notices, and the headers that go with HTML.

use crate::engine::identity::access::Scope;
use crate::http::assets::{ICON, SCRIPT, STYLE, TYPE};
use crate::http::context::Platform;
use crate::http::exchange::{Request, Response};
use crate::pages::context::{CSRF_FIELD, PageContext, Partner};
use crate::store::identity::session::SessionRow;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The logo: a pointing hand.
pub const MARK: PreEscaped<&str> = PreEscaped(include_str!("mark.svg"));

/// Only our own scripts, styles, and images; no frames, no forms to other sites, no `data:`.
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; \
                   form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Whose pages these are.
#[derive(Clone, Copy)]
pub enum Area<'a> {
    /// Nobody is signed in, or the page is the same for everybody.
    Open,
    Partner(&'a Partner),
    Operator(&'a SessionRow),
}

/// A page before it is framed.
pub struct Page<'a> {
    pub title: &'a str,
    pub area: Area<'a>,
    /// The path of this page's entry in the navigation.
    pub here: &'a str,
    pub content: Markup,
}

/// Path and title of each entry of a navigation.
pub type Nav = &'static [(&'static str, &'static str)];

pub const PARTNER_NAV: Nav = &[
    ("/partner", "Overview"),
    ("/partner/links", "Links"),
    ("/partner/share", "Share kit"),
    ("/partner/clients", "Customers"),
    ("/partner/earnings", "Earnings"),
    ("/partner/payouts", "Payouts"),
    ("/partner/leaderboard", "Leaderboard"),
    ("/partner/resources", "Resources"),
    ("/partner/settings", "Settings"),
];

pub const OPERATOR_NAV: Nav = &[
    ("/operator", "Home"),
    ("/operator/programs", "Programs"),
    ("/operator/partners", "Partners"),
    ("/operator/accounts", "Accounts"),
    ("/operator/reviews", "Reviews"),
    ("/operator/runs", "Runs"),
    ("/operator/funnel", "Funnel"),
    ("/operator/economics", "Economics"),
    ("/operator/ledger", "Ledger"),
    ("/operator/outbox", "Outbox"),
    ("/operator/audit", "Audit log"),
    (TOKENS, "API tokens"),
];

/// The one entry that not every operator sees.
const TOKENS: &str = "/operator/tokens";

/// Frames a page and makes its response. `status` is 200, or an error's.
pub fn show<S: Platform>(cx: &PageContext<'_, S>, status: u16, page: Page<'_>) -> Response {
    let nav = match page.area {
        Area::Open => &[][..],
        Area::Partner(_) => PARTNER_NAV,
        Area::Operator(_) => OPERATOR_NAV,
    };
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (page.title) " · Manicule" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                link rel="icon" href=(ICON) type="image/svg+xml";
                link rel="preload" href=(TYPE) as="font" type="font/woff2" crossorigin;
                link rel="stylesheet" href=(STYLE);
                script src=(SCRIPT) type="module" {}
            }
            body class=(if nav.is_empty() { "open" } else { "framed" }) {
                a.skip href="#main" { "Skip to content" }
                (header(cx, &page, nav))
                main id="main" tabindex="-1" {
                    (notice(cx.request))
                    (page.content)
                }
            }
        }
    };
    answer(cx, status, body)
}

fn header<S: Platform>(cx: &PageContext<'_, S>, page: &Page<'_>, nav: Nav) -> Markup {
    let who = match page.area {
        Area::Open => None,
        Area::Partner(partner) => Some((partner.name.as_str(), partner.program.as_str(), partner.session.partners > 1)),
        Area::Operator(session) => Some((session.email.as_deref().unwrap_or("Operator"), "Operator", false)),
    };
    let home = nav.first().map_or("/sign-in", |(path, _)| path);
    html! {
        header.mast {
            a.mark href=(home) { (MARK) span { "Manicule" } }
            @if !nav.is_empty() {
                nav.main aria-label="Main" {
                    // A list on wide screens, a menu on narrow ones, without a script.
                    input type="checkbox" id="menu" class="menu-toggle" aria-label="Menu";
                    label.menu-button for="menu" { "Menu" }
                    ul {
                        @for (path, title) in nav.iter().filter(|(path, _)| *path != TOKENS || cx.may(Scope::Admin)) {
                            li { a href=(path) aria-current=[(*path == page.here).then_some("page")] { (title) } }
                        }
                    }
                }
            }
            @if let Some((name, program, several)) = who {
                div.who {
                    p { strong { (name) } br; span.quiet { (program) } }
                    @if several { p { a href="/partner/programs" { "Change program" } } }
                    form method="post" action="/sign-out" {
                        (csrf(cx))
                        button.plain { "Sign out" }
                    }
                    // Partners have it in their settings.
                    @if matches!(page.area, Area::Operator(_)) { p { a href="/sign-out" { "Sign out everywhere" } } }
                }
            }
        }
    }
}

/// The hidden field that every form carries.
pub fn csrf<S: Platform>(cx: &PageContext<'_, S>) -> Markup {
    html! { input type="hidden" name=(CSRF_FIELD) value=(cx.csrf()); }
}

/// What a form did, shown on the next page. Only texts from this table are ever shown.
const NOTICES: &[(&str, &str)] = &[
    ("approved", "Run approved. Its payouts will be sent within ten minutes."),
    ("cancelled", "Payout canceled. The amount is available again."),
    ("choice-kept", "Your choices are saved."),
    ("decided", "Decision saved."),
    ("disclosed", "Thank you. Your links will work within a minute."),
    ("funded", "Funds added to the reward budget."),
    ("held", "Payout on hold until someone releases it."),
    ("left", "You left the program. We will still pay what you earned."),
    ("link-disabled", "Link turned off."),
    ("link-made", "Link created. It works now."),
    ("profile-kept", "Profile saved."),
    ("program-saved", "New program version saved."),
    ("reassigned", "Account reassigned."),
    ("released", "Payout released."),
    ("replayed", "Message queued for delivery."),
    ("resource-kept", "Page published. Partners can see it now."),
    ("resource-removed", "Page deleted."),
    ("run-started", "Run started."),
    ("session-ended", "Session signed out."),
    ("signed-out", "You are signed out."),
    ("signed-out-everywhere", "You are signed out of every browser."),
    ("token-revoked", "Token revoked."),
    ("welcome", "Welcome! Your link works now."),
];

fn notice(request: &Request) -> Markup {
    let done = request.param("done").unwrap_or_default();
    let said = NOTICES.iter().find(|(key, _)| *key == done);
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
