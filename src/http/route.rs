//! The routes: one table from method and path to endpoint, who may use it, and the dispatch.

use crate::codec::{BODY_BYTES_MAX, Invalid};
use crate::engine::identity::access::Scope;
use crate::http::attribution::visitors;
use crate::http::auth;
use crate::http::auth::Access;
use crate::http::context::{Platform, RequestContext};
use crate::http::credit::credits;
use crate::http::event::{stripe, webhooks};
use crate::http::exchange::{Request, Response, decode_segment};
use crate::http::funnel::collect;
use crate::http::link::links;
use crate::http::message::notifications;
use crate::http::partner::partners;
use crate::http::payout::payouts;
use crate::http::program::programs;
use crate::http::report::payouts as payout_sums;
use crate::http::report::{audit, figures, reconciliations, reports};
use crate::http::settlement::runs;
use crate::http::{accounts, health, reviews};
use crate::service::error::{AppError, ErrorKind};
use crate::service::once::StoredResponse;
use std::pin::Pin;

/// A row of the table. `{name}` matches one segment of the path.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
    endpoint: Endpoint,
}

#[derive(Clone, Copy)]
enum Endpoint {
    Attribution,
    Collect,
    Pixel,
    Event,
    EmdashHook,
    EmdashForm,
    Stripe,
    StripeConnect,
    Generate,
    PartnerEnrol,
    PartnerShow,
    PartnerEntries,
    LinkMake,
    LinkShow,
    LinkDisable,
    Receipt,
    ProgramList,
    ProgramShow,
    ProgramSave,
    RunList,
    RunStart,
    RunShow,
    TransferList,
    FaultList,
    Leaderboard,
    FunnelReport,
    ChannelReport,
    EconomicsReport,
    ReviewList,
    ReviewDecide,
    BudgetFund,
    BudgetShow,
    Reassign,
    AuditList,
    Reconcile,
    DryRun,
    OutboxList,
    Payout(PayoutEndpoint),
    RunApprove,
    RunReport,
    PartnerOnboard,
    PartnerDashboard,
    CreditShow,
    CreditRedeem,
    RedemptionList,
    RedemptionShow,
    RedemptionReverse,
    CreditDeliveryList,
    CreditDeliveryShow,
    CreditDeliveryResolve,
    OutboxReplay,
    HookList,
    HookMake,
    HookDisable,
    Health,
    OpenApi,
}

/// The calls about payouts.
#[derive(Clone, Copy)]
enum PayoutEndpoint {
    List,
    Show,
    Hold,
    Release,
    Cancel,
    Resolve,
    Reverse,
    Year,
}

const fn route(method: &'static str, path: &'static str, access: Access, endpoint: Endpoint) -> Route {
    Route { method, path, access, endpoint }
}

/// Every route except ref links, which never get here.
pub const ROUTES: &[Route] = &[
    route("GET", "/v1/attribution", Access::Public, Endpoint::Attribution),
    route("POST", "/v1/collect", Access::Public, Endpoint::Collect),
    route("GET", "/px.gif", Access::Public, Endpoint::Pixel),
    route("POST", "/v1/webhooks/events", Access::Public, Endpoint::Event),
    route("POST", "/v1/webhooks/emdash", Access::Public, Endpoint::EmdashHook),
    route("POST", "/v1/webhooks/emdash-forms/{secret}", Access::Public, Endpoint::EmdashForm),
    route("POST", "/v1/webhooks/stripe", Access::Public, Endpoint::Stripe),
    route("POST", "/v1/webhooks/stripe-connect", Access::Public, Endpoint::StripeConnect),
    route("POST", "/api/referral/generate", Access::Public, Endpoint::Generate),
    route("POST", "/v1/partners", Access::Operator(Scope::Partners), Endpoint::PartnerEnrol),
    route("GET", "/v1/partners/{id}", Access::Operator(Scope::Partners), Endpoint::PartnerShow),
    route("GET", "/v1/partners/{id}/balance-transactions", Access::Operator(Scope::Partners), Endpoint::PartnerEntries),
    route("POST", "/v1/links", Access::Operator(Scope::Partners), Endpoint::LinkMake),
    route("GET", "/v1/links/{code}", Access::Operator(Scope::Partners), Endpoint::LinkShow),
    route("DELETE", "/v1/links/{code}", Access::Operator(Scope::Partners), Endpoint::LinkDisable),
    route("GET", "/v1/accounts/{id}/attribution", Access::Operator(Scope::Partners), Endpoint::Receipt),
    route("GET", "/v1/programs", Access::Operator(Scope::Programs), Endpoint::ProgramList),
    route("GET", "/v1/programs/{id}", Access::Operator(Scope::Programs), Endpoint::ProgramShow),
    route("PUT", "/v1/programs/{id}", Access::Operator(Scope::Programs), Endpoint::ProgramSave),
    route("GET", "/v1/runs", Access::Operator(Scope::Payouts), Endpoint::RunList),
    route("POST", "/v1/runs", Access::Operator(Scope::Payouts), Endpoint::RunStart),
    route("GET", "/v1/runs/{id}", Access::Operator(Scope::Payouts), Endpoint::RunShow),
    route("GET", "/v1/ledger/transfers", Access::Operator(Scope::Read), Endpoint::TransferList),
    route("GET", "/v1/ledger/checks", Access::Operator(Scope::Read), Endpoint::FaultList),
    route("GET", "/v1/leaderboard", Access::Operator(Scope::Read), Endpoint::Leaderboard),
    route("GET", "/v1/reports/funnel", Access::Operator(Scope::Read), Endpoint::FunnelReport),
    route("GET", "/v1/reports/channels", Access::Operator(Scope::Read), Endpoint::ChannelReport),
    route("GET", "/v1/reports/economics", Access::Operator(Scope::Read), Endpoint::EconomicsReport),
    route("GET", "/v1/reviews", Access::Operator(Scope::Payouts), Endpoint::ReviewList),
    route("POST", "/v1/reviews/{id}", Access::Operator(Scope::Payouts), Endpoint::ReviewDecide),
    route("GET", "/v1/programs/{id}/budget", Access::Operator(Scope::Payouts), Endpoint::BudgetShow),
    route("POST", "/v1/programs/{id}/budget", Access::Operator(Scope::Payouts), Endpoint::BudgetFund),
    route("POST", "/v1/programs/{id}/dry-run", Access::Operator(Scope::Programs), Endpoint::DryRun),
    route("POST", "/v1/accounts/{id}/reassign", Access::Operator(Scope::Partners), Endpoint::Reassign),
    route("POST", "/v1/reconciliations", Access::Operator(Scope::Events), Endpoint::Reconcile),
    route("GET", "/v1/audit", Access::Operator(Scope::Read), Endpoint::AuditList),
    route("GET", "/v1/outbox", Access::Operator(Scope::Read), Endpoint::OutboxList),
    route("GET", "/v1/payouts", Access::Operator(Scope::Payouts), Endpoint::Payout(PayoutEndpoint::List)),
    route("GET", "/v1/payouts/{id}", Access::Operator(Scope::Payouts), Endpoint::Payout(PayoutEndpoint::Show)),
    route("POST", "/v1/payouts/{id}/hold", Access::Operator(Scope::Payouts), Endpoint::Payout(PayoutEndpoint::Hold)),
    route(
        "POST",
        "/v1/payouts/{id}/release",
        Access::Operator(Scope::Payouts),
        Endpoint::Payout(PayoutEndpoint::Release),
    ),
    route(
        "POST",
        "/v1/payouts/{id}/cancel",
        Access::Operator(Scope::Payouts),
        Endpoint::Payout(PayoutEndpoint::Cancel),
    ),
    route(
        "POST",
        "/v1/payouts/{id}/resolve",
        Access::Operator(Scope::Payouts),
        Endpoint::Payout(PayoutEndpoint::Resolve),
    ),
    route(
        "POST",
        "/v1/payouts/{id}/reversals",
        Access::Operator(Scope::Payouts),
        Endpoint::Payout(PayoutEndpoint::Reverse),
    ),
    route("GET", "/v1/reports/payouts", Access::Operator(Scope::Payouts), Endpoint::Payout(PayoutEndpoint::Year)),
    route("POST", "/v1/runs/{id}/approve", Access::Operator(Scope::Payouts), Endpoint::RunApprove),
    route("GET", "/v1/runs/{id}/report", Access::Operator(Scope::Payouts), Endpoint::RunReport),
    route("POST", "/v1/partners/{id}/onboarding", Access::Operator(Scope::Partners), Endpoint::PartnerOnboard),
    route("POST", "/v1/partners/{id}/dashboard", Access::Operator(Scope::Partners), Endpoint::PartnerDashboard),
    route("GET", "/v1/credits", Access::Operator(Scope::Credits), Endpoint::CreditShow),
    route("POST", "/v1/credits/redeem", Access::Operator(Scope::Credits), Endpoint::CreditRedeem),
    route("GET", "/v1/credits/redemptions", Access::Operator(Scope::Credits), Endpoint::RedemptionList),
    route("GET", "/v1/credits/redemptions/{id}", Access::Operator(Scope::Credits), Endpoint::RedemptionShow),
    route(
        "POST",
        "/v1/credits/redemptions/{id}/reversals",
        Access::Operator(Scope::Credits),
        Endpoint::RedemptionReverse,
    ),
    route("GET", "/v1/credits/deliveries", Access::Operator(Scope::Payouts), Endpoint::CreditDeliveryList),
    route("GET", "/v1/credits/deliveries/{id}", Access::Operator(Scope::Payouts), Endpoint::CreditDeliveryShow),
    route(
        "POST",
        "/v1/credits/deliveries/{id}/resolve",
        Access::Operator(Scope::Payouts),
        Endpoint::CreditDeliveryResolve,
    ),
    route("POST", "/v1/outbox/{id}/replay", Access::Operator(Scope::Admin), Endpoint::OutboxReplay),
    route("GET", "/v1/webhook-endpoints", Access::Operator(Scope::Read), Endpoint::HookList),
    route("POST", "/v1/webhook-endpoints", Access::Operator(Scope::Admin), Endpoint::HookMake),
    route("DELETE", "/v1/webhook-endpoints/{id}", Access::Operator(Scope::Admin), Endpoint::HookDisable),
    route("GET", "/healthz", Access::Public, Endpoint::Health),
    route("GET", "/openapi.json", Access::Public, Endpoint::OpenApi),
];

/// Answers a request. `None` if the path is not ours and belongs to the site behind the Worker.
pub async fn answer<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Option<Response> {
    let matching: Vec<(&Route, Vec<String>)> =
        ROUTES.iter().filter_map(|route| captures(route.path, &request.path).map(|found| (route, found))).collect();
    if matching.is_empty() {
        let ours = request.path.starts_with("/v1/") || request.path.starts_with("/api/referral/");
        return ours.then(|| Response::problem(&AppError::not_found("address")));
    }
    let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    let Some((route, found)) = matching.iter().find(|(route, _)| route.method == method) else {
        let allowed: Vec<&str> = matching.iter().map(|(route, _)| route.method).collect();
        let detail = format!("use {}", allowed.join(" or "));
        let mut response = Response::problem(&AppError::new(ErrorKind::MethodNotAllowed, "method_not_allowed", detail));
        response.headers.push(("allow", allowed.join(", ")));
        return Some(response);
    };
    let answered = match guard(app, request, route).await {
        Ok(actor) => dispatch(app, request, route.endpoint, found, &actor).await,
        Err(error) => Err(error),
    };
    let mut response = answered.unwrap_or_else(|error| Response::problem(&error));
    if request.method == "HEAD" {
        response.body.clear();
    }
    Some(response)
}

/// The pattern of a request's route, for the log: a URL may contain a secret.
pub fn name(request: &Request) -> &'static str {
    ROUTES.iter().find(|route| captures(route.path, &request.path).is_some()).map_or("", |route| route.path)
}

async fn guard<S: Platform>(app: &RequestContext<'_, S>, request: &Request, route: &Route) -> Result<String, AppError> {
    let actor = match route.access {
        Access::Public => String::new(),
        Access::Operator(scope) => auth::allowed(app, request, scope).await?,
    };
    if request.body.len() > BODY_BYTES_MAX {
        let detail = format!("the body must not exceed {BODY_BYTES_MAX} bytes");
        return Err(Invalid { field: String::new(), code: "body_too_large", detail }.into());
    }
    Ok(actor)
}

/// An endpoint's future. Boxed: a single future for all endpoints would be as large as all of them together.
type HandlerResult<'a> = Pin<Box<dyn Future<Output = Result<Response, AppError>> + 'a>>;

fn dispatch<'a, S: Platform>(
    app: &'a RequestContext<'_, S>,
    request: &'a Request,
    endpoint: Endpoint,
    found: &'a [String],
    actor: &'a str,
) -> HandlerResult<'a> {
    let part = found.first().map_or("", String::as_str);
    match endpoint {
        Endpoint::Attribution => Box::pin(visitors::attribution(app, request)),
        Endpoint::Collect => Box::pin(collect::beacon(app, request)),
        Endpoint::Pixel => Box::pin(async move { Ok(collect::pixel(app, request).await) }),
        Endpoint::Event => Box::pin(webhooks::event(app, request)),
        Endpoint::EmdashHook => Box::pin(webhooks::emdash_hook(app, request)),
        Endpoint::EmdashForm => Box::pin(webhooks::emdash_form(app, request, part)),
        Endpoint::Stripe => Box::pin(stripe::own(app, request)),
        Endpoint::StripeConnect => Box::pin(stripe::connect(app, request)),
        Endpoint::Generate => Box::pin(visitors::generate(app, request)),
        Endpoint::PartnerEnrol => answered(partners::enrol(app, request, actor)),
        Endpoint::PartnerShow => answered(partners::show(app, request, part)),
        Endpoint::PartnerEntries => answered(partners::entries(app, request, part)),
        Endpoint::LinkMake => answered(links::link(app, request, actor)),
        Endpoint::LinkShow => answered(links::link_show(app, request, part)),
        Endpoint::LinkDisable => answered(links::link_disable(app, part, actor)),
        Endpoint::Receipt => answered(reports::receipt(app, part)),
        Endpoint::ProgramList => answered(programs::list(app)),
        Endpoint::ProgramShow => answered(programs::show(app, part)),
        Endpoint::ProgramSave => Box::pin(programs::save(app, request, part, actor)),
        Endpoint::RunList => answered(runs::run_list(app, request)),
        Endpoint::RunStart => answered(runs::run_start(app, request, actor)),
        Endpoint::RunShow => answered(runs::run_show(app, request, part)),
        Endpoint::TransferList => answered(reports::transfers(app, request)),
        Endpoint::FaultList => answered(reports::faults(app)),
        Endpoint::Leaderboard => answered(reports::leaderboard(app, request)),
        Endpoint::FunnelReport => Box::pin(figures::funnel(app, request)),
        Endpoint::ChannelReport => Box::pin(figures::channels(app, request)),
        Endpoint::EconomicsReport => Box::pin(figures::economics(app, request)),
        Endpoint::ReviewList => answered(reviews::review_list(app, request)),
        Endpoint::ReviewDecide => answered(reviews::review_decide(app, request, part, actor)),
        Endpoint::BudgetFund => answered(programs::budget_fund(app, request, part, actor)),
        Endpoint::BudgetShow => answered(programs::budget_show(app, part)),
        Endpoint::DryRun => Box::pin(programs::dry_run(app, request, part, actor)),
        Endpoint::Reassign => answered(accounts::reassign(app, request, part, actor)),
        Endpoint::Reconcile => answered(reconciliations::reconcile(app, request, actor)),
        Endpoint::AuditList => answered(audit::audit_list(app, request)),
        Endpoint::Payout(call) => payout(app, request, call, part, actor),
        Endpoint::RunApprove => answered(payouts::approve(app, request, part, actor)),
        Endpoint::RunReport => answered(payout_sums::run_report(app, part)),
        Endpoint::PartnerOnboard => answered(payouts::onboarding(app, request, part, actor)),
        Endpoint::PartnerDashboard => answered(payouts::dashboard(app, part, actor)),
        Endpoint::CreditShow => answered(credits::balance(app, request)),
        Endpoint::CreditRedeem => answered(credits::redeem(app, request, actor)),
        Endpoint::RedemptionList => answered(credits::list(app, request)),
        Endpoint::RedemptionShow => answered(credits::show(app, part)),
        Endpoint::RedemptionReverse => answered(credits::give_back(app, request, part, actor)),
        Endpoint::CreditDeliveryList => answered(credits::delivery_list(app, request)),
        Endpoint::CreditDeliveryShow => answered(credits::delivery_show(app, part)),
        Endpoint::CreditDeliveryResolve => answered(credits::delivery_resolve(app, request, part, actor)),
        Endpoint::OutboxList => answered(notifications::outbox_list(app, request)),
        Endpoint::OutboxReplay => answered(notifications::replay(app, request, part, actor)),
        Endpoint::HookList => answered(notifications::endpoint_list(app, request)),
        Endpoint::HookMake => answered(notifications::endpoint_make(app, request, actor)),
        Endpoint::HookDisable => answered(notifications::endpoint_disable(app, part, actor)),
        Endpoint::Health => answered(health::health(app, request)),
        Endpoint::OpenApi => Box::pin(async { Ok(openapi()) }),
    }
}

fn payout<'a, S: Platform>(
    app: &'a RequestContext<'_, S>,
    request: &'a Request,
    call: PayoutEndpoint,
    part: &'a str,
    actor: &'a str,
) -> HandlerResult<'a> {
    match call {
        PayoutEndpoint::List => answered(payouts::list(app, request)),
        PayoutEndpoint::Show => answered(payouts::receipt(app, request, part)),
        PayoutEndpoint::Hold => answered(payouts::hold(app, request, part, actor)),
        PayoutEndpoint::Release => answered(payouts::release(app, request, part, actor)),
        PayoutEndpoint::Cancel => answered(payouts::cancel(app, request, part, actor)),
        PayoutEndpoint::Resolve => answered(payouts::resolve(app, request, part, actor)),
        PayoutEndpoint::Reverse => answered(payouts::reverse(app, request, part, actor)),
        PayoutEndpoint::Year => Box::pin(payout_sums::year(app, request)),
    }
}

fn answered<'a>(answer: impl Future<Output = Result<StoredResponse, AppError>> + 'a) -> HandlerResult<'a> {
    Box::pin(async { answer.await.map(json) })
}

fn json((status, body): StoredResponse) -> Response {
    Response::json(status, &body)
}

fn openapi() -> Response {
    Response {
        status: 200,
        headers: vec![("content-type", "application/json".to_owned()), ("cache-control", "max-age=300".to_owned())],
        body: include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json")).to_vec(),
        fault: None,
    }
}

/// The path's variable segments, decoded, if the path matches the pattern.
fn captures(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(w), Some(g)) if w.starts_with('{') => found.push(decode_segment(g).filter(|text| !text.is_empty())?),
            (Some(w), Some(g)) if w == g => {}
            _ => return None,
        }
    }
}
