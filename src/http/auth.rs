//! Who may call: operators with a bearer token. Only the tokens' hashes are stored.

use crate::base::id;
use crate::base::ids::ActorId;
use crate::codec::identity::bearer;
use crate::engine::identity::access::{Role, Scope, Scopes};
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::Request;
use crate::http::signed::Webhook;
use crate::http::wrong_token;
use crate::service::error::{AppError, ErrorKind};
use crate::service::identity::api_token::BOOTSTRAP;
use crate::service::once::{IdempotentRequest, KEY_CHARS_MAX};
use crate::store::identity::token;
use sha2::{Digest, Sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    /// An operator's token with this scope.
    Operator(Scope),
    /// A webhook's signature or secret.
    Signed(Webhook),
    /// A user who is signed in at the EmDash site, from a page of the same origin.
    SiteUser,
}

/// An operator, by token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// For the audit trail.
    pub actor: ActorId,
    /// Hex SHA-256 of the token.
    pub sha256: String,
    pub scopes: Scopes,
}

/// The operator whose token a request carries, or the refusal.
pub async fn operator<S: Platform>(app: &RequestContext<'_, S>, request: &Request) -> Result<Operator, AppError> {
    let refused =
        || AppError::new(ErrorKind::Unauthorized, "unauthorized", "send `Authorization: Bearer <operator token>`");
    let presented = request.header("authorization").and_then(bearer::token).ok_or_else(refused)?;
    verified(app, request, presented).await?.ok_or_else(refused)
}

/// The operator who may do what asks for `scope`, or the refusal.
pub async fn allowed<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    scope: Scope,
) -> Result<Operator, AppError> {
    let operator = operator(app, request).await?;
    if operator.scopes.allow(scope, matches!(request.method.as_str(), "GET" | "HEAD")) {
        return Ok(operator);
    }
    let detail = format!("this token has the scope {}, but this call requires {}", operator.scopes, scope.name());
    Err(AppError::new(ErrorKind::Forbidden, "insufficient_scope", detail))
}

/// The operator with this token; `None` if there is none. A token's first use is recorded. A network that sent many wrong
/// ones is refused without a look.
pub async fn verified<S: Platform>(
    app: &RequestContext<'_, S>,
    request: &Request,
    presented: &str,
) -> Result<Option<Operator>, AppError> {
    let sha256 = hex_sha256(presented.as_bytes());
    if is_bootstrap(app, &sha256) {
        return Ok(Some(Operator { actor: format!("token:{BOOTSTRAP}").into(), sha256, scopes: Role::Admin.scopes() }));
    }
    wrong_token::check(app, request, &sha256)?;
    let ctx = app.context("");
    let found = ctx.read(token::token_find(&sha256, app.now).first()).await?;
    let Some(row) = found else {
        wrong_token::count(app, request).await;
        return Ok(None);
    };
    wrong_token::is_right(&sha256);
    if row.first_used_at_ms.is_none() {
        ctx.batch(token::token_first_use(&row.id, &ctx.fresh_id("aud"), app.now).into()).await?;
    }
    let scopes = Scopes::parse(&row.scopes).unwrap_or(Scopes::NONE);
    Ok(Some(Operator { actor: format!("token:{}", row.name).into(), sha256, scopes }))
}

/// Whether this is the hash of the operator's first token, which the configuration contains.
pub fn is_bootstrap<S: Platform>(app: &RequestContext<'_, S>, sha256: &str) -> bool {
    let known = &app.config.operator_token_sha256;
    known.as_ref().is_some_and(|known| bearer::matches(sha256, std::slice::from_ref(known)))
}

/// The request's Idempotency-Key, if it has one, for this method and URL.
pub fn once(request: &Request) -> Result<Option<IdempotentRequest>, AppError> {
    let Some(key) = request.header("idempotency-key") else { return Ok(None) };
    if key.is_empty() || key.len() > KEY_CHARS_MAX || !key.bytes().all(|b| b.is_ascii_graphic()) {
        let detail = format!("must be 1 to {KEY_CHARS_MAX} printable ASCII characters without spaces");
        return Err(AppError::new(ErrorKind::BadRequest, "malformed", detail).field("Idempotency-Key"));
    }
    let route = format!("{} {}", request.method, request.path);
    Ok(Some(IdempotentRequest { key: key.to_owned(), route, body_sha256: hex_sha256(&request.body) }))
}

pub fn hex_sha256(bytes: &[u8]) -> String {
    id::hex(&Sha256::digest(bytes))
}
