// The script of the site, as it is served, on a stand-in for a page. What it does in Chromium is in tests/emdash.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { siteScriptNow } from "../../scripts/assets.mjs";

const BYTES_MAX = 3_000;
const RELEASED = "src/pages/site_script/released";
const ADDRESSES = readFileSync("src/http/assets.rs", "utf8");
const { code, name, integrity } = siteScriptNow();

test("it is small, and what pages are told to load is what it is", () => {
  assert.ok(gzipSync(code).length <= BYTES_MAX, `${gzipSync(code).length} bytes`);
  const newest = "run node scripts/assets.mjs --release";
  assert.ok(ADDRESSES.includes(`"/manicule/${name}"`) && ADDRESSES.includes(`"${integrity}"`), newest);
  assert.equal(readFileSync(join(RELEASED, name), "utf8"), code, newest);
});

test("every released version is what its name says, and is laid out to stay", () => {
  const folder = mkdtempSync(join(tmpdir(), "manicule-assets-"));
  try {
    execFileSync(process.execPath, ["scripts/assets.mjs", folder, "/manicule/dev"]);
    const rules = readFileSync(join(folder, "_headers"), "utf8");
    for (const version of readdirSync(RELEASED)) {
      const bytes = readFileSync(join(RELEASED, version));
      const digest = createHash("sha256").update(bytes).digest("hex");
      assert.equal(version, `site.${digest.slice(0, 12)}.js`);
      assert.deepEqual(readFileSync(join(folder, "manicule", version)), bytes);
      assert.ok(rules.includes(`/manicule/${version}\n  Cache-Control: public, max-age=31536000, immutable\n`));
    }
    assert.equal(readFileSync(join(folder, "manicule/site.js"), "utf8"), code);
    assert.match(rules, /^\/manicule\/site\.js\n {2}Cache-Control: public, max-age=300\n/m);
    assert.ok(!rules.includes("/manicule/*"), "no rule adds to another's header");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A page with these fields, where the script has run. `answers`: by method and path. */
async function page({ fields = [], address = "https://site.example/a", referrer = "", answers = {}, script, prerendering = false } = {}) {
  const calls = [];
  const beacons = [];
  const listeners = {};
  let mutated;
  const document = {
    currentScript: { src: script ?? "https://site.example/manicule/site.js" },
    referrer,
    prerendering,
    addEventListener: (name, heard) => (listeners[name] = heard),
    querySelectorAll: (selector) => (selector.startsWith("input") ? fields : []),
  };
  const window = {
    document,
    location: new URL(address),
    URL,
    navigator: { sendBeacon: (path, body) => beacons.push({ to: path, ...JSON.parse(body) }) },
    addEventListener: (name, heard) => (listeners[name] = heard),
    MutationObserver: class {
      constructor(heard) {
        mutated = heard;
      }
      observe() {}
    },
    setTimeout,
    fetch: async (path, { method = "GET", body } = {}) => {
      calls.push(body ? `${method} ${path} ${body}` : `${method} ${path}`);
      const [status, data] = answers[`${method} ${path}`] ?? [500, {}];
      return { status, json: async () => data };
    },
  };
  window.window = window;
  runInNewContext(code, window);
  const settled = () => new Promise((done) => setTimeout(done, 10));
  await settled();
  return { calls, beacons, window, fields, settled, hear: (name, event) => listeners[name](event), mutate: () => mutated() };
}

const field = (name, value = "", form = {}) => ({ name, value, form });
const GIVEN = [200, { token: "v1.abc", visitor: "f1" }];

test("fields are filled once, and what somebody set stays", async () => {
  const fields = [field("ref"), field("visitor"), field("ref", "theirs"), field("ref", "", null)];
  const it = await page({ fields, answers: { "GET /v1/attribution": GIVEN } });
  assert.deepEqual(fields.map(({ value }) => value), ["v1.abc", "f1", "theirs", ""]);
  // One that is added later needs no second question.
  fields.push(field("ref"));
  it.mutate();
  await it.settled();
  assert.equal(fields[4].value, "v1.abc");
  assert.deepEqual(it.calls, ["GET /v1/attribution"]);
});

test("a page without fields asks nothing, and tells only of itself", async () => {
  const it = await page();
  assert.deepEqual(it.calls, []);
  assert.deepEqual(it.beacons, [{ to: "/v1/collect", event: "page.viewed", path: "/a" }]);
});

test("a page that is only prepared tells and asks nothing before it is seen", async () => {
  const it = await page({ prerendering: true, fields: [field("ref")], answers: { "GET /v1/attribution": GIVEN } });
  assert.deepEqual([it.calls, it.beacons], [[], []]);
  it.hear("prerenderingchange");
  await it.settled();
  assert.deepEqual([it.fields[0].value, it.beacons.map(({ event }) => event)], ["v1.abc", ["page.viewed"]]);
});

test("without an attribution fields stay empty", async () => {
  for (const answer of [[200, { token: null, visitor: null }], [403, { code: "cross_origin" }], [500, {}]]) {
    const fields = [field("ref"), field("visitor")];
    await page({ fields, answers: { "GET /v1/attribution": answer } });
    assert.deepEqual(fields.map(({ value }) => value), ["", ""]);
  }
});

test("after consent the code in the address counts, or that of the page before", async () => {
  for (const [address, referrer] of [
    ["https://site.example/a?ref=CODE1234&campaign=may", ""],
    ["https://site.example/b", "https://site.example/a?partner=CODE1234&campaign=may"],
  ]) {
    const fields = [field("ref")];
    const answers = { "GET /v1/attribution": [200, { token: null }], "POST /v1/attribution": GIVEN };
    const it = await page({ fields, address, referrer, answers });
    assert.equal(fields[0].value, "");
    await it.window.manicule.consent();
    assert.equal(fields[0].value, "v1.abc");
    assert.equal(it.calls[1], 'POST /v1/attribution {"code":"CODE1234","campaign":"may"}');
  }
  // Another site's address says nothing, and without a code the cookie is asked for.
  const fields = [field("ref")];
  const it = await page({ fields, referrer: "https://site.example.evil/?ref=CODE1234", answers: { "GET /v1/attribution": GIVEN } });
  await it.hear("manicule:consent");
  assert.deepEqual(it.calls, ["GET /v1/attribution", "GET /v1/attribution"]);
});

test("attributes tell the funnel's stages", async () => {
  const it = await page();
  const element = (localName, attributes, rest) => ({
    localName,
    hasAttribute: (name) => name in attributes,
    getAttribute: (name) => attributes[name] ?? null,
    closest() {
      return this;
    },
    ...rest,
  });
  it.beacons.length = 0;
  it.hear("click", { target: element("a", { "data-manicule-event": "lead_magnet.downloaded", "data-manicule-campaign": "may" }) });
  const form = element("form", { "data-manicule-event": "newsletter.joined" });
  const button = element("button", { "data-manicule-event": "demo.requested" }, { type: "submit", form });
  it.hear("click", { target: button });
  it.hear("click", { target: form });
  it.hear("submit", { target: form, submitter: button });
  it.hear("submit", { target: form, submitter: null });
  it.window.manicule.event("rfq.submitted");
  assert.deepEqual(
    it.beacons.map(({ event, campaign }) => [event, campaign]),
    [["lead_magnet.downloaded", "may"], ["demo.requested", undefined], ["newsletter.joined", undefined], ["rfq.submitted", undefined]],
  );
});

test("on another host's page, and a second time, it does nothing", async () => {
  const elsewhere = await page({ script: "https://partners.example/manicule/site.js", fields: [field("ref")] });
  assert.deepEqual([elsewhere.calls, elsewhere.beacons, elsewhere.window.manicule], [[], [], undefined]);
  const it = await page();
  runInNewContext(code, it.window);
  assert.equal(it.beacons.length, 1);
});
