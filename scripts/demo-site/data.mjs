// Loads a small demo through the public HTTP API, as a real sender would: two programs, a few partners and links, some
// clicks, a referral that is due in the Monday run, and agency invoices whose 60 days have passed.
// With a Stripe stand-in, one of the agencies has an account there, so that the monthly run pays it.
// Running it again changes nothing: every id is fixed, and MEMORY_FILE stores the moment that the dates are relative
// to.
// Afterwards MEMORY_FILE also has the codes.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { dirname } from "node:path";
import { ask } from "../ask.mjs";
import { signed } from "../sign.mjs";

const DAY = 86_400_000;
/** Headers of a browser that follows a link. Without them a click is considered a bot's. */
export const BROWSER = {
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  accept: "text/html",
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
  "sec-fetch-site": "cross-site",
};

const PARTNERS = [
  { key: "ada", program: "user-referral", external_id: "user_ada", name: "Ada Marsh", email: "ada@example.com", campaign: "newsletter" },
  { key: "ben", program: "user-referral", external_id: "user_ben", name: "Ben Okafor", email: "ben@example.com", campaign: "talk" },
  { key: "north", program: "agency-partner", external_id: "agency_north", name: "Studio North", email: "hello@north.example", type: "agency", campaign: "spring" },
  { key: "ink", program: "agency-partner", external_id: "agency_ink", name: "Paper & Ink", email: "team@ink.example", type: "agency", campaign: "case-study" },
];

/** [days ago, type, account, partner whose code it carries, rest]. Ids are derived from the position in the list. */
const EVENTS = [
  // A referral of Ada's: signed up, active, one month paid. Due on any Monday now.
  [75, "account.signed_up", "acct_lima", "ada", {}],
  [65, "invoice.paid", "acct_lima", null, { amount: 2_900, data: { invoice_id: "in_lima_1", subscription_id: "sub_lima" } }],
  [35, "invoice.paid", "acct_lima", null, { amount: 2_900, data: { invoice_id: "in_lima_2", subscription_id: "sub_lima" } }],
  // A referral of Ben's that is too recent to count.
  [3, "account.signed_up", "acct_mika", "ben", {}],
  // Clients of the agencies, past their 60 days.
  [170, "account.signed_up", "acct_orchard", "north", {}],
  [165, "subscription.started", "acct_orchard", null, { data: { subscription_id: "sub_orchard", monthly_cents: 50_000 } }],
  [165, "invoice.paid", "acct_orchard", null, { amount: 50_000, data: { invoice_id: "in_orchard_1", subscription_id: "sub_orchard" } }],
  [135, "invoice.paid", "acct_orchard", null, { amount: 50_000, data: { invoice_id: "in_orchard_2", subscription_id: "sub_orchard" } }],
  [105, "invoice.paid", "acct_orchard", null, { amount: 50_000, data: { invoice_id: "in_orchard_3", subscription_id: "sub_orchard" } }],
  [110, "account.signed_up", "acct_quay", "ink", {}],
  [100, "subscription.started", "acct_quay", null, { data: { subscription_id: "sub_quay", monthly_cents: 30_000 } }],
  [100, "invoice.paid", "acct_quay", null, { amount: 30_000, data: { invoice_id: "in_quay_1", subscription_id: "sub_quay" } }],
  // And one within its 60 days.
  [20, "account.signed_up", "acct_reed", "ink", {}],
  [10, "invoice.paid", "acct_reed", null, { amount: 30_000, data: { invoice_id: "in_reed_1", subscription_id: "sub_reed" } }],
];

/** Follows a link as a browser does, because `fetch` would not identify itself as one. */
function click(url) {
  return new Promise((done, failed) => {
    get(url, { headers: BROWSER }, (answer) => {
      answer.resume();
      if (answer.statusCode === 302 && answer.headers["set-cookie"]) done();
      else failed(new Error(`a click: GET ${url} answered ${answer.statusCode}`));
    }).once("error", failed);
  });
}

/** The partner whom the demo pays. */
const ONBOARDED = "north";

export async function loadDemo(baseUrl, operatorToken, webhookSecret, memoryFile, stripeUrl) {
  const memory = existsSync(memoryFile) ? JSON.parse(readFileSync(memoryFile, "utf8")) : { from: Math.floor(Date.now() / 1000) * 1000 };
  const remember = () => {
    mkdirSync(dirname(memoryFile), { recursive: true });
    writeFileSync(memoryFile, `${JSON.stringify(memory, null, 2)}\n`);
  };
  if (memory.done && (memory.onboarded || !stripeUrl)) return memory;
  remember();

  const call = async (what, path, init, accepted = (status) => status >= 200 && status < 300) => {
    const answer = await ask(`${baseUrl}${path}`, { redirect: "manual", ...init });
    const text = await answer.text();
    if (!accepted(answer.status)) throw new Error(`${what}: ${init?.method ?? "GET"} ${path} answered ${answer.status}: ${text.slice(0, 500)}`);
    return text;
  };
  const operator = (path, body, key) =>
    call("demo", path, {
      method: "POST",
      headers: { authorization: `Bearer ${operatorToken}`, "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify(body),
    }).then(JSON.parse);

  const codes = {};
  const links = {};
  const ids = {};
  for (const { key, campaign, ...partner } of PARTNERS) {
    const made = await operator("/v1/partners", { ...partner, disclosure_accepted: true }, `demo-partner-${key}`);
    codes[key] = made.code;
    ids[key] = made.id;
    links[key] = (await operator("/v1/links", { partner: made.id, campaign, utm: { source: "demo", campaign } }, `demo-link-${key}`)).code;
  }

  if (stripeUrl && !memory.onboarded) {
    const link = await operator(`/v1/partners/${ids[ONBOARDED]}/onboarding`, { country: "US" }, "demo-onboarding");
    // What the partner does on Stripe's pages. The account's webhook notifies the Worker.
    const filled = await ask(`${stripeUrl}/_test/accounts/${link.payability.account}/onboard`, { method: "POST", body: "{}" });
    if (!filled.ok) throw new Error(`the Stripe stand-in answered ${filled.status}: ${await filled.text()}`);
    memory.onboarded = true;
    remember();
  }
  if (memory.done) return memory;

  for (const code of [...Object.values(codes), ...Object.values(links)]) await click(`${baseUrl}/r/${code}`);

  for (const [index, [daysAgo, type, account, partner, { amount, data }]] of EVENTS.entries()) {
    const body = JSON.stringify({
      id: `evt_demo_${index + 1}`,
      type,
      // The position in the list keeps events of one day in order.
      occurred_at: new Date(memory.from - daysAgo * DAY + index * 1000).toISOString(),
      account: { id: account, email: `owner@${account.replace("acct_", "")}.example`, name: account.replace("acct_", "") },
      ...(partner && { attribution: { code: codes[partner] } }),
      ...(amount && { amount: { cents: amount, currency: "usd" } }),
      ...(data && { data }),
    });
    await call(`event ${type} of ${account}`, "/v1/webhooks/events", {
      method: "POST",
      headers: { "content-type": "application/json", ...signed(webhookSecret, body, { id: `evt_demo_${index + 1}` }) },
      body,
    });
  }
  Object.assign(memory, { codes, links, done: true });
  remember();
  return memory;
}
