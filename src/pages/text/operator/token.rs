//! API tokens.

use crate::engine::identity::access::Scope;

pub const LEAD: &str = "Your apps use tokens to call the API. Give each app its own token, so you can revoke one without affecting the others.";
pub const API_REFERENCE: &str = "API reference";
pub const COPY_NOW: &str = "Copy it now. You won't be able to see it again.";
pub const TOKEN: &str = "Token";
pub const NONE: &str = "No tokens yet";
pub const NONE_HINT: [&str; 2] = ["Create one below and send it as ", "."];

pub fn created(name: &str) -> String {
    format!("Token {name} created")
}

// The list.
pub const TOKENS: &str = "Tokens";
pub const SCOPES: &str = "Scopes";
pub const EXPIRES: &str = "Expires";
pub const FIRST_USED: &str = "First used";
pub const NEVER_USED: &str = "never";
pub const REVOKE: &str = "Revoke";

pub fn revoke(name: &str) -> String {
    format!("Revoke token {name}")
}

// Creating one.
pub const CREATE_TITLE: &str = "Create a token";
pub const NAME_HINT: &str = "The app that will use it. The audit log shows this name.";
pub const EXPIRES_AFTER: &str = "Expires after";
pub const DAYS_30: &str = "30 days";
pub const DAYS_90: &str = "90 days";
pub const YEAR: &str = "1 year";
pub const CHOOSE_EXPIRY: &str = "Choose when the token expires.";
pub const CREATE: &str = "Create token";

/// What a scope allows.
pub fn allows(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "read everything",
        Scope::Events => "send events and reconciliations",
        Scope::Credits => "read and redeem credits",
        Scope::Partners => "create partners and links, and reassign accounts",
        Scope::Payouts => "decide reviews, runs, payouts and the reward budget",
        Scope::Programs => "save programs and run dry runs",
        Scope::Admin => "everything, including webhook endpoints and tokens",
    }
}
