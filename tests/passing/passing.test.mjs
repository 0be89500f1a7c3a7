// What is passed on to the site behind the Worker, on workerd: both ways as it is, and what visitors get if the site does
// not answer. Every row by both ways through the Worker: without a decision, and for an address that begins like one of
// ours.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { Readable } from "node:stream";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { serve } from "../browser/support/server.mjs";
import { Visitor, exchange } from "../emdash/support/visitor.mjs";
import { MEGABYTE, PAGE, packed, site as standIn } from "./site.mjs";

const CONSENT = "consent=yes";
let site;
let server;
let injecting;
/** What never comes, by how the path begins: begun first, since it takes half a minute. */
const slow = new Map();
before(async () => {
  site = await standIn();
  const at = `ORIGIN_URL=${site.base}`;
  [server, injecting] = await Promise.all([serve({ demo: "", vars: `${at} CONSENT_COOKIE=${CONSENT}` }), serve({ demo: "", vars: `${at} INJECT_SCRIPT=yes` })]);
  for (const start of ["/a", "/partnership"]) {
    const never = `${server.base}${start}/never`;
    const asked = Promise.all([exchange(never, { headers: { accept: "text/html" } }), exchange(never)]);
    asked.catch(() => {});
    slow.set(start, asked);
  }
});
after(async () => {
  await Promise.all([server?.close(), injecting?.close()]);
  site?.close();
});

/** A test by both ways. */
function both(title, run) {
  for (const [way, start] of [["undecided", "/a"], ["asked", "/partnership"]]) {
    test(`${title}, ${way}`, () => run((path, options) => exchange(`${server.base}${start}${path}`, options), start));
  }
}
const fifty = function* () {
  for (let n = 0; n < 50; n += 1) yield MEGABYTE;
};

both("requests arrive whole", async (ask, start) => {
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    const body = ["GET", "OPTIONS"].includes(method) ? undefined : "words";
    const answer = await ask("/told?a=1&b=%2F&a=", { method, body, headers: { "x-own": "yes", accept: "a/b" } });
    const { method: arrived, url, bytes, headers } = await answer.json();
    assert.deepEqual([arrived, url, bytes, headers["x-own"], headers.accept], [method, `${start}/told?a=1&b=%2F&a=`, body ? 5 : 0, "yes", "a/b"]);
  }
});

both("our own sessions' cookies stay here, the visitor's others do not", async (ask) => {
  const of = async (cookie) => (await (await ask("/told", { headers: { cookie } })).json()).headers.cookie;
  assert.equal(await of("a=1; __Host-manicule=v1.x; b=2"), "a=1; __Host-manicule=v1.x; b=2");
  assert.equal(await of("a=1; __Host-manicule_session=x.y; b=2; __Host-manicule_form=z"), "a=1; b=2");
  assert.equal(await of("__Host-manicule_return=x"), undefined);
});

both("an answer arrives as it is made", async (ask) => {
  const reader = (await ask("/slowly")).body.getReader();
  assert.equal(Buffer.from((await reader.read()).value).toString(), "one\n");
  const at = Date.now();
  assert.equal(Buffer.from((await reader.read()).value).toString(), "two\n");
  assert.ok(Date.now() - at > 300, "both parts came at once");
});

both("a body arrives as it is sent", async (ask) => {
  let last;
  const body = Readable.from(
    (async function* () {
      yield "one";
      await new Promise((done) => setTimeout(done, 700));
      last = Date.now();
      yield "two";
    })(),
  );
  const { bytes, first } = await (await ask("/told", { method: "POST", body })).json();
  assert.equal(bytes, 6);
  assert.ok(last - first > 300, "both parts arrived at once");
});

both("50 MB pass, up and down", async (ask) => {
  const hash = createHash("sha256");
  for (const part of fifty()) hash.update(part);
  const whole = hash.digest("hex");
  const up = await (await ask("/told", { method: "POST", body: Readable.from(fifty()) })).json();
  assert.deepEqual([up.bytes, up.sha256], [50_000_000, whole]);
  const down = createHash("sha256");
  for await (const part of (await ask("/large")).body) down.update(part);
  assert.equal(down.digest("hex"), whole);
});

both("several cookies, ranges, redirects and statuses without a body stay what they are", async (ask) => {
  const several = await ask("/cookies");
  assert.deepEqual(several.headers.getSetCookie(), ["one=1; Path=/", "two=2; Expires=Thu, 01 Jan 2032 00:00:00 GMT", "three=3"]);
  assert.equal(several.headers.get("cache-control"), "public, max-age=60");
  const part = await ask("/range", { headers: { range: "bytes=3-6" } });
  assert.deepEqual([part.status, part.headers.get("content-range"), await part.text()], [206, "bytes 3-6/27", "defg"]);
  const same = await ask("/same", { headers: { "if-none-match": '"same"' } });
  assert.deepEqual([same.status, same.headers.get("etag")], [304, '"same"']);
  const moved = await ask("/elsewhere");
  assert.deepEqual([moved.status, moved.headers.get("location")], [302, "/there"]);
  assert.equal((await ask("/page", { method: "HEAD" })).status, 200);
});

both("who the site leads to itself, by the address that only the Worker knows, stays at the visitor's", async (ask) => {
  const led = async (to, status = 302) => (await ask(`/leads?status=${status}&to=${encodeURIComponent(to)}`)).headers.get("location");
  const host = new URL(site.base).host;
  for (const status of [201, 301, 302, 303, 307, 308]) {
    assert.equal(await led(`${site.base}/there?a=%2F&b#c`, status), `${server.base}/there?a=%2F&b#c`);
  }
  assert.equal(await led(site.base), `${server.base}/`);
  assert.equal(await led(`//${host}/there`), `${server.base}/there`);
  // Never to another host, whatever follows.
  assert.equal(await led(`${site.base}//evil.example/there`), `${server.base}//evil.example/there`);
  const others = ["/there", "there?x", "//evil.example/", "https://elsewhere.example/there", `${site.base}.evil.example/`, `${site.base}@evil.example/`];
  for (const other of [...others, `https://${host}/other`, `/on?to=${site.base}/`, "http://[", "mailto:a@b.example"]) assert.equal(await led(other), other);
});

both("a compressed body arrives as it was compressed", async (ask) => {
  for (const encoding of ["gzip", "br"]) {
    const answer = await ask(`/packed?${encoding}`, { headers: { "accept-encoding": "gzip, br" } });
    assert.deepEqual([answer.headers.get("content-encoding"), answer.headers.get("etag")], [encoding, '"packed"']);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), packed[encoding]);
  }
});

both("a WebSocket is the site's", async (ask, start) => {
  const socket = new WebSocket(`${server.base.replace("http", "ws")}${start}/socket`);
  await new Promise((done, failed) => Object.assign(socket, { onopen: done, onerror: failed }));
  const said = new Promise((done) => (socket.onmessage = ({ data }) => done(data)));
  socket.send("hello");
  assert.equal(await said, "hello");
  socket.close();
});

both("a cookie of ours is deleted once consent is withdrawn, and nothing else is changed", async (ask) => {
  const of = async (cookie) => (await ask("/cookies", { headers: { cookie } })).headers;
  const kept = await of(`__Host-manicule=v1.x; ${CONSENT}`);
  assert.equal(kept.getSetCookie().length, 3);
  assert.equal(kept.get("cache-control"), "public, max-age=60");
  for (const cookie of ["__Host-manicule=v1.x; consent=no", "__Host-manicule=v1.x"]) {
    const gone = await of(cookie);
    assert.match(gone.getSetCookie().at(-1), /^__Host-manicule=; Max-Age=0/);
    assert.equal(gone.getSetCookie().length, 4);
    assert.equal(gone.get("cache-control"), "private, no-store");
  }
  for (const cookie of ["theme=dark", "__Host-manicule_form=x"]) assert.equal((await of(cookie)).getSetCookie().length, 3);
});

both("a request that was passed on before is not passed on again", async (ask) => {
  const answer = await ask("/told", { headers: { "manicule-passed": "1" } });
  assert.deepEqual([answer.status, (await answer.json()).code], [503, "site_leads_back"]);
});

both("a site that breaks off is told by a page of ours, and our own pages go on", async (ask) => {
  const broken = await ask("/broken", { headers: { accept: "text/html" } });
  assert.deepEqual([broken.status, broken.headers.get("cache-control")], [502, "no-store"]);
  assert.match(broken.headers.get("content-type"), /^text\/html/);
  const sent = await ask("/broken", { method: "POST", body: "words" });
  assert.deepEqual([sent.status, (await sent.json()).code], [502, "site_down"]);
  assert.equal((await exchange(`${server.base}/v1/attribution`)).status, 200);
});

both("a site that takes too long, too", async (ask, start) => {
  const [page, problem] = await slow.get(start);
  assert.deepEqual([page.status, problem.status], [504, 504]);
  assert.match(await page.text(), /<h1>/);
  assert.equal((await problem.json()).code, "site_slow");
});

test("pages get the script if the owner wants it; nothing else is touched", async () => {
  for (const start of ["/a", "/partnership"]) {
    const ask = (path, options) => exchange(`${injecting.base}${start}${path}`, options);
    const page = await ask("/page");
    assert.match(await page.text(), /<p>Words<\/p><script [^>]*src="\/manicule\/site\.[0-9a-f]+\.js"/);
    assert.equal(page.headers.get("etag"), null);
    assert.equal((await ask("/packed", { headers: { "accept-encoding": "gzip" } })).headers.get("etag"), '"packed"');
    assert.doesNotMatch(await (await exchange(`${server.base}${start}/page`)).text(), /<script/);
  }
});

test("the operator's page has the tag for the site's pages, with the integrity of what is served", async () => {
  const visitor = new Visitor(server.base);
  const form = await (await visitor.ask("/sign-in/token")).text();
  const [, named] = /name="form_token" value="([^"]+)"/.exec(form);
  const headers = { "content-type": "application/x-www-form-urlencoded", origin: server.base };
  const body = new URLSearchParams({ form_token: named, token: server.operatorToken, to: "/operator" }).toString();
  await visitor.ask("/sign-in/token", { method: "POST", headers, body });
  const page = (await (await visitor.ask("/operator")).text()).replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">");
  const [, path, integrity] = /<script defer src="(\/manicule\/site\.[0-9a-f]{12}\.js)" integrity="sha256-([^"]+)"><\/script>/.exec(page) ?? [];
  const script = Buffer.from(await (await visitor.ask(path)).arrayBuffer());
  assert.equal(createHash("sha256").update(script).digest("base64"), integrity);
});

test("pages get the script however they are compressed and encoded, or stay as they are", async () => {
  const unpacked = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync };
  for (const start of ["/a", "/partnership"]) {
    const of = async (query, encoding) => {
      const answer = await exchange(`${injecting.base}${start}/encoded?${query}`, { headers: { "accept-encoding": encoding ?? "identity" } });
      const body = Buffer.from(await answer.arrayBuffer());
      const kept = answer.headers.get("content-encoding");
      return [answer.status, (kept ? unpacked[kept](body) : body).toString().replace(/<script.*<\/script>/, "+"), answer.headers.get("etag")];
    };
    const [tagged, kept] = [[200, PAGE.replace("</p>", "</p>+"), null], [200, PAGE, '"encoded"']];
    for (const encoding of ["gzip", "br"]) assert.deepEqual(await of(`encoding=${encoding}`, encoding), tagged, encoding);
    assert.deepEqual(await of("encoding=deflate", "deflate"), kept);
    const kind = (charset) => `kind=${encodeURIComponent(`text/html; charset=${charset}`)}`;
    for (const charset of ["utf-8", '"UTF8"', "iso-8859-1", "shift_jis"]) assert.deepEqual(await of(kind(charset)), tagged, charset);
    for (const charset of ["utf-16le", "iso-2022-jp", "'utf-8'", "none", "utf-7"]) assert.deepEqual(await of(kind(charset)), kept, charset);
  }
});
