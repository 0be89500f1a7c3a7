//! What a page reports about its visitor: a beacon's body, as `navigator.sendBeacon` sends it (JSON, regardless of its
//! content type), and a pixel's parameters.
//!
//! Anyone can send one. So there are few fields with tight limits, and text that appears in reports may only contain
//! the characters of codes and campaigns.

use crate::base::ids::LinkCode;
use crate::codec::fields::{CODE, Fields, Form, KIND};
use crate::codec::json;
use crate::codec::json::Invalid;
use crate::engine::link::campaign::campaign_of;
use crate::engine::link::is_code;
use crate::engine::link::pasted::code_of;
use crate::program::event::EventType;
use std::borrow::Cow;

/// Longest path that is kept, in bytes.
const PATH_BYTES_MAX: usize = 512;

/// A path from a page: a long one is truncated, never rejected.
const PATH: Form = Form::destination();

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beacon {
    /// The event's type.
    pub event: String,
    pub campaign: Option<String>,
    /// The partner's code. A beacon with any other value is ignored.
    pub partner: Option<LinkCode>,
    pub path: Option<String>,
}

/// Reads a beacon's body. Errors name the field.
pub fn parse(body: &[u8]) -> Result<Beacon, Invalid> {
    let value = json::read(body)?;
    let fields = Fields::of_body(&value)?;
    Ok(Beacon {
        event: fields.required_text("event", &KIND)?,
        campaign: fields.campaign("campaign", &CODE)?,
        partner: fields.given_code("partner")?,
        path: fields.text("path", &PATH)?.and_then(|p| path(&p)),
    })
}

/// A pixel's parameters. An image must never break, so unreadable values are dropped.
pub fn pixel(event: Option<String>, partner: Option<String>, campaign: Option<String>, page: Option<&str>) -> Beacon {
    let event = event.filter(|e| !e.is_empty()).unwrap_or_else(|| PIXEL_EVENT.to_owned());
    Beacon {
        event: if KIND.allows(&event) { event } else { String::new() },
        campaign: campaign.as_deref().and_then(campaign_of).map(Cow::into_owned),
        partner: partner.filter(|p| !p.is_empty()).map(|p| (&*code_of(&p)).into()),
        path: page.and_then(path),
    }
}

impl Beacon {
    /// Whether it is worth keeping: it has an event, and its partner, if it names one, is a code.
    pub fn is_sound(&self) -> bool {
        !self.event.is_empty() && self.partner.as_deref().is_none_or(is_code)
    }
}

/// The event of a pixel that names none.
const PIXEL_EVENT: &str = EventType::PageViewed.name();

/// The path of a URL or path, without its query and fragment, which may be personal.
fn path(text: &str) -> Option<String> {
    let path = match text.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => text,
    };
    let path = path.split(['?', '#']).next().filter(|p| p.starts_with('/') && !p.chars().any(char::is_control))?;
    let end = (0..=path.len().min(PATH_BYTES_MAX)).rev().find(|end| path.is_char_boundary(*end))?;
    Some(path[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn beacons_are_read() {
        let body = r#"{"event":"demo.requested","campaign":"migration-playbook","partner":"ABC12345","path":"/a?email=x#y","more":1}"#;
        let want = Beacon {
            event: "demo.requested".into(),
            campaign: Some("migration-playbook".into()),
            partner: Some("ABC12345".into()),
            path: Some("/a".into()),
        };
        assert_eq!(parse(body.as_bytes()), Ok(want));
        let least = parse(br#"{"event":"demo.requested","campaign":"| a |","partner":"","path":"x"}"#).unwrap();
        let campaign = Some("_ a _".to_owned());
        assert_eq!((least.campaign.clone(), least.partner.clone(), least.path.clone()), (campaign, None, None));
        assert!(least.is_sound());
        for (body, field, code) in [
            ("", "", "invalid_json"),
            ("event=demo.requested", "", "invalid_json"),
            ("[]", "", "wrong_type"),
            ("{}", "event", "missing"),
            (r#"{"event":7}"#, "event", "wrong_type"),
            (r#"{"event":"A B"}"#, "event", "malformed"),
            (r#"{"event":"a","partner":{}}"#, "partner", "wrong_type"),
        ] {
            let refused = parse(body.as_bytes()).unwrap_err();
            assert_eq!((refused.field.as_str(), refused.code), (field, code), "{body}");
        }
    }

    #[test]
    fn pixels_take_what_they_can() {
        let text = |t: &str| Some(t.to_owned());
        let bare = pixel(None, text("ABC12345"), text("<b>"), Some("https://a.example/p/q?x=1"));
        assert_eq!(
            (bare.event.as_str(), bare.campaign.as_deref(), bare.path.as_deref()),
            ("page.viewed", Some("_b_"), Some("/p/q"))
        );
        assert!(bare.is_sound());
        assert!(!pixel(text("A B"), None, None, None).is_sound());
        assert!(!pixel(None, text("\u{e9}!"), None, None).is_sound());
        assert_eq!(pixel(None, None, None, Some("https://a.example")).path.as_deref(), Some("/"));
        assert_eq!(path(&format!("/{}", "é".repeat(400))).unwrap().len(), 511);
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC*") {
            let _ = parse(&bytes);
            let _ = path(&text);
        }
    }
}
