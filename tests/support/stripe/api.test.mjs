// The API, used by Stripe's own library.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Stripe from "stripe";
import { payable, standIn } from "./harness.mjs";

const rejects = (promise, type, fields) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof type, `${error.constructor.name}: ${error.message}`);
    for (const [name, value] of Object.entries(fields)) assert.equal(error[name], value);
    return true;
  });

test("an account from its creation to its first payment", async (t) => {
  const { stripe, control, url } = await standIn(t);
  const account = await stripe.accounts.create({
    controller: {
      stripe_dashboard: { type: "express" },
      fees: { payer: "application" },
      losses: { payments: "application" },
      requirement_collection: "stripe",
    },
    capabilities: { transfers: { requested: true } },
    country: "DE",
    email: "partner@example.com",
    tos_acceptance: { service_agreement: "full" },
    metadata: { partner_id: "p_1" },
  });
  assert.deepEqual(
    [account.type, account.country, account.default_currency, account.email, account.metadata.partner_id],
    ["express", "DE", "eur", "partner@example.com", "p_1"],
  );
  assert.deepEqual(
    [account.capabilities.transfers, account.payouts_enabled, account.requirements.disabled_reason],
    ["inactive", false, "requirements.past_due"],
  );
  assert.ok(account.requirements.currently_due.length > 0);
  await rejects(stripe.transfers.create({ amount: 1, currency: "usd", destination: account.id }), Stripe.errors.StripeInvalidRequestError, {
    code: "insufficient_capabilities_for_transfer",
    statusCode: 400,
  });
  await rejects(stripe.accounts.createLoginLink(account.id), Stripe.errors.StripeInvalidRequestError, { statusCode: 400 });

  const urls = { refresh_url: "http://127.0.0.1:1/again", return_url: "http://127.0.0.1:1/back" };
  const link = await stripe.accountLinks.create({ account: account.id, type: "account_onboarding", ...urls });
  assert.ok(link.url.startsWith(url) && link.expires_at === link.created + 300);
  const page = await fetch(link.url);
  assert.match(await page.text(), /<button>/);
  const again = await fetch(link.url, { redirect: "manual" });
  assert.deepEqual([again.status, again.headers.get("location")], [302, urls.refresh_url]);
  const done = await fetch(link.url, { method: "POST", redirect: "manual" });
  assert.equal(done.headers.get("location"), urls.return_url);

  const ready = await stripe.accounts.retrieve(account.id);
  assert.deepEqual(
    [ready.capabilities.transfers, ready.payouts_enabled, ready.details_submitted, ready.requirements.currently_due],
    ["active", true, true, []],
  );
  assert.equal((await stripe.accounts.createLoginLink(account.id)).object, "login_link");
  await control(`accounts/${account.id}/restrict`, { currently_due: ["individual.id_number"] });
  const stopped = await stripe.accounts.retrieve(account.id);
  assert.deepEqual([stopped.capabilities.transfers, stopped.requirements.currently_due], ["inactive", ["individual.id_number"]]);
  const changed = await stripe.accounts.update(account.id, { metadata: { partner_id: "", other: "x" } });
  assert.deepEqual(changed.metadata, { other: "x" });
  assert.equal((await stripe.accounts.list()).data.length, 1);
  await rejects(stripe.accounts.retrieve("acct_other"), Stripe.errors.StripePermissionError, { code: "account_invalid" });
});

test("transfers reduce the balance of their currency, and reversals restore it", async (t) => {
  const running = await standIn(t, { balance: 1000 });
  const { stripe, control } = running;
  const destination = await payable(running);
  const transfer = await stripe.transfers.create({
    amount: 700,
    currency: "usd",
    destination,
    transfer_group: "2026-06",
    description: "June",
    metadata: { payout: "po_1" },
  });
  assert.deepEqual([transfer.object, transfer.amount, transfer.transfer_group, transfer.reversed], ["transfer", 700, "2026-06", false]);
  assert.equal((await stripe.balance.retrieve()).available[0].amount, 300);
  await rejects(stripe.transfers.create({ amount: 301, currency: "usd", destination }), Stripe.errors.StripeInvalidRequestError, {
    code: "balance_insufficient",
    statusCode: 400,
  });
  await rejects(stripe.transfers.create({ amount: 1, currency: "eur", destination }), Stripe.errors.StripeInvalidRequestError, {
    code: "balance_insufficient",
  });
  await control("balance", { currency: "eur", add: 50 });
  assert.equal((await stripe.transfers.create({ amount: 50, currency: "eur", destination })).currency, "eur");

  const part = await stripe.transfers.createReversal(transfer.id, { amount: 200, metadata: { why: "refund" } });
  assert.deepEqual([part.object, part.amount, part.transfer], ["transfer_reversal", 200, transfer.id]);
  await rejects(stripe.transfers.createReversal(transfer.id, { amount: 501 }), Stripe.errors.StripeInvalidRequestError, {
    param: "amount",
  });
  await stripe.transfers.createReversal(transfer.id);
  await rejects(stripe.transfers.createReversal(transfer.id), Stripe.errors.StripeInvalidRequestError, { statusCode: 400 });
  const whole = await stripe.transfers.retrieve(transfer.id);
  assert.deepEqual([whole.amount_reversed, whole.reversed, whole.reversals.data.map(({ amount }) => amount)], [700, true, [500, 200]]);
  assert.equal((await stripe.transfers.listReversals(transfer.id)).data[0].amount, 500);
  assert.equal((await stripe.balance.retrieve()).available.find(({ currency }) => currency === "usd").amount, 1000);

  const paidOut = await stripe.transfers.create({ amount: 10, currency: "usd", destination });
  await control(`accounts/${destination}/pay_out`, {});
  await rejects(stripe.transfers.createReversal(paidOut.id), Stripe.errors.StripeInvalidRequestError, { code: "balance_insufficient" });
});

test("amounts in thousandths end in 0, and króna and shilling are whole", async (t) => {
  const running = await standIn(t);
  const { stripe, control } = running;
  const destination = await payable(running);
  const customer = await stripe.customers.create();
  const refused = { code: "parameter_invalid_integer", param: "amount" };
  for (const [currency, step] of [["kwd", 10], ["isk", 100], ["ugx", 100], ["jpy", 1]]) {
    await control("balance", { currency, set: 1_000_000 });
    const made = await stripe.transfers.create({ amount: 3 * step, currency, destination });
    await stripe.transfers.createReversal(made.id, { amount: step });
    await stripe.customers.createBalanceTransaction(customer.id, { amount: -step, currency });
    if (step === 1) continue;
    const calls = [
      stripe.transfers.create({ amount: step + 1, currency, destination }),
      stripe.transfers.createReversal(made.id, { amount: step + 1 }),
      stripe.customers.createBalanceTransaction(customer.id, { amount: -step - 1, currency }),
    ];
    for (const call of calls) await rejects(call, Stripe.errors.StripeInvalidRequestError, refused);
  }
});

test("lists are newest first, filtered, and paged", async (t) => {
  const running = await standIn(t);
  const { stripe, control } = running;
  await control("clock", { set: 1_800_000_000, frozen: true });
  const destination = await payable(running);
  for (let number = 0; number < 25; number += 1) {
    await stripe.transfers.create({ amount: number + 1, currency: "usd", destination, transfer_group: number % 2 ? "odd" : "even" });
    await control("clock", { advance: 10 });
  }
  const first = await stripe.transfers.list({ limit: 10 });
  assert.deepEqual(
    [first.object, first.url, first.has_more, first.data[0].amount, first.data.length],
    ["list", "/v1/transfers", true, 25, 10],
  );
  const second = await stripe.transfers.list({ limit: 10, starting_after: first.data[9].id });
  assert.deepEqual(
    second.data.map(({ amount }) => amount),
    [15, 14, 13, 12, 11, 10, 9, 8, 7, 6],
  );
  assert.deepEqual(
    (await stripe.transfers.list({ limit: 3, ending_before: second.data[9].id })).data.map(({ amount }) => amount),
    [9, 8, 7],
  );
  assert.equal((await stripe.transfers.list({ limit: 5, starting_after: second.data[9].id })).has_more, false);
  assert.equal((await stripe.transfers.list({ transfer_group: "odd", limit: 100 })).data.length, 12);
  assert.equal((await stripe.transfers.list({ destination: "acct_none" })).data.length, 0);
  assert.deepEqual(
    (await stripe.transfers.list({ created: { gte: 1_800_000_230, lt: 1_800_000_240 } })).data.map(({ amount }) => amount),
    [24],
  );
  const seen = [];
  for await (const transfer of stripe.transfers.list({ limit: 7, transfer_group: "even" })) seen.push(transfer.amount);
  assert.deepEqual(seen, [25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1]);
});

test("customers, credits, coupons and promotion codes", async (t) => {
  const { stripe, control } = await standIn(t);
  const customer = await stripe.customers.create({ email: "a@example.com", metadata: { account: "7" } });
  const credit = await stripe.customers.createBalanceTransaction(customer.id, {
    amount: -500,
    currency: "usd",
    description: "Referral",
    metadata: { reward: "r1" },
  });
  assert.deepEqual(
    [credit.object, credit.amount, credit.ending_balance, credit.type],
    ["customer_balance_transaction", -500, -500, "adjustment"],
  );
  assert.equal((await stripe.customers.retrieve(customer.id)).balance, -500);
  await rejects(stripe.customers.retrieve("cus_none"), Stripe.errors.StripeInvalidRequestError, {
    statusCode: 404,
    code: "resource_missing",
  });

  const coupon = await stripe.coupons.create({ percent_off: 20, duration: "once", id: "FRIEND" });
  assert.deepEqual([coupon.id, coupon.percent_off, (await stripe.coupons.retrieve("FRIEND")).valid], ["FRIEND", 20, true]);
  await rejects(stripe.coupons.create({ percent_off: 10, duration: "once", id: "FRIEND" }), Stripe.errors.StripeInvalidRequestError, {
    code: "resource_already_exists",
  });
  const now = (await control("clock")).now;
  const code = await stripe.promotionCodes.create({
    promotion: { type: "coupon", coupon: "FRIEND" },
    code: "ANNA20",
    customer: customer.id,
    max_redemptions: 1,
    expires_at: now + 100,
  });
  assert.deepEqual([code.code, code.active, code.promotion.coupon, code.max_redemptions], ["ANNA20", true, "FRIEND", 1]);
  await rejects(
    stripe.promotionCodes.create({ promotion: { type: "coupon", coupon: "FRIEND" }, code: "anna20" }),
    Stripe.errors.StripeInvalidRequestError,
    { param: "code" },
  );
  assert.equal((await stripe.promotionCodes.list({ code: "ANNA20", active: true })).data.length, 1);
  await control("clock", { advance: 200 });
  assert.equal((await stripe.promotionCodes.list({ code: "ANNA20", active: true })).data.length, 0);
});

test("only a customer's own balance transactions are listed; each is created once per key", async (t) => {
  const { stripe } = await standIn(t);
  const [one, other] = [await stripe.customers.create({}), await stripe.customers.create({})];
  const credit = (amount, idempotencyKey) =>
    stripe.customers.createBalanceTransaction(one.id, { amount, currency: "usd", metadata: { credit: idempotencyKey } }, { idempotencyKey });
  const first = await credit(-500, "a");
  assert.equal((await credit(-500, "a")).id, first.id);
  await rejects(credit(-501, "a"), Stripe.errors.StripeIdempotencyError, {});
  for (const key of ["b", "c", "d"]) await credit(-100, key);
  await credit(500, "back");
  await stripe.customers.createBalanceTransaction(other.id, { amount: -7, currency: "usd" });
  const newest = await stripe.customers.listBalanceTransactions(one.id, { limit: 2 });
  assert.deepEqual(
    [newest.data.map(({ amount }) => amount), newest.has_more, newest.data[0].customer],
    [[500, -100], true, one.id],
  );
  const rest = await stripe.customers.listBalanceTransactions(one.id, { limit: 100, starting_after: newest.data[1].id });
  assert.deepEqual([rest.data.map(({ metadata }) => metadata.credit), rest.has_more], [["c", "b", "a"], false]);
  assert.equal((await stripe.customers.retrieve(one.id)).balance, -300);
  await rejects(stripe.customers.listBalanceTransactions("cus_none"), Stripe.errors.StripeInvalidRequestError, { statusCode: 404 });
  await rejects(credit(0, "zero"), Stripe.errors.StripeInvalidRequestError, { param: "amount" });
  await rejects(stripe.customers.listBalanceTransactions(one.id, { credit: "a" }), Stripe.errors.StripeInvalidRequestError, {
    code: "parameter_unknown",
  });
});

test("ids and amounts are deterministic, and a state file restores them", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "standin-"));
  const state = join(folder, "state.json");
  const first = await standIn(t, { state });
  const destination = await payable(first);
  const transfer = await first.stripe.transfers.create({ amount: 5, currency: "usd", destination }, { idempotencyKey: "k" });
  assert.equal(transfer.id, "tr_00000001");
  await first.control("clock", { advance: 1000 });
  await first.close();
  const second = await standIn(t, { state });
  // Registered last, because a stand-in writes its file when it stops.
  t.after(() => rmSync(folder, { recursive: true }));
  const replayed = await second.stripe.transfers.create({ amount: 5, currency: "usd", destination }, { idempotencyKey: "k" });
  assert.equal(replayed.id, transfer.id);
  assert.equal(replayed.lastResponse.headers["idempotent-replayed"], "true");
  assert.equal((await second.stripe.transfers.create({ amount: 5, currency: "usd", destination })).id, "tr_00000002");
  await second.control("reset", { balance: 7 });
  assert.deepEqual([(await second.stripe.balance.retrieve()).available[0].amount, (await second.stripe.transfers.list()).data], [7, []]);
});

test("a platform pays at home and within its region, and nobody under the recipient agreement", async (t) => {
  const { stripe, control, post } = await standIn(t);
  const account = async (country, service_agreement) => {
    const made = await stripe.accounts.create({
      type: "express",
      country,
      capabilities: { transfers: { requested: true } },
      tos_acceptance: { service_agreement },
    });
    await control(`accounts/${made.id}/onboard`, {});
    return made.id;
  };
  const pays = (destination) =>
    stripe.transfers.create({ amount: 1, currency: "usd", destination }).then(
      () => true,
      ({ code }) => code,
    );
  assert.deepEqual(
    [(await post("/v1/account")).body.country, await pays(await account("IS", "full")), await pays(await account("US", "full"))],
    ["US", true, true],
  );
  const refused = "transfers_not_allowed";
  assert.deepEqual([await pays(await account("BR", "full")), await pays(await account("GB", "recipient"))], [refused, refused]);
  await control("platform", { country: "BR" });
  assert.deepEqual([await pays(await account("BR", "full")), await pays(await account("US", "full"))], [true, refused]);
});

test("an account that is deauthorized is gone for every call", async (t) => {
  const { stripe, control } = await standIn(t, { balance: 1_000 });
  const id = await payable({ stripe, control });
  const { events } = await control(`accounts/${id}/deauthorize`, {});
  assert.equal(events[0].type, "account.application.deauthorized");
  const gone = (promise) => assert.rejects(promise, ({ code }) => ["account_invalid", "resource_missing"].includes(code));
  const urls = { refresh_url: "http://127.0.0.1:1/again", return_url: "http://127.0.0.1:1/back" };
  await gone(stripe.accounts.retrieve(id));
  await gone(stripe.accounts.createLoginLink(id));
  await gone(stripe.accountLinks.create({ account: id, type: "account_onboarding", ...urls }));
  await gone(stripe.transfers.create({ amount: 1, currency: "usd", destination: id }));
});
