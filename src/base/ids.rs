//! Ids as types of their own. Most calls take several ids, and the compiler notices when two of them are swapped.

use serde::{Deserialize, Serialize};

/// An id, or a reference to one: what the database stores as text.
pub trait Id: Into<String> {}

/// Declares such a type. It reads like the text that it holds, but only its own kind is accepted in its place.
macro_rules! ids {
    ($($(#[$about:meta])* $Id:ident;)+) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $Id(String);

        impl $Id {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Id for $Id {}

        impl Id for &$Id {}

        impl std::ops::Deref for $Id {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        /// Finds it in a map or set by its text.
        impl std::borrow::Borrow<str> for $Id {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $Id {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $Id {
            fn from(id: String) -> $Id {
                $Id(id)
            }
        }

        impl From<&str> for $Id {
            fn from(id: &str) -> $Id {
                $Id(id.to_owned())
            }
        }

        impl From<$Id> for String {
            fn from(id: $Id) -> String {
                id.0
            }
        }

        impl From<&$Id> for String {
            fn from(id: &$Id) -> String {
                id.0.clone()
            }
        }

        impl PartialEq<str> for $Id {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $Id {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
    )+};
}

ids! {
    /// A program: the id of its document.
    ProgramId;
    PartnerId;
    /// A referred account: the sender's id for it.
    AccountId;
    EventId;
    /// The sender's id for an invoice.
    InvoiceId;
    /// What an accrual is earned by: a reward of the document, or a modifier that adds to one.
    RewardId;
    AccrualId;
    /// A settlement run.
    RunId;
    /// A preview of a run or of a draft.
    PreviewId;
    /// A payout, a reversal of one, or a credit to a customer's balance.
    PayoutId;
    /// The code of a referral link.
    LinkCode;
    ReviewId;
    /// An operator's correction of a partner's balance.
    AdjustmentId;
    /// A partner's question about an account that was not credited to it.
    QuestionId;
    /// Who acts, as the audit trail names it: an operator, a person or a token; `cron` for what runs by itself.
    ActorId;
}
