// What operators' pages and reports read of a large installation, on workerd: 50,000 partners, a million events, a funnel
// with 100,000 campaigns. Fails if a page reads more rows of D1 than ROWS_MAX, or does not open.
//   node tests/bench/operator_pages.mjs [--share 1]
// `--share 0.01`: a hundredth of everything.
import { parseArgs } from "node:util";
import { newSecrets, workerSecrets } from "../../scripts/secrets.mjs";
import { navigate, newState, open, start } from "./local.mjs";
import { FUNNEL, LARGEST, PROGRAM, fill, operator, programs } from "./large_program.mjs";

/** Rows that a page may read, whatever there is. */
const ROWS_MAX = 2_000;
const DAY_MS = 86_400_000;

const { values } = parseArgs({ options: { share: { type: "string", default: "1" } } });
const now = Date.now();
const month = new Date(now).toISOString().slice(0, 7);

const PAGES = [
  "",
  "/programs",
  `/programs/${PROGRAM}`,
  `/programs/${PROGRAM}/edit`,
  "/partners",
  "/partners?q=Family77",
  "/partners?q=amily777",
  "/partners?q=mail7.example",
  "/partners?q=nobody+has+this",
  `/partners/${LARGEST.partner}`,
  `/partners/${LARGEST.partner}/adjust`,
  "/accounts",
  "/accounts?q=a77",
  "/accounts?q=mail7.example",
  `/accounts?q=${LARGEST.partner}`,
  `/accounts/${LARGEST.account}`,
  `/attribution?q=${LARGEST.account}`,
  "/attribution?q=mail7.example",
  "/attribution?q=c0",
  "/questions",
  "/questions/que_1",
  "/reviews",
  "/reviews/rev_1",
  "/runs",
  "/runs/preview",
  `/runs/${LARGEST.run}`,
  `/runs/${LARGEST.run}/plan`,
  "/adjustments",
  "/adjustments/adj_1",
  "/payouts",
  "/payouts?state=review",
  "/payouts/po_2",
  "/transfers",
  `/funnel?program=${FUNNEL}`,
  `/economics?program=${PROGRAM}`,
  `/economics?program=${FUNNEL}`,
  "/ledger",
  "/ledger/transfers",
  `/ledger/transfers?partner=${LARGEST.partner}`,
  "/ledger/checks",
  "/outbox",
  "/outbox?state=failed",
  "/audit",
  "/tokens",
];

const state = await newState();
const database = open(state);
programs(database);
const cookie = operator(database, now);
fill(database, now, Number(values.share));
const many = (table) => database.prepare(`SELECT COUNT(*) AS n FROM ${table}`).get().n;
console.log(["partner", "account", "event", "accrual", "transfer", "click", "funnel_event"].map((table) => `${many(table)} ${table}`).join(", "));
database.close();
const { miniflare, url, log } = await start(state, { bindings: { ...workerSecrets(newSecrets()), OPERATOR_EMAIL: "ops@bench.example" } });

// Opening a large report has the next sweep put it together.
for (const page of PAGES.filter((page) => /^\/(runs\/run_0$|funnel|economics)/.test(page))) await navigate(`${url}/operator${page}`, cookie);
const worker = await miniflare.getWorker("manicule");
for (let sweep = 0; sweep < 3; sweep += 1) await worker.scheduled({ cron: "*/10 * * * *", scheduledTime: new Date() });

let failed = false;
console.log("\npage                                             statements  rows read      ms");
for (const page of PAGES) {
  log.length = 0;
  const began = performance.now();
  const { status } = await navigate(`${url}/operator${page}`, cookie);
  const ms = performance.now() - began;
  for (let waited = 0; log.length === 0 && waited < 2_000; waited += 5) await new Promise((done) => setTimeout(done, 5));
  const { statements, rows_read } = log[0] ?? {};
  // The checks of the ledger read all of it: that is what the page is for.
  const good = status === 200 && (rows_read <= ROWS_MAX || page === "/ledger/checks");
  failed ||= !good;
  console.log(`${good ? "PASS" : "FAIL"} ${status} ${`/operator${page}`.padEnd(44)} ${String(statements).padStart(6)} ${String(rows_read).padStart(10)} ${ms.toFixed(0).padStart(7)}`);
}
await miniflare.dispose();
process.exit(failed ? 1 : 0);
