// Disputes: opened, funds withdrawn, funds reinstated, closed.
import { emit } from "../events.mjs";
import { Misuse, named, scenarioFields } from "./parts.mjs";
import { chargeOf } from "./refunds.mjs";

const FEE = 1500;

function moved({ store }, dispute, sign) {
  const fee = sign < 0 ? FEE : -FEE;
  const amount = sign * dispute.amount;
  const type = "adjustment";
  return {
    id: store.nextId("txn"),
    object: "balance_transaction",
    amount,
    available_on: store.now(),
    balance_type: "payments",
    created: store.now(),
    currency: dispute.currency,
    description: `Chargeback ${sign < 0 ? "withdrawal" : "reversal"} for ${dispute.charge}`,
    exchange_rate: null,
    fee,
    fee_details: [{ amount: fee, application: null, currency: dispute.currency, description: "Dispute fee", type: "stripe_fee" }],
    net: amount - fee,
    reporting_category: sign < 0 ? "dispute" : "dispute_reversal",
    source: dispute.id,
    status: "available",
    type,
  };
}

function created(world, body, options) {
  scenarioFields(body, ["charge", "invoice", "payment_intent", "amount", "reason", "status", "funds_withdrawn"]);
  const { store } = world;
  const charge = chargeOf(world, body);
  charge.disputed = true;
  const dispute = store.put("dispute", {
    id: store.nextId("du"),
    object: "dispute",
    amount: body.amount ?? charge.amount,
    balance_transactions: [],
    charge: charge.id,
    created: store.now(),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: {
      customer_email_address: charge.billing_details.email,
      customer_name: charge.billing_details.name,
      enhanced_evidence: {},
      product_description: null,
      uncategorized_text: null,
    },
    evidence_details: {
      due_by: store.now() + 7 * 86_400,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: "not_submitted",
    },
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    payment_method_details: { card: { brand: "visa", case_type: "chargeback", network_reason_code: "10.4" }, type: "card" },
    reason: body.reason ?? "fraudulent",
    // An inquiry, warning_needs_response, withdraws no funds.
    status: body.status ?? "needs_response",
  });
  const told = { dispute: dispute.id, charge: charge.id, amount: dispute.amount };
  const emitted = [emit(world, "charge.dispute.created", dispute, options)];
  if (body.funds_withdrawn) emitted.push(move(world, dispute, -1, options));
  return { ...told, emitted };
}

function move(world, dispute, sign, options) {
  const balance = dispute.balance_transactions.reduce((sum, one) => sum + Math.sign(one.amount), 0);
  if (balance + sign < -1 || balance + sign > 0)
    throw new Misuse(`the money of ${dispute.id} is ${balance < 0 ? "already withdrawn" : "not withdrawn"}`);
  dispute.balance_transactions.push(moved(world, dispute, sign));
  return emit(world, sign < 0 ? "charge.dispute.funds_withdrawn" : "charge.dispute.funds_reinstated", dispute, options);
}

const funds = (sign) => (world, body, options) => {
  scenarioFields(body, ["dispute"]);
  const dispute = named(world, "dispute", body.dispute);
  return { dispute: dispute.id, charge: dispute.charge, emitted: [move(world, dispute, sign, options)] };
};

function closed(world, body, options) {
  scenarioFields(body, ["dispute", "status"]);
  const dispute = named(world, "dispute", body.dispute);
  if (!["won", "lost", "warning_closed"].includes(body.status)) throw new Misuse("status is won, lost or warning_closed");
  dispute.status = body.status;
  return { dispute: dispute.id, charge: dispute.charge, emitted: [emit(world, "charge.dispute.closed", dispute, options)] };
}

export const disputes = {
  dispute_created: created,
  dispute_funds_withdrawn: funds(-1),
  dispute_funds_reinstated: funds(1),
  dispute_closed: closed,
};
