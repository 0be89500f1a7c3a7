// D1: SQLite databases, queried through /query or filled through /import.
import { createHash, randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { ok, paged, refuse } from "./envelope.mjs";
import { split } from "./splitter.mjs";

const NONE = refuse(404, 7404, "The database could not be found: not found");
const TEXT_MAX = 100_000;

export function newDatabase(world, name) {
  const one = { uuid: randomUUID(), name, version: "production", created_at: new Date().toISOString(), sqlite: new DatabaseSync(":memory:"), statements: [] };
  one.sqlite.exec("PRAGMA foreign_keys = ON");
  world.databases.push(one);
  return one;
}

const find = (world, key) => world.databases.find((one) => one.uuid === key || one.name === key);
const shown = ({ uuid, name, version, created_at }) => ({ uuid, name, version, created_at, num_tables: 0, file_size: 0, running_in_region: "WEUR" });

/** Runs the statements in one transaction, unless the world says that a batch may stop halfway. */
function runAll(world, one, statements) {
  const atomic = world.atomic;
  if (atomic) one.sqlite.exec("BEGIN");
  const done = [];
  try {
    for (const [at, statement] of statements.entries()) {
      if (world.stopBefore !== null && at >= world.stopBefore) throw new Error("D1 DB reset because its code was updated");
      const prepared = one.sqlite.prepare(statement);
      const results = prepared.all();
      done.push({ results, success: true, meta: { duration: 0.1, rows_read: 0, rows_written: 0, changes: 0, size_after: 0 } });
    }
    if (atomic) one.sqlite.exec("COMMIT");
  } catch (error) {
    if (atomic) one.sqlite.exec("ROLLBACK");
    throw error;
  }
  one.statements.push(...statements);
  return done;
}

function query({ world, params, body }) {
  const one = find(world, params[0]);
  if (!one) return NONE;
  if (typeof body.sql !== "string" || Object.keys(body).some((key) => !["sql", "params"].includes(key))) return refuse(400, 7400, "The request is malformed: bad body");
  try {
    const statements = split(body.sql, world.splitter);
    const long = statements.find((text) => text.length > TEXT_MAX);
    if (long) return refuse(400, 7500, "statement too long: SQLITE_TOOBIG");
    const results = runAll(world, one, statements);
    return ok(results);
  } catch (error) {
    return refuse(400, 7500, /SQLITE_ERROR$/.test(error.message) ? error.message : `${error.message}: SQLITE_ERROR`);
  }
}

/** As with `wrangler d1 execute --file`: the file is uploaded, then applied completely or not at all. */
function importing({ world, params, body, origin }) {
  const one = find(world, params[0]);
  if (!one) return NONE;
  if (body.action === "init") {
    if (!/^[0-9a-f]{32}$/.test(body.etag)) return refuse(400, 7400, "etag is not an MD5");
    return ok({ filename: `${body.etag}.sql`, upload_url: `${origin}/upload/${body.etag}`, success: true, messages: [], type: "import" });
  }
  if (body.action === "ingest") {
    const text = world.uploads.get(body.etag);
    if (text === undefined) return refuse(400, 7400, "the file was not uploaded");
    const kept = world.atomic;
    world.atomic = true;
    try {
      const results = runAll(world, one, split(text, "none"));
      return ok({ success: true, type: "import", status: "complete", messages: ["Processed"], result: { num_queries: results.length, final_bookmark: "b", meta: { duration: 1, rows_read: 0, rows_written: 0, size_after: 0 } } });
    } catch (error) {
      return ok({ success: true, type: "import", status: "error", messages: [], errors: [error.message] });
    } finally {
      world.atomic = kept;
    }
  }
  return refuse(400, 7400, `no such action: ${body.action}`);
}

const escaped = (name) => `"${name.replaceAll('"', '""')}"`;

/** A text as Cloudflare's export writes it: line breaks as two characters, which are read as line breaks again. */
function exportedText(text) {
  let [hasLf, hasCr] = [false, false];
  let written = `'${text.replace(/'|(\n)|(\r)/g, (_, lf, cr) => (lf ? ((hasLf = true), "\\n") : cr ? ((hasCr = true), "\\r") : "''"))}'`;
  if (hasCr) written = `replace(${written},'\\r',char(13))`;
  if (hasLf) written = `replace(${written},'\\n',char(10))`;
  return written;
}

/** The lines of an export, in the order and the form of workerd's own (miniflare's dumpSql). */
function* exported(sqlite, { no_schema: noSchema }) {
  yield "PRAGMA defer_foreign_keys=TRUE;";
  for (const { name, sql } of sqlite.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql NOT NULL ORDER BY tbl_name = 'sqlite_sequence', rowid").all()) {
    if (name.startsWith("_cf_") || (name.startsWith("sqlite_") && name !== "sqlite_sequence")) continue;
    if (!noSchema) yield name === "sqlite_sequence" ? "DELETE FROM sqlite_sequence;" : `${sql};`;
    const columns = sqlite.prepare("SELECT name FROM pragma_table_info(?)").all(name).map((row) => escaped(row.name));
    const rows = sqlite.prepare(`SELECT ${columns} FROM ${escaped(name)}`);
    rows.setReadBigInts(true);
    for (const row of rows.iterate()) {
      // Numbers are JavaScript's, exact up to 2^53.
      const cells = Object.values(row).map((cell) => (typeof cell === "bigint" ? Number(cell) : cell)).map((cell) => (cell === null ? "NULL" : typeof cell === "string" ? exportedText(cell) : cell));
      yield `INSERT INTO ${escaped(name)} (${columns}) VALUES(${cells.join(",")});`;
    }
  }
  if (noSchema) return;
  for (const { sql } of sqlite.prepare("SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND type IN ('index', 'trigger', 'view') ORDER BY type COLLATE NOCASE").all()) yield `${sql};`;
}

/** As with `wrangler d1 export`: asked for until it is complete, then downloaded. */
function exporting({ world, params, body, origin }) {
  const one = find(world, params[0]);
  if (!one) return NONE;
  if (body.output_format !== "polling") return refuse(400, 7400, "output_format is not polling");
  if (!body.current_bookmark) return ok({ success: true, type: "export", status: "active", at_bookmark: "b", messages: ["Generating"] });
  const name = `${randomUUID()}.sql`;
  world.exports.set(name, [...exported(one.sqlite, body.dump_options ?? {})].join("\n"));
  return ok({ success: true, type: "export", status: "complete", at_bookmark: "b", messages: [], result: { filename: name, signed_url: `${origin}/export/${name}` } });
}

export function download({ world, params }) {
  const text = world.exports.get(params[0]);
  return text === undefined ? { status: 404, text: "NoSuchKey" } : { status: 200, text };
}

export function upload({ world, params, raw, headers }) {
  const [etag] = params;
  if (createHash("md5").update(raw).digest("hex") !== etag || Number(headers["content-length"]) !== raw.length) return { status: 400, text: "BadDigest" };
  world.uploads.set(etag, raw.toString("utf8"));
  return { status: 200, text: "", headers: { etag: `"${etag}"` } };
}

export const routes = [
  ["GET", "/accounts/:account/d1/database", "d1:read", ({ world, query: q }) => paged(world.databases.filter((one) => !q.get("name") || one.name.includes(q.get("name"))).map(shown), q)],
  ["POST", "/accounts/:account/d1/database", "d1:edit", ({ world, body }) => {
    if (!/^[a-z0-9][a-z0-9_-]{0,63}$/i.test(body.name ?? "")) return refuse(400, 7400, "The request is malformed: name");
    if (find(world, body.name)) return refuse(400, 7502, `A database with the name '${body.name}' already exists.`);
    return ok(shown(newDatabase(world, body.name)));
  }],
  ["GET", "/accounts/:account/d1/database/*", "d1:read", ({ world, params }) => (find(world, params[0]) ? ok(shown(find(world, params[0]))) : NONE)],
  ["POST", "/accounts/:account/d1/database/*/query", "d1:edit", query],
  ["POST", "/accounts/:account/d1/database/*/import", "d1:edit", importing],
  ["POST", "/accounts/:account/d1/database/*/export", "d1:edit", exporting],
];
