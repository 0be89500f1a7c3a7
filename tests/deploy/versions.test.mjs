// Expand, then contract: a version's code runs on the schema before and after its migrations, so that a deployment may
// stop between the two, and a rollback does not need one of the database. CHANGELOG.md documents each version's
// deployment.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readMigrations } from "../../scripts/deployment/migrations.mjs";
import { newSecrets, workerSecrets } from "../../scripts/secrets.mjs";
import { putSecret } from "../support/cloudflare/workers.mjs";
import { deployed, root, sourcesWith, standIn } from "./support/harness.mjs";
import { journey } from "./support/journey.mjs";
import { shrinks, versionsOf } from "./support/versions.mjs";
import { run } from "./support/workerd.mjs";

const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
const versions = versionsOf(changelog);
const migrations = readMigrations(join(root, "migrations"));
const upTo = (last) => migrations.filter(({ name }) => last === null || name.slice(0, 4) <= last);
const texts = (list) => list.map((one) => one.text);

test("CHANGELOG.md documents each version's deployment; each migration belongs to one version", () => {
  assert.equal(versions.at(-1).name, "0.1.0");
  assert.equal(versions[0].name, /^version = "(.*)"$/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))[1]);
  for (const [at, { name, isReleased, last, deployment, contracts }] of versions.entries()) {
    assert.ok(deployment, `${name} does not say what deploying it does`);
    for (const word of ["Migrations", "Settings", "Rollback"]) assert.match(deployment, new RegExp(`^- ${word}: `, "m"), name);
    if (isReleased || at > 0) assert.ok(last, `${name} is released: it says which migration is its last`);
    if (last) assert.ok(migrations.some((one) => one.name.startsWith(last)), `${name}: there is no migration ${last}`);
    for (const { object, since } of contracts) assert.ok(versions.slice(at + 1).some((one) => one.name === since), `${name} takes ${object} away, but ${since} is no earlier version`);
  }
  assert.deepEqual(upTo(versions[0].last), migrations, "migrations that no version has");
});

test("a version removes only what CHANGELOG.md lists as unused by earlier code", () => {
  for (const [at, { name, last, contracts }] of versions.entries()) {
    const before = versions[at + 1];
    if (!before) continue;
    const allowed = contracts.map((one) => one.object);
    assert.deepEqual(shrinks(texts(upTo(before.last)), texts(upTo(last))).filter((one) => !allowed.includes(one)), [], `${name} after ${before.name}`);
  }
});

test("changes that break older code are detected", () => {
  const base = "CREATE TABLE a (id TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT; CREATE TABLE b (id TEXT); CREATE VIEW v AS SELECT id FROM a;";
  const after = (sql) => shrinks([base], [base, sql]);
  for (const fine of ["ALTER TABLE a ADD COLUMN m TEXT;", "ALTER TABLE a ADD COLUMN m INTEGER NOT NULL DEFAULT 0;", "CREATE TABLE c (id TEXT NOT NULL);", "CREATE INDEX a_n ON a (n);", "CREATE TABLE c (id TEXT); CREATE UNIQUE INDEX c_id ON c (id); CREATE TRIGGER c_x BEFORE DELETE ON c BEGIN SELECT RAISE(ABORT, 'no'); END;"]) {
    assert.deepEqual(after(fine), [], fine);
  }
  for (const [sql, object] of [
    ["DROP TABLE b;", "b"],
    ["DROP VIEW v;", "v"],
    ["ALTER TABLE a DROP COLUMN n;", "a.n"],
    ["ALTER TABLE a RENAME COLUMN n TO m;", "a.n"],
    ["DROP VIEW v; CREATE VIEW v AS SELECT n FROM a;", "v.id"],
    ["CREATE UNIQUE INDEX b_id ON b (id);", "b_id"],
    ["CREATE TRIGGER a_x BEFORE UPDATE ON a BEGIN SELECT RAISE(ABORT, 'no'); END;", "a_x"],
    ["DROP TABLE b; CREATE TABLE b (id TEXT, m TEXT NOT NULL);", "b.m"],
    ["DROP TABLE b; CREATE TABLE b (id TEXT CHECK (id <> ''));", "b (constraint)"],
  ]) {
    assert.ok(after(sql).includes(object), `${sql}: ${after(sql)}`);
  }
});

/** The built version, on a database with only the migrations up to `last`. */
async function runsOn(t, last) {
  const served = await standIn(t);
  const sources = sourcesWith(served, "sources", { keeps: (name) => upTo(last).some((one) => one.name === name) });
  await deployed(served, { real: true, sources });
  const secrets = newSecrets();
  for (const [name, value] of Object.entries(workerSecrets(secrets))) putSecret(served.world.scripts.get("manicule"), name, value);
  const worker = await run(served, "manicule");
  try {
    await journey(worker, secrets, "partner");
  } finally {
    await worker.close();
  }
}

test("this version's code runs on the schema before its migrations", async (t) => {
  const [, before] = versions;
  // The first version has no earlier schema: without a schema the Worker answers 503.
  if (before) await runsOn(t, before.last);
  // The journey can fail: the code needs the first migrations.
  await assert.rejects(runsOn(t, "0005"), /^AssertionError.*: \/v1\/.*: [45]\d\d /s);
});
