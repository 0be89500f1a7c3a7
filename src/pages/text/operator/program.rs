//! Programs: the list, the page of one, its editor, and its pages for partners. What its document says is in
//! `document.rs`.

use crate::base::currency;

// The list.
pub const LEAD: &str = "Your referral, affiliate and partner programs.";
pub const NONE: &str = "No programs yet";
pub const NONE_HINT: [&str; 2] = ["Create one with the API: ", "."];
pub const PAYS_IN: &str = "Pays in";
pub const EFFECTIVE_SINCE: &str = "Effective since";

// How to write one.
pub const GUIDE_TITLE: &str = "How to write a program";
pub const GUIDE_LEAD: &str = "Every key of a document, five examples with real numbers, and how to write your own.";
pub const BACK_TO_PROGRAMS: &str = "All programs";

// One program.
pub const EDIT: &str = "Edit program";
pub const TAKES_EFFECT: [&str; 2] = ["This version takes effect ", ". "];
pub const REPLACED: &str = "This version was replaced. Earnings under it don't change. ";
pub const VIEW_CURRENT: &str = "View current version";

/// Below the title.
pub fn version_of(program: &str, version: i64) -> String {
    format!("{program}, version {version}")
}

// Its reward budget.
pub const REMAINING: &str = "Remaining";
pub const LOW_UNDER: &str = "low if under ";
pub const REWARDS_WAITING: &str = "Rewards waiting";
pub const REWARDS_WAITING_NOTE: &str = "paid in order as funds arrive";
pub const BUDGET_LEAD: &str = "Rewards are paid from this budget. Adding funds takes effect immediately and pays waiting rewards in order. No \
                               card is charged; the budget only limits how much the program can give.";
pub const ADD_TO_BUDGET: &str = "Add to budget";

pub fn amount_in(currency: &str) -> String {
    format!("Amount in {currency}")
}

pub fn amount_hint(currency: &str) -> String {
    format!("For example, {}.", amount_examples(currency))
}

pub fn enter_amount(currency: &str) -> String {
    format!("Enter an amount such as {}.", amount_examples(currency))
}

/// With as many decimals as the currency has.
fn amount_examples(currency: &str) -> &'static str {
    match currency::decimals(currency) {
        0 => "500 or 1,250",
        3 => "500 or 1,250.500",
        _ => "500 or 1,250.50",
    }
}

// Its pages for partners.
pub const PAGES: &str = "Pages for partners";
pub const PAGE: &str = "Page";
pub const NO_PAGES: &str = "No pages yet";
pub const NO_PAGES_HINT: &str =
    "Help partners share your link: who your product is for, what to say, and what to avoid.";
pub const NEW_PAGE: &str = "New page";

// Its versions.
pub const VERSIONS: &str = "Versions";
pub const VERSIONS_LEAD: &str = "Versions never change, and neither do the earnings under them.";
pub const EFFECTIVE_FROM: &str = "Effective from";
pub const SAVED_BY: &str = "Saved by";
pub const SAVED: &str = "Saved";
pub const DOCUMENT_JSON: &str = "Document (JSON)";

pub fn version(number: i64) -> String {
    format!("Version {number}")
}

// The editor.
pub const EDITOR_LEAD: &str = "Saving creates a new version with its own effective date. Past earnings don't change.";
pub const DOCUMENT: &str = "Document";
pub const DOCUMENT_HINT: &str = "JSON. Amounts are in cents. Rates are in basis points: 2000 is 20%. ";
pub const OR: &str = " or ";
pub const SCHEMA: &str = "JSON Schema for your editor";
pub const TEST_PERIOD: &str = "Test on a past period";
pub const RUN_TEST: &str = "Run test";
pub const SAVE: &str = "Save new version";
pub const VALID: &str = "This document is valid. It has not been saved yet.";
pub const CURRENT_IN_WORDS: &str = "Current version in plain words";

pub fn edit(title: &str) -> String {
    format!("Edit {title}")
}

// Problems in the document.
pub const PROBLEM: &str = "There is a problem.";
pub const NOT_SAVED: &str = "The document was not saved.";
pub const PROBLEMS: &str = "Problems";
pub const FIELD: &str = "Field";
pub const VALUE: &str = "Value";
pub const EXPECTED: &str = "Expected";
pub const WHOLE_DOCUMENT: &str = "the document";

// The dry run.
pub const WOULD_HAVE_PAID: [&str; 2] = ["This draft would have paid ", " instead of "];
pub const ACCOUNTS_RECALCULATED: [&str; 2] = ["account was", "accounts were"];
pub const BY_PARTNER_AND_RULE: &str = "By partner and rule";
pub const THE_FRIEND: &str = "the friend";
pub const ACTUAL: &str = "Actual";
pub const WITH_DRAFT: &str = "With this draft";
pub const NO_DIFFERENCE: &str = "There were no earnings in this period, and the draft would not have changed that.";

/// `accounts`: `3 accounts were`.
pub fn recalculated(accounts: &str) -> String {
    format!("{accounts} recalculated as if the draft had always been in effect. Nothing was saved.")
}

// Writing a page for partners.
pub const NEW_PAGE_TITLE: &str = "New page for partners";
pub const PAGE_TITLE: &str = "Title";
pub const PAGE_TEXT: &str = "Text";
pub const PAGE_TEXT_HINT: &str =
    "Markdown: # heading, **bold**, - list, [link](https://example.com). HTML is shown as text.";
pub const PUBLISH: &str = "Publish page";
pub const DELETE_EFFECT: &str = "Partners will no longer see this page. Its text stays in the audit log.";
pub const DELETE: &str = "Delete page";

pub fn page_lead(program: &str) -> String {
    format!("Partners in {program} see this page under Resources.")
}
