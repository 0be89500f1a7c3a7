//! Links, for operators.

use crate::codec::operator;
use crate::http::auth;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::service::error::AppError;
use crate::service::once::StoredResponse;
use crate::service::partner::enroll;
use crate::store::link::click;
use crate::store::partner;
use crate::store::partner::LinkRow;
use crate::store::port::Stmt;
use serde::Deserialize;
use serde_json::json;

/// `POST /v1/links`.
pub async fn link<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let ctx = app.context(actor);
    let new = operator::link(&request.body, app.now)?;
    let once = auth::once(request)?;
    enroll::link(&ctx, &new, &app.config.base_url(&request.origin), once.as_ref()).await
}

/// `GET /v1/links/{code}`, with its counted clicks.
pub async fn link_show<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    code: &str,
) -> Result<StoredResponse, AppError> {
    #[derive(Deserialize)]
    struct Counts {
        visits: i64,
        bots: i64,
        converted: i64,
    }
    let statements: Vec<Stmt> = vec![partner::link_find(code), click::click_counts(code)];
    let rows = app.context("").batch(statements).await?;
    let found: LinkRow = rows[0].first()?.ok_or_else(|| AppError::not_found("link"))?;
    let counts: Counts = rows[1].first()?.unwrap_or(Counts { visits: 0, bots: 0, converted: 0 });
    let mut view = enroll::link_view(&found, &app.config.base_url(&request.origin));
    view["clicks"] = json!({"visits": counts.visits, "bots": counts.bots, "converted": counts.converted});
    Ok((200, view))
}

/// `DELETE /v1/links/{code}`: it stops working within about a minute, and then behaves like an unknown code.
pub async fn link_disable<S: Platform>(
    app: &RequestContext<'_, S>,
    code: &str,
    actor: &str,
) -> Result<StoredResponse, AppError> {
    let answer = enroll::disable(&app.context(actor), code).await?;
    app.site.forget_link(code).await;
    Ok(answer)
}
