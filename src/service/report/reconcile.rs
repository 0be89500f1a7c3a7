//! Reconciliation: compares what the billing system says about accounts' subscriptions with what their events said.
//! Differences are reported, and repaired by ingesting the missed events, so that everything still follows from facts.

use crate::base::id;
use crate::base::ids::AccountId;
use crate::base::time::UtcMillis;
use crate::codec::operator::{BilledAccount, ReconciliationRequest};
use crate::engine::account::fact::VerifiedCredential;
use crate::engine::account::timeline::{ActiveSubscription, Timeline};
use crate::engine::event::{Credential, Event, Payload, Person, Subscription};
use crate::service::account::facts::AccountFacts;
use crate::service::context::{Context, Ports};
use crate::service::error::AppError;
use crate::service::event::conversion;
use crate::service::event::conversion::{Incoming, TAKE_USUALLY};
use crate::store::event::FactReads;
use crate::store::{event as events, program};
use serde_json::{Value, json};

/// One change that events missed.
struct MissedEvent {
    account: AccountId,
    subscription: String,
    kind: &'static str,
    payload: Payload,
}

/// Compares, and repairs if requested. A repeat finds nothing left to repair, or the rest if the response was not
/// complete.
pub async fn reconcile<P: Ports>(ctx: &Context<'_, P>, request: &ReconciliationRequest) -> Result<Value, AppError> {
    reconcile_those(ctx, request, |_| true).await
}

/// The same, limited to the subscriptions that `speaks_of` selects.
pub async fn reconcile_those<P: Ports>(
    ctx: &Context<'_, P>,
    request: &ReconciliationRequest,
    speaks_of: impl Fn(&str) -> bool,
) -> Result<Value, AppError> {
    let ids: Vec<AccountId> = request.accounts.iter().map(|a| a.id.clone()).collect();
    let (facts, catalog) =
        ctx.read((events::fact_list(&ids, &[], &[], (FactReads::All, "")), program::programs())).await?;
    let facts = AccountFacts::new(facts);
    let own: Vec<String> = catalog.all_in_force(request.as_of).into_iter().map(|d| d.currency.clone()).collect();
    let mut missed = Vec::new();
    let mut unknown = Vec::new();
    for billed in &request.accounts {
        let about = facts.about(&billed.id);
        let timeline = Timeline::of(&billed.id, &about, request.as_of.plus_ms(1));
        if timeline.facts.is_empty() {
            unknown.push(billed.id.clone());
        } else {
            let active: Vec<ActiveSubscription> = timeline.active.into_iter().filter(|a| speaks_of(&a.id)).collect();
            missed.extend(compare(billed, &active, &own));
        }
    }
    if request.repair && !missed.is_empty() {
        note(ctx, request.as_of, &missed).await?;
    }
    let mut rows = Vec::new();
    let mut complete = true;
    for item in missed {
        // What does not fit into this invocation is repaired by the next request.
        complete = complete && (!request.repair || ctx.has_room(TAKE_USUALLY));
        let repaired = request.repair
            && complete
            && match repair(ctx, &item, request.as_of).await {
                Err(error) if error.is_cut_off() => {
                    complete = false;
                    false
                }
                repaired => repaired?,
            };
        rows.push(json!({
            "account": item.account, "subscription_id": item.subscription, "missed": item.kind, "repaired": repaired,
        }));
    }
    Ok(json!({
        "as_of": request.as_of.to_rfc3339(), "accounts": request.accounts.len(), "unknown_accounts": unknown, "missed": rows,
        "complete": complete,
    }))
}

/// The events to be ingested are recorded in the audit trail first, so that a repair that was cut off is recorded too.
async fn note<P: Ports>(ctx: &Context<'_, P>, as_of: UtcMillis, missed: &[MissedEvent]) -> Result<(), AppError> {
    let missed_events: Vec<Value> = missed
        .iter()
        .map(|m| json!({"account": m.account, "subscription_id": m.subscription, "missed": m.kind}))
        .collect();
    let after = json!({"taken_in": missed_events});
    ctx.query(ctx.audit("accounts.reconcile", &as_of.to_rfc3339(), None, None, Some(after))).await?;
    Ok(())
}

fn compare(billed: &BilledAccount, active: &[ActiveSubscription], own: &[String]) -> Vec<MissedEvent> {
    let item = |id: &str, kind, payload| MissedEvent {
        account: billed.id.clone(),
        subscription: id.to_owned(),
        kind,
        payload,
    };
    let gone = active.iter().filter(|a| !billed.subscriptions.iter().any(|billed| billed.subscription_id == a.id));
    let gone = gone.map(|a| {
        let subscription = Subscription {
            subscription_id: a.id.clone(),
            monthly_cents: None,
            annual_value_cents: None,
            currency: None,
        };
        item(&a.id, "subscription.cancelled", Payload::SubscriptionCancelled(subscription))
    });
    let missed_events = billed.subscriptions.iter().filter_map(|billed| {
        let id = &billed.subscription_id;
        match active.iter().find(|a| a.id == *id) {
            None => Some(item(id, "subscription.started", Payload::SubscriptionStarted(billed.clone()))),
            Some(known) if !is_worth(known, billed, own) => {
                Some(item(id, "subscription.updated", Payload::SubscriptionUpdated(billed.clone())))
            }
            Some(_) => None,
        }
    });
    gone.chain(missed_events).collect()
}

/// Whether a subscription was last reported with its monthly price. If only its annual value was reported, the price may
/// be a rounded twelfth. Amounts of two currencies are different, whatever their numbers; an amount without one is in
/// the currency of some program (`own`).
fn is_worth(known: &ActiveSubscription, billed: &Subscription, own: &[String]) -> bool {
    let Some(price) = billed.monthly_cents else { return true };
    let Some(reported) = &known.reported else { return false };
    let same_currency = match (&reported.currency, &billed.currency) {
        (Some(reported), Some(billed)) => reported == billed,
        (Some(one), None) | (None, Some(one)) => own.contains(one),
        (None, None) => true,
    };
    let same_price = match (reported.monthly_cents, reported.annual_value_cents) {
        (Some(monthly), _) => monthly == price,
        (None, Some(annual)) => {
            let twelfth = annual.0.div_euclid(12);
            price.0 == twelfth || (annual.0 % 12 != 0 && price.0 == twelfth + 1)
        }
        (None, None) => false,
    };
    same_currency && same_price
}

/// Ingests the missed event, with an id derived from its content.
async fn repair<P: Ports>(ctx: &Context<'_, P>, item: &MissedEvent, as_of: UtcMillis) -> Result<bool, AppError> {
    let stamp = as_of.0.to_string();
    let event_id = id::derived("rec", &[&item.account, &item.subscription, item.kind, &stamp]);
    let event = Event {
        id: event_id.as_str().into(),
        kind: item.kind.to_owned(),
        occurred_at: as_of,
        account_id: Some(item.account.clone()),
        person: Person::default(),
        credential: Credential::default(),
        payload: item.payload.clone(),
    };
    let incoming = Incoming {
        source: "reconciliation",
        body_sha256: event_id,
        event,
        presented: VerifiedCredential::default(),
        payment: None,
    };
    Ok(conversion::take(ctx, &incoming).await?.first)
}
