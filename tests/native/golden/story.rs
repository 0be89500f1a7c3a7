//! Turns a case's steps into events and runs.

use super::case::{Case, Step};
use super::case::{Click, Clients, Decision, Partner};
use crate::support::world::{World, at};
use manicule::base::time::UtcMillis;
use manicule::codec::operator::NewPartner;
use manicule::engine::attribution::touch::{Touch, TouchHistory};
use manicule::engine::settlement::RunState;
use manicule::program::document::Cadence;
use manicule::service::review::ReviewDecision;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// When partners are enrolled: 2020-01-01.
const START: UtcMillis = UtcMillis(1_577_836_800_000);

/// A case that is being run.
pub struct Stage {
    pub world: World,
    pub now: String,
    partners: BTreeMap<String, (String, String, String)>,
    /// Additional links by name, stored like partners.
    links: BTreeMap<String, (String, String, String)>,
    steps: usize,
    /// Events that wait to be imported, if the story is.
    to_import: Option<Vec<(Value, Option<TouchHistory>)>>,
}

/// Events of one import.
const CHUNK: usize = 37;

impl Stage {
    pub fn new(program: &str, case: &Case, statements_max: u64) -> Stage {
        let world = World::new(1);
        world.statements_max.set(Some(statements_max));
        let mut partners = BTreeMap::new();
        let mut enrol = |name: &str, program: &str, email: &str| {
            let (id, code) = world.partner(START, program, name, email).expect("a partner");
            partners.insert(name.to_owned(), (id, code, program.to_owned()));
        };
        if case.partners.is_empty() {
            enrol("partner", program, "partner@partners.example");
        }
        let mut stage =
            Stage { world, now: START.to_rfc3339(), partners, links: BTreeMap::new(), steps: 0, to_import: None };
        for partner in &case.partners {
            stage.enrol(partner);
        }
        stage
    }

    /// A stage without partners.
    #[allow(dead_code, reason = "cases name theirs")]
    pub fn empty(statements_max: u64) -> Stage {
        let (partners, links) = (BTreeMap::new(), BTreeMap::new());
        let world = World::new(1);
        world.statements_max.set(Some(statements_max));
        Stage { world, now: START.to_rfc3339(), partners, links, steps: 0, to_import: None }
    }

    /// The same, with events imported in any order before anything else happens or is looked at.
    pub fn imported(self) -> Stage {
        Stage { to_import: Some(Vec::new()), ..self }
    }

    /// Imports the events that wait.
    pub fn import(&mut self) {
        let Some(events) = &mut self.to_import else { return };
        let mut events = std::mem::take(events);
        for last in (1..events.len()).rev() {
            let other = usize::try_from(self.world.below(last as u64 + 1)).unwrap_or(0);
            events.swap(last, other);
        }
        for events in events.chunks(CHUNK) {
            let outcomes = self.world.import(at(&self.now), events);
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        }
        self.world.catch_up(at(&self.now));
    }

    pub fn enrol(&mut self, partner: &Partner) {
        let email = partner.email.clone().unwrap_or_else(|| format!("{0}@{0}.example", partner.name));
        let new = NewPartner {
            program: partner.program.clone().into(),
            external_id: partner.name.clone(),
            name: Some(partner.name.clone()),
            email: Some(email),
            website: partner.website.clone(),
            country: None,
            kind: partner.kind.clone(),
            disclosure_accepted: !partner.undisclosed,
            code: None,
        };
        let (id, code) = self.world.enrol(START, &new).expect("a partner");
        for (name, source) in &partner.links {
            let code = self.world.link_of(START, &id, Some(source)).expect("a link");
            self.links.insert(name.clone(), (id.clone(), code, partner.program.clone()));
        }
        self.partners.insert(partner.name.clone(), (id, code, partner.program.clone()));
    }

    /// A partner's id, code and program.
    pub fn partner(&self, name: &str) -> &(String, String, String) {
        let found = self.partners.get(name).or_else(|| self.links.get(name));
        found.unwrap_or_else(|| panic!("{name} is not among the case's partners"))
    }

    pub fn name_of(&self, id: &str) -> Option<String> {
        self.partners.iter().find(|(_, (own, ..))| own == id).map(|(name, _)| name.clone())
    }

    pub fn play(&mut self, step: &Step) {
        if step.runs_every_month.is_some()
            || step.run.is_some()
            || step.funds_pool_cents.is_some()
            || step.reviewed.is_some()
        {
            self.import();
        }
        if let Some(range) = &step.runs_every_month {
            for month in 0..range.months {
                self.run("monthly", at(&range.from).plus_months(month));
            }
            return;
        }
        let when = at(step.when.as_deref().expect("a step says when"));
        if let Some(cadence) = &step.run {
            self.run(cadence, when);
        } else if let Some(cents) = step.funds_pool_cents {
            self.now = when.to_rfc3339();
            let program = self.partners.values().next().expect("a partner").2.clone();
            self.world.fund(when, &program, cents).expect("the budget is funded");
        } else if let Some(decision) = &step.reviewed {
            self.review(step, when, decision);
        } else if let Some(clients) = &step.brings {
            self.bring(step, when, clients);
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

    fn review(&mut self, step: &Step, when: UtcMillis, decision: &Decision) {
        let account = step.account.as_deref().unwrap_or_default();
        let rows = self.world.db.look(&format!(
            "SELECT id FROM review WHERE account_id = '{account}' AND rule = '{}' AND state = 'open'",
            decision.rule
        ));
        let id = rows.first().unwrap_or_else(|| panic!("nothing to review about {account}"))["id"].clone();
        self.now = when.to_rfc3339();
        let choice = if decision.release { ReviewDecision::Release } else { ReviewDecision::Reject };
        self.world.decide(when, id.as_str().unwrap_or_default(), choice).expect("the review is decided");
        self.world.catch_up(when);
    }

    fn bring(&mut self, step: &Step, when: UtcMillis, clients: &Clients) {
        for number in 0..clients.clients {
            let account = format!("{}-{}", clients.named, number + 1);
            let at = when.plus_ms(60_000 * number);
            let code = self.partner(&clients.code_of).1.clone();
            self.send_about(step, "account.signed_up", at, &account, json!({"attribution": {"code": code}}));
            for month in 0..clients.months {
                let rest = json!({"amount": {"cents": clients.cents, "currency": "usd"},
                    "data": {"invoice_id": format!("{account}-{}", month + 1)}});
                self.send_about(step, "invoice.paid", at.plus_ms(1_000).plus_months(month), &account, rest);
            }
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
        assert!(runs.iter().all(|r| r.state == RunState::Done));
    }

    fn event<'a>(&self, step: &'a Step) -> (&'a str, Value) {
        if step.signs_up {
            let team = step.uses.as_ref().and_then(|u| u.team);
            return ("account.signed_up", json!({"data": {"team_size": team}}));
        }
        if let Some(u) = &step.uses {
            return ("account.active", json!({"data": {"api_calls": u.api_calls, "team_size": u.team}}));
        }
        if let Some(e) = &step.event {
            let mut rest = json!({"data": e.data});
            if let Some(agency) = &e.agency {
                rest["data"]["agency_code"] = json!(self.partner(agency).1);
            }
            if let Some(cents) = e.cents {
                rest["amount"] = json!({"cents": cents, "currency": "usd"});
            }
            return (&e.kind, rest);
        }
        if let Some(s) = &step.starts {
            let data = json!({"subscription_id": s.subscription, "annual_value_cents": s.annual_cents,
                "monthly_cents": s.monthly_cents});
            return ("subscription.started", json!({"data": data}));
        }
        if step.is_active {
            return ("account.active", json!({}));
        }
        if step.cancels {
            return ("account.cancelled", json!({}));
        }
        if let Some(i) = &step.pays {
            let currency = i.currency.as_deref().unwrap_or("usd");
            let data = json!({"invoice_id": i.invoice, "discount_cents": i.discount_cents, "months": i.months,
                "subscription_id": i.subscription});
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

    /// Sends an event. It arrives a second after it happened, or after the previous step, whichever is later.
    fn send(&mut self, step: &Step, kind: &str, when: UtcMillis, rest: Value) {
        self.send_about(step, kind, when, step.account.as_deref().unwrap_or_default(), rest);
    }

    fn send_about(&mut self, step: &Step, kind: &str, when: UtcMillis, account: &str, rest: Value) {
        self.steps += 1;
        let id = step.event_id.clone().unwrap_or_else(|| format!("step-{:03}", self.steps));
        let mut body = json!({"id": id, "type": kind, "occurred_at": when.to_rfc3339()});
        if !account.is_empty() {
            body["account"] = json!({"id": account, "email": step.email});
        }
        for (key, value) in rest.as_object().expect("an object") {
            body[key] = value.clone();
        }
        if let Some(partner) = &step.typed_code_of {
            body["attribution"] = json!({"code": self.partner(partner).1});
        }
        self.now = self.now.clone().max(when.plus_ms(1_000).to_rfc3339());
        let now = UtcMillis::parse(&self.now).unwrap_or_else(|| when.plus_ms(1_000));
        let touchpoints = self.touchpoints(&step.clicked);
        if let Some(events) = &mut self.to_import {
            events.push((body, touchpoints));
            return;
        }
        self.world.take(now, &body, touchpoints).unwrap_or_else(|e| panic!("{id}: {e}"));
        self.world.catch_up(now);
    }

    fn touchpoints(&self, clicks: &[Click]) -> Option<TouchHistory> {
        let touches = clicks.iter().enumerate().map(|(index, click)| {
            let (_, code, program) = self.partner(&click.link_of);
            Touch {
                program: program.clone().into(),
                code: code.clone().into(),
                campaign: String::new(),
                click_id: format!("click-{index}"),
                at: at(&click.when),
            }
        });
        (!clicks.is_empty()).then(|| TouchHistory { visitor: "visitor".to_owned(), touches: touches.collect() })
    }
}

pub fn print(at_ms: i64) -> String {
    UtcMillis(at_ms).to_rfc3339()
}
