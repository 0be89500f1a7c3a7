// Payments beyond one invoice each: shared, given back in other ways, without an invoice; and events that are thin or long.
import assert from "node:assert/strict";
import { test } from "node:test";
import { endpoint, standIn, SECRETS } from "./harness.mjs";

async function setUp(t) {
  const sink = await endpoint(t);
  const running = await standIn(t, { webhooks: sink.url, secrets: SECRETS });
  /** Runs a scenario. Returns its result and what was posted. */
  const play = async (name, body) => {
    const from = sink.received.length;
    const told = await running.control(`scenarios/${name}`, body);
    const sent = sink.received.slice(from).map((request) => JSON.parse(request.body));
    return { told, sent, types: sent.map(({ type }) => type), of: (type) => sent.find((event) => event.type === type)?.data.object };
  };
  return { ...running, sink, play };
}

test("one payment pays two invoices, and its refund is one", async (t) => {
  const { play, stripe } = await setUp(t);
  const first = (await play("invoice_paid", { email: "a@example.com", lines: [{ unit_amount: 6000 }] })).told;
  const [payment_intent] = first.payment_intents;
  const second = await play("invoice_paid", { customer: first.customer, lines: [{ unit_amount: 4000 }], payment_intent, noise: true });
  assert.deepEqual(second.told.payment_intents, [payment_intent]);
  assert.equal(second.of("invoice_payment.paid").amount_paid, 4000);
  const payments = await stripe.invoicePayments.list({ payment: { type: "payment_intent", payment_intent } });
  assert.deepEqual(payments.data.map(({ invoice, amount_paid }) => [invoice, amount_paid]).toReversed(), [
    [first.invoice, 6000],
    [second.told.invoice, 4000],
  ]);
  const back = await play("refund", { payment_intent });
  assert.equal(back.of("charge.refunded").amount_refunded, 10_000);
});

test("a credit note gives money back in three ways, and can be voided", async (t) => {
  const { play, stripe } = await setUp(t);
  const { invoice } = (await play("invoice_paid", { email: "a@example.com", lines: [{ unit_amount: 10_000 }] })).told;
  const note = await play("credit_note", { invoice, refund_amount: 1000, out_of_band_amount: 2000, credit_amount: 500 });
  assert.deepEqual(note.types, ["refund.created", "charge.refunded", "credit_note.created"]);
  const made = note.of("credit_note.created");
  assert.deepEqual(
    [made.amount, made.out_of_band_amount, made.refunds[0].amount_refunded, made.refunds[0].refund, made.type, made.status],
    [3500, 2000, 1000, note.of("refund.created").id, "post_payment", "issued"],
  );
  assert.equal((await stripe.invoices.retrieve(invoice)).post_payment_credit_notes_amount, 3500);
  assert.equal((await play("credit_note_updated", { credit_note: made.id, memo: "x" })).of("credit_note.updated").memo, "x");
  assert.equal((await play("credit_note_voided", { credit_note: made.id })).of("credit_note.voided").status, "void");
  await assert.rejects(play("credit_note_voided", { credit_note: made.id }), /void already/);
  await assert.rejects(play("credit_note", { invoice, out_of_band_amount: 10_001 }), /has 10000 left/);
  const before = (await play("credit_note", { invoice, out_of_band_amount: 1, type: "pre_payment" })).of("credit_note.created");
  assert.deepEqual([before.pre_payment_amount, before.post_payment_amount], [1, 0]);
});

test("something bought once has a payment without an invoice", async (t) => {
  const { play } = await setUp(t);
  const once = await play("checkout_completed", { email: "a@example.com", amount_total: 12_400, amount_tax: 1900, amount_shipping: 500 });
  const session = once.of("checkout.session.completed");
  assert.deepEqual(
    [session.mode, session.payment_status, session.invoice, session.payment_intent, session.total_details.amount_tax],
    ["payment", "paid", null, once.told.payment_intent, 1900],
  );
  assert.equal((await play("refund", { payment_intent: session.payment_intent })).of("refund.created").amount, 12_400);
  const late = await play("checkout_completed", { email: "a@example.com", amount_total: 900, payment_status: "unpaid" });
  const paid = await play("checkout_paid", { session: late.told.session });
  assert.equal(paid.of("checkout.session.async_payment_succeeded").payment_status, "paid");
  await assert.rejects(play("checkout_paid", { session: late.told.session }), /is paid/);
});

test("a subscription is incomplete, or pauses in two ways", async (t) => {
  const { play } = await setUp(t);
  const made = await play("subscription_created", { email: "a@example.com", items: [{ unit_amount: 900 }], status: "incomplete" });
  assert.equal(made.of("customer.subscription.created").status, "incomplete");
  const { subscription } = made.told;
  const update = async (body) => (await play("subscription_updated", { subscription, ...body })).sent[0];
  const started = await update({ status: "active" });
  assert.deepEqual([started.data.object.status, started.data.previous_attributes.status], ["active", "incomplete"]);
  assert.equal((await update({ status: "paused" })).data.object.status, "paused");
  const collection = { behavior: "void", resumes_at: null };
  assert.deepEqual((await update({ status: "active", pause_collection: collection })).data.object.pause_collection, collection);
  assert.deepEqual((await update({ pause_collection: null })).data.previous_attributes.pause_collection, collection);
});

test("a thin event holds ids, and its object can be read", async (t) => {
  const { play, post, stripe, sink } = await setUp(t);
  const { invoice } = (await play("invoice_paid", { email: "a@example.com", lines: [{ unit_amount: 100 }] })).told;
  const { sent } = await play("thin_event", { type: "v1.invoice.paid", related: { type: "invoice", id: invoice } });
  const [{ object, data, related_object, created, livemode }] = sent;
  assert.deepEqual([object, data, related_object.url, livemode], ["v2.core.event", undefined, `/v1/invoices/${invoice}`, false]);
  assert.ok(created.endsWith("Z"));
  assert.ok(sink.received.at(-1).headers["stripe-signature"]);
  assert.equal((await post(related_object.url)).body.id, invoice);
  const hidden = (await play("thin_event", { type: "v1.invoice.paid", related: { type: "invoice", id: invoice }, without_related: true })).sent[0];
  assert.equal(hidden.related_object, null);
  assert.equal((await post(`/v2/core/events/${hidden.id}`)).body.related_object.id, invoice);
  const listed = await stripe.events.list({ limit: 100 });
  assert.ok(listed.data.every((event) => event.object === "event"), "thin events are not in the list of events");
});

test("an event can be long", async (t) => {
  const { play, sink } = await setUp(t);
  await play("event", { type: "plan.created", object: { id: "plan_1" }, pad: 200_000 });
  assert.ok(sink.received.at(-1).body.length > 200_000);
});
