//! The touch that a page of the site tells: a pixel or a beacon that names a code does for its visitor what the redirect
//! does, where the page was reached past it (an email's link to a page outside the Worker's routes).
//!
//! Only for pages of this origin, as the browser itself says. From anywhere else it would be a way to stuff cookies.

use super::collect::{PURPOSES, fingerprint_parts};
use super::message::Request;
use super::redirect::{self, Parts};
use super::reflink;
use super::shell::{Shell, Site};
use crate::base::id::{ID_BYTES, hex};
use crate::base::time::Month;
use crate::engine::click::{SALT_BYTES, Salt};
use crate::engine::visit::Signals;
use crate::flow::click;
use crate::store::click::{click_insert, salt_decode, salt_of};
use crate::store::link::{link_decode, link_resolve};
use crate::store::port::DbError;
use crate::wire::cookie::{CookieKeys, Signed};
use std::rc::Rc;

/// Makes the visitor's cookie with a touch of `code`, as a Set-Cookie header, and counts the click. `None`: the page is
/// not ours, the code is not live, or `held` has it for this hour already.
pub async fn touch<S: Site>(
    shell: &Shell<'_, S>,
    request: &Request,
    keys: &CookieKeys,
    held: Option<&Signed>,
    (code, campaign): (&str, Option<&str>),
) -> Result<Option<String>, DbError> {
    let latest = held.and_then(|signed| signed.trail.touches.iter().max_by_key(|t| t.at));
    let known = latest.is_some_and(|t| {
        t.code == code && held.is_some_and(|signed| signed.trail.touch_in_hour(code, shell.now).is_some())
    });
    if known || request.header("sec-fetch-site") != Some("same-origin") {
        return Ok(None);
    }
    let context = shell.context("");
    let rows = context.query(link_resolve(code, shell.now)).await?;
    let Some(link) = link_decode(&rows)?.filter(|link| link.live(shell.now)) else { return Ok(None) };
    // Codes and campaigns are of characters that an address does not escape.
    let address = format!("/?partner={code}&campaign={}", campaign.unwrap_or_default());
    let Some(found) = reflink::find(&address) else { return Ok(None) };
    let source = fingerprint_parts(request);
    let parts = Parts {
        signals: Signals {
            method: "GET",
            user_agent: request.header("user-agent"),
            purposes: PURPOSES.map(|name| request.header(name)),
            fetch_mode: None,
            fetch_dest: None,
        },
        cookie: request.header("cookie"),
        private: source.is_none(),
        ip: source.map_or("", |(ip, _)| ip),
        country: request.header("cf-ipcountry"),
        referrer: None,
    };
    let mut random = || {
        let mut bytes = [0; ID_BYTES];
        shell.site.random(&mut bytes);
        bytes
    };
    let (set_cookie, counted) = redirect::touch(&found, &Rc::new(link), &parts, keys, shell.now, &mut random);
    if let Some(counted) = counted {
        let batch = [counted];
        let salt = if click::needs_salt(&batch) {
            let mut fresh = [0; SALT_BYTES];
            shell.site.random(&mut fresh);
            let rows = context.batch(salt_of(Month::of(shell.now), &hex(&fresh))).await?;
            Salt::new(salt_decode(&rows)?.as_bytes())
        } else {
            Salt::new(&[])
        };
        context.query(click_insert(&batch, &salt)).await?;
    }
    Ok(Some(set_cookie))
}
