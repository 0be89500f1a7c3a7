//! The partner's pages: links, customers, earnings, and payouts. Every read is bound to the partner's own id, so
//! another partner's ids find nothing.

pub mod address;
pub mod code;
pub mod export;
pub mod join;
pub mod one_press;
pub mod overview;
pub mod partners;
pub mod settings;
pub mod standing;
pub mod wording;

use crate::pages::account::{clients, why_not};
use crate::pages::accrual::earnings;
use crate::pages::link::change;
use crate::pages::link::links;
use crate::pages::link::share;
use crate::pages::payout::onboarding;
use crate::pages::payout::partner_payouts;
use crate::pages::payout::receipt;
use crate::pages::person::own;
use crate::pages::program::partner_programs;
use crate::pages::program::partner_resources;
use crate::pages::report::leaderboard;

use crate::http::context::Platform;
use crate::pages::table::Page;
use crate::pages::text::partner::navigation;
use crate::pages::viewer::{Partner, Person};

/// The pages of a person who may have no partner yet, or several.
pub fn person_pages<S: Platform>() -> Vec<Page<S, Person>> {
    vec![
        Page::get("/partner/programs", |cx, gate, _| Box::pin(partner_programs::show(cx, gate))),
        Page::post_reading("/partner/programs", |cx, gate, _| Box::pin(partner_programs::choose(cx, gate))),
        Page::post("/partner/programs/link", |cx, person, _| Box::pin(one_press::make(cx, person))),
        Page::post("/partner/settings/sessions", |cx, person, _| Box::pin(settings::end(cx, person))),
    ]
}

/// The pages of a partner.
pub fn pages<S: Platform>() -> Vec<Page<S, Partner>> {
    let mut pages = brought();
    pages.extend(earned());
    pages.extend(own());
    pages
}

/// The overview, links and sharing.
fn brought<S: Platform>() -> Vec<Page<S, Partner>> {
    vec![
        Page::get("/partner", |cx, gate, _| Box::pin(overview::show(cx, gate))).navigation(navigation::OVERVIEW),
        Page::post_reading("/partner/disclosure", |cx, gate, _| Box::pin(overview::disclose(cx, gate))),
        Page::get("/partner/links", |cx, gate, _| Box::pin(links::list(cx, gate))).navigation(navigation::LINKS),
        Page::post("/partner/links", |cx, partner, _| Box::pin(links::make(cx, partner))),
        Page::get("/partner/links/{code}", |cx, gate, [code, _]| Box::pin(links::detail(cx, gate, code.into()))),
        Page::post("/partner/links/{code}", |cx, partner, [code, _]| {
            Box::pin(change::change(cx, partner, code.into()))
        }),
        Page::get("/partner/links/{code}/qr.svg", |cx, gate, [code, _]| Box::pin(links::qr_svg(cx, gate, code.into()))),
        Page::get("/partner/links/{code}/qr.png", |cx, gate, [code, _]| Box::pin(links::qr_png(cx, gate, code.into()))),
        Page::get("/partner/links/{code}/disable", |cx, gate, [code, _]| {
            Box::pin(links::confirm(cx, gate, code.into()))
        }),
        Page::post_reading("/partner/links/{code}/disable", |cx, gate, [code, _]| {
            Box::pin(links::disable(cx, gate, code.into()))
        }),
        Page::get("/partner/share", |cx, gate, _| Box::pin(share::show(cx, gate))).navigation(navigation::SHARE_KIT),
        Page::post_reading("/partner/share", |cx, gate, _| Box::pin(share::show(cx, gate))),
    ]
}

/// Customers, earnings and payouts.
fn earned<S: Platform>() -> Vec<Page<S, Partner>> {
    vec![
        Page::get("/partner/clients", |cx, gate, _| Box::pin(clients::list(cx, gate)))
            .navigation(navigation::CUSTOMERS),
        Page::get("/partner/clients/{row}", |cx, gate, [row, _]| Box::pin(clients::detail(cx, gate, row))),
        Page::get(why_not::HERE, |cx, gate, _| Box::pin(why_not::show(cx, gate))),
        Page::post(why_not::HERE, |cx, partner, _| Box::pin(why_not::look_up(cx, partner))),
        Page::get("/partner/why-not/{id}", |cx, gate, [id, _]| Box::pin(why_not::detail(cx, gate, id.into()))),
        Page::post("/partner/why-not/{id}", |cx, partner, [id, _]| Box::pin(why_not::send(cx, partner, id.into()))),
        Page::get("/partner/earnings", |cx, gate, _| Box::pin(earnings::list(cx, gate)))
            .navigation(navigation::EARNINGS),
        Page::get("/partner/earnings/{id}", |cx, gate, [id, _]| Box::pin(earnings::detail(cx, gate, id.into()))),
        Page::get("/partner/payouts", |cx, gate, _| Box::pin(partner_payouts::list(cx, gate)))
            .navigation(navigation::PAYOUTS),
        Page::get("/partner/payouts.csv", |cx, gate, _| Box::pin(partner_payouts::csv(cx, gate))),
        Page::get("/partner/payouts/setup", |cx, gate, _| Box::pin(onboarding::show(cx, gate))),
        Page::post_reading("/partner/payouts/setup", |cx, gate, _| Box::pin(onboarding::begin(cx, gate))),
        Page::post("/partner/payouts/dashboard", |cx, partner, _| Box::pin(onboarding::dashboard(cx, partner))),
        Page::get("/partner/payouts/{id}", |cx, gate, [id, _]| Box::pin(receipt::show(cx, gate, id.into()))),
    ]
}

/// The program's leaderboard and resources, and the partner's settings.
fn own<S: Platform>() -> Vec<Page<S, Partner>> {
    vec![
        Page::get("/partner/leaderboard", |cx, gate, _| Box::pin(leaderboard::show(cx, gate)))
            .navigation(navigation::LEADERBOARD),
        Page::get("/partner/resources", |cx, gate, _| Box::pin(partner_resources::list(cx, gate)))
            .navigation(navigation::RESOURCES),
        Page::get("/partner/resources/{id}", |cx, gate, [id, _]| Box::pin(partner_resources::detail(cx, gate, id))),
        Page::get("/partner/settings", |cx, gate, _| Box::pin(settings::show(cx, gate)))
            .navigation(navigation::SETTINGS),
        Page::post("/partner/settings", |cx, partner, _| Box::pin(settings::keep(cx, partner))),
        Page::get("/partner/settings/email", |cx, gate, _| Box::pin(address::ask(cx, gate))),
        Page::post("/partner/settings/email", |cx, partner, _| Box::pin(address::send(cx, partner))),
        Page::get("/partner/settings/emails", |cx, gate, _| Box::pin(settings::mails(cx, gate))),
        Page::post("/partner/settings/emails", |cx, partner, _| Box::pin(settings::choose(cx, partner))),
        Page::get("/partner/settings/data", |cx, gate, _| Box::pin(export::copy(cx, gate))),
        Page::get(own::HERE, |cx, gate, _| Box::pin(own::show(cx, gate))),
        Page::post(own::HERE, |cx, partner, _| Box::pin(own::erase(cx, partner))),
        Page::post("/partner/settings/leave", |cx, partner, _| Box::pin(settings::leave(cx, partner))),
    ]
}
