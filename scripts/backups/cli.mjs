// Run by `scripts/backup` and `scripts/restore`.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { namesOf, readConfig } from "../deployment/config.mjs";
import { steps as newSteps } from "../deployment/steps.mjs";
import { check } from "./check.mjs";
import { schemaHash, textOf } from "./dump.mjs";
import { linesOf, writeFile } from "./lines.mjs";
import { localSource, remoteSource, workFolder } from "./source.mjs";

const HEAD = /^-- Manicule backup of (\S+), schema ([0-9a-f]{16})\n$/;
const TAIL = /^-- sha256 ([0-9a-f]{64})\n$/;
// Tables of SQLite and Cloudflare, which a new database has too.
const FOREIGN = /^(sqlite_|_cf_)/;

/** The database that is meant: STATE's, or the one at Cloudflare that DATABASE or the configuration names. */
async function sourceOf({ root, env, folder, schema }) {
  if (env.STATE) return localSource({ root, env, state: resolve(root, env.STATE) });
  const name = env.DATABASE || namesOf(await readConfig(resolve(root, env.CONFIG || "wrangler.toml"))).database;
  return remoteSource({ root, env, folder, name, schema });
}

const shown = ({ objects, rows, sums, head }) => {
  const all = Object.values(rows).reduce((sum, n) => sum + n, 0);
  return `${objects} objects of the schema, ${all} rows, ${rows.transfer} of them in the ledger${sums.length ? ` (${sums.join(", ")})` : ""}, sealed to ${head ?? "nothing yet"}`;
};

/** Writes a file as a whole or not at all. */
function writeWhole(path, parts) {
  writeFile(`${path}.part`, parts);
  renameSync(`${path}.part`, path);
}

export async function backupTo({ root, env, steps, file, taken }) {
  const schema = readFileSync(join(root, "schema.sql"), "utf8");
  if (existsSync(file)) throw new Error(`${file} exists already`);
  const source = await sourceOf({ root, env, folder: workFolder(), schema });
  const { db } = await steps.step(`read ${source.name}`, async () => ({ db: await source.copy() }));
  await steps.step("check", async () => ({ said: shown(await check(db, schema)) }));
  await steps.step(`write ${file}`, async () => writeWhole(file, textOf(db, schema, taken)));
  db.close();
}

/** The statements of a backup: its lines but the first and the last one. */
function* statementsIn(file) {
  let before = null;
  let isFirst = true;
  for (const line of linesOf(file)) {
    if (before) yield before;
    if (!isFirst) before = line;
    isFirst = false;
  }
}

/** When a backup was made, after checking that it is whole and of this version. */
export function readBackup(file, schema) {
  const hash = createHash("sha256");
  let [first, last] = [null, null];
  for (const line of linesOf(file)) {
    if (last) hash.update(last);
    if (first) last = line;
    first ??= line;
  }
  const [, taken, made] = HEAD.exec(String(first ?? "")) ?? [];
  const [, want] = TAIL.exec(String(last ?? "")) ?? [];
  if (!taken || !want) throw new Error(`${file} is not a whole backup: its first or last line is missing`);
  if (hash.digest("hex") !== want) throw new Error(`${file} was changed since it was made: its hash differs`);
  if (made !== schemaHash(schema)) throw new Error(`${file} is of another version of the schema: restore it with the version of Manicule that made it, then upgrade`);
  return { taken };
}

/** The statements that restore a backup. `mark` comes with the tables: no Worker finds rows without it. */
function* restoring(file, mark) {
  let isMarked = false;
  for (const line of statementsIn(file)) {
    if (!isMarked && !/^(CREATE|ALTER) TABLE /.test(line.toString("latin1", 0, 20))) {
      yield mark;
      isMarked = true;
    }
    yield line;
  }
  if (!isMarked) yield mark;
}

export async function restoreFrom({ root, env, steps, file, now }) {
  const schema = readFileSync(join(root, "schema.sql"), "utf8");
  const folder = workFolder();
  const source = await sourceOf({ root, env, folder, schema });
  const { taken } = readBackup(file, schema);
  await steps.step(`look at ${source.name}`, async () => {
    const there = (await source.catalog()).filter((row) => !FOREIGN.test(row.name));
    if (there.length) throw new Error(`${source.name} is not empty: it has ${there.length} tables, indexes, views and triggers. Restore into a new database`);
  });
  // The mark says that Stripe may have what these rows do not know.
  const mark = Buffer.from(`INSERT INTO restoration (restored_at_ms, taken_at_ms) VALUES (${now}, ${Date.parse(taken)});\n`);
  await steps.step("restore", async () => source.write(restoring(file, mark)));
  const { db } = await steps.step("read it again", async () => ({ db: await source.copy() }));
  await steps.step("compare", async () => ({ said: `${compared(db, { schema, taken, file, now })} equal bytes` }));
  await steps.step("check", async () => ({ said: shown(await check(db, schema)) }));
  db.close();
}

/** Fails unless the database gives the file again, but for the mark. Returns how many bytes were compared. */
function compared(db, { schema, taken, file, now }) {
  const isMark = (table, row) => table === "restoration" && Number(row.restored_at_ms) === now;
  const want = linesOf(file);
  let equal = 0;
  const differs = () => new Error(`what was restored is not what ${file} says, in the line after byte ${equal}. Remove the database and start again`);
  for (const part of textOf(db, schema, taken, isMark)) {
    const [one, other] = [Buffer.from(part), want.next().value];
    if (!other || !one.equals(other)) throw differs();
    equal += one.length;
  }
  if (!want.next().done) throw differs();
  return equal;
}

async function main([verb]) {
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const steps = newSteps(process.stderr);
  const { env } = process;
  const now = Date.now();
  const taken = new Date(now).toISOString();
  if (verb === "restore" && !env.FILE) throw new Error("name the backup: make restore FILE=backup.sql");
  const file = resolve(env.FILE || `manicule-${taken.slice(0, 19).replaceAll(":", "")}.sql`);
  await (verb === "restore" ? restoreFrom({ root, env, steps, file, now }) : backupTo({ root, env, steps, file, taken }));
  if (verb !== "restore") process.stdout.write(`${file}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`error: ${error.message}\n`);
    process.exit(1);
  });
}
