//! Deliberate faults that the tests must notice.
//!
//! Only a build with the feature `sabotage` can switch one on; in any other build, `is` is a constant `false`.

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
    /// The first year starts at each invoice's paid period instead of the first payment ever.
    YearFromStay,
    /// A run vests an accrual that is not due yet.
    VestEarly,
    /// A milestone reward ignores whether it was granted before.
    GrantAgain,
    /// An open dispute freezes nothing.
    DisputeFreezesNothing,
    /// Of two sign-ups of one account, the later one decides.
    LaterSignUpDecides,
    /// Of two contents under one invoice id, the later one wins.
    LaterClaimStands,
    /// The first year is 365 days instead of twelve calendar months.
    YearOf365Days,
    /// A held reward is granted as if no review were needed.
    HoldIgnored,
    /// A lost dispute claws nothing back.
    LostDisputeKeeps,
    /// A code on a later event binds from the sign-up on.
    BindsFromSignUp,
    /// A monthly cap leaves one cent more than it should.
    CapOffByOne,
    /// A cap per account leaves one cent more than it should.
    AccountCapOffByOne,
    /// A refund or lost dispute frees room under a monthly cap.
    CapGivesRoomBack,
    /// The volume bonus counts referrals by year instead of quarter.
    BonusByYear,
    /// The volume bonus starts with the sixth referral.
    BonusFromSixth,
    /// Held referrals count toward the volume bonus.
    HeldReferralsCount,
    /// Platinum is paid on top of the volume bonus.
    PlatinumStacked,
    /// Platinum also applies to invoices paid before it was reached.
    PlatinumFromStart,
    /// The signup velocity rule holds from the twelfth sign-up of a month on.
    CrowdFromTwelfth,
    /// A flat reward survives the cancellation of its account.
    FlatSurvives,
    /// A refund is subtracted twice.
    ReversedTwice,
    /// A refund's share is rounded up.
    ReversalRoundedUp,
    /// An accrual that waits for a state vests without it.
    HoldNotAwaited,
    /// An account that churns keeps its earnings.
    ChurnKeeps,
    /// An invoice of exactly the floor counts as above it.
    FloorIncluded,
    /// Months since the first match are counted from the first payment.
    SpanFromFirstPayment,
    /// A workspace binding has its link's source instead of counting as an agency's.
    WorkspaceBySource,
    /// Of several accounts of a domain, the one bound last decides.
    LatestNeighbour,
    /// A fingerprint that belongs to several partners binds anyway.
    FingerprintGuesses,
    /// Listings count no matter how far apart they were viewed.
    ViewsAnyTime,
    /// A tier is paid for each event that reaches it.
    TierTwice,
    /// Rewards of one decision are each compared to the whole budget.
    PoolSeenWhole,
    /// A reward that the budget can cover overtakes one that is waiting.
    PoolOvertaken,
    /// Funding a budget releases the rewards it can cover past one it can't.
    ReleaseOvertakes,
    /// The funnel counts events instead of visitors.
    VisitsNotVisitors,
    /// A vested amount is payable without its delay.
    PayableAtOnce,
    /// Each try of a payout has its own key.
    FreshKey,
    /// A payout is reserved after the call instead of before.
    ClaimAfterCall,
    /// A key is trusted regardless of its age.
    KeyTrustedForever,
    /// A new key is used without a lookup of the last one's outcome.
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
    Fault::CapOffByOne,
    Fault::AccountCapOffByOne,
    Fault::CapGivesRoomBack,
    Fault::BonusByYear,
    Fault::BonusFromSixth,
    Fault::HeldReferralsCount,
    Fault::PlatinumStacked,
    Fault::PlatinumFromStart,
    Fault::CrowdFromTwelfth,
    Fault::FlatSurvives,
    Fault::ReversedTwice,
    Fault::ReversalRoundedUp,
    Fault::HoldNotAwaited,
    Fault::ChurnKeeps,
    Fault::FloorIncluded,
    Fault::SpanFromFirstPayment,
    Fault::WorkspaceBySource,
    Fault::LatestNeighbour,
    Fault::FingerprintGuesses,
    Fault::ViewsAnyTime,
    Fault::TierTwice,
    Fault::PoolSeenWhole,
    Fault::PoolOvertaken,
    Fault::ReleaseOvertakes,
    Fault::VisitsNotVisitors,
    Fault::PayableAtOnce,
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

    /// Switches one fault on, or all off, for this thread.
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
