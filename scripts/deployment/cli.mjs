// Run by `scripts/deploy`: reads the file and the environment, and on a signal reports where it was interrupted.
import { execFileSync, spawn } from "node:child_process";
import { dirname, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import { readConfig } from "./config.mjs";
import { main } from "./deploy.mjs";
import { steps as newSteps } from "./steps.mjs";
import { runner } from "./wrangler.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const steps = newSteps(process.stderr);
const isCheck = process.argv[2] === "check";
const env = process.env;
let child;

/** The build shows its own steps. */
const build = () =>
  new Promise((done, failed) => {
    steps.current = "build";
    child = spawn(join(root, "scripts/build"), { stdio: ["ignore", "inherit", "inherit"] });
    child.once("error", failed);
    child.once("close", (status) => (status === 0 ? done() : failed(new Error("the Worker was not built"))));
  });

/** The commit, shown in the list of versions. */
function message() {
  try {
    return `Manicule ${execFileSync("git", ["describe", "--always", "--dirty", "--tags"], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()}`;
  } catch {
    return "Manicule";
  }
}

const wrangler = runner(root, env);
for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]]) {
  process.on(signal, () => {
    child?.kill("SIGTERM");
    wrangler.child?.kill("SIGTERM");
    steps.say(`\ninterrupted${steps.current ? ` at: ${steps.current}` : ""}. You don't have to undo anything: run make ${isCheck ? "deploy-check" : "deploy"} again, and it continues from there.`);
    process.exit(status);
  });
}

const file = resolve(root, env.CONFIG || "wrangler.toml");
let config;
try {
  config = await readConfig(file);
} catch (error) {
  steps.say(`error: ${file} cannot be read: ${error.message}`);
  process.exit(1);
}
/** Asks the person at the terminal. In CI there is none. */
const question =
  process.stdin.isTTY && process.stderr.isTTY && !env.CI
    ? async (text) => {
        const lines = createInterface({ input: process.stdin, output: process.stderr });
        lines.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
        try {
          return await steps.pause(() => lines.question(text));
        } finally {
          lines.close();
        }
      }
    : undefined;
const folder = resolve(root, env.DEPLOY_FOLDER || join("target/deploy", config.name ?? "unnamed"));
process.exit(await main({ root, folder, config, file: relative(root, file), env, steps, wrangler, build, question, message: message(), isCheck }));
