//! What people and their organizations are compared by, without naming them: digests under a salt that only the
//! database has. They stay when the person is erased, so that what was decided by them stays decided.

use crate::base::id;
use crate::engine::event::{Person, PersonKeys};
use crate::engine::review::address::{MailboxKey, email_domain, mailbox_name};

/// The salt of a database's digests, made once.
#[derive(Clone, Debug, Default)]
pub struct PersonSalt(pub String);

impl PersonSalt {
    /// The digest of an address, whatever its case.
    pub fn address(&self, email: &str) -> String {
        self.digest("adr", &email.to_ascii_lowercase())
    }

    /// The digest of the mailbox that an address leads to.
    pub fn mailbox(&self, email: &str) -> MailboxKey {
        self.digest("mbx", &mailbox_name(email))
    }

    /// The digest of a domain in its normal spelling.
    pub fn domain(&self, domain: &str) -> String {
        self.digest("dom", domain)
    }

    pub fn keys(&self, person: &Person) -> PersonKeys {
        let email = person.email.as_deref();
        PersonKeys {
            address: email.map(|email| self.address(email)),
            mailbox: email.map(|email| self.mailbox(email)),
            email_domain: email.and_then(email_domain).map(|domain| self.domain(&domain)),
        }
    }

    fn digest(&self, prefix: &str, text: &str) -> String {
        id::derived(prefix, &[&self.0, text])
    }
}

#[cfg(test)]
mod tests {
    use super::PersonSalt;

    #[test]
    fn a_digest_compares_under_its_own_salt_alone() {
        let (one, other) = (PersonSalt("one".to_owned()), PersonSalt("other".to_owned()));
        assert_eq!(one.address("Ann@a.example"), one.address("ann@A.example"));
        assert_ne!(one.address("ann@a.example"), one.address("bob@a.example"));
        for digest in [PersonSalt::address, PersonSalt::mailbox, PersonSalt::domain] {
            assert_ne!(digest(&one, "ann@a.example"), digest(&other, "ann@a.example"));
            assert!(!digest(&one, "ann@a.example").contains("ann"));
        }
        assert_ne!(one.address("ann@a.example"), one.mailbox("ann@a.example"));
    }
}
