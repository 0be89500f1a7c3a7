//! Manicule: referral, affiliate and partner programs on one Worker.

pub mod base;
pub mod codec;
pub mod engine;
pub mod http;
pub mod jobs;
pub mod pages;
pub mod program;
#[cfg(target_arch = "wasm32")]
pub mod runtime;
pub mod service;
pub mod store;

#[cfg(target_arch = "wasm32")]
#[worker_macros::event(fetch)]
async fn fetch(
    request: worker::Request,
    env: worker::Env,
    ctx: worker::Context,
) -> worker::Result<worker::web_sys::Response> {
    runtime::general::fetch(request, env, ctx).await
}

#[cfg(target_arch = "wasm32")]
#[worker_macros::event(scheduled)]
async fn scheduled(event: worker::ScheduledEvent, env: worker::Env, _ctx: worker::ScheduleContext) {
    runtime::general::scheduled(event, env).await;
}
