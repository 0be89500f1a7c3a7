// Run by `scripts/backup` and `scripts/restore`.
import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { namesOf, readConfig } from "../deployment/config.mjs";
import { steps as newSteps } from "../deployment/steps.mjs";
import { check } from "./check.mjs";
import { schemaHash, textOf } from "./dump.mjs";
import { localSource, remoteSource, workFolder } from "./source.mjs";

const HEAD = /^-- Manicule backup of (\S+), schema ([0-9a-f]{16})\n/;
const TAIL = /\n-- sha256 ([0-9a-f]{64})\n$/;
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
  const file = openSync(`${path}.part`, "wx", 0o600);
  for (const part of parts) writeSync(file, part);
  fsyncSync(file);
  closeSync(file);
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

/** A backup's text, after checking that it is whole and of this version. */
export function readBackup(file, schema) {
  const text = readFileSync(file, "utf8");
  const [head, taken, made] = HEAD.exec(text) ?? [];
  const [tail, hash] = TAIL.exec(text) ?? [];
  if (!head || !tail) throw new Error(`${file} is not a whole backup: its first or last line is missing`);
  const body = text.slice(head.length, text.length - tail.length + 1);
  if (createHash("sha256").update(body).digest("hex") !== hash) throw new Error(`${file} was changed since it was made: its hash differs`);
  if (made !== schemaHash(schema)) throw new Error(`${file} is of another version of the schema: restore it with the version of Manicule that made it, then upgrade`);
  return { text, body, taken };
}

export async function restoreFrom({ root, env, steps, file, now }) {
  const schema = readFileSync(join(root, "schema.sql"), "utf8");
  const folder = workFolder();
  const source = await sourceOf({ root, env, folder, schema });
  const { text, body, taken } = readBackup(file, schema);
  await steps.step(`look at ${source.name}`, async () => {
    const there = (await source.catalog()).filter((row) => !FOREIGN.test(row.name));
    if (there.length) throw new Error(`${source.name} is not empty: it has ${there.length} tables, indexes, views and triggers. Restore into a new database`);
  });
  // The mark comes with the tables: no Worker finds these rows without it, and sends again what Stripe has.
  const mark = `INSERT INTO restoration (restored_at_ms, taken_at_ms) VALUES (${now}, ${Date.parse(taken)});\n`;
  const first = body.search(/^(?!CREATE TABLE |ALTER TABLE )/m);
  const path = join(folder, "restore.sql");
  writeFileSync(path, body.slice(0, first) + mark + body.slice(first));
  await steps.step("restore", async () => source.write(path));
  const { db } = await steps.step("read it again", async () => ({ db: await source.copy() }));
  await steps.step("compare", async () => {
    const isMark = (table, row) => table === "restoration" && Number(row.restored_at_ms) === now;
    const again = [...textOf(db, schema, taken, isMark)].join("");
    if (again !== text) throw new Error(`what was restored is not what ${file} says, from byte ${firstDifference(again, text)} on. Remove the database and start again`);
    return { said: `${Buffer.byteLength(text)} equal bytes` };
  });
  await steps.step("check", async () => ({ said: shown(await check(db, schema)) }));
  db.close();
}

function firstDifference(a, b) {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return Buffer.byteLength(a.slice(0, at));
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
