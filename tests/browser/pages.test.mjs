// Checks every page, as each role sees it: axe, light and dark, on a desktop and a phone; no horizontal scrolling at
// 360 pixels, no layout shifts, nothing in the console, one style sheet, and less than 60 KB of HTML.
// This file covers public pages and partners' pages; operator.test.mjs covers the others.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { COLOURS, accessibility, illegible, layoutShift, sideways, weight } from "./support/checks.mjs";
import { NARROW, WIDE, crawled, faults, inBrowser, servedPages } from "./support/looking.mjs";
import { partnersOthers } from "./support/pages.mjs";
import { signIn } from "./support/people.mjs";

let server;
before(async () => {
  server = await servedPages();
});
after(() => server?.close());

const BROKEN = `<!doctype html><title>x</title><style>p{color:#bbb;background:#fff}</style><main><img src="x.png"><p>Too pale.</p><p style="font-size:5px">Too small.</p>
  <div style="width:1400px">Too wide.</div><div id="late"></div><p>Moved.</p></main><script>
  // Only elements that were already shown can shift.
  const afterFrame = (deed) => requestAnimationFrame(() => requestAnimationFrame(deed));
  // An immediate shift would be attributed to the resized window.
  afterFrame(() => setTimeout(() => {
    document.getElementById("late").style.height = "300px";
    console.error("broken");
    afterFrame(() => { window.isBroken = true; });
  }, 1000));</script>`;

test("the checks detect what they are for", () =>
  inBrowser(server, async (browser) => {
    await browser.resize(NARROW);
    await browser.driver.get(`data:text/html,${encodeURIComponent(BROKEN)}`);
    await browser.until("return window.isBroken");
    assert.match((await accessibility(browser, COLOURS)).join("\n"), /serious color-contrast/);
    const found = (await accessibility(browser)).join("\n");
    assert.match(found, /critical image-alt/);
    assert.match(found, /serious color-contrast/);
    assert.ok((await sideways(browser)).length > 0);
    assert.match((await illegible(browser)).join("\n"), /5\.0 px: .*Too small/);
    assert.ok((await layoutShift(browser)) > 0);
    assert.ok((await weight(browser)).bytes > 100);
    assert.match((await browser.complaints()).join("\n"), /broken/);
  }));

test("public pages", () =>
  inBrowser(server, async (browser) => {
    const wrong = [];
    for (const address of ["/", "/shop", "/dev/mail", "/sign-in", "/sign-in/sent", "/sign-in/token", "/sign-in?to=/operator", "/partner/join", "/partner/join/sent", "/sign-out"]) {
      wrong.push(...(await faults(browser, address)));
    }
    assert.equal(wrong.join("\n"), "");
  }));

test("a partner's pages", () =>
  inBrowser(server, async (browser) => {
    await signIn(browser, "hello@north.example", "/partner");
    await crawled(browser, "/partner", partnersOthers(server));
  }));

test("nothing shifts when the script loads late", () =>
  inBrowser(server, async (browser) => {
    await signIn(browser, "hello@north.example", "/partner");
    await browser.send("Network.enable");
    await browser.send("Network.setBlockedURLs", { urls: ["*/script.js"] });
    const places = () => browser.run("return [...document.querySelectorAll('main *')].map((one) => { const { x, y, width, height } = one.getBoundingClientRect(); return [one.outerHTML.slice(0, 60).replace(' hidden', ''), x, y, width, height].join(' '); })");
    for (const size of [WIDE, NARROW]) {
      await browser.resize(size);
      for (const address of ["/partner", "/partner/share"]) {
        await browser.go(address);
        const before = await places();
        const shown = await browser.run("const all = [...document.querySelectorAll('button[data-copy][hidden]')]; for (const button of all) button.hidden = false; return all.length;");
        assert.ok(shown > 0, `${address} has copy buttons that only the script shows`);
        const moved = (await places()).filter((place, number) => place !== before[number]);
        assert.deepEqual(moved, [], address);
      }
    }
  }));
