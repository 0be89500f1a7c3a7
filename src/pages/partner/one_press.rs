//! A partner and a link at one press, for a person who is signed in at the site: the site says who that is, so there is
//! nothing to type. The button's form has what the person promises by pressing it.

use crate::base::ids::ProgramId;
use crate::codec::identity::session::{ROLE_SUBSCRIBER, SiteUser};
use crate::codec::message::email::is_address;
use crate::codec::operator::NewPartner;
use crate::http::context::Platform;
use crate::pages::context::{PageContext, PageError, PageResult};
use crate::pages::layout;
use crate::pages::partner::join;
use crate::pages::text::partner::program as text;
use crate::pages::text::shared::error;
use crate::pages::text::visitor::join as wording;
use crate::pages::viewer::Person;
use crate::program::catalog::Catalog;
use crate::service::error::{AppError, ErrorKind};
use crate::store::identity::session::{OwnPartner, SessionRow};
use maud::{Markup, html};

/// Whether this person can get a link at one press. Operators are no partners.
pub fn is_for(session: &SessionRow) -> bool {
    session.site_user.is_some() && session.operator != 1
}

/// A button for every open program that the person is not in yet; none where there is none.
pub fn offers<S: Platform>(cx: &PageContext<'_, S>, catalog: &Catalog, own: &[OwnPartner]) -> Option<Markup> {
    let is_new = |id: &&ProgramId| own.iter().all(|partner| partner.program_id != **id);
    let programs = cx.app.config.open_programs().filter(is_new);
    let open: Vec<_> = programs.filter_map(|id| catalog.current(id, cx.now())).collect();
    let content = html! {
        @for document in &open {
            form.sheet method="post" action="/partner/programs/link" {
                (layout::csrf(cx))
                input type="hidden" name="program" value=(document.id);
                h2 { (document.title) }
                p { (wording::lead(document)) }
                p.quiet { (text::BY_PRESSING) " " (wording::disclosure_promise(document)) }
                button aria-label=(text::get_link_of(&document.title)) { (text::GET_LINK) }
            }
        }
    };
    (!open.is_empty()).then_some(content)
}

/// Makes the partner, or finds the one there is, and opens its page with the link.
pub async fn make<S: Platform>(cx: &PageContext<'_, S>, person: Person) -> PageResult {
    let Person { session, .. } = person;
    if session.operator == 1 {
        return Err(AppError::new(ErrorKind::Unprocessable, "operator_joins", wording::OPERATOR_JOINS).into());
    }
    let wanted = cx.form.get("program");
    let program = cx.app.config.open_programs().find(|open| ***open == *wanted).cloned();
    let program = program.ok_or_else(|| AppError::not_found("program"))?;
    let SiteUser { id, name, email, .. } = user(cx, &session).await?;
    let new = NewPartner {
        program,
        external_id: id,
        name,
        email: Some(email).filter(|email| is_address(email)),
        website: None,
        country: None,
        kind: None,
        disclosure_accepted: true,
        code: None,
    };
    let partner = join::enrolled(cx, new, &session.actor).await?;
    cx.keep_cookie(&partner.id, session.expires_at_ms);
    Ok(cx.redirect_after_post(partner.first_page()))
}

/// The site's user whose session this is. Who has signed out there since, or has become somebody else, signs in again.
async fn user<S: Platform>(cx: &PageContext<'_, S>, session: &SessionRow) -> Result<SiteUser, PageError> {
    let found = cx.site_user().await.map_err(|why| {
        AppError::new(ErrorKind::Transient, "session_unavailable", error::SITE_UNAVAILABLE).cause(why)
    })?;
    found
        .filter(|user| Some(&user.id) == session.site_user.as_ref() && user.role >= ROLE_SUBSCRIBER)
        .ok_or(PageError::SignIn)
}
