// The results of the scenarios: amounts, shapes, and the order of events.
import assert from "node:assert/strict";
import { test } from "node:test";
import { totals } from "./scenarios/amounts.mjs";
import { later } from "./scenarios/parts.mjs";
import { endpoint, standIn, CONNECT_SECRETS, SECRETS } from "./harness.mjs";

const OLD = "2024-06-20";

async function setUp(t) {
  const sink = await endpoint(t);
  const running = await standIn(t, { webhooks: sink.url, secrets: SECRETS, connectSecrets: CONNECT_SECRETS });
  await running.control("clock", { set: Date.UTC(2026, 0, 31) / 1000, frozen: true });
  /** Runs a scenario. Returns its result, and its events' objects by type. */
  const play = async (name, body) => {
    const from = sink.received.length;
    const told = await running.control(`scenarios/${name}`, body);
    const sent = sink.received
      .slice(from)
      .map((request) => running.stripe.webhooks.constructEvent(request.body, request.headers["stripe-signature"], SECRETS[0]));
    return { told, sent, types: sent.map(({ type }) => type), of: (type) => sent.find((event) => event.type === type)?.data.object };
  };
  return { ...running, play };
}

const subscribed = { email: "a@example.com", client_reference_id: "token", items: [{ unit_amount: 2000, quantity: 3 }] };
const day = (text) => Date.parse(text) / 1000;

test("completing a checkout", async (t) => {
  const { play, stripe } = await setUp(t);
  const { told, types, of } = await play("subscribe", {
    ...subscribed,
    metadata: { account_id: "7" },
    discount: { percent_off: 20 },
    tax: { percent: 10 },
  });
  assert.deepEqual(types, ["customer.subscription.created", "invoice.paid", "checkout.session.completed"]);
  const session = of("checkout.session.completed");
  assert.deepEqual(
    [session.client_reference_id, session.customer_details.email, session.customer, session.subscription, session.invoice],
    ["token", "a@example.com", told.customer, told.subscription, told.invoice],
  );
  assert.deepEqual([session.mode, session.payment_status, session.amount_total], ["subscription", "paid", 5280]);
  const subscription = of("customer.subscription.created");
  const [item] = subscription.items.data;
  assert.deepEqual(
    [subscription.status, item.quantity, item.price.unit_amount, item.price.recurring.interval, item.current_period_end],
    ["active", 3, 2000, "month", day("2026-02-28T00:00:00Z")],
  );
  assert.equal(subscription.current_period_end, undefined);
  const invoice = of("invoice.paid");
  assert.deepEqual(
    [
      invoice.billing_reason,
      invoice.subtotal,
      invoice.total_discount_amounts[0].amount,
      invoice.total_excluding_tax,
      invoice.total,
      invoice.amount_paid,
    ],
    ["subscription_create", 6000, 1200, 4800, 5280, 5280],
  );
  assert.deepEqual(
    [
      invoice.parent.subscription_details.subscription,
      invoice.parent.subscription_details.metadata,
      invoice.subscription,
      invoice.customer_email,
    ],
    [told.subscription, { account_id: "7" }, undefined, "a@example.com"],
  );
  assert.deepEqual(
    [invoice.lines.data[0].pricing.price_details.price, invoice.lines.data[0].quantity, invoice.total_taxes[0].amount],
    [item.price.id, 3, 480],
  );
  assert.equal((await stripe.subscriptions.retrieve(told.subscription)).latest_invoice, told.invoice);
  assert.equal((await stripe.invoices.retrieve(told.invoice)).status, "paid");
  const payments = await stripe.invoicePayments.list({ payment: { type: "payment_intent", payment_intent: told.payment_intents[0] } });
  assert.deepEqual(
    payments.data.map(({ invoice, amount_paid }) => [invoice, amount_paid]),
    [[told.invoice, 5280]],
  );
});

test("old versions show old shapes", async (t) => {
  const { play } = await setUp(t);
  const { told, sent, of } = await play("subscribe", { ...subscribed, api_version: OLD, tax: { percent: 10 } });
  assert.ok(sent.every(({ api_version }) => api_version === OLD));
  const invoice = of("invoice.paid");
  assert.deepEqual(
    [invoice.parent, invoice.subscription, invoice.tax, invoice.paid, invoice.charge, invoice.payment_intent],
    [undefined, told.subscription, 600, true, told.charges[0], told.payment_intents[0]],
  );
  const [line] = invoice.lines.data;
  assert.deepEqual(
    [line.price.unit_amount, line.plan.interval, line.proration, line.type, line.subscription, line.pricing],
    [2000, "month", false, "subscription", told.subscription, undefined],
  );
  const subscription = of("customer.subscription.created");
  assert.deepEqual(
    [subscription.current_period_end, subscription.items.data[0].current_period_end, subscription.quantity],
    [day("2026-02-28T00:00:00Z"), undefined, 3],
  );
  const refunded = await play("refund", { invoice: told.invoice, amount: 100, api_version: "2020-08-27" });
  assert.deepEqual([refunded.of("charge.refunded").invoice, refunded.of("charge.refunded").refunds.data[0].amount], [told.invoice, 100]);
  assert.equal((await play("refund", { invoice: told.invoice, amount: 100 })).of("charge.refunded").invoice, undefined);
});

test("months pass, seats change, a subscription ends", async (t) => {
  const { play, control, stripe } = await setUp(t);
  const { told } = await play("subscribe", subscribed);
  const subscription = told.subscription;
  await control("clock", { set: day("2026-02-28T00:00:00Z") });
  const second = (await play("invoice_paid", { subscription })).of("invoice.paid");
  assert.deepEqual(
    [second.billing_reason, second.lines.data[0].period],
    ["subscription_cycle", { start: day("2026-02-28T00:00:00Z"), end: day("2026-03-28T00:00:00Z") }],
  );
  const changed = await play("subscription_updated", { subscription, quantity: 5 });
  assert.equal(changed.sent[0].data.previous_attributes.items.data[0].quantity, 3);
  const proration = await play("invoice_paid", {
    subscription,
    billing_reason: "subscription_update",
    lines: [
      { unit_amount: 2000, quantity: 3, amount: -3000, proration: true, description: "Unused time" },
      { unit_amount: 2000, quantity: 5, amount: 5000, proration: true, description: "Remaining time" },
    ],
  });
  const invoice = proration.of("invoice.paid");
  assert.deepEqual(
    [invoice.total, invoice.lines.data.map(({ amount, parent }) => [amount, parent.subscription_item_details.proration])],
    [
      2000,
      [
        [-3000, true],
        [5000, true],
      ],
    ],
  );
  assert.equal(
    (await play("subscription_updated", { subscription, items: [{ unit_amount: 20_000, interval: "year" }] })).of(
      "customer.subscription.updated",
    ).items.data[0].current_period_end,
    day("2027-02-28T00:00:00Z"),
  );
  assert.equal(
    (await play("subscription_updated", { subscription, cancel_at_period_end: true })).of("customer.subscription.updated").cancel_at,
    day("2027-02-28T00:00:00Z"),
  );
  const ended = (await play("subscription_deleted", { subscription })).of("customer.subscription.deleted");
  assert.deepEqual([ended.status, ended.ended_at], ["canceled", day("2026-02-28T00:00:00Z")]);
  assert.equal((await stripe.subscriptions.list()).data.length, 0);
  assert.equal((await stripe.subscriptions.list({ status: "all", customer: told.customer })).data.length, 1);
});

test("a trial begins with a zero invoice", async (t) => {
  const { play, control } = await setUp(t);
  const { told, of } = await play("subscribe", { ...subscribed, trial_days: 14 });
  const invoice = of("invoice.paid");
  assert.deepEqual(
    [of("customer.subscription.created").status, invoice.amount_paid, invoice.total, invoice.lines.data[0].amount, told.charges],
    ["trialing", 0, 0, 0, []],
  );
  assert.equal(of("checkout.session.completed").payment_status, "no_payment_required");
  await control("clock", { advance: 14 * 86_400 });
  assert.equal(
    (await play("subscription_updated", { subscription: told.subscription, end_trial: true })).of("customer.subscription.updated").status,
    "active",
  );
  const first = (await play("invoice_paid", { subscription: told.subscription })).of("invoice.paid");
  assert.deepEqual([first.amount_paid, first.lines.data[0].period.start], [6000, day("2026-02-14T00:00:00Z")]);
});

test("a customer's credit is used first: the amount paid is below the total excluding tax", async (t) => {
  const { play, stripe } = await setUp(t);
  const { told } = await play("customer", { email: "a@example.com" });
  await stripe.customers.createBalanceTransaction(told.customer, { amount: -1500, currency: "usd" });
  const invoice = (await play("invoice_paid", { customer: told.customer, lines: [{ unit_amount: 2000 }] })).of("invoice.paid");
  assert.deepEqual(
    [invoice.total_excluding_tax, invoice.amount_paid, invoice.starting_balance, invoice.ending_balance],
    [2000, 500, -1500, 0],
  );
  assert.equal((await stripe.customers.retrieve(told.customer)).balance, 0);
  const two = await play("invoice_paid", { customer: told.customer, lines: [{ unit_amount: 2000 }], payments: [1500, 500], noise: true });
  assert.deepEqual(two.types, [
    "charge.succeeded",
    "invoice_payment.paid",
    "charge.succeeded",
    "invoice_payment.paid",
    "invoice.paid",
    "invoice.payment_succeeded",
  ]);
  const overridden = await play("invoice_paid", { customer: told.customer, lines: [{ unit_amount: 2000 }], override: { amount_paid: 1 } });
  assert.equal(overridden.of("invoice.paid").amount_paid, 1);
});

test("refunds add up, and a failed one is undone", async (t) => {
  const { play } = await setUp(t);
  const { told } = await play("subscribe", subscribed);
  const part = await play("refund", { invoice: told.invoice, amount: 1000 });
  assert.deepEqual(part.types, ["refund.created", "charge.refunded"]);
  assert.deepEqual(
    [
      part.of("refund.created").amount,
      part.of("refund.created").payment_intent,
      part.of("charge.refunded").amount_refunded,
      part.of("charge.refunded").refunded,
    ],
    [1000, told.payment_intents[0], 1000, false],
  );
  const rest = await play("refund", { charge: told.charges[0], status: "pending" });
  assert.deepEqual(
    [rest.of("refund.created").amount, rest.of("charge.refunded").amount_refunded, rest.of("charge.refunded").refunded],
    [5000, 6000, true],
  );
  assert.equal((await play("refund_updated", { refund: rest.told.refund, status: "succeeded" })).of("refund.updated").status, "succeeded");
  const failed = await play("refund_failed", { refund: rest.told.refund });
  assert.deepEqual(failed.types, ["refund.updated", "charge.refund.updated", "refund.failed"]);
  assert.deepEqual([failed.of("refund.failed").status, failed.told.amount_refunded], ["failed", 1000]);
  assert.equal((await play("refund", { charge: told.charges[0] })).of("refund.created").amount, 5000);
  await assert.rejects(play("refund", { charge: told.charges[0], amount: 1 }), /has 0 left/);
});

test("a dispute withdraws the funds and reinstates them", async (t) => {
  const { play } = await setUp(t);
  const { told } = await play("subscribe", subscribed);
  const opened = await play("dispute_created", { invoice: told.invoice });
  const { dispute } = opened.told;
  assert.deepEqual(
    [
      opened.of("charge.dispute.created").status,
      opened.of("charge.dispute.created").balance_transactions,
      opened.of("charge.dispute.created").payment_intent,
    ],
    ["needs_response", [], told.payment_intents[0]],
  );
  await assert.rejects(play("dispute_funds_reinstated", { dispute }), /not withdrawn/);
  const taken = (await play("dispute_funds_withdrawn", { dispute })).of("charge.dispute.funds_withdrawn");
  assert.deepEqual(
    taken.balance_transactions.map(({ amount, fee, net }) => [amount, fee, net]),
    [[-6000, 1500, -7500]],
  );
  assert.equal((await play("dispute_funds_reinstated", { dispute })).of("charge.dispute.funds_reinstated").balance_transactions.length, 2);
  assert.equal((await play("dispute_closed", { dispute, status: "won" })).of("charge.dispute.closed").status, "won");
  assert.deepEqual((await play("dispute_created", { charge: told.charges[0], funds_withdrawn: true })).types, [
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
  ]);
});

test("the arithmetic of invoices", () => {
  const plain = { starting: 0 };
  assert.deepEqual(totals([1000], { ...plain, tax: { percent: 19, inclusive: true } }), {
    subtotal: 1000,
    subtotal_excluding_tax: 840,
    discount: 0,
    discounts: [0],
    tax: 160,
    taxes: [160],
    total: 1000,
    total_excluding_tax: 840,
    amount_due: 1000,
    ending: 0,
  });
  const odd = totals([100, 100, 101], { ...plain, discount: { amount_off: 100 }, tax: { amount: 7 } });
  assert.deepEqual([odd.discounts, odd.taxes, odd.total], [[33, 33, 34], [2, 2, 3], 208]);
  assert.equal(totals([500], { ...plain, discount: { amount_off: 900 } }).total, 0);
  const credit = totals([-500], { starting: -100 });
  assert.deepEqual([credit.amount_due, credit.ending], [0, -600]);
  assert.equal(totals([500], { starting: 200 }).amount_due, 700);
});

test("an interval later, by the calendar", () => {
  const after = (text, interval, interval_count = 1) => new Date(later(day(text), { interval, interval_count }) * 1000).toISOString();
  assert.equal(after("2026-01-31T10:20:30Z", "month"), "2026-02-28T10:20:30.000Z");
  assert.equal(after("2024-02-29T00:00:00Z", "year"), "2025-02-28T00:00:00.000Z");
  assert.equal(after("2026-11-30T00:00:00Z", "month", 3), "2027-02-28T00:00:00.000Z");
  assert.equal(after("2026-01-01T00:00:00Z", "week", 2), "2026-01-15T00:00:00.000Z");
});
