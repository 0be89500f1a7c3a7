// Keys and planned faults: what a client experiences if a response is lost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { payable, standIn } from "./harness.mjs";

const HOUR = 3600;
/** Milliseconds. Longer than any test waits: requests delayed this long are released. */
const LONG = 60_000;

async function setUp(t, options) {
  const running = await standIn(t, options);
  const destination = await payable(running);
  const send = (key, amount = 100) =>
    running.post("/v1/transfers", `amount=${amount}&currency=usd&destination=${destination}&transfer_group=g`, { "idempotency-key": key });
  const count = async () => (await running.control("state/transfer")).length;
  const fault = (kind, more) => running.control("faults", { path: "/v1/transfers", kind, ...more });
  const release = () => running.control("faults/release", {});
  /** Resolves once the transfer has been made, which is before the response. */
  const happened = async () => {
    while ((await count()) === 0) await new Promise((done) => setTimeout(done, 5));
  };
  return { ...running, destination, send, count, fault, release, happened };
}

test("a key's answer is replayed for 24 hours", async (t) => {
  const { send, count, control } = await setUp(t);
  const first = await send("k");
  const second = await send("k");
  assert.deepEqual(
    [second.status, second.body.id, second.headers.get("idempotent-replayed"), second.headers.get("original-request")],
    [200, first.body.id, "true", first.headers.get("request-id")],
  );
  assert.equal(first.headers.get("idempotent-replayed"), null);
  await control("clock", { advance: 24 * HOUR - 60 });
  assert.equal((await send("k")).body.id, first.body.id);
  await control("clock", { advance: 61 });
  assert.notEqual((await send("k")).body.id, first.body.id);
  assert.equal(await count(), 2);
});

test("the same key with other parameters, or at another endpoint", async (t) => {
  const { send, post, count } = await setUp(t);
  await send("k", 100);
  const other = await send("k", 101);
  assert.deepEqual([other.status, other.body.error.type], [400, "idempotency_error"]);
  const elsewhere = await post("/v1/customers", "email=a@b.co", { "idempotency-key": "k" });
  assert.deepEqual([elsewhere.status, elsewhere.body.error.type], [400, "idempotency_error"]);
  assert.match(elsewhere.body.error.message, /same endpoint/);
  assert.equal(await count(), 1);
  assert.equal((await send("x".repeat(255))).status, 200);
  assert.equal((await send("x".repeat(256))).status, 400);
});

test("a refusal after the start is saved, one before it is not", async (t) => {
  const { send, post, control, destination } = await setUp(t, { balance: 50 });
  assert.equal((await send("k")).body.error.code, "balance_insufficient");
  await control("balance", { add: 1000 });
  const replayed = await send("k");
  assert.deepEqual([replayed.body.error?.code, replayed.headers.get("idempotent-replayed")], ["balance_insufficient", "true"]);
  assert.equal((await send("k2")).status, 200);
  const wrong = await post("/v1/transfers", "amount=x", { "idempotency-key": "v" });
  assert.equal(wrong.status, 400);
  assert.equal((await post("/v1/transfers", `amount=1&currency=usd&destination=${destination}`, { "idempotency-key": "v" })).status, 200);
});

test("two concurrent requests: the second is refused, and later gets the first one's response", async (t) => {
  const { send, count, fault, release, happened } = await setUp(t);
  await fault("delay", { ms: LONG });
  const first = send("k");
  await happened();
  const second = await send("k");
  assert.deepEqual(
    [second.status, second.body.error.code, second.headers.get("stripe-should-retry")],
    [409, "idempotency_key_in_use", "true"],
  );
  assert.equal((await send("k", 7)).body.error.type, "idempotency_error");
  assert.equal((await send("k")).status, 409);
  await release();
  const { body } = await first;
  assert.equal((await send("k")).body.id, body.id);
  assert.equal(await count(), 1);
});

test("a delay with its effect at the end hides the effect from a look-up", async (t) => {
  const { send, count, fault, control, release } = await setUp(t);
  await fault("delay", { ms: LONG, effect: "last" });
  const answer = send("k");
  while ((await control("faults")).length) await new Promise((done) => setTimeout(done, 5));
  assert.equal(await count(), 0);
  await release();
  assert.equal((await answer).status, 200);
  assert.equal(await count(), 1);
});

test("a client that stops waiting does not undo the effect", async (t) => {
  const { url, destination, send, count, fault, release, happened } = await setUp(t);
  await fault("delay", { ms: LONG });
  const headers = {
    authorization: "Bearer sk_test_x",
    "stripe-version": "2026-10-28.endive",
    "content-type": "application/x-www-form-urlencoded",
    "idempotency-key": "k",
  };
  const body = `amount=100&currency=usd&destination=${destination}&transfer_group=g`;
  const client = new AbortController();
  const asked = fetch(`${url}/v1/transfers`, { method: "POST", headers, body, signal: client.signal });
  const stopped = assert.rejects(asked, { name: "AbortError" });
  await happened();
  client.abort();
  await stopped;
  assert.equal((await send("k")).status, 409);
  await release();
  assert.equal((await send("k")).headers.get("idempotent-replayed"), "true");
  assert.equal(await count(), 1);
});

test("connections dropped before and after the effect", async (t) => {
  const { send, count, fault, control } = await setUp(t);
  await fault("drop_before", { times: 2 });
  await assert.rejects(send("a"));
  await assert.rejects(send("a"));
  assert.equal(await count(), 0);
  assert.equal((await send("a")).headers.get("idempotent-replayed"), null);
  await fault("drop_after");
  await assert.rejects(send("b"));
  assert.equal(await count(), 2);
  assert.equal((await send("b")).headers.get("idempotent-replayed"), "true");
  assert.equal(await count(), 2);
  const statuses = (await control("requests")).filter(({ key }) => key === "b").map(({ status }) => status);
  assert.deepEqual(statuses, ["connection closed", 200]);
});

test("failures after the start are saved; 429 and 503 are not", async (t) => {
  const { send, count, fault, control } = await setUp(t);
  await fault("500_no_effect");
  assert.equal((await send("a")).status, 500);
  assert.deepEqual([(await send("a")).status, await count()], [500, 0]);
  await fault("500_effect");
  const failed = await send("b");
  assert.deepEqual([failed.status, failed.body.error.type, failed.headers.get("stripe-should-retry")], [500, "api_error", "false"]);
  assert.deepEqual([(await send("b")).status, await count()], [500, 1]);
  await control("clock", { advance: 24 * HOUR });
  assert.equal((await send("b")).status, 200);
  for (const [kind, status] of [
    ["429", 429],
    ["503", 503],
  ]) {
    await fault(kind);
    assert.equal((await send(kind)).status, status);
    assert.equal((await send(kind)).status, 200);
  }
});

test("a fault waits for its request, and the plan can be viewed and cleared", async (t) => {
  const { send, fault, control, post } = await setUp(t);
  await fault("503", { skip: 1, where: { amount: 7 } });
  await control("faults", { method: "GET", path: "/v1/accounts/*", kind: "503", times: 5 });
  assert.deepEqual([(await send("a")).status, (await send("b", 7)).status, (await send("c", 8)).status], [200, 200, 200]);
  assert.equal((await send("d", 7)).status, 503);
  assert.equal((await post("/v1/accounts/acct_00000001")).status, 503);
  assert.equal((await control("faults")).length, 1);
  await control("faults", undefined, "DELETE");
  assert.equal((await post("/v1/accounts/acct_00000001")).status, 200);
});

test("the official library recovers through its retries", async (t) => {
  const running = await setUp(t);
  const { default: Stripe } = await import("stripe");
  const { hostname: host, port } = new URL(running.url);
  const stripe = new Stripe("sk_test_x", { host, port, protocol: "http", maxNetworkRetries: 3, telemetry: false });
  assert.equal(stripe.getApiField("version"), "2026-10-28.endive", "the library's own version is the one that is pinned");
  await running.fault("drop_after");
  const transfer = await stripe.transfers.create({ amount: 3, currency: "usd", destination: running.destination });
  assert.equal(transfer.lastResponse.headers["idempotent-replayed"], "true");
  assert.equal(await running.count(), 1);
});
