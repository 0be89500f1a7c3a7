//! What an operator sees: what needs attention, and the records.
//!
//! Every page asks for an operator's session together with its own reads; every form finds the session first, then acts
//! as the session's actor, so that the audit log says who.

pub mod helpers;
pub mod home;
pub mod text;

use crate::pages::account::accounts;
use crate::pages::funnel::operator_funnel;
use crate::pages::identity::tokens;
use crate::pages::ledger::checks;
use crate::pages::message::outbox;
use crate::pages::partner::partners;
use crate::pages::payout::operator_payouts;
use crate::pages::program::editor;
use crate::pages::program::operator_programs;
use crate::pages::program::operator_resources;
use crate::pages::report::audit;
use crate::pages::report::economics;
use crate::pages::review::reviews;
use crate::pages::settlement::run_preview;
use crate::pages::settlement::runs;

use crate::engine::identity::access::{Need, Scope};
use crate::http::context::Platform;
use crate::pages::route::Handled;
use crate::pages::visit::PageContext;

/// The page of a path, `["operator", …]`.
pub fn page<'a, S: Platform>(visit: &'a PageContext<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    let rest = parts.get(1..).unwrap_or_default();
    let (need, page) = match method {
        "POST" => form(visit, rest),
        _ => shown(visit, rest),
    }?;
    visit.asks_for(need);
    Some(page)
}

type Found<'a> = Option<(Need, Handled<'a>)>;

fn shown<'a, S: Platform>(visit: &'a PageContext<'a, S>, rest: &[&'a str]) -> Found<'a> {
    Some(match *rest {
        [] => (Need::Look, Box::pin(home::show(visit))),
        ["programs"] => (Need::Look, Box::pin(operator_programs::list(visit))),
        ["programs", id] => (Need::Look, Box::pin(operator_programs::show(visit, id))),
        ["programs", id, "edit"] => (Need::Act(Scope::Programs), Box::pin(editor::edit(visit, id))),
        ["programs", id, "resources", "new"] => {
            (Need::Act(Scope::Programs), Box::pin(operator_resources::compose(visit, id)))
        }
        ["programs", id, "resources", page] => {
            (Need::Act(Scope::Programs), Box::pin(operator_resources::edit(visit, id, page)))
        }
        ["partners"] => (Need::Look, Box::pin(partners::list(visit))),
        ["partners", id] => (Need::Look, Box::pin(partners::show(visit, id))),
        ["accounts"] => (Need::Look, Box::pin(accounts::list(visit))),
        ["accounts", id] => (Need::Look, Box::pin(accounts::show(visit, id))),
        ["reviews"] => (Need::Look, Box::pin(reviews::list(visit))),
        ["reviews", id] => (Need::Look, Box::pin(reviews::show(visit, id))),
        ["runs"] => (Need::Look, Box::pin(runs::list(visit))),
        ["runs", "preview"] => (Need::Look, Box::pin(run_preview::ask(visit))),
        ["runs", id] => (Need::Look, Box::pin(runs::show(visit, id))),
        ["runs", id, "plan"] => (Need::Look, Box::pin(run_preview::plan(visit, id))),
        ["payouts"] => (Need::Look, Box::pin(operator_payouts::list(visit))),
        ["payouts", id] => (Need::Look, Box::pin(operator_payouts::show(visit, id))),
        ["funnel"] => (Need::Look, Box::pin(operator_funnel::show(visit))),
        ["economics"] => (Need::Look, Box::pin(economics::show(visit))),
        ["ledger"] => (Need::Look, Box::pin(checks::show(visit))),
        ["ledger", "transfers"] => (Need::Look, Box::pin(checks::transfers(visit))),
        ["ledger", "faults"] => (Need::Look, Box::pin(checks::faults(visit))),
        ["outbox"] => (Need::Look, Box::pin(outbox::list(visit))),
        ["audit"] => (Need::Look, Box::pin(audit::list(visit))),
        ["tokens"] => (Need::Act(Scope::Admin), Box::pin(tokens::list(visit))),
        _ => return None,
    })
}

fn form<'a, S: Platform>(visit: &'a PageContext<'a, S>, rest: &[&'a str]) -> Found<'a> {
    Some(match *rest {
        ["programs", id, "budget"] => (Need::Act(Scope::Payouts), Box::pin(operator_programs::fund(visit, id))),
        ["programs", id, "edit"] => (Need::Act(Scope::Programs), Box::pin(editor::save(visit, id))),
        ["programs", id, "resources"] => (Need::Act(Scope::Programs), Box::pin(operator_resources::add(visit, id))),
        ["programs", id, "resources", page] => {
            (Need::Act(Scope::Programs), Box::pin(operator_resources::save(visit, id, page)))
        }
        ["programs", id, "resources", page, "remove"] => {
            (Need::Act(Scope::Programs), Box::pin(operator_resources::remove(visit, id, page)))
        }
        ["accounts", id] => (Need::Act(Scope::Partners), Box::pin(accounts::reassign(visit, id))),
        ["reviews", id] => (Need::Act(Scope::Payouts), Box::pin(reviews::decide(visit, id))),
        ["runs"] => (Need::Act(Scope::Payouts), Box::pin(runs::start(visit))),
        ["runs", "preview"] => (Need::Look, Box::pin(run_preview::preview(visit))),
        ["runs", id, "approve"] => (Need::Act(Scope::Payouts), Box::pin(runs::approve(visit, id))),
        ["payouts", id] => (Need::Act(Scope::Payouts), Box::pin(operator_payouts::decide(visit, id))),
        ["outbox"] => (Need::Act(Scope::Admin), Box::pin(outbox::replay(visit))),
        ["tokens"] => (Need::Act(Scope::Admin), Box::pin(tokens::make(visit))),
        ["tokens", id, "revoke"] => (Need::Act(Scope::Admin), Box::pin(tokens::revoke(visit, id))),
        _ => return None,
    })
}
