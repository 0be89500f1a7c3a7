// The script of the site where the Worker puts it into the site's pages, and where visitors consent first.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { partner } from "./support/books.mjs";
import { front } from "./support/front.mjs";
import { soon, withPeople } from "./support/people.mjs";
import { Visitor } from "./support/visitor.mjs";

const TAG = /<script defer src="\/manicule\/site\.[0-9a-f]{12}\.js" integrity="sha256-[^"]+"><\/script>/g;

let all;
before(async () => {
  all = await front({ vars: ["INJECT_SCRIPT=yes", "CONSENT_COOKIE=consent=all"] });
  await new Visitor(all.base).setUp("ada@example.com");
});
after(() => all?.close());

test("script: it is put into the site's pages, once, and into nothing else", async () => {
  const lea = new Visitor(all.base);
  const tags = async (path, options) => {
    const answer = await lea.ask(path, options);
    return { count: (await answer.text()).match(TAG)?.length ?? 0, answer };
  };
  const { count, answer } = await tags("/demo");
  assert.equal(count, 1);
  assert.deepEqual(["etag", "last-modified", "content-length"].map((name) => answer.headers.get(name)), [null, null, null]);
  for (const path of ["/scripted", "/_emdash/admin/login", "/_emdash/api/auth/me", "/letters.txt", "/nowhere", "/sign-in"]) {
    assert.equal((await tags(path)).count, 0, path);
  }
  assert.equal((await lea.ask("/demo", { method: "HEAD" })).status, 200);
  assert.equal((await tags("/letters.txt", { headers: { range: "bytes=0-9" } })).answer.status, 206);
  const [named] = (await (await lea.ask("/demo")).text()).match(/\/manicule\/site\.[0-9a-f]{12}\.js/);
  for (const [path, cached] of [[named, "public, max-age=31536000, immutable"], ["/manicule/site.js", "public, max-age=300"]]) {
    const script = await lea.ask(path);
    assert.deepEqual([script.status, script.headers.get("cache-control")], [200, cached]);
  }
});

test("script: fields are filled after consent, from the code in the address", () =>
  withPeople(all.base, 1, async (lea) => {
    const by = await partner(all.worker, "consent");
    await lea.go(`/newsletter?ref=${by.code}`);
    await soon(lea, "return window.manicule");
    assert.match(await lea.run("return location.search"), /ref=/);
    // On the next page, where the form is.
    await lea.leave(() => lea.run("location.href = '/demo'"));
    await soon(lea, "return window.manicule");
    assert.equal(await lea.run("return document.querySelector('[name=ref]').value"), "");
    await lea.run("document.cookie = 'consent=all; path=/'; dispatchEvent(new Event('manicule:consent'))");
    await soon(lea, "return document.querySelector('[name=ref]').value.startsWith('v1.')");
    // The site has no icon.
    assert.deepEqual((await lea.complaints()).filter((text) => !text.includes("/favicon.ico")), []);
  }));
