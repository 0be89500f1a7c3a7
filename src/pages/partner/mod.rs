//! The partner's pages: links, customers, earnings, and payouts. Every read is bound to the partner's own id, so
//! another partner's ids find nothing.

pub mod export;
pub mod join;
pub mod overview;
pub mod partners;
pub mod settings;
pub mod wording;

use crate::pages::account::clients;
use crate::pages::accrual::earnings;
use crate::pages::link::links;
use crate::pages::link::share;
use crate::pages::payout::onboarding;
use crate::pages::payout::partner_payouts;
use crate::pages::payout::receipt;
use crate::pages::program::partner_programs;
use crate::pages::program::partner_resources;
use crate::pages::report::leaderboard;

use crate::http::context::Platform;
use crate::pages::context::Handled;
use crate::pages::context::PageContext;

/// The page of a path, `["partner", …]`.
pub fn page<'a, S: Platform>(cx: &'a PageContext<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    join::page(cx, method, parts)
        .or_else(|| partner_programs::page(cx, method, parts))
        .or_else(|| settings::page(cx, method, parts))
        .or_else(|| own(cx, method, parts))
}

/// The pages about a partner's referrals and earnings.
fn own<'a, S: Platform>(cx: &'a PageContext<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    Some(match (method, parts.get(1..).unwrap_or_default()) {
        ("GET", []) => Box::pin(overview::show(cx)),
        ("POST", ["disclosure"]) => Box::pin(overview::disclose(cx)),
        ("GET", ["links"]) => Box::pin(links::list(cx)),
        ("POST", ["links"]) => Box::pin(links::make(cx)),
        ("GET", ["links", code]) => Box::pin(links::detail(cx, code)),
        ("GET", ["links", code, "qr.svg"]) => Box::pin(links::qr_svg(cx, code)),
        ("GET", ["links", code, "qr.png"]) => Box::pin(links::qr_png(cx, code)),
        ("GET", ["links", code, "disable"]) => Box::pin(links::confirm(cx, code)),
        ("POST", ["links", code, "disable"]) => Box::pin(links::disable(cx, code)),
        ("GET" | "POST", ["share"]) => Box::pin(share::show(cx)),
        ("GET", ["clients"]) => Box::pin(clients::list(cx)),
        ("GET", ["clients", row]) => Box::pin(clients::detail(cx, row)),
        ("GET", ["earnings"]) => Box::pin(earnings::list(cx)),
        ("GET", ["earnings", id]) => Box::pin(earnings::detail(cx, id)),
        ("GET", ["payouts"]) => Box::pin(partner_payouts::list(cx)),
        ("GET", ["payouts.csv"]) => Box::pin(partner_payouts::csv(cx)),
        ("GET", ["payouts", "setup"]) => Box::pin(onboarding::show(cx)),
        ("POST", ["payouts", "setup"]) => Box::pin(onboarding::begin(cx)),
        ("POST", ["payouts", "dashboard"]) => Box::pin(onboarding::dashboard(cx)),
        ("GET", ["payouts", id]) => Box::pin(receipt::show(cx, id)),
        ("GET", ["leaderboard"]) => Box::pin(leaderboard::show(cx)),
        ("GET", ["resources"]) => Box::pin(partner_resources::list(cx)),
        ("GET", ["resources", id]) => Box::pin(partner_resources::detail(cx, id)),
        _ => return None,
    })
}
