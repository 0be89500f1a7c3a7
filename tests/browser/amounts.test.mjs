// Every amount of a simulated month, as Chromium shows it to partners and operators, in currencies with two decimals,
// with none and with three: written with the currency's decimals, equal to the API's minor units and to what this file
// computes by itself from the facts it sent. Where a row says its rate and base, they give its amount.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MONTHLY, SWEEP, afterHold, nextMonthly } from "../../scripts/demo-site/time.mjs";
import { presets } from "../../scripts/presets.mjs";
import { Worker } from "../../scripts/demo-site/worker.mjs";
import { inBrowser } from "./support/looking.mjs";
import { everyPage } from "./support/pages.mjs";
import { signIn, signInAsOperator } from "./support/people.mjs";
import { serve } from "./support/server.mjs";
import { text } from "./support/text.mjs";

const DAY_MS = 86_400_000;
/** Currencies with their decimals at Stripe. */
const DECIMALS = { usd: 2, jpy: 0, kwd: 3 };
const RATE_BPS = 2_000;
const BONUS = { annual: 500_000, minor: 50_000 };

/**
 * Clients: days since the sign-up, invoices in minor units, and what was refunded of the first. Fewer than the five of a
 * quarter that raise the rate.
 */
const CLIENTS = [
  { name: "oak", days: 24, invoices: [29_000, 1_234_567] },
  { name: "ash", days: 20, invoices: [12_345], refunded: 5_000 },
  { name: "yew", days: 16, invoices: [99_999], refunded: 99_999 },
  { name: "elm", days: 12, invoices: [7], annual: 600_000 },
];

let server;
let worker;
const partners = {};
before(async () => {
  server = await serve();
  worker = new Worker({ url: server.base, cronPath: "/cdn-cgi/local/scheduled", operatorToken: server.operatorToken, webhookSecret: server.webhookSecret });
  for (const currency of Object.keys(DECIMALS)) {
    partners[currency] = await month(currency);
    const body = JSON.stringify({ currency, set: 100_000_000 });
    const filled = await fetch(`${server.stripeBase}/_test/balance`, { method: "POST", headers: { "content-type": "application/json" }, body });
    assert.equal(filled.status, 200, await filled.text());
  }
  const run = nextMonthly(afterHold(Date.now()));
  await inBrowser(server, async (browser) => {
    for (const partner of Object.values(partners)) await onboard(browser, partner);
  });
  await worker.cron(MONTHLY, run);
  const { data } = await worker.read("/v1/payouts?state=planned&limit=200");
  for (const id of new Set(data.map((payout) => payout.run))) await worker.approve(id);
  await worker.cron(SWEEP, run + DAY_MS);
});
after(() => server?.close());

/** A program in a currency, a partner of it, and the partner's clients of a month. */
async function month(currency) {
  const program = `agency-${currency}`;
  const document = { ...JSON.parse(presets().find(([id]) => id === "agency-partner")[1]), id: program, title: `Agencies, ${currency.toUpperCase()}`, currency };
  document.attribution = { ...document.attribution, exclusive_group: program };
  const saved = await fetch(`${server.base}/v1/programs/${program}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${server.operatorToken}`, "content-type": "application/json", "idempotency-key": program },
    body: JSON.stringify(document),
  });
  assert.equal(saved.status, 201, await saved.text());
  const email = `hello@${program}.example`;
  const { id, code } = await worker.enrol({ program, external_id: program, name: program, email, country: "US" });
  const expected = new Map();
  for (const { name, days, invoices, refunded = 0, annual = 0 } of CLIENTS) {
    const account = { id: `acct_${currency}_${name}`, email: `owner@${name}-${currency}.example` };
    const own = (daysAgo) => ({ account: { id: account.id }, occurred_at: new Date(Date.now() - daysAgo * DAY_MS).toISOString() });
    await worker.tell({ ...own(days), type: "account.signed_up", account, attribution: { code } });
    if (annual > 0) {
      const subscription = `sub_${currency}_${name}`;
      await worker.tell({ ...own(days - 1), type: "subscription.started", data: { subscription_id: subscription, annual_value_cents: annual } });
      if (annual >= BONUS.annual) expected.set(`${account.id} high-value event:subscription.started`, { gross: BONUS.minor, net: BONUS.minor });
    }
    for (const [nth, cents] of invoices.entries()) {
      const invoice = `in_${currency}_${name}_${nth}`;
      const back = nth === 0 ? refunded : 0;
      await worker.tell({ ...own(days - 2 - nth), type: "invoice.paid", amount: { cents, currency }, data: { invoice_id: invoice } });
      if (back > 0) await worker.tell({ ...own(days - 3), type: "invoice.refunded", amount: { cents: back, currency }, data: { invoice_id: invoice, refund_id: `re_${invoice}` } });
      const gross = Math.floor((cents * RATE_BPS) / 10_000);
      expected.set(`${account.id} first-year invoice:${invoice}`, { base: cents, gross, net: gross - Math.floor((gross * back) / cents) });
    }
  }
  return { currency, id, email, expected };
}

/** The partner fills in Stripe's pages. */
async function onboard(browser, { email }) {
  await browser.forget();
  await signIn(browser, email, "/partner/payouts");
  await browser.press(text("partner/common", "SET_UP_PAYOUTS"));
  await browser.press(text("shared/component", "CONTINUE"));
  await browser.press(text("partner/payout_setup", "TO_STRIPE"));
  await browser.press("Everything is filled in");
}

/** As an American browser writes it: not by the product's table. */
function written(minor, currency) {
  const digits = DECIMALS[currency];
  const format = new Intl.NumberFormat("en-US", { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
  return format.format(minor / 10 ** digits);
}

/** Minor units of what a page says, or an error if it is not written with its currency's decimals. */
function read(amount) {
  const symbols = { $: "usd", "¥": "jpy", KWD: "kwd" };
  const match = /^(-?)(\$|¥|KWD\s)([\d,]+)(?:\.(\d+))?$/.exec(amount);
  assert.ok(match, `an amount in one of the currencies: ${amount}`);
  const [, sign, symbol, whole, rest = ""] = match;
  const currency = symbols[symbol.trim()];
  const minor = Number(`${sign}${whole.replaceAll(",", "")}${rest}`);
  assert.equal(amount.replace(/\s/, " "), written(minor, currency).replace(/\s/, " "), "written with the currency's decimals");
  return { minor, currency };
}

/** All amounts on the page: those marked as money, and those within sentences. */
const marked = (browser) => browser.run("return [...document.querySelectorAll('.money')].map((one) => one.textContent.trim())");
const body = (browser) => browser.run("return document.body.innerText");

/** "20% of $290.00 = $58.00": each gives its amount. Returns how many there are. */
function sums(said) {
  const found = [...said.matchAll(/([\d.]+)\s?% of ((?:\$|¥|KWD\s)[\d,.]*\d) = ((?:\$|¥|KWD\s)[\d,.]*\d)/g)];
  for (const [whole, percent, base, amount] of found) {
    const [of, is] = [read(base), read(amount)];
    assert.equal(of.currency, is.currency, whole);
    assert.equal(is.minor, Math.floor((of.minor * Math.round(Number(percent) * 100)) / 10_000), whole);
  }
  return found.length;
}

/** Rows of the page's tables, as [text, amounts]. */
const rows = (browser) =>
  browser.run(`return [...document.querySelectorAll("main tbody tr")].map((row) => [row.innerText, [...row.querySelectorAll(".money")].map((one) => one.textContent.trim()), [...row.querySelectorAll("a")].map((one) => new URL(one.href).pathname)])`);

/** What names an accrual: its account, reward and source. */
const keyOf = ({ account, reward_id: reward, source }) => `${account} ${reward} ${source}`;

async function balances(id) {
  const { balances: list } = await worker.read(`/v1/partners/${id}`);
  return list;
}

async function everything(path) {
  const all = [];
  for (let cursor = ""; ; ) {
    const page = await worker.read(`${path}?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...page.data);
    if (!page.next_cursor) return all;
    cursor = page.next_cursor;
  }
}

test("a payout is sent in every currency, rounded down to what Stripe moves", async () => {
  const payouts = await everything("/v1/payouts");
  for (const [currency, { id, expected }] of Object.entries(partners)) {
    const step = DECIMALS[currency] === 3 ? 10 : 1;
    const net = [...expected.values()].reduce((sum, one) => sum + one.net, 0);
    const [payout, ...others] = payouts.filter(({ partner }) => partner === id);
    assert.deepEqual([payout.state, payout.amount_cents, others.length], ["paid", net - (net % step), 0], JSON.stringify(payout));
    const balance = (await balances(id)).find((one) => one.currency === currency);
    assert.equal(balance.available_cents, net % step, "the rest is carried");
  }
});

for (const currency of Object.keys(DECIMALS)) {
  test(`the API's accruals are what the facts give, in ${currency}`, async () => {
    const { id, expected } = partners[currency];
    const accruals = (await everything(`/v1/partners/${id}/balance-transactions`)).filter(({ type }) => type === "accrual");
    const found = new Map(accruals.map((one) => [keyOf(one), one]));
    assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
    for (const [key, { gross, net }] of expected) {
      assert.equal(found.get(key).currency, currency);
      assert.equal(found.get(key).gross_cents, gross, key);
      assert.equal(found.get(key).amount_cents, net, key);
    }
  });

  test(`a partner's pages say the API's amounts, in ${currency}`, () =>
    inBrowser(server, async (browser) => {
      const { id, email, expected } = partners[currency];
      const accruals = (await everything(`/v1/partners/${id}/balance-transactions`)).filter(({ type }) => type === "accrual");
      const byPath = new Map(accruals.map((one) => [`/partner/earnings/${one.id}`, one]));
      await signIn(browser, email, "/partner");
      let [amounts, explained, compared] = [0, 0, 0];
      await everyPage(browser, "/partner", async (address) => {
        for (const amount of await marked(browser)) {
          assert.equal(read(amount).currency, currency, `${address}: ${amount}`);
          amounts += 1;
        }
        explained += sums(await body(browser));
        if (address.split("?")[0] === "/partner" || address.startsWith("/partner/earnings?") || address === "/partner/earnings")
          for (const [, money, links] of await rows(browser)) {
            const one = byPath.get(links.find((path) => byPath.has(path)));
            if (!one) continue;
            assert.equal(read(money.at(-1)).minor, one.amount_cents, `${address}: ${one.source}`);
            compared += 1;
          }
      });
      assert.ok(amounts > 30 && compared >= expected.size, `${amounts} amounts, ${compared} compared`);
      assert.ok(explained >= expected.size, `${explained} sums explained`);
      await browser.go("/partner");
      const figures = (await browser.run("return [...document.querySelectorAll('dl.figures .money')].map((one) => one.textContent.trim())")).map((amount) => read(amount).minor);
      const net = [...expected.values()].reduce((sum, one) => sum + one.net, 0);
      assert.equal(figures[0], net, "earned");
      const balance = (await balances(id)).find((one) => one.currency === currency);
      assert.ok(figures.includes(balance.available_cents) && figures.includes(balance.pending_cents), JSON.stringify([figures, balance]));
    }));
}

test("an operator's pages say the API's amounts, in every currency", () =>
  inBrowser(server, async (browser) => {
    const known = new Map();
    for (const { id } of Object.values(partners))
      for (const one of await everything(`/v1/partners/${id}/balance-transactions`)) if (one.type === "accrual") known.set(keyOf(one), one);
    const payouts = new Map((await everything("/v1/payouts")).map((one) => [`/operator/payouts/${one.id}`, one]));
    await signInAsOperator(browser);
    const met = new Set();
    const seen = { usd: 0, jpy: 0, kwd: 0 };
    const others = Object.entries(partners).flatMap(([currency, { id }]) => [`/operator/partners/${id}`, `/operator/accounts/acct_${currency}_ash`, `/operator/programs/agency-${currency}`]);
    await everyPage(
      browser,
      "/operator",
      async (address) => {
        for (const amount of await marked(browser)) seen[read(amount).currency] += 1;
        sums(await body(browser));
        for (const [said, money, links] of await rows(browser)) {
          if (money.length === 0) continue;
          for (const [key, one] of known) {
            const [account, reward, source] = key.split(" ");
            const isAbout = said.includes(reward) && new RegExp(`${source}\\b`).test(said) && `${said} ${address}`.includes(account);
            if (!isAbout || !/^\/operator\/(partners|accounts)\//.test(address)) continue;
            assert.equal(read(money.at(-1)).minor, one.amount_cents, `${address}: ${key}`);
            met.add(key);
          }
          // The row of an earning leads to its account first, and then to its payout.
          const payout = payouts.get(links[0]);
          if (payout) {
            assert.deepEqual(read(money.at(-1)), { minor: payout.amount_cents, currency: payout.currency }, `${address}: ${payout.id}`);
            met.add(payout.id);
          }
        }
      },
      others,
    );
    for (const currency of Object.keys(DECIMALS)) assert.ok(seen[currency] > 10, `${seen[currency]} amounts in ${currency}`);
    for (const key of known.keys()) assert.ok(met.has(key), `${key} was met on a page`);
    for (const { id } of payouts.values()) assert.ok(met.has(id), `${id} was met on a page`);
  }));
