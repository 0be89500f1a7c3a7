// Subscriptions that begin, change, pause and end.
import { emit } from "../events.mjs";
import { planOf } from "../versions.mjs";
import { Misuse, customerFor, later, named, overridden, priceFor, scenarioFields } from "./parts.mjs";

const DAY = 86_400;

function itemOf(world, subscription, wanted, currency, period) {
  const { store } = world;
  const price = priceFor(world, wanted, currency);
  return {
    id: store.nextId("si"),
    object: "subscription_item",
    billing_thresholds: null,
    created: store.now(),
    current_period_end: period.end ?? later(period.start, price.recurring),
    current_period_start: period.start,
    discounts: [],
    metadata: {},
    plan: planOf(price),
    price,
    quantity: wanted.quantity ?? 1,
    subscription,
    tax_rates: [],
  };
}

export const SUBSCRIPTION_FIELDS = ["customer", "email", "name", "items", "currency", "trial_days", "status", "metadata"];

export function makeSubscription(world, body) {
  const { store } = world;
  const { items, currency = "usd", trial_days = 0, metadata = {} } = body;
  if (!Array.isArray(items) || items.length === 0)
    throw new Misuse("items is a list of {unit_amount, quantity?, interval?, interval_count?, price?, product?}");
  const customer = customerFor(world, body);
  customer.currency ??= currency;
  const start = store.now();
  const trial_end = trial_days ? start + trial_days * DAY : null;
  const id = store.nextId("sub");
  return store.put("subscription", {
    id,
    object: "subscription",
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: trial_end ?? start,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: null, type: "classic" },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, reason: null },
    collection_method: "charge_automatically",
    created: start,
    currency,
    customer: customer.id,
    customer_account: null,
    days_until_due: null,
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    ended_at: null,
    invoice_settings: { account_tax_ids: null, issuer: { type: "self" } },
    items: {
      object: "list",
      data: items.map((wanted) => itemOf(world, id, wanted, currency, { start, end: trial_end })),
      has_more: false,
      total_count: items.length,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    latest_invoice: null,
    livemode: false,
    managed_payments: null,
    metadata,
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: { payment_method_options: null, payment_method_types: null, save_default_payment_method: "off" },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: start,
    status: body.status ?? (trial_end ? "trialing" : "active"),
    test_clock: null,
    transfer_data: null,
    trial_end,
    trial_settings: { end_behavior: { missing_payment_method: "create_invoice" } },
    trial_start: trial_end && start,
  });
}

/** Moves each item to its next period. */
export function renew(subscription) {
  for (const item of subscription.items.data) {
    item.current_period_start = item.current_period_end;
    item.current_period_end = later(item.current_period_start, item.price.recurring);
  }
}

function created(world, body, options) {
  scenarioFields(body, SUBSCRIPTION_FIELDS);
  const subscription = makeSubscription(world, body);
  return {
    customer: subscription.customer,
    subscription: subscription.id,
    emitted: [emit(world, "customer.subscription.created", subscription, options)],
  };
}

function updated(world, body, options) {
  scenarioFields(body, [
    "subscription",
    "items",
    "quantity",
    "status",
    "cancel_at_period_end",
    "end_trial",
    "pause_collection",
    "metadata",
  ]);
  const { store } = world;
  const subscription = named(world, "subscription", body.subscription);
  const before = structuredClone(subscription);
  const [first] = subscription.items.data;
  if (body.items) {
    const period = { start: first.current_period_start, end: first.current_period_end };
    subscription.items.data = body.items.map((wanted) => {
      const price = priceFor(world, wanted, subscription.currency);
      // A different interval begins a new period immediately.
      const same =
        price.recurring.interval === first.price.recurring.interval &&
        price.recurring.interval_count === first.price.recurring.interval_count;
      return itemOf(world, subscription.id, { ...wanted, price: price.id }, subscription.currency, same ? period : { start: store.now() });
    });
    subscription.items.total_count = body.items.length;
  }
  if (body.quantity !== undefined) first.quantity = body.quantity;
  if (body.end_trial) {
    Object.assign(subscription, { status: "active", trial_end: store.now(), billing_cycle_anchor: store.now() });
    for (const item of subscription.items.data) {
      item.current_period_start = store.now();
      item.current_period_end = later(store.now(), item.price.recurring);
    }
  }
  for (const name of ["status", "pause_collection", "metadata"]) if (body[name] !== undefined) subscription[name] = body[name];
  if (body.cancel_at_period_end !== undefined) {
    subscription.cancel_at_period_end = body.cancel_at_period_end;
    subscription.cancel_at = body.cancel_at_period_end ? first.current_period_end : null;
    subscription.canceled_at = body.cancel_at_period_end ? store.now() : null;
  }
  const changed = Object.keys(before).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(subscription[name]));
  const previous = Object.fromEntries(changed.map((name) => [name, before[name]]));
  return {
    customer: subscription.customer,
    subscription: subscription.id,
    emitted: [emit(world, "customer.subscription.updated", subscription, { ...options, previous })],
  };
}

function deleted(world, body, options) {
  scenarioFields(body, ["subscription", "reason"]);
  const subscription = named(world, "subscription", body.subscription);
  const now = world.store.now();
  Object.assign(subscription, { status: "canceled", canceled_at: now, ended_at: now, cancel_at_period_end: false });
  subscription.cancellation_details.reason = body.reason ?? "cancellation_requested";
  return {
    customer: subscription.customer,
    subscription: subscription.id,
    emitted: [emit(world, "customer.subscription.deleted", subscription, options)],
  };
}

export const subscriptions = {
  subscription_created: created,
  subscription_updated: updated,
  subscription_deleted: deleted,
};
