//! Finds a ref link in a request's URL, and the two URLs that it can lead to: the link's destination, or the same URL
//! without our parameters.
//!
//! URLs are read as the runtime provides them, already normalized by its URL parser. Nothing is parsed twice, and only
//! a `%` requires decoding. Parameters are compared decoded and kept byte for byte.

use crate::base::percent::{decoded as decode, escaped};
use crate::codec::link::destination;
use crate::engine::link::LinkRecord;
use crate::engine::link::campaign::campaign_of;
use crate::engine::link::pasted::{CODES_MAX, after_short, cut, ours, pair, query_from, query_of, without_amp};
use crate::http::exchange::Response;
use crate::service::error::{AppError, ErrorKind};
use std::borrow::Cow;

/// Paths of the Worker's own API, where a `ref` parameter means something else.
const OWN_PATHS: [&str; 5] = ["/v1/", "/api/", "/healthz", "/openapi.json", "/program.schema.json"];

/// A request that may go through a ref link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefLink<'a> {
    /// What could be its code, in order: the first live one counts. Empty only for a short link without a code.
    pub candidates: Vec<CodeCandidate<'a>>,
    /// Which of them counts.
    pub chosen: usize,
    /// `/r/{code}`, not a parameter.
    pub is_short: bool,
    url: Url<'a>,
}

/// A part of the URL that could be a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeCandidate<'a> {
    /// `None` for `/r/{code}`, otherwise the parameter's name.
    pub param: Option<&'static str>,
    pub code: Cow<'a, str>,
    /// Parameters that follow the code instead of a `?` or `&`.
    query: Cow<'a, str>,
    /// Which part of the query it is.
    part: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Url<'a> {
    /// Everything before the `?`.
    address: &'a str,
    query: Option<&'a str>,
    /// Starting at the `#`.
    fragment: &'a str,
}

/// The URL that was meant, where the `?` of a page's address came as `&` or escaped before a parameter of ours.
pub fn mended(url: &str) -> Option<String> {
    // Nearly all addresses have neither.
    if !url.bytes().any(|byte| matches!(byte, b'&' | b'%')) {
        return None;
    }
    let url = Url::split(url);
    let path = url.path();
    let start = path.rfind('/').filter(|_| after_short(path).is_none())?;
    let (at, query) = query_from(&path[start..])?;
    let is_ours = |(name, value)| ours(name).is_some_and(|param| param != "campaign") && cut(value).is_some();
    if !parts(&query).any(is_ours) {
        return None;
    }
    let page = &url.address[..url.address.len() - path.len() + start + at];
    let more = url.query.map_or_else(String::new, |more| format!("&{more}"));
    Some(format!("{page}?{query}{more}{}", url.fragment))
}

/// The ref link of this URL (absolute, as the runtime provides it). `None`: the redirect does not handle the request.
pub fn find(url: &str) -> Option<RefLink<'_>> {
    let url = Url::split(url);
    let path = url.path();
    if let Some(rest) = after_short(path) {
        let candidate = cut(rest).map(|found| CodeCandidate {
            param: None,
            code: found.code,
            query: query_of(found.rest),
            part: 0,
        });
        return Some(RefLink { candidates: candidate.into_iter().collect(), chosen: 0, is_short: true, url });
    }
    let query = url.query?;
    if OWN_PATHS.iter().any(|own| path.starts_with(own)) {
        return None;
    }
    let mut candidates: Vec<CodeCandidate<'_>> = Vec::new();
    for (part, (name, value)) in parts(query).enumerate() {
        if let Some(param) = ours(name).filter(|param| *param != "campaign")
            && let Some(found) = cut(value)
            && candidates.len() < CODES_MAX
        {
            candidates.push(CodeCandidate { param: Some(param), code: found.code, query: query_of(found.rest), part });
        }
    }
    (!candidates.is_empty()).then_some(RefLink { candidates, chosen: 0, is_short: false, url })
}

impl RefLink<'_> {
    /// The codes that could be its code.
    pub fn codes(&self) -> Vec<&str> {
        self.candidates.iter().map(|candidate| &*candidate.code).collect()
    }

    /// The same URL without the parameter that counts, and otherwise byte for byte: parameters before it are not ours, and
    /// those after it that could be ours would count next. `campaign` goes where the program takes it.
    pub fn stripped(&self, takes_campaign: bool) -> String {
        let mut out = String::with_capacity(self.url.address.len() + 16);
        out.push_str(self.url.address);
        let mut separator = '?';
        let mut add = |part: &str| {
            out.push(separator);
            out.push_str(part);
            separator = '&';
        };
        let chosen = self.candidates.get(self.chosen);
        for (at, part) in self.url.query.into_iter().flat_map(|query| query.split('&')).enumerate() {
            let (name, value) = pair(part);
            match (ours(name), chosen) {
                (Some("campaign"), _) if takes_campaign => {}
                (Some("ref" | "partner"), Some(chosen)) if at == chosen.part => {
                    if !chosen.query.is_empty() {
                        add(&chosen.query);
                    }
                }
                (Some("ref" | "partner"), Some(chosen)) if at > chosen.part && cut(value).is_some() => {}
                _ => add(part),
            }
        }
        out.push_str(self.url.fragment);
        header_safe(out)
    }

    /// `base` with the request's other parameters added, except those it has already.
    pub fn carried_to(&self, base: &str) -> String {
        let mut target = RefTarget::of(base);
        for part in self.queries().flat_map(|query| query.split('&')) {
            let part = without_amp(part);
            let name = part.split_once('=').map_or(part, |(name, _)| name);
            if !part.is_empty() && ours(name).is_none() {
                target.add(name, part);
            }
        }
        header_safe(target.finish())
    }

    /// The same URL over https, if it is not.
    pub fn over_https(&self) -> Option<String> {
        let rest = self.url.address.strip_prefix("http:")?;
        Some(header_safe(format!("https:{rest}{}{}", self.url.search(), self.url.fragment)))
    }

    /// The URL itself.
    pub fn itself(&self) -> String {
        header_safe(format!("{}{}", self.url.address, self.url.search()))
    }

    /// The campaign in the URL.
    pub fn campaign(&self) -> Option<String> {
        let mut all = self.queries().flat_map(parts);
        let (_, value) = all.find(|(name, _)| ours(name) == Some("campaign"))?;
        campaign_of(&decode(value)?).map(Cow::into_owned)
    }

    /// `base` with the code, and the request's campaign, in parameters of ours.
    pub fn with_code(&self, base: &str, param: &str, code: &str) -> String {
        let mut target = RefTarget::of(base);
        target.add(param, &format!("{param}={}", escaped(code)));
        if let Some(campaign) = self.campaign() {
            target.add("campaign", &format!("campaign={}", escaped(&campaign)));
        }
        header_safe(target.finish())
    }

    /// A parameter's value in the request, decoded.
    pub fn param(&self, wanted: &str) -> Option<Cow<'_, str>> {
        let mut all = self.queries().flat_map(parts);
        let (_, value) = all.find(|(name, _)| decode(without_amp(name)).is_some_and(|name| name == wanted))?;
        decode(value)
    }

    pub fn has_query(&self) -> bool {
        self.queries().next().is_some()
    }

    /// The query, and the one behind the code.
    fn queries(&self) -> impl Iterator<Item = &str> {
        let behind = self.candidates.get(self.chosen).map(|chosen| &*chosen.query).filter(|query| !query.is_empty());
        behind.into_iter().chain(self.url.query)
    }
}

/// Where a link leads if the request adds nothing: its destination on `site` (an origin, or empty for the Worker's own
/// host) with its UTM parameters. A destination that fails the check was not stored by us, and the default is used
/// instead.
pub fn destination(link: &LinkRecord, site: &str) -> String {
    let base = match link.destination.as_deref().filter(|text| destination::check(text).is_ok()) {
        Some(path) if path.starts_with('/') => format!("{}{path}", origin(site)),
        Some(absolute) => absolute.to_owned(),
        None => default_destination(site),
    };
    let mut target = RefTarget::of(&base);
    for (name, value) in &link.utm {
        target.add(name, &format!("{}={}", escaped(name), escaped(value)));
    }
    header_safe(target.finish())
}

/// Whether a path is that of a short link.
pub fn is_short(path: &str) -> bool {
    after_short(path).is_some()
}

/// The response of a short link to anything other than following it.
pub fn only_followed() -> Response {
    let mut response =
        Response::problem(&AppError::new(ErrorKind::MethodNotAllowed, "method_not_allowed", "use GET or HEAD"));
    response.headers.push(("allow", "GET, HEAD".to_owned()));
    response
}

/// Where `/r/{code}` leads if there is no such link: the site, or `/`.
pub fn default_destination(site: &str) -> String {
    if site.is_empty() { "/".to_owned() } else { header_safe(site.to_owned()) }
}

/// Scheme and host of `site`, without its path.
fn origin(site: &str) -> &str {
    let start = site.find("://").map_or(0, |at| at + 3);
    let end = site[start..].find(['/', '?', '#']).map_or(site.len(), |at| start + at);
    &site[..end]
}

impl<'a> Url<'a> {
    /// The query with its `?`, or nothing.
    fn search(&self) -> String {
        self.query.map_or_else(String::new, |query| format!("?{query}"))
    }

    fn split(text: &'a str) -> Url<'a> {
        let (text, fragment) = text.split_at(text.find('#').unwrap_or(text.len()));
        match text.split_once('?') {
            Some((address, query)) => Url { address, query: Some(query), fragment },
            None => Url { address: text, query: None, fragment },
        }
    }

    fn path(&self) -> &'a str {
        let start = self.address.find("://").map_or(0, |at| at + 3);
        self.address[start..].find('/').map_or("", |at| &self.address[start + at..])
    }
}

/// A URL that query parameters are added to, before its fragment.
struct RefTarget<'a> {
    url: Url<'a>,
    added: String,
}

impl<'a> RefTarget<'a> {
    fn of(base: &'a str) -> RefTarget<'a> {
        RefTarget { url: Url::split(base), added: String::new() }
    }

    /// Adds `part` (`name=value`, encoded) unless the destination itself has a parameter of that name, or an earlier
    /// addition from another source has: the caller adds the more important source first.
    fn add(&mut self, name: &str, part: &str) {
        let name = decode(name);
        if !pairs(self.url.query.unwrap_or_default()).any(|(held, _)| decode(held) == name) {
            self.added.push('&');
            self.added.push_str(part);
        }
    }

    fn finish(self) -> String {
        let Url { address, query, fragment } = self.url;
        let mut out = String::with_capacity(address.len() + query.map_or(0, str::len) + self.added.len() + 2);
        out.push_str(address);
        match query {
            Some(query) if !query.is_empty() => {
                out.push('?');
                out.push_str(query);
                out.push_str(&self.added);
            }
            _ if !self.added.is_empty() => {
                out.push('?');
                out.push_str(&self.added[1..]);
            }
            _ => {}
        }
        out.push_str(fragment);
        out
    }
}

/// Names and values, the empty ones included.
fn parts(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').map(pair)
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// Removes what must never get into a header. The runtime's URL parser has already escaped it; this does not rely on
/// that.
fn header_safe(text: String) -> String {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return text;
    }
    text.chars()
        .filter(|c| !c.is_control() && *c != ' ')
        .map(|c| if c.is_ascii() { c.to_string() } else { escaped(c.encode_utf8(&mut [0; 4])) })
        .collect()
}

#[cfg(test)]
mod tests;
