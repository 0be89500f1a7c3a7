//! In some seeds operators suspend, ban and reinstate partners, and what the rules make of it.
//!
//! They choose by a randomness of their own, so that the other seeds stay as they are.

use super::calendar::DAY;
use super::model_state::{Key, Line, Status};
use super::play::Play;
use super::rng::Rng;
use super::{compare, payouts};
use crate::support::sqlite::Fault;
use crate::support::world::now as done;
use manicule::base::time::UtcMillis;
use manicule::engine::review::suspension::PartnerStanding;
use manicule::service::account::recompute;
use manicule::service::partner::standing;
use std::collections::BTreeMap;

const SWEEPS_MAX: u32 = 30;

/// Whether partners are suspended or banned in a seed. Every fifth seed is told again in order, without operators.
pub fn happen_in(seed: u64) -> bool {
    !seed.is_multiple_of(5) && seed % 7 < 4
}

/// The times at which operators do it.
pub fn times(seed: u64, start: i64) -> Vec<i64> {
    let mut rng = Rng::new(seed ^ 0x5eed);
    (0..rng.within(3, 14)).map(|_| start + rng.within(DAY, 250 * DAY)).collect()
}

/// A time in which a partner was suspended or banned.
#[derive(Clone, Debug)]
struct Span {
    is_ban: bool,
    from: i64,
    to: i64,
}

impl Span {
    fn has(&self, at: i64) -> bool {
        self.from <= at && at < self.to
    }

    fn lasts(&self) -> bool {
        self.to == i64::MAX
    }
}

#[derive(Clone, Debug, Default)]
pub struct Standings {
    spans: BTreeMap<String, Vec<Span>>,
    /// What stays of accruals in a ban, before what adjustments change of them.
    kept: BTreeMap<Key, i64>,
    pub met: BTreeMap<&'static str, u64>,
}

impl Standings {
    fn of(&self, partner: &str) -> impl Iterator<Item = &Span> {
        self.spans.get(partner).into_iter().flatten()
    }

    fn is(&self, partner: &str) -> PartnerStanding {
        match self.of(partner).find(|s| s.lasts()) {
            None => PartnerStanding::Active,
            Some(span) if span.is_ban => PartnerStanding::Banned,
            Some(_) => PartnerStanding::Suspended,
        }
    }

    pub fn is_active(&self, partner: &str) -> bool {
        self.is(partner) == PartnerStanding::Active
    }

    pub fn is_banned(&self, partner: &str) -> bool {
        self.is(partner) == PartnerStanding::Banned
    }

    /// Whether a touch or code binds.
    pub fn binds(&self, partner: &str, at: i64) -> bool {
        !self.of(partner).any(|s| s.has(at))
    }

    /// Whether a client that counts from an instant does not count now.
    pub fn holds(&self, partner: &str, at: i64) -> bool {
        self.of(partner).any(|s| s.lasts() && (s.is_ban || s.has(at)))
    }

    /// A ban takes everything from before its end that is not kept. A suspension holds what happens in it while it lasts,
    /// except for what operators decided.
    pub fn apply(&self, line: &mut Line) {
        if line.net == 0 || line.status == Status::Void {
            return;
        }
        let is_made = line.key.rule == "adjustment";
        if self.of(&line.key.partner).any(|s| s.is_ban && line.at < s.to) {
            match self.kept.get(&line.key).copied().unwrap_or_default() {
                0 => line.void(),
                kept if line.net < 0 || kept < line.net => line.net = kept,
                _ => {}
            }
        } else if !is_made && line.status == Status::Stands && self.holds(&line.key.partner, line.at) {
            line.status = Status::Held;
        }
    }

    fn change(&mut self, partner: &str, to: PartnerStanding, now: i64) {
        let spans = self.spans.entry(partner.to_owned()).or_default();
        spans.iter_mut().filter(|s| s.lasts()).for_each(|s| s.to = now);
        let is_ban = to == PartnerStanding::Banned;
        if to != PartnerStanding::Active {
            spans.push(Span { is_ban, from: now, to: i64::MAX });
        }
        self.count(match to {
            PartnerStanding::Active => "a partner is reinstated",
            PartnerStanding::Suspended => "a partner is suspended",
            PartnerStanding::Banned => "a partner is banned",
        });
    }

    fn count(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }
}

impl Play {
    /// An operator changes the standing of some partner who is paid in money.
    pub(super) fn stand(&mut self, now: i64) -> Result<(), String> {
        self.recompute_all(now)?;
        let is_busy = self.world.db.number("SELECT COUNT(*) FROM run WHERE state <> 'done'") > 0;
        if is_busy || compare::stale(&self.world.db) > 0 {
            return Ok(());
        }
        let mut rng = Rng::new(self.seed ^ now as u64 ^ 0x5eed);
        let sql = "SELECT DISTINCT p.id, p.program_id FROM partner p JOIN binding b ON b.partner_id = p.id
                   WHERE p.program_id IN ('agency-partner', 'developer-affiliate') ORDER BY 1";
        let rows = self.world.db.look(sql);
        if rows.is_empty() {
            return Ok(());
        }
        let row = rng.pick(&rows);
        let text = |name: &str| row[name].as_str().expect("a text").to_owned();
        let (partner, program) = (text("id"), text("program_id"));
        let to = match self.auditor.register.standings.is(&partner) {
            PartnerStanding::Active if rng.percent(60) => PartnerStanding::Suspended,
            PartnerStanding::Active => PartnerStanding::Banned,
            PartnerStanding::Suspended if rng.percent(40) => PartnerStanding::Banned,
            PartnerStanding::Suspended | PartnerStanding::Banned => PartnerStanding::Active,
        };
        if to == PartnerStanding::Banned && !self.keep(&partner, &program) {
            return Ok(());
        }
        if rng.percent(40) {
            let kind = rng.pick(&[Fault::Before, Fault::AfterCommit]);
            self.world.db.fault.set(Some((self.world.db.calls.get() + rng.within(0, 6) as u64, kind)));
        }
        let id = partner.as_str().into();
        let first = done(standing::change(&self.world.at(UtcMillis(now)), &id, to, "simulated"));
        self.world.db.fault.set(None);
        if let Err(error) = &first {
            self.was_injected(error)?;
        }
        done(standing::change(&self.world.at(UtcMillis(now)), &id, to, "simulated")).map_err(|e| e.to_string())?;
        self.auditor.stand(|standings| standings.change(&partner, to, now));
        if to == PartnerStanding::Banned {
            self.auditor.payouts.drop_waiting(&partner);
        }
        for _ in 0..SWEEPS_MAX {
            let planned = "SELECT COUNT(*) FROM payout p JOIN partner q ON q.id = p.partner_id WHERE q.standing = 'banned' AND p.state = 'planned'";
            done(standing::sweep(&self.world.at(UtcMillis(now)))).map_err(|e| e.to_string())?;
            self.recompute_all(now)?;
            if self.world.db.number(planned) == 0 && compare::stale(&self.world.db) == 0 {
                break;
            }
        }
        let owns = "SELECT COUNT(*) FROM ledger_account l JOIN partner q ON q.id = l.partner_id
                    WHERE q.standing = 'banned' AND l.kind IN ('pending', 'available') AND l.cr_posted_cents > l.dr_posted_cents + l.dr_pending_cents";
        match self.world.db.number(owns) {
            0 => Ok(()),
            _ => Err("a banned partner has a balance".to_owned()),
        }
    }

    pub(super) fn recompute_all(&mut self, now: i64) -> Result<(), String> {
        for _ in 0..SWEEPS_MAX {
            if compare::stale(&self.world.db) == 0 {
                break;
            }
            done(recompute::process_marked(&self.world.at(UtcMillis(now)), 20)).map_err(|e| format!("{e:?}"))?;
        }
        Ok(())
    }

    /// What a ban leaves: what was sent, and what the partner owes, as far as what becomes void does not pay it.
    /// `false`: it is not known in which balance something is, because it was another partner's before.
    fn keep(&mut self, partner: &str, program: &str) -> bool {
        let ids = payouts::ids(&self.world.db);
        let (before, after) = (self.auditor.unadjusted(), self.auditor.accruals());
        let mut kept: BTreeMap<Key, i64> = BTreeMap::new();
        let mut lines: Vec<&Line> = Vec::new();
        let sent = self.auditor.payouts.sent_of(partner);
        let taken_of = |line: &Line| sent.get(&line.key).copied().unwrap_or_default();
        for line in after.iter().filter(|l| l.key.partner == partner && (l.net != 0 || taken_of(l) < 0)) {
            match self.auditor.balance(line) {
                None => return false,
                Some("available") => lines.push(line),
                _ => {}
            }
        }
        lines.sort_by_key(|l| (l.at, &ids[&l.key]));
        let mut owed: i64 =
            self.auditor.payouts.sent(program).into_iter().filter(|(p, _)| p == partner).map(|p| p.1).sum();
        for line in &lines {
            // What was deducted stays deducted, though some of it was given back later.
            let taken = taken_of(line);
            let paid = if line.net > 0 { taken.clamp(0, line.net) } else { taken.min(0) };
            kept.insert(line.key.clone(), paid);
            owed -= paid;
        }
        let before_paying = kept.clone();
        let mut voided = 0;
        for line in &lines {
            let paid = kept.get_mut(&line.key).expect("it is there");
            let free = (line.net - *paid).max(0);
            let part = free.min(owed.max(0));
            *paid += part;
            owed -= part;
            voided += free - part;
        }
        let debts: i64 = lines.iter().map(|l| (before_paying[&l.key] - l.net).max(0)).sum();
        let mut stays = (debts - voided).max(0);
        for line in lines.iter().filter(|l| l.net < 0) {
            let paid = kept.get_mut(&line.key).expect("it is there");
            let part = stays.min((before_paying[&line.key] - line.net).max(0));
            *paid -= part;
            stays -= part;
        }
        let standings = &mut self.auditor.register.standings;
        if kept.values().any(|cents| *cents > 0) {
            standings.count("a ban leaves what was paid");
        }
        if owed > 0 || debts > voided {
            standings.count("a ban leaves a debt");
        }
        standings.kept.retain(|key, _| key.partner != partner);
        for (key, cents) in kept.into_iter().filter(|(_, cents)| *cents != 0) {
            let net = |all: &[Line]| all.iter().find(|l| l.key == key).map_or(0, |l| l.net);
            let changed = net(&after) - net(&before);
            standings.kept.insert(key, cents - changed);
        }
        true
    }
}
