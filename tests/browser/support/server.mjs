// The Worker with the demo site, as started by `make serve DEMO=yes`, with its own port and state.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** The Worker with its URL, its secrets, and the demo's codes. */
export async function serve({ demo = "yes", vars = "", port = 0, env = {}, state = mkdtempSync(join(tmpdir(), "manicule-demo-")) } = {}) {
  const log = openSync(join(state, "log"), "a");
  const serving = spawn(join(root, "scripts/serve"), [], {
    env: { ...process.env, PORT: String(port), STATE: state, DEMO: demo, VARS: vars, STRIPE: "", ...env },
    stdio: ["ignore", "pipe", log],
  });
  const ended = new Promise((done) => serving.once("exit", done));
  const line = await Promise.race([new Promise((read) => serving.stdout.once("data", (data) => read(String(data)))), ended.then(() => "")]);
  if (!line.startsWith("ready ")) throw new Error(`the Worker did not start:\n${readFileSync(join(state, "log"), "utf8")}`);
  const end = async () => {
    serving.kill("SIGTERM");
    await ended;
  };
  const credentials = JSON.parse(readFileSync(join(state, "credentials.json"), "utf8"));
  const memory = join(state, "demo.json");
  return {
    state,
    base: credentials.base_url,
    operatorToken: credentials.operator_token,
    webhookSecret: credentials.webhook_secret,
    formsSecret: credentials.forms_secret,
    stripeBase: credentials.stripe_base,
    ...(existsSync(memory) && JSON.parse(readFileSync(memory, "utf8"))), // codes and links, by partner
    log: () => readFileSync(join(state, "log"), "utf8"),
    /** Stops it, changes its database, and serves it again. `change` receives the open database. */
    async meanwhile(change) {
      await end();
      const folder = join(state, "storage/v3/d1/miniflare-D1DatabaseObject");
      for (const name of readdirSync(folder).filter((file) => file.endsWith(".sqlite") && file !== "metadata.sqlite")) {
        const database = new DatabaseSync(join(folder, name));
        change(database);
        database.close();
      }
      return serve({ demo, vars, port, env, state });
    },
    async close() {
      await end();
      rmSync(state, { recursive: true, force: true });
    },
  };
}
