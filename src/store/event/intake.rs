//! Events as they come in: what is known of them already, and storing them. One statement stores any number of events.

use crate::base::ids::EventId;
use crate::base::time::UtcMillis;
use crate::engine::account::fact::VerifiedCredential;
use crate::engine::attribution::touch::Touch;
use crate::engine::event::{Event, Person};
use crate::engine::link::fingerprints;
use crate::store::account::customer;
use crate::store::event::{EventState, codes_of};
use crate::store::port::{GIVEN, Stmt, json_pages, json_text};
use crate::store::program::in_force;
use crate::store::query::{Parsed, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The source of Stripe's facts.
const STRIPE: &str = customer::SOURCE;

/// An event that was ingested before.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    pub id: EventId,
    pub body_sha256: String,
    pub outcome: String,
}

/// Those of the events that were ingested.
pub fn events_seen(ids: &[&str]) -> Query<Seen> {
    Stmt::new("SELECT id, body_sha256, outcome FROM event WHERE id IN (SELECT value FROM json_each(?1))")
        .json(&ids)
        .query()
}

/// Everything that is stored about one event.
pub struct Intake<'a> {
    pub event: &'a Event,
    pub source: &'a str,
    pub body_sha256: &'a str,
    pub presented: &'a VerifiedCredential,
    pub outcome: String,
    pub state: EventState,
}

pub fn event_insert(intakes: &[Intake], now: UtcMillis) -> Vec<Stmt> {
    let rows: Vec<Value> = intakes.iter().map(event_row).collect();
    let insert = |page| {
        Stmt::new(format!(
            "{GIVEN} INSERT INTO event (id, source, type, account_id, invoice_id, occurred_at_ms, received_at_ms, body_sha256, payload,
               credential, codes, outcome, email_domain, domain, state)
             SELECT row ->> '$.id', row ->> '$.source', row ->> '$.type', row ->> '$.account', row ->> '$.invoice', row ->> '$.at', ?2,
               row ->> '$.sha256', row ->> '$.payload', row ->> '$.credential', row ->> '$.codes', row ->> '$.outcome',
               row ->> '$.email_domain', row ->> '$.domain', row ->> '$.state' FROM given"
        ))
        .bind(page)
        .bind(now)
    };
    json_pages(&rows).into_iter().map(insert).collect()
}

fn event_row(intake: &Intake) -> Value {
    let Intake { event, presented, .. } = intake;
    json!({
        "id": event.id, "source": intake.source, "type": event.kind, "account": event.account_id,
        "invoice": event.payload.invoice_id(), "at": event.occurred_at, "sha256": intake.body_sha256,
        "payload": json_text(&event.payload), "credential": json_text(presented), "codes": json_text(&codes_of(&event.payload, presented)),
        "outcome": intake.outcome, "email_domain": event.person.keys.email_domain,
        "domain": event.payload.domain(), "state": intake.state.name(),
    })
}

/// What events say of persons, if it is not what was known already: the latest of each before it. Stripe's facts can move to
/// another account one by one, so each keeps its own.
pub fn event_person_insert(intakes: &[Intake]) -> Vec<Stmt> {
    let rows: Vec<Value> = intakes.iter().filter_map(person_row).collect();
    let is_known = |column: &str| {
        format!(
            "({column} IS NULL OR {column} IS (SELECT {column} FROM (
               SELECT p.{column}, e.occurred_at_ms AS at, e.id FROM event_person p CROSS JOIN event e ON e.id = p.event_id
               WHERE p.account_id = said.account AND p.{column} IS NOT NULL AND e.source <> '{STRIPE}' AND (e.occurred_at_ms, e.id) < (said.at, said.id)
               UNION ALL SELECT o.{column}, o.at, o.id FROM said o
               WHERE o.account = said.account AND o.{column} IS NOT NULL AND o.source <> '{STRIPE}' AND (o.at, o.id) < (said.at, said.id))
               ORDER BY at DESC, id DESC LIMIT 1))"
        )
    };
    let all = ["email", "name", "stripe_customer"].map(is_known).join(" AND ");
    let sql = format!(
        "{GIVEN}, said AS MATERIALIZED (SELECT row ->> '$.id' AS id, row ->> '$.account' AS account, row ->> '$.email' AS email,
             row ->> '$.name' AS name, row ->> '$.customer' AS stripe_customer, row ->> '$.mailbox' AS mailbox, row ->> '$.address' AS address,
             row ->> '$.source' AS source, row ->> '$.at' AS at FROM given)
         INSERT INTO event_person (event_id, account_id, email, name, stripe_customer, mailbox, address)
         SELECT id, account, email, name, stripe_customer, mailbox, address FROM said WHERE source = '{STRIPE}' OR NOT ({all})"
    );
    json_pages(&rows).into_iter().map(|page| Stmt::new(sql.clone()).bind(page)).collect()
}

fn person_row(intake: &Intake) -> Option<Value> {
    let Event { id, account_id, occurred_at, person, .. } = intake.event;
    let Person { email, name, stripe_customer, keys, .. } = person;
    // Without an account nobody is matched by it, and nobody could have it erased.
    let says = account_id.is_some() && (email.is_some() || name.is_some() || stripe_customer.is_some());
    says.then(|| {
        json!({
            "id": id, "account": account_id, "email": email, "name": name, "customer": stripe_customer,
            "mailbox": keys.mailbox, "address": keys.address, "source": intake.source, "at": occurred_at,
        })
    })
}

/// What became of an event: `stored` if no decision uses it, `waiting` if its account is to be decided again, or `applied`.
#[derive(Clone, Debug, Deserialize)]
pub struct EventOutcome {
    pub id: EventId,
    pub outcome: String,
}

pub fn event_outcomes(ids: &[&str]) -> Query<EventOutcome> {
    Stmt::new(
        "SELECT e.id, CASE WHEN e.state = 'moot' THEN 'stored' WHEN a.needs_recompute_since_ms IS NOT NULL THEN 'waiting' ELSE 'applied' END AS outcome
         FROM json_each(?1) CROSS JOIN event e ON e.id = value LEFT JOIN account a ON a.id = e.account_id",
    )
    .json(&ids)
    .query()
}

/// A visitor of an event, and when that happened.
#[derive(Clone, Debug, Serialize)]
pub struct EventVisitor {
    event: EventId,
    fingerprints: Vec<String>,
    at: UtcMillis,
}

impl EventVisitor {
    /// `None`: the event names nobody.
    pub fn of(event: &Event) -> Option<EventVisitor> {
        Some(EventVisitor::new(&event.id, event.credential.visitor.as_deref()?, event.occurred_at))
    }

    pub fn new(event: &EventId, visitor: &str, at: UtcMillis) -> EventVisitor {
        let fingerprints = fingerprints::split(visitor).into_iter().map(str::to_owned).collect();
        EventVisitor { event: event.clone(), fingerprints, at }
    }
}

/// The event that a visitor's clicks are for.
#[derive(Clone, Debug, Deserialize)]
pub struct ForEvent {
    pub event: EventId,
}

/// Clicks of events' visitors, as touches: of each program the first and the last inside its window at the event, then of each
/// partner, then the latest. One of them decides, and of two partners both are there.
pub fn visitor_clicks(visitors: &[EventVisitor]) -> Parsed<Vec<(ForEvent, Touch)>> {
    let place = |partition: &str| {
        let rank = |direction: &str| {
            format!(
                "ROW_NUMBER() OVER (PARTITION BY event, {partition} ORDER BY inside DESC, clicked_at_ms{direction})"
            )
        };
        format!("MIN({}, {})", rank(""), rank(" DESC"))
    };
    Stmt::new(format!(
        "WITH visitor AS MATERIALIZED (SELECT value ->> '$.event' AS event, value ->> '$.at' AS at, value -> '$.fingerprints' AS fingerprints FROM json_each(?1)),
          clicked AS (SELECT click.*, v.event, v.at, clicked_at_ms <= v.at + 300000 AND clicked_at_ms > v.at - 86400000 * (SELECT document ->> '$.attribution.window_days'
              FROM program_version p WHERE p.program_id = click.program_id AND version = (SELECT version FROM {in_force})) AS inside
            FROM visitor v CROSS JOIN json_each(v.fingerprints) f CROSS JOIN click ON click.fingerprint = f.value),
          placed AS (SELECT *, {} AS place, {} AS among FROM clicked),
          ranked AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY event ORDER BY place > 1, among > 1, clicked_at_ms DESC) AS rank FROM placed)
         SELECT event, program_id AS program, code, COALESCE(campaign, '') AS campaign, id AS click_id, clicked_at_ms AS at
         FROM ranked WHERE rank <= 50 ORDER BY event, clicked_at_ms DESC, click_id",
        place("program_id"),
        place("program_id, partner_id"),
        in_force = in_force("click.program_id", "v.at"),
    ))
    .json(&visitors)
    .pairs()
}
