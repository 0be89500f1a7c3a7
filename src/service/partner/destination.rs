//! Whether a link's destination is a page. A ref link would count two partners for one visit, and could lead in a circle.

use crate::codec::web_address::WebAddress;
use crate::engine::link::pasted::codes_of;
use crate::service::context::{Context, Ports};
use crate::service::error::{AppError, ErrorKind};
use crate::store::link::links_resolve;

/// Refuses a destination that is a ref link: a short link of this host, or an address with a code of ours.
pub async fn check<P: Ports>(ctx: &Context<'_, P>, destination: Option<&str>, base_url: &str) -> Result<(), AppError> {
    let Some(destination) = destination else { return Ok(()) };
    let (codes, is_short) = codes_of(destination);
    let is_short =
        is_short && (destination.starts_with('/') || WebAddress::host_of(destination) == WebAddress::host_of(base_url));
    let known = if is_short || codes.is_empty() {
        Vec::new()
    } else {
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        ctx.read(links_resolve(&codes, ctx.now)).await?
    };
    if !is_short && known.is_empty() {
        return Ok(());
    }
    let detail = "destination must be a page, not a ref link: give the page that the other link leads to";
    Err(AppError::new(ErrorKind::Unprocessable, "malformed", detail).field("destination"))
}
