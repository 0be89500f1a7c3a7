// Deploys to the stand-in inside the test's process: fast, with the output at hand. Uses the real wrangler, or, in
// tests about something else, a fake one that only deploys the version.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readConfig } from "../../../scripts/deployment/config.mjs";
import { main } from "../../../scripts/deployment/deploy.mjs";
import { steps } from "../../../scripts/deployment/steps.mjs";
import { runner } from "../../../scripts/deployment/wrangler.mjs";
import { CATALOG, differences, expected } from "../../../scripts/verify-schema.mjs";
import { newWorld, start } from "../../support/cloudflare/server.mjs";
import { install } from "../../support/cloudflare/workers.mjs";

export const root = join(import.meta.dirname, "../../..");
const shipped = await readConfig(join(root, "wrangler.toml"));

/** The shipped configuration with changes. */
export const config = (more = {}) => ({ ...structuredClone(shipped), ...more });

/** A stand-in and a folder for one test. Both are removed afterwards, and every call must have been known. */
export async function standIn(t, more) {
  const served = await start(newWorld(more));
  const folder = mkdtempSync(join(tmpdir(), "manicule-deploy-"));
  t.after(async () => {
    await served.close();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(served.world.unknown, [], "calls that the stand-in does not know");
  });
  return Object.assign(served, { folder });
}

/** A fake wrangler that only deploys a version: no bundling, no files, no child process. */
function spared(served, real, imports) {
  return async (words) => {
    if (words[0] === "d1" && !imports) return { status: 1, output: "not imported" };
    if (words[0] !== "deploy") return real(words);
    if (words.includes("--dry-run")) return { status: 0, output: "" };
    const one = JSON.parse(readFileSync(words[words.indexOf("--config") + 1], "utf8"));
    const bindings = [
      ...one.d1_databases.map((db) => ({ type: "d1", name: db.binding, id: db.database_id })),
      ...one.kv_namespaces.map((ns) => ({ type: "kv_namespace", name: ns.binding, namespace_id: ns.id })),
      ...Object.entries(one.vars).map(([name, text]) => ({ type: "plain_text", name, text })),
    ];
    install(served.world, one.name, { bindings, main_module: "index.js", keep_bindings: ["secret_text"] });
    served.world.scripts.get(one.name).schedules = one.triggers.crons.map((cron) => ({ cron }));
    return { status: 0, output: "Current Version ID: spared" };
  };
}

/** One run: its status and its output. */
export async function deploy(served, { config: changed = config(), env = {}, real = false, imports = true, sources = root, isCheck = false, built, waitMs = 1, seconds, question, message = "test" } = {}) {
  const lines = [];
  const whole = { ...process.env, CLOUDFLARE_API_TOKEN: undefined, ...served.env, ...env };
  const wrangler = runner(root, whole);
  const status = await main({
    root: sources,
    folder: join(served.folder, "out"),
    config: changed,
    file: "wrangler.toml",
    env: whole,
    steps: steps({ write: (text) => lines.push(text) }),
    wrangler: real ? wrangler : spared(served, wrangler, imports),
    build: async () => {},
    built: built ?? workerFolder(),
    question,
    message,
    apiOptions: { base: whole.CLOUDFLARE_API_BASE_URL, waitMs, ...(seconds && { seconds }) },
    isCheck,
  });
  return { status, output: lines.join("") };
}

/** A run that must succeed. */
export async function deployed(served, options) {
  const found = await deploy(served, options);
  assert.equal(found.status, 0, found.output);
  return found;
}

const release = join(root, "target/worker/release");
/** The release build, made by `make test`. */
export function workerFolder() {
  assert.ok(existsSync(join(release, "index.js")), "the Worker is not built: make build");
  return release;
}

/** A folder with the migrations that `keeps` accepts, those of `more` ([name, text]), and the resulting schema.sql. */
export function sourcesWith(served, name, { keeps = () => true, more = [] } = {}) {
  const folder = join(served.folder, name);
  mkdirSync(join(folder, "migrations"), { recursive: true });
  const shippedFiles = readdirSync(join(root, "migrations")).filter((file) => file.endsWith(".sql") && keeps(file)).map((file) => [file, readFileSync(join(root, "migrations", file), "utf8")]);
  const whole = new DatabaseSync(":memory:");
  for (const [file, text] of [...shippedFiles, ...more].sort()) {
    writeFileSync(join(folder, "migrations", file), text);
    whole.exec(text);
  }
  const objects = whole.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid").all();
  writeFileSync(join(folder, "schema.sql"), objects.map((row) => `${row.sql};\n`).join(""));
  return folder;
}

/**
 * Fails unless the account is as a deployment leaves it: one database with the whole schema, one namespace, one Worker
 * bound to both.
 */
export async function assertWhole(served, { name = "manicule", schema = readFileSync(join(root, "schema.sql"), "utf8"), migrations = readdirSync(join(root, "migrations")).length } = {}) {
  const { world } = served;
  assert.deepEqual(world.databases.map((one) => one.name), [name]);
  assert.deepEqual(world.namespaces.map((one) => one.title), [`${name}-kv`]);
  const [database] = world.databases;
  assert.deepEqual(differences(await expected(schema), database.sqlite.prepare(CATALOG).all()), []);
  assert.equal(database.sqlite.prepare("SELECT COUNT(*) AS n FROM d1_migrations").get().n, migrations);
  assert.deepEqual([...world.scripts.keys()], [name]);
  const one = world.scripts.get(name);
  const online = one.versions.find((version) => version.id === one.deployments[0].versions[0].version_id);
  const bound = (type) => online.metadata.bindings.find((binding) => binding.type === type);
  assert.equal(bound("d1").database_id ?? bound("d1").id, database.uuid);
  assert.equal(bound("kv_namespace").namespace_id, world.namespaces[0].id);
  assert.equal(one.schedules.length, 3);
}

export { newWorld };
