// Webhooks: signed like Stripe's, delivered, held, repeated, lost; and the list of events.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONNECT_SECRETS, SECRETS, endpoint, payable, standIn } from "./harness.mjs";

async function setUp(t, options) {
  const sink = await endpoint(t);
  const running = await standIn(t, { webhooks: sink.url, secrets: SECRETS, connectSecrets: CONNECT_SECRETS, ...options });
  const scenario = (name, body) => running.control(`scenarios/${name}`, body);
  const invoice = (more) => scenario("invoice_paid", { email: "a@example.com", lines: [{ unit_amount: 100 }], ...more });
  const verified = ({ body, headers }, secret = SECRETS[0]) =>
    running.stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret);
  return { ...running, sink, scenario, invoice, verified };
}

test("the official library accepts the signature, and only with the right secret and time", async (t) => {
  const { sink, invoice, verified } = await setUp(t);
  const { events } = await invoice();
  assert.deepEqual([events[0].delivery.state, events[0].delivery.attempts[0].status], ["succeeded", 200]);
  const [request] = sink.received;
  assert.equal(request.path, "/v1/webhooks/stripe");
  assert.match(request.headers["stripe-signature"], /^t=\d+,v1=[0-9a-f]{64},v0=[0-9a-f]{64}$/);
  const event = verified(request);
  assert.deepEqual(
    [event.object, event.id, event.type, event.livemode, event.api_version, event.pending_webhooks],
    ["event", events[0].id, "invoice.paid", false, "2026-10-28.endive", 1],
  );
  assert.throws(() => verified(request, "whsec_other"), /signatures/);

  await invoice({ sign: { secret: "whsec_other" } });
  assert.throws(() => verified(sink.received[1]), /signatures/);
  await invoice({ sign: { offset: -301 } });
  assert.throws(() => verified(sink.received[2]), /tolerance/);
  await invoice({ sign: { tamper: true } });
  assert.throws(() => verified(sink.received[3]), /signatures/);
  assert.equal(JSON.parse(sink.received[3].body).tampered, true);
  await invoice({ livemode: true });
  assert.deepEqual([verified(sink.received[4]).livemode, verified(sink.received[4]).data.object.livemode], [true, true]);
});

test("during a rotation both secrets sign", async (t) => {
  const { sink, invoice, verified } = await setUp(t, { secrets: ["whsec_old", "whsec_new"] });
  await invoice();
  for (const secret of ["whsec_old", "whsec_new"]) assert.equal(verified(sink.received[0], secret).type, "invoice.paid");
});

test("signatures use the present time, or the stand-in's clock", async (t) => {
  const { sink, invoice, verified, control } = await setUp(t);
  await control("clock", { advance: 40 * 86_400 });
  await invoice();
  const event = verified(sink.received[0]);
  assert.ok(event.created > Date.now() / 1000 + 39 * 86_400);
  await control("webhooks", { signature_clock: "own" });
  const { now } = await control("clock", { frozen: true });
  await invoice();
  assert.ok(sink.received[1].headers["stripe-signature"].startsWith(`t=${now},`));
});

test("connected accounts have their own endpoint and secret", async (t) => {
  const running = await setUp(t);
  const { sink, stripe, control, verified } = running;
  const account = await payable(running);
  assert.equal(sink.received[0].path, "/v1/webhooks/stripe-connect");
  assert.throws(() => verified(sink.received[0]));
  const event = verified(sink.received[0], CONNECT_SECRETS[0]);
  assert.deepEqual(
    [event.type, event.account, event.data.object.payouts_enabled, event.data.previous_attributes.payouts_enabled],
    ["account.updated", account, true, false],
  );
  await control("scenarios/account_updated", { account, changes: { country: "FR" }, api_version: "2024-06-20" });
  assert.equal(verified(sink.received[1], CONNECT_SECRETS[0]).data.object.country, "FR");
  // The platform's own list does not contain them.
  assert.equal((await stripe.events.list()).data.length, 0);
  assert.equal((await stripe.events.list({}, { stripeAccount: account })).data.length, 2);
});

test("transfers notify the platform's endpoint, with the request that made them", async (t) => {
  const running = await setUp(t);
  const { sink, stripe, control, scenario, verified } = running;
  const destination = await payable(running);
  const transfer = await stripe.transfers.create({ amount: 100, currency: "usd", destination }, { idempotencyKey: "po_1-a1" });
  await control("webhooks/settle", {});
  const created = verified(sink.received[1]);
  assert.deepEqual([created.type, created.data.object.id, created.request.idempotency_key], ["transfer.created", transfer.id, "po_1-a1"]);
  await scenario("transfer_reversed", { transfer: transfer.id, amount: 40 });
  const reversed = verified(sink.received[2]);
  assert.deepEqual(
    [reversed.type, reversed.data.object.amount_reversed, reversed.data.object.reversed, reversed.data.previous_attributes.amount_reversed],
    ["transfer.reversed", 40, false, 0],
  );
  await assert.rejects(scenario("transfer_reversed", { transfer: transfer.id, amount: 61 }), /greater than/);
});

test("held events can be released in any order, several times", async (t) => {
  const { sink, scenario, control } = await setUp(t);
  const { events } = await scenario("subscribe", {
    email: "a@example.com",
    client_reference_id: "token",
    items: [{ unit_amount: 900 }],
    deliver: "hold",
  });
  assert.deepEqual([sink.received.length, await control("webhooks/held")], [0, events.map(({ id }) => id)]);
  assert.deepEqual((await control("webhooks/release", { ids: [events[1].id] })).released, [events[1].id]);
  await control("webhooks/release", { order: "reverse" });
  assert.deepEqual(
    sink.received.map(({ body }) => JSON.parse(body).type),
    ["invoice.paid", "checkout.session.completed", "customer.subscription.created"],
  );
  await control("webhooks/redeliver", { ids: [events[0].id], times: 2 });
  assert.deepEqual(
    sink.received.slice(3).map(({ body }) => JSON.parse(body).id),
    [events[0].id, events[0].id],
  );
  const repeated = await scenario("customer", { email: "b@example.com", repeat: 3 });
  assert.deepEqual(repeated.events, []);
  await scenario("invoice_paid", { email: "b@example.com", lines: [{ unit_amount: 100 }], repeat: 3 });
  assert.equal(sink.received.length, 8);
  assert.equal(sink.received[5].body, sink.received[7].body);
});

test("the list of events is truthful about deliveries, for 30 days", async (t) => {
  const { sink, stripe, invoice, control } = await setUp(t);
  const missed = async () => (await stripe.events.list({ delivery_success: false })).data.map(({ id }) => id);
  const fine = (await invoice()).events[0].id;
  sink.state.status = 500;
  const refused = (await invoice()).events[0].id;
  const never = (await invoice({ deliver: "never" })).events[0].id;
  const held = (await invoice({ deliver: "hold" })).events[0].id;
  assert.deepEqual(await missed(), [held, never, refused]);
  assert.deepEqual(
    (await stripe.events.list({ delivery_success: true })).data.map(({ id, pending_webhooks }) => [id, pending_webhooks]),
    [[fine, 0]],
  );
  assert.equal((await stripe.events.retrieve(never)).data.object.object, "invoice");
  sink.state.status = 200;
  assert.deepEqual((await control("webhooks/retry", {})).retried, [refused, never]);
  assert.deepEqual(await missed(), [held]);
  await control("webhooks", { by_type: { "invoice.paid": "never" } });
  const silent = (await invoice()).events[0].id;
  assert.deepEqual(await missed(), [silent, held]);
  assert.equal((await stripe.events.list({ type: "invoice.*" })).data.length, 5);
  assert.equal((await stripe.events.list({ types: ["charge.refunded"] })).data.length, 0);
  await control("clock", { advance: 31 * 86_400 });
  assert.deepEqual(await missed(), []);
  await assert.rejects(stripe.events.retrieve(silent), { code: "resource_missing" });
});

test("an unreachable endpoint is a failed delivery", async (t) => {
  const { control, invoice, stripe } = await setUp(t);
  await control("webhooks", { url: "http://127.0.0.1:9" });
  const { events } = await invoice();
  assert.deepEqual([events[0].delivery.state, typeof events[0].delivery.attempts[0].error], ["failed", "string"]);
  assert.equal((await stripe.events.list({ delivery_success: false })).data.length, 1);
});
