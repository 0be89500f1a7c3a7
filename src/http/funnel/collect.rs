//! What pages report about their visitors: a beacon and a pixel. Neither reveals whether the report was accepted, and
//! neither makes a page wait for a reason.

use crate::codec::attribution::cookie;
use crate::codec::funnel::beacon;
use crate::codec::funnel::beacon::Beacon;
use crate::engine::link::visit;
use crate::http::attribution::page_touch;
use crate::http::attribution::signals::{PURPOSES, fingerprint_parts};
use crate::http::call::{Call, PublicCall};
use crate::http::context::RateLimited;
use crate::http::context::{Platform, RequestContext};
use crate::http::exchange::{Request, Response};
use crate::http::limit;
use crate::http::link::redirect::consents;
use crate::service::error::AppError;
use crate::service::funnel;
use crate::service::funnel::RecordedStage;

/// A transparent 1×1 image: GIF89a with two colors, the first one transparent. 43 bytes.
const GIF: [u8; 43] = [
    b'G', b'I', b'F', b'8', b'9', b'a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21, 0xf9, 4, 1, 0, 0, 0,
    0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
];

/// `POST /v1/collect`: 204 for everything that can be parsed, whether or not it leads to a partner.
pub async fn beacon<S: Platform>(call: PublicCall<'_, S, Beacon>) -> Result<Response, AppError> {
    let mut response = Response::nothing();
    Box::pin(store(call.app, call.request, call.body, &mut response)).await;
    Ok(response)
}

/// `GET /v1/stage.gif?event=&partner=&campaign=`: the image, whatever was requested.
pub async fn pixel<S: Platform>(call: PublicCall<'_, S>) -> Result<Response, AppError> {
    let Call { app, request, .. } = call;
    let param = |name: &str| request.param(name);
    let beacon = beacon::pixel(param("event"), param("partner"), param("campaign"), request.header("referer"));
    let headers = vec![
        ("content-type", "image/gif".to_owned()),
        ("cache-control", "no-store".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    let mut response = Response { status: 200, headers, body: GIF.to_vec(), fault: None };
    if request.method != "HEAD" {
        Box::pin(store(app, request, beacon, &mut response)).await;
    }
    Ok(response)
}

/// Stores what was reported, for visitors who allow storage, and adds the cookie to the response if it is a touch.
/// Errors are only logged, since a page could do nothing about them.
async fn store<S: Platform>(app: &RequestContext<'_, S>, request: &Request, beacon: Beacon, response: &mut Response) {
    let user_agent = request.header("user-agent");
    if !beacon.is_sound()
        || !visit::is_seen(user_agent, &PURPOSES.map(|name| request.header(name)))
        || !consents(request.header("cookie"), &app.config.consent_cookie)
    {
        return;
    }
    if let Err(error) = limit::check(app, request, RateLimited::Beacon).await {
        response.fault = Some(error.to_string());
        return;
    }
    let keys = app.config.cookie_keys.as_ref();
    let mut signed = keys.and_then(|keys| cookie::read(keys, request.header("cookie")?));
    if let (Some(keys), Some(code)) = (keys, &beacon.partner) {
        match Box::pin(page_touch::touch(app, request, keys, signed.as_ref(), code)).await {
            Ok(Some(set_cookie)) => {
                signed = set_cookie.split(';').next().and_then(|pair| cookie::read(keys, pair));
                response.headers.push(("set-cookie", set_cookie));
            }
            Ok(None) => {}
            Err(error) => response.fault = Some(error.to_string()),
        }
    }
    let touchpoints = signed.map(|signed| signed.touchpoints);
    let recorded = RecordedStage {
        event: beacon.event,
        campaign: beacon.campaign,
        code: beacon.partner,
        path: beacon.path,
        network: limit::requested_by(app, request),
        fingerprint: fingerprint_parts(request)
            .filter(|_| touchpoints.is_none())
            .map(|(ip, user_agent)| (ip.to_owned(), user_agent.to_owned())),
        touchpoints,
    };
    if let Err(error) = funnel::collect(&app.context(""), recorded).await {
        response.fault = Some(error.to_string());
    }
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
