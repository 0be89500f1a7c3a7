//! The operators' pages: what needs attention, and the records.
//!
//! Every page reads the operator's session together with its own data. Every form reads the session first, then acts as
//! the session's actor, so that the audit log records who acted.

pub mod helpers;
pub mod home;

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
use crate::pages::context::Handled;
use crate::pages::context::PageContext;

/// The page of a path, `["operator", …]`.
pub fn page<'a, S: Platform>(cx: &'a PageContext<'a, S>, method: &str, parts: &[&'a str]) -> Option<Handled<'a>> {
    let rest = parts.get(1..).unwrap_or_default();
    let (need, page) = match method {
        "POST" => form(cx, rest),
        _ => shown(cx, rest),
    }?;
    cx.asks_for(need);
    Some(page)
}

type Found<'a> = Option<(Need, Handled<'a>)>;

fn shown<'a, S: Platform>(cx: &'a PageContext<'a, S>, rest: &[&'a str]) -> Found<'a> {
    Some(match *rest {
        [] => (Need::Look, Box::pin(home::show(cx))),
        ["programs"] => (Need::Look, Box::pin(operator_programs::list(cx))),
        ["programs", id] => (Need::Look, Box::pin(operator_programs::show(cx, id))),
        ["programs", id, "edit"] => (Need::Act(Scope::Programs), Box::pin(editor::edit(cx, id))),
        ["programs", id, "resources", "new"] => {
            (Need::Act(Scope::Programs), Box::pin(operator_resources::compose(cx, id)))
        }
        ["programs", id, "resources", page] => {
            (Need::Act(Scope::Programs), Box::pin(operator_resources::edit(cx, id, page)))
        }
        ["partners"] => (Need::Look, Box::pin(partners::list(cx))),
        ["partners", id] => (Need::Look, Box::pin(partners::show(cx, id))),
        ["accounts"] => (Need::Look, Box::pin(accounts::list(cx))),
        ["accounts", id] => (Need::Look, Box::pin(accounts::show(cx, id))),
        ["reviews"] => (Need::Look, Box::pin(reviews::list(cx))),
        ["reviews", id] => (Need::Look, Box::pin(reviews::show(cx, id))),
        ["runs"] => (Need::Look, Box::pin(runs::list(cx))),
        ["runs", "preview"] => (Need::Look, Box::pin(run_preview::ask(cx))),
        ["runs", id] => (Need::Look, Box::pin(runs::show(cx, id))),
        ["runs", id, "plan"] => (Need::Look, Box::pin(run_preview::plan(cx, id))),
        ["payouts"] => (Need::Look, Box::pin(operator_payouts::list(cx))),
        ["payouts", id] => (Need::Look, Box::pin(operator_payouts::show(cx, id))),
        ["funnel"] => (Need::Look, Box::pin(operator_funnel::show(cx))),
        ["economics"] => (Need::Look, Box::pin(economics::show(cx))),
        ["ledger"] => (Need::Look, Box::pin(checks::show(cx))),
        ["ledger", "transfers"] => (Need::Look, Box::pin(checks::transfers(cx))),
        ["ledger", "checks"] => (Need::Look, Box::pin(checks::checks(cx))),
        ["outbox"] => (Need::Look, Box::pin(outbox::list(cx))),
        ["audit"] => (Need::Look, Box::pin(audit::list(cx))),
        ["tokens"] => (Need::Act(Scope::Admin), Box::pin(tokens::list(cx))),
        _ => return None,
    })
}

fn form<'a, S: Platform>(cx: &'a PageContext<'a, S>, rest: &[&'a str]) -> Found<'a> {
    Some(match *rest {
        ["programs", id, "budget"] => (Need::Act(Scope::Payouts), Box::pin(operator_programs::fund(cx, id))),
        ["programs", id, "edit"] => (Need::Act(Scope::Programs), Box::pin(editor::save(cx, id))),
        ["programs", id, "resources"] => (Need::Act(Scope::Programs), Box::pin(operator_resources::add(cx, id))),
        ["programs", id, "resources", page] => {
            (Need::Act(Scope::Programs), Box::pin(operator_resources::save(cx, id, page)))
        }
        ["programs", id, "resources", page, "remove"] => {
            (Need::Act(Scope::Programs), Box::pin(operator_resources::remove(cx, id, page)))
        }
        ["accounts", id] => (Need::Act(Scope::Partners), Box::pin(accounts::reassign(cx, id))),
        ["reviews", id] => (Need::Act(Scope::Payouts), Box::pin(reviews::decide(cx, id))),
        ["runs"] => (Need::Act(Scope::Payouts), Box::pin(runs::start(cx))),
        ["runs", "preview"] => (Need::Look, Box::pin(run_preview::preview(cx))),
        ["runs", id, "approve"] => (Need::Act(Scope::Payouts), Box::pin(runs::approve(cx, id))),
        ["payouts", id] => (Need::Act(Scope::Payouts), Box::pin(operator_payouts::decide(cx, id))),
        ["outbox"] => (Need::Act(Scope::Admin), Box::pin(outbox::replay(cx))),
        ["tokens"] => (Need::Act(Scope::Admin), Box::pin(tokens::make(cx))),
        ["tokens", id, "revoke"] => (Need::Act(Scope::Admin), Box::pin(tokens::revoke(cx, id))),
        _ => return None,
    })
}
