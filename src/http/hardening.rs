//! Headers that each of our own responses carries. Responses from the site keep the site's headers.

use crate::http::config::Config;
use crate::http::exchange::{PASSED, Request, Response};
use crate::http::link::redirect::{consents, withdrawn};

/// No page uses any of these.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=()";

/// Adds the headers. A header that a response has set itself is kept.
pub fn harden(config: &Config, request: &Request, response: &mut Response) {
    let is_html = header(response, "content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let is_pixel = header(response, "content-type") == Some("image/gif");
    let mut add = |name: &'static str, value: &str| {
        if header(response, name).is_none() {
            response.headers.push((name, value.to_owned()));
        }
    };
    add("x-content-type-options", "nosniff");
    add("permissions-policy", PERMISSIONS);
    if is_html {
        // A window that a script of the site opened cannot control ours.
        add("cross-origin-opener-policy", "same-origin");
    }
    if !is_pixel {
        add("cross-origin-resource-policy", "same-origin");
    }
    let cookies = request.header("cookie");
    if !consents(cookies, &config.consent_cookie) {
        let deletion = withdrawn(cookies, config.cookie_keys.as_ref());
        response.headers.extend(deletion.map(|header| ("set-cookie", header)));
    }
    let mut add = |name: &'static str, value: &str| {
        if header(response, name).is_none() {
            response.headers.push((name, value.to_owned()));
        }
    };
    if request.header(PASSED).is_some() {
        add(PASSED, "1");
    }
    if let Some(value) = config.hsts.as_deref().filter(|_| is_https(&request.origin)) {
        add("strict-transport-security", value);
    }
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// Whether a URL is https and not this machine, where the header would keep a browser off plain http for a year.
fn is_https(origin: &str) -> bool {
    let Some(host) = origin.strip_prefix("https://") else { return false };
    !["localhost", "127.", "[::1]"].iter().any(|loopback| host.starts_with(loopback))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::hsts::hsts;
    use serde_json::Value;

    fn hardened(origin: &str, mut response: Response) -> Response {
        let config = Config { hsts: hsts("").unwrap(), ..Config::default() };
        harden(&config, &Request { origin: origin.to_owned(), ..Request::default() }, &mut response);
        response
    }

    #[test]
    fn every_answer_is_hardened_once() {
        let page = hardened("https://a.example", Response::text("text/html; charset=utf-8", String::new()));
        assert_eq!(header(&page, "cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(header(&page, "strict-transport-security"), Some("max-age=31536000"));
        let json = hardened("https://a.example", Response::json(200, &Value::Null));
        assert_eq!(header(&json, "cross-origin-opener-policy"), None);
        assert_eq!(json.headers.iter().filter(|(name, _)| *name == "x-content-type-options").count(), 1);
        assert_eq!(
            header(&hardened("https://a.example", Response::nothing()), "x-content-type-options"),
            Some("nosniff")
        );
    }

    #[test]
    fn this_machine_keeps_plain_http() {
        for origin in [
            "http://a.example",
            "http://127.0.0.1:8787",
            "https://127.0.0.1:8787",
            "https://localhost:1",
            "https://[::1]:1",
        ] {
            assert_eq!(header(&hardened(origin, Response::nothing()), "strict-transport-security"), None, "{origin}");
        }
    }
}
