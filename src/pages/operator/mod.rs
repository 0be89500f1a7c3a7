//! The operators' pages: what needs attention, and the records.
//!
//! Every page asks for an operator's session together with its own reads; every form is handed the operator, then acts
//! as the session's actor, so that the audit log says who.

pub mod helpers;
pub mod home;
pub mod site_script;
pub mod tasks;

use crate::engine::identity::access::{Need, Scope};
use crate::http::context::Platform;
use crate::pages::account::{accounts, attribution_search, questions};
use crate::pages::accrual::{adjust, adjustments};
use crate::pages::funnel::operator_funnel;
use crate::pages::identity::tokens;
use crate::pages::ledger::checks;
use crate::pages::message::outbox;
use crate::pages::partner::partners;
use crate::pages::payout::{failed_events, operator_payouts, unexpected};
use crate::pages::person::operator as person;
use crate::pages::program::editor;
use crate::pages::program::guide;
use crate::pages::program::operator_programs;
use crate::pages::program::operator_resources;
use crate::pages::report::audit;
use crate::pages::report::economics;
use crate::pages::review::reviews;
use crate::pages::settlement::preview_result;
use crate::pages::settlement::run_preview;
use crate::pages::settlement::runs;
use crate::pages::table::Page;
use crate::pages::text::operator::navigation;
use crate::pages::viewer::Operator;

type Pages<S> = Vec<Page<S, Operator>>;

const PARTNERS: Need = Need::Act(Scope::Partners);
const PAYOUTS: Need = Need::Act(Scope::Payouts);
const PROGRAMS: Need = Need::Act(Scope::Programs);
const ADMIN: Need = Need::Act(Scope::Admin);

/// Every page of operators. Those in the navigation are there in this order.
pub fn pages<S: Platform>() -> Pages<S> {
    [home_and_programs(), records(), money(), figures(), administration()].into_iter().flatten().collect()
}

fn home_and_programs<S: Platform>() -> Pages<S> {
    vec![
        Page::get("/operator", |cx, gate, _| Box::pin(home::show(cx, gate))).navigation(navigation::HOME),
        Page::get("/operator/programs", |cx, gate, _| Box::pin(operator_programs::list(cx, gate)))
            .navigation(navigation::PROGRAMS),
        Page::get("/operator/program-guide", |cx, gate, _| Box::pin(guide::show(cx, gate))),
        Page::get("/operator/programs/{id}", |cx, gate, [id, _]| {
            Box::pin(operator_programs::show(cx, gate, id.into()))
        }),
        Page::post("/operator/programs/{id}/budget", |cx, by, [id, _]| {
            Box::pin(operator_programs::fund(cx, by, id.into()))
        })
        .needs(PAYOUTS),
        Page::get("/operator/programs/{id}/edit", |cx, gate, [id, _]| Box::pin(editor::edit(cx, gate, id.into())))
            .needs(PROGRAMS),
        Page::post("/operator/programs/{id}/edit", |cx, by, [id, _]| Box::pin(editor::save(cx, by, id.into())))
            .needs(PROGRAMS),
        Page::post("/operator/programs/{id}/resources", |cx, by, [id, _]| {
            Box::pin(operator_resources::add(cx, by, id.into()))
        })
        .needs(PROGRAMS),
        Page::get("/operator/programs/{id}/resources/new", |cx, gate, [id, _]| {
            Box::pin(operator_resources::compose(cx, gate, id.into()))
        })
        .needs(PROGRAMS),
        Page::get("/operator/programs/{id}/resources/{page}", |cx, gate, [id, page]| {
            Box::pin(operator_resources::edit(cx, gate, id.into(), page))
        })
        .needs(PROGRAMS),
        Page::post("/operator/programs/{id}/resources/{page}", |cx, by, [id, page]| {
            Box::pin(operator_resources::save(cx, by, id.into(), page))
        })
        .needs(PROGRAMS),
        Page::post("/operator/programs/{id}/resources/{page}/remove", |cx, by, [id, page]| {
            Box::pin(operator_resources::remove(cx, by, id.into(), page))
        })
        .needs(PROGRAMS),
    ]
}

fn records<S: Platform>() -> Pages<S> {
    vec![
        Page::get("/operator/partners", |cx, gate, _| Box::pin(partners::list(cx, gate)))
            .navigation(navigation::PARTNERS),
        Page::get("/operator/partners/{id}", |cx, gate, [id, _]| Box::pin(partners::show(cx, gate, id.into()))),
        Page::post("/operator/partners/{id}", |cx, by, [id, _]| Box::pin(partners::decide(cx, by, id.into())))
            .needs(PAYOUTS),
        Page::post("/operator/partners/{id}/code", |cx, by, [id, _]| {
            Box::pin(partners::change_code(cx, by, id.into()))
        })
        .needs(PARTNERS),
        Page::get("/operator/partners/{id}/data", |cx, gate, [id, _]| {
            Box::pin(person::of_partner(cx, gate, id.into()))
        })
        .needs(ADMIN),
        Page::post("/operator/partners/{id}/erase", |cx, by, [id, _]| {
            Box::pin(person::erase_partner(cx, by, id.into()))
        })
        .needs(ADMIN),
        Page::get("/operator/accounts/{id}/data", |cx, gate, [id, _]| {
            Box::pin(person::of_account(cx, gate, id.into()))
        })
        .needs(ADMIN),
        Page::post("/operator/accounts/{id}/erase", |cx, by, [id, _]| {
            Box::pin(person::erase_account(cx, by, id.into()))
        })
        .needs(ADMIN),
        Page::get("/operator/accounts", |cx, gate, _| Box::pin(accounts::list(cx, gate)))
            .navigation(navigation::ACCOUNTS),
        Page::get("/operator/accounts/{id}", |cx, gate, [id, _]| Box::pin(accounts::show(cx, gate, id.into()))),
        Page::post("/operator/accounts/{id}", |cx, by, [id, _]| Box::pin(accounts::reassign(cx, by, id.into())))
            .needs(PARTNERS),
        Page::get(attribution_search::HERE, |cx, gate, _| Box::pin(attribution_search::show(cx, gate))),
        Page::get("/operator/questions", |cx, gate, _| Box::pin(questions::list(cx, gate))),
        Page::get("/operator/questions/{id}", |cx, gate, [id, _]| Box::pin(questions::show(cx, gate, id.into()))),
        Page::post("/operator/questions/{id}", |cx, by, [id, _]| Box::pin(questions::reply(cx, by, id.into())))
            .needs(PARTNERS),
        Page::get("/operator/reviews", |cx, gate, _| Box::pin(reviews::list(cx, gate))).navigation(navigation::REVIEWS),
        Page::get("/operator/reviews/{id}", |cx, gate, [id, _]| Box::pin(reviews::show(cx, gate, id.into()))),
        Page::post("/operator/reviews/{id}", |cx, by, [id, _]| Box::pin(reviews::decide(cx, by, id.into())))
            .needs(PAYOUTS),
    ]
}

fn money<S: Platform>() -> Pages<S> {
    vec![
        Page::get("/operator/runs", |cx, gate, _| Box::pin(runs::list(cx, gate))).navigation(navigation::RUNS),
        Page::post("/operator/runs", |cx, by, _| Box::pin(runs::start(cx, by))).needs(PAYOUTS),
        Page::get("/operator/runs/preview", |cx, gate, _| Box::pin(run_preview::ask(cx, gate))),
        Page::post_reading("/operator/runs/preview", |cx, gate, _| Box::pin(run_preview::preview(cx, gate))),
        Page::post_reading("/operator/previews/{id}", |cx, gate, [id, _]| {
            Box::pin(preview_result::advance(cx, gate, id.into()))
        }),
        Page::get("/operator/previews/{id}", |cx, gate, [id, _]| Box::pin(preview_result::show(cx, gate, id.into()))),
        Page::get("/operator/runs/{id}", |cx, gate, [id, _]| Box::pin(runs::show(cx, gate, id.into()))),
        Page::get("/operator/runs/{id}/plan", |cx, gate, [id, _]| Box::pin(run_preview::plan(cx, gate, id.into()))),
        Page::post("/operator/runs/{id}/approve", |cx, by, [id, _]| Box::pin(runs::approve(cx, by, id.into())))
            .needs(PAYOUTS),
        Page::get("/operator/adjustments", |cx, gate, _| Box::pin(adjustments::list(cx, gate))),
        Page::get("/operator/adjustments/{id}", |cx, gate, [id, _]| Box::pin(adjustments::show(cx, gate, id.into()))),
        Page::post("/operator/adjustments/{id}", |cx, by, [id, _]| Box::pin(adjustments::decide(cx, by, id.into())))
            .needs(PAYOUTS),
        Page::get("/operator/partners/{id}/adjust", |cx, gate, [id, _]| Box::pin(adjust::ask(cx, gate, id.into())))
            .needs(PAYOUTS),
        Page::post_reading("/operator/partners/{id}/adjust/confirm", |cx, gate, [id, _]| {
            Box::pin(adjust::confirm(cx, gate, id.into()))
        })
        .needs(PAYOUTS),
        Page::post("/operator/partners/{id}/adjust", |cx, by, [id, _]| Box::pin(adjust::book(cx, by, id.into())))
            .needs(PAYOUTS),
        Page::get("/operator/payouts", |cx, gate, _| Box::pin(operator_payouts::list(cx, gate))),
        Page::get("/operator/transfers", |cx, gate, _| Box::pin(unexpected::list(cx, gate))),
        Page::post("/operator/transfers/{id}", |cx, by, [id, _]| Box::pin(unexpected::acknowledge(cx, by, id)))
            .needs(PAYOUTS),
        Page::get("/operator/failed-events", |cx, gate, _| Box::pin(failed_events::list(cx, gate))),
        Page::post("/operator/failed-events/{id}", |cx, by, [id, _]| Box::pin(failed_events::acknowledge(cx, by, id)))
            .needs(PAYOUTS),
        Page::get("/operator/payouts/{id}", |cx, gate, [id, _]| Box::pin(operator_payouts::show(cx, gate, id.into()))),
        Page::post("/operator/payouts/{id}", |cx, by, [id, _]| Box::pin(operator_payouts::decide(cx, by, id.into())))
            .needs(PAYOUTS),
    ]
}

fn figures<S: Platform>() -> Pages<S> {
    vec![
        Page::get("/operator/funnel", |cx, gate, _| Box::pin(operator_funnel::show(cx, gate)))
            .navigation(navigation::FUNNEL),
        Page::get("/operator/economics", |cx, gate, _| Box::pin(economics::show(cx, gate)))
            .navigation(navigation::ECONOMICS),
        Page::get("/operator/ledger", |cx, gate, _| Box::pin(checks::show(cx, gate))).navigation(navigation::LEDGER),
        Page::get("/operator/ledger/transfers", |cx, gate, _| Box::pin(checks::transfers(cx, gate))),
        Page::get("/operator/ledger/checks", |cx, gate, _| Box::pin(checks::checks(cx, gate))),
    ]
}

fn administration<S: Platform>() -> Pages<S> {
    vec![
        Page::get("/operator/outbox", |cx, gate, _| Box::pin(outbox::list(cx, gate))).navigation(navigation::OUTBOX),
        Page::post("/operator/outbox", |cx, by, _| Box::pin(outbox::replay(cx, by))).needs(ADMIN),
        Page::get("/operator/audit", |cx, gate, _| Box::pin(audit::list(cx, gate))).navigation(navigation::AUDIT),
        Page::get("/operator/tokens", |cx, gate, _| Box::pin(tokens::list(cx, gate)))
            .needs(ADMIN)
            .navigation(navigation::TOKENS),
        Page::post("/operator/tokens", |cx, by, _| Box::pin(tokens::make(cx, by))).needs(ADMIN),
        Page::post("/operator/tokens/{id}/revoke", |cx, by, [id, _]| Box::pin(tokens::revoke(cx, by, id))).needs(ADMIN),
    ]
}
