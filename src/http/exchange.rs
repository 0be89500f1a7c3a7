//! Requests and responses as plain values, so that everything above the runtime is tested without it.

use crate::service::error::{AppError, ErrorKind};
use serde_json::{Value, json};

/// Marks a request that was passed on to the site. One that arrives with it has come back, and our answers to it have it
/// too.
pub const PASSED: &str = "manicule-passed";

/// A request as the router sees it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    /// As sent, percent-encoded.
    pub path: String,
    pub query: String,
    /// `https://host` of the requested URL.
    pub origin: String,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// At most `route::body_bytes_max` and one byte: more is never read.
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// What went wrong, for the log. It is logged once, when the response is sent.
    pub fault: Option<String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a query parameter, decoded.
    pub fn param(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key).as_deref() == Some(name)).then(|| decode(value)).flatten()
        })
    }
}

impl Response {
    pub fn json(status: u16, body: &Value) -> Response {
        Response {
            status,
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("cache-control", "no-store".to_owned()),
                ("x-content-type-options", "nosniff".to_owned()),
            ],
            body: body.to_string().into_bytes(),
            fault: None,
        }
    }

    /// A text for this caller only.
    pub fn text(kind: &'static str, text: String) -> Response {
        let mut response = Response::json(200, &Value::Null);
        response.headers[0].1 = kind.to_owned();
        response.body = text.into_bytes();
        response
    }

    /// An empty response.
    pub fn nothing() -> Response {
        let headers = vec![("cache-control", "no-store".to_owned())];
        Response { status: 204, headers, body: Vec::new(), fault: None }
    }

    /// Problem details (RFC 9457) with a stable `code`.
    pub fn problem(error: &AppError) -> Response {
        let mut response = Response::json(status_of(error.kind), &problem_body(error));
        response.headers[0].1 = "application/problem+json".to_owned();
        response.headers.extend(retry_after(error.kind));
        if error.kind == ErrorKind::Unauthorized {
            response.headers.push(("www-authenticate", "Bearer".to_owned()));
        }
        response.fault = Some(error.logged());
        response
    }
}

/// The body of problem details.
pub fn problem_body(error: &AppError) -> Value {
    let mut body = json!({
        "type": format!("urn:manicule:problem:{}", error.code), "title": title_of(error.kind),
        "status": status_of(error.kind), "code": error.code, "detail": error.detail,
    });
    if let Some(field) = &error.field {
        body["field"] = json!(field);
    }
    // Messages of the database or a library are for the log; the caller only learns whose fault it is.
    if error.kind == ErrorKind::Fault {
        body["detail"] = json!("something went wrong on our side; we logged it");
    }
    body
}

/// The header that says when to try again, in seconds.
pub fn retry_after(kind: ErrorKind) -> Option<(&'static str, String)> {
    let seconds = match kind {
        ErrorKind::TooMany => 60,
        ErrorKind::Transient => 5,
        _ => return None,
    };
    Some(("retry-after", seconds.to_string()))
}

/// The only table from errors to statuses.
pub fn status_of(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::BadRequest => 400,
        ErrorKind::Unauthorized => 401,
        ErrorKind::Forbidden => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::MethodNotAllowed => 405,
        ErrorKind::Conflict => 409,
        ErrorKind::TooLarge => 413,
        ErrorKind::Unprocessable => 422,
        ErrorKind::TooMany => 429,
        ErrorKind::Fault => 500,
        ErrorKind::Transient => 503,
    }
}

fn title_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadRequest => "The request can't be read",
        ErrorKind::Unauthorized => "Credentials are missing or invalid",
        ErrorKind::Forbidden => "Not allowed",
        ErrorKind::NotFound => "Not found",
        ErrorKind::MethodNotAllowed => "Method not allowed",
        ErrorKind::Conflict => "Conflict with the current state",
        ErrorKind::TooLarge => "The body is too large",
        ErrorKind::Unprocessable => "A field has an invalid value",
        ErrorKind::Fault => "Internal error",
        ErrorKind::TooMany => "Too many requests",
        ErrorKind::Transient => "Try again",
    }
}

/// The parts of an absolute URL as the runtime writes it, parsed and normalized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// `https://host:port`.
    pub origin: &'a str,
    pub path: &'a str,
    pub query: &'a str,
}

impl<'a> Address<'a> {
    pub fn of(url: &'a str) -> Address<'a> {
        let host = url.find("://").map_or(0, |at| at + 3);
        let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
        let (origin, rest) = url.split_at(end);
        let rest = rest.split('#').next().unwrap_or("");
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Address { origin, path: if path.is_empty() { "/" } else { path }, query }
    }
}

/// The same path and query at the origin of `site`. `None` if that is not an http(s) URL.
pub fn moved(url: &str, site: &str) -> Option<String> {
    let (from, to) = (Address::of(url), Address::of(site));
    let host = to.origin.strip_prefix("https://").or_else(|| to.origin.strip_prefix("http://"))?;
    if host.is_empty() || host.contains('@') {
        return None;
    }
    Some(format!("{}{}", to.origin, &url[from.origin.len()..]))
}

/// Percent-decodes a name or value of a query, where `+` is a space. `None` if it is not UTF-8 or an escape is broken.
pub fn decode(text: &str) -> Option<String> {
    unescape(text, b' ')
}

/// Percent-decodes a segment of a path, where `+` stays `+`.
pub fn decode_segment(text: &str) -> Option<String> {
    unescape(text, b'+')
}

fn unescape(text: &str, plus: u8) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let digits = text.get(at + 1..at + 3).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                out.push(u8::from_str_radix(digits, 16).ok()?);
                at += 2;
            }
            b'+' => out.push(plus),
            byte => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_decoded_or_refused() {
        for (text, want) in
            [("a%2Fb+c", Some("a/b c")), ("%", None), ("%4", None), ("%zz", None), ("%ff", None), ("%C3%A9", Some("é"))]
        {
            assert_eq!(decode(text).as_deref(), want, "{text}");
        }
        assert_eq!(decode_segment("a+b%2Bc").as_deref(), Some("a+b+c"));
    }

    #[test]
    fn addresses_come_apart() {
        let address = |origin, path, query| Address { origin, path, query };
        for (url, want) in [
            ("https://a.example/b/c?d=1#e", address("https://a.example", "/b/c", "d=1")),
            ("http://127.0.0.1:8799", address("http://127.0.0.1:8799", "/", "")),
            ("https://a.example?x=//y", address("https://a.example", "/", "x=//y")),
        ] {
            assert_eq!(Address::of(url), want, "{url}");
        }
        let url = "https://a.example/b?c=1";
        assert_eq!(moved(url, "http://127.0.0.1:9000/ignored").as_deref(), Some("http://127.0.0.1:9000/b?c=1"));
        for site in ["", "a.example", "ftp://a", "https://", "https://u@a.example"] {
            assert_eq!(moved(url, site), None, "{site}");
        }
    }

    proptest! {
        #[test]
        fn decoding_never_panics(text in "\\PC*") {
            let _ = decode(&text);
        }
    }
}
