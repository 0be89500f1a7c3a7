//! What a person has to review.

pub mod address;
pub mod currency;
pub mod relation;
pub mod risk;
pub mod salt;
pub mod suspension;

use crate::base::names::names;

names! {
    /// What was decided about a review.
    pub enum ReviewState {
        Open = "open",
        Released = "released",
        Rejected = "rejected",
    }
}
