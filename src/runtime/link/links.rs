//! Looking up codes: the isolate's cache (`http::link::cache`), then KV, then D1.
//!
//! A changed link is visible after at most 45 s here plus the time KV keeps it: 60 s, or the 30 s of its edge caches if
//! the writer calls `forget`. Unknown codes are cached only in the isolate: in KV anyone could create rows by guessing.

use crate::base::decode;
use crate::base::limits::UNKNOWN_CODES_PER_MINUTE;
use crate::base::network::Sender;
use crate::base::time::UtcMillis;
use crate::engine::link::LinkRecord;
use crate::http::context::RateLimited;
use crate::http::link::redirect::ResolvedLink;
use crate::runtime::d1::D1;
use crate::runtime::limiter;
use crate::runtime::state;
use crate::runtime::time_limit::within;
use crate::store::link::{links_decode, links_resolve};
use crate::store::port::Db;
use std::rc::Rc;
use std::time::Duration;
use worker::{Context, Env, console_error, console_warn};

/// How long a visitor waits for a lookup.
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);
/// Seconds a link stays in KV: the minimum of KV. A longer time would save KV writes and delay changes.
const KV_TTL_S: u64 = 60;
/// Seconds an edge location keeps what it read from KV: the minimum of KV.
const KV_CACHE_TTL_S: u64 = 30;

/// Looks codes up and caches the results, in their order. If nothing responds in time, a result is what was known up to an
/// hour ago, otherwise that there is no such link, which is not cached. `ip`: the visitor who waits, `None` if nobody does.
pub async fn look_up(
    env: &Env,
    context: &Context,
    codes: &[&str],
    ip: Option<&str>,
    now: UtcMillis,
) -> Vec<Option<Rc<ResolvedLink>>> {
    if codes.is_empty() {
        return Vec::new();
    }
    let sender = ip.and_then(Sender::of);
    let is_limited =
        sender.as_ref().is_some_and(|sender| state::with(|state| state.guesses.is_limited(sender, now)) == Some(true));
    let answer = within(LOOKUP_LIMIT, read(env, context, codes, is_limited, now)).await;
    let links = match answer {
        Some(Ok(links)) => links,
        failed => {
            let why = failed.map_or_else(|| "no answer in time".to_owned(), |failed| failed.err().unwrap_or_default());
            console_error!("looking up a link: {why}");
            let stale = |code: &&str| state::with(|state| state.links.stale(code, now)).flatten();
            return codes.iter().map(stale).collect();
        }
    };
    let found = |code: &&str| links.iter().find(|link| link.is_meant_by(code)).cloned();
    if let Some(sender) = sender.filter(|_| !is_limited && codes.iter().all(|code| found(code).is_none())) {
        guessed(env, context, sender, now);
    }
    let cached = |code: &&str| {
        state::with(|state| {
            let resolved = found(code).map(|link| Rc::new(ResolvedLink::new(link, &state.settings)));
            // What the database was not asked for may be a link.
            if resolved.is_some() || !is_limited {
                state.links.put(code, resolved.clone(), now);
            }
            resolved
        })
    };
    codes.iter().map(|code| cached(code).flatten()).collect()
}

/// Counts an unknown code, without the visitor waiting for it.
fn guessed(env: &Env, context: &Context, sender: Sender, now: UtcMillis) {
    let is_over = state::with(|state| state.guesses.is_over(&sender, UNKNOWN_CODES_PER_MINUTE, now));
    if is_over != Some(true) {
        return;
    }
    let env = env.clone();
    context.wait_until(async move {
        for (key, limited) in sender.counted(now).zip([Some(&sender.address), sender.around.as_ref()]) {
            if !limiter::admits(&env, RateLimited::Guess, key).await {
                state::with(|state| limited.map(|limited| state.guesses.limit(limited, now)));
                return;
            }
        }
    });
}

/// Deletes a link from KV after it was changed.
pub async fn forget(env: &Env, code: &str) {
    if let Ok(kv) = env.kv("KV")
        && let Err(why) = kv.delete(&key(code)).await
    {
        console_warn!("forgetting a link: {why}");
    }
}

/// The links of the codes: of the first from KV, of more in one read of D1. `is_limited`: from KV alone.
async fn read(
    env: &Env,
    context: &Context,
    codes: &[&str],
    is_limited: bool,
    now: UtcMillis,
) -> Result<Vec<LinkRecord>, String> {
    let kv = env.kv("KV").ok();
    if let Some(kv) = kv.as_ref().filter(|_| codes.len() == 1 || is_limited) {
        for code in codes {
            match kv.get(&key(code)).cache_ttl(KV_CACHE_TTL_S).text().await {
                // A value that does not parse is from another version of the Worker: read D1.
                Ok(Some(text)) => {
                    if let Ok(link) = decode::from_text::<LinkRecord>(&text) {
                        return Ok(vec![link]);
                    }
                }
                Ok(None) => {}
                Err(why) => console_warn!("reading a link from KV: {why}"),
            }
        }
    }
    if is_limited {
        return Ok(Vec::new());
    }
    let db = D1::of(env, 1).map_err(|why| why.to_string())?;
    let rows = db.batch(vec![links_resolve(codes, now).statement]).await.map_err(|why| why.to_string())?;
    let links = links_decode(rows.into_iter().next().ok_or("no rows")?).map_err(|why| why.to_string())?;
    if let (Some(kv), [link]) = (kv, links.as_slice())
        && let Ok(text) = serde_json::to_string(link)
    {
        let key = key(&link.code);
        // Not awaited: the visitor has the response, and a lost write costs one more read of D1.
        context.wait_until(async move {
            let Ok(put) = kv.put(&key, text) else { return };
            if let Err(why) = put.expiration_ttl(KV_TTL_S).execute().await {
                console_warn!("writing a link to KV: {why}");
            }
        });
    }
    Ok(links)
}

/// The version changes with the form of `LinkRecord`. No two links' codes differ by case alone.
fn key(code: &str) -> String {
    format!("link:3:{}", code.to_ascii_lowercase())
}
