// Payments: an intent and its charge. One payment can pay several invoices, or none.
import { named } from "./parts.mjs";

/** A payment that succeeded. */
export function charged({ store }, { amount, currency, customer, description = "Subscription update" }) {
  const common = {
    amount,
    created: store.now(),
    currency,
    customer: customer.id,
    description,
    livemode: false,
    metadata: {},
  };
  const intent = store.put("payment_intent", {
    id: store.nextId("pi"),
    object: "payment_intent",
    ...common,
    amount_received: amount,
    latest_charge: null,
    status: "succeeded",
  });
  const charge = store.put("charge", {
    id: store.nextId("ch"),
    object: "charge",
    ...common,
    amount_captured: amount,
    amount_refunded: 0,
    application: null,
    balance_transaction: store.nextId("txn"),
    billing_details: { address: null, email: customer.email, name: customer.name, phone: null, tax_id: null },
    captured: true,
    disputed: false,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    outcome: {
      network_status: "approved_by_network",
      reason: null,
      risk_level: "normal",
      seller_message: "Payment complete.",
      type: "authorized",
    },
    paid: true,
    payment_intent: intent.id,
    payment_method: "pm_card_visa",
    payment_method_details: { card: { brand: "visa", country: "US", last4: "4242" }, type: "card" },
    receipt_email: null,
    receipt_url: null,
    refunded: false,
    review: null,
    source_transfer: null,
    statement_descriptor: null,
    status: "succeeded",
    transfer_data: null,
    transfer_group: null,
  });
  intent.latest_charge = charge.id;
  return { intent, charge };
}

/** A payment that pays one more invoice. */
export function grown(world, id, amount) {
  const intent = named(world, "payment_intent", id);
  const charge = named(world, "charge", intent.latest_charge);
  for (const name of ["amount", "amount_received"]) intent[name] += amount;
  for (const name of ["amount", "amount_captured"]) charge[name] += amount;
  return { intent, charge };
}
