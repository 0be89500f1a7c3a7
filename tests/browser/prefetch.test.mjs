// What Chromium does with a ref link that a page tells it to prefetch or to prerender: it asks again at the click, and the
// visitor gets the cookie then.
import assert from "node:assert/strict";
import { createServer, request as forward } from "node:http";
import { after, before, test } from "node:test";
import { Browser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server;
let proxy;
before(async () => {
  server = await serve();
  proxy = await recording(server.base);
});
after(async () => {
  await proxy?.close();
  await server?.close();
});

/** Passes requests on, and notes what was asked for, why, and the answer. */
async function recording(base) {
  const { hostname, port } = new URL(base);
  const seen = [];
  const between = createServer((asked, answer) => {
    const onward = forward({ hostname, port, path: asked.url, method: asked.method, headers: asked.headers }, (reply) => {
      const purpose = asked.headers["sec-purpose"] ?? "";
      seen.push({ path: asked.url, purpose, status: reply.statusCode, cookie: reply.headers["set-cookie"] !== undefined });
      answer.writeHead(reply.statusCode, reply.headers);
      reply.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  });
  await new Promise((listening) => between.listen(0, "127.0.0.1", listening));
  return {
    base: `http://127.0.0.1:${between.address().port}`,
    seen,
    close: () => new Promise((closed) => {
      between.closeAllConnections();
      between.close(closed);
    }),
  };
}

const RULES = `
  const [kind, url] = arguments;
  const rules = document.createElement("script");
  rules.type = "speculationrules";
  rules.textContent = JSON.stringify({ [kind]: [{ urls: [url], eagerness: "immediate" }] });
  const link = document.createElement("a");
  Object.assign(link, { href: url, id: "to-click", textContent: "to click" });
  document.body.append(link, rules);
  return HTMLScriptElement.supports("speculationrules");`;

for (const [kind, purpose] of [["prefetch", "prefetch"], ["prerender", "prefetch;prerender"]]) {
  test(`a ${kind} is no visit, and the click after it is one`, async () => {
    const browser = await Browser.open(proxy.base);
    try {
      await browser.go("/");
      const path = `/r/${Object.values(server.links)[0]}`;
      proxy.seen.length = 0;
      assert.equal(await browser.run(RULES, kind, path), true);
      const of = (wanted) => proxy.seen.filter((asked) => asked.path === path && asked.purpose === wanted);
      await browser.driver.wait(() => of(purpose).length > 0, 30_000, `no ${kind}: ${JSON.stringify(proxy.seen)}`);
      assert.deepEqual(of(purpose).map(({ status, cookie }) => [status, cookie]), [[503, false]]);
      await browser.leave(() => browser.run("document.querySelector('#to-click').click()"));
      await browser.until("return document.readyState === 'complete'");
      assert.deepEqual(of("").map(({ status, cookie }) => [status, cookie]), [[302, true]], JSON.stringify(proxy.seen));
      const token = await browser.driver.executeAsyncScript("fetch('/v1/attribution').then((r) => r.json()).then((b) => arguments[0](b.token))");
      assert.match(token ?? "", /^v1\./);
    } finally {
      await browser.close();
    }
  });
}
