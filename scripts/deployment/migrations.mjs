// The migrations as they are sent, and which of them a database already has.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CATALOG, differences, expected, fingerprint } from "../verify-schema.mjs";
import { asLines, statementsOf } from "./statements.mjs";

/**
 * The table in which wrangler records applied migrations, created as wrangler does, so that `wrangler d1 migrations
 * list` keeps working.
 */
export const TABLE = "d1_migrations";
export const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS "${TABLE}"(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);`;
const record = (name) => `INSERT INTO "${TABLE}" (name) VALUES ('${name.replaceAll("'", "''")}')`;

/** The migrations of a folder in order: name, text, statements. */
export function readMigrations(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => {
      const text = readFileSync(join(folder, name), "utf8");
      try {
        return { name, text, statements: statementsOf(text) };
      } catch (error) {
        throw new Error(`${name}: ${error.message}`);
      }
    });
}

async function open() {
  const { DatabaseSync } = await import("node:sqlite");
  return new DatabaseSync(":memory:");
}

/**
 * Fails unless the statements that are sent build the same objects in SQLite as the files, and in the end those of
 * schema.sql.
 */
export async function prove(migrations, schema) {
  const [sent, written] = [await open(), await open()];
  const rows = (database) => database.prepare(CATALOG).all();
  for (const { name, text, statements } of migrations) {
    written.exec(text);
    sent.exec(asLines(statements));
    const found = differences(rows(written), rows(sent));
    if (found.length) throw new Error(`${name} would not be sent as it is written:\n${found.join("\n")}`);
  }
  const found = differences(await expected(schema), rows(sent));
  if (found.length) throw new Error(`the migrations do not build schema.sql:\n${found.join("\n")}`);
}

/**
 * The statements still to be sent to a database with the catalog `rows` and the recorded migrations `applied`, by
 * migration. A migration that failed halfway continues after the last statement that arrived. Earlier statements that
 * do not change the catalog (data) may run twice; CHANGELOG.md requires that they can.
 */
export async function missing(migrations, applied, rows) {
  const gap = migrations.findIndex(({ name }) => !applied.includes(name));
  if (gap < 0) return [];
  const later = migrations.find(({ name }, index) => index > gap && applied.includes(name));
  if (later) throw new Error(`the database has recorded ${later.name} as applied, but not ${migrations[gap].name}, which comes before it`);
  const database = await open();
  const now = () => fingerprint(database.prepare(CATALOG).all());
  const have = fingerprint(rows);
  const todo = [];
  let found = false;
  for (const { name, statements } of migrations) {
    if (applied.includes(name)) {
      database.exec(asLines(statements));
      continue;
    }
    let from = found ? 0 : now() === have ? 0 : -1;
    for (const [index, statement] of statements.entries()) {
      database.exec(`${statement};`);
      if (!found && from < 0 && now() === have) from = index + 1;
    }
    if (from < 0) {
      const found = differences(database.prepare(CATALOG).all(), rows);
      throw new Error(`the database is neither as before ${name} nor part of the way through it. Of ${found.length} differences from after it, the first: ${found.slice(0, 3).join("\n")}`);
    }
    found = true;
    todo.push({ name, statements: statements.slice(from), whole: statements.length });
  }
  return todo;
}

/** The text of one request: the statements and, last, the record that they have run. */
export const textOf = ({ name, statements }) => asLines([...statements, record(name)]);
