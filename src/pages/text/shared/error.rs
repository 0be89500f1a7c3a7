//! What a page says when it can't be shown.

pub const NOT_FOUND: &str = "Not found";
pub const NOT_FOUND_WHY: &str = "Page not found, or you don't have access to it.";
pub const FAULT: &str = "Something went wrong";
pub const FAULT_WHY: &str = "This is a problem on our side, and we logged it. No recorded data was lost.";
pub const TRANSIENT: &str = "Try again in a moment";
pub const TRANSIENT_WHY: &str = "Someone else was making the same change, or a service did not respond in time.";
pub const NOT_READY: &str = "This report is being put together";
pub const NOT_READY_WHY: &str =
    "It covers more than can be counted while you wait. It's ready within ten minutes: open this page again then.";
pub const SITE_DOWN: &str = "The site can't be reached";
pub const SITE_DOWN_WHY: &str = "The site behind this address does not answer right now. Try again in a moment.";
pub const SITE_SLOW: &str = "The site is taking too long";
pub const SITE_SLOW_WHY: &str = "The site behind this address did not answer in time. Try again in a moment.";
pub const FORBIDDEN: &str = "Not allowed";
pub const PROBLEM: &str = "There is a problem";

// Details, which get a capital and a period where they are shown in a form.
pub const NOT_A_VISIT: &str = "open this page in a browser, not from a script or inside another page";
pub const OTHER_METHOD: &str = "use GET or POST";
pub const FOREIGN_FORM: &str = "this form has expired or is from another browser; reload the page and try again";
pub const SITE_UNAVAILABLE: &str = "we couldn't check your sign-in with the site; try again in a moment";
pub const UNKNOWN_STATE: &str = "unknown state filter";

pub fn form_too_large(bytes_max: usize) -> String {
    format!("the form is larger than {bytes_max} bytes")
}

pub fn insufficient_scope(scope: &str) -> String {
    format!("your role does not allow this; it needs {scope}")
}
