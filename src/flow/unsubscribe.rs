//! A person stops a kind of message by the link in one of its mails.

use super::context::{Context, Ports};
use super::error::AppError;
use crate::store::unsubscribe::{Unsubscribed, unsubscribe_insert};
use crate::wire::mail::{self, Kind};

/// What a link's query says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    pub kind: String,
    pub address_sha256: String,
    pub mac: String,
}

/// The kind that a link stops; `None` where the link is not one of ours.
pub fn kind<P: Ports>(ctx: &Context<'_, P>, link: &Link) -> Option<&'static Kind> {
    let kind = mail::find(&link.kind).filter(|k| k.optional)?;
    ctx.setup.unsubscribe.verify(&link.address_sha256, kind.name, &link.mac).then_some(kind)
}

/// Stops it. Doing so again changes nothing.
pub async fn stop<P: Ports>(ctx: &Context<'_, P>, link: &Link, kind: &Kind) -> Result<(), AppError> {
    let row = Unsubscribed { address_sha256: link.address_sha256.clone(), kind: kind.name.to_owned() };
    ctx.query(unsubscribe_insert(&row, ctx.now)).await?;
    Ok(())
}
