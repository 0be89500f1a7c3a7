// Run by `make dev` once the Worker is built: wrangler dev, which rebuilds when a source changes; the demo site behind
// the Worker, which receives all emails; the Stripe stand-in; and other reactions to changes: migrations are applied,
// and presets are saved as the development operator.
import { spawn } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, watch, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadDemo } from "./demo-site/data.mjs";
import { start as startDemoSite } from "./demo-site/server.mjs";
import { presets, saveInDevelopment } from "./presets.mjs";
import { devVars, stripeVars } from "./secrets.mjs";
import { start as startStripe } from "../tests/support/stripe/server.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const HOST = "127.0.0.1";
const port = Number(process.env.PORT || 8787);
const url = `http://${HOST}:${port}`;
const parent = process.ppid;
/** The stand-in's balance for payouts: $100,000. */
const STRIPE_BALANCE_CENTS = 100_000_00;
const READY_WITHIN_MS = 90_000;
const MIGRATED_WITHIN_MS = 60_000;
/** Editors write a file in several steps. */
const SETTLED_MS = 100;

const say = (text) => process.stderr.write(`${text}\n`);
const wait = (millis) => new Promise((done) => setTimeout(done, millis));

let wrangler;
let stripe;
let demoSite;
let ending = false;

/** Stops everything that was started, then exits. */
async function end(code) {
  if (ending) return;
  ending = true;
  const until = Date.now() + 2000;
  const signal = (name) => {
    try {
      // wrangler, workerd and esbuild have their own process group.
      process.kill(-wrangler.pid, name);
      return true;
    } catch {
      return false;
    }
  };
  if (wrangler?.pid && signal("SIGTERM")) while (Date.now() < until && signal(0)) await wait(50);
  if (wrangler?.pid) signal("SIGKILL");
  await demoSite?.close();
  stripe?.world.store.flush();
  process.exit(code);
}
function fail(message) {
  say(`error: ${message}`);
  return end(1);
}
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(name, () => end(0));
process.on("uncaughtException", (error) => fail(error.stack));
process.on("unhandledRejection", (error) => fail(error?.stack ?? error));
// The process that started this may be killed without a chance to send a signal.
setInterval(() => process.ppid !== parent && end(0), 500).unref();

/** The local secrets, created at random the first time, and the values read from them. */
function secrets() {
  const file = join(root, ".dev.vars");
  if (!existsSync(file)) {
    writeFileSync(file, devVars(), { mode: 0o600 });
    say("✓ .dev.vars, with random secrets");
  }
  if (!/^STRIPE_WEBHOOK_SECRETS=/m.test(readFileSync(file, "utf8"))) appendFileSync(file, stripeVars());
  chmodSync(file, 0o600);
  const text = readFileSync(file, "utf8");
  /** The first word of a value. */
  const first = (name) => new RegExp(`^${name}="?([^" \\n]*)`, "m").exec(text)?.[1] ?? "";
  return {
    operatorToken: /OPERATOR_TOKEN=(mop_[0-9a-f]*)/.exec(text)?.[1] ?? "",
    webhookSecret: first("WEBHOOK_SECRETS"),
    stripeSecret: first("STRIPE_WEBHOOK_SECRETS"),
    stripeConnectSecret: first("STRIPE_CONNECT_WEBHOOK_SECRETS"),
    stripeKey: process.env.STRIPE_API_KEY || first("STRIPE_API_KEY"),
  };
}

function portIsFree() {
  return new Promise((done) => {
    const socket = createServer();
    socket.once("error", () => done(false));
    socket.listen(port, HOST, () => socket.close(() => done(true)));
  });
}

const wranglerBin = join(root, "node_modules/wrangler/bin/wrangler.js");

/** Applies new migrations. Returns wrangler's output if that failed. */
function migrate() {
  return new Promise((done) => {
    const child = spawn(process.execPath, [wranglerBin, "d1", "migrations", "apply", "DB", "--local"], {
      cwd: root,
      env: { ...process.env, CI: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: MIGRATED_WITHIN_MS,
    });
    let said = "";
    child.stdout.on("data", (text) => (said += text));
    child.stderr.on("data", (text) => (said += text));
    child.on("close", (code, signal) => done(code === 0 ? null : `${said}${signal ? `wrangler did not end within ${MIGRATED_WITHIN_MS / 1000} s\n` : ""}`));
  });
}

function startWrangler(vars) {
  const hook = join(root, "scripts/end-with-parent.mjs");
  const words = ["dev", "--ip", HOST, "--port", String(port), "--show-interactive-dev-session=false"];
  for (const [name, value] of Object.entries(vars)) words.push("--var", `${name}:${value}`);
  wrangler = spawn(process.execPath, [wranglerBin, ...words], {
    cwd: root,
    detached: true, // a process group of its own
    env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false", NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import=${new URL(`file://${hook}`)}`.trim() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Its output is held back until the address is printed.
  const held = [];
  let through = (text) => held.push(text);
  wrangler.stdout.on("data", (text) => through(text));
  wrangler.stderr.on("data", (text) => through(text));
  wrangler.on("exit", () => {
    if (ending) return;
    process.stderr.write(held.join(""));
    fail("wrangler dev ended");
  });
  return () => {
    const rest = held.splice(0);
    through = (text) => process.stderr.write(text);
    return rest.join("");
  };
}

/** Whether the Worker responds. */
async function answers(release) {
  const until = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const answered = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5000) }).catch(() => null);
    if (answered || ending) return;
    if (Date.now() > until) {
      process.stderr.write(release());
      throw new Error(`wrangler dev did not answer on ${url} within ${READY_WITHIN_MS / 1000} s`);
    }
    await wait(200);
  }
}

/** Calls `then` with the names of the changed files below a folder, one call at a time. */
function onChange(folder, isWanted, then) {
  const changed = new Set();
  let timer;
  let running = false;
  const settle = async () => {
    if (running) return;
    running = true;
    while (changed.size > 0) {
      const names = [...changed];
      changed.clear();
      await then(names).catch((error) => say(`✗ ${error.message}`));
    }
    running = false;
  };
  watch(join(root, folder), (_, name) => {
    if (!name || !isWanted(name)) return;
    changed.add(name);
    clearTimeout(timer);
    timer = setTimeout(settle, SETTLED_MS);
  });
}

async function savePresets(ids, operatorToken) {
  for (const [id, text] of presets()) {
    if (ids && !ids.includes(id)) continue;
    const done = await saveInDevelopment(url, operatorToken, id, text);
    if (ids || done.saved) say(`✓ program ${id}: ${done.said}`);
  }
}

function greeting({ operatorToken, isLoaded }) {
  const atStripe = stripe
    ? `Payouts go to a stand-in for Stripe: ${stripe.url}/_test/state/transfer`
    : `Payouts go to Stripe's test mode. Its webhooks, with the secret that this prints in .dev.vars as STRIPE_WEBHOOK_SECRETS
and STRIPE_CONNECT_WEBHOOK_SECRETS:
  stripe listen --forward-to ${url}/v1/webhooks/stripe --forward-connect-to ${url}/v1/webhooks/stripe-connect`;
  return `
Manicule runs${isLoaded ? " with demo data" : ""}. Ctrl-C ends it.

  Open ${url}/

  The page says what to click: join as a partner, earn a commission in the shop, approve its payout.
  Mails are at ${url}/dev/mail, the shop is at ${url}/shop.

The operator's token, for the API: ${operatorToken}
${atStripe}
A change of a source, a style, a migration or a preset is there within seconds.
`;
}

async function main() {
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`PORT is not a port: ${process.env.PORT}`);
  const known = secrets();
  if (!/^(sk_test_|rk_test_|$)/.test(known.stripeKey)) {
    throw new Error("STRIPE_API_KEY is not a Stripe test mode key (sk_test_… or rk_test_…); make dev never moves real money");
  }
  if (!(await portIsFree())) throw new Error(`port ${port} is in use: choose another with make dev PORT=…`);
  mkdirSync(join(root, ".wrangler"), { recursive: true });
  const broken = await migrate();
  if (broken) throw new Error(`the migrations could not be applied:\n${broken}`);

  const state = (name) => join(root, ".wrangler", name);
  // As many database statements per invocation as on Cloudflare's paid plan.
  const vars = { D1_STATEMENTS_MAX: "1000", DEVELOPMENT: "yes", STRIPE_API_KEY: known.stripeKey };
  if (!known.stripeKey) {
    // It stores its state with the Worker's, so that payouts stay paid.
    stripe = await startStripe({
      state: state("stripe.json"),
      balance: STRIPE_BALANCE_CENTS,
      webhooks: url,
      secrets: [known.stripeSecret],
      connectSecrets: [known.stripeConnectSecret],
    });
    Object.assign(vars, { STRIPE_API_KEY: "sk_test_standin", STRIPE_API_BASE: stripe.url });
  } else if (existsSync(state("stripe.json"))) {
    say("note: the local database was used with the Stripe stand-in, whose accounts Stripe does not know; make clean removes both");
  }
  demoSite = await startDemoSite({
    worker: { url, operatorToken: known.operatorToken, webhookSecret: known.webhookSecret, cronPath: "/cdn-cgi/handler/scheduled" },
    stateFile: state("demo-site.json"),
    memoryFile: state("demo.json"),
    emdash: process.env.DEMO === "emdash",
    assets: "/manicule/dev",
  });
  Object.assign(vars, demoSite.vars);

  const release = startWrangler(vars);
  await answers(release);
  let isLoaded = true;
  try {
    await savePresets(null, known.operatorToken);
    await loadDemo(url, known.operatorToken, known.webhookSecret, state("demo.json"), stripe?.url);
  } catch (error) {
    isLoaded = false;
    say(`${error.message}\nthe demo data is incomplete, but the Worker is running`);
  }
  process.stdout.write(`${greeting({ operatorToken: known.operatorToken, isLoaded })}\n`);
  process.stderr.write(release());

  onChange("src/program/presets", (name) => name.endsWith(".json"), (names) => savePresets(names.map((name) => name.slice(0, -".json".length)), known.operatorToken));
  let migrations = readdirSync(join(root, "migrations")).length;
  onChange("migrations", (name) => name.endsWith(".sql"), async () => {
    const said = await migrate();
    const now = readdirSync(join(root, "migrations")).length;
    if (said) say(`✗ the migrations could not be applied:\n${said}`);
    else say(now > migrations ? "✓ migrations applied" : "✓ no new migration: one that was applied is not applied again (make clean begins with an empty database)");
    migrations = now;
  });
}

main().catch((error) => fail(error.message));
