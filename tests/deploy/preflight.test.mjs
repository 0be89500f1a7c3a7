// Messages before anything is created: what is wrong and who can fix it, with all errors at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, RIGHTS, start } from "../support/cloudflare/server.mjs";
import { install, putSecret } from "../support/cloudflare/workers.mjs";
import { newDatabase } from "../support/cloudflare/d1.mjs";
import { newNamespace } from "../support/cloudflare/kv.mjs";
import { config, deploy, deployed, newWorld, standIn } from "./support/harness.mjs";

const SECRETS = ["COOKIE_KEYS", "WEBHOOK_SECRETS", "EMDASH_TOKENS", "FORMS_SECRETS", "OPERATOR_BOOTSTRAP_TOKEN_SHA256"];
const writes = (world) => world.calls.filter((call) => !call.startsWith("GET "));
const another = (world, name, bindings = [], crons = 0) => {
  install(world, name, { bindings });
  world.scripts.get(name).schedules = Array.from({ length: crons }, () => ({ cron: "* * * * *" }));
};
const withMail = config({ vars: { ...config().vars, MAIL_FROM: "M <m@mail.example.com>" } });

/** A run that must stop before it creates anything. */
async function stopped(served, options) {
  const { status, output } = await deploy(served, options);
  assert.equal(status, 1, output);
  assert.deepEqual(writes(served.world), [], output);
  return output;
}

test("a wrong token, a token without a permission and an unavailable API give three different messages", async (t) => {
  const served = await standIn(t);
  const wrong = await stopped(served, { env: { CLOUDFLARE_API_TOKEN: "wrong" } });
  assert.match(wrong, /CLOUDFLARE_API_TOKEN is not a valid token: .*Invalid API Token/);
  served.world.token.status = "expired";
  assert.match(await stopped(served), /not a valid token: it is expired/);
  served.world.token.status = "active";

  served.world.token.rights.delete("d1:edit");
  const lacking = await stopped(served);
  assert.match(lacking, /The token is not allowed to do this: GET \S+d1\/database.*It needs the permission Account > D1: Edit/);
  served.world.token.rights.add("d1:edit");

  served.world.faults.plan(() => true, "5xx", 99);
  const down = await stopped(served);
  assert.match(down, /Cloudflare's API is failing: GET \/user\/tokens\/verify answered 502.*Nothing is wrong with your token/);
  served.world.faults.planned.length = 0;
  const nobody = await start();
  await nobody.close();
  const gone = await stopped(served, { env: { CLOUDFLARE_API_BASE_URL: nobody.base } });
  assert.match(gone, /Cloudflare's API could not be reached: .*ECONNREFUSED/);

  for (const text of [wrong, lacking, down, gone]) assert.equal([/not a valid token/, /not allowed/, /is failing/, /not be reached/].filter((one) => one.test(text)).length, 1);
  for (const text of [wrong, down, gone]) assert.match(text, /Could not check which secrets are set/);
  for (const name of SECRETS) assert.match(lacking, new RegExp(`wrangler secret put ${name}`));
});

test("a missing response ends the checks, and a response that is not from the API is reported as such", async (t) => {
  const served = await standIn(t);
  served.world.onCall = () => {
    throw new Error("planned");
  };
  assert.match((await deploy(served)).output, /is failing/);
  served.world.unknown.length = 0;
  served.world.onCall = null;
  const { createServer } = await import("node:http");
  const server = createServer((request, response) => (request.url.includes("slow") ? undefined : response.writeHead(200).end("<html>log in</html>")));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => (server.closeAllConnections(), server.close()));
  const base = `http://127.0.0.1:${server.address().port}`;
  assert.match((await deploy(served, { env: { CLOUDFLARE_API_BASE_URL: base } })).output, /something that is not Cloudflare's API/);
  const since = Date.now();
  assert.match((await deploy(served, { env: { CLOUDFLARE_API_BASE_URL: `${base}/slow` }, seconds: 0.1 })).output, /no answer within 0.1 s/);
  assert.ok(Date.now() - since < 5000);
});

test("each listed permission is needed, and named when it is missing", async (t) => {
  const served = await standIn(t, { zones: [{ id: "z1", name: "example.com", status: "active" }] });
  const routed = config({ routes: [{ pattern: "example.com/*", zone_name: "example.com" }] });
  const named = { "scripts:edit": "Workers Scripts: Edit", "d1:edit": "D1: Edit", "kv:edit": "Workers KV Storage: Edit", "routes:edit": "Workers Routes: Edit", "zones:read": "Zone: Read" };
  for (const [right, words] of Object.entries(named)) {
    served.world.token.rights = new Set(RIGHTS.filter((one) => one !== right));
    const output = await stopped(served, { config: routed });
    assert.match(output, new RegExp(`It needs the permission \\S+ > ${words}`), right);
  }
  // Without a permission for the account, its id must be given. With the id, the permission is not needed.
  served.world.token.rights = new Set(RIGHTS.filter((one) => one !== "account:read"));
  assert.match(await stopped(served, { config: routed, env: { CLOUDFLARE_ACCOUNT_ID: "" } }), /Account Settings: Read/);
  await deployed(served, { config: routed });
});

test("a read-only token is reported at the first write, and nothing else is tried", async (t) => {
  const served = await standIn(t);
  served.world.token.rights = new Set(RIGHTS.map((one) => one.replace(":edit", ":read")));
  const { status, output } = await deploy(served);
  assert.equal(status, 1);
  assert.match(output, /POST \S+d1\/database answered 403.*D1: Edit/);
  assert.equal(writes(served.world).length, 1);
});

test("two accounts are distinguished by id, and an account's token is verified there", async (t) => {
  const served = await standIn(t);
  served.world.accounts.push({ id: "f".repeat(32), name: "Another" });
  assert.match(await stopped(served, { env: { CLOUDFLARE_ACCOUNT_ID: "" } }), new RegExp(`There are 2 accounts[^]*${ACCOUNT}  Example[^]*Another`));
  await deployed(served, { env: { CLOUDFLARE_ACCOUNT_ID: "" }, config: config({ account_id: ACCOUNT }) });
  served.use(newWorld());
  served.world.token.owner = "account";
  await deployed(served);
});

test("all errors are listed in one run, with the missing secrets", async (t) => {
  const served = await standIn(t);
  another(served.world, "billing", [], 2);
  another(served.world, "blog", [], 1);
  served.world.token.rights.add("billing:read").delete("kv:edit");
  const output = await stopped(served, {
    config: config({ routes: [{ pattern: "shop.example.org/*", zone_name: "example.org" }], vars: { ...config().vars, routes: ["example.org/*"] } }),
  });
  for (const words of [/routes is below \[vars\].*above the first \[section\]/, /no zone example\.org/, /5 cron triggers for the whole account: 3 are taken by billing \(2\), blog \(1\), 3 are needed/, /Workers KV Storage: Edit/]) assert.match(output, words);
  for (const name of SECRETS) assert.match(output, new RegExp(`node scripts/secrets.mjs ${name} \\| npx wrangler secret put ${name}`));
});

test("routes: below a section, of another Worker, outside their zone, in a zone that is pending", async (t) => {
  const zones = [{ id: "z1", name: "example.com", status: "active" }, { id: "z2", name: "example.net", status: "pending" }];
  const served = await standIn(t, { zones, routes: [{ id: "r", pattern: "example.com/*", script: "blog", zone_id: "z1" }] });
  const route = (pattern, zone_name) => config({ routes: [{ pattern, zone_name }] });
  assert.match(await stopped(served, { config: route("example.com/*", "example.com") }), /example\.com\/\* belongs to the Worker blog/);
  assert.match(await stopped(served, { config: route("example.org/*", "example.com") }), /example\.org\/\* is not below the zone example\.com/);
  assert.match(await stopped(served, { config: route("example.net/*", "example.net") }), /the zone example\.net is pending/);
  for (const table of ["build", "vars", "observability"]) {
    assert.match(await stopped(served, { config: config({ [table]: { ...config()[table], routes: ["a/*"] } }) }), new RegExp(`wrangler\\.toml: routes is below \\[${table}\\]`));
  }
  const below = structuredClone(config());
  below.ratelimits[1].route = "example.com/*";
  assert.match(await stopped(served, { config: below }), /route is below \[\[ratelimits\]\]/);
  assert.match(await stopped(served, { config: config({ routes: [{ zone_name: "example.com" }] }) }), /a route must be a string or have a pattern/);
  const { output } = await deployed(served, { config: route("ref.example.com/*", "example.com") });
  assert.match(output, /deployed in \d+ s: https:\/\/ref\.example\.com/);
});

test("an account without a workers.dev name needs one, or routes", async (t) => {
  const served = await standIn(t, { subdomain: null, zones: [{ id: "z1", name: "example.com", status: "active" }] });
  assert.match(await stopped(served), /no workers\.dev name yet/);
  await deployed(served, { config: config({ routes: ["example.com/*"] }) });
});

test("the plan decides how many statements an invocation sends: read, set by PLAN, or remembered", async (t) => {
  const served = await standIn(t, { plan: "paid" });
  const written = () => served.world.scripts.get("manicule").versions[0].metadata.bindings.find((one) => one.name === "D1_STATEMENTS_MAX").text;
  assert.match((await deployed(served)).output, /The plan is not known .*at most 50/);
  assert.equal(written(), "50");
  assert.doesNotMatch((await deployed(served, { env: { PLAN: "paid" } })).output, /plan is not known/);
  assert.equal(written(), "1000");
  await deployed(served);
  assert.equal(written(), "1000");
  await deployed(served, { env: { PLAN: "free" } });
  assert.equal(written(), "50");
  served.world.token.rights.add("billing:read");
  await deployed(served);
  assert.equal(written(), "1000");
  const own = config({ vars: { ...config().vars, D1_STATEMENTS_MAX: "200" } });
  await deployed(served, { config: own });
  assert.equal(written(), "200");
  served.world.plan = "free";
  assert.match((await deployed(served, { config: own })).output, /D1_STATEMENTS_MAX is 200, and the free plan allows 50/);
  assert.match((await deploy(served, { env: { PLAN: "gold" } })).output, /PLAN is free or paid, not gold/);
});

test("a person at the terminal is asked for the plan once", async (t) => {
  const served = await standIn(t);
  const asked = [];
  const question = async (text) => (asked.push(text), "Y\n");
  const written = () => served.world.scripts.get("manicule").versions[0].metadata.bindings.find((one) => one.name === "D1_STATEMENTS_MAX").text;
  await deployed(served, { question });
  await deployed(served, { question });
  assert.deepEqual([asked.length, written()], [1, "1000"]);
  served.use(newWorld());
  await deployed(served, { question: async () => "" });
  assert.equal(written(), "50");
});

test("the credential comes from the environment, or else from wrangler's login", async () => {
  const { credential } = await import("../../scripts/deployment/account.mjs");
  const says = (output, status = 0) => async (words) => (assert.deepEqual(words, ["auth", "token", "--json"]), { status, output });
  assert.deepEqual(await credential({ CLOUDFLARE_API_TOKEN: "t" }), { kind: "token", headers: { authorization: "Bearer t" } });
  assert.deepEqual(await credential({}, says('a warning\n{"type":"oauth","token":"o"}')), { kind: "login", headers: { authorization: "Bearer o" } });
  assert.deepEqual(await credential({}, says('{"type":"api_key","key":"k","email":"e"}')), { kind: "login", headers: { "x-auth-key": "k", "x-auth-email": "e" } });
  await assert.rejects(credential({}, says("✘ Not logged in", 1)), /You are not logged in.*wrangler login/);
});

test("a namespace after the first page of a hundred is found", async (t) => {
  const served = await standIn(t);
  for (let at = 0; at < 230; at += 1) newNamespace(served.world, `a-${String(at).padStart(3, "0")}`);
  newNamespace(served.world, "manicule-kv");
  assert.match((await deployed(served)).output, /namespace manicule-kv is there/);
});

test("whether emails can be sent is reported, and never stops a deployment", async (t) => {
  const served = await standIn(t);
  assert.match((await deployed(served)).output, /MAIL_FROM is not set: emails wait in the outbox/);
  assert.match((await deployed(served, { config: withMail })).output, /Whether mail\.example\.com may send with Email Service was not checked/);
  served.world.token.rights.add("email:read");
  assert.match((await deployed(served, { config: withMail, env: { PLAN: "free" } })).output, /verified addresses: [^]*mail\.example\.com \(MAIL_FROM\) is not onboarded/);
  served.world.emailZones.push("example.com");
  assert.doesNotMatch((await deployed(served, { config: withMail, env: { PLAN: "paid" } })).output, /onboarded|outbox|verified/);
  putSecret(served.world.scripts.get("manicule"), "MAIL_API_KEY", "x");
  assert.doesNotMatch((await deployed(served, { config: withMail, env: { PLAN: "free" } })).output, /verified addresses/);
});

test("variables of the dashboard are listed before a deployment deletes them; changes are reported", async (t) => {
  const served = await standIn(t);
  await deployed(served);
  const { bindings } = served.world.scripts.get("manicule").versions[0].metadata;
  bindings.push({ type: "plain_text", name: "COOKIE_DOMAIN", text: "example.com" }, { type: "json", name: "MORE", json: {} });
  bindings.find((one) => one.name === "SITE_URL").text = "https://example.com";
  const before = writes(served.world).length;
  const { status, output } = await deploy(served);
  assert.equal(status, 1);
  assert.equal(writes(served.world).length, before);
  assert.match(output, /not in the file: COOKIE_DOMAIN, MORE\. A deployment deletes them/);
  assert.match(output, /SITE_URL changes from "https:\/\/example\.com" to ""/);
  await deployed(served, { env: { DELETE_VARS: "yes" } });
});

test("a second instance has its own database, namespace, counters and cron triggers", async (t) => {
  const served = await standIn(t, { plan: "paid" });
  await deployed(served, { env: { PLAN: "paid" } });
  await deployed(served, { env: { PLAN: "paid" }, config: config({ name: "manicule-staging" }) });
  const { world } = served;
  assert.deepEqual(world.databases.map((one) => one.name), ["manicule", "manicule-staging"]);
  assert.deepEqual(world.namespaces.map((one) => one.title), ["manicule-kv", "manicule-staging-kv"]);
  const bound = (name) => world.scripts.get(name).versions[0].metadata.bindings.filter((one) => one.type !== "plain_text").map((one) => one.id ?? one.namespace_id);
  assert.equal(new Set([...bound("manicule"), ...bound("manicule-staging")]).size, 4);
  const { generated } = await import("../../scripts/deployment/config.mjs");
  const counters = (name) => generated(config({ name }), {}).ratelimits.map((one) => one.namespace_id);
  assert.deepEqual(counters("manicule"), config().ratelimits.map((one) => one.namespace_id));
  assert.equal(new Set([...counters("manicule"), ...counters("manicule-staging"), ...counters("other")]).size, 3 * config().ratelimits.length);
  for (const one of counters("manicule-staging")) assert.match(one, /^[1-9]\d{0,9}$/);
});

test("a database or namespace that another Worker is bound to is refused by name, unless allowed", async (t) => {
  const served = await standIn(t);
  const { world } = served;
  await deployed(served);
  const shared = config({ name: "manicule-staging", d1_databases: [{ binding: "DB", database_name: "manicule" }] });
  const before = writes(world).length;
  const { status, output } = await deploy(served, { config: shared, env: { PLAN: "paid" } });
  assert.equal(status, 1);
  assert.equal(writes(world).length, before);
  assert.match(output, /the database manicule is in use by another Worker: manicule\./);
  await deployed(served, { config: shared, env: { PLAN: "paid", SHARE_DATABASE: "yes" } });
  // Once it is bound, the option is no longer needed.
  await deployed(served, { config: shared, env: { PLAN: "paid" } });

  served.use(newWorld());
  newNamespace(served.world, "manicule-kv");
  another(served.world, "blog", [{ type: "kv_namespace", name: "CACHE", namespace_id: served.world.namespaces[0].id }]);
  assert.match(await stopped(served), /the namespace manicule-kv is in use by another Worker: blog/);
  // Resources that no Worker is bound to were left by an interrupted run.
  served.use(newWorld());
  newNamespace(served.world, "manicule-kv");
  newDatabase(served.world, "manicule");
  assert.match((await deployed(served)).output, /database and namespace: manicule, manicule-kv/);
});

test("a renamed database stays bound; a deleted one is reported and recreated; an id in the file must exist", async (t) => {
  const served = await standIn(t);
  await deployed(served);
  const [database] = served.world.databases;
  database.name = "renamed";
  await deployed(served);
  assert.equal(served.world.databases.length, 1);
  served.world.databases.length = 0;
  assert.match((await deployed(served)).output, /is gone: manicule takes its place/);
  const { status, output } = await deploy(served, { config: config({ d1_databases: [{ binding: "DB", database_id: "nowhere" }] }) });
  assert.equal(status, 1);
  assert.match(output, /There is no database nowhere/);
});

test("make deploy-check does everything except writing", async (t) => {
  const served = await standIn(t);
  const first = await deploy(served, { isCheck: true });
  assert.equal(first.status, 0, first.output);
  assert.match(first.output, /Nothing was written\. make deploy would:[^]*make the database manicule[^]*make the namespace manicule-kv[^]*apply \d+ migrations/);
  assert.deepEqual(writes(served.world), []);
  await deployed(served);
  served.world.calls.length = 0;
  const second = await deploy(served, { isCheck: true });
  assert.equal(second.status, 0, second.output);
  assert.match(second.output, /make deploy would:\n  - upload the Worker/);
  // Reading the database is a POST. Nothing else is.
  for (const call of writes(served.world)) assert.match(call, /^POST \S+\/query$/);
});

test("workers_dev is set to false once there are routes, and the steps show their time", async (t) => {
  const { generated } = await import("../../scripts/deployment/config.mjs");
  const ids = { databaseId: "d", databaseName: "manicule", namespaceId: "n", statementsMax: "50" };
  assert.equal(generated(config(), ids).workers_dev, true);
  assert.equal(generated(config({ routes: ["example.com/*"] }), ids).workers_dev, false);
  assert.equal(generated(config({ route: "example.com/*" }), ids).workers_dev, false);
  const whole = generated(config(), ids);
  assert.deepEqual([whole.d1_databases[0].database_id, whole.kv_namespaces[0].id, whole.build, whole.preview_urls], ["d", "n", undefined, false]);
  const served = await standIn(t);
  const { output } = await deployed(served);
  for (const title of ["account", "what is there", "migrations, tried in SQLite", "database and namespace", "migrations", "schema", "upload"]) assert.match(output, new RegExp(`^✓ ${title}.* \\(\\d+\\.\\d s\\)$`, "m"));
});
