//! Every request that is not through a ref link.

use super::origin;
use worker::{Context, Env, Request, Response, Result};

/// The site behind the Worker where there is one, else 404.
pub async fn fetch(request: Request, env: Env, _ctx: Context) -> Result<Response> {
    let site = env.var("SITE_URL").map(|site| site.to_string()).unwrap_or_default();
    if site.is_empty() { Response::error("Not found", 404) } else { origin::pass(request, &site).await }
}
