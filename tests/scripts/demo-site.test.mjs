// Tests of the demo site; run by `make test`. tests/browser covers it together with the Worker.
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { html, linked } from "../../scripts/demo-site/html.mjs";
import { start } from "../../scripts/demo-site/server.mjs";
import { afterHold, nextMonthly, nextWeekly, said } from "../../scripts/demo-site/time.mjs";

const WORKER = "http://127.0.0.1:1";
let site;
before(async () => {
  site = await start({ worker: { url: WORKER, operatorToken: "mop_test", webhookSecret: "whsec_dGVzdA==", cronPath: "/cron" }, emdash: true });
});
after(() => site.close());

/** A request to the site as the Worker forwards it, unless the headers say otherwise. */
function ask(path, { method = "GET", headers = {}, body } = {}) {
  return new Promise((done, failed) => {
    const asked = request(`${site.url}${path}`, { method, headers: { "cf-worker": "manicule", ...headers } }, async (answer) => {
      const text = (await answer.toArray()).join("");
      done({ status: answer.statusCode, headers: answer.headers, text });
    });
    asked.once("error", failed).end(body);
  });
}
const send = (mail, { key = site.vars.MAIL_API_KEY, id = "m1" } = {}) =>
  ask("/dev/mails", { method: "POST", headers: { authorization: `Bearer ${key}`, "idempotency-key": id }, body: JSON.stringify(mail) });

test("runs are due on the first of a month and on Mondays, in UTC, and each is after the one before", () => {
  const at = (text) => Date.parse(text);
  for (const [next, from, to] of [
    [nextMonthly, "2026-11-21T12:00:00Z", "2026-12-01T06:00:00Z"],
    [nextMonthly, "2026-12-01T05:59:59Z", "2026-12-01T06:00:00Z"],
    [nextMonthly, "2026-12-01T06:00:00Z", "2027-01-01T06:00:00Z"],
    [nextMonthly, "2027-01-31T23:00:00Z", "2027-02-01T06:00:00Z"],
    [nextWeekly, "2026-11-21T12:00:00Z", "2026-11-23T09:00:00Z"],
    [nextWeekly, "2026-11-22T12:00:00Z", "2026-11-23T09:00:00Z"],
    [nextWeekly, "2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z"],
    [nextWeekly, "2026-11-23T09:00:00Z", "2026-11-30T09:00:00Z"],
  ]) {
    assert.equal(new Date(next(at(from))).toISOString(), new Date(at(to)).toISOString(), `${next.name} after ${from}`);
  }
  assert.equal(afterHold(at("2026-11-21T00:00:00Z")), at("2027-01-20T00:00:00Z"));
  assert.equal(said(at("2027-02-01T06:00:00Z")), "Monday, 1 February 2027, 06:00 UTC");
});

test("values inserted into HTML are escaped, except HTML itself", () => {
  assert.equal(String(html`<p title="${'"<'}">${"<b>&'"}${html`<i>${1}</i>`}${[undefined, null, false, "x"]}</p>`), '<p title="&quot;&lt;">&lt;b&gt;&amp;&#39;<i>1</i>x</p>');
  assert.equal(String(html`${linked('see http://a.example/b?c=1&d=2 or javascript:alert(1) "<')}`), 'see <a href="http://a.example/b?c=1&amp;d=2">http://a.example/b?c=1&amp;d=2</a> or javascript:alert(1) &quot;&lt;');
});

test("emails are accepted only with the key, once each, and shown newest first without running anything", async () => {
  assert.equal((await send({ to: ["a@b.example"], subject: "No" }, { key: "wrong" })).status, 401);
  const hostile = "<script>alert(1)</script>";
  for (const [id, subject] of [["m1", "First"], ["m2", hostile], ["m2", hostile]]) {
    const taken = await send({ to: ["a@b.example"], from: "x", subject, text: `Hello ${hostile} http://127.0.0.1:1/sign-in/mail/abc`, html: `<html><head></head><body>${hostile}</body></html>` }, { id });
    assert.equal(taken.status, 200);
  }
  const { text, headers } = await ask("/dev/mail");
  assert.equal(text.match(/<article/g).length, 2);
  assert.ok(text.indexOf("&lt;script&gt;") < text.indexOf("First") && !text.includes(hostile));
  assert.ok(text.includes('<a href="http://127.0.0.1:1/sign-in/mail/abc">'));
  assert.equal(headers["cache-control"], "no-store");
  const [, id] = /href="(\/dev\/mail\/\d+)"/.exec(text);
  assert.match((await ask(id)).text, /<iframe [^>]*sandbox="allow-top-navigation-by-user-activation"/);
  const letter = await ask(`${id}/html`);
  assert.ok(letter.text.includes(hostile) && letter.text.includes('<base target="_top">'));
  assert.match(letter.headers["content-security-policy"], /^default-src 'none'/);
});

test("the site is behind the Worker: direct visitors are redirected there, and other names are not answered", async () => {
  const direct = await ask("/shop?a=b", { headers: { "cf-worker": "" } });
  assert.deepEqual([direct.status, direct.headers.location], [302, `${WORKER}/shop?a=b`]);
  assert.equal((await ask("/shop/leave", { method: "POST", headers: { "cf-worker": "" } })).status, 403);
  assert.equal((await ask("/dev/mail", { headers: { host: "elsewhere.example" } })).status, 421);
  assert.equal((await ask("/shop/leave", { method: "POST", headers: { "sec-fetch-site": "cross-site" } })).status, 403);
  assert.equal((await ask("/constructor")).status, 404);
  assert.equal((await ask("/shop/constructor", { method: "POST" })).status, 404);
});

test("only Safari, which keeps no secure cookie here, gets a notice", async () => {
  const safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";
  const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
  assert.match((await ask("/", { headers: { "user-agent": safari } })).text, /Open this page in Chrome/);
  assert.doesNotMatch((await ask("/", { headers: { "user-agent": chrome } })).text, /Open this page in Chrome/);
});

test("the Worker's settings lead to the site", () => {
  assert.deepEqual([site.vars.SITE_URL, site.vars.MAIL_API_URL, site.vars.EMDASH_ORIGIN], [`${site.url}/shop`, `${site.url}/dev/mails`, site.url]);
  assert.equal(site.vars.PUBLIC_URL, WORKER);
});

test("the EmDash stand-in answers as EmDash does", async () => {
  const me = (headers) => ask("/_emdash/api/auth/me", { headers });
  const nobody = await me({});
  assert.deepEqual([nobody.status, JSON.parse(nobody.text)], [401, { success: false, error: { code: "NOT_AUTHENTICATED", message: "Not authenticated" } }]);
  const form = await ask("/_emdash/admin/login?redirect=/partner");
  const [, user] = /name="user" value="([^"]+)"/.exec(form.text);
  const done = await ask("/_emdash/admin/login", { method: "POST", body: new URLSearchParams({ user, redirect: "/partner" }).toString() });
  assert.deepEqual([done.status, done.headers.location], [303, "/partner"]);
  const cookie = done.headers["set-cookie"][0].split(";")[0];
  const known = await me({ cookie: `other=1; ${cookie}` });
  const { success, data } = JSON.parse(known.text);
  assert.deepEqual([known.status, success, data.role, Object.keys(data)], [200, true, 10, ["id", "email", "name", "role", "avatarUrl", "isFirstLogin"]]);
  assert.equal((await me({ cookie, authorization: "Bearer x" })).status, 401, "a foreign Authorization");
  const away = await ask("/_emdash/admin/login", { method: "POST", body: new URLSearchParams({ user, redirect: "//elsewhere.example" }).toString() });
  assert.equal(away.headers.location, "/");
});
