// `make bench`: the warm redirect compared with a bare JavaScript 302 and a plain JavaScript Worker with a KV read, an
// HMAC and a D1 insert per click, in alternating rounds, on workerd itself (a direct socket, no proxy in between). Only
// ratios within one run are meaningful. Fails if a ratio or the bundle misses its target, if a response is wrong, or if
// a click has not reached the database. Rounds are short and many, so that other load on the machine affects both sides
// of most of them equally.
//   node tests/bench/run.mjs [--rounds 21] [--seconds 0.5] [--earlier FOLDER] [--facts]
// `--earlier` names another build of the Worker (a copy of target/worker/release), measured in the same rounds: the only
// way to tell a few per cent between two commits on a machine that does other work. `--facts` judges what is right or
// wrong at any speed, and only prints the ratios: for `make test-long`, on a machine that may do other work.
import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Miniflare, Log, LogLevel, convertV4MiniflareOptions } from "miniflare";
import { template } from "../../scripts/local-template.mjs";
import { helper, median, sleep, workerdCpu } from "./measured.mjs";

const BARE_MIN = 0.55; // relative to the bare 302's requests per second
const PLAIN_MIN = 6; // times the plain Worker's
const CODE = "AbC12345";
const DESTINATION = "https://shop.example/pricing";
// As `make setup` makes them: the Worker refuses a key that can be guessed.
const COOKIE_KEYS = `k1:${randomBytes(32).toString("hex")}`;
/** Clicks are written 100 ms after the first one. A write may wait for another. */
const SETTLE_MS = 15_000;

/** The first round does not count: V8's compilers need a while to find the hot code. */
const WARM_SECONDS = 3;

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const { values } = parseArgs({ options: { rounds: { type: "string", default: "21" }, seconds: { type: "string", default: "0.5" }, earlier: { type: "string" }, facts: { type: "boolean" } } });
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const state = mkdtempSync(join(tmpdir(), "manicule-bench-"));
let miniflare;
let load;

async function start() {
  const folder = await template();
  cpSync(join(folder, "state"), state, { recursive: true });
  // No side has static files: Cloudflare serves those before the Worker, outside of its time. Here miniflare would put
  // two Workers of its own in front of each, and the comparison would mostly measure them.
  const { assets, ...options } = JSON.parse(readFileSync(join(folder, "options.json"), "utf8"));
  const direct = { host: "127.0.0.1", port: 0 };
  const built = (name, folder) => ({
    ...options,
    name,
    modulesRoot: folder,
    modules: [
      { type: "ESModule", path: join(folder, "index.js") },
      { type: "CompiledWasm", path: join(folder, "index_bg.wasm") },
    ],
    bindings: { ...options.bindings, COOKIE_KEYS },
    unsafeDirectSockets: [direct],
  });
  const javascript = (name) => ({
    ...options,
    name,
    modulesRoot: join(here, "workers"),
    modules: [{ type: "ESModule", path: join(here, `workers/${name}.js`) }],
    bindings: { COOKIE_KEYS },
    unsafeDirectSockets: [direct],
  });
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      resourcePersistencePath: join(state, "v3"),
      workers: [
        built("manicule", join(root, "target/worker/release")),
        ...(values.earlier ? [built("earlier", resolve(values.earlier))] : []),
        javascript("bare"),
        javascript("plain"),
      ],
    }),
  );
  await miniflare.ready;
}

/** One partner with one link, in the Worker's own tables, and the same for the plain Worker. */
async function install() {
  const db = await miniflare.getD1Database("DB", "manicule");
  const document = readFileSync(join(root, "src/program/presets/user-referral.json"), "utf8");
  await db.batch([
    db
      .prepare("INSERT INTO program_version (program_id, version, effective_from_ms, document, document_sha256, created_at_ms, actor) VALUES ('user-referral', 1, 0, ?1, '', 0, 'bench')")
      .bind(document),
    db.prepare("INSERT INTO partner (id, program_id, external_id, code, disclosure_accepted_at_ms, created_at_ms) VALUES ('ptn_1', 'user-referral', 'u1', ?1, 1, 0)").bind(CODE),
    db.prepare("INSERT INTO link (code, partner_id, program_id, destination, created_at_ms) VALUES (?1, 'ptn_1', 'user-referral', ?2, 0)").bind(CODE, DESTINATION),
    db.prepare("CREATE TABLE plain_click (id TEXT PRIMARY KEY, code TEXT NOT NULL, visitor TEXT NOT NULL, clicked_at_ms INTEGER NOT NULL) STRICT"),
  ]);
  const kv = await miniflare.getKVNamespace("KV", "plain");
  await kv.put(`plain:${CODE}`, JSON.stringify({ program: "user-referral", destination: DESTINATION }));
}

/** Runs the load on one Worker for a while. */
function measure({ port, cookie }, time) {
  return load.ask({ port, path: `/r/${CODE}`, seconds: time, expect: { location: DESTINATION, cookie } });
}

async function main() {
  await start();
  await install();
  load = helper("load.mjs");
  const port = async (name) => Number((await miniflare.unsafeGetDirectURL(name)).port);
  const worker = async (name, cookie) => ({ port: await port(name), cookie, rates: [], cpu: [], wrong: 0, sent: 0 });
  const workers = {
    bare: await worker("bare"),
    manicule: await worker("manicule", "__Host-manicule=v1.k1."),
    ...(values.earlier ? { earlier: await worker("earlier", "__Host-manicule=v1.k1.") } : {}),
    plain: await worker("plain", "__Host-plain="),
  };
  const generator = [];
  for (let round = 0; round <= rounds; round += 1) {
    for (const worker of Object.values(workers)) {
      const before = workerdCpu();
      const done = await measure(worker, round === 0 ? WARM_SECONDS : seconds);
      await sleep(200); // wait until its last clicks are written, so that they do not load the next Worker
      worker.sent += done.requests;
      worker.wrong += done.wrong;
      worker.sample = done.sample;
      // The first round warms up caches and compilers.
      if (round > 0) {
        worker.rates.push(done.requests / done.seconds);
        worker.cpu.push((workerdCpu() - before) / done.requests);
        if (worker === workers.bare) generator.push(done.cpu_us / 1e6 / done.seconds);
      }
    }
    if (round === 0) continue;
    const rates = Object.entries(workers).map(([name, { rates }]) => `${name} ${Math.round(rates.at(-1))}/s`);
    console.log(`round ${round}: ${rates.join(", ")}`);
  }
  return report(workers, median(generator));
}

async function report(workers, generator) {
  const { bare, manicule, earlier, plain } = workers;
  const rate = (worker) => median(worker.rates);
  const ratios = (a, b) => a.rates.map((value, round) => value / b.rates[round]);
  const toBare = median(ratios(manicule, bare));
  const toPlain = median(ratios(manicule, plain));
  const bundle = ["index.js", "index_bg.wasm"].map((name) => readFileSync(join(root, "target/worker/release", name)));
  const raw = bundle.reduce((sum, bytes) => sum + bytes.length, 0);
  const gzip = bundle.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
  // Both builds write into one database.
  const visits = manicule.sent + (earlier?.sent ?? 0);
  const written = await clicks(visits);
  const wrong = Object.values(workers).reduce((sum, worker) => sum + worker.wrong, 0);

  const checks = [];
  const check = (passed, text) => checks.push(passed) && console.log(`${passed ? "PASS" : "FAIL"}  ${text}`);
  console.log(`\n${manicule.sample.trim()}\n`);
  const line = (name, worker) => console.log(`${name.padEnd(42)} ${Math.round(rate(worker))} requests/s, ${Math.round(median(worker.cpu))} µs of workerd's CPU each`);
  line("bare JavaScript 302", bare);
  line("Manicule", manicule);
  if (earlier) line("the earlier build", earlier);
  line("JavaScript: KV, HMAC, insert per click", plain);
  console.log(`in workerd's CPU time: ${(median(bare.cpu) / median(manicule.cpu)).toFixed(2)} of the bare 302`);
  console.log(`load generator at the bare 302: ${Math.round(generator * 100)} % of one core\n`);
  const ratio = (passed, text) => (values.facts ? console.log(`      ${text}`) : check(passed, text));
  ratio(toBare >= BARE_MIN, `${toBare.toFixed(2)} of the bare 302 (median of ${rounds} rounds; at least ${BARE_MIN})`);
  ratio(toPlain >= PLAIN_MIN, `${toPlain.toFixed(1)} times the plain Worker (at least ${PLAIN_MIN})`);
  check(wrong === 0, `${wrong} wrong responses`);
  check(written === visits, `${written} clicks in the database for ${visits} visits`);
  if (earlier) console.log(`${median(ratios(manicule, earlier)).toFixed(3)} of the earlier build, ${(median(earlier.cpu) / median(manicule.cpu)).toFixed(3)} in CPU time`);
  console.log(`bundle ${raw} bytes, ${gzip} gzip; make test holds it to its limit`);
  if (wrong > 0) for (const worker of Object.values(workers)) console.log(worker.sample);
  return checks.every(Boolean);
}

/** The number of click rows in D1, once they are complete or have had time to be. */
async function clicks(expected) {
  const db = await miniflare.getD1Database("DB", "manicule");
  let count = 0;
  for (const until = Date.now() + SETTLE_MS; Date.now() < until && count < expected; await sleep(200)) {
    ({ count } = await db.prepare("SELECT count(*) AS count FROM click").first());
  }
  return count;
}

let passed = false;
try {
  passed = await main();
} finally {
  load?.stop();
  await miniflare?.dispose();
  rmSync(state, { recursive: true, force: true });
}
process.exit(passed ? 0 : 1);
