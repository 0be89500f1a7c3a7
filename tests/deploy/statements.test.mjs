// The statements sent to D1: one per line, without comments, giving the same schema.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CATALOG } from "../../scripts/verify-schema.mjs";
import { missing, prove, readMigrations, textOf } from "../../scripts/deployment/migrations.mjs";
import { asLines, statementsOf } from "../../scripts/deployment/statements.mjs";

const root = join(import.meta.dirname, "../..");
const migrations = readMigrations(join(root, "migrations"));

test("comments are removed, text is kept, and a trigger's body is one line", () => {
  const sql = `-- it's a table; really
CREATE TABLE t (a TEXT, /* b; */ "c;d" TEXT DEFAULT 'x -- ;y''s');
CREATE TRIGGER t_case BEFORE UPDATE ON t WHEN new.a = ';'
BEGIN -- don't
  SELECT CASE WHEN 1 THEN RAISE(ABORT, 'no;') END;
  UPDATE t SET a = 1;
END;
create temp trigger u after insert on t begin select 1; end;
;
INSERT INTO t VALUES ('--', 'END;');`;
  assert.deepEqual(statementsOf(sql), [
    `CREATE TABLE t (a TEXT, "c;d" TEXT DEFAULT 'x -- ;y''s')`,
    "CREATE TRIGGER t_case BEFORE UPDATE ON t WHEN new.a = ';' BEGIN SELECT CASE WHEN 1 THEN RAISE(ABORT, 'no;') END; UPDATE t SET a = 1; END",
    "create temp trigger u after insert on t begin select 1; end",
    "INSERT INTO t VALUES ('--', 'END;')",
  ]);
});

test("statements that cannot be one line are refused, not sent in halves", () => {
  assert.throws(() => statementsOf("SELECT 'a\nb';"), /spans lines/);
  assert.throws(() => statementsOf("SELECT 1"), /semicolon/);
  assert.throws(() => statementsOf("SELECT 'a;"), /never closed/);
  assert.throws(() => statementsOf("CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1;"), /semicolon/);
});

test("the lines that are sent build the schema of the files and of schema.sql", async () => {
  const schema = readFileSync(join(root, "schema.sql"), "utf8");
  await prove(migrations, schema);
  for (const one of migrations) {
    const lines = textOf(one).trimEnd().split("\n");
    assert.equal(lines.length, one.statements.length + 1);
    for (const line of lines) assert.ok(!/\s--|\/\*/.test(line), line);
  }
  const broken = migrations.map((one) => ({ ...one, statements: one.statements.map((text) => text.replace("BEFORE UPDATE", "AFTER UPDATE")) }));
  await assert.rejects(prove(broken, schema), /would not be sent as it is written/);
  await assert.rejects(prove(migrations.slice(0, -1), schema), /do not build schema\.sql/);
});

test("a migration that stopped after any of its statements continues after it", async () => {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(":memory:");
  const rows = () => database.prepare(CATALOG).all();
  const applied = [];
  for (const [index, { name, statements }] of migrations.entries()) {
    for (const [at, statement] of statements.entries()) {
      const todo = await missing(migrations, applied, rows());
      // A statement that changes data leaves no mark in the schema, so it is sent again.
      let from = at;
      while (from > 0 && !/^(CREATE|ALTER|DROP) /.test(statements[from - 1])) from -= 1;
      assert.deepEqual(todo[0], { name, statements: statements.slice(from), whole: statements.length });
      assert.deepEqual(todo.slice(1).map((one) => one.name), migrations.slice(index + 1).map((one) => one.name));
      // Checking every position is slow, so only the first migration is checked at each statement.
      database.exec(asLines(index === 0 ? [statement] : statements.slice(at)));
      if (index > 0) break;
    }
    applied.push(name);
  }
  assert.deepEqual(await missing(migrations, applied, rows()), []);
  database.exec("CREATE TABLE stranger (a)");
  await assert.rejects(missing(migrations, applied.slice(0, -1), rows()), /neither as before .* nor part of the way/s);
  await assert.rejects(missing(migrations, applied.slice(1), rows()), /recorded 0002\S+ as applied, but not 0001/);
});
