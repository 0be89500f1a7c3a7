//! A referral link as the redirect needs it: resolved once, then cached in KV and in the isolate.

pub mod click;
pub mod code;
pub mod visit;

use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::program::document::Model;
use serde::{Deserialize, Serialize};

/// Longest code, in characters: the longest format that a program may use is 64, and twice that leaves room.
pub const CODE_MAX: usize = 128;

/// Longest campaign name, in characters.
pub const CAMPAIGN_MAX: usize = 64;

/// A link with the relevant data of its partner and of the program's document in force. Serialized as stored in KV.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    pub code: LinkCode,
    /// Somebody chose the code: it is found whatever the case of its letters.
    #[serde(default)]
    pub chosen: bool,
    pub partner_id: PartnerId,
    pub program_id: ProgramId,
    /// An absolute URL, an absolute path on the site, or nothing: the site's default.
    pub destination: Option<String>,
    pub campaign: Option<String>,
    /// UTM parameters that the link adds, by name, sorted.
    pub utm: std::collections::BTreeMap<String, String>,
    /// The attribution window of the program, in days.
    pub window_days: i64,
    /// Which touch inside the window decides.
    #[serde(default)]
    pub model: Model,
    /// The URL parameters that the program accepts: `ref`, `partner`, `campaign`.
    pub params: Vec<String>,
    pub expires_at_ms: Option<UtcMillis>,
    pub disabled_at_ms: Option<UtcMillis>,
    /// When the partner left the program.
    pub left_at_ms: Option<UtcMillis>,
    /// The program requires an accepted disclosure, and this partner has not accepted it.
    pub undisclosed: bool,
    /// The program also attributes by fingerprint: its clicks are looked up by visitor.
    #[serde(default)]
    pub fingerprinted: bool,
}

impl LinkRecord {
    /// Whether this is the link that a given code means.
    pub fn is_meant_by(&self, given: &str) -> bool {
        if self.chosen { self.code.eq_ignore_ascii_case(given) } else { self.code.as_str() == given }
    }

    /// Whether a click at `now` counts. A link that is not live behaves like an unknown one.
    pub fn live(&self, now: UtcMillis) -> bool {
        let over = |end: Option<UtcMillis>| end.is_some_and(|end| end <= now);
        !over(self.expires_at_ms) && !over(self.disabled_at_ms) && !over(self.left_at_ms) && !self.undisclosed
    }

    pub fn accepts(&self, param: &str) -> bool {
        self.params.iter().any(|accepted| accepted == param)
    }
}

/// Whether this could be a code: 1 to 128 of `[A-Za-z0-9_-]`.
pub fn is_code(text: &str) -> bool {
    (1..=CODE_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Whether this could be a campaign: 1 to 64 of `[A-Za-z0-9_.-]`.
pub fn is_campaign(text: &str) -> bool {
    (1..=CAMPAIGN_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}
