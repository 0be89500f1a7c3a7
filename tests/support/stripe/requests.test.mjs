// How requests are parsed and refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { canonical, decode } from "./form.mjs";
import { payable, standIn } from "./harness.mjs";
import { Limits } from "./limits.mjs";

const plain = (value) => JSON.parse(JSON.stringify(value));

test("the bracket form in all its notations", () => {
  assert.deepEqual(plain(decode("a=1&m[x]=y+z&m[%C3%A9]=%26&l[]=p&l[]=q&c[t][r]=true")), {
    a: "1",
    m: { x: "y z", é: "&" },
    l: { 0: "p", 1: "q" },
    c: { t: { r: "true" } },
  });
  assert.deepEqual(plain(decode("l[0]=p&l[1]=q")), plain(decode("l[]=p&l[]=q")));
  assert.deepEqual(plain(decode("")), {});
  assert.equal(canonical(decode("a=1&b[c]=2&b[a]=3")), canonical(decode("b[a]=3&b[c]=2&a=1")));
  assert.notEqual(canonical(decode("a=1")), canonical(decode("a=2")));
  for (const wrong of ["a=1&a=2", "a=1&a[b]=2", "a[b]=2&a=1", "a=%zz", "[a]=1", "a[b=1", "=1"])
    assert.throws(() => decode(wrong), { status: 400 }, wrong);
  assert.equal(Object.getPrototypeOf(decode("__proto__[x]=1")), null);
});

test("who may call, and with which version", async (t) => {
  const { post } = await standIn(t);
  const status = async (headers) => (await post("/v1/balance", undefined, headers)).status;
  assert.equal(await status({}), 200);
  for (const authorization of ["", "Bearer sk_live_x", "Bearer pk_test_x", "Basic c2tfdGVzdF94Og=="])
    assert.equal(await status({ authorization }), 401, authorization);
  for (const version of ["", "2025-03-31.basil", "2026-10-28"]) assert.equal(await status({ "stripe-version": version }), 400, version);
  assert.equal(await status({ "stripe-account": "acct_00000001" }), 400);
});

test("unknown, missing and wrong parameters are refused in Stripe's shape", async (t) => {
  const { post } = await standIn(t);
  const cases = [
    ["/v1/transfers", "amount=1&currency=usd&destination=a&amout=2", "parameter_unknown", "amout"],
    ["/v1/transfers", "currency=usd&destination=a", "parameter_missing", "amount"],
    ["/v1/transfers", "amount=1&currency=usd", "parameter_missing", "destination"],
    ["/v1/transfers", "amount=1.5&currency=usd&destination=a", "parameter_invalid_integer", "amount"],
    ["/v1/transfers", "amount=0&currency=usd&destination=a", "parameter_invalid_integer", "amount"],
    ["/v1/transfers", "amount=1&currency=USD&destination=a", undefined, "currency"],
    ["/v1/transfers", "amount=1&currency=usd&destination=a&description=", "parameter_invalid_empty", "description"],
    ["/v1/transfers", "amount=1&currency=usd&destination=a&metadata=x", undefined, "metadata"],
    ["/v1/transfers", `amount=1&currency=usd&destination=a&metadata[k]=${"v".repeat(501)}`, undefined, "metadata[k]"],
    ["/v1/transfers", `amount=1&currency=usd&destination=a&metadata[${"k".repeat(41)}]=v`, undefined, "metadata"],
    ["/v1/transfers", "amount=1&currency=usd&destination=acct_9", "resource_missing", "destination"],
    ["/v1/accounts", "capabilities[transfers][wanted]=true", "parameter_unknown", "capabilities[transfers][wanted]"],
    ["/v1/accounts", "capabilities[transfers][requested]=yes", undefined, "capabilities[transfers][requested]"],
    ["/v1/accounts", "controller[stripe_dashboard][type]=fancy", undefined, "controller[stripe_dashboard][type]"],
    ["/v1/accounts", "type=express&controller[stripe_dashboard][type]=express", "parameters_exclusive", "type"],
    ["/v1/account_links", "account=a", "parameter_missing", "type"],
    ["/v1/account_links", "account=acct_9&type=account_onboarding&return_url=http://a&refresh_url=http://a", "resource_missing", "account"],
    ["/v1/promotion_codes", "promotion[type]=coupon", "parameter_missing", "promotion[coupon]"],
    ["/v1/promotion_codes", "coupon=c", "parameter_unknown", "coupon"],
    ["/v1/coupons", "duration=once", "parameter_missing", undefined],
  ];
  for (const [path, body, code, param] of cases) {
    const { status, body: answer } = await post(path, body);
    assert.equal(status, 400, body);
    assert.equal(answer.error.type, "invalid_request_error");
    assert.deepEqual([answer.error.code, answer.error.param], [code, param], body);
    assert.equal(typeof answer.error.message, "string");
  }
  const queries = [
    ["/v1/transfers?limit=101", "limit"],
    ["/v1/transfers?group=x", "group"],
    ["/v1/transfers?created[after]=1", "created[after]"],
    ["/v1/events?delivery_success=no", "delivery_success"],
    ["/v1/transfers?starting_after=tr_9", "starting_after"],
  ];
  for (const [path, param] of queries) {
    const { status, body } = await post(path);
    assert.deepEqual([status, body.error.param], [400, param], path);
  }
});

test("unknown routes, ids and body formats", async (t) => {
  const { post } = await standIn(t);
  assert.equal((await post("/v1/payouts")).status, 404);
  assert.equal((await post("/v1/balance", "")).status, 404);
  assert.deepEqual((await post("/v1/transfers/tr_9")).body.error.code, "resource_missing");
  assert.equal((await post("/v1/transfers/tr_9")).status, 404);
  assert.deepEqual(
    [(await post("/v1/accounts/acct_9")).status, (await post("/v1/accounts/acct_9")).body.error.code],
    [403, "account_invalid"],
  );
  assert.equal((await post("/v1/customers", '{"email":"a@b.co"}', { "content-type": "application/json" })).status, 400);
});

test("25 requests per second, per endpoint and in total", async (t) => {
  const { url, post, control, world } = await standIn(t, { rateLimit: true });
  // All in one moment, however slow the machine is.
  world.limits.clock = () => 0;
  const burst = await Promise.all(Array.from({ length: 40 }, () => post("/v1/balance")));
  const refused = burst.filter(({ status }) => status === 429);
  assert.equal(refused.length, 15);
  assert.equal(refused[0].body.error.code, "rate_limit");
  await control("limits", { all: 0, endpoint: 0 });
  const free = await Promise.all(Array.from({ length: 40 }, () => fetch(`${url}/v1/balance`)));
  assert.ok(free.every(({ status }) => status === 401));

  const limits = new Limits();
  limits.set({ all: 0, endpoint: 2 });
  assert.deepEqual(
    [limits.allows("a", 0), limits.allows("a", 0), limits.allows("a", 0), limits.allows("b", 0), limits.allows("a", 500)],
    [true, true, false, true, true],
  );
});

test("a misused control is reported", async (t) => {
  const { control } = await standIn(t);
  await assert.rejects(control("clock", { advanced: 1 }), /unknown field advanced/);
  await assert.rejects(control("faults", { path: "/v1/transfers", kind: "drop" }), /kind is one of/);
  await assert.rejects(control("scenarios/invoice_payed", {}), /scenario is one of/);
  await assert.rejects(control("scenarios/invoice_paid", { lines: [{ unit_amount: 1, qty: 2 }] }), /unknown field qty/);
  await assert.rejects(control("nothing", {}), /no control/);
});

test("expansion", async (t) => {
  const running = await standIn(t);
  const account = await payable(running);
  const transfer = await running.stripe.transfers.create({
    amount: 100,
    currency: "usd",
    destination: account,
    expand: ["destination", "balance_transaction"],
  });
  assert.deepEqual([transfer.destination.id, transfer.balance_transaction.amount], [account, -100]);
  const { data } = await running.stripe.transfers.list({ expand: ["data.destination"] });
  assert.equal(data[0].destination.object, "account");
  await assert.rejects(running.stripe.transfers.retrieve(transfer.id, { expand: ["amount"] }), /cannot be expanded/);
});
