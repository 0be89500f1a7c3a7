//! Every request except ref links, and every cron trigger: converts the runtime's types to ours and back.

use crate::base::time::UtcMillis;
use crate::http::config::Config;
use crate::http::context::RequestContext;
use crate::http::exchange;
use crate::http::exchange::Address;
use crate::http::link::reflink;
use crate::http::{hardening, route};
use crate::jobs;
use crate::pages;
use crate::pages::identity::way_back;
use crate::pages::ours::is_ours;
use crate::runtime::body;
use crate::runtime::d1::Used;
use crate::runtime::invocation::Runtime;
use crate::runtime::link::clicks;
use crate::runtime::passing;
use crate::runtime::state::config;
use crate::service::context::Context as FlowContext;
use crate::service::error::AppError;
use crate::service::identity::sign_in;
use serde_json::json;
use std::rc::Rc;
use worker::{Context, Env, Request, Result, ScheduledEvent, console_error, console_log, console_warn, web_sys};

/// Answers our own requests; other requests are passed on to the site behind the Worker if there is one, otherwise 404.
pub async fn fetch(mut request: Request, env: Env, context: Context) -> Result<web_sys::Response> {
    let now = UtcMillis(js_sys::Date::now() as i64);
    let config = config(&env);
    let url = request.inner().url();
    let path = Address::of(&url).path;
    if reflink::is_short(path) && !matches!(request.inner().method().as_str(), "GET" | "HEAD") {
        let incoming = read(&mut request).await?;
        return respond(&config, &incoming, reflink::only_followed());
    }
    let cookies = request.headers().get("cookie")?;
    if !is_ours(path) && !way_back::is_due(&request.inner().method(), path, cookies.as_deref()) {
        return passing::pass(request, env, &config, now, &context).await;
    }
    let incoming = read(&mut request).await?;
    let env_of_clicks = env.clone();
    let answered = match Runtime::of(env, &config) {
        Ok(runtime) => {
            let answered = answer(&runtime, &config, now, &incoming).await;
            if runtime.flush_due() {
                context.wait_until(async move { clicks::flush(&env_of_clicks).await });
            }
            mail_after(runtime, Rc::clone(&config), now, &context);
            answered
        }
        Err(why) => Some(exchange::Response::problem(&why.into())),
    };
    respond(&config, &incoming, answered.unwrap_or_else(|| exchange::Response::problem(&AppError::not_found("page"))))
}

/// The response of pages and routes, or `None` if the path is not ours.
async fn answer(
    runtime: &Runtime,
    config: &Config,
    now: UtcMillis,
    incoming: &exchange::Request,
) -> Option<exchange::Response> {
    let app = RequestContext { site: runtime, config, now };
    let before = Used::so_far();
    let (what, name, answer) = match pages::route::answer(&app, incoming).await {
        Some(page) => ("page", pages::route::name(incoming), page),
        None => {
            ("call", format!("{} {}", incoming.method, route::name(incoming)), route::answer(&app, incoming).await?)
        }
    };
    // The cost: D1 bills rows. They are counted per isolate, so concurrent requests each report too much.
    let used = before.since();
    let cost = json!({"message": what, what: name, "status": answer.status, "statements": runtime.statements_sent(),
        "rows_read": used.rows_read, "rows_written": used.rows_written});
    // Anybody's calls would fill the log.
    if !route::is_public(&incoming.path) || what == "page" {
        console_log!("{cost}");
    }
    Some(answer)
}

/// Sends the emails that a page queued, after its response.
fn mail_after(runtime: Runtime, config: Rc<Config>, now: UtcMillis, context: &Context) {
    let leaving = runtime.leaving();
    if leaving.is_empty() {
        return;
    }
    context.wait_until(async move {
        let ctx = FlowContext::new(&runtime, &config.setup, now, "");
        for mail in &leaving {
            if let Err(why) = sign_in::mail_unwaited(&ctx, mail).await {
                console_error!("{}", json!({"message": "a link was not mailed", "detail": why}));
            }
        }
    });
}

/// Runs a cron trigger's job. An error is logged; the next sweep resumes what was left.
pub async fn scheduled(event: ScheduledEvent, env: Env) {
    let scheduled = UtcMillis(event.schedule() as i64);
    let (began, mut sent) = (js_sys::Date::now(), 0);
    let before = Used::so_far();
    let config = config(&env);
    let done = match Runtime::within(env, &config, jobs::statements_max(config.setup.statements_max)) {
        Ok(runtime) => {
            let now = UtcMillis(js_sys::Date::now() as i64);
            let done =
                jobs::run(&FlowContext::new(&runtime, &config.setup, now, "cron"), &event.cron(), scheduled).await;
            sent = runtime.statements_sent();
            done
        }
        Err(why) => Err(why.into()),
    };
    let used = before.since();
    console_log!(
        "{}",
        json!({"message": "cron", "cron": event.cron(), "statements": sent, "rows_read": used.rows_read, "rows_written": used.rows_written, "wall_ms": js_sys::Date::now() - began,
            "sql_ms": used.sql_ms, "memory_bytes": memory_bytes()})
    );
    if let Err(error) = done {
        console_error!(
            "{}",
            json!({"message": "cron failed", "cron": event.cron(), "scheduled_at": scheduled.to_rfc3339(), "code": error.code, "detail": error.detail})
        );
    }
}

/// The size of this instance's memory, which never shrinks.
fn memory_bytes() -> usize {
    core::arch::wasm32::memory_size(0) * 65_536
}

/// Converts the request. Of a body that is too long, only one byte beyond the limit is read.
async fn read(request: &mut Request) -> Result<exchange::Request> {
    let url = request.inner().url();
    let address = Address::of(&url);
    // The original method: the worker crate turns unknown methods into GET.
    let method = request.inner().method();
    let body = if matches!(method.as_str(), "GET" | "HEAD") {
        Vec::new()
    } else {
        body::read(request.stream(), route::body_bytes_max(address.path)).await?
    };
    Ok(exchange::Request {
        method,
        path: address.path.to_owned(),
        query: address.query.to_owned(),
        origin: address.origin.to_owned(),
        headers: request.headers().entries().collect(),
        body,
    })
}

/// Converts the response, and logs it once if it is an error. URLs may contain secrets and are not logged.
fn respond(
    config: &Config,
    incoming: &exchange::Request,
    mut response: exchange::Response,
) -> Result<web_sys::Response> {
    hardening::harden(config, incoming, &mut response);
    if let Some(fault) = &response.fault {
        let route = route::name(incoming);
        let line = json!({"message": "refused", "method": incoming.method, "route": route, "status": response.status, "error": fault});
        match response.status {
            500.. => console_error!("{line}"),
            401 | 404 | 405 => console_log!("{line}"),
            _ => console_warn!("{line}"),
        }
    }
    body::build(response)
}
