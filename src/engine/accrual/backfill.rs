//! What a newly earned modifier adds to a partner's accruals, where nothing else affects those accruals.
//!
//! A full decision about each account gives the same result. A run that finds bonuses for thousands of partners would
//! spend most of its time on those decisions, so plain accounts get their additional accruals here. The rest are
//! decided in full: accounts with a refund, a dispute, a review, a cap or another modifier on an invoice.

use crate::base::ids::{AccountId, AccrualId, PartnerId, ProgramId, RewardId};
use crate::base::money::{Bps, Cents};
use crate::base::time::UtcMillis;
use crate::engine::accrual::invoice;
use crate::engine::accrual::invoice::PartnerModifier;
use crate::engine::accrual::source::AccrualSource;
use crate::engine::accrual::{Balance, accrual_id};
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::program::document::Document;
use crate::program::reward::InvoiceRate;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};

/// An accrual for an invoice, with the data that shows whether anything but its rate affects it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BaseAccrual {
    pub id: AccrualId,
    pub partner_id: PartnerId,
    pub account_id: AccountId,
    pub source: AccrualSource,
    pub reward_id: RewardId,
    pub at_ms: UtcMillis,
    pub program_version: i64,
    pub gross_cents: Cents,
    /// The invoice's amount.
    pub amount_cents: Option<Cents>,
    /// 1 if everything it earned remains, pending or available, and no other event names its invoice.
    pub is_unmodified: i64,
}

/// A modifier's accrual next to its base accrual. Fields that are not listed are the base accrual's: instant, event,
/// hold.
#[derive(Clone, Debug, PartialEq)]
pub struct ModifierAccrual {
    pub beside: AccrualId,
    pub id: AccrualId,
    pub account: AccountId,
    pub modifier: RewardId,
    pub cents: Cents,
    pub balance: Balance,
}

#[derive(Debug, Default, PartialEq)]
pub struct ModifierBackfill {
    /// Accruals to create, for accounts whose accruals are all plain.
    pub accruals: Vec<ModifierAccrual>,
    /// Accounts that need a full decision.
    pub to_recompute: BTreeSet<AccountId>,
}

/// Below this rate, an invoice of one whole currency unit may earn nothing and leave no accrual to find.
const RATE_MIN: Bps = Bps(100);

/// Whether a program's modifiers can be backfilled at all: in no version does a cap span several accruals.
pub fn applies<'c>(mut versions: impl Iterator<Item = &'c Program>) -> bool {
    let is_plain = |rate: &InvoiceRate| rate.own >= RATE_MIN && rate.account_cap.is_none() && rate.month_cap.is_none();
    versions.all(|program| program.rates().all(|(_, rate)| is_plain(rate)))
}

/// What `terms`, by partner, add to `earned`, which holds every accrual for invoices that those partners have in
/// `program`.
pub fn backfill(
    catalog: &Catalog,
    program: &ProgramId,
    earned: &[BaseAccrual],
    terms: &HashMap<PartnerId, Vec<PartnerModifier>>,
) -> ModifierBackfill {
    let mut found = ModifierBackfill::default();
    let standing = standing(earned);
    for base in earned {
        let Some(document) = catalog.in_force(program, base.at_ms) else { continue };
        let Some((reward, rate)) = document.rates().find(|(id, _)| **id == base.reward_id) else { continue };
        let terms = terms.get(&base.partner_id).map_or(&[][..], Vec::as_slice);
        let better = invoice::better_rate(terms, program, rate, base.at_ms);
        let on = base.source.modifier(reward);
        let stands = match standing.get(&(&base.account_id, &on)) {
            None => None,
            Some(Some(modifier)) => Some(*modifier),
            Some(None) => {
                found.to_recompute.insert(base.account_id.clone());
                continue;
            }
        };
        if stands == better.as_ref().map(|(modifier, _)| modifier.as_str()) {
            continue;
        }
        match better.filter(|_| stands.is_none()).and_then(|better| added(document, base, &on, better)) {
            Some(accrual) => found.accruals.extend(accrual),
            None => {
                found.to_recompute.insert(base.account_id.clone());
            }
        }
    }
    found.accruals.retain(|accrual| !found.to_recompute.contains(&accrual.account));
    found
}

/// The base accruals by account and source. `None` if there is no clear base: it does not remain in full, or another
/// modifier's accrual is there too, possibly one the partner no longer has.
fn standing(earned: &[BaseAccrual]) -> HashMap<(&AccountId, &AccrualSource), Option<&str>> {
    let mut standing: HashMap<(&AccountId, &AccrualSource), Option<&str>> = HashMap::new();
    for e in earned {
        let whole = (e.is_unmodified == 1).then_some(e.reward_id.as_str());
        standing.entry((&e.account_id, &e.source)).and_modify(|other| *other = None).or_insert(whole);
    }
    standing
}

/// The modifier's accrual next to a plain one, which may be zero; `None` if the account needs a full decision.
fn added(
    document: &Document,
    base: &BaseAccrual,
    source: &AccrualSource,
    (modifier, better): (&RewardId, Bps),
) -> Option<Option<ModifierAccrual>> {
    let amount = base.amount_cents.filter(|_| base.is_unmodified == 1 && base.program_version == document.version)?;
    let cents = Cents(better.of(amount)?.0 - base.gross_cents.0);
    let added = ModifierAccrual {
        beside: base.id.clone(),
        id: accrual_id(&document.id, &base.partner_id, modifier, &base.account_id, source),
        account: base.account_id.clone(),
        modifier: modifier.clone(),
        cents,
        balance: Balance::first(document),
    };
    Some((cents > Cents::ZERO).then_some(added))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accrual(rule: &str, source: &AccrualSource, is_unmodified: i64) -> BaseAccrual {
        let text = str::to_owned;
        BaseAccrual {
            id: text(rule).into(),
            partner_id: "p".into(),
            account_id: "a".into(),
            source: source.clone(),
            reward_id: text(rule).into(),
            at_ms: UtcMillis(0),
            program_version: 1,
            gross_cents: Cents(500),
            amount_cents: None,
            is_unmodified,
        }
    }

    #[test]
    fn of_two_modifiers_lines_neither_is_taken_for_the_standing_one() {
        let source = AccrualSource::invoice("1").modifier("base");
        let (kept, gone) = (accrual("volume", &source, 1), accrual("platinum", &source, 0));
        for pair in [[kept.clone(), gone.clone()], [gone.clone(), kept.clone()]] {
            assert_eq!(standing(&pair)[&(&"a".into(), &source)], None);
        }
        assert_eq!(standing(&[kept])[&(&"a".into(), &source)], Some("volume"));
        assert_eq!(standing(&[gone])[&(&"a".into(), &source)], None);
    }
}
