//! Manicule: referral, affiliate and partner programs on one Worker.
pub mod base;
pub mod engine;
pub mod flow;
pub mod http;
pub mod store;
pub mod wire;

#[cfg(target_arch = "wasm32")]
#[worker::event(fetch)]
async fn fetch(_req: worker::Request, _env: worker::Env, _ctx: worker::Context) -> worker::Result<worker::Response> {
    worker::Response::ok("manicule")
}
