//! Which account a customer of the billing system is.
//!
//! The answer depends on all stored facts, not on the order in which they arrived: which event names the customer by
//! its id, and which account had the customer's email when both were first known. If no account matches, the customer
//! gets an account of its own, under the customer's id.

use crate::base::ids::{AccountId, EventId};
use crate::base::names::names;
use crate::base::time::UtcMillis;
use serde::Deserialize;

/// A host's event that names the customer by its id, either in `data.stripe_customer` or as the account's id.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CustomerReference {
    pub account_id: AccountId,
    pub at_ms: UtcMillis,
    pub event_id: EventId,
}

/// An account that signed up and named one of the customer's email addresses.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct EmailMatch {
    pub account_id: AccountId,
    /// When all three were known: its sign-up, its address, and that the customer has the same address.
    pub at_ms: UtcMillis,
}

names! {
    /// How a customer came to its account.
    pub enum CustomerMatch {
        Id = "id",
        Email = "email",
        /// It is its own account.
        Nobody = "nobody",
    }
}

/// The account, and how it was found. The earliest customer reference wins. Without one, it is the first account with
/// one of the customer's addresses, if it was the only one at that time. A second account with the same address,
/// created later, changes nothing. If two existed before the customer did, neither is chosen.
pub fn account_of(
    customer: &str,
    references: &[CustomerReference],
    namesakes: &[EmailMatch],
) -> (AccountId, CustomerMatch) {
    if let Some(reference) = references.iter().min_by_key(|c| (c.at_ms, &c.event_id)) {
        return (reference.account_id.clone(), CustomerMatch::Id);
    }
    let first = namesakes.iter().map(|n| n.at_ms).min();
    let mut firsts = namesakes.iter().filter(|n| Some(n.at_ms) == first);
    match (firsts.next(), firsts.next()) {
        (Some(only), None) => (only.account_id.clone(), CustomerMatch::Email),
        _ => (customer.into(), CustomerMatch::Nobody),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(account: &str, at: i64, event: &EventId) -> CustomerReference {
        CustomerReference { account_id: account.into(), at_ms: UtcMillis(at), event_id: event.to_owned() }
    }

    fn email_match(account: &str, at: i64) -> EmailMatch {
        EmailMatch { account_id: account.into(), at_ms: UtcMillis(at) }
    }

    #[test]
    fn a_claim_beats_an_address_and_the_earliest_stands() {
        let references =
            [reference("b", 5, &"e2".into()), reference("a", 5, &"e1".into()), reference("c", 9, &"e0".into())];
        assert_eq!(account_of("cus_1", &references, &[email_match("d", 1)]), ("a".into(), CustomerMatch::Id));
    }

    #[test]
    fn the_first_of_an_address_is_the_account_if_it_was_the_only_one() {
        for (namesakes, want) in [
            (vec![], ("cus_1", CustomerMatch::Nobody)),
            (vec![email_match("a", 3)], ("a", CustomerMatch::Email)),
            (vec![email_match("b", 7), email_match("a", 3)], ("a", CustomerMatch::Email)),
            (vec![email_match("b", 3), email_match("a", 3)], ("cus_1", CustomerMatch::Nobody)),
            (vec![email_match("b", 3), email_match("a", 3), email_match("c", 1)], ("c", CustomerMatch::Email)),
        ] {
            let (account, joined) = account_of("cus_1", &[], &namesakes);
            assert_eq!((account.as_str(), joined), want, "{namesakes:?}");
        }
    }
}
