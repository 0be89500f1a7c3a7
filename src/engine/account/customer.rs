//! Which account a customer of the billing system is.
//!
//! The answer is a function of everything that was said, not of the order in which it arrived: who claims the customer
//! by its id, and who had its address when the two first met. Where nobody is, the customer stands for itself: an
//! account under the customer's id.

use crate::base::time::UtcMillis;
use serde::Deserialize;

/// A host's event that names the customer by its id: by `data.stripe_customer`, or by calling the account so.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CustomerReference {
    pub account_id: String,
    pub at_ms: UtcMillis,
    pub event_id: String,
}

/// An account that has signed up and named an address of the customer's.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct EmailMatch {
    pub account_id: String,
    /// From when on all three were known: its sign-up, its address, and that the customer has the same.
    pub at_ms: UtcMillis,
}

/// How a customer came to its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerMatch {
    Id,
    Email,
    /// It stands for itself.
    Nobody,
}

impl CustomerMatch {
    pub fn name(self) -> &'static str {
        match self {
            CustomerMatch::Id => "id",
            CustomerMatch::Email => "email",
            CustomerMatch::Nobody => "nobody",
        }
    }
}

/// The account, and how it was found. The earliest claim stands; without one, the account that was the first with an
/// address of the customer's, if it was the only one then: a second account of the same address, made later, changes
/// nothing, and of two that were there before the customer neither is guessed.
pub fn account_of(
    customer: &str,
    references: &[CustomerReference],
    namesakes: &[EmailMatch],
) -> (String, CustomerMatch) {
    if let Some(reference) = references.iter().min_by_key(|c| (c.at_ms, &c.event_id)) {
        return (reference.account_id.clone(), CustomerMatch::Id);
    }
    let first = namesakes.iter().map(|n| n.at_ms).min();
    let mut firsts = namesakes.iter().filter(|n| Some(n.at_ms) == first);
    match (firsts.next(), firsts.next()) {
        (Some(only), None) => (only.account_id.clone(), CustomerMatch::Email),
        _ => (customer.to_owned(), CustomerMatch::Nobody),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(account: &str, at: i64, event: &str) -> CustomerReference {
        CustomerReference { account_id: account.to_owned(), at_ms: UtcMillis(at), event_id: event.to_owned() }
    }

    fn email_match(account: &str, at: i64) -> EmailMatch {
        EmailMatch { account_id: account.to_owned(), at_ms: UtcMillis(at) }
    }

    #[test]
    fn a_claim_beats_an_address_and_the_earliest_stands() {
        let references = [reference("b", 5, "e2"), reference("a", 5, "e1"), reference("c", 9, "e0")];
        assert_eq!(account_of("cus_1", &references, &[email_match("d", 1)]), ("a".to_owned(), CustomerMatch::Id));
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
