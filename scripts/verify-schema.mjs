// Checks that every table, index, view and trigger of schema.sql is in a D1 database, with the same text.
//   node scripts/verify-schema.mjs --local --persist-to DIR   a local one (default DIR: .wrangler/state)
// `make deploy` checks the deployed one by itself.
// Why: tools that cut a migration into statements may cut a trigger's body in two: wrangler for a local database,
// Cloudflare's API for a remote one. Only a comparison shows what arrived.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const CATALOG = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name";
// Objects of SQLite, Cloudflare and wrangler.
const FOREIGN = /^(sqlite_|_cf_|d1_migrations$)/;

const READ_WITHIN_MS = 120_000;

/** The statement without comments and differences in whitespace. Quoted text is kept as it is. */
export function normalised(sql) {
  const tokens = sql.match(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\s+|[A-Za-z0-9_$?.]+|[^]/g) ?? [];
  return tokens
    .filter((token) => !/^(\s+|--[\s\S]*|\/\*[\s\S]*)$/.test(token))
    .join(" ")
    .replace(/^CREATE (TEMP )?(TABLE|INDEX|UNIQUE INDEX|VIEW|TRIGGER) IF NOT EXISTS /i, "CREATE $2 ")
    .replace(/ ;$/, "");
}

/**
 * The objects that a schema.sql creates in SQLite: rows of sqlite_master. The last result is cached, because several
 * callers need it.
 */
let last = {};
export async function expected(schema) {
  if (last.schema !== schema) last = { schema, rows: await rowsOf(schema) };
  return last.rows;
}

async function rowsOf(schema) {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(":memory:");
  database.exec(schema);
  return database.prepare(CATALOG).all();
}

/** One line per difference between the rows of two sqlite_master tables. Empty if they agree. */
export function differences(want, have) {
  const byKey = (rows) => new Map(rows.filter((row) => !FOREIGN.test(row.name)).map((row) => [`${row.type} ${row.name}`, normalised(row.sql)]));
  const [wanted, there] = [byKey(want), byKey(have)];
  const found = [];
  for (const [key, sql] of wanted) {
    if (!there.has(key)) found.push(`missing: ${key}`);
    else if (there.get(key) !== sql) found.push(`different: ${key}\n  schema.sql: ${sql}\n  database:   ${there.get(key)}`);
  }
  for (const key of there.keys()) if (!wanted.has(key)) found.push(`not in schema.sql: ${key}`);
  return found;
}

/** Most rows are unchanged from one comparison to the next. */
const seen = new Map();
function remembered(sql) {
  if (!seen.has(sql)) seen.set(sql, normalised(sql));
  return seen.get(sql);
}

/** A text that is equal for two sqlite_master tables exactly if they have no differences. */
export function fingerprint(rows) {
  const own = rows.filter((row) => !FOREIGN.test(row.name)).map((row) => `${row.type} ${row.name} ${remembered(row.sql)}`);
  return own.sort().join("\n");
}

/** How many of our objects schema.sql creates. */
export const countOf = (rows) => rows.filter((row) => !FOREIGN.test(row.name)).length;

/** The rows that `wrangler d1 execute --json` printed, by statement. */
export const rowsPrinted = (stdout) => JSON.parse(stdout.slice(stdout.indexOf("["))).map((one) => one.results);

async function main(options) {
  const where = options.length ? options : ["--local"];
  const done = spawnSync(
    process.execPath,
    [join(root, "node_modules/wrangler/bin/wrangler.js"), "d1", "execute", "DB", ...where, "--json", "--command", CATALOG],
    { cwd: root, encoding: "utf8", maxBuffer: 1 << 26, timeout: READ_WITHIN_MS, env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
  );
  if (done.status !== 0) throw new Error(`the database could not be read${done.signal ? ` within ${READ_WITHIN_MS / 1000} s` : ""}:\n${done.stdout}${done.stderr}`);
  const [have] = rowsPrinted(done.stdout);
  const want = await expected(readFileSync(join(root, "schema.sql"), "utf8"));
  const found = differences(want, have);
  if (found.length) throw new Error(`the database is not what schema.sql says:\n${found.join("\n")}`);
  console.error(`✓ schema: ${countOf(want)} tables, indexes, views and triggers are in the database (${where[0].slice(2)})`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(`error: ${error.message}`);
    process.exit(1);
  });
}
