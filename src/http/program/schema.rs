//! `GET /program.schema.json`: the JSON Schema of documents, for editors. The check reads the same text.

use crate::http::call::PublicCall;
use crate::http::context::Platform;
use crate::http::exchange::Response;
use crate::program::check::schema;
use crate::service::error::AppError;

pub async fn schema<S: Platform>(_: PublicCall<'_, S>) -> Result<Response, AppError> {
    let headers = vec![
        ("content-type", "application/schema+json".to_owned()),
        ("cache-control", "public, max-age=300".to_owned()),
    ];
    Ok(Response { status: 200, headers, body: schema::TEXT.into(), fault: None })
}
