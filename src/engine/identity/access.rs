//! What an operator or a token may do.
//!
//! In scope: scopes, and the roles that name sets of them. Not in scope: who the caller is, and which scope each route
//! or page needs (the tables of routes and pages define that).

use crate::base::names::names;

names! {
    /// The permission that a call or a page needs.
    pub enum Scope {
        /// Reads everything that can be read.
        Read = "read",
        /// Reports what happened: events, and data from the billing system.
        Events = "events",
        /// Reads and redeems credits.
        Credits = "credits",
        /// Creates partners and links, and assigns accounts.
        Partners = "partners",
        /// Decides about money: reviews, runs, payouts, credits in transit, the reward budget.
        Payouts = "payouts",
        /// Changes programs.
        Programs = "programs",
        /// Everything, including tokens and webhook endpoints.
        Admin = "admin",
    }
}

/// What an operator needs in order to open a page or submit its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Anyone who may read.
    Look,
    /// Anyone with this scope.
    Act(Scope),
}

impl Need {
    pub fn is_met_by(self, scopes: Scopes) -> bool {
        match self {
            Need::Look => scopes.allow(Scope::Read, true),
            Need::Act(scope) => scopes.allow(scope, false),
        }
    }

    /// The scope that is missing if the operator does not have it.
    pub fn scope(self) -> Scope {
        match self {
            Need::Look => Scope::Read,
            Need::Act(scope) => scope,
        }
    }
}

/// A set of scopes. As text: their names in the order above, separated by spaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    pub const NONE: Scopes = Scopes(0);

    pub fn of(scopes: &[Scope]) -> Scopes {
        scopes.iter().fold(Scopes::NONE, |set, scope| Scopes(set.0 | 1 << *scope as u8))
    }

    /// `None` if a word is not a scope, or if there is none.
    pub fn parse(text: &str) -> Option<Scopes> {
        let scopes: Vec<Scope> = text.split_whitespace().map(Scope::parse).collect::<Option<_>>()?;
        (!scopes.is_empty()).then(|| Scopes::of(&scopes))
    }

    pub fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }

    /// Whether these scopes allow a request that needs `scope`; `reading` means that it changes nothing.
    pub fn allow(self, scope: Scope, reading: bool) -> bool {
        self.has(Scope::Admin) || self.has(scope) || (reading && scope != Scope::Admin && self.has(Scope::Read))
    }

    /// Whether every scope of `other` is one of these, so that their owner may grant them to others.
    pub fn cover(self, other: Scopes) -> bool {
        self.has(Scope::Admin) || other.0 & !self.0 == 0
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = Scope::ALL.iter().filter(|scope| self.has(**scope)).map(|scope| scope.name()).collect();
        f.write_str(&names.join(" "))
    }
}

names! {
    /// An operator's role, by email address.
    pub enum Role {
        /// Reads.
        Viewer = "viewer",
        /// Reads, and decides about money.
        Finance = "finance",
        Admin = "admin",
    }
}

impl Role {
    pub fn scopes(self) -> Scopes {
        match self {
            Role::Viewer => Scopes::of(&[Scope::Read]),
            Role::Finance => Scopes::of(&[Scope::Read, Scope::Credits, Scope::Payouts]),
            Role::Admin => Scopes::of(&[Scope::Admin]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_written_and_read() {
        for text in ["read", "events credits", "read events credits partners payouts programs admin"] {
            assert_eq!(Scopes::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Scopes::parse("payouts  read read").unwrap().to_string(), "read payouts");
        for bad in ["", " ", "root", "read root", "Read", "read,events"] {
            assert_eq!(Scopes::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_set_allows_what_it_names() {
        let of = |text: &str| Scopes::parse(text).unwrap();
        for scope in Scope::ALL.iter().copied() {
            assert!(of("admin").allow(scope, false) && of("admin").allow(scope, true), "{scope:?}");
            assert!(!Scopes::NONE.allow(scope, true) && !Scopes::NONE.allow(scope, false), "{scope:?}");
            assert_eq!(of("read").allow(scope, true), scope != Scope::Admin, "{scope:?}");
            assert_eq!(of("read").allow(scope, false), scope == Scope::Read, "{scope:?}");
        }
        assert!(of("credits").allow(Scope::Credits, true) && of("credits").allow(Scope::Credits, false));
        assert!(!of("credits").allow(Scope::Payouts, false) && !of("credits").allow(Scope::Read, true));
        assert!(
            of("read payouts").cover(of("read")) && !of("read").cover(of("payouts")) && of("admin").cover(of("read"))
        );
        assert!(!of("read payouts").cover(of("admin")));
    }

    #[test]
    fn roles_are_sets() {
        assert_eq!(Role::parse("finance").map(Role::scopes), Scopes::parse("read credits payouts"));
        assert_eq!(Role::parse("owner"), None);
        assert!(
            Role::Viewer.scopes().allow(Scope::Payouts, true) && !Role::Viewer.scopes().allow(Scope::Payouts, false)
        );
        assert!(
            Role::Finance.scopes().allow(Scope::Payouts, false)
                && !Role::Finance.scopes().allow(Scope::Programs, false)
        );
    }
}
