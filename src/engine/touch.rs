//! A touch: one counted visit through a ref link, as the attribution cookie carries it.

use crate::base::time::UtcMillis;
use serde::{Deserialize, Serialize};

/// Touches one cookie holds at most; the oldest gives way. Eight outlast any window a visitor keeps clicking in.
pub const TOUCHES_MAX: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    pub program: String,
    pub code: String,
    /// Empty where the link names none.
    pub campaign: String,
    pub click_id: String,
    pub at: UtcMillis,
}

/// What a valid cookie (or the token made of it) says: the visitor's server-given id and the touches, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    pub visitor: String,
    pub touches: Vec<Touch>,
}
