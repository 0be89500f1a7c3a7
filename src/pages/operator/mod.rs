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
use crate::engine::access::{Need, Scope};
use crate::http::shell::Site;

/// The page of a path, `["operator", …]`.
pub fn page<'a, S: Site>(visit: &'a Visit<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    let rest = parts.get(1..).unwrap_or_default();
    let (need, page) = match method {
        "POST" => form(visit, rest),
        _ => shown(visit, rest),
    }?;
    visit.asks_for(need);
    Some(page)
}

type Found<'a> = Option<(Need, Handled<'a>)>;

fn shown<'a, S: Site>(visit: &'a Visit<'a, S>, rest: &[&'a str]) -> Found<'a> {
    Some(match *rest {
        [] => (Need::Look, Box::pin(home::show(visit))),
        ["programs"] => (Need::Look, Box::pin(programs::list(visit))),
        ["programs", id] => (Need::Look, Box::pin(programs::show(visit, id))),
        ["programs", id, "edit"] => (Need::Act(Scope::Programs), Box::pin(versions::edit(visit, id))),
        ["programs", id, "resources", "new"] => (Need::Act(Scope::Programs), Box::pin(resources::compose(visit, id))),
        ["programs", id, "resources", page] => (Need::Act(Scope::Programs), Box::pin(resources::edit(visit, id, page))),
        ["partners"] => (Need::Look, Box::pin(partners::list(visit))),
        ["partners", id] => (Need::Look, Box::pin(partners::show(visit, id))),
        ["accounts"] => (Need::Look, Box::pin(accounts::list(visit))),
        ["accounts", id] => (Need::Look, Box::pin(accounts::show(visit, id))),
        ["reviews"] => (Need::Look, Box::pin(reviews::list(visit))),
        ["reviews", id] => (Need::Look, Box::pin(reviews::show(visit, id))),
        ["runs"] => (Need::Look, Box::pin(runs::list(visit))),
        ["runs", "preview"] => (Need::Look, Box::pin(settle::ask(visit))),
        ["runs", id] => (Need::Look, Box::pin(runs::show(visit, id))),
        ["runs", id, "plan"] => (Need::Look, Box::pin(settle::plan(visit, id))),
        ["payouts"] => (Need::Look, Box::pin(payouts::list(visit))),
        ["payouts", id] => (Need::Look, Box::pin(payouts::show(visit, id))),
        ["funnel"] => (Need::Look, Box::pin(funnel::show(visit))),
        ["economics"] => (Need::Look, Box::pin(economics::show(visit))),
        ["ledger"] => (Need::Look, Box::pin(ledger::show(visit))),
        ["ledger", "transfers"] => (Need::Look, Box::pin(ledger::transfers(visit))),
        ["ledger", "faults"] => (Need::Look, Box::pin(ledger::faults(visit))),
        ["outbox"] => (Need::Look, Box::pin(outbox::list(visit))),
        ["audit"] => (Need::Look, Box::pin(audit::list(visit))),
        ["tokens"] => (Need::Act(Scope::Admin), Box::pin(tokens::list(visit))),
        _ => return None,
    })
}

fn form<'a, S: Site>(visit: &'a Visit<'a, S>, rest: &[&'a str]) -> Found<'a> {
    Some(match *rest {
        ["programs", id, "pool"] => (Need::Act(Scope::Payouts), Box::pin(programs::fund(visit, id))),
        ["programs", id, "edit"] => (Need::Act(Scope::Programs), Box::pin(versions::save(visit, id))),
        ["programs", id, "resources"] => (Need::Act(Scope::Programs), Box::pin(resources::add(visit, id))),
        ["programs", id, "resources", page] => (Need::Act(Scope::Programs), Box::pin(resources::save(visit, id, page))),
        ["programs", id, "resources", page, "remove"] => {
            (Need::Act(Scope::Programs), Box::pin(resources::remove(visit, id, page)))
        }
        ["accounts", id] => (Need::Act(Scope::Partners), Box::pin(accounts::rebind(visit, id))),
        ["reviews", id] => (Need::Act(Scope::Payouts), Box::pin(reviews::decide(visit, id))),
        ["runs"] => (Need::Act(Scope::Payouts), Box::pin(runs::start(visit))),
        ["runs", "preview"] => (Need::Look, Box::pin(settle::preview(visit))),
        ["runs", id, "approve"] => (Need::Act(Scope::Payouts), Box::pin(runs::approve(visit, id))),
        ["payouts", id] => (Need::Act(Scope::Payouts), Box::pin(payouts::decide(visit, id))),
        ["outbox"] => (Need::Act(Scope::Admin), Box::pin(outbox::replay(visit))),
        ["tokens"] => (Need::Act(Scope::Admin), Box::pin(tokens::make(visit))),
        ["tokens", id, "revoke"] => (Need::Act(Scope::Admin), Box::pin(tokens::revoke(visit, id))),
        _ => return None,
    })
}
