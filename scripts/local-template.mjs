// Prepares what every local start of the Worker shares, once per change to wrangler.toml or the migrations:
//   target/local-<hash>/options.json  the Worker's bindings, as wrangler reads them from wrangler.toml
//   target/local-<hash>/state/        a database with the migrations applied, by wrangler itself, to be copied
// Loading wrangler takes seconds, while copying files does not. Prints the folder's path.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The migrations in order, as [name, text]. */
export function migrations() {
  const folder = join(root, "migrations");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => [name, readFileSync(join(folder, name), "utf8")]);
}

/** Hash of the migrations alone. Shows whether an older state folder lacks some. */
export function migrationsHash() {
  return createHash("sha256").update(JSON.stringify(migrations())).digest("hex").slice(0, 16);
}

const APPLIED_WITHIN_MS = 120_000;

/** Applies the migrations to the local database below `stateFolder`, as `wrangler d1 migrations apply` does. */
export function applyMigrations(stateFolder) {
  if (migrations().length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const wrangler = spawn(
      process.execPath,
      [join(root, "node_modules/wrangler/bin/wrangler.js"), "d1", "migrations", "apply", "DB", "--local", "--persist-to", stateFolder],
      { cwd: root, stdio: ["ignore", "pipe", "pipe"], timeout: APPLIED_WITHIN_MS, env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false" } },
    );
    let said = "";
    wrangler.stdout.on("data", (text) => (said += text));
    wrangler.stderr.on("data", (text) => (said += text));
    wrangler.on("error", reject);
    wrangler.on("close", (status) => (status === 0 ? resolve() : reject(new Error(`the migrations could not be applied (within ${APPLIED_WITHIN_MS / 1000} s):\n${said}`))));
  });
}

/** The template's folder, created if it does not exist. */
export async function template() {
  const hash = createHash("sha256");
  for (const name of ["wrangler.toml", "package-lock.json", "scripts/local-template.mjs"]) hash.update(readFileSync(join(root, name)));
  hash.update(migrationsHash());
  const folder = join(root, "target", `local-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return folder;

  mkdirSync(join(root, "target"), { recursive: true });
  const temporary = mkdtempSync(join(root, "target", ".local-"));
  try {
    // wrangler reports what it reads (.dev.vars) on stdout, which belongs to the caller.
    console.log = console.info = console.error;
    const wrangler = await import("wrangler");
    const config = wrangler.unstable_readConfig({ config: join(root, "wrangler.toml") }, { hideWarnings: true });
    const { workerOptions } = wrangler.unstable_getMiniflareWorkerOptions(config);
    // wrangler adds the developer's .dev.vars, but a served Worker has its own secrets.
    workerOptions.bindings = config.vars;
    // The clone may be moved later, so the path is set to this folder.
    delete workerOptions.rootPath;
    if (workerOptions.assets) workerOptions.assets.directory = relative(root, workerOptions.assets.directory);
    writeFileSync(join(temporary, "options.json"), JSON.stringify(workerOptions));
    mkdirSync(join(temporary, "state"));
    await applyMigrations(join(temporary, "state"));
    try {
      renameSync(temporary, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // another start was first
    }
    for (const old of readdirSync(join(root, "target")).filter((name) => /^local-[0-9a-f]{16}$/.test(name))) {
      const path = join(root, "target", old);
      if (path !== folder) rmSync(path, { recursive: true, force: true });
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  template().then(
    (folder) => process.stdout.write(`${folder}\n`),
    (error) => {
      console.error(`error: ${error.message}`);
      process.exit(1);
    },
  );
}
