// Backups: of a folder of `make serve` and of a database at (a stand-in for) Cloudflare, with the real wrangler.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { promisify } from "node:util";
import { check, sealOf } from "../../scripts/backups/check.mjs";
import { backupTo, readBackup, restoreFrom } from "../../scripts/backups/cli.mjs";
import { textOf } from "../../scripts/backups/dump.mjs";
import { writeFile } from "../../scripts/backups/lines.mjs";
import { steps } from "../../scripts/deployment/steps.mjs";
import { applyMigrations } from "../../scripts/local-template.mjs";
import { CREATE_TABLE } from "../../scripts/deployment/migrations.mjs";
import { newDatabase } from "../support/cloudflare/d1.mjs";
import { root, standIn } from "./support/harness.mjs";

const schema = readFileSync(join(root, "schema.sql"), "utf8");
const quiet = () => steps({ write: () => {} });
const NOW = Date.UTC(2026, 5, 1, 6);
const TAKEN = new Date(NOW).toISOString();
// A line break and, in the same text, what an export writes for one; quotes; characters of one to four bytes.
const AWKWARD = "it's \"so\"\n\\n; -- /* ü € 𝄞 \u2028 \u2029 \r\\r \u0001";
/** Longer than a statement of D1 may be, also after its characters are written in hex. */
const LONG = `${AWKWARD} ${"long ü 𝄞 ".repeat(40_000)}`;

function folder(t) {
  const made = mkdtempSync(join(tmpdir(), "manicule-backup-test-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Rows as the product writes them, with its triggers. */
function fill(db) {
  const run = (sql, ...values) => db.prepare(sql).run(...values);
  run("INSERT INTO program_version VALUES ('p', 1, 0, ?, 'h', 0, 'ada')", LONG);
  run("INSERT INTO partner (id, program_id, external_id, code, created_at_ms) VALUES ('ptn_1', 'p', ?, 'ANN', 1)", AWKWARD);
  run("INSERT INTO partner (id, program_id, external_id, code, created_at_ms) VALUES ('ptn_gone', 'p', 'x', 'X', 1)");
  run("DELETE FROM partner WHERE id = 'ptn_gone'");
  run("INSERT INTO partner (id, program_id, external_id, code, created_at_ms) VALUES ('ptn_2', 'p', 'bob', 'BOB', 9007199254740991)");
  // The row before it is gone: its hidden row number is one that another database does not give it.
  run("INSERT INTO resource (id, program_id, title, body, updated_at_ms, created_at_ms) VALUES ('res_0', 'p', 't', '', 1, 1)");
  run("INSERT INTO resource (id, program_id, title, body, updated_at_ms, created_at_ms) VALUES ('res_1', 'p', 't', ?, 1, 1)", LONG);
  run("DELETE FROM resource WHERE id = 'res_0'");
  // So is the funnel's first row, and its numbers stay: reports and removal go by them.
  run("INSERT INTO funnel_event (id, program_id, partner_id, code, campaign, stage, event, at_ms, week) VALUES ('fev_0', 'p', 'ptn_1', 'ANN', '', 's', 'e', 1, 'w')");
  run("INSERT INTO funnel_event (id, program_id, partner_id, code, campaign, stage, event, at_ms, week) VALUES ('fev_1', 'p', 'ptn_1', 'ANN', '', 's', 'e', 1, 'w')");
  run("DELETE FROM funnel_event WHERE id = 'fev_0'");
  run("INSERT INTO click (program_id, hour, code, dedupe, id, partner_id, visitor, clicked_at_ms) VALUES ('p', 1, 'ANN', ?, 'clk_1', 'ptn_1', 'vis_1', 1)", 2n ** 53n - 1n);
  for (const kind of ["expense", "available"]) run("INSERT INTO ledger_account (id, program_id, unit, kind, partner_id) VALUES (?, 'p', 'cash:usd', ?, ?)", kind, kind, kind === "available" ? "ptn_1" : "");
  for (let n = 1; n <= 2_500; n++) {
    run("INSERT INTO transfer (id, code, phase, debit, credit, amount_cents, program_id, event_id, reason, created_at_ms) VALUES (?, 'adjust', 'single', 'expense', 'available', ?, 'p', ?, 'because', ?)", `adj_${n}`, n, n % 2 ? AWKWARD : null, NOW);
  }
  let previous = { number: 0, last: 0, hash: "" };
  for (const last of [1000, 2000, 2400]) {
    const rows = db.prepare("SELECT seq, id, accrual_id, code, phase, debit, credit, amount_cents, pending_id, program_id, event_id, run_id, actor, created_at_ms FROM transfer WHERE seq > ? AND seq <= ? ORDER BY seq").all(previous.last, last);
    const number = previous.number + 1;
    const lines = [[number, last, rows.length, previous.hash, NOW], ...rows.map((row) => Object.values(row))].map((values) => `${JSON.stringify(values)}\n`);
    const hash = createHash("sha256").update(lines.join("")).digest("hex");
    run("INSERT INTO ledger_block VALUES (?, ?, ?, ?, ?, ?)", number, last, rows.length, previous.hash, hash, NOW);
    previous = { number, last, hash };
  }
}

const textOfFile = (file) => readFileSync(file, "utf8");
function all(db, sql) {
  const read = db.prepare(sql);
  read.setReadBigInts(true);
  return read.all();
}
/** A table's rows, in an order that does not depend on hidden row numbers. */
const rowsOf = (db, table) => all(db, `SELECT * FROM ${table}`).sort((a, b) => (shown(a) < shown(b) ? -1 : 1));
const shown = (row) => JSON.stringify(row, (_, value) => (typeof value === "bigint" ? String(value) : value));
/** The kept numbers of a table's rows, by their ids. */
const numbersOf = (db, table) => all(db, `SELECT rowid, id FROM ${table} ORDER BY id`);

/** A folder of `make serve` with the migrations applied. */
async function stateFolder(t) {
  const state = folder(t);
  mkdirSync(join(state, "storage"));
  await applyMigrations(join(state, "storage"));
  return state;
}

function opened(state) {
  const objects = join(state, "storage/v3/d1/miniflare-D1DatabaseObject");
  const [file] = readdirSync(objects).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
  return new DatabaseSync(join(objects, file));
}

test("a folder's database is backed up, restored into an empty one, and the same there", async (t) => {
  const [state, other] = [await stateFolder(t), folder(t)];
  const db = opened(state);
  fill(db);
  const file = join(folder(t), "backup.sql");
  const env = { ...process.env, STATE: state };
  await backupTo({ root, env, steps: quiet(), file, taken: TAKEN });
  const text = textOfFile(file);
  assert.ok(text.split("\n").every((line) => Buffer.byteLength(line) < 100_000), "no statement is longer than D1 accepts");
  assert.ok(text.indexOf("CREATE TRIGGER") > text.lastIndexOf("INSERT INTO \""), "triggers are last");
  await assert.rejects(backupTo({ root, env, steps: quiet(), file, taken: TAKEN }), /exists already/);

  await restoreFrom({ root, env: { ...process.env, STATE: other }, steps: quiet(), file, now: NOW + 5 });
  const restored = opened(other);
  for (const table of ["program_version", "partner", "resource", "transfer", "ledger_account", "ledger_block", "link_day", "click", "funnel_event", "d1_migrations", "person_salt"]) {
    assert.deepEqual(rowsOf(restored, table), rowsOf(db, table), table);
  }
  assert.deepEqual(numbersOf(restored, "funnel_event"), numbersOf(db, "funnel_event"));
  assert.deepEqual({ ...restored.prepare("SELECT * FROM restoration").get() }, { restored_at_ms: NOW + 5, taken_at_ms: NOW });
  assert.throws(() => restored.exec("DELETE FROM transfer"), /guard:ledger_immutable/);
  // A backup of what was restored differs by its mark alone.
  const again = join(folder(t), "again.sql");
  await backupTo({ root, env: { ...process.env, STATE: other }, steps: quiet(), file: again, taken: TAKEN });
  const more = textOfFile(again).split("\n").filter((line) => !text.split("\n").includes(line));
  assert.deepEqual(more.length, 2, "the mark, and the hash of all lines");
  assert.match(more[0], /^INSERT INTO "restoration"/);

  await assert.rejects(restoreFrom({ root, env: { ...process.env, STATE: other }, steps: quiet(), file, now: NOW }), /is not empty/);
});

test("Cloudflare's export is read as it was meant, and a new database there gets the same rows", async (t) => {
  const served = await standIn(t);
  const made = newDatabase(served.world, "manicule");
  made.sqlite.exec(CREATE_TABLE);
  for (const name of readdirSync(join(root, "migrations")).sort()) {
    made.sqlite.exec(readFileSync(join(root, "migrations", name), "utf8"));
    made.sqlite.prepare("INSERT INTO d1_migrations (name) VALUES (?)").run(name);
  }
  fill(made.sqlite);
  newDatabase(served.world, "second");
  const env = { ...process.env, ...served.env };
  const file = join(served.folder, "backup.sql");
  await backupTo({ root, env, steps: quiet(), file, taken: TAKEN });
  await restoreFrom({ root, env: { ...env, DATABASE: "second" }, steps: quiet(), file, now: NOW });
  const second = served.world.databases.find((one) => one.name === "second").sqlite;
  for (const table of ["program_version", "resource", "transfer", "ledger_block", "d1_migrations", "person_salt", "partner"]) {
    assert.deepEqual(rowsOf(second, table), rowsOf(made.sqlite, table), table);
  }
  await assert.rejects(restoreFrom({ root, env, steps: quiet(), file, now: NOW }), /is not empty/);
});

test("what was read from a folder is the same at Cloudflare, which numbers hidden rows itself", async (t) => {
  const [served, state] = [await standIn(t), await stateFolder(t)];
  fill(opened(state));
  const file = join(folder(t), "backup.sql");
  await backupTo({ root, env: { ...process.env, STATE: state }, steps: quiet(), file, taken: TAKEN });
  newDatabase(served.world, "third");
  const env = { ...process.env, ...served.env, DATABASE: "third" };
  await restoreFrom({ root, env, steps: quiet(), file, now: NOW });
  const third = served.world.databases.find((one) => one.name === "third").sqlite;
  assert.deepEqual(numbersOf(third, "funnel_event"), numbersOf(opened(state), "funnel_event"));
  const again = join(folder(t), "again.sql");
  await backupTo({ root, env, steps: quiet(), file: again, taken: TAKEN });
  const known = new Set(textOfFile(file).split("\n"));
  assert.equal(textOfFile(again).split("\n").filter((line) => !known.has(line)).length, 2, "the mark, and the hash of all lines");
});

test("a database is written and restored in little memory, however large it is", async (t) => {
  const [state, other] = [await stateFolder(t), folder(t)];
  const db = opened(state);
  fill(db);
  // 80 MB, with 40 MB of heap for whoever reads or writes them.
  const text = "a page of ordinary words, ".repeat(600);
  const insert = db.prepare("INSERT INTO resource (id, program_id, title, body, updated_at_ms, created_at_ms) VALUES (?, ?, 't', ?, 1, 1)");
  db.exec("BEGIN");
  for (let n = 0; n < 5_000; n++) insert.run(`res_l${n}`, `p${n}`, text);
  db.exec("COMMIT");
  db.close();
  const file = join(folder(t), "large.sql");
  const cli = (verb, at) =>
    promisify(execFile)(process.execPath, ["--max-old-space-size=40", "--disable-warning=ExperimentalWarning", join(root, "scripts/backups/cli.mjs"), verb], {
      cwd: root,
      env: { ...process.env, STATE: at, FILE: file },
    });
  await cli("backup", state);
  assert.ok(statSync(file).size > 70_000_000);
  await cli("restore", other);
  assert.deepEqual(opened(other).prepare("SELECT COUNT(*) AS n, SUM(LENGTH(body)) AS size FROM resource").get(), opened(state).prepare("SELECT COUNT(*) AS n, SUM(LENGTH(body)) AS size FROM resource").get());
});

test("long values wait for their rows in a few megabytes, however many there are", () => {
  const db = new DatabaseSync(":memory:");
  db.exec(CREATE_TABLE);
  db.exec(schema);
  // Without their bodies, all of these rows are in one statement.
  const insert = db.prepare("INSERT INTO resource (id, program_id, title, body, updated_at_ms, created_at_ms) VALUES (?, ?, 't', ?, 1, 1)");
  for (let n = 0; n < 400; n++) insert.run(`res_${n}`, `p${n}`, "a word ".repeat(6_000));
  let [most, inARow] = [0, 0];
  for (const line of textOf(db, schema, TAKEN)) {
    inARow = line.startsWith("UPDATE ") ? inARow + line.length : 0;
    most = Math.max(most, inARow);
  }
  assert.ok(most > 1_000_000 && most < 5_000_000, `${most} bytes`);
});

test("a file is written as a whole, whatever one call writes", (t) => {
  const parts = ["a line\n", "another one, of two bytes each: üüü\n", Buffer.from("-- the end\n")];
  const whole = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const path = join(folder(t), "file");
  const short = (file, all, at, length) => writeSync(file, all, at, Math.min(length, 3));
  writeFile(path, parts, short);
  assert.deepEqual(readFileSync(path), whole);
  assert.throws(() => writeFile(path, parts), /EEXIST/);
  assert.throws(() => writeFile(`${path}2`, parts, () => 0), /takes no more/);
  // A disk that loses what it said it has.
  const lying = (file, all, at, length) => (all.includes("-- the end") ? length : writeSync(file, all, at, length));
  assert.throws(() => writeFile(`${path}3`, parts, lying), /not written as a whole/);
});

test("a file that is not whole, was changed, or is of another version is refused", async (t) => {
  const db = new DatabaseSync(":memory:");
  db.exec(CREATE_TABLE);
  db.exec(schema);
  fill(db);
  const path = join(folder(t), "backup.sql");
  const text = [...textOf(db, schema, TAKEN)].join("");
  const refused = (changed, why) => {
    writeFileSync(path, changed);
    assert.throws(() => readBackup(path, schema), why);
  };
  refused(text.slice(0, -200), /not a whole backup/);
  refused(text.slice(100), /not a whole backup/);
  refused(text.replace("'adj_7'", "'adj_8'"), /was changed/);
  writeFileSync(path, text);
  assert.throws(() => readBackup(path, `${schema}\nCREATE TABLE more (id TEXT PRIMARY KEY) STRICT;`), /another version/);
  assert.equal(readBackup(path, schema).taken, TAKEN);
});

test("a copy whose books or seal are wrong is not written", async () => {
  const db = new DatabaseSync(":memory:");
  db.exec(CREATE_TABLE);
  db.exec(schema);
  fill(db);
  assert.match((await check(db, schema)).head, /^3:[0-9a-f]{64}$/);
  const broken = async (sql, why) => {
    const copy = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
    for (const line of [...textOf(db, schema, TAKEN)].filter((part) => !part.startsWith("CREATE TRIGGER"))) copy.exec(line);
    copy.exec(sql);
    for (const line of [...textOf(db, schema, TAKEN)].filter((part) => part.startsWith("CREATE TRIGGER"))) copy.exec(line);
    await assert.rejects(check(copy, schema), why, sql);
  };
  await broken("UPDATE transfer SET actor = 'eve' WHERE seq = 1500", /first in block 2/);
  await broken("DELETE FROM ledger_block WHERE number = 2", /first in block 2/);
  await broken("UPDATE transfer SET amount_cents = 3 WHERE seq = 2500", /ledger_check/);
  await broken("INSERT INTO partner_person (partner_id) VALUES ('ptn_nobody')", /refer to others/);
  await broken("DROP INDEX partner_updated", /missing: index partner_updated/);
  assert.match(sealOf(db), /^3:/);
});
