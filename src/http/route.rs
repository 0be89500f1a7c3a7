//! The routes: one table from method and path to endpoint, who may use it, and the dispatch.

use super::auth::{self, Access};
use super::message::{Request, Response, decode_segment};
use super::shell::{Shell, Site};
use super::{operations, partners, programs, reports, visitors, webhooks};
use crate::flow::error::{AppError, Kind};
use crate::flow::once::Answer;
use crate::wire::{BODY_BYTES_MAX, Invalid};

/// One line of the table. `{name}` stands for one segment of the path.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
    endpoint: Endpoint,
}

#[derive(Clone, Copy)]
enum Endpoint {
    Attribution,
    Event,
    EmdashHook,
    EmdashForm,
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
    ReviewList,
    ReviewDecide,
    OutboxList,
    Health,
    OpenApi,
}

const fn route(method: &'static str, path: &'static str, access: Access, endpoint: Endpoint) -> Route {
    Route { method, path, access, endpoint }
}

/// Every route but the ref links, which never come here.
pub const ROUTES: &[Route] = &[
    route("GET", "/v1/attribution", Access::Public, Endpoint::Attribution),
    route("POST", "/v1/webhooks/events", Access::Public, Endpoint::Event),
    route("POST", "/v1/webhooks/emdash", Access::Public, Endpoint::EmdashHook),
    route("POST", "/v1/webhooks/emdash-forms/{secret}", Access::Public, Endpoint::EmdashForm),
    route("POST", "/api/referral/generate", Access::Public, Endpoint::Generate),
    route("POST", "/v1/partners", Access::Operator, Endpoint::PartnerEnrol),
    route("GET", "/v1/partners/{id}", Access::Operator, Endpoint::PartnerShow),
    route("GET", "/v1/partners/{id}/entries", Access::Operator, Endpoint::PartnerEntries),
    route("POST", "/v1/links", Access::Operator, Endpoint::LinkMake),
    route("GET", "/v1/links/{code}", Access::Operator, Endpoint::LinkShow),
    route("DELETE", "/v1/links/{code}", Access::Operator, Endpoint::LinkDisable),
    route("GET", "/v1/accounts/{id}/receipt", Access::Operator, Endpoint::Receipt),
    route("GET", "/v1/programs", Access::Operator, Endpoint::ProgramList),
    route("GET", "/v1/programs/{id}", Access::Operator, Endpoint::ProgramShow),
    route("PUT", "/v1/programs/{id}", Access::Operator, Endpoint::ProgramSave),
    route("GET", "/v1/runs", Access::Operator, Endpoint::RunList),
    route("POST", "/v1/runs", Access::Operator, Endpoint::RunStart),
    route("GET", "/v1/runs/{id}", Access::Operator, Endpoint::RunShow),
    route("GET", "/v1/ledger/transfers", Access::Operator, Endpoint::TransferList),
    route("GET", "/v1/ledger/faults", Access::Operator, Endpoint::FaultList),
    route("GET", "/v1/leaderboard", Access::Operator, Endpoint::Leaderboard),
    route("GET", "/v1/reviews", Access::Operator, Endpoint::ReviewList),
    route("POST", "/v1/reviews/{id}", Access::Operator, Endpoint::ReviewDecide),
    route("GET", "/v1/outbox", Access::Operator, Endpoint::OutboxList),
    route("GET", "/healthz", Access::Public, Endpoint::Health),
    route("GET", "/openapi.json", Access::Public, Endpoint::OpenApi),
];

/// Answers a request, or `None` where the address is not ours: it belongs to the site behind the Worker.
pub async fn answer<S: Site>(shell: &Shell<'_, S>, request: &Request) -> Option<Response> {
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
        let mut response = Response::problem(&AppError::new(Kind::MethodNotAllowed, "method_not_allowed", detail));
        response.headers.push(("allow", allowed.join(", ")));
        return Some(response);
    };
    let answered = match guard(shell, request, route).await {
        Ok(actor) => dispatch(shell, request, route.endpoint, found, &actor).await,
        Err(error) => Err(error),
    };
    let mut response = answered.unwrap_or_else(|error| Response::problem(&error));
    if request.method == "HEAD" {
        response.body.clear();
    }
    Some(response)
}

/// The pattern of a request's route, for the log: an address may hold a secret.
pub fn name(request: &Request) -> &'static str {
    ROUTES.iter().find(|route| captures(route.path, &request.path).is_some()).map_or("", |route| route.path)
}

async fn guard<S: Site>(shell: &Shell<'_, S>, request: &Request, route: &Route) -> Result<String, AppError> {
    let actor = match route.access {
        Access::Public => String::new(),
        Access::Operator => auth::operator(shell, request).await?,
    };
    if request.body.len() > BODY_BYTES_MAX {
        let detail = format!("at most {BODY_BYTES_MAX} bytes are read; send less");
        return Err(Invalid { field: String::new(), code: "body_too_large", detail }.into());
    }
    Ok(actor)
}

async fn dispatch<S: Site>(
    shell: &Shell<'_, S>,
    request: &Request,
    endpoint: Endpoint,
    found: &[String],
    actor: &str,
) -> Result<Response, AppError> {
    let part = found.first().map_or("", String::as_str);
    match endpoint {
        Endpoint::Attribution => visitors::attribution(shell, request).await,
        Endpoint::Event => webhooks::event(shell, request).await,
        Endpoint::EmdashHook => webhooks::emdash_hook(shell, request).await,
        Endpoint::EmdashForm => webhooks::emdash_form(shell, request, part).await,
        Endpoint::Generate => visitors::generate(shell, request).await,
        Endpoint::PartnerEnrol => partners::enrol(shell, request, actor).await.map(json),
        Endpoint::PartnerShow => partners::show(shell, request, part).await.map(json),
        Endpoint::PartnerEntries => partners::entries(shell, request, part).await.map(json),
        Endpoint::LinkMake => partners::link(shell, request, actor).await.map(json),
        Endpoint::LinkShow => partners::link_show(shell, request, part).await.map(json),
        Endpoint::LinkDisable => partners::link_disable(shell, part, actor).await.map(json),
        Endpoint::Receipt => reports::receipt(shell, part).await.map(json),
        Endpoint::ProgramList => programs::list(shell).await.map(json),
        Endpoint::ProgramShow => programs::show(shell, part).await.map(json),
        Endpoint::ProgramSave => programs::save(shell, request, part, actor).await,
        Endpoint::RunList => operations::run_list(shell, request).await.map(json),
        Endpoint::RunStart => operations::run_start(shell, request, actor).await.map(json),
        Endpoint::RunShow => operations::run_show(shell, request, part).await.map(json),
        Endpoint::TransferList => reports::transfers(shell, request).await.map(json),
        Endpoint::FaultList => reports::faults(shell).await.map(json),
        Endpoint::Leaderboard => reports::leaderboard(shell, request).await.map(json),
        Endpoint::ReviewList => operations::review_list(shell, request).await.map(json),
        Endpoint::ReviewDecide => operations::review_decide(shell, request, part, actor).await.map(json),
        Endpoint::OutboxList => operations::outbox_list(shell, request).await.map(json),
        Endpoint::Health => operations::health(shell).await.map(json),
        Endpoint::OpenApi => Ok(openapi()),
    }
}

fn json((status, body): Answer) -> Response {
    Response::json(status, &body)
}

fn openapi() -> Response {
    Response {
        status: 200,
        headers: vec![("content-type", "application/json".to_owned()), ("cache-control", "max-age=300".to_owned())],
        body: include_str!("openapi.json").to_owned(),
        fault: None,
    }
}

/// The path's variable segments, decoded, if it has the pattern's form.
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
