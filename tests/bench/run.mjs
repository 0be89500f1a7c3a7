// `make bench redirect`: the warm redirect on workerd itself (a direct socket, no proxy in between), in turns with
//   bare       a JavaScript Worker that answers with a constant 302
//   limit      one that also reads the redirect's headers and sets a constant cookie: what this design cannot be below
//   unwritten  Manicule without the writing of its clicks
//   accepted   Manicule with a D1 that takes clicks at once and forgets them
//   plain      a JavaScript Worker with a KV read, an HMAC and a D1 insert per click
// Five runs, each of short slices in turns, so that other load on the machine affects all sides equally. Only ratios
// within a run are meaningful; their median is judged. Fails if one misses its target, if a response is wrong, or if a
// click has not reached the database. What the targets are and why: docs/redirect.md.
//   node tests/bench/run.mjs [--runs 5] [--slices 6] [--seconds 0.5] [--build NAME=FOLDER]… [--facts]
// `--build` names another build of the Worker (a copy of target/worker/release), measured in the same turns: the only
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

/**
 * In workerd's CPU time: which share of what Manicule takes the other takes, at least, and what was wanted where that is
 * out of reach (docs/redirect.md says why).
 */
const TARGETS = [
  ["unwritten", "limit", 0.8, 0.85],
  ["accepted", "limit", 0.7, 0.78],
  ["manicule", "limit", 0.45, 0.78],
  ["manicule", "bare", 0.4, 0.68],
];
const PLAIN_MIN = 6; // times the plain Worker's requests a second
const CODE = "AbC12345";
const DESTINATION = "https://shop.example/pricing";
// As `make setup` makes them: the Worker refuses a key that can be guessed.
const COOKIE_KEYS = `k1:${randomBytes(32).toString("hex")}`;
/** Clicks are written 100 ms after the first one. A write may wait for another. */
const SETTLE_MS = 15_000;

/** The first turn does not count: V8's compilers need a while to find the hot code. */
const WARM_SECONDS = 3;

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const release = join(root, "target/worker/release");
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    slices: { type: "string", default: "6" },
    seconds: { type: "string", default: "0.5" },
    build: { type: "string", multiple: true, default: [] },
    facts: { type: "boolean" },
  },
});
const [runs, slices, seconds] = [values.runs, values.slices, values.seconds].map(Number);
const builds = Object.fromEntries(values.build.map((text) => text.split("=")).map(([name, folder]) => [name, resolve(folder)]));
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
  const built = (name, folder, entry) => ({
    ...options,
    name,
    modulesRoot: folder,
    modules: [
      ...(entry ? [{ type: "ESModule", path: join(folder, entry), contents: readFileSync(join(here, "workers", entry), "utf8") }] : []),
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
        built("manicule", release),
        built("unwritten", release, "unwritten.js"),
        built("accepted", release, "accepted.js"),
        ...Object.entries(builds).flatMap(([name, folder]) => [built(name, folder), built(`${name}-unwritten`, folder, "unwritten.js")]),
        ...["bare", "limit", "plain"].map(javascript),
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

async function main() {
  await start();
  await install();
  load = helper("load.mjs");
  const workers = {};
  for (const name of ["bare", "limit", "unwritten", "accepted", "manicule", ...Object.keys(builds).flatMap((name) => [name, `${name}-unwritten`]), "plain"]) {
    const cookie = { bare: undefined, plain: "__Host-plain=" };
    const { port } = await miniflare.unsafeGetDirectURL(name);
    workers[name] = { port: Number(port), cookie: name in cookie ? cookie[name] : "__Host-manicule=v1.k1.", runs: [], wrong: 0, sent: 0 };
  }
  for (const worker of Object.values(workers)) await slice(worker, WARM_SECONDS);
  for (let run = 1; run <= runs; run += 1) {
    for (const worker of Object.values(workers)) worker.runs.push({ requests: 0, seconds: 0, cpu: 0, generator: 0 });
    for (let turn = 0; turn < slices; turn += 1) for (const worker of Object.values(workers)) await slice(worker, seconds);
    const said = Object.entries(workers).map(([name, { runs }]) => `${name} ${Math.round(rate(runs.at(-1)))}/s ${cpu(runs.at(-1)).toFixed(1)} µs`);
    console.log(`run ${run}: ${said.join(", ")}`);
  }
  return report(workers);
}

/** Runs the load on one Worker for a while, and adds it to its run. */
async function slice(worker, time) {
  const before = workerdCpu();
  const expect = { location: DESTINATION, cookie: worker.cookie };
  const done = await load.ask({ port: worker.port, path: `/r/${CODE}`, seconds: time, expect });
  await sleep(200); // wait until its last clicks are written, so that they do not load the next Worker
  worker.sent += done.requests;
  worker.wrong += done.wrong;
  worker.sample = done.sample;
  const run = worker.runs.at(-1);
  if (!run) return;
  run.requests += done.requests;
  run.seconds += done.seconds;
  run.cpu += workerdCpu() - before;
  run.generator += done.cpu_us / 1e6;
}

const rate = (run) => run.requests / run.seconds;
const cpu = (run) => run.cpu / run.requests;
/** The median of a figure of two Workers in the same run. */
const ratio = (figure, a, b) => median(a.runs.map((run, at) => figure(run) / figure(b.runs[at])));

async function report(workers) {
  const { bare, manicule, plain } = workers;
  const bundle = ["index.js", "index_bg.wasm"].map((name) => readFileSync(join(release, name)));
  const raw = bundle.reduce((sum, bytes) => sum + bytes.length, 0);
  const gzip = bundle.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
  // All builds write into one database.
  const visits = ["manicule", ...Object.keys(builds)].reduce((sum, name) => sum + workers[name].sent, 0);
  const written = await clicks(visits);
  const wrong = Object.values(workers).reduce((sum, worker) => sum + worker.wrong, 0);

  const checks = [];
  const check = (passed, text) => checks.push(passed) && console.log(`${passed ? "PASS" : "FAIL"}  ${text}`);
  console.log(`\n${manicule.sample.trim()}\n`);
  for (const [name, { runs }] of Object.entries(workers)) {
    console.log(`${name.padEnd(12)} ${Math.round(median(runs.map(rate)))} requests/s, ${median(runs.map(cpu)).toFixed(1)} µs of workerd's CPU each`);
  }
  const generator = median(bare.runs.map((run) => run.generator / run.seconds));
  console.log(`load generator at the bare 302: ${Math.round(generator * 100)} % of one core\n`);
  const speed = (passed, text) => (values.facts ? console.log(`      ${text}`) : check(passed, text));
  for (const [a, b, min, wanted] of TARGETS) {
    const [inCpu, inRate] = [ratio(cpu, workers[b], workers[a]), ratio(rate, workers[a], workers[b])];
    // Where the kernel does not report it, the rates have to do.
    speed((Number.isNaN(inCpu) ? inRate : inCpu) >= min, `${a} to ${b}: ${inCpu.toFixed(3)} in CPU (at least ${min}; wanted ${wanted}), ${inRate.toFixed(3)} in requests a second; medians of ${runs} runs`);
  }
  const toPlain = ratio(rate, manicule, plain);
  speed(toPlain >= PLAIN_MIN, `${toPlain.toFixed(1)} times the plain Worker's requests a second (at least ${PLAIN_MIN})`);
  check(wrong === 0, `${wrong} wrong responses`);
  check(written === visits, `${written} clicks in the database for ${visits} visits`);
  for (const name of Object.keys(builds)) {
    for (const [a, b] of [["unwritten", `${name}-unwritten`], ["manicule", name]]) {
      console.log(`${a} to ${b}: ${ratio(cpu, workers[b], workers[a]).toFixed(3)} in CPU, ${ratio(rate, workers[a], workers[b]).toFixed(3)} in requests a second`);
    }
  }
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
