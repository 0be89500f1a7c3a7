// The real EmDash site behind the Worker: what is passed on, in both directions, and what happens while it is down.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { partner } from "./support/books.mjs";
import { setUpFront } from "./support/friends.mjs";
import { Visitor } from "./support/visitor.mjs";

let all;
let ada;
before(async () => ({ all, ada } = await setUpFront()));
after(() => all?.close());

const visitor = () => new Visitor(all.base);

test("requests arrive whole: method, query, headers, body", async () => {
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    const answer = await visitor().ask("/received?a=1&b=%2F", { method, headers: { "x-own": "yes", "content-type": "text/plain" }, body: "words" });
    const { method: arrived, bytes, headers } = await answer.json();
    assert.deepEqual([arrived, bytes, headers["x-own"]], [method, 5, "yes"]);
  }
});

test("50 MB pass in a stream", async () => {
  const part = Buffer.alloc(1_000_000, "x");
  const body = Readable.from((function* () { for (let n = 0; n < 50; n += 1) yield part; })());
  const answer = await visitor().ask("/received", { method: "POST", body });
  assert.equal((await answer.json()).bytes, 50_000_000);
});

test("an answer arrives as it is made", async () => {
  const reader = (await visitor().ask("/sent?slowly")).body.getReader();
  const first = await reader.read();
  const at = Date.now();
  assert.equal(Buffer.from(first.value).toString(), "one\n");
  const second = await reader.read();
  assert.equal(Buffer.from(second.value).toString(), "two\n");
  assert.ok(Date.now() - at > 200, "both parts came at once");
});

test("several cookies arrive, each for itself", async () => {
  const { headers } = await visitor().ask("/sent?cookies");
  assert.deepEqual(headers.getSetCookie().map((line) => line.split(";")[0]), ["one=1", "two=2", "three=3"]);
});

test("a range is a range", async () => {
  const answer = await visitor().ask("/letters.txt", { headers: { range: "bytes=3-6" } });
  assert.equal(answer.status, 206);
  assert.match(answer.headers.get("content-range"), /^bytes 3-6\/27$/);
  assert.equal(await answer.text(), "defg");
});

test("a compressed body arrives as it was compressed", async () => {
  const answer = await visitor().ask("/sent?compressed", { headers: { "accept-encoding": "gzip" } });
  assert.equal(answer.headers.get("content-encoding"), "gzip");
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), gzipSync("compressed ".repeat(1000), { level: 1 }));
});

test("passing: a path of the site's own below /api is the site's, with its body", async () => {
  const headers = { "content-type": "application/json" };
  const answer = await visitor().ask("/api/demo", { method: "POST", headers, body: JSON.stringify({ email: "own@example.org" }) });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  assert.equal(JSON.parse(text).told, 200);
});

test("passing: a short link leads to the same host", async () => {
  const north = await partner(all.worker, "north");
  const to = new URL(await visitor().follow(north.path), all.base);
  assert.equal(to.origin, all.base);
});

test("while the site is down our own pages answer, and after that everything does", async () => {
  const session = ada.cookies.get("astro-session");
  await all.site.stop();
  assert.equal((await visitor().ask("/sign-in")).status, 200);
  assert.notEqual((await visitor().ask("/healthz")).status, 404);
  assert.equal((await visitor().ask("/v1/attribution")).status, 200);
  await all.site.start();
  assert.equal((await visitor().ask("/")).status, 200);
  assert.equal((await ada.me()).data.email, "ada@example.com");
  assert.equal(ada.cookies.get("astro-session"), session);
});

test("passing: while the site is down there is a page of ours that says so", async () => {
  await all.site.stop();
  try {
    const answer = await visitor().ask("/", { headers: { accept: "text/html" } });
    assert.ok([502, 504].includes(answer.status), `status ${answer.status}`);
    assert.match(answer.headers.get("content-type"), /^text\/html/);
    assert.match(answer.headers.get("cache-control") ?? "", /no-store/);
    const sent = await visitor().ask("/received", { method: "POST", body: "words" });
    assert.ok([502, 504].includes(sent.status), `status ${sent.status}`);
  } finally {
    await all.site.start();
  }
});
