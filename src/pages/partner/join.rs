//! Joining a program by form: the offer, the questions, an email that confirms the address, and the new partner. An
//! applicant who is already signed in, here or at the site, needs no email.

use crate::base::ids::{ActorId, PartnerId, ProgramId};
use crate::base::percent::escaped;
use crate::codec::identity::session::{ROLE_SUBSCRIBER, SiteUser};
use crate::codec::message::email::{Invitation, is_address};
use crate::codec::operator;
use crate::codec::operator::NewPartner;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::http::limit;
use crate::pages::admission::is_not_referred;
use crate::pages::components;
use crate::pages::components::{Field, checkbox, field, select};
use crate::pages::context::{PageContext, PageError, PageResult};
use crate::pages::form::SubmittedForm;
use crate::pages::identity::sign_in::{Unsent, find, gone, open, request_link};
use crate::pages::layout;
use crate::pages::partner::wording::pays_cash;
use crate::pages::program::terms::terms;
use crate::pages::text::shared::country::COUNTRIES;
use crate::pages::text::shared::{component, field as wording};
use crate::pages::text::visitor::{join as text, sign_in};
use crate::pages::viewer::{Gate, Visitor};
use crate::program::document::Document;
use crate::service::error::AppError;
use crate::service::identity::sign_in::{MagicLinkRequest, OpenedSession, Purpose, Token, actor_of, mail};
use crate::service::partner::enroll;
use crate::service::partner::enroll::person_id;
use crate::store::identity::session;
use crate::store::identity::session::{MailedLink, Proof, SessionRow};
use crate::store::payout::platform::platform_find;
use crate::store::port::Stmt;
use crate::store::program::programs;
use maud::{Markup, html};
use serde_json::{Value, json};

/// The applicant, as far as already confirmed.
enum Applicant {
    /// Signed in at the site.
    User(SiteUser),
    /// Signed in here, by an address.
    Known(Box<SessionRow>, String),
    /// The address was typed in and has to be confirmed.
    Stranger,
}

impl Applicant {
    /// The address that is already confirmed.
    fn email(&self) -> Option<&str> {
        match self {
            Applicant::User(user) => Some(&user.email),
            Applicant::Known(_, email) => Some(email),
            Applicant::Stranger => None,
        }
    }
}

/// What can be joined.
struct Offer {
    document: Document,
    /// Where partners can be paid, if the program pays money and that is known.
    payouts: Option<String>,
}

/// The program's document in force and the applicant, in one batch.
async fn read<S: Platform>(
    cx: &PageContext<'_, S>,
    gate: Gate<Visitor>,
    program: &ProgramId,
) -> Result<(Offer, Applicant), PageError> {
    // If the site does not answer, the address can still be confirmed by email.
    let user = cx.site_user().await.ok().flatten().filter(|u| u.role >= ROLE_SUBSCRIBER && is_address(&u.email));
    let (visitor, (catalog, stored)) = gate.open(cx, (programs(), platform_find().first())).await?;
    let document = catalog.current(program, cx.now()).ok_or_else(|| AppError::not_found("program"))?.clone();
    let who = match (visitor.session.map(|s| (s.email.clone(), s)), user) {
        (Some((Some(email), session)), _) => Applicant::Known(Box::new(session), email),
        (_, Some(user)) => Applicant::User(user),
        _ => Applicant::Stranger,
    };
    // The sweep asks for the country: no visitor may make this site call Stripe.
    let country = stored.map(|row| row.country).filter(|_| pays_cash(Some(&document)));
    let payouts = country.map(|code| text::payouts(&code, country_name(&code)));
    Ok((Offer { document, payouts }, who))
}

fn country_name(code: &str) -> &str {
    COUNTRIES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

/// The requested program, if it can be joined by form.
fn program<S: Platform>(cx: &PageContext<'_, S>) -> Result<ProgramId, PageError> {
    let config = cx.app.config;
    let named = cx.request.param("program").or_else(|| cx.form.given("program").map(str::to_owned));
    let is_asked = |open: &&ProgramId| named.as_deref().is_none_or(|named| **open == *named);
    let program = config.open_programs().find(is_asked).filter(|_| config.has_form()).cloned();
    program.ok_or_else(|| AppError::not_found("program that can be joined by form").into())
}

/// The emailed link of a token and the form's answers, while the program is still open.
async fn mailed<S: Platform>(cx: &PageContext<'_, S>, token: &str) -> Result<Option<(MailedLink, Value)>, PageError> {
    let config = cx.app.config;
    let found = find(cx, token, Purpose::Join).await?.map(|link| {
        let detail: Value = serde_json::from_str(&link.detail).unwrap_or_default();
        (link, detail)
    });
    let is_open = |detail: &Value| config.has_form() && config.open_programs().any(|open| detail["program"] == **open);
    Ok(found.filter(|(_, detail)| is_open(detail)))
}

pub async fn ask<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Visitor>) -> PageResult {
    let (offer, who) = read(cx, gate, &program(cx)?).await?;
    let form = match &who {
        Applicant::User(user) => SubmittedForm::filled(&[("name", user.name.as_deref().unwrap_or(""))]),
        Applicant::Known(session, _) => SubmittedForm::filled(&[("name", session.name.as_deref().unwrap_or(""))]),
        Applicant::Stranger => SubmittedForm::default(),
    };
    Ok(front(cx, 200, &offer, &who, &form))
}

pub async fn send<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Visitor>) -> PageResult {
    let (offer, who) = read(cx, gate, &program(cx)?).await?;
    let new = match checked(cx, &offer.document, &who) {
        Ok(new) => new,
        Err(form) => return Ok(front(cx, 422, &offer, &who, &form)),
    };
    match &who {
        Applicant::User(user) => {
            let new = NewPartner { external_id: user.id.clone(), ..new };
            let opened = cx.open_site(user);
            enter(cx, new, &format!("session:{}", user.id).into(), opened, Vec::new()).await
        }
        Applicant::Known(session, email) if session.operator == 1 || cx.app.config.is_operator(email) => {
            let mut form = cx.form.clone();
            form.refuse("", text::OPERATOR_JOINS);
            Ok(front(cx, 422, &offer, &who, &form))
        }
        Applicant::Known(session, _) => {
            let partner = enrolled(cx, new, &session.actor).await?;
            cx.keep_cookie(&partner.id, session.expires_at_ms);
            Ok(cx.redirect_after_post(partner.first_page()))
        }
        Applicant::Stranger => by_mail(cx, &offer, &who, &new).await,
    }
}

/// Emails a link that joins, to any address: the link signs in a person who is a partner already.
async fn by_mail<S: Platform>(cx: &PageContext<'_, S>, offer: &Offer, who: &Applicant, new: &NewPartner) -> PageResult {
    let detail = json!({
        "program": new.program, "name": new.name, "website": new.website, "country": new.country,
        "disclosure_accepted": new.disclosure_accepted,
    });
    let request = MagicLinkRequest {
        email: new.email.as_deref().unwrap_or_default(),
        detail: &detail.to_string(),
        any_address: true,
        requested_by: &limit::requested_by(cx.app, cx.request),
        says: Invitation::Join { program: &offer.document.title },
    };
    let sent = match request_link(cx, &request).await? {
        // We wait for the result: any address can get this email, so it reveals nothing about who is known.
        Ok(Some(leaving)) => mail(&cx.app.context(""), &leaving).await.map_err(|why| Unsent {
            status: 503,
            notice: text::EMAIL_NOT_SENT,
            fault: format!("join mail: {why}"),
        }),
        Ok(None) => Ok(()),
        Err(unsent) => Err(unsent),
    };
    Ok(match sent {
        Ok(()) => cx.redirect_after_post("/partner/join/sent"),
        Err(unsent) => unsent.shown(cx.form.clone(), |status, form| front(cx, status, offer, who, form)),
    })
}

pub fn sent<S: Platform>(cx: &PageContext<'_, S>) -> Response {
    let again = "/partner/join";
    let content = html! {
        h1 { (sign_in::CHECK_EMAIL) }
        p.lead { (text::SENT_LEAD) }
        p { (text::SENT_ONCE) " " (sign_in::NO_EMAIL) }
        p.quiet { (sign_in::EMAIL_LIMIT) }
        p { a href=(again) { (component::BACK) } }
    };
    open(cx, 200, sign_in::CHECK_EMAIL, content)
}

/// The application, or the form with its problems.
fn checked<S: Platform>(
    cx: &PageContext<'_, S>,
    document: &Document,
    who: &Applicant,
) -> Result<NewPartner, SubmittedForm> {
    let mut form = cx.form.clone();
    for (name, what) in [("name", wording::ENTER_NAME), ("website", wording::ENTER_WEBSITE)] {
        if form.given(name).is_none() {
            form.refuse(name, what);
        }
    }
    if !COUNTRIES.iter().any(|(code, _)| *code == form.get("country")) {
        form.refuse("country", wording::CHOOSE_COUNTRY);
    }
    let email = who.email().unwrap_or(form.get("email")).to_owned();
    if !is_address(&email) {
        form.refuse("email", wording::ENTER_EMAIL);
    }
    if !form.is_checked("disclosure") {
        form.refuse("disclosure", text::accept_disclosure(document));
    }
    if !form.is_good() {
        return Err(form);
    }
    let body = json!({
        "program": document.id, "external_id": person_id(&document.id, &email), "name": form.get("name"), "email": email,
        "website": form.get("website"), "country": form.get("country"), "disclosure_accepted": true,
    });
    operator::partner(body.to_string().as_bytes()).map_err(|invalid| {
        form.refused(&AppError::from(invalid));
        form
    })
}

/// The page behind the emailed link: what will happen, and a button.
pub async fn confirm<S: Platform>(cx: &PageContext<'_, S>, token: &str) -> PageResult {
    let Some((link, detail)) = mailed(cx, token).await? else { return Ok(gone(cx, "/partner/join")) };
    let content = html! {
        h1 { (text::CONFIRM) }
        p.lead { (text::CONFIRM_AS) " " strong { (detail["name"].as_str().unwrap_or("")) } ", " (link.email) "." }
        form method="post" {
            (layout::csrf(cx))
            button { (text::CONFIRM_AND_JOIN) }
        }
        p.quiet { (sign_in::NOT_YOU) }
    };
    Ok(is_not_referred(open(cx, 200, text::CONFIRM_AND_JOIN, content)))
}

pub async fn follow<S: Platform>(cx: &PageContext<'_, S>, token: &str) -> PageResult {
    let Some((link, detail)) = mailed(cx, token).await? else { return Ok(gone(cx, "/partner/join")) };
    if cx.app.config.is_operator(&link.email) {
        return Ok(operators(cx));
    }
    let text = |name: &str| detail[name].as_str().map(str::to_owned);
    let program: ProgramId = text("program").unwrap_or_default().into();
    let new = NewPartner {
        external_id: person_id(&program, &link.email),
        program,
        name: text("name"),
        email: Some(link.email.clone()),
        website: text("website"),
        country: text("country"),
        kind: None,
        disclosure_accepted: detail["disclosure_accepted"] == true,
        code: None,
    };
    let used = session::magic_link_use(&Token::of(token.to_owned()).sha256, cx.now());
    // Anybody can request this link, so it opens a partner's session and no other.
    let actor = actor_of(&link.email, false);
    let opened = cx.open(Proof::Email(&link.email), false, actor.clone());
    match enter(cx, new, &actor, opened, vec![used]).await {
        // Another request used the link first.
        Err(PageError::Error(error)) if error.code == "contended" => Ok(gone(cx, "/partner/join")),
        shown => shown,
    }
}

/// The link confirms an operator's address, which anyone may have typed.
fn operators<S: Platform>(cx: &PageContext<'_, S>) -> Response {
    let content = html! {
        h1 { (text::IS_OPERATOR) }
        p.lead { (text::IS_OPERATOR_WHY) }
        p { a.button href="/sign-in?to=/operator" { (text::SIGN_IN_AS_OPERATOR) } }
    };
    is_not_referred(open(cx, 403, text::IS_OPERATOR, content))
}

/// Enrolls the partner, writes the session, and redirects to the partner's pages. Enrolling comes first and is safe to
/// repeat: if the request dies in between, the next try finishes it.
async fn enter<S: Platform>(
    cx: &PageContext<'_, S>,
    new: NewPartner,
    actor: &ActorId,
    mut opened: OpenedSession,
    first: Vec<Stmt>,
) -> PageResult {
    let partner = enrolled(cx, new, actor).await?;
    let mut batch = first;
    batch.append(&mut opened.statements);
    cx.app.context("").batch(batch).await?;
    cx.adopt(opened, &partner.id);
    Ok(cx.redirect_after_post(partner.first_page()))
}

/// The partner that this person became, or was before.
pub struct Enrolled {
    pub id: PartnerId,
    /// False if the partner has left: joining again does not undo that.
    links_work: bool,
}

impl Enrolled {
    pub fn first_page(&self) -> &'static str {
        if self.links_work { "/partner?done=welcome" } else { "/partner" }
    }
}

/// This person's partner in this program: the existing one, found by a confirmed address, or a new one. Site users are
/// found by their id, because the address that the site gives confirms nothing.
pub async fn enrolled<S: Platform>(
    cx: &PageContext<'_, S>,
    mut new: NewPartner,
    actor: &ActorId,
) -> Result<Enrolled, PageError> {
    let ctx = cx.app.context(actor.clone());
    let email = new.email.as_deref().unwrap_or_default().to_ascii_lowercase();
    if new.external_id == person_id(&new.program, &email)
        && let Some(found) = ctx.read(session::partner_of(&new.program, &email).first()).await?
    {
        new.external_id = found.external_id;
    }
    let (status, partner) = enroll::partner(&ctx, &new, &cx.base_url(), None).await?;
    let text = |name: &str| partner[name].as_str().unwrap_or_default().to_owned();
    if status == 200 {
        // Joining accepts the disclosure, which the link may have been waiting for.
        cx.app.site.forget_link(&text("code").into()).await;
    }
    Ok(Enrolled { id: text("id").into(), links_work: partner["active"] == true })
}

fn front<S: Platform>(
    cx: &PageContext<'_, S>,
    status: u16,
    offer: &Offer,
    who: &Applicant,
    form: &SubmittedForm,
) -> Response {
    let Offer { document, payouts } = offer;
    let title = text::title(document);
    let can_mail = cx.app.config.setup.mail().is_some() || who.email().is_some();
    let content = html! {
        h1 { (title) }
        p.lead { (text::lead(document)) }
        (terms(document, cx.locale.as_ref()))
        h2 { (text::JOIN) }
        @if !can_mail && status == 200 {
            p { (text::NO_EMAIL_SETUP) }
        }
        (components::problems(form))
        form.stack method="post" action="/partner/join" {
            (layout::csrf(cx))
            input type="hidden" name="program" value=(document.id);
            (fields(form, document, who, payouts.as_deref()))
            button { (text::JOIN) }
        }
        p { (text::ALREADY_PARTNER) " " a href="/sign-in?to=/partner" { (sign_in::SIGN_IN) } "." }
    };
    open(cx, status, &title, content)
}

fn fields(form: &SubmittedForm, document: &Document, who: &Applicant, payouts: Option<&str>) -> Markup {
    let mut choices = vec![("", text::COUNTRY_UNCHOSEN)];
    choices.extend(COUNTRIES);
    html! {
        (field(form, Field { name: "name", label: wording::NAME, hint: text::NAME_HINT, required: true,
            autocomplete: "organization", max: 200, ..Field::default() }))
        @match who.email() {
            Some(email) => { p { (text::JOINING_AS) " " strong { (email) } "." } }
            None => {
                (field(form, Field { name: "email", label: wording::EMAIL, kind: "email", hint: text::EMAIL_HINT,
                    required: true, autocomplete: "email", max: 254 }))
            }
        }
        (field(form, Field { name: "website", label: wording::WEBSITE, hint: wording::WEBSITE_HINT, required: true,
            autocomplete: "url", max: 500, ..Field::default() }))
        (select(form, Field { name: "country", label: wording::COUNTRY, hint: wording::COUNTRY_HINT, required: true,
            ..Field::default() }, &choices))
        @if let Some(payouts) = payouts { p.quiet { (payouts) } }
        (checkbox(form, "disclosure", html! { (text::disclosure_promise(document)) }))
    }
}

/// The path of a program's join form.
pub fn path(program: &ProgramId) -> String {
    format!("/partner/join?program={}", escaped(program))
}
