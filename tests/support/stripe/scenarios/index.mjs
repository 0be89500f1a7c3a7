// All scenarios by name: each creates objects, emits their events, and returns the ids.
import { change } from "../api/accounts.mjs";
import { reverse } from "../api/transfers.mjs";
import { emit, emitThin } from "../events.mjs";
import { Refusal } from "../errors.mjs";
import { checkouts, completeCheckout } from "./checkout.mjs";
import { creditNotes } from "./credit-notes.mjs";
import { disputes } from "./disputes.mjs";
import { emitPaid, invoices, makePaidInvoice, told } from "./invoices.mjs";
import { Misuse, customerFor, named, overridden, scenarioFields } from "./parts.mjs";
import { refunds } from "./refunds.mjs";
import { SUBSCRIPTION_FIELDS, makeSubscription, subscriptions } from "./subscriptions.mjs";

function customer(world, body) {
  scenarioFields(body, ["email", "name"]);
  return { customer: customerFor(world, body).id, emitted: [] };
}

/** The result of completing a checkout: a subscription, its first invoice, and the completed session. */
function subscribe(world, body, options) {
  scenarioFields(body, [...SUBSCRIPTION_FIELDS, "client_reference_id", "discount", "tax", "noise"]);
  const subscription = makeSubscription(world, body);
  const emitted = [emit(world, "customer.subscription.created", subscription, options)];
  const made = makePaidInvoice(world, { subscription: subscription.id, discount: body.discount, tax: body.tax });
  emitted.push(...emitPaid(world, made, options, body.noise));
  const { email, name, client_reference_id } = body;
  const session = completeCheckout(world, { email, name, client_reference_id, subscription: subscription.id }, options);
  return { ...told(made), subscription: subscription.id, session: session.session, emitted: [...emitted, ...session.emitted] };
}

/** A change to an account that Stripe reports, in any of its fields. */
function accountUpdated(world, body, options) {
  scenarioFields(body, ["account", "changes"]);
  const account = named(world, "account", body.account);
  overridden(structuredClone(account), body.changes);
  return { account: account.id, emitted: [change(world, account, body.changes ?? {}, options)] };
}

/** Someone reverses a transfer in Stripe's dashboard. */
function transferReversed(world, body, options) {
  scenarioFields(body, ["transfer", "amount"]);
  named(world, "transfer", body.transfer);
  try {
    const { reversal, event, done } = reverse(world, { amount: body.amount, ...options }, { id: body.transfer });
    return { transfer: body.transfer, reversal: reversal.id, amount: reversal.amount, emitted: [{ event, done }] };
  } catch (error) {
    throw error instanceof Refusal ? new Misuse(error.message) : error;
  }
}

/** Any event, if no scenario creates it. */
function event(world, body, options) {
  scenarioFields(body, ["type", "object", "account", "previous_attributes"]);
  if (!body.type || typeof body.object !== "object") throw new Misuse("an event has a type and an object");
  return { emitted: [emit(world, body.type, body.object, { ...options, account: body.account, previous: body.previous_attributes })] };
}

/** An event of ids alone, about an object that exists. */
function thinEvent(world, body, options) {
  scenarioFields(body, ["type", "related", "without_related"]);
  if (!body.type) throw new Misuse("a thin event has a type, v1.invoice.paid");
  const { type, id } = body.related ?? {};
  if (id) named(world, type, id);
  const related = id ? { id, type, url: `/v1/${type}s/${id}` } : null;
  return { emitted: [emitThin(world, body.type, related, { ...options, hidden: body.without_related })] };
}

export const SCENARIOS = {
  customer,
  subscribe,
  account_updated: accountUpdated,
  transfer_reversed: transferReversed,
  event,
  thin_event: thinEvent,
  ...checkouts,
  ...creditNotes,
  ...subscriptions,
  ...invoices,
  ...refunds,
  ...disputes,
};
