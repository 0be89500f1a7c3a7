//! A week of a funnel, and the programs that have one.

// The week.
pub const LEAD: &str = "How far referred visitors got, and what to do next.";
pub const WEEKS: &str = "Weeks";
pub const PREVIOUS_WEEK: &str = "Previous week";
pub const NEXT_WEEK: &str = "Next week";
pub const NO_VISITS: &str = "No visits this week";
pub const NO_VISITS_HINT: &str = "Visits are counted when someone follows a partner's link. Later stages are counted when your site or app sends events.";
pub const ALL_PARTNERS: &str = "All partners";
pub const BY_PARTNER: &str = "By partner";
pub const ENTER_WEEK: &str = "Enter a week such as 2026-W24.";

pub fn title(program: &str, week: &str) -> String {
    format!("{program}, week {week}")
}

/// After the start and end of the week.
pub fn version(number: i64) -> String {
    format!(", program version {number}.")
}

pub fn first_charts(partners: usize) -> String {
    format!("Charts are shown for the first {partners} partners. The table above lists the rest.")
}

// The chart.
pub fn chart(whose: &str) -> String {
    format!("Funnel: {whose}")
}

pub fn share(visitors: &str, of: &str, percent: &str) -> String {
    format!("{visitors} of {of}, {percent}")
}

// The table of partners.
pub const PARTNERS_THIS_WEEK: &str = "Partners this week";
pub const VISITS: &str = "Visits";
pub const LATER_STAGES: &str = "Later stages";
pub const WEAKEST_STEP: &str = "Weakest step";
pub const WHAT_TO_DO: &str = "What to do";

pub fn later_stages(titles: &str) -> String {
    format!("Later stages, in order: {titles}.")
}

// A partner's card.
pub const SMALL_SAMPLE: &str = "small sample";
pub const THREE_TASKS: &str = "Three tasks for this partner";
pub const BELOW: &str = "below target";
pub const WITHIN: &str = "within target";
pub const ABOVE: &str = "above target";

/// A comparison with the target that the sample is large enough for.
pub fn clearly(comparison: &str) -> String {
    format!("clearly {comparison}")
}

pub fn weakest_step(title: &str) -> String {
    format!("Weakest step: {title}.")
}

// Without a program.
pub const CHOOSE_LEAD: &str = "How far referred visitors got.";
pub const NO_FUNNEL: &str = "No program has a funnel";
pub const NO_FUNNEL_HINT: [&str; 2] = ["Add a ", " with stages to a program's document."];

/// Under the list of partners: those who are not in it.
pub fn other_partners(visits: &str) -> String {
    format!("The partners who aren't listed brought {visits} visits together.")
}
