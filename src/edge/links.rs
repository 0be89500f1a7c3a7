//! Looking up codes: a bounded cache in the isolate, over KV, over D1.
//!
//! A change of a link shows after at most 45 s here plus what KV keeps it: 60 s, or the 30 s of its edge caches where
//! whoever changed the link calls `forget`. Unknown codes are remembered in the isolate alone: in KV anybody could
//! write rows by guessing.

use super::d1::D1;
use super::state;
use super::time_limit::within;
use crate::base::time::{HOUR_MS, SECOND_MS, UtcMillis};
use crate::engine::link::Link;
use crate::http::redirect::Resolved;
use crate::store::link::{link_decode, link_resolve};
use crate::store::port::Db;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;
use worker::{Env, console_error, console_warn};

/// An entry is used as it is for this long; then it is read anew in the background.
const FRESH_MS: i64 = 30 * SECOND_MS;
/// After this long the visitor waits for it to be read anew.
const USABLE_MS: i64 = 45 * SECOND_MS;
/// An entry this old still serves while neither KV nor D1 answers.
const STALE_MS: i64 = HOUR_MS;
/// A background read that has not come back by then is given up.
const REFRESH_MS: i64 = 10 * SECOND_MS;
/// How long a visitor waits for a look-up.
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);
/// Seconds a link stays in KV: the least KV takes. Longer would save KV writes and delay changes.
const KV_TTL_S: u64 = 60;
/// Seconds an edge location keeps what it read from KV: the least KV takes.
const KV_CACHE_TTL_S: u64 = 30;
/// Entries of one generation: twice that is about 2 MB of links.
const GENERATION_MAX: usize = 2_048;

/// Codes and what they lead to, in two generations: a full young one becomes the old one, whose unused entries go.
/// Unknown codes have generations of their own, so that guessing cannot crowd out links.
#[derive(Default)]
pub struct Cache {
    known: Generations,
    unknown: Generations,
}

#[derive(Default)]
struct Generations {
    young: HashMap<String, Entry>,
    old: HashMap<String, Entry>,
}

#[derive(Clone)]
struct Entry {
    /// `None`: there is no such link.
    resolved: Option<Rc<Resolved>>,
    read_at: UtcMillis,
    refreshing_since: Option<UtcMillis>,
}

/// What the cache knows of a code.
pub enum Found {
    /// Use it; `refresh` says that the caller is to read it anew in the background.
    Entry { resolved: Option<Rc<Resolved>>, refresh: bool },
    /// Look it up.
    Missing,
}

impl Cache {
    pub fn get(&mut self, code: &str, now: UtcMillis) -> Found {
        for generations in [&mut self.known, &mut self.unknown] {
            let Some(entry) = generations.get(code) else { continue };
            let age = now.0 - entry.read_at.0;
            if age >= USABLE_MS {
                return Found::Missing;
            }
            let idle = entry.refreshing_since.is_none_or(|since| now.0 - since.0 > REFRESH_MS);
            let refresh = age >= FRESH_MS && idle;
            if refresh {
                entry.refreshing_since = Some(now);
            }
            return Found::Entry { resolved: entry.resolved.clone(), refresh };
        }
        Found::Missing
    }

    /// What was known up to an hour ago, for when nothing answers.
    fn stale(&mut self, code: &str, now: UtcMillis) -> Option<Rc<Resolved>> {
        let entry = self.known.get(code)?;
        (now.0 - entry.read_at.0 < STALE_MS).then(|| entry.resolved.clone()).flatten()
    }

    fn put(&mut self, code: &str, resolved: Option<Rc<Resolved>>, now: UtcMillis) {
        let (to, from) = match resolved {
            Some(_) => (&mut self.known, &mut self.unknown),
            None => (&mut self.unknown, &mut self.known),
        };
        from.young.remove(code);
        from.old.remove(code);
        to.put(code.to_owned(), Entry { resolved, read_at: now, refreshing_since: None });
    }
}

impl Generations {
    fn get(&mut self, code: &str) -> Option<&mut Entry> {
        // Asked for again: it moves to the young ones.
        if !self.young.contains_key(code)
            && let Some((code, entry)) = self.old.remove_entry(code)
        {
            self.put(code, entry);
        }
        self.young.get_mut(code)
    }

    fn put(&mut self, code: String, entry: Entry) {
        self.old.remove(&code);
        if self.young.len() >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(code, entry);
    }
}

/// Looks a code up and remembers the answer. When nothing answers in time: what was known up to an hour ago, else as
/// if there were no such link, which is not remembered.
pub async fn look_up(env: &Env, code: &str, now: UtcMillis) -> Option<Rc<Resolved>> {
    let answer = within(LOOKUP_LIMIT, read(env, code, now)).await;
    let link = match answer {
        Some(Ok(link)) => link,
        failed => {
            let why = failed.map_or_else(|| "no answer in time".to_owned(), |failed| failed.err().unwrap_or_default());
            console_error!("looking up a link: {why}");
            return state::with(|state| state.links.stale(code, now)).flatten();
        }
    };
    state::with(|state| {
        let resolved = link.map(|link| Rc::new(Resolved::new(link, &state.settings)));
        state.links.put(code, resolved.clone(), now);
        resolved
    })
    .flatten()
}

/// Takes a link out of KV, after it was changed.
#[allow(dead_code, reason = "for the operator's calls that change links")]
pub async fn forget(env: &Env, code: &str) {
    if let Ok(kv) = env.kv("KV")
        && let Err(why) = kv.delete(&key(code)).await
    {
        console_warn!("forgetting a link: {why}");
    }
}

async fn read(env: &Env, code: &str, now: UtcMillis) -> Result<Option<Link>, String> {
    let kv = env.kv("KV").ok();
    if let Some(kv) = &kv {
        match kv.get(&key(code)).cache_ttl(KV_CACHE_TTL_S).text().await {
            // What does not parse is of another version of the Worker: D1 knows.
            Ok(Some(text)) => {
                if let Ok(link) = serde_json::from_str(&text) {
                    return Ok(Some(link));
                }
            }
            Ok(None) => {}
            Err(why) => console_warn!("reading a link from KV: {why}"),
        }
    }
    let db = D1::of(env).map_err(|why| why.to_string())?;
    let rows = db.batch(vec![link_resolve(code, now)]).await.map_err(|why| why.to_string())?;
    let link = link_decode(rows.first().ok_or("no rows")?).map_err(|why| why.to_string())?;
    if let (Some(kv), Some(link)) = (kv, &link)
        && let Ok(text) = serde_json::to_string(link)
    {
        let key = key(code);
        // Not waited for: the visitor has the answer, and a lost write costs one more read of D1.
        wasm_bindgen_futures::spawn_local(async move {
            let Ok(put) = kv.put(&key, text) else { return };
            if let Err(why) = put.expiration_ttl(KV_TTL_S).execute().await {
                console_warn!("writing a link to KV: {why}");
            }
        });
    }
    Ok(link)
}

/// The version changes with the form of `Link`.
fn key(code: &str) -> String {
    format!("link:1:{code}")
}
