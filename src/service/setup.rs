//! What the operator has set up: which services to use, and with which keys. The runtime reads it from the
//! configuration. What is not set is absent, and the use cases that need it say so.

use crate::codec::attribution::cookie::CookieKeys;
use crate::codec::message::email;
use crate::codec::message::email::MailApi;
use crate::codec::message::endpoint;
use crate::codec::message::unsubscribe::UnsubscribeKeys;
use crate::service::kept_days::KeptDays;

/// Statements that D1 accepts from one invocation on Cloudflare's free plan. This is the default when nothing is set: a
/// value that is too low makes runs slow, one that is too high cuts them off.
pub const STATEMENTS_FREE: u64 = 50;
/// The same on the paid plan.
pub const STATEMENTS_PAID: u64 = 1_000;

/// Stripe's own address.
pub const STRIPE_API: &str = "https://api.stripe.com";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Statements that one invocation may send (`D1_STATEMENTS_MAX`).
    pub statements_max: u64,
    /// The Worker's address as partners see it; empty if not set.
    pub public_url: String,
    /// The site's name for people.
    pub site_name: String,
    /// The Stripe key. `None`: calls that move money return that Stripe is not set up, and the ledger keeps working.
    pub stripe: Option<Stripe>,
    /// Secrets of the webhook endpoint for the operator's own account, newest first.
    pub stripe_secrets: Vec<String>,
    /// Secrets of the webhook endpoint for connected accounts.
    pub stripe_connect_secrets: Vec<String>,
    pub payout_approval: PayoutApproval,
    /// Keys that verify the attribution tokens of events.
    pub cookie_keys: Option<CookieKeys>,
    pub mail: EmailSetup,
    /// The keys for unsubscribe links.
    pub unsubscribe: UnsubscribeKeys,
    /// Where webhooks may be sent.
    pub endpoints: endpoint::HostRules,
    /// How long is kept what is not kept for good.
    pub kept_days: KeptDays,
}

/// How emails are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmailSetup {
    /// `None`: no emails are sent; they wait.
    pub from: Option<email::From>,
    /// An HTTP email service. Preferred if set.
    pub api: Option<MailApi>,
    /// Whether there is a `send_email` binding.
    pub binding: bool,
    /// The operator's address. `None`: emails to the operator wait.
    pub operator: Option<String>,
}

/// How an email is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailTransport<'a> {
    Api(&'a MailApi),
    Binding,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Stripe {
    /// `sk_test_…`, `sk_live_…` or a restricted `rk_…`.
    pub key: String,
    /// [`STRIPE_API`], or the address of a test double.
    pub api_base: String,
}

/// Whether a run's payouts wait for approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayoutApproval {
    /// They wait until an operator has approved one run of the program; after that none wait.
    #[default]
    UntilFirst,
    /// Every run waits.
    Manual,
    /// No run waits.
    Automatic,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            statements_max: STATEMENTS_FREE,
            public_url: String::new(),
            site_name: String::new(),
            stripe: None,
            stripe_secrets: Vec::new(),
            stripe_connect_secrets: Vec::new(),
            payout_approval: PayoutApproval::default(),
            cookie_keys: None,
            mail: EmailSetup::default(),
            unsubscribe: UnsubscribeKeys::default(),
            endpoints: Default::default(),
            kept_days: KeptDays::default(),
        }
    }
}

/// How many statements an invocation may send, from `D1_STATEMENTS_MAX`, or what is wrong with the value. With fewer
/// statements than the free plan has, some use cases could never finish.
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
    /// The sender of emails, and how they are sent. `None` if one is missing, or if something that the links in them
    /// need is missing: the Worker's address or a key.
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

// Keys must not get into logs.
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
