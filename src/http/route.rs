//! The routes: one table of method, path, who may call, how the body is parsed and which handler answers; and the router.

use crate::codec::attribution::touch_request;
use crate::codec::credit;
use crate::codec::event::batch::BATCH_BYTES_MAX;
use crate::codec::event::{batch, emdash, envelope};
use crate::codec::funnel::beacon;
use crate::codec::identity::session::SiteUser;
use crate::codec::message::endpoint;
use crate::codec::stripe as translation;
use crate::codec::stripe::EVENT_BYTES_MAX;
use crate::codec::stripe::StripeEndpoint;
use crate::codec::{BODY_BYTES_MAX, Invalid, operator};
use crate::engine::identity::access::Scope;
use crate::http::attribution::visitors;
use crate::http::auth::{Access, Operator};
use crate::http::call::{Call, Working};
use crate::http::context::{Platform, RequestContext};
use crate::http::credit::credits;
use crate::http::event::{failed, imports, stripe, webhooks};
use crate::http::exchange::{Request, Response, decode_segment};
use crate::http::funnel::collect;
use crate::http::link::links;
use crate::http::message::notifications;
use crate::http::partner::partners;
use crate::http::payout::payouts;
use crate::http::payout::transfers;
use crate::http::program::{programs, schema};
use crate::http::report::payouts as payout_sums;
use crate::http::report::{attribution, audit, figures, ledger, lists, reconciliations, reports, search};
use crate::http::settlement::runs;
use crate::http::signed::{VerifiedWebhook, Webhook};
use crate::http::{accounts, adjustments, auth, health, openapi, people, reviews, signed, site_user};
use crate::service::error::{AppError, ErrorKind};
use crate::service::partner::resource;
use std::marker::PhantomData;

/// A row of the table without its handler. `{name}` stands for one segment of the path.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

type Run<S, Caller> = for<'a> fn(Call<'a, S, Caller>) -> Working<'a>;

/// A row's handler, which is handed what its access proves.
enum Handler<S: Platform> {
    Public(Run<S, ()>),
    Operator(Scope, Run<S, Operator>),
    Signed(Webhook, Run<S, VerifiedWebhook>),
    SiteUser(Run<S, SiteUser>),
}

/// The handlers, in the order of [`ROUTES`].
struct Handlers<S>(PhantomData<S>);

/// Makes [`ROUTES`], which every platform shares, and the platform's handlers from the same rows.
macro_rules! table {
    ($($method:ident $path:literal, $access:ident $(($of:expr))? => $run:expr;)+) => {
        /// Every route except ref links, which never get here.
        pub const ROUTES: &[Route] =
            &[$(Route { method: stringify!($method), path: $path, access: Access::$access$(($of))? }),+];

        impl<S: Platform + 'static> Handlers<S> {
            const ALL: &'static [Handler<S>] = &[$(Handler::$access($($of,)? $run)),+];
        }
    };
}

table! {
    GET "/v1/attribution", Public => |call| call.to(visitors::attribution);
    POST "/v1/attribution", Public => |call| call.body(touch_request::parse, visitors::touch);
    POST "/v1/attribution/promotion-code", Public => |call| call.body(operator::nothing, visitors::promotion_code);
    POST "/v1/collect", Public => |call| call.body(beacon::parse, collect::beacon);
    GET "/v1/stage.gif", Public => |call| call.to(collect::pixel);
    POST "/v1/webhooks/events", Signed(Webhook::Events) => |call| call.dated_body(envelope::parse, webhooks::event);
    POST "/v1/events", Operator(Scope::Events) => |call| call.dated_body(batch::parse, imports::events);
    POST "/v1/webhooks/emdash", Signed(Webhook::Emdash) =>
        |call| call.dated_body(emdash::content_hook, webhooks::emdash_hook);
    POST "/v1/webhooks/emdash-forms/{secret}", Signed(Webhook::EmdashForms) =>
        |call| call.dated_body(emdash::form_submission, webhooks::emdash_form);
    POST "/v1/webhooks/stripe", Signed(Webhook::Stripe(StripeEndpoint::Own)) =>
        |call| call.dated_body(|body, now| translation::parse(body, StripeEndpoint::Own, now), stripe::own);
    POST "/v1/webhooks/stripe-connect", Signed(Webhook::Stripe(StripeEndpoint::Connect)) =>
        |call| call.dated_body(|body, now| translation::parse(body, StripeEndpoint::Connect, now), stripe::connect);
    POST "/api/referral/generate", SiteUser => |call| call.body(operator::generate, visitors::generate);
    GET "/api/referral/link", Public => |call| call.to(visitors::own_link);
    GET "/v1/partners", Operator(Scope::Partners) => |call| call.to(lists::partners);
    POST "/v1/partners", Operator(Scope::Partners) => |call| call.body(operator::partner, partners::enrol);
    GET "/v1/partners/{id}", Operator(Scope::Partners) => |call| call.to(partners::show);
    PATCH "/v1/partners/{id}", Operator(Scope::Partners) =>
        |call| call.body(operator::partner_change, partners::change);
    GET "/v1/partners/{id}/balance-transactions", Operator(Scope::Partners) => |call| call.to(partners::entries);
    GET "/v1/links", Operator(Scope::Partners) => |call| call.to(lists::links);
    POST "/v1/links", Operator(Scope::Partners) => |call| call.dated_body(operator::link, links::link);
    GET "/v1/links/{code}", Operator(Scope::Partners) => |call| call.to(links::link_show);
    PATCH "/v1/links/{code}", Operator(Scope::Partners) => |call| call.body(operator::link_change, links::link_change);
    DELETE "/v1/links/{code}", Operator(Scope::Partners) => |call| call.to(links::link_disable);
    GET "/v1/accounts", Operator(Scope::Partners) => |call| call.to(lists::accounts);
    GET "/v1/accruals", Operator(Scope::Partners) => |call| call.to(lists::accruals);
    GET "/v1/invoices", Operator(Scope::Partners) => |call| call.to(lists::invoices);
    GET "/v1/accounts/{id}/attribution", Operator(Scope::Partners) => |call| call.to(attribution::report);
    GET "/v1/attribution/search", Operator(Scope::Partners) => |call| call.to(search::search);
    GET "/v1/programs", Operator(Scope::Programs) => |call| call.to(programs::list);
    GET "/v1/programs/{id}", Operator(Scope::Programs) => |call| call.to(programs::show);
    PUT "/v1/programs/{id}", Operator(Scope::Programs) => |call| call.body(programs::document, programs::save);
    GET "/v1/runs", Operator(Scope::Payouts) => |call| call.to(runs::run_list);
    POST "/v1/runs", Operator(Scope::Payouts) => |call| call.body(operator::run, runs::run_start);
    GET "/v1/run-previews/{id}", Operator(Scope::Payouts) => |call| call.to(runs::run_preview);
    GET "/v1/runs/{id}", Operator(Scope::Payouts) => |call| call.to(runs::run_show);
    GET "/v1/ledger/transfers", Operator(Scope::Read) => |call| call.to(ledger::transfers);
    GET "/v1/ledger/checks", Operator(Scope::Read) => |call| call.to(ledger::faults);
    GET "/v1/ledger/verify", Operator(Scope::Read) => |call| call.to(ledger::verify);
    GET "/v1/leaderboard", Operator(Scope::Read) => |call| call.to(reports::leaderboard);
    GET "/v1/reports/funnel", Operator(Scope::Read) => |call| call.to(figures::funnel);
    GET "/v1/reports/channels", Operator(Scope::Read) => |call| call.to(figures::channels);
    GET "/v1/reports/economics", Operator(Scope::Read) => |call| call.to(figures::economics);
    GET "/v1/reviews", Operator(Scope::Payouts) => |call| call.to(reviews::review_list);
    POST "/v1/reviews/{id}", Operator(Scope::Payouts) => |call| call.body(operator::review, reviews::review_decide);
    GET "/v1/adjustments", Operator(Scope::Payouts) => |call| call.to(adjustments::list);
    POST "/v1/adjustments", Operator(Scope::Payouts) => |call| call.body(operator::adjustment, adjustments::request);
    GET "/v1/adjustments/{id}", Operator(Scope::Payouts) => |call| call.to(adjustments::show);
    POST "/v1/adjustments/{id}", Operator(Scope::Payouts) =>
        |call| call.body(operator::adjustment_decision, adjustments::decide);
    GET "/v1/programs/{id}/budget", Operator(Scope::Payouts) => |call| call.to(programs::budget_show);
    POST "/v1/programs/{id}/budget", Operator(Scope::Payouts) =>
        |call| call.body(operator::funding, programs::budget_fund);
    POST "/v1/programs/{id}/dry-run", Operator(Scope::Programs) =>
        |call| call.body(operator::dry_run, programs::dry_run);
    GET "/v1/dry-runs/{id}", Operator(Scope::Programs) => |call| call.to(programs::dry_run_show);
    POST "/v1/accounts/{id}/reassign", Operator(Scope::Partners) =>
        |call| call.body(operator::reassign, accounts::reassign);
    POST "/v1/reconciliations", Operator(Scope::Events) =>
        |call| call.dated_body(operator::reconciliation, reconciliations::reconcile);
    GET "/v1/audit", Operator(Scope::Read) => |call| call.to(audit::audit_list);
    GET "/v1/outbox", Operator(Scope::Read) => |call| call.to(notifications::outbox_list);
    GET "/v1/payouts", Operator(Scope::Payouts) => |call| call.to(payouts::list);
    GET "/v1/payouts/{id}", Operator(Scope::Payouts) => |call| call.to(payouts::receipt);
    GET "/v1/payouts/{id}/accruals", Operator(Scope::Payouts) => |call| call.to(payouts::accruals);
    POST "/v1/payouts/{id}/hold", Operator(Scope::Payouts) => |call| call.body(operator::decision, payouts::hold);
    POST "/v1/payouts/{id}/release", Operator(Scope::Payouts) => |call| call.body(operator::decision, payouts::release);
    POST "/v1/payouts/{id}/cancel", Operator(Scope::Payouts) => |call| call.body(operator::decision, payouts::cancel);
    POST "/v1/payouts/{id}/resolve", Operator(Scope::Payouts) =>
        |call| call.body(|body| operator::resolution(body, "transfer"), payouts::resolve);
    POST "/v1/payouts/{id}/reversals", Operator(Scope::Payouts) =>
        |call| call.body(operator::reversal, payouts::reverse);
    GET "/v1/reports/payouts", Operator(Scope::Payouts) => |call| call.to(payout_sums::year);
    POST "/v1/runs/{id}/approve", Operator(Scope::Payouts) => |call| call.body(operator::remark, payouts::approve);
    GET "/v1/runs/{id}/report", Operator(Scope::Payouts) => |call| call.to(payout_sums::run_report);
    POST "/v1/partners/{id}/suspend", Operator(Scope::Payouts) => |call| call.body(operator::decision, partners::suspend);
    POST "/v1/partners/{id}/ban", Operator(Scope::Payouts) => |call| call.body(operator::decision, partners::ban);
    POST "/v1/partners/{id}/reinstate", Operator(Scope::Payouts) =>
        |call| call.body(operator::decision, partners::reinstate);
    POST "/v1/partners/{id}/onboarding", Operator(Scope::Partners) =>
        |call| call.body(operator::onboarding, payouts::onboarding);
    POST "/v1/partners/{id}/dashboard", Operator(Scope::Partners) => |call| call.body(operator::nothing, payouts::dashboard);
    GET "/v1/partners/{id}/data", Operator(Scope::Admin) => |call| call.to(people::partner_data);
    GET "/v1/accounts/{id}/data", Operator(Scope::Admin) => |call| call.to(people::account_data);
    POST "/v1/partners/{id}/erase", Operator(Scope::Admin) => |call| call.body(operator::nothing, people::erase_partner);
    POST "/v1/accounts/{id}/erase", Operator(Scope::Admin) => |call| call.body(operator::nothing, people::erase_account);
    POST "/v1/visitors/{id}/erase", Operator(Scope::Admin) => |call| call.body(operator::nothing, people::erase_visitor);
    GET "/v1/unexpected-transfers", Operator(Scope::Payouts) => |call| call.to(transfers::list);
    POST "/v1/unexpected-transfers/{id}", Operator(Scope::Payouts) =>
        |call| call.body(operator::decision, transfers::acknowledge);
    GET "/v1/failed-events", Operator(Scope::Payouts) => |call| call.to(failed::list);
    POST "/v1/failed-events/{id}", Operator(Scope::Payouts) =>
        |call| call.body(operator::decision, failed::acknowledge);
    GET "/v1/credits", Operator(Scope::Credits) => |call| call.to(credits::balance);
    POST "/v1/credits/redeem", Operator(Scope::Credits) => |call| call.body(credit::redeem, credits::redeem);
    GET "/v1/credits/redemptions", Operator(Scope::Credits) => |call| call.to(credits::list);
    GET "/v1/credits/redemptions/{id}", Operator(Scope::Credits) => |call| call.to(credits::show);
    POST "/v1/credits/redemptions/{id}/reversals", Operator(Scope::Credits) =>
        |call| call.body(operator::reversal, credits::give_back);
    GET "/v1/credits/deliveries", Operator(Scope::Payouts) => |call| call.to(credits::delivery_list);
    GET "/v1/credits/deliveries/{id}", Operator(Scope::Payouts) => |call| call.to(credits::delivery_show);
    POST "/v1/credits/deliveries/{id}/resolve", Operator(Scope::Payouts) =>
        |call| call.body(|body| operator::resolution(body, "transaction"), credits::delivery_resolve);
    POST "/v1/outbox/{id}/replay", Operator(Scope::Admin) => |call| call.body(endpoint::replay, notifications::replay);
    GET "/v1/webhook-endpoints", Operator(Scope::Read) => |call| call.to(notifications::endpoint_list);
    POST "/v1/webhook-endpoints", Operator(Scope::Admin) =>
        |call| call.parsed(notifications::new_endpoint, notifications::endpoint_make);
    DELETE "/v1/webhook-endpoints/{id}", Operator(Scope::Admin) => |call| call.to(notifications::endpoint_disable);
    GET "/healthz", Public => |call| call.to(health::health);
    GET "/openapi.json", Public => |call| call.to(openapi::description);
    GET "/program.schema.json", Public => |call| call.to(schema::schema);
}

/// Answers a request. `None` if the path is not ours and belongs to the site behind the Worker.
pub async fn answer<S: Platform + 'static>(app: &RequestContext<'_, S>, request: &Request) -> Option<Response> {
    let matching: Vec<(usize, &Route, String)> = matching(&request.path).collect();
    if matching.is_empty() {
        return is_prefixed(&request.path).then(|| Response::problem(&AppError::not_found("address")));
    }
    let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    let found = matching.iter().find(|(_, route, _)| route.method == method);
    let Some((handler, segment)) =
        found.and_then(|(at, _, segment)| Handlers::<S>::ALL.get(*at).map(|handler| (handler, segment)))
    else {
        let allowed: Vec<&str> = matching.iter().map(|(_, route, _)| route.method).collect();
        return Some(other_method(&allowed));
    };
    let answered = run(handler, Call { app, request, segment, caller: (), body: () }).await;
    let mut response = answered.unwrap_or_else(|error| Response::problem(&error));
    if request.method == "HEAD" {
        response.body.clear();
    }
    Some(response)
}

/// Whether a path is ours: one of a route, or below what only we have. A site has paths of its own below `/api/`.
pub fn is_ours(path: &str) -> bool {
    is_prefixed(path) || matching(path).next().is_some()
}

/// What only we have, whether or not there is such a route.
pub const PREFIXES: &[&str] = &["/v1/", "/api/referral/"];

fn is_prefixed(path: &str) -> bool {
    PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

fn other_method(allowed: &[&str]) -> Response {
    let detail = format!("use {}", allowed.join(" or "));
    let mut response = Response::problem(&AppError::new(ErrorKind::MethodNotAllowed, "method_not_allowed", detail));
    response.headers.push(("allow", allowed.join(", ")));
    response
}

/// The pattern of a request's route, for the log: a URL may contain a secret.
pub fn name(request: &Request) -> &'static str {
    name_of(&request.path)
}

fn name_of(path: &str) -> &'static str {
    matching(path).next().map_or("", |(_, route, _)| route.path)
}

/// Whether anybody may call a path that is ours.
pub fn is_public(path: &str) -> bool {
    matching(path).next().is_none_or(|(_, route, _)| matches!(route.access, Access::Public))
}

/// The routes of a path: their places in the table, and the variable segment.
fn matching(path: &str) -> impl Iterator<Item = (usize, &'static Route, String)> {
    ROUTES.iter().enumerate().filter_map(move |(at, route)| captured(route.path, path).map(|found| (at, route, found)))
}

/// Proves who calls, and hands the call on.
async fn run<S: Platform>(handler: &Handler<S>, call: Call<'_, S, ()>) -> Result<Response, AppError> {
    let Call { app, request, segment, .. } = call;
    match handler {
        Handler::Public(run) => {
            fits(request)?;
            run(call).await
        }
        Handler::Operator(scope, run) => {
            let caller = auth::allowed(app, request, *scope).await?;
            fits(request)?;
            run(call.by(caller)).await
        }
        // A body that is too long is cut off, so no signature would fit it.
        Handler::Signed(webhook, run) => {
            fits(request)?;
            let caller = signed::verify(app, request, *webhook, segment)?;
            run(call.by(caller)).await
        }
        Handler::SiteUser(run) => {
            fits(request)?;
            let caller = site_user::require(app, request).await?;
            run(call.by(caller)).await
        }
    }
}

/// Pages whose forms have long texts. A character of any script has up to 4 bytes, and each is 3 characters of the form.
const FORM_PATHS: [(&str, usize); 1] =
    [("/operator/programs/", BODY_BYTES_MAX + 12 * (resource::TITLE_CHARS_MAX + resource::BODY_CHARS_MAX))];

/// The longest body that is read for a path. Stripe's events are longer than others', because they carry whole objects, and an
/// import has many events.
pub fn body_bytes_max(path: &str) -> usize {
    match name_of(path) {
        "/v1/events" => BATCH_BYTES_MAX,
        name if name.starts_with("/v1/webhooks/stripe") => EVENT_BYTES_MAX,
        _ => FORM_PATHS.iter().find(|(start, _)| path.starts_with(start)).map_or(BODY_BYTES_MAX, |(_, max)| *max),
    }
}

fn fits(request: &Request) -> Result<(), AppError> {
    let bytes_max = body_bytes_max(&request.path);
    if request.body.len() <= bytes_max {
        return Ok(());
    }
    let detail = format!("the body must not exceed {bytes_max} bytes");
    Err(Invalid { field: String::new(), code: "body_too_large", detail }.into())
}

/// The path's variable segment, decoded, if it has the pattern's form; empty where the pattern has none.
fn captured(pattern: &str, path: &str) -> Option<String> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut found = String::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(w), Some(g)) if w.starts_with('{') => found = decode_segment(g).filter(|text| !text.is_empty())?,
            (Some(w), Some(g)) if w == g => {}
            _ => return None,
        }
    }
}
