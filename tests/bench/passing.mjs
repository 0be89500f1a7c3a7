// `make bench`: what passing a request on to the site costs, compared with a JavaScript Worker that only passes on, in
// alternating rounds on workerd itself: to an address (ORIGIN_URL), and by a service binding (EMDASH). The site is a
// process of its own, or a Worker beside, and answers everyone the same. Only ratios within one run are meaningful.
//   node tests/bench/passing.mjs [--rounds 15] [--seconds 1] [--facts]
// `--facts` only prints the ratios, and judges whether every answer was right.
import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { Miniflare, Log, LogLevel, convertV4MiniflareOptions } from "miniflare";
import { template } from "../../scripts/local-template.mjs";
import { helper, median, sleep, workerdCpu } from "./measured.mjs";

/** How much more than the Worker that only passes on. */
const MORE_MAX = 1.1;
/** The first round does not count: V8's compilers need a while to find the hot code. */
const WARM_SECONDS = 3;
const PATH = "/blog/a-post?page=2";
const PAGE = `<!doctype html><title>A post</title>${"<p>Words of a post.</p>".repeat(100)}`;
// A visitor who came through a link and is signed in at the site.
const COOKIE = `astro-session=0b5c6f2e-5d4f-4f0f-8f5e-2f6f7a8b9c0d; __Host-manicule=v1.k1.${"A".repeat(120)}; theme=dark`;

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" }, seconds: { type: "string", default: "1" }, facts: { type: "boolean" } } });
const state = mkdtempSync(join(tmpdir(), "manicule-bench-"));

async function workers(origin) {
  const folder = await template();
  cpSync(join(folder, "state"), state, { recursive: true });
  const { assets, ...options } = JSON.parse(readFileSync(join(folder, "options.json"), "utf8"));
  const settings = { COOKIE_KEYS: `k1:${randomBytes(32).toString("hex")}`, DEVELOPMENT: "yes" };
  const direct = { host: "127.0.0.1", port: 0 };
  const release = join(root, "target/worker/release");
  const product = {
    ...options,
    modulesRoot: release,
    modules: [
      { type: "ESModule", path: join(release, "index.js") },
      { type: "CompiledWasm", path: join(release, "index_bg.wasm") },
    ],
    unsafeDirectSockets: [direct],
  };
  // With the same bindings and flags, which cost something by themselves.
  const javascript = (name) => ({
    ...options,
    modulesRoot: join(here, "workers"),
    modules: [{ type: "ESModule", path: join(here, `workers/${name}.js`) }],
    unsafeDirectSockets: [direct],
  });
  return [
    { ...product, name: "manicule, address", bindings: { ...options.bindings, ...settings, ORIGIN_URL: origin } },
    { ...product, name: "manicule, binding", bindings: { ...options.bindings, ...settings }, serviceBindings: { EMDASH: "site" } },
    { ...javascript("passing"), name: "passing, address", bindings: { ORIGIN_URL: origin } },
    { ...javascript("passing"), name: "passing, binding", serviceBindings: { SITE: "site" } },
    { ...javascript("site"), name: "site", bindings: { PAGE } },
  ];
}

async function main(site, load, started) {
  const { port } = await site.ask({ page: PAGE });
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      resourcePersistencePath: join(state, "v3"),
      workers: await workers(`http://127.0.0.1:${port}`),
    }),
  );
  started(miniflare);
  await miniflare.ready;
  const measured = [];
  for (const way of ["address", "binding"]) {
    const worker = async (name) => ({ port: Number((await miniflare.unsafeGetDirectURL(`${name}, ${way}`)).port), rates: [], cpu: [], wrong: 0 });
    measured.push({ way, ours: await worker("manicule"), theirs: await worker("passing") });
  }
  const rounds = Number(values.rounds);
  for (let round = 0; round <= rounds; round += 1) {
    for (const { ours, theirs } of measured) {
      // Whoever comes second finds the site warmer.
      for (const worker of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
        const before = workerdCpu();
        const seconds = round === 0 ? WARM_SECONDS : Number(values.seconds);
        const done = await load.ask({ port: worker.port, path: PATH, cookie: COOKIE, seconds, expect: { page: PAGE } });
        await sleep(100);
        worker.wrong += done.wrong;
        worker.sample = done.sample;
        if (round === 0) continue;
        worker.rates.push(done.requests / done.seconds);
        worker.cpu.push((workerdCpu() - before) / done.requests);
      }
    }
    if (round > 0) console.log(`round ${round}: ${measured.map(({ way, ours, theirs }) => `${way} ${Math.round(ours.rates.at(-1))}/s and ${Math.round(theirs.rates.at(-1))}/s`).join(", ")}`);
  }
  return report(measured);
}

function report(measured) {
  const checks = [];
  const check = (passed, text) => checks.push(passed) && console.log(`${passed ? "PASS" : "FAIL"}  ${text}`);
  for (const { way, ours, theirs } of measured) {
    const of = (a, b) => median(a.map((value, round) => value / b[round]));
    const [time, cpu] = [of(theirs.rates, ours.rates), of(ours.cpu, theirs.cpu)];
    // The clock also measures the site and the load generator, which share the machine.
    const [ratio, what] = Number.isNaN(cpu) ? [time, "time"] : [cpu, "CPU time"];
    const text = `${way}: ${ratio.toFixed(2)} of the ${what} of a Worker that only passes on (median; at most ${MORE_MAX})`;
    console.log(`${way}: ${median(ours.cpu).toFixed(1)} and ${median(theirs.cpu).toFixed(1)} µs of workerd's CPU each, ${time.toFixed(2)} in time`);
    if (values.facts) console.log(`      ${text}`);
    else check(ratio <= MORE_MAX, text);
    check(ours.wrong + theirs.wrong === 0, `${way}: ${ours.wrong + theirs.wrong} wrong responses`);
    if (ours.wrong > 0) console.log(ours.sample);
  }
  return checks.every(Boolean);
}

const [site, load] = [helper("site.mjs"), helper("load.mjs")];
let miniflare;
let passed = false;
try {
  passed = await main(site, load, (started) => (miniflare = started));
} finally {
  site.stop();
  load.stop();
  await miniflare?.dispose();
  rmSync(state, { recursive: true, force: true });
}
process.exit(passed ? 0 : 1);
