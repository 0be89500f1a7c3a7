// Where databases are: a folder of `make serve`, or Cloudflare, through wrangler. Each is read into a copy in SQLite.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { runner } from "../deployment/wrangler.mjs";
import { CATALOG, rowsPrinted } from "../verify-schema.mjs";
import { partsOf } from "./dump.mjs";
import { linesOf, writeFile } from "./lines.mjs";

const QUOTE = 39;

/** What `wrangler d1 execute --json` printed: rows by statement. */
function rowsIn({ status, output, stdout }, what) {
  if (status !== 0) throw new Error(`${what} failed:\n${output.trim().split("\n").slice(0, 30).join("\n")}`);
  return rowsPrinted(stdout);
}

/** A folder for files in between, removed at the end. */
export function workFolder() {
  const folder = mkdtempSync(join(tmpdir(), "manicule-backup-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The database in a folder of `make serve`. */
export function localSource({ root, env, state }) {
  const persisted = join(state, "storage");
  const wrangler = runner(root, env);
  const execute = (words) => wrangler(["d1", "execute", "DB", "--local", "--persist-to", persisted, "--yes", ...words]);
  const file = () => {
    const objects = join(persisted, "v3/d1/miniflare-D1DatabaseObject");
    const found = (existsSync(objects) ? readdirSync(objects) : []).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
    if (found.length > 1) throw new Error(`${objects} holds ${found.length} databases`);
    return found.length ? join(objects, found[0]) : null;
  };
  return {
    name: `the database in ${state}`,
    async catalog() {
      return file() ? rowsIn(await execute(["--json", "--command", CATALOG]), "reading the catalog")[0] : [];
    },
    /** The file itself, as of one instant. */
    async copy() {
      const from = file();
      if (!from) throw new Error(`${state} holds no database`);
      const db = new DatabaseSync(from, { readOnly: true });
      db.exec("BEGIN");
      return db;
    },
    /** wrangler makes the file. It would read all statements into memory, so they go straight into it: all or none. */
    async write(statements) {
      mkdirSync(persisted, { recursive: true });
      rowsOfWrite(await execute(["--command", "SELECT 1"]));
      const db = new DatabaseSync(file(), { enableForeignKeyConstraints: false });
      db.exec("BEGIN IMMEDIATE");
      for (const statement of statements) db.exec(statement.toString());
      db.exec("COMMIT");
      db.close();
    },
  };
}

/** A database at Cloudflare, by its name. */
export function remoteSource({ root, env, folder, name, schema }) {
  const wrangler = runner(root, env);
  // Without a configuration of this folder, wrangler finds the database by its name.
  const config = join(folder, "wrangler.json");
  writeFileSync(config, JSON.stringify({ name: "manicule-backup", compatibility_date: "2026-01-01", ...(env.CLOUDFLARE_ACCOUNT_ID && { account_id: env.CLOUDFLARE_ACCOUNT_ID }) }));
  const d1 = (verb, words) => wrangler(["d1", verb, name, "--remote", ...words, "--config", config]);
  const query = async (sql) => rowsIn(await d1("execute", ["--yes", "--json", "--command", sql]), "a query");
  return {
    name: `database ${name} at Cloudflare`,
    catalog: async () => (await query(CATALOG))[0],
    /** Cloudflare's export, which is of one instant, and the texts that it gets wrong. */
    async copy() {
      const exported = join(folder, `export-${Date.now()}.sql`);
      const { status, output } = await d1("export", ["--skip-confirmation", "--no-schema", "--output", exported]);
      if (status !== 0) throw new Error(`the export failed:\n${output.trim().split("\n").slice(-8).join("\n")}`);
      const db = loaded(exported, schema, `${exported}ite`);
      rmSync(exported);
      await repair(db, query);
      finish(db, schema);
      return db;
    },
    async write(statements) {
      const path = join(folder, "restore.sql");
      writeFile(path, statements);
      rowsOfWrite(await d1("execute", ["--yes", "--file", path]));
    },
  };
}

function rowsOfWrite({ status, output }) {
  if (status !== 0) throw new Error(`wrangler did not restore the file:\n${output.trim().split("\n").slice(-12).join("\n")}`);
}

/** The rows of an export in a new SQLite database with schema.sql's tables: its own text of the schema is not used. */
function loaded(path, schema, at) {
  const db = new DatabaseSync(at);
  // It is a copy: what a crash leaves of it is thrown away.
  db.exec("PRAGMA foreign_keys = OFF; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
  for (const table of partsOf(schema).tables) db.exec(table);
  db.exec("BEGIN");
  let lines = [];
  let quotes = 0;
  for (const line of linesOf(path)) {
    lines.push(line);
    for (let at = line.indexOf(QUOTE); at >= 0; at = line.indexOf(QUOTE, at + 1)) quotes += 1;
    // A text may span lines.
    if (quotes % 2 || !/;\s*$/.test(line.toString("latin1", Math.max(0, line.length - 8)))) continue;
    const statement = Buffer.concat(lines).toString();
    if (/^INSERT INTO /i.test(statement) && !/^INSERT INTO "?(sqlite_|_cf_)/i.test(statement)) db.exec(statement);
    [lines, quotes] = [[], 0];
  }
  const rest = Buffer.concat(lines).toString();
  if (rest.trim()) throw new Error(`the export ends within a statement: ${rest.slice(0, 80)}`);
  db.exec("COMMIT");
  return db;
}

/** Indexes, views and triggers, once the rows are there. */
function finish(db, schema) {
  const { indexes, views, triggers } = partsOf(schema);
  for (const statement of [...indexes, ...views, ...triggers]) db.exec(statement);
}

/**
 * The export writes line breaks as `\n`, also in texts that have these two characters themselves, and then reads both as
 * line breaks. Such texts are read again.
 */
async function repair(db, query) {
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all().map((row) => row.name);
  const wrong = (column) => `(instr("${column}", char(10)) AND instr("${column}", '\\n')) OR (instr("${column}", char(13)) AND instr("${column}", '\\r'))`;
  const asked = [];
  for (const table of tables) {
    const columns = db.prepare("SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden = 0").all(table);
    const texts = columns.filter((column) => column.type === "TEXT").map((column) => column.name);
    if (!texts.length) continue;
    const keys = columns.filter((column) => column.pk > 0).map((column) => column.name);
    const shown = [...new Set([...keys, ...texts])].map((name) => `"${name}"`).join(", ");
    asked.push({ table, keys, texts, sql: `SELECT ${shown} FROM "${table}" WHERE ${texts.map(wrong).join(" OR ")}` });
  }
  const found = await query(asked.map((one) => `${one.sql};\n`).join(""));
  for (const [at, { table, keys, texts }] of asked.entries()) {
    for (const row of found[at]) {
      const set = texts.map((name) => `"${name}" = ?`).join(", ");
      const where = keys.map((name) => `"${name}" = ?`).join(" AND ");
      db.prepare(`UPDATE "${table}" SET ${set} WHERE ${where}`).run(...texts.map((name) => row[name]), ...keys.map((name) => row[name]));
    }
  }
}

