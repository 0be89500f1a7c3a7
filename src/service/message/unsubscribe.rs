//! Unsubscribing from a kind of message: with the link in an email, or by a partner's choice.

use crate::codec::message::unsubscribe::address_sha256;
use crate::engine::message::{Audience, MessageType};
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::store::message::unsubscribe::{Unsubscribed, unsubscribe_delete, unsubscribe_insert};

/// The content of a link's query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnsubscribeLink {
    pub kind: String,
    pub address_sha256: String,
    pub mac: String,
}

/// The kind that a link unsubscribes from; `None` if the link is not one of ours.
pub fn kind<P: Ports>(ctx: &Context<'_, P>, link: &UnsubscribeLink) -> Option<MessageType> {
    let kind = MessageType::parse(&link.kind).filter(|k| k.is_optional())?;
    ctx.setup.unsubscribe.verify(&link.address_sha256, kind.name(), &link.mac).then_some(kind)
}

/// Unsubscribes. Doing it again changes nothing.
pub async fn stop<P: Ports>(ctx: &Context<'_, P>, link: &UnsubscribeLink, kind: MessageType) -> Result<(), AppError> {
    let row = Unsubscribed { address_sha256: link.address_sha256.clone(), kind: kind.name().to_owned() };
    ctx.query(unsubscribe_insert(&row, ctx.now)).await?;
    Ok(())
}

/// The kinds that a partner may unsubscribe from.
pub fn choices() -> impl Iterator<Item = MessageType> {
    MessageType::emailed().filter(|(kind, to)| kind.is_optional() && *to == Audience::Partner).map(|(kind, _)| kind)
}

/// Of the optional kinds, those in `wanted` are sent to the address, and the others are not.
pub async fn choose<P: Ports>(ctx: &Context<'_, P>, address: &str, wanted: &[&str]) -> Result<(), AppError> {
    let address_sha256 = address_sha256(address);
    let statements = choices().map(|kind| {
        let row = Unsubscribed { address_sha256: address_sha256.clone(), kind: kind.name().to_owned() };
        if wanted.contains(&kind.name()) { unsubscribe_delete(&row) } else { unsubscribe_insert(&row, ctx.now) }
    });
    ctx.batch(statements.collect()).await?;
    Ok(())
}
