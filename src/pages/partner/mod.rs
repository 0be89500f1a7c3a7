//! The partner's pages: links, customers, earnings, and payouts. Every read is bound to the partner's own id, so another
//! partner's ids find nothing.

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
use crate::pages::visit::Handled;
use crate::pages::visit::PageContext;

/// The page of a path, `["partner", …]`.
pub fn page<'a, S: Platform>(visit: &'a PageContext<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    join::page(visit, method, parts)
        .or_else(|| partner_programs::page(visit, method, parts))
        .or_else(|| settings::page(visit, method, parts))
        .or_else(|| own(visit, method, parts))
}

/// The pages about what a partner has brought and earned.
fn own<'a, S: Platform>(visit: &'a PageContext<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    Some(match (method, parts.get(1..).unwrap_or_default()) {
        ("GET", []) => Box::pin(overview::show(visit)),
        ("POST", ["disclosure"]) => Box::pin(overview::disclose(visit)),
        ("GET", ["links"]) => Box::pin(links::list(visit)),
        ("POST", ["links"]) => Box::pin(links::make(visit)),
        ("GET", ["links", code]) => Box::pin(links::detail(visit, code)),
        ("GET", ["links", code, "qr.svg"]) => Box::pin(links::qr_svg(visit, code)),
        ("GET", ["links", code, "qr.png"]) => Box::pin(links::qr_png(visit, code)),
        ("GET", ["links", code, "disable"]) => Box::pin(links::confirm(visit, code)),
        ("POST", ["links", code, "disable"]) => Box::pin(links::disable(visit, code)),
        ("GET" | "POST", ["share"]) => Box::pin(share::show(visit)),
        ("GET", ["clients"]) => Box::pin(clients::list(visit)),
        ("GET", ["clients", row]) => Box::pin(clients::detail(visit, row)),
        ("GET", ["earnings"]) => Box::pin(earnings::list(visit)),
        ("GET", ["earnings", id]) => Box::pin(earnings::detail(visit, id)),
        ("GET", ["payouts"]) => Box::pin(partner_payouts::list(visit)),
        ("GET", ["payouts.csv"]) => Box::pin(partner_payouts::csv(visit)),
        ("GET", ["payouts", "setup"]) => Box::pin(onboarding::show(visit)),
        ("POST", ["payouts", "setup"]) => Box::pin(onboarding::begin(visit)),
        ("POST", ["payouts", "dashboard"]) => Box::pin(onboarding::dashboard(visit)),
        ("GET", ["payouts", id]) => Box::pin(receipt::show(visit, id)),
        ("GET", ["leaderboard"]) => Box::pin(leaderboard::show(visit)),
        ("GET", ["resources"]) => Box::pin(partner_resources::list(visit)),
        ("GET", ["resources", id]) => Box::pin(partner_resources::detail(visit, id)),
        _ => return None,
    })
}
