//! Suspending, banning and reinstating a partner.

pub const STANDING: &str = "Standing";
pub const FROM: &str = "From";
pub const TO: &str = "To";
pub const LASTS: &str = "still in force";
pub const BY: &str = "By";
pub const CHANGE: &str = "Suspend or ban";
pub const REASON_HINT: &str = "For operators; the partner does not see it.";
pub const SUSPEND: &str = "Suspend";
pub const SUSPEND_EFFECT: &str =
    "Suspend: links stop working, what is earned from now on is held, and nothing is paid out until you reinstate.";
pub const BAN: &str = "Ban";
pub const BAN_EFFECT: &str = "Ban: everything that is pending, available or held becomes void, and nothing more is earned. What was paid stays \
                              paid, and referred accounts are not given to anyone else. Reinstating does not bring back what became void.";
pub const REINSTATE: &str = "Reinstate";
pub const REINSTATE_EFFECT: &str = "Reinstate: links work again, and what a suspension held is released.";
