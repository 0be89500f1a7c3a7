//! Adjustments: the list, the page of one, and the form that makes one.

// The list.
pub const TITLE: &str = "Adjustments";
pub const LEAD: &str = "What operators added to partners' balances or took from them.";
pub const BY_STATE: &str = "Adjustments by state";
pub const REQUESTED: &str = "Need approval";
pub const BOOKED: &str = "Booked";
pub const EXPIRED: &str = "Expired";
pub const UNKNOWN_STATE: &str = "Unknown adjustment state.";
pub const NONE: &str = "No adjustments";
pub const NONE_HINT: &str = "Adjust a balance from a partner's page, or an earning from its row.";
pub const NOTE: &str = "Note to the partner";
pub const ASKED_BY: &str = "Requested by";
pub const VIEW: &str = "View";
pub const OF_PARTNER: &str = "View adjustments";

// One adjustment.
pub const ADJUSTMENT: &str = "Adjustment";
pub const ALL: &str = "All adjustments";
pub const CHANGES: &str = "Changes";
pub const OWN_EARNING: &str = "an earning of its own";
pub const BACK: &str = "takes back ";
pub const INVOICE: &str = "Invoice";
pub const NEEDS_APPROVAL_BY: &str = "Needs approval by";
pub const DECIDED: &str = "Decided";
pub const BY: &str = " by ";
pub const TAKE_BACK: &str = "Take back";

// The decision.
pub const DECIDE: &str = "Decide";
pub const DECISION_HINT: &str = "Approve to book it now. Reject to book nothing. You can't undo a rejection.";
pub const OWN_REQUEST: &str =
    "You requested this adjustment, so another operator has to approve it. You can withdraw it.";
pub const WITHDRAW: &str = "Withdraw";

// The form.
pub const ADJUST: &str = "Adjust balance";
pub const ADJUST_EARNING: &str = "Adjust";
pub const FORM_LEAD: &str =
    "Add to this partner's balance or take from it. You'll see the new balance before anything is booked.";
pub const DIRECTION: &str = "Direction";
pub const ADD: &str = "Add";
pub const TAKE: &str = "Take";
pub const AMOUNT_HINT: &str = "A positive amount such as 25 or 1,250.50.";
pub const BALANCE_HINT: &str =
    "Pending becomes available with the next run, or with the first run after the date below.";
pub const VESTS_ON: &str = "Pending until";
pub const VESTS_ON_HINT: &str = "A date such as 2026-07-01, in UTC.";
pub const ACCOUNT_HINT: &str = "The account that it is about.";
pub const INVOICE_HINT: &str = "Refunds and lost disputes of this invoice take their share.";
pub const NOTE_HINT: &str = "The partner reads this next to the amount.";
pub const REASON_HINT: &str = "For operators only. Recorded in the audit log with your name.";

// The confirmation.
pub const CONFIRM: &str = "Check the adjustment";
pub const CONFIRM_LEAD: &str = "Nothing is booked yet.";
pub const BEFORE: &str = "Now";
pub const AFTER: &str = "After";
pub const BELOW_ZERO: &str = "The balance goes below zero. Later earnings are netted against it.";
pub const WAITS: &str =
    "This is above your program's limit, so another operator has to approve it before it is booked.";
pub const BOOK: &str = "Book it";
pub const REQUEST: &str = "Request approval";
pub const EDIT: &str = "Edit";
