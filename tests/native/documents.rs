//! A document is what it says: each of its terms is either run as written or refused, with path, value and rule.

mod caps;
mod force;
mod guide;
mod paid;
mod places;
mod random;
mod refused;
mod schema;
mod versions;

use crate::support::world::{World, at, now};
use manicule::base::time::UtcMillis;
use manicule::program::check::{self, Finding};
use manicule::service::program::Refusal;
use serde_json::{Value, json};

pub const PROGRAM: &str = "tried";
/// Everything starts here.
const START: &str = "2026-01-01T00:00:00Z";

/// A monthly program in cash that pays 20 % of every invoice, changed.
pub fn document(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = json!({
        "id": PROGRAM, "title": "Tried", "version": 1, "effective_from": START, "currency": "usd", "source": "test",
        "code": {"form": {"hex": {"length": 16}}, "params": ["ref"]},
        "attribution": {"model": "last_touch", "window_days": 30, "methods": ["code"]},
        "lifecycle": [{"state": "signed_up", "when": [{"signed_up": {}}]}, {"state": "paid", "when": [{"paid": {}}]}],
        "rewards": [{
            "id": "share", "source": "test", "on": {"event": "invoice.paid"}, "to": "referrer",
            "amount": {"rate_bps": 2_000}, "span": {"months": {"from": 0}}
        }],
        "vesting": {"hold": {"none": {}}},
        "settlement": {"cadence": "monthly", "unit": "cash", "minimum_cents": 0, "delay_days": 0}
    });
    change(&mut document);
    document
}

/// The same, paid instantly in credits.
pub fn instant(change: impl FnOnce(&mut Value)) -> Value {
    document(|d| {
        d["settlement"]["cadence"] = json!("instant");
        d["settlement"]["unit"] = json!("credit");
        change(d);
    })
}

/// A modifier that adds 5 % from the first qualifying referral of a quarter on.
pub fn volume() -> Value {
    json!({"id": "volume", "source": "test", "when_any": [{"qualifying_referrals": {"at_least": 1, "per": "quarter"}}],
           "then": {"add_bps": 500}})
}

pub fn findings(document: &Value) -> Vec<Finding> {
    check::read(&document.to_string()).err().unwrap_or_default()
}

pub fn save(world: &World, when: UtcMillis, document: &Value) {
    let saved = now(manicule::service::program::save(&world.at(when), &PROGRAM.into(), &document.to_string()));
    match saved {
        Ok((status, _)) => assert_eq!(status, 201),
        Err(Refusal::Findings(findings)) => panic!("{findings:?}"),
        Err(Refusal::Error(error)) => panic!("{error}"),
    }
}

/// A world with one program, one partner and its code.
pub struct Tried {
    pub world: World,
    pub partner: String,
    pub code: String,
}

impl Tried {
    pub fn new(document: &Value) -> Tried {
        let world = World::new(1);
        save(&world, at(START), document);
        let (partner, code) = world.partner(at(START), PROGRAM, "ada", "ada@ada.example").expect("a partner");
        Tried { world, partner, code }
    }

    pub fn event(&self, id: &str, kind: &str, when: &str, account: &str, more: Value) {
        let mut event = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account}});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.world.take(at(when), &event, None).unwrap_or_else(|e| panic!("{id}: {e}"));
    }

    pub fn sign_up(&self, account: &str, when: &str) {
        let id = format!("s_{account}");
        self.event(&id, "account.signed_up", when, account, json!({"attribution": {"code": self.code}}));
    }

    pub fn pay(&self, account: &str, invoice: &str, when: &str, cents: i64) {
        let more = json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice}});
        self.event(invoice, "invoice.paid", when, account, more);
    }

    pub fn refund(&self, account: &str, invoice: &str, when: &str, cents: i64) {
        let more =
            json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice, "refund_id": "r"}});
        self.event(&format!("r_{invoice}"), "invoice.refunded", when, account, more);
    }

    /// What accruals of a reward or modifier are worth.
    pub fn net(&self, reward: &str) -> i64 {
        self.world.db.number(&format!(
            "SELECT COALESCE(SUM(net_cents), 0) FROM accrual WHERE program_id = '{PROGRAM}' AND reward_id = '{reward}'"
        ))
    }

    /// Everything that the partner has, pending or available.
    pub fn has(&self) -> i64 {
        assert_eq!(self.world.faults(), Vec::<String>::new());
        self.world.balance(&self.partner, "pending") + self.world.balance(&self.partner, "available")
    }
}
