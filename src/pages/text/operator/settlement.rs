//! Runs: the list, the page of one, its plan, and the preview of one.

// The list.
pub const LEAD: &str = "A run closes a program's week or month: it grants rewards, releases earnings whose hold period is over, and plans \
                        payouts.";
pub const PAST: &str = "Past runs";
pub const NONE: &str = "No runs yet";
pub const NONE_HINT: &str = "Runs start automatically: weekly on Monday at 09:00 UTC, monthly on the 1st at 06:00 UTC.";
pub const NEWEST_FIRST: &str = "Runs, newest first";
pub const STARTED: &str = "Started";

pub fn done_of(done: &str, items: &str) -> String {
    format!("{done} of {items}")
}

/// What a run is called.
pub fn title(program: &str, period: &str) -> String {
    format!("{program}, {period}")
}

// Upcoming runs.
pub const UPCOMING: &str = "Upcoming";
pub const UPCOMING_RUNS: &str = "Upcoming runs";
pub const NEXT_RUN: &str = "Next run";
pub const PREVIEW: &str = "Preview";
pub const LAST_COMPLETED: &str = "Last completed period";
pub const PREVIEW_AND_START: &str = "Preview and start";
pub const NOT_DUE: &str = "not due yet";

// Starting one.
pub const START: &str = "Start a run";
pub const START_LEAD: &str = "Start a run for a completed period that has none, or resume one that was interrupted. Each period has one run, so \
                              starting it again never pays twice.";

// One run.
pub const VIEW_PLAN: &str = "View plan";
pub const ACTIVITY_BEFORE: &str = "activity before ";
pub const RESUMES: &str = "This run resumes automatically every ten minutes.";

/// What refuses the run's next step.
pub fn refused_by(name: &str) -> String {
    format!("The database rejects the next step ({name}).")
}

pub const RESUME: &str = "Resume now";
pub const NO_PAYOUTS: &str = "This run planned no payouts. No partner has both a payable balance and a Stripe account.";

pub fn of_planned(items: &str) -> String {
    format!("of {items} planned items")
}

pub fn program_version(number: i64) -> String {
    format!("program version {number}")
}

// The approval of its payouts.
pub const APPROVE_TITLE: &str = "Payouts need your approval";
pub const ONE_PER_PARTNER: &str = ", one per partner, for ";
pub const AND: &str = " and ";
pub const APPROVE_EFFECT: &str =
    " in total. After you approve, Stripe sends them within ten minutes. Payouts on hold are not sent.";
pub const LATER_RUNS: &str = " Later runs of this program won't need approval.";
pub const NOTE: &str = "Note";
pub const APPROVE: &str = "Approve";

/// Around what is left of the planned amount.
pub const LEFT_TO_SEND: [&str; 2] = [" After what changed since the plan, ", " is sent."];

/// Before the time of the approval.
pub fn approved_by(actor: &str) -> String {
    format!("Approved by {actor} ")
}

/// The same, where the approval of an earlier run is enough.
pub fn approved_earlier_by(actor: &str) -> String {
    format!("No approval needed: {actor} approved an earlier run of this program, ")
}

pub fn approve(payouts: &str) -> String {
    format!("{APPROVE} {payouts}")
}

// Its sums.
pub const SETTLED: &str = "Settled";
pub const SETTLED_BY_UNIT: &str = "Settled, by unit";
pub const GRANTED_AND_VESTED: &str = "Granted and vested";
pub const PAYABLE_AFTERWARD: &str = "Payable afterward";
pub const CARRIED_FORWARD: &str = "Carried forward";
pub const WHY: &str = "Why";

/// Why an amount is carried forward.
pub fn carried_because(why: &str) -> &'static str {
    match why {
        "not_onboarded" => "Payable, but the partner can't receive Stripe payouts yet",
        "country_not_offered" => "Payable, but Stripe can't pay the partner's country",
        "negative" => "Partners owe money",
        "below_minimum" => "Planned, but less than the minimum was left",
        _ => "Below the minimum or not yet payable",
    }
}

// Its plan.
pub const PLAN_LEAD: &str = "The plan is saved before any money moves. The posted amount can be lower than planned if a refund arrives in \
                             between.";
pub const BACK_TO_RUN: &str = "Back to run";
pub const EMPTY_PLAN: &str = "This run has nothing to do.";
pub const PLAN: &str = "The plan";
pub const NUMBER: &str = "No.";
pub const WHAT: &str = "What";
pub const GRANT: &str = "Grant";
pub const VEST: &str = "Vest";
pub const POSTED: &str = "Posted";
pub const NOT_POSTED: &str = "not yet";

pub fn plan_for(program: &str, period: &str) -> String {
    format!("Plan for {program}, {period}")
}

// Asking for a preview.
pub const PREVIEW_TITLE: &str = "Preview a run";
pub const PREVIEW_LEAD: &str = "See what a run would grant and release if it started now.";
pub const NOTHING_TO_PREVIEW: &str = "No program pays weekly or monthly";
pub const EDIT_A_PROGRAM: &str = "Edit a program";
pub const TO_PAY_BY_RUNS: &str = " to pay weekly or monthly.";
pub const PREVIEW_EFFECT: &str = "The preview recalculates every account in the program and saves nothing. It can take a while if there are \
                                  many accounts.";
pub const PREVIEW_BUTTON: &str = "Preview run";

// The preview.
pub const PREVIEWED_LEAD: &str = "What the run would do if it started now. Nothing has been saved.";
pub const INCLUDES_ACTIVITY: [&str; 2] = ["Includes activity before ", "."];
pub const MAY_CHANGE: &str = " These numbers may change before then.";
pub const GRANTED: &str = "Granted";
pub const GRANTED_LEAD: &str = "Rewards that this run would grant.";
pub const VESTED: &str = "Vested";
pub const VESTED_LEAD: &str = "Earnings whose hold period ends with this run.";
pub const RATES_AND_CAPS: &str = "Rate changes and caps";
pub const RATES_AND_CAPS_LEAD: &str = "Higher rates that partners have earned, and reductions from monthly caps.";
pub const RUN_EXISTS: &str = "This period already has a run. ";

/// Before the section's total.
pub fn total(section: &str) -> String {
    format!("{section}: ")
}
