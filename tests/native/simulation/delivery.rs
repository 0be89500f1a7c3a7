//! Hands events to the product: the host's as the canonical webhook would, Stripe's as Stripe's webhook would.

use super::facts::{Register, Sent};
use super::history::touchpoints;
use crate::support::world::{World, now as done};
use manicule::base::time::UtcMillis;
use manicule::codec::attribution::cookie;
use manicule::codec::attribution::cookie::SignedCookie;
use manicule::codec::stripe;
use manicule::codec::stripe::StripeEndpoint;
use manicule::http::config::Config;
use manicule::service::account::stripe_customer;
use manicule::service::error::AppError;
use manicule::service::event::stripe_in;
use serde_json::{Value, json};

const KEY: &str = "k1:c3a91f0e7b54d26803f18e9c6ad7452b90e6137f48bd5ca21f73d0846be95a1c";
/// Maximum number of invocations until everything about customers and payments is joined.
const SWEEPS_MAX: u32 = 100;

/// A world whose tokens are signed.
pub fn world(seed: u64) -> World {
    World { setup: config().setup, ..World::new(seed) }
}

fn config() -> Config {
    Config::read(|name| if name == "COOKIE_KEYS" { KEY.to_owned() } else { String::new() })
}

/// Delivers an event at `now`. Returns whether it was new.
pub fn send(world: &World, now: i64, event: &Sent, register: &Register) -> Result<bool, AppError> {
    let now = UtcMillis(now);
    let Some(body) = body_of(event, register) else {
        return world.take(now, &event.body, touchpoints(register, event)).map(|taken| taken.first);
    };
    let first = !is_stored(world, event);
    let translated = stripe::parse(body.to_string().as_bytes(), StripeEndpoint::Own, now)?;
    done(stripe_in::take(&world.at(now), &translated, false))?;
    Ok(first)
}

/// Stripe's body, with the token of its checkout.
fn body_of(event: &Sent, register: &Register) -> Option<Value> {
    let mut body = event.stripe.clone()?;
    if let Some(touchpoints) = touchpoints(register, event) {
        let keys = config().cookie_keys.expect("keys");
        let token = cookie::write(&keys, &SignedCookie::of(touchpoints, UtcMillis(event.at)));
        // A long reference is cut by Stripe, so that it is in the metadata.
        let object = &mut body["data"]["object"];
        if token.len() <= 200 {
            object["client_reference_id"] = json!(token);
        } else {
            object["metadata"] = json!({"manicule_token": token});
        }
    }
    Some(body)
}

pub fn is_stored(world: &World, event: &Sent) -> bool {
    let table = if event.stripe.is_some() { "stripe_event" } else { "event" };
    let connection = world.db.connection.borrow();
    let mut statement = connection.prepare_cached(&format!("SELECT 1 FROM {table} WHERE id = ?1")).expect("a query");
    statement.exists([&event.id]).expect("an answer")
}

/// Finishes what a delivery has left to the sweep: customers to join, refunds whose payment is known by now.
pub fn catch_up(world: &World, now: i64) -> Result<(), String> {
    for _ in 0..SWEEPS_MAX {
        let customers = "SELECT COUNT(*) FROM stripe_customer WHERE needs_recompute_since_ms IS NOT NULL";
        let waiting =
            "SELECT COUNT(*) FROM stripe_waiting w JOIN stripe_payment p ON p.id IN (w.payment_intent, w.charge)";
        if world.db.number(customers) > 0 {
            done(stripe_customer::process_marked(&world.at(UtcMillis(now)), 1)).map_err(|e| e.to_string())?;
        } else if world.db.number(waiting) > 0 {
            done(stripe_in::release(&world.at(UtcMillis(now)), 20)).map_err(|e| e.to_string())?;
        } else {
            return Ok(());
        }
    }
    Err("customers or refunds stay where they are".to_owned())
}
