// The EmDash site and the Worker before it, at one address.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "../../../scripts/demo-site/worker.mjs";
import { serve } from "../../browser/support/server.mjs";
import { Site, freePorts } from "./site.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** What an owner sets: the address of the site, and nothing else. */
function settings(site) {
  const named = readFileSync(join(root, "wrangler.toml"), "utf8").includes("ORIGIN_URL");
  return named ? [`ORIGIN_URL=${site}`] : [`SITE_URL=${site}`, `EMDASH_ORIGIN=${site}`];
}

/** The setting that names a form of the site's own: its path, and where its answer holds the account's id. */
export const signUpPath = (path, id) => `SIGNUP_PATHS=${path}=${id}`;

/** The same on workerd: the site is a Worker, which ours is bound to. There is nothing to set. */
export async function frontOfWorker({ vars = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "manicule-emdash-"));
  const [port] = await freePorts(1);
  const base = `http://localhost:${port}`;
  const env = { BESIDE: join(root, "tests/emdash/support/workerd.mjs"), EMDASH_VARS: JSON.stringify({ EMDASH_SITE_URL: base }) };
  const server = await serve({ demo: "", port, state: folder, env, vars: vars.join(" ") });
  return { base, server, worker: workerAt(base, server), close: () => server.close() };
}

const workerAt = (base, { operatorToken, webhookSecret }) => new Worker({ url: base, cronPath: "/cdn-cgi/local/scheduled", operatorToken, webhookSecret });

/** Both, started. `vars`: further settings; `env`: of the site. */
export async function front({ vars = [], env = {}, isStarted = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "manicule-emdash-"));
  const [sitePort, port] = await freePorts(2);
  // Passkeys need a name: an address of digits has none.
  const base = `http://localhost:${port}`;
  const address = `http://127.0.0.1:${sitePort}`;
  const server = await serve({ demo: "", port, state: folder, vars: [...settings(address), ...vars].join(" ") });
  const told = { MANICULE_URL: `${base}/v1/webhooks/events`, MANICULE_SECRET: server.webhookSecret };
  const site = new Site({ port: sitePort, base, folder: join(folder, "site"), env: { ...told, ...env } });
  const worker = workerAt(base, server);
  const stop = async () => {
    await Promise.all([site.stop(), server.close()]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    if (isStarted) await site.start();
  } catch (why) {
    await stop();
    throw why;
  }
  return { base, server, site, worker, close: stop };
}
