//! Deliberate faults, so that the tests can show that they would notice them.
//!
//! Only a build with the feature `sabotage` can switch one on; in any other build `is` is a constant `false`.

/// One way to break the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A refund is reversed once per delivery of its event instead of once per refund.
    RefundTwice,
    /// A share is rounded to the nearest cent instead of floored.
    RoundShare,
    /// The attribution window is compared by whole days.
    WindowByDay,
    /// A cancellation exactly at the end of the hold still voids.
    HoldIncludesEnd,
    /// The first year is reckoned from each invoice's stay instead of the first payment ever.
    YearFromStay,
    /// A run vests what is not due yet.
    VestEarly,
    /// A reward by state ignores whether it was granted before.
    GrantAgain,
    /// An open dispute freezes nothing.
    DisputeFreezesNothing,
    /// Of two sign-ups of one account the later one decides.
    LaterSignUpDecides,
    /// Of two contents under one invoice id the later one stands.
    LaterClaimStands,
    /// The first year is 365 days instead of twelve calendar months.
    YearOf365Days,
    /// A held reward is granted as if nobody had to look at it.
    HoldIgnored,
    /// A lost dispute takes nothing back.
    LostDisputeKeeps,
    /// A code on a later event binds from the sign-up on.
    BindsFromSignUp,
    /// Each try of a payout has a key of its own.
    FreshKey,
    /// A payout is claimed after the call instead of before.
    ClaimAfterCall,
    /// A key is trusted however old it is.
    KeyTrustedForever,
    /// A new key is used without having looked whether the last one did it.
    NewKeyUnchecked,
}

/// The faults that the simulation must notice.
pub const ALL: &[Fault] = &[
    Fault::RefundTwice,
    Fault::RoundShare,
    Fault::WindowByDay,
    Fault::HoldIncludesEnd,
    Fault::YearFromStay,
    Fault::VestEarly,
    Fault::GrantAgain,
    Fault::DisputeFreezesNothing,
    Fault::LaterSignUpDecides,
    Fault::LaterClaimStands,
    Fault::YearOf365Days,
    Fault::HoldIgnored,
    Fault::LostDisputeKeeps,
    Fault::BindsFromSignUp,
];

/// The faults that the payouts' crash points must notice.
pub const PAYOUT: &[Fault] =
    &[Fault::FreshKey, Fault::ClaimAfterCall, Fault::KeyTrustedForever, Fault::NewKeyUnchecked];

#[cfg(feature = "sabotage")]
mod switch {
    use super::Fault;
    use std::cell::Cell;

    thread_local! {
        static ACTIVE: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    /// Switches a fault on, or all off, for this thread.
    pub fn set(fault: Option<Fault>) {
        ACTIVE.set(fault);
    }

    pub fn is(fault: Fault) -> bool {
        ACTIVE.get() == Some(fault)
    }
}

#[cfg(feature = "sabotage")]
pub use switch::{is, set};

#[cfg(not(feature = "sabotage"))]
pub const fn is(_: Fault) -> bool {
    false
}
