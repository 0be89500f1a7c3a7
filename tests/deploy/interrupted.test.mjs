// Whichever call fails, in whichever way, the next run repairs it: the account ends as if nothing had happened. These
// are the script's own calls; wrangler's are in wrangler.test.mjs.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { newDatabase } from "../support/cloudflare/d1.mjs";
import { newNamespace } from "../support/cloudflare/kv.mjs";
import { KINDS } from "../support/cloudflare/faults.mjs";
import { assertWhole, config, deploy, deployed, newWorld, root, standIn } from "./support/harness.mjs";

const withRoutes = config({ routes: [{ pattern: "example.com/*", zone_name: "example.com" }], vars: { ...config().vars, MAIL_FROM: "M <m@example.com>" } });
const world = () => newWorld({ zones: [{ id: "z1", name: "example.com", status: "active" }], emailZones: ["example.com"] });

for (const kind of Object.keys(KINDS)) {
  test(`each call of a first deployment once ${kind}, then a second run`, async (t) => {
    const served = await standIn(t);
    const options = { config: withRoutes };
    served.use(world());
    await deployed(served, options);
    const calls = served.world.calls.length;
    assert.ok(calls > 20, `${calls} calls`);
    const writes = served.world.calls.filter((call) => !call.startsWith("GET ")).length;
    let failed = 0;
    for (let number = 0; number < calls; number += 1) {
      served.use(world());
      served.world.faults.plan((call) => call.number === number, kind);
      const first = await deploy(served, options);
      const what = `${kind} at ${served.world.calls[number]}`;
      if (first.status !== 0) {
        failed += 1;
        assert.match(first.output, /^error: /m, what);
        assert.match(first.output, /run make deploy again/, what);
        assert.match(first.output, /secrets/i, what);
        // New code must never run on a schema that is missing.
        assert.equal(served.world.scripts.size, 0, what);
        const second = await deploy(served, options);
        assert.equal(second.status, 0, `${what}\n${second.output}`);
      }
      await assertWhole(served);
      assert.deepEqual(served.world.unknown, []);
    }
    // Reads are retried automatically. Writes are not, and a refusal is final unless the call is optional.
    if (kind === "4xx") assert.ok(failed > writes, `${failed} of ${calls} first runs failed`);
    else assert.equal(failed, writes);
  });
}

test("a call that always fails stops the run, and a failed look-up creates no new database", async (t) => {
  const served = await standIn(t);
  await deployed(served);
  for (const [pick, kind] of [
    [/\/d1\/database\/[^/]+$/, "5xx"],
    [/\/d1\/database\/[^/]+$/, "4xx"],
    [/\/d1\/database\/[^/]+$/, "cut before"],
    [/\/settings$/, "5xx"],
    [/\/namespaces$/, "5xx"],
  ]) {
    served.world.faults.plan((call) => call.method === "GET" && pick.test(call.path), kind, 3);
    const versions = served.world.scripts.get("manicule").versions.length;
    const { status, output } = await deploy(served);
    assert.equal(status, 1, output);
    assert.equal(served.world.databases.length, 1);
    assert.equal(served.world.namespaces.length, 1);
    assert.equal(served.world.scripts.get("manicule").versions.length, versions, "new code went live");
    served.world.faults.planned.length = 0;
  }
});

test("resources created between the check and the creation are found", async (t) => {
  const served = await standIn(t);
  served.world.onCall = ({ method, pathname }) => {
    if (method !== "POST") return;
    if (pathname.endsWith("/d1/database")) newDatabase(served.world, "manicule");
    if (pathname.endsWith("/kv/namespaces")) newNamespace(served.world, "manicule-kv");
  };
  await deployed(served);
  await assertWhole(served);
});

test("code never goes online on a database that is not what schema.sql says", async (t) => {
  const served = await standIn(t);
  await deployed(served);
  const [{ sqlite }] = served.world.databases;
  const versions = served.world.scripts.get("manicule").versions.length;
  for (const sql of ["CREATE TABLE stranger (id TEXT)", "DROP TABLE stranger; DROP INDEX link_partner"]) {
    sqlite.exec(sql);
    const { status, output } = await deploy(served);
    assert.equal(status, 1);
    assert.match(output, /the database is not what schema\.sql says:\n(not in schema\.sql: table stranger|missing: index link_partner)/);
    assert.equal(served.world.scripts.get("manicule").versions.length, versions);
  }
});

test("a batch that is not one transaction and stops after any statement is continued", async (t) => {
  const served = await standIn(t);
  const statements = 40;
  for (const stopBefore of [0, 1, 2, 17, statements]) {
    served.use(newWorld({ atomic: false, stopBefore }));
    // The import that follows a refusal fails as well, so that the run ends there.
    const first = await deploy(served, { imports: false });
    assert.equal(first.status, 1, first.output);
    if (stopBefore) assert.match(first.output, /0001_core\.sql could not be applied: [^]*and by import:\nnot imported/);
    served.world.stopBefore = null;
    const second = await deployed(served);
    if (stopBefore) assert.match(second.output, new RegExp(`0001_core.sql: ${stopBefore} of \\d+ statements were applied before`));
    await assertWhole(served);
  }
});

test("if the API cannot split triggers, the rest is imported automatically in one file", async (t) => {
  const served = await standIn(t, { splitter: "triggers" });
  const { output } = await deployed(served);
  assert.match(output, /0001_core\.sql was refused .*incomplete input.*importing it as a file/);
  await assertWhole(served);
  assert.equal(served.world.calls.filter((call) => call.endsWith("/import")).length, 2);
});

test("the files as written would not pass the reported splitter; the lines that are sent do", async (t) => {
  const served = await standIn(t);
  await deployed(served);
  assert.deepEqual(served.world.calls.filter((call) => call.endsWith("/import")), [], "it was only the import that passed");
  const { split } = await import("../support/cloudflare/splitter.mjs");
  const folder = join(root, "migrations");
  const refused = readdirSync(folder).filter((name) => {
    try {
      split(readFileSync(join(folder, name), "utf8"), "reported");
      return false;
    } catch {
      return true;
    }
  });
  assert.ok(refused.length >= 5, `only ${refused} would be refused`);
});
