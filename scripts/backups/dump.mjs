// A database as text: one statement a line, each shorter than D1 accepts. The same content always gives the same text.
//
// Tables first, then their rows, then indexes and views, triggers last: a trigger would refuse rows, or count them again.
import { createHash } from "node:crypto";
import { statementsOf } from "../deployment/statements.mjs";
import { CREATE_TABLE, TABLE as MIGRATIONS } from "../deployment/migrations.mjs";

/** D1 accepts statements of 100,000 bytes. */
const STATEMENT_MAX = 90_000;
/** A longer value is written in parts. */
const VALUE_MAX = 20_000;
/** The parts of long values wait until their rows are written. More than this does not wait. */
const LATER_MAX = 4_000_000;

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;
const bytes = (text) => Buffer.byteLength(text);

/** schema.sql by the kind of its statements. Those that write rows are left out: the rows are dumped. */
export function partsOf(schema) {
  const parts = { tables: [CREATE_TABLE.replace(/;$/, "")], indexes: [], views: [], triggers: [] };
  for (const statement of statementsOf(schema)) {
    if (/^(CREATE|ALTER) TABLE /i.test(statement)) parts.tables.push(statement);
    else if (/^CREATE (UNIQUE )?INDEX /i.test(statement)) parts.indexes.push(statement);
    else if (/^CREATE VIEW /i.test(statement)) parts.views.push(statement);
    else if (/^CREATE TRIGGER /i.test(statement)) parts.triggers.push(statement);
    else if (!/^INSERT INTO /i.test(statement)) throw new Error(`schema.sql has a statement that a backup does not know: ${statement.slice(0, 80)}`);
  }
  return parts;
}

/** The names of the tables in an order in which each comes after those that it refers to. */
function tablesOf(db, schema) {
  const names = [MIGRATIONS, ...partsOf(schema).tables.map((text) => /^CREATE TABLE (?!IF )(\w+)/.exec(text)?.[1]).filter(Boolean)];
  const ordered = [];
  const place = (name) => {
    if (ordered.includes(name)) return;
    const others = db.prepare(`SELECT DISTINCT "table" AS name FROM pragma_foreign_key_list(?)`).all(name).map((row) => row.name);
    for (const other of others) if (other !== name) place(other);
    ordered.push(name);
  };
  names.forEach(place);
  return ordered;
}

/** A value as SQL. A text with control characters is written in hex, so that a statement stays on one line. */
function literal(value) {
  if (value === null) return "NULL";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return Number.isInteger(value) ? `${value}.0` : String(value);
  if (typeof value !== "string") return `X'${Buffer.from(value).toString("hex")}'`;
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f\u0085\u2028\u2029]/.test(value)) return `CAST(X'${Buffer.from(value).toString("hex")}' AS TEXT)`;
  return `'${value.replaceAll("'", "''")}'`;
}

/** A text in parts, each of which is short as SQL. */
function* partsOfText(value) {
  let part = "";
  for (const character of value) {
    part += character;
    // In hex a character takes up to eight digits.
    if (part.length * 2 >= VALUE_MAX) {
      yield part;
      part = "";
    }
  }
  if (part) yield part;
}

/**
 * What is read and written of a table, and its key, which is also the order. A row number that is no column is not kept: an
 * export renumbers rows, and nothing depends on these (tests/native/row_numbers.rs).
 */
function shapeOf(db, name) {
  const columns = db.prepare("SELECT name, pk FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid").all(name);
  const key = columns.filter((column) => column.pk > 0).sort((a, b) => Number(a.pk) - Number(b.pk));
  if (!key.length) throw new Error(`${name} has no key`);
  return { key: key.map((column) => column.name), names: columns.map((column) => column.name) };
}

/** The statements that write a table's rows. */
function* rowsOf(db, name, without) {
  const { key, names } = shapeOf(db, name);
  const head = `INSERT INTO ${quoted(name)} (${names.map(quoted).join(",")}) VALUES `;
  const read = db.prepare(`SELECT ${names.map(quoted).join(",")} FROM ${quoted(name)} ORDER BY ${key.map(quoted).join(",")}`);
  read.setReadBigInts(true);
  let [rows, size, waiting] = [[], 0, 0];
  const later = [];
  for (const row of read.iterate()) {
    if (without?.(name, row)) continue;
    const long = names.filter((column) => typeof row[column] === "string" && bytes(literal(row[column])) > VALUE_MAX);
    const text = `(${names.map((column) => (long.includes(column) ? "''" : literal(row[column]))).join(",")})`;
    if ((size + bytes(text) + bytes(head) > STATEMENT_MAX || waiting > LATER_MAX) && rows.length) {
      yield head + rows.join(",");
      yield* later.splice(0);
      [rows, size, waiting] = [[], 0, 0];
    }
    rows.push(text);
    size += bytes(text) + 1;
    const where = key.map((column) => `${quoted(column)} = ${literal(row[column])}`).join(" AND ");
    for (const column of long) {
      for (const part of partsOfText(row[column])) {
        const statement = `UPDATE ${quoted(name)} SET ${quoted(column)} = ${quoted(column)} || ${literal(part)} WHERE ${where}`;
        later.push(statement);
        waiting += bytes(statement);
      }
    }
  }
  if (rows.length) yield head + rows.join(",");
  yield* later;
}

/** All statements, in order. `without(table, row)`: rows to leave out. */
export function* dump(db, schema, without) {
  const { tables, indexes, views, triggers } = partsOf(schema);
  yield* tables;
  for (const name of tablesOf(db, schema)) yield* rowsOf(db, name, without);
  yield* indexes;
  yield* views;
  yield* triggers;
}

/** The text of a backup, as parts to be written: a line about it, its statements, and the hash of these. */
export function* textOf(db, schema, taken, without) {
  const hash = createHash("sha256");
  yield `-- Manicule backup of ${taken}, schema ${schemaHash(schema)}\n`;
  for (const statement of dump(db, schema, without)) {
    const line = `${statement};\n`;
    if (bytes(line) > 100_000) throw new Error(`a statement is longer than D1 accepts: ${line.slice(0, 100)}`);
    hash.update(line);
    yield line;
  }
  yield `-- sha256 ${hash.digest("hex")}\n`;
}

/** A hash of the schema, whatever its comments. */
export const schemaHash = (schema) => createHash("sha256").update(statementsOf(schema).join("\n")).digest("hex").slice(0, 16);
