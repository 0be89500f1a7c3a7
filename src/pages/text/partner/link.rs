//! Links: the list, a link's page, and turning one off.

pub use crate::pages::text::partner::common::{CLICKS, CREATED, LINK, NONE, PAYING_CUSTOMERS, SIGN_UPS, STATE};

// The list.
pub const LEAD: &str = "Create one for each place you share, and see which one works best.";
pub const CAPTION: &str = "Your links";
pub const DESTINATION: &str = "Destination";
pub const CAMPAIGN: &str = "Campaign";
pub const DEFAULT: &str = "default link";
pub const HOME_PAGE: &str = "Home page";
pub const COUNTED: &str = "Last 90 days, by UTC day. Bots and repeat clicks are excluded.";
pub const NO_MORE: &str = "No more links";
pub const NO_MORE_HINT: &str = "Use the form below to create one.";

// The form.
pub const CREATE_HEADING: &str = "Create a link";
pub const DESTINATION_HINT: &str = "A page on the site, such as /pricing. Leave it empty for the home page.";
pub const CAMPAIGN_HINT: &str = "A name for your own use.";
pub const UTM: &str = "UTM parameters";
pub const UTM_HINT: &str = "Added to the page's URL for the site's own analytics.";
pub const UTM_SOURCE: &str = "UTM source";
pub const UTM_MEDIUM: &str = "UTM medium";
pub const UTM_CAMPAIGN: &str = "UTM campaign";
pub const CREATE: &str = "Create link";
pub const CODE: &str = "Code";
pub const CODE_HINT: &str = "3 to 64 letters, digits, hyphens, and underscores. Leave it empty for a random code.";
pub const CHANGE_HEADING: &str = "Change this link";
pub const CHANGE_CODE_HINT: &str = "3 to 64 letters, digits, hyphens, and underscores. The old code goes on working.";
pub const CHANGE: &str = "Save changes";

// Problems.
pub const LEFT: &str = "you left this program, so you can't create links";
pub const LEFT_NO_CHANGE: &str = "you left this program, so you can't change links";
pub const TOO_LONG_FOR_QR: &str = "the link is too long for a QR code";
pub const DEFAULT_STAYS: &str = "you can't turn off your default link. To stop it, leave the program in Settings";

pub fn invalid_destination(why: &str) -> String {
    format!("Enter a valid destination: {why}.")
}

pub fn foreign_destination(site: &str) -> String {
    format!("The destination must be a page on {site}. Enter its path, such as /pricing.")
}

// A link's page.
pub const EXPIRES: &str = "Expires";
pub const TURNED_OFF: &str = "Turned off";
pub const QR_SVG: &str = "SVG, for print";
pub const QR_PNG: &str = "PNG";
pub const ALL_TIME: &str = "All time";
pub const CLICKS_NOTE: &str = "bots and repeat clicks excluded";

/// Visits beyond what is counted of one network.
pub fn limited(number: &str) -> String {
    format!("{number} more from networks with over 60 in a minute")
}

pub const PAYING_NOTE: &str = "made a first payment";
pub const LAST_30_DAYS: &str = "Last 30 days";
pub const SHARE: &str = "Share link";
pub const OPEN: &str = "Open link";
pub const TURN_OFF: &str = "Turn off link";

pub fn qr_of(url: &str) -> String {
    format!("QR code of {url}")
}

// Turning it off.
pub const TURN_OFF_HEADING: &str = "Turn off this link?";
/// After the link's code.
pub const TURN_OFF_EFFECT: &str = " will stop working, and you get no credit for new clicks on it. You keep the \
    customers who came through it before. You can't turn it on again.";
