//! Signing in and out: by the EmDash site if there is one, by an emailed link, or with an operator's token.
//!
//! The response never reveals whether an address is known. An emailed link asks before it does anything, because email
//! scanners follow links.

use crate::base::ids::{ActorId, PartnerId};
use crate::base::percent::escaped;
use crate::codec::identity::session::ROLE_SUBSCRIBER;
use crate::codec::message::email::{Invitation, is_address};
use crate::engine::identity::access::Scope;
use crate::http::auth;
use crate::http::context::Platform;
use crate::http::context::RateLimited;
use crate::http::exchange::Response;
use crate::http::limit;
use crate::http::wrong_token;
use crate::pages::admission::{ROLE_OPERATOR, is_not_referred, local};
use crate::pages::components;
use crate::pages::components::{Field, field};
use crate::pages::context::{PageContext, PageError, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::identity::way_back;
use crate::pages::layout;
use crate::pages::layout::{Area, Page};
use crate::pages::text::shared::{component, field as wording, frame};
use crate::pages::text::visitor::sign_in as text;
use crate::pages::viewer::{Gate, Visitor};
use crate::service::error::AppError;
use crate::service::identity::sign_in;
use crate::service::identity::sign_in::{
    MagicLinkOutcome, MagicLinkRequest, OpenedSession, Purpose, QueuedEmail, Token,
};
use crate::store::identity::audit::{Audit, audit_insert};
use crate::store::identity::session;
use crate::store::identity::session::{MailedLink, Proof};
use crate::store::port::Stmt;
use maud::{Markup, html};
use serde_json::{Value, json};

/// Shows the ways to sign in. A person who is signed in already, here or at the site, goes straight through.
pub async fn ask<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Visitor>) -> PageResult {
    let to = wanted(cx.request.param("to").as_deref());
    // After signing out, nobody is signed in again without asking.
    if cx.request.param("done").is_some() {
        return Ok(front(cx, 200, &to, &cx.form, None));
    }
    let mut refused = None;
    if cx.token_sha256().is_some() {
        let (visitor, ()) = gate.open(cx, ()).await?;
        match visitor.session {
            Some(session) if session.operator == 1 || !is_operators(&to) => {
                return Ok(cx.redirect_after_post(&landing(&to, session.operator == 1)));
            }
            Some(_) => refused = Some(text::IS_PARTNER.to_owned()),
            None => {}
        }
    }
    if cx.site_cookie().is_some() {
        match cx.site_user().await {
            Ok(None) => {}
            Ok(Some(user)) if user.role < ROLE_SUBSCRIBER => {
                refused = Some(text::SITE_ROLE_TOO_LOW.to_owned());
            }
            Ok(Some(user)) if user.role < ROLE_OPERATOR && is_operators(&to) => {
                refused = Some(text::SITE_PARTNER.to_owned());
            }
            Ok(Some(user)) => {
                let opened = cx.open_site(&user);
                let mut response = let_in(cx, opened, Proof::SiteUser(&user.id), Vec::new(), &to).await?;
                way_back::forget(cx.request, &mut response);
                return Ok(response);
            }
            Err(why) => {
                let notice = text::SITE_UNAVAILABLE.to_owned();
                let mut response = front(cx, 503, &to, &cx.form, Some(notice));
                response.fault = Some(format!("session_unavailable: {why}"));
                return Ok(response);
            }
        }
    }
    Ok(front(cx, 200, &to, &cx.form, refused))
}

/// On to the site's own sign-in page.
pub fn at_site<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    if !cx.app.site.has_site() {
        return Err(AppError::not_found("page").into());
    }
    Ok(way_back::to_site(cx, &wanted(cx.request.param("to").as_deref())))
}

/// Writes a session, sets its cookie, and redirects. If the person has only one partner, it is chosen.
async fn let_in<S: Platform>(
    cx: &PageContext<'_, S>,
    mut opened: OpenedSession,
    proof: Proof<'_>,
    first: Vec<Stmt>,
    to: &str,
) -> PageResult {
    let mut batch = first;
    batch.append(&mut opened.statements);
    if opened.operator {
        batch.push(audited(cx, "operator.sign_in", &opened.actor));
    }
    let (_, partners) = cx.app.context("").read((batch, session::partners_of(proof))).await?;
    let only = if let [partner] = partners.as_slice() { partner.id.clone() } else { PartnerId::default() };
    let to = landing(to, opened.operator);
    cx.adopt(opened, &only);
    Ok(cx.redirect_after_post(&to))
}

/// The audit entry for an operator signing in or out.
fn audited<S: Platform>(cx: &PageContext<'_, S>, action: &str, actor: &ActorId) -> Stmt {
    let id = cx.app.context("").fresh_id("aud");
    let entry = Audit { id: &id, actor, action, subject: actor, reason: None, before: None, after: None };
    audit_insert(&entry, cx.now())
}

/// Emails a link to an address if it is known, and gives the same answer if not.
pub async fn send<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let mut form = cx.form.clone();
    let (email, to) = (form.get("email").to_owned(), wanted(form.given("to")));
    if !is_address(&email) {
        form.refuse("email", wording::ENTER_EMAIL);
        return Ok(front(cx, 422, &to, &form, None));
    }
    let request = MagicLinkRequest {
        email: &email,
        detail: &json!({"to": to}).to_string(),
        any_address: cx.app.config.is_operator(&email),
        requested_by: &limit::requested_by(cx.app, cx.request),
        says: Invitation::SignIn,
    };
    match request_link(cx, &request).await? {
        Ok(leaving) => {
            leaving.into_iter().for_each(|leaving| cx.app.site.mail_after(*leaving));
            Ok(cx.redirect_after_post("/sign-in/sent"))
        }
        Err(unsent) => Ok(unsent.shown(form, |status, form| front(cx, status, &to, form, None))),
    }
}

/// Why no email was sent.
pub struct Unsent {
    pub status: u16,
    /// Shown with the form.
    pub notice: &'static str,
    /// Written to the log.
    pub fault: String,
}

impl Unsent {
    /// The form again, with what went wrong.
    pub fn shown(self, mut form: SubmittedForm, page: impl FnOnce(u16, &SubmittedForm) -> Response) -> Response {
        form.refuse("", self.notice);
        let mut response = page(self.status, &form);
        response.fault = Some(self.fault);
        response
    }
}

/// The email for a link request, if there is one to send.
pub async fn request_link<S: Platform>(
    cx: &PageContext<'_, S>,
    request: &MagicLinkRequest<'_>,
) -> Result<Result<Option<Box<QueuedEmail>>, Unsent>, AppError> {
    if let Err(error) = limit::check(cx.app, cx.request, RateLimited::Mail).await {
        return Ok(Err(Unsent { status: 429, notice: text::TOO_MANY_EMAILS, fault: error.to_string() }));
    }
    Ok(match sign_in::link(&cx.app.context(""), request).await? {
        MagicLinkOutcome::NotSetUp => {
            Err(Unsent { status: 503, notice: text::EMAIL_NOT_SET_UP, fault: "mails are not set up".to_owned() })
        }
        MagicLinkOutcome::Nothing => Ok(None),
        MagicLinkOutcome::Ready(leaving) => Ok(Some(leaving)),
    })
}

/// The same page for everybody, whether the address is known or not.
pub fn sent<S: Platform>(cx: &PageContext<'_, S>) -> Response {
    let content = html! {
        h1 { (text::CHECK_EMAIL) }
        p.lead { (text::SENT_LEAD) }
        p { (text::SENT_ONCE) " " (text::NO_EMAIL) }
        p.quiet { (text::EMAIL_LIMIT) }
        p { a href="/sign-in" { (component::BACK) } }
    };
    open(cx, 200, text::CHECK_EMAIL, content)
}

/// The page behind an emailed link: who will be signed in, and a button.
pub async fn confirm<S: Platform>(cx: &PageContext<'_, S>, token: &str) -> PageResult {
    let Some(link) = find(cx, token, Purpose::SignIn).await? else { return Ok(gone(cx, "/sign-in")) };
    let content = html! {
        h1 { (text::SIGN_IN) }
        p.lead { (text::CONFIRM_AS) " " strong { (link.email) } "." }
        form method="post" {
            (layout::csrf(cx))
            button { (text::SIGN_IN) }
        }
        p.quiet { (text::NOT_YOU) }
    };
    Ok(is_not_referred(open(cx, 200, text::SIGN_IN, content)))
}

pub async fn follow<S: Platform>(cx: &PageContext<'_, S>, token: &str) -> PageResult {
    let Some(link) = find(cx, token, Purpose::SignIn).await? else { return Ok(gone(cx, "/sign-in")) };
    let detail: Value = serde_json::from_str(&link.detail).unwrap_or_default();
    let to = wanted(detail["to"].as_str());
    let used = session::magic_link_use(&Token::of(token.to_owned()).sha256, cx.now());
    let opened = cx.open_email(&link.email);
    match let_in(cx, opened, Proof::Email(&link.email), vec![used], &to).await {
        // Another request used the link first.
        Err(PageError::Error(error)) if error.code == "contended" => Ok(gone(cx, "/sign-in")),
        shown => shown,
    }
}

/// The unused, unexpired link of a token for this purpose. A token that we did not write costs no look, and one that we did
/// is looked up whatever its network has sent.
pub async fn find<S: Platform>(
    cx: &PageContext<'_, S>,
    token: &str,
    purpose: Purpose,
) -> Result<Option<MailedLink>, AppError> {
    let (context, sha256) = (cx.app.context(""), Token::of(token.to_owned()).sha256);
    let is_ours = sign_in::is_ours(&context, purpose, token);
    match is_ours {
        Some(true) if wrong_token::is_spent(&sha256, cx.now()) => return Ok(None),
        Some(true) => {}
        Some(false) => return Ok(None),
        None => wrong_token::check(cx.app, cx.request, &sha256)?,
    }
    let found = context.read(session::magic_link_find(&sha256, purpose.name(), cx.now()).first()).await?;
    match (&found, is_ours) {
        (None, None) => wrong_token::count(cx.app, cx.request).await,
        (None, Some(_)) => wrong_token::spent(&sha256, cx.now()),
        (Some(_), _) => {}
    }
    Ok(found)
}

/// An emailed link that was used or has expired.
pub fn gone<S: Platform>(cx: &PageContext<'_, S>, again: &str) -> Response {
    let content = html! {
        h1 { (text::LINK_GONE) }
        p.lead { (text::LINK_GONE_WHY) }
        p { a.button href=(again) { (text::NEW_LINK) } }
    };
    is_not_referred(open(cx, 410, text::LINK_GONE, content))
}

/// The form for an operator's token.
pub fn token_page<S: Platform>(cx: &PageContext<'_, S>) -> Response {
    token_form(cx, 200, &cx.form)
}

fn token_form<S: Platform>(cx: &PageContext<'_, S>, status: u16, form: &SubmittedForm) -> Response {
    let to = wanted(cx.request.param("to").as_deref().or(cx.form.given("to")));
    let content = html! {
        h1 { (text::BY_TOKEN) }
        p.lead { (text::BY_TOKEN_LEAD) }
        (components::problems(form))
        form.stack method="post" action="/sign-in/token" {
            (layout::csrf(cx))
            input type="hidden" name="to" value=(to);
            (field(form, Field { name: "token", label: text::TOKEN, kind: "password", required: true,
                hint: text::TOKEN_HINT,
                autocomplete: "current-password", max: 200 }))
            button { (text::SIGN_IN) }
        }
        p { a href="/sign-in" { (text::BY_EMAIL_INSTEAD) } }
    };
    open(cx, status, text::BY_TOKEN, content)
}

pub async fn by_token<S: Platform>(cx: &PageContext<'_, S>) -> PageResult {
    let found = auth::verified(cx.app, cx.request, cx.form.get("token")).await?;
    let Some(operator) = found.filter(|found| found.scopes.allow(Scope::Read, true)) else {
        // The token is a secret, so it is not written back into the page.
        let mut form = SubmittedForm::default();
        form.refuse("token", text::TOKEN_REFUSED);
        let mut response = token_form(cx, 422, &form);
        response.fault = Some("sign_in_refused: no token that opens pages".to_owned());
        return Ok(response);
    };
    let to = wanted(cx.form.given("to"));
    let proof = Proof::Token(&operator.sha256);
    let opened = cx.open(proof, true, operator.actor);
    let_in(cx, opened, proof, Vec::new(), &to).await
}

pub fn leave<S: Platform>(cx: &PageContext<'_, S>) -> Response {
    let content = html! {
        h1 { (frame::SIGN_OUT) }
        p.lead { (text::SIGN_OUT_LEAD) }
        form.actions method="post" action="/sign-out" {
            (layout::csrf(cx))
            button { (frame::SIGN_OUT) }
            button.second name="everywhere" value="yes" { (frame::SIGN_OUT_EVERYWHERE) }
        }
    };
    open(cx, 200, frame::SIGN_OUT, content)
}

pub async fn sign_out<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Visitor>) -> PageResult {
    let Some(sha256) = cx.token_sha256() else { return Ok(cx.redirect_after_post("/sign-in?done=signed-out")) };
    let (visitor, ()) = gate.open(cx, ()).await?;
    let mut ended = vec![session::session_end_by_token(&sha256, cx.now())];
    let everywhere = cx.form.is_checked("everywhere");
    // Without one, it has already ended.
    if let Some(found) = &visitor.session {
        if everywhere {
            ended.push(session::session_end_all(found.proof(), cx.now()));
        }
        if found.operator == 1 {
            let action = if everywhere { "operator.sign_out_everywhere" } else { "operator.sign_out" };
            ended.push(audited(cx, action, &found.actor));
        }
    }
    cx.app.context("").batch(ended).await?;
    cx.drop_cookie();
    Ok(cx.redirect_after_post(if everywhere {
        "/sign-in?done=signed-out-everywhere"
    } else {
        "/sign-in?done=signed-out"
    }))
}

/// The ways to sign in.
fn front<S: Platform>(
    cx: &PageContext<'_, S>,
    status: u16,
    to: &str,
    form: &SubmittedForm,
    notice: Option<String>,
) -> Response {
    let config = cx.app.config;
    let by_mail = config.setup.mail().is_some();
    let site = format!("/sign-in/site?to={}", escaped(to));
    let content = html! {
        h1 { (text::SIGN_IN) }
        @if let Some(notice) = &notice { div.problems role="alert" { p { (notice) } } }
        (components::problems(form))
        @if cx.app.site.has_site() {
            p.lead { (text::BY_SITE_LEAD) }
            p { a.button href=(site) { (text::BY_SITE) } }
            @if by_mail { h2 { (text::OR_BY_EMAIL) } }
        } @else if by_mail {
            p.lead { (text::BY_EMAIL_LEAD) }
        }
        @if by_mail || status >= 400 {
            form.stack method="post" action="/sign-in" {
                (layout::csrf(cx))
                input type="hidden" name="to" value=(to);
                (field(form, Field { name: "email", label: wording::EMAIL, kind: "email", required: true, autocomplete: "email",
                    max: 254, ..Field::default() }))
                button { (text::EMAIL_LINK) }
            }
        } @else {
            p { (text::NO_EMAIL_SETUP) }
        }
        @if config.has_form() { p { (text::NOT_A_PARTNER) " " a href="/partner/join" { (text::JOIN) } "." } }
        p.quiet { (text::OPERATOR) " " a href={ "/sign-in/token?to=" (escaped(to)) } { (text::BY_TOKEN) } "." }
    };
    open(cx, status, text::SIGN_IN, content)
}

/// A page for anybody, signed in or not.
pub fn open<S: Platform>(cx: &PageContext<'_, S>, status: u16, title: &str, content: Markup) -> Response {
    layout::show(cx, status, Page { title, area: Area::Open, here: "", content })
}

/// The requested page, if redirects to it are allowed; otherwise empty.
fn wanted(to: Option<&str>) -> String {
    to.and_then(local).unwrap_or_default().to_owned()
}

fn is_operators(to: &str) -> bool {
    to.starts_with("/operator")
}

/// Where to go once signed in.
fn landing(to: &str, operator: bool) -> String {
    match to {
        to if is_operators(to) && !operator => "/partner".to_owned(),
        "" if operator => "/operator".to_owned(),
        "" => "/partner".to_owned(),
        to => to.to_owned(),
    }
}
