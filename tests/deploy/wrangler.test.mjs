// Deployments with the real wrangler: the first, the second, an upgrade, a rollback, and failures of its own calls.
// LONG=yes (make test-long) makes its calls fail in every way, not only by refusal: wrangler waits before it retries.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runner } from "../../scripts/deployment/wrangler.mjs";
import { newSecrets, workerSecrets } from "../../scripts/secrets.mjs";
import { online, putSecret } from "../support/cloudflare/workers.mjs";
import { KINDS } from "../support/cloudflare/faults.mjs";
import { assertWhole, config, deploy, deployed, newWorld, root, sourcesWith, standIn, workerFolder } from "./support/harness.mjs";
import { journey } from "./support/journey.mjs";
import { run } from "./support/workerd.mjs";

const isLong = process.env.LONG === "yes";
const bindings = (world) => online(world, "manicule").bindings;

/** `make deploy` as a command. */
function command(served, words = [], { onLine = () => {}, env = {} } = {}) {
  return new Promise((done) => {
    const child = spawn(join(root, "scripts/deploy"), words, { env: { ...process.env, ...served.env, DEPLOY_FOLDER: join(served.folder, "out"), ...env } });
    let output = "";
    child.stderr.on("data", (text) => {
      output += text;
      onLine(String(text), child);
    });
    child.stdout.on("data", (text) => (output += text));
    child.once("close", (status, signal) => done({ status: status ?? signal, output }));
  });
}

test("make deploy, twice, as commands; deploy-check before", async (t) => {
  const served = await standIn(t, { zones: [{ id: "z1", name: "example.com", status: "active" }] });
  const file = join(served.folder, "wrangler.toml");
  writeFileSync(file, `routes = [{ pattern = "example.com/*", zone_name = "example.com" }]\n${readFileSync(join(root, "wrangler.toml"), "utf8")}`);
  const env = { CONFIG: file };
  const checked = await command(served, ["check"], { env });
  assert.equal(checked.status, 0, checked.output);
  assert.deepEqual(served.world.calls.filter((call) => !call.startsWith("GET ")), []);

  const first = await command(served, [], { env });
  assert.equal(first.status, 0, first.output);
  await assertWhole(served);
  const { world } = served;
  assert.deepEqual(world.routes.map((one) => [one.pattern, one.script]), [["example.com/*", "manicule"]]);
  assert.deepEqual(world.scripts.get("manicule").subdomain, { enabled: false, previews_enabled: false });
  assert.deepEqual(world.scripts.get("manicule").schedules.map((one) => one.cron), ["0 9 * * MON", "0 6 1 * *", "*/10 * * * *"]);
  assert.equal(bindings(world).find((one) => one.name === "D1_STATEMENTS_MAX").text, "50");
  assert.deepEqual(Object.keys(online(world, "manicule").files).filter((path) => !path.startsWith("/manicule/")), []);
  assert.equal(world.scripts.get("manicule").settings.observability?.logs?.invocation_logs ?? online(world, "manicule").metadata.observability.logs.invocation_logs, false);
  assert.match(first.output, /wrangler secret put COOKIE_KEYS --config /);

  for (const [name, value] of Object.entries(workerSecrets(newSecrets()))) putSecret(world.scripts.get("manicule"), name, value);
  // The second deployment uses a token for all zones, which sets a Worker's routes at once.
  world.token.allZones = true;
  const second = await command(served, [], { env });
  assert.equal(second.status, 0, second.output);
  await assertWhole(served);
  assert.equal(world.routes.length, 1);
  assert.doesNotMatch(second.output, /secret put/);
  assert.equal(Object.keys(online(world, "manicule").secrets).length, 5, "a deployment keeps the secrets");
});

test("a version runs on the schema before and after its migrations, and the previous one runs after a rollback", async (t) => {
  const served = await standIn(t);
  await deployed(served, { real: true });
  const secrets = newSecrets();
  for (const [name, value] of Object.entries(workerSecrets(secrets))) putSecret(served.world.scripts.get("manicule"), name, value);
  let weeks = 0;
  const step = async (who) => {
    const worker = await run(served, "manicule");
    try {
      await journey(worker, secrets, who, weeks++);
    } finally {
      await worker.close();
    }
  };
  await step("before");

  // An upgrade: a schema with additions, as in a later version, and different code.
  const more = "-- it's more\nALTER TABLE link ADD COLUMN tested TEXT;\nCREATE TABLE tested (id TEXT PRIMARY KEY) STRICT;\nCREATE TRIGGER tested_fixed BEFORE UPDATE ON tested\nBEGIN\n  SELECT RAISE(ABORT, 'fixed');\nEND;\n";
  const sources = sourcesWith(served, "next", { more: [["9999_tested.sql", more]] });
  const built = join(served.folder, "built");
  cpSync(workerFolder(), built, { recursive: true });
  appendFileSync(join(built, "index.js"), "\n// the next version\n");
  const old = online(served.world, "manicule").id;
  const { output } = await deployed(served, { real: true, sources, built });
  assert.match(output, /migrations: 1 applied, 9999_tested\.sql/);
  // The schema goes first: in between, the old code runs on the new schema.
  const order = served.world.calls.slice(-40).map((call) => call.replace(/[0-9a-f-]{32,36}/g, "ID"));
  assert.ok(order.lastIndexOf("POST /accounts/ID/d1/database/ID/query") < order.indexOf("POST /accounts/ID/workers/scripts/manicule/versions"));
  assert.notEqual(online(served.world, "manicule").id, old);
  await step("after");

  const back = await runner(root, { ...process.env, ...served.env })(["rollback"]);
  assert.equal(back.status, 0, back.output);
  assert.equal(online(served.world, "manicule").id, old);
  await step("back");
});

test("a refused first upload does not block later ones", async (t) => {
  const served = await standIn(t, { email: "refused" });
  const first = await deploy(served, { real: true });
  assert.equal(first.status, 1);
  assert.match(first.output, /wrangler did not deploy[^]*EMAIL[^]*remove the two lines of \[\[send_email\]\]/);
  assert.match(first.output, /wrangler secret put COOKIE_KEYS/);
  assert.deepEqual([served.world.databases.length, served.world.namespaces.length, served.world.scripts.size], [1, 1, 0]);
  const without = config();
  delete without.send_email;
  await deployed(served, { real: true, config: without });
  await assertWhole(served);
});

/** wrangler's calls in a deployment: those that are missing in a deployment without it. */
async function callsOf(served, prepared) {
  served.use(prepared());
  await deployed(served);
  const own = served.world.calls.length;
  served.use(prepared());
  await deployed(served, { real: true });
  return { own, all: served.world.calls.length, names: served.world.calls };
}

for (const kind of isLong ? Object.keys(KINDS) : ["4xx"]) {
  test(`each of wrangler's calls once ${kind}, then a second run`, async (t) => {
    const served = await standIn(t);
    const { own, all, names } = await callsOf(served, newWorld);
    assert.ok(all - own > 9, names.join("\n"));
    await Promise.all(
      // Two at a time, because wrangler is a separate process and mostly waits.
      [0, 1].map(async (lane) => {
        const mine = await standIn(t);
        for (let number = own + lane; number < all; number += 2) {
          mine.use(newWorld());
          mine.world.faults.plan((call) => call.number === number, kind);
          const first = await deploy(mine, { real: true });
          const what = `${kind} at ${mine.world.calls[number]}`;
          if (first.status !== 0) {
            assert.match(first.output, /wrangler did not deploy[^]*run make deploy again/, what);
            const second = await deploy(mine, { real: true });
            assert.equal(second.status, 0, `${what}\n${second.output}`);
          }
          await assertWhole(mine);
          assert.deepEqual(mine.world.unknown, []);
        }
      }),
    );
  });
}

test("interrupted at a step, it reports where it was, and the next run continues", async (t) => {
  const served = await standIn(t);
  const steps = isLong ? ["account", "what is there", "database and namespace", "migrations", "upload"] : ["database and namespace", "migrations", "upload"];
  const signals = isLong ? ["SIGINT", "SIGTERM", "SIGKILL"] : ["SIGINT"];
  const calls = { account: /tokens\/verify/, "what is there": /kv\/namespaces/, "database and namespace": /^POST .*d1\/database$/, migrations: /\/query$/, upload: /^PUT .*scripts\/manicule$/ };
  for (const signal of signals) {
    for (const step of steps) {
      served.use(newWorld());
      let child;
      served.world.onCall = (call) => {
        if (!child || !calls[step].test(`${call.method} ${call.pathname}`)) return;
        child.kill(signal);
        served.world.onCall = null;
      };
      const first = await command(served, [], { onLine: (_, one) => (child = one) });
      assert.ok([130, 143, "SIGKILL"].includes(first.status), `${signal} at ${step}: ${first.status}\n${first.output}`);
      if (signal !== "SIGKILL") assert.match(first.output, new RegExp(`interrupted at: ${step}\\. You don't have to undo anything: run make deploy again`));
      served.world.onCall = null;
      await deployed(served, { real: true });
      await assertWhole(served);
    }
  }
});
