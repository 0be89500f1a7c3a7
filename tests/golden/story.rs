//! A case's format, and how its steps become events and runs.

use super::support::world::{World, at};
use manicule::base::time::UtcMillis;
use manicule::engine::touch::{Touch, Trail};
use manicule::program::document::Cadence;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    pub program: String,
    #[allow(dead_code)]
    note: String,
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// The brief and its line, or the rule of the design.
    pub source: String,
    #[serde(default)]
    #[allow(dead_code)]
    note: String,
    /// Without any: one partner of the book's program, `partner`.
    #[serde(default)]
    partners: Vec<Partner>,
    pub story: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Partner {
    name: String,
    program: String,
    email: Option<String>,
}

/// One thing that happens, or what is expected by then.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    #[allow(dead_code)]
    note: String,
    when: Option<String>,
    account: Option<String>,
    email: Option<String>,
    /// The event's id; by default `step` and its number in order.
    event_id: Option<String>,
    /// True for a sign-up.
    signs_up: bool,
    clicked: Vec<Click>,
    /// The partner whose code the event carries.
    typed_code_of: Option<String>,
    /// True for usage, which earns nothing but may carry a code.
    is_active: bool,
    pays: Option<Invoice>,
    pays_every_month: Option<Monthly>,
    is_refunded: Option<Refund>,
    dispute: Option<Dispute>,
    /// True for the whole account.
    cancels: bool,
    starts_subscription: Option<String>,
    cancels_subscription: Option<String>,
    /// `weekly` or `monthly`.
    run: Option<String>,
    runs_every_month: Option<Range>,
    pub expect: Option<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Click {
    link_of: String,
    when: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invoice {
    invoice: String,
    cents: i64,
    #[serde(default)]
    discount_cents: i64,
    #[serde(default)]
    currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Monthly {
    cents: i64,
    months: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refund {
    refund: String,
    invoice: String,
    cents: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dispute {
    /// opened, won or lost.
    news: String,
    invoice: String,
    cents: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: String,
    months: i64,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    pub pending_cents: BTreeMap<String, i64>,
    pub available_cents: BTreeMap<String, i64>,
    pub earned_cents_by_month: BTreeMap<String, BTreeMap<String, i64>>,
    /// Any of: invoice or state_reached, partner, account, rule, earned_cents, net_cents, state, reason, vests_at.
    pub lines: Vec<Map<String, Value>>,
    pub postings: Option<Vec<String>>,
    pub referred_by: BTreeMap<String, Option<String>>,
    pub messages: Option<i64>,
    pub economics: Option<Economics>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Economics {
    pub first_year_of_cents_per_month: i64,
    pub acquisition_cost_cents: i64,
    pub first_year_revenue_cents: i64,
    pub first_year_margin_cents: i64,
    pub margin_over_cost_tenths: i64,
    pub margin_of_other_channels_cents: BTreeMap<String, i64>,
}

/// A case on its way.
pub struct Stage {
    pub world: World,
    pub now: String,
    partners: BTreeMap<String, (String, String, String)>,
    steps: usize,
}

impl Stage {
    pub fn new(program: &str, case: &Case) -> Stage {
        let world = World::new(1);
        let mut partners = BTreeMap::new();
        let mut enrol = |name: &str, program: &str, email: &str| {
            let (id, code) = world.partner(at("2020-01-01T00:00:00Z"), program, name, email).expect("a partner");
            partners.insert(name.to_owned(), (id, code, program.to_owned()));
        };
        for partner in &case.partners {
            let email = partner.email.clone().unwrap_or_else(|| format!("{}@partners.example", partner.name));
            enrol(&partner.name, &partner.program, &email);
        }
        if case.partners.is_empty() {
            enrol("partner", program, "partner@partners.example");
        }
        Stage { world, now: "2020-01-01T00:00:00Z".to_owned(), partners, steps: 0 }
    }

    /// A partner's id, code and program.
    pub fn partner(&self, name: &str) -> &(String, String, String) {
        self.partners.get(name).unwrap_or_else(|| panic!("{name} is not among the case's partners"))
    }

    pub fn name_of(&self, id: &str) -> Option<String> {
        self.partners.iter().find(|(_, (own, ..))| own == id).map(|(name, _)| name.clone())
    }

    pub fn play(&mut self, step: &Step) {
        if let Some(range) = &step.runs_every_month {
            for month in 0..range.months {
                self.run("monthly", at(&range.from).plus_months(month));
            }
            return;
        }
        let when = at(step.when.as_deref().expect("a step says when"));
        if let Some(cadence) = &step.run {
            self.run(cadence, when);
        } else if let Some(monthly) = &step.pays_every_month {
            for month in 0..monthly.months {
                let invoice = format!("{}-{}", step.account.as_deref().unwrap_or_default(), month + 1);
                let rest =
                    json!({"amount": {"cents": monthly.cents, "currency": "usd"}, "data": {"invoice_id": invoice}});
                self.send(step, "invoice.paid", when.plus_months(month), rest);
            }
        } else {
            let (kind, rest) = self.event(step);
            self.send(step, kind, when, rest);
        }
    }

    fn run(&mut self, cadence: &str, when: UtcMillis) {
        let cadence = match cadence {
            "weekly" => Cadence::Weekly,
            "monthly" => Cadence::Monthly,
            other => panic!("no cadence {other}"),
        };
        self.now = when.to_rfc3339();
        let runs = self.world.run(cadence, when).expect("a run");
        assert!(runs.iter().all(|r| r.state == "done"));
    }

    fn event(&self, step: &Step) -> (&'static str, Value) {
        if step.signs_up {
            return ("account.signed_up", json!({}));
        }
        if step.is_active {
            return ("account.active", json!({}));
        }
        if step.cancels {
            return ("account.cancelled", json!({}));
        }
        if let Some(i) = &step.pays {
            let currency = i.currency.as_deref().unwrap_or("usd");
            let data = json!({"invoice_id": i.invoice, "discount_cents": i.discount_cents});
            return ("invoice.paid", json!({"amount": {"cents": i.cents, "currency": currency}, "data": data}));
        }
        if let Some(r) = &step.is_refunded {
            let data = json!({"invoice_id": r.invoice, "refund_id": r.refund});
            return ("invoice.refunded", json!({"amount": {"cents": r.cents, "currency": "usd"}, "data": data}));
        }
        if let Some(d) = &step.dispute {
            let kind = match d.news.as_str() {
                "opened" => "dispute.opened",
                "won" => "dispute.won",
                "lost" => "dispute.lost",
                other => panic!("no news {other}"),
            };
            let data =
                json!({"invoice_id": d.invoice, "dispute_id": format!("dispute of {}", d.invoice).replace(' ', "-")});
            return (kind, json!({"amount": {"cents": d.cents, "currency": "usd"}, "data": data}));
        }
        if let Some(id) = &step.starts_subscription {
            return ("subscription.started", json!({"data": {"subscription_id": id}}));
        }
        let id = step.cancels_subscription.as_deref().expect("a step says what happens");
        ("subscription.cancelled", json!({"data": {"subscription_id": id}}))
    }

    /// Sends an event; it arrives a second after it happened, or after the step before, whichever is later.
    fn send(&mut self, step: &Step, kind: &str, when: UtcMillis, rest: Value) {
        self.steps += 1;
        let id = step.event_id.clone().unwrap_or_else(|| format!("step-{:03}", self.steps));
        let account = step.account.as_deref().expect("an event is about an account");
        let mut body = json!({"id": id, "type": kind, "occurred_at": when.to_rfc3339(),
            "account": {"id": account, "email": step.email}});
        for (key, value) in rest.as_object().expect("an object") {
            body[key] = value.clone();
        }
        if let Some(partner) = &step.typed_code_of {
            body["attribution"] = json!({"code": self.partner(partner).1});
        }
        self.now = self.now.clone().max(when.plus_ms(1_000).to_rfc3339());
        let now = UtcMillis::parse(&self.now).unwrap_or_else(|| when.plus_ms(1_000));
        self.world.take(now, &body, self.trail(&step.clicked)).unwrap_or_else(|e| panic!("{id}: {e}"));
    }

    fn trail(&self, clicks: &[Click]) -> Option<Trail> {
        let touches = clicks.iter().enumerate().map(|(index, click)| {
            let (_, code, program) = self.partner(&click.link_of);
            Touch {
                program: program.clone(),
                code: code.clone(),
                campaign: String::new(),
                click_id: format!("click-{index}"),
                at: at(&click.when),
            }
        });
        (!clicks.is_empty()).then(|| Trail { visitor: "visitor".to_owned(), touches: touches.collect() })
    }
}

pub fn print(at_ms: i64) -> String {
    UtcMillis(at_ms).to_rfc3339()
}
