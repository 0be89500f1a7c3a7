//! Operators' tokens: the secret is shown once when a token is created, and revoking is final. Only hashes are stored.

use crate::base::id;
use crate::base::time::{DAY_MS, UtcMillis};
use crate::engine::identity::access::Scopes;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::store::port::DbError;
use crate::store::settlement::operator_runs::{NewToken, token_insert, token_revoke, token_shown};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Longest name. The audit trail shows it with everything that the token does.
pub const NAME_CHARS_MAX: usize = 60;

/// The audit trail's name for the token from the configuration.
pub const BOOTSTRAP: &str = "bootstrap";
/// No token is valid for longer.
pub const DAYS_MAX: i64 = 365;
/// Bytes in a secret.
const SECRET_BYTES: usize = 32;

/// A request for a token.
#[derive(Clone, Copy)]
pub struct TokenRequest<'a> {
    pub name: &'a str,
    pub scopes: Scopes,
    pub expires_at: UtcMillis,
    /// The scopes of the person or token creating it: a token may do no more than its creator.
    pub maker: Scopes,
}

/// Creates a token with an id derived from `key`, so that one form creates one token. Returns its secret, only this
/// time.
pub async fn make<P: Ports>(ctx: &Context<'_, P>, wanted: &TokenRequest<'_>, key: &str) -> Result<String, AppError> {
    let TokenRequest { name, scopes, expires_at, maker } = *wanted;
    let must = |field: &str, detail: &str| AppError::new(ErrorKind::Unprocessable, "malformed", detail).field(field);
    let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(clean) {
        return Err(must("name", "the name must be 1 to 60 letters, digits, dots, dashes or underscores"));
    }
    // The audit trail would mistake it for the deployment's own token.
    if name == BOOTSTRAP {
        return Err(must("name", "the deployment's token has this name; choose another"));
    }
    if expires_at <= ctx.now || expires_at > ctx.now.plus_ms(DAYS_MAX * DAY_MS) {
        return Err(must("expires", "the token must expire within a year"));
    }
    if scopes == Scopes::NONE || !maker.cover(scopes) {
        return Err(must("scopes", "choose at least one scope, and only scopes that you have yourself"));
    }
    let mut secret = [0; SECRET_BYTES];
    ctx.ports.random(&mut secret);
    let secret = format!("mop_{}", id::hex(&secret));
    let sha256 = id::hex(&Sha256::digest(secret.as_bytes()));
    let token = id::derived("tok", &[key]);
    let after = json!({"name": name, "scopes": scopes.to_string(), "expires_at": expires_at.to_rfc3339()});
    let entry = ctx.audit("token.make", &token, None, None, Some(after));
    let new = NewToken { id: &token, name, sha256: &sha256, scopes, expires_at };
    match ctx.batch(vec![token_insert(&new, ctx.now), entry]).await {
        Ok(_) => Ok(secret),
        Err(DbError::LostRace(_)) => {
            let detail = "this form was sent already and has made its token; its secret was shown then. Where it is lost, \
                          revoke the token and make a new one";
            Err(AppError::new(ErrorKind::Conflict, "token_made", detail))
        }
        Err(error) => Err(error.into()),
    }
}

/// Revokes a token. Revoking again changes nothing.
pub async fn revoke<P: Ports>(ctx: &Context<'_, P>, id: &str) -> Result<(), AppError> {
    let found = ctx.read(token_shown(id).first()).await?.ok_or_else(|| AppError::not_found("token"))?;
    if found.revoked_at_ms.is_none() {
        let after = json!({"name": found.name, "revoked": true});
        ctx.batch(vec![token_revoke(id, ctx.now), ctx.audit("token.revoke", id, None, None, Some(after))]).await?;
    }
    Ok(())
}
