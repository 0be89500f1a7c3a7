//! Test data for the Worker (partners, links and signed events), and reads of its ledger.

use super::client::{Reply, now_ms, step};
use super::server::Server;
use hmac::{Hmac, Mac};
use manicule::base::id::hex;
use manicule::base::time::UtcMillis;
use serde_json::{Value, json};
use sha2::Sha256;

pub struct Partner {
    pub id: String,
    pub code: String,
}

/// Parts of a sweep. With few statements, each sweep starts at another part.
const SWEEP_PARTS: i64 = 10;
/// Maximum number of sweeps until all work is done.
const SWEEPS_MAX: i64 = 200;
/// Maximum number of deliveries until an event is stored that one invocation cannot process.
pub const DELIVERIES: usize = 4;
/// The same if many senders write to the same ledger concurrently.
const DELIVERIES_AT_ONCE: usize = 200;

/// The RFC 3339 instant this many milliseconds from now.
pub fn ahead(ms: i64) -> String {
    UtcMillis(now_ms() + ms).to_rfc3339()
}

pub fn at(text: &str) -> i64 {
    UtcMillis::parse(text).unwrap_or_else(|| panic!("{text} is no instant")).0
}

/// An event about an account. `rest` adds or replaces fields.
pub fn event(id: &str, kind: &str, when: &str, account: &str, rest: Value) -> Value {
    let mut body = json!({"id": id, "type": kind, "occurred_at": when, "account": {"id": account}});
    merge(&mut body, rest);
    body
}

pub fn signed_up(account: &str, when: &str, attribution: Value) -> Value {
    let rest = json!({"attribution": attribution, "account": {"email": format!("{account}@friends.example")}});
    event(&format!("up-{account}"), "account.signed_up", when, account, rest)
}

pub fn paid(account: &str, invoice: &str, when: &str, cents: i64) -> Value {
    event(&format!("paid-{invoice}"), "invoice.paid", when, account, invoice_of(invoice, cents))
}

/// A payment of the amount after a discount.
pub fn discounted(account: &str, invoice: &str, when: &str, cents: i64, discount: i64) -> Value {
    let mut event = paid(account, invoice, when, cents);
    merge(&mut event, json!({"data": {"discount_cents": discount}}));
    event
}

pub fn refunded(account: &str, invoice: &str, when: &str, cents: i64) -> Value {
    let mut rest = invoice_of(invoice, cents);
    merge(&mut rest, json!({"data": {"refund_id": format!("re-{invoice}")}}));
    event(&format!("refund-{invoice}"), "invoice.refunded", when, account, rest)
}

pub fn disputed(account: &str, invoice: &str, outcome: &str, when: &str, cents: i64) -> Value {
    let mut rest = invoice_of(invoice, cents);
    merge(&mut rest, json!({"data": {"dispute_id": format!("dp-{invoice}")}}));
    event(&format!("{outcome}-{invoice}"), &format!("dispute.{outcome}"), when, account, rest)
}

fn invoice_of(invoice: &str, cents: i64) -> Value {
    json!({"amount": {"cents": cents, "currency": "usd"}, "data": {"invoice_id": invoice}})
}

/// Merges objects and replaces everything else.
pub fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

impl Server {
    #[track_caller]
    pub fn enrol(&self, program: &str, external_id: &str) -> Partner {
        let body = json!({
            "program": program, "external_id": external_id, "name": external_id,
            "email": format!("{external_id}@partners.example"), "disclosure_accepted": true,
        });
        let answer = self.post("/v1/partners", &body).operator().send().expect(201).json();
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        Partner { id: text("id"), code: text("code") }
    }

    /// The code of an additional link.
    #[track_caller]
    pub fn link(&self, partner: &Partner, rest: Value) -> String {
        let mut body = json!({"partner": partner.id});
        merge(&mut body, rest);
        let answer = self.post("/v1/links", &body).operator().send().expect(201).json();
        answer["code"].as_str().expect("a code").to_owned()
    }

    /// Delivers an event as a sender would, signed by an independent library.
    #[track_caller]
    pub fn deliver(&self, event: &Value) -> Reply {
        self.deliver_bytes(event.to_string().as_bytes())
    }

    #[track_caller]
    pub fn deliver_bytes(&self, body: &[u8]) -> Reply {
        self.deliver_signed(body, &self.webhook_secret, now_ms() / 1_000)
    }

    /// Signs with any secret and timestamp.
    #[track_caller]
    pub fn deliver_signed(&self, body: &[u8], secret: &str, second: i64) -> Reply {
        let signature = sign(secret, "msg_1", second, body);
        self.ask("POST", "/v1/webhooks/events")
            .body(body)
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", second.to_string())
            .header("webhook-signature", signature)
            .send()
    }

    /// Delivers events one by one. Each must be applied.
    #[track_caller]
    pub fn tell(&self, events: &[Value]) {
        for event in events {
            let reply = self.deliver_up_to(DELIVERIES, event);
            let outcome = reply.json();
            // Usage that adds nothing is stored and decides nothing.
            let is_usage = event["type"] == "account.active" || event["type"] == "listing.viewed";
            let is_stored = is_usage && outcome["outcome"] == "stored";
            reply.expect(if is_stored { 202 } else { 200 });
            assert!(is_stored || outcome["outcome"] == "applied", "{event}");
        }
    }

    /// Delivers an event while other senders deliver theirs.
    pub fn deliver_at_once(&self, event: &Value) -> Reply {
        self.deliver_up_to(DELIVERIES_AT_ONCE, event)
    }

    /// Redelivers an event that was cut off, as senders do.
    fn deliver_up_to(&self, times: usize, event: &Value) -> Reply {
        let mut reply = self.deliver(event);
        for _ in 1..times {
            if !self.is_tight || !reply.is_cut_off() {
                break;
            }
            reply = self.deliver(event);
        }
        reply
    }

    /// Fires a cron trigger as of `time`, in milliseconds since 1970.
    #[track_caller]
    pub fn cron(&self, trigger: &str, time: i64) {
        self.try_cron(trigger, time).unwrap_or_else(|why| panic!("{trigger}: {why}")).expect(200);
        self.catch_up();
    }

    /// Runs sweeps, ten minutes apart, that finish what invocations with few statements left undone.
    #[track_caller]
    pub fn catch_up(&self) {
        if !self.is_tight {
            return;
        }
        // Once no run is open, every part of the sweep gets one more turn.
        let mut left = SWEEP_PARTS;
        for number in 1..SWEEPS_MAX {
            self.try_cron("*/10 * * * *", now_ms() + number * 600_000).expect("a sweep").expect(200);
            left = if self.read("/healthz")["runs"]["open"] == 0 { left - 1 } else { SWEEP_PARTS };
            if left == 0 {
                return;
            }
        }
        panic!("runs are open after {SWEEPS_MAX} sweeps");
    }

    /// Fires a cron trigger of a Worker that may be killed before it answers.
    pub fn try_cron(&self, trigger: &str, time: i64) -> Result<Reply, ureq::Error> {
        let url = format!(
            "{}/cdn-cgi/handler/scheduled?cron={}&time={time}",
            self.cron_base,
            trigger.replace(' ', "+").replace('*', "%2A")
        );
        // A run may take any amount of time.
        self.get(&url).patient().try_send()
    }

    #[track_caller]
    pub fn weekly(&self, time: i64) {
        self.cron("0 9 * * MON", time);
    }

    /// Settles a past period, as an operator.
    #[track_caller]
    pub fn settle(&self, program: &str, cadence: &str, period: &str) -> Value {
        let body = json!({"program": program, "cadence": cadence, "period": period});
        let mut run = self.post("/v1/runs", &body).operator().send().expect(200).json();
        for _ in 0..SWEEPS_MAX {
            if !self.is_tight || run["state"] == "done" {
                break;
            }
            // Repeating the request continues the run.
            run = self.post("/v1/runs", &body).operator().send().expect(200).json();
        }
        assert_eq!(run["state"], "done", "{run}");
        run
    }

    /// A partner's pending and available cents.
    #[track_caller]
    pub fn balance(&self, partner: &Partner) -> (i64, i64) {
        let answer = self.read(&format!("/v1/partners/{}", partner.id));
        let cents = |name: &str| answer["balances"][0][name].as_i64().unwrap_or(0);
        (cents("pending_cents"), cents("available_cents"))
    }

    #[track_caller]
    pub fn entries(&self, partner: &Partner) -> Vec<Value> {
        let answer = self.read(&format!("/v1/partners/{}/balance-transactions?limit=200", partner.id));
        answer["data"].as_array().expect("entries").clone()
    }

    /// Asserts that the ledger has no errors. True at any time.
    #[track_caller]
    pub fn audit(&self) {
        step("the ledger has no fault");
        assert_eq!(self.read("/v1/ledger/checks"), json!([]));
    }

    /// Every row of the ledger.
    #[track_caller]
    pub fn transfers(&self) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.read(&format!("/v1/ledger/transfers?limit=200&cursor={cursor}"));
            all.extend(page["data"].as_array().expect("rows").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return all,
            }
        }
    }
}

/// A Standard Webhooks signature, made by the library of that name.
pub fn sign(secret: &str, id: &str, second: i64, body: &[u8]) -> String {
    let hook = standardwebhooks::Webhook::new(secret).expect("a webhook secret");
    hook.sign(id, second, body).expect("a signature")
}

/// The value of `Stripe-Signature`. The HMAC's key is the text of the secret itself.
pub fn stripe_signature(secret: &str, second: i64, body: &[u8]) -> String {
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{second}.").as_bytes());
    mac.update(body);
    format!("t={second},v1={}", hex(&mac.finalize().into_bytes()))
}

/// The first Monday, 09:00 UTC, at least `days` from now.
pub fn monday_after(days: i64) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    // 1970-01-05 was a Monday.
    let first_ms = 4 * DAY_MS + 9 * 3_600_000;
    let weeks = (now_ms() + days * DAY_MS - first_ms).div_euclid(7 * DAY_MS) + 1;
    first_ms + weeks * 7 * DAY_MS
}
