//! Choosing between a person's programs: shown when there are several, or none.

use crate::base::ids::ProgramId;
use crate::http::context::Platform;
use crate::pages::components;
use crate::pages::components::{day, empty, state};
use crate::pages::context::{PageContext, PageResult};
use crate::pages::identity::sign_in::open;
use crate::pages::layout;
use crate::pages::partner::{join, one_press};
use crate::pages::text::partner::program as text;
use crate::pages::text::shared::frame;
use crate::pages::viewer::{Gate, Person};
use crate::program::catalog::Catalog;
use crate::service::error::AppError;
use crate::store::identity::session::{OwnPartner, own_partners};
use crate::store::program::programs;
use maud::{Markup, html};

pub async fn show<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Person>) -> PageResult {
    let token = cx.token_sha256().unwrap_or_default();
    let (person, (own, catalog)) = gate.open(cx, (own_partners(&token), programs())).await?;
    let operator = person.session.operator == 1;
    let offers = if one_press::is_for(&person.session) { one_press::offers(cx, &catalog, &own) } else { None };
    let content = html! {
        @if own.is_empty() {
            h1 { (text::NONE) }
            p.lead { (text::NONE_LEAD) }
            @match &offers { Some(offers) => { (offers) } None => { (none(cx, operator)) } }
        } @else {
            (components::heading(text::YOUR_PROGRAMS, text::YOUR_PROGRAMS_LEAD, html! {}))
            @for partner in &own { (one(cx, &catalog, partner)) }
            @match &offers {
                Some(offers) => { h2 { (text::JOIN_ANOTHER) } (offers) }
                None => { (further(cx, &catalog, &own)) }
            }
        }
        form.actions method="post" action="/sign-out" { (layout::csrf(cx)) button.plain { (frame::SIGN_OUT) } }
    };
    Ok(open(cx, 200, text::YOUR_PROGRAMS, content))
}

fn one<S: Platform>(cx: &PageContext<'_, S>, catalog: &Catalog, partner: &OwnPartner) -> Markup {
    let locale = cx.locale.as_ref();
    html! {
        form.sheet method="post" action="/partner/programs" {
            (layout::csrf(cx))
            input type="hidden" name="partner" value=(partner.id);
            h2 { (title(cx, catalog, &partner.program_id)) }
            p {
                (partner.name.as_deref().unwrap_or(&partner.code)) (text::CODE) code { (partner.code) } (text::JOINED) (day(locale, partner.created_at_ms)) " "
                @if partner.left_at_ms.is_some() { (state(text::LEFT)) }
            }
            button aria-label=(text::open(&title(cx, catalog, &partner.program_id))) { (text::OPEN) }
        }
    }
}

fn title<S: Platform>(cx: &PageContext<'_, S>, catalog: &Catalog, program: &ProgramId) -> String {
    catalog.current(program, cx.now()).map_or(program.as_str(), |d| &d.title).to_owned()
}

/// What a person who is not a partner can do.
fn none<S: Platform>(cx: &PageContext<'_, S>, operator: bool) -> Markup {
    let joins = cx.app.config.has_form();
    let what = html! {
        @if joins { a.button href="/partner/join" { (text::JOIN) } }
        @else { (text::ASK) }
        @if operator { " " a.button.second href="/operator" { (text::TO_OPERATOR) } }
    };
    empty(text::EMPTY, what)
}

/// Other programs that the person can join.
fn further<S: Platform>(cx: &PageContext<'_, S>, catalog: &Catalog, own: &[OwnPartner]) -> Markup {
    let config = cx.app.config;
    let is_new = |program: &&ProgramId| config.has_form() && own.iter().all(|o| o.program_id != **program);
    let others: Vec<&ProgramId> = config.open_programs().filter(is_new).collect();
    html! {
        @if !others.is_empty() {
            h2 { (text::JOIN_ANOTHER) }
            ul { @for program in others { li { a href=(join::path(program)) { (title(cx, catalog, program)) } } } }
        }
    }
}

pub async fn choose<S: Platform>(cx: &PageContext<'_, S>, gate: Gate<Person>) -> PageResult {
    let token = cx.token_sha256().unwrap_or_default();
    let (person, own) = gate.open(cx, own_partners(&token)).await?;
    let wanted = cx.form.get("partner");
    let chosen = own.iter().find(|p| p.id == wanted).ok_or_else(|| AppError::not_found("partner"))?;
    cx.keep_cookie(&chosen.id, person.session.expires_at_ms);
    Ok(cx.redirect_after_post("/partner"))
}
