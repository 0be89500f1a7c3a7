//! The pages of visitors: signing in and out, and joining a program.

use crate::http::context::Platform;
use crate::pages::identity::sign_in;
use crate::pages::partner::{address, join};
use crate::pages::table::Page;
use crate::pages::viewer::Visitor;

pub fn pages<S: Platform>() -> Vec<Page<S, Visitor>> {
    let mut pages = signing_in();
    pages.extend(joining());
    pages
}

/// Emailed links and tokens are proof enough: their pages look up no session.
fn signing_in<S: Platform>() -> Vec<Page<S, Visitor>> {
    vec![
        Page::get("/sign-in", |cx, gate, _| Box::pin(sign_in::ask(cx, gate))),
        Page::post_reading("/sign-in", |cx, _, _| Box::pin(sign_in::send(cx))),
        Page::get("/sign-in/site", |cx, _, _| Box::pin(async { sign_in::at_site(cx) })),
        Page::get("/sign-in/sent", |cx, _, _| Box::pin(async { Ok(sign_in::sent(cx)) })),
        Page::get("/sign-in/mail/{token}", |cx, _, [token, _]| Box::pin(sign_in::confirm(cx, token))),
        Page::post_reading("/sign-in/mail/{token}", |cx, _, [token, _]| Box::pin(sign_in::follow(cx, token))),
        Page::get("/sign-in/token", |cx, _, _| Box::pin(async { Ok(sign_in::token_page(cx)) })),
        Page::post_reading("/sign-in/token", |cx, _, _| Box::pin(sign_in::by_token(cx))),
        Page::get("/sign-out", |cx, _, _| Box::pin(async { Ok(sign_in::leave(cx)) })),
        Page::post_reading("/sign-out", |cx, gate, _| Box::pin(sign_in::sign_out(cx, gate))),
    ]
}

fn joining<S: Platform>() -> Vec<Page<S, Visitor>> {
    vec![
        Page::get("/partner/join", |cx, gate, _| Box::pin(join::ask(cx, gate))),
        Page::post_reading("/partner/join", |cx, gate, _| Box::pin(join::send(cx, gate))),
        Page::get("/partner/join/sent", |cx, _, _| Box::pin(async { Ok(join::sent(cx)) })),
        Page::get("/partner/email/{token}", |cx, _, [token, _]| Box::pin(address::confirm(cx, token))),
        Page::post_reading("/partner/email/{token}", |cx, _, [token, _]| Box::pin(address::follow(cx, token))),
        Page::get("/partner/join/{token}", |cx, _, [token, _]| Box::pin(join::confirm(cx, token))),
        Page::post_reading("/partner/join/{token}", |cx, _, [token, _]| Box::pin(join::follow(cx, token))),
    ]
}
