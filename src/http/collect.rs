//! What pages tell of their visitors: a beacon and a pixel. Neither says whether it was believed, and neither keeps a
//! page waiting for a reason.

use super::message::{Request, Response};
use super::shell::{Shell, Site};
use crate::engine::visit;
use crate::flow::error::AppError;
use crate::flow::funnel::{self, Told};
use crate::wire::beacon::{self, Beacon};
use crate::wire::cookie;

/// A transparent picture of one by one: GIF89a, two colours of which the first is see-through. 43 bytes.
const GIF: [u8; 43] = [
    b'G', b'I', b'F', b'8', b'9', b'a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21, 0xf9, 4, 1, 0, 0, 0,
    0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
];

/// Headers by which browsers say that nobody looks at the page yet.
const PURPOSES: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// Longest User-Agent that goes into a fingerprint, in bytes: as for clicks.
const USER_AGENT_MAX: usize = 256;

/// `POST /v1/collect`: 204 for all that can be read, whether or not it leads to a partner.
pub async fn beacon<S: Site>(shell: &Shell<'_, S>, request: &Request) -> Result<Response, AppError> {
    let beacon = beacon::parse(&request.body)?;
    let fault = store(shell, request, beacon).await;
    Ok(Response { fault, ..Response::nothing() })
}

/// `GET /px.gif?event=&partner=&campaign=`: the picture, whatever was asked.
pub async fn pixel<S: Site>(shell: &Shell<'_, S>, request: &Request) -> Response {
    let param = |name: &str| request.param(name);
    let beacon = beacon::pixel(param("event"), param("partner"), param("campaign"), request.header("referer"));
    let fault = if request.method == "HEAD" { None } else { store(shell, request, beacon).await };
    let headers = vec![
        ("content-type", "image/gif".to_owned()),
        ("cache-control", "no-store".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    Response { status: 200, headers, body: GIF.to_vec(), fault }
}

/// Stores what was told; an error is for the log, since a page could do nothing about it.
async fn store<S: Site>(shell: &Shell<'_, S>, request: &Request, beacon: Beacon) -> Option<String> {
    let user_agent = request.header("user-agent");
    if !beacon.is_sound() || !visit::is_seen(user_agent, &PURPOSES.map(|name| request.header(name))) {
        return None;
    }
    let keys = shell.config.cookie_keys.as_ref();
    let trail = keys.and_then(|keys| cookie::read(keys, request.header("cookie")?)).map(|signed| signed.trail);
    let told = Told {
        event: beacon.event,
        campaign: beacon.campaign,
        code: beacon.partner,
        path: beacon.path,
        fingerprint: fingerprint(request).filter(|_| trail.is_none()),
        trail,
    };
    funnel::collect(&shell.context(""), told).await.err().map(|error| error.to_string())
}

/// Address and User-Agent, unless the visitor asks not to be followed.
fn fingerprint(request: &Request) -> Option<(String, String)> {
    if request.header("sec-gpc").is_some_and(|value| value.trim() == "1") {
        return None;
    }
    let ip = request.header("cf-connecting-ip").filter(|ip| !ip.is_empty())?;
    let user_agent = request.header("user-agent").unwrap_or_default();
    let end = (0..=user_agent.len().min(USER_AGENT_MAX)).rev().find(|end| user_agent.is_char_boundary(*end))?;
    Some((ip.to_owned(), user_agent[..end].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_one() {
        assert_eq!((&GIF[..6], GIF.len(), GIF[42]), (&b"GIF89a"[..], 43, 0x3b));
        assert_eq!((GIF[6], GIF[8], GIF[24 - 2] & 1), (1, 1, 1), "one by one, with a see-through colour");
    }
}
