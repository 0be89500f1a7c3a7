//! Why a touch or code did not bind an account: each reason with its name, and the sentence that reports keep.

use crate::base::names::names;

names! {
    /// Why a touch or code did not bind.
    pub enum LossReason {
        UnknownCode = "unknown_code",
        CodeGone = "code_gone",
        CodeNotAccepted = "code_not_accepted",
        SecondCode = "second_code",
        LaterTouch = "later_touch",
        EarlierTouch = "earlier_touch",
        LaterTouchInGroup = "later_touch_in_group",
        OtherMethod = "other_method",
        SecondInvitation = "second_invitation",
        SeveralPartners = "several_partners",
        AfterSignUp = "after_sign_up",
        OutsideWindow = "outside_window",
        DisclosureMissing = "disclosure_missing",
        CodeChosenLater = "code_chosen_later",
        LinkExpired = "link_expired",
        LinkDisabled = "link_disabled",
        PartnerLeft = "partner_left",
        PartnerSuspended = "partner_suspended",
        PartnerBanned = "partner_banned",
        // The account's report does not have it: the touch or code was never compared with others.
        NoSignUp = "no_sign_up",
        ProgramNotInForce = "program_not_in_force",
        AssignedByOperator = "assigned_by_operator",
        AlreadyBound = "already_bound",
        NotAtSignUp = "not_at_sign_up",
        OtherMethods = "other_methods",
    }
}

/// Stands between the methods in the sentence of [`LossReason::OtherMethod`].
const GOES_BEFORE: &str = " goes before ";

impl LossReason {
    /// The sentence. Of the two that hold a value, what they have in common.
    pub const fn sentence(self) -> &'static str {
        use LossReason::*;
        match self {
            UnknownCode => "no such code",
            CodeGone => "no such code any more",
            CodeNotAccepted => "the program takes no typed codes",
            SecondCode => "of two codes of one sign-up the first counts",
            LaterTouch => "a later touch wins",
            EarlierTouch => "an earlier touch wins",
            LaterTouchInGroup => "a later touch of the same group of programs wins",
            OtherMethod => GOES_BEFORE,
            SecondInvitation => "of two invitations of one domain the first counts",
            SeveralPartners => "the visitor's fingerprint stands for more than one partner",
            AfterSignUp => "touched after the sign-up",
            OutsideWindow => "older than the window of ",
            DisclosureMissing => "the partner has not accepted the disclosure",
            CodeChosenLater => "the partner chose the code later",
            LinkExpired => "the link had expired",
            LinkDisabled => "the link was disabled",
            PartnerLeft => "the partner had left the program",
            PartnerSuspended => "the partner was suspended",
            PartnerBanned => "the partner was banned",
            NoSignUp => "the account has not signed up",
            ProgramNotInForce => "the code's program was not in force at the sign-up",
            AssignedByOperator => "an operator decided whose account it is",
            AlreadyBound => "the account was bound already",
            NotAtSignUp => "only a sign-up binds by a touch",
            OtherMethods => "the program attributes by other methods",
        }
    }

    pub fn text(self) -> String {
        self.sentence().to_owned()
    }

    pub fn outside_window(days: i64) -> String {
        format!("{}{days} days", LossReason::OutsideWindow.sentence())
    }

    pub fn other_method(winner: &str, loser: &str) -> String {
        format!("{winner}{GOES_BEFORE}{loser}")
    }

    /// The reason that a report's sentence gives. `None`: it says why something won.
    pub fn of(sentence: &str) -> Option<LossReason> {
        LossReason::ALL.iter().copied().find(|reason| match reason {
            LossReason::OtherMethod => sentence.contains(reason.sentence()),
            LossReason::OutsideWindow => sentence.starts_with(reason.sentence()),
            _ => sentence == reason.sentence(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::UtcMillis;
    use crate::engine::review::suspension;
    use crate::engine::review::suspension::{PartnerStanding, Suspension};

    #[test]
    fn each_sentence_has_one_reason() {
        for reason in LossReason::ALL {
            assert_eq!(LossReason::of(reason.sentence()), Some(*reason));
        }
        assert_eq!(LossReason::of(&LossReason::outside_window(30)), Some(LossReason::OutsideWindow));
        assert_eq!(LossReason::of(&LossReason::other_method("code", "token")), Some(LossReason::OtherMethod));
        for standing in [PartnerStanding::Suspended, PartnerStanding::Banned] {
            let span = Suspension { standing, from_ms: UtcMillis(0), to_ms: None };
            let why = suspension::refusal(&[span], UtcMillis(1)).and_then(|text| LossReason::of(&text));
            assert_eq!(why.map(LossReason::name), Some(format!("partner_{standing}").as_str()));
        }
        assert_eq!(LossReason::of("the last touch inside its window"), None);
    }
}
