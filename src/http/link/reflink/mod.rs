//! Finds a ref link in a request's URL, and the two URLs that it can lead to: the link's destination, or the same URL
//! without our parameters.
//!
//! URLs are read as the runtime provides them, already normalized by its URL parser. Nothing is parsed twice, and only
//! a `%` requires decoding. Parameters are compared decoded and kept byte for byte.

use crate::codec::link::destination;
use crate::engine::link::{LinkRecord, is_campaign, is_code};
use crate::http::exchange::Response;
use crate::service::error::{AppError, ErrorKind};
use std::borrow::Cow;

/// Our query parameters. `campaign` only counts together with one of the others.
const PARAMS: [&str; 3] = ["ref", "partner", "campaign"];

/// Paths of the Worker's own API, where a `ref` parameter means something else.
const OWN_PATHS: [&str; 6] = ["/v1/", "/api/", "/px.gif", "/healthz", "/openapi.json", "/program.schema.json"];

/// A request that goes through a ref link, known or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefLink<'a> {
    /// `None` for `/r/{code}`, otherwise the parameter's name.
    pub param: Option<&'static str>,
    /// `None` if the value cannot be a code.
    pub code: Option<Cow<'a, str>>,
    /// The campaign in the URL, if it is valid.
    pub campaign: Option<Cow<'a, str>>,
    url: Url<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Url<'a> {
    /// Everything before the `?`.
    address: &'a str,
    query: Option<&'a str>,
    /// Starting at the `#`.
    fragment: &'a str,
}

/// The ref link of this URL (absolute, as the runtime provides it). `None`: the redirect does not handle the request.
/// If there are several parameters, the first one with a well-formed code counts.
pub fn find(url: &str) -> Option<RefLink<'_>> {
    let url = Url::split(url);
    let path = url.path();
    if let Some(code) = path.strip_prefix("/r/") {
        return Some(RefLink { param: None, code: well_formed(decode(code)), campaign: url.campaign(), url });
    }
    let query = url.query?;
    if OWN_PATHS.iter().any(|own| path.starts_with(own)) {
        return None;
    }
    let mut found = None;
    for (name, value) in pairs(query) {
        let Some(param) = ours(name).filter(|param| *param != "campaign") else { continue };
        let code = well_formed(decode(value));
        let good = code.is_some();
        if good || found.is_none() {
            found = Some((param, code));
        }
        if good {
            break;
        }
    }
    let (param, code) = found?;
    Some(RefLink { param: Some(param), code, campaign: url.campaign(), url })
}

impl RefLink<'_> {
    /// The same URL without our parameters, and otherwise byte for byte.
    pub fn stripped(&self) -> String {
        let mut out = String::with_capacity(self.url.address.len() + 16);
        out.push_str(self.url.address);
        let mut separator = '?';
        for part in self.url.query.into_iter().flat_map(|query| query.split('&')) {
            if ours(part.split_once('=').map_or(part, |(name, _)| name)).is_none() {
                out.push(separator);
                out.push_str(part);
                separator = '&';
            }
        }
        out.push_str(self.url.fragment);
        header_safe(out)
    }

    /// `base` with the request's other parameters added, except those it has already.
    pub fn carried_to(&self, base: &str) -> String {
        let Some(query) = self.url.query else { return base.to_owned() };
        let mut target = RefTarget::of(base);
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let name = part.split_once('=').map_or(part, |(name, _)| name);
            if ours(name).is_none() {
                target.add(name, part);
            }
        }
        header_safe(target.finish())
    }

    /// `base` with the code, and the request's campaign, in parameters of ours.
    pub fn with_code(&self, base: &str, param: &str, code: &str) -> String {
        let mut target = RefTarget::of(base);
        target.add(param, &format!("{param}={}", encode(code)));
        if let Some(campaign) = &self.campaign {
            target.add("campaign", &format!("campaign={}", encode(campaign)));
        }
        header_safe(target.finish())
    }

    /// A parameter's value in the request, decoded.
    pub fn param(&self, wanted: &str) -> Option<Cow<'_, str>> {
        pairs(self.url.query?).find(|(name, _)| decode(name).is_some_and(|n| n == wanted)).and_then(|(_, v)| decode(v))
    }

    pub fn has_query(&self) -> bool {
        self.url.query.is_some()
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
        target.add(name, &format!("{}={}", encode(name), encode(value)));
    }
    header_safe(target.finish())
}

/// Whether a path is that of a short link.
pub fn is_short(path: &str) -> bool {
    path.starts_with("/r/")
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

    fn campaign(&self) -> Option<Cow<'a, str>> {
        let (_, value) = pairs(self.query?).find(|(name, _)| ours(name) == Some("campaign"))?;
        decode(value).filter(|campaign| is_campaign(campaign))
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

/// Which of our parameters has this name.
fn ours(name: &str) -> Option<&'static str> {
    let name = decode(name)?;
    PARAMS.into_iter().find(|param| *param == name)
}

fn well_formed(code: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    code.filter(|code| is_code(code))
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// Decodes `%xx` and `+`. If there are none, nothing is copied. `None` if it is not UTF-8; a stray `%` is kept.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Some(Cow::Borrowed(text));
    }
    let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 2;
            }
            (b'+', _, _) => out.push(b' '),
            (byte, _, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

/// Percent-encodes all but the unreserved characters.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&crate::base::id::hex(&[byte]).to_ascii_uppercase());
        }
    }
    out
}

/// Removes what must never get into a header. The runtime's URL parser has already escaped it; this does not rely on
/// that.
fn header_safe(text: String) -> String {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return text;
    }
    text.chars()
        .filter(|c| !c.is_control() && *c != ' ')
        .map(|c| if c.is_ascii() { c.to_string() } else { encode(c.encode_utf8(&mut [0; 4])) })
        .collect()
}

#[cfg(test)]
mod tests;
