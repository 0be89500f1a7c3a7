//! The touches that a sign-up presented, over all events that report it. Each counts once: the same token often comes
//! with the host's event and with Stripe's.

use crate::engine::account::fact::Fact;
use crate::engine::account::order::SignUp;
use crate::engine::attribution::touch::Touch;

/// A touch, the event that presented it, and its visitor.
pub(super) struct Presented<'a> {
    pub by: &'a Fact,
    pub touch: &'a Touch,
    pub visitor: Option<&'a str>,
}

/// The touches of its tokens.
pub(super) fn touches<'a>(signup: &SignUp<'a>) -> Vec<Presented<'a>> {
    let histories = signup.events.iter().filter_map(|by| Some((*by, by.credential.touchpoints.as_ref()?)));
    once(histories.flat_map(|(by, history)| {
        let visitor = Some(history.visitor.as_str());
        history.touches.iter().map(move |touch| Presented { by, touch, visitor })
    }))
}

/// The clicks of its visitors' fingerprints.
pub(super) fn clicks<'a>(signup: &SignUp<'a>) -> Vec<Presented<'a>> {
    once(signup.events.iter().copied().flat_map(|by| {
        let visitor = by.credential.visitor.as_deref();
        by.credential.clicks.iter().map(move |touch| Presented { by, touch, visitor })
    }))
}

/// How much a touch says besides what makes it the same.
fn said(touch: &Touch) -> (bool, bool) {
    (!touch.click_id.is_empty(), !touch.campaign.is_empty())
}

fn once<'a>(all: impl Iterator<Item = Presented<'a>>) -> Vec<Presented<'a>> {
    let mut kept: Vec<Presented> = Vec::new();
    for presented in all {
        let touch = presented.touch;
        let is_same =
            |known: &Touch| known.program == touch.program && known.code == touch.code && known.at == touch.at;
        match kept.iter_mut().find(|known| is_same(known.touch)) {
            // A short reference leaves out what a token has.
            Some(known) if said(known.touch) < said(touch) => *known = presented,
            Some(_) => {}
            None => kept.push(presented),
        }
    }
    kept
}
