//! What the operator has set up: which services there are to talk to, and with which keys. Read from the configuration
//! at the edge; what is not set is absent, and its uses say so.

use crate::codec::attribution::cookie::CookieKeys;
use crate::codec::message::email;
use crate::codec::message::email::MailApi;
use crate::codec::message::endpoint;
use crate::codec::message::unsubscribe::UnsubscribeKeys;

/// Statements that D1 takes of one invocation on Cloudflare's free plan. What no deployment has set is this: too low makes
/// runs slow, too high cuts them off.
pub const STATEMENTS_FREE: u64 = 50;
/// The same on the paid plan.
pub const STATEMENTS_PAID: u64 = 1_000;

/// Stripe's own address.
pub const STRIPE_API: &str = "https://api.stripe.com";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Statements that one invocation may send (`D1_STATEMENTS_MAX`).
    pub statements_max: u64,
    /// The Worker's address as partners see it; empty where none was set.
    pub public_url: String,
    /// The key to Stripe. `None`: money calls answer that Stripe is not set up, and the ledger goes on.
    pub stripe: Option<Stripe>,
    /// Secrets of the webhook endpoint for the operator's own account, newest first.
    pub stripe_secrets: Vec<String>,
    /// Secrets of the webhook endpoint for connected accounts.
    pub stripe_connect_secrets: Vec<String>,
    pub payout_approval: PayoutApproval,
    /// Verify the attribution tokens that events carry.
    pub cookie_keys: Option<CookieKeys>,
    pub mail: EmailSetup,
    /// The keys of the links by which mails are stopped.
    pub unsubscribe: UnsubscribeKeys,
    /// Where webhooks may go.
    pub endpoints: endpoint::HostRules,
}

/// How mails leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmailSetup {
    /// `None`: no mails are sent; they wait.
    pub from: Option<email::From>,
    /// An HTTP mail service, which is preferred where it is set.
    pub api: Option<MailApi>,
    /// Whether a `send_email` binding is there.
    pub binding: bool,
    /// The operator's address. `None`: mails to the operator wait.
    pub operator: Option<String>,
}

/// The way that mails take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailTransport<'a> {
    Api(&'a MailApi),
    Binding,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Stripe {
    /// `sk_test_…`, `sk_live_…` or a restricted `rk_…`.
    pub key: String,
    /// [`STRIPE_API`], or the stand-in's address.
    pub api_base: String,
}

/// Whether a run's payouts wait for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayoutApproval {
    /// Until the operator has approved one run of the program; from then on none waits.
    #[default]
    UntilFirst,
    /// Each run.
    Manual,
    /// None.
    Automatic,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            statements_max: STATEMENTS_FREE,
            public_url: String::new(),
            stripe: None,
            stripe_secrets: Vec::new(),
            stripe_connect_secrets: Vec::new(),
            payout_approval: PayoutApproval::default(),
            cookie_keys: None,
            mail: EmailSetup::default(),
            unsubscribe: UnsubscribeKeys::default(),
            endpoints: Default::default(),
        }
    }
}

/// How many statements an invocation may send, as it was set (`D1_STATEMENTS_MAX`), or what is wrong with that. Fewer than
/// the free plan's do not carry every use to its end.
pub fn statements_max(given: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "D1_STATEMENTS_MAX: must be a number from {STATEMENTS_FREE} (free plan) to {STATEMENTS_PAID} (paid plan)"
        )
    };
    if given.is_empty() {
        return Ok(STATEMENTS_FREE);
    }
    let number = given.parse().map_err(|_| wrong())?;
    if (STATEMENTS_FREE..=STATEMENTS_PAID).contains(&number) { Ok(number) } else { Err(wrong()) }
}

impl Setup {
    /// Who mails are from, and the way they take. `None` where one is missing, or what their links need: the Worker's
    /// address and a key.
    pub fn mail(&self) -> Option<(&email::From, EmailTransport<'_>)> {
        let from = self.mail.from.as_ref().filter(|_| !self.public_url.is_empty() && !self.unsubscribe.is_empty())?;
        match &self.mail.api {
            Some(api) => Some((from, EmailTransport::Api(api))),
            None => self.mail.binding.then_some((from, EmailTransport::Binding)),
        }
    }

    /// For the operator: `api`, `binding` or `not set up`.
    pub fn mail_state(&self) -> &'static str {
        match self.mail() {
            Some((_, EmailTransport::Api(_))) => "api",
            Some((_, EmailTransport::Binding)) => "binding",
            None => "not set up",
        }
    }
}

impl Stripe {
    /// Whether the key moves real money.
    pub fn is_live(&self) -> bool {
        self.key.starts_with("sk_live_") || self.key.starts_with("rk_live_")
    }
}

// Keys stay out of logs.
impl std::fmt::Debug for Stripe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stripe({}, {})", if self.is_live() { "live" } else { "test" }, self.api_base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_has_as_many_statements_as_its_plan_allows() {
        for (given, is) in
            [("", Some(50)), ("1000", Some(1_000)), ("50", Some(50)), ("49", None), ("1001", None), ("x", None)]
        {
            assert_eq!(statements_max(given).ok(), is, "{given:?}");
        }
    }
}
