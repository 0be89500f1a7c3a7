//! The share kit: its page, and the drafts that it fills in.

pub use crate::pages::text::partner::common::LINK;
pub use crate::pages::text::shared::field::EMAIL;
use crate::program::document::{Document, Unit};

// The page.
pub const LEAD: &str = "We have drafted the messages. Edit them, then copy them or open them in your email app.";
pub const TONE: &str = "Tone";
pub const RESET: &str = "Reset text";
pub const SUBJECT: &str = "Subject";
pub const BODY: &str = "Text";
pub const OPEN_EMAIL: &str = "Open in your email app";
pub const POSTS: &str = "Posts";
pub const POST: &str = "Post";
pub const SHORT_POST: &str = "Short post";
pub const UPDATE_EMAIL: &str = "Update email with my edits";
pub const NO_LINKS: &str = "No active links";
pub const CREATE_ONE: &str = "Create one";
pub const CREATE_ONE_WHY: &str = " to get messages to share.";

pub fn keep_disclosure(disclosure: &str) -> String {
    format!("Keep the disclosure: “{disclosure}” Many countries require it by law.")
}

pub fn campaign_and_code(campaign: &str, code: &str) -> String {
    format!("{campaign} ({code})")
}

// The tones.
pub const FRIENDLY: &str = "To a friend";
pub const PLAIN: &str = "To a colleague";
pub const CLIENT: &str = "To a client";

/// The disclosure that advertising rules require: what the partner gets for the recommendation.
pub fn disclosure(document: Option<&Document>) -> &'static str {
    match document {
        Some(d) if !d.pays() => "Full disclosure: I am a partner of this program.",
        Some(d) if d.settlement.unit == Unit::Cash => {
            "Full disclosure: I may earn a commission if you sign up through this link."
        }
        Some(_) => "Full disclosure: I may earn account credit if you sign up through this link.",
        None => "Full disclosure: I may earn a reward if you sign up through this link.",
    }
}

/// The same for a short post.
pub fn short_disclosure(document: Option<&Document>) -> &'static str {
    if document.is_some_and(|d| !d.pays()) { "ad: I'm a partner" } else { "ad: I may earn from sign-ups" }
}

/// What the referred side gets, as a sentence that follows another.
pub fn benefit(percent: &str) -> String {
    format!(" You'll get {percent} off your first invoice.")
}

/// What a draft is written from.
pub struct Draft<'a> {
    pub product: &'a str,
    pub name: &'a str,
    pub url: &'a str,
    /// Empty, or [`benefit`].
    pub benefit: &'a str,
    pub disclosure: &'a str,
}

/// An email's subject and body, and a post.
pub struct Drafted {
    pub subject: String,
    pub body: String,
    pub post: String,
}

pub fn friendly(d: &Draft<'_>) -> Drafted {
    let Draft { product, name, url, benefit, disclosure } = d;
    Drafted {
        subject: format!("Have you seen {product}?"),
        body: format!(
            "Hi,\n\nI think you might like {product}. Here is my link:\n\n{url}\n\nTake a look and let me know what you \
             think.{benefit}\n\n{disclosure}\n\n{name}\n"
        ),
        post: format!("Take a look at {product}: {url}{benefit} {disclosure}"),
    }
}

pub fn plain(d: &Draft<'_>) -> Drafted {
    let Draft { product, name, url, benefit, disclosure } = d;
    Drafted {
        subject: format!("{product} could help your team"),
        body: format!(
            "Hello,\n\nI think {product} could help your team. You can find it here:\n\n{url}\n\n\
             I'm happy to answer any questions.{benefit}\n\n{disclosure}\n\nBest regards,\n{name}\n"
        ),
        post: format!("If your team could use {product}, you can find it here: {url}{benefit} {disclosure}"),
    }
}

pub fn client(d: &Draft<'_>) -> Drafted {
    let Draft { product, name, url, benefit, disclosure } = d;
    Drafted {
        subject: format!("A recommendation for your project: {product}"),
        body: format!(
            "Hello,\n\nI recommend {product} for the project we discussed. Please use our link to sign up:\n\n{url}\n\n\
             Let me know when you have an account, and we can take it from there.{benefit}\n\n{disclosure}\n\n\
             Best regards,\n{name}\n"
        ),
        post: format!("Clients ask us which tools we recommend. One of them is {product}: {url}{benefit} {disclosure}"),
    }
}

pub fn short(d: &Draft<'_>, disclosure: &str) -> String {
    format!("{}: {} ({disclosure})", d.product, d.url)
}
