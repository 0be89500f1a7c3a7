//! `GET /openapi.json`: the description of the API, as people and their tools read it. It is a static file beside the
//! Worker; tests compare it with the code.

use crate::http::assets;
use crate::http::call::PublicCall;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::service::error::{AppError, ErrorKind};

pub async fn description<S: Platform>(call: PublicCall<'_, S>) -> Result<Response, AppError> {
    let body = call.app.site.asset(assets::DESCRIPTION).await.map_err(|why| {
        AppError::new(ErrorKind::Fault, "asset_missing", "the description is not among the static files").cause(why)
    })?;
    let headers = vec![("content-type", "application/json".to_owned()), ("cache-control", "max-age=300".to_owned())];
    Ok(Response { status: 200, headers, body, fault: None })
}
