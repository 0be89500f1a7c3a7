// Refunds: in full or in part, pending, settled, failed.
import { emit } from "../events.mjs";
import { Misuse, named, scenarioFields } from "./parts.mjs";

/** The charge that a body refers to: directly, or as the first one that paid the invoice or the intent. */
export function chargeOf(world, { charge, invoice, payment_intent }) {
  if (charge) return named(world, "charge", charge);
  const intent =
    payment_intent ?? world.store.all("invoice_payment").find((payment) => payment.invoice === invoice)?.payment.payment_intent;
  const found = world.store.all("charge").find((one) => intent && one.payment_intent === intent);
  if (!found) throw new Misuse("name a charge, a payment_intent or an invoice that was paid");
  return found;
}

function refund(world, body, options) {
  scenarioFields(body, ["charge", "invoice", "payment_intent", "amount", "status", "reason", "metadata"]);
  const { store } = world;
  const charge = chargeOf(world, body);
  const rest = charge.amount - charge.amount_refunded;
  const amount = body.amount ?? rest;
  if (!(amount > 0 && amount <= rest)) throw new Misuse(`${charge.id} has ${rest} left to refund`);
  const status = body.status ?? "succeeded";
  if (!["succeeded", "pending"].includes(status))
    throw new Misuse("status is succeeded or pending; a failure comes later, by refund_failed");
  const made = store.put("refund", {
    id: store.nextId("re"),
    object: "refund",
    amount,
    balance_transaction: store.nextId("txn"),
    charge: charge.id,
    created: store.now(),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    destination_details: {
      card: { reference: null, reference_status: "pending", reference_type: "acquirer_reference_number", type: "refund" },
      type: "card",
    },
    metadata: body.metadata ?? {},
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: body.reason ?? "requested_by_customer",
    receipt_number: null,
    source_transfer_reversal: null,
    status,
    transfer_reversal: null,
  });
  const previous = { amount_refunded: charge.amount_refunded, refunded: charge.refunded };
  charge.amount_refunded += amount;
  charge.refunded = charge.amount_refunded === charge.amount;
  const emitted = [emit(world, "refund.created", made, options), emit(world, "charge.refunded", charge, { ...options, previous })];
  return { refund: made.id, charge: charge.id, amount, amount_refunded: charge.amount_refunded, emitted };
}

function updated(world, body, options) {
  scenarioFields(body, ["refund", "status", "metadata"]);
  const made = named(world, "refund", body.refund);
  const previous = {};
  for (const name of ["status", "metadata"]) {
    if (body[name] === undefined) continue;
    previous[name] = made[name];
    made[name] = body[name];
  }
  return { refund: made.id, charge: made.charge, emitted: [emit(world, "refund.updated", made, { ...options, previous })] };
}

/** The bank returns the money, so the charge is not refunded after all. */
function failed(world, body, options) {
  scenarioFields(body, ["refund", "failure_reason"]);
  const made = named(world, "refund", body.refund);
  if (made.status === "failed") throw new Misuse(`${made.id} has failed already`);
  const charge = named(world, "charge", made.charge);
  const previous = { status: made.status };
  Object.assign(made, {
    status: "failed",
    failure_reason: body.failure_reason ?? "expired_or_canceled_card",
    failure_balance_transaction: world.store.nextId("txn"),
  });
  charge.amount_refunded -= made.amount;
  charge.refunded = false;
  const emitted = ["refund.updated", "charge.refund.updated"].map((type) => emit(world, type, made, { ...options, previous }));
  return {
    refund: made.id,
    charge: charge.id,
    amount_refunded: charge.amount_refunded,
    emitted: [...emitted, emit(world, "refund.failed", made, options)],
  };
}

export const refunds = { refund, refund_updated: updated, refund_failed: failed };
