//! Who may call: operators by bearer token, of which only hashes are kept.

use super::message::Request;
use super::shell::{Shell, Site};
use crate::base::id;
use crate::flow::api_token::BOOTSTRAP;
use crate::flow::error::{AppError, Kind};
use crate::flow::once::{KEY_CHARS_MAX, Once};
use crate::store::token::{self, TokenRow};
use crate::wire::bearer;
use sha2::{Digest, Sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, or whoever the endpoint's own signature or secret lets in.
    Public,
    Operator,
}

/// The operator's name for the audit trail, or the refusal.
pub async fn operator<S: Site>(shell: &Shell<'_, S>, request: &Request) -> Result<String, AppError> {
    let refused = || AppError::new(Kind::Unauthorized, "unauthorized", "send `Authorization: Bearer <operator token>`");
    let presented = request.header("authorization").and_then(bearer::token).ok_or_else(refused)?;
    verified(shell, presented).await?.map(|(name, _)| name).ok_or_else(refused)
}

/// The name of whoever has an operator's token, for the audit trail, and the token's hash; `None` where it is none.
pub async fn verified<S: Site>(shell: &Shell<'_, S>, presented: &str) -> Result<Option<(String, String)>, AppError> {
    let sha256 = hex_sha256(presented.as_bytes());
    if is_bootstrap(shell, &sha256) {
        return Ok(Some((format!("token:{BOOTSTRAP}"), sha256)));
    }
    let found: Option<TokenRow> = shell.context("").query(token::token_find(&sha256, shell.now)).await?.first()?;
    Ok(found.map(|row| (format!("token:{}", row.name), sha256)))
}

/// Whether this is the hash of the operator's first token, which the configuration names.
pub fn is_bootstrap<S: Site>(shell: &Shell<'_, S>, sha256: &str) -> bool {
    let known = &shell.config.operator_token_sha256;
    known.as_ref().is_some_and(|known| bearer::matches(sha256, std::slice::from_ref(known)))
}

/// The request's Idempotency-Key, if it carries one.
pub fn once(request: &Request, route: &'static str) -> Result<Option<Once>, AppError> {
    let Some(key) = request.header("idempotency-key") else { return Ok(None) };
    if key.is_empty() || key.len() > KEY_CHARS_MAX || !key.bytes().all(|b| b.is_ascii_graphic()) {
        let detail = format!("must be 1 to {KEY_CHARS_MAX} printable ASCII characters without spaces");
        return Err(AppError::new(Kind::BadRequest, "malformed", detail).field("Idempotency-Key"));
    }
    Ok(Some(Once { key: key.to_owned(), route, body_sha256: hex_sha256(&request.body) }))
}

pub fn hex_sha256(bytes: &[u8]) -> String {
    id::hex(&Sha256::digest(bytes))
}
