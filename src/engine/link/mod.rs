//! A referral link as the redirect needs it: resolved once, then cached in KV and in the isolate.

pub mod bots;
pub mod campaign;
pub mod click;
pub mod code;
pub mod fingerprints;
pub mod pasted;
pub mod visit;

use crate::base::ids::{LinkCode, PartnerId, ProgramId};
use crate::base::time::UtcMillis;
use crate::program::document::Model;
use serde::{Deserialize, Serialize};

/// Longest code, in characters: the longest format that a program may use is 64, and twice that leaves room.
pub const CODE_MAX: usize = 128;

/// A link with the relevant data of its partner and of the program's document in force. Serialized as stored in KV.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    pub code: LinkCode,
    /// Somebody chose the code, instead of having it drawn.
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
    /// Whether this is the link that a given code means. No two links' codes differ by case alone.
    pub fn is_meant_by(&self, given: &str) -> bool {
        self.code.eq_ignore_ascii_case(given)
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
    (1..=CODE_MAX).contains(&text.len()) && text.bytes().all(is_code_byte)
}

fn is_code_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
