// The stand-in is strict: it does not answer unknown calls, and its splitter has the reported faults.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "../support/cloudflare/faults.mjs";
import { ACCOUNT, TOKEN, newWorld, start } from "../support/cloudflare/server.mjs";
import { split } from "../support/cloudflare/splitter.mjs";

const headers = { authorization: `Bearer ${TOKEN}` };
const TRIGGER = "CREATE TRIGGER t BEFORE UPDATE ON a\nBEGIN\n  SELECT RAISE(ABORT, 'no');\nEND;";

test("an unknown call is not answered, and is recorded", async (t) => {
  const served = await start();
  t.after(() => served.close());
  for (const [method, path] of [["GET", "/nowhere"], ["DELETE", `/accounts/${ACCOUNT}/d1/database/x`], ["GET", `/accounts/${ACCOUNT}/workers/scripts/a/b/c`]]) {
    assert.equal((await fetch(`${served.base}${path}`, { method, headers })).status, 501);
  }
  assert.equal(served.world.unknown.length, 3);
});

test("each kind of failure happens as described, once", async (t) => {
  const served = await start();
  t.after(() => served.close());
  const make = () => fetch(`${served.base}/accounts/${ACCOUNT}/d1/database`, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: '{"name":"a"}' }).then((answer) => answer.status, () => "cut");
  for (const [kind, status, made] of [["5xx", 502, 0], ["4xx", 403, 0], ["cut before", "cut", 0], ["cut after", "cut", 1]]) {
    served.use(newWorld());
    served.world.faults.plan(() => true, kind);
    assert.equal(await make(), status, kind);
    assert.equal(served.world.databases.length, made, kind);
    assert.equal(await make(), made ? 400 : 200, kind);
  }
  assert.deepEqual(Object.keys(KINDS), ["5xx", "4xx", "cut before", "cut after"]);
});

test("the splitter has the reported faults and no others", () => {
  const lines = "CREATE TABLE a (id TEXT);\nCREATE TABLE b (id TEXT);\n";
  const oneLine = TRIGGER.replaceAll("\n", " ");
  assert.equal(split(lines, "reported").length, 2);
  assert.equal(split(oneLine, "reported").length, 1);
  assert.throws(() => split(TRIGGER, "reported"), /incomplete input/);
  assert.throws(() => split(`-- it's here\n${lines}`, "reported"), /incomplete input/);
  assert.equal(split(`-- it is here\n${lines}`, "reported").length, 2);
  assert.throws(() => split(oneLine, "triggers"), /incomplete input/);
  assert.equal(split(lines, "triggers").length, 2);
  assert.equal(split(`-- it's here\n${TRIGGER}\n${lines}`, "none").length, 3);
});
