// Events of several senders at once, on workerd: eight senders about accounts of one partner, eight about accounts of a
// partner each, and one sender. All accounts sign up in one month, in which a partner's sign-ups are counted. Fails if
// what is about one partner goes in more slowly than what is about eight: then decisions turn each other away.
import { installPresets } from "../../scripts/presets.mjs";
import { newSecrets, workerSecrets } from "../../scripts/secrets.mjs";
import { sender } from "./intake.mjs";
import { newState, open, start } from "./local.mjs";
import { median } from "./measured.mjs";

const SENDERS = 8;
/** Of each sender and round: a sign-up and invoices. */
const ACCOUNTS = 10;
const INVOICES = 4;
const ROUNDS = 5;
/** Of the rate with eight partners. Runs of the same differ by this much. */
const SHARE_MIN = 0.95;
const BEGIN = Date.UTC(2026, 1, 2);
const HOUR = 3_600_000;

const secrets = newSecrets();
const state = await newState();
const { miniflare, url } = await start(state, { bindings: workerSecrets(secrets) });
await installPresets(url, secrets.operator_token);

const { post, send } = sender(url, secrets);
const enroll = (name) => post("/v1/partners", { program: "agency-partner", external_id: name, name, email: `${name}@partners.example`, disclosure_accepted: true }, name);

/** One sender's events, each after the answer to the one before. */
async function events(name, code) {
  for (let a = 0; a < ACCOUNTS; a += 1) {
    const account = { id: `${name}_a${a}`, email: `owner@${name}-a${a}.example`.replaceAll("_", "-") };
    const at = BEGIN + a * HOUR;
    await send({ id: `${account.id}_up`, type: "account.signed_up", occurred_at: new Date(at).toISOString(), account, attribution: { code } });
    for (let i = 0; i < INVOICES; i += 1) {
      const id = `${account.id}_i${i}`;
      await send({ id, type: "invoice.paid", occurred_at: new Date(at + (i + 1) * HOUR).toISOString(), account: { id: account.id }, amount: { cents: 10_000, currency: "usd" }, data: { invoice_id: id } });
    }
  }
  return ACCOUNTS * (1 + INVOICES);
}

let turn = 0;
/** Events a second of `senders` about accounts of `partners`. */
async function rate(senders, partners) {
  turn += 1;
  const codes = [];
  for (let p = 0; p < partners; p += 1) codes.push((await enroll(`t${turn}_p${p}`)).code);
  const began = performance.now();
  const sent = await Promise.all(Array.from({ length: senders }, (_, s) => events(`t${turn}_s${s}`, codes[s % partners])));
  return sent.reduce((sum, n) => sum + n, 0) / ((performance.now() - began) / 1_000);
}

const ways = { "one sender, one partner": [1, 1], "eight senders, one partner": [SENDERS, 1], "eight senders, eight partners": [SENDERS, SENDERS] };
const rates = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
await rate(SENDERS, SENDERS); // Warm.
for (let round = 0; round < ROUNDS; round += 1) for (const [way, [senders, partners]] of Object.entries(ways)) rates[way].push(await rate(senders, partners));
await miniflare.dispose();

const books = open(state);
const waiting = books.prepare("SELECT COUNT(*) AS n FROM account WHERE needs_recompute_since_ms IS NOT NULL").get().n;
const faults = books.prepare("SELECT COUNT(*) AS n FROM ledger_check").get().n;
books.close();
console.log("\nevents a second (median of five rounds)");
for (const way of Object.keys(ways)) console.log(`${way.padEnd(32)} ${median(rates[way]).toFixed(0).padStart(5)}   ${rates[way].map((r) => r.toFixed(0)).join(" ")}`);
const share = median(rates["eight senders, one partner"].map((one, round) => one / rates["eight senders, eight partners"][round]));
const good = share >= SHARE_MIN && faults === 0;
console.log(`${good ? "PASS" : "FAIL"} one partner's events go in at ${share.toFixed(2)} of the rate of eight partners' (at least ${SHARE_MIN}); ${waiting} accounts wait, ${faults} faults`);
process.exit(good ? 0 : 1);
