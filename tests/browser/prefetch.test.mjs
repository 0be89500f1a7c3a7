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
    if (asked.url.startsWith("/speculate?")) return answer.writeHead(200, { "content-type": "text/html" }).end(speculating(asked.url));
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

/** A page of another author on the same host, which has the link prepared at once. */
function speculating(url) {
  const { searchParams } = new URL(url, "http://page");
  const link = searchParams.get("link");
  const rules = { [searchParams.get("kind")]: [{ source: "list", urls: [link], eagerness: "immediate" }] };
  return `<!doctype html><title>a page</title><a id="to-click" href="${link}">to click</a>
    <script type="speculationrules">${JSON.stringify(rules)}</script>`;
}

for (const [kind, purpose] of [["prefetch", "prefetch"], ["prerender", "prefetch;prerender"]]) {
  test(`a ${kind} is no visit, and the click after it is one`, async () => {
    const browser = await Browser.open(proxy.base);
    try {
      const path = `/r/${Object.values(server.links)[0]}`;
      proxy.seen.length = 0;
      await browser.go(`/speculate?kind=${kind}&link=${path}`);
      const of = (wanted) => proxy.seen.filter((asked) => asked.path === path && asked.purpose === wanted);
      await browser.driver.wait(() => of(purpose).length > 0, 30_000, `no ${kind}: ${JSON.stringify(proxy.seen)}`);
      assert.deepEqual(of(purpose).map(({ status, cookie }) => [status, cookie]), [[503, false]]);
      await browser.leave(() => browser.run("document.querySelector('#to-click').click()"));
      await browser.until("return document.readyState === 'complete'");
      assert.deepEqual(of("").map(({ status, cookie }) => [status, cookie]), [[302, true]], JSON.stringify(proxy.seen));
      await browser.go("/v1/attribution");
      assert.match(JSON.parse(await browser.text()).token ?? "", /^v1\./);
    } finally {
      await browser.close();
    }
  });
}
