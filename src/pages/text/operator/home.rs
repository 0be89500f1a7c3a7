//! The home page: what needs attention. Titles and links of tasks, in the order in which they are listed.

pub const LEAD: &str = "Needs your attention.";
pub const NOTHING: &str = "Nothing needs your attention";
pub const NOTHING_HINT: [&str; 2] =
    ["Reviews, payouts, reward budgets, messages and scheduled jobs are all up to date. See the ", "."];
pub const UPCOMING_RUNS: &str = "upcoming runs";

// Figures.
pub const OPEN_REVIEWS: &str = "Open reviews";
pub const RUNS_IN_PROGRESS: &str = "Runs in progress";
pub const MESSAGES_WAITING: &str = "Messages waiting";

// The ledger.
pub fn unbalanced(unit: &str) -> String {
    format!("The ledger does not balance in {unit}")
}

// Reviews.
pub const REVIEWS: [&str; 2] = ["review needs your decision", "reviews need your decision"];
/// Said where an account has more than one review.
pub fn reviews_of(reviews: i64, accounts: i64, number: &str) -> String {
    match accounts {
        1 if reviews > 1 => "All are about one account. ".to_owned(),
        _ if accounts < reviews => format!("They are about {number} accounts. "),
        _ => String::new(),
    }
}
pub const REVIEWS_SINCE: [&str; 2] = ["The oldest has been open since ", ". Earnings are on hold until you decide."];

// Adjustments.
pub const ADJUSTMENTS_REQUESTED: [&str; 2] = ["adjustment needs approval", "adjustments need approval"];
pub const ADJUSTMENTS_SINCE: [&str; 2] =
    ["The oldest was requested ", ". Nothing is booked until an operator who didn't request it approves."];
pub const APPROVE_OR_REJECT: &str = "Approve or reject";

// Partners' questions.
pub const QUESTIONS: [&str; 2] = ["partner has a question", "partners' questions wait"];
pub const QUESTIONS_SINCE: [&str; 2] = ["The oldest was sent ", "."];
pub const REPLY_TO_QUESTIONS: &str = "Read and reply";

// Approvals.
pub const APPROVAL: &str = "A run needs your approval";
pub const APPROVAL_OF: [&str; 2] = [" of ", " in total. Nothing is sent until you approve the run."];
pub const APPROVAL_FIRST: &str = ". Nothing is sent until you approve the run.";

// Payouts, reversals and credits that stopped.
pub const PAYOUTS_IN_REVIEW: [&str; 2] = ["payout needs a decision", "payouts need a decision"];
pub const PAYOUTS_IN_REVIEW_WHY: &str = "Stripe's response did not match. Nothing else is sent until you resolve it.";
pub const PAYOUTS_HELD: [&str; 2] = ["payout is on hold", "payouts are on hold"];
pub const PAYOUTS_HELD_WHY: &str = "An operator put it on hold. Release or cancel it to continue.";
pub const RELEASE_OR_CANCEL: &str = "Release or cancel";
pub const TRANSFERS_UNEXPECTED: [&str; 2] = ["unexpected transfer", "unexpected transfers"];
pub const TRANSFERS_UNEXPECTED_WHY: &str = "Stripe reports transfers to partners that no payout asked for.";
pub const STRIPE_EVENTS_FAILED: [&str; 2] = ["Stripe event failed", "Stripe events failed"];
pub const STRIPE_EVENTS_FAILED_WHY: &str =
    "It could not be taken in, and is tried again. Mark it as handled if it never can be.";
pub const PAYOUTS_FAILED: [&str; 2] = ["payout failed recently", "payouts failed recently"];
pub const PAYOUTS_FAILED_WHY: &str = "The amount is available again and will be included in the next run. The partner may need to update their \
                                      Stripe account.";
pub const VIEW_DETAILS: &str = "View details";
pub const REVERSALS_IN_REVIEW: [&str; 2] = ["reversal needs a decision", "reversals need a decision"];
pub const REVERSALS_IN_REVIEW_WHY: &str = "Stripe's response did not match.";
pub const CREDITS_IN_REVIEW: [&str; 2] = ["credit needs a decision", "credits need a decision"];
pub const CREDITS_IN_REVIEW_WHY: &str = "Stripe did not add it to the customer's balance as expected.";

// Runs.
pub const RUN_STUCK: &str = "A run is taking longer than expected";

/// Before the time when the run started.
pub fn run_started(program: &str, period: &str) -> String {
    format!("{program}, {period}: started ")
}

/// After it.
pub fn run_progress(state: &str, done: &str, of: &str) -> String {
    format!(", {state}, {done} of {of} items done. It resumes automatically every ten minutes.")
}

// What the database refuses.
pub const RUN_REFUSED: &str = "A run can't continue";
pub const ACCOUNTS_REFUSED: [&str; 2] = ["account can't be updated", "accounts can't be updated"];
pub const ACCOUNTS_REFUSED_WHY: &str = "The database rejects what their events lead to. The events are saved. Nothing of these accounts vests until this is fixed.";
pub const SWEEP_REFUSED: &str = "A scheduled job can't finish its work";
pub const ACCOUNTS_LATE: &str = "Accounts have been waiting to be updated";
pub const ACCOUNTS_LATE_SINCE: [&str; 2] = [". The oldest has been waiting since ", "."];
pub const ACCOUNTS_WAIT: [&str; 2] = ["account", "accounts"];

/// The name of what refuses something.
pub fn refused_by(name: &str) -> String {
    format!(" Rejected by {name}.")
}

// Reward budgets.
pub const BUDGET_EMPTY: &str = "A reward budget is empty";
pub const BUDGET_LOW: &str = "A reward budget is low";
pub const BUDGET_LEFT: [&str; 3] = [" has ", " left. ", " waiting for funds."];
pub const REWARDS_WAITING: [&str; 2] = ["reward is", "rewards are"];
pub const ADD_FUNDS: &str = "Add funds";

// Messages.
pub const MESSAGES_FAILED: [&str; 2] = ["message was not delivered", "messages were not delivered"];
pub const MESSAGES_FAILED_WHY: &str = "Delivery was retried for three days.";
pub const VIEW_FAILED_MESSAGES: &str = "View failed messages";
pub const MESSAGES_UNDELIVERED: [&str; 2] = ["message reached nobody", "messages reached nobody"];
pub const MESSAGES_UNDELIVERED_WHY: &str = "They are about money or need a decision. No endpoint subscribes to them, or there is no email \
                                            address. Credits are handed over once an endpoint for rewards exists.";
pub const VIEW_UNDELIVERED_MESSAGES: &str = "View undelivered messages";
pub const MESSAGES_LATE: &str = "Messages have been waiting for more than a day";
pub const MESSAGES_LATE_SINCE: [&str; 2] = ["The oldest is from ", "."];
pub const VIEW_WAITING_MESSAGES: &str = "View waiting messages";

// Clicks.
pub const CLICKS_DROPPED_WHY: &str = "In the last seven days the database was unavailable for too long, so these visits are missing in reports. \
    Their visitors are attributed all the same.";

pub fn clicks_dropped(number: &str) -> String {
    format!("Clicks that were not counted: {number}")
}

// Scheduled jobs.
pub const JOB_RAN: [&str; 2] = ["It last ran ", "."];
pub const JOB_NEVER_RAN: &str = "It has never run.";
pub const CHECK_TRIGGERS: &str = "Check the Worker's cron triggers and its log.";
pub const TEN_MINUTE_JOB: &str = "ten-minute";

pub fn job_late(job: &str) -> String {
    format!("The {job} job is late")
}

// Configuration.
pub const NO_STRIPE: &str = "Stripe is not set up";
pub const NO_STRIPE_HINT: [&str; 2] = ["Earnings are recorded, but partners are not paid. Set ", "."];
pub const NO_EMAIL: &str = "Email is not set up";
pub const NO_EMAIL_HINT: [&str; 3] =
    ["Messages are not sent, and nobody can sign in by email. Set ", ", ", " and an email provider."];
pub const NO_OPERATOR_EMAIL: &str = "No address receives operator emails";
pub const NO_OPERATOR_EMAIL_HINT: [&str; 2] = ["Set ", "."];
pub const CONFIGURATION: &str = "There is a problem with your configuration";

// The script of the site.
pub const SITE_SCRIPT: &str = "Script for your site";
pub const SITE_SCRIPT_HINT: &str = "Put this tag on your site's pages. It fills the hidden fields ref and visitor of your forms, and \
    reports page views. INJECT_SCRIPT=yes puts it there for you.";
pub const SITE_SCRIPT_INJECTED: &str = "Your site's pages get it automatically (INJECT_SCRIPT).";
pub const SITE_SCRIPT_TAG: &str = "Tag";
