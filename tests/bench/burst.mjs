// A burst of clicks on one link while D1 answers slowly, refuses for a while and KV is slow: no redirect waits for any of it,
// every visitor gets the cookie, memory is bounded, and what could not be stored is counted.
//   node tests/bench/burst.mjs [--rate 2000] [--seconds 60] [--refusing 10]
// D1 takes 200 ms all the time, and from a third of the burst on it refuses. KV takes 5 s all the time. Fails if a visitor waited as
// long as a slow store takes, if one has no cookie, if a click is neither stored nor counted, or if workerd grew by more than
// 256 MB.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { newState, open, savePreset, start } from "./local.mjs";
import { sleep, visiting, workerdPid } from "./measured.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const { values } = parseArgs({ options: { rate: { type: "string", default: "2000" }, seconds: { type: "string", default: "60" }, refusing: { type: "string", default: "10" } } });
const [rate, seconds, refusing] = [values.rate, values.seconds, values.refusing].map(Number);
const TICK_MS = 10;
const D1_MS = 200;
const KV_MS = 5_000;
/** Less than any store takes to answer or to be given up (2 s), and more than a busy machine makes a visitor wait. */
const WAIT_MAX_MS = 1_500;
/** Of the whole process, with V8's heaps and the local D1 and KV. The clicks that wait are about 10 MB of it. */
const GROWTH_MAX_MB = 256;
const PROGRAM = "user-referral";

const folder = mkdtempSync(join(tmpdir(), "manicule-burst-"));
cpSync(join(root, "target/worker/release"), folder, { recursive: true });
cpSync(join(root, "tests/bench/workers/faulted.js"), join(folder, "faulted.js"));
const state = await newState();
const database = open(state);
savePreset(database, PROGRAM);
database.exec(`INSERT INTO partner (id, program_id, external_id, code, disclosure_accepted_at_ms, created_at_ms) VALUES ('ptn_1', '${PROGRAM}', 'one', 'AbC12345', 1, 0);
  INSERT INTO link (code, partner_id, program_id, created_at_ms) VALUES ('AbC12345', 'ptn_1', '${PROGRAM}', 0);`);
database.close();
const { miniflare, url, db } = await start(state, { folder, main: "faulted.js", isDirect: true, bindings: { COOKIE_KEYS: `k1:${randomBytes(32).toString("hex")}` } });

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const waits = [];
let wrong = 0;
let sent = 0;

function visit() {
  sent += 1;
  const headers = visiting(sent);
  const begun = performance.now();
  return new Promise((done) => {
    const asked = request(`${url}/r/AbC12345`, { headers, agent }, (answer) => {
      if (answer.statusCode !== 302 || !String(answer.headers["set-cookie"]).startsWith("__Host-manicule=v1.")) wrong += 1;
      answer.resume();
      answer.on("end", () => done(waits.push(performance.now() - begun)));
    });
    asked.on("error", () => done((wrong += 1)));
    asked.end();
  });
}

const fault = (query) => fetch(`${url}/faulted?${query}`, { method: "POST" });

const pid = workerdPid();

/** Its resident memory in MB. */
const memory = () => (pid ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024 : NaN);

let failed = false;
function check(passed, text) {
  failed ||= !passed;
  console.log(`${passed ? "PASS" : "FAIL"}  ${text}`);
}

try {
  // The link is in the isolate's cache, as during any burst, and compilers have found the hot code.
  for (let n = 0; n < 2_000; n += 20) await Promise.all(Array.from({ length: 20 }, visit));
  await sleep(2_000);
  waits.length = 0;
  const [before, warm] = [memory(), sent];
  let most = before;
  await fault(`d1=${D1_MS}&kv=${KV_MS}`);
  const begun = performance.now();
  const asked = [];
  let phase = 0;
  for (let due = 0; due < rate * seconds; ) {
    const passed = performance.now() - begun;
    if (phase === 0 && passed > (seconds * 1000) / 3) (phase = 1), await fault(`d1=${D1_MS}&kv=${KV_MS}&refuses=yes`);
    if (phase === 1 && passed > (seconds * 1000) / 3 + refusing * 1000) (phase = 2), await fault(`d1=${D1_MS}&kv=${KV_MS}`);
    for (const until = Math.min(rate * seconds, (passed * rate) / 1000); due < until; due += 1) asked.push(visit());
    most = Math.max(most, memory());
    await sleep(TICK_MS);
  }
  await Promise.all(asked);
  const took = (performance.now() - begun) / 1000;
  await fault("");
  // The next visitors' flushes write what is left.
  for (let n = 0; n < 20; n += 1) await visit().then(() => sleep(250));
  await sleep(1_000);
  waits.sort((a, b) => a - b);
  const at = (share) => waits[Math.min(waits.length - 1, Math.floor(share * waits.length))].toFixed(1);
  const { clicks } = await db.prepare("SELECT COUNT(*) AS clicks FROM click").first();
  const { counted } = await db.prepare("SELECT SUM(clicks) AS counted FROM link_day").first();
  const { dropped } = await db.prepare("SELECT COALESCE(SUM(clicks), 0) AS dropped FROM click_dropped").first();
  console.log(`${sent - warm} visits in ${took.toFixed(0)} s (${Math.round((sent - warm) / took)} a second); waits: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, most ${at(1)} ms`);
  console.log(`workerd: ${before.toFixed(0)} MB before, at most ${most.toFixed(0)} MB`);
  check(wrong === 0, `${wrong} answers without the redirect or its cookie`);
  check(Number(at(1)) < WAIT_MAX_MS, `nobody waited for a store (most ${at(1)} ms; less than ${WAIT_MAX_MS})`);
  check(most - before < GROWTH_MAX_MB, `${(most - before).toFixed(0)} MB more (less than ${GROWTH_MAX_MB})`);
  check(clicks + dropped === sent, `${clicks} stored + ${dropped} counted as dropped = ${sent} visits`);
  check(counted === clicks, `${counted} in the sums of links' days`);
} finally {
  agent.destroy();
  await miniflare.dispose();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
