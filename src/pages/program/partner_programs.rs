//! Choosing between a person's programs: shown when there are several, or none.

use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{day, empty, state};
use crate::pages::identity::sign_in::open;
use crate::pages::layout;
use crate::pages::partner::join;
use crate::pages::text::partner::program as text;
use crate::pages::text::shared::frame;
use crate::pages::visit::Handled;
use crate::pages::visit::{PageContext, PageResult};
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::store::identity::session::{OwnPartner, own_partners};
use crate::store::program::{catalog, program_list};
use maud::{Markup, html};

/// The page of a path, `["partner", "programs"]`.
pub fn page<'a, S: Platform>(visit: &'a PageContext<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    Some(match (method, parts) {
        ("GET", ["partner", "programs"]) => Box::pin(show(visit)),
        ("POST", ["partner", "programs"]) => Box::pin(choose(visit)),
        _ => return None,
    })
}

async fn show<S: Platform>(visit: &PageContext<'_, S>) -> PageResult {
    let token = visit.token_sha256().unwrap_or_default();
    let (session, rows) = visit.session(vec![own_partners(&token), program_list()]).await?;
    let own: Vec<OwnPartner> = rows[0].decode()?;
    let catalog = catalog(&rows[1])?;
    let operator = session.operator == 1;
    let content = html! {
        @if own.is_empty() {
            h1 { (text::NONE) }
            p.lead { (text::NONE_LEAD) }
            (none(visit, operator))
        } @else {
            (components::heading(text::YOUR_PROGRAMS, text::YOUR_PROGRAMS_LEAD, html! {}))
            @for partner in &own { (one(visit, &catalog, partner)) }
            (further(visit, &catalog, &own))
        }
        form.actions method="post" action="/sign-out" { (layout::csrf(visit)) button.plain { (frame::SIGN_OUT) } }
    };
    Ok(open(visit, 200, text::YOUR_PROGRAMS, content))
}

fn one<S: Platform>(visit: &PageContext<'_, S>, catalog: &Catalog, partner: &OwnPartner) -> Markup {
    let words = visit.words.as_ref();
    html! {
        form.sheet method="post" action="/partner/programs" {
            (layout::csrf(visit))
            input type="hidden" name="partner" value=(partner.id);
            h2 { (title(visit, catalog, &partner.program_id)) }
            p {
                (partner.name.as_deref().unwrap_or(&partner.code)) (text::CODE) code { (partner.code) } (text::JOINED) (day(words, partner.created_at_ms)) " "
                @if partner.left_at_ms.is_some() { (state(text::LEFT)) }
            }
            button aria-label=(text::open(&title(visit, catalog, &partner.program_id))) { (text::OPEN) }
        }
    }
}

fn title<S: Platform>(visit: &PageContext<'_, S>, catalog: &Catalog, program: &str) -> String {
    catalog.in_force(program, visit.now()).map_or(program, |d| &d.title).to_owned()
}

/// What a person who is not a partner can do.
fn none<S: Platform>(visit: &PageContext<'_, S>, operator: bool) -> Markup {
    let joins = visit.app.config.has_form();
    let what = html! {
        @if joins { a.button href="/partner/join" { (text::JOIN) } }
        @else { (text::ASK) }
        @if operator { " " a.button.second href="/operator" { (text::TO_OPERATOR) } }
    };
    empty(text::EMPTY, what)
}

/// Other programs that the person can join.
fn further<S: Platform>(visit: &PageContext<'_, S>, catalog: &Catalog, own: &[OwnPartner]) -> Markup {
    let config = visit.app.config;
    let is_new = |program: &&str| config.has_form() && own.iter().all(|o| o.program_id != *program);
    let others: Vec<&str> = config.open_programs().filter(is_new).collect();
    html! {
        @if !others.is_empty() {
            h2 { (text::JOIN_ANOTHER) }
            ul { @for program in others { li { a href=(join::path(program)) { (title(visit, catalog, program)) } } } }
        }
    }
}

async fn choose<S: Platform>(visit: &PageContext<'_, S>) -> PageResult {
    let token = visit.token_sha256().unwrap_or_default();
    let (session, rows) = visit.session(vec![own_partners(&token)]).await?;
    let own: Vec<OwnPartner> = rows[0].decode()?;
    let wanted = visit.form.get("partner");
    let chosen = own.iter().find(|p| p.id == wanted).ok_or_else(|| AppError::not_found("partner"))?;
    visit.keep_cookie(&chosen.id, session.expires_at_ms);
    Ok(visit.see("/partner"))
}
