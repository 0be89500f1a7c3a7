// The Worker with the demo site, as `make serve DEMO=yes` starts it, on a port and a state of its own.
import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** `{base, operatorToken, webhookSecret, codes, state, log, close}`. */
export async function serve({ demo = "yes", vars = "" } = {}) {
  const state = mkdtempSync(join(tmpdir(), "manicule-demo-"));
  const log = openSync(join(state, "log"), "a");
  const serving = spawn(join(root, ".make/serve"), [], {
    env: { ...process.env, PORT: "0", STATE: state, DEMO: demo, VARS: vars, STRIPE: "" },
    stdio: ["ignore", "pipe", log],
  });
  const ended = new Promise((done) => serving.once("exit", done));
  const line = await Promise.race([new Promise((read) => serving.stdout.once("data", (data) => read(String(data)))), ended.then(() => "")]);
  if (!line.startsWith("ready ")) throw new Error(`the Worker did not start:\n${readFileSync(join(state, "log"), "utf8")}`);
  const credentials = JSON.parse(readFileSync(join(state, "credentials.json"), "utf8"));
  return {
    state,
    base: credentials.base_url,
    operatorToken: credentials.operator_token,
    webhookSecret: credentials.webhook_secret,
    codes: JSON.parse(readFileSync(join(state, "demo.json"), "utf8")).codes,
    log: () => readFileSync(join(state, "log"), "utf8"),
    async close() {
      serving.kill("SIGTERM");
      await ended;
      rmSync(state, { recursive: true, force: true });
    },
  };
}
