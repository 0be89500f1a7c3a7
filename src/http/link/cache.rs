//! The codes that an isolate looked up recently: bounded, with unknown codes kept separately. Pure; the runtime does
//! the lookups.

use crate::base::time::{HOUR_MS, SECOND_MS, UtcMillis};
use crate::engine::link::CODE_MAX;
use crate::http::link::redirect::ResolvedLink;
use std::collections::HashMap;
use std::rc::Rc;

/// An entry is used as it is for this long; after that it is refreshed in the background.
const FRESH_MS: i64 = 30 * SECOND_MS;
/// After this long the visitor waits for a fresh read.
const USABLE_MS: i64 = 45 * SECOND_MS;
/// An entry this old is still used while neither KV nor D1 responds.
const STALE_MS: i64 = HOUR_MS;
/// How long a stale entry is used before the stores are tried again.
const RETRY_MS: i64 = 5 * SECOND_MS;
/// So long after a failed read the next one is in the background; later the visitor waits for it.
const GOES_ON_MS: i64 = 30 * SECOND_MS;
/// After this long a background read is considered lost.
const REFRESH_MS: i64 = 10 * SECOND_MS;
/// Entries per generation: twice that is about 2 MB of links.
const GENERATION_MAX: usize = 2_048;

/// Codes and their links, in two generations: a full young one becomes the old one, and the entries of the old one that
/// were not used are dropped. Unknown codes have generations of their own, so that guessing cannot push out links.
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
    resolved: Option<Rc<ResolvedLink>>,
    read_at: UtcMillis,
    refreshing_since: Option<UtcMillis>,
    /// Nothing responded: the entry is used until then without another try.
    retry_at: UtcMillis,
}

/// What the cache knows of a code.
pub enum CacheHit {
    /// Use it; `refresh` asks the caller to read it again in the background.
    Entry { resolved: Option<Rc<ResolvedLink>>, refresh: bool },
    /// Look it up.
    Missing,
}

impl Cache {
    pub fn get(&mut self, code: &str, now: UtcMillis) -> CacheHit {
        let mut buffer = [0; CODE_MAX];
        let key = key_of(code, &mut buffer);
        for generations in [&mut self.known, &mut self.unknown] {
            let Some(entry) = generations.get(key) else { continue };
            let age = now.0 - entry.read_at.0;
            if age >= USABLE_MS && entry.retry_at <= now {
                // Nothing responded a moment ago: it is tried again without a visitor waiting.
                let goes_on = age < STALE_MS && now.0 - entry.retry_at.0 < GOES_ON_MS;
                if !goes_on {
                    return CacheHit::Missing;
                }
                entry.retry_at = now.plus_ms(RETRY_MS);
                entry.refreshing_since = Some(now);
                return CacheHit::Entry { resolved: entry.resolved.clone(), refresh: true };
            }
            let idle = entry.refreshing_since.is_none_or(|since| now.0 - since.0 > REFRESH_MS);
            let refresh = age >= FRESH_MS && idle;
            if refresh {
                entry.refreshing_since = Some(now);
            }
            return CacheHit::Entry { resolved: entry.resolved.clone(), refresh };
        }
        CacheHit::Missing
    }

    /// What was known up to an hour ago, for when nothing responds. It is used for a few more seconds, so that not
    /// every visitor waits for an unavailable store.
    pub fn stale(&mut self, code: &str, now: UtcMillis) -> Option<Rc<ResolvedLink>> {
        let entry = self.known.get(key_of(code, &mut [0; CODE_MAX]))?;
        if now.0 - entry.read_at.0 >= STALE_MS {
            return None;
        }
        entry.retry_at = now.plus_ms(RETRY_MS);
        entry.resolved.clone()
    }

    pub fn put(&mut self, code: &str, resolved: Option<Rc<ResolvedLink>>, now: UtcMillis) {
        let entry = |resolved| Entry { resolved, read_at: now, refreshing_since: None, retry_at: UtcMillis(0) };
        let key = code.to_ascii_lowercase();
        let (keeps, forgets) = if resolved.is_some() {
            (&mut self.known, &mut self.unknown)
        } else {
            (&mut self.unknown, &mut self.known)
        };
        forgets.forget(&key);
        keeps.put(key, entry(resolved));
    }
}

/// One entry for all cases of a code: otherwise typing them would push out other links. Without a copy on the heap, because
/// this runs on every redirect.
fn key_of<'a>(code: &'a str, buffer: &'a mut [u8; CODE_MAX]) -> &'a str {
    let Some(lower) = buffer.get_mut(..code.len()) else { return code };
    lower.copy_from_slice(code.as_bytes());
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).unwrap_or(code)
}

impl Generations {
    fn forget(&mut self, code: &str) {
        self.young.remove(code);
        self.old.remove(code);
    }

    fn get(&mut self, code: &str) -> Option<&mut Entry> {
        // Used again: it moves to the young ones. Most isolates never have old ones, and look once.
        if !self.old.is_empty()
            && !self.young.contains_key(code)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::link::LinkRecord;

    fn resolved() -> Option<Rc<ResolvedLink>> {
        Some(Rc::new(ResolvedLink { link: Rc::new(LinkRecord::default()), location: "/".into() }))
    }

    /// `+`/`-` known or unknown, `r` if it needs a refresh, `?` if missing.
    fn seen(cache: &mut Cache, code: &str, at: i64) -> String {
        match cache.get(code, UtcMillis(at)) {
            CacheHit::Missing => "?".to_owned(),
            CacheHit::Entry { resolved, refresh } => {
                format!("{}{}", if resolved.is_some() { "+" } else { "-" }, if refresh { "r" } else { "" })
            }
        }
    }

    #[test]
    fn entries_age() {
        let mut cache = Cache::default();
        assert_eq!(seen(&mut cache, "a", 0), "?");
        cache.put("a", resolved(), UtcMillis(0));
        cache.put("b", None, UtcMillis(0));
        assert_eq!(seen(&mut cache, "a", FRESH_MS - 1), "+");
        assert_eq!(seen(&mut cache, "b", FRESH_MS - 1), "-");
        assert_eq!(seen(&mut cache, "a", FRESH_MS), "+r");
        assert_eq!(seen(&mut cache, "a", FRESH_MS), "+", "one refresh at a time");
        assert_eq!(seen(&mut cache, "a", FRESH_MS + REFRESH_MS + 1), "+r", "the first was lost");
        assert_eq!(seen(&mut cache, "a", USABLE_MS), "?");
        assert!(cache.stale("a", UtcMillis(USABLE_MS)).is_some());
        assert_eq!(seen(&mut cache, "a", USABLE_MS + RETRY_MS - 1), "+", "served without another try");
        assert_eq!(seen(&mut cache, "a", USABLE_MS + RETRY_MS), "+r", "the next try is in the background");
        assert_eq!(seen(&mut cache, "a", USABLE_MS + RETRY_MS + 1), "+");
        assert_eq!(seen(&mut cache, "a", USABLE_MS + 2 * RETRY_MS + GOES_ON_MS), "?", "that was long ago");
        assert!(cache.stale("a", UtcMillis(STALE_MS - RETRY_MS)).is_some());
        assert_eq!(seen(&mut cache, "a", STALE_MS), "?", "it is too old");
        assert!(cache.stale("a", UtcMillis(STALE_MS - 1)).is_some());
        assert!(cache.stale("a", UtcMillis(STALE_MS)).is_none());
        assert!(cache.stale("b", UtcMillis(1)).is_none());
    }

    #[test]
    fn an_answer_replaces_the_last() {
        let mut cache = Cache::default();
        cache.put("a", None, UtcMillis(0));
        cache.put("a", resolved(), UtcMillis(1));
        assert_eq!(seen(&mut cache, "a", 2), "+");
        cache.put("a", None, UtcMillis(3));
        assert_eq!(seen(&mut cache, "a", 4), "-");
        assert!(cache.stale("a", UtcMillis(4)).is_none());
    }

    #[test]
    fn a_code_has_one_entry_whatever_its_case() {
        let mut cache = Cache::default();
        cache.put("aDa", None, UtcMillis(0));
        cache.put("Ada", resolved(), UtcMillis(0));
        for given in ["ADA", "ada", "Ada", "aDa"] {
            assert_eq!(seen(&mut cache, given, 1), "+", "{given}");
        }
        cache.put("ADA", resolved(), UtcMillis(1));
        assert_eq!(cache.known.young.len(), 1);
        cache.put("ADa", None, UtcMillis(2));
        assert_eq!(seen(&mut cache, "ada", 3), "-");
        assert_eq!(seen(&mut cache, &"A".repeat(CODE_MAX), 3), "?");
    }

    #[test]
    fn guessing_crowds_out_no_link() {
        let mut cache = Cache::default();
        cache.put("a", resolved(), UtcMillis(0));
        for n in 0..3 * GENERATION_MAX {
            cache.put(&n.to_string(), None, UtcMillis(0));
        }
        assert_eq!(seen(&mut cache, "a", 1), "+");
        assert!(cache.unknown.young.len() + cache.unknown.old.len() <= 2 * GENERATION_MAX);
    }

    #[test]
    fn what_is_used_stays() {
        let mut cache = Cache::default();
        cache.put("a", resolved(), UtcMillis(0));
        cache.put("z", resolved(), UtcMillis(0));
        for n in 0..3 * GENERATION_MAX {
            cache.put(&n.to_string(), resolved(), UtcMillis(0));
            assert_eq!(seen(&mut cache, "a", 1), "+");
        }
        assert_eq!(seen(&mut cache, "z", 1), "?");
        assert!(cache.known.young.len() + cache.known.old.len() <= 2 * GENERATION_MAX);
    }
}
