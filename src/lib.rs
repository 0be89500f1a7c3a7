//! Manicule: referral, affiliate and partner programs on one Worker.
pub mod base;
pub mod engine;
pub mod flow;
pub mod http;
pub mod jobs;
pub mod pages;
pub mod program;
pub mod store;
pub mod wire;

#[cfg(target_arch = "wasm32")]
mod edge;

#[cfg(target_arch = "wasm32")]
#[worker_macros::event(fetch)]
async fn fetch(request: worker::Request, env: worker::Env, ctx: worker::Context) -> worker::Result<worker::Response> {
    edge::general::fetch(request, env, ctx).await
}

#[cfg(target_arch = "wasm32")]
#[worker_macros::event(scheduled)]
async fn scheduled(event: worker::ScheduledEvent, env: worker::Env, _ctx: worker::ScheduleContext) {
    edge::general::scheduled(event, env).await;
}
