// Brings the database's schema up to date with the files, and checks the result.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CATALOG, countOf, differences, expected } from "../verify-schema.mjs";
import { CREATE_TABLE, TABLE, missing, textOf } from "./migrations.mjs";
import { RIGHTS } from "./rights.mjs";

/** Queries of one database through the API. */
export function database(api, accountId, id) {
  const ask = (sql) => api.post(`/accounts/${accountId}/d1/database/${id}/query`, { sql }, { right: RIGHTS.d1 });
  const rows = async (sql) => (await ask(sql))[0].results;
  return {
    run: ask,
    catalog: () => rows(CATALOG),
    /** The names of the migrations that it has recorded. */
    async applied(catalog) {
      if (!catalog.some((row) => row.name === TABLE)) return [];
      return (await rows(`SELECT name FROM "${TABLE}" ORDER BY id`)).map((row) => row.name);
    },
  };
}

/** What a database still lacks, according to `missing`. Everything if there is no database. */
export async function pending(db, migrations) {
  const catalog = db ? await db.catalog() : [];
  return missing(migrations, db ? await db.applied(catalog) : [], catalog);
}

/** Through import: Cloudflare reads a file and applies all of it or nothing. The database is unavailable meanwhile. */
async function importFile({ wrangler, folder, todo }) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "migrations.sql");
  writeFileSync(file, todo.map(textOf).join(""));
  const { status, output } = await wrangler(["d1", "execute", "DB", "--remote", "--yes", "--file", file, "--config", join(folder, "wrangler.json")]);
  return status === 0 ? null : output.trim().split("\n").slice(-8).join("\n");
}

/**
 * Applies what is missing. Each migration is one request together with its record. If the API refuses one, the rest is
 * imported.
 */
export async function migrate({ db, migrations, wrangler, folder, say }) {
  const todo = await pending(db, migrations);
  if (todo.length === 0) return { said: "nothing to do" };
  await db.run(CREATE_TABLE);
  for (const [at, one] of todo.entries()) {
    const skipped = one.whole - one.statements.length;
    if (skipped) say(`  ${one.name}: ${skipped} of ${one.whole} statements were applied before`);
    try {
      await db.run(textOf(one));
    } catch (error) {
      if (error.kind !== "refused") throw error;
      say(`  ${one.name} was refused (${error.message}); importing it as a file`);
      const why = await importFile({ wrangler, folder, todo: await pending(db, migrations) });
      if (why) throw new Error(`${one.name} could not be applied: ${error.message}\nand by import:\n${why}\nRun this again to continue after the last statement that was applied.`);
      return { said: `${todo.slice(0, at).map((two) => two.name).concat("the rest by import").join(", ")}` };
    }
  }
  return { said: `${todo.length} applied, ${todo[0].name} to ${todo.at(-1).name}` };
}

/** Fails unless every table, index, view and trigger of schema.sql is in the database. */
export async function verify(db, schema) {
  const want = await expected(schema);
  const found = differences(want, await db.catalog());
  if (found.length) throw new Error(`the database is not what schema.sql says:\n${found.join("\n")}`);
  return { said: `${countOf(want)} tables, indexes, views and triggers` };
}
