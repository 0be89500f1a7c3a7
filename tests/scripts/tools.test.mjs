// Tests of the scripts; run by `make test`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { baseOf } from "../../scripts/presets.mjs";
import { newSecrets, stripeSecrets, workerSecrets } from "../../scripts/secrets.mjs";
import { signed } from "../../scripts/sign.mjs";
import { differences, expected, normalised } from "../../scripts/verify-schema.mjs";

const SCHEMA = `
CREATE TABLE t (id TEXT PRIMARY KEY, -- the id; unique
  v INTEGER NOT NULL) STRICT;
CREATE INDEX t_v ON t(v);
CREATE VIEW tv AS SELECT id FROM t;
CREATE TRIGGER t_fixed BEFORE UPDATE ON t BEGIN SELECT RAISE(ABORT, 'fixed -- really'); END;`;

test("the Standard Webhooks vector", () => {
  const headers = signed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", '{"test": 2432232314}', {
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    at: 1614265330000,
  });
  assert.equal(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

test("secrets have the formats that the Worker reads", () => {
  const secrets = newSecrets();
  const values = workerSecrets(secrets);
  assert.match(values.COOKIE_KEYS, /^k1:[0-9a-f]{64}$/);
  assert.equal(Buffer.from(values.WEBHOOK_SECRETS.slice("whsec_".length), "base64").length, 32);
  assert.equal(values.OPERATOR_BOOTSTRAP_TOKEN_SHA256, createHash("sha256").update(secrets.operator_token).digest("hex"));
  assert.notEqual(newSecrets().operator_token, secrets.operator_token);
});

test("Stripe's secrets are the stand-in's, long enough, and not required by a deployment", () => {
  const secrets = newSecrets();
  const stripe = stripeSecrets(secrets);
  for (const value of Object.values(stripe)) assert.match(value, /^whsec_[0-9a-f]{48}$/);
  assert.notEqual(stripe.STRIPE_WEBHOOK_SECRETS, stripe.STRIPE_CONNECT_WEBHOOK_SECRETS);
  assert.deepEqual(Object.keys(workerSecrets(secrets)).filter((name) => name.startsWith("STRIPE")), []);
});

test("the schema comparer accepts the same schema, whatever its comments and spaces", async () => {
  const same = SCHEMA.replace(/ --.*\n/, "\n").replace("CREATE INDEX", "\n  CREATE   INDEX");
  assert.deepEqual(differences(await expected(SCHEMA), await expected(same)), []);
});

test("the schema comparer detects missing, changed and extra objects", async () => {
  const want = await expected(SCHEMA);
  for (const kind of ["table", "index", "view", "trigger"]) {
    assert.equal(differences(want, want.filter((row) => row.type !== kind)).length, 1, kind);
    assert.equal(differences(want.filter((row) => row.type !== kind), want).length, 1, kind);
  }
  const changed = await expected(SCHEMA.replace("'fixed -- really'", "'fixed -- Really'"));
  assert.match(differences(want, changed)[0], /^different: trigger t_fixed/);
  const own = [{ type: "table", name: "_cf_KV", sql: "CREATE TABLE _cf_KV (a)" }, { type: "table", name: "d1_migrations", sql: "CREATE TABLE d1_migrations (a)" }];
  assert.deepEqual(differences(want, [...want, ...own]), []);
});

test("comments are removed, quoted text is kept", () => {
  assert.equal(normalised("SELECT 'a -- b'  /* c */, \"d\"\n-- e\n;"), "SELECT 'a -- b' , \"d\"");
});

test("a Worker's URL may end with a slash, and must be valid", () => {
  for (const typed of ["https://example.com", "https://example.com/", "HTTPS://Example.com/"]) assert.equal(baseOf(typed), "https://example.com");
  assert.equal(baseOf("http://127.0.0.1:8799/"), "http://127.0.0.1:8799");
  for (const typed of ["example.com", "", undefined, "ftp://example.com"]) assert.throws(() => baseOf(typed), /starts with https/);
  assert.throws(() => baseOf("https://example.com/v1"), /has no path/);
});
