// Credit notes: money that goes back as a refund, outside of Stripe, or to the customer's balance.
import { emit } from "../events.mjs";
import { chargeOf, refunds } from "./refunds.mjs";
import { Misuse, named, scenarioFields } from "./parts.mjs";

const PARTS = ["refund_amount", "out_of_band_amount", "credit_amount"];

function created(world, body, options) {
  scenarioFields(body, ["invoice", ...PARTS, "type", "memo", "metadata"]);
  const { store } = world;
  const invoice = named(world, "invoice", body.invoice);
  const type = body.type ?? "post_payment";
  const amount = PARTS.reduce((sum, name) => sum + (body[name] ?? 0), 0);
  const rest = invoice.total - invoice.post_payment_credit_notes_amount;
  if (!(amount > 0 && amount <= rest)) throw new Misuse(`${invoice.id} has ${rest} left to credit`);
  const emitted = [];
  const linked = [];
  if (body.refund_amount) {
    const made = refunds.refund(world, { charge: chargeOf(world, { invoice: invoice.id }).id, amount: body.refund_amount }, options);
    linked.push({ amount_refunded: body.refund_amount, payment_record_refund: null, refund: made.refund, type: "refund" });
    emitted.push(...made.emitted);
  }
  const note = store.put("credit_note", {
    id: store.nextId("cn"),
    object: "credit_note",
    amount,
    amount_shipping: 0,
    created: store.now(),
    currency: invoice.currency,
    customer: invoice.customer,
    customer_account: null,
    customer_balance_transaction: body.credit_amount ? store.nextId("cbtxn") : null,
    effective_at: store.now(),
    invoice: invoice.id,
    livemode: false,
    memo: body.memo ?? null,
    metadata: body.metadata ?? {},
    number: `${invoice.number}-CN`,
    out_of_band_amount: body.out_of_band_amount ?? null,
    post_payment_amount: type === "post_payment" ? amount : 0,
    pre_payment_amount: type === "pre_payment" ? amount : 0,
    reason: null,
    refunds: linked,
    status: "issued",
    total: amount,
    type,
    voided_at: null,
  });
  invoice[`${type}_credit_notes_amount`] += amount;
  return { credit_note: note.id, invoice: invoice.id, emitted: [...emitted, emit(world, "credit_note.created", note, options)] };
}

function updated(world, body, options) {
  scenarioFields(body, ["credit_note", "memo", "metadata"]);
  const note = named(world, "credit_note", body.credit_note);
  const previous = {};
  for (const name of ["memo", "metadata"]) {
    if (body[name] === undefined) continue;
    previous[name] = note[name];
    note[name] = body[name];
  }
  return { credit_note: note.id, emitted: [emit(world, "credit_note.updated", note, { ...options, previous })] };
}

function voided(world, body, options) {
  scenarioFields(body, ["credit_note"]);
  const note = named(world, "credit_note", body.credit_note);
  if (note.status === "void") throw new Misuse(`${note.id} is void already`);
  Object.assign(note, { status: "void", voided_at: world.store.now() });
  named(world, "invoice", note.invoice)[`${note.type}_credit_notes_amount`] -= note.amount;
  return { credit_note: note.id, emitted: [emit(world, "credit_note.voided", note, options)] };
}

export const creditNotes = { credit_note: created, credit_note_updated: updated, credit_note_voided: voided };
