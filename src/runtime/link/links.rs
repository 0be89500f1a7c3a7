//! Looking up codes: the isolate's cache (`http::link::cache`), then KV, then D1.
//!
//! A changed link is visible after at most 45 s here plus the time KV keeps it: 60 s, or the 30 s of its edge caches if
//! the writer calls `forget`. Unknown codes are cached only in the isolate: in KV anyone could create rows by guessing.

use crate::base::decode;
use crate::base::time::UtcMillis;
use crate::engine::link::LinkRecord;
use crate::http::link::redirect::ResolvedLink;
use crate::runtime::d1::D1;
use crate::runtime::state;
use crate::runtime::time_limit::within;
use crate::store::link::{link_decode, link_resolve};
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

/// Looks a code up and caches the result. If nothing responds in time, the result is what was known up to an hour ago,
/// otherwise that there is no such link, which is not cached.
pub async fn look_up(env: &Env, context: &Context, code: &str, now: UtcMillis) -> Option<Rc<ResolvedLink>> {
    let answer = within(LOOKUP_LIMIT, read(env, context, code, now)).await;
    let link = match answer {
        Some(Ok(link)) => link,
        failed => {
            let why = failed.map_or_else(|| "no answer in time".to_owned(), |failed| failed.err().unwrap_or_default());
            console_error!("looking up a link: {why}");
            return state::with(|state| state.links.stale(code, now)).flatten();
        }
    };
    state::with(|state| {
        let resolved = link.map(|link| Rc::new(ResolvedLink::new(link, &state.settings)));
        state.links.put(code, resolved.clone(), now);
        resolved
    })
    .flatten()
}

/// Deletes a link from KV after it was changed.
pub async fn forget(env: &Env, code: &str) {
    if let Ok(kv) = env.kv("KV")
        && let Err(why) = kv.delete(&key(code)).await
    {
        console_warn!("forgetting a link: {why}");
    }
}

async fn read(env: &Env, context: &Context, code: &str, now: UtcMillis) -> Result<Option<LinkRecord>, String> {
    let kv = env.kv("KV").ok();
    if let Some(kv) = &kv {
        match kv.get(&key(code)).cache_ttl(KV_CACHE_TTL_S).text().await {
            // A value that does not parse is from another version of the Worker: read D1.
            Ok(Some(text)) => {
                if let Ok(link) = decode::from_text::<LinkRecord>(&text) {
                    return Ok(link.is_meant_by(code).then_some(link));
                }
            }
            Ok(None) => {}
            Err(why) => console_warn!("reading a link from KV: {why}"),
        }
    }
    let db = D1::of(env, 1).map_err(|why| why.to_string())?;
    let rows = db.batch(vec![link_resolve(code, now).statement]).await.map_err(|why| why.to_string())?;
    let link = link_decode(rows.first().ok_or("no rows")?).map_err(|why| why.to_string())?;
    if let (Some(kv), Some(link)) = (kv, &link)
        && let Ok(text) = serde_json::to_string(link)
    {
        let key = key(code);
        // Not awaited: the visitor has the response, and a lost write costs one more read of D1.
        context.wait_until(async move {
            let Ok(put) = kv.put(&key, text) else { return };
            if let Err(why) = put.expiration_ttl(KV_TTL_S).execute().await {
                console_warn!("writing a link to KV: {why}");
            }
        });
    }
    Ok(link)
}

/// The version changes with the form of `LinkRecord`. No two links' codes differ by case alone, and a chosen code is one
/// row whatever the case in which visitors type it.
fn key(code: &str) -> String {
    format!("link:3:{}", code.to_ascii_lowercase())
}
