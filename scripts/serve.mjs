// Runs the built Worker on workerd with miniflare. Started by `scripts/serve`, which documents its use.
// miniflare rather than `wrangler dev`: it starts in a second, has no proxy in between, and is a single process to
// stop.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { loadDemo } from "./demo-site/data.mjs";
import { start as startDemoSite } from "./demo-site/server.mjs";
import { applyMigrations, migrationsHash, template } from "./local-template.mjs";
import { installPresets } from "./presets.mjs";
import { newSecrets, stripeSecrets, workerSecrets } from "./secrets.mjs";
import { start as startStripe } from "../tests/support/stripe/server.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = join(root, "target/worker/release");
const HOST = "127.0.0.1";
const parent = process.ppid;
// The Stripe stand-in's balance for payouts, and its API key.
const STRIPE_BALANCE_CENTS = 100_000_00;
const STRIPE_KEY = "sk_test_standin";
let miniflare;
let cron;
let stripe;
let demoSite;
let ending = false;
const isDemo = Boolean(process.env.DEMO);

/** Stops workerd, then this process. */
async function end(code) {
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(code), 3000).unref(); // scripts/serve kills what is left of the group
  cron?.close();
  demoSite?.close();
  await miniflare?.dispose().catch(() => {});
  stripe?.world.store.flush(); // nobody is left to receive deliveries that are still waiting
  process.exit(code);
}
function fail(message) {
  console.error(`error: ${message}`);
  return end(1);
}
const endQuietly = () => end(0);
/**
 * Handles signals. The handlers are installed at all times, because a signal that arrives without one would be lost.
 */
function onSignals() {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    if (!process.listeners(signal).includes(endQuietly)) process.on(signal, endQuietly);
    for (const other of process.listeners(signal)) if (other !== endQuietly) process.removeListener(signal, other);
  }
}
onSignals();
process.on("uncaughtException", (error) => fail(error.stack));
process.on("unhandledRejection", (error) => fail(error?.stack ?? error));
// The process that started us may be killed without a chance to send a signal: scripts/serve, our parent, or CALLER,
// its own parent.
const caller = Number(process.env.CALLER ?? 0);
function callerIsAlive() {
  try {
    // On Linux, compares with the kernel's record of the parent's parent. This is right even if the caller is a zombie.
    if (existsSync("/proc/self/stat")) return Number(readFileSync(`/proc/${parent}/stat`, "utf8").split(") ")[1].split(" ")[1]) === caller;
    process.kill(caller, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
// make passes SIGTERM on to its jobs, but assumes that SIGINT comes from the terminal and reaches all processes: if it
// is sent to make alone, make stops catching it and waits for us. That shows in the signals it catches (Linux;
// elsewhere use SIGTERM).
const makeCatchesInterrupt = () => {
  try {
    const status = readFileSync(`/proc/${caller}/status`, "utf8");
    if (!/^Name:\s+g?make$/m.test(status)) return undefined;
    return (Number(`0x${/^SigCgt:\s+([0-9a-f]+)$/m.exec(status)[1].slice(-4)}`) & 2) !== 0;
  } catch {
    return undefined;
  }
};
const interruptible = makeCatchesInterrupt() === true;
setInterval(() => {
  const toldToEnd = interruptible && makeCatchesInterrupt() === false;
  if (process.ppid !== parent || (caller && !callerIsAlive()) || toldToEnd) end(0);
}, 300).unref();

/** KEY=VALUE pairs: those of VARS, and the lines of STATE/vars.env, which VARS overrides. */
function extraVars(stateFolder) {
  const words = (process.env.VARS ?? "").split(/\s+/).filter(Boolean);
  const file = join(stateFolder, "vars.env");
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").map((line) => line.trim()) : [];
  const pairs = [...lines.filter((line) => line && !line.startsWith("#")), ...words].map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new Error(`not KEY=VALUE: ${text}`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}

/** Writes a file that only its owner may read, completely or not at all. */
function writePrivate(path, value) {
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** A free port, or the wanted one if it is free. */
function claimPort(wanted) {
  return new Promise((resolvePort, reject) => {
    const socket = createSocket();
    socket.once("error", (error) =>
      reject(new Error(error.code === "EADDRINUSE" ? `port ${wanted} is in use: choose another with PORT=…, or PORT=0 for any` : error.message)),
    );
    socket.listen(wanted, HOST, () => {
      const { port } = socket.address();
      socket.close(() => resolvePort(port));
    });
  });
}

/** The Stripe stand-in, if STRIPE=stand-in is set, and the Worker's settings for it. */
async function standIn(stateFolder, secrets, workerUrl) {
  const wanted = process.env.STRIPE || (isDemo ? "stand-in" : "");
  if (wanted === "") return {};
  if (wanted !== "stand-in") throw new Error(`STRIPE is stand-in or nothing, not ${wanted}; for Stripe itself set STRIPE_API_KEY by VARS`);
  const own = stripeSecrets(secrets);
  stripe = await startStripe({
    state: join(stateFolder, "stripe.json"),
    balance: STRIPE_BALANCE_CENTS,
    webhooks: workerUrl,
    secrets: [own.STRIPE_WEBHOOK_SECRETS],
    connectSecrets: [own.STRIPE_CONNECT_WEBHOOK_SECRETS],
  });
  return { STRIPE_API_KEY: STRIPE_KEY, STRIPE_API_BASE: stripe.url, ...own };
}

/** The demo site behind the Worker, if DEMO is set, and the Worker's settings for it. */
async function behind(stateFolder, secrets, workerUrl) {
  if (!isDemo) return {};
  if (!["yes", "emdash"].includes(process.env.DEMO)) throw new Error(`DEMO is yes, emdash or nothing, not ${process.env.DEMO}`);
  demoSite = await startDemoSite({
    worker: { url: workerUrl, cronPath: "/cdn-cgi/local/scheduled", operatorToken: secrets.operator_token, webhookSecret: secrets.webhook_secret },
    stateFile: join(stateFolder, "demo-site.json"),
    memoryFile: join(stateFolder, "demo.json"),
    emdash: process.env.DEMO === "emdash",
    assets: `/manicule/${readdirSync(join(build, "assets/manicule")).find((name) => !name.startsWith("site."))}`,
  });
  return demoSite.vars;
}

/** The compiled Worker: its entry first, then all other modules next to it. */
function modules() {
  const found = [{ type: "ESModule", path: join(build, "index.js") }];
  const entry = readFileSync(found[0].path, "utf8");
  for (const name of readdirSync(build, { recursive: true })) {
    if (name === "index.js" || !/\.(wasm|js)$/.test(name)) continue;
    if (name.endsWith(".js") && !entry.includes(name)) continue;
    found.push({ type: name.endsWith(".wasm") ? "CompiledWasm" : "ESModule", path: join(build, name) });
  }
  return found;
}

/** One process per state folder: two would write the same database files. */
function claimState(stateFolder) {
  const file = join(stateFolder, "serve.pid");
  const other = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  if (other && other !== process.pid) {
    let command = "";
    try {
      process.kill(other, 0);
      command = existsSync("/proc/self/cmdline") ? readFileSync(`/proc/${other}/cmdline`, "utf8") : "serve.mjs";
    } catch {
      // That process is gone.
    }
    if (command.includes("serve.mjs")) throw new Error(`${stateFolder} is being served by process ${other}: choose another STATE`);
  }
  writeFileSync(file, `${process.pid}\n`);
  process.on("exit", () => rmSync(file, { force: true }));
}

/** Starts workerd on a port, together with the other servers. */
async function begin(port, { stateFolder, templateFolder, secrets, vars }) {
  const baseUrl = `http://${HOST}:${port}`;
  const stripeVars = await standIn(stateFolder, secrets, baseUrl);
  const demoVars = await behind(stateFolder, secrets, baseUrl);

  onSignals(); // wrangler may have installed its own handlers
  const { Miniflare, Log, LogLevel, convertV4MiniflareOptions } = await import("miniflare");
  const options = JSON.parse(readFileSync(join(templateFolder, "options.json"), "utf8"));
  const beside = process.env.BESIDE ? await import(pathToFileURL(resolve(process.env.BESIDE)).href) : { workers: [] };
  const temporary = join(stateFolder, "tmp");
  const storage = join(stateFolder, "storage");
  mkdirSync(temporary, { recursive: true });
  // The Worker's log goes to stderr; stdout is reserved for the one line.
  class StderrLog extends Log {
    log(message) {
      process.stderr.write(`${message}\n`);
    }
  }
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: HOST,
      port,
      cf: false, // else miniflare asks a server for the visitor's location
      log: new StderrLog(LogLevel.WARN),
      logRequests: false,
      handleStructuredLogs: ({ message }) => process.stderr.write(`${message}\n`),
      unsafeTriggerHandlers: true,
      resourcePersistencePath: join(storage, "v3"),
      resourceTmpPath: temporary,
      workers: [
        {
          ...options,
          name: "manicule",
          rootPath: root,
          modulesRoot: build,
          modules: modules(),
          // As many database statements per invocation as on Cloudflare's paid plan, unless the settings say otherwise.
          bindings: {
            D1_STATEMENTS_MAX: "1000",
            ...options.bindings,
            DEVELOPMENT: "yes",
            ...workerSecrets(secrets),
            ...stripeVars,
            ...demoVars,
            ...vars,
          },
          assets: { ...options.assets, directory: join(build, "assets") },
          serviceBindings: { ...options.serviceBindings, ...beside.serviceBindings },
        },
        ...beside.workers,
      ],
    }),
  );
  // miniflare exits immediately on a signal; our handler waits until workerd is gone.
  onSignals();
  await miniflare.ready;
}

/** From the start to the `ready` line, including the demo data. */
const READY_WITHIN_MS = 180_000;

async function main() {
  const late = setTimeout(() => fail(`the Worker was not ready within ${READY_WITHIN_MS / 1000} s`), READY_WITHIN_MS);
  const stateFolder = resolve(process.env.STATE || join(root, ".state"));
  mkdirSync(stateFolder, { recursive: true });
  claimState(stateFolder);
  const wanted = Number(process.env.PORT ?? 8799);
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65535) throw new Error(`PORT is not a port: ${process.env.PORT}`);
  let port = await claimPort(wanted);
  const vars = extraVars(stateFolder);

  const templateFolder = await template();
  const storage = join(stateFolder, "storage");
  const migrated = join(stateFolder, "migrations-applied");
  if (!existsSync(storage)) {
    cpSync(join(templateFolder, "state"), `${storage}.new`, { recursive: true });
    renameSync(`${storage}.new`, storage);
    writeFileSync(migrated, migrationsHash());
  } else if (!existsSync(migrated) || readFileSync(migrated, "utf8") !== migrationsHash()) {
    await applyMigrations(storage);
    writeFileSync(migrated, migrationsHash());
  }

  const secretsFile = join(stateFolder, "secrets.json");
  const kept = existsSync(secretsFile) ? JSON.parse(readFileSync(secretsFile, "utf8")) : {};
  const secrets = { ...newSecrets(), ...kept }; // an older state may lack some
  if (Object.keys(kept).length < Object.keys(secrets).length) writePrivate(secretsFile, secrets);
  for (;;) {
    try {
      await begin(port, { stateFolder, templateFolder, secrets, vars });
      break;
    } catch (error) {
      // Another process may have taken the port between our search for a free one and workerd's start.
      if (wanted !== 0 || !/address already in use/i.test(error.message)) throw error;
      await Promise.all([miniflare?.dispose().catch(() => {}), demoSite?.close(), stripe?.close()]);
      port = await claimPort(0);
    }
  }
  const baseUrl = `http://${HOST}:${port}`;

  // wrangler dev serves /cdn-cgi/handler/…, but miniflare alone calls it /cdn-cgi/local/…, so a small server of our own
  // translates.
  cron = createServer(async (request, response) => {
    const url = new URL(request.url, baseUrl);
    if (!/^\/cdn-cgi\/(handler|local)\/scheduled$/.test(url.pathname)) {
      response.writeHead(404).end("only /cdn-cgi/handler/scheduled?cron=…&time=… is here\n");
      return;
    }
    try {
      const answer = await fetch(`${baseUrl}/cdn-cgi/local/scheduled${url.search}`);
      response.writeHead(answer.status, { "content-type": "text/plain" }).end(await answer.text());
    } catch (error) {
      response.writeHead(500).end(`${error}\n`);
    }
  });
  cron.requestTimeout = 0; // a run may take any amount of time
  cron.keepAliveTimeout = 0; // no connection closes during the next trigger
  await new Promise((done, failed) => cron.once("error", failed).listen(0, HOST, done));

  writePrivate(join(stateFolder, "credentials.json"), {
    base_url: baseUrl,
    cron_base: `http://${HOST}:${cron.address().port}`,
    operator_token: secrets.operator_token,
    webhook_secret: secrets.webhook_secret,
    emdash_token: secrets.emdash_token,
    forms_secret: secrets.forms_secret,
    ...(stripe && {
      stripe_base: stripe.url,
      stripe_webhook_secret: secrets.stripe_webhook_secret,
      stripe_connect_webhook_secret: secrets.stripe_connect_webhook_secret,
    }),
  });
  await installPresets(baseUrl, secrets.operator_token);
  if (isDemo) await loadDemo(baseUrl, secrets.operator_token, secrets.webhook_secret, join(stateFolder, "demo.json"), stripe?.url);
  clearTimeout(late);
  process.stdout.write(`ready ${baseUrl}\n`);
}

main().catch((error) => fail(process.env.VERBOSE ? error.stack : error.message));
