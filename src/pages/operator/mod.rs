//! What an operator sees: what needs a person, and the books.
//!
//! Every page asks for an operator's session together with its own reads; every form finds the session first, then acts
//! as the session's actor, so that the audit log says who.

mod accounts;
mod audit;
mod desk;
mod document;
mod economics;
mod funnel;
mod home;
mod ledger;
mod outbox;
mod partners;
mod payouts;
mod programs;
mod resources;
mod reviews;
mod runs;
mod settle;
mod tokens;
mod versions;

use super::route::Handled;
use super::visit::Visit;
use crate::http::shell::Site;

/// The page of a path, `["operator", …]`.
pub fn page<'a, S: Site>(visit: &'a Visit<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    let rest = parts.get(1..).unwrap_or_default();
    match method {
        "POST" => form(visit, rest),
        _ => shown(visit, rest),
    }
}

fn shown<'a, S: Site>(visit: &'a Visit<'a, S>, rest: &[&'a str]) -> Option<Handled<'a>> {
    Some(match *rest {
        [] => Box::pin(home::show(visit)),
        ["programs"] => Box::pin(programs::list(visit)),
        ["programs", id] => Box::pin(programs::show(visit, id)),
        ["programs", id, "edit"] => Box::pin(versions::edit(visit, id)),
        ["programs", id, "resources", "new"] => Box::pin(resources::compose(visit, id)),
        ["programs", id, "resources", page] => Box::pin(resources::edit(visit, id, page)),
        ["partners"] => Box::pin(partners::list(visit)),
        ["partners", id] => Box::pin(partners::show(visit, id)),
        ["accounts"] => Box::pin(accounts::list(visit)),
        ["accounts", id] => Box::pin(accounts::show(visit, id)),
        ["reviews"] => Box::pin(reviews::list(visit)),
        ["reviews", id] => Box::pin(reviews::show(visit, id)),
        ["runs"] => Box::pin(runs::list(visit)),
        ["runs", "preview"] => Box::pin(settle::ask(visit)),
        ["runs", id] => Box::pin(runs::show(visit, id)),
        ["runs", id, "plan"] => Box::pin(settle::plan(visit, id)),
        ["payouts"] => Box::pin(payouts::list(visit)),
        ["payouts", id] => Box::pin(payouts::show(visit, id)),
        ["funnel"] => Box::pin(funnel::show(visit)),
        ["economics"] => Box::pin(economics::show(visit)),
        ["ledger"] => Box::pin(ledger::show(visit)),
        ["ledger", "transfers"] => Box::pin(ledger::transfers(visit)),
        ["ledger", "faults"] => Box::pin(ledger::faults(visit)),
        ["outbox"] => Box::pin(outbox::list(visit)),
        ["audit"] => Box::pin(audit::list(visit)),
        ["tokens"] => Box::pin(tokens::list(visit)),
        _ => return None,
    })
}

fn form<'a, S: Site>(visit: &'a Visit<'a, S>, rest: &[&'a str]) -> Option<Handled<'a>> {
    Some(match *rest {
        ["programs", id, "pool"] => Box::pin(programs::fund(visit, id)),
        ["programs", id, "edit"] => Box::pin(versions::save(visit, id)),
        ["programs", id, "resources"] => Box::pin(resources::add(visit, id)),
        ["programs", id, "resources", page] => Box::pin(resources::save(visit, id, page)),
        ["programs", id, "resources", page, "remove"] => Box::pin(resources::remove(visit, id, page)),
        ["accounts", id] => Box::pin(accounts::rebind(visit, id)),
        ["reviews", id] => Box::pin(reviews::decide(visit, id)),
        ["runs"] => Box::pin(runs::start(visit)),
        ["runs", "preview"] => Box::pin(settle::preview(visit)),
        ["runs", id, "approve"] => Box::pin(runs::approve(visit, id)),
        ["payouts", id] => Box::pin(payouts::decide(visit, id)),
        ["outbox"] => Box::pin(outbox::replay(visit)),
        ["tokens"] => Box::pin(tokens::make(visit)),
        ["tokens", id, "revoke"] => Box::pin(tokens::revoke(visit, id)),
        _ => return None,
    })
}
